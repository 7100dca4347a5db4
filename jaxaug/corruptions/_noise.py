"""Noise: Gaussian, shot, impulse, speckle."""

from typing import Any

import jax.numpy as jnp

from jaxaug._types import HWC, Extent, Key
from jaxaug.functional import noise

from ._severity import at

GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)
PHOTONS = (60.0, 25.0, 12.0, 5.0, 3.0)
IMPULSES = (0.03, 0.06, 0.09, 0.17, 0.27)
SPECKLE = (0.15, 0.2, 0.35, 0.45, 0.6)


def gaussian_noise(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Add normal numbers to every channel."""
    del extent
    return jnp.clip(noise.add_normal(image, key, at(severity, GAUSSIAN)), 0.0, 1.0)


def shot_noise(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Count photons."""
    del extent
    return jnp.clip(noise.shot(image, key, at(severity, PHOTONS)), 0.0, 1.0)


def impulse_noise(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Make channels of pixels black or white, each by itself."""
    del extent
    amount = at(severity, IMPULSES)
    return jnp.clip(noise.salt_and_pepper(image, key, amount, 0.5, per_channel=True), 0.0, 1.0)


def speckle_noise(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Multiply every channel by normal numbers about 1."""
    del extent
    return jnp.clip(noise.multiply_normal(image, key, at(severity, SPECKLE)), 0.0, 1.0)
