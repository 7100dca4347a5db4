"""Mix: what makes each picture of a batch of several of its rows, with their labels and targets."""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._collage import Collage
from jaxaug._pytree import Pytree, static
from jaxaug._random import check_key, check_probability, coin, tags
from jaxaug._transform import check_dtype, materialized, record_keys
from jaxaug._types import TARGETS, Example, JaxaugError, Key, Scalar, Shape, check_example, describe
from jaxaug.functional import color, exchange, mixing, stable

POSITIONS = ("boxes", "keypoints")
WEIGHTS = {"boxes": "box_weight", "keypoints": "keypoint_weight"}


class Mix(Pytree, ABC):
    """A distribution over collages: each row of a batch is mixed with the rows after it.

    Called as ``mix(key, batch)`` with a dict of columns, most often what ``jaxaug.batched`` made of
    a loader's batch. Rows draw for themselves, keyed as there; a row's partner is the next row of
    the whole batch, on whatever device, so rows should be in random order. In compiled code 1, 2
    and 8 devices give the same bits. Out come, beside the columns that are not named here:

    - ``image``.
    - ``mix``: float32 ``(n,)``, how much of its own picture a row still has; 1 if it is not mixed.
    - ``label``: soft, float32 ``(n, num_classes)``, of integers ``(n,)`` and ``num_classes``; the
      weighted mean of floats ``(n,)`` or ``(n, k)``; of integers alone it stays, and
      ``label_partner`` comes too: the loss is ``mix * loss(label) + (1 - mix) *
      loss(label_partner)``.
    - ``mask``: of each pixel that of the picture that hides the others. Where one shines through
      (MixUp), ``mask`` counts ``mask_mix`` ``(n,)``, and ``mask_partner`` the rest.
    - ``boxes``, cut to what is seen, ``keypoints`` and ``box_columns``: of all the pictures, the
      row's own first; none is dropped. ``box_weight`` and ``keypoint_weight``: how much of each is
      seen, in 0..1; 0 for padding.
    - ``weight``: the weighted mean. A row that is not ``valid`` is neither mixed nor mixed in.

    A subclass draws a ``Collage`` in ``sample`` and says in ``partners`` how many rows it takes.

    Args:
        p: probability that a row is mixed.
        num_classes: how many, for soft labels of integers.
        smoothing: label smoothing of those soft labels, in 0..1.
        label: name of the column of labels; None mixes no labels.
        box_columns: names of columns with one entry a box.
        shift: how many rows further on the partner is.
        axis_name: in ``shard_map`` and ``pmap`` the axes of devices that the batch is divided over;
            ``()`` mixes each part by itself.
        dtype: type of the images that come out, as in ``batched``; float32 in 0..1 by default.
    """

    p: Scalar = dataclasses.field(default=1.0, kw_only=True)
    num_classes: int | None = static(default=None, kw_only=True)
    smoothing: Scalar = dataclasses.field(default=0.0, kw_only=True)
    label: str | None = static(default="label", kw_only=True)
    box_columns: tuple[str, ...] = static(default=("box_labels",), kw_only=True)
    shift: int = static(default=1, kw_only=True)
    axis_name: str | tuple[str, ...] | None = static(default=None, kw_only=True)
    dtype: str | None = static(default=None, kw_only=True)

    def __post_init__(self) -> None:
        who = type(self).__name__
        check_probability(who, self.p)
        if self.num_classes is not None and not _is_count(self.num_classes):
            raise JaxaugError(who, "num_classes of 1 or more", describe(self.num_classes))
        if not _is_count(self.shift):
            raise JaxaugError(who, "a shift of 1 row or more", describe(self.shift))
        if isinstance(self.smoothing, float | int):
            if not 0 <= self.smoothing < 1:
                raise JaxaugError(who, "a smoothing in [0, 1)", describe(self.smoothing))
            if self.smoothing and self.num_classes is None:
                remedy = "Pass num_classes=, or smooth in the loss."
                raise JaxaugError(who, "num_classes beside a smoothing", "none", remedy)
        object.__setattr__(self, "dtype", check_dtype(who, self.dtype))
        object.__setattr__(self, "box_columns", tuple(self.box_columns))

    @property
    def partners(self) -> int:
        """How many other rows a picture is made of."""
        return 1

    @abstractmethod
    def sample(self, key: Key, shape: Shape) -> Collage:
        """Draw a collage of ``1 + partners`` images of shape ``(h, w, c)``."""

    def __call__(self, key: Key, batch: Any) -> Example:
        """Mix a batch: a dict of columns with a leading axis n, ``image`` ``(n, h, w, c)``.

        Raises:
            JaxaugError: the batch is none, has pictures on a canvas or labels of no known form, or
                is seen in parts, as in ``shard_map``, and ``axis_name`` says nothing of it.
        """
        who = type(self).__name__
        key = jax.random.fold_in(check_key(who, key), tags([who])[0])
        axes = self._axes(who)
        columns, shape = self._columns(who, batch)
        rows = len(jax.tree.leaves(columns["image"])[0])
        keys = record_keys(key, batch, rows, exchange.first_row(rows, axis_name=axes))
        # Computed once: a pixel is read in its own row and in others.
        columns["image"] = jax.tree.map(_stored, columns["image"])
        others = [
            jax.tree.map(
                lambda x, k=place: exchange.roll_rows(x, k * self.shift, axis_name=axes), columns
            )
            for place in range(1, self.partners + 1)
        ]

        def one_row(key: Key, *rows: Example) -> Example:
            toss, inner = jax.random.split(key)
            sure = isinstance(self.p, float | int) and self.p == 1
            on: Any = True if sure else coin(toss, self.p)
            for row in rows:
                on = on & row["valid"] if "valid" in row else on
            # Numbers first, pixels then, as in ``batched``.
            collage = materialized(self.sample(inner, shape).replace(on=on))
            return self._mixed(collage, rows, shape)

        return {**batch, **jax.vmap(one_row)(keys, columns, *others)}

    def _axes(self, who: str) -> exchange.Axes:
        """The axes of devices that rows are exchanged over; none where all rows are at hand."""
        manual = exchange.manual_axes()
        if self.axis_name is not None or not manual:
            return self.axis_name or ()
        want = "axis_name=, as this device sees its own part of the batch only"
        first = repr(manual[0]) if len(manual) == 1 else repr(manual)
        remedy = f"Pass axis_name={first}; axis_name=() mixes each part by itself."
        raise JaxaugError(who, want, "none", remedy)

    def _columns(self, who: str, batch: Any) -> tuple[Example, Shape]:
        """The columns that are mixed, as JAX arrays, and the shape of an image."""
        _check_batch(who, batch)
        for name in (f"{self.label}_partner", "mask_partner"):
            if name in batch:
                remedy = "Give the first mix num_classes=, or mix masks once."
                raise JaxaugError(who, "a batch not yet mixed", f"the key {name!r}", remedy)
        names = [*TARGETS, "valid", "weight", "mix", *WEIGHTS.values()]
        if "boxes" in batch:
            names += self.box_columns
        columns: Example = {name: batch[name] for name in names if name in batch}
        columns = jax.tree.map(jnp.asarray, columns) | self._labels(who, batch)
        rows = {x.shape[:1] for x in jax.tree.leaves(columns)}
        if len(rows) != 1:
            shapes = {k: jax.tree.map(jnp.shape, columns[k]) for k in columns}
            raise JaxaugError(who, "columns with one number of rows", str(shapes))
        targets = {name: columns[name] for name in TARGETS if name in columns}
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), targets)
        _, shape = check_example(who, one)
        for name in self.box_columns:
            if name in columns and columns[name].shape[:2] != columns["boxes"].shape[:2]:
                want = f"{name} of shape {columns['boxes'].shape[:2]}, one for each box"
                raise JaxaugError(who, want, describe(columns[name]))
        return columns, shape

    def _labels(self, who: str, batch: Example) -> Example:
        """The column of labels, if there is one, as ``label``."""
        if self.label is None:
            return {}
        if self.label not in batch:
            if {"mask", *POSITIONS} & set(batch):
                return {}
            remedy = "Pass label='name of the column', or label=None to mix images alone."
            found = ", ".join(map(repr, batch))
            raise JaxaugError(who, f"labels under the key {self.label!r}", found, remedy)
        label = batch[self.label]
        kind, rank = getattr(label, "dtype", None), getattr(label, "ndim", None)
        integers = kind is not None and jnp.issubdtype(kind, jnp.integer) and rank == 1
        floats = kind is not None and jnp.issubdtype(kind, jnp.floating) and rank in (1, 2)
        if not integers and not floats:
            remedy = "Several classes are floats (n, k); label=None leaves labels alone."
            want = "labels: integers (n,), or floats (n,) or (n, k)"
            raise JaxaugError(who, want, describe(label), remedy)
        if floats and self.num_classes not in (None, *label.shape[1:]):
            raise JaxaugError(who, f"labels (n, {self.num_classes})", describe(label))
        if integers and self.num_classes is None and self.partners > 1:
            remedy = "Pass num_classes=, or label=None if boxes have labels of their own."
            raise JaxaugError(who, f"num_classes for {self.partners + 1} labels", "none", remedy)
        return {"label": jnp.asarray(label)}

    def _mixed(self, collage: Collage, rows: tuple[Example, ...], shape: Shape) -> Example:
        """The columns that change, of one row: its own come first in ``rows``."""
        own = rows[0]
        shares = [collage.share(place) for place in range(len(rows))]

        def each(name: str) -> list[Any]:
            return [row[name] for row in rows]

        def image(*images: Any) -> Any:
            pixels = collage.image(images)
            return pixels if self.dtype is None else color.convert(pixels, dtype=self.dtype)

        out = {"image": jax.tree.map(image, *each("image")), "mix": shares[0] * own.get("mix", 1.0)}
        if "mask" in own:
            out["mask"] = jax.tree.map(lambda *m: collage.mask(m, shape), *each("mask"))
        if "mask" in own and collage.blended:
            partner = jax.tree.map(lambda *m: collage.partner_mask(m, shape), *each("mask"))
            out |= {"mask_partner": partner, "mask_mix": collage.mask_share()}
        for name, move in zip(POSITIONS, (collage.boxes, collage.keypoints), strict=True):
            if name in own:
                weights = [row.get(WEIGHTS[name], 1.0) for row in rows]
                out[name], out[WEIGHTS[name]] = move(each(name), weights, shape)
        for name in self.box_columns:
            if name in own:
                out[name] = jnp.concatenate(each(name))
        if "weight" in own:
            out["weight"] = mixing.mean(each("weight"), shares)
        return out | self._mixed_labels(each("label"), shares, collage) if "label" in own else out

    def _mixed_labels(self, labels: list[Any], shares: list[Any], collage: Collage) -> Example:
        name = self.label or "label"
        if jnp.issubdtype(labels[0].dtype, jnp.floating):
            soft = mixing.mean(labels, shares)
        elif self.num_classes is not None:
            soft = mixing.soft_label(labels, shares, self.num_classes)
        else:
            partner = jnp.where(collage.on, labels[1], labels[0])
            return {name: labels[0], f"{name}_partner": partner}
        if self.num_classes is not None:
            soft = mixing.smooth(soft, self.smoothing)
        return {name: soft}


