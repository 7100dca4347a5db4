"""AugMix: several chains of operations, mixed with each other and with the image."""

import jax
import jax.numpy as jnp

from jaxaug._blend import Blend
from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Scalar, Shape, describe
from jaxaug.transforms.operations import AUGMIX, Space
from jaxaug.transforms.policy import Names, check_names, joined, layer


class AugMix(Transform):
    """Mix the image with several versions of itself, each by a short chain of operations.

    Weights of the chains are drawn from Dirichlet(1, ..), that of the mixture from Beta(1, 1), as
    in the paper's runs. Masks, boxes and keypoints stay: a part of the image stays where it is.

    Variants: ``paper``: 9 operations, each at a level drawn up to ``severity`` of 10;
    ``torchvision``: 13 of them (``all_ops``), levels are whole numbers below ``severity``. Those
    that the paper leaves out resemble corruptions of ImageNet-C.

    Args:
        severity: how strong the operations are, in 0..10.
        width: how many chains.
        depth: how many operations in each, at most: their number is drawn from 1 up to it.
        variant: whose operations and levels.
        operations: names to draw from, instead of all that the variant has.

    Reference:
        Hendrycks et al., AugMix: A Simple Data Processing Method to Improve Robustness and
        Uncertainty, ICLR 2020, arXiv:1912.02781.
    """

    severity: Scalar = 3.0
    width: int = static(default=3)
    depth: int = static(default=3)
    variant: str = static(default="paper")
    operations: Names | None = static(default=None)

    def __post_init__(self) -> None:
        if self.variant not in AUGMIX:
            want = f"a variant among {', '.join(AUGMIX)}"
            raise JaxaugError("AugMix", want, describe(self.variant))
        if self.width < 1 or self.depth < 1:
            got = f"{self.width}, {self.depth}"
            raise JaxaugError("AugMix", "a width and a depth of 1 or more", got)
        if isinstance(self.severity, float | int) and not 0 <= self.severity <= 10:
            raise JaxaugError("AugMix", "a severity in [0, 10]", describe(self.severity))
        check_names("AugMix", AUGMIX[self.variant], self.operations)

    def sample(self, key: Key, shape: Shape) -> Op:
        mixing, *keys = jax.random.split(key, self.width + 1)
        uniform = jax.random.uniform(mixing, (self.width + 1,))
        # Exponentials over their sum are Dirichlet(1, .., 1).
        parts = [-jnp.log1p(-uniform[k]) for k in range(self.width)]
        total = sum(parts) + 1e-20
        chains = tuple(self._chain(each, AUGMIX[self.variant], shape) for each in keys)
        return Blend(chains, tuple(part / total for part in parts), uniform[self.width])

    def _chain(self, key: Key, space: Space, shape: Shape) -> Op:
        uniform = jax.random.uniform(key, (self.depth, 4))
        names = self.operations or tuple(space.magnitudes)
        length = 1.0 + jnp.floor(uniform[0, 3] * self.depth)
        layers = []
        for k in range(self.depth):
            index = jnp.floor(uniform[k, 0] * len(names))
            picked = [(index == j) & (k < length) for j in range(len(names))]
            sign = jnp.where(uniform[k, 2] < 0.5, -1.0, 1.0)
            layers.append(layer(space, names, picked, (self._level(uniform[k, 1]), sign), shape))
        return joined(layers)

    def _level(self, uniform: jax.Array) -> jax.Array:
        if self.variant == "torchvision":
            return jnp.floor(uniform * self.severity) / 9.0
        return (0.1 + uniform * (self.severity - 0.1)) / 10.0
