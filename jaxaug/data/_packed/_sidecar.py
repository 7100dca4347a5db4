"""What stands beside the shards of a packed dataset: labels, names, options and checksums."""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._columns import Column, Numbers
from jaxaug.data._packed import _stored
from jaxaug.data._paths import Paths

FORMAT = "jaxaug.pack"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of records.

    Attributes:
        name: Of the file, in the folder of the sidecar.
        count: Records in it.
        bytes: Its size.
        blake2b: Checksum of 32 bytes, in hexadecimal.
    """

    name: str
    count: int
    bytes: int
    blake2b: str


@dataclasses.dataclass(frozen=True)
class Pack:
    """A packed dataset, without its records.

    Attributes:
        path: What `pack` was given, absolute and without ".json".
        files: The shards, in the order of their records.
        keys: Name of each record.
        columns: Labels and others, by name.
        echo: Whether the image is the label.
        mask: Whether records have masks.
        options: How the source packed decoded its images: arguments of `Decoder`.
        skipped: Records left out: key, stage, error and reason of each.
        index: uint32 (n,), identity of each record; None if that is its number.
    """

    path: str
    files: Sequence[Shard]
    keys: Sequence[str]
    columns: dict[str, Column]
    echo: bool
    mask: bool
    options: dict[str, Any]
    skipped: Sequence[dict[str, str]]
    index: NDArray[np.uint32] | None = None

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.keys)

    def dump(self) -> str:
        """The sidecar's text."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "count": self.count,
            "shards": [dataclasses.asdict(shard) for shard in self.files],
            "options": self.options,
            "echo": self.echo,
            "mask": self.mask,
            "skipped": list(self.skipped),
            "columns": {name: _stored.describe(column) for name, column in self.columns.items()},
            "keys": list(self.keys),
            "keys_digest": Paths(self.keys).digest(),
            "index": None if self.index is None else _stored.describe(Numbers(self.index)),
        }
        return json.dumps(document, indent=1) + "\n"

    def shards(self, *, verify: bool, progress: bool) -> list[str]:
        """Paths of the shards, after a look at their sizes and numbers of records.

        Args:
            verify: Whether to read them and compare their checksums, too.
            progress: Whether to show how far that is.

        Raises:
            JaxaugError: If one is not as it was written.
        """
        folder = Path(self.path).parent
        paths = [folder / shard.name for shard in self.files]
        for path, shard in zip(paths, self.files, strict=True):
            size = path.stat().st_size if path.is_file() else None
            # ArrayRecord opens files that were not closed, with 0 records, without a word.
            if size != shard.bytes or records(path) != shard.count:
                got = "no such file" if size is None else f"{size} bytes, {records(path)} records"
                want = f"{str(path)!r} with {shard.bytes} bytes, {shard.count} records"
                raise JaxaugError("from_packed", want, got, "Copy or pack it again.")
        if verify:
            for path, shard in tqdm(
                list(zip(paths, self.files, strict=True)),
                desc="verify",
                unit="shards",
                disable=not progress,
            ):
                if checksum(path) != shard.blake2b:
                    want = f"{str(path)!r} as it was written"
                    remedy = "Copy or pack it again."
                    raise JaxaugError("from_packed", want, "another checksum", remedy)
        return [str(path) for path in paths]


def place(who: str, path: str | os.PathLike[str]) -> Path:
    """The absolute path of what a user calls the pack, without ".json"; shards lie beside it.

    Raises:
        JaxaugError: If it is no path, or has no name at its end.
    """
    text = _check.path(who, "path", path).removesuffix(".json")
    if os.path.basename(text) in ("", ".", ".."):  # noqa: PTH119 - Path would drop the end of "out/"
        remedy = "Pass one such as 'packed/train'."
        raise JaxaugError(who, "path to end in a name for the files", repr(path), remedy)
    return Path(text).absolute()


def beside(base: Path) -> Path:
    """The sidecar's path."""
    return base.with_name(f"{base.name}.json")


def load(path: str | os.PathLike[str]) -> Pack:
    """Reads a sidecar.

    Raises:
        FileNotFoundError: If there is none.
        JaxaugError: If it is of another version, damaged, or no sidecar at all.
    """
    base = place("from_packed", path)
    file = beside(base)
    if not file.is_file():
        raise FileNotFoundError(
            f"from_packed: expected {str(file)!r}, got no such file. Pack the source again, if "
            "packing was interrupted."
        )
    try:
        document = json.loads(file.read_bytes())
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise ValueError(f"format {document['format']!r}, version {document['version']}")  # noqa: TRY301
        pack = Pack(
            path=str(base),
            files=[Shard(**each) for each in document["shards"]],
            keys=document["keys"],
            columns={name: _stored.restore(d) for name, d in document["columns"].items()},
            echo=document["echo"],
            mask=document["mask"],
            options=document["options"],
            skipped=document["skipped"],
            index=_index(document.get("index")),
        )
        _compare(pack, document)
    except (ValueError, KeyError, TypeError, LookupError) as error:
        want = f"{str(file)!r} to be a sidecar of version {VERSION}, written by pack"
        got = f"{type(error).__name__}: {error}"
        raise JaxaugError("from_packed", want, got, "Copy or pack it again.") from error
    return pack


def _index(document: dict[str, Any] | None) -> NDArray[np.uint32] | None:
    return None if document is None else _stored.restore(document).parts()[0]


def _compare(pack: Pack, document: dict[str, Any]) -> None:
    if Paths(pack.keys).digest() != document["keys_digest"]:
        raise ValueError("names with another checksum")
    if not pack.count == document["count"] == sum(shard.count for shard in pack.files):
        raise ValueError("counts that do not agree")
    if pack.index is not None and len(np.unique(pack.index)) != pack.count:
        raise ValueError("identities that are not as many, or not different")
    for shard in pack.files:  # the sidecar may come from anywhere
        if shard.name != Path(shard.name).name:
            raise ValueError(f"a shard outside its folder, {shard.name!r}")


def records(path: Path) -> int:
    """Number of records in a shard; 0 if it is damaged, or was not closed."""
    from array_record.python.array_record_module import (  # noqa: PLC0415 - not on Windows
        ArrayRecordReader,
    )

    reader = ArrayRecordReader(str(path))
    count = reader.num_records()
    with contextlib.suppress(RuntimeError):  # of a damaged file, which has no records
        reader.close()
    return count


def checksum(path: Path) -> str:
    """BLAKE2b of a file's contents, 32 bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()
