"""The warp: one gather of whole pixels for any map of the plane, and the antialiased resize.

Each output pixel looks at one contiguous block of input pixels, 1, 2 or 4 to a side, weighted by a
separable kernel. The border rule folds the source coordinate back into the image *before* the block
is chosen, so the gather itself never branches, and ``constant`` needs no test at all: weight that
falls outside goes to the fill value.

An axis has ``n`` pixels. Where a picture lies in the top left corner of a larger canvas, ``n`` is
its own number, traced, and the rule folds each pixel of a block: none beside the picture is read.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Shaped

from jaxaug._types import HW, HWC, Array, Extent, Matrix, Scalar, Size
from jaxaug.functional.color import to_float
from jaxaug.functional.geometry import Kind
from jaxaug.functional.stable import materialize, weighted_sum

Plane: TypeAlias = Any  # (h, w), or (h, 1) and (1, w) where the map is separable
Kernel: TypeAlias = Callable[[Plane], Plane]
Image: TypeAlias = Shaped[Array, "_ _ _"]  # what comes out: its size is not that of what went in
Tap: TypeAlias = tuple[Plane, int, Plane]  # a pixel, how far the one meant is beyond it, its weight
Length: TypeAlias = Any  # of an axis: an integer, or a traced float32 with a whole number

PAD_MODES = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
_MAGIC = np.float32(1 << 23)


def _tent(distance: Plane) -> Plane:
    return jnp.maximum(1.0 - jnp.abs(distance), 0.0)


def _keys(distance: Plane) -> Plane:
    """Keys' cubic convolution, a = -0.5, as Pillow has it (R. Keys, IEEE TASSP 29(6), 1981)."""
    d = jnp.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return jnp.where(d < 1.0, near, jnp.where(d < 2.0, far, 0.0))


KERNELS: dict[str, tuple[Kernel, int]] = {"linear": (_tent, 2), "cubic": (_keys, 4)}
"""Interpolation: its kernel, and how many pixels to a side it looks at. ``nearest`` has none."""


