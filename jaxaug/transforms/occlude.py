"""What covers parts of the image: rectangles, squares on a grid, single pixels, instances.

Boxes and keypoints stay where they are; ``visible_fraction`` and ``visible_points`` tell what of
them is covered.
"""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._deferred import Deferred
from jaxaug._hide import DISTRIBUTIONS, Hide
from jaxaug._ops import Op
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._random import (
    Range,
    check_probability,
    check_range,
    coin,
    draw,
    draw_whole,
    known_ends,
    limits,
    ranked,
)
from jaxaug._transform import Transform
from jaxaug._types import Example, JaxaugError, Key, Scalar, Shape, Size, describe, extent
from jaxaug._window import pair, set_size
from jaxaug.functional import holes
from jaxaug.functional.resample import cleared
from jaxaug.functional.stable import rounded

Fill: TypeAlias = float | tuple[float, ...] | str
"""A number or one a channel, in 0..1; ``color``, one drawn for an image; ``noise``, for a pixel."""

TRIES = 10


class RandomErasing(Transform):
    """Cover a rectangle of random area and proportions.

    As torchvision's: of ten tries the first is taken that is smaller than the image along both
    axes; if there is none, nothing is covered. Put it behind ``Normalize``, where 0 is the mean.

    Args:
        p: probability, in [0, 1].
        scale: range of the rectangle's area, as a part of the image's; a pair.
        ratio: range of height over width, drawn on a log scale; a pair.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number.
        distribution: of what is drawn for ``fill``: ``uniform`` in 0..1, or ``normal`` of mean 0
            and deviation 1, as torchvision's ``value="random"``.
        mask_fill: what covers masks; None leaves them as they are.

    Reference:
        Zhong et al., Random Erasing Data Augmentation, AAAI 2020, arXiv:1708.04896.
    """

    p: Scalar = 0.5
    scale: tuple[Scalar, Scalar] = (0.02, 0.33)
    ratio: tuple[Scalar, Scalar] = (0.3, 3.3)
    fill: Fill = static(default=0.0)
    distribution: str = static(default="uniform")
    mask_fill: Scalar | None = None

    def __post_init__(self) -> None:
        check_probability("RandomErasing", self.p)
        check_range("RandomErasing", self.scale, "a scale in [0, 1]", 0.0, 1.0)
        check_range("RandomErasing", self.ratio, "a ratio above 0", 1e-6)
        _set_fill(self)
        if self.distribution not in DISTRIBUTIONS:
            want = f"a distribution among {', '.join(DISTRIBUTIONS)}"
            raise JaxaugError("RandomErasing", want, describe(self.distribution))

    def sample(self, key: Key, shape: Shape) -> Op:
        toss, window, color = jax.random.split(key, 3)
        in_height, in_width = (side * 1.0 for side in extent(shape))
        lowest, highest = (jnp.log(end) for end in limits(self.ratio, around=1.0))
        smallest, largest = limits(self.scale, around=1.0)
        uniform = jax.random.uniform(window, (2 * TRIES + 2,))
        place, area, ratio = uniform[:2], uniform[2 : 2 + TRIES], uniform[2 + TRIES :]
        area = (smallest + rounded(area * (largest - smallest))) * (in_height * in_width)
        ratio = jnp.exp(lowest + rounded(ratio * (highest - lowest)))
        heights, widths = jnp.round(jnp.sqrt(area * ratio)), jnp.round(jnp.sqrt(area / ratio))
        fits = (heights < in_height) & (widths < in_width)
        first = fits & (jnp.arange(TRIES) == jnp.argmax(fits))
        height, width = (jnp.sum(jnp.where(first, side, 0.0)) for side in (heights, widths))
        top = jnp.floor(place[0] * (in_height - height + 1.0))
        left = jnp.floor(place[1] * (in_width - width + 1.0))
        corners = jnp.stack([left, top, left + width, top + height])[None]
        cover = _cover(self, color, shape, self.distribution)
        hidden = Hide(holes.rectangles, corners, distribution=self.distribution, **cover)
        return hidden.gate(coin(toss, self.p))


class Cutout(Transform):
    """Cover squares with their centre anywhere in the image: what sticks out is lost.

    Args:
        size: sides ``(h, w)`` in pixels, or one number for a square.
        count: how many.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number, all uniform in 0..1.
        mask_fill: what covers masks; None leaves them as they are.

    Reference:
        DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with Cutout,
        2017, arXiv:1708.04552.
    """

    size: Size | int = static()
    count: int = static(default=1)
    fill: Fill = static(default=0.0)
    mask_fill: Scalar | None = None

    def __post_init__(self) -> None:
        set_size(self)
        _set_fill(self)
        if not isinstance(self.count, int) or self.count < 0:
            raise JaxaugError("Cutout", "a count of 0 or more", describe(self.count))

    def sample(self, key: Key, shape: Shape) -> Op:
        places, color = jax.random.split(key)
        uniform = jax.random.uniform(places, (2, self.count))
        starts = [
            jnp.floor(uniform[axis] * n) - side // 2
            for axis, (n, side) in enumerate(zip(extent(shape), pair(self.size), strict=True))
        ]
        return _rectangles(self, color, starts, [jnp.float32(n) for n in pair(self.size)], shape)


