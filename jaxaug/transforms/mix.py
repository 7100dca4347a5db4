"""Mixes: MixUp, CutMix, either of them, ResizeMix, Mosaic."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._collage import Collage, Layer
from jaxaug._mix import Mix
from jaxaug._ops import Resampling
from jaxaug._pytree import static
from jaxaug._random import check_probability, coin
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe
from jaxaug._warp import Warp
from jaxaug.functional import mixing

Span: TypeAlias = tuple[Scalar, Scalar]

EDGE = Resampling("nearest", None, "linear")


class MixUp(Mix):
    """Lay the next picture over each, half transparent: ``mix`` of the one, the rest of the other.

    ``mix`` is drawn for each row from Beta(alpha, alpha), where torchvision and timm draw one for
    the batch. Masks cannot be blended: ``mask``, ``mask_partner`` and ``mask_mix`` come out.

    Args:
        alpha: above 0: small values leave most pictures nearly alone, 1 is uniform. 0.2 is the
            paper's for ImageNet.
        others: of every mix, see ``Mix``.

    Reference:
        Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, arXiv:1710.09412.

    Example:
        >>> import jax, jax.numpy as jnp, jaxaug as ja
        >>> mix = jax.jit(ja.MixUp(0.2, num_classes=10))
        >>> batch = {"image": jnp.zeros((4, 8, 8, 3)), "label": jnp.array([3, 1, 4, 1])}
        >>> mix(jax.random.key(0), batch)["label"].shape
        (4, 10)
    """

    alpha: Scalar = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha("MixUp", self.alpha)

    def sample(self, key: Key, shape: Shape) -> Collage:
        del shape
        opacity = mixing.symmetric_beta(jax.random.uniform(key, (2,)), self.alpha)
        layers = (Layer(), Layer(opacity=opacity))
        return Collage(layers, (1.0 - opacity, opacity), blended=True)


class CutMix(Mix):
    """Paste a rectangle of the next picture into each, at the same place.

    The rectangle's part of the area is drawn for each row from Beta(alpha, alpha), its centre
    uniformly; what sticks out is cut off, and ``mix`` is what is left, exactly, as in torchvision.

    Args:
        alpha: above 0; 1 is uniform, the paper's.
        others: of every mix, see ``Mix``.

    Reference:
        Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features, ICCV 2019, arXiv:1905.04899.
    """

    alpha: Scalar = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha("CutMix", self.alpha)

    def sample(self, key: Key, shape: Shape) -> Collage:
        uniforms = jax.random.uniform(key, (4,))
        area = mixing.symmetric_beta(uniforms[:2], self.alpha)
        rectangle = mixing.cut_rectangle(area, uniforms[2:], shape[:2])
        return _pasted(Layer(rectangle), rectangle, shape)


class MixUpOrCutMix(Mix):
    """Either MixUp or CutMix for each row, in one pass over the pixels.

    Args:
        mixup_alpha: ``alpha`` of MixUp, above 0.
        cutmix_alpha: ``alpha`` of CutMix, above 0.
        switch: probability of CutMix.
        others: of every mix, see ``Mix``.

    Reference:
        The defaults are those of Touvron et al., Training data-efficient image transformers &
        distillation through attention, ICML 2021, arXiv:2012.12877.
    """

    mixup_alpha: Scalar = 0.8
    cutmix_alpha: Scalar = 1.0
    switch: Scalar = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_alpha("MixUpOrCutMix", self.mixup_alpha)
        _check_alpha("MixUpOrCutMix", self.cutmix_alpha)
        check_probability("MixUpOrCutMix", self.switch)

    def sample(self, key: Key, shape: Shape) -> Collage:
        toss, inner = jax.random.split(key)
        cut = coin(toss, self.switch)
        uniforms = jax.random.uniform(inner, (4,))
        alpha = jnp.where(cut, self.cutmix_alpha, self.mixup_alpha)
        part = mixing.symmetric_beta(uniforms[:2], alpha)
        height, width = shape[:2]
        whole = 0.0, 0.0, float(width), float(height)
        pasted = mixing.cut_rectangle(part, uniforms[2:], (height, width))
        x0, y0, x1, y1 = (jnp.where(cut, a, b) for a, b in zip(pasted, whole, strict=True))
        layer = Layer((x0, y0, x1, y1), jnp.where(cut, 1.0, part))
        share = jnp.where(cut, _part(pasted, shape), part)
        return Collage((Layer(), layer), (1.0 - share, share), blended=True)


class ResizeMix(Mix):
    """Paste the whole next picture into each, made smaller, at a random place.

    Its sides are a drawn part of the picture's, in whole pixels, antialiased; ``mix`` is the part
    of the area that is left.

    Args:
        scale: range of the pasted picture's sides, as a part of the whole's; a pair in 0..1.
        others: of every mix, see ``Mix``.

    Reference:
        Qin et al., ResizeMix: Mixing Data with Preserved Object Information and True Labels, 2020,
        arXiv:2012.11101.
    """

    scale: tuple[float, float] = static(default=(0.1, 0.8))

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_pair("ResizeMix", "scale", self.scale, 1.0)

    def sample(self, key: Key, shape: Shape) -> Collage:
        uniforms = jax.random.uniform(key, (3,))
        low, high = self.scale
        scale = low + uniforms[0] * (high - low)
        spans = []
        for side, place in zip(shape[:2], uniforms[1:], strict=True):
            length = jnp.maximum(jnp.floor(scale * side), 1.0)
            start = jnp.floor(place * (side - length + 1.0))
            spans.append((start, start + length))
        rectangle = _rectangle(spans)
        whole = (0, shape[0]), (0, shape[1])
        layer = Layer(rectangle, warp=_fitted(spans, whole, shape, low))
        return _pasted(layer, rectangle, shape)


class Mosaic(Mix):
    """Four pictures around a point: each row's own and the next three, of which a corner is there.

    As in YOLOv4: each picture is resized by a drawn factor, proportions kept, and the corner that
    looks to the point is put on it; what is outside its quarter is cut off, what is left free is
    ``fill``. Soft labels follow the areas that are seen.

    Args:
        scale: range of the factor, one for each picture; a pair above 0.
        center: range of the point, as a part of the width and the height; a pair in 0..1.
        fill: what no picture covers, in 0..1.
        mask_fill: the same in masks.
        others: of every mix, see ``Mix``.

    Reference:
        Bochkovskiy et al., YOLOv4: Optimal Speed and Accuracy of Object Detection, 2020,
        arXiv:2004.10934.
    """

    scale: tuple[float, float] = static(default=(0.4, 1.0))
    center: tuple[float, float] = static(default=(0.3, 0.7))
    fill: Scalar = 114 / 255
    mask_fill: Scalar = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_pair("Mosaic", "scale", self.scale, np.inf)
        _check_pair("Mosaic", "center", self.center, 1.0)

    @property
    def partners(self) -> int:
        return 3

    def sample(self, key: Key, shape: Shape) -> Collage:
        uniforms = jax.random.uniform(key, (6,))
        (nearest, furthest), (low, high) = self.center, self.scale
        middle, windows = [], []
        for uniform, side in zip(uniforms[:2], shape[:2], strict=True):
            part = nearest + uniform * (furthest - nearest)
            middle.append(jnp.clip(jnp.round(part * side), 1.0, max(side - 1.0, 1.0)))
            length = max(math.ceil(furthest * side), side - int(nearest * side), 1)
            windows.append(((0, length), (side - length, side)))
        layers = []
        for place, uniform in enumerate(uniforms[2:]):
            factor = low + uniform * (high - low)
            spans, seen = [], []
            for axis, after in enumerate(divmod(place, 2)):
                side, edge = shape[axis], middle[axis]
                length = jnp.maximum(jnp.round(factor * side), 1.0)
                start, end = (edge, edge + length) if after else (edge - length, edge)
                spans.append((start, end))
                seen.append((jnp.maximum(start, 0.0), jnp.minimum(end, float(side))))
            window = windows[0][place // 2], windows[1][place % 2]
            warp = _fitted(spans, window, shape, low)
            corner = window[0][0], window[1][0]
            layers.append(Layer(_rectangle(seen), warp=warp, corner=corner))
        areas = [mixing.area(layer.rectangle) for layer in layers]
        shares = tuple(area / sum(areas) for area in areas)
        return Collage(tuple(layers), shares, self.fill, self.mask_fill)


def _rectangle(spans: Sequence[Span]) -> mixing.Rectangle:
    """The rectangle of a span of rows and one of columns."""
    (y0, y1), (x0, x1) = spans
    return x0, y0, x1, y1


def _pasted(layer: Layer, rectangle: mixing.Rectangle, shape: Shape) -> Collage:
    """The row's own picture with a part of another on it."""
    share = _part(rectangle, shape)
    return Collage((Layer(), layer), (1.0 - share, share))


