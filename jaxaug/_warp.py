"""Warp: geometry as one map of the plane, for images, masks, boxes and keypoints alike."""

import operator
from collections.abc import Callable, Hashable
from typing import Any

import jax.numpy as jnp

from jaxaug._ops import DEFAULT, UNDECIDED, Op, Resampling
from jaxaug._pytree import static
from jaxaug._types import HW, HWC, N2, N4, Extent, Flag, JaxaugError, Matrix, Shape, Size, extent
from jaxaug.functional import geometry, resample

MILD_SHRINK = 1.5
"""Antialiasing needs a separable map. A Warp to be antialiased therefore fuses with any separable
one, and with a rotation or a shear only if it shrinks by no more than this: the two taps of plain
interpolation then alias little. Beyond it, the two stay two resamplings."""


class Warp(Op):
    """Geometry: a map of the plane, applied as one resampling.

    Attributes:
        matrix: 3x3, *output to input*, in pixels, origin at the image centres: nested scalars as
            the builders of ``jaxaug.functional`` give them, or a ``(3, 3)`` array.
        size: ``(h, w)`` of the output; None keeps the input's, and that of a picture on a canvas.
        source: ``(h, w)`` of the input, if ``size`` is given and the op shall be inverted or gated.
        kind: ``separable``, ``affine`` or ``projective``: read from the matrix' known entries.
        shrink: if given, the map resizes a window of the image: as long as it is separable it is
            antialiased up to this much shrinking along y and x, and no fill is mixed in at the
            edges.
        swap: the keypoints' partners under a mirror image, as an index table: left eye, right eye.
        resampling: border, fill and interpolation; open ones are decided by the container.
    """

    matrix: Matrix = geometry.IDENTITY
    size: Size | None = static(default=None)
    source: Size | None = static(default=None)
    kind: geometry.Kind | None = static(default=None)
    shrink: tuple[float, float] | None = static(default=None)
    swap: tuple[int, ...] | None = static(default=None)
    resampling: Resampling = static(default=UNDECIDED)

    def __post_init__(self) -> None:
        matrix = geometry.as_matrix(self.matrix)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "kind", self.kind or geometry.kind_of(matrix))

    def image(self, image: HWC, shape: Shape) -> HWC:
        how = self.resampling.otherwise(DEFAULT)
        options: Any = {"interpolation": how.interpolation, "border": how.border}
        options |= {"size": self.size, "extent": extent(shape)}
        if self.shrink and self.kind == "separable" and how.interpolation != "nearest":
            return resample.resize(image, self.matrix, shrink=self.shrink, fill=how.fill, **options)
        return resample.warp(image, self.matrix, kind=self._kind, fill=how.fill, **options)

    def mask(self, mask: HW, shape: Shape) -> HW:
        how = self.resampling.otherwise(DEFAULT)
        options: Any = {"border": how.border, "fill": how.mask_fill, "kind": self._kind}
        options |= {"size": self.size, "extent": extent(shape)}
        return resample.warp_mask(mask, self.matrix, **options)

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        sizes = self._extents(shape)
        moved = geometry.move_boxes(geometry.inverse(self.matrix), boxes, sizes)
        return geometry.clip_boxes(moved, sizes[1]) if clip else moved

    def keypoints(self, points: N2, shape: Shape) -> N2:
        moved = geometry.move_points(geometry.inverse(self.matrix), points, self._extents(shape))
        if self.swap is None:
            return moved
        if sorted(self.swap) != list(range(points.shape[0])):
            want = f"a table `swap` that permutes the {points.shape[0]} keypoints"
            raise JaxaugError("Warp", want, str(self.swap))
        (a, b, _), (c, d, _), _ = self.matrix
        return jnp.where(a * d - b * c < 0, moved[jnp.asarray(self.swap)], moved)

    def output_shape(self, shape: Shape) -> Shape:
        return shape if self.size is None else (*self.size, shape[2])

    def _extents(self, shape: Shape) -> tuple[Extent, Extent]:
        """``(h, w)`` of the picture before and after."""
        before = extent(shape)
        return before, self.size or before

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Warp):
            return None
        decided = {self.resampling, other.resampling} - {UNDECIDED}
        separable = self.kind == other.kind == "separable"
        resizing = [
            warp.shrink for warp in (self, other) if warp.kind == "separable" and warp.shrink
        ]
        mild = all(max(shrink) <= MILD_SHRINK for shrink in resizing)
        if len(decided) > 1 or not (separable or mild):
            return None
        if self.swap and other.swap and self.swap != other.swap:
            raise JaxaugError("Warp", "one table `swap` in a chain", f"{self.swap}, {other.swap}")
        return Warp(
            matrix=geometry.product(self.matrix, other.matrix),
            size=other.size or self.size,
            source=self.source if self.size else other.source,
            kind=_wider(self, other),
            shrink=_join(operator.mul, self.shrink, other.shrink),
            swap=self.swap or other.swap,
            resampling=decided.pop() if decided else UNDECIDED,
        )

    @property
    def family(self) -> Hashable:
        return (Warp, self.size, self.resampling)

    def select(self, on: Flag, other: Op | None) -> "Warp":
        if other is None and self.size and self.size != self.source:
            remedy = "Let every alternative have one output size, or resize after it."
            raise JaxaugError("gate", "an op that keeps the size", f"output {self.size}", remedy)
        rest = other if isinstance(other, Warp) else Warp()
        return self.replace(
            matrix=geometry.select(on, self.matrix, rest.matrix),
            kind=_wider(self, rest),
            shrink=_join(max, self.shrink, rest.shrink),
            swap=self.swap or rest.swap,
        )

    def inverse(self) -> "Warp":
        """The Warp back, in closed form; the output then has the size of the original input."""
        if self.size and not self.source:
            remedy = "Make the Warp with source=(h, w), the size of its input: canvases have none."
            raise JaxaugError("Warp.inverse", "the size to go back to", "none", remedy)
        matrix = geometry.inverse(self.matrix)
        return self.replace(matrix=matrix, size=self.source, source=self.size, shrink=None)

    def resampled(self, outer: Resampling) -> "Warp":
        return self.replace(resampling=self.resampling.otherwise(outer))

    @property
    def _kind(self) -> geometry.Kind:
        return self.kind or "projective"


def _wider(first: Warp, second: Warp) -> geometry.Kind:
    """The kind that holds both."""
    kinds = (first.kind, second.kind)
    if "projective" in kinds:
        return "projective"
    return "affine" if "affine" in kinds else "separable"


def _join(
    how: Callable[[float, float], float],
    first: tuple[float, float] | None,
    second: tuple[float, float] | None,
) -> tuple[float, float] | None:
    if first is None or second is None:
        return first or second
    return how(first[0], second[0]), how(first[1], second[1])
