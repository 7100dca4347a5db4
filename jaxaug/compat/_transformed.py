"""Batches as an iterator hands them out: transformed by one compiled call, and standardised."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._draws import drawing_for
from ._kernel import How, run
from ._parameters import numbers, wider
from ._single import check, mirrored
from ._transforms import Transforms

Images = NDArray[Any]
Seeds = NDArray[np.uint32]


def transformed(
    generator: Transforms, images: Images, seeds: Seeds, *, augment: bool = True
) -> Images:
    """A new batch of the generator's type.

    Args:
        generator: What to do: an `ImageDataGenerator`, or what has its methods.
        images: Rank 4, in the generator's layout, of any type; they are not changed.
        seeds: uint32 (b, ...), of each image's own parameters.
        augment: Whether to transform at random; standardised it is in any case.
    """
    dtype = _type_of(generator)
    batch = augmented(generator, images, seeds) if augment else np.array(images, dtype)
    each = (
        overridden(generator, "standardize")
        or generator.preprocessing_function
        or generator.samplewise_center
        or generator.samplewise_std_normalization
    )
    if not each:
        return np.asarray(generator.standardize(batch), dtype)
    for place, image in enumerate(batch):
        with drawing_for([*seeds[place].tolist(), 1]):  # other numbers than those of the transform
            batch[place] = generator.standardize(image)
    return batch


def augments(generator: Any, subset: str | None) -> bool:
    """Whether images of a subset are transformed; by what is no generator of ours, all are."""
    ours = getattr(generator, "augments", None)
    return True if ours is None else ours(subset)


def augmented(generator: Transforms, images: Images, seeds: Seeds) -> Images:
    """A new batch of the generator's type, each image transformed at random."""
    dtype = _type_of(generator)
    by_hand = overridden(generator, "apply_transform")
    free = overridden(generator, "get_random_transform")
    if not (by_hand or free or generator.active):
        return np.array(images, dtype)
    parameters = []
    for seed in seeds:
        with drawing_for(seed):
            parameters.append(generator.get_random_transform(images.shape[1:]))
    if by_hand or generator.interpolation_order > 1:
        return _one_by_one(generator, np.array(images, dtype), parameters, seeds)
    found, kind = numbers(parameters)
    # What a generator may do decides, not what it happens to do: one program for all batches.
    kind = wider(kind, generator.kind)
    shifts = any(each.get("channel_shift_intensity") is not None for each in parameters)
    brightens = any(each.get("brightness") is not None for each in parameters)
    if kind in (None, "flip") and not (shifts or brightens):
        return _mirrored(generator, images, found.matrix, dtype)
    if kind not in (None, "flip"):
        check(generator.fill_mode, generator.cval, generator.interpolation_order)
    whole = np.issubdtype(dtype, np.integer)
    unit = np.issubdtype(images.dtype, np.floating)
    if whole:
        images = images.astype(dtype)
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
    how = How(
        kind,
        generator.interpolation_order,
        generator.fill_mode,
        whole and kind not in (None, "flip"),
        unit,
        shifts,
        "beyond" if brightens else None,
        generator.data_format == "channels_first",
    )
    return np.array(run(images, found, generator.cval, how), dtype)


def _type_of(generator: Any) -> np.dtype[Any]:
    """The type of the batches; what is no generator of ours may name none."""
    return np.dtype(getattr(generator, "dtype", None) or "float32")


def overridden(generator: Any, name: str) -> bool:
    """Whether a method is not ours, but of a subclass, of the object, or of another class."""
    ours = getattr(type(generator), name, None) is getattr(Transforms, name)
    return not ours or name in vars(generator)


def _one_by_one(
    generator: Transforms, batch: Images, parameters: list[dict[str, Any]], seeds: Seeds
) -> Images:
    for place, given in enumerate(parameters):
        with drawing_for([*seeds[place].tolist(), 2]):
            batch[place] = generator.apply_transform(batch[place], given)
    return batch


def _mirrored(
    generator: Transforms, images: Images, matrix: NDArray[np.float32], dtype: np.dtype[Any]
) -> Images:
    """The batch with some images mirrored, for which a compiled program would be slower."""
    batch = np.empty(images.shape, dtype)
    first = generator.data_format == "channels_first"
    for old, new, each in zip(images, batch, matrix, strict=True):
        new[...] = (
            np.moveaxis(mirrored(np.moveaxis(old, 0, -1), each), -1, 0)
            if first
            else mirrored(old, each)
        )
    return batch
