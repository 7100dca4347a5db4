"""Digital: contrast, elastic, pixelate, JPEG, saturate."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Extent, Key, check_rgb
from jaxaug.functional import color
from jaxaug.functional.jpeg import jpeg
from jaxaug.functional.resample import cleared, lines
from jaxaug.functional.stable import materialize, weighted_sum

from ._severity import at

CONTRASTS = (0.4, 0.3, 0.2, 0.1, 0.05)
QUALITIES = (25, 18, 15, 10, 7)
SCALES = (60, 50, 40, 30, 25)
"""Hundredths of the size that is left."""
SATURATIONS = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))


def contrast(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Bring pixels nearer to the mean of their channel."""
    del key
    pixels = color.to_float(image)
    factor = at(severity, CONTRASTS)
    mean = color.mean(cleared(pixels, extent))
    if not isinstance(extent[0], int):
        mean = mean * (pixels.shape[0] * pixels.shape[1] / (extent[0] * extent[1]))
    mean = materialize(mean)
    return jnp.clip(weighted_sum([(pixels, factor), (mean, 1.0 - factor)]), 0.0, 1.0)


def jpeg_compression(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """What JPEG leaves."""
    del key
    return jpeg(image, at(severity, QUALITIES), extent=extent)


def saturate(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """More or less of HSV's saturation; hue and value stay. Grey pixels count as red."""
    del key, extent
    check_rgb("saturate", image.shape)  # type: ignore[arg-type]
    pixels = color.to_float(image)
    factor, added = at(severity, SATURATIONS)
    value = pixels.max(axis=-1, keepdims=True)
    chroma = value - pixels.min(axis=-1, keepdims=True)
    black, is_grey = value <= 0.0, chroma <= 0.0
    before = chroma / jnp.where(black, 1.0, value)
    after = jnp.clip(weighted_sum([(before, factor), (1.0, added)]), 0.0, 1.0)
    share = (value - pixels) / jnp.where(is_grey, 1.0, chroma)
    share = jnp.where(is_grey, np.array([0.0, 1.0, 1.0], np.float32), share)
    out = value * materialize(1.0 - materialize(after * share))
    return jnp.clip(jnp.where(black, 0.0, out), 0.0, 1.0)


def pixelate(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Shrink and enlarge again, both as Pillow's ``BOX``. For gradients it is the identity."""
    del key
    pixels = jnp.clip(color.to_float(image), 0.0, 1.0)
    hundredths = at(severity, SCALES)
    levels = jnp.round(lax.stop_gradient(pixels) * 255.0)
    for axis in (1, 0):  # as Pillow, which rounds in between
        first, count = materialize(_boxes(hundredths, extent[axis], pixels.shape[axis]))
        taps = _largest_box(severity, extent[axis], pixels.shape[axis])
        levels = materialize(jnp.floor(_mean(levels, first, count, taps, axis) + 0.52))
    return pixels + lax.stop_gradient(levels * np.float32(1 / 255) - pixels)


def _boxes(hundredths: Any, n: Any, canvas: int) -> tuple[Any, Any]:
    """First line and number of lines that each line of an axis of ``n`` is the mean of."""
    line = lax.iota(jnp.int32, canvas)
    n = jnp.asarray(n).astype(jnp.int32)
    small = jnp.maximum(hundredths * n // 100, 1)
    box = jnp.minimum((2 * line + 1) * small // (2 * n), small - 1)
    # Lines whose middle is within the box.
    first, last = ((2 * edge * n + small) // (2 * small) for edge in (box, box + 1))
    return first, last - first


def _largest_box(severity: Any, n: Any, canvas: int) -> int:
    """Number of lines of the largest box there can be."""
    lengths = [n] if isinstance(n, int) else range(1, canvas + 1)
    scales = SCALES[severity - 1 : severity] if isinstance(severity, int) else SCALES
    return max(-(-length // max(c * length // 100, 1)) for length in lengths for c in scales)


def _mean(levels: HWC, first: Any, count: Any, taps: int, axis: int) -> HWC:
    """Means of ``count`` whole rows (axis 0) or columns (axis 1) from ``first`` on."""
    n = levels.shape[axis]
    shape = tuple(-1 if k == axis else 1 for k in range(3))
    total: Any = 0.0
    for t in range(taps):
        line = lines(levels, jnp.minimum(first + t, n - 1).astype(jnp.uint32), axis)
        total = total + jnp.where((t < count).reshape(shape), line, 0.0)
    return total * (1.0 / count.astype(jnp.float32)).reshape(shape)
