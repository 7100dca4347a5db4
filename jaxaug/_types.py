"""The vocabulary of jaxaug: the value contract, the names of the shapes, and the one error.

The value contract
------------------
*Example*: a dict of one sample. ``image`` has shape ``(h, w, c)`` and may be a pytree of images
that move together (a stereo pair, the frames of a clip). Beside it there may be ``mask`` ``(h,
w)``, ``boxes`` ``(n, 4)`` as ``x0 y0 x1 y1`` and ``keypoints`` ``(n, 2)`` as ``x y``. Other keys,
such as ``label``, pass through untouched. A bare array is an image. A *batch* is examples with a
leading axis.

*Canvas*: pictures of many sizes share a batch as examples with the key ``size``, two integers ``(h,
w)``: the picture lies in the top left corner of its image and of its mask. What lies beside it is
never read, and 0 in what comes out; ``size`` follows a crop or a resize.

*Pixels* are ``uint8`` in 0..255 or floating in 0..1, channels last, any number of channels (mixing
colours needs 3). Ops compute in float32 and give float32 in 0..1, not clipped in between;
``dtype=`` of a container or of ``batched`` asks for another type, and ``uint8`` is rounded and
clipped once.

*Coordinates* are continuous: an image is the rectangle ``[0, w] x [0, h]``, and the centre of the
pixel in row ``i`` and column ``j`` is ``(x, y) = (j + 0.5, i + 0.5)``. A ``Warp`` maps output to
input with its origin at the image centres, in pixels. Positive degrees turn counter-clockwise as
seen; positive ``x`` moves content to the right and positive ``y`` down; a factor above 1 magnifies.

*Ranges*: a number ``r`` means ``(-r, r)`` around 0, or ``(1 - r, 1 + r)`` around 1. A pair is taken
as it is, and ``Choice(...)`` draws from a set.

*Borders* are named as in ``jax.scipy.ndimage.map_coordinates``: ``constant``, ``nearest``,
``reflect``, ``mirror``, ``wrap``. Masks are always resampled with ``nearest`` and have a fill of
their own.

*Randomness*: ``(key, example)``, key first, a key never used twice. An image's augmentation depends
on the key, on the record and on how often it was drawn before, and on nothing else.
"""

from typing import Any, Self, TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

Array: TypeAlias = jax.Array | np.ndarray
Number: TypeAlias = float | int | np.floating | np.integer
Scalar: TypeAlias = Float[Array, ""] | Integer[Array, ""] | Number
Flag: TypeAlias = Bool[Array, ""] | bool | np.bool_
Key: TypeAlias = jax.Array

HWC: TypeAlias = Shaped[Array, "h w c"]
HW: TypeAlias = Shaped[Array, "h w"]
N4: TypeAlias = Shaped[Array, "n 4"]
N2: TypeAlias = Shaped[Array, "n 2"]
Row: TypeAlias = tuple[Scalar, Scalar, Scalar]
Matrix: TypeAlias = tuple[Row, Row, Row]
"""A 3x3 matrix as nested scalars, never an array: its entries fuse into the pixels' own loop."""

Size: TypeAlias = tuple[int, int]
Shape: TypeAlias = tuple[int, int, int]
Extent: TypeAlias = tuple[Scalar, Scalar]
"""``(h, w)`` of a picture: integers if it is all of its image, else float32, perhaps traced."""
Example: TypeAlias = dict[str, Any]

TARGETS = ("image", "mask", "boxes", "keypoints", "size")
BORDERS = ("constant", "nearest", "reflect", "mirror", "wrap")
INTERPOLATIONS = ("nearest", "linear", "cubic")


class CanvasShape(tuple[int, int, int]):  # noqa: SLOT001 - tuples can have none
    """The shape ``(h, w, c)`` of an image whose top left corner is the picture.

    It stands for the shape wherever only the room for pixels matters; ``extent`` asks for more.

    Attributes:
        size: integers ``(2,)``, the picture's own ``(h, w)``.
    """

    size: Array

    def __new__(cls, shape: Shape, size: Array) -> Self:
        canvas = super().__new__(cls, shape)
        canvas.size = size
        return canvas


def extent(shape: Shape) -> Extent:
    """``(h, w)`` of the picture in an image of this shape.

    A size that does not fit is brought to 1 pixel or to the whole image: of a traced one nothing
    can be said, and pixels are gathered without looking at bounds.
    """
    if not isinstance(shape, CanvasShape):
        return shape[:2]
    size = jax.numpy.asarray(shape.size).astype(np.float32)
    height, width = (jax.numpy.clip(size[k], 1.0, float(shape[k])) for k in range(2))
    return height, width


def check_no_canvas(who: str, shape: Shape, why: str, remedy: str = "Resize first.") -> None:
    """Refuse a picture on a larger canvas, where the program would have to know its size.

    Raises:
        JaxaugError: the shape is that of a canvas.
    """
    if isinstance(shape, CanvasShape):
        got = f"a picture of a size of its own on a canvas {shape[:2]}"
        raise JaxaugError(who, f"an image without the key 'size', {why}", got, remedy)


