"""Labels in any form a table may have them: names, numbers, lists of names."""

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError, describe

from . import _check
from ._columns import LABEL_MODES, ClassSets, Column, Numbers, class_column
from ._scan import listing

NATURAL = {"texts": "int", "integers": "int", "truth values": "int", "numbers": "regression"}
"""The label mode of values of each kind, if none is asked for; of lists it is "multihot"."""

_LISTS = (list, tuple, set, frozenset, np.ndarray)
_KINDS = (
    ((str,), "texts"),
    ((bool, np.bool_), "truth values"),  # before integers: a bool is one
    ((int, np.integer), "integers"),
    ((float, np.floating), "numbers"),
    (_LISTS, "lists"),
)


_DIGITS = re.compile(r"0|-?[1-9][0-9]*")
_SPARSE = "Name all of them with classes=[...], in order, or make them texts with astype(str)."


def label_column(
    who: str,
    values: Any,
    mode: str | None,
    classes: Sequence[Any] | None = None,
    *,
    sparse: str = _SPARSE,
) -> Column | None:
    """The column of labels of any form.

    Args:
        who: The public name that messages begin with.
        values: A label for each record, in a sequence, an array or a pandas Series: a text, a bool,
            an integer, a float, or a list (tuple, set, array) of texts or integers; or numbers in
            an array (n, m).
        mode: "int" gives int32 (b,), "onehot" float32 (b, classes), "binary" float32 (b,) of two
            classes, "multihot" float32 (b, classes), "regression" float32 (b,) or (b, m), "none"
            and "image" give None. If None: floats are targets of a regression, lists are sets of
            classes, anything else is a class.
        classes: All classes, in the order of their numbers, whether they occur or not. If None,
            texts that occur, sorted; False and True; and of integers all from 0 to the greatest,
            named by their digits, so that the number of a class is the label itself.
        sparse: What to do about integers that are no numbers of classes.

    Raises:
        JaxaugError: If a label is missing, is not among `classes`, is of another type than the
            rest, or does not suit `mode`; or if there are no `classes`, and integers are negative
            or far apart.

    Example:
        >>> column = label_column("demo", [["sky", "sea"], [], ["sky"]], None)
        >>> column.names, column(np.array([0, 1], np.uint32)).tolist()
        (('sea', 'sky'), [[1.0, 1.0], [0.0, 0.0]])
    """
    if mode is not None:
        _check.choice(who, "label_mode", mode, LABEL_MODES)
    if mode in ("none", "image"):
        return None
    if getattr(values, "ndim", 1) > 1:
        if mode == "regression" or (mode is None and values.dtype.kind == "f"):
            return _targets(who, values, classes)
        got = f"{values.dtype} {values.shape}"
        remedy = "Or pass label_mode='regression'."
        remedy = "Pass labels[:, 0]." if values.shape[1:] == (1,) else remedy
        raise JaxaugError(who, "a label for each record", got, remedy)
    series = as_series(values)
    refuse_absent(who, absent(series))
    kind = _kind(who, series)
    if kind == "lists" and mode != "regression":
        if mode in (None, "multihot"):
            return _sets(who, series, classes, sparse)
        want = f"label_mode={mode!r} to have one class for each record"
        raise JaxaugError(who, want, "lists", "Pass label_mode='multihot'.")
    mode = mode or NATURAL[kind]
    if mode == "regression":
        return _targets(who, series.to_numpy() if kind != "lists" else list(series), classes)
    # Of two classes the second may be missing: a part of the data without a positive.
    least = 2 if mode == "binary" else 0
    return class_column(*_numbered(who, series, kind, classes, sparse, least=least), mode)


def refuse_texts(who: str, values: Any, remedy: str) -> None:
    """Refuses texts, where each record has a list of classes: "sky,sea" would be one of them.

    Raises:
        JaxaugError: If labels that are there are texts.
    """
    series = as_series(values)
    there = series[~absent(series)]
    if len(there) and _kind(who, there) == "texts":
        shown = next((text for text in there if "," in text), there.iloc[0])
        want = "lists of classes for label_mode='multihot'"
        raise JaxaugError(who, want, f"texts such as {shown!r}", remedy)