def _part(rectangle: mixing.Rectangle, shape: Shape) -> Scalar:
    """The part of the picture that a rectangle covers."""
    return mixing.area(rectangle) * np.float32(1.0 / (shape[0] * shape[1]))


def _fitted(
    spans: Sequence[Span], window: Sequence[tuple[int, int]], shape: Shape, smallest: float
) -> Warp:
    """The whole picture resized to spans of rows and columns, as seen in a window of the collage.

    ``smallest`` is the least factor that it is resized by.
    """
    scales, shifts, shrink = [], [], []
    for (start, end), (first, last), side in zip(spans, window, shape[:2], strict=True):
        scale = side / (end - start)
        scales.append(scale)
        shifts.append(scale * ((first + last) / 2 - start) - side / 2)
        shrink.append(side / max(math.floor(smallest * side), 1.0))
    matrix = ((scales[1], 0.0, shifts[1]), (0.0, scales[0], shifts[0]), (0.0, 0.0, 1.0))
    size = window[0][1] - window[0][0], window[1][1] - window[1][0]
    bound = max(shrink[0], 1.0), max(shrink[1], 1.0)
    return Warp(matrix, size=size, shrink=bound, resampling=EDGE)


def _check_alpha(who: str, alpha: Any) -> None:
    if isinstance(alpha, float | int) and not 0 < alpha < math.inf:
        raise JaxaugError(who, "an alpha above 0", describe(alpha), "p=0 mixes nothing.")


def _check_pair(who: str, name: str, pair: Any, most: float) -> None:
    good = isinstance(pair, tuple) and len(pair) == 2
    if not good or not 0 < pair[0] <= pair[1] <= most or not pair[1] < math.inf:
        limit = "" if most == math.inf else f" and at most {most:g}"
        want = f"{name}: two numbers in order, above 0{limit}"
        raise JaxaugError(who, want, describe(pair))
