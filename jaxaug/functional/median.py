"""The median of each pixel's neighbours, by minima and maxima: no sort, no branch, no stack."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from jaxaug._types import HWC, Extent
from jaxaug.functional.color import to_float
from jaxaug.functional.filter import padded
from jaxaug.functional.stable import materialize


def median_blur(image: HWC, *, size: int, extent: Extent, border: str = "nearest") -> HWC:
    """The median of a square of pixels, each channel on its own, as OpenCV's ``medianBlur``.

    The columns of the square are sorted first, once for all squares that share them, and the
    columns' k-th values then, for each k. Of ``size ** 2`` numbers in such an order, that at ``(i,
    j)`` is not below ``(i + 1) (j + 1) - 1`` others: few can still be the median.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        size: side of the square in pixels, odd.
        extent: ``(h, w)`` of the picture.
        border: the rule beyond the picture's edge.
    """
    height, width, channels = image.shape
    around = materialize(padded(image, size // 2, extent=extent, border=border))
    rows = around.reshape(around.shape[0], -1)
    columns = _sorted([rows[t : t + height] for t in range(size)])
    if size > 3:  # three are sorted again as quickly as they are read from memory
        columns = materialize(columns)
    places = [slice(t * channels, (t + width) * channels) for t in range(size)]
    square = [_sorted([each[:, place] for place in places]) for each in columns]
    half = size * size // 2
    left = [
        square[i][j]
        for i in range(size)
        for j in range(size)
        if (i + 1) * (j + 1) - 1 <= half and (size - i) * (size - j) - 1 <= half
    ]
    # As many were left out above as below, and what is not needed of a sorting is not compiled.
    return to_float(_sorted(left)[len(left) // 2].reshape(image.shape))


def _sorted(values: list[Any]) -> list[Any]:
    """Arrays sorted entry by entry."""
    values = list(values)
    for i, j in _exchanges(len(values)):
        low, high = jnp.minimum(values[i], values[j]), jnp.maximum(values[i], values[j])
        values[i], values[j] = low, high
    return values


def _exchanges(n: int) -> Iterator[tuple[int, int]]:
    """Batcher's merge exchange (D. Knuth, The Art of Computer Programming 3, algorithm 5.2.2M)."""
    top = 1 << max(n - 1, 1).bit_length() - 1
    step = top
    while step:
        width, rest, distance = top, 0, step
        while True:
            for i in range(n - distance):
                if i & step == rest:
                    yield i, i + distance
            if width == step:
                break
            distance, width, rest = width - step, width // 2, step
        step //= 2
