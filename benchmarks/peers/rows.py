"""What libraries that know single images only have in common: rows by vmap, compiled."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import Run


def vmapped(one: Callable[[Any, Any], Any], images: np.ndarray) -> Run:
    """A function of a key and an image, for every row with a key of its own."""
    batch, key = jnp.asarray(images), jax.random.key(0)

    @jax.jit
    def augment(step: Any, pixels: Any) -> Any:
        keys = jax.random.split(jax.random.fold_in(key, step), len(pixels))
        return jax.vmap(one)(keys, pixels)

    return Run(lambda step: augment(np.uint32(step), batch), jax.block_until_ready, np.asarray)
