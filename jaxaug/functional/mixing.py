"""Mixing pictures: how much of which, rectangles, and what of boxes, points and labels is seen.

A rectangle is ``x0 y0 x1 y1`` in pixels, as a box, but of scalars, so that it fuses into the loop
over the pixels. A pixel is in it if its centre is.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float, Integer

from jaxaug._types import N2, N4, Array, Scalar, Size
from jaxaug.functional.geometry import box_area
from jaxaug.functional.stable import weighted_sum

Rectangle: TypeAlias = tuple[Scalar, Scalar, Scalar, Scalar]
Inside: TypeAlias = Bool[Array, "h w"]


def symmetric_beta(uniforms: Float[Array, "2"], alpha: Scalar) -> jax.Array:
    """A number distributed as Beta(alpha, alpha), of two that are uniform in 0..1.

    In closed form, where the usual generators reject and try again: if ``t`` follows Student's
    distribution with ``2 alpha`` degrees of freedom, ``(1 + t / sqrt(2 alpha + t^2)) / 2`` follows
    Beta(alpha, alpha), and ``t`` is ``sqrt(2 alpha (u^(-1/alpha) - 1)) cos(2 pi v)``.

    Args:
        uniforms: two numbers in 0..1.
        alpha: above 0; it may be traced.

    Returns:
        float32 in 0..1.

    Reference:
        Bailey, Polar generation of random variates with the t-distribution, Math. Comp. 62, 1994;
        Devroye, Random variate generation in one line of code, WSC 1996.
    """
    # With w = u^(1/alpha) and c the cosine, the square of what is added to 1 is
    # (1 - w) c^2 / (w + (1 - w) c^2): no power overflows, and both ends keep their precision.
    power = jnp.log(jnp.maximum(uniforms[0], 1e-30)) / alpha
    low, high = jnp.exp(power), -jnp.expm1(power)
    cosine = jnp.cos(uniforms[1] * np.float32(2 * np.pi))
    side = high * cosine * cosine
    total = jnp.maximum(low + side, 1e-30)
    distance = jnp.sqrt(jnp.maximum(side / total, 1e-12))  # 0 has no gradient
    least = 0.5 * (low / total) / (1.0 + distance)
    return jnp.where(cosine < 0, least, 1.0 - least)


def cut_rectangle(area: Scalar, centre: Float[Array, "2"], size: Size) -> Rectangle:
    """CutMix' rectangle: a part ``area`` of the picture, and what of it is inside the picture.

    As torchvision's ``CutMix``: the centre is uniform over the pixels, and half a side is
    ``int(sqrt(area) * side / 2)``, so that the picture's edges often cut it short.

    Args:
        area: part of the picture's area, in 0..1.
        centre: two numbers uniform in 0..1, across and down.
        size: ``(h, w)`` of the picture.
    """
    half = 0.5 * jnp.sqrt(area)
    ends = []
    for k, side in enumerate((size[1], size[0])):
        middle = jnp.floor(centre[k] * side)
        reach = jnp.floor(half * side)
        ends.append((jnp.maximum(middle - reach, 0.0), jnp.minimum(middle + reach, float(side))))
    (x0, x1), (y0, y1) = ends
    return x0, y0, x1, y1


def area(rectangle: Rectangle) -> Scalar:
    """Square pixels of a rectangle."""
    x0, y0, x1, y1 = rectangle
    return (x1 - x0) * (y1 - y0)


def inside(rectangle: Rectangle, size: Size) -> Inside:
    """Which pixels of a picture of this size have their centre in a rectangle."""
    x0, y0, x1, y1 = rectangle
    x = lax.broadcasted_iota(jnp.float32, (1, size[1]), 1) + 0.5
    y = lax.broadcasted_iota(jnp.float32, (size[0], 1), 0) + 0.5
    return ((x > x0) & (x < x1)) & ((y > y0) & (y < y1))


def blend(under: Any, over: Any, opacity: Scalar) -> Any:
    """``over`` laid on ``under``, float32; exactly one of them if the opacity is 1 or 0."""
    mixed = under + opacity * (over - under)
    return jnp.where(jnp.asarray(opacity) >= 1.0, over, mixed)


def cut_boxes(boxes: N4, rectangle: Rectangle) -> N4:
    """What of boxes ``(n, 4)`` is in a rectangle; zeros for a box that is not, and for padding."""
    x0, y0, x1, y1 = rectangle
    low, high = (jnp.stack([jnp.float32(u) for u in corner]) for corner in ((x0, y0), (x1, y1)))
    corners = jnp.clip(boxes, jnp.tile(low, 2), jnp.tile(high, 2))
    kept = (box_area(boxes) > 0) & (box_area(corners) > 0)
    return jnp.where(kept[:, None], corners, 0.0)


def covered(boxes: N4, rectangle: Rectangle) -> jax.Array:
    """The part of each box's area that is in a rectangle, ``(n,)`` in 0..1; 0 for padding."""
    whole = box_area(boxes)
    part = box_area(cut_boxes(boxes, rectangle))
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1.0), 0.0)


def holds(points: N2, rectangle: Rectangle) -> Array:
    """Which points ``(n, 2)`` are in a rectangle, bool ``(n,)``; NaN is nowhere."""
    x0, y0, x1, y1 = rectangle
    x, y = points[:, 0], points[:, 1]
    return (x >= x0) & (x < x1) & (y >= y0) & (y < y1)


def soft_label(
    labels: Sequence[Integer[Array, ""]], shares: Sequence[Scalar], classes: int
) -> jax.Array:
    """The soft label of a mixed picture, of classes as integers.

    Args:
        labels: the class of each picture in it; a number outside ``0..classes - 1`` is none.
        shares: how much of each picture there is, in 0..1.
        classes: how many there are.

    Returns:
        float32 ``(classes,)``.
    """
    each = np.arange(classes, dtype=np.int32)
    total: Any = 0.0
    for label, share in zip(labels, shares, strict=True):
        total += jnp.where(jnp.asarray(label).astype(jnp.int32) == each, share, 0.0)
    return total


def mean(values: Sequence[Any], shares: Sequence[Scalar]) -> jax.Array:
    """The weighted mean of numbers, float32; exactly one of them if the others have no share."""
    floats = (jnp.asarray(value).astype(jnp.float32) for value in values)
    return jnp.asarray(weighted_sum(zip(floats, shares, strict=True)))


def smooth(label: Float[Array, "classes"], smoothing: Scalar) -> jax.Array:
    """Label smoothing: a part ``smoothing`` of a soft label spread evenly over all classes."""
    spread = smoothing, 1.0 / label.shape[-1]
    return jnp.asarray(weighted_sum([(label, 1.0 - smoothing), spread]))
