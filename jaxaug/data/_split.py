"""Which records go to which part of a split."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import _check
from ._permutation import fold, permute
from ._plan import SEED_LIMIT

_SPLIT = 0x73706C6974  # "split": keeps these keys apart from those of the epochs
_ROUNDING = 1e-9  # forgives fractions such as 0.1 + 0.2 their last bits


def stratified(
    labels: NDArray[np.int32], class_names: Sequence[str], fractions: Sequence[float], seed: int
) -> tuple[NDArray[np.int64], ...]:
    """Divides records so that every part has every class in the same proportion.

    A class of n records gives each part `floor(n f)` or `ceil(n f)` of them. What rounding leaves
    over goes first to parts that would have none of the class, then to the parts that the classes
    before have given least; so the sizes of the parts come out right too, even with many
    small classes. Which members go where depends on the seed and the labels alone.

    Args:
        labels: int32 (n,), class numbers.
        class_names: Name of each class, for messages.
        fractions: Share of each part, each above 0, together at most 1. What is missing to 1 is
            left out of all parts.
        seed: `0 <= seed < 2**64`.

    Returns:
        For each part the rows in it, int64, ascending. No row is in two parts.

    Raises:
        ValueError: If the fractions are not as above, or a class is too small to be in every part.
    """
    shares = _shares(fractions)
    key = fold(fold(0, _SPLIT), _check.integer("split", "seed", seed, 0, SEED_LIMIT))
    deficit = np.zeros(len(shares))
    parts: list[list[NDArray[np.int64]]] = [[] for _ in fractions]
    for number, name in enumerate(class_names):
        members = np.flatnonzero(labels == number)
        if not members.size:
            continue
        counts = _quota(members.size, shares, len(fractions), deficit)
        if not counts[: len(fractions)].all():
            raise ValueError(
                f"split: expected every class to have records for all {len(fractions)} parts "
                f"{tuple(fractions)}, got {members.size} in class {name!r}. Add records to it, "
                "leave it out with classes=[...], or ask for fewer or more equal parts."
            )
        places = np.arange(members.size, dtype=np.uint64)
        members = members[permute(places, members.size, fold(key, number)).astype(np.int64)]
        ends = np.cumsum(counts)[:-1]
        for part, chosen in zip(parts, np.split(members, ends), strict=False):  # the rest: left out
            part.append(chosen)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def _shares(fractions: Sequence[float]) -> NDArray[np.float64]:
    """The fractions, checked, and what they leave over, if anything."""
    advice = "Pass one share for each part, such as (0.8, 0.2)."
    if isinstance(fractions, str) or not np.iterable(fractions) or len(fractions) == 0:
        raise TypeError(f"split: expected a sequence of fractions, got {fractions!r}. {advice}")
    shares = [float(share) for share in fractions]
    total = math.fsum(shares)
    if not all(0 < share <= 1 for share in shares) or not total <= 1 + _ROUNDING:
        raise ValueError(
            "split: expected fractions above 0 that sum to at most 1, got "
            f"{tuple(fractions)}, which sum to {total:g}. {advice} For a part of n records pass "
            "n / len(source)."
        )
    return np.array(shares if total > 1 - _ROUNDING else [*shares, 1 - total])


def _quota(
    count: int, shares: NDArray[np.float64], required: int, deficit: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Whole numbers that sum to `count`, each within one of `count * share`; updates `deficit`."""
    exact = count * shares
    counts = np.floor(exact).astype(np.int64)
    deficit += exact - counts
    left = count - int(counts.sum())
    empty = (counts == 0) & (np.arange(len(shares)) < required)
    whole = exact - counts < _ROUNDING  # these have their share already
    order = np.lexsort((-np.round(deficit, 9), whole, ~empty))  # last key first; ties keep order
    counts[order[:left]] += 1
    deficit[order[:left]] -= 1
    return counts
