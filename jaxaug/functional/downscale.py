"""Fewer pixels, and then as many as before: what a low resolution does to an image."""

import math

import jax.numpy as jnp
from jax import lax

from jaxaug._types import HWC, Extent, Scalar
from jaxaug.functional.color import to_float
from jaxaug.functional.resample import combine
from jaxaug.functional.stable import materialize
from jaxaug.functional.taps import Length, Plane, clamp


def downscale(image: HWC, factor: Scalar, *, least: float, extent: Extent) -> HWC:
    """Shrink an image and enlarge it again, so that it shows its pixels as rectangles.

    Shrunk as OpenCV's ``INTER_AREA``, each pixel being the mean of what it covers, to ``round(h *
    factor)`` rows and likewise columns, but one at least; enlarged as Pillow's ``NEAREST``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        factor: size of the small image as a part of the large one's, in ``least`` to 1; 1 changes
            nothing, bit for bit.
        least: the smallest factor, above 0: it fixes how many pixels are looked at.
        extent: ``(h, w)`` of the picture.
    """
    values = to_float(image)
    for axis in range(2):
        taps = _cells(factor, extent[axis], values.shape[axis], least)
        values = combine(values, materialize(taps), axis)
    return values


def _cells(factor: Scalar, n: Length, canvas: int, least: float) -> tuple[Plane, Plane]:
    """The pixels that are averaged for every pixel of an axis, and how much of each is covered."""
    sizes = [n] if isinstance(n, int) else range(1, canvas + 1)
    widest = max(size / max(1, math.floor(size * least + 0.5)) for size in sizes)
    taps = min(canvas, math.ceil(widest) + 1)
    count = jnp.clip(jnp.floor(n * factor + 0.5), 1.0, n)
    width = n / count
    place = lax.iota(jnp.float32, canvas)
    # Of twice the centre's whole number; half more, and a product's rounding cannot cross a whole.
    cell = jnp.floor(((2.0 * place + 1.0) * count + 0.5) * (0.5 / n))
    low = materialize(cell * width)
    high = low + width
    start = lax.stop_gradient(clamp(jnp.floor(low), float(canvas - taps)))
    pixel = start + lax.broadcasted_iota(jnp.float32, (taps, 1), 0)
    covered = jnp.minimum(high, pixel + 1.0) - jnp.maximum(low, pixel)
    return start, jnp.clip(covered, 0.0, 1.0) * (count / n)
