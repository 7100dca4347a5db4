"""Columns as JSON, and back: all of one as a block, or record by record."""

import base64
import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._columns import (
    Classes,
    ClassSets,
    Column,
    Index,
    Numbers,
    Padded,
    Several,
    Texts,
    ragged,
)

_KINDS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "Classes": (Classes, ("names", "mode")),
    "ClassSets": (ClassSets, ("names",)),
    "Numbers": (Numbers, ()),
    "Texts": (Texts, ()),
    "Padded": (Padded, ("length", "fill", "names")),
}
"""What each is made of beside its `parts()`, which are its first arguments."""


def taken(column: Column, index: Index) -> Column:
    """Returns the column of these records only, in this order.

    Raises:
        JaxaugError: If it is of a kind that is not known here.
    """
    if isinstance(column, Several):
        return Several({name: taken(each, index) for name, each in column.columns.items()})
    part = copy.copy(column)
    if isinstance(part, ClassSets | Padded):
        rows, places = ragged(part.ends, index)
        part.values = part.values[places]
        part.ends = np.searchsorted(rows, np.arange(1, len(index) + 1))
    elif isinstance(part, Classes | Numbers | Texts):
        part.values = part.values[index]
    else:
        raise JaxaugError("pack", "a known kind of column", type(column).__name__)
    return part


def plain(column: Column, count: int) -> list[Any]:
    """Returns what the column says of each of its `count` records, classes by their names."""
    if isinstance(column, Several):
        several = {name: plain(each, count) for name, each in column.columns.items()}
        return [{name: several[name][row] for name in several} for row in range(count)]
    if isinstance(column, Classes):
        return [column.names[value] for value in column.values.tolist()]
    if isinstance(column, ClassSets | Padded):
        lists = [part.tolist() for part in np.split(column.values, column.ends[:-1])]
        if not column.names:
            return lists
        return [[column.names[value] for value in part] for part in lists]
    return column(np.arange(count, dtype=np.uint32)).tolist()


def describe(column: Column) -> dict[str, Any]:
    """Returns the whole column as JSON has it, with a checksum.

    Raises:
        JaxaugError: If there is something else in it than numbers and texts.
    """
    kind = type(column).__name__
    if isinstance(column, Several):
        parts = {name: describe(each) for name, each in column.columns.items()}
        return {"kind": kind, "columns": parts}
    said = {name: getattr(column, name) for name in _KINDS[kind][1]}
    said = {k: v.item() if isinstance(v, np.generic) else v for k, v in said.items()}
    blocks = [_block(part) for part in column.parts()]
    return {"kind": kind, **said, "arrays": blocks, "digest": column.digest()}


def restore(document: dict[str, Any]) -> Column:
    """Returns the column that `describe` was given.

    Raises:
        ValueError: If it is damaged.
    """
    if document["kind"] == "Several":
        return Several({name: restore(each) for name, each in document["columns"].items()})
    kind, names = _KINDS[document["kind"]]
    said = {name: document[name] for name in names}
    said = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    column = kind(*(_array(block) for block in document["arrays"]), **said)
    if column.digest() != document["digest"]:
        raise ValueError("a column with another checksum")
    return column


def _block(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype.kind not in "biufU":
        raise JaxaugError("pack", "columns of numbers or texts", f"{array.dtype}", "Convert them.")
    text = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "base64": text}


def _array(block: dict[str, Any]) -> NDArray[Any]:
    data = bytearray(base64.b64decode(block["base64"], validate=True))  # writable
    return np.frombuffer(data, np.dtype(block["dtype"])).reshape(block["shape"])
