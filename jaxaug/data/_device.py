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


def check_placement(device: Any, batch_size: int, rest: int = 0) -> Placement:
    """Returns `device` if batches of `batch_size`, and a last one of `rest`, can go there.

    Raises:
        JaxaugError: If it is no bool, device or sharding, or a sharding that does not divide the
            batch.
    """
    if isinstance(device, jax.sharding.Sharding):
        for size in filter(None, (batch_size, rest)):
            try:
                if isinstance(device, jax.sharding.NamedSharding) and len(device.spec) > 1:
                    raise ValueError("labels have one axis")  # noqa: TRY301 - told just below
                device.shard_shape((size,))
            except ValueError as error:
                want = f"a sharding that divides a batch of {size}"
                remedy = (
                    "Pass a sharding of the first axis alone, such as "
                    "NamedSharding(mesh, P('data')), and a batch_size that its devices divide."
                )
                raise JaxaugError("Loader", want, str(device), remedy) from error
        return device
    if isinstance(device, bool | jax.Device):
        return device
    want = "device to be True, False, a jax.Device or a Sharding"
    remedy = "Pass one of them, such as jax.devices()[0]."
    raise JaxaugError("Loader", want, repr(device), remedy)


def rows_on(sharding: jax.sharding.Sharding, batch_size: int) -> tuple[int, int]:
    """Rows of a batch that this process' devices hold: those that it has to read.

    Where they hold copies, as in tensor parallelism, processes read the same rows.

    Raises:
        JaxaugError: If the rows are not one run, as with devices of two processes in turn.
    """
    rows = set()
    for index in sharding.addressable_devices_indices_map((batch_size,)).values():
        rows |= set(range(batch_size)[index[0]] if index else ())
    first, last = min(rows), max(rows)
    if len(rows) <= last - first:
        remedy = "Order the devices of the mesh by process, as jax.make_mesh does."
        want = "a sharding that gives each process one run of a batch's rows"
        raise JaxaugError("Loader", want, f"rows {sorted(rows)}", remedy)
    return first, last + 1


def copier(device: Placement, batch_size: int) -> Callable[[Any], Any]:
    """Returns a function that copies the numbers in a tree to `device`; True is the default device.

    To a sharding, the rows that this process has read go as its part of the global array. What no
    device can hold, such as text, stays in NumPy.

    The default device can be set for a block of code (`with jax.default_device(...)`), but that
    is known in the calling thread only: it is looked up here, for the thread that copies later.
    Copies to it stay uncommitted, as `jnp.asarray` would leave them, and so mix with any others.
    """
    if isinstance(device, jax.sharding.Sharding):
        several = not device.is_fully_addressable

        def put(x: Any) -> jax.Array:
            shape = (batch_size if several else len(x), *x.shape[1:])
            return jax.make_array_from_process_local_data(device, x, shape)

        return _on_numbers(put)
    if not isinstance(device, bool):
        return _on_numbers(lambda x: jax.device_put(x, device))
    default = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue] - dynamic
    put_default = _on_numbers(jax.device_put)

    def copy(tree: Any) -> Any:
        with jax.default_device(default):
            return put_default(tree)

    return copy


def _on_numbers(put: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda tree: jax.tree.map(lambda x: put(x) if x.dtype.kind in "biufc" else x, tree)
