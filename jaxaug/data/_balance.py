"""Balanced sampling: a plan that gives each class its share of draws, in every epoch or batch.

Quotas come of systematic sampling. Lay the shares of the classes side by side on a line as long as
the epoch: the borders fall between whole numbers, and all are rounded with the same threshold. So
each share is rounded up or down, and the sum is right. From epoch to epoch thresholds follow the
van der Corput sequence, which visits all levels evenly and whose sums have a closed form: any
position can be asked at any time, and nothing has to be remembered. Batches divide their epoch in
the same way. All is integer arithmetic once shares are rounded, to a millionth of a draw an epoch.
"""

import dataclasses
import difflib
import functools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jaxaug._types import JaxaugError

from . import _check
from ._membership import Membership
from ._permutation import MAX_SIZE, cycled, fold, permute
from ._plan import SEED_LIMIT

Balance = str | float | Mapping[str | None, float] | Sequence[float] | NDArray[np.floating]
ALPHAS = {"uniform": 0.0, "sqrt": 0.5}

# Keep these keys apart from each other, and from those of plain epochs and of splits.
_SLOTS, _MEMBERS, _TURNS, _RECORDS = 0x736C6F7473, 0x6D656D62657273, 0x7475726E73, 0x7265636F726473
_BITS = 32  # of the van der Corput sequence
_UNIT = 20  # shares are multiples of 2**-20 draws, which float64 resolves up to 2**32 draws
_KEPT = 2**14  # classes, over all the periods whose tables are kept, which are at least 2

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
    def quotas(self) -> "Quotas":
        """Which slots of a period, and so how many draws, belong to each class."""
        key = fold(self.seed, _TURNS) if self.shuffle else None
        return Quotas(self.shares, self.epoch_size, self.period, key)

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


