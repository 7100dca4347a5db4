"""Noise: normal, in proportion to the pixel, of counted photons, of dead and hot pixels.

Random bits cost more than what is made of them. All noise here is made of 16-bit numbers, four of
which come of one block of the generator; ``jax.random.normal`` takes a block for each number.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from jaxaug._types import HWC, Array, Key, Scalar, Shape
from jaxaug.functional.color import to_float
from jaxaug.functional.stable import materialize, straight_through, weighted_sum

Numbers = Float[Array, "h w c"]

FEW = 4.0
"""So many photons or fewer are counted one by one; of more the distribution is nearly normal."""
MOST_OF_FEW = 15
"""No 16-bit number is beyond the distribution function at so many, where ``FEW`` are expected."""


def uniform(key: Key, shape: Shape) -> Numbers:
    """Numbers between 0 and 1, the middles of 65536 bins, so that neither end comes out.

    Args:
        key: used once, here.
        shape: ``(h, w, c)``.
    """
    height, width, channels = shape
    rows, row = -(-height // 4), width * channels
    # In one line, and written to memory: what is drawn in planes of three takes longer to compile.
    words = jax.random.key_data(jax.random.split(key, rows * row))
    words = [word.reshape(rows, row) for word in materialize((words[:, 0], words[:, 1]))]
    parts = [half for word in words for half in (word & np.uint32(0xFFFF), word >> 16)]
    # By way of signed integers, whose conversion to floats is quicker.
    whole = jnp.concatenate(parts)[:height].astype(jnp.int32).astype(jnp.float32)
    return ((whole + 0.5) * np.float32(2.0**-16)).reshape(shape)


def normal(key: Key, shape: Shape) -> Numbers:
    """Standard normal numbers, 65536 different ones, none beyond 4.4."""
    return _normal(uniform(key, shape))


def _normal(uniforms: Numbers) -> Numbers:
    return np.float32(2.0**0.5) * lax.erf_inv(2.0 * uniforms - 1.0)


def add_normal(image: HWC, key: Key, sigma: Scalar, *, per_channel: bool = True) -> HWC:
    """``image + sigma * n`` with standard normal ``n``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        key: used once, here.
        sigma: standard deviation, in units of 0..1.
        per_channel: a number for each channel of a pixel, else one for all.
    """
    pixels = to_float(image)
    return weighted_sum(
        [(pixels, 1.0), (normal(key, _drawn(pixels, per_channel=per_channel)), sigma)]
    )


def multiply_normal(image: HWC, key: Key, sigma: Scalar, *, per_channel: bool = True) -> HWC:
    """``image * (1 + sigma * n)`` with standard normal ``n``, known as speckle.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        key: used once, here.
        sigma: standard deviation, as a part of the pixel's value.
        per_channel: a number for each channel of a pixel, else one for all.
    """
    pixels = to_float(image)
    part = normal(key, _drawn(pixels, per_channel=per_channel)) * sigma
    return weighted_sum([(pixels, 1.0), (pixels, part)])


def shot(image: HWC, key: Key, photons: Scalar) -> HWC:
    """What is left of an image of which photons are counted: a Poisson number of them a pixel.

    The gradient is that of the expected image, which is the image itself.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1; below 0 counts as 0.
        key: used once, here.
        photons: how many are expected of a value of 1, above 0.
    """
    pixels = to_float(image)
    dark = jnp.maximum(pixels, 0.0)
    count = poisson(uniform(key, _drawn(pixels, per_channel=True)), dark * photons)
    return straight_through(count * (1.0 / photons), dark)


def poisson(uniforms: Numbers, rate: Numbers) -> Numbers:
    """The inverse of the Poisson distribution function.

    Up to ``FEW`` its steps are counted. Above, it is the first terms of its expansion about the
    normal one, which miss the distribution function by 0.0012 at most, mean and variance by 0.2 %,
    and less the larger the rate (M. Giles, Algorithm 955: Approximation of the Inverse Poisson
    Cumulative Distribution Function, ACM TOMS 2016).

    Args:
        uniforms: between 0 and 1.
        rate: expected numbers, 0 or more, of a shape that broadcasts with them.

    Returns:
        Whole numbers, as float32.
    """
    few = jnp.minimum(rate, FEW)
    share = jnp.exp(-few)
    below, count = share, jnp.where(uniforms > share, 1.0, 0.0)
    for k in range(1, MOST_OF_FEW):
        share = share * (few * np.float32(1 / k))
        below = below + share
        count = count + jnp.where(uniforms > below, 1.0, 0.0)
    many = jnp.maximum(rate, FEW)
    root = jnp.sqrt(many)
    z = _normal(uniforms)
    square = z * z
    skew = (2.0 + square) * (1.0 / 6.0) - z * (2.0 + square) * (1.0 / 72.0) / root
    return jnp.where(rate > FEW, jnp.maximum(jnp.floor(many + root * z + skew), 0.0), count)


def salt_and_pepper(
    image: HWC, key: Key, amount: Scalar, salt: Scalar, *, per_channel: bool = False
) -> HWC:
    """Some pixels made white, some black.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        key: used once, here.
        amount: part of the pixels that is changed, in 0..1.
        salt: part of these that is made white, in 0..1.
        per_channel: every channel of a pixel by itself, else all alike.
    """
    pixels = to_float(image)
    mark = uniform(key, _drawn(pixels, per_channel=per_channel))
    changed = jnp.where(mark < amount * salt, 1.0, 0.0)
    return jnp.where(mark < amount, changed, pixels)


def _drawn(pixels: HWC, *, per_channel: bool) -> Shape:
    """The shape of numbers for all channels, or for all pixels."""
    height, width, channels = pixels.shape
    return height, width, channels if per_channel else 1
