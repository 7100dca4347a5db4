"""A source as a few large files: ArrayRecord shards and a sidecar."""

import contextlib
import dataclasses
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from jaxaug._types import JaxaugError, describe
from jaxaug.data import _check
from jaxaug.data._arrays import ArrayReader
from jaxaug.data._columns import Several
from jaxaug.data._decode._fault import DecodeError
from jaxaug.data._packed import _record, _shards, _sidecar, _stored
from jaxaug.data._parallel import in_order, processors
from jaxaug.data._reader import ReadImages
from jaxaug.data._source import ImageSource

_CHUNK = 32  # records that a thread prepares at once
_THREADS = 8  # at most; more wait for each other

Files = dict[str, bytes]
"""Encoded files by what they are: `image` and maybe `mask`."""
Encode = Callable[[NDArray[np.uint32]], Sequence[Files | DecodeError]]


class Packed(NamedTuple):
    """What `pack` has written.

    Attributes:
        paths: The shards, in the order of their records.
        skipped: Records left out: key, stage, error and reason of each.
    """

    paths: list[str]
    skipped: list[dict[str, str]]


def pack(
    source: ImageSource,
    path: str | os.PathLike[str],
    *,
    shards: int | None = None,
    max_shard_bytes: int = 1 << 30,
    on_error: str = "raise",
    overwrite: bool = False,
    progress: bool = True,
) -> Packed:
    """Writes a source as ArrayRecord files, for disks that are slow to open many small ones.

    Images in files are kept as they are, byte for byte, and not encoded again; each is decoded once
    to see that it can be. Arrays become PNG. `path` + "-00000-of-00002.arrayrecord" and so on hold
    them with their labels, and `path` + ".json" all labels and names, and checksums:
    `EncodedSource.from_packed(path)` opens it. Records keep their identity (`index`), so the parts
    of a split, each packed by itself, are augmented and told apart as before.

    All is written to a hidden folder beside `path` first, and only if everything went well renamed,
    the sidecar last. What kills the process leaves that folder (".name." and some letters), which
    can be deleted.

    Args:
        source: What to pack, its rows in their order; a part of a source will do.
        path: Where to, a name without an ending, such as "packed/train". Its folder is made if
            need be.
        shards: Number of files, of equally many records. If None, as few as `max_shard_bytes`
            allows.
        max_shard_bytes: Size at which the next file is begun.
        on_error: "raise" at the first image that cannot be read, or "skip" it and report it.
        overwrite: Whether to replace what `pack` has written there before.
        progress: Whether to show how far it is.

    Returns:
        The paths of the shards, and what was left out.

    Raises:
        DecodeError: If an image cannot be read.
        JaxaugError: If there is something at `path` already, it is no name, an array is not uint8
            of 1, 3 or 4 channels, no image could be read, or writing fails.

    Example:
        >>> import numpy as np, tempfile
        >>> from jaxaug.data import ArraySource, EncodedSource
        >>> source = ArraySource(np.zeros((3, 8, 8, 3), np.uint8), ["a", "b", "a"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     packed = pack(source, f"{folder}/train", progress=False)
        ...     again = EncodedSource.from_packed(f"{folder}/train")
        ...     image = again[2]["image"]
        >>> image.shape, again.class_counts
        ((8, 8, 3), {'a': 2, 'b': 1})
    """
    if not isinstance(source, ImageSource):
        remedy = "Pass one, such as DirectorySource(root, image_size=(150, 150))."
        raise JaxaugError("pack", "a source of images", describe(source), remedy)
    base = _sidecar.place("pack", path)
    sidecar, stem = _sidecar.beside(base), base.name
    _check.choice("pack", "on_error", on_error, ("raise", "skip"))
    _check.flag("pack", "overwrite", overwrite)
    _check.flag("pack", "progress", progress)
    _check.integer("pack", "max_shard_bytes", max_shard_bytes, 1)
    if shards is not None:
        _check.integer("pack", "shards", shards, 1, len(source))
    encode, options = _encoder(source)
    old = _shards.present(sidecar, stem)
    if old and not overwrite:
        got = f"{', '.join(file.name for file in old[:3])} in {str(sidecar.parent)!r}"
        remedy = "Pass another path, or overwrite=True."
        raise JaxaugError("pack", "nothing there yet", got, remedy)
    sidecar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{stem}.", dir=sidecar.parent) as folder:
        writer = _shards.ShardWriter(Path(folder), max_shard_bytes)
        kept, keys, skipped = [], [], []
        bar = tqdm(total=len(source), desc="pack", unit="images", disable=not progress)
        starts, threads = range(0, len(source), _CHUNK), min(processors(), _THREADS)
        chunks = in_order(_Prepare(source, encode), starts, threads, "pack")
        with bar, contextlib.closing(chunks):
            for row, key, record in itertools.chain.from_iterable(chunks):
                if isinstance(record, bytes):
                    writer.write(record, shards and row * shards // len(source))
                    kept.append(row)
                    keys.append(key)
                elif on_error == "skip":
                    skipped.append(_report(key, record))
                else:
                    raise record
                bar.update()
        if not kept:
            want = f"images that can be read in {source!r}"
            raise JaxaugError("pack", want, f"none: {skipped[0]['reason']}", "Check its files.")
        writer.finish()
        count = len(writer.shards)
        names = {s.name: _shards.name(stem, k, count) for k, s in enumerate(writer.shards)}
        index = source.identities(np.asarray(kept))
        text = _sidecar.Pack(
            path=str(base),
            files=[dataclasses.replace(s, name=names[s.name]) for s in writer.shards],
            keys=keys,
            columns={name: _stored.taken(each, index) for name, each in source.columns.items()},
            echo=source._echo,  # noqa: SLF001 - our own
            mask="mask" in source.reader.spec,
            options=options,
            skipped=skipped,
            index=None if np.array_equal(index, np.arange(len(index))) else index,
        ).dump()
        _shards.publish(Path(folder), names, text, sidecar, old)
    return Packed([str(sidecar.parent / name) for name in names.values()], skipped)


def _report(key: str, error: DecodeError) -> dict[str, str]:
    return {"key": key, "stage": error.stage, "error": error.error, "reason": error.reason}


def _encoder(source: ImageSource) -> tuple[Encode, dict[str, Any]]:
    """How records become encoded files, and the options that decode them as the source does."""
    reader, read = source.reader, source.reader.read
    if isinstance(read, ReadImages):
        read.check_own("pack")
        names = ("image_size", "canvas", "fit", "color", "resample")
        options = {name: getattr(read.decoder, name) for name in names}
        return lambda index: [_files(read, job) for job in reader.jobs(index)], options
    if not isinstance(reader, ArrayReader):
        remedy = "Pack the source itself, and cache it afterwards."
        raise JaxaugError("pack", "images in files or arrays", "a cached source", remedy)
    shape, dtype = reader.spec["image"]
    colors = {1: "gray", 3: "rgb", 4: "rgba"}
    if dtype != np.uint8 or shape[2] not in colors:
        remedy = "Pass numpy.rint(images * 255).astype(numpy.uint8), if their range is 0..1."
        want = "images in uint8 with 1, 3 or 4 channels"
        raise JaxaugError("pack", want, f"{dtype} with {shape[2]}", remedy)

    def encode(index: NDArray[np.uint32]) -> list[Files]:
        arrays, _ = reader.read(index)
        parts = [[_png(array) for array in arrays[name]] for name in arrays]
        return [dict(zip(arrays, files, strict=True)) for files in zip(*parts, strict=True)]

    return encode, {"image_size": shape[:2], "color": colors[shape[2]]}


def _files(read: ReadImages, job: Any) -> Files | DecodeError:
    """The encoded files of a job, once it is known that they can be read."""
    try:
        pair = read.fetch(job) if read.fetch else job
        loaded = [each and read.contents(each) for each in pair]
    except DecodeError as error:
        return error
    _, faults = dataclasses.replace(read, fetch=None)([tuple(loaded)])
    if faults:
        return faults[0][1]
    return {kind: file[1] for kind, file in zip(("image", "mask"), loaded, strict=True) if file}


def _png(array: NDArray[Any]) -> bytes:
    """An image, or a mask of class numbers, as PNG."""
    if array.dtype == np.int32:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 65535:
            want = "masks with class numbers from 0 to 65535"
            raise JaxaugError("pack", want, f"{low}..{high}", "Number the classes from 0.")
        array = array.astype(np.uint8 if high < 256 else np.uint16)
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array).save(file, "PNG")
    return file.getvalue()


class _Prepare:
    """Start of a chunk of rows -> for each of them row, key, and its record or what is wrong."""

    def __init__(self, source: ImageSource, encode: Encode) -> None:
        self._source, self._encode = source, encode

    def __call__(self, start: int) -> list[tuple[int, str, bytes | DecodeError]]:
        source = self._source
        rows = range(start, min(start + _CHUNK, len(source)))
        index = source.identities(np.asarray(rows))
        keys = [source.reader.key(number) for number in index.tolist()]
        fields = _stored.plain(_stored.taken(Several(source.columns), index), len(index))
        return [
            (row, key, each if isinstance(each, DecodeError) else _record.dump(key, said, each))
            for row, key, said, each in zip(
                rows, keys, fields or [{}] * len(rows), self._encode(index), strict=True
            )
        ]
