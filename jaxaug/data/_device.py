"""Copying batches to a device."""

from collections.abc import Callable
from typing import Any

import jax

Placement = bool | jax.Device | jax.sharding.Sharding


def check_placement(device: Any, batch_size: int) -> Placement:
    """Returns `device` if batches of `batch_size` can go there.

    Raises:
        TypeError: If it is no bool, device or sharding.
        ValueError: If it is a sharding that does not divide the batch.
    """
    if isinstance(device, jax.sharding.Sharding):
        try:
            device.shard_shape((batch_size,))
        except ValueError as error:
            raise ValueError(
                f"Loader: expected a sharding that divides a batch of {batch_size}, got {device}. "
                "Pass a sharding of the first axis alone, such as NamedSharding(mesh, P('data')), "
                "and a batch_size that its devices divide."
            ) from error
        return device
    if isinstance(device, bool | jax.Device):
        return device
    raise TypeError(
        f"Loader: expected device to be True, False, a jax.Device or a Sharding, got {device!r}. "
        "Pass one of them, such as jax.devices()[0]."
    )


def copier(device: Placement) -> Callable[[Any], Any]:
    """Returns a function that copies a tree of arrays to `device`; True is the default device.

    The default device can be set for a block of code (`with jax.default_device(...)`), but that
    is known in the calling thread only: it is looked up here, for the thread that copies later.
    Copies to it stay uncommitted, as `jnp.asarray` would leave them, and so mix with any others.
    """
    if not isinstance(device, bool):
        return lambda tree: jax.device_put(tree, device)
    default = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue] - dynamic

    def copy(tree: Any) -> Any:
        with jax.default_device(default):
            return jax.device_put(tree)

    return copy
