"""Weather: snow, frost, fog, brightness."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._types import HWC, Extent, Key
from jaxaug.functional import color, noise
from jaxaug.functional.resample import cleared, lines
from jaxaug.functional.stable import materialize, weighted_sum
from jaxaug.functional.taps import clamp, to_int

from ._blur import streaks
from ._glass import truncated
from ._severity import at
from ._textures import crystals, plasma
from ._zoom import between, places, room

# Mean, deviation, enlarged by how much, threshold, streaks' radius and sigma, what is left of the
# picture.
SNOW = (
    (0.1, 0.3, 300, 0.5, 10, 4.0, 0.8),
    (0.2, 0.3, 200, 0.5, 12, 4.0, 0.7),
    (0.55, 0.3, 400, 0.9, 12, 8.0, 0.7),
    (0.55, 0.3, 450, 0.85, 12, 8.0, 0.65),
    (0.55, 0.3, 250, 0.85, 12, 12.0, 0.55),
)
FALLS = tuple((int(row[4]), row[5]) for row in SNOW)
FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
BRIGHTER = (0.1, 0.2, 0.3, 0.4, 0.5)


def snow(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Flakes that fall in streaks, their mirror image, and a paler picture."""
    pixels = color.to_float(image)
    mean, deviation, size, threshold, _, _, kept = at(severity, SNOW)
    flakes, wind = jax.random.split(key)
    least = min(row[2] for row in SNOW)  # the same numbers whether the severity is known or not
    height, width, _ = pixels.shape
    few = room(height, least), room(width, least), 1
    layer = weighted_sum([(1.0, mean), (noise.normal(flakes, few), deviation)])
    axes = [places(size, extent[axis], pixels.shape[axis], middle=False) for axis in (0, 1)]
    layer = between(layer, *materialize(axes))
    layer = truncated(jnp.where(layer < threshold, 0.0, layer))
    radians = jax.random.uniform(wind, minval=-0.75 * np.pi, maxval=-0.25 * np.pi)
    layer = materialize(streaks(layer, severity, FALLS, radians, extent=extent))
    pale = jnp.maximum(pixels, grey(pixels) * 1.5 + 0.5)
    pixels = weighted_sum([(pixels, kept), (pale, 1.0 - kept)])
    return jnp.clip(pixels + layer + turned(layer, extent), 0.0, 1.0)


def grey(pixels: HWC) -> HWC:
    """The grey of every pixel ``(h, w, 1)``; without three channels, their mean."""
    channels = pixels.shape[2]
    weights = color.LUMA if channels == 3 else np.full(channels, 1.0 / channels, np.float32)
    return color.apply(weights[None], pixels)


def turned(image: HWC, extent: Extent) -> HWC:
    """The picture turned by half a turn."""
    if isinstance(extent[0], int):
        return image[::-1, ::-1]
    for axis in (0, 1):
        n = image.shape[axis]
        place = clamp(extent[axis] - 1.0 - np.arange(n, dtype=np.float32), n - 1.0)
        image = lines(image, to_int(place, n), axis)
    return image


def frost(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Crystals of ice over a darker picture."""
    del extent
    pixels = color.to_float(image)
    kept, added = at(severity, FROST)
    height, width, _ = pixels.shape
    ice = crystals(key, (height, width))
    ice = ice if pixels.shape[2] == 3 else grey(ice)
    return jnp.clip(weighted_sum([(pixels, kept), (ice, added)]), 0.0, 1.0)


def fog(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """A plasma fractal, and the picture's contrast divided by what it adds."""
    pixels = color.to_float(image)
    amount, decay = at(severity, FOG)
    height, width, _ = pixels.shape
    haze = plasma(key, max(height, width), decay)[:height, :width, None]
    high = jnp.max(cleared(pixels, extent))
    scale = high / (high + amount)
    return jnp.clip(weighted_sum([(pixels, 1.0), (haze, amount)]) * scale, 0.0, 1.0)


def brightness(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """More of HSV's value; hue and saturation stay."""
    del key, extent
    pixels = color.to_float(image)
    value = pixels.max(axis=-1, keepdims=True)
    after = jnp.clip(value + at(severity, BRIGHTER), 0.0, 1.0)
    black = value <= 0.0
    factor = after / jnp.where(black, 1.0, value)
    return jnp.clip(jnp.where(black, after, pixels * factor), 0.0, 1.0)
