"""Whitening by ZCA: the directions in which flattened images vary, and the map that evens them out.

As in Keras, images lose the mean of each channel, of all images and places, and not the mean of
each pixel; with ``n`` such images as rows of ``X`` and ``X = V diag(s) U'``, the map is ``W = U
diag(sqrt(n) / (s + epsilon)) U'``.

Few directions of many are found without the matrix of all, as in D. A. Ross, J. Lim, R.-S. Lin and
M.-H. Yang, Incremental Learning for Robust Visual Tracking, IJCV 2008.
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float
from numpy.typing import NDArray

from jaxaug._types import HWC, Array
from jaxaug.functional.color import to_float
from jaxaug.functional.stable import weighted_sum

Numbers: TypeAlias = NDArray[np.float64]
BLOCK = 16


class Sketch(NamedTuple):
    """Moments of rows whose scatter ``(d, d)`` is kept as a root of few rows, on the host.

    Attributes:
        count: ``()``, a float.
        mean: ``(d,)``.
        root: ``(m, d)``; ``root.T @ root`` is the scatter about the mean.
    """

    count: Any
    mean: Numbers
    root: Numbers


def sketch(rows: Numbers) -> Sketch:
    """The sketch of rows ``(n, d)``, exact: its root are the rows themselves without their mean."""
    mean = rows.mean(0)
    return Sketch(np.float64(len(rows)), mean, rows - mean)


def join(first: Sketch, second: Sketch, keep: int) -> Sketch:
    """The sketch of the rows of both together, cut to their ``keep`` strongest directions."""
    count = first.count + second.count
    apart = second.mean - first.mean
    weight = np.sqrt(first.count * second.count / max(count, 1))
    root = np.concatenate([first.root, second.root, weight * apart[None]])
    if len(root) > keep:
        _, strength, directions = np.linalg.svd(root, full_matrices=False)
        root = strength[:keep, None] * directions[:keep]
    return Sketch(count, first.mean + apart * (second.count / max(count, 1)), root)


def matrix(second: Numbers, count: float, epsilon: float) -> Numbers:
    """The map ``W`` ``(d, d)``.

    Args:
        second: ``X' X`` ``(d, d)`` in float64, of the images that lost their mean.
        count: the number of images.
        epsilon: added to the singular values.

    Returns:
        ``W``, without the directions whose variation is no more than what rounding makes; so 0 if
        nothing varies.
    """
    power, directions = np.linalg.eigh(second)
    real = power > power[-1] * len(power) * np.finfo(np.float64).eps
    root = directions[:, real] * np.sqrt(_gains(np.sqrt(power[real]), count, epsilon))
    return root @ root.T


def factor(root: Numbers, count: float, epsilon: float, rank: int) -> Numbers:
    """A root ``R`` ``(d, k)`` of the map, ``W = R R'``, of at most ``rank`` strongest directions.

    Args:
        root: ``(m, d)`` in float64, of which ``root' root`` is ``X' X``.
        count: the number of images.
        epsilon: added to the singular values.
        rank: how many directions to keep, where there are as many.
    """
    _, strength, directions = np.linalg.svd(root, full_matrices=False)
    real = np.flatnonzero(strength > strength[0] * max(root.shape) * np.finfo(np.float64).eps)
    kept = real[:rank]
    return directions[kept].T * np.sqrt(_gains(strength[kept], count, epsilon))


def _gains(strength: Numbers, count: float, epsilon: float) -> Numbers:
    return np.sqrt(count) / (strength + epsilon)


def whiten(image: HWC, mean: Array, matrix: Float[Array, "d k"]) -> HWC:
    """Subtract the mean, flatten, multiply, and give the image its shape back.

    Args:
        image: ``(h, w, c)``.
        mean: what broadcasts to the image: ``()``, ``(c,)`` or ``(h, w, c)``.
        matrix: ``(d, d)`` with ``d = h w c``; or a root ``(d, k)`` of it, with fewer columns, by
            which and by whose transpose the image is multiplied.

    Returns:
        The whitened image, float32, about 0.
    """
    pixels = to_float(image)
    flat = _times((pixels - mean).reshape(-1), matrix)
    if matrix.shape[0] != matrix.shape[1]:
        flat = _times(flat, matrix.T)
    return flat.reshape(pixels.shape)


def _times(row: Float[Array, " d"], matrix: Float[Array, "d k"]) -> jax.Array:
    """``row @ matrix``, added in one order.

    A matrix product of a batch adds in an order of its own for each number of rows, and an image
    must not depend on the batch around it.
    """
    matrix = jnp.asarray(matrix, jnp.float32)

    def part(start: Any, length: int) -> Any:
        cut = (lax.dynamic_slice_in_dim(x, start, length) for x in (row, matrix))
        return weighted_sum(zip(*cut, strict=True))

    # What does not fill a block comes first: then the loop carries a sum laid out as its terms are.
    steps, rest = divmod(row.shape[0] - 1, BLOCK)
    first = part(0, rest + 1)
    if not steps:
        return first
    return lax.fori_loop(0, steps, lambda k, sum_: sum_ + part(rest + 1 + k * BLOCK, BLOCK), first)
