"""Keras' ImageDataGenerator: one image after the other, resampled by SciPy."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # read on import

from typing import Any

import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from benchmarks.peers import Run, Unable, around
from benchmarks.works import Work

packages = ("keras", "scipy", "pillow", "numpy")

_OPTIONS = {
    "rotate": lambda v: {"rotation_range": v["degrees"]},
    "translate": lambda v: {
        "width_shift_range": v["fraction"],
        "height_shift_range": v["fraction"],
    },
    "shear": lambda v: {"shear_range": v["degrees"]},
    "zoom": lambda v: {"zoom_range": v["factor"]},
    "flip": lambda _: {"horizontal_flip": True},
    "brightness": lambda v: {"brightness_range": around(v["factor"])},
}


def make(work: Work, images: np.ndarray, dtype: str, device: str) -> Run:
    """What its iterators do with a batch in memory."""
    del device
    if dtype != "float32":
        raise Unable("float32 only")
    options: dict[str, Any] = {}
    for one in work.steps:
        if one.kind not in _OPTIONS:
            raise Unable(f"no {one.kind}")
        options |= _OPTIONS[one.kind](one.values)
    generator = ImageDataGenerator(**options, fill_mode=work.fill, rescale=1 / 255)
    np.random.seed(0)  # noqa: NPY002 - what it draws from

    def call(_: int) -> np.ndarray:
        out = np.empty(images.shape, np.float32)
        for k, image in enumerate(images):
            numbers = generator.get_random_transform(image.shape)
            moved = generator.apply_transform(image.astype(np.float32), numbers)
            out[k] = generator.standardize(moved)
        return out

    return Run(call, lambda result: result, lambda result: result)
