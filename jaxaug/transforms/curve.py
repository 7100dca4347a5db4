"""Curves: each number of a channel made another. Those of a Chain are one Tone, one look-up."""

import jax
import jax.numpy as jnp

from jaxaug._ops import Op
from jaxaug._pixels import Apply, Color
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw, draw_whole, draws
from jaxaug._tone import Tone
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe
from jaxaug.functional import clahe, tone
from jaxaug.functional.stable import materialize


class Gamma(Transform):
    """``gain * x ** gamma`` on every number, as torchvision's ``adjust_gamma``, not cut to 0..1.

    Numbers below 0, which no camera makes, become 0.

    Args:
        gamma: range of the exponent around 1; below 1 shadows become brighter.
        gain: a factor of all numbers.

    Raises:
        JaxaugError: an exponent below 0.
    """

    gamma: Range = (0.8, 1.25)
    gain: Scalar = 1.0

    def __post_init__(self) -> None:
        check_range("Gamma", self.gamma, "exponents of at least 0", 0.0, around=1.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Tone(tone.gamma, draw(key, self.gamma, around=1.0), self.gain)


class Solarize(Transform):
    """Invert all numbers from a threshold on, as Pillow's ``ImageOps.solarize``.

    Args:
        threshold: in 0..1: a number, or a range to draw from. 0 inverts all, above 1 nothing.
    """

    threshold: Range = 128 / 255

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Tone(tone.solarize, draw(key, self.threshold, around=None))


class SolarizeAdd(Transform):
    """Add to all numbers below a threshold, and cut those to 0..1: one of AutoAugment's operations.

    Args:
        addition: in units of 0..1: a number, or a range to draw from.
        threshold: in 0..1: a number, or a range to draw from.
    """

    addition: Range = (0.0, 110 / 255)
    threshold: Range = 128 / 255

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Tone(tone.solarize_add, *draws(key, self.addition, self.threshold, around=None))


class Posterize(Transform):
    """Keep the first bits of each of the 256 levels, as Pillow's ``ImageOps.posterize``.

    Floats are rounded to levels before, unless all 8 bits are kept.

    Args:
        bits: how many, 0 (black) to 8 (all): a whole number, a pair ``(low, high)`` to draw from,
            both included, or a ``Choice``.

    Raises:
        JaxaugError: bits that are not whole numbers from 0 to 8.
    """

    bits: Range = 4

    def __post_init__(self) -> None:
        check_range("Posterize", self.bits, "whole numbers of bits, 0 to 8", 0, 8, whole=True)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Tone(tone.posterize, draw_whole(key, self.bits))


class Invert(Transform):
    """``1 - x``, as Pillow's ``ImageOps.invert``; ``Maybe(Invert(), 0.1)`` at times.

    It is linear, so in a Chain it is one with the colour around it.
    """

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Color(-1.0, offset=1.0)


class AutoContrast(Transform):
    """Stretch each channel to 0..1, as Pillow's ``ImageOps.autocontrast``; flat ones stay."""

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Tone(tone.autocontrast, pointwise=False)


class Equalize(Transform):
    """Spread the levels of each channel evenly over 0..1, as Pillow's ``ImageOps.equalize``.

    Floats are rounded to the 256 levels. ``CLAHE`` does it by the surroundings of each pixel.
    """

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Tone(tone.equalize, table=True, pointwise=False)


class ToneCurve(Transform):
    """Bend the curve from black to white at two places: brighter or darker shadows and highlights.

    The curve is a cubic Bezier one whose parameter is the number itself, with control values of 0,
    ``low``, ``high`` and 1: ``3 (1 - x)^2 x low + 3 (1 - x) x^2 high + x^3``. It does not pass
    through them. The slope at black is ``3 low``, at white ``3 (1 - high)``, and near a third
    (two thirds) the curve moves by 4/9 of what ``low`` (``high``) does. Both are drawn from normal
    distributions and cut to 0..1, so that the curve never falls and black and white stay.

    Args:
        scale: standard deviation of ``low`` and ``high``.
        controls: their means. 1/3 and 2/3 are the identity; 1/4 and 3/4 are albumentations'
            ``RandomToneCurve``, which therefore adds contrast on average, by up to 6 levels.
        per_channel: a curve for each channel, else one for all.
    """

    scale: Scalar = 0.1
    controls: tuple[Scalar, Scalar] = (1 / 3, 2 / 3)
    per_channel: bool = static(default=False)

    def sample(self, key: Key, shape: Shape) -> Op:
        count = shape[2] if self.per_channel else 1
        moves = self.scale * materialize(jax.random.normal(key, (2, count)))
        low, high = (jnp.clip(self.controls[k] + moves[k], 0.0, 1.0) for k in range(2))
        return Tone(tone.bend, low, high)


class CLAHE(Transform):
    """Contrast limited adaptive histogram equalization: levels spread by the tile around a pixel.

    Histograms, clipping and the way between tiles are those of OpenCV's ``createCLAHE``; results
    are not rounded to levels. What of a colour image is equalized: its luma (Y of YCbCr), and all
    three channels are shifted by what that gains. Albumentations takes L of CIE Lab, Kornia each
    channel, as ``per_channel`` does.

    Args:
        clip_limit: largest count of a level as a multiple of their mean: a number, or a range to
            draw from. 1 changes little, 40 hardly cuts, 0 does not.
        tiles: how many rows and columns of tiles. A picture that is no multiple of them is mirrored
            beyond its lower and right edge.
        per_channel: each channel by itself, also of a colour image.

    Raises:
        JaxaugError: tiles that are not two positive whole numbers.

    Reference:
        K. Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994.
    """

    clip_limit: Range = (1.0, 4.0)
    tiles: tuple[int, int] = static(default=(8, 8))
    per_channel: bool = static(default=False)

    def __post_init__(self) -> None:
        tiles = self.tiles if isinstance(self.tiles, tuple) else ()
        if len(tiles) != 2 or not all(isinstance(n, int) and n > 0 for n in tiles):
            want = "tiles (rows, columns), two positive whole numbers"
            raise JaxaugError("CLAHE", want, describe(self.tiles))

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        limit = draw(key, self.clip_limit, around=None)
        options = {"tiles": self.tiles, "per_channel": self.per_channel}
        return Apply(clahe.clahe, limit, extent=True, **options)
