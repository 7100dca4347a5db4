"""One image by itself, of any size: the batch's program, or SciPy's splines."""

import numbers as numbers_
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._kernel import BORDERS, How, Numbers, colored, run
from ._parameters import numbers

Image = NDArray[Any]


def transformed_image(
    x: Image,
    parameters: Mapping[str, Any],
    axes: tuple[int, int, int] = (0, 1, 2),
    mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
    *,
    stretch: bool = False,
) -> Image:
    """One image with everything that the parameters say; the same object if they say nothing.

    Args:
        x: Image of rank 3.
        parameters: As for `ImageDataGenerator.apply_transform`.
        axes: Of rows, of columns, of channels.
        mode: As `fill_mode`.
        cval: Value outside.
        order: Of the spline.
        stretch: As `scale` of `apply_brightness_shift`.
    """
    found, kind = numbers([parameters])
    shifts = parameters.get("channel_shift_intensity") is not None
    brightens = parameters.get("brightness") is not None
    if not (kind or shifts or brightens):
        return x
    moves = kind not in (None, "flip")
    if moves:
        check(mode, cval, order)
    if moves and order > 1:
        x = spline(x, found, axes, mode, cval, order)
        moves, found = False, found._replace(matrix=np.abs(found.matrix))  # mirrored it is, too
    brightness = ("always" if stretch else "beyond") if brightens else None
    whole = np.issubdtype(x.dtype, np.integer)
    how = How(kind, order, mode, moves and whole, not whole, shifts, brightness, False)
    image = np.moveaxis(x, axes, (0, 1, 2))
    y = _run(image, found, cval, how) if moves else _still(image, found, how)
    dtype = np.result_type(x.dtype, 1.0) if shifts else x.dtype
    return np.moveaxis(y, (0, 1, 2), axes).astype(np.float32 if brightens else dtype, copy=False)


def _still(x: Image, found: Numbers, how: How) -> Image:
    """Mirrors and colours of an image (h, w, c), for which a compiled program would be slower."""
    x = mirrored(x, found.matrix[0])
    if not (how.shift or how.brightness):
        return x
    one = Numbers(found.matrix[0], found.shift[0], found.factor[0])
    x = x.astype(np.float32)
    return colored(x, one, x.min(), x.max(), how)


def mirrored(x: Image, matrix: NDArray[np.float32]) -> Image:
    """An image (h, w, c) as a map (2, 3) of kind "flip" has it; a view."""
    x = x[:, ::-1] if matrix[0, 0] < 0 else x
    return x[::-1] if matrix[1, 1] < 0 else x


def _run(x: Image, found: Numbers, cval: float, how: How) -> Image:
    """Calls the program for one image (h, w, c), in an array whose sides are powers of two.

    So pictures of many sizes share few programs.
    """
    height, width = x.shape[:2]
    room = [1 << max(side - 1, 31).bit_length() for side in (height, width)]
    canvas = np.zeros((1, *room, x.shape[2]), np.float32)
    canvas[0, :height, :width] = x
    found = found._replace(size=np.array([[height, width]], np.float32))
    return run(canvas, found, cval, how)[0, :height, :width]


def check(mode: str, cval: float, order: int) -> None:
    """Refuses what no image can be resampled by.

    Raises:
        RuntimeError: A mode or an order, with SciPy's own words, which Keras passes on.
        TypeError: A value outside that is no number.
    """
    if mode not in BORDERS:
        raise RuntimeError(
            f"boundary mode not supported: fill_mode={mode!r}. Use one of {', '.join(BORDERS)}."
        )
    if order not in range(6):
        raise RuntimeError(f"spline order not supported: {order!r}. Use 0 to 5.")
    if not isinstance(cval, numbers_.Real | np.number):
        raise TypeError(f"cval: expected a number, got {cval!r}. All channels get the same.")


def spline(x: Image, found: Numbers, axes: Any, mode: str, cval: float, order: int) -> Image:
    """One image, moved by SciPy: splines of order 2 to 5, which have no compiled form here."""
    from scipy import ndimage  # noqa: PLC0415 - comes with JAX, and is slow to import

    (a, b, c), (d, e, f) = found.matrix[0].astype(np.float64)
    swapped = np.array([[e, d], [b, a]])  # rows before columns
    planes = np.moveaxis(x, axes, (1, 2, 0))
    middle = (np.array(planes.shape[1:]) - 1) / 2
    options: Any = {"offset": middle + np.array([f, c]) - swapped @ middle, "order": order}
    moved = [
        ndimage.affine_transform(plane, swapped, mode=mode, cval=cval, **options)
        for plane in planes
    ]
    return np.moveaxis(np.stack(moved), (1, 2, 0), axes)
