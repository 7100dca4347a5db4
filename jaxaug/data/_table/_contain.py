"""Which files of a list are there, and which names would lead out of their root.

A table of file names comes from somewhere else. Joined to a folder without a look,
`../../etc/passwd` is a file name like any other: this module is the look.
"""

import os
import re
import stat
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

FOUND, ABSENT, OUTSIDE = range(3)
"""A regular file; no such file; a name that leads out of the root, or is not a relative path."""

# What ends a path early in C, a separator elsewhere, a URL, an absolute path, a drive.
_FOREIGN = re.compile(r"\0|\\|://|^/|^[A-Za-z]:")
_FEW = 16  # names of a folder looked up one by one before it is listed


def look_up(names: Sequence[str], folder: str, *, contained: bool) -> NDArray[np.uint8]:
    """Says of each name what there is below `folder`.

    Names are taken literally, with "/" between their parts. No file is opened, and nothing outside
    is listed. A folder's own place is resolved once, a file's only if it is a link, so that ten
    million names take seconds. What happens to links afterwards is not seen.

    Args:
        names: Paths, relative to `folder`; or absolute ones, if not `contained`.
        folder: An absolute path.
        contained: Whether names must be relative and stay below `folder`, links followed.

    Returns:
        uint8 (n,): FOUND, ABSENT or OUTSIDE. What is OUTSIDE may or may not exist.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pathlib.Path(root, "a.jpg").touch()
        ...     look_up(["a.jpg", "b.jpg", "../a.jpg"], root, contained=True).tolist()
        [0, 1, 2]
    """
    folders = _Folders(folder, os.path.realpath(folder) if contained else None)
    codes = (folders[name[: (cut := name.rfind("/") + 1)]][name[cut:]] for name in names)
    return np.fromiter(codes, np.uint8, len(names))


class _Folders(dict[str, "_Folder"]):
    """Folders by what names begin with, up to the last "/", each looked at when first asked for."""

    def __init__(self, root: str, real: str | None) -> None:
        super().__init__()
        self._root, self._real = root, real

    def __missing__(self, head: str) -> "_Folder":
        path = os.path.join(self._root or "/", head)  # noqa: PTH118 - as text
        outside = bool(self._real) and (_foreign(head) or not _below(self._real, path))
        found = self[head] = _Folder(path, self._real, at_root=not head, outside=outside)
        return found


class _Folder(dict[str, int]):
    """What there is by name: looked up one by one at first, then by a listing.

    A name that is not in the listing is still asked for. Some file systems know a file by more than
    one name (upper and lower case, two forms of an accent), and some folders cannot be listed.
    """

    def __init__(self, path: str, real: str | None, *, at_root: bool, outside: bool) -> None:
        super().__init__()
        self._path, self._real = path, real
        self._at_root, self._outside, self._gone = at_root, outside, False

    def __missing__(self, name: str) -> int:
        if len(self) == _FEW and not self._outside:
            self._list()
        if name not in self:
            self[name] = self._look(name)
        return self[name]

    def _list(self) -> None:
        try:
            with os.scandir(self._path) as entries:
                self.update(
                    (entry.name, FOUND)
                    for entry in entries
                    if entry.is_file(follow_symlinks=False) and not _FOREIGN.search(entry.name)
                )
        except (FileNotFoundError, NotADirectoryError):
            self._gone = True  # a disk that is not there has millions of absent files
        except (OSError, ValueError):
            pass

    def _look(self, name: str) -> int:
        if self._outside or (self._real and _foreign(name if self._at_root else f"./{name}")):
            return OUTSIDE
        if self._gone:
            return ABSENT
        path = os.path.join(self._path, name)  # noqa: PTH118 - as text
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if self._real and not _below(self._real, path):
                    return OUTSIDE
                mode = os.stat(path).st_mode  # noqa: PTH116 - as text
        except (OSError, ValueError):  # ValueError: the name holds a zero byte
            return ABSENT
        return FOUND if stat.S_ISREG(mode) else ABSENT


def _foreign(name: str) -> bool:
    """Whether a relative path is none, or goes above where it starts, read as text alone."""
    parts = PurePath(os.path.normpath(name)).parts
    return bool(_FOREIGN.search(name)) or parts[:1] == ("..",)


def _below(real: str, path: str) -> bool:
    """Whether a path lies in the folder `real`, links followed."""
    try:
        # Not `startswith`: "/data/root2" begins with "/data/root".
        return os.path.commonpath([real, os.path.realpath(path)]) == real
    except ValueError:  # no bytes stand for this text; on Windows, another drive
        return False
