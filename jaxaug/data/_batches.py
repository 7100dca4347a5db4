"""How the stream of a plan is cut into batches."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _check
from ._plan import Plan

REMAINDERS = ("drop", "pad", "keep")


class Rows(NamedTuple):
    """The records of one batch.

    Attributes:
        rows: int64 (b,), rows of the source.
        visits: uint32 (b,), how often each record's turn came before.
        valid: bool (b,), False where a row only fills up the batch; None unless padding.
    """

    rows: NDArray[np.int64]
    visits: NDArray[np.uint32]
    valid: NDArray[np.bool_] | None


@dataclasses.dataclass(frozen=True)
class Batches:
    """Batch number -> records, over all epochs: batch `i` belongs to epoch `i // len(batches)`.

    A batch never spans two epochs.

    Attributes:
        plan: Where the records come from.
        batch_size: Records in a batch, at least 1.
        remainder: What becomes of the last records of an epoch when they do not fill a batch:
            "drop" leaves them out (other ones each epoch, if shuffled), "pad" completes the batch
            with records of the same epoch, marked not `valid`, "keep" gives a smaller batch.

    Example:
        >>> batches = Batches(Plan(5, shuffle=False), 3, "pad")
        >>> len(batches)
        2
        >>> batches(1).rows.tolist(), batches(1).valid.tolist()
        ([3, 4, 0], [True, True, False])
    """

    plan: Plan
    batch_size: int
    remainder: str

    def __post_init__(self) -> None:
        _check.integer("Loader", "batch_size", self.batch_size, 1)
        _check.choice("Loader", "remainder", self.remainder, REMAINDERS)
        if len(self) == 0:
            raise ValueError(
                f"Loader: expected records for at least one batch of {self.batch_size}, got "
                f"{len(self.plan)}, which remainder='drop' would drop. Pass remainder='pad' or "
                "'keep', or a smaller batch_size."
            )

    def __len__(self) -> int:
        whole, rest = divmod(len(self.plan), self.batch_size)
        return whole if self.remainder == "drop" else whole + bool(rest)

    def __call__(self, number: int) -> Rows:
        """Returns the records of batch `number`, counted from the start of epoch 0."""
        size = len(self.plan)
        epoch, step = divmod(number, len(self))
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        if self.remainder == "keep":
            places = places[places < size]
        rows, visits = self.plan(epoch * size + places % size)
        return Rows(rows, visits, places < size if self.remainder == "pad" else None)
