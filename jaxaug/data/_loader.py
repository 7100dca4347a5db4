"""Batches of a source, epoch by epoch, read and copied to the device ahead of use."""

import copy
import dataclasses
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Self

import grain
import numpy as np
import pandas as pd
from jax.sharding import Sharding

from jaxaug._types import JaxaugError, describe

from . import _check, _state, _stream
from ._ahead import ahead
from ._device import Placement, check_placement, copier, rows_on, this_host
from ._faults import ON_ERROR, Fault, Ledger, Mend
from ._membership import Membership
from ._order._balance import Balanced, balanced, counted, table
from ._order._batches import REMAINDERS, Batches, Stream, part_of
from ._order._permutation import MAX_SIZE
from ._order._plan import SEED_LIMIT, Plan
from ._parallel import processors
from ._source import ImageSource
from ._stream import Batch, Deliver, ReadBatch


class Loader:
    """Batches of a source: shuffled, balanced, read ahead, and copied to the device ahead of use.

    Each batch is a dict of what the source's records have (`image`, `label`, ...), stacked, with
    `index` uint32 (b,), the record's identity, and `visit` uint32 (b,), how often its turn came
    before. `index` and `visit` name the occasion: `jaxaug.batched` keys the augmentation by them.
    Where a batch may hold rows that do not count there is also `valid` bool (b,). Numbers become
    JAX arrays; texts stay in NumPy, and are to be taken out before a jitted function.

    Batches depend on the source and on `batch_size`, `seed`, `shuffle`, `balance`, `epoch_size` and
    `remainder`; never on threads, processes, hosts or timing.

    `for batch in loader` is one epoch, and each such loop is the next one. `len(loader)` is the
    number of batches in an epoch. Leaving a loop early stops its threads and processes.

    Args:
        source: Where records come from.
        batch_size: Records in a batch, of all hosts together.
        seed: `0 <= seed < 2**64`, of the order. Seeds have no epoch in common.
        shuffle: Whether each epoch has an order of its own.
        balance: How often classes are drawn: "uniform", "sqrt", a number from 0 (uniform) to 1
            (as they are), `{class: weight}`, or an array of one weight a record. Quotas are exact
            in every epoch; members of a class take turns, so that none is drawn twice before all
            were drawn once. None draws every record once.
        per_batch: Whether the quotas hold for each batch by itself.
        epoch_size: Records in an epoch; by default as many as the source has. With a balance it is
            cut to whole batches. Without shuffling, every epoch has the same ones.
        remainder: Last records of an epoch that do not fill a batch: "drop" leaves them out, "pad"
            completes the batch with records of the same epoch and adds the column `valid`
            to every batch, "keep" gives a smaller batch. "drop" if None and shuffling, else "pad".
        on_error: What becomes of a record that cannot be read: "raise" ends the loop; "substitute"
            puts another record of its class in its place, the same one in every run; "skip" does
            so too, to keep the shape, but marks the row not `valid`. See `report`.
        max_bad: How many records may be bad before the loop ends with an error after all; by
            default 1 in 100, or 10 if that is more.
        cache: "memory", or a folder: images are decoded once. See `ImageSource.cached`.
        threads: Threads that read batches; 0 reads in the loop itself. If None, the number of
            processors, at most 8.
        workers: Processes that read batches instead of threads; a program that uses them must
            begin with `if __name__ == "__main__":`. Not needed with a cache, and not started then.
        time_limit: Seconds that a worker process may take for a batch.
        prefetch: How many finished batches may wait on the host, and how many on the device.
        device: True copies batches to JAX's default device, False leaves NumPy arrays; a
            `jax.Device` or `jax.sharding.Sharding` (of the batch axis) says where to.
        shard: This host's number and how many hosts there are; by default what JAX says.

    Raises:
        JaxaugError: If an argument is none of the above, or there is no whole batch to give.

    Example:
        >>> import numpy as np
        >>> from jaxaug.data import ArraySource
        >>> source = ArraySource(np.zeros((5, 8, 8, 3), np.uint8), np.array([0, 0, 0, 0, 1]))
        >>> loader = Loader(source, 2, seed=1)
        >>> for epoch in range(3):
        ...     for batch in loader:
        ...         pass
        >>> len(loader), batch["image"].shape, batch["visit"].tolist()
        (2, (2, 8, 8, 3), [2, 2])
        >>> even = Loader(source, 4, balance="uniform")
        >>> sorted(next(iter(even))["label"].tolist())
        [0, 0, 1, 1]
    """

    def __init__(
        self,
        source: ImageSource,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        balance: Any = None,
        per_batch: bool = False,
        epoch_size: int | None = None,
        remainder: str | None = None,
        on_error: str = "raise",
        max_bad: int | None = None,
        cache: Any = None,
        threads: int | None = None,
        workers: int = 0,
        time_limit: float | None = None,
        prefetch: int = 2,
        device: Placement = True,
        shard: tuple[int, int] | None = None,
    ) -> None:
        if not isinstance(source, ImageSource):
            remedy = "Pass one, such as DirectorySource(root, image_size=(150, 150))."
            raise JaxaugError("Loader", "a source of images", describe(source), remedy)
        self._seed = _check.integer("Loader", "seed", seed, 0, SEED_LIMIT)
        self._shuffle = _check.flag("Loader", "shuffle", shuffle)
        if remainder is None:
            remainder = "drop" if self._shuffle else "pad"
        _check.choice("Loader", "remainder", remainder, REMAINDERS)
        _check.choice("Loader", "on_error", on_error, ON_ERROR)
        batch_size = _check.integer("Loader", "batch_size", batch_size, 1, MAX_SIZE)
        size = len(source)
        if epoch_size is not None:
            size = _check.integer("Loader", "epoch_size", epoch_size, 1, MAX_SIZE)
        if balance is not None and (remainder == "drop" or per_batch):
            size = max(size // batch_size, 1) * batch_size  # or quotas would lose the rest
        stride = size
        if not shuffle and balance is None:  # the same records in every epoch
            stride = -(-size // len(source)) * len(source)
        self._shard = this_host() if shard is None else shard
        part = part_of(self._shard, batch_size)
        sizes = size, batch_size if per_batch else size
        plan = _plan(source, balance, sizes, self._seed, shuffle=self._shuffle)
        if part != (0, batch_size) and remainder == "keep":
            remedy = "Pass remainder='drop' or 'pad': every host must make equal steps."
            raise JaxaugError("Loader", "whole batches on several hosts", "'keep'", remedy)
        self._batches = Batches(plan, size, stride, batch_size, remainder, part)
        self._balance = balance
        if max_bad is None:
            max_bad = max(10, len(source) // 100)
        self._ledger = Ledger(_check.integer("Loader", "max_bad", max_bad, 0))
        if threads is None:
            threads = min(processors(), 8)  # more only wait for each other
        self._threads = _check.integer("Loader", "threads", threads, 0, 1024)
        self._workers = _check.integer("Loader", "workers", workers, 0, 1024)
        self._time_limit = _check.seconds("Loader", "time_limit", time_limit)
        self._prefetch = _check.integer("Loader", "prefetch", prefetch, 0, 1024)
        self._place(device)
        self._cursor = _state.Cursor()
        self._fingerprint: dict[str, Any] | None = None
        self._source = source if cache is None else source.cached(cache)  # what takes longest, last
        self._mend = Mend(self._source, plan, self._seed, on_error)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return self._loop(*self._cursor.claim())

    def epoch(self, number: int) -> "Epoch":
        """Returns epoch `number` (from 0) as something to loop over, as often as wanted.

        It does not change which epoch `for batch in loader` comes to next.
        """
        return Epoch(self, _check.integer("Loader.epoch", "number", number, 0))

    def to_device(self, sharding: Sharding) -> Self:
        """Returns this loader with global arrays as batches, laid out as `sharding` says.

        Every process calls it with the same sharding and contributes its own rows. Copying runs
        ahead of use, while the batch before is worked on. Both loaders share one position, so that
        it may be called anew for each epoch.

        Args:
            sharding: Of the first axis, such as `NamedSharding(mesh, P("data"))`.
        """
        view = copy.copy(self)
        view._place(sharding)  # noqa: SLF001 - ours
        return view

    def _place(self, device: Any) -> None:
        """Sends batches to `device`, and reads the rows that are to lie there."""
        cut = self._batches
        rest = cut.epoch_size % cut.batch_size if cut.remainder == "keep" else 0
        self._device = check_placement(device, cut.batch_size, rest)
        if isinstance(device, Sharding):
            if self._shard != this_host():
                remedy = "Leave shard=None, and call jax.distributed.initialize() on every host."
                want = "the shard that JAX says for a global array"
                raise JaxaugError("Loader", want, f"shard={self._shard}", remedy)
            part = rows_on(device, cut.batch_size)
            self._batches = dataclasses.replace(cut, part=part)

    def state(self) -> dict[str, Any]:
        """Returns where the loop is, as JSON: the next batch after the last one handed out.

        A few hundred bytes, the same on every host. Store it beside the model, as a file or in an
        Orbax checkpoint.
        """
        epoch, step = self._cursor.reached
        if step == len(self):
            epoch, step = epoch + 1, 0
        return self._expected() | {"epoch": epoch, "step": step}

    def restore(self, state: Any) -> None:
        """Makes the next loop begin exactly where `state` was taken, to the last bit.

        The number of threads, processes and hosts may be another one. That loop is the rest of its
        epoch: for a look at a batch beforehand take `next(iter(loader.epoch(0)))`, which moves
        nothing. After a loop that ended in an error, `loader.restore(loader.state())` makes the
        next one try again from there. What `report` counts begins anew.

        Raises:
            JaxaugError: If the state is of another stream; it names the field.
        """
        self._cursor.move(*_state.check(state, self._expected(), len(self)))

    def report(self) -> tuple[Fault, ...]:
        """Returns the records that could not be read so far: index, path, stage, error, message."""
        return self._ledger.list()

    def class_table(self, epoch: int = 0) -> pd.DataFrame:
        """Returns how often each class is drawn in an epoch, as a table to print.

        Returns:
            A row for each class, with the columns `records`, `share`, `draws`, `draws_share` and
            `times`, draws per record.
        """
        membership = self._source.membership
        if membership is None:
            remedy = "Give the source labels that are classes."
            raise JaxaugError("Loader.class_table", "a source with classes", "none", remedy)
        cut = self._batches
        epoch = _check.integer("Loader.class_table", "epoch", epoch, 0, MAX_SIZE)
        if isinstance(cut.plan, Balanced) and cut.epoch_size % cut.batch_size == 0:
            return table(cut.plan, membership, epoch)
        size = len(cut) * cut.batch_size if cut.remainder == "drop" else cut.epoch_size
        return counted(membership, cut.plan(epoch * cut.stride + np.arange(size))[0])

    def dataset(self, epoch: int = 0) -> grain.MapDataset[Batch]:
        """Returns one epoch as a Grain dataset whose elements are whole batches of NumPy arrays.

        `dataset().repeat(n)` gives `n` epochs, each in its own order. Any Grain transformation can
        follow: `map`, `to_iter_dataset`, `mp_prefetch`. `dataset(e)[s:]` begins at step `s`.

        Args:
            epoch: The first epoch.
        """
        _stream.allow_processes()
        read = self._read(_check.integer("Loader.dataset", "epoch", epoch, 0))
        return _stream.dataset(read, len(self)).map(Deliver(self._ledger))

    def __repr__(self) -> str:
        cut = self._batches
        drawn = "" if self._balance is None else f"balance={describe(self._balance)}, "
        return (
            f"Loader({self._source!r}, batch_size={cut.batch_size}, seed={self._seed}, "
            f"shuffle={self._shuffle}, {drawn}remainder={cut.remainder!r}): "
            f"{len(self)} batches an epoch"
        )

    def _read(self, epoch: int) -> ReadBatch:
        return ReadBatch(self._source, self._batches, self._mend, epoch * len(self))

    def _expected(self) -> dict[str, Any]:
        if self._fingerprint is None:
            self._fingerprint = _state.fingerprint(
                self._source, self._batches, self._seed, shuffle=self._shuffle
            )
        return self._fingerprint

    def _loop(self, loop: int, epoch: int, step: int) -> Generator[Batch, None, None]:
        """The rest of an epoch, which moves the cursor."""
        with closing(self._iterate(epoch, step)) as batches:
            for number, batch in enumerate(batches, step + 1):
                self._cursor.advance(loop, epoch, number)
                yield batch

    def _iterate(self, epoch: int, step: int = 0) -> Generator[Batch, None, None]:
        deliver = Deliver(self._ledger)  # in order, as batches are handed out
        with closing(self._host(epoch, step)) as host:
            if self._device is False:
                yield from map(deliver, host)
                return
            copy_ = copier(self._device, self._batches.batch_size)
            depth = min(self._prefetch, len(self) - step)
            # Ends before the host's side does, which it still reads from.
            with closing(ahead(host, lambda found: (copy_(found[0]), found[1]), depth)) as copies:
                yield from map(deliver, copies)

    def _host(self, epoch: int, step: int) -> Generator[_stream.Found, None, None]:
        read, steps = self._read(epoch), range(step, len(self))
        if self._workers and self._source.reader.worker():
            depth, limit = self._prefetch, self._time_limit
            return _stream.from_workers(read, steps, self._workers, depth, limit)
        return _stream.from_threads(read, steps, self._threads, self._prefetch)


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One epoch of a loader: can be looped over again, and has a length."""

    loader: Loader
    number: int

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        return self.loader._iterate(self.number)  # noqa: SLF001 - two halves of one thing


def _plan(
    source: ImageSource, balance: Any, sizes: tuple[int, int], seed: int, *, shuffle: bool
) -> Stream:
    """What draws the records, in epochs and periods of these sizes."""
    size, period = sizes
    if balance is None:
        if period < size:
            remedy = "Pass balance='uniform', or leave per_batch out."
            raise JaxaugError("Loader", "a balance that per_batch can hold", "none", remedy)
        return Plan(len(source), seed, shuffle)
    membership = source.membership
    if membership is None:
        membership = Membership.none(len(source))
    options: Any = {"epoch_size": size, "period": period, "seed": seed, "shuffle": shuffle}
    return balanced(membership, balance, **options)
