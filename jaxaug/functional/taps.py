"""Which pixels of an axis an output pixel looks at, and with what weight.

Each output pixel looks at one contiguous block of input pixels, 1, 2 or 4 to a side, weighted by a
separable kernel. The border rule folds the source coordinate back into the image *before* the block
is chosen, so the gather itself never branches, and ``constant`` needs no test at all: weight that
falls outside goes to the fill value.

An axis has ``n`` pixels. Where a picture lies in the top left corner of a larger canvas, ``n`` is
its own number, traced, and the rule folds each pixel of a block: none beside the picture is read.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import Scalar
from jaxaug.functional.stable import materialize

Plane: TypeAlias = Any  # (h, w), or (h, 1) and (1, w) where the map is separable
Kernel: TypeAlias = Callable[[Plane], Plane]
Tap: TypeAlias = tuple[Plane, int, Plane]  # a pixel, how far the one meant is beyond it, its weight
Length: TypeAlias = Any  # of an axis: an integer, or a traced float32 with a whole number

_MAGIC = np.float32(1 << 23)


def _tent(distance: Plane) -> Plane:
    return jnp.maximum(1.0 - jnp.abs(distance), 0.0)


def _keys(distance: Plane) -> Plane:
    """Keys' cubic convolution, a = -0.5, as Pillow has it (R. Keys, IEEE TASSP 29(6), 1981)."""
    d = jnp.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return jnp.where(d < 1.0, near, jnp.where(d < 2.0, far, 0.0))


KERNELS: dict[str, tuple[Kernel, int]] = {"linear": (_tent, 2), "cubic": (_keys, 4)}
"""Interpolation: its kernel, and how many pixels to a side it looks at. ``nearest`` has none."""


def fold(u: Plane, n: Length, border: str, reach: int = 0) -> Plane:
    """A coordinate on an axis of ``n`` pixels brought to where the border rule says it repeats.

    ``reach``: how far beyond the last pixel's centre ``nearest`` still tells coordinates apart.
    """
    if isinstance(n, int) and n == 1:
        return jnp.zeros_like(u)
    if border == "nearest":
        return clamp(u, n - 1.0 + reach, float(-reach))
    if border == "wrap":
        u = _modulo(u + 0.5, n) - 0.5
    else:
        edge, period = (0.5, 2 * n) if border == "reflect" else (0.0, at_least(2 * n - 2, 1))
        u = _modulo(u + edge, period)
        u = jnp.minimum(u, period - u) - edge
    return clamp(u, n - 0.5, -0.5)  # a last bit too far would find no pixel


def _modulo(u: Plane, period: Length) -> Plane:
    return u - period * jnp.floor(u * _float(1.0 / period))


def clamp(u: Plane, high: Scalar, low: float = 0.0) -> Plane:
    """Into ``[low, high]``. Unlike ``clip`` it is two instructions, and NaN becomes ``low``."""
    u = jnp.where(u > low, u, np.float32(low))
    return jnp.where(u < high, u, _float(high))


def at_least(number: Length, low: int) -> Length:
    """``number`` or ``low``; what is known stays known."""
    return max(number, low) if isinstance(number, int) else jnp.maximum(number, float(low))


def _float(number: Scalar) -> Any:
    return np.float32(number) if isinstance(number, float | int) else number


def taps_of(u: Plane, n: Length, interpolation: str) -> list[Tap]:
    """The pixels of the block and their weights, on an axis of ``n`` pixels."""
    if interpolation == "nearest":
        inside = (u >= -0.5) & (u <= n - 0.5)
        return [(clamp(jnp.floor(u + 0.5), n - 1.0), 0, jnp.where(inside, 1.0, 0.0))]
    kernel, taps = KERNELS[interpolation]
    first = u - (taps // 2 - 1.0)
    taps = min(taps, n)
    start = lax.stop_gradient(clamp(jnp.floor(first), float(n - taps)))
    return [(start, t, kernel(u - (start + float(t)))) for t in range(taps)]


def folded_taps(u: Plane, n: Length, interpolation: str, border: str) -> list[Tap]:
    """As ``taps_of``, the border rule included, for ``n`` not known when the program is written.

    Neither can a block be as short as the picture then, nor the picture be padded: every pixel of a
    block is folded by itself, or weighs nothing where the rule is ``constant``.
    """
    if border != "constant":
        u = fold(u, n, border, reach=1 if interpolation == "cubic" else 0)
    if interpolation == "nearest":
        return taps_of(u, n, interpolation)
    kernel, taps = KERNELS[interpolation]
    start = clamp(jnp.floor(u - (taps // 2 - 1.0)), n, float(-taps))
    start = lax.stop_gradient(start)
    block = []
    for place in (start + float(t) for t in range(taps)):
        weight = kernel(u - place)
        if border == "constant":
            weight = jnp.where((place >= 0.0) & (place < n), weight, 0.0)
        pixel = place if border == "constant" else fold(place, n, border)
        block.append((clamp(pixel, n - 1.0), 0, weight))
    return block


def beyond(u: Plane, n: Length, border: str) -> tuple[Plane, Plane]:
    """Which coordinates are inside the image, and all of them brought inside."""
    inside = (u >= -0.5) & (u <= n - 0.5)
    if border != "constant":
        u = fold(u, n, border)
    return inside, clamp(u, n - 0.5, -0.5)


def wide_taps(
    u: Plane, scale: Scalar, n: tuple[Length, int], bound: float, interpolation: str
) -> tuple[Plane, Plane]:
    """As ``taps_of`` for a line of coordinates, the kernel widened by ``scale`` where above 1.

    ``n`` counts the pixels of the picture and those of the canvas. Weights come as ``(taps, length
    of the line)``.
    """
    kernel, taps = KERNELS[interpolation]
    radius = taps / 2
    stretch = jnp.clip(jnp.abs(scale), 1.0, max(bound, 1.0))
    taps = min(n[1], math.ceil(2 * radius * max(bound, 1.0) - 1e-4) + 1)
    start = jnp.ceil(u - radius * stretch)
    start = lax.stop_gradient(clamp(start, at_least(n[0] - taps, 0)))
    # Multiplied, not divided: of x / y with one y for all x, XLA makes a product, but not always.
    narrow = 1.0 / stretch
    each = lax.broadcasted_iota(jnp.float32, (taps, 1), 0)
    weights = kernel(materialize((u - start - each) * narrow))
    if not isinstance(n[0], int):
        weights = jnp.where(start + each < n[0], weights, 0.0)
    return start, weights / sum(weights[t] for t in range(taps))


def to_int(whole: Plane, n: int) -> Plane:
    """Whole numbers ``0 <= whole < n`` as uint32, by their bits: no saturating conversion."""
    if n >= 1 << 22:
        return whole.astype(jnp.uint32)
    return lax.bitcast_convert_type(whole + _MAGIC, jnp.uint32) - np.uint32(0x4B000000)
