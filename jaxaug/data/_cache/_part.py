"""Making a file that several processes want at the same time: one makes it, the others wait."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class Part:
    """A file in the making, beside the one it is to become.

    The lock is on this file itself, so that no other is left to tidy away. The system releases it
    when a process ends, however it ends; what a killed one leaves is emptied by the next. Where the
    file system knows no locks, everyone makes a file of his own, and the last one stays.

    Entering waits until nobody else is at work. By then the file wanted may be there: look again.
    Leaving without `commit` removes what was written.

    Args:
        path: The file that is wanted.
        waiting: Called if somebody else is at work.

    Attributes:
        file: What to write to, empty at first.
    """

    file: IO[bytes]

    def __init__(self, path: str, waiting: Callable[[], None]) -> None:
        self._path, self._name, self._waiting = path, f"{path}.part", waiting

    def __enter__(self) -> Self:
        while True:
            self.file = open(self._name, "r+b", opener=_create)
            self._locked = self._lock()
            if not self._locked:
                self._discard()
                self._name = f"{self._path}.{os.getpid()}-{os.urandom(4).hex()}.part"
                self.file = open(self._name, "xb")  # noqa: PTH123
                return self
            if self._ours():
                self.file.truncate(0)
                return self
            self.file.close()  # while we waited its owner has finished it, or removed it

    def __exit__(self, *_: object) -> None:
        if not self.file.closed:
            self._discard()

    def commit(self) -> None:
        """Makes it the file that was wanted, in one step.

        Raises:
            FileNotFoundError: If somebody has removed it.
        """
        if not self._locked:
            self.file.close()  # Windows renames no open file
        elif not self._ours():
            raise FileNotFoundError(2, "Removed while it was written", self._name)
        os.replace(self._name, self._path)  # noqa: PTH105 - a text, as all paths here
        self.file.close()

    def _lock(self) -> bool:
        """Waits for the lock; False if there are none here."""
        if fcntl is None:
            return False
        try:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._waiting()
                fcntl.flock(self.file, fcntl.LOCK_EX)
        except OSError:
            return False
        except BaseException:  # Ctrl-C while waiting
            self.file.close()
            raise
        return True

    def _ours(self) -> bool:
        """Whether the name still stands for the file that we have locked."""
        try:
            named = os.stat(self._name)  # noqa: PTH116
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self.file.fileno()))

    def _discard(self) -> None:
        ours = not self._locked or self._ours()
        if not self._locked:
            self._close()
        if ours:  # before a lock is released: the next owner's file has the same name
            with suppress(OSError):
                os.unlink(self._name)  # noqa: PTH108
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # closing writes what is in the buffer, and the disk may be full
            self.file.close()


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)
