"""Ops: drawn and deterministic, small pytrees of numbers that compose.

An op is applied to an example, joined with the next (``then``), switched off by data (``gate``),
and undone (``inverse``). There are five families for nearly everything:

========== ======================================== ===================== ======================
family     numbers                                  ``then``              on the image
========== ======================================== ===================== ======================
Warp       a 3x3 matrix, output to input; bends     product; next bend    one resampling
Color      of ``x -> A x + B mean(x) + b``          closed form           one pass
Tone       arguments of curves                      the next curve        curves, or one look-up
Apply      a kernel's arguments                     barrier               the kernel, if on
Sequence   ops                                      neighbours fuse       in turn
========== ======================================== ===================== ======================

And a few for what these cannot say: Hide covers pixels and knows which, Shuffle moves tiles, Blend
mixes what several ops make of an image, Stack puts it side by side, and Deferred waits for the
example that decides it.

Targets are written once, here: a Warp moves masks, boxes and points with the image, the others
leave them alone. ``then`` never changes the order of what is done to a pixel.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jaxaug._pytree import Pytree
from jaxaug._types import (
    HW,
    HWC,
    N2,
    N4,
    CanvasShape,
    Example,
    Flag,
    JaxaugError,
    Shape,
    check_example,
    extent,
)
from jaxaug.functional import color, geometry
from jaxaug.functional.stable import materialize

Drawn = TypeVar("Drawn")


class Resampling(NamedTuple):
    """How a Warp reads pixels; ``None`` leaves it to the container around."""

    border: str | None = None
    fill: float | tuple[float, ...] | None = None
    interpolation: str | None = None
    mask_fill: float | int | None = None

    def otherwise(self, outer: "Resampling") -> "Resampling":
        """These choices, and the outer ones where nothing was chosen."""
        border, fill = (self.border, self.fill) if self.border else (outer.border, outer.fill)
        interpolation = self.interpolation or outer.interpolation
        mask_fill = outer.mask_fill if self.mask_fill is None else self.mask_fill
        return Resampling(border, fill, interpolation, mask_fill)


UNDECIDED = Resampling()
DEFAULT = Resampling("constant", 0.0, "linear", 0)


class Op(Pytree, ABC):
    """A drawn, deterministic map of examples. Families say what it does to each target."""

    def __call__(self, example: Any) -> Any:
        """Apply to an image ``(h, w, c)`` or to an example, a dict with the key ``image``.

        Returns:
            The same structure, images as float32 in 0..1; keys that no op knows are the same
            objects.

        Raises:
            JaxaugError: the example breaks the value contract.
        """
        targets, shape = check_example(type(self).__name__, example)
        op = materialized(self.bound(targets, shape)) if self.binds else self
        moves = {
            "image": lambda image: op.image(image, shape),
            "mask": lambda mask: op.mask(mask, shape),
            "boxes": lambda boxes: op.boxes(boxes, shape),
            "keypoints": lambda points: op.keypoints(points, shape),
            "size": lambda size: op.size_of(size, shape),
        }
        moved = {name: jax.tree.map(moves[name], value) for name, value in targets.items()}
        return {**example, **moved} if isinstance(example, dict) else moved["image"]

    @abstractmethod
    def image(self, image: HWC, shape: Shape) -> HWC:
        """The image ``(h, w, c)`` of this shape as float32, 0 beside the picture on a canvas."""

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

    def size_of(self, size: Any, shape: Shape) -> Any:
        """The example's ``size`` afterwards: that of the picture on its canvas."""
        after = self.output_shape(shape)
        picture = after.size if isinstance(after, CanvasShape) else after[:2]
        return picture if picture is size else jnp.asarray(picture).astype(size.dtype)

    def output_shape(self, shape: Shape) -> Shape:
        """Shape ``(h, w, c)`` of what comes out of an image of this shape."""
        return shape

    def shown(self, boxes: N4, shape: Shape) -> jax.Array:
        """How much of each box ``(n, 4)`` this leaves uncovered, ``(n,)`` in 0..1."""
        del shape
        return jnp.ones(boxes.shape[0])

    @property
    def binds(self) -> bool:
        """Whether it depends on the example that it is applied to."""
        return False

    def bound(self, targets: Example, shape: Shape) -> "Op":
        """The op, with what depends on the example decided: by its boxes, by its mask."""
        del targets, shape
        return self

    @property
    def results(self) -> "tuple[Op, ...] | None":
        """The ops of several results side by side; None if there is one result."""
        return None

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
        """This op where ``on`` is true, else the identity: by data, not by control flow."""
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


