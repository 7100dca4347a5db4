"""Colour: brightness, contrast, saturation, hue, grey, channel shifts."""

import jax
import jax.numpy as jnp

from jaxaug._ops import Op, Sequence, fuse
from jaxaug._pixels import Apply, Color
from jaxaug._pytree import static
from jaxaug._random import Range, draw, ranks
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape
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
        weights = color.LUMA if channels == 3 else jnp.full((channels,), 1.0 / channels)
        grey = jnp.ones((channels, 1)) * weights
        return Color(factor, mean=(1.0 - factor) * grey)


class Saturation(Transform):
    """Move each pixel away from, or towards, its own grey, as Pillow's ``ImageEnhance.Color``.

    Args:
        factor: range of the factor around 1; 0 gives a grey image.
    """

    factor: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        _need_rgb("Saturation", shape)
        factor = draw(key, self.factor, around=1.0)
        return Color(color.blend(factor, _grey()))


class Hue(Transform):
    """Turn the hue of each pixel around the HSV circle, as torchvision's ``adjust_hue``.

    It is not linear in the pixel: in a Chain it is a step of its own.

    Args:
        turns: range around 0, in parts of the full circle: 0.5 gives the opposite colour.
    """

    turns: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        _need_rgb("Hue", shape)
        return Apply(color.shift_hue, draw(key, self.turns), canvas=True)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue in a random order, as torchvision's.

    Colours are not cut to 0..1 in between, unlike torchvision's. Then brightness, contrast and
    saturation commute, brightness and hue too, and of the order only this is left: whether contrast
    and saturation each come before the hue or after it. It costs two colour matrices and one hue.

    Args:
        brightness: range of the factor around 1.
        contrast: range of the factor around 1.
        saturation: range of the factor around 1; needs three channels unless it is 0.
        hue: range around 0 in parts of the full circle; needs three channels unless it is 0.
    """

    brightness: Range = 0.0
    contrast: Range = 0.0
    saturation: Range = 0.0
    hue: Range = 0.0

    def sample(self, key: Key, shape: Shape) -> Op:
        order, *keys = jax.random.split(key, 5)
        spans = (self.brightness, self.contrast, self.saturation, self.hue)
        kinds = (Brightness, Contrast, Saturation, Hue)
        bright, contrast, saturate, hue = (
            kind(span).sample(k, shape) if not _is_zero(span) else Sequence()
            for kind, span, k in zip(kinds, spans, keys, strict=True)
        )
        if _is_zero(self.hue):
            return fuse((bright, contrast, saturate))
        places = ranks(order, 3)
        first = [place < places[2] for place in places[:2]]
        early = (contrast.gate(first[0]), saturate.gate(first[1]))
        late = (contrast.gate(~first[0]), saturate.gate(~first[1]))
        return fuse((bright, *early, hue, *late))


class Grayscale(Transform):
    """The grey of every pixel in all three channels; ``Maybe(Grayscale(), 0.1)`` at times."""

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        _need_rgb("Grayscale", shape)
        return Color(_grey())


class ChannelShift(Transform):
    """Add a number to the channels.

    Args:
        shift: range around 0, in units of 0..1: Keras' ``channel_shift_range=20`` is ``20 / 255``.
        per_channel: one draw for each channel, else one for all.
    """

    shift: Range
    per_channel: bool = static(default=False)

    def sample(self, key: Key, shape: Shape) -> Op:
        count = shape[2:] if self.per_channel else ()
        return Color(offset=draw(key, self.shift, shape=count))


def _grey() -> jax.Array:
    """The matrix that gives every channel the pixel's grey."""
    return jnp.ones((3, 1)) * color.LUMA


def _need_rgb(who: str, shape: Shape) -> None:
    if shape[2] != 3:
        want = "3 channels, red green and blue, since it mixes colours"
        raise JaxaugError(who, want, f"an image {shape}", "Leave it out for such images.")


def _is_zero(span: Range) -> bool:
    return isinstance(span, int | float) and span == 0