def _check_batch(who: str, batch: Any) -> None:
    """Refuse what is no batch of images of one size."""
    if not isinstance(batch, dict) or "image" not in batch:
        got = describe(batch) if not isinstance(batch, dict) else ", ".join(map(repr, batch))
        remedy = "Labels are mixed as images are: {'image': images, 'label': labels}."
        raise JaxaugError(who, "a batch, a dict with the key 'image'", got or "no keys", remedy)
    for leaf in jax.tree.leaves(batch["image"]):
        if getattr(leaf, "ndim", None) != 4:
            remedy = "A mix takes the whole batch, after jaxaug.batched(...)."
            raise JaxaugError(who, "images (n, h, w, c)", describe(leaf), remedy)
    if "size" in batch:
        want = "images of one size, without the key 'size'"
        remedy = (
            "Resize all to one, jaxaug.Resize((h, w)), and take the column out: batch.pop('size')."
        )
        raise JaxaugError(who, want, "pictures on a canvas", remedy)
    for name in POSITIONS:
        if not isinstance(batch.get(name, np.zeros(0)), jax.Array | np.ndarray):
            raise JaxaugError(who, f"{name} as one array", describe(batch[name]))


def _stored(image: jax.Array) -> jax.Array:
    """Images in memory before they are read; bytes are exact however often they are computed."""
    return image if image.dtype == jnp.uint8 else jax.vmap(stable.materialize)(image)


def _is_count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
