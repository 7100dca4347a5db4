"""Filters: what makes each pixel of its neighbours. Sums of shifted images, never a convolution.

A convolution whose kernel each image draws for itself would be a grouped one, which compilers do
badly, and whose sums have no fixed order. How far a filter looks is a static number, ``reach``.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Shaped

from jaxaug._types import HWC, Array, Extent, Scalar
from jaxaug.functional.color import to_float
from jaxaug.functional.resample import PAD_MODES, lines
from jaxaug.functional.stable import materialize, weighted_sum
from jaxaug.functional.taps import clamp, fold, to_int

Around: TypeAlias = Shaped[Array, "_ _ c"]  # an image and what the border rule says is beside it
Reach: TypeAlias = int | tuple[tuple[int, int], tuple[int, int]]
Weights: TypeAlias = Float[Array, " taps"]


def padded(image: HWC, reach: Reach, *, extent: Extent, border: str = "mirror") -> Around:
    """A picture and what a border rule says is around it.

    Args:
        image: ``(h, w, c)``, of any type.
        reach: how many pixels are added to each side, or to ``((top, bottom), (left, right))``.
        extent: ``(h, w)`` of the picture: what lies beside it is never read.
        border: the rule, one of ``BORDERS`` but ``constant``.

    Returns:
        ``(h + top + bottom, w + left + right, c)``.
    """
    pads = ((reach, reach),) * 2 if isinstance(reach, int) else reach
    if isinstance(extent[0], int):
        return jnp.pad(image, (*pads, (0, 0)), mode=PAD_MODES[border])
    for axis, (before, after) in enumerate(pads):
        n = image.shape[axis]
        place = lax.iota(jnp.float32, before + n + after) - float(before)
        place = clamp(fold(place, extent[axis], border), n - 1.0)
        image = lines(image, to_int(place, n), axis)
    return image


def spread(
    image: HWC, weights: Weights, *, extent: Extent, border: str = "mirror"
) -> Float[Array, "h w c"]:
    """A separable filter: the same weights ``(2 * reach + 1,)`` down the columns, then along rows.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or float32.
        weights: the middle one is the pixel's own.
        extent: ``(h, w)`` of the picture.
        border: the rule beyond the picture's edge.
    """
    height, width, channels = image.shape
    taps = weights.shape[0]
    weights = materialize(weights)
    scaled = materialize(weights * np.float32(1.0 / 255.0)) if image.dtype == jnp.uint8 else weights
    around = padded(image, taps // 2, extent=extent, border=border)
    # Rows of numbers instead of pixels: long ones are quicker than those of three.
    rows = materialize(around).reshape(around.shape[0], -1)
    down = ((rows[t : t + height].astype(jnp.float32), scaled[t]) for t in range(taps))
    rows = materialize(weighted_sum(down))
    places = [slice(t * channels, (t + width) * channels) for t in range(taps)]
    return weighted_sum((rows[:, place], weights[t]) for t, place in enumerate(places)).reshape(
        image.shape
    )


# Blur ---------------------------------------------------------------------------------------------


def gaussian_blur(
    image: HWC, sigma: Scalar, *, reach: int, extent: Extent, border: str = "mirror"
) -> HWC:
    """Blur by a Gaussian, cut off and normalised as torchvision's ``gaussian_blur``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        sigma: standard deviation in pixels; 0 changes nothing, bit for bit.
        reach: how many pixels it looks to each side.
        extent: ``(h, w)`` of the picture.
        border: the rule beyond the picture's edge.
    """
    place = lax.iota(jnp.float32, 2 * reach + 1) - float(reach)
    # Below 0.05 the neighbours weigh exactly 0.
    bell = materialize(jnp.exp(-0.5 * jnp.square(place * (1.0 / jnp.maximum(sigma, 0.05)))))
    weights = bell * (1.0 / sum(bell[t] for t in range(2 * reach + 1)))
    return spread(image, weights, extent=extent, border=border)


def box_blur(
    image: HWC, radius: Scalar, *, reach: int, extent: Extent, border: str = "nearest"
) -> HWC:
    """The mean of a square of ``2 * radius + 1`` pixels a side, as Pillow's ``BoxBlur``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        radius: in pixels; with decimals the outermost pixels count in part. At most ``reach``.
        reach: how many pixels it looks to each side.
        extent: ``(h, w)`` of the picture.
        border: the rule beyond the picture's edge.
    """
    distance = np.abs(np.arange(-reach, reach + 1, dtype=np.float32))
    inside = jnp.clip(radius + 1.0 - distance, 0.0, 1.0)
    weights = inside * (1.0 / (2.0 * radius + 1.0))
    return spread(image, weights, extent=extent, border=border)


def motion_blur(image: HWC, length: Scalar, radians: Scalar, *, reach: int, extent: Extent) -> HWC:
    """The mean along a straight line through each pixel; beyond the edge the picture is mirrored.

    The line is followed in steps of one pixel along the axis that it is nearer to, and read between
    two pixels across it; its ends count in part.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        length: of the line in pixels, at most ``2 * reach + 1``; up to 1 it changes nothing.
        radians: direction of the line, counter-clockwise as seen from the x axis.
        reach: how many pixels it looks to each side.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    height, width, channels = pixels.shape
    along, up = jnp.cos(radians), -jnp.sin(radians)
    flat = jnp.abs(along) >= jnp.abs(up)
    main, side = jnp.where(flat, along, up), jnp.where(flat, up, along)
    step = lax.iota(jnp.float32, 2 * reach + 1) - float(reach)
    half = jnp.maximum(0.5 * length * jnp.abs(main), 0.5)
    inside = materialize(jnp.clip(half + 0.5 - jnp.abs(step), 0.0, 1.0))
    weights = inside * (1.0 / sum(inside[t] for t in range(2 * reach + 1)))
    across = materialize(step * (side / main))
    whole = jnp.floor(across)
    share = across - whole
    # Each tap is one shift of the image, which in a flat array is one offset.
    around = padded(pixels, reach + 1, extent=extent)
    row = around.shape[1] * channels
    shifts = [u.astype(jnp.int32) + (reach + 1) for u in (whole, step)]
    down, right = jnp.where(flat, shifts[0], shifts[1]), jnp.where(flat, shifts[1], shifts[0])
    start, beside = down * row + right * channels, jnp.where(flat, row, channels)
    near, far = weights * (1.0 - share), weights * share
    start, near, far = materialize((start, near, far))
    numbers = materialize(around).reshape(-1)

    def shifted(offset: Any) -> jax.Array:
        return lax.dynamic_slice(numbers, (offset,), (height * row,))

    total = weighted_sum(
        pair
        for t in range(2 * reach + 1)
        for pair in ((shifted(start[t]), near[t]), (shifted(start[t] + beside), far[t]))
    )
    return total.reshape(height, -1, channels)[:, :width]


