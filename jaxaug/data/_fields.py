"""Labels, weights and other columns that are given as arrays, a row for each record."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError, describe

from . import _check
from ._columns import LABEL_MODES, ClassSets, Column, Numbers, Texts, as_on_device, class_column
from ._labels import label_column, refuse_texts
from ._source import RESERVED


def columns_of(
    who: str,
    count: int,
    *,
    labels: Any = None,
    label_mode: str | None = None,
    class_names: Sequence[str] | None = None,
    weights: Any = None,
    columns: Mapping[str, Any] | None = None,
) -> dict[str, Column]:
    """The columns of a source of `count` records, by name.

    Args:
        who: The public name that messages begin with.
        count: Number of records.
        labels: One for each record, or None.
        label_mode: One of `LABEL_MODES`, or None: what the labels look like.
        class_names: Name of each class, or None.
        weights: float (count,), or None.
        columns: More of them, by name.

    Raises:
        JaxaugError: If one has not `count` rows, or values that it may not have.
    """
    if columns is not None and not isinstance(columns, Mapping):
        remedy = "Pass columns={'age': ages}."
        raise JaxaugError(who, "columns to be a dict of arrays", describe(columns), remedy)
    label = _label(who, count, labels, label_mode, class_names)
    found = {} if label is None else {"label": label}
    if weights is not None:
        found["weight"] = Numbers(_weights(who, weights, count))
    for name, values in (columns or {}).items():
        if not isinstance(name, str) or name in (*RESERVED, "weight"):
            want = "columns with names of their own"
            raise JaxaugError(who, want, repr(name), "Give it another name, or its own argument.")
        found[name] = _plain(who, name, _rows(who, name, values, count))
    return found


def _label(
    who: str, count: int, labels: Any, mode: str | None, names: Sequence[str] | None
) -> Column | None:
    if mode is not None:
        _check.choice(who, "label_mode", mode, LABEL_MODES)
    if mode in ("none", "image"):
        return None
    if labels is not None:
        return _given(who, _rows(who, "labels", labels, count), mode, names)
    if mode is not None or names is not None:
        got = f"none, but label_mode={mode!r} and class_names={names!r}"
        raise JaxaugError(who, "labels", got, "Pass labels, or leave those out.")
    return None


def _given(who: str, labels: Any, mode: str | None, names: Sequence[str] | None) -> Column | None:
    """The column of labels that there are."""
    if not isinstance(labels, list | tuple):  # lists may be of different lengths
        labels = np.asarray(labels)
        if names is not None and labels.ndim == 1 and labels.dtype.kind in "biu":
            return _numbered(who, labels, mode or "int", names)
        if labels.ndim == 2 and labels.dtype.kind in "biuf":
            form = mode or _looks(labels)
            if form in ("multihot", "onehot"):
                return marked(who, labels, form, names)
    elif names is not None and all(isinstance(label, int | np.integer) for label in labels):
        return _numbered(who, np.asarray(labels), mode or "int", names)
    if mode == "multihot" and (isinstance(labels, list | tuple) or labels.ndim == 1):
        refuse_texts(who, labels, "Split them: labels = [text.split(',') for text in labels].")
    named = None if names is None else _names(who, names)
    remedy = "Number them from 0, or make them texts with astype(str)."
    return label_column(who, labels, mode, named, sparse=remedy)


def _looks(labels: NDArray[Any]) -> str | None:
    """The mode of numbers (n, k) that look like rows of 0 and 1; None if they do not.

    Integers (n, 1) are a class a row with an axis too many.
    """
    if labels.shape[1] == 1:
        return None
    if ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all():
        return "onehot"
    return None if labels.dtype.kind == "f" else "multihot"


def _numbered(who: str, values: NDArray[Any], mode: str, names: Sequence[str]) -> Column | None:
    """Integers are positions in `names`."""
    named = _names(who, names)
    outside = np.flatnonzero((values < 0) | (values >= len(named)))
    if len(outside):
        want = f"labels from 0 to {len(named) - 1}, positions in class_names"
        got = f"{values[outside[0]]} in row {outside[0]}, and {len(outside)} such rows"
        raise JaxaugError(who, want, got, "Correct them, or name all classes.")
    return class_column(values.astype(np.int32), named, mode)


def marked(who: str, values: NDArray[Any], mode: str, names: Sequence[str] | None) -> Column | None:
    """The column of a row of 0 and 1 for each record, with a place for each class.

    Args:
        who: The public name that messages begin with.
        values: Numbers (n, classes).
        mode: "onehot", with one 1 in each row, or "multihot".
        names: Of the classes; their numbers if None.

    Raises:
        JaxaugError: If a row is something else, or there are more or fewer names.
    """
    if mode == "onehot" and values.shape[1] == 1:
        got = f"{values.dtype} {values.shape}"
        raise JaxaugError(who, "a place for each class", got, "Pass labels[:, 0].")
    named = _names(who, list(map(str, range(values.shape[1]))) if names is None else names)
    if len(named) != values.shape[1]:
        got = f"{values.shape[1]} places and {len(named)} class_names"
        raise JaxaugError(who, "as many class_names as labels have places", got)
    marks = values != 0
    wrong = ((values != 0) & (values != 1)).any(axis=1)
    if mode == "onehot":
        wrong |= marks.sum(axis=1) != 1
    if wrong.any():
        row = int(np.argmax(wrong))
        want = f"label_mode={mode!r} to be rows of 0 and 1"
        want += ", with one 1 each" if mode == "onehot" else ""
        got = f"{values[row].tolist()} in row {row}, and {int(wrong.sum())} such rows"
        raise JaxaugError(who, want, got, "Correct them, or pass another label_mode.")
    if mode == "onehot":
        return class_column(marks.argmax(axis=1).astype(np.int32), named, mode)
    classes = np.nonzero(marks)[1].astype(np.int32)
    return ClassSets(classes, np.cumsum(marks.sum(axis=1), dtype=np.int64), named)


def _names(who: str, names: Any) -> tuple[str, ...]:
    names = names.tolist() if isinstance(names, np.ndarray) else names
    named = tuple(names) if isinstance(names, Sequence) and not isinstance(names, str) else ()
    if not named or len(set(named)) < len(named) or not all(isinstance(n, str) for n in named):
        remedy = "Pass a list such as class_names=['cat', 'dog']."
        raise JaxaugError(who, "class_names to be different texts", repr(names), remedy)
    return named


def _weights(who: str, weights: Any, count: int) -> NDArray[np.float32]:
    values = _rows(who, "weights", _array(who, "weights", weights, np.float32), count)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any():
        got = f"an array of shape {values.shape}"
        if values.ndim == 1:
            row = int(np.argmax(~np.isfinite(values) | (values < 0)))
            got = f"{values[row]} in row {row}"
        raise JaxaugError(who, "weights to be finite numbers, 0 or more, one a row", got)
    return values


def _plain(who: str, name: str, values: Any) -> Column:
    """Numbers or truth values, or texts; objects only if they are texts after all."""
    array = _array(who, f"column {name!r}", values)
    if array.dtype == object and all(isinstance(value, str) for value in array.flat):
        array = array.astype(str)
    if array.dtype.kind not in "biufU":
        remedy = "Convert it to numbers or texts."
        raise JaxaugError(who, f"column {name!r} to be numbers or texts", str(array.dtype), remedy)
    if array.dtype.kind != "U" or array.ndim > 1:
        return Numbers(as_on_device(who, name, array))
    known, places = np.unique(array, return_inverse=True)
    return Texts(places.astype(np.int32), known)


def _array(who: str, name: str, values: Any, dtype: Any = None) -> NDArray[Any]:
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        remedy = "Pass numbers, equally many for each image."
        raise JaxaugError(
            who, f"{name} to be an array", f"{describe(values)} ({error})", remedy
        ) from None


def _rows(who: str, name: str, values: Any, count: int) -> Any:
    """Returns `values` if it has `count` rows."""
    rows = len(values) if isinstance(values, list | tuple) or np.ndim(values) else "a single value"
    if rows != count:
        remedy = "Pass one for each image."
        raise JaxaugError(who, f"{name} for {count} images", f"{rows}", remedy)
    return values
