"""How the stream of a plan is cut into batches, and each batch among hosts."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError

from . import _check

REMAINDERS = ("drop", "pad", "keep")


class Stream(Protocol):
    """Position -> record and visit: a `Plan` or a `Balanced` one."""

    def __call__(
        self, positions: Sequence[int] | NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Returns the rows at `positions`, and which visits they are."""
        ...


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

    A batch never spans two epochs. Of each global batch a host gets one run of rows, so that the
    hosts' parts, joined in order, are the same batch for any number of them.

    Attributes:
        plan: Where the records come from.
        epoch_size: Positions of the plan in an epoch.
        batch_size: Records in a batch, of all hosts together.
        remainder: What becomes of the last records of an epoch when they do not fill a batch:
            "drop" leaves them out (other ones each epoch, if shuffled), "pad" completes the batch
            with records of the same epoch, marked not `valid`, "keep" gives a smaller batch.
        shard: This host's number, and how many there are.

    Example:
        >>> from jaxaug.data import Plan
        >>> batches = Batches(Plan(5, shuffle=False), 5, 3, "pad")
        >>> len(batches)
        2
        >>> batches(1).rows.tolist(), batches(1).valid.tolist()
        ([3, 4, 0], [True, True, False])
    """

    plan: Stream
    epoch_size: int
    batch_size: int
    remainder: str
    shard: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        _check.integer("Loader", "batch_size", self.batch_size, 1)
        _check.choice("Loader", "remainder", self.remainder, REMAINDERS)
        number, count = self.shard
        _check.integer("Loader", "the number of hosts", count, 1)
        _check.integer("Loader", "this host's number", number, 0, count - 1)
        if self.batch_size % count:
            want, got = f"a batch_size that {count} hosts can share", str(self.batch_size)
            raise JaxaugError("Loader", want, got, "batch_size counts the records of all hosts.")
        if count > 1 and self.remainder == "keep":
            remedy = "Pass remainder='drop' or 'pad': every host must make equal steps."
            raise JaxaugError("Loader", "whole batches on several hosts", "'keep'", remedy)
        if len(self) == 0:
            want = f"records for at least one batch of {self.batch_size}"
            got = f"{self.epoch_size}, which remainder='drop' would drop"
            remedy = "Pass remainder='pad' or 'keep', or a smaller batch_size."
            raise JaxaugError("Loader", want, got, remedy)

    def __len__(self) -> int:
        whole, rest = divmod(self.epoch_size, self.batch_size)
        return whole if self.remainder == "drop" else whole + bool(rest)

    def __call__(self, number: int) -> Rows:
        """Returns this host's records of batch `number`, counted from the start of epoch 0."""
        size = self.epoch_size
        epoch, step = divmod(number, len(self))
        host, hosts = self.shard
        share = self.batch_size // hosts
        first = step * self.batch_size + host * share
        places = np.arange(first, first + share)
        if self.remainder == "keep":
            places = places[places < size]
        rows, visits = self.plan(epoch * size + places % size)
        return Rows(rows, visits, places < size if self.remainder == "pad" else None)
