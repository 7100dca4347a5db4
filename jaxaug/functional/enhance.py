"""Enhancement as 8-bit policies do it: what mixes channels or neighbours, cut to 0..1."""

import jax.numpy as jnp

from jaxaug._types import HWC, Extent, Scalar
from jaxaug.functional.color import LUMA, to_float
from jaxaug.functional.filter import sharpen
from jaxaug.functional.stable import weighted_sum


def enhance(image: HWC, saturation: Scalar, sharpness: Scalar, *, extent: Extent) -> HWC:
    """Pillow's ``ImageEnhance.Sharpness``, then its ``ImageEnhance.Color``; 1 leaves either out.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1; without 3 channels there is no
            colour to be changed.
        saturation: 0 gives grey, above 1 stronger colours.
        sharpness: 0 gives a smooth image, above 1 a sharper one.
        extent: ``(h, w)`` of the picture.

    Returns:
        ``(h, w, c)`` float32 in 0..1.
    """
    pixels = sharpen(jnp.clip(to_float(image), 0.0, 1.0), sharpness, extent=extent)
    if pixels.shape[2] != 3:
        return pixels
    grey = weighted_sum((pixels[..., k : k + 1], LUMA[k]) for k in range(3))
    return jnp.clip(weighted_sum([(pixels, saturation), (grey, 1.0 - saturation)]), 0.0, 1.0)
