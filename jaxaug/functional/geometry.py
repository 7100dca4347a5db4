"""Maps of the plane as nested scalars: builders, product, inverse, and what they do to points.

Every builder gives the *output to input* matrix that a resampling needs, in pixels, with the origin
at the image centre and y downwards. Entries that are known when the program is written are Python
numbers, so that a map shows its own structure (``kind``). Products and inverses are written out
elementwise: as small array products they would be kernels of their own, and their last bit would
depend on the batch.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._types import N2, N4, Extent, Flag, Matrix, Scalar
from jaxaug.functional.stable import choose, weighted_sum

Kind: TypeAlias = Literal["separable", "affine", "projective"]
KINDS: tuple[Kind, ...] = ("separable", "affine", "projective")

IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def translate(x: Scalar = 0.0, y: Scalar = 0.0) -> Matrix:
    """Move content by ``x`` pixels to the right and ``y`` pixels down."""
    return ((1.0, 0.0, -x), (0.0, 1.0, -y), (0.0, 0.0, 1.0))


def scale(x: Scalar = 1.0, y: Scalar = 1.0) -> Matrix:
    """Magnify content by the factors ``x`` and ``y``, about the centre."""
    return ((1.0 / x, 0.0, 0.0), (0.0, 1.0 / y, 0.0), (0.0, 0.0, 1.0))


def rotate(radians: Scalar) -> Matrix:
    """Turn content by an angle, counter-clockwise as seen, about the centre."""
    cos, sin = jnp.cos(radians), jnp.sin(radians)
    return ((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0))


def shear(x: Scalar = 0.0, y: Scalar = 0.0) -> Matrix:
    """Lean upright lines by ``x`` radians and level lines by ``y``, counter-clockwise as seen.

    Content at ``(u, v)`` from the centre goes to ``(u + tan(x) v, v - tan(y) u)``.
    """
    along, down = jnp.tan(x), jnp.tan(y)
    norm = 1.0 / (1.0 + along * down)
    return ((norm, -along * norm, 0.0), (down * norm, norm, 0.0), (0.0, 0.0, 1.0))


def flip(x: Flag = False, y: Flag = False) -> Matrix:
    """Mirror content left to right (``x``) and top to bottom (``y``), each if its flag is set."""
    return ((_sign(x), 0.0, 0.0), (0.0, _sign(y), 0.0), (0.0, 0.0, 1.0))


def _sign(flipped: Flag) -> Scalar:
    return jnp.where(flipped, -1.0, 1.0)


def quarter_turn(times: Scalar) -> Matrix:
    """Turn content by ``times`` quarter turns, counter-clockwise as seen; exact."""
    times = jnp.asarray(times, jnp.int32) % 4
    cos = jnp.where(times == 0, 1.0, jnp.where(times == 2, -1.0, 0.0))
    sin = jnp.where(times == 1, 1.0, jnp.where(times == 3, -1.0, 0.0))
    return ((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0))


def quadrilateral(corners: Any, size: Extent) -> Matrix:
    """The projective map that brings the corners of a picture to four points.

    P. Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989.

    Args:
        corners: where the corners go, as ``(y, x)`` from the centre: top left, top right, bottom
            right, bottom left.
        size: ``(h, w)`` of the picture.

    Returns:
        The map of the content, input to output.
    """
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = corners
    right_x, down_x, rest_x = x1 - x2, x3 - x2, (x0 - x1) + (x2 - x3)
    right_y, down_y, rest_y = y1 - y2, y3 - y2, (y0 - y1) + (y2 - y3)
    area = _cross(right_x, down_y, down_x, right_y)
    g = _cross(rest_x, down_y, down_x, rest_y) / area
    h = _cross(right_x, rest_y, rest_x, right_y) / area
    square = (
        (x1 - x0 + g * x1, x3 - x0 + h * x3, x0),
        (y1 - y0 + g * y1, y3 - y0 + h * y3, y0),
        (g, h, 1.0),
    )
    return product(square, ((1.0 / size[1], 0.0, 0.5), (0.0, 1.0 / size[0], 0.5), (0.0, 0.0, 1.0)))


def as_matrix(matrix: Any) -> Matrix:
    """Nested scalars from such, or from a ``(3, 3)`` array; NumPy's numbers stay known."""
    if hasattr(matrix, "shape"):
        entries = matrix.tolist() if isinstance(matrix, np.ndarray) else matrix
        matrix = [[entries[i][j] for j in range(3)] for i in range(3)]
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return ((a, b, c), (d, e, f), (g, h, i))


def kind_of(matrix: Matrix) -> Kind:
    """The structure that the known entries of a matrix show; unknown entries count as anything."""
    (_, b, _), (d, _, _), last = matrix
    if not all(_is(entry, known) for entry, known in zip(last, (0, 0, 1), strict=True)):
        return "projective"
    return "separable" if _is(b, 0) and _is(d, 0) else "affine"


def is_identity(matrix: Matrix) -> bool:
    """Whether all entries are known and those of the identity."""
    entries = (
        pair for rows in zip(matrix, IDENTITY, strict=True) for pair in zip(*rows, strict=True)
    )
    return all(_is(entry, known) for entry, known in entries)


def _is(entry: Scalar, known: Scalar) -> bool:
    return isinstance(entry, float | int) and entry == known


def product(first: Matrix, second: Matrix) -> Matrix:
    """``first @ second``: as maps of output to input, the content goes through ``first`` first."""
    rows = [[_dot(row, column) for column in zip(*second, strict=True)] for row in first]
    return as_matrix(rows)


