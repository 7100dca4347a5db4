"""What every source of images has in common."""

import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxaug._types import JaxaugError, describe

from ._cache._cached import cached
from ._columns import Classes, Column, Several
from ._membership import Membership
from ._order import _split
from ._order._permutation import MAX_SIZE
from ._reader import Arrays, Reader

RESERVED = ("image", "mask", "boxes", "keypoints", "label", "index", "visit", "valid", "size")


class ImageSource:
    """Images by row, with what belongs to them: a Grain `RandomAccessDataSource`, and more.

    `source[row]` is a dict with `image` (h, w, c) and `index` uint32, the record's identity: its
    row in the whole source. Subsets and splits keep it, so that an augmentation keyed by it stays
    with the record. Depending on the source there are also `label`, `mask` int32 (h, w), `boxes`
    float32 (n, 4), `keypoints` float32 (n, 2), `size` int32 (2,), `weight` float32 and columns of
    its own.

    Sources are made by their kinds: `DirectorySource`, `DataFrameSource`, `ArraySource`,
    `EncodedSource`. They pickle, print the same in every process, and hold compact arrays.

    Args:
        reader: Where the pixels come from.
        columns: What records have beside them, by name.
        text: How the source prints, without the number of records.
        echo: Whether the image is also the label, for autoencoders.
    """

    def __init__(
        self, reader: Reader, columns: Mapping[str, Column], text: str, *, echo: bool = False
    ) -> None:
        if len(reader) > MAX_SIZE:
            got, remedy = str(len(reader)), "Divide them among several sources."
            raise JaxaugError(type(self).__name__, "at most 2**32 records", got, remedy)
        self._reader = reader
        self._columns = dict(columns)
        self._text = text
        self._echo = echo
        self._index: NDArray[np.uint32] | None = None  # identities of the rows; None: the row

    def __len__(self) -> int:
        return len(self._reader) if self._index is None else len(self._index)

    def __getitem__(self, row: int) -> dict[str, Any]:
        """Returns one record; `row` counts from the end if negative."""
        return _first(self.read([self._row(row)]))

    def __repr__(self) -> str:
        classes = self.class_names
        known = f", {len(classes)} classes" if classes and isinstance(classes, tuple) else ""
        return f"{self._text}: {len(self)} images{known}"

    def read(self, rows: ArrayLike) -> dict[str, Any]:
        """Returns several records at once, stacked, in new arrays.

        Args:
            rows: Integers of shape (b,), `0 <= row < len(source)`.

        Returns:
            What `source[row]` gives, each with a leading axis b.

        Raises:
            DecodeError: If a file cannot be read as an image.
        """
        index = self.identities(self._checked("read", rows))
        arrays, faults = self._reader.read(self._reader.jobs(index))
        if faults:
            raise faults[0][1]
        return self.assemble(index, arrays)

    def assemble(self, index: NDArray[np.uint32], arrays: Arrays) -> dict[str, Any]:
        """Returns the batch of these identities, their pixels having been read."""
        batch: dict[str, Any] = dict(arrays)
        placement = batch.pop("placement", None)
        batch |= {name: column(index) for name, column in self._columns.items()}
        if placement is not None:
            _place(batch, placement)
        if self._echo:
            batch["label"] = batch["image"].copy()
        return batch | {"index": index}

    def identities(self, rows: NDArray[np.integer] | None = None) -> NDArray[np.uint32]:
        """Identities of rows, of all if None: uint32 (b,), in a new array."""
        rows = np.arange(len(self)) if rows is None else rows
        return rows.astype(np.uint32) if self._index is None else self._index[rows]

    @property
    def groups(self) -> NDArray[Any] | None:
        """What records must not be split from, by identity, if the source knows; else None."""
        return None

    @property
    def reader(self) -> Reader:
        """Where the pixels come from, by identity."""
        return self._reader

    @property
    def columns(self) -> Mapping[str, Column]:
        """What records have beside their pixels, by name."""
        return self._columns

    @property
    def class_names(self) -> Any:
        """Name of each class; labels are positions in it. Parts of a source keep all of them.

        A dict of them if there are several label columns; empty if there are no classes.
        """
        return self._columns["label"].names if "label" in self._columns else ()

    @property
    def labels(self) -> Any:
        """Label of each row: class numbers int32 (n,) for one class each, else as in a batch."""
        if "label" not in self._columns:
            remedy = "Make it with labels; with label_mode='image' the image is the label."
            raise JaxaugError("labels", "a source with labels", self._text, remedy)
        column, index = self._columns["label"], self.identities()
        return column.values[index] if isinstance(column, Classes) else column(index)

    @property
    def membership(self) -> Membership | None:
        """Which rows belong to which classes; None if there are no classes."""
        column = self._columns.get("label")
        return column.membership(self._rows) if column else None

    @property
    def class_counts(self) -> Any:
        """Number of records of each class, by name; of each label column, if there are several."""
        column = self._columns.get("label")
        if isinstance(column, Several):
            return {name: self._counts(each) for name, each in column.columns.items()}
        return self._counts(column)

    @property
    def _rows(self) -> NDArray[np.uint32] | slice:
        return slice(None) if self._index is None else self._index

    def _counts(self, column: Column | None) -> dict[str, int]:
        membership = column.membership(self._rows) if column else None
        if membership is None:
            return {}
        return dict(zip(membership.class_names, membership.counts.tolist(), strict=True))

    def path(self, row: int) -> str:
        """Returns the file that `row` is read from, as an absolute path, or what stands for it."""
        return self._reader.name(int(self.identities(np.array([self._row(row)]))[0]))

    def subset(self, rows: ArrayLike) -> Self:
        """Returns a source of these rows only, in this order, with their identities kept.

        Args:
            rows: Different integers, `0 <= row < len(source)`, or a bool for each row.

        Raises:
            JaxaugError: If there are none, or a row is out of range or named twice: a record drawn
                twice in an epoch could not be told apart.
        """
        chosen = self._checked("subset", rows)
        values, counts = np.unique(chosen, return_counts=True)
        if len(values) < len(chosen):
            got = f"row {values[counts > 1][0]} more than once"
            raise JaxaugError("subset", "different rows", got, "Pass each row once.")
        part = copy.copy(self)
        part._index = self.identities(chosen)  # noqa: SLF001 - our own, just made
        return part

    def split(
        self,
        sizes: Sequence[float],
        *,
        by: str | None = None,
        group: Any = None,
        seed: int = 0,
    ) -> tuple[Self, ...]:
        """Divides the source into parts: no record is in two of them. Rows keep their order.

        Args:
            sizes: Of each part: fractions above 0, together at most 1, or whole numbers of records.
            by: "stratified": every part has every class in the same proportion, within one record
                of its exact share (of several labels a record: as nearly as can be). "random".
                "group": records of one group stay together. "stratified-group": both, as nearly
                as can be. "hash": a record's part depends on its name and the seed alone, so
                that it stays where it is when files are added. If None, "stratified" where there
                are classes, else "random"; with groups, "group".
            group: What must stay together: a value for each row, the name of a column, or a
                function of a record's path below the root. If None, what the source was made with.
            seed: `0 <= seed < 2**64`.

        Returns:
            One source for each size.

        Raises:
            JaxaugError: If the sizes are not as above, or a class or a part has too few records.

        Example:
            >>> import numpy as np
            >>> from jaxaug.data import ArraySource
            >>> images, labels = np.zeros((20, 8, 8, 3), np.uint8), np.arange(20) % 2
            >>> source = ArraySource(images, labels, class_names=("cat", "dog"))
            >>> train, val = source.split((0.8, 0.2))
            >>> train.class_counts, val.class_counts
            ({'cat': 8, 'dog': 8}, {'cat': 2, 'dog': 2})
        """
        by = self._default_by(group) if by is None else by
        parts = _split.split(by, sizes, seed=seed, **self._facts(by, group))
        return tuple(self.subset(rows) for rows in parts)

    def folds(
        self, k: int, *, by: str | None = None, group: Any = None, seed: int = 0
    ) -> tuple[tuple[Self, Self], ...]:
        """Divides the source into k parts, and returns each with the rest: cross-validation.

        Args:
            k: Number of folds, 2 or more.
            by: "stratified", "random", "group" or "stratified-group", as in `split`.
            group: As in `split`.
            seed: `0 <= seed < 2**64`.

        Returns:
            k pairs `(train, validation)`; every record is in one validation part.
        """
        by = self._default_by(group) if by is None else by
        parts = _split.folds(by, k, seed=seed, **self._facts(by, group))
        rest = (np.setdiff1d(np.arange(len(self)), rows, assume_unique=True) for rows in parts)
        return tuple(
            (self.subset(others), self.subset(rows))
            for others, rows in zip(rest, parts, strict=True)
        )

    def cached(self, where: Any, *, progress: bool = True) -> Self:
        """Returns the same source, its images decoded once and kept.

        Args:
            where: "memory", or a folder for one memory-mapped file, which is built now if it is
                not there or if anything it depends on has changed.
            progress: Whether to show how far the building is.

        Returns:
            A source with the same records, labels and identities. Files in the folder that are not
            in use may be deleted at any time; one in use must not be cut short, for that ends the
            process.
        """
        part = copy.copy(self)
        part._reader = cached(self, where, progress=progress)  # noqa: SLF001 - our own, just made
        return part

    def _row(self, row: int) -> int:
        """A row's number from 0, given one that may count from the end."""
        number = operator.index(row)
        if -len(self) <= number < len(self):
            return number % len(self)
        raise IndexError(
            f"{type(self).__name__}: expected a row below {len(self)}, got {number}. "
            "Rows count from 0 to len(source) - 1."
        )

    def _checked(self, who: str, rows: ArrayLike) -> NDArray[np.integer]:
        """Row numbers (b,), given them or a bool for each row."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        whole = chosen.ndim == 1 and chosen.size and np.issubdtype(chosen.dtype, np.integer)
        if whole and chosen.min() >= 0 and chosen.max() < len(self):
            return chosen
        want = f"row numbers from 0 to {len(self) - 1}, at least one"
        remedy = f"Pass a list of them, or a boolean mask of {len(self)} values."
        raise JaxaugError(who, want, describe(rows), remedy)

    def _default_by(self, group: Any) -> str:
        if group is not None or self.groups is not None:
            return "group"
        return "random" if self.membership is None else "stratified"

    def _facts(self, by: str, group: Any) -> dict[str, Any]:
        names = _Keys(self._reader, self.identities())
        return {
            "size": len(self),
            "membership": self.membership if "stratified" in str(by) else None,
            "groups": self._groups(by, group, names),
            "names": names,
        }

    def _groups(self, by: str, group: Any, names: Sequence[str]) -> NDArray[Any] | None:
        if group is None:
            ours = self.groups if by not in ("random", "stratified") else None
            return None if ours is None else ours[self.identities()]
        if isinstance(group, str):
            if group not in self._columns:
                known = ", ".join(map(repr, self._columns)) or "none"
                remedy = "Name it when the source is made (group= or columns=), or pass an array."
                raise JaxaugError("split", f"group to be a column ({known})", repr(group), remedy)
            return np.asarray(self._columns[group](self.identities()))
        if isinstance(group, Callable):
            return np.array([group(name) for name in names])
        values = np.asarray(group)
        if values.shape != (len(self),):
            got = f"an array of shape {values.shape}"
            raise JaxaugError("split", f"a group for each of {len(self)} rows", got)
        return values


class _Keys(Sequence[str]):
    """The names of rows, made when asked for."""

    def __init__(self, reader: Reader, index: NDArray[np.uint32]) -> None:
        self._reader, self._index = reader, index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, row: Any) -> Any:
        return self._reader.key(int(self._index[row]))


def _first(batch: Any) -> Any:
    """The first record of a batch."""
    return {
        name: _first(value) if isinstance(value, dict) else value[0]
        for name, value in batch.items()
    }


def _place(batch: dict[str, Any], placement: NDArray[np.float32]) -> None:
    """Moves boxes and keypoints from the picture as it was to where it lies in the array.

    A box of which nothing is left becomes padding, and a point outside is not visible.
    """
    scale, offset = placement[:, None, :2], placement[:, None, 2:]
    limits = batch.get("size", np.array([batch["image"].shape[1:3]]))[:, None, ::-1]
    if "boxes" in batch:
        corners = batch["boxes"].reshape(len(scale), -1, 2, 2)
        moved = np.clip(corners * scale[:, None] + offset[:, None], 0, limits[:, None])
        left = (moved[:, :, 1] > moved[:, :, 0]).all(axis=-1)
        moved = np.where(left[..., None, None], moved, 0)
        batch["boxes"] = moved.reshape(batch["boxes"].shape).astype(np.float32)
        if "box_labels" in batch:
            batch["box_labels"] = np.where(left, batch["box_labels"], -1).astype(np.int32)
    if "keypoints" in batch:
        moved = batch["keypoints"] * scale + offset
        inside = (moved >= 0).all(axis=-1) & (moved <= limits).all(axis=-1)
        batch["visible"] = batch["visible"] & inside
        batch["keypoints"] = np.where(batch["visible"][..., None], moved, 0).astype(np.float32)
