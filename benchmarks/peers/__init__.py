"""Who is compared: one module a library, which translates the steps of `benchmarks.works`.

A module has ``make(work, images, dtype, device, **options) -> Run`` and ``packages``, the names of
what its versions are read off. It raises ``Unable`` with the reason where a library has no such
operation.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

FLOAT = "float32"


class Unable(Exception):  # noqa: N818 - it is an answer, not an error
    """The library does not do this work; the text says why."""


class Run(NamedTuple):
    """A work, ready to be timed.

    Attributes:
        call: does it, with random numbers of the given step; may return before it is done.
        finish: waits until what ``call`` returned is there.
        picture: what ``call`` returned, as float (n, h, w, c).
        facts: what else is known: seconds of compilation, bytes of temporaries.
        limit: the same for the cast of the same bytes, where there is one.
    """

    call: Callable[[int], Any]
    finish: Callable[[Any], Any]
    picture: Callable[[Any], np.ndarray]
    facts: dict[str, Any] = {}  # noqa: RUF012 - never written to
    limit: Callable[[int], Any] | None = None


class Side(NamedTuple):
    """A row of the table: a module of this package, and how it is used.

    Attributes:
        module: name of the module.
        options: passed to its ``make``.
        only: names of works it is there for; empty for all.
        rows: most images at once; slow ones are timed with few.
        devices: where it runs.
        singles: whether it is compared in single operations, too.
        quick: whether it is there in a quick run.
    """

    module: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never written to
    only: tuple[str, ...] = ()
    rows: int = 4096
    devices: tuple[str, ...] = ("cpu",)
    singles: bool = True
    quick: bool = True


BOTH = ("cpu", "gpu")
SIDES = {
    "jaxaug": Side("ours", devices=BOTH),
    "albumentations": Side("albumentations"),
    "albumentations, one loop": Side(
        "albumentations", {"threads": 1}, only=("A", "B", "C"), singles=False
    ),
    "albumentations, area": Side(
        "albumentations", {"area": True}, only=("D", "resized crop"), singles=True
    ),
    "kornia": Side("kornia", devices=BOTH),
    "kornia, compiled": Side("kornia", {"compiled": True}, devices=("gpu",)),
    "torchvision": Side("torchvision", devices=("cpu",)),
    "torchvision, one draw a batch": Side("torchvision", {"shared": True}, devices=BOTH),
    "Keras, SciPy loop": Side("keras_scipy", rows=32, singles=False),
    "Keras layers": Side("keras_layers", rows=8, singles=False),
    "Keras layers, jitted": Side(
        "keras_layers", {"jitted": True}, rows=8, singles=False, quick=False
    ),
    "augmax": Side("augmax", rows=32, singles=False),
    "dm-pix": Side("dm_pix", rows=8, singles=False),
}

# What a peer does otherwise; the tables print those of the rows they show.
FOOTNOTES = {
    "albumentations": (
        "a thread for each core; uint8 inside, cut to 0..255 after each step; brightness is added,"
        " not multiplied; the resized crop is bilinear without antialiasing; perspective magnifies"
        " what lies between the corners, without a border; sharpness, shot noise and CLAHE are"
        " other formulas."
    ),
    "albumentations, one loop": "one Python thread, OpenCV's own threads as it sets them.",
    "albumentations, area": "the resized crop by INTER_AREA, its antialiased form.",
    "kornia": (
        "one RandomAffine for all geometry; brightness is added, not multiplied; colours are cut to"
        " 0..1 after each step; the resized crop is not antialiased; Gaussian noise is of one"
        " strength; motion blur reads the nearest pixels."
    ),
    "kornia, compiled": "the same under torch.compile.",
    "torchvision": (
        "image by image on all cores, as its operations share one draw over a batch; zoom is the"
        " same along both axes; colours are cut to 0..1 after each step; sharpness, Gaussian noise"
        " and posterize are of one strength."
    ),
    "torchvision, one draw a batch": "less work: one set of random numbers for the whole batch.",
    "Keras, SciPy loop": (
        "ImageDataGenerator's own functions, image by image on one thread; brightness by Pillow, in"
        " uint8."
    ),
    "Keras layers": (
        "Keras 3 preprocessing layers, JAX backend, called one after the other; each resamples"
        " anew; brightness is added; shear leans to one side only; perspective is another formula."
    ),
    "Keras layers, jitted": "the same under jax.jit.",
    "augmax": (
        "vmap and jit; it has no random shift, shear and zoom: these are written as members of its"
        " GeometricTransformation, and fuse with its own; saturation of its ColorJitter changes"
        " nothing (0.4.1)."
    ),
    "dm-pix": (
        "vmap and jit; one affine_transform with a matrix made by hand for all geometry; brightness"
        " is added."
    ),
}


def values(one: Any, *names: str) -> tuple[Any, ...]:
    """Numbers of a step by name."""
    return tuple(one.values[name] for name in names)


def around(number: float, middle: float = 1.0) -> tuple[float, float]:
    """The range that a number stands for."""
    return middle - number, middle + number


AFFINE = ("rotate", "translate", "shear", "zoom")
COLORS = ("brightness", "contrast", "saturation", "hue")


def grouped(work: Any) -> list[list[Any]]:
    """Steps, those next to each other that one transform can do put together.

    Geometry is one group and colours are one, unless the work wants them ``apart``.
    """
    groups: list[list[Any]] = []
    for one in work.steps:
        family = next((f for f in (AFFINE, COLORS) if one.kind in f), None)
        if groups and family and not work.apart and groups[-1][0].kind in family:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups
