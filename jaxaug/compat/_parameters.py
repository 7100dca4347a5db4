"""From Keras' parameters of a transform to the numbers that the compiled program takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._kernel import Numbers

KINDS = (None, "flip", "separable", "affine")
"""Structures of maps, each holding those before it."""


def matrices(
    theta: ArrayLike = 0,
    tx: ArrayLike = 0,
    ty: ArrayLike = 0,
    shear: ArrayLike = 0,
    zx: ArrayLike = 1,
    zy: ArrayLike = 1,
) -> NDArray[np.float64]:
    """Rotation times translation times shear times zoom: n maps from output to input.

    Args:
        theta: (n,) degrees; positive turns the content counter-clockwise as seen.
        tx: (n,) pixels; positive moves the content to the left.
        ty: (n,) pixels; positive moves it up.
        shear: (n,) degrees; it stretches columns by its cosine, too.
        zx: (n,), below 1 magnifies.
        zy: (n,), below 1 magnifies.

    Returns:
        (n, 3, 3), x before y, in pixels, the origin at the image centres.
    """
    theta, tx, ty, shear, zx, zy = (
        np.asarray(each, np.float64).reshape(-1) for each in (theta, tx, ty, shear, zx, zy)
    )
    cos, sin = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
    lean = np.deg2rad(shear)
    return (
        _stack((cos, -sin, 0), (sin, cos, 0))
        @ _stack((1, 0, tx), (0, 1, ty))
        @ _stack((1, -np.sin(lean), 0), (0, np.cos(lean), 0))
        @ _stack((zx, 0, 0), (0, zy, 0))
    )


def _stack(*rows: tuple[Any, Any, Any]) -> NDArray[np.float64]:
    entries = np.broadcast_arrays(*(entry for row in (*rows, (0, 0, 1)) for entry in row))
    return np.stack(entries, axis=-1).reshape(-1, 3, 3).astype(np.float64)


def numbers(parameters: Sequence[Mapping[str, Any]]) -> tuple[Numbers, str | None]:
    """What is done to n images, and the structure of their maps.

    Args:
        parameters: Of each image, with the keys that `get_random_transform` gives; each may be
            missing.
    """

    def column(name: str, default: float) -> NDArray[np.float64]:
        values = [each.get(name, default) for each in parameters]
        return np.array([default if value is None else value for value in values], np.float64)

    def mirror(name: str) -> NDArray[np.float64]:
        return np.array([-1.0 if each.get(name, False) else 1.0 for each in parameters])

    moved = matrices(*(column(name, 0) for name in ("theta", "tx", "ty", "shear")),
                     *(column(name, 1) for name in ("zx", "zy")))  # fmt: skip
    flips = mirror("flip_horizontal"), mirror("flip_vertical")
    # Rounded, or what is left of sin(180 degrees) would put an edge of the image outside.
    matrix = (moved @ _stack((flips[0], 0, 0), (0, flips[1], 0)))[:, :2].round(12)
    found = Numbers(
        matrix.astype(np.float32),
        column("channel_shift_intensity", 0).astype(np.float32),
        column("brightness", np.nan).astype(np.float32),
    )
    return found, kind_of(matrix)


def kind_of(matrix: NDArray[np.float64]) -> str | None:
    """The first of `KINDS` that holds all of these maps (n, 2, 3)."""
    if np.any(matrix[:, (0, 1), (1, 0)]):
        return "affine"
    diagonal = matrix[:, (0, 1), (0, 1)]
    if np.any(matrix[:, :, 2]) or np.any(np.abs(diagonal) != 1):
        return "separable"
    return "flip" if np.any(diagonal < 0) else None


def wider(first: str | None, second: str | None) -> str | None:
    """The one of two kinds that holds both."""
    return max(first, second, key=KINDS.index)
