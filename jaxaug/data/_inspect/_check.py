"""What is wrong with a dataset, before training: every record is read once, and compared."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._cache._cached import CachedReader
from jaxaug.data._decode._decoder import Decoded, DecodeError, Decoder, MaskDecoder
from jaxaug.data._decode._file import identify
from jaxaug.data._decode._orientation import orientation, turned
from jaxaug.data._faults import Fault
from jaxaug.data._inspect._duplicates import duplicates
from jaxaug.data._inspect._report import (
    SEEN,
    Change,
    Contents,
    Report,
    SourceReport,
    digest,
    entries,
    read_manifest,
)
from jaxaug.data._parallel import in_order, processors
from jaxaug.data._paths import Paths
from jaxaug.data._reader import Reader, ReadImages, check_sizes
from jaxaug.data._source import ImageSource

_CHUNK = 32  # records that a thread looks at before it reports


def check(
    *sources: ImageSource,
    manifest: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Report:
    """Reads every record once, and tells what is wrong with a dataset.

    It finds images that cannot be read, equal images within a source and across sources (which let
    a test set leak into training), equal images with other labels, classes without images, and
    values in arrays that are no finite numbers. Equal are files with equal bytes, and pictures with
    equal pixels in full size, upright and in the colours asked for, whatever the file format. A
    JPEG that was saved again with other settings has other pixels, and is not found.

    Most flipped bits in a JPEG give another picture and no error. Only a manifest finds them: write
    one while the files are known to be good, and compare with it later.

    Args:
        *sources: The parts of one dataset, such as `train, val, test`. One that is cached is read
            from its files again.
        manifest: What `Report.write_manifest` wrote of the same sources.
        threads: How many read at the same time; as many as there are processors if None.
        progress: Whether to show how far it is.

    Raises:
        FileNotFoundError: If there is no such manifest.
        JaxaugError: If there are no sources, or the manifest is damaged or of other sources.

    Example:
        >>> from jaxaug.data import ArraySource
        >>> images = np.zeros((5, 8, 8, 3), np.uint8)
        >>> images[:, 0, 0, 0] = 1, 2, 3, 1, 4
        >>> train, val = ArraySource(images[:3]), ArraySource(images[3:])
        >>> report = check(train, val, progress=False)
        >>> report.ok, [(copy.source, copy.index) for copy in report.duplicates[0].copies]
        (False, [(0, 0), (1, 0)])
    """
    if not sources or not all(isinstance(source, ImageSource) for source in sources):
        remedy = "Pass the parts of a dataset: check(train, val)."
        raise JaxaugError("check", "one ImageSource or more", repr(sources), remedy)
    _check.flag("check", "progress", progress)
    count = processors() if threads is None else _check.integer("check", "threads", threads, 1)
    if manifest is not None:  # numbers would be open files
        manifest = _check.path("check", "manifest", manifest)
    before = None if manifest is None else read_manifest(manifest, len(sources))
    found = _survey(sources, count, progress=progress)
    contents = tuple(
        Contents(Paths([source.reader.key(i) for i in source.identities().tolist()]), part.seen)
        for source, part in zip(sources, found, strict=True)
    )
    counts = [_class_counts(source.class_counts) for source in sources]
    classes = dict.fromkeys(name for each in counts for name in each)
    return Report(
        tuple(_summary(*each, classes) for each in zip(sources, found, counts, strict=True)),
        duplicates(sources, [_origin(each) for each in sources], [part.seen for part in found]),
        () if before is None else tuple(_changes(before, list(entries(contents)))),
        contents,
    )


class _Part(NamedTuple):
    """What was seen of some records of one source."""

    seen: NDArray[Any]
    faults: list[Fault]
    modes: Counter[str]


def _survey(sources: Sequence[ImageSource], threads: int, *, progress: bool) -> list[_Part]:
    found = [_Part(_unseen(len(source)), [], Counter()) for source in sources]
    jobs = [(k, s) for k, each in enumerate(sources) for s in range(0, len(each), _CHUNK)]

    def look(job: tuple[int, int]) -> _Part:
        source, start = sources[job[0]], job[1]
        rows = np.arange(start, min(start + _CHUNK, len(source)))
        return _look(_origin(source), source.identities(rows))

    count = sum(map(len, sources))
    with (
        closing(in_order(look, jobs, threads, "check")) as parts,
        tqdm(total=count, desc="check", unit=" images", disable=not progress) as bar,
    ):
        for (number, start), part in zip(jobs, parts, strict=True):
            found[number].seen[start : start + len(part.seen)] = part.seen
            found[number].faults.extend(part.faults)
            found[number].modes.update(part.modes)
            bar.update(len(part.seen))
    return found


def _look(reader: Reader, index: NDArray[np.uint32]) -> _Part:
    part = _Part(_unseen(len(index)), [], Counter())
    jobs, read = reader.jobs(index), reader.read
    if isinstance(read, ReadImages):
        read.check_own("check")
    else:
        arrays, _ = reader.read(jobs)  # from memory, where nothing can be damaged
        jobs = [[array[place] for array in arrays.values()] for place in range(len(index))]
    for place, job in enumerate(jobs):
        try:
            if isinstance(read, ReadImages):
                _look_at_files(part.seen[place], read, job, part.modes)
            else:
                part.modes[f"array {job[0].dtype}"] += 1
                _look_at_arrays(part.seen[place], job, reader.name(int(index[place])))
        except DecodeError as error:
            part.faults.append(Fault.of(int(index[place]), error))
    return part


def _look_at_files(row: Any, read: ReadImages, job: Any, modes: Counter[str]) -> None:
    """Fills in `row`, as far as it comes: the same faults as when the record is read."""
    image, mask = read.fetch(job) if read.fetch else job
    name, data = read.contents(image)
    row["bytes"][0], row["file"][0] = len(data), _bytes(data)
    mode, decoded = _whole(lambda decoder: decoder, read.decoder, name, data)
    modes[mode] += 1
    row["pixels"][0], row["size"] = _pixels(decoded.pixels), decoded.original
    _check_fit(read.decoder, name, decoded)
    if mask is not None:
        mask_name, data = read.contents(mask)
        row["bytes"][1], row["file"][1] = len(data), _bytes(data)
        _, labels = _whole(MaskDecoder, read.decoder, mask_name, data)
        _check_fit(read.decoder, mask_name, labels)
        check_sizes(name, decoded.original, mask_name, labels.original)
        row["pixels"][1] = _pixels(labels.pixels)


def _check_fit(decoder: Decoder, name: str, decoded: Decoded) -> None:
    height, width = decoded.original
    try:
        decoder.place((width, height))
    except ValueError as error:
        raise DecodeError.of(name, "fit", error) from error


def _look_at_arrays(row: Any, arrays: Sequence[NDArray[Any]], name: str) -> None:
    row["size"] = arrays[0].shape[:2]
    for kind, array in enumerate(arrays):
        row["bytes"][kind], row["file"][kind] = array.nbytes, _bytes(array.tobytes())
        row["pixels"][kind] = _pixels(array)
    if not np.isfinite(arrays[0]).all():
        raise DecodeError(name, "NaN or infinite values", "convert")


def _whole(
    kind: Callable[[Decoder], Decoder | MaskDecoder], like: Decoder, name: str, data: bytes
) -> tuple[str, Decoded]:
    """Format and mode of a file, and its picture in full size.

    Resized pictures would not do: JPEGs are decoded at a reduced size, other formats are not.
    """
    try:
        header = identify(data, like.formats)
    except Exception as error:
        raise DecodeError.of(name, "identify", error) from error
    mode = f"{header.format} {header.mode}"
    width, height = (max(1, side) for side in turned(header.size, orientation(header)))
    color = "rgb" if like.color == "gray" else like.color  # "gray" is another one in a JPEG
    whole = dataclasses.replace(
        like, image_size=None, fit="stretch", canvas=(height, width), color=color
    )
    try:
        return mode, kind(whole)(data, name)
    except DecodeError as error:
        if error.stage != "fit":
            raise
    # The orientation stands behind the pixels.
    return mode, kind(dataclasses.replace(whole, canvas=(width, height)))(data, name)


def _summary(
    source: ImageSource, part: _Part, counts: dict[str, int], classes: Iterable[str]
) -> SourceReport:
    sizes = part.seen["size"][part.seen["size"].any(axis=1)]
    read, smaller = _origin(source).read, 0
    if isinstance(read, ReadImages) and read.decoder.image_size:
        smaller = int((sizes < read.decoder.image_size).any(axis=1).sum())
    heights, widths = (_range(sides) for sides in sizes.T)
    missing = tuple(name for name in classes if not counts.get(name)) if counts else ()
    faults, modes = tuple(part.faults), dict(part.modes.most_common())
    return SourceReport(repr(source), faults, heights, widths, smaller, modes, counts, missing)


def _range(sides: NDArray[np.int32]) -> tuple[float, ...]:
    return tuple(float(f(sides)) for f in (np.min, np.median, np.max)) if len(sides) else ()


def _class_counts(counts: dict[str, Any]) -> dict[str, int]:
    """Counts by class; of several label columns, by `column=class`."""
    flat: dict[str, int] = {}
    for name, each in counts.items():
        several = isinstance(each, dict)
        flat |= {f"{name}={key}": n for key, n in each.items()} if several else {name: each}
    return flat


def _changes(before: Iterable[list[Any]], now: Iterable[list[Any]]) -> Iterator[Change]:
    old, new = _by_name(before), _by_name(now)
    for name in old | new:
        if old.get(name) != new.get(name):
            what = "new" if name not in old else "changed" if name in new else "missing"
            yield Change(*name, what)


def _by_name(records: Iterable[list[Any]]) -> dict[tuple[int, str], set[Any]]:
    """What was in the files of each record; a table may name one file in several rows."""
    found: dict[tuple[int, str], set[Any]] = {}
    for source, key, *files in records:
        found.setdefault((source, key), set()).add(tuple(map(tuple, files)))
    return found


def _origin(source: ImageSource) -> Reader:
    reader = source.reader
    return reader._origin if isinstance(reader, CachedReader) else reader  # noqa: SLF001


def _unseen(count: int) -> NDArray[Any]:
    seen = np.zeros(count, SEEN)
    seen["bytes"] = -1
    return seen


def _pixels(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A hash of pixels, their shape and type included."""
    state = hashlib.blake2b(f"{array.dtype}{array.shape}".encode(), digest_size=16)
    state.update(np.ascontiguousarray(array).data)
    return np.frombuffer(state.digest(), np.uint8)


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(digest(data), np.uint8)