def coordinates(
    matrix: Matrix, size: Any, out_size: Any, kind: Kind, *, canvas: Any
) -> tuple[Plane, Plane]:
    """Source ``(y, x)`` of every output pixel, in pixel indices (the first pixel's centre is 0).

    Args:
        matrix: output to input, in pixels, origin at the centres.
        size: ``(h, w)`` of the input.
        out_size: ``(h, w)`` of the output.
        canvas: ``(h, w)`` of the output and of what lies beside it.
        kind: the structure of the matrix; a separable one gives an ``(h, 1)`` and a ``(1, w)``
            plane.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix
    x = lax.broadcasted_iota(jnp.float32, (1, canvas[1]), 1) - (out_size[1] - 1) / 2
    y = lax.broadcasted_iota(jnp.float32, (canvas[0], 1), 0) - (out_size[0] - 1) / 2
    middle_x, middle_y = (size[1] - 1) / 2, (size[0] - 1) / 2
    if kind == "separable":
        return e * y + (f + middle_y), a * x + (c + middle_x)
    if kind == "affine":
        return (f + middle_y) + e * y + d * x, (c + middle_x) + b * y + a * x
    depth = i + h * y + g * x
    depth = jnp.where(jnp.abs(depth) < 1e-6, 1e-6, depth)
    return (f + e * y + d * x) / depth + middle_y, (c + b * y + a * x) / depth + middle_x


def cleared(image: Any, size: Extent) -> Any:
    """An image or a mask, 0 beside the picture ``(h, w)`` in its top left corner."""
    if isinstance(size[0], int):
        return image
    inside = [
        lax.broadcasted_iota(jnp.float32, image.shape, axis) < size[axis] for axis in range(2)
    ]
    return jnp.where(inside[0] & inside[1], image, jnp.zeros((), image.dtype))


def warp(
    image: HWC,
    matrix: Matrix,
    *,
    size: Size | None = None,
    extent: Extent | None = None,
    kind: Kind = "projective",
    interpolation: str = "linear",
    border: str = "constant",
    fill: Any = 0.0,
) -> Image:
    """Resample an image through a map of the plane.

    Agrees with ``scipy.ndimage.affine_transform`` (order 0 and 1; modes grid-constant, nearest,
    reflect, mirror, grid-wrap); ``cubic`` is Keys' convolution with a = -0.5.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        matrix: output to input, in pixels, origin at the image centres.
        size: ``(h, w)`` of the output; the input's by default.
        extent: ``(h, w)`` of the picture, if it is traced numbers; else it is all of the image.
        kind: the structure of the matrix, if it is known to be less than projective.
        interpolation: ``nearest``, ``linear`` or ``cubic``.
        border: the rule outside the image, one of ``BORDERS``.
        fill: value of ``constant``, in 0..1: a number or one a channel.

    Returns:
        ``(h, w, c)`` float32 in 0..1.
    """
    before: Any = extent or image.shape[:2]
    after: Any = size or before
    y, x = coordinates(matrix, before, after, kind, canvas=size or image.shape[:2])
    unit = 1.0 / 255.0 if image.dtype == jnp.uint8 else 1.0
    if isinstance(before[0], int):
        if border != "constant":
            image, y, x = _inside(image, y, x, interpolation, border)
        rows, columns = (
            _taps(u, n, interpolation) for u, n in zip((y, x), image.shape[:2], strict=True)
        )
    else:
        rows, columns = (
            _folded_taps(u, n, interpolation, border) for u, n in zip((y, x), before, strict=True)
        )
    values, weight = _gather(image, rows, columns)
    values = values if unit == 1.0 else values * unit
    if border == "constant" and not (np.isscalar(fill) and fill == 0.0):
        values = values + (1.0 - weight)[..., None] * jnp.asarray(fill, jnp.float32)
    return cleared(values, after)


def warp_mask(
    mask: HW,
    matrix: Matrix,
    *,
    size: Size | None = None,
    extent: Extent | None = None,
    kind: Kind = "projective",
    border: str = "constant",
    fill: Scalar = 0,
) -> Shaped[Array, "_ _"]:
    """Resample a mask ``(h, w)`` of any type by the nearest pixel; the type is kept."""
    before: Any = extent or mask.shape
    after: Any = size or before
    y, x = coordinates(matrix, before, after, kind, canvas=size or mask.shape)
    if border != "constant":
        y, x = (_fold(u, n, border) for u, n in zip((y, x), before, strict=True))
    ((down, _, in_y),), ((right, _, in_x),) = (
        _taps(u, n, "nearest") for u, n in zip((y, x), before, strict=True)
    )
    values = _take(jnp.asarray(mask)[..., None], down, right)[..., 0]
    inside = (in_y * in_x) > 0
    values = jnp.where(inside, values, jnp.asarray(fill, values.dtype))
    return cleared(values, after)


def _inside(
    image: HWC, y: Plane, x: Plane, interpolation: str, border: str
) -> tuple[Image, Plane, Plane]:
    """Coordinates folded into the image, and the image padded where a block may still stick out.

    Folding alone is exact for two taps, by the symmetry of the rules, except across the seam of
    ``wrap``; four taps reach two pixels beyond the edge.
    """
    reach = 1 if interpolation == "cubic" else 0
    y, x = (_fold(u, n, border, reach) for u, n in zip((y, x), image.shape, strict=False))
    pad = {"nearest": 0, "linear": int(border == "wrap"), "cubic": 2}[interpolation]
    if pad:
        image = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode=PAD_MODES[border])
        return image, y + float(pad), x + float(pad)
    if border == "reflect":
        y, x = (_clamp(u, n - 1.0) for u, n in zip((y, x), image.shape, strict=False))
    return image, y, x


def _fold(u: Plane, n: Length, border: str, reach: int = 0) -> Plane:
    """A coordinate on an axis of ``n`` pixels brought to where the border rule says it repeats.

    ``reach``: how far beyond the last pixel's centre ``nearest`` still tells coordinates apart.
    """
    if isinstance(n, int) and n == 1:
        return jnp.zeros_like(u)
    if border == "nearest":
        return _clamp(u, n - 1.0 + reach, float(-reach))
    if border == "wrap":
        u = _modulo(u + 0.5, n) - 0.5
    else:
        edge, period = (0.5, 2 * n) if border == "reflect" else (0.0, _at_least(2 * n - 2, 1))
        u = _modulo(u + edge, period)
        u = jnp.minimum(u, period - u) - edge
    return _clamp(u, n - 0.5, -0.5)  # a last bit too far would find no pixel


def _modulo(u: Plane, period: Length) -> Plane:
    return u - period * jnp.floor(u * _float(1.0 / period))


def _clamp(u: Plane, high: Scalar, low: float = 0.0) -> Plane:
    """Into ``[low, high]``. Unlike ``clip`` it is two instructions, and NaN becomes ``low``."""
    u = jnp.where(u > low, u, np.float32(low))
    return jnp.where(u < high, u, _float(high))


def _at_least(number: Length, low: int) -> Length:
    """``number`` or ``low``; what is known stays known."""
    return max(number, low) if isinstance(number, int) else jnp.maximum(number, float(low))


def _float(number: Scalar) -> Any:
    return np.float32(number) if isinstance(number, float | int) else number


def _taps(u: Plane, n: Length, interpolation: str) -> list[Tap]:
    """The pixels of the block and their weights, on an axis of ``n`` pixels."""
    if interpolation == "nearest":
        inside = (u >= -0.5) & (u <= n - 0.5)
        return [(_clamp(jnp.floor(u + 0.5), n - 1.0), 0, jnp.where(inside, 1.0, 0.0))]
    kernel, taps = KERNELS[interpolation]
    first = u - (taps // 2 - 1.0)
    taps = min(taps, n)
    start = lax.stop_gradient(_clamp(jnp.floor(first), float(n - taps)))
    return [(start, t, kernel(u - (start + float(t)))) for t in range(taps)]


def _folded_taps(u: Plane, n: Length, interpolation: str, border: str) -> list[Tap]:
    """As ``_taps``, the border rule included, for ``n`` not known when the program is written.

    Neither can a block be as short as the picture then, nor the picture be padded: every pixel of a
    block is folded by itself, or weighs nothing where the rule is ``constant``.
    """
    if border != "constant":
        u = _fold(u, n, border, reach=1 if interpolation == "cubic" else 0)
    if interpolation == "nearest":
        return _taps(u, n, interpolation)
    kernel, taps = KERNELS[interpolation]
    start = _clamp(jnp.floor(u - (taps // 2 - 1.0)), n, float(-taps))
    start = lax.stop_gradient(start)
    block = []
    for place in (start + float(t) for t in range(taps)):
        weight = kernel(u - place)
        if border == "constant":
            weight = jnp.where((place >= 0.0) & (place < n), weight, 0.0)
        pixel = place if border == "constant" else _fold(place, n, border)
        block.append((_clamp(pixel, n - 1.0), 0, weight))
    return block


def _gather(image: HWC, rows: list[Tap], columns: list[Tap]) -> tuple[Image, Plane]:
    """Weighted sum of each block, in the image's own unit, and how much weight lay inside."""
    total = weighted_sum(
        (_take(image, y, x, i, j).astype(jnp.float32), (down * right)[..., None])
        for y, i, down in rows
        for x, j, right in columns
    )
    return total, sum(down for *_, down in rows) * sum(right for *_, right in columns)


