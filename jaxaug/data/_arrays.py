"""Images that are in an array already, in memory or in a file of NumPy's."""

import dataclasses
import hashlib
import mmap
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError

from ._fields import columns_of
from ._reader import Arrays, Faults, Reader, Spec
from ._source import ImageSource


class ArraySource(ImageSource):
    """Images that are in an array: a batch is one gather, in new memory.

    A `.npy` file is memory-mapped, read-only, and pickles as its path. It must not be cut short
    while it is in use: the operating system then ends the process. Pixels are not looked at, so
    that NaN in them is not found.

    Args:
        images: uint8 or floating (n, h, w, c), or (n, h, w), which gets a channel axis; or the path
            of a `.npy` file of such an array, or a `numpy.memmap`.
        labels: A class or a number for each image, as names, integers from 0 (numbers of classes),
            floats, lists of names, or an array of 0 and 1, (n, classes).
        label_mode: "int", "onehot", "binary", "multihot", "regression", "image" (the image itself,
            for autoencoders) or "none". If None, what `labels` look like: rows with a single 1 each
            are "onehot", other rows of integers "multihot", other floats targets ("regression").
        class_names: Name of each class; integer labels are then positions in it.
        masks: Integers (n, h, w), or a file of them as with `images`; int32 in batches.
        weights: Numbers (n,), 0 or more: column `weight`, float32.
        columns: More arrays with a row for each image, by name.

    Raises:
        FileNotFoundError: If there is no such file.
        JaxaugError: If an array has another shape, type or number of rows, or a file is no `.npy`
            file, holds Python objects, or is shorter than it says.

    Example:
        >>> images = np.zeros((4, 8, 8), np.uint8)
        >>> source = ArraySource(images, [0, 1, 1, 0], class_names=("cat", "dog"))
        >>> source
        ArraySource(uint8 (4, 8, 8, 1)): 4 images, 2 classes
        >>> batch = source.read([1, 3])
        >>> batch["image"].shape, batch["label"].tolist()
        ((2, 8, 8, 1), [1, 0])
    """

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        label_mode: str | None = None,
        class_names: Sequence[str] | None = None,
        masks: Any = None,
        weights: Any = None,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        pixels = _images(_given(images))
        arrays = {"image": pixels}
        if masks is not None:
            arrays["mask"] = _masks(_given(masks), pixels.shape)
        beside = columns_of(
            "ArraySource",
            pixels.shape[0],
            labels=labels,
            label_mode=label_mode,
            class_names=class_names,
            weights=weights,
            columns=columns,
        )
        where = f"{pixels.path!r}, " if isinstance(pixels, Mapped) else ""
        text = f"ArraySource({where}{pixels.dtype} {pixels.shape})"
        super().__init__(ArrayReader(arrays, text), beside, text, echo=label_mode == "image")


@dataclasses.dataclass(frozen=True)
class Mapped:
    """An array in a file, as few words: where it lies.

    Attributes:
        path: The file, absolute.
        dtype: Of its values.
        shape: Of the array.
        offset: Bytes before it.
        order: "C" or "F".
    """

    path: str
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    order: Any

    @classmethod
    def of(cls, array: np.memmap) -> "Mapped | None":
        """What describes this array, unless it is not what its file holds.

        That is so of a part of a memory map, whose place NumPy does not know, of a private copy
        ("c"), and of a file without a name.
        """
        if not isinstance(array.base, mmap.mmap) or array.mode == "c" or array.filename is None:
            return None
        order = "C" if array.flags.c_contiguous else "F"
        path = os.path.abspath(array.filename)  # noqa: PTH100 - any kind of path
        return cls(path, array.dtype, array.shape, array.offset, order)

    def open(self) -> NDArray[Any]:
        """Maps the file, read-only. Its size is checked before: Python does not map beyond it."""
        try:
            found = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)
        except ValueError as error:
            got = f"{self.path!r} ({error})"
            want = f"a file with {self.dtype} {self.shape}"
            raise JaxaugError("ArraySource", want, got, "Write the file again.") from None
        return np.asarray(found)