class Sequence(Op):
    """Ops one after the other, where they could not be fused; no ops at all are the identity."""

    ops: tuple[Op, ...] = ()

    def parts(self) -> list[tuple[str, Any]]:
        return [("", op) for op in self.ops]

    def image(self, image: HWC, shape: Shape) -> HWC:
        for place, (op, before) in enumerate(self._with_shapes(shape)):
            # What an op reads more than once is computed once: a gather would run for every
            # reading, and values computed twice may differ in the last bit.
            image = op.image(materialize(image) if place and op.rereads else image, before)
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

    def size_of(self, size: Any, shape: Shape) -> Any:
        for op, before in list(self._with_shapes(shape))[-1:]:
            return op.size_of(size, before)
        return size

    def shown(self, boxes: N4, shape: Shape) -> jax.Array:
        part = super().shown(boxes, shape)
        for op, before in self._with_shapes(shape):
            part = part * op.shown(boxes, before)
            boxes = op.boxes(boxes, before, clip=False)
        return part

    @property
    def binds(self) -> bool:
        return any(op.binds for op in self.ops)

    def bound(self, targets: Example, shape: Shape) -> Op:
        if not self.binds:
            return self
        ops = []
        for op in self.ops:
            fixed = op.bound(targets, shape)
            moves = {"mask": fixed.mask, "boxes": fixed.boxes}
            # Each by itself, so that what nobody looks at is not computed.
            targets = targets | {
                name: materialize(jax.tree.map(lambda x, m=move, at=shape: m(x, at), targets[name]))
                for name, move in moves.items()
                if name in targets
            }
            shape = fixed.output_shape(shape)
            ops.append(fixed)
        return fuse(ops)

    @property
    def results(self) -> tuple[Op, ...] | None:
        ends = self.ops[-1].results if self.ops else None
        return ends and tuple(fuse((*self.ops[:-1], end)) for end in ends)

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
    """How much of each box's area is still to be seen after an op: inside the image, not covered.

    Where a box is both cut and covered, the two parts are multiplied.

    Args:
        op: a drawn op. One that looks at more of an example than its boxes has to be bound to it
            first: ``op.bound(example, shape)``.
        boxes: ``(n, 4)``, ``x0 y0 x1 y1`` in pixels of the original image.
        shape: ``(h, w, c)`` of the original image.

    Returns:
        ``(n,)`` in 0..1; 0 for padding. Of several results, one row for each.
    """
    op = op.bound({"boxes": boxes}, shape)
    if op.results:
        return jnp.stack([visible_fraction(each, boxes, shape) for each in op.results])
    boxes = jnp.asarray(boxes, jnp.float32)
    hull = op.boxes(boxes, shape, clip=False)
    left = geometry.clip_boxes(hull, extent(op.output_shape(shape)))
    area = geometry.box_area(hull)
    inside = jnp.where(area > 0, geometry.box_area(left) / jnp.where(area > 0, area, 1.0), 0.0)
    return inside * op.shown(boxes, shape)


def visible_points(op: Op, points: N2, shape: Shape) -> jax.Array:
    """Which keypoints are still to be seen after an op: inside the image, not covered.

    Args:
        op: a drawn op; as in ``visible_fraction``.
        points: ``(n, 2)``, ``x y`` in pixels of the original image.
        shape: ``(h, w, c)`` of the original image.

    Returns:
        ``(n,)`` booleans; False for NaN. Of several results, one row for each.
    """
    if op.results:
        return jnp.stack([visible_points(each, points, shape) for each in op.results])
    points = jnp.asarray(points, jnp.float32)
    around = jnp.concatenate([points - POINT, points + POINT], axis=-1)
    # Covered ones are not a number on their way, on which a mirror may change their order.
    seen = jnp.where(op.shown(around, shape)[:, None] > 0.5, points, jnp.nan)
    moved = jnp.asarray(op.keypoints(seen, shape))
    height, width = extent(op.output_shape(shape))
    inside = (moved >= 0.0) & (moved < jnp.stack([jnp.float32(width), jnp.float32(height)]))
    return inside.all(axis=-1)


POINT = 1 / 64
"""Half the side of the box, in pixels, that stands for a point where things cover it."""


def materialized(drawn_tree: Drawn) -> Drawn:
    """What was drawn, its numbers written to memory; known numbers stay known, keys stay keys."""
    leaves, structure = jax.tree.flatten(drawn_tree)
    drawn = {
        place: leaf
        for place, leaf in enumerate(leaves)
        if isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    }
    for place, leaf in materialize(drawn).items():
        leaves[place] = leaf
    return jax.tree.unflatten(structure, leaves)
