"""What every source of images has in common."""

import abc
import copy
import operator
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _split
from ._permutation import MAX_SIZE


class ImageSource(abc.ABC):
    """Labelled images by row: a Grain `RandomAccessDataSource`, and more.

    `source[row]` is `{"image": uint8 (h, w, c), "label": int32, "index": uint32}`. The `index` is
    the record's identity: its row in the whole source. Subsets and splits keep it, so that an
    augmentation keyed by it stays with the record.

    To write a source, say how to read images (`_read_images`) and how to print it (`__repr__`),
    and hand the labels to this constructor. Sources must pickle; arrays and bytes do so best.

    Args:
        labels: int32 (n,), class number of each record of the whole source.
        class_names: Name of each class.
    """

    def __init__(self, labels: NDArray[np.int32], class_names: Sequence[str]) -> None:
        if len(labels) > MAX_SIZE:
            raise ValueError(
                f"{type(self).__name__}: expected at most 2**32 records, got {len(labels)}. "
                "Divide them among several sources."
            )
        self._labels = labels
        self._class_names = tuple(class_names)
        self._index: NDArray[np.uint32] | None = None  # identities of the rows; None: the row

    @abc.abstractmethod
    def _read_images(self, index: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """Returns the images with these identities, uint8 (b, h, w, c).

        The array must be new and nobody else's: a device may use its memory without copying it.
        """

    @abc.abstractmethod
    def __repr__(self) -> str:
        """Says what is read and how, in one line, the same in every process."""

    def __len__(self) -> int:
        return len(self._labels if self._index is None else self._index)

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """Returns one record; `row` counts from the end if negative."""
        number = operator.index(row)
        if not -len(self) <= number < len(self):
            raise IndexError(
                f"{type(self).__name__}: expected a row below {len(self)}, got {number}. "
                "Rows count from 0 to len(source) - 1."
            )
        return {name: column[0] for name, column in self.read([number % len(self)]).items()}

    def read(self, rows: ArrayLike) -> dict[str, np.ndarray]:
        """Returns several records at once, stacked, in new arrays.

        Args:
            rows: Integers of shape (b,), `0 <= row < len(source)`.

        Returns:
            `{"image": uint8 (b, h, w, c), "label": int32 (b,), "index": uint32 (b,)}`.

        Raises:
            DecodeError: If a file cannot be read as an image.
        """
        index = self._identities(np.asarray(rows))
        return {
            "image": self._read_images(index),
            "label": self._labels[index],
            "index": index,
        }

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class; labels are positions in it. Parts of a source keep all of them."""
        return self._class_names

    @property
    def labels(self) -> NDArray[np.int32]:
        """Label of each row, int32 (n,)."""
        return self._labels.copy() if self._index is None else self._labels[self._index]

    @property
    def class_counts(self) -> Mapping[str, int]:
        """Number of records of each class, by name."""
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def subset(self, rows: ArrayLike) -> Self:
        """Returns a source of these rows only, in this order, with their identities kept.

        Args:
            rows: Different integers, `0 <= row < len(source)`, or a bool for each row.

        Raises:
            ValueError: If there are none, or a row is out of range or named twice: a record drawn
                twice in an epoch could not be told apart.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        valid = chosen.ndim == 1 and chosen.size and np.issubdtype(chosen.dtype, np.integer)
        if not valid or chosen.min() < 0 or chosen.max() >= len(self):
            raise ValueError(
                f"subset: expected row numbers from 0 to {len(self) - 1}, at least one, got "
                f"{rows!r}. Pass a list of them, or a boolean mask of {len(self)} values."
            )
        values, counts = np.unique(chosen, return_counts=True)
        if len(values) < len(chosen):
            raise ValueError(
                f"subset: expected different rows, got row {values[counts > 1][0]} more than once. "
                "Pass each row once."
            )
        part = copy.copy(self)
        part._index = self._identities(chosen)  # noqa: SLF001 - our own, just made
        return part

    def split(self, fractions: Sequence[float], *, seed: int = 0) -> tuple[Self, ...]:
        """Divides the source at random into parts with the same proportion of every class.

        Every part has every class, within one record of its exact share; no record is in two
        parts; the result depends on the seed and the labels only. Rows keep their order.

        Args:
            fractions: Share of each part, above 0, together at most 1.
            seed: `0 <= seed < 2**64`.

        Returns:
            One source for each fraction.

        Raises:
            ValueError: If the fractions are not as above, or a class has too few records.

        Example:
            >>> import pathlib, tempfile
            >>> from jaxaug.data import DirectorySource
            >>> with tempfile.TemporaryDirectory() as root:
            ...     for animal in ("cat", "dog"):
            ...         pathlib.Path(root, animal).mkdir()
            ...         for number in range(10):
            ...             pathlib.Path(root, animal, f"{number}.png").touch()
            ...     train, val = DirectorySource(root, image_size=(8, 8)).split((0.8, 0.2))
            >>> train.class_counts, val.class_counts
            ({'cat': 8, 'dog': 8}, {'cat': 2, 'dog': 2})
        """
        parts = _split.stratified(self.labels, self.class_names, fractions, seed)
        return tuple(self.subset(rows) for rows in parts)

    def _identities(self, rows: NDArray[np.integer]) -> NDArray[np.uint32]:
        """Identities of rows, in a new array."""
        return rows.astype(np.uint32) if self._index is None else self._index[rows]
