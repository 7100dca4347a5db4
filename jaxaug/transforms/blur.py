"""Blur: Gaussian, box, median, along a line, out of focus."""

import math

import jax
import jax.numpy as jnp

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw, known_ends
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape, describe
from jaxaug.functional import filter, median  # noqa: A004 - the field's name

MEDIAN_SIZES = (3, 5, 7)


class GaussianBlur(Transform):
    """Blur by a Gaussian; beyond the edge the picture is mirrored, as torchvision's.

    Agrees with torchvision's ``gaussian_blur`` and OpenCV's ``GaussianBlur`` of the same kernel.

    Args:
        sigma: standard deviation in pixels: a number, or a range to draw from. 0 changes nothing.
        kernel_size: how many pixels are looked at along each axis, an odd number. By default 3
            times the largest sigma to each side, where less than half a level is cut off.

    Raises:
        JaxaugError: a sigma below 0, an even size, or no size and a sigma that is traced.
    """

    sigma: Range
    kernel_size: int | None = static(default=None)

    def __post_init__(self) -> None:
        check_range("GaussianBlur", self.sigma, "a sigma of 0 or more", 0.0)
        size = self.kernel_size
        if size is not None and not (isinstance(size, int) and size > 0 and size % 2):
            raise JaxaugError("GaussianBlur", "an odd kernel_size above 0", describe(size))

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        if self.kernel_size is None:
            remedy = "Give the kernel_size, as torchvision has it."
            _, largest = known_ends("GaussianBlur", self.sigma, "a range of sigma", remedy)
            reach = math.ceil(3.0 * largest)
        else:
            reach = self.kernel_size // 2
        sigma = draw(key, self.sigma, around=None)
        return Apply(filter.gaussian_blur, sigma, reach=reach, extent=True, raw=True)


class BoxBlur(Transform):
    """The mean of a square around each pixel, as Pillow's ``BoxBlur``, the edge pixels repeated.

    Args:
        radius: the square has ``2 * radius + 1`` pixels a side, the outermost ones counting in part
            where the radius has decimals: a number, or a range to draw from. 0 changes nothing.

    Raises:
        JaxaugError: a radius below 0, or one that is traced.
    """

    radius: Range

    def __post_init__(self) -> None:
        check_range("BoxBlur", self.radius, "a radius of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        _, largest = known_ends("BoxBlur", self.radius, "a range of radius")
        radius = draw(key, self.radius, around=None)
        return Apply(filter.box_blur, radius, reach=math.ceil(largest), extent=True, raw=True)


class MedianBlur(Transform):
    """The median of a square around each pixel, as OpenCV's ``medianBlur``, edge pixels repeated.

    It takes single bright or dark pixels away and keeps edges. ``OneOf(MedianBlur(3),
    MedianBlur(5))`` computes both for every image.

    Args:
        size: side of the square in pixels: 3, 5 or 7.
    """

    size: int = static(default=3)

    def __post_init__(self) -> None:
        if self.size not in MEDIAN_SIZES:
            raise JaxaugError("MedianBlur", "a size of 3, 5 or 7", describe(self.size))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Apply(median.median_blur, size=self.size, extent=True, raw=True)


class MotionBlur(Transform):
    """The mean along a straight line through each pixel, as when the camera moved.

    The line lies at any angle and is read between pixels. Beyond the edge the picture is mirrored.

    Args:
        length: of the line in pixels: a number, or a range to draw from. Up to 1 it changes
            nothing; 7 is a row of 7 pixels if it is horizontal.
        degrees: range around 0 of the line's direction, counter-clockwise from the horizontal.

    Raises:
        JaxaugError: a length below 0, or one that is traced.
    """

    length: Range
    degrees: Range = 180.0

    def __post_init__(self) -> None:
        check_range("MotionBlur", self.length, "a length of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        _, longest = known_ends("MotionBlur", self.length, "a range of length")
        reach = max(0, math.ceil((longest - 1.0) / 2.0))
        far, turn = jax.random.split(key)
        length = draw(far, self.length, around=None)
        radians = jnp.deg2rad(draw(turn, self.degrees))
        return Apply(filter.motion_blur, length, radians, reach=reach, extent=True)


class Defocus(Transform):
    """The mean of a disk around each pixel, as a lens out of focus makes it.

    Pixels at the rim count in part, as much as the disk covers them, nearly. Beyond the edge the
    picture is mirrored.

    Args:
        radius: of the disk in pixels: a number, or a range to draw from. Up to 0.5 it changes
            nothing.

    Raises:
        JaxaugError: a radius below 0, or one that is traced.
    """

    radius: Range

    def __post_init__(self) -> None:
        check_range("Defocus", self.radius, "a radius of 0 or more", 0.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        _, largest = known_ends("Defocus", self.radius, "a range of radius")
        radius = draw(key, self.radius, around=None)
        return Apply(filter.defocus, radius, reach=math.ceil(largest), extent=True)
