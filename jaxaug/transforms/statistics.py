"""Normalisation: by given statistics, and by those of the image itself."""

import jax
import jax.numpy as jnp

from jaxaug._ops import Op
from jaxaug._pixels import Apply, Color
from jaxaug._pytree import static
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, check_no_canvas, describe
from jaxaug.functional import color


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
        known = self.std if isinstance(self.std, tuple | list) else (self.std,)
        if any(isinstance(value, float | int) and value <= 0 for value in known):
            raise JaxaugError("Normalize", "a std above 0", describe(self.std))

    def sample(self, key: Key, shape: Shape) -> Op:
        del key
        inverse = 1.0 / _per_channel(self.std, shape)
        return Color(inverse, offset=-_per_channel(self.mean, shape) * inverse)


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


def _per_channel(values: Scalar | tuple[Scalar, ...], shape: Shape) -> jax.Array:
    """A number, or the vector of one number for each channel."""
    if not isinstance(values, tuple | list):
        values = jnp.asarray(values, jnp.float32)
        if values.ndim == 0:
            return values
    if len(values) != shape[2]:
        want = f"one value, or {shape[2]} for an image {shape}"
        raise JaxaugError("Normalize", want, f"{len(values)} values")
    return jnp.stack([jnp.asarray(value, jnp.float32) for value in values])
