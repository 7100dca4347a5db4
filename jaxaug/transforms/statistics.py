"""Normalisation: by given statistics, by those of a data set, and by those of the image itself."""

from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._ops import Op
from jaxaug._pixels import Apply, Color
from jaxaug._pytree import static
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, check_no_canvas, describe
from jaxaug.functional import color
from jaxaug.functional.moments import Moments, merge, per_image, pooled
from jaxaug.transforms.fitting import Accumulator, Images, fold, to_host


class Normalize(Transform):
    """``(image - mean) / std``, on pixels in 0..1; it fuses with all colour before it.

    Args:
        mean: a number, or one for each channel.
        std: a number above 0, or one for each channel.

    Raises:
        JaxaugError: a std of 0, or a number of values other than the image has channels.
    """

    mean: Scalar | tuple[Scalar, ...]
    std: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if any(value <= 0 for value in _known(self.std)):
            raise JaxaugError("Normalize", "a std above 0", describe(self.std))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        inverse = 1.0 / _per_channel("Normalize", self.std, shape)
        return Color(inverse, offset=-_per_channel("Normalize", self.mean, shape) * inverse)


class FeaturewiseNormalize(Transform):
    """``(image - mean) / (std + epsilon)``, by statistics of a data set; it fuses with all colour.

    As Keras' ``featurewise_center`` and ``featurewise_std_normalization``; pixels are in 0..1 here,
    and so are mean, std and epsilon.

    Args:
        mean: a number, or one for each channel.
        std: a number, 0 or more, or one for each channel.
        center: subtract the mean.
        scale: divide by the standard deviation plus ``epsilon``.
        epsilon: keeps a channel finite that never changes.

    Raises:
        JaxaugError: a std below 0 or, without an epsilon, of 0; statistics that are not finite; or
            a number of values other than the image has channels.

    Example:
        >>> import numpy as np, jaxaug as ja
        >>> images = np.stack([np.full((4, 4, 2), 51, np.uint8), np.full((4, 4, 2), 153, np.uint8)])
        >>> ja.FeaturewiseNormalize.fit(images)
        FeaturewiseNormalize(mean=(0.4, 0.4), std=(0.2, 0.2))
    """

    mean: Scalar | tuple[Scalar, ...]
    std: Scalar | tuple[Scalar, ...]
    center: bool = static(default=True)
    scale: bool = static(default=True)
    epsilon: float = static(default=1e-6)

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < np.inf:
            got = describe(self.epsilon)
            raise JaxaugError("FeaturewiseNormalize", "an epsilon of 0 or more", got)
        if any(not abs(value) < np.inf for value in _known(self.mean)):
            raise JaxaugError("FeaturewiseNormalize", "a finite mean", describe(self.mean))
        lowest = 0 if self.epsilon or not self.scale else np.nextafter(0, 1)
        if any(not lowest <= value < np.inf for value in _known(self.std)):
            want = f"a std {'above 0' if lowest else 'of 0 or more'}, and finite"
            raise JaxaugError("FeaturewiseNormalize", want, describe(self.std))

    @classmethod
    def fit(
        cls, data: Any, *, center: bool = True, scale: bool = True, epsilon: float = 1e-6
    ) -> Self:
        """Make one by the statistics of a data set, in one pass and without holding it in memory.

        Every pixel counts alike: a large image more than a small one. The result is that of two
        passes in float64, to about 1e-7; batches may be of any sizes. Where JAX runs on several
        hosts all of them call it: a source is divided among them, other data are each host's own
        (batches of global arrays are those of all), and all get the same result.

        Args:
            data: a source or ``Loader`` of ``jaxaug.data`` (of which epoch 0 is read, and its
                position stays); images ``(n, h, w, c)``; or an iterable of batches: images, dicts
                with the key ``image``, or tuples that begin with the images. Of an iterable that
                has a length no more than that is read. uint8 counts as 0..1. Rows that a column
                ``valid`` marks as False do not count, and of pictures with a ``size`` only what is
                their own.
            center: as in the constructor.
            scale: as in the constructor.
            epsilon: as in the constructor.

        Raises:
            JaxaugError: other data, no images, NaN or infinity, or another number of channels than
                before.
        """
        _, found = fold("FeaturewiseNormalize.fit", data, 3, _Channels)
        return cls(shortest(found.mean), shortest(found.std), center, scale, epsilon)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        who = "FeaturewiseNormalize"
        inverse = 1.0 / (_per_channel(who, self.std, shape) + self.epsilon) if self.scale else 1.0
        mean = _per_channel(who, self.mean, shape) if self.center else 0.0
        return Color(inverse, offset=-mean * inverse)


