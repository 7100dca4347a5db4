"""A long list of paths in little memory."""

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from os import fsdecode, fsencode

import numpy as np


class Paths:
    """Paths as one block of bytes and the offsets of their ends: 8 bytes each beyond their text.

    A million strings are a million objects that every worker process would copy one by one; this is
    two. Bytes that are not UTF-8 come back as they were.

    Example:
        >>> paths = Paths(["cat/1.jpg", "dog/2.jpg"])
        >>> len(paths), paths[1]
        (2, 'dog/2.jpg')
    """

    __slots__ = ("_blob", "_ends")

    def __init__(self, paths: Sequence[str]) -> None:
        encoded = [fsencode(path) for path in paths]
        self._blob = b"".join(encoded)
        self._ends = np.fromiter(accumulate(map(len, encoded)), np.int64, len(encoded))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        return fsdecode(self._blob[start : self._ends[number]])

    def digest(self) -> str:
        """A hash of all of them, in their order."""
        state = hashlib.blake2b(self._blob, digest_size=16)
        state.update(self._ends.data)
        return state.hexdigest()
