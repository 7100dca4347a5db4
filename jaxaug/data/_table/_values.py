"""What the columns of a table become: files, labels, weights, and what is carried along."""

import os
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._columns import Column, Numbers, Several, Texts, as_on_device
from jaxaug.data._fields import marked
from jaxaug.data._labels import absent, keep, label_column, refuse_texts
from jaxaug.data._paths import Paths
from jaxaug.data._scan import listing
from jaxaug.data._source import RESERVED
from jaxaug.data._table._contain import ABSENT, OUTSIDE, look_up
from jaxaug.data._table._table import Table, flat, is_name

_MODES = ("int", "onehot", "binary", "multihot", "regression")  # of one label among several
_TAKEN = ("weight", "visible", "box_labels", "placement")  # names of other arguments' columns


class Files:
    """A column of file names, each looked up.

    Attributes:
        folder: What the names are relative to, absolute; "" if they are absolute.
        fine: bool (rows in use,), whether there is such a file, with one of the endings.
        faults: What is wrong with the others, and with which.
    """

    def __init__(
        self,
        table: Table,
        column: Any,
        root: str | os.PathLike[str] | None,
        extensions: Sequence[str] | None,
    ) -> None:
        self.names = table.names(column)
        self.folder = os.path.abspath(os.curdir if root is None else root)  # noqa: PTH100 - as text
        if root is None and any(map(os.path.isabs, self.names)):
            self.names = [os.path.join(self.folder, n) if n else n for n in self.names]  # noqa: PTH118
            self.folder = ""
        elif not Path(self.folder).is_dir():
            raise FileNotFoundError(
                f"DataFrameSource: expected root to be a folder, got {os.fspath(root or '')!r}. "
                "Check the path."
            )
        codes = look_up(self.names, self.folder, contained=root is not None)
        size = len(self.names)
        empty = np.fromiter((not name for name in self.names), bool, size)
        out, odd = (codes == OUTSIDE) & ~empty, np.zeros(size, bool)
        endings = tuple("." + ending.lower().removeprefix(".") for ending in extensions or ())
        if endings:
            odd = np.fromiter((not n.lower().endswith(endings) for n in self.names), bool, size)
            odd &= ~empty & ~out
        gone = (codes == ABSENT) & ~empty & ~odd
        table.blame(f"whose {column!r} is not a relative path that stays in root", out, self.names)
        self.fine = ~(empty | odd | gone)
        self.faults = {
            f"without a file name in {column!r}": empty,
            f"whose {column!r} does not end in {' '.join(endings)}": odd,
            f"whose {column!r} is no file": gone,
        }

    def paths(self, kept: NDArray[np.bool_] | None = None) -> Paths:
        """The names, of all rows or of those kept."""
        names = self.names
        return Paths(names if kept is None else list(compress(names, kept)))


def blame_files(table: Table, files: Sequence[Files]) -> None:
    """Blames rows in use whose files are not `fine`."""
    for each in files:
        for what, bad in each.faults.items():
            table.blame(what, bad, each.names)


class Labels:
    """One column of labels or several, or none. Rows of other classes are left out of the table.

    Args:
        table: Its rows in use become those of the classes asked for.
        given: The argument `label`: a column, several, or None.
        mode: The argument `label_mode`.
        classes: The argument `classes`.
    """

    def __init__(self, who: str, table: Table, given: Any, mode: Any, classes: Any) -> None:
        self._who, self._several = who, given is None or not is_name(given)
        names = flat(given)
        if not names and (classes is not None or mode not in (None, "none", "image")):
            got = f"label={given!r}, but label_mode={mode!r} and classes={classes!r}"
            raise JaxaugError(who, "a column of labels", got, "Pass label=, or leave those out.")
        self._stacked = mode if self._several and mode in ("regression", "multihot") else None
        self._modes = _by_column(who, "label_mode", mode, names)
        self._classes = _by_column(who, "classes", classes, names)
        if self._several:
            for each in self._modes.values():
                _check.choice(who, "the label_mode of one of several labels", each, _MODES)
        self._values = {name: table.column(name) for name in names}
        kept = np.ones(len(table), bool)
        for name, chosen in self._classes.items():
            self._values[name], has = keep(who, self._values[name], chosen)
            kept &= has
        if not kept.all():
            table.use(kept)
            self.use(kept)

    def use(self, kept: NDArray[np.bool_]) -> None:
        """Leaves out rows for which `kept` is not true."""
        self._values = {name: values[kept] for name, values in self._values.items()}

    def blame(self, table: Table) -> None:
        """Blames rows without a label."""
        for name, values in self._values.items():
            table.blame(f"without a label in {name!r}", absent(values), values.array)

    def column(self) -> Column | None:
        """The column of the labels; None if there are none."""
        if self._stacked == "multihot" and self._values and not self._classes:
            plain = [each.dtype.kind in "biuf" for each in self._values.values()]
            if all(plain):
                marks = [each.to_numpy(np.float32) for each in self._values.values()]
                names = tuple(map(str, self._values))
                return marked(self._who, np.stack(marks, axis=1), "multihot", names)
        columns = {name: self._of(name, values) for name, values in self._values.items()}
        if not self._several:
            return columns[next(iter(columns))]
        found = {str(name): column for name, column in columns.items() if column is not None}
        if self._stacked == "regression" and found:
            numbers = [column.values for column in found.values() if isinstance(column, Numbers)]
            return Numbers(np.column_stack(numbers))
        return Several(found) if found else None

    def _of(self, name: Any, values: Any) -> Column | None:
        """One column of labels."""
        who, mode = f"{self._who}, column {name!r}", self._modes.get(name)
        if mode == "multihot":
            split = f"df[{name!r}] = df[{name!r}].str.split(',')"
            refuse_texts(who, values, f"Split them: {split}.")
        return label_column(who, values, mode, self._classes.get(name))


