"""The rows of a DataFrame that are in use, and what is found to be wrong with them."""

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError, describe
from jaxaug.data._labels import as_series
from jaxaug.data._scan import listing

_SHOWN = 5  # rows named for each fault


class Table:
    """A view of some rows of a DataFrame. Faults are gathered, to be told at once.

    Args:
        who: The public name that messages begin with.
        frame: A pandas DataFrame, or what makes one. It is not changed.
        wanted: Columns that it must have.

    Attributes:
        rows: int64, numbers of the rows in use, counted from 0.
        faulty: Whether anything was blamed.
    """

    def __init__(self, who: str, frame: Any, wanted: Iterable[Any]) -> None:
        import pandas as pd  # noqa: PLC0415 - half a second, which most never need

        self._who = who
        try:
            self._frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
        except (TypeError, ValueError) as error:
            remedy = "Pass a pandas.DataFrame, or a dict of columns of one length."
            got = f"{describe(frame)} ({error})"
            raise JaxaugError(who, "a table", got, remedy) from None
        self._plain = self._frame.index.equals(pd.RangeIndex(len(self._frame)))
        self._faults: list[str] = []
        self.rows = np.arange(len(self._frame))
        for name in wanted:
            count = self._frame.columns.tolist().count(name)
            if count != 1:
                got = f"{count} of the name {name!r}"
                remedy = f"There are {listing(self._frame.columns.tolist(), 30)}."
                raise JaxaugError(who, "one column", got, remedy)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def faulty(self) -> bool:
        return bool(self._faults)

    @property
    def size(self) -> int:
        """Number of rows of the whole."""
        return len(self._frame)

    def column(self, name: Any) -> Any:
        """A Series of the rows in use, its values plain."""
        series = as_series(self._frame[name])
        return series if len(self) == self.size else series.iloc[self.rows]

    def numbers(self, name: Any) -> NDArray[np.float64]:
        """A column of numbers; missing ones are NaN.

        Raises:
            JaxaugError: If they are not numbers.
        """
        series = self.column(name)
        if series.dtype == object or series.dtype.kind not in "biuf":
            remedy = "Convert it with pandas.to_numeric."
            raise JaxaugError(
                self._who, f"column {name!r} to be numbers", f"{series.dtype}", remedy
            )
        return series.to_numpy(np.float64, na_value=np.nan)

    def names(self, name: Any) -> list[str]:
        """A column of file names, with "/" between their parts; "" where there is none."""
        values = self.column(name).tolist()
        return values if set(map(type, values)) <= {str} else [_name(value) for value in values]

    def use(self, kept: NDArray[np.bool_]) -> None:
        """Leaves out rows, of those in use, for which `kept` is not true."""
        self.rows = self.rows[kept]

    def blame(self, what: str, bad: Any, values: Any) -> None:
        """Notes that rows are bad.

        Args:
            what: Is wrong with them, such as "without a label".
            bad: bool (rows in use,).
            values: What stands there in each row in use.
        """
        places = np.flatnonzero(bad)
        if not len(places):
            return
        shown = ", ".join(self._row(place, values) for place in places[:_SHOWN].tolist())
        more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        self._faults.append(f"{len(places)} {what}: row {shown}{more}")

    def refuse(self, remedy: str) -> None:
        """Raises a JaxaugError that tells all that was blamed, if anything was."""
        if self._faults:
            want = "all that is asked for in every row"
            got = "; ".join(self._faults)
            raise JaxaugError(self._who, want, got, f"{remedy} Rows count from 0.")

    def _row(self, place: int, values: Any) -> str:
        row = self.rows[place]
        value = repr(values[place])
        value = value if len(value) <= 100 else f"{value[:97]}..."
        index = "" if self._plain else f"index {self._frame.index[row]!r}, "
        return f"{row} ({index}{value})"


def is_name(given: Any) -> bool:
    """Whether something stands for one column: a text; or a number, as where there is no header."""
    return isinstance(given, str) or not isinstance(given, Iterable)


def flat(*given: Any) -> list[Any]:
    """Names of columns alone, in sequences and sequences of them; each once, None left out."""
    names: list[Any] = []
    for each in given:
        names += [] if each is None else [each] if is_name(each) else flat(*each)
    return list(dict.fromkeys(names))


def _name(value: Any) -> str:
    if isinstance(value, PurePath):
        return value.as_posix()
    try:
        return os.fsdecode(value)
    except TypeError:  # None, NaN, a number
        return ""
