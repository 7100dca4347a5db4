"""Warp: geometry as one map of the plane, for images, masks, boxes and keypoints alike.

The map goes from output to input: a matrix and, behind it, any number of bends, which are
displacements with a matrix each. Without bends it is the matrix alone.
"""

import operator
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from jaxaug._bend import Bend, along, reversed_path, select_bends
from jaxaug._ops import DEFAULT, UNDECIDED, Op, Resampling
from jaxaug._pytree import static
from jaxaug._types import (
    HW,
    HWC,
    N2,
    N4,
    CanvasShape,
    Flag,
    JaxaugError,
    Matrix,
    Scalar,
    Shape,
    Size,
    extent,
)
from jaxaug.functional import geometry, resample

MILD_SHRINK = 1.5
"""Antialiasing needs a separable map. A Warp to be antialiased therefore fuses with any separable
one, and with a rotation or a shear only if it shrinks by no more than this: the two taps of plain
interpolation then alias little. Beyond it, the two stay two resamplings."""


OUTLINE = 8
"""Points of each side of a box that are moved where lines do not stay straight."""


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
        whole: pixels come to lie on pixels, as by a mirror: each is read, not interpolated.
        swap: the keypoints' partners under a mirror image, as an index table: left eye, right eye.
        resampling: border, fill and interpolation; open ones are decided by the container.
        bends: displacements, each with a matrix of its own, behind the matrix.
        picture: ``(h, w)`` of the picture within the output, whole numbers, if it is smaller than
            ``size`` and lies in its top left corner.
    """

    matrix: Matrix = geometry.IDENTITY
    size: Size | None = static(default=None)
    source: Size | None = static(default=None)
    kind: geometry.Kind | None = static(default=None)
    shrink: tuple[float, float] | None = static(default=None)
    whole: bool = static(default=False)
    swap: tuple[int, ...] | None = static(default=None)
    resampling: Resampling = static(default=UNDECIDED)
    bends: tuple[Bend, ...] = ()
    picture: tuple[Scalar, Scalar] | None = None

    def __post_init__(self) -> None:
        matrix = geometry.as_matrix(self.matrix)
        object.__setattr__(self, "matrix", matrix)
        object.__setattr__(self, "kind", self.kind or geometry.kind_of(matrix))
        still = self.size is None and not self.bends and geometry.is_identity(matrix)
        object.__setattr__(self, "whole", self.whole or still)

    def image(self, image: HWC, shape: Shape) -> HWC:
        how = self.resampling.otherwise(DEFAULT)
        options: Any = {"interpolation": how.interpolation, "border": how.border, "fill": how.fill}
        options |= self._sizes(shape) | ({"interpolation": "nearest"} if self.whole else {})
        if self.shrink and self.separable and how.interpolation != "nearest":
            return resample.resize(image, self.matrix, shrink=self.shrink, **options)
        return resample.warp(image, self.matrix, kind=self._kind, path=self._path, **options)

    def mask(self, mask: HW, shape: Shape) -> HW:
        how = self.resampling.otherwise(DEFAULT)
        options: Any = {"border": how.border, "fill": how.mask_fill, "kind": self._kind}
        return resample.warp_mask(
            mask, self.matrix, path=self._path, **options, **self._sizes(shape)
        )

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        per_side = OUTLINE if self.bends else 1
        moved = geometry.hulls(boxes, lambda points: self._moved(points, shape), per_side)
        return geometry.clip_boxes(moved, extent(self.output_shape(shape))) if clip else moved

    def keypoints(self, points: N2, shape: Shape) -> N2:
        moved = self._moved(points, shape)
        if self.swap is None:
            return moved
        if sorted(self.swap) != list(range(points.shape[0])):
            want = f"a table `swap` that permutes the {points.shape[0]} keypoints"
            raise JaxaugError("Warp", want, str(self.swap))
        mirrored: Any = False
        for (a, b, _), (c, d, _), _ in (self.matrix, *(bend.matrix for bend in self.bends)):
            mirrored = mirrored ^ (a * d - b * c < 0)
        return jnp.where(mirrored, moved[jnp.asarray(self.swap)], moved)

    def output_shape(self, shape: Shape) -> Shape:
        if self.size is None:
            return shape
        after = (*self.size, shape[2])
        return after if self.picture is None else CanvasShape(after, jnp.stack(self.picture))

    def _moved(self, points: N2, shape: Shape) -> N2:
        """Where points ``(n, 2)`` go: along the way back."""
        matrix, bends = reversed_path(self.matrix, self.bends)
        before, after = extent(shape), extent(self.output_shape(shape))
        if not bends:
            return geometry.move_points(matrix, points, (before, after))
        there = geometry.move_points(matrix, points, (before, (0, 0)))
        y, x = along(bends, there[:, 1], there[:, 0])
        return jnp.stack([x + after[1] / 2, y + after[0] / 2], axis=-1)

    def _sizes(self, shape: Shape) -> dict[str, Any]:
        picture = None if self.picture is None else extent(self.output_shape(shape))
        return {"size": self.size, "extent": extent(shape), "picture": picture}

    def fused(self, other: Op) -> "Op | None":
        if not isinstance(other, Warp):
            return None
        decided = {self.resampling, other.resampling} - {UNDECIDED}
        separable = self.separable and other.separable
        resizing = [warp.shrink for warp in (self, other) if warp.separable and warp.shrink]
        mild = all(max(shrink) <= MILD_SHRINK for shrink in resizing)
        if len(decided) > 1 or not (separable or mild):
            return None
        if self.swap and other.swap and self.swap != other.swap:
            raise JaxaugError("Warp", "one table `swap` in a chain", f"{self.swap}, {other.swap}")
        # Coordinates go through other first, and from its last matrix on through this.
        last: Any = other.bends[-1] if other.bends else other
        joined = last.replace(
            matrix=geometry.product(self.matrix, last.matrix),
            kind=geometry.wider(self.kind, last.kind),
        )
        first, bends = (other, (*other.bends[:-1], joined)) if other.bends else (joined, ())
        return Warp(
            matrix=first.matrix,
            size=other.size or self.size,
            source=self.source if self.size else other.source,
            kind=first.kind,
            shrink=_join(operator.mul, self.shrink, other.shrink),
            whole=self.whole and other.whole,
            swap=self.swap or other.swap,
            resampling=decided.pop() if decided else UNDECIDED,
            bends=bends + self.bends,
            picture=other.picture if other.size else self.picture,
        )

    @property
    def family(self) -> Hashable:
        return (Warp, self.size, self.resampling, self.picture is None)

    def select(self, on: Flag, other: Op | None) -> "Warp":
        if other is None and self.size and self.size != self.source:
            remedy = "Let every alternative have one output size, or resize after it."
            raise JaxaugError("gate", "an op that keeps the size", f"output {self.size}", remedy)
        rest = other if isinstance(other, Warp) else Warp()
        pictures = (self.picture, rest.picture) if self.picture and rest.picture else None
        return self.replace(
            matrix=geometry.select(on, self.matrix, rest.matrix),
            kind=geometry.wider(self.kind, rest.kind),
            shrink=_join(max, self.shrink, rest.shrink),
            whole=self.whole and rest.whole,
            swap=self.swap or rest.swap,
            bends=select_bends(on, self.bends, rest.bends),
            picture=pictures and jax.tree.map(lambda a, b: jnp.where(on, a, b), *pictures),
        )

    def inverse(self) -> "Warp":
        """The Warp back, in closed form; the output then has the size of the original input."""
        if self.size and (not self.source or self.picture):
            remedy = "Make the Warp with source=(h, w), the size of its input: canvases have none."
            raise JaxaugError("Warp.inverse", "the size to go back to", "none", remedy)
        matrix, bends = reversed_path(self.matrix, self.bends)
        kind = self.kind if not bends else "projective"
        changes = {"matrix": matrix, "bends": bends, "kind": kind, "shrink": None}
        return self.replace(size=self.source, source=self.size, **changes)

    def resampled(self, outer: Resampling) -> "Warp":
        return self.replace(resampling=self.resampling.otherwise(outer))

    @property
    def _kind(self) -> geometry.Kind:
        return self.kind or "projective"

    @property
    def separable(self) -> bool:
        """Whether rows stay rows and columns columns, so that two passes of lines can resample."""
        return self.kind == "separable" and not self.bends

    @property
    def _path(self) -> resample.Path | None:
        return (lambda y, x: along(self.bends, y, x)) if self.bends else None


def _join(
    how: Callable[[float, float], float],
    first: tuple[float, float] | None,
    second: tuple[float, float] | None,
) -> tuple[float, float] | None:
    if first is None or second is None:
        return first or second
    return how(first[0], second[0]), how(first[1], second[1])
