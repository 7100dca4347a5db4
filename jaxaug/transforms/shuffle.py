"""Tiles in another order."""

from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._random import permutation
from jaxaug._shuffle import Shuffle
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape, describe


class GridShuffle(Transform):
    """Divide the image into tiles and put them back in a random order, as of a jigsaw puzzle.

    Tiles have ``floor(h / rows)`` by ``floor(w / columns)`` pixels, which are moved as they are;
    what is left over to the right and below stays. Masks and keypoints go with their tile, a box
    becomes the hull of its pieces. ``sample(key, shape).places`` is the order that was drawn.

    Args:
        rows: how many tiles from top to bottom.
        columns: how many from left to right.

    Reference:
        Noroozi and Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw
        Puzzles, ECCV 2016, arXiv:1603.09246.
    """

    rows: int = static(default=3)
    columns: int = static(default=3)

    def __post_init__(self) -> None:
        if not all(isinstance(n, int) and n > 0 for n in (self.rows, self.columns)):
            got = describe((self.rows, self.columns))
            raise JaxaugError("GridShuffle", "rows and columns above 0", got)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        places = permutation(key, self.rows * self.columns)
        return Shuffle(places, (self.rows, self.columns))
