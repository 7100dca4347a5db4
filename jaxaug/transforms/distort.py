"""Geometry that bends lines: perspective, elastic, grids, lenses, splines."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug import functional as F  # noqa: N812
from jaxaug._bend import Bend
from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._random import Choice, Range, draw
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe, extent
from jaxaug._warp import Warp
from jaxaug.functional import displace
from jaxaug.functional.stable import materialize


class Perspective(Transform):
    """Look at the image from a side: its corners move inwards, each on its own.

    As torchvision's ``RandomPerspective``; ``Maybe(Perspective(), 0.5)`` at times.

    Args:
        distortion: how far corners may move, in 0..1: 1 reaches the centre. Each moves uniformly
            between nothing and ``distortion`` half sides, along both axes.
    """

    distortion: Scalar = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.distortion, float | int) and not 0 <= self.distortion <= 1:
            got = describe(self.distortion)
            raise JaxaugError("Perspective", "a distortion in [0, 1]", got)

    def sample(self, key: Key, shape: Shape) -> Op:
        height, width = extent(shape)
        moves = jax.random.uniform(key, (4, 2)) * (0.5 * self.distortion)
        corners = []
        for place, (down, right) in enumerate(((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5))):
            y = (down - 2 * down * moves[place, 0]) * height
            x = (right - 2 * right * moves[place, 1]) * width
            corners.append((y, x))
        return Warp(F.geometry.inverse(F.geometry.quadrilateral(corners, (height, width))))


class Elastic(Transform):
    """Move every pixel by smooth noise (P. Simard et al., ICDAR 2003).

    The field has the distribution of torchvision's ``ElasticTransform``: uniform noise in -1..1 for
    each pixel, blurred by a Gaussian, times ``alpha``. It is drawn on a grid of ``sigma / 3``
    pixels and is linear in between, which is off by 1 % of its size.

    Args:
        alpha: strength in pixels, before the blur takes most of it: the standard deviation of the
            displacement is ``0.163 alpha / sigma`` pixels. A range is taken as it is; a number is
            the strength.
        sigma: how smooth, in pixels, 0.5 or more.
    """

    alpha: Range = 50.0
    sigma: float = static(default=5.0)

    def __post_init__(self) -> None:
        if not self.sigma >= 0.5:
            got = describe(self.sigma)
            raise JaxaugError("Elastic", "a sigma of 0.5 pixels or more", got)

    def sample(self, key: Key, shape: Shape) -> Op:
        strength, noise = jax.random.split(key)
        spacing = max(1.0, self.sigma / 3)
        reach = self.sigma / spacing
        beside = 2 * displace.margin(reach)
        sides = [int(np.ceil(side / spacing)) + 1 + beside for side in shape[:2]]
        white = jax.random.normal(noise, (*sides, 2))
        alpha = draw(strength, _exactly(self.alpha))
        # Variance of uniform noise, and what a Gaussian leaves of it in two dimensions.
        deviation = alpha * np.float32(np.sqrt(1 / 3) / (2 * np.sqrt(np.pi) * self.sigma))
        nodes = displace.smooth_noise(white, reach) * deviation
        return Warp(bends=(Bend(displace.field, (nodes, jnp.float32(spacing))),))


class GridDistortion(Transform):
    """Make the cells of a grid wider or narrower, rows and columns each on their own.

    As albumentations' ``GridDistortion`` with ``normalized``: the edges of the image stay.

    Args:
        cells: how many cells along each side.
        limit: how much wider or narrower a cell may be, in [0, 1): the range around 1 of its size
            before all are brought to the length of the side.
    """

    cells: int = static(default=5)
    limit: Scalar = 0.3

    def __post_init__(self) -> None:
        if self.cells < 1:
            raise JaxaugError("GridDistortion", "1 cell or more", describe(self.cells))
        if isinstance(self.limit, float | int) and not 0 <= self.limit < 1:
            raise JaxaugError("GridDistortion", "a limit in [0, 1)", describe(self.limit))

    def sample(self, key: Key, shape: Shape) -> Op:
        sizes = 1.0 + self.limit * jax.random.uniform(key, (2, self.cells), minval=-1.0)
        total = [sum(sizes[axis, k] for k in range(self.cells)) for axis in (0, 1)]
        parts = tuple(sizes[axis] * (1.0 / total[axis]) for axis in (0, 1))
        return Warp(bends=(Bend(displace.stretch, (*parts, _size(shape))),))


class OpticalDistortion(Transform):
    """The distortion of a lens, as OpenCV's models with both coefficients ``k``.

    ``camera``: ``p (1 + k r^2 + k r^4)``: a barrel for ``k > 0``, a pincushion for ``k < 0``.
    ``fisheye``: the angle ``a = atan r`` becomes ``a (1 + k a^2 + k a^4)``. ``r`` is in sides of
    the image. As albumentations' ``OpticalDistortion``.

    Args:
        k: range of the coefficient around 0.
        mode: ``camera`` or ``fisheye``.
    """

    k: Range = 0.3
    mode: str = static(default="camera")

    def __post_init__(self) -> None:
        if self.mode not in _LENSES:
            want = f"a mode among {', '.join(_LENSES)}"
            raise JaxaugError("OpticalDistortion", want, describe(self.mode))

    def sample(self, key: Key, shape: Shape) -> Op:
        return Warp(bends=(Bend(_LENSES[self.mode], (draw(key, self.k), _size(shape))),))


_LENSES = {"camera": displace.radial, "fisheye": displace.fisheye}


class ThinPlateSpline(Transform):
    """Move the points of a grid at random, and all between them as a thin sheet would follow.

    Args:
        scale: standard deviation of the moves, in sides of the image.
        grid: points along each side, 2 or more; their number is what it costs.

    Reference:
        F. Bookstein, Principal warps: thin-plate splines and the decomposition of deformations,
        IEEE TPAMI 11(6), 1989.
    """

    scale: Scalar = 0.05
    grid: int = static(default=3)

    def __post_init__(self) -> None:
        if self.grid < 2:
            raise JaxaugError("ThinPlateSpline", "a grid of 2 or more", describe(self.grid))

    def sample(self, key: Key, shape: Shape) -> Op:
        line = np.linspace(-0.5, 0.5, self.grid)
        centres = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
        # Drawn first, scaled then: a normal is a product itself, known factors could be joined.
        moves = materialize(jax.random.normal(key, centres.shape)) * self.scale
        arguments = (displace.spline_weights(centres, moves), jnp.float32(centres), _size(shape))
        return Warp(bends=(Bend(displace.spline, arguments),))


def _size(shape: Shape) -> tuple[Scalar, Scalar]:
    height, width = extent(shape)
    return height * 1.0, width * 1.0


def _exactly(span: Range) -> Range:
    """A range in which a number stands for itself."""
    pair: Any = isinstance(span, tuple | Choice) or getattr(span, "ndim", 0) == 1
    return span if pair else (span, span)  # type: ignore[return-value]
