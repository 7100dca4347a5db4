"""JPEG, encoded and decoded without the bits between: what it costs an image, on the device.

All of it is done in integers, with the roundings of libjpeg (its accurate integer transform, the
triangle filter for chroma), so that an 8-bit image comes out as Pillow and OpenCV would give it;
only of chroma up to 2 samples wide libjpeg makes squares instead.
Only the coefficients decide that: how they are written, Huffman coded, loses nothing.

References: ITU-T T.81, 1992, with the example tables of its annex K; E. Hamilton, JPEG File
Interchange Format 1.02, 1992; C. Loeffler, A. Ligtenberg and G. Moschytz, Practical Fast 1-D DCT
Algorithms with 11 Multiplications, ICASSP 1989.
"""

from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Int32

from jaxaug._types import HWC, Array, Extent, Scalar
from jaxaug.functional.color import to_float
from jaxaug.functional.filter import padded
from jaxaug.functional.resample import lines
from jaxaug.functional.stable import materialize, straight_through

SUBSAMPLINGS = ("4:4:4", "4:2:0")

Planes: TypeAlias = Int32[Array, "c _ _"]
Blocks: TypeAlias = Int32[Array, "8 8 n"]  # row and column in a block, or frequency; which block
Line: TypeAlias = list[Any]  # eight numbers of a block's row or column, each an array

# fmt: off
LUMINANCE = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
], np.int32)
CHROMINANCE = np.full((8, 8), 99, np.int32)
CHROMINANCE[:4, :4] = [
    [17, 18, 24, 47],
    [18, 21, 26, 66],
    [24, 26, 56, 99],
    [47, 66, 99, 99],
]
# fmt: on

_BITS = 13  # of the fractions of a factor
_EXTRA = 2  # bits kept between the transform of rows and that of columns


def jpeg(image: HWC, quality: Scalar, *, extent: Extent, subsampling: str = "4:2:0") -> HWC:
    """An image as it comes back from JPEG. Images without three channels: each as a grey one.

    For gradients it is the identity where the image is in 0..1.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1, which is cut and rounded first.
        quality: integer in 1..100, as in libjpeg and Pillow.
        extent: ``(h, w)`` of the picture.
        subsampling: ``4:2:0``, chroma at half the resolution, or ``4:4:4``.
    """
    pixels = jnp.clip(to_float(image), 0.0, 1.0)
    height, width, channels = pixels.shape
    mixed = channels == 3
    half = mixed and subsampling == "4:2:0"
    pads = [(0, -n % (16 if half else 8)) for n in (height, width)]
    levels = jnp.round(lax.stop_gradient(pixels) * 255.0).astype(jnp.int32)
    levels = padded(levels, (pads[0], pads[1]), extent=extent, border="nearest")
    planes = materialize(levels).transpose(2, 0, 1)
    luminance, chrominance = (_table(base, quality) for base in (LUMINANCE, CHROMINANCE))
    if mixed:
        planes = _to_ycc(planes)
        chroma = _halved(planes[1:], extent[0]) if half else planes[1:]
        luma, chroma = _coded((planes[:1], luminance), (chroma, chrominance))
        if half:
            chroma = _doubled(chroma, (height, width), extent)
        rows, columns = chroma.shape[1:]
        planes = _to_rgb(luma[0, :rows, :columns], chroma)
    else:
        (planes,) = _coded((planes, luminance))
    decoded = planes[:, :height, :width].transpose(1, 2, 0).astype(jnp.float32)
    return straight_through(decoded * np.float32(1 / 255), pixels)


