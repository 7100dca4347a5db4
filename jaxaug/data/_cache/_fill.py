"""Decoding many records, once."""

from collections.abc import Callable, Generator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from jaxaug.data._cache._cachefile import record_bytes
from jaxaug.data._parallel import in_order, processors
from jaxaug.data._reader import Arrays, Faults, Reader

_CHUNK = 16  # records decoded at a time by one thread: what an interruption has to wait for
_CHUNK_BYTES = 1 << 22  # 2 chunks a thread are in memory: half a gigabyte with 64 of them


def fill(
    origin: Reader,
    identities: NDArray[np.uint32],
    put: Callable[[int, Arrays], None],
    label: str,
    *,
    progress: bool,
) -> Faults:
    """Decodes records with all processors, and hands them on in order.

    Args:
        origin: What decodes them.
        identities: uint32 (n,), those of the records.
        put: `put(start, arrays)` takes the next ones, from place `start` on.
        label: What to call it while it goes on.
        progress: Whether to show how far it is.

    Returns:
        Places of the records that could not be read, and why.
    """
    faults: Faults = []
    count = len(identities)
    with (
        closing(_decoded(origin, identities)) as chunks,
        tqdm(total=count, desc=label, unit=" images", disable=not progress) as bar,
    ):
        for start, (arrays, wrong) in chunks:
            put(start, arrays)
            faults += [(start + place, error) for place, error in wrong]
            bar.update(len(arrays["image"]))
    return faults


def _decoded(
    origin: Reader, identities: NDArray[np.uint32]
) -> Generator[tuple[int, tuple[Arrays, Faults]], None, None]:
    """Records in chunks, in order, decoded by as many threads as there are processors."""
    each = sum(record_bytes(*spec) for spec in origin.spec.values())
    size = max(1, min(_CHUNK, _CHUNK_BYTES // each))

    def read(start: int) -> tuple[Arrays, Faults]:
        return origin.read(origin.jobs(identities[start : start + size]))

    starts = range(0, len(identities), size)
    with closing(in_order(read, starts, processors(), "cache")) as parts:
        yield from zip(starts, parts, strict=True)
