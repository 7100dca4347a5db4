"""Deferred: an op that is decided by the example it is applied to, such as a crop around boxes."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from jaxaug._ops import UNDECIDED, Op, Resampling, materialized
from jaxaug._pytree import static
from jaxaug._types import HW, HWC, N2, N4, Example, Flag, JaxaugError, Shape, Size


class Deferred(Op):
    """Numbers that were drawn, and a rule that makes an op of them and of an example's targets.

    The rule is asked when the op is applied, and what it answers fuses with its neighbours then.

    Attributes:
        rule: a module-level function ``rule(targets, shape, *arguments, **options) -> Op``, where
            ``targets`` are those of the example that there are.
        arguments: arrays, drawn or given.
        options: static keywords.
        size: ``(h, w)`` of the output; None keeps the input's.
        resampling: for what the rule leaves open.
        on: whether it is applied at all; None is always.
    """

    rule: Callable[..., Op] = static()
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = static(default=())
    size: Size | None = static(default=None)
    resampling: Resampling = static(default=UNDECIDED)
    on: Flag | None = None

    def __init__(
        self, rule: Callable[..., Op], *arguments: Any, size: Size | None = None, **options: Any
    ) -> None:
        fields = {"rule": rule, "arguments": arguments, "options": tuple(sorted(options.items()))}
        for name, value in (fields | {"size": size, "resampling": UNDECIDED, "on": None}).items():
            object.__setattr__(self, name, value)

    @property
    def binds(self) -> bool:
        return True

    def bound(self, targets: Example, shape: Shape) -> Op:
        op = self.rule(targets, shape, *self.arguments, **dict(self.options))
        op = materialized(op).resampled(self.resampling)
        return op if self.on is None else op.gate(self.on)

    def image(self, image: HWC, shape: Shape) -> HWC:
        del image, shape
        raise _not_bound("image")

    def mask(self, mask: HW, shape: Shape) -> HW:
        del mask, shape
        raise _not_bound("mask")

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> N4:
        del boxes, shape, clip
        raise _not_bound("boxes")

    def keypoints(self, points: N2, shape: Shape) -> N2:
        del points, shape
        raise _not_bound("keypoints")

    def shown(self, boxes: N4, shape: Shape) -> jax.Array:
        del boxes, shape
        raise _not_bound("shown")

    def output_shape(self, shape: Shape) -> Shape:
        return shape if self.size is None else (*self.size, shape[2])

    @property
    def family(self) -> Hashable:
        structure = jax.tree.structure(self.arguments)
        return (Deferred, self.rule, self.options, self.size, self.resampling, structure)

    def select(self, on: Flag, other: Op | None) -> "Deferred":
        if not isinstance(other, Deferred):
            if self.size:
                remedy = "Let every alternative have one output size, or resize after it."
                got = f"output {self.size}"
                raise JaxaugError("gate", "an op that keeps the size", got, remedy)
            return self.replace(on=on if self.on is None else jnp.logical_and(on, self.on))
        arguments = jax.tree.map(lambda a, b: jnp.where(on, a, b), self.arguments, other.arguments)
        flags = [True if op.on is None else op.on for op in (self, other)]
        always = self.on is None and other.on is None
        return self.replace(arguments=arguments, on=None if always else jnp.where(on, *flags))

    def resampled(self, outer: Resampling) -> "Deferred":
        return self.replace(resampling=self.resampling.otherwise(outer))


def _not_bound(what: str) -> JaxaugError:
    remedy = "Apply the op to the example, or bind it first: op.bound(example, shape)."
    return JaxaugError(f"Deferred.{what}", "an op bound to an example", "one that is not", remedy)
