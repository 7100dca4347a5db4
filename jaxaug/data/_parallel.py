"""Work for all processors, its results in order."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # knows about containers; Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_order(
    function: Callable[[In], Out], items: Iterable[In], threads: int, name: str
) -> Generator[Out, None, None]:
    """Yields `function(item)` for each item, computed by threads, two items each ahead.

    It goes no further ahead than that: a slow consumer must not fill the memory.
    """
    waiting: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix=f"jaxaug-{name}") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
