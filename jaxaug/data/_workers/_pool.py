"""Worker processes that end with their consumer, and whose end is never waited for.

For sources whose reading holds Python's lock (threads serve the others better) or may crash. The
workers are spawned: each imports the program's main module anew, so a script that uses them must
start its work under `if __name__ == "__main__":`.

Order and bounds: item `i` goes to worker `i % workers`, and results are taken from the workers in
turn, so they are in order without being sorted. A worker that has finished waits until its result
is taken; beyond that only requests queue up.

Why nobody waits for ever: a worker only ever receives, computes, or sends, in this order. The
parent receives with a time limit, and a death closes the pipe, or is seen within a second. It
sends in two cases only. Either the worker owes no result: then it does nothing but receive, so the
request is taken, whatever its size. Or all that the worker was sent and has not answered, this
request included, fits into the pipe's buffer: then sending does not wait, even while the worker
itself waits for its result to be taken.
"""

import contextlib
import itertools
import math
import multiprocessing
import numbers
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import connection, resource_tracker
from typing import Any, NamedTuple, TypeAlias, TypeVar

from jaxaug._types import JaxaugError, describe
from jaxaug.data import _check
from jaxaug.data._workers._messages import Message, pack, receive, send, unpack
from jaxaug.data._workers._serving import error_text, note, serve

