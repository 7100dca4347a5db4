"""Rows of a batch from further on in it, on whichever device they are."""

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Shaped

from jaxaug._types import Array

Axes: TypeAlias = str | tuple[str, ...]
Column: TypeAlias = Shaped[Array, "n ..."]


def manual_axes() -> tuple[str, ...]:
    """The axes of devices over which this code sees its own part: in ``shard_map`` and ``pmap``."""
    return tuple(jax.sharding.get_abstract_mesh().manual_axes)


def first_row(rows: int, *, axis_name: Axes = ()) -> Any:
    """Number in the whole batch of the first of ``rows`` rows, equally many on every device."""
    return lax.axis_index(axis_name) * rows if axis_name else 0


def roll_rows(column: Column, shift: int, *, axis_name: Axes = ()) -> Column:
    """Row ``i + shift`` of the whole batch at place ``i``; after the last row comes the first.

    Args:
        column: ``(n, ...)``: under ``jit`` the whole batch, however it is sharded; in ``shard_map``
            and ``pmap`` a device's part of it.
        shift: how many rows further on.
        axis_name: the axes of devices that the batch is divided over where each sees its part;
            none: over all rows that the program sees.

    Returns:
        As the column. Between devices only rows that change them are sent.
    """
    if axis_name:
        return _roll_parts(column, shift, axis_name)
    sharding = jax.typeof(column).sharding
    if sharding.spec and sharding.spec[0] is not None:  # axes of an Explicit mesh
        rolled: Any = jax.sharding.auto_axes(partial(_roll, shift=shift), out_sharding=sharding)
        return rolled(column)
    return _roll(column, shift)


def _roll(column: Column, shift: int) -> Column:
    return jnp.roll(column, -shift, axis=0)


def _roll_parts(rows: Column, shift: int, axis_name: Axes) -> Column:
    """A device's rows after the roll: the end of one other device's part, the start of the next."""
    devices, count = lax.axis_size(axis_name), len(rows)
    away, over = divmod(shift % (devices * count), count)

    def of_device(part: Column, away: int) -> Column:
        if not away % devices:
            return part
        return lax.ppermute(part, axis_name, [((k + away) % devices, k) for k in range(devices)])

    if not over:
        return of_device(rows, away)
    parts = of_device(rows[over:], away), of_device(rows[:over], away + 1)
    return jnp.concatenate(parts)