def classes_of(who: str, values: Any) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Numbers and names of the classes of labels in a Series, none of which is missing.

    Raises:
        JaxaugError: If they are lists, fractions, or of several types.
    """
    kind = _kind(who, values)
    if kind == "lists":
        raise JaxaugError(who, "one class for each", "lists", "Take one of each list.")
    return _numbered(who, values, kind, None, "Make them texts with astype(str).")


def keep(who: str, values: Any, classes: Any) -> tuple[Any, NDArray[np.bool_]]:
    """Reduces labels to some classes.

    Args:
        who: The public name that messages begin with.
        values: A Series as in `label_column`, labels missing or not.
        classes: Different classes.

    Returns:
        The labels, lists without the other classes; and of each record whether it has one of the
        classes, or no label at all, which is for others to find.

    Raises:
        JaxaugError: If a class is named twice; or does not occur though labels are left out,
            since it may be misspelled.
    """
    gone = absent(values)
    there = values[~gone]
    kind = _kind(who, there)
    lists = kind == "lists"
    if lists:
        there, kind = _flat(who, there)
    named = _named(who, classes, kind)
    occurring = set(there.unique().tolist())
    unknown = [name for name in named if name not in occurring]
    if unknown and not occurring <= set(named):
        want = "classes that occur among the labels"
        got = f"{classes!r}, of which there is no {listing(unknown)}"
        types = {type(name).__name__ for name in occurring}
        got += f" ({type(unknown[0]).__name__})"
        remedy = f"There are {listing(sorted(occurring))} ({', '.join(sorted(types))})."
        raise JaxaugError(who, want, got, remedy)
    if not lists:
        return values, values.isin(named).to_numpy(bool) | gone
    known = set(named)
    values = values.where(~gone, None).map(
        lambda names: names if names is None else [name for name in names if name in known]
    )
    return values, values.map(bool).to_numpy(bool) | gone


def as_series(values: Any) -> Any:
    """A pandas Series, its values as they were: no text is made of numbers beside text."""
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(values.cat.categories.dtype)
    if isinstance(values, pd.Series | np.ndarray):
        return pd.Series(values)
    return pd.Series(list(values), dtype=None if len(values) else object)


def absent(values: Any) -> NDArray[np.bool_]:
    """Which labels of a Series are None, NaN, infinite, an empty text, or a list with one such."""
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    def void(value: Any) -> bool:
        if isinstance(value, str):
            return not value
        if isinstance(value, _LISTS):
            return any(map(void, value))
        return bool(pd.isna(value)) or value in (np.inf, -np.inf)

    if values.dtype == object:
        return np.fromiter(map(void, values), bool, len(values))
    gone = values.isna().to_numpy(bool)
    if values.dtype.kind == "f":
        return gone | np.isinf(values.to_numpy(float, na_value=np.nan))
    return gone | (values == "").to_numpy(bool, na_value=False)


def refuse_absent(who: str, gone: Any) -> None:
    """Raises a JaxaugError that lists the rows without a label, if there are any."""
    if gone.any():
        got = f"none in {gone.sum()} of {len(gone)}: rows {listing(np.flatnonzero(gone).tolist())}"
        remedy = "Correct or remove them. Rows count from 0."
        raise JaxaugError(who, "a label in every row", got, remedy)


def _kind(who: str, series: Any) -> str:
    """What all values are, which is not missing."""
    numeric = {"b": "truth values", "i": "integers", "u": "integers", "f": "numbers"}
    if series.dtype != object and series.dtype.kind in numeric:
        return numeric[series.dtype.kind]
    samples = {type(value): value for value in series.tolist()}
    kinds = {next((k for types, k in _KINDS if issubclass(t, types)), "others") for t in samples}
    if kinds == {"integers", "numbers"}:
        return "numbers"
    if len(kinds) > 1 or kinds == {"others"}:
        want = "labels to be all texts, all numbers, or all lists of them"
        got = " and ".join(f"{value!r} ({kind.__name__})" for kind, value in samples.items())
        raise JaxaugError(who, want, got, "Convert them to one type.")
    return kinds.pop() if kinds else "texts"


def _named(who: str, classes: Any, kind: str) -> list[Any]:
    """A list of different classes, as labels of that kind: digits are integers where labels are.

    A set is refused: it has another order in another process.
    """
    listed = isinstance(classes, Sequence) and not isinstance(classes, str | bytes)
    named = list(classes) if listed else getattr(classes, "tolist", lambda: None)()
    simple = isinstance(named, list) and all(
        isinstance(n, str | int | float | np.generic) for n in named
    )
    if not named or not simple or len(set(named)) < len(named):
        want, remedy = "classes to be a list of different labels", "Pass a list of them."
        raise JaxaugError(who, want, repr(classes), remedy)
    if kind in ("integers", "numbers") and all(
        isinstance(name, str) and _DIGITS.fullmatch(name) for name in named
    ):
        return list(map(int, named))
    if kind == "truth values" and set(named) <= {"False", "True"}:
        return [name == "True" for name in named]
    return named


def _range(who: str, found: Sequence[int], sparse: str) -> int:
    """Number of classes of integers that are themselves numbers of classes."""
    low, top = min(found, default=0), max(found, default=-1)
    if low < 0 or top >= max(1000, 10 * len(found)):
        want = "integers as labels to be numbers of classes, which count from 0"
        raise JaxaugError(who, want, f"{len(found)} different ones from {low} to {top}", sparse)
    return top + 1


def _numbered(
    who: str,
    series: Any,
    kind: str,
    classes: Sequence[Any] | None,
    sparse: str,
    *,
    least: int = 0,
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Number of each label's class, and the names of the classes, of integers `least` or more."""
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    if kind == "numbers":
        if (series % 1 != 0).any():
            got = f"fractions such as {series[series % 1 != 0].iloc[0]}"
            remedy = "Pass label_mode='regression', or round them."
            raise JaxaugError(who, "labels to be classes", got, remedy)
        series, kind = series.astype(np.int64), "integers"
    codes, found = pd.factorize(series)
    found = [value.item() if isinstance(value, np.generic) else value for value in found]
    if classes is not None:
        names = _named(who, classes, kind)
    elif kind == "integers":
        names = range(max(_range(who, found, sparse), least))
    else:
        names = [False, True] if kind == "truth values" else sorted(found)
    place = {name: number for number, name in enumerate(names)}
    unknown = [value for value in found if value not in place]
    if unknown:
        want = f"labels among the classes {listing(names)}"
        remedy = "Name all classes with classes=[...], in any order."
        raise JaxaugError(who, want, listing(unknown), remedy)
    numbers = np.array([place[value] for value in found], np.int32)
    return numbers[codes], tuple(map(str, names))