def _take(image: HWC, y: Plane, x: Plane, down: int = 0, right: int = 0) -> Image:
    """Whole pixels at ``(y + down, x + right)``: one gather from the flattened image.

    What the plain ``image[y, x]`` would add to every pixel and what is left out here: wrapping of
    negative indices, bounds, and the saturating conversion of float to integer (the planes hold
    whole numbers below 2**22, whose bits are read instead). Together they double the speed on a
    CPU.
    """
    height, width, channels = image.shape
    index = _to_int(y, height) * np.uint32(width) + _to_int(x, width)
    index = index + np.uint32(down * width + right)
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(2,), collapsed_slice_dims=(0,), start_index_map=(0,)
    )
    return lax.gather(
        jnp.asarray(image).reshape(height * width, channels),
        index[..., None],
        numbers,
        slice_sizes=(1, channels),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )


def _to_int(whole: Plane, n: int) -> Plane:
    if n >= 1 << 22:
        return whole.astype(jnp.uint32)
    return lax.bitcast_convert_type(whole + _MAGIC, jnp.uint32) - np.uint32(0x4B000000)


def resize(
    image: HWC,
    matrix: Matrix,
    *,
    size: Size | None = None,
    extent: Extent | None = None,
    shrink: tuple[float, float],
    interpolation: str = "linear",
    border: str = "constant",
    fill: Any = 0.0,
) -> Image:
    """Antialiased resampling through a separable map: columns first, then rows.

    Where the map shrinks, the kernel is widened by the factor and its weights normalised over the
    pixels that exist, as Pillow's ``Image.resize(size, box=...)`` does.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        matrix: output to input, separable, in pixels, origin at the centres.
        size: ``(h, w)`` of the output; the input's by default.
        extent: ``(h, w)`` of the picture, if it is traced numbers; else it is all of the image.
        shrink: upper bounds of how much the map shrinks along y and x; they fix the number of taps.
        interpolation: ``linear`` or ``cubic``, the kernel that is widened.
        border: the rule for pixels whose centre falls outside the image.
        fill: value of ``constant``, in 0..1.

    Returns:
        ``(h, w, c)`` float32 in 0..1.
    """
    before: Any = extent or image.shape[:2]
    after: Any = size or before
    y, x = coordinates(matrix, before, after, "separable", canvas=size or image.shape[:2])
    lines = materialize((y[:, 0], x[0]))
    values, inside = to_float(image), []
    for axis, scale in enumerate((matrix[1][1], matrix[0][0])):
        n = before[axis], image.shape[axis]
        within, u = _beyond(lines[axis], n[0], border)
        taps = _wide_taps(u, scale, n, shrink[axis], interpolation)
        values = _combine(values, materialize(taps), axis)
        inside.append(within)
    if border != "constant":
        return cleared(values, after)
    seen = inside[0][:, None, None] & inside[1][None, :, None]
    return cleared(jnp.where(seen, values, jnp.asarray(fill, jnp.float32)), after)


