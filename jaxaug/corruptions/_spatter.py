"""Spatter: drops of water, then of mud, on the lens."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Extent, Key
from jaxaug.functional import noise
from jaxaug.functional.color import to_float
from jaxaug.functional.filter import padded
from jaxaug.functional.resample import cleared
from jaxaug.functional.stable import materialize, weighted_sum

from ._blur import gaussian
from ._severity import at
from ._weather import grey

# Mean, deviation, sigma of the blur, threshold, opacity of water or sigma of mud.
DROPS = (
    (0.65, 0.3, 4.0, 0.69, 0.6),
    (0.65, 0.3, 3.0, 0.68, 0.6),
    (0.65, 0.3, 2.0, 0.68, 0.5),
    (0.65, 0.3, 1.0, 0.65, 1.5),
    (0.67, 0.4, 1.0, 0.65, 1.5),
)
IS_MUD = (False, False, False, True, True)
SIGMAS = tuple(row[2] for row in DROPS)
MUD_SIGMAS = (1.5,) * 5
WATER = np.array([175, 238, 238], np.float32) / np.float32(255)
MUD = np.array([63, 42, 20], np.float32) / np.float32(255)
FAR = 20
"""Distances from the edge of a drop are cut off here."""
KNIGHT = 2.1969


def spatter(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Drops: where smoothed noise is above a threshold."""
    pixels = to_float(image)
    mean, deviation, _, threshold, opacity = at(severity, DROPS)
    height, width, _ = pixels.shape
    white = noise.normal(key, (height, width, 1))
    liquid = materialize(weighted_sum([(1.0, mean), (white, deviation)]))
    liquid = materialize(gaussian(liquid, severity, SIGMAS, extent=extent))
    if isinstance(severity, int):
        if IS_MUD[severity - 1]:
            return _mud(pixels, liquid, threshold, extent)
        return _water(pixels, liquid, threshold, opacity, extent)
    water = _water(pixels, liquid, threshold, opacity, extent)
    return jnp.where(at(severity, IS_MUD), _mud(pixels, liquid, threshold, extent), water)


def _mud(pixels: HWC, liquid: HWC, threshold: Any, extent: Extent) -> HWC:
    """Mud with soft edges."""
    thick = gaussian(jnp.where(liquid > threshold, 1.0, 0.0), 4, MUD_SIGMAS, extent=extent)
    thick = materialize(jnp.where(thick < 0.8, 0.0, thick))
    return jnp.clip(weighted_sum([(pixels, 1.0 - thick), (_colored(MUD, pixels), thick)]), 0.0, 1.0)


def _water(pixels: HWC, liquid: HWC, threshold: Any, opacity: Any, extent: Extent) -> HWC:
    """Water, brighter by how far it is from the edge of a drop, as if lit from the top left."""
    levels = jnp.where(liquid < threshold, 0.0, jnp.floor(liquid * 255.0))
    levels = materialize(levels)
    distance = jnp.minimum(_distance(_edges(levels, extent), extent), float(FAR))
    depth = jnp.floor(_box(distance, extent) + 1e-4)
    depth = materialize(_equalized(depth, extent))
    depth = jnp.round(_box(_lit(depth, extent), extent))
    thick = cleared(levels * depth, extent)
    thick = thick * (1.0 / jnp.maximum(jnp.max(thick), 1e-6))
    added = materialize(thick * opacity)
    return jnp.clip(weighted_sum([(pixels, 1.0), (_colored(WATER, pixels), added)]), 0.0, 1.0)


def _colored(color: np.ndarray, pixels: HWC) -> Any:
    """A colour, or its grey for an image without three channels."""
    return color if pixels.shape[2] == 3 else grey(color[None, None])[0, 0]


