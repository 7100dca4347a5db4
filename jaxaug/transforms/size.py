"""Geometry that brings images to a size: padding, the longest or shortest side, scale jitter."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxaug import functional as F  # noqa: N812
from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._random import Range, check_range, draw, known_ends
from jaxaug._transform import Transform
from jaxaug._types import (
    CanvasShape,
    JaxaugError,
    Key,
    Scalar,
    Shape,
    Size,
    check_no_canvas,
    describe,
    extent,
)
from jaxaug._warp import Warp
from jaxaug._window import boxed, pair, set_size, source


class Pad(Transform):
    """Put a border around the image, filled as the container says.

    Args:
        padding: pixels, whole numbers: one for all four sides, ``(x, y)`` for left and right and
            for top and bottom, or ``(left, top, right, bottom)``, as torchvision's.
    """

    padding: int | tuple[int, int] | tuple[int, int, int, int] = static()

    def __post_init__(self) -> None:
        sides = self.padding if isinstance(self.padding, tuple | list) else (self.padding,) * 2
        whole = all(isinstance(side, int) and side >= 0 for side in sides)
        if len(sides) not in (2, 4) or not whole:
            want = "a padding of 0 pixels or more: p, (x, y) or (left, top, right, bottom)"
            raise JaxaugError("Pad", want, describe(self.padding))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        sides = (self.padding,) * 4 if isinstance(self.padding, int) else (*self.padding,) * 2
        left, top, right, bottom = sides[:4]
        return _bordered((top, bottom), (left, right), (top + bottom, left + right), shape)


class PadToMultiple(Transform):
    """Put a border around the image that makes its sides multiples of a number.

    The border is filled as the container says. On a canvas, the pictures' sides become multiples.

    Args:
        multiple: the number, or one for the height and one for the width.
        position: where the image is: in the ``center``, a pixel further up and left if the border
            is odd, or in the ``top_left`` corner.
    """

    multiple: Size | int = static()
    position: str = static(default="center")

    def __post_init__(self) -> None:
        sides = self.multiple if isinstance(self.multiple, tuple | list) else (self.multiple,) * 2
        if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
            want = "a multiple above 0, one or two"
            raise JaxaugError("PadToMultiple", want, describe(self.multiple))
        if self.position not in ("center", "top_left"):
            want = "a position among center, top_left"
            raise JaxaugError("PadToMultiple", want, describe(self.position))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        multiples = pair(self.multiple)
        borders = []
        for n, multiple in zip(extent(shape), multiples, strict=True):
            missing = -n % multiple
            before = missing // 2 if self.position == "center" else 0
            borders.append((before, missing - before))
        rows, columns = (-n % each for n, each in zip(shape, multiples, strict=False))
        return _bordered(borders[0], borders[1], (rows, columns), shape)


class LongestMaxSize(Transform):
    """Resize the image so that its longer side has a given length, proportions kept.

    A picture on a canvas comes out in the top left corner of another canvas. With a ``CenterCrop``
    of the same size behind it, it is in the middle of a square that the container fills: a
    letterbox, in one resampling.

    Args:
        size: length of the longer side, in pixels.
        canvas: ``(h, w)`` of the canvas that comes out, or one number for a square; a picture that
            would not fit is made smaller. By default none, and ``size`` for pictures on a canvas.
    """

    size: int = static()
    canvas: Size | int | None = static(default=None)

    def __post_init__(self) -> None:
        _check_canvas("LongestMaxSize", self.size, self.canvas)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        square = self.size if isinstance(shape, CanvasShape) else None
        return _scaled(self.size, self.canvas or square, shape, longer=True)


class SmallestMaxSize(Transform):
    """Resize the image so that its shorter side has a given length, proportions kept.

    Pictures on a canvas come out in the top left corner of another one: with ``canvas=(1333,
    1333)``, a size of 800 and the longer side up to 1333, as detectors take them.

    Args:
        size: length of the shorter side, in pixels.
        canvas: ``(h, w)`` of the canvas that comes out, or one number for a square; a picture that
            would not fit is made smaller. By default none.

    Raises:
        JaxaugError: pictures on a canvas, and no ``canvas`` to put them on.
    """

    size: int = static()
    canvas: Size | int | None = static(default=None)

    def __post_init__(self) -> None:
        _check_canvas("SmallestMaxSize", self.size, self.canvas)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        if self.canvas is None:
            why = "as the longer side decides the output's shape"
            remedy = f"Give it room: SmallestMaxSize({self.size}, canvas=(h, w))."
            check_no_canvas("SmallestMaxSize", shape, why, remedy)
        return _scaled(self.size, self.canvas, shape, longer=False)


class RandomZoomOut(Transform):
    """Shrink the image and put it at a random place in its frame, filled as the container says.

    The expansion of SSD, antialiased, with the size kept. ``Maybe(RandomZoomOut(), 0.5)`` at times.

    Args:
        scale: range of the frame's side, in sides of the shrunken image: a number, or a pair of 1
            or more.

    Reference:
        Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, arXiv:1512.02325.
    """

    scale: Range = (1.0, 4.0)

    def __post_init__(self) -> None:
        check_range("RandomZoomOut", self.scale, "a scale of 1 or more", 1.0)

    def sample(self, key: Key, shape: Shape) -> Op:
        size, place = jax.random.split(key)
        _, most = known_ends("RandomZoomOut", self.scale, "a range of the scale")
        scale = draw(size, self.scale, around=None)
        uniform = jax.random.uniform(place, (2,))
        height, width = (n * scale for n in extent(shape))
        # In pixels of the image, which has its place in the frame.
        top, left = (-uniform[k] * ((scale - 1.0) * n) for k, n in enumerate(extent(shape)))
        return boxed((top, left, height, width), None, shape, shrink=(most, most))


class ScaleJitter(Transform):
    """Resize the image by a random factor, then cut out or pad to a size: large scale jitter.

    A factor of 1 makes the image just fit. Where the result is larger than ``size``, a window is
    cut out at a random place; where it is smaller, it is filled to the right and below as the
    container says. As torchvision's ``ScaleJitter`` and ``FixedSizeCrop``, in one resampling.

    Args:
        size: ``(h, w)`` of the output, or one number for a square.
        scale: range of the factor: a number, or a pair above 0. The smaller the least of it, the
            more pixels are looked at.

    Reference:
        Ghiasi et al., Simple Copy-Paste is a Strong Data Augmentation Method for Instance
        Segmentation, CVPR 2021, arXiv:2012.07177.
    """

    size: Size | int = static()
    scale: Range = (0.1, 2.0)

    def __post_init__(self) -> None:
        set_size(self)
        check_range("ScaleJitter", self.scale, "a scale above 0", 1e-6)

    def sample(self, key: Key, shape: Shape) -> Op:
        factor, place = jax.random.split(key)
        size = pair(self.size)
        sides = extent(shape)
        least, _ = known_ends("ScaleJitter", self.scale, "a range of the scale")
        scale = draw(factor, self.scale, around=None)
        uniform = jax.random.uniform(place, (2,))
        fit = jnp.minimum(size[0] / sides[0], size[1] / sides[1]) * scale
        corner, window = [], []
        for k, (n, out) in enumerate(zip(sides, size, strict=True)):
            scaled = jnp.maximum(jnp.round(n * fit), 1.0)
            start = jnp.floor(uniform[k] * (jnp.maximum(scaled - out, 0.0) + 1.0))
            corner.append(start * (n / scaled))
            window.append(out * (n / scaled))
        tiny = min(size[0] / shape[0], size[1] / shape[1]) * least
        high, wide = (_most(n, shape, lambda k: max(1, round(k * tiny))) for n in shape[:2])
        (top, left), (height, width) = corner, window
        return boxed((top, left, height, width), size, shape, shrink=(high, wide))


def _bordered(
    rows: tuple[Scalar, Scalar], columns: tuple[Scalar, Scalar], room: Size, shape: Shape
) -> Warp:
    """The image between borders above and below and left and right; ``room`` is added to both."""
    (top, bottom), (left, right) = rows, columns
    matrix = F.translate(x=(left - right) / 2, y=(top - bottom) / 2)
    size = shape[0] + room[0], shape[1] + room[1]
    picture = None
    if isinstance(shape, CanvasShape):
        height, width = extent(shape)
        picture = height + (top + bottom), width + (left + right)
    return Warp(matrix, size=size, source=source(shape), picture=picture)


def _scaled(size: int, canvas: Size | int | None, shape: Shape, *, longer: bool) -> Warp:
    """The image resized so that its longer or shorter side has a size, if the canvas holds it."""
    room = None if canvas is None else pair(canvas)
    whole = (0.0, 0.0, *extent(shape))
    largest = _part((shape[0], shape[1]), size, room, longer=longer)
    # Pictures as large as their canvas are made smaller than others.
    high, wide = (_most(n, shape, lambda k: _rounded(k, largest)) for n in shape[:2])
    if not isinstance(shape, CanvasShape):
        height, width = (_rounded(n, largest) for n in shape[:2])
        picture = room and (jnp.float32(height), jnp.float32(width))
        room = room or (height, width)
    else:
        sides = [jnp.asarray(n).astype(jnp.int32) for n in extent(shape)]
        part = _part((sides[0], sides[1]), size, room, longer=longer)
        height, width = (_rounded(n, part).astype(jnp.float32) for n in sides)
        picture = height, width
    return boxed(whole, room, shape, shrink=(high, wide), picture=picture)


def _part(sides: tuple[Any, Any], size: int, room: Size | None, *, longer: bool) -> tuple[Any, Any]:
    """How much smaller than a picture of these sides it becomes, as a fraction of integers."""
    height, width = sides
    choose = _choose if isinstance(height, int) else jnp.where
    above: Any = size
    below = choose((height > width) == longer, height, width)
    for limit, n in zip(room or (), sides, strict=False):
        tighter = limit * below < above * n
        above, below = choose(tighter, limit, above), choose(tighter, n, below)
    return above, below


def _rounded(n: Any, part: tuple[Any, Any]) -> Any:
    """A side times a fraction, rounded, a half to even, and at least 1: exact, of integers."""
    choose = _choose if isinstance(n, int) else jnp.where
    whole, rest = n * part[0] // part[1], n * part[0] % part[1]
    whole = whole + choose(2 * rest + whole % 2 > part[1], 1, 0)
    return choose(whole < 1, 1, whole)


def _choose(on: bool, value: Any, other: Any) -> Any:
    return value if on else other


def _most(n: int, shape: Shape, rounded: Callable[[int], int]) -> float:
    """How much a side of ``n`` pixels shrinks, or on a canvas any of up to so many, at most."""
    sides = range(1, n + 1) if isinstance(shape, CanvasShape) else (n,)
    return max(1.0, *(k / rounded(k) for k in sides))


def _check_canvas(who: str, size: Any, canvas: Any) -> None:
    if not isinstance(size, int) or size < 1:
        raise JaxaugError(who, "a size above 0", describe(size))
    sides = () if canvas is None else (canvas,) if isinstance(canvas, int) else canvas
    if not all(isinstance(side, int) and side > 0 for side in sides) or len(sides) > 2:
        raise JaxaugError(who, "a canvas (h, w) of two numbers above 0", describe(canvas))
