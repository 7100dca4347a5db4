"""Stack: several ops on one example, their results side by side."""

from typing import Any

import jax.numpy as jnp

from jaxaug._ops import Op, Resampling, fuse
from jaxaug._types import HW, HWC, N2, N4, Example, Flag, JaxaugError, Shape


class Stack(Op):
    """Several results of one example: every target gets a new first axis, one entry for each op.

    What follows in a chain is done to each of them; so a Stack stays the last op. Keys that no op
    knows, such as a label, are not repeated.

    Attributes:
        ops: at least one; all must give one size.
    """

    ops: tuple[Op, ...]

    def parts(self) -> list[tuple[str, Any]]:
        return [("", op) for op in self.ops]

    def image(self, image: HWC, shape: Shape) -> Any:
        return jnp.stack([op.image(image, shape) for op in self.ops])

    def mask(self, mask: HW, shape: Shape) -> Any:
        return jnp.stack([op.mask(mask, shape) for op in self.ops])

    def boxes(self, boxes: N4, shape: Shape, *, clip: bool = True) -> Any:
        return jnp.stack([op.boxes(boxes, shape, clip=clip) for op in self.ops])

    def keypoints(self, points: N2, shape: Shape) -> Any:
        return jnp.stack([op.keypoints(points, shape) for op in self.ops])

    def size_of(self, size: Any, shape: Shape) -> Any:
        return jnp.stack([op.size_of(size, shape) for op in self.ops])

    def output_shape(self, shape: Shape) -> Shape:
        """Shape ``(h, w, c)`` of each of the images that come out."""
        return self.ops[0].output_shape(shape)

    @property
    def results(self) -> tuple[Op, ...]:
        return self.ops

    @property
    def binds(self) -> bool:
        return any(op.binds for op in self.ops)

    def bound(self, targets: Example, shape: Shape) -> "Stack":
        return self.replace(ops=tuple(op.bound(targets, shape) for op in self.ops))

    def fused(self, other: Op) -> "Stack":
        if isinstance(other, Stack):
            remedy = "A stack of several is one transform with all of them."
            raise JaxaugError("Stack", "no second stack behind it", "two", remedy)
        return self.replace(ops=tuple(fuse((op, other)) for op in self.ops))

    def select(self, on: Flag, other: Op | None) -> "Stack":
        if not isinstance(other, Stack):
            remedy = "Put what may happen inside of it."
            raise JaxaugError("gate", "an op with one result", f"{len(self.ops)} of them", remedy)
        pairs = zip(self.ops, other.ops, strict=True)
        return self.replace(ops=tuple(a.select(on, b) for a, b in pairs))

    def resampled(self, outer: Resampling) -> "Stack":
        return self.replace(ops=tuple(op.resampled(outer) for op in self.ops))
