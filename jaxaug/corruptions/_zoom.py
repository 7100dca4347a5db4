"""The middle of a picture, enlarged to the picture's size."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Extent, Key, Scalar
from jaxaug.functional.color import to_float
from jaxaug.functional.resample import lines
from jaxaug.functional.stable import materialize, weighted_sum
from jaxaug.functional.taps import clamp, to_int

from ._severity import at, most

# Hundredths, up to 1.11, 1.15, 1.20, 1.24 and 1.30.
ZOOMS = tuple(
    tuple(range(100, stop, step))
    for stop, step in ((112, 1), (116, 1), (121, 2), (125, 2), (131, 3))
)


def zoom_blur(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """The mean of the picture and of enlarged ones."""
    del key
    pixels = to_float(image)
    slots = most(severity, tuple(map(len, ZOOMS)))
    factors = at(severity, [np.resize(np.array(zooms, np.int32), slots) for zooms in ZOOMS])
    count = at(severity, tuple(map(len, ZOOMS)))
    axes = [
        places(factors[:, None], extent[axis], pixels.shape[axis], middle=True) for axis in (0, 1)
    ]
    axes = materialize(axes)

    def add(slot: Any, total: HWC) -> HWC:
        one = [tuple(part[slot] for part in axis) for axis in axes]
        return total + jnp.where(slot < count, between(pixels, *one), 0.0)

    total = lax.fori_loop(0, slots, add, pixels)
    # Divided in one way whatever is known: by a product.
    return jnp.clip(total * (1.0 / (count + 1).astype(jnp.float32)), 0.0, 1.0)


def places(hundredths: Any, n: Scalar, canvas: int, *, middle: bool) -> tuple[Any, Any]:
    """Where the lines of an enlarged picture come from, along one axis.

    As ``scipy.ndimage.zoom`` with its ends on the first and last line of the part of the picture
    that is enlarged, the rest cut off on both sides: whole numbers of lines, of which the part and
    the cuts are rounded.

    Args:
        hundredths: how much it is enlarged, integers that broadcast with ``(canvas,)``.
        n: length of the picture.
        canvas: length of the axis.
        middle: the part is the middle of the picture, else its beginning.

    Returns:
        The line before and how far it is to the next, which is there.
    """
    line = lax.iota(jnp.float32, canvas)
    hundredths = jnp.asarray(hundredths, jnp.float32)
    # Quotients of whole numbers: half a unit more keeps what is exact from being rounded down.
    part = jnp.floor((100.0 * n + hundredths - 0.5) / hundredths)
    first = jnp.floor((n - part) * 0.5)
    whole = jnp.round(part * hundredths * 0.01)
    cut = jnp.floor((whole - n) * 0.5)
    inside = (line + cut) * ((part - 1.0) / jnp.maximum(whole - 1.0, 1.0))
    before = clamp(jnp.floor(inside), jnp.maximum(part - 2.0, 0.0))
    return before + (first if middle else 0.0), inside - before


def between(image: HWC, rows: tuple[Any, Any], columns: tuple[Any, Any]) -> HWC:
    """An image read between its lines, at ``places`` along both axes."""
    for axis, (before, part) in enumerate((rows, columns)):
        n = image.shape[axis]
        next_one = clamp(before + 1.0, n - 1.0)
        shape = tuple(-1 if k == axis else 1 for k in range(3))
        share = part.reshape(shape)
        image = weighted_sum(
            [
                (lines(image, to_int(before, n), axis), 1.0 - share),
                (lines(image, to_int(next_one, n), axis), share),
            ]
        )
        image = materialize(image) if axis == 0 else image
    return image


def room(n: int, hundredths: int) -> int:
    """Lines of a picture of ``n`` that are needed to enlarge them to it."""
    return min(n, math.ceil(100 * n / hundredths) + 1)
