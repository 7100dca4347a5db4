"""Which records go to which part of a split, or to which fold: pure functions of arrays.

Folds are parts of equal shares. What shares leave over to 1 is one more part, which nobody gets.
"""

import dataclasses
import difflib
import math
import numbers
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._membership import Membership
from jaxaug.data._order._permutation import fold, permute
from jaxaug.data._order._plan import SEED_LIMIT

Rows = NDArray[np.int64]
Shares = NDArray[np.float64]
_Given = tuple[Membership | None, NDArray[Any] | None, Sequence[str] | None]

_SPLIT = 0x73706C6974  # "split": keeps these keys apart from those of the epochs
_DIGITS = 6  # forgives 0.29 * 100 its last bits, up to 2**32 records
_FOLDS = ("stratified", "random", "group", "stratified-group")
_WAYS = {"folds": _FOLDS, "split": (*_FOLDS, "hash")}


def split(
    by: str | None,
    sizes: Sequence[float],
    *,
    size: int,
    membership: Membership | None = None,
    groups: NDArray[Any] | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[Rows, ...]:
    """Divides records into parts. Which go where depends on these arguments alone.

    "random" and "stratified" give a part with share s `floor(n s)` or `ceil(n s)` records, of every
    class and in all: controlled rounding (Bacharach, Matrix rounding problems, Management Science
    1966). A class always reaches every part; many tiny classes may thereby enlarge a part that was
    asked for as a fraction. With several classes a record, sizes are exact and classes as even as
    iterative stratification makes them. "group" and "stratified-group" place large groups first,
    each where it leaves sizes (and classes) most even; the seed decides between equals only. "hash"
    looks at a hash of the name, or of the group, alone: sizes are right on average, and a record
    keeps its part whatever is added or removed.

    Args:
        by: One of these. If None, "group", "stratified" or "random", by what there is.
        sizes: Of each part: fractions above 0, together at most 1, or whole numbers above 0,
            together at most `size`. The rest is left out of all parts.
        size: Number of records n.
        membership: Their classes, if any.
        groups: Strings or whole numbers (n,): records of one group stay together.
        names: Of each record, for "hash".
        seed: `0 <= seed < 2**64`.

    Returns:
        For each part its rows, int64, ascending, at least one. No row is in two parts.

    Raises:
        JaxaugError: If arguments are not as above, or there is too little for every part.

    Example:
        >>> [rows.tolist() for rows in split("group", (2, 1), size=3, groups=np.array([7, 8, 7]))]
        [[0, 2], [1]]
    """
    return _divide(by, _asked(sizes, size, seed), (membership, groups, names))


def folds(
    by: str | None,
    k: int,
    *,
    size: int,
    membership: Membership | None = None,
    groups: NDArray[Any] | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[Rows, ...]:
    """Divides records into k parts of equal share, `2 <= k <= size`: the validation rows of folds.

    Arguments are those of `split`, but there is no "hash". Numbers of records in two folds differ
    by at most one, in every class and in all, unless there are groups or several classes a record.
    """
    k = _check.integer("folds", "k", k, 2)
    parts = _Parts("folds", f"{k} folds", size, k, np.full(k, 1 / k), seed)
    return _divide(by, parts, (membership, groups, names))


@dataclasses.dataclass(frozen=True)
class _Parts:
    """What is asked for; `shares` has one more for what is left out, if anything is."""

    who: str
    text: str
    size: int
    count: int
    shares: Shares
    seed: int
    exact: bool = False

    @property
    def key(self) -> int:
        return fold(fold(0, _SPLIT), _check.integer(self.who, "seed", self.seed, 0, SEED_LIMIT))

    def of(self, total: int | Rows) -> Shares:
        """The share of each part in a total, or in each of totals (n,): (n, parts)."""
        return np.round(np.asarray(total)[..., None] * self.shares, _DIGITS)

    def lack(self, want: str, got: object, remedy: str) -> JaxaugError:
        return JaxaugError(self.who, f"{want} for all {self.text}", str(got), remedy)

    def lack_class(self, name: str, got: object) -> JaxaugError:
        remedy = "Add records, leave the class out by subset(), ask for fewer or more equal parts,"
        got, remedy = f"{got} in class {name!r}", f"{remedy} or pass by='random'."
        return self.lack("every class to have records", got, remedy)

    def check_reach(self, found: NDArray[np.integer], names: Sequence[str]) -> None:
        """Complains of the first class that a part has none of; `found` is (classes, parts)."""
        lacks = found.any(axis=1) & ~found[:, : self.count].all(axis=1)
        for number in np.flatnonzero(lacks).tolist():
            raise self.lack_class(names[number], found[number].sum())


def _asked(sizes: Sequence[float], size: int, seed: int) -> _Parts:
    """The sizes, checked."""
    real = np.ndim(sizes) == 1 and all(isinstance(x, numbers.Real) and x is not True for x in sizes)
    whole = {isinstance(each, numbers.Integral) for each in sizes} if real else set()
    exact, limit = whole == {True}, size if whole == {True} else 1
    values = tuple(int(each) if exact else float(each) for each in sizes) if real else ()
    total = math.fsum(values)
    if len(whole) != 1 or not min(values) > 0 or not total <= limit + 1e-9:
        want = "fractions above 0 that sum to at most 1, or whole numbers that sum to at most"
        got = f"{sizes!r}, which sum to {total:g}" if real else repr(sizes)
        remedy = "Pass one share for each part, such as (0.8, 0.2), or each part's size."
        raise JaxaugError("split", f"{want} {size}", got, remedy)
    shares = np.array([*values, limit - total][: None if limit - total > 1e-9 else -1]) / limit
    return _Parts("split", f"{len(values)} parts {values}", size, len(values), shares, seed, exact)


def _divide(by: str | None, parts: _Parts, given: _Given) -> tuple[Rows, ...]:
    """For each part its rows."""
    by = _way(by, parts, given)
    membership, groups, names = given
    if membership is None or "stratified" not in by:
        membership = Membership(np.zeros(0, np.int64), np.zeros(0, np.int32), parts.size, ())
    codes, values = (np.arange(parts.size), names) if groups is None else _codes(parts, groups)
    if by == "hash":
        place = _hashed(parts, values or ())[codes]
    elif groups is not None:
        place = _grouped(parts, codes, values or (), membership)[codes]
    elif len(np.unique(membership.records)) == len(membership.records):
        place = _even(parts, membership)
    else:
        place = _iterative(parts, membership)
    found = np.zeros((len(membership.class_names), len(parts.shares)), np.int64)
    np.add.at(found, (membership.classes, place[membership.records]), 1)
    parts.check_reach(found, membership.class_names)
    rows = tuple(np.flatnonzero(place == part) for part in range(parts.count))
    for part, its in enumerate(rows):
        if not its.size:
            raise parts.lack("records", f"none in part {part}", "Ask for fewer or larger parts.")
    return rows


def _way(by: str | None, parts: _Parts, given: _Given) -> str:
    """The way of dividing, checked against what there is to go by."""
    known, (membership, groups, names) = _WAYS[parts.who], given
    if by is None:
        by = "group" if groups is not None else "random" if membership is None else "stratified"
    want, got, remedy = "", f"by={by!r}", ""
    if by not in known:
        want, got = f"by to be one of {', '.join(map(repr, known))}", repr(by)
        close = difflib.get_close_matches(str(by), known, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Pass one of them."
    elif "stratified" in by and (membership is None or not membership.records.size):
        want, got = "records with classes", f"{got} and none"
        remedy = f"Pass by={'group' if 'group' in by else 'random'!r}, or a source with labels."
    elif "group" in by and groups is None:
        want, got, remedy = "groups", f"{got} and none", "Pass group=, a value for each record."
    elif groups is not None and by in ("stratified", "random"):
        want = "a way of dividing that keeps groups together"
        remedy = f"Pass by={'stratified-group' if by == 'stratified' else 'group'!r}."
    elif by == "hash" and groups is None and names is None:
        want, got, remedy = "names", f"{got} and none", "Pass group=, or by='random'."
    elif by == "hash" and parts.exact:
        want, got, remedy = "fractions for by='hash'", parts.text, "Pass shares such as (0.8, 0.2)."
    if want:
        raise JaxaugError(parts.who, want, got, remedy)
    return by


def _even(parts: _Parts, membership: Membership) -> Rows:
    """Each class in proportion, for at most one class a record; having none counts as one."""
    names = membership.class_names
    labels = np.full(parts.size, len(names))
    labels[membership.records] = membership.classes
    totals = np.bincount(labels, minlength=len(names))
    exact = parts.of(totals)
    low, high = np.floor(exact).astype(np.int64), np.ceil(exact).astype(np.int64)
    counts, deficit = np.empty_like(low), np.zeros(len(parts.shares))
    for number, total in enumerate(totals.tolist()):
        counts[number] = _quota(exact[number], total, parts.count, deficit)
    parts.check_reach(counts[: len(names)], names)
    held = totals[: len(names), None]
    low[: len(names), : parts.count] = np.maximum(low[: len(names), : parts.count], held > 0)
    size = parts.of(parts.size)
    if not _level(counts, (low, high), (np.floor(size), np.ceil(size))) and parts.exact:
        least = int(np.argmin(np.where(held > 0, held, parts.size)))
        got = f"{np.count_nonzero(held)} classes, the smallest of them with {totals[least]}"
        raise parts.lack_class(names[least], got)
    place = np.empty(parts.size, np.int64)
    order = np.argsort(labels, kind="stable")
    for number, members in enumerate(np.split(order, np.cumsum(totals)[:-1])):
        if count := len(members):
            turn = permute(np.arange(count, dtype=np.uint64), count, fold(parts.key, number))
            part = np.repeat(np.arange(len(parts.shares)), counts[number])
            place[members[turn.astype(np.int64)]] = part
    return place


def _quota(exact: Shares, total: int, required: int, deficit: Shares) -> Rows:
    """Whole numbers that sum to `total`, each the floor or the ceiling of `exact`.

    What is left over goes first to required parts that would have none, then to those that have
    been given least so far, which `deficit` keeps account of.
    """
    counts = np.floor(exact).astype(np.int64)
    deficit += exact - counts
    left = total - int(counts.sum())
    empty = (counts == 0) & (np.arange(len(exact)) < required)
    order = np.lexsort((-np.round(deficit, 9), exact == counts, ~empty))  # last key first
    counts[order[:left]] += 1
    deficit[order[:left]] -= 1
    return counts


def _level(counts: Rows, cells: tuple[Rows, Rows], sums: tuple[Any, Any]) -> bool:
    """Changes counts (classes, parts) until sums over classes are in bounds; whether they are.

    A step moves one record of one class to another part. The shortest way from a part with too many
    to one with room is an augmenting path of the flow problem behind controlled rounding: without
    one, there is no solution. `cells` and `sums` are the least and most of each.
    """
    (low, high), (least, most) = cells, sums
    while True:
        now = counts.sum(axis=0)
        if (now > most).any():
            start, goal = now > most, now < most
        elif (now < least).any():
            start, goal = now > least, now < least
        else:
            return True
        way = _way_between(start, goal, (counts > low).T @ (counts < high))
        for here, there in pairwise(way):
            movable = (counts[:, here] > low[:, here]) & (counts[:, there] < high[:, there])
            counts[np.argmax(movable), [here, there]] += (-1, 1)
        if not way:
            return False


def _way_between(start: Any, goal: Any, edges: NDArray[np.bool_]) -> list[int]:
    """The shortest way along `edges` (from, to), or an empty list."""
    ways = {part: [part] for part in np.flatnonzero(start).tolist()}
    for here, way in (queue := list(ways.items())):
        if goal[here]:
            return way
        for there in np.flatnonzero(edges[here]).tolist():
            if there not in ways:
                ways[there] = [*way, there]
                queue.append((there, ways[there]))
    return []


def _iterative(parts: _Parts, membership: Membership) -> Rows:
    """Iterative stratification, for several classes a record.

    The class with the fewest records left comes first; each of its records goes to the part that
    wants most of that class, among equals to the one that has most room (Sechidis, Tsoumakas and
    Vlahavas, On the stratification of multi-label data, ECML 2011). Unlike there, a part that is
    full takes no more, so that sizes are exact, and every part wants at least one of each class.
    """
    size, records, totals = parts.size, membership.records, membership.counts
    turn = permute(np.arange(size, dtype=np.uint64), size, parts.key)
    by_class = np.lexsort((turn[records], membership.classes))
    members = np.split(records[by_class], np.cumsum(totals)[:-1])
    ends = np.searchsorted(records, np.arange(size + 1)).tolist()
    classes = membership.classes.tolist()
    wants = parts.of(totals)
    wants[:, : parts.count] = np.maximum(wants[:, : parts.count], 1)
    wants = wants.tolist()
    room = _quota(parts.of(size), size, parts.count, np.zeros(len(parts.shares))).tolist()
    place, left = np.full(size, -1), totals.copy()
    while left.any():
        rarest = int(np.argmin(np.where(left > 0, left, size + 1)))
        touched: list[int] = []
        for record in members[rarest][place[members[rarest]] < 0].tolist():
            best = max((wants[rarest][part], free, -part) for part, free in enumerate(room) if free)
            place[record] = part = -best[-1]
            room[part] -= 1
            its = classes[ends[record] : ends[record + 1]]
            for number in its:
                wants[number][part] -= 1
            touched += its
        left -= np.bincount(touched, minlength=len(left))
    bare = np.flatnonzero(place < 0)  # records without a class fill what is free
    place[bare[np.argsort(turn[bare])]] = np.repeat(np.arange(len(room)), room)
    return place


def _grouped(parts: _Parts, codes: Rows, values: Any, membership: Membership) -> Rows:
    """The part of each group, so that all parts have nearly what they want of each kind of record.

    Kinds are the classes and, last, all records. The largest groups come first, as in
    scikit-learn's `StratifiedGroupKFold`, equal ones in an order drawn from the key. Each goes to
    the part that has, with half of it, the lowest level: `have / wanted` averaged over its kinds.
    Where no more groups of a kind are left than parts that lack it, those parts come before.
    """
    if len(values) < parts.count:
        got = f"{len(values)}: {', '.join(values)}"
        raise parts.lack("enough groups", got, "Ask for fewer, or pass smaller groups.")
    kinds = len(membership.class_names) + 1
    cells = np.append(codes[membership.records], codes) * kinds
    cells += np.append(membership.classes, np.full(parts.size, kinds - 1))
    cells, counts = np.unique(cells, return_counts=True)
    group, kind = np.divmod(cells, kinds)
    unplaced = np.bincount(kind, minlength=kinds)  # groups that have records of a kind
    for few in np.flatnonzero((unplaced > 0) & (unplaced < parts.count)):
        raise parts.lack_class(membership.class_names[few], f"records of {unplaced[few]} groups")
    totals = np.bincount(kind, counts, minlength=kinds)
    weights = counts / totals[kind]
    drawn = fold(parts.key, np.arange(len(values), dtype=np.uint64))
    order = np.lexsort((drawn, -np.bincount(group, weights**2))).tolist()
    ends = np.searchsorted(group, np.arange(len(values) + 1)).tolist()
    wanted = np.multiply.outer(totals, parts.shares)
    have, need = np.zeros(wanted.shape, np.int64), np.zeros(len(parts.shares))
    place = np.empty(len(values), np.int64)
    for number in order:
        here = slice(ends[number], ends[number + 1])
        its, amount, weight = kind[here], counts[here, None], weights[here, None]
        lacks = have[its, : parts.count] == 0
        need[: parts.count] = (lacks & (unplaced[its, None] <= lacks.sum(1)[:, None])).sum(0)
        level = (weight * (2 * have[its] + amount) / wanted[its]).sum(0) / weight.sum()
        place[number] = part = np.lexsort((np.round(level, 12), -need))[0]
        have[its, part] += amount[:, 0]
        unplaced[its] -= 1
    return place


def _hashed(parts: _Parts, values: Sequence[str]) -> Rows:
    """The place of each value's keyed 64-bit hash in the range that the parts share."""
    secret = parts.key.to_bytes(8, "little")
    encoded = (text.encode("utf-8", "surrogateescape") for text in values)
    digests = [blake2b(text, digest_size=8, key=secret).digest() for text in encoded]
    draws = np.frombuffer(b"".join(digests), "<u8") / 2.0**64
    return np.searchsorted(np.cumsum(parts.shares)[:-1], draws, side="right")


def _codes(parts: _Parts, groups: NDArray[Any]) -> tuple[Rows, Sequence[str]]:
    """The number of each record's group, and the groups as text, in ascending order."""
    groups = np.asarray(groups)
    if groups.shape != (parts.size,):
        want, got = f"a group for each of {parts.size} records", f"an array of shape {groups.shape}"
        raise JaxaugError(parts.who, want, got, "Pass one value for each record.")
    texts: Any = groups if groups.dtype.kind in "iuU" else [_text(each) for each in groups.tolist()]
    if (rows := np.flatnonzero([text is None for text in texts])).size:
        first = ", ".join(map(str, rows[:5]))
        want = "every record's group to be a string or a whole number"
        got = f"others, such as {groups[rows[0]]}, in {rows.size} of {parts.size} rows: {first}"
        remedy = "Fill them in, or leave these records out with subset()."
        raise JaxaugError(parts.who, want, got, remedy)
    values, codes = np.unique(texts, return_inverse=True)
    return codes.astype(np.int64), [str(value) for value in values.tolist()]


def _text(value: object) -> str | None:
    """A string or a whole number, of which pandas makes floats, as text; None for others."""
    if isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return value if isinstance(value, str) else None
