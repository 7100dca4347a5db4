"""Which record comes when: permutations, epochs, batches, splits."""

import itertools
import pickle

import numpy as np
import pytest

import jaxaug.data as jd
from jaxaug.data._membership import Membership
from jaxaug.data._order._batches import Batches
from jaxaug.data._order._permutation import fold, permute
from jaxaug.data._order._split import split

SIZES = [1, 2, 3, 4, 5, 7, 10, 100, 1023, 1024, 1025, 1026, 4096, 4097, 65_537]
GOLDEN_SMALL = [9, 5, 8, 0, 2, 1, 7, 3, 4, 6, 8, 0, 1, 4, 2, 7, 5, 9, 6, 3]
GOLDEN_LARGE = [5595571, 8139262, 386468, 5076236, 6013070, 2974051]
GOLDEN_SPLIT = [0, 3, 4, 5, 6, 11, 12, 13, 15, 19]


def stratified(labels, class_names, fractions, seed):
    """Divides records that have one class each, by fractions only, of which 1 is everything."""
    if np.ndim(fractions) == 1:
        fractions = [float(each) if isinstance(each, int) else each for each in fractions]
    membership = Membership.of(labels, tuple(class_names))
    return split("stratified", fractions, size=len(labels), membership=membership, seed=seed)


@pytest.mark.parametrize("size", SIZES)
def test_every_epoch_is_a_permutation_and_epochs_differ(size):
    rows, visits = jd.Plan(size, seed=3)(range(3 * size))
    assert (rows.dtype, visits.dtype) == (np.int64, np.uint32)
    epochs = rows.reshape(3, size)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(size))
    np.testing.assert_array_equal(visits, np.repeat(np.arange(3), size))
    if size >= 10:
        assert (epochs[0] == epochs[1]).mean() < 0.5
        assert (epochs[1] == epochs[2]).mean() < 0.5


