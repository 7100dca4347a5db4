"""Batches of the images that a table names."""

import itertools
import os
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

from jaxaug._types import JaxaugError, describe
from jaxaug.data._scan import listing
from jaxaug.data._table._contain import FOUND, look_up

from ._files import BatchFromFilesMixin, checked_classes, plan_for, within
from ._iterator import Iterator
from ._keywords import known_keywords
from ._warn import warn

_WHO = "DataFrameIterator"
_BY_CLASS = ("categorical", "binary", "sparse")


class DataFrameIterator(BatchFromFilesMixin, Iterator):
    """Batches of the images that a table names, without end.

    Args:
        dataframe: A `pandas.DataFrame` with a row for each image, whatever its index; it is not
            changed.
        directory: Folder that the names are relative to; if None they are paths.
        image_data_generator: What transforms the images; None leaves them as they are.
        x_col: Column of the names.
        y_col: Column of the labels: texts, or for "categorical" also lists of them; numbers for
            "raw"; a list of columns for "multi_output" and "raw".
        weight_col: Column of the weights of samples.
        target_size: (height, width) that images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: The labels to take, in their order; by default all, sorted. Rows without any of
            them are left out.
        class_mode: "categorical" (one-hot), "binary" and "sparse" (numbers), "raw" (the values of
            `y_col`), "multi_output" (a list of arrays), "input" (the batch itself), or None.
        batch_size: Images in a batch; the last one of an epoch may have fewer.
        shuffle: Whether each epoch has an order of its own.
        seed: Of the order and of the transforms.
        data_format: "channels_last" or "channels_first", of the batches; if None, the generator's.
        save_to_dir: Folder to write the transformed images to, to look at.
        save_prefix: Beginning of their names.
        save_format: Ending of their names.
        subset: "training" or "validation": the rows behind, or before, the generator's
            `validation_split`.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether to cut the middle out instead of stretching.
        dtype: Of images and of labels that are classes.
        validate_filenames: Whether rows without an image file are left out, with a warning.
        balance: How often classes are drawn, as for `jaxaug.data.Loader`; None takes every row
            once.

    Raises:
        TypeError: If the values of a column are not as above.
        KeyError: If there is no such column.
        ValueError: If "binary" has not two classes, or an option is unknown.
    """

    allowed_class_modes: ClassVar[set[str | None]] = {
        "categorical",
        "binary",
        "sparse",
        "input",
        "multi_output",
        "raw",
        None,
    }

    @known_keywords
    def __init__(
        self,
        dataframe: pd.DataFrame,
        directory: str | os.PathLike[str] | None = None,
        image_data_generator: Any = None,
        x_col: Hashable = "filename",
        y_col: Any = "class",
        weight_col: Hashable | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = "float32",
        validate_filenames: bool = True,
        *,
        balance: Any = None,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
        )
        self._check_mode(class_mode)
        self.directory = "" if directory is None else directory
        self.class_mode = class_mode
        self.dtype = dtype
        wanted = checked_classes(_WHO, classes)
        self._check_params(dataframe, x_col, y_col, weight_col, wanted)
        frame: Any = dataframe
        if validate_filenames:
            frame = frame[self._valid(frame[x_col].tolist(), x_col)]
        by_class = class_mode in _BY_CLASS
        labels: list[Any] = []
        if by_class:
            labels = frame[y_col].tolist()
            names = list(dict.fromkeys(wanted)) or _sorted_classes(labels, y_col)
            self.class_indices = {name: number for number, name in enumerate(names)}
            labels = [_numbers(label, self.class_indices) for label in labels]
            # An empty list is a row without labels, unless classes are chosen.
            held = [label is not None and (label != [] or not wanted) for label in labels]
            frame = frame[np.array(held, bool)]
            labels = list(itertools.compress(labels, held))
        part = within(self.split, len(frame))
        frame = frame.iloc[part]
        self.filenames: list[str] = frame[x_col].tolist()
        self._filepaths = [os.path.join(self.directory, name) for name in self.filenames]  # noqa: PTH118
        self._sample_weight = None if weight_col is None else frame[weight_col].to_numpy()
        if by_class:
            self.classes = labels[part]
        elif class_mode == "multi_output":
            self._targets: Any = [np.array(frame[column].tolist()) for column in y_col]
        elif class_mode == "raw":
            self._targets = frame[y_col].to_numpy()
        self.samples = len(self.filenames)
        how = "validated" if validate_filenames else "non-validated"
        of = f" belonging to {len(self.class_indices)} classes" if by_class else ""
        print(f"Found {self.samples} {how} image filenames{of}.")  # noqa: T201
        plan = None if balance is None else plan_for(self.source, balance, seed, shuffle=shuffle)
        super().__init__(self.samples, batch_size, shuffle, seed, plan=plan)

    @property
    def filepaths(self) -> list[str]:
        """The file of each row."""
        return self._filepaths

    @property
    def labels(self) -> Any:
        """Of each row the number of its class, or a list of them; or the targets themselves."""
        return self._targets if self.class_mode in ("multi_output", "raw") else self.classes

    @property
    def sample_weight(self) -> NDArray[Any] | None:
        """The weight of each row, or None."""
        return self._sample_weight

    def _check_params(
        self, df: pd.DataFrame, x_col: Hashable, y_col: Any, weight_col: Any, classes: list[Any]
    ) -> None:
        mode = self.class_mode
        if not isinstance(df, pd.DataFrame):
            remedy = "Pass pandas.DataFrame(...), or what pandas.read_csv returns."
            got = describe(df)
            raise TypeError(
                f"{_WHO}: expected dataframe to be a pandas.DataFrame, got {got}. {remedy}"
            )
        if not _all(_column(df, "x_col", x_col), str):
            raise TypeError(f"All values in column x_col={x_col} must be strings.")
        if mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(
                'If class_mode="multi_output", y_col must be a list. '
                f"Received {type(y_col).__name__}."
            )
        if mode in _BY_CLASS:
            self._check_labels(df, y_col, classes)
        elif classes:
            warn(f'`classes` will be ignored given the class_mode="{mode}"')
        if weight_col is not None:
            kind = _column(df, "weight_col", weight_col)
            if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
                raise TypeError(f"Column weight_col={weight_col} must be numeric.")
        if mode in ("raw", "multi_output"):
            for column in y_col if isinstance(y_col, list) else [y_col]:
                _column(df, "y_col", column)

    def _check_labels(self, df: pd.DataFrame, y_col: Any, classes: list[Any]) -> None:
        mode = self.class_mode
        kinds, said = (str,), "strings"
        if mode == "categorical":
            kinds, said = (str, list, tuple), "type string, list or tuple"
        if isinstance(y_col, list) or not _all(_column(df, "y_col", y_col), kinds):
            text = f'If class_mode="{mode}", y_col="{y_col}" column values must be {said}.'
            raise TypeError(text)
        if mode == "binary":
            count = len(set(classes)) if classes else _column(df, "y_col", y_col).nunique()
            if count != 2:
                found = f"{count} class/es were given" if classes else f"Found {count} classes"
                raise ValueError(f'If class_mode="binary" there must be 2 classes. {found}.')

    def _valid(self, names: Sequence[str], x_col: Hashable) -> NDArray[np.bool_]:
        """Which files are there and have the name of an image; the others are warned of."""
        endings = tuple(self.white_list_formats)
        there = look_up(names, os.path.abspath(self.directory), contained=False) == FOUND  # noqa: PTH100
        named = np.array([name.lower().endswith(endings) for name in names], bool)
        valid = there & named
        if not valid.all():
            first = os.path.join(self.directory, names[int(np.argmin(valid))])  # noqa: PTH118
            warn(
                f'Found {np.count_nonzero(~valid)} invalid image filename(s) in x_col="{x_col}". '
                f"These filename(s) will be ignored. The first is {first!r}."
            )
        return valid


