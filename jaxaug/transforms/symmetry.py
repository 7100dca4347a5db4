"""Geometry that maps the grid of pixels onto itself: quarter turns, transposition, all eight."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxaug import functional as F  # noqa: N812
from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._random import check_probability, coin, pick
from jaxaug._transform import Transform
from jaxaug._types import CanvasShape, Flag, JaxaugError, Key, Matrix, Scalar, Shape, extent
from jaxaug._warp import Warp


class Rotate90(Transform):
    """Turn the image by a number of quarter turns, exactly.

    Args:
        times: the quarter turns to choose from, counter-clockwise. Where odd and even ones are
            among them, the image, or the canvas that holds it, has to be square.

    Raises:
        JaxaugError: odd and even turns of an image that is not square.
    """

    times: tuple[int, ...] = static(default=(0, 1, 2, 3))

    def sample(self, key: Key, shape: Shape) -> Op:
        times = pick(jax.random.uniform(key), self.times)
        odd = {turn % 2 == 1 for turn in self.times}
        swapped: Any = odd.pop() if len(odd) == 1 else times % 2 == 1
        remedy = "Use Rotate90(times=(0, 2)), or crop to a square first."
        return _mapped("Rotate90", F.quarter_turn(times), swapped, shape, remedy=remedy)


class Transpose(Transform):
    """Swap rows and columns, exactly: mirror the image at its main diagonal.

    Args:
        p: probability, in [0, 1]. If it is known to be 1, the output of ``(h, w)`` is ``(w, h)``;
            else the image, or the canvas that holds it, has to be square.
        swap: the keypoints whose names change sides in a mirror; as in ``HorizontalFlip``.

    Raises:
        JaxaugError: a ``p`` other than 0 and 1 for an image that is not square.
    """

    p: Scalar = 0.5
    swap: tuple[int, ...] | None = static(default=None)

    def __post_init__(self) -> None:
        check_probability("Transpose", self.p)

    def sample(self, key: Key, shape: Shape) -> Op:
        known = isinstance(self.p, float | int) and self.p in (0, 1)
        swapped: Any = bool(self.p) if known else coin(key, self.p)
        one, none = (float(self.p), 1.0 - self.p) if known else _parts(swapped)
        matrix: Matrix = ((none, one, 0.0), (one, none, 0.0), (0.0, 0.0, 1.0))
        remedy = "Use Transpose(p=1.0), or crop to a square first."
        return _mapped("Transpose", matrix, swapped, shape, remedy=remedy, swap=self.swap)


class D4(Transform):
    """One of the eight symmetries of the square, each as likely: four turns, mirrored or not.

    Args:
        swap: the keypoints whose names change sides in a mirror; as in ``HorizontalFlip``.

    Raises:
        JaxaugError: an image, or a canvas that holds one, that is not square.
    """

    swap: tuple[int, ...] | None = static(default=None)

    def sample(self, key: Key, shape: Shape) -> Op:
        uniform = jax.random.uniform(key, (2,))
        times = pick(uniform[0], (0, 1, 2, 3))
        matrix = F.geometry.product(F.flip(x=uniform[1] < 0.5), F.quarter_turn(times))
        remedy = "Use the flips and Rotate90(times=(0, 2)), or crop to a square first."
        return _mapped("D4", matrix, times % 2 == 1, shape, remedy=remedy, swap=self.swap)


def _parts(flag: Flag) -> tuple[jax.Array, jax.Array]:
    return jnp.where(flag, 1.0, 0.0), jnp.where(flag, 0.0, 1.0)


def _mapped(
    who: str,
    matrix: Matrix,
    swapped: Flag,
    shape: Shape,
    *,
    remedy: str,
    swap: tuple[int, ...] | None = None,
) -> Warp:
    """The Warp of a symmetry that swaps height and width always, never or, for a square, at times.

    Raises:
        JaxaugError: the size of the output would be drawn.
    """
    if swapped is False:
        return Warp(matrix, whole=True, swap=swap)
    if swapped is not True and shape[0] != shape[1]:
        raise JaxaugError(who, "a square image", f"{shape[:2]}", remedy)
    size = shape[1], shape[0]
    if isinstance(shape, CanvasShape):
        height, width = extent(shape)
        picture = jnp.where(swapped, width, height), jnp.where(swapped, height, width)
        return Warp(matrix, size=size, whole=True, swap=swap, picture=picture)
    if swapped is True:
        return Warp(matrix, size=size, source=shape[:2], whole=True, swap=swap)
    return Warp(matrix, whole=True, swap=swap)
