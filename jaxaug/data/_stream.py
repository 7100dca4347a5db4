"""Batches on the host, read ahead by Grain's threads or by worker processes."""

import dataclasses
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

import grain
from absl import flags

from ._columns import Index
from ._faults import Fault, Ledger, Mend
from ._order._batches import Batches, Rows
from ._reader import Arrays, Faults
from ._source import ImageSource
from ._workers._pool import work

Batch = dict[str, Any]
Found = tuple[Batch, list[Fault]]


@dataclasses.dataclass(frozen=True)
class ReadBatch:
    """Batch number -> batch, and the faults in it; a class and no closure, so that it pickles."""

    source: ImageSource
    batches: Batches
    mend: Mend
    first: int = 0

    def __call__(self, number: int, _: Any = None) -> Found:
        rows, index, jobs = self.wanted(number)
        return self.finish(rows, index, *self.source.reader.read(jobs))

    def wanted(self, number: int) -> tuple[Rows, Index, Any]:
        """The rows of a batch, their identities, and what is to be read of them."""
        rows = self.batches(self.first + number)
        index = self.source.identities(rows.rows)
        return rows, index, self.source.reader.jobs(index)

    def finish(self, rows: Rows, index: Index, arrays: Arrays, faults: Faults) -> Found:
        """The batch of these rows, their pixels having been read."""
        batch = self.source.assemble(index, arrays)
        batch["visit"] = rows.visits
        return batch, self.mend(batch, rows, faults)


@dataclasses.dataclass(frozen=True)
class Deliver:
    """Enters the faults of a batch, and hands the batch on."""

    ledger: Ledger

    def __call__(self, found: Found) -> Batch:
        batch, faults = found
        self.ledger.add(faults)
        return batch


def dataset(read: ReadBatch, length: int) -> grain.MapDataset[Found]:
    """A Grain dataset of `length` batches that begins with number `read.first`."""
    # Directly on its source, Grain hands map_with_index the position over all repetitions.
    return grain.MapDataset.range(length).map_with_index(read)


def from_threads(
    read: ReadBatch, steps: range, threads: int, depth: int
) -> Generator[Found, None, None]:
    """Yields batches `read.first + step`, read by `threads` of Grain's threads."""
    # Grain counts elements, which are batches here. More than threads, so that none is idle.
    buffer = threads + depth if threads else 0
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=buffer)
    if not steps:
        return
    batches = dataset(read, steps.stop)[steps.start :].to_iter_dataset(options)
    with closing(iter(batches)) as host:
        yield from host


def from_workers(
    read: ReadBatch, steps: range, workers: int, depth: int, time_limit: float | None
) -> Generator[Found, None, None]:
    """Yields batches `read.first + step`, their images read by `workers` processes.

    A process is sent how to read, once, and what, for each batch: never the list of all records.
    """
    reader = read.source.reader
    pending: deque[tuple[Rows, Index]] = deque()

    def jobs() -> Iterator[Any]:
        for step in steps:
            rows, index, wanted = read.wanted(step)
            pending.append((rows, index))
            yield wanted

    results = work(
        reader.read,
        jobs(),
        workers=workers,
        depth=depth,
        time_limit=time_limit,
        name=reader.blame,
    )
    with closing(results):
        for arrays, faults in results:
            yield read.finish(*pending.popleft(), arrays, faults)


def allow_processes() -> None:
    """Lets Grain start worker processes in a program that does not parse Abseil's flags.

    Grain 0.2.18 reads a flag of its own in each of them, which fails in a plain script, a notebook
    or a test (google/grain issue 1355). A program that does parse its flags is left alone.
    """
    name = "grain_enable_multiprocess_worker_profiling"
    if name in flags.FLAGS and not flags.FLAGS.is_parsed():
        flags.FLAGS[name].present = True