def _column(df: pd.DataFrame, what: str, name: Hashable) -> pd.Series:
    """A column of the table.

    Raises:
        KeyError: If there is none of this name.
        JaxaugError: If there are several.
    """
    if name not in df.columns:
        known = listing(df.columns.tolist())
        raise KeyError(
            f"{_WHO}: expected {what} to be a column of the table, got {name!r}. There are {known}."
        )
    column = df[name]
    if not isinstance(column, pd.Series):
        got = f"{column.shape[1]} columns {name!r}"
        raise JaxaugError(_WHO, f"{what} to be one column", got, "Rename or drop the others.")
    return column


def _all(column: pd.Series, kinds: Any) -> bool:
    return all(isinstance(value, kinds) for value in column.tolist())


def _sorted_classes(labels: Sequence[Any], y_col: Hashable) -> list[Any]:
    found = {each for label in labels for each in (label if _several(label) else [label])}
    try:
        return sorted(found)
    except TypeError:
        want, got = f"labels of one type in y_col={y_col!r}", listing(list(found))
        raise JaxaugError(_WHO, want, got, "Pass them in order: classes=[...].") from None


def _numbers(label: Any, classes: Mapping[Any, int]) -> Any:
    """The number of a label's class, of a list those of its known ones; None if it has none."""
    if _several(label):
        return [classes[each] for each in label if each in classes]
    return classes.get(label)


def _several(label: Any) -> bool:
    return isinstance(label, list | tuple)
