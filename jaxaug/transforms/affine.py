"""Geometry that is one 3x3 matrix: rotate, translate, shear, zoom, flip."""

import jax
import jax.numpy as jnp

from jaxaug import functional as F  # noqa: N812
from jaxaug._ops import Op, fuse
from jaxaug._pytree import static
from jaxaug._random import Range, check_probability, coin, draw, draws
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Matrix, Scalar, Shape, describe, extent
from jaxaug._warp import Warp


class Rotate(Transform):
    """Turn the image about its centre.

    Args:
        degrees: range of the angle around 0; positive turns counter-clockwise as seen.
    """

    degrees: Range

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Warp(F.rotate(jnp.deg2rad(draw(key, self.degrees))))


class Translate(Transform):
    """Shift the image.

    Args:
        x: range of the shift to the right, around 0.
        y: range of the shift down, around 0.
        unit: ``fraction`` of the width and of the height, or ``pixels``. Whole pixels: a
            ``Choice``.
    """

    x: Range = 0.0
    y: Range = 0.0
    unit: str = static(default="fraction")

    def __post_init__(self) -> None:
        _check_unit("Translate", self.unit)

    def sample(self, key: Key, shape: Shape) -> Op:
        return Warp(_shift(key, self.x, self.y, self.unit, shape))


class Shear(Transform):
    """Lean the image: upright lines by ``x`` degrees, level lines by ``y`` degrees.

    Args:
        x: range of the lean of upright lines around 0; positive leans counter-clockwise as seen.
        y: the same of level lines.
    """

    x: Range = 0.0
    y: Range = 0.0

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Warp(_lean(key, self.x, self.y))


class Zoom(Transform):
    """Magnify or shrink the image about its centre.

    It does not antialias: shrink by much with ``Resize`` or ``RandomResizedCrop``.

    Args:
        factor: range of the factor around 1, above 0; above 1 magnifies.
        isotropic: one factor for both axes, so that shapes keep their proportions; else one for
            each.
    """

    factor: Range = 0.0
    isotropic: bool = static(default=False)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Warp(_magnify(key, self.factor, isotropic=self.isotropic))


class Affine(Transform):
    """Rotation, shift, shear and zoom at once: the same as a Chain of the four, in this order.

    Args:
        degrees: range of the rotation around 0, counter-clockwise.
        x: range of the shift to the right, around 0.
        y: range of the shift down, around 0.
        unit: ``fraction`` or ``pixels``, of the shift.
        shear_x: range in degrees of the lean of upright lines.
        shear_y: range in degrees of the lean of level lines.
        zoom: range of the factor around 1.
        isotropic: one zoom factor for both axes.
    """

    degrees: Range = 0.0
    x: Range = 0.0
    y: Range = 0.0
    unit: str = static(default="fraction")
    shear_x: Range = 0.0
    shear_y: Range = 0.0
    zoom: Range = 0.0
    isotropic: bool = static(default=False)

    def __post_init__(self) -> None:
        _check_unit("Affine", self.unit)

    def sample(self, key: Key, shape: Shape) -> Op:
        turn, move, lean, magnify = jax.random.split(key, 4)
        return fuse(
            (
                Warp(F.rotate(jnp.deg2rad(draw(turn, self.degrees)))),
                Warp(_shift(move, self.x, self.y, self.unit, shape)),
                Warp(_lean(lean, self.shear_x, self.shear_y)),
                Warp(_magnify(magnify, self.zoom, isotropic=self.isotropic)),
            )
        )


class HorizontalFlip(Transform):
    """Mirror the image left to right.

    Args:
        p: probability, in [0, 1].
        swap: index table of keypoints whose names change sides in a mirror: ``(1, 0, 2)`` swaps the
            first two. It applies whenever a whole chain mirrors the image.
    """

    p: Scalar = 0.5
    swap: tuple[int, ...] | None = static(default=None)

    def __post_init__(self) -> None:
        check_probability("HorizontalFlip", self.p)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Warp(F.flip(x=coin(key, self.p)), whole=True, swap=self.swap)


class VerticalFlip(Transform):
    """Mirror the image top to bottom.

    Args:
        p: probability, in [0, 1].
        swap: as in ``HorizontalFlip``.
    """

    p: Scalar = 0.5
    swap: tuple[int, ...] | None = static(default=None)

    def __post_init__(self) -> None:
        check_probability("VerticalFlip", self.p)

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Warp(F.flip(y=coin(key, self.p)), whole=True, swap=self.swap)


def _check_unit(who: str, unit: str) -> None:
    if unit not in ("fraction", "pixels"):
        raise JaxaugError(who, "a unit among fraction, pixels", describe(unit))


def _shift(key: Key, x: Range, y: Range, unit: str, shape: Shape) -> Matrix:
    height, width = (1, 1) if unit == "pixels" else extent(shape)
    right, down = draws(key, x, y)
    return F.translate(right * width, down * height)


def _lean(key: Key, x: Range, y: Range) -> Matrix:
    upright, level = draws(key, x, y)
    return F.shear(jnp.deg2rad(upright), jnp.deg2rad(level))


def _magnify(key: Key, factor: Range, *, isotropic: bool) -> Matrix:
    if isotropic:
        both = draw(key, factor, around=1.0)
        return F.scale(both, both)
    wide, high = draws(key, factor, factor, around=1.0)
    return F.scale(wide, high)