def _dot(row: Any, column: Any) -> Scalar:
    return weighted_sum(zip(row, column, strict=True))


def inverse(matrix: Matrix) -> Matrix:
    """The closed-form inverse, by the adjugate."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    adjugate = (
        (_cross(e, i, f, h), _cross(c, h, b, i), _cross(b, f, c, e)),
        (_cross(f, g, d, i), _cross(a, i, c, g), _cross(c, d, a, f)),
        (_cross(d, h, e, g), _cross(b, g, a, h), _cross(a, e, b, d)),
    )
    determinant = _dot((a, b, c), [row[0] for row in adjugate])
    return as_matrix([[entry / determinant for entry in row] for row in adjugate])


def _cross(a: Scalar, d: Scalar, b: Scalar, c: Scalar) -> Scalar:
    """``a d - b c``."""
    return _dot((a, -b), (d, c))


def select(on: Flag, matrix: Matrix, other: Matrix) -> Matrix:
    """``matrix`` where ``on``, else ``other``; entries known to be the same stay known."""
    pairs = zip(matrix, other, strict=True)
    return as_matrix([[choose(on, a, b) for a, b in zip(*rows, strict=True)] for rows in pairs])


def wider(first: Kind | None, second: Kind | None) -> Kind:
    """The kind that holds both; None is not known."""
    return KINDS[max(KINDS.index(kind or "projective") for kind in (first, second))]


def through(matrix: Matrix, y: Any, x: Any, kind: Kind = "projective") -> tuple[Any, Any]:
    """Coordinates ``(y, x)`` from the centre through a matrix; a depth of 0 is kept away from."""
    moved_x, moved_y, depth = (_dot(row, (x, y, 1.0)) for row in matrix)
    if kind == "projective":
        depth = jnp.where(jnp.abs(depth) < 1e-6, 1e-6, depth)
        moved_y, moved_x = moved_y / depth, moved_x / depth
    return moved_y, moved_x


def move_points(matrix: Matrix, points: N2, sizes: tuple[Extent, Extent]) -> N2:
    """Where points go.

    Args:
        matrix: the map of the *content*, input to output: the inverse of what a resampling takes.
        points: ``(n, 2)``, ``x y`` in pixels from the top left corner; NaN stays NaN.
        sizes: ``(h, w)`` before and after.

    Returns:
        ``(n, 2)`` float32.
    """
    (height, width), (out_height, out_width) = sizes
    points = jnp.asarray(points, jnp.float32)
    x, y = points[:, 0] - width / 2, points[:, 1] - height / 2
    moved_x, moved_y, depth = (_dot(row, (x, y, 1.0)) for row in matrix)
    moved = [moved_x / depth + out_width / 2, moved_y / depth + out_height / 2]
    return jnp.stack([jnp.broadcast_to(u, x.shape) for u in moved], axis=-1)


def move_boxes(matrix: Matrix, boxes: N4, sizes: tuple[Extent, Extent]) -> N4:
    """The upright hulls of the moved corners of boxes, not clipped.

    Args:
        matrix: the map of the content, input to output.
        boxes: ``(n, 4)``, ``x0 y0 x1 y1`` in pixels; a box of no area is padding and becomes zeros.
        sizes: ``(h, w)`` before and after.

    Returns:
        ``(n, 4)`` float32.
    """
    return hulls(boxes, lambda points: move_points(matrix, points, sizes))


def hulls(boxes: N4, move: Callable[[N2], N2], per_side: int = 1) -> N4:
    """The upright hulls ``(n, 4)`` of the outlines of moved boxes; padding becomes zeros.

    Args:
        boxes: ``(n, 4)``, ``x0 y0 x1 y1`` in pixels.
        move: where points ``(n, 2)`` go.
        per_side: how many points of each side are moved: 1 takes the corners, which is exact where
            lines stay straight.
    """
    boxes = jnp.asarray(boxes, jnp.float32)
    x0, y0, x1, y1 = (boxes[:, k] for k in range(4))
    outline = []
    for step in range(per_side):
        part = step / per_side
        x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
        back_x, back_y = x1 - part * (x1 - x0), y1 - part * (y1 - y0)
        outline += [(x, y0), (x1, y), (back_x, y1), (x0, back_y)]
    points = jnp.stack([jnp.stack(point, axis=-1) for point in outline])
    stacked = move(points.reshape(-1, 2)).reshape(points.shape)
    hull = jnp.concatenate([stacked.min(axis=0), stacked.max(axis=0)], axis=-1)
    return jnp.where(box_area(boxes)[:, None] > 0, hull, 0.0)


def clip_boxes(boxes: N4, size: Extent) -> N4:
    """Cut boxes ``(n, 4)`` to the picture ``(h, w)``; one that is wholly outside keeps no area."""
    corner = size[1], size[0]
    known = all(isinstance(side, int) for side in corner)
    limit = np.array(corner * 2, np.float32) if known else jnp.stack(corner * 2)
    return jnp.clip(boxes, 0.0, limit)


def box_area(boxes: N4) -> jax.Array:
    """Areas ``(..., n)`` of boxes ``(..., n, 4)`` in square pixels; never negative."""
    wide = jnp.maximum(boxes[..., 2] - boxes[..., 0], 0.0)
    return wide * jnp.maximum(boxes[..., 3] - boxes[..., 1], 0.0)
