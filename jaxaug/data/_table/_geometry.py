"""Boxes and keypoints of a table: a list in each row, or a column for each number."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._columns import Column, Numbers, Padded
from jaxaug.data._labels import absent, as_series, classes_of
from jaxaug.data._table._table import Table, is_name


class Points(NamedTuple):
    """Points or boxes of all rows, one after the other.

    Attributes:
        values: float32 (m, width), those of the first row first.
        ends: int64 (n,), where those of each row end in `values`.
        bad: bool (n,), rows that hold something else; they have none.
    """

    values: NDArray[np.float32]
    ends: NDArray[np.int64]
    bad: NDArray[np.bool_]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of them in each row, int64 (n,)."""
        return np.diff(self.ends, prepend=0)

    def any_in_row(self, which: Any) -> NDArray[np.bool_]:
        """Rows of which `which`, bool (m,), holds for one at least."""
        rows = np.repeat(np.arange(len(self.ends)), self.counts)
        return np.bincount(rows[which], minlength=len(self.ends)) > 0


def lists(values: Sequence[Any]) -> tuple[list[Any], NDArray[np.bool_]]:
    """Each row's list, and which rows have none.

    Nothing (None, NaN, an empty text) is an empty list; other text is read as JSON, as a CSV file
    holds it.
    """
    found = [_parsed(value) for value in values]
    bad = np.fromiter((each is None for each in found), bool, len(found))
    return [() if each is None else each for each in found], bad


def points(values: Sequence[Any], width: int) -> Points:
    """Reads lists of `width` numbers each, such as boxes (4) or keypoints (2).

    Args:
        values: For each row a list of them, an array (k, width), JSON text, or nothing.
        width: Numbers in each.
    """
    rows, bad = lists(values)
    flat = _matrix(list(chain.from_iterable(rows)), width)
    if flat is None:  # somewhere: look for the rows
        parts = [_matrix(row, width) for row in rows]
        bad |= np.fromiter((part is None for part in parts), bool, len(parts))
        rows = [np.zeros((0, width), np.float32) if part is None else part for part in parts]
        flat = np.concatenate(rows)
    return Points(flat, np.cumsum([len(row) for row in rows], dtype=np.int64), bad)


def box_names(who: str, given: Any) -> Any:
    """The argument `boxes`: None, a column, or a list of four.

    Raises:
        JaxaugError: If it is anything else.
    """
    if given is None or is_name(given):
        return given
    names = list(given)
    if len(names) != 4 or not all(map(is_name, names)):
        want = "boxes to be a column of lists, or four columns of numbers"
        remedy = "Pass boxes='boxes', or boxes=['x0', 'y0', 'x1', 'y1']."
        raise JaxaugError(who, want, repr(given), remedy)
    return names


def point_names(who: str, given: Any) -> Any:
    """The argument `keypoints`: None, a column, or a list of columns x0, y0, x1, y1, and so on.

    Raises:
        JaxaugError: If it is anything else, columns or pairs of them.
    """
    if given is None or is_name(given):
        return given
    names = pairs = list(given)
    if not any(map(is_name, pairs)):
        pairs = [list(pair) for pair in pairs]
        names = list(chain.from_iterable(pairs)) if {*map(len, pairs)} == {2} else []
    if not names or len(names) % 2 or not all(map(is_name, names)):
        want = "keypoints to be a column of lists, or pairs of columns of numbers"
        remedy = "Pass keypoints='points', or keypoints=[('x0', 'y0'), ('x1', 'y1')]."
        raise JaxaugError(who, want, repr(given), remedy)
    return names