def defocus(image: HWC, radius: Scalar, *, reach: int, extent: Extent) -> HWC:
    """The mean of a disk around each pixel; beyond the edge the picture is mirrored.

    Pixels whose centre is within half a pixel of the rim count in part.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        radius: in pixels, at most ``reach``; up to 0.5 it changes nothing.
        reach: how many pixels it looks to each side.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    away = np.arange(reach + 1, dtype=np.float32)
    rim = jnp.maximum(radius, 0.5) + 0.5
    inside = materialize(jnp.clip(rim - np.hypot(away[:, None], away), 0.0, 1.0))
    count = [1.0] + [2.0] * reach  # of rows and columns at each distance
    across = materialize(weighted_sum((inside[k], count[k]) for k in range(reach + 1)))
    total = weighted_sum((across[k], count[k]) for k in range(reach + 1))
    return even(pixels, inside * (1.0 / total), extent=extent)


def even(image: HWC, weights: Float[Array, "n n"], *, extent: Extent) -> Float[Array, "h w c"]:
    """A filter alike in all four directions; beyond the edge the picture is mirrored.

    Args:
        image: ``(h, w, c)`` float32.
        weights: of pixels by their distance, in rows and in columns; the first one is the pixel's
            own.
        extent: ``(h, w)`` of the picture.
    """
    height, width, channels = image.shape
    reach = weights.shape[0] - 1
    weights = materialize(weights)
    around = materialize(padded(image, reach, extent=extent))
    rows = around.reshape(around.shape[0], -1)

    def along(row: Any, k: Any) -> jax.Array:
        """Whole rows shifted along themselves, with the weights of the rows at distance ``k``."""
        weight = lax.dynamic_slice(weights, (k, 0), (1, reach + 1))[0]
        row = materialize(row)
        return weighted_sum(
            (row[:, (reach + t) * channels : (reach + t + width) * channels], weight[abs(t)])
            for t in range(-reach, reach + 1)
        )

    def add_pair(k: Any, sums: jax.Array) -> jax.Array:
        above, below = (
            lax.dynamic_slice(rows, (reach + sign * k, 0), (height, rows.shape[1]))
            for sign in (-1, 1)
        )
        return sums + along(above + below, k)

    middle = along(rows[reach : reach + height], 0)
    return lax.fori_loop(1, reach + 1, add_pair, middle).reshape(image.shape)


# Stencils -----------------------------------------------------------------------------------------


def smooth(image: HWC, *, extent: Extent) -> HWC:
    """Pillow's ``ImageFilter.SMOOTH``: a 3x3 mean in which the centre counts 5; the edge is kept.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        extent: ``(h, w)`` of the picture.
    """
    pixels = materialize(to_float(image))
    around = jnp.pad(pixels, ((1, 1), (1, 1), (0, 0)))
    rows = around[:-2] + around[1:-1] + around[2:]
    total = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4.0 * pixels
    inner = [
        (place >= 1.0) & (place < extent[axis] - 1.0)
        for axis in range(2)
        for place in [lax.broadcasted_iota(jnp.float32, (*pixels.shape[:2], 1), axis)]
    ]
    return jnp.where(inner[0] & inner[1], weighted_sum([(total, 1.0 / 13.0)]), pixels)


def sharpen(image: HWC, factor: Scalar, *, extent: Extent) -> HWC:
    """``factor * image + (1 - factor) * smooth(image)``, cut to 0..1.

    Agrees with Pillow's ``ImageEnhance.Sharpness``: the outermost pixels stay as they are.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        factor: 0 gives the smooth image, 1 the image itself, 2 a sharper one.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    soft = smooth(pixels, extent=extent)
    # At the edge too it is one formula, of which 1 gives the image bit for bit.
    return jnp.clip(weighted_sum([(pixels, factor), (soft, 1.0 - factor)]), 0.0, 1.0)


