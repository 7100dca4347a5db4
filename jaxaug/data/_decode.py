"""One image file becomes one array."""

import dataclasses
import os
import stat
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from . import _check

# What a training set is made of. Most holes ever found in Pillow's parsers are in other formats.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")
# A quarter of a gigabyte of RGB, where Pillow begins to warn. A few kilobytes of PNG can unfold to
# more, and take seconds and gigabytes to do so.
MAX_PIXELS = 89_478_485
COLORS = {"rgb": "RGB", "gray": "L", "rgba": "RGBA"}
RESAMPLES = {filter_.name.lower(): filter_ for filter_ in Image.Resampling}

_ORIENTATION = 0x0112  # the Exif tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class DecodeError(ValueError):
    """A file that cannot be read as an image.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # all arguments: this is what pickling keeps
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        # !r, because a name may hold line breaks, or bytes that no terminal can print.
        return (
            f"jaxaug.data: expected an image, got {self.path!r} ({self.reason}). "
            "Repair, replace or remove the file."
        )


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Reads image files as uint8 arrays of one shape, upright.

    The picture is turned as its Exif orientation says, its colours are converted, and it is
    resized, regardless of its aspect ratio, with antialiasing. JPEGs that shrink by 2 or more are
    decoded at a reduced size, which is much faster and costs a grey level or two (not for
    "nearest").

    Colours come from any mode. Grey images of 16 bits are scaled, 0..65535 to 0..255; so are
    32-bit integers, which must lie in the same range, and floats, which must lie in 0..1.
    Transparency is kept by "rgba" and ignored by the others. The first frame of an animation is
    taken.

    Attributes:
        image_size: (height, width) of the result in pixels.
        color: "rgb", "gray" or "rgba": 3, 1 or 4 channels.
        resample: Filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        max_pixels: Files with more are refused before they are decoded.
        formats: Pillow's names of the file formats allowed, whatever the file is called.

    Example:
        >>> import tempfile, PIL.Image
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     PIL.Image.new("L", (40, 30), 255).save(file.name)
        ...     pixels = Decoder((15, 20))(file.name)
        >>> pixels.shape, pixels.dtype, int(pixels.min())
        ((15, 20, 3), dtype('uint8'), 255)
    """

    image_size: tuple[int, int]
    color: str = "rgb"
    resample: str = "bilinear"
    max_pixels: int = MAX_PIXELS
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        if np.shape(self.image_size) != (2,):
            raise TypeError(
                "image_size: expected (height, width) in pixels, got "
                f"{self.image_size!r}. Pass a pair, such as image_size=(150, 150)."
            )
        for side in self.image_size:
            _check.integer("image_size", "height and width", side, 1)
        object.__setattr__(self, "image_size", tuple(map(int, self.image_size)))  # may be a list
        _check.choice("DirectorySource", "color", self.color, COLORS)
        _check.choice("DirectorySource", "resample", self.resample, RESAMPLES)
        _check.integer("DirectorySource", "max_pixels", self.max_pixels, 1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the arrays."""
        return (*self.image_size, len(COLORS[self.color]))  # "L", "RGB", "RGBA": a letter a channel

    def __call__(self, path: str) -> NDArray[np.uint8]:
        """Returns the image in the file `path`, uint8 (h, w, c), possibly read-only.

        Raises:
            DecodeError: If it cannot be read, is no regular file, is no image of an allowed
                format, is damaged, or has more than `max_pixels`.
        """
        try:
            with _open_regular(path) as file, _identify(file, self.formats) as image:
                return self._pixels(image)
        except Exception as error:  # Pillow raises a dozen kinds, MemoryError and SyntaxError too
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DecodeError(path, reason or type(error).__name__) from error

    def _pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        if image.width * image.height > self.max_pixels:
            raise ValueError(
                f"{image.width} x {image.height} pixels, more than max_pixels={self.max_pixels}"
            )
        height, width = self.image_size
        filter_ = RESAMPLES[self.resample]
        if image.format == "JPEG" and filter_ != Image.Resampling.NEAREST:
            # Only the luminance if that is all we want, and no larger than needed.
            mode = "L" if self.color == "gray" else None
            image.draft(mode, _sides(_orientation(image), width, height))
        image.load()
        # Only now: a PNG may say it after its pixels, and a TIFF has been turned by loading it.
        orientation = _orientation(image)
        image = _eight_bits(image).convert(COLORS[self.color])
        image = image.resize(_sides(orientation, width, height), filter_, reducing_gap=2.0)
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        return np.asarray(image).reshape(self.shape)


def _open_regular(path: str) -> IO[bytes]:
    """Opens a file, but nothing else: opening a named pipe would wait for ever."""
    wait_not = getattr(os, "O_NONBLOCK", 0)  # Windows has neither the flag nor the pipes
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | wait_not))  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a regular file")
    return file


def _identify(file: IO[bytes], formats: tuple[str, ...]) -> Image.Image:
    """What `Image.open(file, formats=formats)` does, without its guard against large images.

    That guard warns, and a warning from a reader thread helps nobody; to silence it would change
    settings of the whole process. `max_pixels` is ours, and is checked next.
    """
    prefix = file.read(16)
    for name in formats:
        if name not in Image.OPEN:
            Image.init()
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(prefix) is True:
            file.seek(0)
            try:
                return _Jpeg(file) if name == "JPEG" else factory(file, "")
            except (SyntaxError, IndexError, TypeError) as error:  # Pillow: "not this format"
                raise ValueError(f"not a valid {name} file: {error}") from error
    wanted = ", ".join(formats)
    raise ValueError(f"not a {wanted} file: begins with {prefix!r}" if prefix else "an empty file")


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG whose Exif block is not read on opening, where a broken one could cost the picture.

    Pillow looks there for a resolution in dots per inch, which nobody needs here, and for further
    pictures behind the first (its "MPO").
    """

    def _read_dpi_from_exif(self) -> None:
        pass


def _orientation(image: Image.Image) -> int:
    """The Exif orientation, 1 to 8. A damaged Exif block must not cost a good picture."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything here
        return 1
    return value if value in _UPRIGHT else 1  # 0 occurs in the wild and means 1


def _sides(orientation: int, width: int, height: int) -> tuple[int, int]:
    """The size a picture must have for it to be (width, height) once turned upright."""
    return (height, width) if orientation >= 5 else (width, height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image in a mode that Pillow converts without loss of range or a warning.

    Pillow's own conversion of deep greys clips at 255, which turns most pictures white.
    """
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        top = 1 if image.mode == "F" else 65535
        if not (values.min() >= 0 and values.max() <= top):  # NaN fails too
            raise ValueError(
                f"mode {image.mode} with values {values.min():g}..{values.max():g} outside 0..{top}"
            )
        return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))
    return image