def _flat(who: str, series: Any) -> tuple[Any, str]:
    """All that lists hold in one Series, and what it is: texts or integers."""
    flat = as_series(list(chain.from_iterable(series)))
    kind = _kind(who, flat)
    if kind not in ("texts", "integers"):
        remedy = "Numbers as targets need label_mode='regression'."
        raise JaxaugError(who, "lists of names or of integers", f"lists of {kind}", remedy)
    return flat, kind


def _sets(who: str, series: Any, classes: Sequence[Any] | None, sparse: str) -> ClassSets:
    counts = np.fromiter(map(len, series), np.int64, len(series))
    rows = np.repeat(np.arange(len(series)), counts)
    flat, kind = _flat(who, series)
    values, names = _numbered(who, flat, kind, classes, sparse)
    # Each class of a record once, and in order: a set has another order in another process.
    pairs = np.unique(rows * max(len(names), 1) + values)
    rows, values = np.divmod(pairs, max(len(names), 1))
    ends = np.cumsum(np.bincount(rows, minlength=len(series)), dtype=np.int64)
    return ClassSets(values.astype(np.int32), ends, names)


def _targets(who: str, values: Any, classes: Sequence[Any] | None) -> Numbers:
    want = "numbers as targets of a regression, one or equally many for each record"
    if classes is not None:
        raise JaxaugError(who, want, f"classes={classes!r}", "Leave classes out.")
    try:
        array = np.array(values) if isinstance(values, list) else np.asarray(values)
        texts = array.dtype == object and any(isinstance(value, str) for value in array.flat)
        numbers = array.dtype.kind in "biufO" and not texts  # a text is not made a number
        array = array.astype(np.float32) if numbers else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        got, remedy = f"{describe(values)}", "Pass another label_mode."
        raise JaxaugError(who, want, got, remedy)
    if array.ndim > 2:
        raise JaxaugError(who, want, f"an array of shape {array.shape}", "Flatten each.")
    refuse_absent(who, ~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    return Numbers(array)
