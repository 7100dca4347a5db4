"""What was found out about a dataset: for people, as JSON, and as a manifest to compare with."""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._cache._part import Part
from jaxaug.data._faults import Fault
from jaxaug.data._paths import Paths

SEEN = np.dtype(
    [("bytes", "<i8", 2), ("file", "u1", (2, 16)), ("pixels", "u1", (2, 16)), ("size", "<i4", 2)]
)
"""What is kept of a record. Of image and mask each: the bytes of the file, -1 if it was not read,
and hashes of the file and of the pixels, 0 if they were not. (height, width) of the picture."""

_FORMAT = {"format": "jaxaug.manifest", "version": 1}
_SHOWN = 10  # entries of a list that are printed
_KINDS = {"record": "the same record", "bytes": "equal bytes", "pixels": "equal pixels"}


@dataclasses.dataclass(frozen=True)
class Copy:
    """A record that is there more than once.

    Attributes:
        source: Which source it is in, counted from 0.
        index: Its identity.
        path: Its file, or what stands for it.
        label: Its label, with the names of classes; None if there is none.
    """

    source: int
    index: int
    path: str
    label: Any


@dataclasses.dataclass(frozen=True)
class Duplicate:
    """Records that are the same.

    Attributes:
        kind: "record": one record, in several parts of a source. "bytes": equal files, or arrays.
            "pixels": equal pictures in files that are not equal.
        leak: Whether they are in different sources.
        conflict: Whether their labels or their masks differ.
        copies: The records.
    """

    kind: str
    leak: bool
    conflict: bool
    copies: tuple[Copy, ...]


@dataclasses.dataclass(frozen=True)
class Change:
    """What differs from the manifest.

    Attributes:
        source: Which source, counted from 0.
        key: The record's name: its path below the root.
        what: "changed", "missing" (or not to be read) or "new".
    """

    source: int
    key: str
    what: str


@dataclasses.dataclass(frozen=True)
class SourceReport:
    """What is known of one source.

    Attributes:
        text: How it prints.
        faults: Records that cannot be used, by identity.
        heights: (smallest, median, largest) of the upright pictures in pixels; empty if there are
            none.
        widths: The same.
        smaller: How many pictures are smaller than `image_size`, in height or width.
        modes: Number of pictures by file format and mode of Pillow, such as "JPEG RGB".
        class_counts: Number of records of each class.
        missing_classes: Classes of this or another source that have no record here.
    """

    text: str
    faults: tuple[Fault, ...]
    heights: tuple[float, ...]
    widths: tuple[float, ...]
    smaller: int
    modes: dict[str, int]
    class_counts: dict[str, int]
    missing_classes: tuple[str, ...]


