"""Pixels by record: where the images of a source come from."""

import abc
import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from jaxaug._types import JaxaugError

from ._decode import _file
from ._decode._decoder import DecodeError, Decoder, MaskDecoder
from ._decode._fit import Size
from ._paths import Paths
from ._workers._pool import note

Arrays = dict[str, NDArray[Any]]
Faults = list[tuple[int, DecodeError]]
"""Places in a batch that could not be read, and why."""


class Spec(NamedTuple):
    """Shape and dtype of one record's array."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: DTypeLike) -> "Spec":
        return cls(tuple(shape), np.dtype(dtype))


class Reader(abc.ABC):
    """Reads the pixels of records, in two steps.

    `jobs(index)` says what to read, in few words, and knows the manifest; `read(jobs)` reads it,
    and knows only how. So a worker process is sent a few paths with each batch, and never a list
    of ten million.

    Attributes:
        spec: What a record consists of: always `image`, and maybe `mask`, `size` (int32 (2,),
            height and width of the picture on its canvas) and `placement` (float32 (4,): a point
            (x, y) of the picture as it was lies at `(x * p[0] + p[2], y * p[1] + p[3])`).
        read: `read(jobs) -> (arrays, faults)`: stacked arrays as `spec` says, all new, and for
            each record that could not be read its place in the batch and the error; its rows
            are zeros. It pickles.
    """

    spec: Mapping[str, Spec]
    read: Callable[[Any], tuple[Arrays, Faults]]

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of records."""

    @abc.abstractmethod
    def jobs(self, index: NDArray[np.uint32]) -> Sequence[Any] | NDArray[Any]:
        """What `read` is to be given for these records; it pickles, and is small."""

    @abc.abstractmethod
    def name(self, identity: int) -> str:
        """What to call a record in a message: its file, where it has one."""

    def key(self, identity: int) -> str:
        """The record's name wherever the data lie: its path below the root."""
        return self.name(identity)

    @abc.abstractmethod
    def manifest(self) -> str:
        """A hash of which records there are, in which order; not of the files' contents."""

    def options(self) -> str:
        """How images are read, as far as their pixels depend on it."""
        return ""

    @abc.abstractmethod
    def versions(self, index: NDArray[np.uint32]) -> bytes:
        """Something that changes when the contents or the options of reading change."""

    def blame(self, jobs: Any, place: int | None) -> str:
        """What to call the record at a place in jobs, or all of them if the place is None."""
        first = self.name(int(jobs[place or 0]))
        return first if place is not None else f"{len(jobs)} records from {first} on"

    def worker(self) -> bool:
        """Whether reading is work enough to send it to another process."""
        return True


class FileReader(Reader):
    """Images in files.

    Args:
        folder: What the paths are relative to, absolute.
        paths: One for each record.
        decoder: How a file becomes an array.
        masks: Paths of the masks, relative to `mask_folder`, one for each record, or None.
        mask_folder: What the paths of masks are relative to.
        placement: Whether to report where the picture lies in the array.
    """

    def __init__(
        self,
        folder: str,
        paths: Paths,
        decoder: Decoder,
        *,
        masks: Paths | None = None,
        mask_folder: str = "",
        placement: bool = False,
    ) -> None:
        self._folder, self._paths = folder, paths
        self._masks, self._mask_folder = masks, mask_folder
        self._decoder = decoder
        self.read = ReadImages(decoder, masks is not None, placement)
        self.spec = self.read.spec

    def __len__(self) -> int:
        return len(self._paths)

    def jobs(self, index: NDArray[np.uint32]) -> list[tuple[str, str | None]]:
        return [(self.name(i), self._mask(i)) for i in index.tolist()]

    def name(self, identity: int) -> str:
        return _join(self._folder, self._paths[identity])

    def key(self, identity: int) -> str:
        return self._paths[identity]

    def blame(self, jobs: Any, place: int | None) -> str:
        first = jobs[place or 0][0]
        return first if place is not None else f"{len(jobs)} files from {first} on"

    def manifest(self) -> str:
        masks = self._masks.digest() if self._masks else ""
        return hashlib.blake2b((self._paths.digest() + masks).encode(), digest_size=16).hexdigest()

    def options(self) -> str:
        return repr(self._decoder)

    def versions(self, index: NDArray[np.uint32]) -> bytes:
        state = hashlib.blake2b(repr(self.read).encode(), digest_size=32)
        for job in self.jobs(index):
            for path in filter(None, job):
                state.update(file_version(path).encode(errors="surrogateescape"))
        return state.digest()

    def _mask(self, identity: int) -> str | None:
        return _join(self._mask_folder, self._masks[identity]) if self._masks else None


