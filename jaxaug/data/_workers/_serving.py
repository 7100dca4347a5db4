"""What happens inside a worker process."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from jaxaug.data._workers._messages import Message, pack, receive, send, unpack

_noted = ctypes.c_int64(-1)  # in a worker, this is memory that the parent reads


def note(index: int) -> None:
    """Remembers which element of its item a worker is at, to name it should the worker die.

    Call it before each element, such as each file of a batch. Outside of workers it does nothing.

    Args:
        index: The element is `item[index]`, or whatever `name(item, index)` makes of it.
    """
    _noted.value = index


def serve(pipe: socket.socket, noted: Any) -> None:
    """Greets, takes the function, then answers item by item until the pipe is closed.

    Every answer is `(True, result)` or `(False, (cause, noted index, traceback))`.

    Args:
        pipe: Where messages come from and go to.
        noted: An integer in shared memory: which element is worked on, -1 if that is not known.
    """
    global _noted  # noqa: PLW0603 - the process is ours
    _noted = noted
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    loaded: list[Callable[[Any], Any]] = []
    with contextlib.suppress(EOFError, OSError):
        send(pipe, pack((True, None)))
        message = receive(pipe)
        _end_with_parent()
        send(pipe, _answer(loaded.append, message))
        while True:
            send(pipe, _answer(loaded[0], receive(pipe)))


def error_text(error: BaseException) -> str:
    """Type and text of an error, even of one that cannot print itself."""
    return "".join(traceback.format_exception_only(error)).strip()


def _answer(function: Callable[[Any], Any], message: Message) -> Message:
    doing = "raised"
    try:
        result = function(unpack(message))
        note(-1)
        doing = "gave a result that does not pickle:"
        return pack((True, result))
    except BaseException as error:  # noqa: BLE001 - SystemExit too: the parent must hear of it
        # As texts: what the error itself would do when it is pickled, nobody knows.
        details = "".join(traceback.format_exception(error))
        return pack((False, (f"{doing} {error_text(error)}", _noted.value, details)))


def _end_with_parent() -> None:
    """Has this process killed when its parent is gone, whatever it is doing at that time.

    With the parent its end of a pipe goes. Linux's kernel kills the owner of the other end then.
    (The better known PR_SET_PDEATHSIG kills when the *thread* ends that started this process.)
    Elsewhere a thread does it, though not while other code holds Python's lock.

    To be called only when the parent has written all it ever will into that pipe, because the
    kernel would take that for its end: so once the parent has sent something by other means.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - Windows has none

        end = parent.sentinel
        fcntl.fcntl(end, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_ASYNC)
        if not parent.is_alive():  # since before the kernel was told
            os._exit(1)
    else:
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
