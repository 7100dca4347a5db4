"""Which record comes when: pure functions of a position, so that nothing has to be remembered."""

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from jaxaug.data import _check
from jaxaug.data._order._permutation import MAX_SIZE, fold, permute

SEED_LIMIT = 2**64 - 1
_EPOCHS = 0x65706F636873  # "epochs": keeps these keys apart from those that split uses


@dataclasses.dataclass(frozen=True)
class Plan:
    """The endless stream of records that training reads: epoch after epoch, each in its own order.

    `plan(position)` says which record stands at a position and which visit of that record it is.
    A plan holds four numbers, whatever the size: orders are computed by a keyed permutation. Any
    position can be asked at any time, in any order, from any thread or process. `len(plan)` is the
    number of positions of one epoch.

    Attributes:
        size: Number of records, 1 to 2**32.
        seed: `0 <= seed < 2**64`. Seeds have no epoch in common.
        shuffle: Whether each epoch has an order of its own; otherwise records come in order.

    Example:
        >>> plan = Plan(5, seed=1)
        >>> rows, visits = plan(range(10))
        >>> sorted(rows[:5].tolist()), sorted(rows[5:].tolist())
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
        >>> visits.tolist()
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
        >>> plan(7) == (rows[7], visits[7])
        True
    """

    size: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self) -> None:
        # As Python's integers: products of NumPy's would overflow.
        size = _check.integer("Plan", "size", self.size, 1, MAX_SIZE)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "seed", _check.integer("Plan", "seed", self.seed, 0, SEED_LIMIT))

    def __len__(self) -> int:
        return self.size

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
        if np.ndim(positions) == 0:
            epoch, place = divmod(operator.index(positions), self.size)
            return self._row(place, epoch), epoch
        positions = np.asarray(positions, np.uint64)
        epochs, places = positions // self.size, positions % self.size
        # Nearly always all of one epoch: one key, rather than one for each.
        alone = epochs.size and int(epochs[0]) if (epochs == epochs[:1]).all() else epochs
        return self._row(places, alone).astype(np.int64), epochs.astype(np.uint32)

    def _row(self, place: Any, epoch: Any) -> Any:
        if not self.shuffle:
            return place
        return permute(place, self.size, fold(fold(self.seed, _EPOCHS), epoch))
