"""Batches of images that are in an array."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from jaxaug._types import JaxaugError, describe
from jaxaug.data import _check
from jaxaug.data._labels import as_series, classes_of
from jaxaug.data._membership import Membership
from jaxaug.data._order._balance import Balanced, balanced

from ._iterator import Iterator
from ._keywords import known_keywords
from ._saving import save_batch
from ._transformed import augments, transformed
from ._warn import warn

_NAME = "NumpyArrayIterator"


class NumpyArrayIterator(Iterator):
    """Batches of images in an array, transformed, with labels and weights.

    Images stay as they are, also in a file that is mapped into memory: only a batch is converted.

    Args:
        x: Numbers (n, h, w, c), or (n, c, h, w) if the generator has "channels_first"; or a pair of
            them and of an array, or a list of arrays, with a row for each, which are passed on.
        y: Labels with a row for each image, of any type; or None.
        image_data_generator: An `ImageDataGenerator`.
        batch_size: Images in a batch; the last one of an epoch may have fewer.
        shuffle: Whether each epoch has an order of its own.
        sample_weight: A weight for each image. Without labels it is left out.
        seed: `0 <= seed < 2**32`, of the order and of the transforms. With equal seeds, the images
            and the masks of two iterators are transformed alike.
        data_format: Of the images; if None, the generator's.
        save_to_dir: Folder to write the transformed images to; see `save_batch`.
        save_prefix: Beginning of their names.
        save_format: Ending of their names.
        subset: "validation", the first part of the rows, as long as the generator's
            `validation_split`; "training", the rest; or None for all.
        ignore_class_split: Whether both subsets may have different classes.
        dtype: Of the images in a batch; float32 if None.
        balance: How often classes are drawn; as for `jaxaug.data.Loader`. Labels are then integers
            from 0, texts, or one-hot rows. An epoch has `n` draws.

    Attributes:
        x: The images, those of the subset; so are `x_misc`, `y` and `sample_weight`.

    Raises:
        ValueError: If shapes, lengths or names do not fit.
        TypeError: If numbers are no integers.
    """

    @known_keywords
    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: DTypeLike | None = None,
        *,
        balance: Any = None,
    ) -> None:
        self.image_data_generator = image_data_generator
        self.data_format = _layout(image_data_generator, data_format)
        self.dtype = np.dtype("float32" if dtype is None else dtype)
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.subset = subset
        x, x_misc = _parted(x)
        self._check_images(x)
        y = None if y is None else np.asarray(y)
        sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        _check_lengths(x, y, "`y` (labels)", "y")
        _check_lengths(x, sample_weight, "`sample_weight`", "sample_weight")
        part = self._part(len(x), y, ignore_class_split=ignore_class_split)
        self.x = x[part]
        self.x_misc = [column[part] for column in x_misc]
        self.y = None if y is None else y[part]
        self.sample_weight = None if sample_weight is None else sample_weight[part]
        plan = None
        if balance is not None:
            plan = _plan(self.y, balance, len(self.x), shuffle=bool(shuffle))
        super().__init__(len(self.x), batch_size, shuffle, seed, plan=plan)

    def raw(self, index_array: NDArray[np.int64]) -> NDArray[Any]:
        """Returns the images of these rows before any transform, in the generator's layout."""
        return self.x[np.asarray(index_array)]

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        """Returns the batch of these rows.

        Args:
            index_array: Rows (b,).

        Returns:
            `x`, `(x, y)` or `(x, y, sample_weight)`, in which `x` is an array (b, ...), or a list
            of it and of the other arrays.
        """
        generator, rows = self.image_data_generator, np.asarray(index_array)
        seeds, augment = self.row_seeds(index_array), augments(generator, self.subset)
        images = transformed(generator, self.raw(rows), seeds, augment=augment)
        images = images.astype(self.dtype, copy=False)
        if self.save_to_dir:
            where = self.save_to_dir, self.save_prefix, self.save_format
            save_batch(*where, images, rows, self.data_format)
        x = [images, *(column[rows] for column in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        if self.sample_weight is None:
            return x, self.y[rows]
        return x, self.y[rows], self.sample_weight[rows]

    def _part(self, count: int, y: NDArray[Any] | None, *, ignore_class_split: bool) -> slice:
        """The rows of the subset."""
        if self.subset is None:
            return slice(None)
        if self.subset not in ("training", "validation"):
            raise ValueError(
                f'Invalid subset name: {self.subset}; expected "training" or "validation".'
            )
        split = int(count * self.image_data_generator._validation_split)  # noqa: SLF001 - ours
        if (
            y is not None
            and not ignore_class_split
            and not np.array_equal(np.unique(y[:split]), np.unique(y[split:]))
        ):
            raise ValueError(
                "Training and validation subsets have different number of classes after the split. "
                "If your numpy arrays are sorted by the label, you might want to shuffle them."
            )
        return slice(split) if self.subset == "validation" else slice(split, None)

    def _check_images(self, x: NDArray[Any]) -> None:
        shape, axis = x.shape, 3 if self.data_format == "channels_last" else 1
        if len(shape) != 4:
            raise ValueError(
                f"Input data in `{_NAME}` should have rank 4. You passed an array with shape "
                f"{shape}"
            )
        if x.dtype.kind not in "buif":
            remedy = "Pass x.astype('float32')."
            raise JaxaugError(_NAME, "images of numbers", f"dtype {x.dtype}", remedy)
        if shape[axis] not in (1, 3, 4):
            warn(
                f'{_NAME} is set to use the data format convention "{self.data_format}" (channels '
                f"on axis {axis}), i.e. expected either 1, 3, or 4 channels on axis {axis}. "
                f"However, it was passed an array with shape {shape} ({shape[axis]} channels)."
            )


def _layout(generator: Any, data_format: str | None) -> str:
    """The layout of the images, which is the one that the generator transforms."""
    theirs = getattr(generator, "data_format", "channels_last")
    found = theirs if data_format is None else data_format
    if found != theirs:
        remedy = f"Pass ImageDataGenerator(data_format={data_format!r})."
        want = f"the generator's data_format, {theirs!r}"
        raise JaxaugError(_NAME, want, repr(data_format), remedy)
    return found


def _parted(x: Any) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Images, and the arrays that come with them."""
    if not isinstance(x, tuple | list):
        return np.asarray(x), []
    if len(x) != 2:
        remedy = "Pass numpy.stack(x) if it is a list of images."
        raise JaxaugError(_NAME, "images, or a pair (images, others)", describe(x), remedy)
    images, misc = np.asarray(x[0]), x[1] if isinstance(x[1], tuple | list) else [x[1]]
    columns = [np.asarray(column) for column in misc]
    for column in columns:
        if column.shape[:1] != images.shape[:1]:
            raise ValueError(
                "All of the arrays in `x` should have the same length. Found a pair with: "
                f"len(x[0]) = {len(images)}, len(x[?]) = {len(column) if column.ndim else 'none'}"
            )
    return images, columns


def _check_lengths(x: NDArray[Any], column: NDArray[Any] | None, what: str, name: str) -> None:
    if column is not None and column.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"`x` (images tensor) and {what} should have the same length. "
            f"Found: x.shape = {x.shape}, {name}.shape = {column.shape}"
        )


def _plan(y: NDArray[Any] | None, balance: Any, count: int, *, shuffle: bool) -> Balanced:
    """What draws the rows as `balance` asks; the iterator sets the seed."""
    if np.ndim(balance) == 1 and not isinstance(balance, Mapping):  # weights of rows
        membership = Membership.none(count)
    else:
        membership = _membership(y)
    if isinstance(balance, Mapping):  # classes that are numbers are named by their digits
        balance = {str(name): weight for name, weight in balance.items()}
    size = _check.integer(_NAME, "the number of images to balance", count, 1)
    return balanced(membership, balance, epoch_size=size, period=size, seed=0, shuffle=shuffle)


def _membership(y: NDArray[Any] | None) -> Membership:
    """The class of each row."""
    if y is None:
        raise JaxaugError(_NAME, "labels to balance", "y=None", "Pass y, or a weight for each row.")
    if y.ndim == 2 and y.shape[1] > 1 and np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all():
        return Membership.of(y.argmax(1), tuple(map(str, range(y.shape[1]))))
    if y.shape[1:] not in ((), (1,)):
        want = "labels to balance by: classes (n,) or (n, 1), or one-hot rows (n, k)"
        remedy = "Pass balance=weights, one for each row."
        raise JaxaugError(_NAME, want, f"{y.dtype} {y.shape}", remedy)
    return Membership.of(*classes_of(_NAME, as_series(y.reshape(len(y)))))
