"""Quality: what files and small sensors cost an image: JPEG, low resolution."""

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw, draw_whole, known_ends
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape, describe
from jaxaug.functional import downscale, jpeg


class Downscale(Transform):
    """Shrink the image by averaging and enlarge it again by repeating pixels.

    Args:
        factor: size of the small image as a part of the large one's, above 0 and up to 1: a number,
            or a range to draw from. 1 changes nothing.

    Raises:
        JaxaugError: a factor beyond that, or one that is traced.
    """

    factor: Range

    def __post_init__(self) -> None:
        check_range("Downscale", self.factor, "a factor in [0.01, 1]", 0.01, 1.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        least, _ = known_ends("Downscale", self.factor, "a range of factor")
        factor = draw(key, self.factor, around=None)
        return Apply(downscale.downscale, factor, least=least, extent=True)


class JPEG(Transform):
    """What is left of an image after JPEG compression: encoded and decoded, on the device.

    With libjpeg's roundings: of 8-bit images wider than 4 pixels comes what Pillow reads back, to
    the level. Others are cut to 0..1 and rounded to levels first. For gradients it is the identity.
    Images without three channels are compressed as so many grey ones.

    Args:
        quality: whole number in 1..100, as Pillow's: a number, or a range to draw from, both ends
            included. 75 is Pillow's default, below 30 blocks are plain to see.
        subsampling: ``4:2:0``, chroma at half the resolution, or ``4:4:4``.

    Raises:
        JaxaugError: a quality or a subsampling other than these.

    Reference: ITU-T T.81 | ISO/IEC 10918-1, 1992.
    """

    quality: Range
    subsampling: str = static(default="4:2:0")

    def __post_init__(self) -> None:
        check_range("JPEG", self.quality, "a whole quality in 1..100", 1, 100, whole=True)
        if self.subsampling not in jpeg.SUBSAMPLINGS:
            want = f"a subsampling among {', '.join(jpeg.SUBSAMPLINGS)}"
            raise JaxaugError("JPEG", want, describe(self.subsampling))

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        quality = draw_whole(key, self.quality)
        return Apply(jpeg.jpeg, quality, extent=True, subsampling=self.subsampling)
