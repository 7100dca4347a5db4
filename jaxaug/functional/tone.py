"""Tone: curves that give each number of a channel another, and what they need to know of an image.

Every curve is ``f(values, weights, ...)`` on values ``(..., c)`` in 0..1. ``weights``, of a shape
that broadcasts with them, say how often each value counts in a statistic; None is once each. So the
same function takes the pixels of an image, or the 256 levels that a channel can have and how many
pixels have them: a chain of curves then costs 256 values instead of all pixels, and one look-up.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Array, Scalar
from jaxaug.functional.color import LUMA, clip
from jaxaug.functional.stable import materialize, weighted_sum

Values: TypeAlias = Any  # (..., c) float32 in 0..1
Weights: TypeAlias = Any  # broadcasts with Values: how often each counts; None is once each

LEVELS = 256
UNIT = np.float32(1 / 255)
MOST_PIXELS = 1 << 24
"""Up to here sums of ones are exact in float32, in any order."""


def levels_of(image: HWC) -> jax.Array:
    """The levels 0..255 ``(h, w, c)`` of an image, uint32; floats in 0..1 are clipped, rounded."""
    if image.dtype == jnp.uint8:
        return jnp.asarray(image).astype(jnp.uint32)
    return jnp.round(jnp.clip(image, 0.0, 1.0).astype(jnp.float32) * 255.0).astype(jnp.uint32)


def all_levels(channels: int) -> jax.Array:
    """The values ``(256, c)`` of the levels, as pixels have them."""
    return jnp.broadcast_to(lax.broadcasted_iota(jnp.float32, (LEVELS, 1), 0) * UNIT,
                            (LEVELS, channels))  # fmt: skip


def histogram(levels: Array, inside: Array | None = None) -> jax.Array:
    """How many pixels of each channel have each level.

    Args:
        levels: ``(h, w, c)`` integers in 0..255.
        inside: ``(h, w, 1)`` booleans, which pixels count; None is all.

    Returns:
        ``(256, c)`` int32.
    """
    height, width, channels = levels.shape
    flat = jnp.asarray(levels).reshape(-1, channels).astype(jnp.uint32)
    ones = jnp.ones((height * width, 1), bool)
    if inside is not None:
        ones = jnp.asarray(inside).reshape(-1, 1)
    if height * width >= MOST_PIXELS:
        return _by_adding(flat, ones)
    return lax.platform_dependent(flat, ones, cpu=_by_adding, default=_by_product)


def _by_adding(flat: jax.Array, ones: jax.Array) -> jax.Array:
    """A histogram, pixel by pixel: what a processor does best."""
    channels = flat.shape[1]
    empty = jnp.zeros(LEVELS * channels, jnp.int32)
    added = jnp.broadcast_to(ones, flat.shape).astype(jnp.int32)
    counts = empty.at[_places(flat)].add(added, mode="promise_in_bounds")
    return counts.reshape(LEVELS, channels)


def _by_product(flat: jax.Array, ones: jax.Array) -> jax.Array:
    """A histogram as a product of ones: 16 rows of high halves by 16 columns of low ones."""
    half = jnp.arange(16, dtype=jnp.uint32)
    high = ((flat >> 4)[..., None] == half) & ones[..., None]
    low = (flat & 15)[..., None] == half
    one = (each.astype(jnp.bfloat16) for each in (high, low))
    found = jnp.einsum("nci,ncj->ijc", *one, preferred_element_type=jnp.float32)
    return found.reshape(LEVELS, flat.shape[1]).astype(jnp.int32)


def look_up(levels: Array, table: Array) -> jax.Array:
    """Each pixel's level read off a table: ``(h, w, c)`` and ``(256, c)`` to ``(h, w, c)``."""
    place = _places(jnp.asarray(levels).astype(jnp.uint32))
    line = materialize(jnp.asarray(table)).reshape(-1)  # or each pixel would make its entry anew
    return line.at[place].get(mode="promise_in_bounds")


def _places(levels: jax.Array) -> jax.Array:
    """Where levels ``(..., c)`` stand in a table ``(256, c)`` that is one line of numbers."""
    channel = lax.broadcasted_iota(jnp.uint32, levels.shape, levels.ndim - 1)
    return levels * np.uint32(levels.shape[-1]) + channel


# Each value on its own ----------------------------------------------------------------------------


def invert(values: Values, weights: Weights = None) -> Values:
    """``1 - x``."""
    del weights
    return 1.0 - values


def gamma(values: Values, weights: Weights, exponent: Scalar, gain: Scalar = 1.0) -> Values:
    """``gain * x ** exponent``; values below 0 become 0. As torchvision's ``adjust_gamma``."""
    del weights
    above = values > 0.0  # elsewhere the power, and its gradient, may not be finite
    return gain * jnp.where(above, jnp.where(above, values, 1.0) ** exponent, 0.0)


def solarize(values: Values, weights: Weights, threshold: Scalar) -> Values:
    """``1 - x`` where ``x >= threshold``, as Pillow's ``ImageOps.solarize``."""
    del weights
    return jnp.where(values >= threshold, 1.0 - values, values)


