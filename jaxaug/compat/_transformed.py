"""Batches as an iterator hands them out: transformed by one compiled call, and standardised."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._draws import drawing_for
from ._kernel import How
from ._kernel import augment as run
from ._parameters import numbers, wider
from ._single import check
from ._transforms import Transforms

Images = NDArray[Any]
Seeds = NDArray[np.uint32]


def transformed(
    generator: Transforms, images: Images, seeds: Seeds, *, augment: bool = True
) -> Images:
    """A new batch of the generator's type.

    Args:
        generator: What to do.
        images: Rank 4, in the generator's layout, of any type; they are not changed.
        seeds: uint32 (b, ...), of each image's own parameters.
        augment: Whether to transform at random; standardised it is in any case.
    """
    dtype = np.dtype(generator.dtype)
    batch = augmented(generator, images, seeds) if augment else np.array(images, dtype)
    each = (
        generator.preprocessing_function
        or generator.samplewise_center
        or generator.samplewise_std_normalization
        or _overridden(generator, "standardize")
    )
    if not each:
        return np.asarray(generator.standardize(batch), dtype)
    for place, image in enumerate(batch):
        with drawing_for(seeds[place]):
            batch[place] = generator.standardize(image)
    return batch


def augmented(generator: Transforms, images: Images, seeds: Seeds) -> Images:
    """A new batch of the generator's type, each image transformed at random."""
    dtype = np.dtype(generator.dtype)
    parameters = []
    for seed in seeds:
        with drawing_for(seed):
            parameters.append(generator.get_random_transform(images.shape[1:]))
    one_by_one = generator.interpolation_order > 1 or _overridden(generator, "apply_transform")
    if one_by_one:
        batch = np.array(images, dtype)
        for place, (image, given) in enumerate(zip(batch, parameters, strict=True)):
            batch[place] = generator.apply_transform(image, given)
        return batch
    found, kind = numbers(parameters)
    # What a generator may do decides, not what it happens to do: one program for all batches.
    kind = wider(kind, generator.kind)
    shifts = any(each.get("channel_shift_intensity") is not None for each in parameters)
    brightens = any(each.get("brightness") is not None for each in parameters)
    if not (kind or shifts or brightens):
        return np.array(images, dtype)
    check(generator.fill_mode, generator.interpolation_order)
    whole = kind not in (None, "flip") and np.issubdtype(dtype, np.integer)
    if not np.issubdtype(dtype, np.floating):
        images = images.astype(dtype)
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
    how = How(
        kind,
        generator.interpolation_order,
        generator.fill_mode,
        bool(whole),
        shifts,
        "beyond" if brightens else None,
        generator.data_format == "channels_first",
    )
    return np.array(run(images, found, np.float32(generator.cval), how=how), dtype)


def _overridden(generator: Transforms, name: str) -> bool:
    return getattr(type(generator), name) is not getattr(Transforms, name)
