"""Collage: a drawn picture made of several, for images, masks, boxes and keypoints alike."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._pytree import Pytree, static
from jaxaug._types import HW, HWC, N2, N4, Array, Flag, Scalar, Shape, Size
from jaxaug._warp import Warp
from jaxaug.functional import geometry, mixing
from jaxaug.functional.color import to_float
from jaxaug.functional.mixing import Rectangle
from jaxaug.functional.stable import materialize


class Layer(Pytree):
    """One of the pictures of a collage, laid over those before it.

    Attributes:
        rectangle: where it is seen, ``x0 y0 x1 y1`` in pixels of the collage; None is everywhere.
        opacity: how much of it is seen there, in 0..1.
        warp: how the picture is resampled before; None leaves it as it is.
        corner: ``(top, left)`` in the collage of what the warp puts out, if it has a ``size``.
    """

    rectangle: Rectangle | None = None
    opacity: Scalar = 1.0
    warp: Warp | None = None
    corner: Size = static(default=(0, 0))

    @property
    def opaque(self) -> bool:
        """Whether it is known to hide what is under it."""
        return isinstance(self.opacity, float) and self.opacity == 1.0

    def image(self, image: HWC, shape: Shape) -> HWC:
        """The image, float32 in 0..1, where it is in the collage."""
        if self.warp is None:
            return to_float(image)
        return self._placed(materialize(self.warp.image(image, shape)), shape)

    def mask(self, mask: HW, shape: Shape) -> HW:
        """The mask where it is in the collage."""
        return mask if self.warp is None else self._placed(self.warp.mask(mask, shape), shape)

    def boxes(self, boxes: N4, shape: Shape) -> N4:
        """The boxes where they are in the collage, not yet cut to the rectangle."""
        if self.warp is None:
            return jnp.asarray(boxes, jnp.float32)
        moved = self.warp.boxes(boxes, shape, clip=False)
        there = moved + np.array(self.corner[::-1] * 2, np.float32)
        return jnp.where(geometry.box_area(moved)[:, None] > 0, there, 0.0)

    def keypoints(self, points: N2, shape: Shape) -> N2:
        """The keypoints where they are in the collage."""
        if self.warp is None:
            return jnp.asarray(points, jnp.float32)
        return self.warp.keypoints(points, shape) + np.array(self.corner[::-1], np.float32)

    def laid(self, under: Any, over: Any, shape: Shape) -> Any:
        """Pixels ``over``, those of this layer, on those under it."""
        seen = over if self.opaque else mixing.blend(under, over, self.opacity)
        if self.rectangle is None:
            return seen
        return jnp.where(mixing.inside(self.rectangle, shape[:2])[..., None], seen, under)

    def laid_mask(self, under: Any, over: Any, shape: Shape) -> Any:
        """The same for masks, which show either the one or the other."""
        seen = jnp.asarray(self.opacity) >= 1.0
        if self.rectangle is not None:
            seen = seen & mixing.inside(self.rectangle, shape[:2])
        return jnp.where(seen, over, under)

    def box_seen(self, boxes: N4) -> Array:
        """How much of boxes in the collage it shows, or hides: ``(n,)`` in 0..1."""
        if self.rectangle is None:
            return jnp.where(geometry.box_area(boxes) > 0, self.opacity, 0.0)
        return self.opacity * mixing.covered(boxes, self.rectangle)

    def point_seen(self, points: N2, shape: Shape) -> Array:
        """How much of points in the collage it shows, or hides: ``(n,)`` in 0..1."""
        rectangle = self.rectangle or (0.0, 0.0, float(shape[1]), float(shape[0]))
        return jnp.where(jnp.asarray(mixing.holds(points, rectangle)), self.opacity, 0.0)

    def _placed(self, pixels: Any, shape: Shape) -> Any:
        """What the warp puts out, in its corner of the collage."""
        sides = zip(self.corner, shape[:2], pixels.shape[:2], strict=True)
        around = [(start, whole - start - length) for start, whole, length in sides]
        return jnp.pad(pixels, around + [(0, 0)] * (pixels.ndim - 2))


class Collage(Pytree):
    """Pictures of several rows in one: what a ``Mix`` draws for a row.

    ``layers[0]`` shows the row's own picture, ``layers[k]`` that of its partner ``k``; what no
    layer shows is ``fill``. Boxes and keypoints are those of all layers, one after the other, each
    with a weight: how much of it is seen, 0 for padding.

    Attributes:
        layers: one for each picture, from the bottom up.
        shares: how much of each picture there is, which labels and weights follow; they add up to
            1.
        fill: what is where no layer is, in 0..1.
        mask_fill: the same in masks.
        on: whether the row is mixed at all; else its own picture stays as it is.
        blended: whether a picture may shine through another, where masks cannot follow.
    """

    layers: tuple[Layer, ...]
    shares: tuple[Scalar, ...]
    fill: Scalar = 0.0
    mask_fill: Scalar = 0
    on: Flag = True
    blended: bool = static(default=False)

    def image(self, images: Sequence[HWC]) -> HWC:
        """The image of images ``(h, w, c)`` of one shape, float32 in 0..1."""
        height, width, channels = images[0].shape
        shape = height, width, channels
        # Bytes are mixed as whole numbers: pixel / 255 would be one more product to be rounded.
        is_bytes = images[0].dtype == jnp.uint8 and not any(layer.warp for layer in self.layers)
        unit = np.float32(1.0 / 255.0) if is_bytes else np.float32(1.0)

        def read(layer: Layer, image: HWC) -> HWC:
            return image.astype(jnp.float32) if is_bytes else layer.image(image, shape)

        mixed: Any = jnp.asarray(self.fill, jnp.float32) / unit
        for layer, image in zip(self.layers, images, strict=True):
            mixed = layer.laid(mixed, read(layer, image), shape)
        mixed = jnp.where(self.on, mixed, read(Layer(), images[0]))
        return mixed * unit if is_bytes else mixed

    def mask(self, masks: Sequence[HW], shape: Shape) -> HW:
        """The mask of masks ``(h, w)``: of each pixel that of the topmost picture that hides it."""
        mixed: Any = jnp.asarray(self.mask_fill, masks[0].dtype)
        for layer, mask in zip(self.layers, masks, strict=True):
            mixed = layer.laid_mask(mixed, layer.mask(mask, shape), shape)
        return jnp.where(self.on, mixed, masks[0])

    def partner_mask(self, masks: Sequence[HW], shape: Shape) -> HW:
        """The mask of the picture that shines through in a collage of two."""
        return jnp.where(self.on, self.layers[1].mask(masks[1], shape), masks[0])

    def mask_share(self) -> jax.Array:
        """How much ``mask`` counts beside that of the picture that shines through, in 0..1."""
        opacity = jnp.asarray(self.layers[1].opacity, jnp.float32)
        shines = jnp.asarray(self.on) & (opacity < 1.0)
        return jnp.where(shines, 1.0 - opacity, 1.0)

    def boxes(
        self, boxes: Sequence[N4], weights: Sequence[Any], shape: Shape
    ) -> tuple[N4, jax.Array]:
        """All boxes ``(n, 4)``, cut to what is seen of their picture, and their weights."""
        moved = [layer.boxes(b, shape) for layer, b in zip(self.layers, boxes, strict=True)]
        cut = [
            b if layer.rectangle is None else mixing.cut_boxes(b, layer.rectangle)
            for layer, b in zip(self.layers, moved, strict=True)
        ]
        own = jnp.asarray(boxes[0], jnp.float32)
        there = Layer().box_seen(own) * weights[0]
        unmixed = [(own, there)]
        unmixed += [(jnp.zeros_like(b), jnp.zeros_like(there)) for b in cut[1:]]
        weighed = []
        for place, weight in enumerate(weights):
            seen = weight * self.layers[place].box_seen(moved[place])
            for above in self.layers[place + 1 :]:
                seen = seen * (1.0 - above.box_seen(cut[place]))
            weighed.append(seen)
        return self._joined(list(zip(cut, weighed, strict=True)), unmixed)

    def keypoints(
        self, points: Sequence[N2], weights: Sequence[Any], shape: Shape
    ) -> tuple[N2, jax.Array]:
        """All keypoints ``(n, 2)``, also those that are not seen, and their weights."""
        moved = [layer.keypoints(p, shape) for layer, p in zip(self.layers, points, strict=True)]
        own = jnp.asarray(points[0], jnp.float32)
        unmixed = [(own, Layer().point_seen(own, shape) * weights[0])]
        unmixed += [(p, jnp.zeros(p.shape[:1])) for p in moved[1:]]
        weighed = []
        for place, weight in enumerate(weights):
            seen = weight * self.layers[place].point_seen(moved[place], shape)
            for above in self.layers[place + 1 :]:
                seen = seen * (1.0 - above.point_seen(moved[place], shape))
            weighed.append(seen)
        return self._joined(list(zip(moved, weighed, strict=True)), unmixed)

    def share(self, layer: int) -> jax.Array:
        """How much of a picture there is, in 0..1."""
        return jnp.where(self.on, jnp.float32(self.shares[layer]), float(layer == 0))

    def _joined(self, mixed: list[Any], unmixed: list[Any]) -> Any:
        """Boxes or points and their weights of all layers: those of the mix, or of the own row."""
        chosen = jax.tree.map(lambda a, b: jnp.where(self.on, a, b), mixed, unmixed)
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *chosen)
