"""Colour: the affine maps of a pixel and their algebra, hue, grey, and the types of pixels.

A colour map is ``x -> A x + B mean(x) + b``. ``A`` and ``B`` are numbers ``()``, per-channel
vectors ``(c,)`` or full ``(c, c)`` matrices: the rank says how much they mix, so the cheap forms
stay cheap.
"""

import functools
import operator
from collections.abc import Iterable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._types import HWC, Scalar
from jaxaug.functional.stable import mean, rounded, weighted_sum

Mixing: TypeAlias = Any  # (), (c,) or (c, c) float32

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey: ITU-R BT.601, as Pillow's ``convert("L")``."""

LUMA_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of red, green and blue in grey: ITU-R BT.709, that of sRGB screens."""

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
"""The usual sepia matrix, as in OpenCV's and Microsoft's examples, albumentations and Kornia."""


def to_float(image: HWC) -> HWC:
    """Any image as float32 in 0..1; uint8 is divided by 255."""
    if image.dtype == jnp.uint8:
        return image.astype(jnp.float32) * np.float32(1.0 / 255.0)
    return image.astype(jnp.float32)


def convert(image: HWC, *, dtype: str) -> HWC:
    """An image as another type of pixel; ``uint8`` is rounded and clipped, floats are not."""
    values = to_float(image)
    if dtype == "uint8":
        return jnp.round(jnp.clip(values, 0.0, 1.0) * 255.0).astype(jnp.uint8)
    return values.astype(dtype)


def full(mixing: Mixing, channels: int) -> jax.Array:
    """The ``(c, c)`` form of a number, a vector (a diagonal) or a matrix."""
    mixing = jnp.asarray(mixing, jnp.float32)
    return mixing if mixing.ndim == 2 else mixing * jnp.eye(channels)


def product(outer: Mixing, inner: Mixing) -> Mixing:
    """``outer @ inner``; diagonal forms stay diagonal."""
    outer, inner = jnp.asarray(outer), jnp.asarray(inner)
    if outer.ndim == 2 and inner.ndim == 2:
        terms = (outer[:, k : k + 1] * inner[k : k + 1] for k in range(outer.shape[1]))
        return _sum(terms)
    return rounded((outer.reshape(-1, 1) if inner.ndim == 2 else outer) * inner)


def moved(mixing: Mixing, offset: Mixing) -> Mixing:
    """``A b`` for an offset, a number or ``(c,)``: as ``apply``, for few numbers."""
    mixing, offset = jnp.asarray(mixing), jnp.asarray(offset)
    if mixing.ndim < 2:
        return rounded(offset * mixing)
    offset = jnp.broadcast_to(offset, mixing.shape[1:])
    return _sum(offset[k] * mixing[:, k] for k in range(mixing.shape[1]))


def _sum(products: Iterable[jax.Array]) -> jax.Array:
    return functools.reduce(operator.add, map(rounded, products))


def add(first: Mixing, second: Mixing) -> Mixing:
    """``first + second``, a diagonal form made full only if the other is."""
    first, second = jnp.asarray(first), jnp.asarray(second)
    if first.ndim == 2 or second.ndim == 2:
        channels = max(first.shape[-1:] + second.shape[-1:])
        return full(first, channels) + full(second, channels)
    return first + second


def apply(mixing: Mixing, pixels: Any) -> Any:
    """``A x`` for pixels ``(..., c)``; only a full matrix mixes channels."""
    mixing = jnp.asarray(mixing)
    if mixing.ndim < 2:
        return pixels * mixing
    pixels = jnp.broadcast_to(pixels, (*pixels.shape[:-1], mixing.shape[1]))
    columns = range(mixing.shape[1])
    return weighted_sum((pixels[..., k : k + 1], mixing[:, k]) for k in columns)


def blend(factor: Scalar, grey: Mixing) -> jax.Array:
    """``factor I + (1 - factor) G``, the matrix that moves a pixel away from its grey ``G x``."""
    return grey + rounded(factor * (jnp.eye(grey.shape[0]) - grey))


def grey_matrix(weights: Any) -> jax.Array:
    """The matrix ``(c, c)`` that gives every channel the pixel's grey, with weights ``(c,)``."""
    weights = jnp.asarray(weights, jnp.float32)
    return jnp.broadcast_to(weights, (weights.shape[0],) * 2)


