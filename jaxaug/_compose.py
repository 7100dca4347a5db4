"""Containers: Chain, Maybe, OneOf, SomeOf, RandomOrder.

Whatever is chosen here is chosen among *numbers*, before any pixel is touched: under ``vmap`` a
branch would run for every image, a gate is free. What a container costs is the number of op
families that its members have between them, not the number of its members.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._ops import Op, Resampling, flatten, fuse
from jaxaug._pytree import static
from jaxaug._random import check_probability, coin, ranks, tags
from jaxaug._transform import Transform, check_dtype, converted
from jaxaug._types import (
    BORDERS,
    INTERPOLATIONS,
    Flag,
    JaxaugError,
    Key,
    Scalar,
    Shape,
    describe,
)
from jaxaug._warp import Warp


class Container(Transform):
    """A transform made of transforms, each with a key that its own name decides."""

    members: tuple[Transform, ...]

    def parts(self) -> list[tuple[str, Any]]:
        rest = [part for part in super().parts() if part[0] != "members"]
        return [*(("", member) for member in self.members), *rest]

    def _set(self, members: tuple[Any, ...], **fields: Any) -> None:
        """Fill the fields of a constructor, having looked at the members."""
        who = type(self).__name__
        for place, member in enumerate(members):
            if not isinstance(member, Transform):
                remedy = "Make a function a transform with jaxaug.lift(...)."
                if isinstance(member, type) and issubclass(member, Transform):
                    remedy = f"Make one: {member.__name__}(...)."
                elif isinstance(member, list | tuple):
                    remedy = f"Members are arguments, not a list: {who}(*members)."
                raise JaxaugError(f"{who}[{place}]", "a transform", describe(member), remedy)
        for name, value in {"members": members, **fields}.items():
            object.__setattr__(self, name, value)

    def _need_members(self) -> None:
        if not self.members:
            raise JaxaugError(type(self).__name__, "at least one transform", "none")

    def _keys(self, key: Key) -> list[Key]:
        if not self.members:
            return []
        numbers = np.array(tags(member.tag for member in self.members), np.uint32)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
        return [keys[place] for place in range(len(self.members))]

    def _sample_member(self, place: int, key: Key, shape: Shape) -> Op:
        member = self.members[place]
        return self._at(place, lambda: member.sample(key, shape))

    def _at(self, place: int, step: Callable[[], Op]) -> Op:
        """Run a step for one member; an error says where it stands."""
        try:
            return step()
        except JaxaugError as error:
            name = type(self.members[place]).__name__
            position = f"{type(self).__name__}[{place}] ({name})"
            raise error.inside(position) from None

    def _alternatives(self, key: Key, shape: Shape) -> list[Op]:
        """One op from every member, for the same image; all must give one size."""
        ops = [self._sample_member(k, each, shape) for k, each in enumerate(self._keys(key))]
        sizes = {op.output_shape(shape) for op in ops}
        if len(sizes) > 1:
            remedy = "Let every member give one size, or resize after the container."
            raise JaxaugError(type(self).__name__, "one output size", str(sorted(sizes)), remedy)
        return ops


class Chain(Container):
    """One transform after the other: a run of geometry is one resampling, of colour one pass.

    Order is kept. What its members leave open about resampling is decided here. The border rule
    acts once, at the edge of the image that comes in: what one member moves out, a later one may
    bring back.

    Args:
        *members: transforms.
        fill: what lies outside the image: a border rule (``constant``, ``nearest``, ``reflect``,
            ``mirror``, ``wrap``), or a value in 0..1, a number or one a channel. Default 0.
        interpolation: ``nearest``, ``linear`` (default) or ``cubic``.
        mask_fill: what lies outside a mask where the rule is ``constant``. Default 0.
        dtype: type of the images that come out; see ``batched``.

    Raises:
        JaxaugError: a member that is no transform, an unknown rule or type.

    Example:
        >>> import jaxaug as ja
        >>> ja.Chain(ja.Rotate(20), ja.HorizontalFlip(), fill="nearest")
        Chain(Rotate(degrees=20), HorizontalFlip(), fill='nearest')
    """

    fill: str | float | tuple[float, ...] | None = static(default=None)
    interpolation: str | None = static(default=None)
    mask_fill: float | int | None = static(default=None)
    dtype: str | None = static(default=None)

    def __init__(
        self,
        *members: Transform,
        fill: Any = None,
        interpolation: str | None = None,
        mask_fill: float | None = None,
        dtype: Any = None,
    ) -> None:
        if interpolation not in (None, *INTERPOLATIONS):
            want = f"an interpolation among {', '.join(INTERPOLATIONS)}"
            raise JaxaugError("Chain", want, describe(interpolation))
        self._set(
            members,
            fill=_check_fill(fill),
            interpolation=interpolation,
            mask_fill=mask_fill,
            dtype=check_dtype("Chain", dtype),
        )

    def sample(self, key: Key, shape: Shape) -> Op:
        border = self.fill if isinstance(self.fill, str) else "constant"
        fill = 0.0 if isinstance(self.fill, str) else self.fill
        outer = Resampling(
            border if self.fill is not None else None, fill, self.interpolation, self.mask_fill
        )
        self._check_channels(shape)
        ops = []
        before = shape
        for place, each in enumerate(self._keys(key)):
            op = self._sample_member(place, each, before).resampled(outer)
            before = op.output_shape(before)
            ops.append(op)
        return converted(fuse(_with_one_table(ops)), self.dtype)

    def _check_channels(self, shape: Shape) -> None:
        if isinstance(self.fill, tuple) and len(self.fill) != shape[2]:
            raise JaxaugError("Chain", f"a fill of {shape[2]} channels", str(self.fill))


def _with_one_table(ops: list[Op]) -> list[Op]:
    """The ops, every Warp with the chain's table of keypoints.

    Any mirror changes the names, or changes them back, also one behind what does not fuse.
    """
    parts = [part for op in ops for part in flatten(op)]
    tables = [part.swap for part in parts if isinstance(part, Warp) and part.swap]
    return [
        part.replace(swap=part.swap or tables[0]) if tables and isinstance(part, Warp) else part
        for part in parts
    ]


def _check_fill(fill: Any) -> str | float | tuple[float, ...] | None:
    if isinstance(fill, str) and fill not in BORDERS:
        raise JaxaugError("Chain", f"a fill among {', '.join(BORDERS)}, or a value", repr(fill))
    if fill is None or isinstance(fill, str | float | int):
        return fill
    try:
        return tuple(float(value) for value in fill)
    except TypeError:
        raise JaxaugError("Chain", "a fill: rule, number or tuple", describe(fill)) from None


class Maybe(Transform):
    """A transform with probability ``p``, else nothing: drawn in any case, then gated by a coin.

    Args:
        transform: what may happen; it must keep the size of the image.
        p: probability, in [0, 1].
    """

    transform: Transform
    p: Scalar = 0.5

    def __post_init__(self) -> None:
        check_probability("Maybe", self.p)
        if not isinstance(self.transform, Transform):
            raise JaxaugError("Maybe", "a transform", describe(self.transform))

    def sample(self, key: Key, shape: Shape) -> Op:
        toss, inner = jax.random.split(key)
        try:
            return self.transform.sample(inner, shape).gate(coin(toss, self.p))
        except JaxaugError as error:
            raise error.inside(f"Maybe ({type(self.transform).__name__})") from None

    @property
    def tag(self) -> str:
        return f"Maybe:{self.transform.tag}"


class OneOf(Container):
    """One of several transforms. It costs the number of op *families* among them, not of members.

    Args:
        *members: transforms; all must give images of one size.
        weights: how likely each is, up to a common factor; all alike by default.
    """

    weights: tuple[Scalar, ...] | None = None

    def __init__(self, *members: Transform, weights: tuple[Scalar, ...] | None = None) -> None:
        self._set(members, weights=weights)
        self._need_members()
        if weights is not None and len(weights) != len(members):
            raise JaxaugError("OneOf", f"{len(members)} weights", describe(weights))
        known = [weight for weight in weights or (1.0,) if isinstance(weight, float | int)]
        if any(weight < 0 for weight in known) or (known and not any(known)):
            raise JaxaugError("OneOf", "weights >= 0, one of them above", describe(weights))

    def sample(self, key: Key, shape: Shape) -> Op:
        toss, inner = jax.random.split(key)
        ops = self._alternatives(inner, shape)
        weights = self.weights or (1.0,) * len(ops)
        mark = jax.random.uniform(toss) * sum(weights)
        picked, low = [], 0.0
        for weight in weights[:-1]:
            picked.append((mark >= low) & (mark < low + weight))
            low = low + weight
        return one_of(ops, [*picked, mark >= low])


class SomeOf(Container):
    """A random subset of several transforms, in the order they are given.

    Args:
        *members: transforms that keep the size of the image.
        n: how many: a number, or a pair ``(low, high)`` to draw from, both included.
    """

    n: int | tuple[int, int] = static(default=1)

    def __init__(self, *members: Transform, n: int | tuple[int, int] = 1) -> None:
        self._set(members, n=n)
        low, high = n if isinstance(n, tuple) else (n, n)
        if not 0 <= low <= high <= len(members):
            want = f"n between 0 and {len(members)}, the number of transforms"
            raise JaxaugError("SomeOf", want, describe(n))

    def sample(self, key: Key, shape: Shape) -> Op:
        count, order, inner = jax.random.split(key, 3)
        low, high = self.n if isinstance(self.n, tuple) else (self.n, self.n)
        number = low + jnp.int32(jax.random.uniform(count) * (high - low + 1))
        ops = self._alternatives(inner, shape)
        places = ranks(order, len(ops))
        return fuse(
            self._at(k, lambda op=op, place=place: op.gate(place < number))
            for k, (op, place) in enumerate(zip(ops, places, strict=True))
        )


class RandomOrder(Container):
    """All of several transforms, in an order drawn for each image.

    Members of one family still are one op: any order of a ColorJitter is one colour matrix.

    Args:
        *members: transforms that keep the size of the image.
    """

    def __init__(self, *members: Transform) -> None:
        self._set(members)

    def sample(self, key: Key, shape: Shape) -> Op:
        order, inner = jax.random.split(key)
        ops = self._alternatives(inner, shape)
        places = ranks(order, len(ops))
        slots = range(len(ops))
        return fuse(one_of(ops, [place == slot for place in places]) for slot in slots)


def one_of(ops: list[Op], picked: list[Flag]) -> Op:
    """The op whose flag is set, of which there must be exactly one, at the cost of the families.

    Every op is a word of families, such as Warp, Color for a fused chain. The words are merged into
    one that contains each; at every letter, the numbers of the picked op stand, or those of the
    identity.
    """
    words = [list(flatten(op)) for op in ops]
    merged: list[Op] = []
    while any(words):
        heads = [word[0].family for word in words if word]
        family = max(heads, key=heads.count)
        having = [k for k, word in enumerate(words) if word and word[0].family == family]
        letters = [(picked[k], words[k].pop(0)) for k in having]
        flag, letter = letters[0]
        chosen = letter if len(letters) == len(ops) else letter.gate(flag)
        for flag, letter in letters[1:]:
            chosen = letter.select(flag, chosen)
        merged.append(chosen)
    return fuse(merged)