@pytest.mark.parametrize("size", [7, 1024, 1025, 10_000_000, 2**32])
def test_one_position_at_a_time_and_all_at_once_agree(size):
    plan = jd.Plan(size, seed=2**64 - 1)
    positions = [0, 1, size - 1, size, 2 * size - 1, 5 * size + size // 3, 1000 * size]
    rows, visits = plan(positions)
    assert [plan(position) for position in positions] == list(zip(rows, visits, strict=True))
    assert all(type(number) is int for number in plan(3))
    if size < 2000:  # all of them: some go round more than once
        assert sorted(plan(position)[0] for position in range(size)) == list(range(size))
    for position, row in zip(positions, rows, strict=True):  # as a batch of one epoch
        assert plan([position, position])[0].tolist() == [row, row]


def test_orders_are_fixed_for_good():
    """Seeds name orders in papers and checkpoints: a change here breaks every one of them."""
    assert jd.Plan(10, seed=0)(range(20))[0].tolist() == GOLDEN_SMALL
    assert (
        jd.Plan(10_000_000, seed=7)(range(10_000_000 - 3, 10_000_000 + 3))[0].tolist()
        == GOLDEN_LARGE
    )


@pytest.mark.parametrize("size", [7, 10, 1000, 2000])
def test_each_record_is_equally_likely_at_each_position(size):
    epochs = 200_000 // size if size >= 1000 else 20_000
    per_cell = epochs / size if size < 1000 else None
    for place in (0, size // 2, size - 1):
        rows = jd.Plan(size, seed=11)(np.arange(epochs) * size + place)[0]
        cells = size if per_cell else 10  # many records: tenths of the range
        counts = np.bincount(rows * cells // size, minlength=cells)
        chi2 = ((counts - epochs / cells) ** 2 / (epochs / cells)).sum()
        assert abs(chi2 - (cells - 1)) < 5 * np.sqrt(2 * (cells - 1))


@pytest.mark.parametrize("size", [5, 1500])
def test_neighbours_do_not_stay_neighbours(size):
    epochs = 3_000_000 // size
    for start in range(0, epochs, 500):
        rows = jd.Plan(size, seed=1)(np.arange(start * size, (start + 500) * size))[0]
        steps = np.diff(rows.reshape(-1, size), axis=1) % size
        counts = np.bincount(steps.ravel(), minlength=size) + (counts if start else 0)
    expected = counts.sum() / (size - 1)
    assert abs(counts[1] - expected) < 5 * np.sqrt(expected)


def test_seeds_share_no_epoch_with_their_neighbours():
    orders = {
        tuple(jd.Plan(50, seed=seed)(range(epoch * 50, epoch * 50 + 50))[0].tolist())
        for seed in range(8)
        for epoch in range(8)
    }
    assert len(orders) == 64
    assert len({fold(key, word) for key in range(100) for word in range(100)}) == 10_000


def test_without_shuffling_rows_come_in_order():
    rows, visits = jd.Plan(4, shuffle=False)(range(6))
    assert (rows.tolist(), visits.tolist()) == ([0, 1, 2, 3, 0, 1], [0, 0, 0, 0, 1, 1])


def test_a_plan_is_a_small_value():
    plan = jd.Plan(10_000_000, seed=5)
    plan(3)
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert len(pickle.dumps(plan)) < 200
    assert len(plan) == 10_000_000


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((0,), ValueError), ((2**32 + 1,), ValueError), ((5, -1), ValueError),
     ((5, 2**64), ValueError),
     ((5.0,), TypeError), ((True,), TypeError), ((5, "a"), TypeError)],
)  # fmt: skip
def test_plan_arguments_are_checked(arguments, kind):
    with pytest.raises(kind, match=r"Plan: expected \w+ to be an integer, \d or more .*, got"):
        jd.Plan(*arguments)


def test_permute_takes_a_key_for_each_position():
    for size in (100, 5000):
        keys = np.array([3, 2**63, 3, 9], np.uint64)
        places = np.array([0, 1, 2, size - 1], np.uint64)
        expected = [permute(int(p), size, int(k)) for p, k in zip(places, keys, strict=True)]
        assert permute(places, size, keys).tolist() == expected


@pytest.mark.parametrize("shuffle", [False, True])
def test_remainders(shuffle):
    plan = jd.Plan(10, seed=1, shuffle=shuffle)
    ways = ("drop", "pad", "keep")
    drop, pad, keep = (Batches(plan, 10, 10, 4, way, (0, 4)) for way in ways)
    assert (len(drop), len(pad), len(keep)) == (2, 3, 3)
    for epoch in range(2):
        whole = plan(range(10 * epoch, 10 * epoch + 10))[0].tolist()
        got = [
            batches(len(batches) * epoch + i)
            for batches in (drop, keep)
            for i in range(len(batches))
        ]
        assert (
            list(itertools.chain.from_iterable(rows.rows.tolist() for rows in got[:2])) == whole[:8]
        )
        assert list(itertools.chain.from_iterable(rows.rows.tolist() for rows in got[2:])) == whole
        assert {visit for rows in got for visit in rows.visits.tolist()} == {epoch}
        assert all(rows.valid is None for rows in got)
        padded = [pad(3 * epoch + i) for i in range(3)]
        assert (
            list(itertools.chain.from_iterable(rows.rows.tolist() for rows in padded))
            == whole + whole[:2]
        )
        assert [rows.valid.tolist() for rows in padded] == [
            [True] * 4,
            [True] * 4,
            [True] * 2 + [False] * 2,
        ]
        assert {visit for rows in padded for visit in rows.visits.tolist()} == {epoch}
    assert Batches(jd.Plan(3, shuffle=False), 3, 3, 8, "pad", (0, 8))(0).rows.tolist() == [
        0,
        1,
        2,
        0,
        1,
        2,
        0,
        1,
    ]


LABELS = np.repeat(np.arange(4, dtype=np.int32), [503, 50, 17, 5])
NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    "fractions", [(0.8, 0.2), (0.7, 0.15, 0.15), (0.1, 0.2, 0.7), (1,), (0.5, 0.25), (1 / 3,) * 3]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_parts_are_disjoint_covering_and_stratified(fractions, seed):
    labels = np.random.Generator(np.random.PCG64(0)).permuted(LABELS)
    parts = stratified(labels, NAMES, fractions, seed)
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    if sum(fractions) > 0.999:
        assert len(together) == len(labels)
    for part, fraction in zip(parts, fractions, strict=True):
        assert (np.diff(part) > 0).all()
        exact = np.bincount(labels) * fraction
        assert (np.abs(np.bincount(labels[part], minlength=4) - exact) < 1).all()
        assert abs(len(part) - len(labels) * fraction) <= 2


def test_many_small_classes_leave_the_sizes_right():
    labels = np.repeat(np.arange(1000, dtype=np.int32), 5)
    parts = stratified(labels, [str(i) for i in range(1000)], (0.7, 0.3), 0)
    assert [len(part) for part in parts] == [3500, 1500]
    assert set(np.bincount(labels[parts[1]])) == {1, 2}


def test_a_split_depends_on_the_seed_and_the_labels_only():
    def split(seed, labels=LABELS):
        return [part.tolist() for part in stratified(labels, NAMES, (0.5, 0.5), seed)]

    assert split(0) == split(0)
    assert split(0) != split(1)
    np.random.seed(1)
    assert split(0) == split(0)
    train = stratified(np.zeros(20, np.int32), ["a"], (0.5, 0.5), 0)[0].tolist()
    assert train == GOLDEN_SPLIT


def test_members_are_drawn_at_random():
    counts = sum(
        np.bincount(stratified(np.zeros(10, np.int32), ["a"], (0.3, 0.7), seed)[0], minlength=10)
        for seed in range(3000)
    )
    assert (np.abs(counts - 900) < 5 * np.sqrt(900 * 0.7)).all()


def test_small_classes_reach_every_part_or_are_named():
    parts = stratified(LABELS, NAMES, (0.7, 0.15, 0.15), 0)
    assert [np.bincount(LABELS[part])[3] for part in parts] == [3, 1, 1]
    with pytest.raises(
        ValueError, match=r"split: expected every class .* got 1 in class 'b'\. Add"
    ):
        stratified(np.array([0, 0, 1], np.int32), ("a", "b"), (0.5, 0.5), 0)


@pytest.mark.parametrize(
    "fractions", [(), (0.5, 0), (0.5, -0.1), (0.8, 0.3), (0.5, float("nan")), (80, 20), 0.5, "ab"]
)
def test_bad_fractions_are_told_what_to_pass(fractions):
    with pytest.raises(
        (TypeError, ValueError), match=r"split: expected .*fractions.* \(0\.8, 0\.2\)"
    ):
        stratified(LABELS, NAMES, fractions, 0)


def test_fractions_that_float_addition_spoils_are_fine():
    assert sum((0.1, 0.2, 0.7)) != 1 or sum((0.7, 0.2, 0.1)) != 1
    for fractions in ((0.1, 0.2, 0.7), (0.7, 0.2, 0.1), (0.6, 0.3, 0.1)):
        assert sum(map(len, stratified(LABELS, NAMES, fractions, 0))) == len(LABELS)
