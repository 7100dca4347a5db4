"""The functions of Keras that transform one image: NumPy arrays in, NumPy arrays out."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._draws import stream
from ._keywords import known_keywords
from ._single import transformed_image

Image = NDArray[Any]


@known_keywords
def flip_axis(x: ArrayLike, axis: int) -> Image:
    """Reverses an array along an axis."""
    return np.flip(np.asarray(x), axis)


@known_keywords
def transform_matrix_offset_center(matrix: ArrayLike, x: float, y: float) -> Image:
    """The map (3, 3) about the centre of an image of `x` times `y` pixels, not about its corner."""
    offset = np.array([[1, 0, x / 2 - 0.5], [0, 1, y / 2 - 0.5], [0, 0, 1]])
    back = np.array([[1, 0, -(x / 2 - 0.5)], [0, 1, -(y / 2 - 0.5)], [0, 0, 1]])
    return offset @ np.asarray(matrix) @ back


@known_keywords
def apply_affine_transform(
    x: ArrayLike,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Image:
    """Rotates, shifts, leans and zooms an image about its centre, in one resampling.

    Args:
        x: Image of rank 3.
        theta: Degrees; positive turns the content counter-clockwise.
        tx: Pixels; positive moves the content to the left.
        ty: Pixels; positive moves the content up.
        shear: Degrees; positive leans upright lines counter-clockwise.
        zx: Zoom along x; below 1 magnifies.
        zy: Zoom along y.
        row_axis: Which axis counts rows.
        col_axis: Which axis counts columns.
        channel_axis: Which axis counts channels.
        fill_mode: What lies outside, by the names of `scipy.ndimage`: "nearest", "constant",
            "reflect", "mirror", "wrap" (the last pixel stands on the first), "grid-wrap",
            "grid-mirror", "grid-constant".
        cval: Value outside for the two constants.
        order: Of the spline: 0 nearest, 1 linear; 2 to 5 are computed by SciPy.

    Returns:
        An image of the same shape and type; the same object if there is nothing to do.

    Raises:
        ValueError: If the axes or the rank are wrong.
        RuntimeError: If the mode or the order is none of the above.

    Example:
        >>> import numpy as np
        >>> row = np.arange(4.0).reshape(1, 4, 1)
        >>> moved = apply_affine_transform(row, tx=1, row_axis=0, col_axis=1, channel_axis=2)
        >>> moved.ravel().tolist()
        [1.0, 2.0, 3.0, 3.0]
    """
    axes = row_axis, col_axis, channel_axis
    if len(set(axes)) != 3:
        raise ValueError(f"'row_axis', 'col_axis', and 'channel_axis' must be distinct, got {axes}")
    if unknown := set(axes) - {0, 1, 2}:
        raise ValueError(f"Invalid axis' indices: {unknown}")
    x = np.asarray(x)
    if x.ndim != 3:
        raise ValueError(
            f"Input arrays must be multi-channel 2D images. Got an array of shape {x.shape}."
        )
    if channel_axis == 1:
        raise ValueError("Channels are allowed and the first and last dimensions.")
    given = {"theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy}
    return transformed_image(x, given, axes, fill_mode, cval, order)


@known_keywords
def apply_channel_shift(x: ArrayLike, intensity: float, channel_axis: int = 0) -> Image:
    """Adds a number to all pixels, cut to the range from the smallest to the largest of them."""
    del channel_axis  # all channels are shifted alike
    x = np.asarray(x)
    return np.clip(x + float(intensity), np.min(x), np.max(x))  # or 8 bits would overflow


@known_keywords
def apply_brightness_shift(x: ArrayLike, brightness: float, scale: bool = True) -> Image:
    """Multiplies an image by a factor, in 8 bits as Pillow does it.

    Args:
        x: Image (h, w, c).
        brightness: The factor; 0 gives black.
        scale: Whether the smallest to the largest pixel are stretched to 0..255 before. If not,
            that is done only where pixels are outside 0..255, and undone afterwards; and pixels in
            0..1 are multiplied as they are.

    Returns:
        float32.
    """
    return transformed_image(np.asarray(x), {"brightness": brightness}, stretch=scale)


@known_keywords
def random_rotation(
    x: ArrayLike,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Turns an image by -rg to rg degrees; the rest as for `apply_affine_transform`."""
    theta = stream().uniform(-rg, rg)
    axes = row_axis, col_axis, channel_axis
    return _moved(x, {"theta": theta}, axes, fill_mode, cval, interpolation_order)


@known_keywords
def random_shift(
    x: ArrayLike,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Shifts an image by up to `wrg` of its width and `hrg` of its height, either way."""
    x, random = np.asarray(x), stream()
    ty = random.uniform(-hrg, hrg) * x.shape[row_axis]
    tx = random.uniform(-wrg, wrg) * x.shape[col_axis]
    axes = row_axis, col_axis, channel_axis
    return _moved(x, {"tx": tx, "ty": ty}, axes, fill_mode, cval, interpolation_order)


@known_keywords
def random_shear(
    x: ArrayLike,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Leans an image by -intensity to intensity degrees."""
    lean = stream().uniform(-intensity, intensity)
    axes = row_axis, col_axis, channel_axis
    return _moved(x, {"shear": lean}, axes, fill_mode, cval, interpolation_order)


@known_keywords
def random_zoom(
    x: ArrayLike,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Zooms an image by two factors drawn from a pair (low, high); below 1 magnifies."""
    if np.shape(zoom_range) != (2,):
        raise ValueError(
            f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}"
        )
    zx, zy = stream().uniform(*zoom_range, 2)
    axes = row_axis, col_axis, channel_axis
    return _moved(x, {"zx": zx, "zy": zy}, axes, fill_mode, cval, interpolation_order)


@known_keywords
def random_channel_shift(x: ArrayLike, intensity_range: float, channel_axis: int = 0) -> Image:
    """Adds a number from -intensity_range to intensity_range; see `apply_channel_shift`."""
    intensity = stream().uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis=channel_axis)


@known_keywords
def random_brightness(
    x: ArrayLike, brightness_range: tuple[float, float], scale: bool = True
) -> Image:
    """Multiplies by a factor drawn from a pair (low, high); see `apply_brightness_shift`."""
    if np.shape(brightness_range) != (2,):
        raise ValueError(
            f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}"
        )
    return apply_brightness_shift(x, stream().uniform(*brightness_range), scale)


def _moved(x: ArrayLike, given: dict[str, float], axes: Any, mode: str, cval: float, order: int):  # noqa: ANN202
    names = dict(zip(("row_axis", "col_axis", "channel_axis"), axes, strict=True))
    return apply_affine_transform(x, **given, **names, fill_mode=mode, cval=cval, order=order)
