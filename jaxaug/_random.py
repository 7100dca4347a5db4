"""Keys and draws: which keys are allowed, tags that keep members apart, ranges of parameters."""

import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._pytree import Pytree
from jaxaug._types import JaxaugError, Key, Scalar, describe
from jaxaug.functional.stable import rounded


class Choice(Pytree):
    """A range that is a set: one of these values, each as likely as the others.

    Example:
        >>> import jaxaug as ja
        >>> shift = ja.Translate(x=ja.Choice(-16, 0, 16), unit="pixels")
        >>> shift
        Translate(x=Choice(-16, 0, 16), unit='pixels')
    """

    values: tuple[Scalar, ...]

    def __init__(self, *values: Scalar) -> None:
        if not values:
            raise JaxaugError("Choice", "at least one value", "none")
        object.__setattr__(self, "values", values)

    def parts(self) -> list[tuple[str, Any]]:
        return [("", value) for value in self.values]


Range: TypeAlias = Scalar | tuple[Scalar, Scalar] | Choice
"""``r`` for ``(-r, r)`` around 0 or ``(1 - r, 1 + r)`` around 1, a pair as it is, a ``Choice``."""


def draw(
    key: Key, span: Range, *, around: float | None = 0.0, shape: tuple[int, ...] = ()
) -> jax.Array:
    """Draw from a range, uniformly.

    Args:
        key: used once, here.
        span: the range; see ``Range``.
        around: centre of a range given as one number; None where a number stands for itself.
        shape: how many to draw, independently.

    Returns:
        float32 of this shape.

    Raises:
        JaxaugError: a pair in the wrong order, or no range at all.
    """
    return _spread(jax.random.uniform(key, shape), span, around)


def draws(key: Key, *spans: Range, around: float | None = 0.0) -> list[jax.Array]:
    """Draw one number from each range, all from one key: a key for each would cost a split more."""
    uniforms = jax.random.uniform(key, (len(spans),))
    return [_spread(uniforms[k], span, around) for k, span in enumerate(spans)]


def draw_whole(key: Key, span: Range, *, shape: tuple[int, ...] = ()) -> jax.Array:
    """Draw whole numbers, int32: a number is itself, a pair has both of its ends in it."""
    uniform = jax.random.uniform(key, shape)
    if isinstance(span, Choice):
        return pick(uniform, span.values).astype(jnp.int32)
    low, high = limits(span, around=None)
    return jnp.asarray(low + jnp.floor(uniform * (high - low + 1))).astype(jnp.int32)


def _spread(uniform: jax.Array, span: Range, around: float | None) -> jax.Array:
    if isinstance(span, Choice):
        return pick(uniform, span.values)
    low, high = limits(span, around=around)
    return jnp.asarray(low + rounded(uniform * (high - low)))


def limits(span: Any, *, around: float | None = 0.0) -> tuple[Any, Any]:
    """The two ends of a range that is a number or a pair."""
    pair = isinstance(span, tuple | list) or getattr(span, "ndim", 0) == 1
    if pair and len(span) != 2:
        remedy = "For a set of values use jaxaug.Choice(...)."
        raise JaxaugError("range", "a number or a pair (low, high)", describe(span), remedy)
    low, high = span if pair else _about(span, around)
    if _is_known(low) and _is_known(high):
        if not np.isfinite(low) or not np.isfinite(high):
            raise JaxaugError("range", "finite numbers", describe(span))
        if pair and low > high:
            raise JaxaugError("range", "a pair (low, high) in order", describe(span), "Swap them.")
    return low, high


def _about(radius: Any, around: float | None) -> tuple[Any, Any]:
    return (radius, radius) if around is None else (around - radius, around + radius)


def _is_known(value: Any) -> bool:
    return isinstance(value, int | float | np.number)


def check_range(
    who: str,
    span: Range,
    want: str,
    least: float,
    most: float = float("inf"),
    *,
    around: float | None = None,
    whole: bool = False,
) -> None:
    """Refuse known numbers of a range that lie beyond what makes sense; traced ones are trusted.

    Raises:
        JaxaugError: a number outside ``[least, most]``, or one with decimals if ``whole``.
    """
    for value in _ends(span, around):
        if _is_known(value) and not (least <= value <= most and (not whole or value % 1 == 0)):
            raise JaxaugError(who, want, describe(span))


