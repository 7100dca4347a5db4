"""The works that are timed, once, as data; each peer translates the steps into its own words.

A number r is a range: (-r, r) around 0, (1 - r, 1 + r) around 1. Every image draws for itself.
"""

from typing import Any, NamedTuple

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 224


class Step(NamedTuple):
    """One thing done to an image: its kind, and its numbers by name."""

    kind: str
    values: dict[str, Any]


class Work(NamedTuple):
    """Steps done one after the other.

    Attributes:
        title: what it is, in a few words.
        steps: what is done, in this order.
        side: of the square images that go in; `SIDE` comes out.
        apart: each step is a transform of its own, even where a peer could join them by hand.
        fill: what is beyond the edge: black, or with ``nearest`` the edge's own pixels.
    """

    title: str
    steps: tuple[Step, ...]
    side: int = SIDE
    apart: bool = False
    fill: str = "constant"


def step(kind: str, **values: Any) -> Step:
    return Step(kind, values)


ROTATE = step("rotate", degrees=20)
SHIFT = step("translate", fraction=0.2)
SHEAR = step("shear", degrees=10)
ZOOM = step("zoom", factor=0.2)
FLIP = step("flip", p=0.5)
BRIGHTNESS = step("brightness", factor=0.2)
CONTRAST = step("contrast", factor=0.2)
SATURATION = step("saturation", factor=0.2)
HUE = step("hue", turns=0.05)
NORMALIZE = step("normalize", mean=MEAN, std=STD)
WINDOW = step("resized crop", size=SIDE, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3))
PERSPECTIVE = step("perspective", distortion=0.5)
BLUR = step("gaussian blur", size=5, sigma=(0.1, 2.0))

_B = (ROTATE, SHIFT, SHEAR, ZOOM, FLIP, BRIGHTNESS)
WORKS = {
    "A": Work("rotation, shift, flip", (ROTATE, SHIFT, FLIP)),
    "B": Work("A, shear, zoom, brightness", _B),
    "B-nearest": Work("B, the edge repeated", _B, fill="nearest"),
    "C": Work(
        "B, contrast, saturation, hue, normalize", (*_B, CONTRAST, SATURATION, HUE, NORMALIZE)
    ),
    "C-linear": Work(
        "C with HueRotation",
        (*_B, CONTRAST, SATURATION, step("hue rotation", turns=0.05), NORMALIZE),
    ),
    "D": Work("random resized crop, flip, normalize", (WINDOW, FLIP, NORMALIZE), side=256),
    "E": Work("perspective", (PERSPECTIVE,)),
    "F": Work("Gaussian blur, 5 taps", (BLUR,)),
}

_SINGLES = (
    ROTATE,
    SHIFT,
    SHEAR,
    ZOOM,
    FLIP,
    BRIGHTNESS,
    CONTRAST,
    SATURATION,
    HUE,
    step("color jitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1),
    NORMALIZE,
    step("grayscale"),
    step("sepia"),
    step("planckian jitter"),
    WINDOW,
    step("random crop", size=SIDE),
    PERSPECTIVE,
    step("elastic", alpha=50.0, sigma=5.0),
    step("grid distortion", cells=5, limit=0.3),
    step("optical distortion", k=0.3),
    BLUR,
    step("box blur", size=5),
    step("median blur", size=3),
    step("motion blur", length=7),
    step("sharpness", factor=0.9),
    step("emboss", alpha=(0.2, 0.5), strength=(0.2, 0.7)),
    step("gaussian noise", sigma=(10 / 255, 50 / 255)),
    step("shot noise", photons=(10.0, 60.0)),
    step("salt and pepper", amount=(0.01, 0.06)),
    step("posterize", bits=4),
    step("solarize", threshold=128),
    step("invert"),
    step("autocontrast"),
    step("equalize"),
    step("clahe", limit=(1.0, 4.0), tiles=8),
    step("gamma", gamma=(0.8, 1.25)),
    step("random erasing", scale=(0.02, 0.33), ratio=(0.3, 3.3)),
    step("coarse dropout", count=(1, 2), side=(0.1, 0.2)),
    step("pixel dropout", p=0.01),
    step("channel shuffle"),
    step("channel dropout"),
    step("jpeg", quality=(50, 95)),
    step("downscale", factor=(0.25, 0.75)),
    step("mixup", alpha=0.2),
    step("cutmix", alpha=1.0),
)
_LARGER = ("resized crop", "random crop")
SINGLES = {
    one.kind: Work(one.kind, (one,), 256 if one.kind in _LARGER else SIDE) for one in _SINGLES
}

_GEOMETRY, _COLOR = (ROTATE, SHIFT, SHEAR, ZOOM), (BRIGHTNESS, SATURATION, CONTRAST, BRIGHTNESS)
LENGTHS = (1, 2, 4, 8, 16)


def _chain(length: int) -> Work:
    """Half of the members move pixels, then half change colours."""
    moves = [_GEOMETRY[k % 4] for k in range((length + 1) // 2)]
    colors = [_COLOR[k % 4] for k in range(length // 2)]
    return Work(f"chain of {length}", (*moves, *colors), apart=True)


CHAINS = {f"chain-{length}": _chain(length) for length in LENGTHS}
ALL = WORKS | SINGLES | CHAINS
