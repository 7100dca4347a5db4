"""Textures made of random numbers: plasma, and crystals of ice."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import Key, Size
from jaxaug.functional import noise
from jaxaug.functional.filter import spread
from jaxaug.functional.stable import materialize, weighted_sum


def plasma(key: Key, size: int, decay: Any) -> jax.Array:
    """A plasma fractal by the diamond-square algorithm, its edges joined, scaled to 0..1.

    A. Fournier, D. Fussell and L. Carpenter, Computer rendering of stochastic models, CACM 1982.

    Args:
        key: used once, here.
        size: how large at least; it is made of the next power of two.
        decay: the random numbers shrink by its square from each level to the next.

    Returns:
        ``(n, n)`` with ``n >= size``, the smallest number 0, the largest 1.
    """
    levels = max(int(np.ceil(np.log2(size))), 1)
    n = 2**levels
    shift = materialize(2.0 * noise.uniform(key, (n, n, 1))[..., 0] - 1.0)
    shrink = 1.0 / (jnp.asarray(decay, jnp.float32) * decay)
    grid, amount = jnp.zeros((1, 1)), jnp.float32(1.0)
    for level in range(levels):
        step = n >> level
        half = step // 2
        own = [shift[y::step, x::step] for y, x in ((half, half), (0, half), (half, 0))]
        amount = materialize(amount)
        across = grid + jnp.roll(grid, -1, axis=1)
        down = grid + jnp.roll(grid, -1, axis=0)
        middle = _moved(across + jnp.roll(across, -1, axis=0), own[0], amount)
        above = middle + jnp.roll(middle, 1, axis=0)
        left = middle + jnp.roll(middle, 1, axis=1)
        tops, sides = _moved(across + above, own[1], amount), _moved(down + left, own[2], amount)
        rows = jnp.stack([jnp.stack([grid, tops], axis=2), jnp.stack([sides, middle], axis=2)], 1)
        grid = materialize(rows).reshape(n // half, n // step, 2).reshape(n // half, n // half)
        amount = amount * shrink
    low, high = jnp.min(grid), jnp.max(grid)
    return materialize((grid - low) * (1.0 / (high - low)))


def _moved(four: jax.Array, drawn: jax.Array, amount: jax.Array) -> jax.Array:
    """The mean of four, and what is drawn for it."""
    return materialize(weighted_sum([(four, jnp.float32(0.25)), (drawn, amount)]))


DARK = np.array([0.16, 0.24, 0.36], np.float32)
WHITE = np.array([0.93, 0.97, 1.0], np.float32)


def crystals(key: Key, size: Size) -> jax.Array:
    """Ice on a window at dusk: feathers of needles that follow a smooth field of directions.

    Sparse seeds are smeared along the field into stems, denser ones at 60 degrees to both sides of
    it into barbs, and the sum is more or less opaque by a plasma fractal. Needles are up to 40
    pixels long.

    Args:
        key: used once, here.
        size: ``(h, w)``.

    Returns:
        ``(h, w, 3)`` in 0..1; over many, mean 0.51 and standard deviation 0.21.
    """
    seeds, *fields = jax.random.split(key, 3)
    decays = jnp.asarray([1.9, 1.5], jnp.float32)
    fractals = jax.vmap(lambda each, decay: plasma(each, max(size), decay))(
        jnp.stack(fields), decays
    )
    n = fractals.shape[1]
    field, cover = fractals[:, : size[0], : size[1]]
    drawn = materialize(noise.uniform(seeds, (n, n, 2)))
    stems = jnp.where(drawn[..., :1] < 0.012, 1.0, 0.0)
    barbs = jnp.where(drawn[..., 1:] < 0.1, drawn[..., 1:] * 10.0, 0.0)
    along = materialize(field * np.float32(5.0 * np.pi))
    aside = jnp.stack([along - np.float32(np.pi / 3), along + np.float32(np.pi / 3)])
    stem = _smeared(stems, 1.2, along, np.arange(0, 40, 2), 18.0)
    barb = materialize(_smeared(barbs, 0.7, aside, np.arange(16), 7.0).max(axis=0))
    thick = weighted_sum([(stem, 0.6 / 0.012), (barb, 0.5 / 0.067)])
    thick = materialize(thick) * materialize(0.15 + 1.1 * cover)
    opaque = 1.0 - jnp.exp(-1.3 * jnp.maximum(materialize(thick) - 0.35, 0.0))
    return materialize(weighted_sum([(1.0, DARK), (opaque[..., None], WHITE - DARK)]))


def _smeared(
    seeds: jax.Array, sigma: float, angles: jax.Array, steps: np.ndarray, fading: float
) -> jax.Array:
    """Seeds ``(n, n, 1)``, blurred, smeared along each pixel's own of angles ``(..., h, w)``."""
    n = seeds.shape[0]
    reach = int(np.ceil(3 * sigma))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = jnp.asarray(bell / bell.sum(), jnp.float32)
    soft = spread(seeds, weights, extent=(n, n), border="wrap")
    flat = materialize(soft).reshape(-1)
    right, down = materialize((jnp.cos(angles), jnp.sin(angles)))
    y, x = (lax.broadcasted_iota(jnp.int32, angles.shape, angles.ndim - k) for k in (2, 1))
    fade = np.exp(-0.5 * (steps / fading) ** 2)
    fade = jnp.asarray(fade / fade.sum(), jnp.float32)

    def add(number: Any, total: jax.Array) -> jax.Array:
        step = jnp.asarray(steps, jnp.float32)[number]
        moved = [
            (u + jnp.round(step * part).astype(jnp.int32)) & (n - 1)
            for u, part in ((y, down), (x, right))
        ]
        seen = flat.at[moved[0] * n + moved[1]].get(mode="promise_in_bounds")
        return total + seen * fade[number]

    return materialize(lax.fori_loop(0, len(steps), add, 0.0 * angles))
