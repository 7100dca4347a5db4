"""Mean and scatter of pixels: of images, of rows, of parts together, and across devices.

Parts are joined as in T. F. Chan, G. H. Golub and R. J. LeVeque, Updating Formulae and a Pairwise
Algorithm for Computing Sample Variances, 1979: squares are taken of differences from a mean that is
known already, and never of the values, whose digits a large mean would use up.

The same functions take NumPy arrays, and then compute in float64, and JAX arrays, traced or not,
and then compute in float32 (float64 stays what it is). ``uint8`` counts as 0..1, divided by 255.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Integer, Shaped

from jaxaug._pytree import Pytree
from jaxaug._types import Array


class Moments(Pytree):
    """How many values there are, their mean, and their scatter about it.

    Attributes:
        count: ``()``, a float; one more axis in front holds the moments of many parts.
        mean: ``(c,)``.
        scatter: ``(c,)``, sums of squared differences from the mean; or ``(c, c)``, sums of their
            products.
    """

    count: Any
    mean: Any
    scatter: Any

    @property
    def variance(self) -> Any:
        """Variances ``(c,)`` or covariances ``(c, c)``, of all there is: divided by ``count``."""
        return self.scatter / self.count

    @property
    def std(self) -> Any:
        """Standard deviations ``(c,)`` of moments whose scatter is ``(c,)``."""
        return self.variance**0.5


def per_image(
    images: Shaped[Array, "n h w c"], size: Integer[Array, "n 2"] | None = None
) -> Moments:
    """Moments of the pixels of each image by itself.

    Args:
        images: ``(n, h, w, c)``, uint8 or floats.
        size: ``(n, 2)``, the pictures' own ``(h, w)`` if they lie in the corner of a canvas.

    Returns:
        Moments of ``n`` parts: count ``(n,)``, mean ``(n, c)``, scatter ``(n, c)``.
    """
    xp = _namespace(images)
    pixels, unit = _numbers(images)
    rows, height, width, channels = pixels.shape
    pixels = pixels.reshape(rows, height, width * channels)  # long rows add up quickly
    count = xp.full(rows, height * width, pixels.dtype)
    inside: Any = None
    if size is not None:
        limit = xp.clip(xp.asarray(size), 1, xp.asarray([height, width], size.dtype))
        count = limit.prod(1).astype(pixels.dtype)
        place = xp.arange(width * channels) // channels
        left = place < limit[:, 1, None, None]
        inside = left & (xp.arange(height)[:, None] < limit[:, 0, None, None])

    def average(values: Any) -> Any:
        values = values if inside is None else xp.where(inside, values, 0)
        # One axis after the other: short sums, then sums of them, round less than a long one.
        return values.sum(1).reshape(rows, width, channels).sum(1) / count[:, None]

    mean = average(pixels)
    apart = pixels - xp.tile(mean, (1, width))[:, None]
    rest = average(apart)  # what rounding left out of the mean
    scatter = (average(apart * apart) - rest * rest) * count[:, None]
    return Moments(count, (mean + rest) / unit, xp.maximum(scatter, 0) / unit**2)


def per_channel(
    images: Shaped[Array, "n h w c"],
    valid: Bool[Array, " n"] | None = None,
    size: Integer[Array, "n 2"] | None = None,
) -> Moments:
    """Moments of each channel over all pixels of a batch.

    In float32 mean and standard deviation are right to 1e-6, relative, where the mean is up to a
    few thousand times the standard deviation; beyond that the digits of a float32 mean end.

    Args:
        images: ``(n, h, w, c)``, uint8 in 0..255, which counts as 0..1, or floats.
        valid: ``(n,)``, which images count; None is all.
        size: ``(n, 2)``, the pictures' own ``(h, w)`` if they lie in the corner of a canvas.

    Returns:
        Moments with mean and scatter ``(c,)``.

    Example:
        >>> import numpy as np
        >>> from jaxaug.functional import moments
        >>> images = np.stack([np.zeros((2, 2, 1)), np.ones((2, 2, 1))])
        >>> total = moments.per_channel(images)
        >>> print(total.count, total.mean, total.std)
        8.0 [0.5] [0.5]
    """
    return pooled(per_image(images, size), valid)


def covariance(rows: Shaped[Array, "n d"], valid: Bool[Array, " n"] | None = None) -> Moments:
    """Moments of all features together, such as flattened images.

    Args:
        rows: ``(n, d)``, uint8, which counts as 0..1, or floats.
        valid: ``(n,)``, which rows count; None is all.

    Returns:
        Moments with mean ``(d,)`` and scatter ``(d, d)``.
    """
    xp = _namespace(rows)
    values, unit = _numbers(rows)
    weight = xp.ones(len(values), values.dtype)
    if valid is not None:
        weight = xp.asarray(valid).astype(values.dtype)
        values = xp.where(xp.asarray(valid)[:, None], values, 0)
    count = xp.sum(weight)
    share = (weight / xp.maximum(count, 1))[:, None]
    mean = (values * share).sum(0)
    apart = (values - mean) * weight[:, None]
    rest = (apart * share).sum(0)
    options = {} if xp is np else {"precision": lax.Precision.HIGHEST}
    scatter = xp.matmul(apart.T, apart, **options) - count * _products(rest)
    return Moments(count, (mean + rest) / unit, scatter / unit**2)


def pooled(parts: Moments, valid: Bool[Array, " n"] | None = None) -> Moments:
    """Many parts along a leading axis as one, such as what ``per_image`` gives.

    Args:
        parts: count ``(n,)``, mean ``(n, c)``, scatter ``(n, c)``.
        valid: ``(n,)``, which parts count, whatever is in the others; None is all.
    """
    if valid is not None:
        xp = _namespace(parts.mean)
        counted = xp.asarray(valid)
        count = xp.where(counted, parts.count, 0)
        mean, scatter = (xp.where(counted[:, None], x, 0) for x in (parts.mean, parts.scatter))
        parts = Moments(count, mean, scatter)
    return _joined([parts], lambda values: values.sum(0))


def merge(*parts: Moments) -> Moments:
    """Moments of several sets of values together, as if they had been one set.

    Float32 counts exactly to 2**24 only: of long streams merge what ``jax.device_get`` gives, in
    float64.
    """
    return _joined(parts, lambda values: values)


def across(moments: Moments, axis_name: str | Sequence[str]) -> Moments:
    """Moments of what all devices hold together, inside ``shard_map``, ``pmap`` or ``vmap``.

    Args:
        moments: those of this device's part.
        axis_name: the mapped axis, or several, that the values are divided along.
    """
    return _joined([moments], lambda values: lax.psum(values, axis_name))


def _joined(parts: Sequence[Moments], add: Callable[[Any], Any]) -> Moments:
    """The parts as one, where ``add`` sums what a part is made of itself."""

    def total(term: Callable[[Moments], Any]) -> Any:
        return add(sum(term(part) for part in parts))

    count = total(lambda part: part.count)
    whole = _namespace(count).maximum(count, 1)

    def average(of: Callable[[Moments], Any]) -> Any:
        return total(lambda part: (part.count / whole)[..., None] * of(part))

    mean = average(lambda part: part.mean)
    rest = average(lambda part: part.mean - mean)
    scatter = total(lambda part: part.scatter)
    full = scatter.ndim > mean.ndim
    spread = _products if full else _squares

    def between(part: Moments) -> Any:
        weight = part.count[(..., *[None] * (1 + full))]
        return spread(part.mean - mean) * weight

    scatter = scatter + total(between) - count * spread(rest)
    # Of constant values rounding may leave less than nothing, which has no root.
    xp = _namespace(scatter)
    own = np.eye(scatter.shape[-1], dtype=bool) if full else True
    return Moments(count, mean + rest, xp.where(own, xp.maximum(scatter, 0), scatter))


def _products(values: Any) -> Any:
    return values[..., :, None] * values[..., None, :]


def _squares(values: Any) -> Any:
    return values * values


def _namespace(array: Any) -> Any:
    return jnp if isinstance(array, jax.Array) else np


def _numbers(values: Any) -> tuple[Any, float]:
    """The values as floats to compute with, and what stands for 1 in them.

    Bytes are not divided at once: as whole numbers their differences are exact.
    """
    kind = np.float32 if _namespace(values) is jnp and values.dtype != np.float64 else np.float64
    return values.astype(kind), 255.0 if values.dtype == np.uint8 else 1.0
