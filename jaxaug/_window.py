"""Windows of an image as Warps: cut out pixel for pixel, or resized."""

from typing import Any, TypeAlias

import jax.numpy as jnp

from jaxaug import functional as F  # noqa: N812
from jaxaug._types import (
    CanvasShape,
    Extent,
    JaxaugError,
    Scalar,
    Shape,
    Size,
    describe,
    extent,
)
from jaxaug._warp import Warp

Window: TypeAlias = tuple[Scalar, Scalar, Scalar, Scalar]
"""``(top, left, height, width)`` in pixels of the image; it may stick out."""


def set_size(transform: Any) -> None:
    """Make the field ``size`` a pair; a number is a square.

    Raises:
        JaxaugError: anything but one or two whole numbers above 0.
    """
    size = transform.size
    sides = (size, size) if isinstance(size, int) else size
    good = isinstance(sides, tuple | list) and len(sides) == 2
    if not good or not all(isinstance(side, int) and side > 0 for side in sides):
        who = type(transform).__name__
        raise JaxaugError(who, "a size (h, w) of two numbers above 0", describe(size))
    object.__setattr__(transform, "size", tuple(sides))


def pair(size: Size | int) -> Size:
    """A size ``(h, w)`` of one number or two."""
    return (size, size) if isinstance(size, int) else size


def centred(n: Scalar, cut: int) -> Scalar:
    """Where a window of ``cut`` pixels starts in the middle of ``n``: a half goes to even."""
    return round((n - cut) / 2) if isinstance(n, int) else jnp.round((n - cut) / 2)


def source(shape: Shape) -> Size | None:
    """The size that an op can go back to; the place of a picture on a canvas is not known to it."""
    return None if isinstance(shape, CanvasShape) else shape[:2]


def cut(top: Scalar, left: Scalar, size: Size, shape: Shape) -> Warp:
    """The window of this size at a place, pixel for pixel."""
    in_height, in_width = extent(shape)
    down = top + (size[0] - in_height) / 2
    right = left + (size[1] - in_width) / 2
    return Warp(F.translate(-right, -down), size=size, source=source(shape), whole=True)


def boxed(
    window: Window,
    size: Size | None,
    shape: Shape,
    *,
    shrink: tuple[float, float] | None = None,
    picture: Extent | None = None,
) -> Warp:
    """A window, resized.

    Args:
        window: what is seen.
        size: ``(h, w)`` of the output; None keeps the input's, and that of a picture on a canvas.
        shape: that of the image.
        shrink: upper bounds of how much it shrinks along y and x; by default those of windows that
            are inside the image.
        picture: ``(h, w)`` that the window is resized to, if that is less than ``size``.
    """
    top, left, height, width = window
    in_height, in_width = extent(shape)
    out_height, out_width = picture or size or extent(shape)
    down = top + height / 2 - in_height / 2
    right = left + width / 2 - in_width / 2
    matrix = ((width / out_width, 0.0, right), (0.0, height / out_height, down), (0.0, 0.0, 1.0))
    if shrink is None:
        after = size or shape
        shrink = max(1.0, shape[0] / after[0]), max(1.0, shape[1] / after[1])
    back = source(shape) if size else None
    return Warp(matrix, size=size, source=back, shrink=shrink, picture=picture)