def _beyond(u: Plane, n: Length, border: str) -> tuple[Plane, Plane]:
    """Which coordinates are inside the image, and all of them brought inside."""
    inside = (u >= -0.5) & (u <= n - 0.5)
    if border != "constant":
        u = _fold(u, n, border)
    return inside, _clamp(u, n - 0.5, -0.5)


def _wide_taps(
    u: Plane, scale: Scalar, n: tuple[Length, int], bound: float, interpolation: str
) -> tuple[Plane, Plane]:
    """As ``_taps`` for a line of coordinates, the kernel widened by ``scale`` where above 1.

    ``n`` counts the pixels of the picture and those of the canvas. Weights come as ``(taps, length
    of the line)``.
    """
    kernel, taps = KERNELS[interpolation]
    radius = taps / 2
    stretch = jnp.clip(jnp.abs(scale), 1.0, max(bound, 1.0))
    taps = min(n[1], math.ceil(2 * radius * max(bound, 1.0) - 1e-4) + 1)
    start = jnp.ceil(u - radius * stretch)
    start = lax.stop_gradient(_clamp(start, _at_least(n[0] - taps, 0)))
    # Multiplied, not divided: of x / y with one y for all x, XLA makes a product, but not always.
    narrow = 1.0 / stretch
    each = lax.broadcasted_iota(jnp.float32, (taps, 1), 0)
    weights = kernel(materialize((u - start - each) * narrow))
    if not isinstance(n[0], int):
        weights = jnp.where(start + each < n[0], weights, 0.0)
    return start, weights / sum(weights[t] for t in range(taps))


def _combine(values: HWC, taps: tuple[Plane, Plane], axis: int) -> Image:
    """Weighted sums of whole rows (axis 0) or of whole columns (axis 1)."""
    start, weights = taps
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(k for k in range(3) if k != axis),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )
    slice_sizes = tuple(1 if k == axis else n for k, n in enumerate(values.shape))
    shape = tuple(-1 if k == axis else 1 for k in range(3))
    index = _to_int(start, values.shape[axis])

    def lines(t: int) -> Image:
        return lax.gather(
            values,
            (index + np.uint32(t))[:, None],
            numbers,
            slice_sizes=slice_sizes,
            mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
        )

    total = weighted_sum((lines(t), weight.reshape(shape)) for t, weight in enumerate(weights))
    return materialize(total) if axis == 0 else total
