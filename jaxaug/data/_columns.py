"""What a record carries beside its pixels: labels, weights, boxes, points and anything else."""

import abc
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError

from . import _check
from ._membership import Membership

Index = NDArray[np.uint32]
LABEL_MODES = ("int", "onehot", "binary", "multihot", "regression", "image", "none")


class Column(abc.ABC):
    """Values by record: `column(index)` gives those of some records in a new array, `(b, ...)`."""

    @abc.abstractmethod
    def __call__(self, index: Index) -> Any:
        """Returns the values of these records, in a new array (b, ...)."""

    @abc.abstractmethod
    def parts(self) -> tuple[NDArray[Any], ...]:
        """The arrays that hold everything: what a fingerprint is made of."""

    def membership(self, index: Index | slice) -> Membership | None:
        """Which of these records belong to which classes; None if the column has no classes."""
        del index

    @property
    def names(self) -> Any:
        """Names of the classes; empty if there are none."""
        return ()

    def digest(self) -> str:
        """A hash of everything in it."""
        state = hashlib.blake2b(repr((type(self).__name__, self.names)).encode(), digest_size=16)
        for part in self.parts():
            state.update(f"{part.dtype}{part.shape}".encode())
            state.update(np.ascontiguousarray(part).view(np.uint8).data)
        return state.hexdigest()


class Classes(Column):
    """One class for each record.

    Attributes:
        values: int32 (n,), positions in `names`.
        mode: "int" gives int32 (b,), "onehot" float32 (b, classes), and "binary" float32 (b,), 0
            or 1, of exactly two classes.
    """

    def __init__(
        self, values: NDArray[np.int32], names: tuple[str, ...], mode: str = "int"
    ) -> None:
        if mode == "binary" and len(names) != 2:
            raise JaxaugError(
                "label_mode='binary'",
                "two classes",
                f"{len(names)}",
                "Use 'int' or 'onehot', or name two classes with classes=[...].",
            )
        self.values, self._names, self.mode = values, names, mode

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __call__(self, index: Index) -> NDArray[Any]:
        chosen = self.values[index]
        if self.mode == "int":
            return chosen
        if self.mode == "binary":
            return chosen.astype(np.float32)
        return _one_hot(np.arange(len(index)), chosen, (len(index), len(self._names)))

    def parts(self) -> tuple[NDArray[Any], ...]:
        return (self.values,)

    def membership(self, index: Index | slice) -> Membership:
        return Membership.of(self.values[index], self._names)


class ClassSets(Column):
    """Any number of classes for each record: float32 (b, classes), 1 for each of them.

    Attributes:
        values: int32 (m,), positions in `names`, those of the first record first.
        ends: int64 (n,), where the classes of each record end in `values`.
    """

    def __init__(
        self, values: NDArray[np.int32], ends: NDArray[np.int64], names: tuple[str, ...]
    ) -> None:
        self.values, self.ends, self._names = values, ends, names

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __call__(self, index: Index) -> NDArray[np.float32]:
        rows, places = ragged(self.ends, index)
        return _one_hot(rows, self.values[places], (len(index), len(self._names)))

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.values, self.ends

    def membership(self, index: Index | slice) -> Membership:
        chosen = np.arange(len(self.ends))[index]
        rows, places = ragged(self.ends, chosen)
        return Membership(rows, self.values[places], len(chosen), self._names)


class Numbers(Column):
    """An array with a row for each record: targets of a regression, weights, numbers, texts."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def __call__(self, index: Index) -> NDArray[Any]:
        return self.values[index]

    def parts(self) -> tuple[NDArray[Any], ...]:
        return (self.values,)


class Texts(Column):
    """A text for each record, each different one held once.

    Attributes:
        values: int32 (n,), places in `known`.
        known: The different texts, an array of strings.
    """

    def __init__(self, values: NDArray[np.int32], known: NDArray[np.str_]) -> None:
        self.values, self.known = values, known

    def __call__(self, index: Index) -> NDArray[np.str_]:
        return self.known[self.values[index]]

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.values, self.known


class Padded(Column):
    """A list of numbers or of points for each record, filled up to one length.

    Attributes:
        values: (m, ...), those of the first record first.
        ends: int64 (n,), where those of each record end in `values`.
        length: How many a record gets; none may have more.
        fill: What missing ones are.
        names: Names of the classes that they are positions in, if they are.
    """

    def __init__(
        self,
        values: NDArray[Any],
        ends: NDArray[np.int64],
        length: int,
        fill: float = 0,
        names: tuple[str, ...] = (),
    ) -> None:
        self.values, self.ends, self.length, self.fill = values, ends, length, fill
        self._names = names

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def __call__(self, index: Index) -> NDArray[Any]:
        rows, places = ragged(self.ends, index)
        first = np.searchsorted(rows, np.arange(len(index)))
        shape = (len(index), self.length, *self.values.shape[1:])
        out = np.full(shape, self.fill, self.values.dtype)
        out[rows, np.arange(len(rows)) - first[rows]] = self.values[places]
        return out

    def parts(self) -> tuple[NDArray[Any], ...]:
        return self.values, self.ends


class Several(Column):
    """Columns by name: batches hold a dict of arrays."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = dict(columns)

    @property
    def names(self) -> dict[str, Any]:
        return {name: column.names for name, column in self.columns.items()}

    def __call__(self, index: Index) -> dict[str, Any]:
        return {name: column(index) for name, column in self.columns.items()}

    def parts(self) -> tuple[NDArray[Any], ...]:
        return tuple(part for column in self.columns.values() for part in column.parts())

    def membership(self, index: Index | slice) -> Membership | None:
        """A class for each combination that occurs, of all columns that have one class a record."""
        single = {k: c for k, c in self.columns.items() if isinstance(c, Classes)}
        if not single:
            return None
        table = np.stack([column.values[index] for column in single.values()], axis=1)
        seen, values = np.unique(table, axis=0, return_inverse=True)
        names = (
            ", ".join(f"{k}={c.names[v]}" for (k, c), v in zip(single.items(), row, strict=True))
            for row in seen
        )
        return Membership.of(values.reshape(-1), tuple(names))


def ragged(
    ends: NDArray[np.int64], index: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where lists of different lengths lie.

    Args:
        ends: int64 (n,), where each record's list ends in one long array of all.
        index: Integers (b,), the records wanted.

    Returns:
        For every entry of their lists: int64 (m,), its row in `index`, ascending, and its place in
        the long array.
    """
    stops = ends[index]
    starts = np.where(index > 0, ends[index.astype(np.int64) - 1], 0)  # unsigned, 0 - 1 is huge
    counts = stops - starts
    rows = np.repeat(np.arange(len(index)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, starts[rows] + within


def _one_hot(
    rows: NDArray[np.int64], classes: NDArray[np.int32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    out = np.zeros(shape, np.float32)
    out[rows, classes] = 1
    return out


def class_column(values: NDArray[np.int32], names: tuple[str, ...], mode: str) -> Column | None:
    """The column of one class a record in the form that `label_mode` asks for; None for none."""
    who = "label_mode"
    _check.choice("label", who, mode, LABEL_MODES)
    if mode in ("none", "image"):
        return None
    if mode == "multihot":
        return ClassSets(values, np.arange(1, len(values) + 1), names)
    if mode == "regression":
        remedy = "Pass numbers as labels, or another label_mode."
        raise JaxaugError("label_mode='regression'", "numbers", "names of classes", remedy)
    return Classes(values, names, mode)
