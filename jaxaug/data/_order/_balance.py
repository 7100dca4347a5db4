"""Balanced sampling: a plan that gives each class its share of draws, in every epoch or batch."""

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._membership import Membership
from jaxaug.data._order._permutation import MAX_SIZE, cycled, fold, permute
from jaxaug.data._order._plan import SEED_LIMIT
from jaxaug.data._order._quotas import Quotas
from jaxaug.data._order._shares import Balance, by_record, shares_of

# Keep these keys apart from each other, and from those of plain epochs and of splits.
_SLOTS, _MEMBERS, _TURNS, _RECORDS = 0x736C6F7473, 0x6D656D62657273, 0x7475726E73, 0x7265636F726473

_fault = functools.partial(JaxaugError, "balance")


@dataclasses.dataclass(frozen=True, eq=False)
class Balanced:
    """The endless stream of records that balanced training reads: stands where a `Plan` stands.

    Each period (an epoch, or a batch) and each epoch give a class of share `s` its `s * period`
    draws, rounded up or down by turns, so that in the long run shares are exact. Members of a class
    come in rounds that go on from period to period, each round all of them in an order of its own.
    A record's visit is the number of its round, so it has none twice. A period is well mixed.

    Attributes:
        order: uint32 (n,), rows sorted by class.
        starts: int64 (k + 1,), where each class begins in `order`; the last is n.
        shares: float64 (k,), share of draws of each class, sum 1; 0 is never drawn.
        epoch_size: Positions of an epoch, 1 to 2**32: `len(plan)`.
        period: Over how many positions quotas are exact; divides `epoch_size`.
        seed: `0 <= seed < 2**64`.
        shuffle: Whether orders are random; if not, class follows class, and members keep order.

    Example:
        >>> order, starts = np.arange(4, dtype=np.uint32), np.array([0, 3, 4])
        >>> plan = Balanced(order, starts, np.array([0.5, 0.5]), 4, 4, shuffle=False)
        >>> rows, visits = plan(range(8))
        >>> rows.tolist(), visits.tolist()
        ([0, 1, 3, 3, 2, 0, 3, 3], [0, 0, 0, 1, 0, 1, 2, 3])
    """

    order: NDArray[np.uint32]
    starts: NDArray[np.int64]
    shares: NDArray[np.float64]
    epoch_size: int
    period: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self) -> None:
        _check.integer("balance", "epoch_size", self.epoch_size, 1, MAX_SIZE)
        _check.integer("balance", "period", self.period, 1, self.epoch_size)
        _check.integer("balance", "seed", self.seed, 0, SEED_LIMIT)
        if self.epoch_size % self.period:
            remedy = f"Pass epoch_size={self.epoch_size // self.period * self.period}."
            raise _fault(f"an epoch of whole {self.period}s", f"{self.epoch_size}", remedy)
        if (bad := np.flatnonzero((self.shares > 0) & (np.diff(self.starts) == 0))).size:
            raise _fault("records where shares are", f"none in class {bad[0]}", "Pass 0 for it.")

    def __len__(self) -> int:
        return self.epoch_size

    def __reduce__(self) -> tuple[Any, ...]:  # without the tables
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    @functools.cached_property
    def quotas(self) -> Quotas:
        """Which slots of a period, and so how many draws, belong to each class."""
        key = fold(self.seed, _TURNS) if self.shuffle else None
        return Quotas(self.shares, self.epoch_size, self.period, key)

    def drawable(self) -> NDArray[np.bool_]:
        """Which rows are ever drawn, bool (n,)."""
        drawn = np.zeros(len(self.order), bool)
        drawn[self.order] = np.repeat(self.shares > 0, np.diff(self.starts))
        return drawn

    @functools.cached_property
    def _keys(self) -> tuple[int, int]:
        return fold(self.seed, _SLOTS), fold(self.seed, _MEMBERS)

    @overload
    def __call__(self, positions: int) -> tuple[int, int]: ...

    @overload
    def __call__(
        self, positions: Sequence[int] | NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]: ...

    def __call__(self, positions):
        """Returns the records at `positions` of the stream, and which visit of them it is.

        Args:
            positions: A non-negative integer, or a sequence of them, of shape (n,).

        Returns:
            `(rows, visits)`: two ints, or an int64 and a uint32 array of shape (n,).
        """
        if isinstance(positions, int) or np.ndim(positions) == 0:
            period, slot = divmod(operator.index(positions), self.period)
            draw, number = self.quotas.draw(self._slot(slot, period), period)
            start, stop = self.starts[number : number + 2].tolist()
            row = self.order[start + self._member(draw, stop - start, number)]
            return int(row), draw // (stop - start)
        positions = np.asarray(positions, np.uint64)
        periods, slots = positions // self.period, positions % self.period
        draws, numbers = np.empty(len(slots), np.uint64), np.empty(len(slots), np.int64)
        sort = np.argsort(periods, kind="stable")
        for here in np.split(sort, np.flatnonzero(np.diff(periods[sort])) + 1) if len(sort) else ():
            period = int(periods[here[0]])
            draws[here], numbers[here] = self.quotas.draw(self._slot(slots[here], period), period)
        starts = self.starts[numbers]
        sizes = (self.starts[numbers + 1] - starts).astype(np.uint64)
        members = self._member(draws, sizes, numbers.astype(np.uint64)).astype(np.int64)
        return self.order[starts + members].astype(np.int64), (draws // sizes).astype(np.uint32)

    def _slot(self, slot: Any, period: int) -> Any:
        return permute(slot, self.period, fold(self._keys[0], period)) if self.shuffle else slot

    def _member(self, draw: Any, size: Any, number: Any) -> Any:
        return cycled(draw, size, fold(self._keys[1], number)) if self.shuffle else draw % size


def balanced(
    membership: Membership,
    balance: Balance,
    *,
    epoch_size: int,
    period: int,
    seed: int,
    shuffle: bool,
) -> Balanced:
    """Returns the plan that draws as `balance` asks; see `shares_of` and `Balanced`.

    With weights of records, and if a record has several classes, each record is a class of the
    plan. Periods shorter than the epoch then each take time as for going through all records.
    """
    shares = shares_of(membership, balance)
    if not by_record(membership, balance):
        labels = np.full(membership.size, len(membership.class_names), np.int32)
        labels[membership.records] = membership.classes
        order = np.argsort(labels, kind="stable")
        starts = np.searchsorted(labels[order], np.arange(len(shares) + 1))
    else:
        # Neighbours are often related: left eye, right eye. So half an epoch would see one kind.
        order = np.arange(membership.size, dtype=np.uint64)
        if shuffle:
            _check.integer("balance", "seed", seed, 0, SEED_LIMIT)
            order = permute(order, membership.size, fold(seed, _RECORDS))
        starts, shares = np.arange(membership.size + 1), shares[order.astype(np.int64)]
    return Balanced(order.astype(np.uint32), starts, shares, epoch_size, period, seed, shuffle)


def table(plan: Balanced, membership: Membership, epoch: int = 0) -> pd.DataFrame:
    """Returns what epoch `epoch` of a plan, made of `membership`, draws of each class.

    One line for each class, by name: `records`, how many it has; `share`, of draws, as wanted;
    `draws`, in that epoch; `draws_share`, of the epoch; `times`, draws for each record. A record of
    several classes counts in each of them.
    """
    filled = np.diff(plan.starts) > 0
    # Records of one class of the plan have the same labels: the first stands for all.
    first = plan.order[plan.starts[:-1][filled]]
    each = np.zeros((2, membership.size))
    each[:, first] = plan.shares[filled], plan.quotas.of_epoch(epoch)[filled]
    share, draws = (_by_class(membership, one) for one in each)
    return _frame(membership, share, draws, len(plan))


def counted(membership: Membership, rows: NDArray[np.integer]) -> pd.DataFrame:
    """As `table`, of these draws, without a balance: a class' share is that of its records."""
    draws = _by_class(membership, np.bincount(rows, minlength=membership.size))
    return _frame(membership, membership.counts / max(membership.size, 1), draws, len(rows))


def _by_class(membership: Membership, each: NDArray[Any]) -> NDArray[Any]:
    """The sum over the records of each class of a number (n,) that each record has."""
    return np.bincount(membership.classes, each[membership.records], len(membership.class_names))


def _frame(
    membership: Membership, share: NDArray[Any], draws: NDArray[Any], total: int
) -> pd.DataFrame:
    records, names = membership.counts, pd.Index(membership.class_names, name="class")
    columns = {"records": records, "share": share, "draws": draws.astype(np.int64)}
    columns |= {"draws_share": draws / total, "times": draws / np.maximum(records, 1)}
    return pd.DataFrame(columns, index=names)
