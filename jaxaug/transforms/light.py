"""Light: what lenses and lamps leave of it where."""

from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._random import Range, draw
from jaxaug._transform import Transform
from jaxaug._types import Key, Shape
from jaxaug.functional import light


class Vignette(Transform):
    """Darken the picture towards its corners: ``x * (1 - strength * r^2)``.

    ``r`` is 0 in the centre, 1 in the corners, and the same along ellipses of the picture's shape.

    Args:
        strength: what the corners lose: a number, or a range to draw from. 0 is the image itself.
    """

    strength: Range = (0.2, 0.6)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Apply(light.vignette, draw(key, self.strength, around=None), extent=True)