def _table(base: Array, quality: Scalar) -> Int32[Array, "8 8"]:
    """A table of divisors for a quality, in libjpeg's scale."""
    quality = jnp.clip(jnp.asarray(quality).astype(jnp.int32), 1, 100)
    percent = jnp.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return jnp.clip((base * percent + 50) // 100, 1, 255)


def _coded(*groups: tuple[Planes, Int32[Array, "8 8"]]) -> list[Planes]:
    """Planes of levels, their transform divided by their table, rounded, and all of it undone."""
    parts = [_cut(planes) for planes, _ in groups]
    ends = np.cumsum([part.shape[2] for part in parts])[:-1].tolist()
    blocks = materialize(jnp.concatenate(parts, axis=2) - 128)
    blocks = _along(_forward, blocks, 1, _BITS - _EXTRA)
    blocks = _along(_forward, blocks, 0, _BITS + _EXTRA)
    parts = zip(jnp.split(blocks, ends, axis=2), groups, strict=True)
    parts = [_rounded(part, table[:, :, None]) for part, (_, table) in parts]
    blocks = materialize(jnp.concatenate(parts, axis=2))
    blocks = _along(_backward, blocks, 0, _BITS - _EXTRA)
    blocks = _along(_backward, blocks, 1, _BITS + _EXTRA + 3)
    parts = zip(jnp.split(jnp.clip(blocks + 128, 0, 255), ends, axis=2), groups, strict=True)
    return [_joined(part, planes.shape) for part, (planes, _) in parts]


def _cut(planes: Planes) -> Blocks:
    # One axis at a time: of arrays with an explicit sharding more are not split or joined at once.
    count, height, width = planes.shape
    blocks = planes.reshape(count, height // 8, 8, width).reshape(count, height // 8, 8, -1, 8)
    blocks = blocks.transpose(2, 4, 0, 1, 3)
    return blocks.reshape(8, 8, -1, width // 8).reshape(8, 8, -1)


def _joined(blocks: Blocks, shape: tuple[int, ...]) -> Planes:
    count, height, width = shape
    blocks = blocks.reshape(8, 8, -1, width // 8).reshape(8, 8, count, -1, width // 8)
    planes = materialize(blocks.transpose(2, 3, 0, 4, 1))
    return planes.reshape(count, height, width // 8, 8).reshape(count, height, width)


def _rounded(blocks: Blocks, table: Int32[Array, "8 8 1"]) -> Blocks:
    """The nearest multiples of the table, halves away from zero; blocks are 8 times too large."""
    step = table * 8
    # A quotient of integers by way of floats: half a unit more, and rounding cannot cross one.
    inverse = 1.0 / step.astype(jnp.float32)
    size = (jnp.abs(blocks) + (step >> 1)).astype(jnp.float32) + 0.5
    return jnp.sign(blocks) * jnp.floor(size * inverse).astype(jnp.int32) * table


def _along(transform: Any, blocks: Blocks, axis: int, bits: int) -> Blocks:
    """Transform the rows (axis 1) or the columns (axis 0) of all blocks, and drop some bits."""
    line = [lax.index_in_dim(blocks, k, axis, keepdims=False) for k in range(8)]
    out = [_shifted(number, bits) for number in transform(line)]
    return materialize(jnp.stack(out, axis))


def _shifted(number: Any, bits: int) -> Any:
    return (number + (1 << bits - 1)) >> bits


def _fixed(factor: float) -> int:
    return round(factor * 2**_BITS)


def _forward(line: Line) -> Line:
    """The cosine transform of eight numbers, times 8 ** 0.5, with ``_BITS`` of fraction."""
    plus = [line[k] + line[7 - k] for k in range(4)]
    minus = [line[k] - line[7 - k] for k in range(4)]
    outer, inner = plus[0] + plus[3], plus[1] + plus[2]
    low, high = _turned(plus[0] - plus[3], plus[1] - plus[2])
    seventh, fifth, third, first = _odd(minus[3], minus[2], minus[1], minus[0])
    zeroth, fourth = (outer + inner) << _BITS, (outer - inner) << _BITS
    return [zeroth, first, low, third, fourth, fifth, high, seventh]


def _backward(line: Line) -> Line:
    """The transform back, the transposed of ``_forward``."""
    low, high = _turned(line[2], line[6])
    outer, inner = (line[0] + line[4]) << _BITS, (line[0] - line[4]) << _BITS
    even = [outer + low, inner + high, inner - high, outer - low]
    odd = _odd(line[7], line[5], line[3], line[1])[::-1]
    return [a + b for a, b in zip(even, odd, strict=True)] + [
        a - b for a, b in zip(even[::-1], odd[::-1], strict=True)
    ]


def _turned(a: Any, b: Any) -> tuple[Any, Any]:
    """A reflection at an angle of pi/16, times 2 ** 0.5."""
    both = (a + b) * _fixed(0.541196100)
    return both + a * _fixed(0.765366865), both - b * _fixed(1.847759065)


def _odd(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    """The odd half of the transform, a symmetric matrix in the order 7, 5, 3, 1."""
    ac, bd = a + c, b + d
    both = (ac + bd) * _fixed(1.175875602)
    ac, bd = both - ac * _fixed(1.961570560), both - bd * _fixed(0.390180644)
    ad, bc = (a + d) * -_fixed(0.899976223), (b + c) * -_fixed(2.562915447)
    return (
        a * _fixed(0.298631336) + ad + ac,
        b * _fixed(2.053119869) + bc + bd,
        c * _fixed(3.072711026) + bc + ac,
        d * _fixed(1.501321110) + ad + bd,
    )


# Colour -------------------------------------------------------------------------------------------


def _weights(*numbers: float) -> list[int]:
    """Factors with 16 bits of fraction; of five digits, as libjpeg has them."""
    return [round(number * 65536) for number in numbers]


def _to_ycc(planes: Planes) -> Planes:
    """Levels of red, green and blue to luma and the two chromas."""
    red, green, blue = planes
    half, middle = 1 << 15, (128 << 16) + (1 << 15) - 1
    rows = [
        (*_weights(0.299, 0.587, 0.114), half),
        (*_weights(-0.16874, -0.33126, 0.5), middle),
        (*_weights(0.5, -0.41869, -0.08131), middle),
    ]
    return jnp.stack([(red * r + green * g + blue * b + offset) >> 16 for r, g, b, offset in rows])


def _to_rgb(luma: Any, chroma: Planes) -> Planes:
    blue, red = chroma - 128
    to_red, to_blue = _weights(1.402, 1.772)
    green = [-weight for weight in _weights(0.34414, 0.71414)]
    apart = [red * to_red, blue * green[0] + red * green[1], blue * to_blue]
    return jnp.stack([jnp.clip(luma + _shifted(each, 16), 0, 255) for each in apart])


def _halved(planes: Planes, height: Scalar) -> Planes:
    """Means of 2x2 pixels; halves are rounded down and up in turn along a row.

    Below the picture the last row of means is repeated, where to the right it is the last pixels.
    """
    pairs = planes[:, ::2] + planes[:, 1::2]
    bias = 1 + jnp.arange(planes.shape[2] // 2) % 2
    means = materialize((pairs[:, :, ::2] + pairs[:, :, 1::2] + bias) >> 2)
    last = (jnp.asarray(height).astype(jnp.int32) - 1) // 2
    rows = jnp.minimum(jnp.arange(means.shape[1]), last)
    return lines(means, rows.astype(jnp.uint32), 1)


def _doubled(planes: Planes, size: tuple[int, int], extent: Extent) -> Planes:
    """Each number 3/4 of the nearest and 1/4 of the next along both axes."""
    known = isinstance(extent[0], int)
    rows, columns = ((n + 1) // 2 for n in size)
    half = (rows, columns) if known else (jnp.ceil(extent[0] * 0.5), jnp.ceil(extent[1] * 0.5))
    around = planes[:, :rows, :columns].transpose(1, 2, 0)
    around = materialize(padded(around, 1, extent=half, border="nearest").transpose(2, 0, 1))
    middle = around[:, 1:-1] * 3
    tall = _woven(middle + around[:, :-2], middle + around[:, 2:], 1)
    middle = tall[:, :, 1:-1] * 3
    return _woven((middle + tall[:, :, :-2] + 8) >> 4, (middle + tall[:, :, 2:] + 7) >> 4, 2)


def _woven(even: Planes, odd: Planes, axis: int) -> Planes:
    """Rows (axis 1) or columns (axis 2) of two arrays in turn."""
    shape = [n * 2 if k == axis else n for k, n in enumerate(even.shape)]
    return materialize(jnp.stack([even, odd], axis + 1)).reshape(shape)
