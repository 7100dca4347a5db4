"""Hide: pixels are covered, which boxes and points can be asked about."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxaug._ops import Op
from jaxaug._pytree import static
from jaxaug._types import HW, HWC, N4, Flag, Key, Scalar, Shape, extent
from jaxaug.functional import color, noise
from jaxaug.functional.resample import cleared

DISTRIBUTIONS = ("uniform", "normal")


class Hide(Op):
    """Some pixels are covered. Boxes and points stay; ``visible_fraction`` tells what is left.

    Attributes:
        kernel: which pixels: a module-level function as those in ``jaxaug.functional.holes``.
        arguments: arrays, drawn or given.
        fill: what covers them, in 0..1: a number or one a channel.
        noise: a key; then it is noise, drawn for every number, instead.
        distribution: of the noise: ``uniform`` in 0..1, or ``normal`` of mean 0 and deviation 1.
        mask_fill: what covers them in masks; None leaves masks as they are.
        on: whether it is applied at all; None is always.
    """

    kernel: Callable[..., Any] = static()
    arguments: tuple[Any, ...] = ()
    fill: Any = 0.0
    noise: Key | None = None
    distribution: str = static(default="uniform")
    mask_fill: Scalar | None = None
    on: Flag | None = None

    def __init__(
        self,
        kernel: Callable[..., Any],
        *arguments: Any,
        fill: Any = 0.0,
        noise: Key | None = None,
        distribution: str = "uniform",
        mask_fill: Scalar | None = None,
    ) -> None:
        fields = {"kernel": kernel, "arguments": arguments, "fill": fill, "noise": noise}
        fields |= {"distribution": distribution, "mask_fill": mask_fill, "on": None}
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def parts(self) -> list[tuple[str, Any]]:
        return [("", self.kernel), *(("", each) for each in self.arguments), *super().parts()[2:]]

    def image(self, image: HWC, shape: Shape) -> HWC:
        pixels = color.to_float(image)
        fill = jnp.asarray(self.fill, jnp.float32)
        if self.noise is not None:
            draw = noise.normal if self.distribution == "normal" else noise.uniform
            fill = draw(self.noise, shape)
        covered = jnp.where(self._hidden(shape)[..., None], fill, pixels)
        return cleared(covered, extent(shape))

    def mask(self, mask: HW, shape: Shape) -> HW:
        if self.mask_fill is None:
            return mask
        fill = jnp.asarray(self.mask_fill).astype(mask.dtype)
        return cleared(jnp.where(self._hidden(shape), fill, mask), extent(shape))

    def shown(self, boxes: N4, shape: Shape) -> jax.Array:
        """How much of what of each box is in the picture is not covered: by areas, exactly."""
        boxes = jnp.asarray(boxes, jnp.float32)
        overlaps = []
        for axis, side in ((1, extent(shape)[0]), (0, extent(shape)[1])):
            start = lax.iota(jnp.float32, shape[1 - axis])
            low, high = (boxes[:, k, None] for k in (axis, axis + 2))
            end = jnp.minimum(jnp.minimum(start + 1.0, side), high)
            overlaps.append(jnp.maximum(end - jnp.maximum(start, low), 0.0))
        rows, columns = overlaps
        whole = rows.sum(axis=1) * columns.sum(axis=1)
        free = jnp.where(self._hidden(shape), 0.0, 1.0)
        seen = (jnp.matmul(rows, free, precision="highest") * columns).sum(axis=1)
        return jnp.where(whole > 0, seen / jnp.where(whole > 0, whole, 1.0), 1.0)

    def _hidden(self, shape: Shape) -> Any:
        hidden = self.kernel(shape[0], shape[1], extent(shape), *self.arguments)
        return hidden if self.on is None else hidden & self.on

    @property
    def rereads(self) -> bool:
        return False

    @property
    def family(self) -> Hashable:
        drawn = self.arguments, self.noise, self.mask_fill
        shapes = tuple(jnp.shape(leaf) for leaf in jax.tree.leaves(self.arguments))
        return (Hide, self.kernel, self.distribution, jax.tree.structure(drawn), shapes)

    def select(self, on: Flag, other: Op | None) -> "Hide":
        if not isinstance(other, Hide):
            return self.replace(on=on if self.on is None else jnp.logical_and(on, self.on))
        drawn = [(op.arguments, op.fill, op.noise, op.mask_fill) for op in (self, other)]
        arguments, fill, noise, mask_fill = jax.tree.map(lambda a, b: jnp.where(on, a, b), *drawn)
        flags = [True if op.on is None else op.on for op in (self, other)]
        always = self.on is None and other.on is None
        return self.replace(arguments=arguments, fill=fill, noise=noise, mask_fill=mask_fill,
                            on=None if always else jnp.where(on, *flags))  # fmt: skip