class CoarseDropout(Transform):
    """Cover several rectangles, all of them inside the image.

    As albumentations' ``CoarseDropout``.

    Args:
        count: how many: a number, or a pair with both of its ends in it.
        height: range of their heights; a number is the height.
        width: range of their widths; a number is the width.
        unit: ``fraction`` of the image's sides, or ``pixels``; heights and widths are whole pixels,
            1 at least.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number, all uniform in 0..1.
        mask_fill: what covers masks; None leaves them as they are.
    """

    count: Range = (1, 2)
    height: Range = (0.1, 0.2)
    width: Range = (0.1, 0.2)
    unit: str = static(default="fraction")
    fill: Fill = static(default=0.0)
    mask_fill: Scalar | None = None

    def __post_init__(self) -> None:
        who = "CoarseDropout"
        check_range(who, self.count, "a count of whole numbers, 0 or more", 0, whole=True)
        if self.unit not in ("fraction", "pixels"):
            raise JaxaugError(who, "a unit among fraction, pixels", describe(self.unit))
        most, whole = (1.0, False) if self.unit == "fraction" else (float("inf"), True)
        for name in ("height", "width"):
            want = f"a {name} in {'0..1' if most == 1 else 'whole pixels, 0 or more'}"
            check_range(who, getattr(self, name), want, 0.0, most, whole=whole)
        _set_fill(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        count, heights, widths, places, color = jax.random.split(key, 5)
        _, most = known_ends("CoarseDropout", self.count, "a range of the count")
        number = int(most)
        shown = jnp.arange(number) < draw_whole(count, self.count)
        uniform = jax.random.uniform(places, (2, number))
        sides, starts = [], []
        spans = (heights, self.height), (widths, self.width)
        for axis, (n, (each, span)) in enumerate(zip(extent(shape), spans, strict=True)):
            side = _whole_sides(each, span, n, number, self.unit)
            starts.append(jnp.floor(uniform[axis] * (n - side + 1.0)))
            sides.append(jnp.where(shown, side, 0.0))
        return _rectangles(self, color, starts, sides, shape)


class GridMask(Transform):
    """Cover squares on a regular grid, shifted and turned at random.

    A cell of the grid has a side of whole pixels; ``1 - ratio`` of it is the side of the square.

    Args:
        unit: range of the side of a cell, as a part of the image's shorter side; a number is the
            side. The default is 96 to 224 pixels of 224.
        ratio: range of the part of a cell's side that stays to be seen, in [0, 1]; a number is that
            part. Of the area, ``ratio (2 - ratio)`` stays.
        degrees: range of the grid's angle around 0.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number, all uniform in 0..1.
        mask_fill: what covers masks; None leaves them as they are.

    Reference:
        Chen et al., GridMask Data Augmentation, 2020, arXiv:2001.04086.
    """

    unit: Range = (3 / 7, 1.0)
    ratio: Range = 0.6
    degrees: Range = 180.0
    fill: Fill = static(default=0.0)
    mask_fill: Scalar | None = None

    def __post_init__(self) -> None:
        check_range("GridMask", self.unit, "a unit above 0", 1e-6)
        check_range("GridMask", self.ratio, "a ratio in [0, 1]", 0.0, 1.0)
        _set_fill(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        unit, ratio, turn, shift, color = jax.random.split(key, 5)
        height, width = (side * 1.0 for side in extent(shape))
        cell = draw(unit, self.unit, around=None) * jnp.minimum(height, width)
        cell = jnp.maximum(jnp.round(cell), 1.0)
        hole = jnp.round(cell * (1.0 - draw(ratio, self.ratio, around=None))) / cell
        angle = jnp.deg2rad(draw(turn, self.degrees))
        # Whole pixels and a half: where the grid is upright, no pixel's centre is on a border.
        uniform = jax.random.uniform(shift, (2,))
        down, right = (
            (jnp.floor(uniform[k] * cell) + side / 2) / cell
            for k, side in enumerate((height, width))
        )
        place = jnp.cos(angle) / cell, jnp.sin(angle) / cell, down, right
        return Hide(holes.grid, place, hole, **_cover(self, color, shape))


class PixelDropout(Transform):
    """Cover single pixels.

    Args:
        p: probability of each, in [0, 1].
        per_channel: numbers instead of pixels: every channel by itself. It then tells nothing about
            what is covered.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number, all uniform in 0..1.
        mask_fill: what covers masks; None leaves them as they are, as ``per_channel`` always does.
    """

    p: Scalar = 0.01
    per_channel: bool = static(default=False)
    fill: Fill = static(default=0.0)
    mask_fill: Scalar | None = None

    def __post_init__(self) -> None:
        check_probability("PixelDropout", self.p)
        _set_fill(self)
        if self.per_channel and self.fill == "noise":
            remedy = "SaltAndPepper puts extremes into single channels."
            raise JaxaugError("PixelDropout", "one value for each channel", "'noise'", remedy)

    def sample(self, key: Key, shape: Shape) -> Op:
        where, color = jax.random.split(key)
        cover = _cover(self, color, shape)
        if self.per_channel:
            return Apply(holes.drop, where, self.p, cover["fill"], pointwise=True)
        return Hide(holes.pixels, where, self.p, **cover)


class MaskDropout(Transform):
    """Cover whole objects, image and mask: some of the labels that are in the mask.

    Labels are integers above 0, each of one object; of several masks the first counts. It costs one
    more pass over the mask for every 32 labels.

    Args:
        count: how many: a number, or a pair with both of its ends in it; all, if there are fewer.
        labels: the largest label that is looked for; larger ones stay.
        fill: a number or one a channel; ``color`` draws one number a channel, ``noise`` every
            number, all uniform in 0..1.
        mask_fill: what covers masks; None leaves them as they are.

    Raises:
        JaxaugError: an example without a mask of integers.
    """

    count: Range = 1
    labels: int = static(default=63)
    fill: Fill = static(default=0.0)
    mask_fill: Scalar | None = 0

    def __post_init__(self) -> None:
        want = "a count of whole numbers, 0 or more"
        check_range("MaskDropout", self.count, want, 0, whole=True)
        if not isinstance(self.labels, int) or self.labels < 1:
            raise JaxaugError("MaskDropout", "labels of 1 or more", describe(self.labels))
        _set_fill(self)

    def sample(self, key: Key, shape: Shape) -> Op:
        count, order, color = jax.random.split(key, 3)
        marks = jax.random.uniform(order, (self.labels,))
        cover = _cover(self, color, shape)
        return Deferred(_objects, draw_whole(count, self.count), marks, cover)


def _objects(
    targets: Example, shape: Shape, count: jax.Array, marks: jax.Array, cover: dict[str, Any]
) -> Hide:
    """What covers the labels in the mask that have the lowest marks."""
    for mask in jax.tree.leaves(targets.get("mask"))[:1]:
        if not jnp.issubdtype(mask.dtype, jnp.integer):
            break
        picture = cleared(jnp.asarray(mask), extent(shape))
        there = holes.present(picture, marks.shape[0])
        first = ranked(jnp.where(there, marks, 2.0)) < count
        return Hide(holes.labelled, picture, holes.as_words(there & first), **cover)
    remedy = "Give it one with a number above 0 for every object."
    raise JaxaugError("MaskDropout", "an example with a mask of integers", "none", remedy)


def _set_fill(transform: Any) -> None:
    fill, who = transform.fill, type(transform).__name__
    if isinstance(fill, str):
        if fill not in ("color", "noise"):
            want = "a fill: color, noise, a number or one a channel"
            raise JaxaugError(who, want, describe(fill))
    elif not isinstance(fill, float | int):
        object.__setattr__(transform, "fill", tuple(float(value) for value in fill))


def _cover(transform: Any, key: Key, shape: Shape, distribution: str = "uniform") -> dict[str, Any]:
    """What a ``Hide`` has to know of the fill."""
    fill, who = transform.fill, type(transform).__name__
    cover: dict[str, Any] = {"mask_fill": transform.mask_fill}
    if fill == "noise":
        return cover | {"noise": key}
    if fill == "color":
        one = jax.random.normal if distribution == "normal" else jax.random.uniform
        return cover | {"fill": one(key, shape[2:])}
    if isinstance(fill, tuple):
        if len(fill) != shape[2]:
            raise JaxaugError(who, f"a fill of {shape[2]} channels", describe(fill))
        fill = np.array(fill, np.float32)
    return cover | {"fill": fill}


def _whole_sides(key: Key, span: Range, n: Scalar, count: int, unit: str) -> jax.Array:
    """Sides of rectangles in whole pixels, ``(count,)`` float32, at most those of the image."""
    if unit == "pixels":
        sides = draw_whole(key, span, shape=(count,)).astype(jnp.float32)
    else:
        sides = jnp.round(draw(key, span, around=None, shape=(count,)) * n)
    return jnp.minimum(jnp.maximum(sides, 1.0), n * 1.0)


def _rectangles(
    transform: Any, key: Key, starts: list[Any], sides: list[Any], shape: Shape
) -> Hide:
    """What covers rectangles of these tops and lefts, heights and widths."""
    (top, left), (height, width) = starts, sides
    corners = jnp.stack([left, top, left + width, top + height], axis=-1)
    return Hide(holes.rectangles, corners, **_cover(transform, key, shape))