def box_columns(table: Table, given: Any, labels: Any, most: int | None) -> dict[str, Column]:
    """Boxes, and their labels if there are any.

    Args:
        table: Rows in use; those that cannot be used are blamed.
        given: A column of lists of boxes, or four columns of numbers, of one box a row.
        labels: A column of lists of labels, or of one label a row; or None.
        most: Boxes in a batch; None for the most that a row has.
    """
    single = not is_name(given)
    shown = _stacked(table, given) if single else table.column(given).tolist()
    boxes = _one_each(shown) if isinstance(shown, np.ndarray) else points(shown, 4)
    corners = boxes.values.reshape(-1, 2, 2)
    area = np.isfinite(corners).all(axis=(1, 2)) & (corners[:, 1] > corners[:, 0]).all(axis=1)
    what = "with boxes other than (x0, y0, x1, y1), x1 > x0 and y1 > y0"
    table.blame(what, boxes.bad | boxes.any_in_row(~area), shown)
    length = int(boxes.counts.max(initial=0)) if most is None else most
    table.blame(f"with more than max_boxes={length} boxes", boxes.counts > length, shown)
    columns: dict[str, Column] = {"boxes": Padded(boxes.values, boxes.ends, length)}
    if labels is None:
        return columns
    named = table.column(labels).tolist()
    rows, bad = ([[each] for each in named], boxes.bad.copy()) if single else lists(named)
    if single:
        rows = [row[:count] for row, count in zip(rows, boxes.counts.tolist(), strict=True)]
    bad |= np.fromiter(map(len, rows), np.int64, len(rows)) != boxes.counts
    table.blame("without a box_label for each box", bad & ~boxes.bad, named)
    if table.faulty:
        return columns
    flat = as_series(list(chain.from_iterable(rows)))
    table.blame("with an empty box_label", boxes.any_in_row(absent(flat)), named)
    if table.faulty:
        return columns
    values, names = classes_of("box_labels", flat)
    columns["box_labels"] = Padded(values, boxes.ends, length, fill=-1, names=names)
    return columns


def point_columns(table: Table, given: Any) -> dict[str, Column]:
    """Keypoints, and which of them there are. Rows that cannot be used are blamed.

    Args:
        table: Rows in use.
        given: A column of lists of points, equally many in each row that has any; or columns of
            numbers, x and y by turns. NaN is a missing point.
    """
    if is_name(given):
        shown = table.column(given).tolist()
        found = points(shown, 2)
        count = int(found.counts.max(initial=0))
        odd = (found.counts > 0) & (found.counts < count)
        table.blame(f"without exactly {count} keypoints (x, y)", found.bad | odd, shown)
        values = np.full((len(table), count, 2), np.nan, np.float32)
        whole = found.counts == count
        parts = found.values[np.repeat(whole, found.counts)]
        values[whole] = parts.reshape(-1, count, 2)
    else:
        values = _stacked(table, given).reshape(len(table), -1, 2)
        shown = values
    table.blame("with infinite keypoints", np.isinf(values).any(axis=(1, 2)), shown)
    visible = np.asarray(~np.isnan(values).any(axis=2))
    values = np.where(visible[..., None], values, np.float32(0))
    return {"keypoints": Numbers(values), "visible": Numbers(visible)}


def _stacked(table: Table, names: Sequence[Any]) -> NDArray[np.float32]:
    """Columns of numbers side by side, float32 (n, columns)."""
    with np.errstate(over="ignore"):
        return np.stack([table.numbers(name).astype(np.float32) for name in names], axis=1)


def _one_each(values: NDArray[np.float32]) -> Points:
    """One box a row, (n, 4); none where all numbers are missing."""
    there = ~np.isnan(values).all(axis=1)
    return Points(values[there], np.cumsum(there, dtype=np.int64), np.zeros(len(values), bool))


def from_json(table: Table, name: Any) -> list[Any]:
    """A column with JSON lists made lists; what is missing stays as it is.

    Raises:
        JaxaugError: If a text is none.
    """
    values = table.column(name).tolist()
    found = [_parsed(v) if isinstance(v, str) else v for v in values]
    table.blame(f"whose {name!r} is no JSON list", [each is None for each in found], values)
    split = f"df[{name!r}].str.split(',')"
    table.refuse(f'Write lists as ["cat", "dog"], or read the table with pandas and {split}.')
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else ()
        except (ValueError, RecursionError):  # RecursionError: a thousand brackets
            return None
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ()
    return value if isinstance(value, list | tuple | np.ndarray) else None


def _matrix(values: Any, width: int) -> NDArray[np.float32] | None:
    """Float32 (k, width), None becoming NaN; or None if that is not what the values are."""
    if not len(values):
        return np.zeros((0, width), np.float32)
    try:
        with np.errstate(over="ignore"):  # infinite is what it becomes, and found to be
            array = np.array(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.shape == (len(values), width) else None
