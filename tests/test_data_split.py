"""Splits and folds: laws, nearness to what was asked, stability, and scikit-learn as a measure."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import model_selection as sk

from jaxaug._types import JaxaugError
from jaxaug.data._membership import Membership
from jaxaug.data._order._split import folds, split

GOLDEN_HASH = [1, 1, 0, 0, 0, -1, 1, 0, -1, 0, 1, 0]
GOLDEN_GROUP = [3, 4, 5, 7, 14]

quick = settings(max_examples=40, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**64 - 1)


def several(table):
    records, classes = np.nonzero(table)
    names = tuple(f"c{number}" for number in range(table.shape[1]))
    return Membership(records, classes.astype(np.int32), len(table), names)


def one(labels):
    """Membership of records with one class each, or none where the label is negative."""
    return several(labels[:, None] == np.arange(labels.max() + 1))


def check(parts, size, *, covering):
    together = np.sort(np.concatenate(parts))
    assert all(part.dtype == np.int64 and part.size and (np.diff(part) > 0).all() for part in parts)
    assert together[0] >= 0 and together[-1] < size and (np.diff(together) > 0).all()
    assert len(together) == size or not covering


def counts(labels, parts):
    return np.array([np.bincount(labels[part], minlength=labels.max() + 1) for part in parts])


@st.composite
def problems(draw):
    """Labels with 10 to 40 records a class (-1: no class), and shares from 0.1 up."""
    sizes = draw(st.lists(st.integers(10, 40), min_size=1, max_size=8))
    labels = np.repeat(np.arange(-1, len(sizes)), [draw(st.integers(0, 9)), *sizes])
    weights = np.array(draw(st.lists(st.integers(2, 6), min_size=2, max_size=4)))
    labels = labels[np.random.default_rng(draw(st.integers(0, 9))).permutation(len(labels))]
    return labels, weights / (weights.sum() + draw(st.sampled_from([0, 2])))


@quick
@given(problems(), st.booleans(), SEEDS)
def test_every_class_and_every_size_is_within_one_record(problem, whole, seed):
    labels, shares = problem
    size = len(labels)
    sizes = np.floor(shares * size).astype(int) if whole else shares
    shares = sizes / size if whole else shares
    for by in ("stratified", "random"):
        parts = split(by, sizes.tolist(), size=size, membership=one(labels), seed=seed)
        check(parts, size, covering=shares.sum() > 1 - 1e-9)
        off = np.abs([len(part) for part in parts] - shares * size)
        assert off.max() < (1e-9 if whole else 1 - 1e-9)
        off = np.abs(counts(labels + 1, parts) - np.outer(shares, np.bincount(labels + 1)))
        assert by == "random" or off.max() < 1 - 1e-9


@quick
@given(problems(), st.integers(2, 10), SEEDS)
def test_folds_differ_by_at_most_one_record_in_each_class_and_in_all(problem, k, seed):
    labels, _ = problem
    for by in (None, "random"):
        parts = folds(by, k, size=len(labels), membership=one(labels), seed=seed)
        check(parts, len(labels), covering=True)
        assert np.ptp([len(part) for part in parts]) <= 1
        assert by or np.ptp(counts(labels + 1, parts), axis=0).max() <= 1


@quick
@given(st.integers(8, 30), st.integers(0, 99), st.sampled_from(["group", "stratified-group"]))
def test_groups_stay_together_and_reach_every_part(number, seed, by):
    random = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(number), random.integers(0, number, 100)])
    facts = {"size": len(groups), "membership": one(groups % 2), "seed": seed}
    for kind in (str, np.int64, float):
        named = np.array([kind(group) for group in groups], object)
        parts = split(by, (0.6, 0.2, 0.01), groups=named, **facts)
        check(parts, len(groups), covering=False)
        assert sum(len(set(groups[part])) for part in parts) == len(set(groups[np.hstack(parts)]))
        assert by == "group" or counts(groups % 2, parts).all()
    check(folds(by, 4, groups=groups, **facts), len(groups), covering=True)


def test_a_whole_number_is_exact_or_refused_and_a_fraction_gives_way():
    facts = {"size": 40, "membership": one(np.repeat(np.arange(20), 2))}
    for sizes in ((0.9, 0.1), (20, 20)):
        assert [len(part) for part in split(None, sizes, **facts)] == [20, 20]
    with pytest.raises(JaxaugError, match=r"all 2 parts \(36, 4\), got 20 classes, the smallest"):
        split(None, (36, 4), **facts)


def paper(table, shares):
    """Iterative stratification as printed: no limit on sizes."""
    random, room = np.random.default_rng(0), len(table) * np.array(shares)
    want, place = np.outer(table.sum(0), shares), np.full(len(table), -1)
    while (left := table[place < 0].sum(0)).any():
        label = np.argmin(np.where(left > 0, left, len(table) + 1))
        for row in np.flatnonzero((place < 0) & table[:, label]):
            part = place[row] = np.lexsort((random.random(len(shares)), -room, -want[label]))[0]
            want[table[row], part] -= 1
            room[part] -= 1
    return [np.flatnonzero(place == part) for part in range(len(shares))]


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.7, 0.15, 0.15), (0.1,) * 10])
def test_several_labels_are_as_even_as_in_the_paper_and_sizes_exact(shares):
    table = np.random.default_rng(1).random((1000, 12)) < np.geomspace(0.8, 0.03, 12)
    parts = split("stratified", shares, size=1000, membership=several(table))
    check(parts, 1000, covering=True)
    assert [len(part) for part in parts] == [round(1000 * share) for share in shares]

    def unevenness(parts):
        found = [table[part].sum(0) / table.sum(0) for part in parts]
        return np.abs(np.array(found) - np.array(shares)[:, None]).mean()

    assert unevenness(parts) <= 1.25 * unevenness(paper(table, shares))
    assert unevenness(parts) < 0.3 * unevenness(split("random", shares, size=1000))


def test_rare_labels_reach_small_parts():
    table = several(np.arange(40)[:, None] % (1, 10) == 0)
    assert [len(part) for part in split(None, (0.95, 0.05), size=40, membership=table)] == [38, 2]


def test_a_name_alone_decides_the_part_of_its_record():
    names = [f"cat/{number}.jpg" for number in range(3000)] + ["\udcff.png", "é.png"]
    order = np.random.default_rng(0).permutation(len(names))[:2000]

    def place(names, **options):
        found = np.full(len(names), -1)
        parts = split("hash", (0.5, 0.3), size=len(names), names=names, **options)
        for part, rows in enumerate(parts):
            found[rows] = part
        return found

    whole = place(names)
    assert whole[:12].tolist() == GOLDEN_HASH
    np.testing.assert_array_equal(place([names[row] for row in order]), whole[order])
    assert (np.abs(np.bincount(whole + 1) / len(names) - (0.2, 0.5, 0.3)) < 0.045).all()  # 5 sigma
    assert abs((place(names, seed=1) == whole).mean() - 0.38) < 0.045  # if they are independent
    groups = np.arange(len(names)) // 7
    by_group = place(names, groups=groups)
    np.testing.assert_array_equal(by_group, by_group[groups * 7])
    np.testing.assert_array_equal(by_group[groups > 9], place(names[70:], groups=groups[70:]))


@pytest.mark.parametrize("by", ["stratified", "random", "group", "stratified-group"])
def test_the_seed_decides_and_nothing_else(by):
    groups = np.arange(60) // 4 if "group" in by else None
    facts = {"size": 60, "membership": one(np.arange(60) % 3), "groups": groups}
    first, again, other = ([*map(list, folds(by, 3, seed=seed, **facts))] for seed in (0, 0, 1))
    assert first == again != other
    assert by != "stratified-group" or [row // 4 for row in first[0][::4]] == GOLDEN_GROUP


def test_no_less_even_than_scikit_learn():
    random = np.random.default_rng(0)
    ours, theirs = np.zeros((2, 3, 2))
    for seed in range(12):
        groups = random.choice(60, 600, p=random.dirichlet(np.ones(60)))
        habits = random.dirichlet(np.full(4, 0.5), 60).cumsum(1)  # of each group, for some classes
        labels = (habits[groups] < random.random((600, 1))).sum(1).clip(max=3)
        facts = {"size": 600, "membership": one(labels), "seed": seed}
        grouped = facts | {"groups": groups}
        once = sk.StratifiedShuffleSplit(1, test_size=0.2, random_state=seed)
        both = sk.StratifiedGroupKFold(5).split(labels, labels, groups)
        pairs = [
            (split(None, (0.8, 0.2), **facts)[1:], once.split(labels, labels)),
            (folds(None, 5, **facts), sk.StratifiedKFold(5).split(labels, labels)),
            (folds("stratified-group", 5, **grouped), both),
        ]
        for case, (mine, others) in enumerate(pairs):
            for total, parts in ((ours, mine), (theirs, [test for _, test in others])):
                found = counts(labels, parts)
                shares = found / np.bincount(labels), found.sum(1) / 600
                total[case] += [np.abs(share - 0.2).mean() for share in shares]
        others = sk.GroupKFold(5).split(labels, groups=groups)
        assert max(map(len, folds("group", 5, **grouped))) <= max(len(test) for _, test in others)
    assert (ours <= 1.05 * theirs + 1e-9).all(), (ours, theirs)


FEW = {"membership": one(np.array([0, 0, 0, 0, 0, 1]))}
SIX = {"groups": np.arange(6)}
GAPS = {"groups": np.array(["a", "b", None, "b", float("nan"), "a"], object)}
NAMES = {"names": list("abcdef")}


@pytest.mark.parametrize(
    ("by", "sizes", "facts", "text"),
    [
        ("stratified", (0.5, 0.5), FEW, r"every class .* got 1 in class 'c1'\. Add"),
        ("stratified", (3, 3), FEW, r"parts \(3, 3\), got 1 in class 'c1'"),
        ("stratified", (0.5, 0.5), {}, r"records with classes, .*Pass by='random'"),
        ("stratified-group", (0.5, 0.5), FEW | SIX, r"got records of 1 groups in class 'c1'"),
        ("group", (0.5, 0.5), {}, r"groups, got by='group' and none\. Pass group="),
        ("group", (0.5, 0.5), GAPS, r"others, such as None, in 2 of 6 rows: 2, 4\."),
        ("group", (0.4, 0.3, 0.3), {"groups": np.arange(6) % 2}, r"enough groups .* got 2: 0, 1\."),
        ("group", (0.5, 0.5), {"groups": np.arange(5)}, r"each of 6 records, got .* shape \(5,\)"),
        ("random", (0.5, 0.5), SIX, r"keeps groups .* Pass by='group'"),
        ("random", (0.9, 0.05, 0.05), {}, r"records for all 3 parts .* got none in part 2"),
        ("hash", (0.999, 0.001), NAMES, r"none in part 1"),
        ("hash", (3, 3), NAMES, r"fractions for by='hash'"),
        ("hash", (0.5, 0.5), {}, r"names, got by='hash' and none"),
        ("stratifed", (0.5, 0.5), {}, r"got 'stratifed'\. Did you mean 'stratified'\?"),
        ("random", (0.8, 0.3), {}, r"at most 1, .* sum to 1\.1\. Pass one share"),
        ("random", (5, 2), {}, r"at most 6, got \(5, 2\), which sum to 7"),
        *[("random", sizes, {}, r"fractions above 0 .* or whole numbers")
          for sizes in ((0.5, 3), (0.5, 0.0), (0.5, np.nan), (True, True), (3, -1), (), "ab")],
        ("hash", 2, NAMES, r"by to be one of"),
        ("random", 7, {}, r"records for all 7 folds, got none in part 6"),
        ("stratified", 2, FEW, r"every class .* all 2 folds, got 1 in class 'c1'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(by, sizes, facts, text):
    divide = folds if isinstance(sizes, int) else split
    with pytest.raises(JaxaugError, match=rf"^{divide.__name__}: expected .*{text}"):
        divide(by, sizes, size=6, **facts)
