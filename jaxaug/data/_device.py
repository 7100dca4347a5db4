"""Copying batches to devices."""

from collections.abc import Callable
from typing import Any

import jax

from jaxaug._types import JaxaugError

Placement = bool | jax.Device | jax.sharding.Sharding


def this_host() -> tuple[int, int]:
    """This process' number and how many there are; looks at no device unless there are several."""
    if not jax.distributed.is_initialized():
        return 0, 1
    return jax.process_index(), jax.process_count()


def check_placement(device: Any, batch_size: int, shard: tuple[int, int]) -> Placement:
    """Returns `device` if batches of `batch_size` can go there from the host `shard`.

    Raises:
        JaxaugError: If it is no bool, device or sharding, or a sharding that does not divide the
            batch, or whose global arrays need the rows of other hosts than there are.
    """
    if isinstance(device, jax.sharding.Sharding):
        if shard != this_host():
            remedy = "Leave shard=None, and call jax.distributed.initialize() on every host."
            want = "the shard that JAX says for a global array"
            raise JaxaugError("Loader", want, f"shard={shard}", remedy)
        try:
            device.shard_shape((batch_size,))
        except ValueError as error:
            want = f"a sharding that divides a batch of {batch_size}"
            remedy = (
                "Pass a sharding of the first axis alone, such as NamedSharding(mesh, P('data')), "
                "and a batch_size that its devices divide."
            )
            raise JaxaugError("Loader", want, str(device), remedy) from error
        return device
    if isinstance(device, bool | jax.Device):
        return device
    want = "device to be True, False, a jax.Device or a Sharding"
    remedy = "Pass one of them, such as jax.devices()[0]."
    raise JaxaugError("Loader", want, repr(device), remedy)


def copier(device: Placement) -> Callable[[Any], Any]:
    """Returns a function that copies the numbers in a tree to `device`; True is the default device.

    To a sharding, this host's part of a batch goes as its part of the global array. What no device
    can hold, such as text, stays in NumPy.

    The default device can be set for a block of code (`with jax.default_device(...)`), but that
    is known in the calling thread only: it is looked up here, for the thread that copies later.
    Copies to it stay uncommitted, as `jnp.asarray` would leave them, and so mix with any others.
    """
    if isinstance(device, jax.sharding.Sharding):
        return _on_numbers(lambda x: jax.make_array_from_process_local_data(device, x))
    if not isinstance(device, bool):
        return _on_numbers(lambda x: jax.device_put(x, device))
    default = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue] - dynamic
    put = _on_numbers(jax.device_put)

    def copy(tree: Any) -> Any:
        with jax.default_device(default):
            return put(tree)

    return copy


def _on_numbers(put: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda tree: jax.tree.map(lambda x: put(x) if x.dtype.kind in "biufc" else x, tree)
