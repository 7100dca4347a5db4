"""What share of the draws each class gets, or each record."""

import difflib
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._membership import Membership

Balance = str | float | Mapping[str | None, float] | Sequence[float] | NDArray[np.floating]
ALPHAS = {"uniform": 0.0, "sqrt": 0.5}

_fault = functools.partial(JaxaugError, "balance")


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
    if not membership.class_names:
        remedy = f"Pass labels that are classes, or a weight for each of {membership.size} records."
        raise _fault("classes to balance", f"a source without, and {balance!r}", remedy)
    named = np.diff(membership.records, prepend=-1) > 0  # where another record begins
    counts, names = membership.counts, [*membership.class_names]
    if plain := membership.size - np.count_nonzero(named):
        counts, names = np.append(counts, plain), [*names, None]
    if isinstance(balance, Mapping):
        wanted = _weights_of_classes(balance, names, counts)
    else:
        wanted = np.where(counts > 0, counts ** _alpha(balance), 0)
    if not by_record(membership, balance):
        return _normal(wanted)
    each = wanted / np.maximum(counts, 1)
    weights = np.full(membership.size, each[-1])  # stays with records without a class
    firsts = np.flatnonzero(named)
    weights[membership.records[firsts]] = np.maximum.reduceat(each[membership.classes], firsts)
    return _normal(weights)


def _is_of_records(balance: Balance) -> bool:
    return not isinstance(balance, (str, Mapping)) and np.ndim(balance) == 1


def by_record(membership: Membership, balance: Balance) -> bool:
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
