"""The warp: one gather of whole pixels for any map of the plane, and the antialiased resize.

Which pixels a coordinate looks at, and what the border rules do to it, is told in ``taps``. A TPU
does not gather: what it does instead for maps that are not projective is told in ``dense``.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Shaped

from jaxaug._types import HW, HWC, Array, Extent, Matrix, Scalar, Size
from jaxaug.functional import dense
from jaxaug.functional.color import to_float
from jaxaug.functional.geometry import Kind
from jaxaug.functional.stable import materialize, weighted_sum
from jaxaug.functional.taps import (
    Plane,
    Tap,
    beyond,
    clamp,
    fold,
    folded_taps,
    taps_of,
    to_int,
    wide_taps,
)

Image: TypeAlias = Shaped[Array, "_ _ _"]  # what comes out: its size is not that of what went in
Path: TypeAlias = Callable[[Plane, Plane], tuple[Plane, Plane]]  # from (y, x) to (y, x)

PAD_MODES = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}


def coordinates(
    matrix: Matrix, size: Any, out_size: Any, kind: Kind, *, canvas: Any, path: Path | None = None
) -> tuple[Plane, Plane]:
    """Source ``(y, x)`` of every output pixel, in pixel indices (the first pixel's centre is 0).

    Args:
        matrix: output to input, in pixels, origin at the centres.
        size: ``(h, w)`` of the input.
        out_size: ``(h, w)`` of the output.
        canvas: ``(h, w)`` of the output and of what lies beside it.
        kind: the structure of the matrix; a separable one gives an ``(h, 1)`` and a ``(1, w)``
            plane.
        path: where coordinates go behind the matrix, in pixels from the centre.
    """
    if path is not None:
        y, x = coordinates(matrix, (1, 1), out_size, kind, canvas=canvas)
        y, x = materialize(path(*(jnp.broadcast_to(u, canvas) for u in (y, x))))
        return y + (size[0] - 1) / 2, x + (size[1] - 1) / 2
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
    picture: Extent | None = None,
    kind: Kind = "projective",
    path: Path | None = None,
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
        picture: ``(h, w)`` of the picture in the output, likewise.
        kind: the structure of the matrix, if it is known to be less than projective.
        path: where coordinates ``(y, x)`` go behind the matrix, in pixels from the centre.
        interpolation: ``nearest``, ``linear`` or ``cubic``.
        border: the rule outside the image, one of ``BORDERS``.
        fill: value of ``constant``, in 0..1: a number or one a channel.

    Returns:
        ``(h, w, c)`` float32 in 0..1.
    """
    before: Any = extent or image.shape[:2]
    after: Any = picture or size or before
    canvas: Any = size or image.shape[:2]
    y, x = coordinates(matrix, before, after, kind, canvas=canvas, path=path)

    def gathered(image: HWC) -> tuple[Image, Plane]:
        return _blocks(image, (y, x), before, interpolation, border)

    def multiplied(image: HWC) -> tuple[Image, Plane]:
        values = dense.affine(
            image, matrix, before, out_size=after, canvas=canvas, interpolation=interpolation
        )
        weight = _inside_weight(*_taps((y, x), before, interpolation))
        # What rings and repeats beyond the edges is cut off.
        values = values + dense.middle_of(image) * weight[..., None]
        return jnp.where(weight[..., None] != 0.0, values, 0.0), weight

    if kind == "affine" and path is None and border == "constant" and interpolation != "nearest":
        values, weight = lax.platform_dependent(image, tpu=multiplied, default=gathered)
    else:
        values, weight = gathered(image)
    return cleared(_filled(image, values, weight, border, fill), after)


def sample(
    image: HWC,
    y: Plane,
    x: Plane,
    *,
    extent: Extent | None = None,
    interpolation: str = "linear",
    border: str = "constant",
    fill: Any = 0.0,
) -> Image:
    """Read an image between its pixels.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        y: rows to read at, in pixel indices: the centre of the first pixel is 0. Float32 of a
            shape that broadcasts with ``x`` to ``(rows, columns)``.
        x: columns to read at.
        extent: ``(h, w)`` of the picture, if it is traced numbers; else it is all of the image.
        interpolation: ``nearest``, ``linear`` or ``cubic``.
        border: the rule outside the image, one of ``BORDERS``.
        fill: value of ``constant``, in 0..1: a number or one a channel.

    Returns:
        ``(rows, columns, c)`` float32 in 0..1.
    """
    size: Any = extent or image.shape[:2]
    blocks = _blocks(image, (y, x), size, interpolation, border)
    return _filled(image, *blocks, border, fill)


def _blocks(
    image: HWC, at: tuple[Plane, Plane], size: Extent, interpolation: str, border: str
) -> tuple[Image, Plane]:
    """Weighted sums in the image's own unit, and how much weight lay inside."""

    def gathered(image: HWC, at: tuple[Plane, Plane]) -> tuple[Image, Plane]:
        if not isinstance(size[0], int):
            rows, columns = _taps(at, size, interpolation, border)
        else:
            if border != "constant":
                image, y, x = _inside(image, *at, interpolation, border)
                at = y, x
            rows, columns = _taps(at, image.shape, interpolation)
        return _gather(image, rows, columns), _inside_weight(rows, columns)

    def multiplied(image: HWC, at: tuple[Plane, Plane]) -> tuple[Image, Plane]:
        lines = at[0][:, 0], at[1][0]
        taps = [folded_taps(u, n, interpolation, border) for u, n in zip(lines, size, strict=True)]
        rows, columns = map(dense.matrix_of, taps, image.shape)
        down, right = (jnp.asarray(sum(weight for *_, weight in each)) for each in taps)
        return dense.lines_through(image, rows, columns, right), down[:, None] * right

    if at[0].shape[1] == 1 and at[1].shape[0] == 1:
        return lax.platform_dependent(image, at, tpu=multiplied, default=gathered)
    return gathered(image, at)


def _taps(
    at: Any, size: Any, interpolation: str, border: str = "constant"
) -> tuple[list[Tap], list[Tap]]:
    """Those of rows and of columns; coordinates were folded before if the size is known."""
    if isinstance(size[0], int):
        rows, columns = (taps_of(u, n, interpolation) for u, n in zip(at, size, strict=False))
    else:
        each = zip(at, size, strict=True)
        rows, columns = (folded_taps(u, n, interpolation, border) for u, n in each)
    return rows, columns


def _inside_weight(rows: list[Tap], columns: list[Tap]) -> Plane:
    return sum(down for *_, down in rows) * sum(right for *_, right in columns)


def _unit(image: HWC) -> float:
    return 1.0 / 255.0 if image.dtype == jnp.uint8 else 1.0


def _filled(image: HWC, values: Image, weight: Plane, border: str, fill: Any) -> Image:
    """Values in 0..1, and what lay outside the image filled."""
    if image.dtype == jnp.uint8:
        values = values * _unit(image)
    if border == "constant" and not (np.isscalar(fill) and fill == 0.0):
        values = values + (1.0 - weight)[..., None] * jnp.asarray(fill, jnp.float32)
    return values


def warp_mask(
    mask: HW,
    matrix: Matrix,
    *,
    size: Size | None = None,
    extent: Extent | None = None,
    picture: Extent | None = None,
    kind: Kind = "projective",
    path: Path | None = None,
    border: str = "constant",
    fill: Scalar = 0,
) -> Shaped[Array, "_ _"]:
    """Resample a mask ``(h, w)`` of any type by the nearest pixel; the type is kept."""
    before: Any = extent or mask.shape
    after: Any = picture or size or before
    y, x = coordinates(matrix, before, after, kind, canvas=size or mask.shape, path=path)
    if border != "constant":
        y, x = (fold(u, n, border) for u, n in zip((y, x), before, strict=True))
    ((down, _, in_y),), ((right, _, in_x),) = (
        taps_of(u, n, "nearest") for u, n in zip((y, x), before, strict=True)
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
    y, x = (fold(u, n, border, reach) for u, n in zip((y, x), image.shape, strict=False))
    pad = {"nearest": 0, "linear": int(border == "wrap"), "cubic": 2}[interpolation]
    if pad:
        image = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode=PAD_MODES[border])
        return image, y + float(pad), x + float(pad)
    if border == "reflect":
        y, x = (clamp(u, n - 1.0) for u, n in zip((y, x), image.shape, strict=False))
    return image, y, x


def _gather(image: HWC, rows: list[Tap], columns: list[Tap]) -> Image:
    """Weighted sum of each block, in the image's own unit."""
    return weighted_sum(
        (_take(image, y, x, i, j).astype(jnp.float32), (down * right)[..., None])
        for y, i, down in rows
        for x, j, right in columns
    )


def _take(image: HWC, y: Plane, x: Plane, down: int = 0, right: int = 0) -> Image:
    """Whole pixels at ``(y + down, x + right)``: one gather from the flattened image.

    What the plain ``image[y, x]`` would add to every pixel and what is left out here: wrapping of
    negative indices, bounds, and the saturating conversion of float to integer (the planes hold
    whole numbers below 2**22, whose bits are read instead). Together they double the speed on a
    CPU.
    """
    height, width, channels = image.shape
    index = to_int(y, height) * np.uint32(width) + to_int(x, width)
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


def resize(
    image: HWC,
    matrix: Matrix,
    *,
    size: Size | None = None,
    extent: Extent | None = None,
    picture: Extent | None = None,
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
        picture: ``(h, w)`` of the picture in the output, likewise.
        shrink: upper bounds of how much the map shrinks along y and x; they fix the number of taps.
        interpolation: ``linear`` or ``cubic``, the kernel that is widened.
        border: the rule for pixels whose centre falls outside the image.
        fill: value of ``constant``, in 0..1.

    Returns:
        ``(h, w, c)`` float32 in 0..1.
    """
    before: Any = extent or image.shape[:2]
    after: Any = picture or size or before
    y, x = coordinates(matrix, before, after, "separable", canvas=size or image.shape[:2])
    lines = materialize((y[:, 0], x[0]))
    taps, inside = [], []
    for axis, scale in enumerate((matrix[1][1], matrix[0][0])):
        n = before[axis], image.shape[axis]
        within, u = beyond(lines[axis], n[0], border)
        taps.append(materialize(wide_taps(u, scale, n, shrink[axis], interpolation)))
        inside.append(within)

    def combined(image: HWC) -> Image:
        return combine(combine(to_float(image), taps[0], 0), taps[1], 1)

    def multiplied(image: HWC) -> Image:
        rows, columns = (
            dense.matrix_of([(start, t, weight) for t, weight in enumerate(weights)], n)
            for (start, weights), n in zip(taps, image.shape, strict=False)
        )
        return dense.lines_through(image, rows, columns) * _unit(image)

    values = lax.platform_dependent(image, tpu=multiplied, default=combined)
    if border != "constant":
        return cleared(values, after)
    seen = inside[0][:, None, None] & inside[1][None, :, None]
    return cleared(jnp.where(seen, values, jnp.asarray(fill, jnp.float32)), after)


def combine(values: HWC, taps: tuple[Plane, Plane], axis: int) -> Image:
    """Weighted sums of whole rows (axis 0) or of whole columns (axis 1).

    Args:
        values: ``(h, w, c)`` float32.
        taps: the first of the lines ``(n,)``, and weights ``(taps, n)`` of it and of those after.
        axis: the one that is resampled to ``n``.
    """
    start, weights = taps
    shape = tuple(-1 if k == axis else 1 for k in range(3))
    index = to_int(start, values.shape[axis])
    total = weighted_sum(
        (lines(values, index + np.uint32(t), axis), weight.reshape(shape))
        for t, weight in enumerate(weights)
    )
    return materialize(total) if axis == 0 else total


def lines(values: HWC, index: Plane, axis: int) -> Image:
    """Whole rows (axis 0) or columns (axis 1) at integers ``(n,)`` that are within the image."""
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(k for k in range(3) if k != axis),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )
    return lax.gather(
        values,
        index[:, None],
        numbers,
        slice_sizes=tuple(1 if k == axis else n for k, n in enumerate(values.shape)),
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