def weights(table: Table, name: Any) -> Column:
    """A column of weights; rows with one that is none are blamed."""
    values = table.numbers(name)
    table.blame(
        "whose weight is no number, 0 or more", ~(np.isfinite(values) & (values >= 0)), values
    )
    return Numbers(values.astype(np.float32))


def carried(who: str, table: Table, name: Any) -> Column:
    """A column of numbers, as a device holds them, or of texts; rows without a text are blamed.

    Raises:
        JaxaugError: If they are something else, or integers that need more than 32 bits, or the
            column's name has a meaning.
    """
    if str(name) in (*RESERVED, *_TAKEN):
        remedy = "Rename it, or use the argument of that name."
        raise JaxaugError(who, "columns with names of their own", repr(name), remedy)
    series = table.column(name)
    if series.dtype != object and series.dtype.kind in "biuf":
        if series.dtype.kind == "b" and not series.hasnans:
            return Numbers(series.to_numpy(bool))
        if series.dtype.kind == "f" or series.hasnans:
            return Numbers(series.to_numpy(np.float32, na_value=np.nan))
        return Numbers(as_on_device(who, name, series.to_numpy()))
    return _texts(who, table, name)


def grouped(who: str, table: Table, name: Any) -> Column:
    """A column of what must stay together; rows without a value are blamed.

    Raises:
        JaxaugError: If they are neither whole numbers nor texts.
    """
    series = table.column(name)
    if series.dtype == object or series.dtype.kind not in "biuf":
        return _texts(who, table, name)
    values = series.to_numpy(np.float64, na_value=np.nan)
    what = f"whose group in {name!r} is no whole number"
    table.blame(what, ~np.isfinite(values) | (values % 1 != 0), series.array)
    return Numbers(np.zeros(0) if table.faulty else series.to_numpy(np.int64))


def _texts(who: str, table: Table, name: Any) -> Column:
    """A column of texts; rows without one are blamed."""
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    series = table.column(name)
    gone = series.isna().to_numpy(bool)
    other = {type(value) for value in series[~gone]} - {str}
    if other:
        got = " and ".join(sorted(kind.__name__ for kind in other))
        remedy = "Convert it with astype(str), or pass it as a label, boxes or keypoints."
        raise JaxaugError(who, f"column {name!r} to hold numbers or texts", got, remedy)
    table.blame(f"without a text in {name!r}", gone, series.array)
    codes, known = pd.factorize(series)
    return Texts(codes.astype(np.int32), np.array(known.tolist() or [""], np.str_))


def _by_column(who: str, what: str, given: Any, names: Sequence[Any]) -> dict[Any, Any]:
    """An option by column, where it is given."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if what == "classes" and len(names) > 1:
            remedy = "Pass a dict, such as classes={'colour': ['red', 'blue']}."
            raise JaxaugError(who, "classes for each of several labels", repr(given), remedy)
        return dict.fromkeys(names, given)
    unknown = [name for name in given if name not in names]
    if unknown:
        want = f"{what} for columns of labels ({listing(names) or 'none'})"
        raise JaxaugError(who, want, f"{unknown!r}", "Correct the name.")
    return dict(given)
