"""From the many ways of storing a pixel to the few that are asked for."""

import numpy as np
from PIL import Image, ImageFile

COLORS = {"rgb": "RGB", "gray": "L", "rgba": "RGBA", "gray16": "F"}
"""Pillow's mode of each."""

_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_PACKED = {"L;2": 85, "L;4": 17}


def to_color(image: Image.Image, color: str) -> Image.Image:
    """The image in a mode of `COLORS`; "gray16" in 0..1.

    Raises:
        ValueError: If deep greys are out of the range that `Decoder` names.
    """
    if color == "gray16":
        return _unit(image)
    image = _eight_bits(image)
    return image if image.mode == COLORS[color] else image.convert(COLORS[color])


def to_classes(image: Image.Image, step: int) -> Image.Image:
    """The mask, if the values of its pixels (for a palette, the places in it) are class numbers.

    Args:
        image: The mask, loaded.
        step: What `packing` said of it before.

    Raises:
        ValueError: If there are colours, or anything but one whole number a pixel.
    """
    if image.format == "JPEG" or image.info.get("compression") == "jpeg":
        raise ValueError(
            "a JPEG, which does not keep class numbers; save masks as PNG, or, if nothing else is "
            "left of them, round the JPEG to the classes first"
        )
    if image.mode not in ("1", "L", "P", *_DEEP) or image.mode == "F":
        raise ValueError(
            f"mode {image.mode} instead of one whole number a pixel; save the mask as a grey or "
            "palette PNG of class numbers"
        )
    return image if step == 1 else Image.fromarray(np.asarray(image) // np.uint8(step))


def packing(image: ImageFile.ImageFile) -> int:
    """What Pillow will multiply greys of 2 or 4 bits by, to have them end at 255; else 1."""
    arguments = image.tile[0].args if image.tile else None
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return _PACKED.get(raw[:3], 1) if isinstance(raw, str) else 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image in a mode that Pillow converts without loss of range or a warning.

    Pillow's own conversion of deep greys clips at 255, which turns most pictures white.
    """
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode not in _DEEP:
        return image
    top, values = _white(image), np.asarray(image)
    if top == 1:
        values = np.rint(values.astype(np.float64) * 255)
    else:
        values = values.astype(np.uint32)
        values += 128
        values //= 257  # 65535 is 255 * 257
    return Image.fromarray(values.astype(np.uint8))


def _unit(image: Image.Image) -> Image.Image:
    """Grey in mode "F", 0..1."""
    if image.mode not in _DEEP:
        image = to_color(image, "gray")
    white = _white(image)
    return image.convert("F").point(lambda value: value * (1 / white))


def _white(image: Image.Image) -> int:
    """The value of white in a grey image; refuses values beyond it, and below 0."""
    top = {"L": 255, "F": 1}.get(image.mode, 65535)
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= top):  # NaN fails too
            raise ValueError(f"mode {image.mode} with values {low:g}..{high:g} outside 0..{top}")
    return top
