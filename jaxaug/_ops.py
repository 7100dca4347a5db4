"""Ops: drawn and deterministic, small pytrees of numbers that compose.

An op is applied to an example, joined with the next (``then``), switched off by data (``gate``), and
undone (``inverse``). There are four families:

========== ============================================ ========================== ==================
family     numbers                                      ``then``                   on the image
========== ============================================ ========================== ==================
Warp       a 3x3 matrix, output to input                matrix product             one resampling
Color      ``A``, ``B``, ``b``: ``x -> A x + B mean + b``  closed form                one pass
Apply      a kernel and its arguments                   barrier                    ``where(on, k(x), x)``
Sequence   ops                                          flattened, neighbours fuse in turn
========== ============================================ ========================== ==================

Targets are written once, here: a Warp moves masks, boxes and points with the image, the others leave
them alone. ``then`` never changes the order of what is done to a pixel.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxaug._pytree import Pytree, static
from jaxaug._types import (
    HW,
    HWC,
    N2,
    N4,
    Flag,
    JaxaugError,
    Matrix,
    Shape,
    Size,
    check_example,
)
from jaxaug.functional import color, geometry, resample
from jaxaug.functional.stable import choose, materialize

MILD_SHRINK = 1.5
"""Antialiasing needs a separable map. A Warp to be antialiased therefore fuses with any separable one,
and with a rotation or a shear only if it shrinks by no more than this: the two taps of plain
interpolation then alias little. Beyond it, the two stay two resamplings."""


class Resampling(NamedTuple):
    """How a Warp reads pixels; ``None`` leaves it to the container around."""

    border: str | None = None
    fill: float | tuple[float, ...] | None = None
    interpolation: str | None = None
    mask_fill: float | int | None = None

    def otherwise(self, outer: "Resampling") -> "Resampling":
        """These choices, and the outer ones where nothing was chosen."""
        border, fill = (self.border, self.fill) if self.border else (outer.border, outer.fill)
        chosen = [b if a is None else a for a, b in zip(self[2:], outer[2:], strict=True)]
        return Resampling(border, fill, *chosen)


UNDECIDED = Resampling()
DEFAULT = Resampling("constant", 0.0, "linear", 0)


class Op(Pytree, ABC):
    """A drawn, deterministic map of examples. Families say what it does to each target."""

    def __call__(self, example: Any) -> Any:
        """Apply to an image ``(h, w, c)`` or to an example, a dict with the key ``image``.

        Returns:
            The same structure, images as float32 in 0..1; keys that no op knows are the same objects.

        Raises:
            JaxaugError: the example breaks the value contract.
        """
        targets, shape = check_example(type(self).__name__, example)
        moves = {
            "image": self.image,
            "mask": lambda mask: self.mask(mask, shape),
            "boxes": lambda boxes: self.boxes(boxes, shape),
            "keypoints": lambda points: self.keypoints(points, shape),
        }
        moved = {name: jax.tree.map(moves[name], value) for name, value in targets.items()}
        return {**example, **moved} if isinstance(example, dict) else moved["image"]

    @abstractmethod
    def image(self, image: HWC) -> HWC:
        """The image ``(h, w, c)`` as float32."""

    def mask(self, mask: HW, shape: Shape) -> HW:
        """The mask ``(h, w)`` of an image of this shape, its type kept."""
        del shape
        return mask

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        """The boxes ``(n, 4)``, cut to the image if ``clip``."""
        del shape, clip
        return boxes

    def keypoints(self, points: N2, shape: Shape) -> N2:
        """The keypoints ``(n, 2)``, also those that leave the image."""
        del shape
        return points

    def output_shape(self, shape: Shape) -> Shape:
        """Shape ``(h, w, c)`` of what comes out of an image of this shape."""
        return shape

    def then(self, other: "Op") -> "Op":
        """One op that does this and then ``other``: of one family if they fuse, else a Sequence."""
        return fuse((self, other))

    def fused(self, other: "Op") -> "Op | None":
        """This and then ``other`` as one op, or None if their families do not allow it."""
        del other
        return None

    @property
    def rereads(self) -> bool:
        """Whether it reads an entry of the image more than once."""
        return True

    @property
    def family(self) -> Hashable:
        """What two ops must share for one to stand in for the other by data."""
        return type(self)

    @abstractmethod
    def select(self, on: Flag, other: "Op | None") -> "Op":
        """This where ``on``, else ``other`` of the same family, else (``None``) the identity."""

    def gate(self, on: Flag) -> "Op":
        """This op where ``on`` is true, else the identity, chosen by data and not by control flow."""
        return self.select(on, None)

    def inverse(self) -> "Op":
        """The op that undoes this one.

        Raises:
            JaxaugError: only a Warp can be undone.
        """
        who = type(self).__name__
        remedy = "Keep the original image, or sample the geometry as a transform of its own."
        raise JaxaugError(f"{who}.inverse", "an op made of Warps only", who, remedy)

    def resampled(self, outer: Resampling) -> "Op":
        """The op with what its Warps leave open decided by a container."""
        del outer
        return self


class Warp(Op):
    """Geometry: a map of the plane, applied as one resampling.

    Attributes:
        matrix: 3x3, *output to input*, in pixels, origin at the image centres: nested scalars as the
            builders of ``jaxaug.functional`` give them, or a ``(3, 3)`` array.
        size: ``(h, w)`` of the output; None keeps the input's.
        source: ``(h, w)`` of the input, if ``size`` is given and the op shall be inverted or gated.
        kind: ``separable``, ``affine`` or ``projective``: read from the matrix' known entries.
        shrink: if given, the map resizes a window of the image: as long as it is separable it is
            antialiased up to this much shrinking along y and x, and no fill is mixed in at the edges.
        swap: the keypoints' partners under a mirror image, as an index table: left eye, right eye.
        resampling: border, fill and interpolation; open ones are decided by the container.
    """

    matrix: Matrix = geometry.IDENTITY
    size: Size | None = static(default=None)
    source: Size | None = static(default=None)
    kind: geometry.Kind | None = static(default=None)
    shrink: tuple[float, float] | None = static(default=None)
    swap: tuple[int, ...] | None = static(default=None)
    resampling: Resampling = static(default=UNDECIDED)

    def __post_init__(self) -> None:
        matrix = geometry.as_matrix(self.matrix)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "kind", self.kind or geometry.kind_of(matrix))

    def image(self, image: HWC) -> HWC:
        how = self.resampling.otherwise(DEFAULT)
        size = self.size or image.shape[:2]
        options: Any = {"size": size, "interpolation": how.interpolation, "border": how.border}
        if self.shrink and self.kind == "separable" and how.interpolation != "nearest":
            return resample.resize(
                image, self.matrix, shrink=self.shrink, fill=how.fill, **options
            )
        return resample.warp(image, self.matrix, kind=self._kind, fill=how.fill, **options)

    def mask(self, mask: HW, shape: Shape) -> HW:
        how = self.resampling.otherwise(DEFAULT)
        options: Any = {"border": how.border, "fill": how.mask_fill, "kind": self._kind}
        return resample.warp_mask(mask, self.matrix, size=self.size or shape[:2], **options)

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        sizes = shape[:2], self.size or shape[:2]
        moved = geometry.move_boxes(geometry.inverse(self.matrix), boxes, sizes)
        return geometry.clip_boxes(moved, sizes[1]) if clip else moved

    def keypoints(self, points: N2, shape: Shape) -> N2:
        sizes = shape[:2], self.size or shape[:2]
        moved = geometry.move_points(geometry.inverse(self.matrix), points, sizes)
        if self.swap is None:
            return moved
        if sorted(self.swap) != list(range(points.shape[0])):
            want = f"a table `swap` that permutes the {points.shape[0]} keypoints"
            raise JaxaugError("Warp", want, str(self.swap))
        (a, b, _), (c, d, _), _ = self.matrix
        return jnp.where(a * d - b * c < 0, moved[jnp.asarray(self.swap)], moved)

    def output_shape(self, shape: Shape) -> Shape:
        return (*(self.size or shape[:2]), shape[2])

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Warp):
            return None
        decided = {self.resampling, other.resampling} - {UNDECIDED}
        separable = self.kind == other.kind == "separable"
        resizing = [warp.shrink for warp in (self, other) if warp.kind == "separable" and warp.shrink]
        mild = all(max(shrink) <= MILD_SHRINK for shrink in resizing)
        if len(decided) > 1 or not (separable or mild):
            return None
        if self.swap and other.swap and self.swap != other.swap:
            raise JaxaugError("Warp", "one table `swap` in a chain", f"{self.swap}, {other.swap}")
        return Warp(
            matrix=geometry.product(self.matrix, other.matrix),
            size=other.size or self.size,
            source=self.source if self.size else other.source,
            kind=max(self._kind, other._kind, key=geometry.KINDS.index),
            shrink=_join(operator.mul, self.shrink, other.shrink),
            swap=self.swap or other.swap,
            resampling=decided.pop() if decided else UNDECIDED,
        )

    @property
    def family(self) -> Hashable:
        return (Warp, self.size, self.resampling)

    def select(self, on: Flag, other: Op | None) -> "Warp":
        if other is None and self.size and self.size != self.source:
            remedy = "Let every alternative have one output size, or resize after it."
            raise JaxaugError("gate", "an op that keeps the size", f"output {self.size}", remedy)
        rest = other if isinstance(other, Warp) else Warp()
        return self.replace(
            matrix=geometry.select(on, self.matrix, rest.matrix),
            kind=max(self._kind, rest._kind, key=geometry.KINDS.index),
            shrink=_join(max, self.shrink, rest.shrink),
            swap=self.swap or rest.swap,
        )

    def inverse(self) -> "Warp":
        """The Warp back, in closed form; the output then has the size of the original input."""
        if self.size and not self.source:
            remedy = "Make the Warp with source=(h, w), the size of its input."
            raise JaxaugError("Warp.inverse", "the size to go back to", "none", remedy)
        matrix = geometry.inverse(self.matrix)
        return self.replace(matrix=matrix, size=self.source, source=self.size, shrink=None)

    def resampled(self, outer: Resampling) -> "Warp":
        return self.replace(resampling=self.resampling.otherwise(outer))

    @property
    def _kind(self) -> geometry.Kind:
        return self.kind or "projective"


def _join(
    how: Callable[[float, float], float],
    first: tuple[float, float] | None,
    second: tuple[float, float] | None,
) -> tuple[float, float] | None:
    if first is None or second is None:
        return first or second
    return how(first[0], second[0]), how(first[1], second[1])


class Color(Op):
    """Colour: ``x -> A x + B mean(x) + b`` on every pixel, where the mean is the image's own.

    Contrast about the mean is not affine in ``x``, but it is linear in ``(x, mean, 1)``, and that space
    is closed under composition: a ColorJitter in any order is one Color.

    Attributes:
        matrix: ``A``: a number, one a channel ``(c,)``, or ``(c, c)`` if it mixes channels.
        mean: ``B``, of the same forms; None if the mean is not used, which then is not computed.
        offset: ``b``: a number or one a channel ``(c,)``, in 0..1.
    """

    matrix: color.Mixing = 1.0
    mean: color.Mixing | None = None
    offset: color.Mixing = 0.0

    def image(self, image: HWC) -> HWC:
        pixels = color.to_float(image)
        offset = self.offset
        if self.mean is not None:
            offset = color.apply(self.mean, color.mean(pixels)) + offset
        return color.apply(self.matrix, pixels) + offset

    @property
    def rereads(self) -> bool:
        return self.mean is not None or jnp.ndim(self.matrix) == 2

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Color):
            return None
        matrix = color.product(other.matrix, self.matrix)
        offset = color.apply(other.matrix, jnp.asarray(self.offset)) + other.offset
        mean = None if self.mean is None else color.product(other.matrix, self.mean)
        if other.mean is not None:
            seen = self.matrix if self.mean is None else color.add(self.matrix, self.mean)
            own = color.product(other.mean, seen)
            mean = own if mean is None else color.add(mean, own)
            offset = color.apply(other.mean, jnp.asarray(self.offset)) + offset
        return Color(matrix, mean, offset)

    def select(self, on: Flag, other: Op | None) -> "Color":
        other = other if isinstance(other, Color) else Color()
        mean = None
        if self.mean is not None or other.mean is not None:
            means = (0.0 if op.mean is None else op.mean for op in (self, other))
            mean = _choose(on, *means)
        return Color(
            _choose(on, self.matrix, other.matrix),
            mean,
            choose(on, self.offset, other.offset),
        )


def _choose(on: Flag, first: color.Mixing, second: color.Mixing) -> color.Mixing:
    ranks = {jnp.ndim(first), jnp.ndim(second)}
    if len(ranks) == 2 and 2 in ranks:
        channels = max(jnp.shape(first)[-1:] + jnp.shape(second)[-1:])
        first, second = color.full(first, channels), color.full(second, channels)
    return choose(on, first, second)


class Apply(Op):
    """Anything else on the image: a kernel, as a barrier between what can fuse.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxaug import Apply
        >>> print(Apply(jnp.power, 2.0)(jnp.full((1, 1, 3), 0.5))[0, 0])
        [0.25 0.25 0.25]

    Attributes:
        kernel: a module-level function ``kernel(image, *arguments, **options)`` that takes float32 and
            keeps the shape; its name is what ``repr`` and ``pickle`` know of it.
        arguments: arrays, drawn or given.
        options: static keywords.
        pointwise: the kernel makes each number of its own old value only.
        on: whether it is applied at all; None is always.
    """

    kernel: Callable[..., Any] = static()
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = static(default=())
    pointwise: bool = static(default=False)
    on: Flag | None = None

    def __init__(
        self,
        kernel: Callable[..., Any],
        *arguments: Any,
        pointwise: bool = False,
        **options: Any,
    ) -> None:
        fields = {"kernel": kernel, "arguments": arguments, "pointwise": pointwise, "on": None}
        for name, value in {**fields, "options": tuple(sorted(options.items()))}.items():
            object.__setattr__(self, name, value)

    def parts(self) -> list[tuple[str, Any]]:
        positional = [("", self.kernel), *(("", value) for value in self.arguments)]
        gate = [] if self.on is None else [("on", self.on)]
        return [*positional, *self.options, *gate]

    def image(self, image: HWC) -> HWC:
        pixels = color.to_float(image)
        out = self.kernel(pixels, *self.arguments, **dict(self.options))
        if self.on is None:
            return out
        if out.shape != pixels.shape or out.dtype != pixels.dtype:
            name = getattr(self.kernel, "__name__", "the kernel")
            want = f"{name} to keep float32{pixels.shape}, as it may be switched off"
            raise JaxaugError("Apply", want, f"{out.dtype}{out.shape}")
        return jnp.where(self.on, out, pixels)

    @property
    def rereads(self) -> bool:
        return not self.pointwise

    @property
    def family(self) -> Hashable:
        return (Apply, self.kernel, self.options, jax.tree.structure(self.arguments))

    def select(self, on: Flag, other: Op | None) -> "Apply":
        if not isinstance(other, Apply):
            return self.replace(on=on if self.on is None else jnp.logical_and(on, self.on))
        arguments = jax.tree.map(lambda a, b: jnp.where(on, a, b), self.arguments, other.arguments)
        flags = [True if op.on is None else op.on for op in (self, other)]
        always = self.on is None and other.on is None
        return self.replace(arguments=arguments, on=None if always else jnp.where(on, *flags))


class Sequence(Op):
    """Ops one after the other, where they could not be fused; no ops at all are the identity."""

    ops: tuple[Op, ...] = ()

    def parts(self) -> list[tuple[str, Any]]:
        return [("", op) for op in self.ops]

    def image(self, image: HWC) -> HWC:
        for place, op in enumerate(self.ops):
            # What an op reads more than once is computed once: a gather would run for every reading,
            # and values computed twice may differ in the last bit.
            image = op.image(materialize(image) if place and op.rereads else image)
        return image if self.ops else color.to_float(image)

    def mask(self, mask: HW, shape: Shape) -> HW:
        for op, before in self._with_shapes(shape):
            mask = op.mask(mask, before)
        return mask

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        for op, before in self._with_shapes(shape):
            boxes = op.boxes(boxes, before, clip=clip)
        return boxes

    def keypoints(self, points: N2, shape: Shape) -> N2:
        for op, before in self._with_shapes(shape):
            points = op.keypoints(points, before)
        return points

    def output_shape(self, shape: Shape) -> Shape:
        for op in self.ops:
            shape = op.output_shape(shape)
        return shape

    def _with_shapes(self, shape: Shape) -> Iterable[tuple[Op, Shape]]:
        for op in self.ops:
            yield op, shape
            shape = op.output_shape(shape)

    def select(self, on: Flag, other: Op | None) -> "Sequence":
        if other is not None:
            raise JaxaugError("Sequence.select", "the identity", type(other).__name__)
        return Sequence(tuple(op.gate(on) for op in self.ops))

    def inverse(self) -> "Op":
        """The inverses in reverse order; every op must have one."""
        return fuse(op.inverse() for op in reversed(self.ops))

    def resampled(self, outer: Resampling) -> "Sequence":
        return Sequence(tuple(op.resampled(outer) for op in self.ops))


def flatten(op: Op) -> tuple[Op, ...]:
    """The ops of a Sequence, or the op alone."""
    return op.ops if isinstance(op, Sequence) else (op,)


def fuse(ops: Iterable[Op]) -> Op:
    """One op that does all of them in order: neighbours of one family become one."""
    fused: list[Op] = []
    for op in (part for whole in ops for part in flatten(whole)):
        joined = fused[-1].fused(op) if fused else None
        if joined is None:
            fused.append(op)
        else:
            fused[-1] = joined
    return fused[0] if len(fused) == 1 else Sequence(tuple(fused))


def visible_fraction(op: Op, boxes: N4, shape: Shape) -> jax.Array:
    """How much of each box's area is still inside the image after an op.

    Args:
        op: a drawn op.
        boxes: ``(n, 4)``, ``x0 y0 x1 y1`` in pixels of the original image.
        shape: ``(h, w, c)`` of the original image.

    Returns:
        ``(n,)`` in 0..1; 0 for padding.
    """
    hull = op.boxes(boxes, shape, clip=False)
    left = geometry.clip_boxes(hull, op.output_shape(shape)[:2])
    area = geometry.box_area(hull)
    return jnp.where(area > 0, geometry.box_area(left) / jnp.where(area > 0, area, 1.0), 0.0)
