"""Shuffle: tiles of the image change places, pixel for pixel."""

from collections.abc import Hashable

import jax.numpy as jnp
import numpy as np

from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._types import HW, HWC, N2, N4, Array, Flag, Shape, Size, extent
from jaxaug.functional import color, geometry, tiles
from jaxaug.functional.resample import cleared


class Shuffle(Op):
    """Tiles change places, and with them masks and points; boxes become hulls of their pieces.

    Attributes:
        places: int32 ``(rows * columns,)``, where each tile goes, row by row: a permutation.
        grid: rows and columns.
    """

    places: Array
    grid: Size = static()

    def image(self, image: HWC, shape: Shape) -> HWC:
        sides = extent(shape)
        return cleared(color.to_float(self._shuffled(image, shape)), sides)

    def mask(self, mask: HW, shape: Shape) -> HW:
        return cleared(self._shuffled(mask, shape), extent(shape))

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        sides = extent(shape)
        moved = tiles.hulls(boxes, self.places, grid=self.grid, extent=sides)
        return geometry.clip_boxes(moved, sides) if clip else moved

    def keypoints(self, points: N2, shape: Shape) -> N2:
        return tiles.move_points(points, self.places, grid=self.grid, extent=extent(shape))

    def _shuffled(self, pixels: HWC | HW, shape: Shape) -> HWC | HW:
        return tiles.shuffle(pixels, self.places, grid=self.grid, extent=extent(shape))

    @property
    def family(self) -> Hashable:
        return (Shuffle, self.grid)

    def select(self, on: Flag, other: Op | None) -> "Shuffle":
        count = self.grid[0] * self.grid[1]
        rest = other.places if isinstance(other, Shuffle) else np.arange(count, dtype=np.int32)
        return self.replace(places=jnp.where(on, self.places, rest))