def _edges(levels: HWC, extent: Extent) -> HWC:
    """Edges as Canny's, one pixel wide: the steepest pixels across the direction of the slope.

    J. Canny, A computational approach to edge detection, IEEE TPAMI 1986, as OpenCV has it. The
    slope at the edge of a drop is far above both thresholds, and within drops seldom above one.
    """
    around = materialize(padded(levels, 1, extent=extent, border="nearest"))
    rows = around[:-2] + 2.0 * around[1:-1] + around[2:]
    columns = around[:, :-2] + 2.0 * around[:, 1:-1] + around[:, 2:]
    right, down = rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]
    size = cleared(jnp.abs(right) + jnp.abs(down), extent)
    right, down, size = materialize((right, down, size))
    beside = materialize(jnp.pad(size, ((1, 1), (1, 1), (0, 0))))
    height, width, _ = size.shape

    def at_side(y: int, x: int) -> HWC:
        return beside[1 + y : 1 + y + height, 1 + x : 1 + x + width]

    wide, tall = jnp.abs(right), jnp.abs(down)
    flat, steep = tall < wide * _TAN, tall > wide * (_TAN + 2.0)
    across = (size > at_side(0, -1)) & (size >= at_side(0, 1))
    along = (size > at_side(-1, 0)) & (size >= at_side(1, 0))
    falling = (size > at_side(-1, -1)) & (size > at_side(1, 1))
    rising = (size > at_side(-1, 1)) & (size > at_side(1, -1))
    slanted = jnp.where(right * down < 0, rising, falling)
    peak = jnp.where(flat, across, jnp.where(steep, along, slanted))
    weak = jnp.where(peak & (size > WEAK), 1.0, 0.0)

    def grow(_: Any, edges: HWC) -> HWC:
        around = jnp.pad(edges, ((1, 1), (1, 1), (0, 0)))
        rows = jnp.maximum(jnp.maximum(around[:-2], around[1:-1]), around[2:])
        beside = jnp.maximum(jnp.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
        return jnp.minimum(beside, weak)

    return lax.fori_loop(0, ALONG, grow, jnp.where(size > STRONG, weak, 0.0))


_TAN = np.float32(np.tan(np.pi / 8))
WEAK, STRONG = 50.0, 150.0
ALONG = 16
"""So many pixels along a weak edge are followed from a strong one; here few are longer than one."""


def _distance(edges: HWC, extent: Extent) -> HWC:
    """Distance of every pixel from the nearest edge, up to ``FAR`` and a little more.

    In steps to the next pixel and as a knight moves, of the lengths of OpenCV's mask of 5x5: the
    length of a shortest way grows with both differences, so that of each column only the nearest
    edge in it counts.
    """
    away = materialize(jnp.where(cleared(edges, extent) > 0, 0.0, FAR + 1.0))
    away = _nearest(away, 0, lambda near, step: near + step)
    return materialize(_nearest(materialize(away), 1, _way))


def _way(down: HWC, right: float) -> HWC:
    """Length of the shortest way over a number of rows and columns: 1, diagonally 1.4, or 2.1969.

    The lengths are those of a norm whose ball has sixteen corners: the largest of its sides.
    """
    forms = [(1.0, KNIGHT - 2.0), (KNIGHT - 1.4, 2.8 - KNIGHT)]
    sides = [side for form in forms for side in (form, form[::-1])]
    return functools.reduce(
        jnp.maximum, (weighted_sum([(down, a), (jnp.float32(right), b)]) for a, b in sides)
    )


def _nearest(values: HWC, axis: int, farther: Any) -> HWC:
    """The smallest of the values along an axis, each made larger by how far away it is."""
    pads = [(FAR, FAR) if k == axis else (0, 0) for k in range(3)]
    around = jnp.pad(values, pads, constant_values=float((FAR + 1) ** 2))
    n, found = values.shape[axis], values
    for step in range(1, FAR + 1):
        for start in (FAR - step, FAR + step):
            near = lax.slice_in_dim(around, start, start + n, axis=axis)
            found = jnp.minimum(found, farther(near, float(step)))
    return found


def _box(image: HWC, extent: Extent) -> HWC:
    """The mean of 3x3 pixels; beyond the edge the picture is mirrored."""
    around = materialize(padded(image, 1, extent=extent))
    rows = around[:-2] + around[1:-1] + around[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)


def _equalized(depth: HWC, extent: Extent) -> HWC:
    """Whole numbers up to ``FAR`` spread over 0..255, as OpenCV's ``equalizeHist``."""
    inside = cleared(jnp.ones_like(depth), extent) > 0
    bins = np.arange(FAR + 1, dtype=np.float32)
    counts = jnp.sum((depth == bins) & inside, axis=(0, 1), dtype=jnp.int32)
    below = jnp.cumsum(counts)
    lowest = jnp.argmax(counts > 0)
    first = counts[lowest]
    rest = (below[-1] - first).astype(jnp.float32)
    table = jnp.round((below - first).astype(jnp.float32) * (255.0 / jnp.maximum(rest, 1.0)))
    table = jnp.where(rest > 0, table, jnp.asarray(lowest).astype(jnp.float32))
    table = materialize(jnp.clip(table, 0.0, 255.0))
    spread = jnp.zeros_like(depth)
    for k in range(FAR + 1):
        spread = jnp.where(depth == k, table[k], spread)
    return spread


def _lit(depth: HWC, extent: Extent) -> HWC:
    """A relief lit from one side, cut to 0..255."""
    around = materialize(padded(depth, 1, extent=extent))
    height, width, _ = depth.shape
    light = [[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]
    total = weighted_sum(
        (around[y : y + height, x : x + width], light[y][x]) for y in range(3) for x in range(3)
    )
    return jnp.clip(total, 0.0, 255.0)
