"""Which way up a picture was taken, and how to turn it."""

import re
import struct
from typing import Any

from PIL import Image

from jaxaug.data._decode._fit import Size

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TAG = 0x0112
_TYPES = {1: "B", 3: "H", 4: "I"}  # of whole numbers in Exif; a short by the book
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(image: Image.Image) -> int:
    """The Exif orientation of a picture, 1 to 8; 1 where it has none, or a damaged one.

    Pillow's own reader warns of damaged blocks, which are common, in the name of whoever decodes.
    A TIFF must be loaded: that turns it upright.
    """
    if image.format == "TIFF":
        return 1
    try:
        number = _number(image.info)
    except Exception:  # noqa: BLE001 - what is said beside a picture must not cost the picture
        return 1
    return number if number in _TURNS else 1  # 0 occurs in the wild and means 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it was meant to be seen."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def turned(size: Size, orientation: int) -> Size:
    """The size of the upright picture, of the size of the stored one; and the other way round."""
    return (size[1], size[0]) if orientation >= 5 else size


def _number(info: dict[Any, Any]) -> int | None:
    exif, number = info.get("exif"), None
    if exif is None and "Raw profile type exif" in info:  # ImageMagick's hexadecimal lines
        exif = bytes.fromhex("".join(info["Raw profile type exif"].split("\n")[3:]))
    if exif:
        number = _of_exif(exif)
    if number is None and (xmp := info.get("xmp") or info.get("XML:com.adobe.xmp")):
        found = _XMP.search(xmp if isinstance(xmp, bytes) else xmp.encode(errors="replace"))
        number = int(found[1]) if found else None
    return number


def _of_exif(block: bytes) -> int | None:
    """The number in an Exif block, which is a small TIFF: entries of 12 bytes, sorted by tag."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", block, entry)
        if tag == _TAG:
            return struct.unpack_from(order + _TYPES[kind], block, entry + 8)[0]
    return None