class Contents(NamedTuple):
    """Names of the records of one source, and an array of `SEEN` (n,)."""

    keys: Paths
    seen: NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Report:
    """What `check` has found. It prints as a table.

    Attributes:
        sources: What is known of each source.
        duplicates: Groups of equal records: those across sources first, then those in conflict.
        changes: What differs from the manifest, if there was one.
        contents: Sizes and hashes, by source.
    """

    sources: tuple[SourceReport, ...]
    duplicates: tuple[Duplicate, ...]
    changes: tuple[Change, ...]
    contents: tuple[Contents, ...] = dataclasses.field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether there are no faults, duplicates, missing classes or changes."""
        wrong = any(each.faults or each.missing_classes for each in self.sources)
        return not (wrong or self.duplicates or self.changes)

    def to_json(self) -> str:
        """All but the contents as JSON, in ASCII."""
        parts = {name: getattr(self, name) for name in ("sources", "duplicates", "changes")}
        plain = {name: [dataclasses.asdict(x) for x in part] for name, part in parts.items()}
        return json.dumps({"ok": self.ok} | plain)

    def write_manifest(self, path: str | os.PathLike[str]) -> None:
        """Writes sizes and hashes of all files that could be read, for `check(manifest=path)`.

        The first line describes the manifest. Each of the others is a record: the place of its
        source, its key, and for the image and maybe its mask the number of bytes and the
        BLAKE2b-128 of the file (`b2sum -l 128`), or of the array. The manifest is there as a whole
        or not at all.
        """
        path = _check.path("write_manifest", "path", path)
        lines = (f"{json.dumps(entry)}\n".encode() for entry in entries(self.contents))
        body = b"".join(lines)
        head = _FORMAT | {"sources": len(self.sources), "blake2b": digest(body).hex()}
        with Part(os.path.abspath(path), lambda: None) as part:  # noqa: PTH100 - any kind of path
            part.file.write(f"{json.dumps(head)}\n".encode() + body)
            part.file.flush()
            os.fsync(part.file.fileno())
            part.commit()

    def __str__(self) -> str:
        width = shutil.get_terminal_size().columns
        return "\n".join(_clip(line, width) for line in _lines(self))


def digest(data: Any) -> bytes:
    """BLAKE2b-128."""
    return hashlib.blake2b(data, digest_size=16).digest()


def entries(contents: Sequence[Contents]) -> Iterator[list[Any]]:
    """Of each record that could be read its source and key, and bytes and hash of its files."""
    for source, (keys, seen) in enumerate(contents):
        for number, row in enumerate(seen):
            there = np.flatnonzero(row["bytes"] >= 0)
            files = [[int(row["bytes"][k]), row["file"][k].tobytes().hex()] for k in there]
            if files:
                yield [source, keys[number], *files]


def read_manifest(path: str | os.PathLike[str], sources: int) -> list[list[Any]]:
    """The `entries` in a manifest.

    Raises:
        FileNotFoundError: If there is none.
        JaxaugError: If it is damaged, or is one of another number of sources.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - any kind of path
        first, body = file.readline(), file.read()
    try:
        head = json.loads(first)
        if not (_FORMAT.items() <= head.items() and head["blake2b"] == digest(body).hex()):
            raise ValueError("another format, or another checksum")  # noqa: TRY301
        found, count = [json.loads(line) for line in body.splitlines()], head["sources"]
    except (ValueError, KeyError, AttributeError) as error:
        want, got = "a manifest that write_manifest wrote", f"{os.fspath(path)!r} ({error})"
        raise JaxaugError("check", want, got, "Write it anew from intact data.") from error
    if count != sources:
        want, remedy = f"the {count} sources of the manifest", "Pass the same ones, in their order."
        raise JaxaugError("check", want, f"{sources}", remedy)
    return found


def _lines(report: Report) -> Iterator[str]:
    for number, source in enumerate(report.sources):
        yield f"[{number}] {source.text}"
        for name, sides in (("heights", source.heights), ("widths", source.widths)):
            if sides:
                yield f"  {name:9}{sides[0]:g} to {sides[2]:g} pixels, median {sides[1]:g}"
        if source.smaller:
            yield f"  smaller  {source.smaller} than image_size"
        yield f"  files    {_counts(source.modes)}"
        if source.class_counts:
            counts = {repr(name): count for name, count in source.class_counts.items()}
            yield f"  classes  {_counts(counts)}"
        if source.missing_classes:
            yield f"  missing  {', '.join(map(repr, source.missing_classes))}"
        yield f"  faults   {len(source.faults)}"
        yield from _some([f"{fault.path!r}: {fault.message}" for fault in source.faults])
    groups = report.duplicates
    leaks, conflicts = sum(each.leak for each in groups), sum(each.conflict for each in groups)
    said = f"{leaks} across sources, {conflicts} with conflicting labels"
    yield f"duplicates: {len(groups)} groups, {said}"
    for group in groups[:_SHOWN]:
        across = ", across sources" if group.leak else ""
        yield f"  {_KINDS[group.kind]}{across}{', conflicting labels' if group.conflict else ''}:"
        labels = ("" if each.label is None else f" {each.label!r}" for each in group.copies)
        copies = zip(group.copies, labels, strict=True)
        yield from _some([f"[{each.source}] {each.path!r}{label}" for each, label in copies])
    yield from _some([""] * len(groups))[_SHOWN:]
    if report.changes:
        yield f"changes since the manifest: {len(report.changes)}"
    yield from _some([f"{each.what} [{each.source}] {each.key!r}" for each in report.changes])


def _some(lines: Sequence[str]) -> list[str]:
    """The first of them, indented, and how many there are beyond."""
    more = [f"... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [f"    {line}" for line in (*lines[:_SHOWN], *more)]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _clip(line: str, width: int) -> str:
    """The line without its middle, if it is too long: names of files end in what matters."""
    side = max(width - 5, 2) // 2
    return line if len(line) <= width else f"{line[:side]} ... {line[-side:]}"
