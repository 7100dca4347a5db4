"""Images read by threads, and the next ones before they are asked for."""

import functools
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug.data._parallel import processors
from jaxaug.data._reader import Arrays, Faults

BATCHES = 3
"""How many are read ahead. As all threads work on each, more would only take memory."""

_THREADS = min(processors(), 8)  # more only wait for each other
_BYTES = _THREADS << 24  # read ahead: an ending program waits until its threads are done with it
_PIECE = 4  # images; a thread's turn should cost more than handing it over

Pieces = list[Future[NDArray[Any]]]
Jobs = Sequence[Any] | NDArray[Any]
Read = Callable[[Jobs], tuple[Arrays, Faults]]


class ReadAhead:
    """Reads images in threads, and those that follow, without waiting to be asked for them.

    It begins to look ahead when two requests came in order, so that rows in no order cost nothing
    more. Requests are known by what is to be read: these are the same images, whichever epoch it
    is. So what is read ahead can only be early or in vain, never wrong. Threads end with the
    object.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._process = os.getpid()
        self._pending: dict[Any, Pieces] = {}
        self._next: Any = None

    def __call__(self, read: Read, jobs: Jobs, following: Sequence[Jobs]) -> NDArray[Any]:
        """Returns images (b, h, w, c).

        Args:
            read: As that of a `Reader`.
            jobs: What it is to read, b of them.
            following: What the next batches will be, as far as they are known.

        Raises:
            DecodeError: If a file cannot be read as an image.
        """
        if self._process != os.getpid():  # forked: without the threads of its parent
            self._start()
        key = _key(jobs)
        with self._lock:
            pool = self._running()
            pieces = self._pending.pop(key, None)
            in_order = pieces is not None or key == self._next
            pieces = pieces or _submit(pool, read, jobs)
            if following:
                self._next = _key(following[0])
                room = _room(read, len(jobs)) if in_order else 0
                for each in following[:room]:
                    if (wanted := _key(each)) not in self._pending:
                        self._pending[wanted] = _submit(pool, read, each)
                # Threads may ask a little out of order; what nobody asked for is the oldest.
                while len(self._pending) > 2 * room:
                    _cancel(self._pending.pop(next(iter(self._pending))))
        found = [piece.result() for piece in pieces]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _running(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="jaxaug-files")
            end = functools.partial(self._pool.shutdown, wait=False, cancel_futures=True)
            weakref.finalize(self, end).atexit = False  # Python has ended all pools by then
        return self._pool


def _key(jobs: Jobs) -> Any:
    return jobs.tobytes() if isinstance(jobs, np.ndarray) else tuple(jobs)


def _room(read: Any, size: int) -> int:
    """How many batches of this size to read ahead."""
    spec = getattr(read, "spec", None)
    image = spec["image"] if spec else None
    volume = size * int(np.prod(image.shape)) * image.dtype.itemsize if image else 0
    return min(BATCHES, _BYTES // max(volume, 1))


def _submit(pool: ThreadPoolExecutor, read: Read, jobs: Jobs) -> Pieces:
    count = max(1, min(_THREADS, -(-len(jobs) // _PIECE)))
    ends = [len(jobs) * k // count for k in range(count + 1)]
    return [pool.submit(_read, read, jobs[k:m]) for k, m in itertools.pairwise(ends)]


def _read(read: Read, jobs: Jobs) -> NDArray[Any]:
    arrays, faults = read(jobs)
    if faults:
        raise faults[0][1]
    return arrays["image"]


def _cancel(pieces: Pieces) -> None:
    for piece in pieces:
        piece.cancel()
