"""One image file becomes one array, or one precise fault."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._decode._fault import DecodeError
from jaxaug.data._decode._file import identify, read
from jaxaug.data._decode._fit import FITS, Placement, Point, Size, top_left
from jaxaug.data._decode._modes import COLORS, packing, to_classes, to_color
from jaxaug.data._decode._orientation import orientation, turned, upright

# What a training set is made of. Most holes ever found in Pillow's parsers are in other formats.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
# A quarter of a gigabyte of RGB, where Pillow begins to warn. A few kilobytes of PNG can unfold to
# more, and take seconds and gigabytes to do so.
MAX_PIXELS = 89_478_485
RESAMPLES = {filter_.name.lower(): filter_ for filter_ in Image.Resampling}


class Decoded(NamedTuple):
    """A picture in an array, and where it lies there.

    Attributes:
        pixels: The array, possibly read-only.
        size: (height, width) of the rectangle that the picture fills.
        scale: A point (x, y) of the upright original, in continuous pixel coordinates, lies at
            `(x * scale[0] + offset[0], y * scale[1] + offset[1])` in the array.
        offset: See `scale`.
        original: (height, width) of the upright original.
    """

    pixels: NDArray[Any]
    size: Size
    scale: Point
    offset: Point
    original: Size


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Reads image files as arrays of one shape, upright.

    The picture is turned as its Exif orientation says, its colours are converted, and it is
    resized with antialiasing. JPEGs that shrink by 2 or more are decoded at a reduced size, which
    is much faster and costs a grey level or two (not for "nearest").

    Colours come from any mode. Grey images of 16 bits are scaled, 0..65535 to 0..255; so are
    32-bit integers, which must lie in the same range, and floats, which must lie in 0..1.
    "gray16" keeps their precision; colours have 8 bits. Transparency is kept by "rgba", except
    beside deep greys, and ignored by the others. The first frame of an animation is taken.

    Attributes:
        image_size: (height, width) of the result in pixels, or None.
        fit: How a picture of another aspect ratio is resized: "stretch" ignores it, "crop" cuts the
            middle out, "pad" puts it in the middle of black (with "rgba", transparent) edges.
        canvas: (height, width) of the result if `image_size` is None: pictures keep their size, in
            its top left corner, with zeros around.
        color: "rgb", "gray" or "rgba": uint8, 3, 1 or 4 channels; "gray16": float32 in 0..1, one.
        resample: Filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        max_pixels: Files with more are refused before they are decoded.
        formats: Pillow's names of the file formats allowed, whatever the file is called.

    Example:
        >>> import tempfile, PIL.Image
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     PIL.Image.new("L", (40, 30), 255).save(file.name)
        ...     decoded = Decoder((20, 20), fit="pad")(file.name)
        >>> decoded.pixels.shape, decoded.pixels.dtype, decoded.size, decoded.offset
        ((20, 20, 3), dtype('uint8'), (15, 20), (0.0, 2.0))
    """

    image_size: Size | None = None
    fit: str = "stretch"
    canvas: Size | None = None
    color: str = "rgb"
    resample: str = "bilinear"
    max_pixels: int = MAX_PIXELS
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        _check.choice("jaxaug.data", "fit", self.fit, FITS)
        _check.choice("jaxaug.data", "color", self.color, COLORS)
        _check.choice("jaxaug.data", "resample", self.resample, RESAMPLES)
        _check.integer("jaxaug.data", "max_pixels", self.max_pixels, 1)
        if (self.image_size is None) == (self.canvas is None):
            raise JaxaugError(
                "jaxaug.data",
                "either image_size or canvas",
                "neither" if self.canvas is None else "both",
                "Pass image_size=(height, width) to resize pictures, or canvas=(height, width) to "
                "keep their sizes.",
            )
        if self.canvas is not None and self.fit != "stretch":
            remedy = "Pass image_size instead of canvas, or leave fit out."
            raise JaxaugError("jaxaug.data", "fit only with image_size", repr(self.fit), remedy)
        for name in ("image_size", "canvas"):
            if (size := getattr(self, name)) is not None:
                object.__setattr__(self, name, _pair(name, size))  # it may be a list
        object.__setattr__(self, "formats", _known(self.formats))

    @property
    def file_limit(self) -> int:
        """Bytes that a file may have."""
        return file_limit(self.max_pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the arrays."""
        height, width = self.image_size or self.canvas or (0, 0)
        return height, width, {"rgb": 3, "rgba": 4}.get(self.color, 1)

    @property
    def dtype(self) -> np.dtype:
        """Of the arrays."""
        return np.dtype(np.float32 if self.color == "gray16" else np.uint8)

    @property
    def options(self) -> str:
        """What is done to pictures, as arguments: those that are usually given."""
        size = f"image_size={self.image_size}" if self.image_size else f"canvas={self.canvas}"
        fit = "" if self.fit == "stretch" else f", fit={self.fit!r}"
        return f"{size}{fit}, color={self.color!r}, resample={self.resample!r}"

    def __call__(self, file: str | bytes, name: str | None = None) -> Decoded:
        """Returns the image in the file with this path, or in these bytes, as (h, w, c).

        Args:
            file: A path, or an encoded image itself.
            name: What to call it in a message, if not by its path.

        Raises:
            DecodeError: If it cannot be read, is no regular file, is no image of an allowed
                format, is damaged, has more than `max_pixels`, or is too large for the canvas.
        """
        decoded = _decode(file, name, self, RESAMPLES[self.resample], self._convert)
        pixels = decoded.pixels.reshape(self.shape)
        if self.color == "gray16":  # sharp filters overshoot, and 8-bit modes clip by themselves
            pixels = np.clip(pixels, 0, 1)
        return decoded._replace(pixels=pixels)

    def place(self, picture: Size) -> Placement:
        """Where a picture of this upright (width, height) comes to lie."""
        height, width = self.shape[:2]
        fit = FITS[self.fit] if self.image_size else top_left
        return fit(picture, (width, height))

    def _convert(self, image: Image.Image, _: int) -> Image.Image:
        return to_color(image, self.color)


@dataclasses.dataclass(frozen=True)
class MaskDecoder:
    """Reads files of class numbers, so that they fit what `like` makes of their images.

    A pixel's class is its grey value, its place in the palette, or, in a file of 1 bit, 0 or 1.
    Greys of 2, 4, 8, 16 and 32 bits keep their numbers. Nothing is interpolated: resizing takes the
    nearest pixel. What lies outside the picture is 0.

    Attributes:
        like: Decoder of the images; its `color` and `resample` do not matter here.

    Example:
        >>> import io, PIL.Image
        >>> file = io.BytesIO()
        >>> PIL.Image.new("L", (40, 30), 7).save(file, "PNG")
        >>> MaskDecoder(Decoder((2, 3)))(file.getvalue()).pixels
        array([[7, 7, 7],
               [7, 7, 7]], dtype=int32)
    """

    like: Decoder

    def __call__(self, file: str | bytes, name: str | None = None) -> Decoded:
        """Returns the mask in the file with this path, or in these bytes, as int32 (h, w).

        Compare `original` with that of the image: a mask of another size is not of that image.

        Args:
            file: A path, or an encoded image itself.
            name: What to call it in a message, if not by its path.

        Raises:
            DecodeError: As for images; and if the file has colours, or is a JPEG.
        """
        decoded = _decode(file, name, self.like, Image.Resampling.NEAREST, to_classes)
        return decoded._replace(pixels=decoded.pixels.astype(np.int32))


def _decode(
    file: str | bytes,
    name: str | None,
    like: Decoder,
    filter_: Image.Resampling,
    convert: Callable[[Image.Image, int], Image.Image],
) -> Decoded:
    """What images and masks have in common: all but `convert(image, packing)`."""
    stage = "open"
    try:
        data = file if isinstance(file, bytes) else read(file, like.file_limit)
        stage = "identify"
        source = identify(data, like.formats)
        stage = "size"
        check_pixels(source.size, like.max_pixels)
        stage = "decode"
        levels = packing(source)
        size, turn, shrink = _load(source, like, filter_)
        stage = "convert"
        image = convert(source, levels)
        stage = "fit"
        picture = turned(size, turn)
        placed = like.place(picture)
        image = upright(_resize(image, placed, turn, shrink, filter_), turn)
        pixels = _on_canvas(np.asarray(image), like.shape[:2], placed)
        return Decoded(pixels, _rows(placed.size), placed.scale, placed.offset, _rows(picture))
    except Exception as error:  # Pillow raises a dozen kinds, MemoryError and SyntaxError too
        if name is None:
            name = "<bytes>" if isinstance(file, bytes) else str(file)
        raise DecodeError.of(name, stage, error) from error


def file_limit(max_pixels: int) -> int:
    """Bytes that the file of a picture with so many pixels may have."""
    # 16 bytes are four channels of float32; the rest is for thumbnails and colour profiles.
    return 16 * max_pixels + (64 << 20)


def check_pixels(size: Size, limit: int) -> None:
    """Refuses a picture (width, height) with more pixels.

    Raises:
        ValueError: If it has more.
    """
    if size[0] * size[1] > limit:
        raise ValueError(f"{size[0]} x {size[1]} pixels, more than max_pixels={limit}")


def _load(
    source: ImageFile.ImageFile, like: Decoder, filter_: Image.Resampling
) -> tuple[Size, int, float]:
    """Decodes the pixels; returns the stored size, the orientation, and the reduction."""
    if source.format != "JPEG":
        source.load()
        # Only now: a PNG may say it after its pixels, and a TIFF has been turned by loading it.
        return source.size, orientation(source), 1.0
    size, turn, drafted = source.size, orientation(source), None
    if filter_ != Image.Resampling.NEAREST:
        # Only the luminance if that is all we want, and no larger than needed.
        mode = "L" if like.color in ("gray", "gray16") else None
        wanted = turned(like.place(turned(size, turn)).size, turn) if like.image_size else None
        drafted = source.draft(mode, wanted)
    source.load()
    return size, turn, size[0] / drafted[1][2] if drafted else 1.0


def _resize(
    image: Image.Image, placed: Placement, turn: int, shrink: float, filter_: Image.Resampling
) -> Image.Image:
    """The part that is wanted, in its new size, not yet upright."""
    # It is in the middle of the picture: of all turns only a change of the axes moves it. A JPEG
    # that was decoded at a reduced size has its last pixels partly beyond the picture.
    x0, y0, x1, y1 = (side / shrink for side in placed.box)
    box = (y0, x0, y1, x1) if turn >= 5 else (x0, y0, x1, y1)
    size = turned(placed.size, turn)
    if image.size == size and box == (0, 0, *size):
        return image
    return image.resize(size, filter_, box, reducing_gap=2.0)


def _on_canvas(pixels: NDArray[Any], shape: Size, placed: Placement) -> NDArray[Any]:
    if pixels.shape[:2] == shape:
        return pixels
    canvas = np.zeros(shape + pixels.shape[2:], pixels.dtype)
    (x, y), (width, height) = placed.corner, placed.size
    canvas[y : y + height, x : x + width] = pixels
    return canvas


def _rows(size: Size) -> Size:
    """(height, width) of Pillow's (width, height)."""
    return size[1], size[0]


def _pair(name: str, size: Any) -> Size:
    if np.shape(size) != (2,):
        remedy = f"Pass a pair, such as {name}=(150, 150)."
        raise JaxaugError(name, "(height, width) in pixels", repr(size), remedy)
    height, width = (_check.integer(name, "height and width", side, 1) for side in size)
    return height, width


def _known(formats: Any) -> tuple[str, ...]:
    Image.init()
    names = (formats,) if isinstance(formats, str) else tuple(formats)
    if names and all(name in Image.OPEN for name in names):
        return names
    remedy = f"Pass some of Pillow's names, such as formats={FORMATS}."
    raise JaxaugError("jaxaug.data", "formats that Pillow reads", repr(formats), remedy)
