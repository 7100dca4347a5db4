"""Images decoded once and kept, in memory or in a file."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from numpy.typing import NDArray
from tqdm import tqdm

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._cache._cachefile import VERSION, CacheFile, Layout, Writer, gather
from jaxaug.data._cache._fill import fill
from jaxaug.data._cache._part import Part
from jaxaug.data._decode._decoder import DecodeError
from jaxaug.data._reader import Arrays, Faults, Reader, empty

if TYPE_CHECKING:
    from jaxaug.data._source import ImageSource  # which imports this module


def cached(
    source: "ImageSource", where: str | os.PathLike[str], *, progress: bool = True
) -> "CachedReader":
    """Decodes the images of a source, or finds them decoded, and returns what reads them.

    A folder gets one file, `<fingerprint>.jaxaug`. The fingerprint covers the paths, sizes and
    times of change of the images, the options of decoding, which records there are, and the version
    of Pillow; if any of them changes, another file is made. Old ones are left: delete any file of
    the folder that is not in use, it is made again when it is needed. One that is damaged is made
    again at once. Several processes may ask at the same time: one makes it, the others wait.

    Records that could not be read are kept as such, so that a cached source has the same faults.
    Those that failed for a passing reason are tried again the next time.

    Args:
        source: Where the images come from; the records of its rows are cached.
        where: "memory", or a folder, which is made if it is not there.
        progress: Whether to show how far it is.

    Raises:
        JaxaugError: If the images are in memory already, or the folder has no room or cannot be
            written to.
    """
    if not isinstance(where, (str, os.PathLike)) or not os.fspath(where):  # "" is where we are
        remedy = "Pass a folder, or 'memory'."
        raise JaxaugError("cached", "where to be a folder or 'memory'", repr(where), remedy)
    _check.flag("cached", "progress", progress)
    origin = source.reader
    # Ascending, so that the order of the rows does not matter.
    identities = np.sort(source.identities())
    fingerprint = _fingerprint(origin, identities)
    if where == "memory":
        records: InMemory | CacheFile = _in_memory(origin, identities, progress=progress)
    else:
        folder = os.path.abspath(os.fspath(where))  # noqa: PTH100 - the working directory may change
        try:
            records = _in_file(folder, fingerprint, source, identities, progress=progress)
        except OSError as error:
            got = f"{folder!r} ({error.strerror or error})"
            remedy = "Free some space there, or pass another folder."
            raise JaxaugError("cached", "a folder to keep the cache in", got, remedy) from error
    return CachedReader(origin, identities, records)


class CachedReader(Reader):
    """Reads decoded records: one gather a batch.

    Args:
        origin: What the records were decoded by; it still knows their names.
        identities: uint32 (n,), those of the records, ascending.
        records: Where they are, by place in `identities`.
    """

    def __init__(
        self, origin: Reader, identities: NDArray[np.uint32], records: "InMemory | CacheFile"
    ) -> None:
        self._origin = origin
        self.spec, self.read = origin.spec, records.read
        self._first, self._count = int(identities[0]), len(identities)
        gapless = int(identities[-1]) - self._first == self._count - 1
        self._identities = None if gapless else identities

    def __len__(self) -> int:
        return len(self._origin)

    def jobs(self, index: NDArray[np.uint32]) -> NDArray[np.int64]:
        if self._identities is None:
            places = index.astype(np.int64) - self._first
            known = (places >= 0) & (places < self._count)
        else:
            places = np.searchsorted(self._identities, index)
            known = self._identities.take(places, mode="clip") == index
        if not known.all():
            want = f"records among the {self._count} that were cached"
            remedy = "Cache a source that has it: take the subset afterwards."
            raise JaxaugError("cached", want, f"record {index[~known][0]}", remedy)
        return places

    def name(self, identity: int) -> str:
        return self._origin.name(identity)

    def key(self, identity: int) -> str:
        return self._origin.key(identity)

    def manifest(self) -> str:
        return self._origin.manifest()

    def options(self) -> str:
        return self._origin.options()

    def versions(self, index: NDArray[np.uint32]) -> bytes:
        return self._origin.versions(index)

    def worker(self) -> bool:
        return False


class InMemory:
    """Records in arrays of this process."""

    def __init__(self, arrays: Arrays, faults: Mapping[int, DecodeError]) -> None:
        self._arrays, self._faults = arrays, faults

    def __reduce__(self) -> Any:
        remedy = "Pass a folder to cached() instead of 'memory'."
        want = "a cache that other processes can open"
        raise JaxaugError("cached", want, "one in memory", remedy)

    def read(self, places: NDArray[np.integer]) -> tuple[Arrays, Faults]:
        """Returns copies of the records at these places, and which of them could not be read."""
        return gather(self._arrays, self._faults, places)


def _in_memory(origin: Reader, identities: NDArray[np.uint32], *, progress: bool) -> InMemory:
    arrays = empty(origin.spec, len(identities))

    def put(start: int, part: Arrays) -> None:
        for name, array in part.items():
            arrays[name][start : start + len(array)] = array

    label = "decoding to memory"
    return InMemory(arrays, dict(fill(origin, identities, put, label, progress=progress)))


def _in_file(
    folder: str,
    fingerprint: str,
    source: "ImageSource",
    identities: NDArray[np.uint32],
    *,
    progress: bool,
) -> CacheFile:
    origin = source.reader
    path = os.path.join(folder, f"{fingerprint}.jaxaug")  # noqa: PTH118 - a text, as all paths here

    def waiting() -> None:
        if progress:
            tqdm.write(f"waiting for another process that makes {path}", file=sys.stderr)

    records, _ = _find(path, fingerprint, origin, identities)
    if records:  # nothing is written: the folder may be read-only
        return records
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    with Part(path, waiting) as part:
        records, why = _find(path, fingerprint, origin, identities)
        if records:
            return records
        _check_room(folder, Layout(origin.spec, len(identities)).end)
        writer = Writer(part.file, origin.spec, len(identities))
        label = f"decoding to {folder}" + (f", again: {why}" if why else "")
        faults = fill(origin, identities, writer.put, label, progress=progress)
        about = {"source": repr(source), "pillow": PIL.__version__}
        writer.finish(fingerprint, faults, about)
        part.commit()
    return CacheFile(path, fingerprint).open()


def _find(
    path: str, fingerprint: str, origin: Reader, identities: NDArray[np.uint32]
) -> tuple[CacheFile | None, str]:
    """The file if it is there and good; else why it is not good, if it is there."""
    try:
        records = CacheFile(path, fingerprint).open()
    except FileNotFoundError:
        return None, ""
    except JaxaugError as error:
        return None, error.got
    passing = [place for place, error in records.faults.items() if error.transient]
    _, still = origin.read(origin.jobs(identities[passing])) if passing else ({}, [])
    if len(still) < len(passing):
        return None, "some files can be read that could not"
    return records, ""


def _fingerprint(origin: Reader, identities: NDArray[np.uint32]) -> str:
    facts = (VERSION, PIL.__version__, {name: str(spec) for name, spec in origin.spec.items()})
    state = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    state.update(origin.versions(identities))
    state.update(identities.data)
    return state.hexdigest()


def _check_room(folder: str, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        want = f"{needed / 1e6:,.1f} MB of free space in {folder!r}"
        remedy = "Free some, or pass another folder."
        raise JaxaugError("cached", want, f"{free / 1e6:,.1f} MB", remedy)
