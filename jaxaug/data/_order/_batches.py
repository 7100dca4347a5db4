"""How the stream of a plan is cut into batches, and each batch among hosts."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check

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

    A batch never spans two epochs. Of each global batch a host reads one run of rows, so that the
    hosts' parts, joined in order, are the same batch for any number of them.

    Attributes:
        plan: Where the records come from.
        epoch_size: Positions of the plan in an epoch.
        stride: Positions from the beginning of an epoch to that of the next, `epoch_size` or more.
        batch_size: Records in a batch, of all hosts together.
        remainder: What becomes of the last records of an epoch when they do not fill a batch:
            "drop" leaves them out (other ones each epoch, if shuffled), "pad" completes the batch
            with records of the same epoch, marked not `valid`, "keep" gives a smaller batch.
        part: Rows of each batch that this host reads, from the first to before the last.

    Example:
        >>> from jaxaug.data import Plan
        >>> batches = Batches(Plan(5, shuffle=False), 5, 5, 3, "pad", (0, 3))
        >>> len(batches)
        2
        >>> batches(1).rows.tolist(), batches(1).valid.tolist()
        ([3, 4, 0], [True, True, False])
    """

    plan: Stream
    epoch_size: int
    stride: int
    batch_size: int
    remainder: str
    part: tuple[int, int]

    def __post_init__(self) -> None:
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
        places = step * self.batch_size + np.arange(*self.part)
        if self.remainder == "keep":
            places = places[places < size]
        rows, visits = self.plan(epoch * self.stride + places % size)
        return Rows(rows, visits, places < size if self.remainder == "pad" else None)


def part_of(shard: tuple[int, int], batch_size: int) -> tuple[int, int]:
    """Rows of a batch that a host reads, given its number and how many hosts there are.

    Raises:
        JaxaugError: If it is no such pair, or hosts cannot share a batch evenly.
    """
    if not isinstance(shard, tuple) or len(shard) != 2:
        remedy = "Pass shard=(0, 2) on the first of two hosts, (1, 2) on the other."
        raise JaxaugError("Loader", "shard to be a pair (number, hosts)", repr(shard), remedy)
    hosts = _check.integer("Loader", "the number of hosts", shard[1], 1)
    number = _check.integer("Loader", "this host's number", shard[0], 0, hosts - 1)
    if batch_size % hosts:
        want, got = f"a batch_size that {hosts} hosts can share", str(batch_size)
        raise JaxaugError("Loader", want, got, "batch_size counts the records of all hosts.")
    share = batch_size // hosts
    return number * share, (number + 1) * share