@dataclasses.dataclass(frozen=True)
class ReadImages:
    """Reads images, and masks if there are any, one after the other.

    A job is a pair `(image, mask or None)`, of paths, or of encoded bytes with a name in front:
    `(name, bytes)`. If there is `fetch`, a job is anything that it makes such a pair of; it raises
    `DecodeError` if it cannot.
    """

    decoder: Decoder
    masks: bool = False
    placement: bool = False
    fetch: Callable[[Any], tuple[Any, Any]] | None = dataclasses.field(default=None, repr=False)

    @property
    def spec(self) -> dict[str, Spec]:
        spec = {"image": Spec.of(self.decoder.shape, self.decoder.dtype)}
        if self.masks:
            spec["mask"] = Spec.of(self.decoder.shape[:2], np.int32)
        if self.decoder.canvas:
            spec["size"] = Spec.of((2,), np.int32)
        if self.placement:
            spec["placement"] = Spec.of((4,), np.float32)
        return spec

    def __call__(self, jobs: Sequence[Any]) -> tuple[Arrays, Faults]:
        arrays = empty(self.spec, len(jobs))
        faults: Faults = []
        for place, job in enumerate(jobs):
            note(place)
            try:
                image, mask = self.fetch(job) if self.fetch else job
                self._one(image, mask, {name: array[place] for name, array in arrays.items()})
            except DecodeError as error:
                faults.append((place, error))
                for array in arrays.values():
                    array[place] = 0
        return arrays, faults

    def _one(self, image: Any, mask: Any, out: Arrays) -> None:
        name, file = image if isinstance(image, tuple) else (image, image)
        decoded = self.decoder(file, name)
        out["image"][...] = decoded.pixels
        if self.masks:
            mask_name, mask_file = mask if isinstance(mask, tuple) else (mask, mask)
            labels = MaskDecoder(self.decoder)(mask_file, mask_name)
            check_sizes(name, decoded.original, mask_name, labels.original)
            out["mask"][...] = labels.pixels
        if "size" in out:
            out["size"][...] = decoded.size
        if "placement" in out:
            out["placement"][...] = (*decoded.scale, *decoded.offset)

    def check_own(self, who: str) -> None:
        """Refuses another decoder than ours, such as one that decodes as Keras does.

        Raises:
            JaxaugError: It says what to do.
        """
        if not isinstance(self.decoder, Decoder):
            want, got = "a source of jaxaug.data", f"one with a {type(self.decoder).__name__}"
            remedy = "Make a DirectorySource or a DataFrameSource of the same files."
            raise JaxaugError(who, want, got, remedy)

    def contents(self, file: str | tuple[str, bytes]) -> tuple[str, bytes]:
        """The name and the encoded bytes of one file of a job.

        Raises:
            DecodeError: If it cannot be read, as decoding it would.
        """
        if isinstance(file, tuple):
            return file
        try:
            return file, _file.read(file, self.decoder.file_limit)
        except Exception as error:
            raise DecodeError.of(file, "open", error) from error


def check_sizes(image: str, size: Size, mask: str, mask_size: Size) -> None:
    """Refuses a mask that has another (height, width) than its image; both by their names.

    Raises:
        DecodeError: If it has.
    """
    if mask_size != size:
        reason = f"a mask of {mask_size} for an image of {size}: {image!r}"
        raise DecodeError(mask, reason, "size", "ValueError")


def empty(spec: Mapping[str, Spec], count: int) -> Arrays:
    """New arrays for `count` records, their contents undefined."""
    return {name: np.empty((count, *each.shape), each.dtype) for name, each in spec.items()}


def _join(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path


def file_version(path: str) -> str:
    """Size and time of change of a file, as far as it is there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a hundred thousand of them
    except OSError as error:
        return f"{path}\0{error.errno}\n"
    return f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
