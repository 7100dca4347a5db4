"""What changes pixels and leaves them in place: Color, which fuses, and Apply, which does not."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._types import HWC, CanvasShape, Flag, JaxaugError, Shape, check_no_canvas, extent
from jaxaug.functional import color
from jaxaug.functional.resample import cleared
from jaxaug.functional.stable import choose


class Color(Op):
    """Colour: ``x -> A x + B mean(x) + b`` on every pixel, where the mean is the image's own.

    Contrast about the mean is not affine in ``x``, but it is linear in ``(x, mean, 1)``, and that
    space is closed under composition: a ColorJitter in any order is one Color.

    Attributes:
        matrix: ``A``: a number, one a channel ``(c,)``, or ``(c, c)`` if it mixes channels.
        mean: ``B``, of the same forms; None if the mean is not used, which then is not computed.
        offset: ``b``: a number or one a channel ``(c,)``, in 0..1.
    """

    matrix: color.Mixing = 1.0
    mean: color.Mixing | None = None
    offset: color.Mixing = 0.0

    def image(self, image: HWC, shape: Shape) -> HWC:
        pixels = color.to_float(image)
        offset = self.offset
        if self.mean is not None:
            offset = color.apply(self.mean, _mean(pixels, shape)) + offset
        return cleared(color.apply(self.matrix, pixels) + offset, extent(shape))

    @property
    def rereads(self) -> bool:
        return self.mean is not None or jnp.ndim(self.matrix) == 2

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Color):
            return None
        matrix = color.product(other.matrix, self.matrix)
        offset = color.moved(other.matrix, self.offset) + other.offset
        mean = None if self.mean is None else color.product(other.matrix, self.mean)
        if other.mean is not None:
            seen = self.matrix if self.mean is None else color.add(self.matrix, self.mean)
            own = color.product(other.mean, seen)
            mean = own if mean is None else color.add(mean, own)
            offset = color.moved(other.mean, self.offset) + offset
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


def _mean(pixels: HWC, shape: Shape) -> jax.Array:
    """Mean pixel ``(c,)`` of the picture: on a canvas that of the whole, by their areas."""
    if not isinstance(shape, CanvasShape):
        return color.mean(pixels)
    height, width = extent(shape)
    return color.mean(cleared(pixels, (height, width))) * (shape[0] * shape[1] / (height * width))


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
        kernel: a module-level function ``kernel(image, *arguments, **options)`` that takes float32
            and keeps the shape; its name is what ``repr`` and ``pickle`` know of it.
        arguments: arrays, drawn or given.
        options: static keywords.
        pointwise: the kernel makes each number of its own old value only.
        canvas: what lies beside a picture on a larger canvas does not matter to the kernel, as when
            it makes each pixel of its own old value only; others need an image without ``size``.
        extent: the kernel takes the keyword ``extent``, ``(h, w)`` of the picture, and keeps to it.
        raw: the kernel takes images as they come, uint8 in 0..255 or float32 in 0..1.
        on: whether it is applied at all; None is always.
    """

    kernel: Callable[..., Any] = static()
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = static(default=())
    pointwise: bool = static(default=False)
    canvas: bool = static(default=False)
    extent: bool = static(default=False)
    raw: bool = static(default=False)
    on: Flag | None = None

    def __init__(
        self,
        kernel: Callable[..., Any],
        *arguments: Any,
        pointwise: bool = False,
        canvas: bool = False,
        extent: bool = False,
        raw: bool = False,
        **options: Any,
    ) -> None:
        fields = {
            "kernel": kernel,
            "arguments": arguments,
            "on": None,
            "extent": extent,
            "raw": raw,
        }
        fields |= {"pointwise": pointwise, "canvas": canvas or pointwise or extent}
        for name, value in {**fields, "options": tuple(sorted(options.items()))}.items():
            object.__setattr__(self, name, value)

    def parts(self) -> list[tuple[str, Any]]:
        positional = [("", self.kernel), *(("", value) for value in self.arguments)]
        gate = [] if self.on is None else [("on", self.on)]
        return [*positional, *self.options, *gate]

    def image(self, image: HWC, shape: Shape) -> HWC:
        name = getattr(self.kernel, "__name__", "the kernel")
        if not self.canvas:
            check_no_canvas("Apply", shape, f"as {name} may look at more than one pixel")
        pixels = color.to_float(image)
        options = dict(self.options) | ({"extent": extent(shape)} if self.extent else {})
        taken = image if self.raw and image.dtype == jnp.uint8 else pixels
        out = self.kernel(taken, *self.arguments, **options)
        if self.on is None:
            return cleared(out, extent(shape))
        if out.shape != pixels.shape or out.dtype != pixels.dtype:
            want = f"{name} to keep float32{pixels.shape}, as it may be switched off"
            raise JaxaugError("Apply", want, f"{out.dtype}{out.shape}")
        return cleared(jnp.where(self.on, out, pixels), extent(shape))

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
