"""Values of pixels, each on its own: rescale, clip."""

from jaxaug._ops import Op
from jaxaug._pixels import Apply, Color
from jaxaug._transform import Transform
from jaxaug._types import Key, Scalar, Shape
from jaxaug.functional import color


class Rescale(Transform):
    """``image * scale + offset``, on pixels in 0..1: ``Rescale(2, -1)`` gives -1..1.

    Pixels of uint8 images are divided by 255 before any transform; no Rescale is needed for that.

    Args:
        scale: the factor.
        offset: what is added then.
    """

    scale: Scalar
    offset: Scalar = 0.0

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Color(self.scale, offset=self.offset)


class Clip(Transform):
    """Cut pixels to ``[low, high]``; nothing else in jaxaug cuts them, except uint8 at the end.

    Args:
        low: smallest value left.
        high: largest value left.
    """

    low: Scalar = 0.0
    high: Scalar = 1.0

    def sample(self, key: Key, shape: Shape) -> Op:
        del key, shape
        return Apply(color.clip, self.low, self.high, pointwise=True)