__all__ = ["WorkerError", "element_name", "note", "work"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Name: TypeAlias = Callable[[Any, int | None], str]

# What users call, and messages begin with.
_WHO = "Loader"
_SPAWN = multiprocessing.get_context("spawn")
# For a worker to import what it needs, in seconds; a cold network disk can take minutes.
_START_LIMIT = 300.0
# For a killed process to be gone, in seconds. One that hangs in the kernel is left behind.
_END_LIMIT = 2.0
# Exit code of a worker whose main module starts workers itself.
_UNGUARDED = 79
# What a part of a message costs in the pipe's buffer beyond its bytes, its share of the header
# included, generously.
_PART_COST = 2048


class WorkerError(RuntimeError):
    """A worker process that did not finish what it was given.

    Attributes:
        cause: What became of it, such as "exited with code 0".
        item: What it was working on, in words.
        remedy: What to do about it, a sentence.
        details: The worker's traceback, if it raised.
    """

    def __init__(self, cause: str, item: str, remedy: str = "", details: str = "") -> None:
        super().__init__(cause, item, remedy, details)
        self.cause, self.item, self.remedy, self.details = cause, item, remedy, details

    def __str__(self) -> str:
        text = f"{_WHO}: expected a worker to finish {self.item}, got one that {self.cause}."
        text += f" {self.remedy}" if self.remedy else ""
        return f"{text}\n\nIn the worker:\n{self.details}" if self.details else text


def element_name(item: Any, index: int | None) -> str:
    """The `repr` of the element `item[index]`, or of the whole item if it is not known which."""
    text = repr(item if index is None else item[index])
    return text if len(text) <= 500 else f"{text[:497]}..."


def work(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    depth: int = 2,
    time_limit: float | None = None,
    name: Callable[[Item, int | None], str] = element_name,
) -> Generator[Result, None, None]:
    """Yields `function(item)` for each item, in order, computed by worker processes.

    Workers start with the first result asked for. They end when the generator does: exhausted,
    closed, forgotten, or by an error, and when this process ends, however it does.

    Args:
        function: Sent to each worker once; must pickle, as must items and results. Arrays in
            results arrive writable, in memory of their own.
        items: Best small, such as lists of paths: more than some 50 kB are not sent ahead.
        workers: How many processes, 1 or more.
        depth: How many items are handed out in advance, beyond one for each worker.
        time_limit: Seconds that one item may take, from when its result is waited for; None to
            wait as long as its worker lives.
        name: `name(item, index)` says in words what a worker failed at: the element last passed
            to `note`, or the whole item if `index` is None.

    Raises:
        TypeError, ValueError: If an argument is wrong.
        WorkerError: While iterating, if a worker raises, dies, or takes too long.

    Example:
        >>> list(work(abs, [-3, 4, -5], workers=1))
        [3, 4, 5]
    """
    _check.integer(_WHO, "workers", workers, 1)
    _check.integer(_WHO, "depth", depth, 0)
    if time_limit is not None and not _is_time(time_limit):
        remedy = "Pass a number such as 60.0, or None."
        raise JaxaugError(_WHO, "time_limit in 0..1e6 seconds", describe(time_limit), remedy)
    seconds = None if time_limit is None else float(time_limit)
    team = _team(workers, _pack("a function that pickles", function), seconds, name)
    return _results(team, iter(items), depth)


def _is_time(value: object) -> bool:
    return isinstance(value, numbers.Real) and 0 < float(value) <= 1e6


def _results(
    team: contextlib.AbstractContextManager[list["_Worker"]],
    items: Iterator[Any],
    ahead: int,
) -> Generator[Any, None, None]:
    with team as workers:
        asked = 0
        for taken in itertools.count():
            for item in itertools.islice(items, len(workers) + ahead - (asked - taken)):
                workers[asked % len(workers)].ask(item)
                asked += 1
            if taken == asked:
                return
            yield workers[taken % len(workers)].answer()


@contextlib.contextmanager
def _team(
    number: int, function: Message, time_limit: float | None, name: Name
) -> Generator[list["_Worker"], None, None]:
    """Workers, ready for work; none of them outlives the context."""
    if multiprocessing.current_process().daemon:
        remedy = "Use threads there, or start the workers from the main process."
        raise JaxaugError(_WHO, "a process that may start others", "a daemon", remedy)
    process, workers = os.getpid(), []
    try:
        for index in range(number):
            workers.append(_Worker(index, time_limit, name))  # noqa: PERF401 - to end those already started
        # In rounds, so that the workers' imports run side by side.
        for worker in workers:
            worker.receive(_START_LIMIT)
            worker.send(function, _START_LIMIT)
        for worker in workers:
            worker.receive(_START_LIMIT)
        yield workers
    finally:
        if os.getpid() == process:  # a fork of it has no say over our workers
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.bury()


class _Worker:
    """The parent's end of one worker."""

    def __init__(self, number: int, time_limit: float | None, name: Name) -> None:
        self._time_limit = time_limit
        self._name = name
        self._asked: deque[_Request] = deque()  # sent, not answered
        self._queue: deque[_Request] = deque()  # not sent yet
        self._noted = _SPAWN.RawValue("q", -1)
        self._pipe, theirs = socket.socketpair()
        # Linux takes a socket as full from a quarter of its buffer on. Half of that, as a margin.
        self._pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)  # or what is allowed
        self._room = self._pipe.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 8
        self._process = _SPAWN.Process(
            target=serve, args=(theirs, self._noted), name=f"jaxaug-worker-{number}", daemon=True
        )
        try:
            with theirs, _interrupts_held():
                self._process.start()
        except BaseException as error:
            self._pipe.close()
            if isinstance(error, RuntimeError) and _is_importing_main():
                raise SystemExit(_UNGUARDED) from None  # our parent says why, and says it once
            raise

    def ask(self, item: Any) -> None:
        """Hands out an item, at once or as soon as that cannot block."""
        self._queue.append(_Request(item, _pack("items that pickle", item)))
        self._send_queued()

    def answer(self) -> Any:
        """Waits for the result of the item that was handed out first."""
        result = self.receive(self._time_limit)
        self._asked.popleft()
        self._send_queued()
        return result

    def _send_queued(self) -> None:
        while self._queue:
            size = sum(request.size() for request in (*self._asked, self._queue[0]))
            if self._asked and size > self._room:
                return
            self._asked.append(self._queue.popleft())
            self.send(self._asked[-1].message, self._time_limit)

    def send(self, message: Message, time_limit: float | None) -> None:
        """Sends a message. If that fails, `receive` will say what happened, in its turn."""
        self._pipe.settimeout(time_limit)
        with contextlib.suppress(OSError):
            send(self._pipe, message)

    def receive(self, time_limit: float | None) -> Any:
        """Waits for an answer, and raises what went wrong if it is none."""
        try:
            message = self._wait(math.inf if time_limit is None else time_limit)
        except TimeoutError:
            remedy = "Look at what it reads, or raise time_limit."
            raise self._error(f"took longer than {time_limit:g} s", remedy) from None
        except (EOFError, OSError):
            raise self._death() from None
        try:
            fine, value = unpack(message)
        except Exception as error:
            cause = f"gave a result that does not unpickle: {error_text(error)}"
            raise self._error(cause, "Return arrays, numbers and text.") from error
        if fine:
            return value
        cause, noted, details = value
        raise self._error(cause, details=details, noted=noted)

    def _wait(self, seconds: float) -> Message:
        """The next message. The pipe closes when the worker dies, which ends the wait.

        It does not while a process is alive that the worker forked: hence the look every second.
        """
        end = time.monotonic() + seconds
        alive = True
        while alive and not connection.wait([self._pipe], max(0, min(1, end - time.monotonic()))):
            alive = self._process.is_alive()
            if alive and time.monotonic() >= end:
                raise TimeoutError
        # What a dead worker has sent is all here: nothing to wait for.
        self._pipe.settimeout((None if seconds == math.inf else seconds) if alive else 0)
        return receive(self._pipe)

    def _death(self) -> Exception:
        self._process.join(_END_LIMIT)
        code = self._process.exitcode
        if code == _UNGUARDED and not self._asked:
            expected = "a main module that starts nothing when it is imported, as workers do"
            remedy = 'Put what the script does under `if __name__ == "__main__":`.'
            return JaxaugError(_WHO, expected, "one that starts workers", remedy)
        if code is None:
            return self._error("closed its pipe", "Find what closes files it has not opened.")
        if code >= 0:
            remedy = "Find what ends the process there; it may have printed why."
            return self._error(f"exited with code {code}", remedy)
        names = {number.value: number.name for number in signal.Signals}
        remedy = (
            "That is what the system does when memory runs out: use fewer workers."
            if names.get(-code) == "SIGKILL"
            else "A library crashed: look at what it was reading."
        )
        return self._error(f"was killed by signal {-code} ({names.get(-code)})", remedy)

    def _error(
        self, cause: str, remedy: str = "", details: str = "", noted: int | None = None
    ) -> WorkerError:
        if not self._asked:
            remedy = remedy or "Workers import the function by its name: define it in a module."
            return WorkerError(cause, "its start", remedy, details)
        item = self._asked[0].item
        index = self._noted.value if noted is None else noted
        try:
            words = self._name(item, None if index < 0 else index)
        except Exception:  # noqa: BLE001 - nothing may hide the cause
            words = describe(item)
        return WorkerError(cause, words, remedy, details)

    def kill(self) -> None:
        """Ends the process at once; it has nothing to tidy up."""
        self._process.kill()

    def bury(self) -> None:
        """Frees what the system keeps for a process that has been killed."""
        self._pipe.close()
        self._process.join(_END_LIMIT)
        with contextlib.suppress(ValueError):  # still there: it hangs in the kernel
            self._process.close()


def _is_importing_main() -> bool:
    """Whether this is a worker still importing its main module; Python lets it start no others."""
    return sys.modules.get("__mp_main__") is not sys.modules["__main__"]


class _Request(NamedTuple):
    item: Any
    message: Message

    def size(self) -> int:
        """Bytes that the message takes in the pipe's buffer, roughly."""
        return sum(len(part) + _PART_COST for part in self.message)


def _pack(expected: str, value: Any) -> Message:
    try:
        return pack(value)
    except JaxaugError:  # it says what to do
        raise
    except Exception as error:
        remedy = "Use what a module defines, such as parse= by def and no lambda, without open "
        remedy += f"files or locks ({error_text(error)})."
        raise JaxaugError(_WHO, expected, describe(value), remedy) from error


@contextlib.contextmanager
def _interrupts_held() -> Generator[None, None, None]:
    """Makes processes deaf to Ctrl-C from their first moment: the parent decides what it means.

    A process inherits the signals that the thread which starts it holds back. Workers ignore this
    one soon; it is for the seconds of imports before.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Python starts it with the first process, and lets all signals through after that.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
