"""Colour: brightness, contrast, saturation, hue, grey."""

import numpy as np

from jaxaug._ops import Op
from jaxaug._pixels import Apply, Color
from jaxaug._pytree import static
from jaxaug._random import Range, draw
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape, check_rgb, describe
from jaxaug.functional import color


class Brightness(Transform):
    """Multiply all pixels by a factor, as Pillow's ``ImageEnhance.Brightness``.

    Args:
        factor: range of the factor around 1; 0 gives black.
    """

    factor: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Color(draw(key, self.factor, around=1.0))


class Contrast(Transform):
    """Move pixels away from, or towards, the image's mean grey.

    Agrees with Pillow's ``ImageEnhance.Contrast``. Without three channels, the mean of all channels
    stands for the grey.

    Args:
        factor: range of the factor around 1; 0 gives a flat image.
    """

    factor: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        channels = shape[2]
        factor = draw(key, self.factor, around=1.0)
        weights = color.LUMA if channels == 3 else np.full(channels, 1.0 / channels)
        grey = color.grey_matrix(weights)
        return Color(factor, mean=(1.0 - factor) * grey)


class Saturation(Transform):
    """Move each pixel away from, or towards, its own grey, as Pillow's ``ImageEnhance.Color``.

    Args:
        factor: range of the factor around 1; 0 gives a grey image.
    """

    factor: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("Saturation", shape)
        factor = draw(key, self.factor, around=1.0)
        return Color(color.blend(factor, color.grey_matrix(color.LUMA)))


class Hue(Transform):
    """Turn the hue of each pixel around the HSV circle, as torchvision's ``adjust_hue``.

    It is not linear in the pixel: in a Chain it is a step of its own. ``HueRotation`` is linear.

    Args:
        turns: range around 0, in parts of the full circle: 0.5 gives the opposite colour.
    """

    turns: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("Hue", shape)
        return Apply(color.shift_hue, draw(key, self.turns), canvas=True)


class HueRotation(Transform):
    """Turn all colours about the grey axis, in the plane of I and Q of YIQ, as NVIDIA DALI's Hue.

    A matrix: in a Chain it is one with the colour around it. It keeps the grey of each pixel, where
    ``Hue`` keeps the largest and the smallest channel, so that strong colours may leave 0..1. The
    way round is that of ``Hue``: from red over yellow to green.

    Args:
        turns: range around 0, in parts of the full circle: 0.5 gives the opposite colour.
    """

    turns: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("HueRotation", shape)
        return Color(color.rotate_hue(draw(key, self.turns)))


class Grayscale(Transform):
    """The grey of every pixel in all three channels; ``Maybe(Grayscale(), 0.1)`` at times.

    As Pillow's ``convert("L")``. It is ``ToGray("rec601")``; that one has other greys, too.
    """

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        check_rgb("Grayscale", shape)
        return Color(color.grey_matrix(color.LUMA))


LUMAS = {"rec601": color.LUMA, "rec709": color.LUMA_709}
EXTREMES = {"max": color.brightest, "desaturation": color.middle}


class ToGray(Transform):
    """A grey of each pixel in all of its channels. Those that are weighted sums fuse as colour.

    Args:
        weights: ``rec601`` (0.299 0.587 0.114, as ``Grayscale``) or ``rec709`` (0.2126 0.7152
            0.0722), both of three channels; ``average`` of all channels; ``max``, the largest one;
            ``desaturation``, halfway between the largest and the smallest; or a tuple of one weight
            a channel, which should add up to 1.

    Raises:
        JaxaugError: an unknown name, or an image with another number of channels.
    """

    weights: str | tuple[float, ...] = static(default="rec601")

    def __post_init__(self) -> None:
        names = (*LUMAS, "average", *EXTREMES)
        known = isinstance(self.weights, tuple) or self.weights in names
        if not known:
            want = f"weights among {', '.join(names)}, or a tuple of numbers"
            raise JaxaugError("ToGray", want, describe(self.weights))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        if isinstance(self.weights, tuple):
            if len(self.weights) != shape[2]:
                want = f"{shape[2]} weights, one a channel"
                raise JaxaugError("ToGray", want, describe(self.weights))
            return Color(color.grey_matrix(self.weights))
        if self.weights in EXTREMES:
            return Apply(EXTREMES[self.weights], canvas=True)
        if self.weights == "average":
            return Color(color.grey_matrix(np.full(shape[2], 1.0 / shape[2])))
        check_rgb("ToGray", shape)
        return Color(color.grey_matrix(LUMAS[self.weights]))
