"""Windows that the boxes of an example decide."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxaug._deferred import Deferred
from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._random import check_range, limits, pick
from jaxaug._transform import Transform
from jaxaug._types import (
    CanvasShape,
    Example,
    JaxaugError,
    Key,
    Scalar,
    Shape,
    Size,
    describe,
    extent,
)
from jaxaug._warp import Warp
from jaxaug._window import boxed, pair, set_size
from jaxaug.functional.geometry import box_area, clip_boxes
from jaxaug.functional.stable import rounded, weighted_sum

TRIES = 16
"""How often an overlap is drawn. After each that no window has, another is, until this many; with
the usual options, then 1 image in 200 is kept whole that would have had another try."""


class RandomIoUCrop(Transform):
    """Resize a window that overlaps a box by a random measure: the crop of SSD.

    As torchvision's ``RandomIoUCrop``, with a resize: one of ``min_iou`` is drawn; of ``trials``
    random windows the first is taken that has the centre of a box in it and an IoU of that much
    with such a box. If there is none, ``min_iou`` is drawn anew, 16 times at most. 1 stands for the
    whole image, which is also what images without boxes get. No box is dropped: those outside have
    no area left, and ``visible_fraction`` tells the others.

    Args:
        size: ``(h, w)`` of the output, or one number for a square; None keeps the image's.
        min_iou: the overlaps to choose from, in 0..1.
        scale: range of the window's height and width, each as a part of the image's; a pair.
        ratio: range of width over height that is accepted; a pair.
        trials: how many windows are drawn for each overlap.

    Reference:
        Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, arXiv:1512.02325.
    """

    size: Size | int | None = static(default=None)
    min_iou: tuple[Scalar, ...] = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    scale: tuple[Scalar, Scalar] = (0.3, 1.0)
    ratio: tuple[Scalar, Scalar] = (0.5, 2.0)
    trials: int = static(default=40)

    def __post_init__(self) -> None:
        who = "RandomIoUCrop"
        _set_size(self)
        if not self.min_iou or not isinstance(self.min_iou, tuple | list):
            raise JaxaugError(who, "one min_iou or more", describe(self.min_iou))
        check_range(who, self.scale, "a scale in (0, 1]", 1e-6, 1.0)
        check_range(who, self.ratio, "a ratio above 0", 1e-6)
        if self.trials < 1:
            raise JaxaugError(who, "1 trial or more", describe(self.trials))

    def sample(self, key: Key, shape: Shape) -> Op:
        which, places = jax.random.split(key)
        least = pick(jax.random.uniform(which, (TRIES,)), tuple(self.min_iou))
        uniform = jax.random.uniform(places, (4, TRIES, self.trials))
        low, high = limits(self.scale, around=1.0)
        sides, starts = [], []
        for axis, n in enumerate(extent(shape)):
            side = jnp.floor((low + rounded(uniform[axis] * (high - low))) * n)
            starts.append(jnp.floor(uniform[2 + axis] * (n - side)))
            sides.append(side)
        flattest, widest = self.ratio
        fits = (sides[1] >= flattest * sides[0]) & (sides[1] <= widest * sides[0])
        fits = fits & (sides[0] >= 1) & (sides[1] >= 1)
        windows, size = jnp.stack(starts + sides), _known(self.size, shape)
        return Deferred(_overlapping, least, windows, fits, size=size, output=size)


class BoxSafeCrop(Transform):
    """Resize a random window that has all boxes in it; without boxes, the whole image.

    Each edge is uniform between the edge of the image and that of the hull of all boxes. As
    albumentations' ``RandomSizedBBoxSafeCrop``.

    Args:
        size: ``(h, w)`` of the output, or one number for a square; None keeps the image's.
        erosion: part of a box that may be cut off at each of its edges, in [0, 0.5).
    """

    size: Size | int | None = static(default=None)
    erosion: Scalar = 0.0

    def __post_init__(self) -> None:
        _set_size(self)
        if isinstance(self.erosion, float | int) and not 0 <= self.erosion < 0.5:
            raise JaxaugError("BoxSafeCrop", "an erosion in [0, 0.5)", describe(self.erosion))

    def sample(self, key: Key, shape: Shape) -> Op:
        size = _known(self.size, shape)
        places = jax.random.uniform(key, (4,))
        return Deferred(_safe, places, self.erosion, size=size, output=size)


def _set_size(transform: RandomIoUCrop | BoxSafeCrop) -> None:
    if transform.size is not None:
        set_size(transform)


def _known(size: Size | int | None, shape: Shape) -> Size | None:
    """The size of the output; None if it is that of the image."""
    if size is None or (not isinstance(shape, CanvasShape) and pair(size) == shape[:2]):
        return None
    return pair(size)


def _all_boxes(targets: Example) -> jax.Array | None:
    """Boxes ``(n, 4)`` of an example, also those of a tree; None if there are none."""
    found = [jnp.asarray(boxes, jnp.float32) for boxes in jax.tree.leaves(targets.get("boxes"))]
    found = [boxes for boxes in found if len(boxes)]
    return jnp.concatenate(found) if found else None


def _overlapping(
    targets: Example,
    shape: Shape,
    least: jax.Array,
    windows: jax.Array,
    fits: jax.Array,
    *,
    output: Size | None,
) -> Warp:
    """The first of the windows with the centre of a box in it and enough of an overlap with that.

    Args:
        targets: of the example.
        shape: that of the image.
        least: ``(tries,)``, the overlap that each try asks for.
        windows: ``(4, tries, trials)``: top, left, height, width.
        fits: ``(tries, trials)``, which of them may be taken.
        output: ``(h, w)`` of what comes out.
    """
    whole = (0.0, 0.0, *extent(shape))
    boxes = _all_boxes(targets)
    if boxes is None:
        return boxed(whole, output, shape)
    held: Any = box_area(boxes) > 0
    shared: Any = 1.0
    for axis in (0, 1):
        start, side = windows[axis][..., None], windows[2 + axis][..., None]
        low, high = boxes[:, 1 - axis], boxes[:, 3 - axis]
        middle, end = (low + high) / 2, start + side
        held = held & (middle > start) & (middle < end)
        shared = shared * jnp.maximum(jnp.minimum(high, end) - jnp.maximum(low, start), 0.0)
    # IoU >= least, without a division: both areas are the union and what is shared.
    own = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    areas = own, (windows[2][..., None], windows[3][..., None])
    asked = least[:, None, None]
    enough = shared * (1.0 + asked) >= asked * weighted_sum(areas)

    kept = least[:, None] >= 1.0
    good = kept | (fits & (held & enough).any(axis=-1))
    everything = jnp.stack([jnp.float32(n) for n in whole])
    first = jnp.arange(good.size) == jnp.argmax(good)
    candidates = jnp.where(kept, everything[:, None, None], windows).reshape(4, -1)
    found = jnp.where(first, candidates, 0.0).sum(axis=1)
    top, left, height, width = jnp.where(good.any(), found, everything)
    return boxed((top, left, height, width), output, shape)


def _safe(
    targets: Example, shape: Shape, uniform: jax.Array, erosion: Scalar, *, output: Size | None
) -> Warp:
    """A window around all boxes: its edges are where four numbers in 0..1 say."""
    sides = extent(shape)
    boxes = _all_boxes(targets)
    if boxes is None:
        return boxed((0.0, 0.0, *sides), output, shape)
    boxes = clip_boxes(boxes, sides)
    there = box_area(boxes) > 0
    window = []
    for axis, side in ((1, sides[0]), (0, sides[1])):
        low, high = boxes[:, axis], boxes[:, axis + 2]
        spare = rounded(erosion * (high - low))
        first = jnp.where(there, low + spare, jnp.inf).min()
        last = jnp.where(there, high - spare, -jnp.inf).max()
        first = jnp.where(there.any(), first, 0.0)
        last = jnp.where(there.any(), last, side)
        start = rounded(first * uniform[2 * axis])
        end = last + rounded((side - last) * uniform[2 * axis + 1])
        window.append((start, end - start))
    (top, height), (left, width) = window
    return boxed((top, left, height, width), output, shape)
