"""Batches of a source, epoch by epoch, read and copied to the device ahead of use."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import grain

from . import _check
from ._ahead import ahead
from ._batches import REMAINDERS, Batches
from ._device import Placement, check_placement, copier
from ._plan import SEED_LIMIT, Plan
from ._source import ImageSource

Batch = dict[str, Any]


class Loader:
    """Batches of a source: shuffled, read by Grain threads, copied to the device ahead of use.

    Each batch is a dict of `image` uint8 (b, h, w, c), `label` int32 (b,), `index` uint32 (b,), the
    record's identity, and `visit` uint32 (b,), the epoch. `index` and `visit` name the occasion:
    use them to key an augmentation. With padding there is also `valid` bool (b,). Batches depend on
    the source and on `batch_size`, `seed`, `shuffle` and `remainder`, never on threads or timing.

    `for batch in loader` is one epoch, and each such loop is the next one. `len(loader)` is the
    number of batches in an epoch. Leaving a loop early stops its threads.

    Args:
        source: Where records come from.
        batch_size: Records in a batch.
        seed: `0 <= seed < 2**64`, of the order. Seeds have no epoch in common.
        shuffle: Whether each epoch has an order of its own.
        remainder: Last records of an epoch that do not fill a batch: "drop" leaves them out, "pad"
            completes the batch with records of the same epoch and adds the column `valid`
            to every batch, "keep" gives a smaller batch. "drop" if None and shuffling, else "pad".
        threads: Threads that read batches; 0 reads in the loop itself. If None, the number of
            processors, at most 8.
        prefetch: How many finished batches may wait on the host, and how many on the device.
        device: True copies batches to JAX's default device, False leaves NumPy arrays; a
            `jax.Device` or `jax.sharding.Sharding` (of the batch axis) says where to.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If one is out of range, or there are too few records for one batch.

    Example:
        >>> import pathlib, tempfile, PIL.Image
        >>> from jaxaug.data import DirectorySource
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pathlib.Path(root, "cat").mkdir()
        ...     for number in range(5):
        ...         PIL.Image.new("RGB", (9, 9)).save(f"{root}/cat/{number}.png")
        ...     loader = Loader(DirectorySource(root, image_size=(8, 8)), 2, seed=1)
        ...     for epoch in range(3):
        ...         for batch in loader:
        ...             pass
        >>> len(loader), batch["image"].shape, batch["visit"].tolist()
        (2, (2, 8, 8, 3), [2, 2])
    """

    def __init__(
        self,
        source: ImageSource,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        remainder: str | None = None,
        threads: int | None = None,
        prefetch: int = 2,
        device: Placement = True,
    ) -> None:
        if not isinstance(source, ImageSource):
            raise TypeError(
                f"Loader: expected a source of images, got {source!r}. Pass one, such as "
                "DirectorySource(root, image_size=(150, 150))."
            )
        if remainder is None:
            remainder = "drop" if shuffle else "pad"
        _check.integer("Loader", "seed", seed, 0, SEED_LIMIT)
        _check.integer("Loader", "batch_size", batch_size, 1)
        _check.choice("Loader", "remainder", remainder, REMAINDERS)
        self._source = source
        self._batches = Batches(Plan(len(source), seed, shuffle), batch_size, remainder)
        self._threads = (
            _processors() if threads is None else _check.integer("Loader", "threads", threads, 0)
        )
        self._prefetch = _check.integer("Loader", "prefetch", prefetch, 0)
        self._device = check_placement(device, batch_size)
        self._next_epoch = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        number, self._next_epoch = self._next_epoch, self._next_epoch + 1
        return iter(self.epoch(number))

    def epoch(self, number: int) -> "Epoch":
        """Returns epoch `number` (from 0) as something to loop over, as often as wanted.

        It does not change which epoch `for batch in loader` comes to next.
        """
        return Epoch(self, _check.integer("Loader.epoch", "number", number, 0))

    def dataset(self, epoch: int = 0) -> grain.MapDataset[Batch]:
        """Returns one epoch as a Grain dataset whose elements are whole batches of NumPy arrays.

        `dataset().repeat(n)` gives `n` epochs, each in its own order. Any Grain transformation can
        follow. `dataset(e)[s:]` begins at step `s`.

        Args:
            epoch: The first epoch.
        """
        first = _check.integer("Loader.dataset", "epoch", epoch, 0) * len(self)
        # Directly on its source, Grain hands map_with_index the position over all repetitions.
        read = _ReadBatch(self._source, self._batches, first)
        return grain.MapDataset.range(len(self)).map_with_index(read)

    def __repr__(self) -> str:
        plan, cut = self._batches.plan, self._batches
        return (
            f"Loader({self._source!r}, batch_size={cut.batch_size}, seed={plan.seed}, "
            f"shuffle={plan.shuffle}, remainder={cut.remainder!r}): {len(self)} batches an epoch"
        )

    def _iterate(self, epoch: int) -> Iterator[Batch]:
        # Grain counts elements, which are batches here. More than threads, so that none is idle.
        buffer = self._threads + self._prefetch if self._threads else 0
        options = grain.ReadOptions(num_threads=self._threads, prefetch_buffer_size=buffer)
        host = iter(self.dataset(epoch).to_iter_dataset(options))
        try:
            if self._device is False:
                yield from host
            else:
                yield from ahead(host, copier(self._device), self._prefetch)
        finally:
            host.close()  # after `ahead` has ended, which still reads from it


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One epoch of a loader: can be looped over again, and has a length."""

    loader: Loader
    number: int

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        return self.loader._iterate(self.number)  # noqa: SLF001 - two halves of one thing


@dataclasses.dataclass(frozen=True)
class _ReadBatch:
    """Batch number -> batch; a class and no closure, so that worker processes can have it."""

    source: ImageSource
    batches: Batches
    first: int

    def __call__(self, number: int, _: Any) -> Batch:
        rows, visits, valid = self.batches(self.first + number)
        batch = self.source.read(rows)
        batch["visit"] = visits
        if valid is not None:
            batch["valid"] = valid
        return batch


def _processors() -> int:
    """Processors that this process may use, at most 8: more only wait for each other."""
    affinity = getattr(os, "sched_getaffinity", None)  # knows about containers; Linux only
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, 8)
