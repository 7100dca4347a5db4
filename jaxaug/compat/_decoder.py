"""How a file becomes an array for the iterators: as `load_img` and `img_to_array` do it."""

import dataclasses
import sys
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from jaxaug.data import _check
from jaxaug.data._decode._decoder import FORMATS, Decoded, check_pixels, file_limit
from jaxaug.data._decode._fault import DecodeError
from jaxaug.data._decode._file import identify, read
from jaxaug.data._decode._fit import Size
from jaxaug.data._decode._modes import to_color

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's, by the number of channels."""

_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_NAMES = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_FILTERS = {name: Image.Resampling[name.upper()] for name in _NAMES}
_FORMATS = (*FORMATS, "PPM")


def _limit() -> int:
    """Where Pillow refuses a picture. Old scripts move it by assigning to that global."""
    limit = Image.MAX_IMAGE_PIXELS
    return sys.maxsize if limit is None else int(min(2 * limit, sys.maxsize))  # it may be 1e9


@dataclasses.dataclass(frozen=True)
class FileDecoder:
    """Reads image files as arrays of one shape, pixel for pixel as `load_img` does.

    It stands where `jaxaug.data` has its own `Decoder`, which turns pictures upright, antialiases
    and decodes JPEGs at a reduced size: Keras does none of this.

    Attributes:
        target_size: (height, width) in pixels.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: Filter of the resizing; see `load_img`.
        keep_aspect_ratio: Whether to cut out the middle and not to distort pictures.
        max_pixels: Files with more are refused before they are decoded; by default where Pillow
            refuses them.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("L", (40, 30), 200).save(file, "PNG")
        >>> pixels = FileDecoder((20, 10))(file.getvalue()).pixels
        >>> pixels.shape, pixels.dtype
        ((20, 10, 3), dtype('uint8'))
    """

    target_size: Size
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    max_pixels: int = dataclasses.field(default_factory=_limit)

    canvas: ClassVar[None] = None
    """Pictures fill their arrays."""

    def __post_init__(self) -> None:
        who = "jaxaug.compat"
        check_color_mode(who, self.color_mode)
        check_interpolation(who, self.interpolation)
        _check.integer(who, "max_pixels", self.max_pixels, 1)
        object.__setattr__(self, "target_size", checked_size(who, self.target_size))
        object.__setattr__(self, "keep_aspect_ratio", bool(self.keep_aspect_ratio))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the arrays."""
        return *self.target_size, _CHANNELS[self.color_mode]

    @property
    def dtype(self) -> np.dtype:
        """Of the arrays. Greys keep the depth of their files, integers up to 2**24 exactly."""
        return np.dtype(np.float32 if self.color_mode == "grayscale" else np.uint8)

    @property
    def file_limit(self) -> int:
        """Bytes that a file may have."""
        return file_limit(self.max_pixels)

    def __call__(self, file: str | bytes, name: str | None = None) -> Decoded:
        """Returns the image in the file with this path, or in these bytes, as (h, w, c).

        Args:
            file: A path, or an encoded image itself.
            name: What to call it in a message, if not by its path.

        Raises:
            DecodeError: If it cannot be read, is no regular file, is no image, is damaged, or has
                more than `max_pixels`.
        """
        stage = "open"
        try:
            data = file if isinstance(file, bytes) else read(file, self.file_limit)
            stage = "identify"
            image = identify(data, _FORMATS)
            stage = "size"
            check_pixels(image.size, self.max_pixels)
            stage = "decode"
            image.load()
            stage = "convert"
            picture = converted(image, self.color_mode)
            stage = "fit"
            return self._fitted(picture)
        except Exception as error:  # Pillow raises a dozen kinds, MemoryError and SyntaxError too
            if name is None:
                name = "<bytes>" if isinstance(file, bytes) else str(file)
            raise DecodeError.of(name, stage, error) from error

    def _fitted(self, picture: Image.Image) -> Decoded:
        size, (height, width) = picture.size, self.target_size
        box = middle(size, self.target_size) if self.keep_aspect_ratio else (0, 0, *size)
        # A very long frame can take less than one pixel across.
        part = max(1, box[2] - box[0]), max(1, box[3] - box[1])
        scale = width / part[0], height / part[1]
        image = resized(picture, self.target_size, self.interpolation, self.keep_aspect_ratio)
        return Decoded(
            np.asarray(image, self.dtype).reshape(self.shape),
            self.target_size,
            scale,
            (0 - box[0] * scale[0], 0 - box[1] * scale[1]),
            (size[1], size[0]),
        )


def converted(image: Image.Image, color_mode: str) -> Image.Image:
    """The opened picture in a color mode that has been checked."""
    if color_mode == "grayscale" and image.mode in ("L", "I;16", "I"):
        return image
    if color_mode == "grayscale" and image.mode.startswith("I;16"):
        # The order of the bytes in a file says nothing of its depth.
        return Image.fromarray(np.asarray(image).astype("<u2"))
    # Pillow opens PGMs of 16 bits in a mode of 32.
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        return image.convert(MODES[_CHANNELS[color_mode]])
    return to_color(image, "gray" if color_mode == "grayscale" else color_mode)


def resized(
    image: Image.Image, target_size: Size, interpolation: str, keep_aspect_ratio: bool
) -> Image.Image:
    """The picture, or its middle, in the size (height, width).

    Raises:
        ValueError: If it has another size and there is no such filter.
    """
    height, width = target_size
    if image.size == (width, height):
        return image
    check_interpolation("load_img", interpolation)
    box = middle(image.size, target_size) if keep_aspect_ratio else None
    return image.resize((width, height), _FILTERS[interpolation], box)


def middle(picture: Size, target_size: Size) -> tuple[int, int, int, int]:
    """The part (x0, y0, x1, y1) of a picture (width, height) that `keep_aspect_ratio` takes.

    Example:
        >>> middle((40, 20), (10, 10))
        (10, 0, 30, 20)
    """
    (width, height), (down, across) = picture, target_size
    part = min(width, height * across // down), min(height, width * down // across)
    x, y = (width - part[0]) // 2, (height - part[1]) // 2
    return x, y, x + part[0], y + part[1]


def check_color_mode(who: str, color_mode: object) -> None:
    """Refuses what is no color mode.

    Raises:
        ValueError: If it is none.
    """
    if not (isinstance(color_mode, str) and color_mode in _CHANNELS):
        wanted = 'color_mode must be "grayscale", "rgb", or "rgba"'
        raise ValueError(f"{who}: Invalid color mode: {color_mode}. {wanted}.")


def check_interpolation(who: str, interpolation: object) -> None:
    """Refuses what is no interpolation.

    Raises:
        ValueError: If it is none.
    """
    if interpolation not in _NAMES:
        raise ValueError(
            f"{who}: Invalid interpolation method {interpolation} specified. "
            f"Supported methods are {', '.join(_NAMES)}."
        )


def checked_size(who: str, target_size: Any) -> Size:
    """Returns (height, width), NumPy's numbers as Python's.

    Raises:
        TypeError: If it is no pair, or not of integers.
        ValueError: If one of them is below 1.
    """
    if np.shape(target_size) != (2,):
        wanted = f"{who}: expected target_size to be (height, width) in pixels, got {target_size!r}"
        raise TypeError(f"{wanted}. Pass a pair, such as target_size=(224, 224).")
    height, width = (_check.integer(who, "height and width", side, 1) for side in target_size)
    return height, width
