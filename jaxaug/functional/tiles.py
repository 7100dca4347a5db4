"""Tiles of a picture that change places: pixels, points and boxes.

A grid of ``(rows, columns)`` has tiles of ``floor(h / rows)`` by ``floor(w / columns)`` pixels,
numbered row by row; what is left over to the right and below stays. ``places`` are integers ``(rows
* columns,)``, where each tile goes: a permutation.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Integer

from jaxaug._types import HW, HWC, N2, N4, Array, Extent, Size
from jaxaug.functional.geometry import box_area

Places: TypeAlias = Integer[Array, "tiles"]


def shuffle(pixels: HWC | HW, places: Places, *, grid: Size, extent: Extent) -> Any:
    """An image or a mask whose tiles changed places, pixel for pixel.

    Args:
        pixels: ``(h, w, c)`` or ``(h, w)`` of any type, which is kept.
        places: where each tile goes.
        grid: how many rows and columns of tiles.
        extent: ``(h, w)`` of the picture in the top left corner, which is divided.
    """
    height, width = pixels.shape[:2]
    high, wide = _tile(grid, extent)
    y = lax.broadcasted_iota(jnp.int32, (height, 1), 0)
    x = lax.broadcasted_iota(jnp.int32, (1, width), 1)
    row, column = (jnp.minimum(u // jnp.maximum(n, 1), k - 1)
                   for u, n, k in ((y, high, grid[0]), (x, wide, grid[1])))  # fmt: skip
    down, right = _moves(_inverse(places), grid)
    away = _look_up(down * high * width + right * wide, row * grid[1] + column)
    tiled = (y < grid[0] * high) & (x < grid[1] * wide)
    flat = jnp.asarray(pixels).reshape(height * width, *pixels.shape[2:])
    return _look_up(flat, y * width + x + jnp.where(tiled, away, 0))


def move_points(points: N2, places: Places, *, grid: Size, extent: Extent) -> jax.Array:
    """Points ``(n, 2)``, ``x y``, moved with their tiles; those in none, and NaN, stay."""
    points = jnp.asarray(points, jnp.float32)
    high, wide = (n.astype(jnp.float32) for n in _tile(grid, extent))
    x, y = points[:, 0], points[:, 1]
    tiled = (x >= 0) & (y >= 0) & (x < grid[1] * wide) & (y < grid[0] * high)
    row, column = (
        sum(
            ((u >= k * n).astype(jnp.int32) for k in range(1, count)), jnp.zeros(u.shape, jnp.int32)
        )
        for u, n, count in ((y, high, grid[0]), (x, wide, grid[1]))
    )
    tile = row * grid[1] + column
    down, right = (_look_up(move, tile).astype(jnp.float32) for move in _moves(places, grid))
    moved = jnp.stack([x + right * wide, y + down * high], axis=-1)
    return jnp.where(tiled[:, None], moved, points)


def hulls(boxes: N4, places: Places, *, grid: Size, extent: Extent) -> jax.Array:
    """The upright hulls ``(n, 4)`` of the pieces of boxes, ``x0 y0 x1 y1``; padding becomes zeros.

    A piece is what a tile has of a box; what no tile has is four more, which stay.
    """
    boxes = jnp.asarray(boxes, jnp.float32)
    high, wide = (n.astype(jnp.float32) for n in _tile(grid, extent))
    row, column = (u.astype(np.float32) for u in np.divmod(np.arange(grid[0] * grid[1]), grid[1]))
    tiles = jnp.stack([column * wide, row * high, (column + 1) * wide, (row + 1) * high], axis=-1)
    open_, bottom, end = np.float32(np.inf), grid[0] * high, grid[1] * wide
    beside = jnp.array([
        [-open_, -open_, 0.0, open_],
        [-open_, -open_, open_, 0.0],
        [end, -open_, open_, open_],
        [-open_, bottom, open_, open_],
    ])  # fmt: skip
    down, right = (move.astype(jnp.float32) for move in _moves(places, grid))
    moves = jnp.stack([right * wide, down * high] * 2, axis=-1)
    pieces = jnp.concatenate([_cut(boxes, tiles) + moves[:, None], _cut(boxes, beside)])
    there = (box_area(pieces) > 0)[..., None]
    low = jnp.where(there, pieces, open_).min(axis=0)
    high_end = jnp.where(there, pieces, -open_).max(axis=0)
    hull = jnp.concatenate([low[:, :2], high_end[:, 2:]], axis=-1)
    return jnp.where(there.any(axis=0), hull, 0.0)


def _cut(boxes: N4, regions: N4) -> jax.Array:
    """What each region ``(r, 4)`` has of each box: ``(r, n, 4)``."""
    low = jnp.maximum(boxes[:, :2], regions[:, None, :2])
    return jnp.concatenate([low, jnp.minimum(boxes[:, 2:], regions[:, None, 2:])], axis=-1)


def _tile(grid: Size, extent: Extent) -> list[jax.Array]:
    """Height and width of a tile, int32."""
    return [jnp.asarray(n).astype(jnp.int32) // k for n, k in zip(extent, grid, strict=True)]


def _moves(places: Places, grid: Size) -> tuple[jax.Array, jax.Array]:
    """How many rows down and columns right each tile goes, ``(tiles,)`` int32."""
    places, own = jnp.asarray(places), np.arange(grid[0] * grid[1], dtype=np.int32)
    return places // grid[1] - own // grid[1], places % grid[1] - own % grid[1]


def _inverse(places: Places) -> jax.Array:
    """Where the tile at each place comes from."""
    own = np.arange(places.shape[0], dtype=np.int32)
    return jnp.sum(jnp.where(places[None] == own[:, None], own[None], 0), axis=1, dtype=jnp.int32)


def _look_up(table: Any, index: Any) -> Any:
    """Entries of a table by its first axis, at integers that are within it."""
    return jnp.asarray(table).at[index].get(mode="promise_in_bounds")
