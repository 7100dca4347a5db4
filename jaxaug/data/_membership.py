"""Which records belong to which classes: the one form of labels that splits and balance look at."""

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Membership:
    """Pairs of a record and a class, sorted by record: one a record, or several, or none.

    Attributes:
        records: int64 (m,), ascending, `0 <= record < size`.
        classes: int32 (m,), positions in `class_names`.
        size: Number of records.
        class_names: Name of each class.
    """

    records: NDArray[np.int64]
    classes: NDArray[np.int32]
    size: int
    class_names: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Records of each class, int64 (number of classes,)."""
        return np.bincount(self.classes, minlength=len(self.class_names))

    @property
    def single(self) -> bool:
        """Whether every record has exactly one class."""
        return len(self.records) == self.size and bool((np.diff(self.records) > 0).all())

    @classmethod
    def none(cls, size: int) -> "Membership":
        """Records without classes, which only weights of their own can balance."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing.astype(np.int32), size, ())

    @classmethod
    def of(cls, labels: NDArray[np.integer], class_names: tuple[str, ...]) -> "Membership":
        """One class a record: `labels` are integers (n,)."""
        records = np.arange(len(labels), dtype=np.int64)
        return cls(records, labels.astype(np.int32), len(labels), tuple(class_names))
