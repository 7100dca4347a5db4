"""Transform: a distribution over ops. ``batched`` draws one op for every row of a batch."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxaug._ops import Op, materialized
from jaxaug._pixels import Apply
from jaxaug._pytree import Pytree, static
from jaxaug._random import check_key
from jaxaug._types import (
    HWC,
    TARGETS,
    Example,
    JaxaugError,
    Key,
    Shape,
    check_example,
    describe,
)
from jaxaug.functional import color

DTYPES = ("float32", "bfloat16", "float16", "uint8")


class Transform(Pytree, ABC):
    """A distribution over ops: ``sample`` draws one, calling the transform draws and applies it.

    A subclass is a frozen dataclass and a pytree: its fields are hyper-parameters that can be
    traced, swept by ``vmap`` and differentiated, except those marked ``jaxaug.static()``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxaug as ja, jaxaug.functional as F
        >>> class Lean(ja.Transform):
        ...     degrees: float = 10.0
        ...
        ...     def sample(self, key, shape):
        ...         return ja.Warp(F.shear(x=jnp.deg2rad(ja.draw(key, self.degrees))))
        >>> Lean(20.0)(jax.random.key(0), jnp.ones((4, 6, 3))).shape
        (4, 6, 3)
    """

    @abstractmethod
    def sample(self, key: Key, shape: Shape) -> Op:
        """Draw an op for an image of shape ``(h, w, c)``; ``key`` must not be used twice.

        Of an example with a ``size`` the shape is that of the canvas, and the origin of a ``Warp``
        still is the centre of the picture itself.
        """

    def __call__(self, key: Key, example: Any) -> Any:
        """Draw an op and apply it to an image ``(h, w, c)`` or an example.

        Returns:
            The same structure, images as float32 in 0..1 unless a ``dtype`` was asked for.

        Raises:
            JaxaugError: the example breaks the value contract, or ``key`` is none.
        """
        who = type(self).__name__
        key = check_key(who, key)
        _, shape = check_example(who, example)
        return self.sample(key, shape)(example)

    @property
    def tag(self) -> str:
        """What keeps this transform's draws apart from its neighbours' in a container."""
        return type(self).__name__


class Lift(Transform):
    """Any function of a key and an image, as a transform; it fuses with nothing."""

    function: Callable[[Key, HWC], HWC] = static()

    def sample(self, key: Key, shape: Shape) -> Op:
        del shape
        return Apply(_call_lifted, key, function=self.function, canvas=True)

    @property
    def tag(self) -> str:
        return f"Lift:{getattr(self.function, '__name__', '')}"


def _call_lifted(image: HWC, key: Key, *, function: Callable[[Key, HWC], HWC]) -> HWC:
    return function(key, image)


def lift(function: Callable[[Key, HWC], HWC]) -> Lift:
    """Make a transform of a function ``(key, image) -> image``.

    Args:
        function: takes a key and a float32 image ``(h, w, c)`` in 0..1, and gives such an image. It
            is traced like everything under ``jit``; masks, boxes and keypoints are left as they
            are. Of an example with a ``size`` it is given the whole canvas, and what it puts beside
            the picture is set to 0 again.

    Example:
        >>> import jax, jax.numpy as jnp, jaxaug as ja
        >>> def speckle(key, image):
        ...     return image * (1 + 0.1 * jax.random.normal(key, image.shape))
        >>> ja.lift(speckle)
        Lift(function=speckle)
    """
    return Lift(function)


def converted(op: Op, dtype: str | None) -> Op:
    """The op, its image as ``dtype`` at the end; None leaves it as it comes."""
    return op if dtype is None else op.then(Apply(color.convert, dtype=dtype, pointwise=True))


def check_dtype(who: str, dtype: Any) -> str | None:
    """The name of a type of pixel that can come out."""
    if dtype is None:
        return None
    name = str(jnp.dtype(dtype))
    if name not in DTYPES:
        raise JaxaugError(who, f"a dtype among {', '.join(DTYPES)}", name)
    return name


class Batched(Pytree):
    """A transform of batches: every row draws for itself, as ``jaxaug.batched`` describes."""

    transform: Transform
    dtype: str | None = static(default=None)

    def __call__(self, key: Key, batch: Any) -> Any:
        """Augment a batch: images ``(n, h, w, c)``, or a dict of columns with a leading axis n.

        Returns:
            The same structure; columns that no op knows are the same objects.

        Raises:
            JaxaugError: the batch breaks the value contract, or ``key`` is none.
        """
        key = check_key("batched", key)
        columns = batch if isinstance(batch, dict) else {"image": batch}
        targets = {name: columns[name] for name in TARGETS if name in columns}
        keys = record_keys(key, columns, _rows(columns, targets))
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), targets)
        who = type(self.transform).__name__
        check_example(who, one)

        def one_row(key: Key, example: Example) -> Example:
            _, shape = check_example(who, example)
            # Numbers first, pixels then: else every pixel's loop would draw and turn them anew.
            op = materialized(self.transform.sample(key, shape))
            return converted(op, self.dtype)(example)

        moved = jax.vmap(one_row)(keys, targets)
        return {**batch, **moved} if isinstance(batch, dict) else moved["image"]


def batched(transform: Transform, *, dtype: Any = None) -> Batched:
    """Make a function ``(key, batch) -> batch`` that augments every row on its own.

    Each row's key is ``fold_in(fold_in(key, visit), index)`` where the batch carries the loader's
    columns ``index`` and ``visit``: which record it is, and how often it was drawn before. Then, in
    compiled code, an image's augmentation depends on nothing else, bit for bit: not on the batch
    around it, its place, the number of devices, or a restart. Without these columns the row number
    stands in, and a new key is needed for every batch.

    Args:
        transform: what to draw from.
        dtype: type of the images that come out: ``float32`` (what transforms give by themselves),
            ``bfloat16``, ``float16``, or ``uint8``, rounded and clipped once.

    Example:
        >>> import jax, jax.numpy as jnp, jaxaug as ja
        >>> augment = jax.jit(ja.batched(ja.Chain(ja.Rotate(20), ja.HorizontalFlip())))
        >>> augment(jax.random.key(0), jnp.zeros((8, 32, 48, 3), jnp.uint8)).shape
        (8, 32, 48, 3)
    """
    if not isinstance(transform, Transform):
        remedy = "Put several into jaxaug.Chain(...), a function into jaxaug.lift(...)."
        raise JaxaugError("batched", "a transform", describe(transform), remedy)
    return Batched(transform, check_dtype("batched", dtype))


def record_keys(key: Key, columns: Example, rows: int, first: Any = 0) -> Key:
    """The key of every row, ``(rows,)``: by record and visit if named, else by row number.

    ``first`` is the number of the first of these rows in the whole batch.
    """
    if "index" not in columns or "visit" not in columns:
        numbers = jnp.arange(rows, dtype=jnp.uint32) + jnp.uint32(first)
        return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
    identity = []
    for name in ("visit", "index"):
        column = columns[name]
        integer = hasattr(column, "dtype") and jnp.issubdtype(column.dtype, jnp.integer)
        if not integer or column.shape != (rows,):
            raise JaxaugError("batched", f"integers {name!r} ({rows},)", describe(column))
        identity.append(jnp.asarray(column).astype(jnp.uint32))
    return jax.vmap(lambda v, i: jax.random.fold_in(jax.random.fold_in(key, v), i))(*identity)


def _rows(columns: Example, targets: Example) -> int:
    """Number of rows of a batch, the same in every target."""
    if "image" not in columns:
        found = ", ".join(map(repr, columns)) or "no keys"
        raise JaxaugError("batched", "a batch with the key 'image'", found, "Add the images.")
    for leaf in jax.tree.leaves(columns["image"]):
        if getattr(leaf, "ndim", None) != 4:
            remedy = "For one example call the transform itself: transform(key, example)."
            raise JaxaugError("batched", "images (n, h, w, c)", describe(leaf), remedy)
    counts = {name: {_length(x) for x in jax.tree.leaves(tree)} for name, tree in targets.items()}
    rows = set().union(*counts.values())
    if len(rows) != 1:
        text = ", ".join(f"{name} {sorted(found)}" for name, found in counts.items())
        raise JaxaugError("batched", "targets with one number of rows", text)
    return rows.pop()


def _length(column: Any) -> int:
    if not getattr(column, "shape", ()):
        raise JaxaugError("batched", "columns with a leading axis", describe(column))
    return column.shape[0]
