"""Records that are the same, within a source and across sources."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug.data._inspect._report import Copy, Duplicate
from jaxaug.data._packed import _stored
from jaxaug.data._reader import Reader
from jaxaug.data._source import ImageSource


def duplicates(
    sources: Sequence[ImageSource], origins: Sequence[Reader], parts: Sequence[NDArray[Any]]
) -> tuple[Duplicate, ...]:
    """Returns groups of equal records: those across sources first, then those in conflict.

    Args:
        sources: Where the records are.
        origins: Reader of each source: parts of one source have the same one.
        parts: What was seen of each source, arrays of `SEEN`.
    """
    found = _found(sources, origins, parts)
    return tuple(sorted(found, key=lambda each: (not each.leak, not each.conflict)))


def _found(
    sources: Sequence[ImageSource], origins: Sequence[Reader], parts: Sequence[NDArray[Any]]
) -> Iterator[Duplicate]:
    seen = np.concatenate(parts)
    number = np.repeat(np.arange(len(sources)), [len(part) for part in parts])
    index = np.concatenate([each.identities() for each in sources])
    known = [id(origin) for origin in origins]
    origin = np.array([known.index(each) for each in known])[number]
    records = np.unique(origin << 32 | index, return_inverse=True)[1]
    files, pixels = (_codes(seen[name][:, 0], seen["pixels"][:, 0]) for name in ("file", "pixels"))
    for places in _groups((records, files, pixels)):
        copies = tuple(_copy(sources, int(number[k]), int(index[k])) for k in places)
        labels = {_comparable(each.label) for each in copies if each.label is not None}
        masks = {mask.tobytes() for mask in seen["pixels"][places, 1] if mask.any()}
        same = (
            kind
            for kind, codes in (("record", records), ("bytes", files))
            if np.ptp(codes[places]) == 0
        )
        leak = len({each.source for each in copies}) > 1
        yield Duplicate(next(same, "pixels"), leak, len(labels) > 1 or len(masks) > 1, copies)


def _groups(labelings: Sequence[NDArray[np.integer]]) -> list[NDArray[np.int64]]:
    """Places that are linked by a number that they share in one of the labelings, or by others."""
    group = np.arange(len(labelings[0]))
    settled = False
    while not settled:
        before = group
        for numbers in labelings:
            least = np.full(numbers.max() + 1, len(group))
            np.minimum.at(least, numbers, group)
            group = least[numbers]
        settled = np.array_equal(group, before)
    several = np.flatnonzero(np.bincount(group)[group] > 1)
    several = several[np.argsort(group[several], kind="stable")]
    cuts = np.flatnonzero(np.diff(group[several])) + 1
    return np.split(several, cuts) if len(several) else []


def _codes(hashes: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The same number for the same hash; one of its own for each picture that was not decoded."""
    codes = np.unique(np.ascontiguousarray(hashes).view("S16")[:, 0], return_inverse=True)[1]
    lost = ~pixels.any(axis=1)
    codes[lost] = len(codes) + np.arange(lost.sum())
    return codes


def _copy(sources: Sequence[ImageSource], number: int, identity: int) -> Copy:
    source, label = sources[number], None
    if "label" in source.columns:
        column = _stored.taken(source.columns["label"], np.array([identity], np.uint32))
        label = _stored.plain(column, 1)[0]
    return Copy(number, identity, source.reader.name(identity), label)


def _comparable(label: Any) -> str:
    names = isinstance(label, list) and all(isinstance(each, str) for each in label)
    return repr(sorted(label) if names else label)  # a set of classes has no order
