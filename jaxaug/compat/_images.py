"""Pictures in files, as Pillow images, and as arrays: the helpers of `keras.utils`."""

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import PurePath
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from PIL import Image, UnidentifiedImageError

from jaxaug._types import JaxaugError
from jaxaug.compat._decoder import MODES, check_color_mode, checked_size, converted, resized

StrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def load_img(
    path: StrPath | IO[bytes],
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Reads a picture from a file, in one of three colour modes.

    It is not turned as its Exif orientation says. Grey pictures of 16 bits become colours with
    65535 as white; 32-bit integers and floats are clipped to 0..255.

    Args:
        path: Where the file is, or an open binary file.
        color_mode: "rgb", "rgba" or "grayscale". "grayscale" has 8 bits (mode "L") unless the
            file has 16 bits ("I;16"; in PGM files "I") or 32-bit integers ("I").
        target_size: (height, width) in pixels; as it is in the file if None.
        interpolation: Filter of the resizing, without effect if the size fits: "nearest",
            "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether to cut out the middle, as large as possible in the aspect ratio
            of `target_size`, and not to distort the picture.

    Returns:
        The picture, its pixels in memory and the file closed.

    Raises:
        OSError: If there is no such file, or it cannot be read; `PIL.UnidentifiedImageError`, which
            is one, if it is no picture.
        ValueError: If the color mode is unknown, or the interpolation, where the size does not fit.
        TypeError: If the target size is no pair of integers.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("L", (40, 30), 200).save(file, "PNG")
        >>> load_img(file, target_size=(10, 20)).size
        (20, 10)
    """
    check_color_mode("load_img", color_mode)
    # Some pass the shape of a model's input: its channels do no harm.
    pair = target_size[:2] if isinstance(target_size, tuple | list) else target_size
    size = None if pair is None else checked_size("load_img", pair)
    file = _opened(path)
    try:
        image = Image.open(file)
        image.load()
    except UnidentifiedImageError:
        text = f"load_img: expected an image, got {path!r} (cannot identify image file). "
        raise UnidentifiedImageError(text + "Repair, replace or remove the file.") from None
    except Exception as error:
        error.add_note(f"load_img: in {path!r}")
        raise
    image = converted(image, color_mode)
    return resized(image, size, interpolation, keep_aspect_ratio) if size else image


def img_to_array(
    img: Image.Image | ArrayLike, data_format: str | None = None, dtype: DTypeLike | None = None
) -> NDArray[Any]:
    """Returns the pixels of a picture.

    Args:
        img: A Pillow image, or an array (h, w) or (h, w, c).
        data_format: "channels_last", which is also what None means, or "channels_first".
        dtype: Of the result; float32 if None.

    Returns:
        (h, w, c) or (c, h, w), values as they are. A picture's are new and can be written to.

    Raises:
        ValueError: If an array has another rank, or the data format is unknown.

    Example:
        >>> img_to_array(Image.new("RGB", (40, 30))).shape
        (30, 40, 3)
    """
    first = _channels_first("img_to_array", data_format)
    dtype = np.float32 if dtype is None else dtype
    x = np.array(img, dtype) if isinstance(img, Image.Image) else np.asarray(img, dtype)
    if x.ndim not in (2, 3):
        remedy = "Pass one picture, (h, w) or (h, w, c)."
        raise ValueError(f"img_to_array: Unsupported image shape: {x.shape}. {remedy}")
    x = x[..., None] if x.ndim == 2 else x
    return np.moveaxis(x, -1, 0) if first else x


def array_to_img(
    x: ArrayLike,
    data_format: str | None = None,
    scale: bool = True,
    dtype: DTypeLike | None = None,
) -> Image.Image:
    """Makes a Pillow image of an array.

    Args:
        x: (h, w, c), or (c, h, w) if "channels_first", with 1, 3 or 4 channels.
        data_format: "channels_last", which is also what None means, or "channels_first".
        scale: Whether to stretch the values so that the lowest becomes 0 and the highest 255. If
            not, they should lie in 0..255; fractions are cut off.
        dtype: In which to calculate; float32 if None.

    Returns:
        An image of mode "L", "RGB" or "RGBA"; of "I" for one channel with values above 255.

    Raises:
        ValueError: If the rank is not 3, there is another number of channels, or the data format
            is unknown.

    Example:
        >>> array_to_img([[[1.0, 2.0, 3.0]]]).getpixel((0, 0))
        (0, 127, 255)
    """
    first = _channels_first("array_to_img", data_format)
    pixels = np.asarray(x, np.float32 if dtype is None else dtype)
    if pixels.ndim != 3:
        raise ValueError(
            "array_to_img: Expected image array to have rank 3 (single image). Got array with "
            f"shape: {pixels.shape}. Pass one picture of a batch, or add an axis of 1 channel."
        )
    pixels = np.moveaxis(pixels, 0, -1) if first else pixels
    channels = pixels.shape[-1]
    if channels not in MODES:
        remedy = "Pass 1, 3 or 4 channels, and data_format if they come first."
        raise ValueError(f"array_to_img: Unsupported channel number: {channels}. {remedy}")
    if scale:
        pixels = pixels - pixels.min()
        top = pixels.max()
        pixels = pixels / top * 255 if top else pixels
    pixels = pixels[..., 0] if channels == 1 else pixels
    deep = channels == 1 and pixels.max() > 255
    return Image.fromarray(pixels.astype(np.int32 if deep else np.uint8))


def save_img(
    path: StrPath | IO[bytes],
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file.

    A JPEG has no transparency: it is dropped, with a warning. A PNG of one channel with values
    above 255, which takes `scale=False`, has 16 bits.

    Args:
        path: Where to, or an open binary file.
        x: As in `array_to_img`; so are `data_format` and `scale`.
        data_format: See there.
        file_format: Such as "png"; as the ending of the path says if None.
        scale: See there. It is on by default, so that what is read again may differ.
        **kwargs: For Pillow's `Image.save`, such as `quality=90`.

    Raises:
        ValueError: As `array_to_img`, or if the ending says nothing.
        OSError: If it cannot be written, or not in this format.
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    place = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else path
    suffix = PurePath(place).suffix[1:] if isinstance(place, str) else ""
    format_ = (file_format or suffix).lower()
    if format_ in ("jpg", "jpeg") and image.mode == "RGBA":
        text = "The JPEG format does not support RGBA images, converting to RGB."
        warnings.warn(text, stacklevel=2)
        image = image.convert("RGB")
    if format_ == "png" and image.mode == "I":
        image = _sixteen_bits(image)
    image.save(place, "jpeg" if file_format and format_ == "jpg" else file_format, **kwargs)


def list_pictures(
    directory: str | os.PathLike[str],
    ext: str | Sequence[str] = ("jpg", "jpeg", "bmp", "png", "ppm", "tif", "tiff"),
) -> list[str]:
    """Lists the files below a folder, at any depth, that are named like pictures.

    Args:
        directory: Where to look.
        ext: Endings, or one, in lower case; names may have them in any case.

    Returns:
        Sorted paths that begin with `directory`.

    Raises:
        OSError: If there is no such folder, or one below it cannot be read.
    """
    endings = (ext,) if isinstance(ext, str) else ext
    suffixes = tuple("." + ending.removeprefix(".") for ending in endings)
    found = [
        os.path.join(folder, name)  # noqa: PTH118 - as os.walk spells it
        for folder, _, names in os.walk(directory, onerror=_raise)
        for name in names
        if name.lower().endswith(suffixes)
    ]
    return sorted(found)


def validate_filename(filename: str | os.PathLike[str], white_list_formats: Sequence[str]) -> bool:
    """Whether there is a file of this name, and it ends like one of the formats.

    Args:
        filename: A path; upper and lower case count alike in its ending.
        white_list_formats: Endings in lower case, such as `("png", "jpg")`.
    """
    formats = (white_list_formats,) if isinstance(white_list_formats, str) else white_list_formats
    named = os.fspath(filename).lower().endswith(tuple(formats))
    return named and os.path.isfile(filename)  # noqa: PTH113 - a hundred thousand of them


def _opened(path: StrPath | IO[bytes]) -> IO[bytes]:
    """Something that Pillow reads: never an open file of ours, which would stay open."""
    if isinstance(path, str | bytes | os.PathLike):
        with open(path, "rb") as file:  # noqa: PTH123 - the path may be bytes
            return io.BytesIO(file.read())
    if not hasattr(path, "read"):
        raise TypeError(
            "load_img: path should be path-like or io.BytesIO, not "
            f"{type(path)}. For an array use array_to_img."
        )
    return path


def _sixteen_bits(image: Image.Image) -> Image.Image:
    """Whole greys in mode "I;16".

    Raises:
        JaxaugError: If they are out of its range.
    """
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        remedy = "Save it as TIFF, or scale it."
        raise JaxaugError("save_img", "greys in 0..65535 for a PNG", f"{low}..{high}", remedy)
    return Image.fromarray(values.astype("<u2"))


def _channels_first(who: str, data_format: str | None) -> bool:
    name = "channels_last" if data_format is None else str(data_format).lower()
    if name not in ("channels_first", "channels_last"):
        raise ValueError(
            f"{who}: The `data_format` argument must be one of {{'channels_first', "
            f"'channels_last'}}. Received: data_format={data_format}"
        )
    return name == "channels_first"


def _raise(error: OSError) -> None:
    raise error
