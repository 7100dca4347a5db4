"""One record of a packed dataset as bytes, described by itself, and back.

A record is the four bytes `JXA1`, the length of the header as a little-endian uint32, the header,
and then the files, one after the other. The header is JSON in ASCII:

    {"key": "cat/1.jpg", "fields": {"label": "cat"}, "files": {"image": 5120, "mask": 812}}

where `files` are the lengths of encoded files, in their order.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

_MAGIC = b"JXA1"
_START = struct.Struct("<4sI")


def dump(key: str, fields: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Returns a record.

    Args:
        key: The record's name. Bytes that are not UTF-8 are kept, as surrogate escapes.
        fields: Its labels and other columns, as JSON has them.
        files: Encoded files by name.
    """
    sizes = {name: len(file) for name, file in files.items()}
    text = json.dumps({"key": key, "fields": dict(fields), "files": sizes}, separators=(",", ":"))
    header = text.encode("ascii")
    return b"".join((_START.pack(_MAGIC, len(header)), header, *files.values()))


def load(record: bytes) -> dict[str, Any]:
    """Returns what is in a record: its fields, its files as bytes, and `key`.

    Raises:
        ValueError: If it is no such record, or cut short.

    Example:
        >>> load(dump("cat/1.png", {"label": "cat"}, {"image": b"..."}))
        {'key': 'cat/1.png', 'label': 'cat', 'image': b'...'}
    """
    if len(record) < _START.size or not record.startswith(_MAGIC):
        raise ValueError(f"not a packed record: begins with {record[:8]!r}")
    place = _START.size + _START.unpack_from(record)[1]
    header = json.loads(record[_START.size : place])
    sizes = header["files"]
    if place + sum(sizes.values()) != len(record):
        raise ValueError(f"{len(record)} bytes where {place + sum(sizes.values())} were expected")
    files = {}
    for name, size in sizes.items():
        files[name] = record[place : place + size]
        place += size
    return {"key": header["key"], **header["fields"], **files}
