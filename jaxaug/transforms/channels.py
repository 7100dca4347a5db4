"""Channels as they are: shifted, in another order, left out."""

import jax
import jax.numpy as jnp

from jaxaug._ops import Op
from jaxaug._pixels import Color
from jaxaug._pytree import static
from jaxaug._random import Range, draw, draw_whole
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe


class ChannelShift(Transform):
    """Add a number to the channels.

    Args:
        shift: range around 0, in units of 0..1: Keras' ``channel_shift_range=20`` is ``20 / 255``.
        per_channel: one draw for each channel, else one for all.
    """

    shift: Range
    per_channel: bool = static(default=False)

    def sample(self, key: Key, shape: Shape) -> Op:
        count = shape[2:] if self.per_channel else ()
        return Color(offset=draw(key, self.shift, shape=count))


class ChannelShuffle(Transform):
    """The channels in a random order, all orders alike: a matrix, one with the colour around it."""

    def sample(self, key: Key, shape: Shape) -> Op:
        return Color((_places(key, shape[2])[:, None] == jnp.arange(shape[2])).astype(jnp.float32))


class ChannelDropout(Transform):
    """Put one value into some channels, drawn from all of them; one channel always stays.

    Args:
        count: how many channels: a number, or a pair ``(low, high)`` to draw from, both included.
            All but one at the most, so that an image of one channel stays as it is.
        fill: what is put there, in 0..1: a number, or one a channel.

    Raises:
        JaxaugError: a number that is not whole or below 0, or a pair in the wrong order.
    """

    count: int | tuple[int, int] = static(default=1)
    fill: Scalar | tuple[Scalar, ...] = 0.0

    def __post_init__(self) -> None:
        low, high = self.count if isinstance(self.count, tuple) else (self.count, self.count)
        if not (isinstance(low, int) and isinstance(high, int) and 0 <= low <= high):
            want = "a number of channels, or a pair (low, high) in order"
            raise JaxaugError("ChannelDropout", want, describe(self.count))

    def sample(self, key: Key, shape: Shape) -> Op:
        fill = jnp.asarray(self.fill, jnp.float32)
        if fill.ndim and fill.shape != shape[2:]:
            want = f"a fill of one value, or of one for each of {shape[2]} channels"
            raise JaxaugError("ChannelDropout", want, describe(self.fill))
        number, order = jax.random.split(key)
        count = jnp.minimum(draw_whole(number, self.count), shape[2] - 1)
        dropped = (_places(order, shape[2]) < count).astype(jnp.float32)
        return Color(1.0 - dropped, offset=dropped * fill)


def _places(key: Key, channels: int) -> jax.Array:
    """A random permutation of ``0..c-1``, ``(c,)``: how many of the drawn numbers come before."""
    numbers = jax.random.uniform(key, (channels,))
    first, second = numbers[:, None], numbers[None]
    earlier = jnp.arange(channels) < jnp.arange(channels)[:, None]
    before = (second < first) | ((second == first) & earlier)
    return before.astype(jnp.int32).sum(axis=1)