def known_ends(
    who: str, span: Range, what: str, remedy: str = "", *, around: float | None = None
) -> tuple[float, float]:
    """The smallest and the largest number of a range, where the program is shaped by them.

    Raises:
        JaxaugError: one of its numbers is traced.
    """
    values = _ends(span, around)
    if not all(_is_known(value) for value in values):
        want = f"{what} that is known when the program is written"
        raise JaxaugError(who, want, describe(span), remedy)
    return float(min(values)), float(max(values))


def _ends(span: Range, around: float | None) -> tuple[Any, ...]:
    return span.values if isinstance(span, Choice) else limits(span, around=around)


def pick(uniform: jax.Array, values: tuple[Scalar, ...]) -> jax.Array:
    """One of ``values`` for each number in 0..1, by comparisons: an index would be a gather."""
    place = jnp.floor(uniform * len(values))
    out = jnp.full(jnp.shape(uniform), values[-1], jnp.float32)
    for k, value in enumerate(values[:-1]):
        out = jnp.where(place == k, value, out)
    return out


def coin(key: Key, p: Scalar) -> jax.Array:
    """True with probability ``p``."""
    return jax.random.uniform(key) < p


def ranks(key: Key, n: int) -> list[jax.Array]:
    """A random permutation of ``0..n-1`` as scalars, by comparing uniforms: no sort, no gather."""
    uniforms = jax.random.uniform(key, (n,))
    numbers = [uniforms[k] for k in range(n)]
    before = [
        [numbers[j] <= numbers[i] if j < i else numbers[j] < numbers[i] for j in range(n) if j != i]
        for i in range(n)
    ]
    return [sum((flag.astype(jnp.int32) for flag in row), jnp.int32(0)) for row in before]


def permutation(key: Key, n: int) -> jax.Array:
    """``ranks`` as one array, int32 ``(n,)``: for many, or where they are looked up."""
    return ranked(jax.random.uniform(key, (n,)))


def ranked(numbers: jax.Array) -> jax.Array:
    """The place of each of some numbers ``(n,)`` in their order, int32; of equals in their own."""
    own = np.arange(numbers.shape[0])
    equal = (numbers[None] == numbers[:, None]) & (own[None] < own[:, None])
    return jnp.sum((numbers[None] < numbers[:, None]) | equal, axis=1, dtype=jnp.int32)


def tags(names: Iterable[str]) -> list[int]:
    """A number for each member that depends on its name and on how often the name came before.

    So a member keeps its draws when another kind of member is added anywhere.
    """
    seen: Counter[str] = Counter()
    numbers = []
    for name in names:
        numbers.append(zlib.crc32(f"{name}/{seen[name]}".encode()))
        seen[name] += 1
    return numbers


def check_probability(who: str, p: Any) -> None:
    """A known ``p`` must lie in 0..1; a traced one is taken on trust."""
    if _is_known(p) and not 0 <= p <= 1:
        raise JaxaugError(who, "a probability p in [0, 1]", describe(p))
    if isinstance(p, str | tuple | list) or p is None:
        raise JaxaugError(who, "a probability p in [0, 1]", describe(p))


def check_key(who: str, key: Any) -> Key:
    """A single counter-based key; a raw ``uint32[2]`` key is wrapped.

    Raises:
        JaxaugError: no key at all, several keys, or a key of the ``rbg`` family.
    """
    if not (hasattr(key, "dtype") and hasattr(key, "shape")):
        remedy = "Make one with jax.random.key(0); it comes first: (key, example)."
        raise JaxaugError(who, "a key", describe(key), remedy)
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        if key.dtype != np.uint32 or key.shape != (2,):
            remedy = "Make one with jax.random.key(0); it comes first: (key, example)."
            raise JaxaugError(who, "a key", describe(key), remedy)
        key = jax.random.wrap_key_data(jnp.asarray(key), impl="threefry2x32")
    if key.shape != ():
        remedy = "Pass one key; jaxaug.batched gives every row its own."
        raise JaxaugError(who, "a single key", describe(key), remedy)
    if "rbg" in str(jax.random.key_impl(key)):
        remedy = (
            "Numbers drawn from rbg keys under vmap depend on the batch around them. "
            "Use jax.random.key(0, impl='threefry2x32')."
        )
        raise JaxaugError(who, "a counter-based key (threefry2x32)", "an rbg key", remedy)
    return key
