"""What becomes of records that cannot be read: the good ones never notice."""

import dataclasses
import threading
from typing import Any

import numpy as np

from jaxaug._types import JaxaugError

from ._decode._decoder import DecodeError
from ._order._balance import Balanced
from ._order._batches import Rows, Stream
from ._order._permutation import fold, permute
from ._reader import Faults
from ._source import ImageSource

ON_ERROR = ("raise", "skip", "substitute")
TRIES = 32  # of each pool: so many bad files in a row are no accident

_SUBSTITUTE = 0x737562737469  # "substi": keeps these keys apart from those of the epochs
_EXTRA = 2**31  # visits of substitutes begin here: no plan ever counts so far


@dataclasses.dataclass(frozen=True)
class Fault:
    """A record that could not be read.

    Attributes:
        index: The record's identity.
        path: Its file, or what stands for it.
        stage: Where reading failed: "open", "identify", "size", "decode", "convert" or "fit".
        error: Type of the error.
        message: What is wrong.
    """

    index: int
    path: str
    stage: str
    error: str
    message: str

    @classmethod
    def of(cls, index: int, error: DecodeError) -> "Fault":
        return cls(index, error.path, error.stage, error.error, error.reason)


class TooManyFaultsError(JaxaugError):
    """More records could not be read than `max_bad` allows.

    Attributes:
        faults: All of them so far.
    """

    def __init__(self, limit: int, faults: tuple[Fault, ...]) -> None:
        shown = "; ".join(f"{fault.path!r} ({fault.message})" for fault in faults[:10])
        more = f" and {len(faults) - 10} more" if len(faults) > 10 else ""
        super().__init__(
            "Loader",
            f"at most max_bad={limit} records that cannot be read",
            f"{len(faults)}: {shown}{more}",
            "Is the disk there? Repair or remove the files, or allow more.",
        )
        self.limit, self.faults = limit, faults

    def __reduce__(self) -> Any:
        return type(self), (self.limit, self.faults)


class Ledger:
    """All faults seen, by record; shared by everything that reads for one loader.

    Args:
        limit: How many records may be bad.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._faults: dict[int, Fault] = {}
        self._lock = threading.Lock()

    def add(self, faults: list[Fault]) -> None:
        """Enters faults.

        Raises:
            TooManyFaultsError: If there are more than the limit now.
        """
        if not faults:
            return
        with self._lock:
            self._faults |= {fault.index: fault for fault in faults}
            if len(self._faults) > self.limit:
                raise TooManyFaultsError(self.limit, self._sorted())

    def list(self) -> tuple[Fault, ...]:
        """All faults, by record."""
        with self._lock:
            return self._sorted()

    def _sorted(self) -> tuple[Fault, ...]:
        return tuple(fault for _, fault in sorted(self._faults.items()))

    def __reduce__(self) -> Any:
        return type(self), (self.limit,)  # another process keeps its own


@dataclasses.dataclass(frozen=True)
class Mend:
    """Makes a batch whole: another record stands where one could not be read.

    Which one depends on the seed, the bad record and its visit, and on nothing else: it is of the
    same class where records have one, and is read as a visit of its own, above 2**31, so that no
    image is augmented alike twice. It is one that the plan may draw. With "skip" it is there to
    keep the shape of the batch only, and marked not `valid`.
    """

    source: ImageSource
    plan: Stream
    seed: int
    on_error: str

    def __call__(self, batch: dict[str, Any], rows: Rows, faults: Faults) -> list[Fault]:
        """Mends `batch` in place; returns what was wrong.

        Raises:
            DecodeError: If nothing is to be mended.
            JaxaugError: If no other record could be read either.
        """
        if faults and self.on_error == "raise":
            raise faults[0][1]
        if rows.valid is not None:
            batch["valid"] = rows.valid
        elif self.on_error == "skip":
            batch["valid"] = np.ones(len(rows.rows), bool)
        found = []
        for place, error in faults:
            identity, visit = int(batch["index"][place]), int(rows.visits[place])
            key = fold(fold(fold(self.seed, _SUBSTITUTE), identity), visit)
            other = self._substitute(int(rows.rows[place]), key, error)
            _put(batch, place, other | {"visit": _EXTRA | key & (_EXTRA - 1)})
            if self.on_error == "skip":
                batch["valid"][place] = False
            found.append(Fault.of(identity, error))
        return found

    def _substitute(self, row: int, key: int, error: DecodeError) -> dict[str, Any]:
        for pool in self._pools(row):
            for turn in range(min(TRIES, len(pool))):
                candidate = int(pool[permute(turn, len(pool), key)])
                if candidate != row:
                    try:
                        return self.source[candidate]
                    except DecodeError:
                        continue
        got = f"none among those tried in place of {error.path!r} ({error.reason})"
        remedy = "Is the disk there? Check the images with jaxaug.data.check(source)."
        raise JaxaugError("Loader", "a record that can be read", got, remedy)

    def _pools(self, row: int) -> list[Any]:
        """Rows to choose from: those of the same class, then all."""
        drawn = np.ones(len(self.source), bool)
        if isinstance(self.plan, Balanced):
            drawn = self.plan.drawable()
        membership = self.source.membership
        if membership is None or not membership.single:
            return [np.flatnonzero(drawn)]
        alike = membership.classes == membership.classes[row]
        return [np.flatnonzero(alike & drawn), np.flatnonzero(drawn)]


def _put(batch: dict[str, Any], place: int, record: dict[str, Any]) -> None:
    for name, value in record.items():
        column = batch[name]
        if isinstance(column, dict):
            _put(column, place, value)
        else:
            column[place] = value
