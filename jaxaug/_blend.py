"""Blend: several ops on one image, their results mixed by weights."""

from typing import Any

import jax.numpy as jnp

from jaxaug._ops import Op, Resampling
from jaxaug._types import HWC, Flag, JaxaugError, Shape, extent
from jaxaug.functional import color
from jaxaug.functional.resample import cleared
from jaxaug.functional.stable import materialize, weighted_sum


class Blend(Op):
    """``(1 - m) x + m (w_1 op_1(x) + w_2 op_2(x) + ...)`` on the image; the rest stays as it is.

    Masks, boxes and keypoints are those of the image that comes in, which is one of those mixed.

    Attributes:
        ops: each must keep the size.
        weights: one for each, their sum is 1.
        share: ``m``: 0 is the identity.
    """

    ops: tuple[Op, ...]
    weights: tuple[Any, ...]
    share: Any

    def image(self, image: HWC, shape: Shape) -> HWC:
        pixels = color.to_float(image)
        mixed = [(pixels, 1.0 - self.share)]
        for op, weight in zip(self.ops, self.weights, strict=True):
            if op.output_shape(shape) != shape:
                want = f"ops that keep the size {shape[:2]}"
                raise JaxaugError("Blend", want, str(op.output_shape(shape)[:2]))
            mixed.append((materialize(op.image(image, shape)), self.share * weight))
        out = jnp.where(self.share == 0.0, pixels, weighted_sum(mixed))
        return cleared(out, extent(shape))

    def select(self, on: Flag, other: Op | None) -> "Blend":
        if other is not None:
            raise JaxaugError("Blend.select", "the identity", type(other).__name__)
        return self.replace(share=jnp.where(on, self.share, 0.0))

    @property
    def family(self) -> Any:
        return id(self)  # its parts may differ from another's: neither stands in for the other

    def resampled(self, outer: Resampling) -> "Blend":
        return self.replace(ops=tuple(op.resampled(outer) for op in self.ops))