def rotate_hue(turns: Scalar) -> jax.Array:
    """The matrix ``(3, 3)`` that turns colours about grey by a part of the full circle.

    In the plane of I and Q of YIQ, the grey ``LUMA`` of a pixel being Y: so greys, and the grey of
    every colour, stay.
    """
    i, q = (0.59590059, -0.27455667, -0.32134392), (0.21153661, -0.52273617, 0.31119955)
    rows = np.array([LUMA, i, q])
    quarter = np.linalg.inv(rows) @ np.array([[0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ rows
    quarter = quarter.astype(np.float32)
    angle = jnp.asarray(2.0 * np.pi * turns, jnp.float32)
    identity, grey = np.eye(3, dtype=np.float32), np.broadcast_to(LUMA, (3, 3))
    # Written as what it adds to the identity, which it then is without a turn.
    added = ((jnp.cos(angle) - 1.0) * (identity - grey), jnp.sin(angle) * quarter)
    return jnp.asarray(identity) + _sum(added)


def brightest(image: HWC) -> HWC:
    """The largest channel of every pixel in all of them: HSV's value."""
    return jnp.broadcast_to(image.max(axis=-1, keepdims=True), image.shape)


def middle(image: HWC) -> HWC:
    """Halfway between the largest and the smallest channel, in all of them: HSL's lightness."""
    ends = image.max(axis=-1, keepdims=True) + image.min(axis=-1, keepdims=True)
    return jnp.broadcast_to(0.5 * ends, image.shape)


def shift_hue(image: HWC, turns: Scalar) -> HWC:
    """Turn the hue of an RGB image ``(h, w, 3)`` by a part of the full circle, as HSV does.

    Largest and smallest channel of every pixel stay, as in the HSV hue shift of torchvision and
    Pillow. Written in units of the chroma (largest minus smallest), with no division by it or by
    HSV's value: so it is defined for colours outside 0..1, and its gradient is finite for grey.
    """
    red, green, blue = (to_float(image[..., k]) for k in range(3))
    high = jnp.maximum(jnp.maximum(red, green), blue)
    chroma = high - jnp.minimum(jnp.minimum(red, green), blue)
    # The hue is a sixth of the circle for each 1, times the chroma: from -1 to 5.
    first, second = (red >= green) & (red >= blue), green >= blue
    within = jnp.where(first, green - blue, jnp.where(second, blue - red, red - green))
    sector = jnp.where(first, 0.0, jnp.where(second, 2.0, 4.0))
    start = (6.0 * turns + np.array([5.0, 3.0, 1.0], np.float32)) % 6.0  # each channel's own
    chroma, high = chroma[..., None], high[..., None]
    phase = within[..., None] + rounded(chroma * (sector[..., None] + start))
    phase = jnp.where(phase >= 6.0 * chroma, phase - 6.0 * chroma, phase)
    return high - jnp.clip(jnp.minimum(phase, 4.0 * chroma - phase), 0.0, chroma)


def standardize(image: HWC, *, center: bool, scale: bool, per_channel: bool, epsilon: float) -> HWC:
    """Subtract an image's own mean and divide by its own standard deviation plus ``epsilon``."""
    image = to_float(image)

    def average(pixels: HWC) -> jax.Array:
        return mean(pixels) if per_channel else mean(pixels).mean()

    centered = image - average(image)
    # Again: what rounding left of a flat image would look like contrast, divided by its own size.
    centered = centered - average(centered)
    if scale:
        variance = average(jnp.square(centered))
        # A flat image has variance 0, where the gradient of the root is infinite.
        flat = variance == 0
        deviation = jnp.where(flat, 0.0, jnp.sqrt(jnp.where(flat, 1.0, variance)))
        return (centered if center else image) * (1.0 / (deviation + epsilon))
    return centered if center else image


def clip(image: HWC, low: Scalar, high: Scalar) -> HWC:
    """Pixels cut to ``[low, high]``."""
    return jnp.clip(to_float(image), low, high)
