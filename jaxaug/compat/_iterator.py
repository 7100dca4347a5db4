"""What all iterators of batches share: order, epochs, and which seed belongs to which image."""

import dataclasses
import operator
import threading
import weakref
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxaug.data import Plan, _check
from jaxaug.data._order._balance import Balanced
from jaxaug.data._order._batches import Stream
from jaxaug.data._order._permutation import MAX_SIZE

from ._draws import drawing_for, fresh_seed, row_seeds, words
from ._keras import known_to_keras

_OTHERS = 1 << 31  # visits of rows that no plan has drawn


class Drawn(np.ndarray[Any, np.dtype[np.int64]]):
    """Rows of a batch, int64 (b,), that know their turn.

    So an image's transform depends on the turn and not on when, or in which thread, it is read. A
    part, `drawn[1:3]`, keeps visits and epoch; whatever else is computed from it, only the epoch.

    Attributes:
        visits: uint32 (b,), how often each row's turn came before, or None.
        epoch: From 0, or None.
        number: Of the batch in its epoch, or None if this is no whole batch.
    """

    visits: NDArray[np.uint32] | None
    epoch: int | None
    number: int | None

    @classmethod
    def of(cls, rows: ArrayLike, visits: NDArray[np.uint32], epoch: int, number: int) -> Self:
        """Batch `number` of an epoch; the rows are copied."""
        drawn = np.array(rows, np.int64).view(cls)
        drawn.visits, drawn.epoch, drawn.number = visits, epoch, number
        return drawn

    def __array_finalize__(self, source: Any) -> None:
        self.visits, self.number = None, None  # it may have been sorted, or only be as long
        self.epoch = getattr(source, "epoch", None)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, Drawn) and part.ndim == 1 and self.visits is not None:
            part.visits = self.visits[key]
        return part


