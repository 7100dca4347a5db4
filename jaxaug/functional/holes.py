"""Holes: which pixels of a picture are hidden.

A kernel is ``holes(height, width, extent, *arguments)``, of the static size of the image and ``(h,
w)`` of the picture in its top left corner, and gives booleans ``(height, width)``. A pixel is in a
shape if its centre is.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float, Integer, UInt32

from jaxaug._types import HWC, N4, Array, Extent, Key, Scalar
from jaxaug.functional import noise
from jaxaug.functional.stable import materialize, rounded

WORD = 32
"""Labels in a word: one a bit."""


def rectangles(height: int, width: int, extent: Extent, corners: N4) -> jax.Array:
    """Pixels in any of some rectangles ``(n, 4)``, ``x0 y0 x1 y1``; one of no area hides none."""
    del extent
    x = lax.broadcasted_iota(jnp.float32, (1, 1, width), 2) + 0.5
    y = lax.broadcasted_iota(jnp.float32, (1, height, 1), 1) + 0.5
    x0, y0, x1, y1 = (corners[:, k, None, None] for k in range(4))
    return (((x > x0) & (x < x1)) & ((y > y0) & (y < y1))).any(axis=0)


def grid(
    height: int,
    width: int,
    extent: Extent,
    place: tuple[Scalar, Scalar, Scalar, Scalar],
    hole: Scalar,
) -> jax.Array:
    """Squares on a regular grid, one in the corner of each of its cells.

    Args:
        height: of the image.
        width: of the image.
        extent: of the picture, about whose centre the grid is turned.
        place: cosine and sine of the grid's angle, divided by the side of a cell in pixels; and
            where in a cell the centre of the picture is, down and right, in cells.
        hole: side of the squares, in cells.
    """
    cos, sin, down, right = place
    y = lax.iota(jnp.float32, height) - (extent[0] - 1) / 2
    x = lax.iota(jnp.float32, width) - (extent[1] - 1) / 2
    # Rows and columns first, in memory: what is left are additions, which round in one way.
    rows = rounded(y * cos) + down, rounded(y * sin) + right
    columns = rounded(x * sin), rounded(x * cos)
    (down, right), (back, along) = materialize((rows, columns))
    v, u = down[:, None] - back, right[:, None] + along
    return (v - jnp.floor(v) < hole) & (u - jnp.floor(u) < hole)


def pixels(height: int, width: int, extent: Extent, key: Key, p: Scalar) -> jax.Array:
    """Each pixel with probability ``p``."""
    del extent
    return jnp.less(noise.uniform(key, (height, width, 1))[..., 0], p)


def drop(image: HWC, key: Key, p: Scalar, fill: Scalar | Float[Array, "c"]) -> jax.Array:
    """An image, each of its numbers replaced by ``fill`` with probability ``p``."""
    height, width, channels = image.shape
    return jnp.where(noise.uniform(key, (height, width, channels)) < p, fill, image)


def labelled(
    height: int, width: int, extent: Extent, mask: Integer[Array, "h w"], words: UInt32[Array, "n"]
) -> jax.Array:
    """Pixels whose label in a mask is in a set, given as bits: see ``present``."""
    del height, width, extent
    place, bit = _bits(mask)
    word: Any = jnp.uint32(0)
    for number in range(words.shape[0]):
        word = jnp.where(place == number, words[number], word)
    return (word & bit) != 0


def present(mask: Integer[Array, "h w"], labels: int) -> Bool[Array, "labels"]:
    """Which of the labels ``1..labels`` occur in a mask; one pass for every 32 of them."""
    place, bit = _bits(mask)
    found = [
        lax.reduce(jnp.where(place == k, bit, 0), np.uint32(0), lax.bitwise_or, (0, 1))
        for k in range(labels // WORD + 1)
    ]
    each = np.arange(1, labels + 1)
    words = jnp.stack(found)[each // WORD]
    return (words >> (each % WORD).astype(np.uint32)) & 1 == 1


def as_words(flags: Bool[Array, "labels"]) -> UInt32[Array, "words"]:
    """A set of labels, a flag for each of ``1..n``, as the bits of words."""
    count = flags.shape[0] // WORD + 1
    around = 1, count * WORD - flags.shape[0] - 1
    whole = jnp.pad(flags.astype(jnp.uint32), around)
    bits = whole.reshape(count, WORD) << np.arange(WORD, dtype=np.uint32)
    return bits.sum(axis=1, dtype=jnp.uint32)


def _bits(mask: Integer[Array, "h w"]) -> tuple[jax.Array, jax.Array]:
    """The word that each label is in, and the label's bit."""
    label = jnp.asarray(mask).astype(jnp.int32)
    return label >> 5, jnp.uint32(1) << (label & (WORD - 1)).astype(jnp.uint32)
