"""Balanced sampling: exact quotas, rounds of members, random access, weights of records."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from jaxaug.data._membership import Membership
from jaxaug.data._order._balance import balanced, table
from jaxaug.data._order._permutation import cycled, fold, permute
from jaxaug.data._order._quotas import Quotas
from jaxaug.data._order._shares import shares_of

NAMES = ("a", "b", "c", "d")
SORTED = np.repeat([0, 1, 2, 3], [5000, 500, 50, 5])
LABELS = SORTED[permute(np.arange(5555, dtype=np.uint64), 5555, 0)]
MEMBERSHIP = Membership.of(LABELS, NAMES)
EVEN = dict.fromkeys(NAMES, 1)
FORMS = ["uniform", "sqrt", 0, 0.3, 1, {"d": 1, "c": 2.5, "b": 0, "a": 3}]
one_class = lambda size: Membership.of(np.zeros(size, int), ("all",))
GOLDEN = [3075, 3171, 5267, 4978, 3167, 1822, 1017, 1397]


def plan_of(balance="uniform", epoch_size=1500, period=50, seed=1, shuffle=True, data=MEMBERSHIP):
    return balanced(data, balance, epoch_size=epoch_size, period=period, seed=seed, shuffle=shuffle)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("balance", FORMS, ids=str)
@pytest.mark.parametrize("period", [1500, 50, 6])
def test_quotas_are_exact_in_each_period_and_epoch(balance, period, shuffle):
    plan = plan_of(balance, period=period, shuffle=shuffle)
    classes = LABELS[plan(range(3 * 1500))[0]]
    for size in (period, 1500):
        counts = (classes.reshape(-1, size, 1) == range(4)).sum(1)
        assert (np.abs(counts - plan.shares * size) < 1).all()
    np.testing.assert_array_equal(counts, [plan.quotas.of_epoch(epoch) for epoch in range(3)])


@pytest.mark.parametrize("count", [2, 3, 7, 49, 1000])
def test_equal_classes_get_the_same(count):
    quotas = Quotas(np.full(count, 1 / count), 8 * 3 * count, 3 * count, 5)
    draws = [quotas.draw(np.arange(3 * count, dtype=np.uint64), period)[1] for period in range(20)]
    assert all((np.bincount(numbers) == 3).all() for numbers in draws)
    large = Quotas(np.full(count, 1 / count), 1_000_000 * count, 1_000_000 * count, None)
    assert all((large.of_epoch(epoch) == 1_000_000).all() for epoch in (0, 1, 2**31))


@pytest.mark.parametrize("first", [0, 5 * 2**20 - 1, 2**32 - 2])
@pytest.mark.parametrize("periods", [1, 3, 8])
def test_draws_of_a_class_are_counted_without_gap(first, periods):
    shares = np.random.Generator(np.random.PCG64(1)).dirichlet(np.full(9, 2.0))
    quotas = Quotas(np.insert(shares, 4, 0), 24 * 7, 24 * 7 // periods, 3)
    slots = np.arange(24 * 7 // periods, dtype=np.uint64)
    found = [quotas.draw(slots, period) for period in range(first * periods, (first + 9) * periods)]
    draws, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    for number, share in enumerate(np.insert(shares, 4, 0)):
        mine = np.sort(draws[numbers == number]).astype(np.int64)
        assert (np.diff(mine) == 1).all()
        assert bool(mine.size) == bool(share)
        if mine.size:  # 2**-20 is what shares are rounded to
            assert abs(mine[0] - share * first * 24 * 7) <= 2**-19 * first + (first > 0)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("period", [1500, 50])
def test_members_come_in_rounds(period, shuffle):
    plan = plan_of("sqrt", period=period, shuffle=shuffle)
    for epochs in (1, 6):
        rows, visits = plan(range(epochs * 1500))
        assert len(np.unique(np.stack([rows, visits]), axis=1).T) == len(rows)
        for number in range(4):
            mine = LABELS[rows] == number
            times = np.bincount(rows[mine], minlength=len(LABELS))[number == LABELS]
            assert times.max() - times.min() <= 1
            # A record's visits are 0, 1, 2, ...: each round has everyone before the next begins.
            assert (np.bincount(visits[mine])[:-1] == (number == LABELS).sum()).all()


@pytest.mark.parametrize("shuffle", [False, True])
def test_any_position_any_order_any_thread_any_process(shuffle):
    plan = plan_of("sqrt", period=30, shuffle=shuffle)
    rows, visits = plan(range(4500))
    order = permute(np.arange(4500, dtype=np.uint64), 4500, 2)
    fresh = pickle.loads(pickle.dumps(plan))
    assert all(type(number) is int for number in fresh(np.int64(7)))
    one_by_one = [fresh(position) for position in order[:200].tolist()]
    assert one_by_one == list(zip(rows[order[:200]], visits[order[:200]], strict=True))
    np.testing.assert_array_equal(fresh(order), (rows[order], visits[order]))
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(pickle.loads(pickle.dumps(plan)), order.reshape(-1, 50)))
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), rows[order])
    assert [part.dtype for part in plan([])] == [np.int64, np.uint32]


def test_orders_are_fixed_for_good_and_seeds_differ():
    assert plan_of(epoch_size=8, period=4)(range(8))[0].tolist() == GOLDEN
    assert len({tuple(plan_of(seed=seed)(range(50))[0].tolist()) for seed in range(20)}) == 20


def test_without_shuffling_class_follows_class_and_members_keep_order():
    rows = plan_of(1, 5555, 5555, shuffle=False)(range(5555))[0]
    np.testing.assert_array_equal(rows, np.argsort(LABELS, kind="stable"))
    assert (np.diff(LABELS[plan_of(shuffle=False)(range(1500))[0]].reshape(-1, 50)) >= 0).all()


def test_classes_that_do_not_fit_in_a_batch_meet_in_all_combinations():
    data = Membership.of(np.arange(12).repeat(10), tuple("abcdefghijkl"))
    rows = plan_of(epoch_size=120, period=4, data=data)(range(40 * 120))[0]
    present = np.zeros((40 * 30, 12))
    present[np.arange(len(rows)) // 4, rows // 10] = 1
    together = (present.T @ present)[np.triu_indices(12, 1)]
    assert together.min() > 0.3 * together.mean()


def test_a_plan_cycles_as_permute_does():
    rng = np.random.Generator(np.random.PCG64(3))
    sizes = np.append(rng.integers(1, 3000, 300), [1, 1023, 1024, 1025, 2**32]).astype(np.uint64)
    draws, keys = (rng.integers(0, 2**top, 305, np.uint64) for top in (40, 64))
    each = list(zip(draws.tolist(), sizes.tolist(), keys.tolist(), strict=True))
    expected = [permute(draw % size, size, fold(key, draw // size)) for draw, size, key in each]
    assert cycled(draws, sizes, keys).tolist() == expected
    assert [cycled(*one) for one in each] == expected


@pytest.mark.parametrize("epoch_size", [300, 1000, 4000])
def test_weights_of_records_are_met_within_one(epoch_size):
    weights = np.random.Generator(np.random.PCG64(4)).exponential(size=1000) ** 2
    weights[::7] = 0
    plan = plan_of(weights, epoch_size, epoch_size, data=one_class(1000))
    assert {plan.quotas.of_epoch(epoch).sum() for epoch in (0, 2**32 - 1)} == {epoch_size}
    for epochs in (1, 8):
        times = np.bincount(plan(range(epochs * epoch_size))[0], minlength=1000) / epochs
        assert (np.abs(times - epoch_size * weights / weights.sum()) < 1.01 / epochs).all()


def test_records_side_by_side_do_not_take_turns():
    plan = plan_of(np.ones(2000), 1000, 1000, data=one_class(2000))
    assert 400 < (plan(range(1000))[0] % 2).sum() < 600


def test_a_million_weights():
    weights = np.random.Generator(np.random.PCG64(5)).random(10**6)
    plan = plan_of(weights, 10**6, 10**6, data=one_class(10**6))
    rows, _ = plan(range(3 * 10**6, 3 * 10**6 + 20_000))
    assert abs(weights[rows].mean() - 2 / 3) < 0.01


def test_records_of_several_classes_become_more_even():
    rng = np.random.Generator(np.random.PCG64(6))
    has = rng.random((3000, 5)) < [0.5, 0.3, 0.1, 0.05, 0.02]
    data = Membership(*np.nonzero(has), 3000, tuple("vwxyz"))
    for balance, power in (("uniform", 0), ("sqrt", 0.5), (dict.fromkeys([*"vwxyz", None], 2), 0)):
        sizes = np.append(has.sum(0), (~has.any(1)).sum())
        wanted = (np.c_[has, ~has.any(1)] * sizes ** (power - 1.0)).max(1)
        np.testing.assert_allclose(shares_of(data, balance), wanted / wanted.sum())
        plan = plan_of(balance, 3000, 3000, data=data)
        drawn = has[plan(range(3000))[0]].sum(0)
        assert drawn.max() / drawn.min() < 0.6 * has.sum(0).max() / has.sum(0).min()
        assert table(plan, data)["draws"].tolist() == drawn.tolist()


def test_records_without_a_class_are_one():
    data = Membership(np.arange(90), np.zeros(90, np.int32), 100, ("a", "none of them"))
    np.testing.assert_array_equal(shares_of(data, "uniform"), [0.5, 0, 0.5])
    plan = plan_of({"a": 3, "none of them": 0, None: 1}, 40, 8, data=data)
    assert ((plan(range(80))[0] >= 90).reshape(-1, 8).sum(1) == 2).all()
    assert table(plan, data)["draws"].tolist() == [30, 0]


def test_the_table_says_what_is_drawn():
    plan = plan_of("sqrt")
    found = table(plan, MEMBERSHIP, epoch=2)
    drawn = np.bincount(LABELS[plan(range(3000, 4500))[0]])
    records = np.array([5000, 500, 50, 5])
    expected = [records, records**0.5 / (records**0.5).sum(), drawn, drawn / 1500, drawn / records]
    np.testing.assert_allclose(found.loc[[*NAMES]], np.transpose(expected))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [({"balance": "unifrom"}, TypeError, "got 'unifrom'"),
     ({"balance": None}, TypeError, "got None"), ({"balance": True}, TypeError, "got True"),
     ({"balance": 1.5}, ValueError, "got 1.5"), ({"balance": np.nan}, ValueError, "got nan"),
     ({"balance": {"a": 1, "b": 1, "c": 1}}, ValueError, r"none for \['d'\]"),
     ({"balance": EVEN | {"dd": 1}}, ValueError, "Did you mean 'd'"),
     ({"balance": EVEN | {"q": 1}}, ValueError, "The classes are"),
     ({"balance": dict.fromkeys(NAMES, 0)}, ValueError, "one above 0, got zeros"),
     ({"balance": EVEN | {"b": -1}}, ValueError, r"got -1\.0 at position 1"),
     ({"balance": EVEN | {"b": "x"}}, TypeError, "Pass numbers"),
     ({"balance": np.ones(7)}, ValueError, "each of 5555 records, got 7 weights"),
     ({"balance": np.full(5555, np.inf)}, ValueError, "got inf at position 0"),
     ({"balance": np.ones((2, 2))}, TypeError, "array"), ({"seed": -1}, ValueError, "seed"),
     ({"epoch_size": 1501}, ValueError, r"whole 50s, got 1501\. Pass epoch_size=1500"),
     ({"balance": np.ones(5555), "seed": "a"}, TypeError, "seed"), ({"period": 0}, ValueError, "0"),
     ({"data": Membership.of(LABELS, (*NAMES, "e")), "balance": EVEN | {"e": 1}},
      ValueError, "records where weights are, got none in 'e'")],
)  # fmt: skip
def test_errors_say_what_to_pass(arguments, kind, message):
    with pytest.raises(kind, match=f"^balance: expected .*{message}"):
        plan_of(**arguments)
