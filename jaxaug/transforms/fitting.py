"""Fitting a transform to a data set: batch by batch, on every host its part."""

import functools
import itertools
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sized
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxaug._types import Array, JaxaugError, describe

PIECE = 1 << 24
"""How many numbers of an array of all images are looked at together."""


class Images(NamedTuple):
    """The images of a batch, and which of their rows and pixels count.

    Attributes:
        place: the batch's number, for errors.
        pixels: ``(n, h, w, c)``, uint8 or floats.
        valid: bool ``(n,)``, in NumPy.
        size: ``(n, 2)``, the pictures' own ``(h, w)`` on their canvas; or None.
    """

    place: int
    pixels: Array
    valid: np.ndarray
    size: Array | None

    def check_finite(self, who: str, finite: np.ndarray) -> None:
        """Refuse the batch if a row that counts is not finite, bool ``(n,)``.

        Raises:
            JaxaugError: it names the first such image.
        """
        wrong = np.flatnonzero(self.valid & ~finite)
        if len(wrong):
            got = f"NaN or infinity in image {wrong[0]} of batch {self.place}"
            remedy = "Leave it out, or mark its row in the column 'valid'."
            raise JaxaugError(who, "finite pixels", got, remedy)


class Accumulator(ABC):
    """What a host has found so far."""

    @abstractmethod
    def add(self, images: Images) -> None:
        """Take in a batch."""

    @abstractmethod
    def total(self) -> Any:
        """What was found, a tree of float64 arrays of the same shapes on every host.

        It has a ``count``, which is 0 if there were no images.
        """

    @abstractmethod
    def merge(self, first: Any, second: Any) -> Any:
        """What two hosts have found, together."""


def fold(
    who: str, data: Any, axis: int, start: Callable[[tuple[int, ...]], Accumulator]
) -> tuple[tuple[int, ...], Any]:
    """What an accumulator finds in a data set; the same on all hosts, each of which reads its part.

    Args:
        who: name for the errors.
        data: a source or ``Loader`` of ``jaxaug.data``; images ``(n, h, w, c)``; or an iterable of
            batches, cut to its length if it has one. A batch is such images, or a dict with the
            key ``image``, or a tuple that begins with the images.
        axis: images have the same shape from this axis of a batch on: 1, or 3 for channels only.
        start: makes an accumulator for images of that shape.

    Returns:
        The shape, and the accumulator's total.

    Raises:
        JaxaugError: data of another kind, no images, or shapes that differ.
    """
    shape, found = None, None
    for place, batch in enumerate(_batches(who, data)):
        images = _checked(f"{who}, batch {place}", place, batch)
        here = images.pixels.shape[axis:]
        shape = _same(who, shape, here)
        found = found or start(shape)
        found.add(images)
    shape = _common_shape(who, shape, 4 - axis)
    found = found or start(shape)
    total = functools.reduce(found.merge, _from_all_hosts(found.total()))
    if total.count == 0:
        raise _no_images(who)
    return shape, total


def _batches(who: str, data: Any) -> Iterable[Any]:
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return _pieces(data)
    ours = sys.modules.get("jaxaug.data")  # importing it takes a second; sources come from there
    if ours and isinstance(data, ours.Loader):
        return data.epoch(0)
    if ours and isinstance(data, ours.ImageSource):
        host, hosts = _host()
        mine = np.arange(host, len(data), hosts)
        if not len(mine):
            return ()
        part = data if hosts == 1 else data.subset(mine)
        options = {"shuffle": False, "remainder": "keep", "device": False, "shard": (0, 1)}
        return ours.Loader(part, 64, **options)
    if isinstance(data, dict | str | bytes) or not isinstance(data, Iterable):
        remedy = "Put a single batch into a list."
        raise JaxaugError(
            who, "images, a source, a Loader, or batches", type(data).__name__, remedy
        )
    return itertools.islice(data, len(data)) if isinstance(data, Sized) else data


