"""Contrast limited adaptive histogram equalization: levels by the histograms around a pixel."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxaug._types import HWC, Array, Extent, Scalar, Size
from jaxaug.functional import tone
from jaxaug.functional.color import LUMA
from jaxaug.functional.stable import materialize, weighted_sum

Sides = tuple[Any, Any]  # height and width of a tile: integers, or traced int32


def clahe(
    image: HWC,
    clip_limit: Scalar,
    *,
    tiles: Size = (8, 8),
    per_channel: bool = False,
    extent: Extent | None = None,
) -> HWC:
    """Equalize levels by the histograms of tiles, as OpenCV's ``createCLAHE``.

    Each tile has a curve, of its own histogram cut at ``clip_limit`` times the mean count of a
    level; what is cut off is spread over all levels. A pixel is between the curves of the four
    tiles around it. A picture that is no multiple of the tiles is mirrored beyond its lower and
    right edge.

    Args:
        image: ``(h, w, c)`` float32; rounded to 256 levels, by which curves are read.
        clip_limit: from 1, which changes little, upwards; 0 or less does not cut.
        tiles: how many rows and columns of tiles. (OpenCV has columns first.)
        per_channel: each channel by histograms of its own. Else the luma of three channels is
            equalized, and they all are shifted by what it gains.
        extent: ``(h, w)`` of the picture, if it is traced numbers; else it is all of the image.

    Returns:
        ``(h, w, c)``, in 0..1 unless three channels were shifted.
    """
    size = tuple(_whole(side) for side in extent or image.shape[:2])
    shifted = image.shape[2] == 3 and not per_channel
    seen = image
    if shifted:
        seen = weighted_sum((image[..., k : k + 1], LUMA[k]) for k in range(3))
    levels = materialize(tone.levels_of(seen))
    sides = _sides(size, tiles)
    counts = _histograms(levels, size, sides, tiles)
    values = _between(levels, materialize(_curves(counts, sides, clip_limit)), sides, tiles)
    return image + (values - levels.astype(jnp.float32) * tone.UNIT) if shifted else values


def _whole(side: Any) -> Any:
    return side if isinstance(side, int) else jnp.asarray(side).astype(jnp.int32)


def _sides(size: Any, tiles: Size) -> Sides:
    """Height and width of a tile; mirrored pixels come to both, or to neither."""
    (height, width), (rows, columns) = size, tiles
    rest = height % rows + width % columns
    more = min(rest, 1) if isinstance(rest, int) else jnp.minimum(rest, 1)
    return height // rows + more, width // columns + more


def _histograms(levels: Array, size: Any, sides: Sides, tiles: Size) -> jax.Array:
    """``(rows, columns, 256, c)`` int32: how often each tile has each level."""
    room = [n // count + 1 for n, count in zip(levels.shape, tiles, strict=False)]
    room = [side if isinstance(side, int) else n for side, n in zip(sides, room, strict=True)]
    cut = jnp.asarray(levels)
    for axis, (n, side, count) in enumerate(zip(size, sides, tiles, strict=True)):
        place = jnp.arange(count)[:, None] * side + jnp.arange(room[axis])
        period = jnp.maximum(2 * n - 2, 1)
        place = place % period
        place = jnp.minimum(place, period - place)
        cut = jnp.take(cut, place, axis=2 * axis, mode="clip")
    inside = lax.broadcasted_iota(jnp.int32, (*room, 1), 0) < sides[0]
    inside &= lax.broadcasted_iota(jnp.int32, (*room, 1), 1) < sides[1]
    each = jax.vmap(jax.vmap(tone.histogram, (0, None)), (1, None), 1)
    return each(cut.swapaxes(1, 2), inside)


def _curves(counts: jax.Array, sides: Sides, clip_limit: Scalar) -> jax.Array:
    """Curves ``(rows, columns, 256, c)`` of histograms that are cut and spread as OpenCV does."""
    area = jnp.asarray(sides[0] * sides[1], jnp.int32)
    share = area.astype(jnp.float32) * (1.0 / tone.LEVELS)
    clip_limit = jnp.asarray(clip_limit, jnp.float32)
    limit = jnp.maximum((clip_limit * share).astype(jnp.int32), 1)
    limit = jnp.where(clip_limit > 0.0, limit, area)
    excess = jnp.maximum(counts - limit, 0).sum(axis=2, keepdims=True)
    rest = excess % tone.LEVELS
    # What does not go round is given to single levels, as far apart as can be.
    step = jnp.maximum(tone.LEVELS // jnp.maximum(rest, 1), 1)
    level = lax.broadcasted_iota(jnp.int32, counts.shape, 2)
    extra = (level % step == 0) & (level // step < rest)
    counts = jnp.minimum(counts, limit) + excess // tone.LEVELS + extra.astype(jnp.int32)
    return jnp.cumsum(counts, axis=2).astype(jnp.float32) / area.astype(jnp.float32)


def _between(levels: Array, curves: jax.Array, sides: Sides, tiles: Size) -> jax.Array:
    """Pixels ``(h, w, c)`` of levels, linear between the curves of the tiles around each."""
    channels = levels.shape[2]
    around = []
    for axis, (side, count) in enumerate(zip(sides, tiles, strict=True)):
        shape = (levels.shape[0], 1, 1) if axis == 0 else (1, levels.shape[1], 1)
        pixel = lax.broadcasted_iota(jnp.float32, shape, axis)
        place = pixel / jnp.asarray(side).astype(jnp.float32) - 0.5
        first = jnp.floor(place)
        ends = ((first, 1.0 - (place - first)), (first + 1.0, place - first))
        around.append([(jnp.clip(k, 0.0, count - 1.0).astype(jnp.int32), w) for k, w in ends])
    entry = levels.astype(jnp.int32) * channels + lax.broadcasted_iota(jnp.int32, levels.shape, 2)
    flat = curves.reshape(-1)
    terms = []
    for row, down in around[0]:
        for column, across in around[1]:
            place = (row * tiles[1] + column) * (tone.LEVELS * channels) + entry
            terms.append((flat.at[place].get(mode="promise_in_bounds"), down * across))
    return weighted_sum(terms)