PIECE = 1 << 18
"""How many numbers are looked at together on the host: what its caches hold is several times
quicker."""


class _Channels(Accumulator):
    """Moments of each channel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total = Moments(np.float64(0), *np.zeros((2, *shape)))

    def add(self, images: Images) -> None:
        with np.errstate(invalid="ignore", over="ignore"):  # it is said in words below
            parts = _each(images)
            finite = np.isfinite(parts.mean + parts.scatter).all(1)
        images.check_finite("FeaturewiseNormalize.fit", finite)
        self._total = merge(self._total, pooled(parts, images.valid))

    def total(self) -> Moments:
        return self._total

    def merge(self, first: Moments, second: Moments) -> Moments:
        return merge(first, second)


_on_devices = jax.jit(per_image)


def _each(images: Images) -> Moments:
    """Moments of each image, computed where it is, in float64: few numbers, to be joined here."""
    pixels, size = images.pixels, images.size
    if isinstance(pixels, jax.Array):
        parts = _on_devices(pixels, size)
        return jax.tree.map(lambda x: to_host(x).astype(np.float64), parts)
    rows = max(1, PIECE // int(np.prod(pixels.shape[1:])))
    cuts = [slice(k, k + rows) for k in range(0, max(len(pixels), 1), rows)]
    pieces = [per_image(pixels[cut], None if size is None else size[cut]) for cut in cuts]
    return jax.tree.map(lambda *x: np.concatenate(x), *pieces)


def shortest(values: np.ndarray) -> tuple[float, ...]:
    """Numbers with the fewest digits that are the same in float32: transforms compute in it."""
    return tuple(float(str(value)) for value in values.astype(np.float32))


class SamplewiseNormalize(Transform):
    """Give each image mean 0 and standard deviation 1, by its own statistics.

    Args:
        center: subtract the mean.
        scale: divide by the standard deviation plus ``epsilon``.
        per_channel: statistics for each channel, else one of each for the image, as Keras'.
        epsilon: keeps a flat image finite.

    Raises:
        JaxaugError: a picture on a larger canvas, whose statistics are not its own.
    """

    center: bool = static(default=True)
    scale: bool = static(default=True)
    per_channel: bool = static(default=False)
    epsilon: float = static(default=1e-6)

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        check_no_canvas("SamplewiseNormalize", shape, "as it takes statistics of all pixels")
        options = {name: getattr(self, name) for name in ("center", "scale", "per_channel")}
        return Apply(color.standardize, epsilon=self.epsilon, **options)


def _known(values: Scalar | tuple[Scalar, ...]) -> list[float | int]:
    """Those of the values that are Python's numbers, and so not traced."""
    values = values if isinstance(values, tuple | list) else (values,)
    return [value for value in values if isinstance(value, float | int)]


def _per_channel(who: str, values: Scalar | tuple[Scalar, ...], shape: Shape) -> jax.Array:
    """A number, or the vector of one number for each channel."""
    if not isinstance(values, tuple | list):
        values = jnp.asarray(values, jnp.float32)
        if values.ndim == 0:
            return values
    if len(values) != shape[2]:
        want = f"one value, or {shape[2]} for an image {shape}"
        raise JaxaugError(who, want, f"{len(values)} values")
    return jnp.stack([jnp.asarray(value, jnp.float32) for value in values])
