"""Jitter: several changes of colour at once, in an order drawn for each image."""

import jax

from jaxaug._ops import Op, Sequence, fuse
from jaxaug._random import Range, check_probability, coin, ranks
from jaxaug._transform import Transform
from jaxaug._types import Key, Scalar, Shape, check_rgb
from jaxaug.transforms.channels import ChannelShuffle
from jaxaug.transforms.color import Brightness, Contrast, Hue, Saturation


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


class PhotometricDistort(Transform):
    """The colour distortion of SSD, with the steps and chances of torchvision's.

    Brightness, contrast, saturation, hue, contrast, order of the channels: each at times. Contrast
    is in one of its two places, either as likely. Colours are not cut to 0..1 in between, unlike
    torchvision's. It costs two colour matrices and one hue.

    Args:
        brightness: range of the factor around 1.
        contrast: range of the factor around 1.
        saturation: range of the factor around 1.
        hue: range around 0, in parts of the full circle.
        p: probability of each of the five, on its own.

    Reference:
        W. Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, arXiv:1512.02325. Its code
        adds to pixels for brightness, and has contrast about 0; torchvision multiplies, and has it
        about the mean grey.
    """

    brightness: Range = (0.875, 1.125)
    contrast: Range = (0.5, 1.5)
    saturation: Range = (0.5, 1.5)
    hue: Range = (-0.05, 0.05)
    p: Scalar = 0.5

    def __post_init__(self) -> None:
        check_probability("PhotometricDistort", self.p)

    def sample(self, key: Key, shape: Shape) -> Op:
        check_rgb("PhotometricDistort", shape)
        place, toss, *keys = jax.random.split(key, 7)
        steps = (Brightness(self.brightness), Contrast(self.contrast),
                 Saturation(self.saturation), Hue(self.hue), ChannelShuffle())  # fmt: skip
        on = jax.random.uniform(toss, (len(steps),)) < self.p
        early = coin(place, 0.5)
        bright, contrast, saturate, hue, order = (
            step.sample(k, shape) for step, k in zip(steps, keys, strict=True)
        )
        return fuse((
            bright.gate(on[0]),
            contrast.gate(on[1] & early),
            saturate.gate(on[2]),
            hue.gate(on[3]),
            contrast.gate(on[1] & ~early),
            order.gate(on[4]),
        ))  # fmt: skip


def _is_zero(span: Range) -> bool:
    return isinstance(span, int | float) and span == 0
