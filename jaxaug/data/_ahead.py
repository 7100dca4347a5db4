"""Working ahead of the consumer in one background thread."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def ahead(
    items: Iterator[In], function: Callable[[In], Out], depth: int
) -> Generator[Out, None, None]:
    """Yields `function(item)` for each item, up to `depth` of them computed in advance.

    Items are drawn and the function runs in one thread, in order. It ends with the generator:
    when the items end, when one raises (the error is raised here too), or when the consumer stops
    in the middle. A pool, rather than a daemon thread, because Python joins pools before it tears
    down the interpreter: a daemon may be inside the device's runtime at that moment, and crash it.

    Args:
        items: What to work on; None may not be among them.
        function: What to do with each.
        depth: How many results may wait; 0 works in the caller's thread.
    """
    if depth == 0:
        yield from map(function, items)
        return

    def work() -> Out | None:
        item = next(items, None)
        return None if item is None else function(item)

    pool = ThreadPoolExecutor(1, thread_name_prefix="jaxaug-ahead")
    waiting = deque(pool.submit(work) for _ in range(depth))
    try:
        while (result := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(work))
            yield result
    finally:
        # Not shutdown(cancel_futures=True): that fails when a generator left in a global variable
        # is closed by the end of the interpreter.
        for future in waiting:
            future.cancel()
        pool.shutdown()