class Iterator:
    """Batches of rows, without end, in a new order each epoch.

    A subclass says what a batch is in `_get_batches_of_transformed_samples(index_array)`.

    Batch `i` of epoch `e` depends on the seed, `e` and `i` only: neither on what was read before,
    nor on threads. `next(iterator)` walks from batch to batch and from epoch to epoch.
    `iterator[i]` reads batch `i` of the current epoch and moves nothing, and `on_epoch_end()`
    begins the next one. `reset()` makes `next` begin an epoch, a new one if it has taken anything
    of this one. All of it may be called from several threads.

    Args:
        n: Number of rows.
        batch_size: Rows in a batch; the last one of an epoch may have fewer.
        shuffle: Whether each epoch has an order of its own.
        seed: `0 <= seed < 2**32`, of the order and of the transforms; if None, another one each
            time.
        plan: What draws the rows, in epochs of `n`; by default a `Plan`. If it is one, or balanced,
            its seed and shuffling give way to those of the iterator.

    Attributes:
        n: See above; so are `batch_size`, `shuffle` and `seed`.
        batch_index: Number of the batch that `next` gives next.
        total_batches_seen: How many were handed out.
        index_array: Rows of the current epoch in their order, int64 (n,); None before the first.
            Who sets it otherwise sets the order.
        index_generator: Gives `next`'s rows; to be called `with iterator.lock`.
        lock: Held while rows are chosen, not while they are read.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If it is out of range.

    Example:
        >>> class Rows(Iterator):
        ...     def _get_batches_of_transformed_samples(self, index_array):
        ...         return index_array.tolist()
        >>> rows = Rows(5, 3, shuffle=False, seed=1)
        >>> len(rows), next(rows), next(rows), next(rows), rows[-1]
        (2, [0, 1, 2], [3, 4], [0, 1, 2], [3, 4])
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(
        self,
        n: int,
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        *,
        plan: Stream | None = None,
    ) -> None:
        who = type(self).__name__
        self.n = _check.integer(who, "n", n, 0, MAX_SIZE)
        self.batch_size = _check.integer(who, "batch_size", batch_size, 0, MAX_SIZE)
        self.seed = None if seed is None else _check.integer(who, "seed", seed, 0, 2**32 - 1)
        self.shuffle = bool(shuffle)
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.RLock()
        self.index_array: NDArray[np.int64] | None = None
        self.index_generator = self._flow_index()
        self._order = np.empty(0, np.int64), np.empty(0, np.uint32)  # rows and visits
        self._stream, self._fresh = plan, fresh_seed()
        self._epoch, self._walked = 0, False
        self._ordered: int | None = None  # the epoch that index_array is of
        self._others = 0

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        del args, keywords
        iterator = object.__new__(known_to_keras(cls))
        iterator._prepare()
        return iterator

    def _prepare(self) -> None:
        """For what Keras needs, where it is in use."""

    def __len__(self) -> int:
        return (self.n + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """Returns the next batch; after the last one of an epoch, the first of the next.

        Raises:
            ValueError: If there are no rows at all.
        """
        with self.lock:
            index_array = next(self.index_generator)
        return self._produced(index_array)

    def __getitem__(self, i: int) -> Any:
        number, length = operator.index(i), len(self)
        if not -length <= number < length:
            raise ValueError(f"Asked to retrieve element {i}, but the Sequence has length {length}")
        with self.lock:
            if self.index_array is None:
                self._set_index_array()
            self.total_batches_seen += 1
            drawn = self._batch(self._epoch, number % length)
        return self._produced(drawn)

    def _produced(self, drawn: NDArray[np.int64]) -> Any:
        """The batch of these rows; what users draw for it without a seed is repeatable, too."""
        turn = getattr(drawn, "epoch", None), getattr(drawn, "number", None)
        if None in turn:
            with self.lock:
                turn = _OTHERS, self._others
                self._others += 1
        with drawing_for([*words(self._root), *turn]):
            return self._get_batches_of_transformed_samples(drawn)

    @property
    def epoch(self) -> int:
        """The current epoch, from 0; may be set, to begin that one."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        epoch = _check.integer(type(self).__name__, "epoch", epoch, 0, MAX_SIZE)
        with self.lock:
            self._begin(epoch)

    def on_epoch_end(self) -> None:
        """Begins the next epoch."""
        with self.lock:
            self._begin(self._epoch + 1)

    def reset(self) -> None:
        """Lets `next` begin an epoch."""
        with self.lock:
            self.batch_index = 0

    def row_seeds(self, index_array: ArrayLike) -> NDArray[np.uint32]:
        """The seed of each row's transform: equal for equal seed, visit and row.

        Args:
            index_array: Rows (b,), as `_get_batches_of_transformed_samples` gets them. Rows of
                another origin, such as those of a sampler of one's own, are different each time.

        Returns:
            uint32 (b, 4): low and high word of the iterator's seed, visit, and row.
        """
        rows = np.asarray(index_array, np.int64) % max(self.n, 1)  # -1 is the last one
        visits = getattr(index_array, "visits", None)
        visits = getattr(index_array, "epoch", None) if visits is None else visits
        if visits is None:
            with self.lock:
                visits = _OTHERS + self._others + np.arange(len(rows))
                self._others += len(rows)
        return row_seeds(self._root, visits, rows)

    def upcoming(self, drawn: NDArray[np.int64], count: int) -> list[Drawn]:
        """The `count` batches that follow one in its epoch and the next ones, to read ahead."""
        if not isinstance(drawn, Drawn) or drawn.epoch is None or drawn.number is None:
            return []
        # Nobody knows the next order of a subclass that sets its own.
        foreseen = type(self)._set_index_array is Iterator._set_index_array  # noqa: SLF001 - ours
        places = (divmod(drawn.number + k, len(self)) for k in range(1, count + 1))
        with self.lock:
            return [
                self._batch(drawn.epoch + later, number)
                for later, number in places
                if foreseen or not later
            ]

    def raw(self, index_array: NDArray[np.int64]) -> NDArray[Any]:
        """The images of these rows, (b, ...), before any transform, in the generator's layout."""
        raise NotImplementedError

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        """The batch of these rows; a `Drawn` from `next` and `[i]`. Several threads may call it."""
        raise NotImplementedError

    def _flow_index(self) -> "_Walk":
        return _Walk(self)

    def _set_index_array(self) -> None:
        """Sets the order of the current epoch; of the next one, if it was set before."""
        if self._ordered == self._epoch:
            self._epoch, self._walked = self._epoch + 1, False
        self._ordered = self._epoch
        rows, visits = self._planned(self._epoch, 0, self.n)
        self.index_array, self._order = rows, (rows, visits)

    def _begin(self, epoch: int) -> None:
        self._epoch, self._walked, self._ordered = epoch, False, None
        self._set_index_array()

    def _advance(self) -> Drawn:
        if not (length := len(self)):
            raise ValueError(f"{type(self).__name__}: expected images to draw, got none. Add some.")
        number = self.batch_index % length
        if self._walked and number == 0:
            self._begin(self._epoch + 1)
        elif self.index_array is None:
            self._set_index_array()
        self._walked = True
        self.batch_index = (number + 1) % length
        self.total_batches_seen += 1
        return self._batch(self._epoch, number)

    def _batch(self, epoch: int, number: int) -> Drawn:
        first = number * self.batch_size
        stop = min(first + self.batch_size, self.n)
        if epoch != self._epoch or self.index_array is None:
            rows, visits = self._planned(epoch, first, stop)
        elif self.index_array is self._order[0]:
            rows, visits = self._order[0][first:stop], self._order[1][first:stop]
        else:  # somebody's own order, in which a row may come twice: places count, not epochs
            rows = self.index_array[first:stop]
            visits = (epoch * self.n + first + np.arange(len(rows))).astype(np.uint32)
        return Drawn.of(rows, visits, epoch, number)

    def _planned(
        self, epoch: int, first: int, stop: int
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Rows and visits at these places of an epoch."""
        if not self.n:
            return np.empty(0, np.int64), np.empty(0, np.uint32)
        shuffle = bool(self.shuffle)  # scripts set it afterwards, too
        stream = self._stream or Plan(self.n, self._root, shuffle)
        if isinstance(stream, Plan | Balanced) and (
            (stream.seed, stream.shuffle) != (self._root, shuffle)
        ):
            self._stream = stream = dataclasses.replace(stream, seed=self._root, shuffle=shuffle)
        return stream(epoch * self.n + np.arange(first, stop))

    @property
    def _root(self) -> int:
        return self._fresh if self.seed is None else self.seed


class _Walk:
    """The rows of batch after batch.

    No generator, which an error would end. And it does not keep the iterator alive, which else only
    the garbage collector would free, with its threads.
    """

    def __init__(self, iterator: Iterator) -> None:
        self._iterator = weakref.ref(iterator)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Drawn:
        iterator = self._iterator()
        if iterator is None:
            raise StopIteration
        return iterator._advance()  # noqa: SLF001 - two halves of one thing
