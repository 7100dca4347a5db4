"""Displacements of the plane: ``f(y, x, ...) -> (dy, dx)``, elementwise in the coordinates.

Coordinates and displacements are in pixels, coordinates from the centre of the picture. They are
steps of a resampling (``jaxaug.Bend``): from where in the output to where in the input.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._types import Array, Scalar
from jaxaug.functional.resample import sample
from jaxaug.functional.stable import materialize, weighted_sum

Plane: TypeAlias = Any
Pair: TypeAlias = tuple[Plane, Plane]


def field(y: Plane, x: Plane, nodes: Array, spacing: Scalar) -> Pair:
    """Displacements given at the nodes of a grid, linear in between, kept beyond its edge.

    Args:
        y: rows, from the centre.
        x: columns.
        nodes: ``(rows, columns, 2)`` float32, ``dy dx`` in pixels, the grid's centre at the
            picture's.
        spacing: pixels between nodes.
    """
    nodes = jnp.asarray(nodes)
    rows, columns, _ = nodes.shape
    unit = 1.0 / spacing
    down, right = y * unit + (rows - 1) / 2, x * unit + (columns - 1) / 2
    shape = jnp.shape(down)
    flat = (jnp.reshape(u, (-1, 1)) if len(shape) < 2 else u for u in (down, right))
    moved = sample(nodes, *flat, border="nearest").reshape(*shape, 2)
    return moved[..., 0], moved[..., 1]


def smooth_noise(white: Array, reach: float) -> jax.Array:
    """White noise ``(rows, columns, c)`` smoothed by a Gaussian, its deviation still 1.

    Args:
        white: of mean 0 and standard deviation 1.
        reach: sigma of the Gaussian, in nodes.

    Returns:
        ``(rows - 2 k, columns - 2 k, c)`` with ``k = margin(reach)``: without the edge.
    """
    radius = margin(reach)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / reach) ** 2)
    taps = (taps / np.sqrt(np.sum(taps**2))).astype(np.float32)  # of variances, not of values
    out = materialize(jnp.asarray(white))
    for axis in (0, 1):
        length = out.shape[axis] - 2 * radius
        cuts = [jax.lax.slice_in_dim(out, t, t + length, axis=axis) for t in range(2 * radius + 1)]
        out = materialize(weighted_sum(zip(cuts, (jnp.float32(tap) for tap in taps), strict=True)))
    return out


def margin(reach: float) -> int:
    """How many nodes ``smooth_noise`` takes off each edge: three sigmas."""
    return int(np.ceil(3 * reach))


def stretch(y: Plane, x: Plane, rows: Array, columns: Array, size: Any) -> Pair:
    """Cells of a grid, each wider or narrower: rows and columns on their own.

    Args:
        y: rows, from the centre.
        x: columns.
        rows: ``(n,)``, the height in the input of each of ``n`` cells that are equally high in the
            output, as parts that sum to 1.
        columns: ``(m,)``, the widths.
        size: ``(h, w)`` of the picture.
    """
    return tuple(  # type: ignore[return-value]
        _stretched(u, parts, side) for u, parts, side in ((y, rows, size[0]), (x, columns, size[1]))
    )


def _stretched(u: Plane, parts: Array, side: Scalar) -> Plane:
    count = parts.shape[0]
    cell = side / count
    total: Any = 0.0
    for k in range(count):  # how much further each cell brings a coordinate than it should
        inside = jnp.clip(u + side / 2 - k * cell, 0.0, cell)
        total = total + inside * (parts[k] * count - 1.0)
    return total


def radial(y: Plane, x: Plane, k: Scalar, size: Any) -> Pair:
    """The camera model of OpenCV: ``p (1 + k r^2 + k r^4)``, with ``r`` in sides of the picture.

    ``k > 0`` looks further out near the edge and so shrinks there: a barrel; else a pincushion.
    """
    squared = materialize(_squared(*_in_sides(y, x, size, k)))
    factor = k * squared * (1.0 + squared)
    return y * factor, x * factor


def fisheye(y: Plane, x: Plane, k: Scalar, size: Any) -> Pair:
    """The fisheye model of OpenCV: the angle ``a = atan r`` becomes ``a (1 + k a^2 + k a^4)``.

    ``r`` is in sides of the picture; at ``k = 0`` a pinhole's ``r`` is read at its angle.
    """
    squared = materialize(_squared(*_in_sides(y, x, size, k)))
    middle = squared < 1e-8
    radius = jnp.sqrt(jnp.where(middle, 1.0, squared))
    angle = materialize(jnp.arctan(radius))
    square = materialize(jnp.square(angle))
    bent = angle * (1.0 + k * square * (1.0 + square)) / radius
    factor = jnp.where(middle, 0.0, bent - 1.0)
    return y * factor, x * factor


def spline(y: Plane, x: Plane, weights: Array, centres: Array, size: Any) -> Pair:
    """A thin plate spline: ``a + b u + c v + sum_i w_i r_i^2 log r_i^2``, with ``u v`` in sides.

    Args:
        y: rows, from the centre.
        x: columns.
        weights: ``(n + 3, 2)``, as ``spline_weights`` gives them: in sides, ``y x``.
        centres: ``(n, 2)`` control points in sides from the centre, ``y x``.
        size: ``(h, w)`` of the picture.
    """
    weights = jnp.asarray(weights)
    v, u = _in_sides(y, x, size, weights[0, 0])
    terms = [jnp.ones_like(u), u, v]
    for k in range(centres.shape[0]):
        squared = _squared(v - centres[k, 0], u - centres[k, 1])
        near = squared < 1e-12
        terms.append(jnp.where(near, 0.0, squared * jnp.log(jnp.where(near, 1.0, squared))))
    down, right = (
        weighted_sum((term, weights[k, axis]) for k, term in enumerate(terms)) for axis in (0, 1)
    )
    return down * size[0], right * size[1]


def _in_sides(y: Plane, x: Plane, size: Any, drawn: Scalar) -> Pair:
    """Coordinates in sides of the picture, written out: what follows subtracts and squares them.

    Nothing that was drawn is in them yet, so that compilers may compute what follows themselves, by
    other functions than those of the program: one number that was ``drawn`` is mixed in, by zero.
    """
    none = 0.0 * jnp.asarray(drawn)
    return materialize((y * (1.0 / size[0]) + none, x * (1.0 / size[1]) + none))


def _squared(y: Plane, x: Plane) -> Plane:
    return weighted_sum(((y, y), (x, x)))


def spline_weights(centres: np.ndarray, moves: Array) -> jax.Array:
    """Weights ``(n + 3, 2)`` of the spline that moves each centre ``(n, 2)`` by its move.

    F. Bookstein, Principal warps: thin-plate splines and the decomposition of deformations, IEEE
    TPAMI 11(6), 1989. The system depends on the centres alone and is solved on the host.
    """
    n = len(centres)
    squared = np.sum((centres[:, None] - centres[None]) ** 2, axis=-1)
    near = squared < 1e-12
    bending = np.where(near, 0.0, squared * np.log(np.where(near, 1.0, squared)))
    plane = np.concatenate([np.ones((n, 1)), centres[:, ::-1]], axis=1)
    system = np.zeros((n + 3, n + 3))
    system[:3, 3:], system[3:, :3], system[3:, 3:] = plane.T, plane, bending
    solved = np.linalg.inv(system)[:, 3:].astype(np.float32)
    moves = materialize(jnp.asarray(moves))  # else known factors of theirs may join the weights
    return weighted_sum((moves[k], solved[:, k : k + 1]) for k in range(n))
