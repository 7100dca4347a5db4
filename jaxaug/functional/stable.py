"""Arithmetic whose last bit does not depend on the code around it.

The promise that an image's augmentation is the same in any batch, on any number of devices, is kept
in the last bit. Compilers decide anew for every program which products are fused with an addition
(and so not rounded on their own) and in which order long sums are taken. What is done about it
here:

- ``a * b + c * d`` can be fused in two ways: ``weighted_sum`` leaves only one.
- A product is fused with the addition of its consumer or not, as kernels are cut, and a value that
  is computed twice may come out in two ways: ``materialize`` cuts a kernel.
- ``where(on, a, 1.0) * x + y`` becomes ``where(on, a * x, x) + y``, with no product left to fuse:
  ``choose`` says the same without a branch.
- A sum of floats has an order, which depends on the size of the batch: ``mean`` adds numbers that
  need no rounding.
"""

import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxaug._types import HWC, Flag


def weighted_sum(pairs: Iterable[tuple[Any, Any]]) -> Any:
    """Sum of ``value * weight``; terms with a Python 0 are left out, Python sums stay Python."""
    total: Any = None
    known = 0.0
    for value, weight in pairs:
        numbers = [x for x in (value, weight) if isinstance(x, float | int)]
        if len(numbers) == 2:
            known += value * weight
        elif 0 not in numbers:
            start = weight if isinstance(value, float | int) else value
            # Not known to be zero (it could be NaN), so it is not taken away: the term's own
            # product has to be fused with this addition or with none, which comes to the same.
            total = (0.0 * start if total is None else total) + value * weight
    if total is None:
        return known
    return total + known if known else total


@jax.jit
def materialize(tree: Any) -> Any:
    """The same arrays, computed once and written to memory before anything is made of them.

    ``optimization_barrier`` says that, except on the CPU, where it is taken away before kernels are
    cut. What stays there is a loop: its two steps flip the sign of one entry and flip it back, in
    place.
    """

    def flip(array: jax.Array) -> jax.Array:
        if not array.size:
            return array
        origin = (0,) * array.ndim
        first = lax.slice(array, origin, (1,) * array.ndim)
        turned = -first if jnp.issubdtype(array.dtype, jnp.floating) else ~first
        return lax.dynamic_update_slice(array, turned, origin)

    def loop(arrays: Any) -> Any:
        return lax.fori_loop(0, 2, lambda _, carried: jax.tree.map(flip, carried), arrays)

    def barrier(arrays: Any) -> Any:
        return jax.tree.map(lax.optimization_barrier, arrays)

    return lax.platform_dependent(tree, cpu=loop, default=barrier)


def rounded(product: Any) -> Any:
    """A product that no addition is fused with: it is rounded as it stands.

    For small matrices, of which a compiler writes out every entry and then shares what is the same
    in several. Nothing but 1e30 is cut, which compilers do not know.
    """
    return jnp.clip(product, -1e30, 1e30)


def choose(on: Flag, value: Any, other: Any) -> Any:
    """``value`` where ``on``, else ``other``, without a branch if one of them is a Python number.

    ``other`` comes out exactly. So does ``value``, unless it stands beside a known number that is
    neither 0 nor within a factor of 2 of it: then it is rounded once more.
    """
    if isinstance(other, float | int):
        if isinstance(value, float | int) and value == other:
            return other
        return other + jnp.asarray(on, jnp.float32) * (value - other)
    if isinstance(value, float | int):
        return choose(jnp.logical_not(on), other, value)
    # Zero, of the flag: on explicit mesh axes a choice among known arrays has no mesh of its own.
    none = 0.0 * jnp.asarray(on, jnp.float32)
    return jnp.where(on, value + none, other + none)


@jax.custom_jvp
def straight_through(value: jax.Array, source: jax.Array) -> jax.Array:
    """``value``, with the gradient of ``source``: for roundings, which have none of their own."""
    del source
    return value


@straight_through.defjvp
def _straight_through_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    return primals[0], tangents[1]


def mean(image: HWC) -> jax.Array:
    """Mean pixel ``(c,)`` of a float32 image ``(h, w, c)``.

    Rows are joined in blocks of up to 16, blocks likewise. Each time, a mean is off by at most
    2**-18 of the largest value, 0.001 grey levels, and mostly by far less; that of ``n`` rows
    without a divisor up to 16 by ``n * 2**-22``; that of a flat image by nothing.
    """
    means = image.reshape(image.shape[0], -1)
    while means.shape[0] > 1:
        means = _block_means(means)
    return _mean(means[0].reshape(image.shape[1:]))


def _block(n: int) -> int:
    """The largest number of rows up to 16 that all of them can be divided into; else all."""
    return max((k for k in range(2, min(n, 16) + 1) if n % k == 0), default=n)


@jax.custom_jvp
def _block_means(values: jax.Array) -> jax.Array:
    """Means of blocks of rows: ``(n, m)`` to ``(n / block, m)``.

    What is added and taken away again leaves multiples of its last bit, which is chosen such that
    no sum of them is rounded. Integers would do, but compilers for CPUs write them to memory first.
    """
    block = _block(values.shape[0])
    grid = 1.5 * 2.0 ** (math.ceil(math.log2(block)) + 2)
    coarse = _power_of_two(jnp.max(jnp.max(jnp.abs(values), axis=0))) * np.float32(grid)
    rows = values.reshape(-1, block, values.shape[1])
    steps = (rounded(rows) - rounded(rows[:, :1]) + coarse) - coarse
    return rounded(rows[:, 0]) + rounded(steps.sum(axis=1) * np.float32(1.0 / block))


@_block_means.defjvp
def _block_means_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    block = _block(primals[0].shape[0])
    rows = tangents[0].reshape(-1, block, tangents[0].shape[1])
    return _block_means(*primals), rows.mean(axis=1)


@jax.custom_jvp
def _mean(values: jax.Array) -> jax.Array:
    """Mean over the axis before the last: ``(..., n, c)`` to ``(..., c)``, of integers."""
    n = values.shape[-2]
    # Powers of two, so that scaling is exact: the largest value is below 2 * unit.
    unit = _power_of_two(jnp.max(jnp.abs(values)))
    steps = 2.0 ** (29 - math.ceil(math.log2(n)))
    whole = jnp.round(values * (steps / unit)).astype(jnp.int32)
    return whole.sum(axis=-2).astype(jnp.float32) * (unit * np.float32(1.0 / (steps * n)))


@_mean.defjvp
def _mean_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    return _mean(*primals), tangents[0].mean(axis=-2)


def _power_of_two(value: jax.Array) -> jax.Array:
    """The largest power of two that a value above 0 reaches: its bits without the mantissa."""
    bits = lax.bitcast_convert_type(jnp.maximum(value, 1e-20), jnp.int32)
    return lax.bitcast_convert_type(bits & np.int32(0x7F800000), jnp.float32)
