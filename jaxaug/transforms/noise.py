"""Noise: what a sensor adds, and what it loses."""

import jax

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw
from jaxaug._transform import Transform
from jaxaug._types import Key, Scalar, Shape
from jaxaug.functional import noise


class GaussianNoise(Transform):
    """Add normal noise of mean 0. Pixels are not cut to 0..1.

    Args:
        sigma: standard deviation in units of 0..1: a number, or a range to draw from for each
            image. ``(10 / 255, 50 / 255)`` is usual; 0 changes nothing.
        per_channel: noise of its own for each channel, else the same for all.

    Raises:
        JaxaugError: a sigma below 0.
    """

    sigma: Range
    per_channel: bool = static(default=True)

    def __post_init__(self) -> None:
        check_range("GaussianNoise", self.sigma, "a sigma of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        size, numbers = jax.random.split(key)
        sigma = draw(size, self.sigma, around=None)
        return Apply(noise.add_normal, numbers, sigma, per_channel=self.per_channel, canvas=True)


class SpeckleNoise(Transform):
    """Multiply each number by ``1 + n`` with normal ``n`` of mean 0. Pixels are not cut to 0..1.

    Args:
        sigma: standard deviation of n: a number, or a range to draw from for each image. 0 changes
            nothing.
        per_channel: noise of its own for each channel, else the same for all.

    Raises:
        JaxaugError: a sigma below 0.
    """

    sigma: Range
    per_channel: bool = static(default=True)

    def __post_init__(self) -> None:
        check_range("SpeckleNoise", self.sigma, "a sigma of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        size, numbers = jax.random.split(key)
        sigma, how = draw(size, self.sigma, around=None), {"per_channel": self.per_channel}
        return Apply(noise.multiply_normal, numbers, sigma, canvas=True, **how)


class ShotNoise(Transform):
    """Count photons: every number becomes a Poisson number, in proportion, of the same mean.

    Dark parts become noisier than bright ones, compared to what is there. The distribution is
    exact to 1e-5 up to 4 expected photons and to 0.0012 above (of the distribution function), and
    the gradient is that of the mean. Numbers below 0 count as 0.

    Args:
        photons: expected number where the image is 1: a number, or a range to draw from for each
            image. Fewer are noisier; 60 to 3 are the five strengths of ImageNet-C.

    Raises:
        JaxaugError: photons below 0.01.
    """

    photons: Range

    def __post_init__(self) -> None:
        check_range("ShotNoise", self.photons, "photons, at least 0.01", 0.01)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        size, numbers = jax.random.split(key)
        return Apply(noise.shot, numbers, draw(size, self.photons, around=None), canvas=True)


class SaltAndPepper(Transform):
    """Make some pixels white and some black.

    Args:
        amount: part of the pixels in 0..1: a number, or a range to draw from for each image. 0
            changes nothing.
        salt: part of these that is white.
        per_channel: each channel of a pixel by itself, as ImageNet-C's impulse noise.

    Raises:
        JaxaugError: an amount or a salt outside of 0..1.
    """

    amount: Range
    salt: Scalar = 0.5
    per_channel: bool = static(default=False)

    def __post_init__(self) -> None:
        check_range("SaltAndPepper", self.amount, "an amount in [0, 1]", 0.0, 1.0)
        check_range("SaltAndPepper", self.salt, "a part of salt in [0, 1]", 0.0, 1.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        size, numbers = jax.random.split(key)
        amount, how = draw(size, self.amount, around=None), {"per_channel": self.per_channel}
        return Apply(noise.salt_and_pepper, numbers, amount, self.salt, canvas=True, **how)
