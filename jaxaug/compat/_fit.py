"""Statistics of a data set for an `ImageDataGenerator`, in one pass."""

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug import ZCA, FeaturewiseNormalize
from jaxaug.data import ImageSource, Loader, _check
from jaxaug.data._parallel import in_order, processors

from . import _iterator
from ._draws import fresh_seed, row_seeds
from ._transformed import augmented
from ._transforms import Transforms
from ._warn import warn

Images = NDArray[Any]
ROWS = 64
"""How many images are looked at together."""


def fit(generator: Transforms, x: Any, *, augment: bool, rounds: int, seed: int | None) -> None:
    """Sets `mean`, `std` and `zca_whitening_matrix` of the generator, as far as it needs them."""
    if seed is not None:
        seed = _check.integer("fit", "seed", seed, 0, 2**32 - 1)
    batches = _raw(generator, x)
    wanted = (
        generator.zca_whitening,
        generator.featurewise_center,
        generator.featurewise_std_normalization,
    )
    if not any(wanted):
        return
    batches = _prepared(generator, batches, rounds if augment else 0, seed)
    first = generator.data_format == "channels_first"
    if first:
        batches = (np.moveaxis(batch, 1, -1) for batch in batches)
    broadcast = (-1, 1, 1) if first else (1, 1, -1)
    dtype = _floating(generator)
    if generator.zca_whitening:
        zca = ZCA.fit(batches, epsilon=generator.zca_epsilon)
        matrix, mean = np.asarray(zca.matrix), zca.mean
        if first:  # images are flattened as they lie
            order = np.moveaxis(np.arange(len(matrix)).reshape(zca.shape), -1, 0).reshape(-1)
            matrix = matrix[np.ix_(order, order)]
        generator.zca_whitening_matrix = matrix.astype(dtype)
    else:
        found = FeaturewiseNormalize.fit(batches)
        mean = found.mean
        if generator.featurewise_std_normalization:
            generator.std = np.array(found.std, dtype).reshape(broadcast)
    generator.mean = np.array(mean, dtype).reshape(broadcast)


def _raw(generator: Transforms, x: Any) -> Iterable[Images]:
    """Batches of images as they are, in the generator's layout."""
    first = generator.data_format == "channels_first"
    if isinstance(x, _iterator.Iterator):
        theirs = getattr(x, "image_data_generator", None)
        if theirs is not None and theirs.data_format != generator.data_format:
            want = f"an iterator with data_format={generator.data_format!r}"
            raise ValueError(f"fit: expected {want}, got one with {theirs.data_format!r}.")
        chunks = (np.arange(k, min(k + ROWS, x.n)) for k in range(0, x.n, ROWS))
        return in_order(x.raw, chunks, min(processors(), 8), "fit")
    if isinstance(x, ImageSource):
        x = Loader(x, ROWS, shuffle=False, remainder="keep", device=False)
    if isinstance(x, Loader):
        images = map(_pictures, x.epoch(0))
        return (np.moveaxis(each, -1, 1) for each in images) if first else images
    if hasattr(x, "__array__") or (isinstance(x, list | tuple) and not _holds_batches(x)):
        x = _checked(generator, np.asarray(x))
        return (x[k : k + ROWS] for k in range(0, len(x), ROWS))
    if not isinstance(x, Iterable) or isinstance(x, dict | str):
        got = type(x).__name__
        raise TypeError(f"fit: expected images of rank 4, an iterator or a source, got {got}.")
    # An endless iterator with a length is cut to one epoch.
    length = len(x) if isinstance(x, Sized) else None
    items = itertools.islice(x, length)
    return (_checked(generator, np.asarray(_images(item))) for item in items)


def _pictures(batch: dict[str, Any]) -> Images:
    """The images of a loader's batch, without those that only fill it up."""
    if "size" in batch:
        raise ValueError(
            "fit: expected images of one size, got pictures on a canvas. Give the source an "
            "image_size."
        )
    images = np.asarray(batch["image"])
    return images[np.asarray(batch["valid"], bool)] if "valid" in batch else images


def _holds_batches(items: Sequence[Any]) -> bool:
    """Whether it is a list of batches, and not one of images."""
    first: Any = items[0] if items else ()
    return bool(items) and (isinstance(first, tuple | dict) or np.ndim(first) == 4)


def _images(item: Any) -> Any:
    if isinstance(item, dict):
        return item["image"]
    return item[0] if isinstance(item, tuple | list) else item


def _checked(generator: Transforms, x: Images) -> Images:
    if x.ndim != 4:
        raise ValueError(f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}")
    axis = generator.channel_axis
    if x.shape[axis] not in (1, 3, 4):
        warn(
            "Expected input to be images (as Numpy array) following the data format convention "
            f'"{generator.data_format}" (channels on axis {axis}), i.e. expected either 1, 3 or 4 '
            f"channels on axis {axis}. However, it was passed an array with shape {x.shape} "
            f"({x.shape[axis]} channels).",
        )
    return x


def _floating(generator: Transforms) -> np.dtype[Any]:
    """The type that statistics are computed and kept in."""
    dtype = np.dtype(generator.dtype)
    whole = not np.issubdtype(dtype, np.floating)
    return np.result_type(np.float64 if whole else dtype, np.float32)


def _prepared(
    generator: Transforms, batches: Iterable[Images], rounds: int, seed: int | None
) -> Iterator[Images]:
    """The batches in floating point, rescaled; with `rounds`, transformed so often instead."""
    root = fresh_seed() if seed is None else seed
    dtype = _floating(generator)
    floating = copy.copy(generator)
    floating.dtype = dtype
    start = 0
    for batch in batches:
        images: Images = np.array(batch, dtype)
        if generator.rescale:
            images *= generator.rescale
        if not rounds:
            yield images
        rows = np.arange(start, start + len(images))
        start += len(images)
        for turn in range(rounds):
            yield augmented(floating, images, row_seeds(root, turn, rows))
