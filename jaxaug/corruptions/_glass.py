"""Glass blur: pixels read from places nearby, between two Gaussian blurs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Extent, Key
from jaxaug.functional import noise
from jaxaug.functional.color import to_float
from jaxaug.functional.stable import materialize

from ._blur import gaussian
from ._severity import at, most

SIGMAS = (0.7, 0.9, 1.0, 1.1, 1.5)
FAR = (1.0, 2.0, 2.0, 3.0, 4.0)
ROUNDS = (2, 1, 3, 2, 2)

DOUBLINGS = 5
"""A chain of 32 pixels, each of which reads the next, is followed to its end. At the most, 0.42 of
the pixels read another one that reads one in turn: longer chains have a chance of 1e-12."""


def glass_blur(image: HWC, key: Key, severity: Any, *, extent: Extent) -> HWC:
    """Blur, let pixels read others nearby, blur again."""
    pixels = truncated(gaussian(image, severity, SIGMAS, extent=extent))
    far, rounds = at(severity, tuple(zip(FAR, ROUNDS, strict=True)))
    keys = jax.random.split(key, max(ROUNDS))
    none = (jax.random.key_data(key)[0] & np.uint32(0)).astype(jnp.int32)

    def one_round(number: Any, sources: jax.Array) -> jax.Array:
        read = _read(keys[number], far, pixels.shape, extent)
        read = jnp.where(number < rounds, read, _own(pixels.shape))
        # The last round decides what is read of the one before it.
        return _taken(sources, read)

    sources = lax.fori_loop(0, most(severity, ROUNDS), one_round, _own(pixels.shape) + none)
    flat = materialize(pixels).reshape(-1, pixels.shape[2])
    moved = _taken(flat, sources).reshape(pixels.shape)
    return jnp.clip(gaussian(moved, severity, SIGMAS, extent=extent), 0.0, 1.0)


def truncated(image: HWC) -> HWC:
    """Pixels cut down to one of 256 levels; for gradients they stay what they are."""
    pixels = to_float(image)
    # What is a whole level but for rounding is that level.
    levels = jnp.floor(jnp.clip(lax.stop_gradient(pixels), 0.0, 1.0) * 255.0 + 0.001)
    return pixels + lax.stop_gradient(levels * np.float32(1 / 255) - pixels)


def _read(key: Key, far: Any, shape: tuple[int, ...], extent: Extent) -> jax.Array:
    """Which pixel each one has got in the end, by number, when all have read one after the other.

    From the last to the first, row by row, each pixel takes the place's value at up to ``far``
    before and less than ``far`` behind it, along both axes: as it is at that time. A pixel behind
    it in the order has taken its own before.
    """
    height, width, _ = shape
    drawn = materialize(noise.uniform(key, (height, width, 2)))
    shift = jnp.floor(drawn * (2.0 * far)) - 1.0 * far
    y, x = (lax.broadcasted_iota(jnp.float32, (height, width), axis) for axis in (0, 1))
    inside = (y > far) & (y <= extent[0] - 1.0 * far) & (x > far) & (x <= extent[1] - 1.0 * far)
    down, right = (jnp.where(inside, shift[..., axis], 0.0) for axis in (0, 1))
    own = _own(shape)
    step = (down * width + right).astype(jnp.int32)
    first = own + step.reshape(-1)
    later = (down > 0) | ((down == 0) & (right > 0))
    # A chain ends with one that reads what was there at first.
    follow, last = materialize((jnp.where(later.reshape(-1), first, own), first))
    for _ in range(DOUBLINGS):
        follow = materialize(_taken(follow, follow))
    return _taken(last, follow)


def _own(shape: tuple[int, ...]) -> jax.Array:
    return lax.iota(jnp.int32, shape[0] * shape[1])


def _taken(values: jax.Array, places: jax.Array) -> jax.Array:
    """Rows of ``values`` at places known to be there."""
    return values.at[places].get(mode="promise_in_bounds")