def solarize_add(
    values: Values, weights: Weights, addition: Scalar, threshold: Scalar = 128 / 255
) -> Values:
    """``x + addition``, cut to 0..1, where ``x < threshold`` (AutoAugment's SolarizeAdd)."""
    del weights
    return jnp.where(values < threshold, clip(values + addition, 0.0, 1.0), values)


def posterize(values: Values, weights: Weights, bits: Scalar) -> Values:
    """Only the first ``bits`` (0..8) of each level left, as Pillow's ``ImageOps.posterize``."""
    del weights
    step = jnp.round(jnp.exp2(8.0 - jnp.round(jnp.asarray(bits, jnp.float32))))
    level = jnp.round(jnp.clip(values, 0.0, 1.0) * 255.0)
    return jnp.where(step <= 1.0, values, jnp.floor(level / step) * step * UNIT)


def bend(values: Values, weights: Weights, low: Any, high: Any) -> Values:
    """A cubic Bezier curve from black to white, its parameter being the value itself.

    ``3 (1 - x)^2 x low + 3 (1 - x) x^2 high + x^3`` for ``x`` in 0..1; beyond, values stay. With
    ``low = 1/3`` and ``high = 2/3`` it is the identity, whose slope is 1. The slope at black is
    ``3 low``, at white ``3 (1 - high)``.

    Args:
        values: ``(..., c)``.
        weights: not used.
        low: control value of the shadows, a number or one a channel.
        high: control value of the highlights, of the same forms.
    """
    del weights
    x = jnp.clip(values, 0.0, 1.0)
    # What it adds to the identity: nothing at all if nothing is to be bent, nor at the ends.
    bow = weighted_sum([(1.0 - x, low - np.float32(1 / 3)), (x, high - np.float32(2 / 3))])
    return jnp.where(x == values, x + 3.0 * x * (1.0 - x) * bow, values)


def brighten(values: Values, weights: Weights, factor: Scalar) -> Values:
    """``factor * x`` cut to 0..1, as Pillow's ``ImageEnhance.Brightness``."""
    del weights
    return clip(factor * values, 0.0, 1.0)


# By statistics of the image -----------------------------------------------------------------------


def contrast(values: Values, weights: Weights, factor: Scalar) -> Values:
    """Away from the mean grey, cut to 0..1, as Pillow's ``ImageEnhance.Contrast``.

    Args:
        values: levels ``(256, c)``.
        weights: how many pixels have each, ``(256, c)`` integers.
        factor: 0 gives a flat image, 1 leaves it as it is.
    """
    channels = values.shape[-1]
    luma = LUMA if channels == 3 else np.full(channels, 1 / channels, np.float32)
    # In whole levels, so that the sum is exact, and in two parts, so that neither overflows; means
    # of rounded values differ by next to nothing.
    level = jnp.round(jnp.clip(values, 0.0, 1.0) * 255.0).astype(jnp.int32)
    parts = (weights >> 12, weights & 4095)
    high, low = ((level * part).sum(axis=0).astype(jnp.float32) for part in parts)
    total = high * 4096.0 + low
    whole = weighted_sum((total[k], luma[k]) for k in range(channels))
    grey = whole / weights[:, 0].sum().astype(jnp.float32) * UNIT
    return clip(grey + factor * (values - grey), 0.0, 1.0)


def autocontrast(values: Values, weights: Weights = None) -> Values:
    """Each channel stretched to 0..1, as Pillow's ``ImageOps.autocontrast``; flat ones stay."""
    axes = tuple(range(values.ndim - 1))
    there = True if weights is None else weights.astype(bool)
    low = jnp.min(jnp.where(there, values, jnp.inf), axis=axes)
    high = jnp.max(jnp.where(there, values, -jnp.inf), axis=axes)
    flat = high <= low
    scale = 1.0 / jnp.where(flat, 1.0, high - low)
    return jnp.where(flat, values, (jnp.clip(values, low, high) - low) * scale)


def equalize(values: Values, weights: Weights) -> Values:
    """Levels spread so that each is as frequent as others, as Pillow's ``ImageOps.equalize``.

    Args:
        values: levels ``(256, c)``.
        weights: how many pixels have each, ``(256, c)`` integers.
    """
    level = jnp.round(jnp.clip(values, 0.0, 1.0) * 255.0)
    darker = (
        level[None] < level[:, None]
    )  # (of, than, c): earlier curves may have changed the order
    below = jnp.where(darker, weights[None], 0).sum(axis=1)
    highest = jnp.max(jnp.where(weights > 0, level, -1.0), axis=0)
    last = jnp.where(level == highest, weights, 0).sum(axis=0)
    step = (weights.sum(axis=0) - last) // 255
    spread = (step // 2 + below) // jnp.maximum(step, 1)
    out = jnp.minimum(spread, 255).astype(jnp.float32) * UNIT
    return jnp.where(step > 0, out, values)