def unsharp_mask(
    image: HWC, sigma: Scalar, amount: Scalar, threshold: Scalar, *, reach: int, extent: Extent
) -> HWC:
    """Add ``amount`` times what a Gaussian blur takes away, where that is above ``threshold``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        sigma: standard deviation of the blur in pixels.
        amount: 0 changes nothing; below 0 it blurs.
        threshold: in units of 0..1, of the size of what is added at ``amount`` 1.
        reach: how many pixels the blur looks to each side.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    detail = pixels - gaussian_blur(pixels, sigma, reach=reach, extent=extent)
    detail = jnp.where(jnp.abs(detail) > threshold, detail, 0.0)
    return weighted_sum([(pixels, 1.0), (detail, amount)])


def emboss(image: HWC, alpha: Scalar, strength: Scalar, *, extent: Extent) -> HWC:
    """A relief lit from the top left, blended with the image; beyond the edge it is mirrored.

    ``alpha`` of the 3x3 kernel ``[[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]]``, s the
    ``strength``, and ``1 - alpha`` of the image, as albumentations' ``Emboss``.

    Args:
        image: ``(h, w, c)``, uint8 in 0..255 or floating in 0..1.
        alpha: 0 gives the image, 1 the relief; below 0 it is lit from the bottom right.
        strength: how much the neighbours count beyond the two on the diagonal.
        extent: ``(h, w)`` of the picture.
    """
    pixels = to_float(image)
    around = materialize(padded(pixels, 1, extent=extent))
    height, width, _ = pixels.shape

    def at(down: int, right: int) -> jax.Array:
        return around[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    corners = at(1, 1) - at(-1, -1)
    sides = (at(1, 0) - at(-1, 0)) + (at(0, 1) - at(0, -1))
    relief = weighted_sum([(corners, 1.0 + strength), (sides, strength)])
    return weighted_sum([(pixels, 1.0), (relief, alpha)])
