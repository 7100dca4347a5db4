"""How many draws each class gets in each epoch, and in each batch of it: systematic sampling.

Lay the shares of the classes side by side on a line as long as the epoch: the borders fall between
whole numbers, and all are rounded with the same threshold. So each share is rounded up or down, and
the sum is right. From epoch to epoch thresholds follow the van der Corput sequence, which visits
all levels evenly and whose sums have a closed form: any epoch can be asked at any time, and nothing
has to be remembered. Batches divide their epoch in the same way. All is integer arithmetic once
shares are rounded, to a millionth of a draw an epoch.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug.data._order._permutation import fold, permute

_BITS = 32  # of the van der Corput sequence
_UNIT = 20  # shares are multiples of 2**-20 draws, which float64 resolves up to 2**32 draws
_KEPT = 2**14  # classes, over all the periods whose tables are kept, which are at least 2


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
