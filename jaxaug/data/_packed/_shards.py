"""ArrayRecord files that are either there as a whole or not at all."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxaug._types import JaxaugError
from jaxaug.data._packed._sidecar import Shard, checksum, records

# One record in each group: any one is read alone. Images are compressed already.
_OPTIONS = "group_size:1,uncompressed"


class ShardWriter:
    """Writes records to one file after the other, and looks at each when it is finished.

    Args:
        folder: Where to.
        max_bytes: Size at which the next file is begun, if it is not said with each record.

    Attributes:
        shards: The files finished.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._writer: Any = None
        self._group = self._count = self._bytes = 0
        self.shards: list[Shard] = []

    def write(self, record: bytes, group: int | None = None) -> None:
        """Writes a record; to the next file if `group`, ascending, is another than before.

        Raises:
            JaxaugError: If it cannot be written.
        """
        full = self._bytes + len(record) > self._max_bytes
        if self._writer and (full if group is None else group != self._group):
            self.finish()
        with self._named():
            self._writer = self._writer or _writer(self._path)
            self._writer.write(record)
        self._group, self._count = group or 0, self._count + 1
        self._bytes += len(record)

    def finish(self) -> None:
        """Completes the last file.

        Raises:
            JaxaugError: If it does not hold what was written.
        """
        path, count = self._path, self._count
        with self._named():
            self._writer.close()  # what did not fit on the disk shows here
            if records(path) != count:
                raise OSError(f"{records(path)} records where {count} were written")
            sync(path)
            self.shards.append(Shard(path.name, count, path.stat().st_size, checksum(path)))
        self._writer, self._count, self._bytes = None, 0, 0

    @property
    def _path(self) -> Path:
        return self._folder / f"{len(self.shards)}.arrayrecord"

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # ArrayRecord raises the latter
            want, remedy = f"to write to {str(self._path)!r}", "Is the disk full?"
            raise JaxaugError("pack", want, str(error), remedy) from error


def _writer(path: Path) -> Any:
    try:
        from array_record.python.array_record_module import (  # noqa: PLC0415 - not on Windows
            ArrayRecordWriter,
        )
    except ImportError as error:
        raise OSError(f"no array_record ({error})") from error
    return ArrayRecordWriter(str(path), _OPTIONS)


def name(stem: str, number: int, count: int) -> str:
    """What a shard is called."""
    return f"{stem}-{number:05}-of-{count:05}.arrayrecord"


def present(sidecar: Path, stem: str) -> list[Path]:
    """What there is of an earlier pack of that name."""
    pattern = re.compile(re.escape(stem) + r"-\d{5,}-of-\d{5,}\.arrayrecord")
    found = sidecar.parent.iterdir() if sidecar.parent.is_dir() else ()
    return sorted(p for p in found if p == sidecar or pattern.fullmatch(p.name))


def publish(
    folder: Path, names: Mapping[str, str], text: str, sidecar: Path, old: Sequence[Path]
) -> None:
    """Gives finished files their names; a sidecar is never beside other shards than its own.

    Args:
        folder: Where the files are.
        names: New name of each.
        text: Of the sidecar.
        sidecar: Its path; the shards come to lie beside it.
        old: Files to be replaced or removed.
    """
    draft = folder / "sidecar"
    draft.write_text(text, encoding="ascii")
    sync(draft)
    sidecar.unlink(missing_ok=True)
    done: list[Path] = []
    try:
        for present_name, new_name in names.items():
            done.append(sidecar.parent / new_name)
            (folder / present_name).replace(done[-1])
        sync(sidecar.parent)
        draft.replace(sidecar)
        sync(sidecar.parent)
    except BaseException:
        for path in (*done, sidecar):
            path.unlink(missing_ok=True)
        raise
    for path in old:
        if path not in (*done, sidecar):
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
