"""Filters: what makes each pixel of its neighbours. Sums of shifted images, never a convolution."""

import jax.numpy as jnp
from jax import lax

from jaxaug._types import HWC, Extent, Scalar
from jaxaug.functional.color import to_float
from jaxaug.functional.stable import weighted_sum


def smooth(image: HWC, *, extent: Extent) -> HWC:
    """Pillow's ``ImageFilter.SMOOTH``: a 3x3 mean in which the centre counts 5; the edge is kept.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    around = jnp.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    rows = around[:-2] + around[1:-1] + around[2:]
    total = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4.0 * pixels
    inner = [
        (place >= 1.0) & (place < extent[axis] - 1.0)
        for axis in range(2)
        for place in [lax.broadcasted_iota(jnp.float32, (*pixels.shape[:2], 1), axis)]
    ]
    return jnp.where(inner[0] & inner[1], weighted_sum([(total, 1.0 / 13.0)]), pixels)


def sharpen(image: HWC, factor: Scalar, *, extent: Extent) -> HWC:
    """``factor * image + (1 - factor) * smooth(image)``, cut to 0..1.

    Agrees with Pillow's ``ImageEnhance.Sharpness``: the outermost pixels stay as they are.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        factor: 0 gives the smooth image, 1 the image itself, 2 a sharper one.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    soft = smooth(pixels, extent=extent)
    # At the edge too it is one formula, of which 1 gives the image bit for bit.
    return jnp.clip(weighted_sum([(pixels, factor), (soft, 1.0 - factor)]), 0.0, 1.0)
