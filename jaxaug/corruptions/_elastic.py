"""Elastic: a random affine map, then displacements by smooth noise, each a resampling."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._bend import Bend
from jaxaug._ops import Op, Resampling, fuse
from jaxaug._types import Extent, Key, Matrix, Scalar, Shape, extent
from jaxaug._warp import Warp
from jaxaug.functional import geometry, noise
from jaxaug.functional.filter import spread
from jaxaug.functional.resample import sample
from jaxaug.functional.stable import materialize, weighted_sum

from ._severity import at

# Strength, sigma and how far corners move, in parts of the shorter side, which was to be 224.
SHAPES = (
    (2.0, 0.7, 0.1),
    (2.0, 0.08, 0.2),
    (0.05, 0.01, 0.02),
    (0.07, 0.01, 0.02),
    (0.12, 0.01, 0.02),
)
SIDE = 244 / 224
WIDE = (True, True, False, False, False)
"""Sigmas so wide that what they leave of noise is a few long waves."""
WAVES = 24
"""Waves along each axis: the sigma of 0.08 leaves e**-21 of the next one, and e**-5 along a side
that is twice the shorter one."""


def elastic_transform(key: Key, severity: Any, shape: Shape) -> Op:
    """Draw the two maps."""
    size = extent(shape)
    strength, sigma, corners = at(severity, SHAPES)
    affine, field = jax.random.split(key)
    side = jnp.minimum(*size) * jnp.float32(SIDE)
    first = _affine(affine, side * corners, size)
    moves = _field(field, severity, (shape[0], shape[1]), size, side * sigma) * (side * strength)
    bend = Bend(_moved, (materialize(moves), size))
    how = [
        Resampling(border=rule, fill=0.0, interpolation="linear") for rule in ("mirror", "reflect")
    ]
    return fuse((Warp(first, resampling=how[0]), Warp(bends=(bend,), resampling=how[1])))


def _affine(key: Key, far: Scalar, size: Extent) -> Matrix:
    """The affine map that brings three corners of a square back from where each is moved to."""
    height, width = (jnp.asarray(n, jnp.float32) for n in size)
    moves = jax.random.uniform(key, (3, 2), minval=-1.0) * far
    half = jnp.maximum(jnp.floor(jnp.minimum(height, width) / 3.0), 1.0)
    # In pixels from the centre; the square's is at whole pixels.
    middle = jnp.stack([jnp.floor(n * 0.5) - (n - 1.0) * 0.5 for n in (width, height)])
    corner = middle + half
    moved = [
        corner + moves[0],
        corner + jnp.stack([0.0, -2.0]) * half + moves[1],
        middle - half + moves[2],
    ]
    across, down = ((moved[k] - moved[j]) / (2.0 * half) for k, j in ((1, 2), (0, 1)))
    shift = moved[0] - weighted_sum([(across, corner[0]), (down, corner[1])])
    there = ((across[0], down[0], shift[0]), (across[1], down[1], shift[1]), (0.0, 0.0, 1.0))
    return geometry.inverse(there)


def _moved(y: Any, x: Any, field: jax.Array, size: Extent) -> tuple[Any, Any]:
    """Displacements given for every pixel, linear in between."""
    shape = jnp.shape(y)
    places = (u + (size[axis] - 1.0) * 0.5 for axis, u in enumerate((y, x)))
    flat = (jnp.reshape(u, (-1, 1)) if len(shape) < 2 else u for u in places)
    moves = sample(field, *flat, extent=size, border="nearest").reshape(*shape, 2)
    return moves[..., 0], moves[..., 1]


def _field(key: Key, severity: Any, canvas: tuple[int, int], size: Extent, sigma: Scalar) -> Any:
    """Uniform noise in -1..1 for each pixel, blurred, its picture mirrored beyond the edge."""
    wide, narrow = jax.random.split(key)
    if isinstance(severity, int):
        if WIDE[severity - 1]:
            return _waves(wide, canvas, size, sigma)
        return _blurred(narrow, canvas, size, sigma)
    both = _waves(wide, canvas, size, sigma), _blurred(narrow, canvas, size, sigma)
    return jnp.where(at(severity, WIDE), *both)


def _blurred(key: Key, canvas: tuple[int, int], size: Extent, sigma: Scalar) -> Any:
    most = max(row[1] for row, wide in zip(SHAPES, WIDE, strict=True) if not wide)
    reach = max(int(3.0 * most * SIDE * min(canvas) + 0.5), 1)
    place = np.arange(-reach, reach + 1, dtype=np.float32)
    bell = materialize(jnp.exp(-0.5 * jnp.square(place * (1.0 / jnp.maximum(sigma, 0.05)))))
    weights = bell * (1.0 / sum(bell[t] for t in range(2 * reach + 1)))
    white = materialize(2.0 * noise.uniform(key, (*canvas, 2)) - 1.0)
    return spread(white, weights, extent=size, border="reflect")


def _waves(key: Key, canvas: tuple[int, int], size: Extent, sigma: Scalar) -> jax.Array:
    """What a wide Gaussian leaves of noise: cosines, which it only shrinks, each by itself.

    Noise that is mirrored at its edges is a sum of them, with independent factors of one variance.
    """
    factors = materialize(jax.random.normal(key, (WAVES, WAVES, 2)))
    wave = np.arange(WAVES, dtype=np.float32)
    axes = []
    for axis in (0, 1):
        n, place = size[axis], np.arange(canvas[axis], dtype=np.float32) + np.float32(0.5)
        if isinstance(n, int):  # a compiler has another cosine than the program
            n = np.float32(n)
            cosine = np.cos(np.float32(np.pi) * place[:, None] * wave / n)
        else:
            cosine = jnp.cos(np.float32(np.pi) * materialize((place * (1.0 / n))[:, None] * wave))
        shrink = jnp.exp(-0.5 * jnp.square(wave * materialize(sigma * (np.pi / n))))
        # A picture of n pixels has n waves; the variance of the noise is 1/3.
        norm = jnp.where(wave < n, jnp.where(wave == 0.0, 1.0, 2.0), 0.0) * (3.0**-0.5 / n)
        axes.append(materialize(cosine) * (shrink * materialize(jnp.sqrt(norm))))
    down, right = materialize(axes)

    def add_rows(wave: Any, total: jax.Array) -> jax.Array:
        return total + down[:, wave, None, None] * factors[wave]

    rows = lax.fori_loop(0, WAVES, add_rows, 0.0 * down[:, :1, None] * factors[:1])

    def add_columns(wave: Any, total: jax.Array) -> jax.Array:
        return total + rows[:, None, wave] * right[None, :, wave, None]

    return lax.fori_loop(0, WAVES, add_columns, 0.0 * rows[:, :1] * right[None, :, :1])
