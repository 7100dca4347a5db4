"""Policies: RandAugment, TrivialAugment, AutoAugment, as choices among numbers.

Within a layer one operation is picked, so all other letters of its word of families are the
identity and may stand in any order. Layers alternate: geometry, mixing, curves; curves, mixing,
geometry. Neighbours of one family then fuse, and two layers cost one look-up of curves.
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._compose import Chain, Maybe, OneOf, one_of
from jaxaug._ops import Op, Sequence, flatten, fuse
from jaxaug._pixels import Apply
from jaxaug._pytree import static
from jaxaug._tone import Tone
from jaxaug._transform import Transform
from jaxaug._types import Flag, JaxaugError, Key, Scalar, Shape, describe
from jaxaug._warp import Warp
from jaxaug.transforms.operations import AUTOAUGMENT, SPACES, Space

Names: TypeAlias = tuple[str, ...]
Step: TypeAlias = tuple[str, float, float | None]  # an operation, its probability, its level

_RANKS = (Warp, Apply, Tone)


class Layer(NamedTuple):
    """One operation, picked by data among several.

    Attributes:
        letters: an op of each family that there is, by rank; at most one is not the identity.
        geometric: whether that is a Warp, or none.
    """

    letters: list[Op]
    geometric: Flag


def layer(space: Space, names: Names, picked: list[Any], numbers: Any, shape: Shape) -> Layer:
    """One operation of several, or none.

    Args:
        space: how strong each is.
        names: of the operations.
        picked: a flag for each, at most one of them set.
        numbers: level and sign.
        shape: of the image.
    """
    level, sign = numbers
    ops = [space.op(name, level, sign, shape) for name in names]
    none = jnp.logical_not(functools.reduce(jnp.logical_or, picked))
    letters = flatten(one_of([Sequence(), *ops], [none, *picked]))
    still = [flag for op, flag in zip(ops, picked, strict=True) if isinstance(op, Warp | Sequence)]
    geometric = functools.reduce(jnp.logical_or, still, none)
    return Layer(sorted(letters, key=lambda op: _RANKS.index(type(op))), geometric)


def joined(layers: Iterable[Layer]) -> Op:
    """Layers one after the other, with as few stages as the order of what is done allows.

    Geometry that only geometry comes before is joined with the first, so that pixels are
    interpolated once; where colours changed before, it stands in its place.
    """
    first: list[Op] = []
    word: list[Op] = []
    early: Any = None  # whether nothing but geometry came before
    for place, (letters, geometric) in enumerate(layers):
        rest = [op for op in letters if not isinstance(op, Warp)]
        warps = [op for op in letters if isinstance(op, Warp)]
        first += warps if early is None else [op.gate(early) for op in warps]
        late = [] if early is None else [op.gate(jnp.logical_not(early)) for op in warps]
        word += [*late, *rest] if place % 2 == 0 else [*rest[::-1], *late]
        early = geometric if early is None else early & geometric
    return fuse([*first, *word])


class RandAugment(Transform):
    """Some operations one after the other, each drawn from a list, all of one magnitude.

    Libraries mean different things by it; ``variant`` says whose operations and magnitudes these
    are:

    - ``torchvision``: magnitude of 30 (``num_magnitude_bins=31``): the default 9 turns by 9
      degrees. 14 operations, the identity among them.
    - ``timm``: magnitude of 10: 9 turns by 27 degrees, each operation has probability 0.5 and a
      magnitude of its own with standard deviation 0.5 (``rand-m9-n2-mstd0.5``). 15 operations.
      Posterize, Solarize and the enhancements are strongest at 0, as in the original code.
    - ``timm-increasing``: the same, where more always is stronger (``-inc1``).
    - ``paper``: the original code's, magnitude of 10, shifts up to 100 pixels. Its Cutout is left
      out: put one behind it.

    Pictures are treated as 8-bit ones: cut to 0..1, curves by their 256 levels. Fill and
    interpolation are the container's; torchvision's are 0 and ``nearest``.

    Args:
        num_ops: how many operations.
        magnitude: strength; of 30 or 10, see above.
        variant: whose magnitudes.
        operations: names to draw from, instead of all that the variant has.
        p: probability of each; None is the variant's.
        std: standard deviation of the magnitude; None is the variant's.

    Reference:
        Cubuk et al., RandAugment: Practical automated data augmentation with a reduced search
        space, NeurIPS 2020, arXiv:1909.13719.
    """

    num_ops: int = static(default=2)
    magnitude: Scalar = 9.0
    variant: str = static(default="torchvision")
    operations: Names | None = static(default=None)
    p: Scalar | None = None
    std: Scalar | None = None

    def __post_init__(self) -> None:
        variants = ("torchvision", "timm", "timm-increasing", "paper")
        if self.variant not in variants:
            want = f"a variant among {', '.join(variants)}"
            raise JaxaugError("RandAugment", want, describe(self.variant))
        if self.num_ops < 1:
            raise JaxaugError("RandAugment", "num_ops of 1 or more", describe(self.num_ops))
        top = SPACES[self.variant].top
        if isinstance(self.magnitude, float | int) and not 0 <= self.magnitude <= top:
            want = f"a magnitude in [0, {top:.0f}] for the variant {self.variant}"
            raise JaxaugError("RandAugment", want, describe(self.magnitude))
        check_names("RandAugment", SPACES[self.variant], self.operations)

    def sample(self, key: Key, shape: Shape) -> Op:
        space = SPACES[self.variant]
        names = self.operations or tuple(space.magnitudes)
        timm = self.variant.startswith("timm")
        p, std = (0.5, 0.5) if timm else (1.0, 0.0)
        p, std = (p if self.p is None else self.p), (std if self.std is None else self.std)
        choice, spread = jax.random.split(key)
        uniform = jax.random.uniform(choice, (self.num_ops, 3))
        normal = jax.random.normal(spread, (self.num_ops,))
        layers = []
        for k in range(self.num_ops):
            index = jnp.floor(uniform[k, 0] * len(names))
            level = jnp.clip((self.magnitude + std * normal[k]) / space.top, 0.0, 1.0)
            picked = [(index == j) & (uniform[k, 2] < p) for j in range(len(names))]
            layers.append(layer(space, names, picked, (level, _sign(uniform[k, 1])), shape))
        return joined(layers)


class TrivialAugmentWide(Transform):
    """One operation, at a strength drawn anew each time; nothing to be tuned.

    The wide space of the paper, as in torchvision: 14 operations, turns up to 135 degrees, shifts
    up to 32 pixels, factors of 1 +- 0.99; the level is drawn among ``bins``. Pictures are treated
    as in ``RandAugment``.

    Args:
        bins: how many levels there are, from none to the strongest.
        operations: names to draw from, instead of all 14.

    Reference:
        Mueller and Hutter, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation, ICCV
        2021, arXiv:2103.10158.
    """

    bins: int = static(default=31)
    operations: Names | None = static(default=None)

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise JaxaugError("TrivialAugmentWide", "2 bins or more", describe(self.bins))
        check_names("TrivialAugmentWide", SPACES["wide"], self.operations)

    def sample(self, key: Key, shape: Shape) -> Op:
        space = SPACES["wide"]
        names = self.operations or tuple(space.magnitudes)
        uniform = jax.random.uniform(key, (3,))
        index, level = jnp.floor(uniform[0] * len(names)), jnp.floor(uniform[1] * self.bins)
        picked = [index == j for j in range(len(names))]
        numbers = (level / (self.bins - 1), _sign(uniform[2]))
        return joined([layer(space, names, picked, numbers, shape)])


class AutoAugment(Transform):
    """One of many pairs of operations, with probabilities and levels that were once searched for.

    Magnitudes are torchvision's, of 10 levels; geometry and enhancements turn their sign around by
    a coin. Pictures are treated as in ``RandAugment``.

    Args:
        policy: ``imagenet``, ``cifar10``, ``svhn``, or sub-policies of your own, one of which is
            drawn: each a tuple of steps ``(operation, probability, level in 0..9 or None)``, such
            as ``((("Rotate", 0.4, 8), ("Equalize", 0.6, None)),)``, all of one length.

    Raises:
        JaxaugError: an unknown policy or operation, a probability or a level out of range.

    Reference:
        Cubuk et al., AutoAugment: Learning Augmentation Policies from Data, CVPR 2019,
        arXiv:1805.09501.
    """

    policy: str | tuple[tuple[Step, ...], ...] = static(default="imagenet")

    def __post_init__(self) -> None:
        if isinstance(self.policy, str):
            if self.policy not in AUTOAUGMENT:
                want = f"a policy among {', '.join(AUTOAUGMENT)}, or sub-policies"
                raise JaxaugError("AutoAugment", want, describe(self.policy))
            return
        steps = [step for each in self.policy for step in each]
        if not steps or len({len(each) for each in self.policy}) > 1:
            raise JaxaugError("AutoAugment", "sub-policies of one length", describe(self.policy))
        for step in steps:
            good = len(step) == 3 and 0 <= step[1] <= 1 and 0 <= (step[2] or 0) <= 9
            if not good:
                want = "steps (operation, probability in [0, 1], level in [0, 9] or None)"
                raise JaxaugError("AutoAugment", want, describe(step))
        check_names("AutoAugment", SPACES["autoaugment"], tuple(step[0] for step in steps))

    def sample(self, key: Key, shape: Shape) -> Op:
        chosen = AUTOAUGMENT[self.policy] if isinstance(self.policy, str) else self.policy
        space = SPACES["autoaugment"]
        names = tuple(dict.fromkeys(step[0] for steps in chosen for step in steps))
        choice, draws = jax.random.split(key)
        number = jnp.floor(jax.random.uniform(choice) * len(chosen))
        which = number == np.arange(len(chosen), dtype=np.float32)
        uniform = jax.random.uniform(draws, (len(chosen[0]), 2))
        layers = []
        for k, steps in enumerate(zip(*chosen, strict=True)):
            numbers = [(names.index(name), p, level or 0.0) for name, p, level in steps]
            columns = np.asarray(numbers, np.float32).T
            # A sum of one number and zeros: exact, and no gather.
            index, p, level = (jnp.where(which, c, 0.0).sum() for c in columns)
            picked = [(index == j) & (uniform[k, 0] < p) for j in range(len(names))]
            strength = (level / space.top, _sign(uniform[k, 1]))
            layers.append(layer(space, names, picked, strength, shape))
        return joined(layers)


def policy(
    *sub_policies: Iterable[tuple[Any, ...]], weights: tuple[Scalar, ...] | None = None
) -> OneOf:
    """A policy of your own: one of several chains of transforms with probabilities and magnitudes.

    It costs the families of ops among its members, not their number.

    Args:
        *sub_policies: one is drawn for each image. Each is a list of steps, done in order:
            ``(transform, probability)``, or ``(make, probability, magnitude)`` where
            ``make(magnitude)`` is a transform. All must keep the size of the image.
        weights: how likely each is, up to a common factor; all alike by default.

    Returns:
        A ``OneOf`` of ``Chain`` of ``Maybe``.

    Raises:
        JaxaugError: a step of another form.

    Example:
        >>> import jaxaug as ja
        >>> mine = ja.policy(
        ...     [(ja.Rotate, 0.4, 30), (ja.Solarize, 0.6, (0.3, 0.9))],
        ...     [(ja.Equalize(), 0.8), (ja.Sharpness, 0.5, 0.9)],
        ... )
    """
    chains = []
    for place, steps in enumerate(sub_policies):
        members = []
        for step in steps:
            if not isinstance(step, tuple) or len(step) not in (2, 3):
                want = "steps (transform, p) or (make, p, magnitude)"
                raise JaxaugError(f"policy[{place}]", want, describe(step))
            transform = step[0] if len(step) == 2 else step[0](step[2])
            members.append(Maybe(transform, step[1]))
        chains.append(Chain(*members))
    return OneOf(*chains, weights=weights)


def _sign(uniform: Any) -> jax.Array:
    return jnp.where(uniform < 0.5, -1.0, 1.0)


def check_names(who: str, space: Space, names: Names | None) -> None:
    """Refuse what is no operation of a space; None is all of them."""
    known = space.magnitudes
    if names is not None and (not names or not isinstance(names, tuple)):
        raise JaxaugError(who, "a tuple of names of operations", describe(names))
    for name in names or ():
        if name not in known:
            want = f"operations among {', '.join(known)}"
            raise JaxaugError(who, want, describe(name))
