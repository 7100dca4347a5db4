"""Views: several draws of one image, side by side, as self-supervised learning compares them."""

import jax

from jaxaug._compose import Container
from jaxaug._ops import Op, fuse
from jaxaug._stack import Stack
from jaxaug._transform import Transform
from jaxaug._types import JaxaugError, Key, Shape


class Views(Container):
    """Several versions of one image, each drawn on its own, along a new first axis.

    Of a batch ``(n, h, w, c)``, ``k`` views are ``(n, k, h, w, c)``: masks, boxes and keypoints get
    the axis too, and what no transform knows, such as the label, does not. What follows in a chain
    is done to each view alike. ``Views(t, t)`` draws twice from one transform.

    Args:
        *members: a transform for each view; all must give images of one size.
        shared: what is drawn once and done to all views first, such as a common crop: views then
            show the same part of the image.

    Raises:
        JaxaugError: sizes that differ, or a view that itself is several.

    Example:
        >>> import jax, jax.numpy as jnp, jaxaug as ja
        >>> colors = ja.ColorJitter(0.4, 0.4, 0.4)
        >>> views = ja.Views(colors, colors, shared=ja.RandomResizedCrop(24))
        >>> views(jax.random.key(0), jnp.zeros((32, 32, 3))).shape
        (2, 24, 24, 3)
    """

    shared: Transform | None = None

    def __init__(self, *members: Transform, shared: Transform | None = None) -> None:
        self._set(members, shared=shared)
        self._need_members()
        if shared is not None and not isinstance(shared, Transform):
            raise JaxaugError("Views", "a transform as `shared`", repr(shared))

    def sample(self, key: Key, shape: Shape) -> Op:
        common, inner = jax.random.split(key)
        first = () if self.shared is None else (self.shared.sample(common, shape),)
        before = first[0].output_shape(shape) if first else shape
        views = tuple(fuse((*first, op)) for op in self._alternatives(inner, before))
        if any(_is_several(op) for op in views):
            remedy = "Views(a, b) of the members themselves gives all of them."
            raise JaxaugError("Views", "views of one image each", "a stack of several", remedy)
        return Stack(views)


def _is_several(op: Op) -> bool:
    return isinstance(op, Stack) or any(_is_several(part) for part in getattr(op, "ops", ()))
