"""Decoded records in one memory-mapped file: its format, writing it and reading it.

    preamble    magic, version, where the head lies, checksum of preamble and head
    arrays      one after the other, as they are in memory, each at a multiple of 64 bytes
    checksums   uint32, one for each record over all its arrays
    head        JSON: fingerprint, arrays, records that could not be read, text for people

The head is last, because only then is known what could not be read. The preamble is written after
all else, so that a file without an end has no beginning either.
"""

import functools
import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._decode._decoder import DecodeError
from jaxaug.data._reader import Arrays, Faults, Spec

VERSION = 1
"""To be raised when the format changes, and also when decoding comes to give other pixels."""

_MAGIC = b"\x89JAXAUG\n"  # as in PNG: neither text nor valid UTF-8
_PREAMBLE = struct.Struct("<8sIQQ")  # magic, version, offset and length of the head
_CHECKSUM = struct.Struct("<I")
_ALIGNMENT = 64


class Layout:
    """Where everything lies in a file of `count` records.

    Attributes:
        offsets: First byte of each array, by name.
        checksums: First byte of the checksums.
        end: Where the head begins.
    """

    def __init__(self, spec: Mapping[str, Spec], count: int) -> None:
        self.spec, self.count = dict(spec), count
        self.offsets: dict[str, int] = {}
        place = _aligned(_PREAMBLE.size + _CHECKSUM.size)
        for name, (shape, dtype) in self.spec.items():
            self.offsets[name] = place
            place = _aligned(place + count * record_bytes(shape, dtype))
        self.checksums = place
        self.end = place + count * 4


class Writer:
    """Writes records into an empty file, with `write()`: a full disk is an error, not a signal."""

    def __init__(self, file: IO[bytes], spec: Mapping[str, Spec], count: int) -> None:
        self._file = file
        self._layout = Layout(spec, count)
        self._checksums = np.zeros(count, "<u4")

    def put(self, start: int, arrays: Arrays) -> None:
        """Writes the records from `start` on."""
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        for name, array in arrays.items():
            self._file.seek(self._layout.offsets[name] + start * array[0].nbytes)
            self._file.write(array.data)
        for place in range(len(arrays["image"])):
            self._checksums[start + place] = _checksum(arrays, place)

    def finish(self, fingerprint: str, faults: Faults, about: Mapping[str, str]) -> None:
        """Writes the rest, and waits until it has reached the disk."""
        layout, file, sums = self._layout, self._file, self._checksums
        arrays = {
            name: {"dtype": dtype.str, "shape": shape, "offset": layout.offsets[name]}
            for name, (shape, dtype) in layout.spec.items()
        }
        head = {
            "fingerprint": fingerprint,
            "about": dict(about),
            "count": layout.count,
            "arrays": arrays,
            "checksums": {"offset": layout.checksums, "crc32": zlib.crc32(sums.data)},
            "faults": [[place, *error.args] for place, error in faults],
        }
        text = json.dumps(head).encode()  # ASCII, odd bytes in paths included
        file.seek(layout.checksums)
        file.write(sums.data)
        file.write(text)
        preamble = _PREAMBLE.pack(_MAGIC, VERSION, layout.end, len(text))
        file.seek(0)
        file.write(preamble + _CHECKSUM.pack(zlib.crc32(preamble + text)))
        file.flush()
        os.fsync(file.fileno())


