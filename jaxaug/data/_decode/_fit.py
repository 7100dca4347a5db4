"""Where a picture lies in an array of another size.

Sizes are (width, height) and points (x, y) here, as in Pillow. Coordinates are continuous: a
picture is the rectangle from (0, 0) to its size.
"""

from collections.abc import Callable
from typing import NamedTuple

Size = tuple[int, int]
Point = tuple[float, float]


class Placement(NamedTuple):
    """A part of a picture, and the rectangle of an array that it fills.

    Attributes:
        box: x0, y0, x1, y1 of the part, always in the middle of the picture.
        size: Of the rectangle.
        corner: Its top left pixel.
        scale: A point (x, y) of the picture lies at `(x * scale[0] + offset[0], y * scale[1] +
            offset[1])` in the array.
        offset: See `scale`.
    """

    box: tuple[float, float, float, float]
    size: Size
    corner: Size
    scale: Point
    offset: Point


def stretch(picture: Size, frame: Size) -> Placement:
    """Fills the frame, regardless of the aspect ratio."""
    scale = frame[0] / picture[0], frame[1] / picture[1]
    return Placement((0, 0, *picture), frame, (0, 0), scale, (0.0, 0.0))


def crop(picture: Size, frame: Size) -> Placement:
    """Fills the frame with the middle of the picture, as much of it as its aspect ratio allows.

    Example:
        >>> crop((40, 20), (10, 10))[:2]
        ((10.0, 0.0, 30.0, 20.0), (10, 10))
    """
    (width, height), (across, down) = picture, frame
    part = min(width, height * across / down), min(height, width * down / across)
    x, y = (width - part[0]) / 2, (height - part[1]) / 2
    scale = across / part[0], down / part[1]
    box = x, y, x + part[0], y + part[1]
    return Placement(box, frame, (0, 0), scale, (0 - x * scale[0], 0 - y * scale[1]))


def pad(picture: Size, frame: Size) -> Placement:
    """Shows all of the picture in the middle of the frame, its aspect ratio kept to a pixel.

    Example:
        >>> pad((40, 20), (10, 10))[1:]
        ((10, 5), (0, 2), (0.25, 0.25), (0.0, 2.0))
    """
    (width, height), (across, down) = picture, frame
    size = (
        min(across, max(1, round(width * down / height))),
        min(down, max(1, round(height * across / width))),
    )
    corner = (across - size[0]) // 2, (down - size[1]) // 2
    scale = size[0] / width, size[1] / height
    return Placement(
        (0, 0, width, height), size, corner, scale, (float(corner[0]), float(corner[1]))
    )


def top_left(picture: Size, frame: Size) -> Placement:
    """Leaves the picture as large as it is.

    Raises:
        ValueError: If the frame is too small for it.
    """
    if picture[0] > frame[0] or picture[1] > frame[1]:
        raise ValueError(
            f"{picture[0]} x {picture[1]} pixels, more than canvas={frame[::-1]} (height, width) "
            "holds; pass a larger canvas, or image_size to resize pictures"
        )
    return Placement((0, 0, *picture), picture, (0, 0), (1.0, 1.0), (0.0, 0.0))


FITS: dict[str, Callable[[Size, Size], Placement]] = {"stretch": stretch, "crop": crop, "pad": pad}
