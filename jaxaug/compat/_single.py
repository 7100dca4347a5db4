"""One image by itself, of any size: the batch's program, or SciPy's splines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._kernel import BORDERS, How, Numbers, augment
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
    check(mode, order)
    whole = kind not in (None, "flip") and np.issubdtype(x.dtype, np.integer)
    if order > 1 and kind not in (None, "flip"):
        x = spline(x, found, axes, mode, cval, order)
        kind, whole = None, False
    brightness = ("always" if stretch else "beyond") if brightens else None
    how = How(kind, order, mode, bool(whole), shifts, brightness, channels_first=False)
    y = _run(np.moveaxis(x, axes, (0, 1, 2)), found, cval, how)
    dtype = np.result_type(x.dtype, 1.0) if shifts else x.dtype
    return np.moveaxis(y, (0, 1, 2), axes).astype(np.float32 if brightens else dtype)


def _run(x: Image, found: Numbers, cval: float, how: How) -> Image:
    """Calls the program for one image (h, w, c), in an array whose sides are powers of two.

    So pictures of many sizes share few programs.
    """
    height, width = x.shape[:2]
    room = [1 << max(side - 1, 31).bit_length() for side in (height, width)]
    canvas = np.zeros((1, *room, x.shape[2]), np.float32)
    canvas[0, :height, :width] = x
    found = found._replace(size=np.array([[height, width]], np.float32))
    return np.asarray(augment(canvas, found, np.float32(cval), how=how))[0, :height, :width]


def check(mode: str, order: int) -> None:
    """Refuses a mode or an order that SciPy does not know.

    Raises:
        RuntimeError: With SciPy's own words, which Keras passes on.
    """
    if mode not in BORDERS:
        raise RuntimeError(
            f"boundary mode not supported: fill_mode={mode!r}. Use one of {', '.join(BORDERS)}."
        )
    if order not in range(6):
        raise RuntimeError(f"spline order not supported: {order!r}. Use 0 to 5.")


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
