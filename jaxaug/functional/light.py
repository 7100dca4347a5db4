"""Light that is not the same everywhere in a picture."""

import jax.numpy as jnp
from jax import lax

from jaxaug._types import HWC, Extent, Scalar
from jaxaug.functional.stable import rounded


def vignette(image: HWC, strength: Scalar, *, extent: Extent | None = None) -> HWC:
    """``x * (1 - strength * r^2)``, where ``r`` is 0 in the centre and 1 in the corners.

    Args:
        image: ``(h, w, c)`` float32.
        strength: how much darker the corners are; below 0, brighter.
        extent: ``(h, w)`` of the picture, if it is traced numbers; else it is all of the image.
    """
    square = jnp.float32(0.0)
    for axis, side in enumerate(extent or image.shape[:2]):
        shape = tuple(n if k == axis else 1 for k, n in enumerate(image.shape))
        pixel = lax.broadcasted_iota(jnp.float32, shape, axis) + 0.5
        square = square + rounded(jnp.square(rounded(pixel * (2.0 / side)) - 1.0))
    return image * (1.0 - strength * (0.5 * square))