class Quotas:
    """How many draws each class gets in each epoch, and in each period of it.

    Arguments are as of `Balanced`. `key` names in what order, another in each epoch, classes lie on
    the line that batches are cut from: in one order for good, the same classes would always meet in
    batches that have not room for all. None: as they are given.
    """

    def __init__(
        self, shares: NDArray[np.float64], epoch_size: int, period: int, key: int | None
    ) -> None:
        borders = np.cumsum(_rounded(shares / math.fsum(shares) * epoch_size * 2**_UNIT))
        self._borders = borders >> _UNIT, borders % 2**_UNIT << (_BITS - _UNIT)
        self._periods = epoch_size // period  # of an epoch
        self._levels = _levels(self._periods)
        self._classes = np.arange(len(shares))
        self._key = key
        self._epoch = functools.lru_cache(4)(self._epoch_uncached)
        self._table = functools.lru_cache(max(_KEPT // len(shares), 2))(self._table_uncached)

    def draw(self, slot: Any, period: int) -> tuple[Any, Any]:
        """Returns which draw of which class a slot, or an array of slots, of a period is.

        The period is counted from the start of epoch 0, and so are the draws of a class.
        """
        ends, shift, classes = self._table(period)
        if isinstance(slot, int):
            place = ends.searchsorted(slot, "right")
            return slot + int(shift[place]), int(classes[place])
        slot = slot.astype(np.int64)
        place = ends.searchsorted(slot, "right")
        return (slot + shift[place]).astype(np.uint64), classes[place]

    def of_epoch(self, number: int) -> NDArray[np.int64]:
        """Returns how many draws each class has in epoch `number`: int64 (k,)."""
        return np.diff(_systematic(number, *self._borders)[0], prepend=0)

    def _table_uncached(self, period: int) -> tuple[NDArray[np.int64], ...]:
        """Where each class's slots end, what makes a slot the number of a draw, and the classes."""
        epoch, step = divmod(period, self._periods)
        if self._periods == 1:
            (ends, before), classes = _systematic(epoch, *self._borders), self._classes
        else:
            *borders, before, classes = self._epoch(epoch)
            ends, since = _systematic(step, *borders)
            before = before + since
        return ends, before - (ends - np.diff(ends, prepend=0)), classes

    def _epoch_uncached(self, number: int) -> tuple[NDArray[np.int64], ...]:
        """Borders of an average period, draws before the epoch, and the order of classes."""
        ends, before = _systematic(number, *self._borders)
        classes = self._classes
        if self._key is not None:
            key = fold(self._key, number)
            classes = permute(classes.astype(np.uint64), len(ends), key).astype(np.int64)
        quotas = np.diff(ends, prepend=0)[classes]
        whole, left = np.divmod(np.cumsum(quotas), self._periods)
        # Exactly `left` thresholds of an epoch are below this one, so its sums are exact.
        return whole, self._levels[left], before[classes], classes


def _rounded(units: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers of the same sum; what that lacks goes by the largest remainders, never to 0."""
    whole = np.rint(units).astype(np.int64)
    lacking = round(math.fsum(units)) - int(whole.sum())
    some = np.flatnonzero(units)
    remainders = np.sign(lacking) * np.round(units - whole, 3)[some]
    whole[some[np.argsort(-remainders, kind="stable")[: abs(lacking)]]] += np.sign(lacking)
    return whole


def _systematic(
    number: int, whole: NDArray[np.int64], rest: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Borders `whole + rest / 2**32`, rounded up if threshold `number` is below the rest.

    And how much each class had, all in all, with the thresholds before.
    """
    level = int(f"{number % 2**_BITS:0{_BITS}b}"[::-1], 2)  # van der Corput: the bits in reverse
    before = number * whole + _below(number, rest)
    return whole + (level < rest), np.diff(before, prepend=0)


def _below(count: int, rest: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the first `count` thresholds are below `rest`: int64 (k,).

    Those whose numbers differ in the last `j` bits only lie `2**(32 - j)` apart. The numbers below
    `count` are one such block for each bit that is set in it.
    """
    cycles, count = divmod(count, 2**_BITS)
    found, first = cycles * rest, 0
    for j in reversed(range(count.bit_length())):
        if count >> j & 1:
            apart = _BITS - j
            found += (rest + ((1 << apart) - 1 - first)) >> apart
            first += 1 << (apart - 1)
    return found


def _levels(count: int) -> NDArray[np.int64]:
    """The first `count` thresholds, sorted: int64 (count,)."""
    levels, half = np.zeros(1, np.int64), 2**_BITS
    while len(levels) < count:
        half //= 2
        levels = np.concatenate([levels, levels + half])
    return np.sort(levels[:count])


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
    if not _by_record(membership, balance):
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
    records, names = membership.counts, pd.Index(membership.class_names, name="class")
    each = each[:, membership.records]
    share, draws = (np.bincount(membership.classes, one, len(names)) for one in each)
    columns = {"records": records, "share": share, "draws": draws.astype(np.int64)}
    columns |= {"draws_share": draws / len(plan), "times": draws / np.maximum(records, 1)}
    return pd.DataFrame(columns, index=names)


def shares_of(membership: Membership, balance: Balance) -> NDArray[np.float64]:
    """Returns the share of draws that `balance` gives to each class, or to each record.

    Records without a class are one more class, the last, whose name in a dict is None. Where a
    record has several classes, they cannot have quotas, for to draw one is to draw another. Its
    weight is then the greatest that any of its classes has for each of its own records, as in the
    repeat factors of LVIS (Gupta, Dollar and Girshick, CVPR 2019, arXiv:1908.03195). That makes
    classes more even, not equal.

    Args:
        membership: Classes of the records.
        balance: A number alpha from 0 (or "uniform") to 1 (as it comes): a class of n records has
            weight `n**alpha`. "sqrt" is 0.5. Or a dict with a weight for each class, or a sequence
            with one for each record. Weights are 0 or more, in any unit.

    Returns:
        float64 (k,), sum 1; of records, if weights are theirs or one has several classes.

    Raises:
        TypeError: If `balance` is none of these.
        ValueError: If it is out of range, or names do not match.

    Example:
        >>> labels = Membership.of(np.repeat([0, 1], [900, 100]), ("cat", "dog"))
        >>> shares_of(labels, "sqrt"), shares_of(labels, {"cat": 1, "dog": 4})
        (array([0.75, 0.25]), array([0.2, 0.8]))
    """
    if _is_of_records(balance):
        return _normal(_weights(balance, membership.size, "records"))
    named = np.diff(membership.records, prepend=-1) > 0  # where another record begins
    counts, names = membership.counts, [*membership.class_names]
    if plain := membership.size - np.count_nonzero(named):
        counts, names = np.append(counts, plain), [*names, None]
    if isinstance(balance, Mapping):
        wanted = _weights_of_classes(balance, names, counts)
    else:
        wanted = np.where(counts > 0, counts ** _alpha(balance), 0)
    if not _by_record(membership, balance):
        return _normal(wanted)
    each = wanted / np.maximum(counts, 1)
    weights = np.full(membership.size, each[-1])  # stays with records without a class
    firsts = np.flatnonzero(named)
    weights[membership.records[firsts]] = np.maximum.reduceat(each[membership.classes], firsts)
    return _normal(weights)


def _is_of_records(balance: Balance) -> bool:
    return not isinstance(balance, (str, Mapping)) and np.ndim(balance) == 1


def _by_record(membership: Membership, balance: Balance) -> bool:
    """Whether each record is a class of the plan."""
    return _is_of_records(balance) or bool((np.diff(membership.records) == 0).any())


def _alpha(balance: Any) -> float:
    alpha = ALPHAS.get(balance, balance) if isinstance(balance, str) else balance
    wanted = '"uniform", "sqrt", a number from 0 to 1, a dict of classes or weights of records'
    remedy = 'Pass "uniform" for equal shares.'
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float, np.integer, np.floating)):
        raise TypeError(f"balance: expected {wanted}, got {balance!r}. {remedy}")
    if not 0 <= alpha <= 1:
        raise _fault(wanted, repr(balance), remedy)
    return float(alpha)


def _weights_of_classes(
    balance: Mapping[Any, float], names: Sequence[str | None], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    if unknown := [name for name in balance if name not in names]:
        close = difflib.get_close_matches(str(unknown[0]), [str(name) for name in names], 1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"The classes are {names}."
        raise _fault("names of classes", repr(unknown[0]), remedy)
    if missing := [name for name in names if name not in balance]:
        raise _fault("a weight for every class", f"none for {missing}", "Pass 0 to leave one out.")
    weights = _weights([balance[name] for name in names], len(names), "classes")
    if (empty := np.flatnonzero((weights > 0) & (counts == 0))).size:
        raise _fault("records where weights are", f"none in {names[empty[0]]!r}", "Pass 0 for it.")
    return weights


def _weights(values: Any, size: int, what: str) -> NDArray[np.float64]:
    expected = f"a weight of 0 or more for each of {size} {what}"
    try:
        weights = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"balance: expected {expected}, got {values!r}. Pass numbers.") from None
    if len(weights) != size:
        raise _fault(expected, f"{len(weights)} weights", "To weigh classes, pass a dict.")
    if (bad := np.flatnonzero(~np.isfinite(weights) | (weights < 0))).size:
        raise _fault(expected, f"{weights[bad[0]]} at position {bad[0]}", "Pass 0 to leave it out.")
    if not weights.any():
        raise _fault(f"{expected}, and one above 0", "zeros", "Set one to 1.")
    return weights


def _normal(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = weights / weights.max()  # so that the sum is finite
    return weights / math.fsum(weights)
