"""Windows of the image: resize, crops, several crops."""

import jax
import jax.numpy as jnp

from jaxaug._ops import Op, fuse
from jaxaug._pytree import static
from jaxaug._random import limits
from jaxaug._stack import Stack
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
from jaxaug._window import Window, boxed, centred, cut, pair, set_size


class Resize(Transform):
    """Resize the whole image, antialiased as Pillow's ``Image.resize``.

    Args:
        size: ``(h, w)`` of the output; a single number is the shorter side, proportions kept.

    Raises:
        JaxaugError: a single number for pictures of their own sizes on a canvas.
    """

    size: Size | int = static()

    def __post_init__(self) -> None:
        if not isinstance(self.size, int):
            set_size(self)
        elif self.size < 1:
            raise JaxaugError("Resize", "a size above 0", describe(self.size))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        return boxed((0.0, 0.0, *extent(shape)), self._output(shape), shape)

    def _output(self, shape: Shape) -> Size:
        if not isinstance(self.size, int):
            return self.size
        why = "as the shorter side decides the output's shape"
        check_no_canvas("Resize", shape, why, "Give both sides: Resize((h, w)).")
        shorter = min(shape[:2])
        height, width = (max(1, round(side * self.size / shorter)) for side in shape[:2])
        return height, width


class CenterCrop(Transform):
    """Cut out the middle. A crop larger than the image is filled as the container says.

    Args:
        size: ``(h, w)`` of the output, or one number for a square.
    """

    size: Size | int = static()

    def __post_init__(self) -> None:
        set_size(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        size = pair(self.size)
        top, left = (centred(n, side) for n, side in zip(extent(shape), size, strict=True))
        return cut(top, left, size, shape)


class RandomCrop(Transform):
    """Cut out a window of a fixed size at a random place, in whole pixels.

    A picture on a larger canvas that is smaller than the window is centred and filled around.

    Args:
        size: ``(h, w)`` of the output, or one number for a square.
        padding: how many pixels the window may stick out, vertically and horizontally, or one
            number for both. What sticks out is filled as the container says.

    Raises:
        JaxaugError: the padded image is smaller than the window.
    """

    size: Size | int = static()
    padding: Size | int = static(default=0)

    def __post_init__(self) -> None:
        set_size(self)
        padding = (self.padding,) * 2 if isinstance(self.padding, int) else tuple(self.padding)
        if len(padding) != 2 or min(padding) < 0:
            raise JaxaugError("RandomCrop", "a padding >= 0, one or two", describe(self.padding))

    def sample(self, key: Key, shape: Shape) -> Op:
        size, padding = pair(self.size), pair(self.padding)
        if any(n + 2 * pad < cut for n, pad, cut in zip(shape, padding, size, strict=False)):
            remedy = "Give it padding=, or resize first."
            raise JaxaugError("RandomCrop", f"an image of {size} or more", f"{shape[:2]}", remedy)
        sides = extent(shape)
        room = [n + 2 * pad - cut for n, pad, cut in zip(sides, padding, size, strict=True)]
        uniform = jax.random.uniform(key, (2,))
        top, left = (jnp.floor(uniform[k] * (room[k] + 1)) - float(padding[k]) for k in range(2))
        if isinstance(shape, CanvasShape):
            top = jnp.where(room[0] < 0, centred(sides[0], size[0]), top)
            left = jnp.where(room[1] < 0, centred(sides[1], size[1]), left)
        return cut(top, left, size, shape)


class RandomResizedCrop(Transform):
    """Cut out a window of random area and proportions and resize it, in one resampling.

    The window is drawn as torchvision and the Inception papers do: ten tries, then the largest
    centred window within ``ratio``. Pixels are those of Pillow's ``Image.resize(size, box=...)``.

    Args:
        size: ``(h, w)`` of the output, or one number for a square.
        scale: range of the window's area, as a part of the image's; a pair.
        ratio: range of the window's width over its height, drawn on a log scale; a pair.

    Reference:
        Szegedy et al., Going Deeper with Convolutions, CVPR 2015, arXiv:1409.4842.
    """

    size: Size | int = static()
    scale: tuple[Scalar, Scalar] = (0.08, 1.0)
    ratio: tuple[Scalar, Scalar] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        set_size(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        return boxed(self._window(key, shape), pair(self.size), shape)

    def _window(self, key: Key, shape: Shape) -> Window:
        """Top, left, height and width of the window, whole numbers."""
        tries = 10
        in_height, in_width = (side * 1.0 for side in extent(shape))
        lowest, highest = limits(self.ratio, around=1.0)
        smallest, largest = limits(self.scale, around=1.0)
        uniform = jax.random.uniform(key, (2 * tries + 2,))
        place, area, ratio = uniform[:2], uniform[2 : 2 + tries], uniform[2 + tries :]
        area = (smallest + area * (largest - smallest)) * (in_height * in_width)
        log_lowest, log_highest = jnp.log(lowest), jnp.log(highest)
        ratio = jnp.exp(log_lowest + ratio * (log_highest - log_lowest))
        heights, widths = jnp.round(jnp.sqrt(area / ratio)), jnp.round(jnp.sqrt(area * ratio))
        fits = (heights >= 1) & (heights <= in_height) & (widths >= 1) & (widths <= in_width)
        found = jnp.any(fits).astype(jnp.float32)
        first = jnp.arange(tries) == jnp.argmax(fits)
        # The fallback, and how far the first window that fits is from it: see stable.choose.
        height = jnp.clip(jnp.round(in_width / lowest), 1.0, in_height)
        width = jnp.clip(jnp.round(in_height * highest), 1.0, in_width)
        height += found * (jnp.sum(jnp.where(first, heights, 0.0)) - height)
        width += found * (jnp.sum(jnp.where(first, widths, 0.0)) - width)
        room = in_height - height, in_width - width
        top, left = (
            jnp.where(found > 0, jnp.floor(place[k] * (room[k] + 1.0)), jnp.floor(room[k] / 2))
            for k in range(2)
        )
        return top, left, height, width


class FiveCrop(Transform):
    """Cut out the four corners and the middle: five images, side by side in a new first axis.

    They come in torchvision's order: top left, top right, bottom left, bottom right, centre. What
    follows in a chain is done to each.

    Args:
        size: ``(h, w)`` of each, or one number for a square.

    Raises:
        JaxaugError: the image is smaller. A picture on a canvas that is, is centred and filled
            around.
    """

    size: Size | int = static()

    def __post_init__(self) -> None:
        set_size(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        return Stack(_five("FiveCrop", pair(self.size), shape))


class TenCrop(Transform):
    """The five crops of ``FiveCrop`` and then the same five of the mirrored image.

    Args:
        size: ``(h, w)`` of each, or one number for a square.
        vertical: the image is mirrored top to bottom, else left to right.
        swap: the keypoints whose names change sides in a mirror; as in ``HorizontalFlip``.

    Raises:
        JaxaugError: as in ``FiveCrop``.
    """

    size: Size | int = static()
    vertical: bool = static(default=False)
    swap: tuple[int, ...] | None = static(default=None)

    def __post_init__(self) -> None:
        set_size(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        five = _five("TenCrop", pair(self.size), shape)
        across, down = (1.0, -1.0) if self.vertical else (-1.0, 1.0)
        matrix = ((across, 0.0, 0.0), (0.0, down, 0.0), (0.0, 0.0, 1.0))
        mirror = Warp(matrix, whole=True, swap=self.swap)
        return Stack(five + tuple(fuse((mirror, op)) for op in five))


def _five(who: str, size: Size, shape: Shape) -> tuple[Op, ...]:
    if shape[0] < size[0] or shape[1] < size[1]:
        remedy = "Pad or resize first."
        raise JaxaugError(who, f"an image of {size} or more", f"{shape[:2]}", remedy)
    sides = extent(shape)
    middle = [centred(n, side) for n, side in zip(sides, size, strict=True)]
    first: list[Scalar] = [0, 0]
    last: list[Scalar] = [n - side for n, side in zip(sides, size, strict=True)]
    if isinstance(shape, CanvasShape):
        first = [jnp.minimum(place, 0.0) for place in middle]
        last = [jnp.where(end < 0, mid, end) for mid, end in zip(middle, last, strict=True)]
    corners = [(y, x) for y in (first[0], last[0]) for x in (first[1], last[1])]
    return tuple(cut(y, x, size, shape) for y, x in (*corners, middle))