def check_rgb(who: str, shape: Shape) -> None:
    """Refuse an image without the three channels red, green and blue.

    Raises:
        JaxaugError: another number of channels.
    """
    if shape[2] != 3:
        want = "3 channels, red green and blue, since it mixes colours"
        raise JaxaugError(who, want, f"an image {tuple(shape)}", "Leave it out for such images.")


class JaxaugError(ValueError):
    """What every check of jaxaug raises: who, what was expected, what came, what to do.

    Attributes:
        who: the transform, function or container that found the fault.
        expected: what it needs, in words.
        got: what it was given, in words.
        remedy: what to do about it, a sentence.
    """

    def __init__(self, who: str, expected: str, got: str, remedy: str = "") -> None:
        super().__init__(who, expected, got, remedy)
        self.who, self.expected, self.got, self.remedy = who, expected, got, remedy

    def __str__(self) -> str:
        text = f"{self.who}: expected {self.expected}, got {self.got}."
        return f"{text} {self.remedy}" if self.remedy else text

    def inside(self, position: str) -> "JaxaugError":
        """The same error, its place in a container put in front: ``in Chain[2] (Rotate)``."""
        step = f"in {position}"
        who = f"{step}, {self.who}" if self.who.startswith("in ") else f"{step}: {self.who}"
        return type(self)(who, self.expected, self.got, self.remedy)


def describe(value: Any) -> str:
    """A short text for an error: type and shape of an array, ``repr`` of anything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}{tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_example(who: str, example: Any) -> tuple[Example, Shape]:
    """Hold an example against the value contract, looking at types and shapes only.

    Args:
        who: name for the error.
        example: an image ``(h, w, c)``, or a dict with the key ``image``.

    Returns:
        The targets in it, as a dict, and the image's shape ``(h, w, c)``: a ``CanvasShape`` if
        there is a ``size``.

    Raises:
        JaxaugError: a wrong type, rank, dtype, or two targets that do not fit.
    """
    if not isinstance(example, dict):
        example = {"image": example}
    if "image" not in example:
        found = ", ".join(map(repr, example)) or "no keys"
        raise JaxaugError(who, "an example with the key 'image'", found, "Add the image.")
    targets = {name: example[name] for name in TARGETS if name in example}
    shape = _check_image(who, targets["image"])
    for mask in jax.tree.leaves(targets.get("mask")):
        _check_array(who, mask, "a mask")
        if tuple(mask.shape) != shape[:2]:
            raise JaxaugError(who, f"a mask of shape {shape[:2]}, as its image", describe(mask))
    for name, columns, order in (("boxes", 4, "x0 y0 x1 y1"), ("keypoints", 2, "x y")):
        for points in jax.tree.leaves(targets.get(name)):
            _check_array(who, points, name)
            if points.ndim != 2 or points.shape[1] != columns:
                want = f"{name} of shape (n, {columns}), columns {order}"
                raise JaxaugError(who, want, describe(points))
            if not np.issubdtype(np.dtype(points.dtype), np.number):
                raise JaxaugError(who, f"{name} of numbers, in pixels", describe(points))
    return targets, _check_size(who, targets["size"], shape) if "size" in targets else shape


def _check_size(who: str, size: Any, shape: Shape) -> CanvasShape:
    _check_array(who, size, "a size")
    if tuple(size.shape) != (2,) or not np.issubdtype(np.dtype(size.dtype), np.integer):
        remedy = "It is the picture's own, in pixels; name other things otherwise."
        raise JaxaugError(who, "a size of two integers (h, w)", describe(size), remedy)
    return CanvasShape(shape, size)


def _check_image(who: str, image: Any) -> Shape:
    """The common shape ``(h, w, c)`` of all leaves of an image."""
    leaves = jax.tree.leaves(image)
    if not leaves:
        raise JaxaugError(who, "an image of shape (h, w, c)", describe(image))
    for leaf in leaves:
        _check_array(who, leaf, "an image")
        if leaf.ndim != 3:
            remedy = {
                4: f"For a batch use jaxaug.batched({who}(...)).",
                2: "Give a grey image its channel: image[..., None].",
            }.get(leaf.ndim, "")
            raise JaxaugError(who, "an image of shape (h, w, c)", describe(leaf), remedy)
        if 0 in leaf.shape:
            raise JaxaugError(who, "an image with at least one pixel", describe(leaf))
        if not (leaf.dtype == np.uint8 or jax.numpy.issubdtype(leaf.dtype, np.floating)):
            remedy = "Convert it first: 16-bit images as image / 65535."
            raise JaxaugError(who, "uint8 in 0..255 or floats in 0..1", describe(leaf), remedy)
    shapes = {tuple(leaf.shape) for leaf in leaves}
    if len(shapes) > 1:
        remedy = "Images that move together must agree; a depth map can be a mask."
        raise JaxaugError(who, "images of one shape", str(sorted(shapes)), remedy)
    height, width, channels = shapes.pop()
    return height, width, channels


def _check_array(who: str, value: Any, what: str) -> None:
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        raise JaxaugError(who, f"{what} as an array", describe(value), "Use numpy.asarray on it.")