class CacheFile:
    """Records in a file, which is opened when the first is read. It pickles as its path.

    Each record's checksum is verified when it is first read in this process, in the copy that is
    handed out. A file that another program cuts short while it is in use is beyond any check: the
    operating system ends the process (SIGBUS).

    Args:
        path: The file, absolute.
        fingerprint: What it must have been made of.
    """

    def __init__(self, path: str, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint

    def __reduce__(self) -> Any:
        return type(self), (self._path, self._fingerprint)

    def open(self) -> Self:
        """Returns itself, its head having been checked and the file mapped.

        Raises:
            FileNotFoundError: If there is none.
            JaxaugError: If it is damaged, or was made of something else.
        """
        _ = self._mapped
        return self

    @property
    def faults(self) -> dict[int, DecodeError]:
        """Records that could not be read, by place."""
        return self._mapped.faults

    def read(self, places: NDArray[np.integer]) -> tuple[Arrays, Faults]:
        """Returns copies of the records at these places, and which of them could not be read.

        Raises:
            FileNotFoundError: If the file is gone.
            JaxaugError: If it is damaged.
        """
        mapped = self._mapped
        arrays, faults = gather(mapped.arrays, mapped.faults, places)
        for row in np.flatnonzero(~mapped.verified[places]).tolist():
            place = int(places[row])
            if _checksum(arrays, row) != mapped.checksums[place]:
                raise _damaged(self._path, f"wrong checksum of record {place}")
        mapped.verified[places] = True
        return arrays, faults

    @functools.cached_property
    def _mapped(self) -> "_Mapped":
        return _Mapped(self._path, self._fingerprint)


class _Mapped:
    """An open file.

    Attributes:
        arrays: Read-only, by name.
        checksums: uint32, of each record.
        verified: bool, whether a record's checksum was right already.
        faults: Records that could not be read, by place.
    """

    def __init__(self, path: str, fingerprint: str) -> None:
        with open(path, "rb") as file:  # noqa: PTH123 - a text, possibly with odd bytes
            head = _head(file, path)
            if head["fingerprint"] != fingerprint:
                raise _damaged(path, "made of other files or options")
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        count = head["count"]
        self.arrays = {
            name: _array(memory, each["dtype"], (count, *each["shape"]), each["offset"])
            for name, each in head["arrays"].items()
        }
        self.checksums = _array(memory, "<u4", (count,), head["checksums"]["offset"])
        if zlib.crc32(self.checksums.data) != head["checksums"]["crc32"]:
            raise _damaged(path, "wrong checksum of its checksums")
        self.verified = np.zeros(count, bool)
        self.faults = {place: DecodeError(*fields) for place, *fields in head["faults"]}


def gather(
    arrays: Arrays, faults: Mapping[int, DecodeError], places: NDArray[np.integer]
) -> tuple[Arrays, Faults]:
    """Copies of the records at these places, and which of them could not be read."""
    copies = {name: np.take(array, places, axis=0) for name, array in arrays.items()}
    if not faults:
        return copies, []
    found = [(row, faults[place]) for row, place in enumerate(places.tolist()) if place in faults]
    # New ones: an error that is raised again and again keeps every frame it went through.
    return copies, [(row, DecodeError(*error.args)) for row, error in found]


def record_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """How many bytes one record's array has."""
    return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize


def _head(file: IO[bytes], path: str) -> dict[str, Any]:
    """The head of a file that is complete; nothing behind the preamble is trusted before that."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(_PREAMBLE.size + _CHECKSUM.size)
    if len(start) < _PREAMBLE.size + _CHECKSUM.size:
        raise _damaged(path, f"{size} bytes")
    magic, version, offset, length = _PREAMBLE.unpack_from(start)
    if magic != _MAGIC:
        raise _damaged(path, f"begins with {magic!r}")
    if version != VERSION:
        raise _damaged(path, f"format {version} instead of {VERSION}")
    if offset + length != size:
        raise _damaged(path, f"{size} bytes instead of {offset + length}")
    file.seek(offset)
    text = file.read(length)
    if _CHECKSUM.unpack_from(start, _PREAMBLE.size)[0] != zlib.crc32(
        start[: _PREAMBLE.size] + text
    ):
        raise _damaged(path, "wrong checksum of its head")
    return json.loads(text)


def _array(memory: mmap.mmap, dtype: str, shape: tuple[int, ...], offset: int) -> NDArray[Any]:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(memory, dtype, count, offset).reshape(shape)


def _checksum(arrays: Arrays, row: int) -> int:
    value = 0
    for array in arrays.values():
        value = zlib.crc32(array[row].data, value)
    return value


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT


def _damaged(path: str, reason: str) -> JaxaugError:
    remedy = "Delete the file and run again: it is built anew."
    return JaxaugError("cached", "an intact cache file", f"{path!r} ({reason})", remedy)
