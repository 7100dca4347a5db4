"""Images read by threads, and the next ones before they are asked for."""

import functools
import os
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug.data._parallel import processors
from jaxaug.data._reader import Reader
from jaxaug.data._source import ImageSource

BATCHES = 3
"""How many are read ahead. As all threads work on each, more would only take memory."""

_THREADS = min(processors(), 8)  # more only wait for each other
_BYTES = _THREADS << 24  # read ahead: an ending program waits until its threads are done with it
_PIECE = 4  # images; a thread's turn should cost more than handing it over

Rows = NDArray[np.int64]
Pieces = list[Future[NDArray[Any]]]


class ReadAhead:
    """Reads rows in threads, and those that follow, without waiting to be asked for them.

    It begins to look ahead when two requests came in order, so that rows in no order cost nothing
    more. Requests are known by their rows: these are the same images, whichever epoch it is. So
    what is read ahead can only be early or in vain, never wrong. Threads end with the object.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0
        self._pending: dict[bytes, Pieces] = {}
        self._next = b""

    def __call__(self, source: ImageSource, rows: Rows, following: Sequence[Rows]) -> NDArray[Any]:
        """Returns images (b, h, w, c).

        Args:
            source: What to read from.
            rows: int64 (b,), not below 0.
            following: Rows of the next batches, as far as they are known.

        Raises:
            DecodeError: If a file cannot be read as an image.
        """
        key = rows.tobytes()
        with self._lock:
            pool = self._running()
            pieces = self._pending.pop(key, None)
            in_order = pieces is not None or key == self._next
            pieces = pieces or _submit(pool, source, rows)
            if following:
                self._next = following[0].tobytes()
                room = _room(source, len(rows)) if in_order else 0
                for each in following[:room]:
                    if (wanted := each.tobytes()) not in self._pending:
                        self._pending[wanted] = _submit(pool, source, each)
                # Threads may ask a little out of order; what nobody asked for is the oldest.
                while len(self._pending) > 2 * room:
                    _cancel(self._pending.pop(next(iter(self._pending))))
        found = [piece.result() for piece in pieces]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _running(self) -> ThreadPoolExecutor:
        """The threads; a process that was forked has none of those of its parent."""
        if self._pool is None or self._process != os.getpid():
            self._pending, self._process = {}, os.getpid()
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="jaxaug-files")
            end = functools.partial(self._pool.shutdown, wait=False, cancel_futures=True)
            weakref.finalize(self, end).atexit = False  # Python has ended all pools by then
        return self._pool


def _room(source: ImageSource, size: int) -> int:
    """How many batches of this size to read ahead."""
    image = source.reader.spec["image"]
    volume = size * int(np.prod(image.shape)) * image.dtype.itemsize
    return min(BATCHES, _BYTES // max(volume, 1))


def _submit(pool: ThreadPoolExecutor, source: ImageSource, rows: Rows) -> Pieces:
    count = max(1, min(_THREADS, -(-len(rows) // _PIECE)))
    parts = np.array_split(source.identities(np.asarray(rows)), count)
    return [pool.submit(_read, source.reader, part) for part in parts]


def _read(reader: Reader, index: NDArray[np.uint32]) -> NDArray[Any]:
    arrays, faults = reader.read(reader.jobs(index))
    if faults:
        raise faults[0][1]
    return arrays["image"]


def _cancel(pieces: Pieces) -> None:
    for piece in pieces:
        piece.cancel()
