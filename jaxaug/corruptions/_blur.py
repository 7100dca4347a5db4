"""Blur: Gaussian, defocus, motion."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Extent, Key, Scalar
from jaxaug.functional import filter as filters
from jaxaug.functional.color import to_float
from jaxaug.functional.stable import materialize, weighted_sum

from ._severity import at, most

SIGMAS = (1.0, 2.0, 3.0, 4.0, 6.0)
DISKS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
STREAKS = ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0))


def gaussian(image: HWC, severity: Any, sigmas: tuple[float, ...], *, extent: Extent) -> HWC:
    """Blur with the severity's own of five sigmas, to 4 of them; beyond the edge it repeats."""
    reach = most(severity, tuple(int(4.0 * sigma + 0.5) for sigma in sigmas))
    sigma = at(severity, sigmas)
    return filters.gaussian_blur(image, sigma, reach=reach, extent=extent, border="nearest")


def gaussian_blur(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Blur by a Gaussian."""
    del key
    return jnp.clip(gaussian(image, severity, SIGMAS, extent=extent), 0.0, 1.0)


def defocus_blur(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Blur by a disk with a soft rim; beyond the edge the picture is mirrored."""
    del key
    reach = most(severity, tuple(_beyond(radius)[0] for radius, _ in DISKS))
    weights = at(severity, [_quarter(*disk, reach) for disk in DISKS])
    return jnp.clip(filters.even(to_float(image), jnp.asarray(weights), extent=extent), 0.0, 1.0)


def _beyond(radius: int) -> tuple[int, int, int]:
    """How far a soft disk reaches, half the side of its kernel, and how far its rim is blurred."""
    half, beside = (8, 1) if radius <= 8 else (radius, 2)
    return min(radius + beside, half), half, beside


def _quarter(radius: int, sigma: float, reach: int) -> np.ndarray:
    """Weights ``(reach + 1, reach + 1)`` of a disk, blurred, by distance along both axes."""
    _, half, beside = _beyond(radius)
    line = np.arange(-half, half + 1)
    disk = (line[:, None] ** 2 + line**2 <= radius**2) * 1.0
    bell = np.exp(-0.5 * (np.arange(-beside, beside + 1) / sigma) ** 2)
    around = np.pad(disk / disk.sum(), beside, mode="reflect")
    bell, side = bell / bell.sum(), len(line)
    soft = np.sum([weight * around[t : t + side] for t, weight in enumerate(bell)], axis=0)
    soft = np.sum([weight * soft[:, t : t + side] for t, weight in enumerate(bell)], axis=0)
    quarter = soft[half:, half:]
    out = np.zeros((reach + 1, reach + 1), np.float32)
    n = min(reach, half) + 1
    out[:n, :n] = quarter[:n, :n]
    return out


def motion_blur(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Blur along a line at up to 45 degrees from the horizontal."""
    radians = jax.random.uniform(key, minval=-np.pi / 4, maxval=np.pi / 4)
    return jnp.clip(streaks(image, severity, STREAKS, radians, extent=extent), 0.0, 1.0)


def streaks(
    image: HWC,
    severity: Any,
    shapes: tuple[tuple[int, float], ...],
    radians: Scalar,
    *,
    extent: Extent,
) -> HWC:
    """Blur by one half of a Gaussian along a line of whole pixels, as ImageMagick's motion blur.

    Args:
        image: ``(h, w, c)`` float32; beyond its edge it repeats.
        severity: which of the shapes.
        shapes: radius and sigma in pixels. ``2 * radius + 1`` pixels are looked at, all to one
            side.
        radians: direction of that side, clockwise as seen from the x axis.
        extent: ``(h, w)`` of the picture.
    """
    taps = 2 * most(severity, tuple(radius for radius, _ in shapes)) + 1
    weights = at(severity, [_half_bell(*shape, taps) for shape in shapes])
    step = lax.iota(jnp.float32, taps)
    # Halves are rounded down.
    right, down = (
        jnp.ceil(step * part - 0.5).astype(jnp.int32)
        for part in (jnp.cos(radians), jnp.sin(radians))
    )
    pixels = to_float(image)
    height, _, channels = pixels.shape
    around = filters.padded(pixels, taps - 1, extent=extent, border="nearest")
    row = around.shape[1] * channels
    start, weights = materialize(
        ((down + (taps - 1)) * row + (right + (taps - 1)) * channels, jnp.asarray(weights))
    )
    # One shift of the image is one offset in a flat array; what is beyond its end is cut off.
    numbers = jnp.pad(materialize(around).reshape(-1), (0, row))
    total = weighted_sum(
        (lax.dynamic_slice(numbers, (start[t],), (height * row,)), weights[t]) for t in range(taps)
    )
    return total.reshape(height, -1, channels)[:, : pixels.shape[1]]


def _half_bell(radius: int, sigma: float, taps: int) -> np.ndarray:
    place = np.arange(taps)
    bell = np.where(place <= 2 * radius, np.exp(-0.5 * (place / sigma) ** 2), 0.0)
    return (bell / bell.sum()).astype(np.float32)
