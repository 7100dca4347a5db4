"""Tone: a chain of curves of each channel, read off a table where that is cheaper."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._types import HWC, CanvasShape, Flag, Shape, extent
from jaxaug.functional import color, tone
from jaxaug.functional.resample import cleared
from jaxaug.functional.stable import choose, materialize


class Tone(Op):
    """Curves, one after the other: of each number in a channel, they make another.

    A curve is a function ``f(values, weights, *arguments)`` as those in ``jaxaug.functional.tone``.

    Attributes:
        curves: the functions with their arguments, each as an ``Apply``.
        table: the curves act on the 256 levels that a pixel can have, and on how often each occurs,
            and pixels are looked up. That is exact for uint8 and rounds other pixels to levels.
    """

    curves: tuple[Apply, ...] = ()
    table: bool = static(default=False)

    def __init__(
        self,
        curve: Callable[..., Any],
        *arguments: Any,
        table: bool = False,
        pointwise: bool = True,
    ) -> None:
        object.__setattr__(self, "curves", (Apply(curve, *arguments, pointwise=pointwise),))
        object.__setattr__(self, "table", table)

    def parts(self) -> list[tuple[str, Any]]:
        return [*(("", curve) for curve in self.curves), *super().parts()[1:]]

    def image(self, image: HWC, shape: Shape) -> HWC:
        inside = _inside(image, shape)
        if not self.table:

            def bend(image: HWC) -> HWC:
                return self._bent(color.to_float(image), inside)

            if image.dtype == jnp.uint8 and self._same_for_all():
                # The same numbers: of 256 levels a CPU has them sooner than of all pixels.
                bent = lax.platform_dependent(image, cpu=self._read, default=bend)
            else:
                bent = bend(image)
            return cleared(bent, extent(shape))
        levels = tone.levels_of(image)
        counts = tone.histogram(levels, inside)
        # By zero they are the image's own: known arrays have no mesh, where that matters.
        table = self._bent(tone.all_levels(shape[2]) + 0.0 * counts.astype(jnp.float32), counts)
        values = tone.look_up(levels, table)
        flags = [curve.on for curve in self.curves if curve.on is not None]
        if len(flags) == len(self.curves):
            on = functools.reduce(jnp.logical_or, flags)
            values = jnp.where(on, values, color.to_float(image))
        return cleared(values, extent(shape))

    def _same_for_all(self) -> bool:
        """Whether every number is bent by itself, in all channels alike."""
        arguments = (x for curve in self.curves for x in curve.arguments)
        return all(curve.pointwise for curve in self.curves) and not any(map(jnp.ndim, arguments))

    def _read(self, image: HWC) -> HWC:
        # By zero the levels are the image's own: known arrays have no mesh, where that matters.
        own = 0.0 * image[0, 0, 0].astype(jnp.float32)
        table = materialize(self._bent(tone.all_levels(1)[:, 0] + own, None))
        return table.at[image].get(mode="promise_in_bounds")

    def _bent(self, values: Any, weights: Any) -> Any:
        for curve in self.curves:
            out = curve.kernel(values, weights, *curve.arguments)
            values = out if curve.on is None else choose(curve.on, out, values)
        return values

    @property
    def rereads(self) -> bool:
        return self.table or not all(curve.pointwise for curve in self.curves)

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Tone):
            return None
        return self.replace(curves=self.curves + other.curves, table=self.table or other.table)

    def select(self, on: Flag, other: Op | None) -> "Tone":
        if not isinstance(other, Tone):
            return self.replace(curves=_gated(self, on))
        table = self.table or other.table
        families = [[curve.family for curve in op.curves] for op in (self, other)]
        if families[0] == families[1]:
            pairs = zip(self.curves, other.curves, strict=True)
            return self.replace(curves=tuple(a.select(on, b) for a, b in pairs), table=table)
        curves = _gated(self, on) + _gated(other, jnp.logical_not(on))
        return self.replace(curves=curves, table=table)


def _gated(op: Tone, on: Flag) -> tuple[Any, ...]:
    return tuple(curve.gate(on) for curve in op.curves)


def _inside(image: HWC, shape: Shape) -> Any:
    """``(h, w, 1)``, which pixels of a canvas are the picture's; None if all are."""
    if not isinstance(shape, CanvasShape):
        return None
    size = extent(shape)
    sides = [lax.broadcasted_iota(jnp.float32, (*image.shape[:2], 1), k) < size[k] for k in (0, 1)]
    return sides[0] & sides[1]