def _pieces(images: Any) -> Iterable[Any]:
    if images.ndim != 4 or isinstance(images, jax.Array) or not images.size:
        return [images]
    rows = max(1, PIECE // images[0].size)
    return (images[k : k + rows] for k in range(0, len(images), rows))


def _checked(who: str, place: int, batch: Any) -> Images:
    columns: dict[str, Any] = batch if isinstance(batch, dict) else {}
    images: Any = columns.get("image") if isinstance(batch, dict) else batch
    if isinstance(batch, tuple | list) and batch:
        images = batch[0]
    want = "a batch of images (n, h, w, c), uint8 or floats"
    remedy = "Pass images, dicts with the key 'image', or tuples that begin with the images."
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        raise JaxaugError(who, want, describe(images), remedy)
    floating = jax.numpy.issubdtype(images.dtype, np.floating)
    if images.ndim != 4 or 0 in images.shape[1:] or not (images.dtype == np.uint8 or floating):
        raise JaxaugError(who, want, describe(images), remedy)
    rows = len(images)
    valid, size = columns.get("valid"), columns.get("size")
    for name, value, shape in (("valid", valid, (rows,)), ("size", size, (rows, 2))):
        if value is not None and getattr(value, "shape", None) != shape:
            raise JaxaugError(who, f"{name!r} of shape {shape}", describe(value))
    counted = np.ones(rows, bool) if valid is None else to_host(valid).astype(bool)
    if _is_spread(images):  # every host sees every row: they take turns
        host, hosts = _host()
        counted = counted & (np.arange(rows) % hosts == host)
    return Images(place, images, counted, size)


def to_host(array: Any) -> np.ndarray:
    """An array in NumPy, also one that is divided among hosts."""
    if _is_spread(array):
        return multihost_utils.process_allgather(array, tiled=True)
    return np.asarray(array)


def _is_spread(array: Any) -> bool:
    return isinstance(array, jax.Array) and not array.is_fully_addressable


def _same(who: str, first: tuple[int, ...] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if first is None or first == shape:
        return shape
    what = "channels" if len(shape) == 1 else "images of shape"
    remedy = "Resize first, and give all images the same channels."
    raise JaxaugError(who, f"{what} {first} in every batch", str(shape), remedy)


def _common_shape(who: str, shape: tuple[int, ...] | None, length: int) -> tuple[int, ...]:
    """The shape that all hosts agree on; None is that of a host without images."""
    shapes = [shape or (0,) * length]
    if _host()[1] > 1:
        found = multihost_utils.process_allgather(np.array(shapes[0], np.int32))
        shapes = [tuple(each) for each in found.tolist()]
    known = [each for each in shapes if any(each)]
    if not known:
        raise _no_images(who)
    return functools.reduce(functools.partial(_same, who), known)


def _no_images(who: str) -> JaxaugError:
    remedy = "An iterator that was used up gives nothing more: make it anew."
    return JaxaugError(who, "at least one image", "none", remedy)


def _from_all_hosts(tree: Any) -> list[Any]:
    """Trees of float64 arrays, of each host."""
    if _host()[1] == 1:
        return [tree]
    leaves, structure = jax.tree.flatten(jax.tree.map(np.asarray, tree))
    # As bits: a float64 would be cut to float32 on its way.
    bits = [np.ascontiguousarray(leaf).reshape(-1).view(np.uint32) for leaf in leaves]
    found = multihost_utils.process_allgather(bits)
    hosts = zip(*(np.ascontiguousarray(leaf).view(np.float64) for leaf in found), strict=True)
    shaped = ([x.reshape(leaf.shape) for x, leaf in zip(own, leaves, strict=True)] for own in hosts)
    return [jax.tree.unflatten(structure, own) for own in shaped]


def _host() -> tuple[int, int]:
    """This process' number and how many there are; looks at no device unless there are several."""
    if not jax.distributed.is_initialized():
        return 0, 1
    return jax.process_index(), jax.process_count()
