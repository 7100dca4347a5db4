"""Sharpness and relief: what makes more, or less, of the differences between neighbours."""

import math

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._random import Range, check_range, draw, draws, known_ends
from jaxaug._transform import Transform
from jaxaug._types import Key, Shape
from jaxaug.functional import filter  # noqa: A004 - the field's name


class Sharpness(Transform):
    """Blend with a smoothed image, or away from it, as Pillow's ``ImageEnhance.Sharpness``.

    The outermost pixels stay as they are, and all are cut to 0..1, as an 8-bit image would be.

    Args:
        factor: range of the factor around 1: 0 gives the smoothed image, 2 a sharper one.
    """

    factor: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Apply(filter.sharpen, draw(key, self.factor, around=1.0), extent=True)


class UnsharpMask(Transform):
    """Add to the image what a Gaussian blur takes away from it, as scikit-image's ``unsharp_mask``.

    Every argument is a number, or a range to draw from. Pixels are not cut to 0..1.

    Args:
        sigma: standard deviation of the blur in pixels.
        amount: how much is added; 0 changes nothing.
        threshold: smaller differences are left alone, in units of 0..1.

    Raises:
        JaxaugError: a sigma or a threshold below 0, or a sigma that is traced.
    """

    sigma: Range = (0.5, 2.0)
    amount: Range = (0.5, 1.5)
    threshold: Range = 0.0

    def __post_init__(self) -> None:
        check_range("UnsharpMask", self.sigma, "a sigma of 0 or more", 0.0)
        check_range("UnsharpMask", self.threshold, "a threshold of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        _, largest = known_ends("UnsharpMask", self.sigma, "a range of sigma")
        numbers = draws(key, self.sigma, self.amount, self.threshold, around=None)
        return Apply(filter.unsharp_mask, *numbers, reach=math.ceil(3.0 * largest), extent=True)


class Emboss(Transform):
    """Blend with a relief, lit from the top left, as albumentations' ``Emboss``.

    Every argument is a number, or a range to draw from. Pixels are not cut to 0..1.

    Args:
        alpha: part of the relief in the result: 0 changes nothing, 1 leaves the relief alone.
        strength: how much the neighbours count beyond the two on the diagonal.
    """

    alpha: Range = (0.2, 0.5)
    strength: Range = (0.2, 0.7)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        numbers = draws(key, self.alpha, self.strength, around=None)
        return Apply(filter.emboss, *numbers, extent=True)
