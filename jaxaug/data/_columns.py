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

    def options(self) -> tuple[Any, ...]:
        """What else the values in a batch depend on."""
        return ()

    def membership(self, index: Index | slice) -> Membership | None:
        """Which of these records belong to which classes; None if the column has no classes."""
        del index

    @property
    def names(self) -> Any:
        """Names of the classes; empty if there are none."""
        return ()

    def digest(self) -> str:
        """A hash of everything in it."""
        facts = repr((type(self).__name__, self.names, *self.options()))
        state = hashlib.blake2b(facts.encode("utf-8", "surrogateescape"), digest_size=16)
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

    def options(self) -> tuple[Any, ...]:
        return (self.mode,)

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

    def options(self) -> tuple[Any, ...]:
        return self.length, self.fill


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
        """The classes of all columns side by side, such as "color=red": several for each record."""
        found = {name: column.membership(index) for name, column in self.columns.items()}
        each = {name: membership for name, membership in found.items() if membership}
        if not each:
            return None
        counts = [len(membership.class_names) for membership in each.values()]
        starts = np.cumsum([0, *counts[:-1]]).astype(np.int32)
        records = np.concatenate([m.records for m in each.values()])
        classes = [m.classes + start for m, start in zip(each.values(), starts, strict=True)]
        order = np.argsort(records, kind="stable")
        names = (f"{name}={one}" for name, m in each.items() for one in m.class_names)
        size = next(iter(each.values())).size
        return Membership(records[order], np.concatenate(classes)[order], size, tuple(names))

    def options(self) -> tuple[Any, ...]:
        return tuple(column.options() for column in self.columns.values())


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


def as_on_device(who: str, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Numbers in the 32 bits that they will have on a device; anything else as it is.

    Raises:
        JaxaugError: If an integer needs more: there it would be another one.
    """
    if values.dtype.kind == "f" and values.itemsize > 4:
        return values.astype(np.float32)
    if values.dtype.kind not in "iu" or values.itemsize < 4:
        return values
    limits = np.iinfo(np.int32)
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        got = f"{values.min()} to {values.max()}"
        remedy = "Make them texts with astype(str)."
        raise JaxaugError(who, f"column {name!r} to hold integers of 32 bits", got, remedy)
    return values.astype(np.int32)


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