class ArrayReader(Reader):
    """Images that are in an array already: one gather a batch.

    Args:
        arrays: By name as in `spec`, each with a row for each record.
        text: What to call the whole in a message.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any] | Mapped], text: str) -> None:
        self._given, self._text = dict(arrays), text
        self.spec = {name: _spec(name, array) for name, array in arrays.items()}
        self._open()

    def _open(self) -> None:
        self._arrays: Arrays = {
            name: array.open() if isinstance(array, Mapped) else array
            for name, array in self._given.items()
        }

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_arrays"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def __len__(self) -> int:
        return len(self._arrays["image"])

    def jobs(self, index: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return index

    def read(self, jobs: NDArray[np.uint32]) -> tuple[Arrays, Faults]:
        return {
            name: np.take(array, jobs, axis=0).astype(self.spec[name].dtype, copy=False)
            for name, array in self._arrays.items()
        }, []

    def name(self, identity: int) -> str:
        return f"{self._text}[{identity}]"

    def key(self, identity: int) -> str:
        return str(identity)

    def manifest(self) -> str:
        """A hash of shapes, types and a few rows; not of the path: the file may be moved."""
        state = hashlib.blake2b(digest_size=16)
        rows = np.unique(np.linspace(0, len(self) - 1, 16).astype(np.int64))
        for name, array in self._arrays.items():
            state.update(f"{name} {array.dtype} {array.shape}".encode())
            state.update(np.take(array, rows, axis=0).tobytes())
        return state.hexdigest()

    def versions(self, index: NDArray[np.uint32]) -> bytes:
        del index
        remedy = "Leave the cache out: they need no decoding."
        raise JaxaugError("cache", "images in files", f"arrays ({self._text})", remedy)

    def worker(self) -> bool:
        return False


def _spec(name: str, array: NDArray[Any] | Mapped) -> Spec:
    """In batches masks are int32, and bytes are in this machine's order."""
    dtype = np.dtype(np.int32) if name == "mask" else array.dtype.newbyteorder("=")
    return Spec.of(array.shape[1:], dtype)


def _given(array: Any) -> NDArray[Any] | Mapped:
    """What was passed: an array, or where it lies."""
    if isinstance(array, str | os.PathLike):
        try:
            array = np.lib.format.open_memmap(os.fspath(array), mode="r")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"ArraySource: expected a .npy file, got {os.fspath(array)!r}, which does not "
                "exist. Check the path."
            ) from None
        except (ValueError, EOFError, OSError) as error:
            remedy = "Write it with numpy.save, without objects in it."
            got = f"{os.fspath(array)!r} ({error})"
            raise JaxaugError("ArraySource", "a whole .npy file", got, remedy) from None
    if isinstance(array, np.memmap) and (mapped := Mapped.of(array)):
        return mapped
    try:
        return np.asarray(array)
    except ValueError as error:
        remedy = "Stack images of one shape."
        raise JaxaugError("ArraySource", "an array", f"{type(array)} ({error})", remedy) from None


def _images(array: NDArray[Any] | Mapped) -> NDArray[Any] | Mapped:
    """Images of shape (n, h, w, c)."""
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        remedy = "Pass uint8, or floating values in 0..1."
        if array.dtype == np.uint16:
            remedy = "Pass (images / 65535).astype(numpy.float32), if their range is 0..65535."
        raise JaxaugError("ArraySource", "images in uint8 or floating", str(array.dtype), remedy)
    if len(array.shape) not in (3, 4) or 0 in array.shape:
        want = "images of shape (n, h, w, c) or (n, h, w), at least one"
        raise JaxaugError("ArraySource", want, f"{array.shape}", "Reshape or transpose them.")
    if len(array.shape) == 4:
        return array
    if isinstance(array, Mapped):
        return dataclasses.replace(array, shape=(*array.shape, 1))
    return array[..., None]


def _masks(array: NDArray[Any] | Mapped, shape: tuple[int, ...]) -> NDArray[Any] | Mapped:
    """Masks that fit images of that shape."""
    if array.shape != shape[:3] or not np.can_cast(array.dtype, np.int32):
        want = f"masks of shape {shape[:3]}, of integers that fit int32"
        remedy = "Pass masks.astype(numpy.int32)."
        raise JaxaugError("ArraySource", want, f"{array.dtype} {array.shape}", remedy)
    return array
