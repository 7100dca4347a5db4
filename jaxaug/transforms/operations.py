"""The operations of augmentation policies, and how strong each is at a level.

An operation is one op of one of three families: geometry (Warp), what mixes channels or neighbours
(Apply), curves of channels (Tone). Policies choose among their numbers, never among images.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp

from jaxaug import functional as F  # noqa: N812
from jaxaug._ops import Op, Sequence
from jaxaug._pixels import Apply
from jaxaug._tone import Tone
from jaxaug._types import Scalar, Shape, extent
from jaxaug._warp import Warp
from jaxaug.functional import tone
from jaxaug.functional.enhance import enhance

Magnitude: TypeAlias = Callable[[Any, Shape], Any]  # of a level in 0..1, in the operation's unit


def _shear_x(slope: Scalar, shape: Shape) -> Op:
    """``slope`` columns further right for each row further down, the top row in its place."""
    return Warp(((1.0, slope, slope * (extent(shape)[0] / 2)), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def _shear_y(slope: Scalar, shape: Shape) -> Op:
    return Warp(((1.0, 0.0, 0.0), (slope, 1.0, slope * (extent(shape)[1] / 2)), (0.0, 0.0, 1.0)))


def _table(curve: Callable[..., Any], *arguments: Any) -> Op:
    return Tone(curve, *arguments, table=True)


def _enhance(saturation: Scalar, sharpness: Scalar) -> Op:
    factors = (jnp.asarray(factor, jnp.float32) for factor in (saturation, sharpness))
    return Apply(enhance, *factors, extent=True)


OPERATIONS: dict[str, Callable[[Any, Shape], Op]] = {
    "Identity": lambda *_: Sequence(),
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": lambda pixels, _: Warp(F.translate(x=pixels)),
    "TranslateY": lambda pixels, _: Warp(F.translate(y=pixels)),
    "Rotate": lambda degrees, _: Warp(F.rotate(jnp.deg2rad(degrees))),
    "Brightness": lambda factor, _: _table(tone.brighten, factor),
    "Color": lambda factor, _: _enhance(factor, 1.0),
    "Contrast": lambda factor, _: _table(tone.contrast, factor),
    "Sharpness": lambda factor, _: _enhance(1.0, factor),
    "Posterize": lambda bits, _: _table(tone.posterize, bits),
    # A threshold that is a level, but for its last bit, is that level.
    "Solarize": lambda threshold, _: _table(tone.solarize, threshold - 1e-5),
    "SolarizeAdd": lambda addition, _: _table(tone.solarize_add, addition),
    "AutoContrast": lambda *_: _table(tone.autocontrast),
    "Equalize": lambda *_: _table(tone.equalize),
    "Invert": lambda *_: _table(tone.invert),
}
"""Each operation of a magnitude in its own unit: slope, pixels, degrees, factor, bits, 0..1."""


class Space(NamedTuple):
    """Named operations with their strengths, as a library or a paper has them.

    Attributes:
        magnitudes: by name, the magnitude of a level in 0..1.
        signed: names whose level is turned around by a coin.
        top: the integer magnitude that is level 1.
    """

    magnitudes: dict[str, Magnitude]
    signed: frozenset[str]
    top: float

    def op(self, name: str, level: Scalar, sign: Scalar, shape: Shape) -> Op:
        """The operation at a level in 0..1; ``sign`` is -1 or 1."""
        signed = level * sign if name in self.signed else level
        return OPERATIONS[name](self.magnitudes[name](signed, shape), shape)


def _times(top: float) -> Magnitude:
    return lambda level, _: level * top


def _factor(reach: float) -> Magnitude:
    return lambda level, _: 1.0 + level * reach


def _pixels(fraction: float, axis: int) -> Magnitude:
    return lambda level, shape: jnp.trunc(level * (fraction * extent(shape)[axis]))


def _bits(lost: int) -> Magnitude:
    return lambda level, _: 8.0 - jnp.round(level * lost)


def _whole(top: float, unit: Scalar = 1.0) -> Magnitude:
    """``int(top * level)``, in units; a level as 7 / 10 is a little below it."""
    return lambda level, _: jnp.floor(level * top + 1e-3) * unit


def _less(low: Scalar, magnitude: Magnitude) -> Magnitude:
    return lambda level, shape: low - magnitude(level, shape)


_GEOMETRY = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_ENHANCE = ("Brightness", "Color", "Contrast", "Sharpness")
_NONE = _times(0.0)


def _torchvision(shear: float, rotate: float, reach: float, bits: int, **more: Magnitude) -> Space:
    """The operations of torchvision, each magnitude linear in the level."""
    magnitudes = {
        "Identity": _NONE,
        "ShearX": _times(shear),
        "ShearY": _times(shear),
        "TranslateX": _pixels(150 / 331, 1),
        "TranslateY": _pixels(150 / 331, 0),
        "Rotate": _times(rotate),
        **dict.fromkeys(_ENHANCE, _factor(reach)),
        "Posterize": _bits(bits),
        "Solarize": _less(1.0, _times(1.0)),
        "AutoContrast": _NONE,
        "Equalize": _NONE,
    }
    return Space(magnitudes | more, frozenset(_GEOMETRY + _ENHANCE), 30.0)


def _timm(**more: Magnitude) -> Space:
    """The operations of timm; SolarizeAdd and Invert are among them, the identity is not."""
    magnitudes = {
        "AutoContrast": _NONE,
        "Equalize": _NONE,
        "Invert": _NONE,
        "Rotate": _times(30.0),
        "Posterize": _whole(4),
        "Solarize": _whole(256, tone.UNIT),
        "SolarizeAdd": _whole(110, tone.UNIT),
        **dict.fromkeys(_ENHANCE, lambda level, _: 0.1 + 1.8 * level),
        "ShearX": _times(0.3),
        "ShearY": _times(0.3),
        "TranslateX": lambda level, shape: level * (0.45 * extent(shape)[1]),
        "TranslateY": lambda level, shape: level * (0.45 * extent(shape)[0]),
    }
    return Space(magnitudes | more, frozenset(_GEOMETRY), 10.0)


_INCREASING = _timm(
    Posterize=_less(4.0, _whole(4)),
    Solarize=_less(256 * tone.UNIT, _whole(256, tone.UNIT)),
    **dict.fromkeys(_ENHANCE, lambda level, _: jnp.maximum(0.1, 1.0 + 0.9 * level)),
)
_HUNDRED = {name: lambda level, _: jnp.trunc(level * 100.0) for name in _GEOMETRY[2:4]}

SPACES: dict[str, Space] = {
    "torchvision": _torchvision(0.3, 30.0, 0.9, 4),
    "wide": _torchvision(
        0.99, 135.0, 0.99, 6, **{name: lambda level, _: jnp.trunc(level * 32.0)
                                 for name in _GEOMETRY[2:4]}
    ),
    "autoaugment": _torchvision(0.3, 30.0, 0.9, 4, Invert=_NONE)._replace(top=9.0),
    "timm": _timm(),
    "timm-increasing": _INCREASING._replace(signed=frozenset(_GEOMETRY + _ENHANCE)),
    "paper": _timm(**_HUNDRED),
}  # fmt: skip


_THIRD = {name: _pixels(1 / 3, axis) for name, axis in (("TranslateX", 1), ("TranslateY", 0))}
_PLAIN = {
    "AutoContrast": _NONE,
    "Equalize": _NONE,
    "Posterize": _less(4.0, _whole(4)),
    "Rotate": lambda level, _: jnp.trunc(level * 30.0),
    "Solarize": _less(256 * tone.UNIT, _whole(256, tone.UNIT)),
    "ShearX": _times(0.3),
    "ShearY": _times(0.3),
    **_THIRD,
}
_ALL = _torchvision(
    0.3, 30.0, 0.9, 4, **_THIRD, Posterize=lambda level, _: 4.0 - jnp.round(level * 4)
)
AUGMIX = {
    "paper": Space(_PLAIN, frozenset(_GEOMETRY), 10.0),
    "torchvision": _ALL._replace(
        magnitudes={name: value for name, value in _ALL.magnitudes.items() if name != "Identity"}
    ),
}
"""The operations of AugMix: the paper's, and torchvision's list of all."""


def _pairs(text: str) -> tuple[tuple[tuple[str, float, float | None], ...], ...]:
    """Sub-policies, one a line: operation, probability and level of the first step and the second.

    Operations are shortened to what tells them apart; ``-`` is no level.
    """
    names = {
        "SX": "ShearX", "SY": "ShearY", "TX": "TranslateX", "TY": "TranslateY", "Rot": "Rotate",
        "Bri": "Brightness", "Col": "Color", "Con": "Contrast", "Sha": "Sharpness",
        "Post": "Posterize", "Sol": "Solarize", "Auto": "AutoContrast", "Eq": "Equalize",
        "Inv": "Invert",
    }  # fmt: skip
    pairs = []
    for line in text.strip().splitlines():
        words = line.split()
        steps = (words[:3], words[3:])
        pairs.append(
            tuple((names[n], float(p), None if m == "-" else float(m)) for n, p, m in steps)
        )
    return tuple(pairs)


AUTOAUGMENT = {
    "imagenet": _pairs("""
        Post .4 8  Rot .6 9
        Sol .6 5   Auto .6 -
        Eq .8 -    Eq .6 -
        Post .6 7  Post .6 6
        Eq .4 -    Sol .2 4
        Eq .4 -    Rot .8 8
        Sol .6 3   Eq .6 -
        Post .8 5  Eq 1 -
        Rot .2 3   Sol .6 8
        Eq .6 -    Post .4 6
        Rot .8 8   Col .4 0
        Rot .4 9   Eq .6 -
        Eq 0 -     Eq .8 -
        Inv .6 -   Eq 1 -
        Col .6 4   Con 1 8
        Rot .8 8   Col 1 2
        Col .8 8   Sol .8 7
        Sha .4 7   Inv .6 -
        SX .6 5    Eq 1 -
        Col .4 0   Eq .6 -
        Eq .4 -    Sol .2 4
        Sol .6 5   Auto .6 -
        Inv .6 -   Eq 1 -
        Col .6 4   Con 1 8
        Eq .8 -    Eq .6 -
    """),
    "cifar10": _pairs("""
        Inv .1 -   Con .2 6
        Rot .7 2   TX .3 9
        Sha .8 1   Sha .9 3
        SY .5 8    TY .7 9
        Auto .5 -  Eq .9 -
        SY .2 7    Post .3 7
        Col .4 3   Bri .6 7
        Sha .3 9   Bri .7 9
        Eq .6 -    Eq .5 -
        Con .6 7   Sha .6 5
        Col .7 7   TX .5 8
        Eq .3 -    Auto .4 -
        TY .4 3    Sha .2 6
        Bri .9 6   Col .2 8
        Sol .5 2   Inv 0 -
        Eq .2 -    Auto .6 -
        Eq .2 -    Eq .6 -
        Col .9 9   Eq .6 -
        Auto .8 -  Sol .2 8
        Bri .1 3   Col .7 0
        Sol .4 5   Auto .9 -
        TY .9 9    TY .7 9
        Auto .9 -  Sol .8 3
        Eq .8 -    Inv .1 -
        TY .7 9    Auto .9 -
    """),
    "svhn": _pairs("""
        SX .9 4    Inv .2 -
        SY .9 8    Inv .7 -
        Eq .6 -    Sol .6 6
        Inv .9 -   Eq .6 -
        Eq .6 -    Rot .9 3
        SX .9 4    Auto .8 -
        SY .9 8    Inv .4 -
        SY .9 5    Sol .2 6
        Inv .9 -   Auto .8 -
        Eq .6 -    Rot .9 3
        SX .9 4    Sol .3 3
        SY .8 8    Inv .7 -
        Eq .9 -    TY .6 6
        Inv .9 -   Eq .6 -
        Con .3 3   Rot .8 4
        Inv .8 -   TY 0 2
        SY .7 6    Sol .4 8
        Inv .6 -   Rot .8 4
        SY .3 7    TX .9 3
        SX .1 6    Inv .6 -
        Sol .7 2   TY .6 7
        SY .8 4    Inv .8 -
        SX .7 9    TY .8 3
        SY .8 5    Auto .7 -
        SX .7 2    Inv .1 -
    """),
}
"""The 25 pairs of each policy as torchvision has them, of 10 levels."""
