"""Batches: the same for any number of threads, on the device, and no thread left behind."""

import io
import itertools
import os
import pickle
import subprocess
import sys
import threading

import grain
import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from PIL import Image

import jaxaug.data as jd

COUNTS = {"a": 9, "b": 7, "c": 5}
COLUMNS = {"image", "label", "index", "visit"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for label, (name, count) in enumerate(COUNTS.items()):
        (root / name).mkdir()
        for number in range(count):
            pixels = Image.new("RGB", (12, 10), (50 * label, 10 * number, 7))
            pixels.save(root / name / f"{number}.png")
    return jd.DirectorySource(root, image_size=(6, 8))


@pytest.fixture
def broken(source, tmp_path):
    for name in ("1.png", "2.png", "3.png", "4.png"):
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "a" / name)
    (tmp_path / "a" / "3.png").write_bytes(b"no image")
    return jd.DirectorySource(tmp_path, image_size=(6, 8))


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)  # ends by itself, or never
        assert not thread.is_alive(), thread


def numbers(batches):
    return [
        {name: np.asarray(column).tolist() for name, column in batch.items()} for batch in batches
    ]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def test_an_epoch_has_the_pixels_labels_and_identities_of_the_source(source):
    loader = jd.Loader(source, 4, seed=1)
    batches = list(loader)
    assert len(batches) == len(loader) == 5
    seen = []
    for batch in batches:
        assert {k: (v.dtype.name, v.shape) for k, v in batch.items()} == {
            "image": ("uint8", (4, 6, 8, 3)),
            "label": ("int32", (4,)),
            "index": ("uint32", (4,)),
            "visit": ("uint32", (4,)),
        }
        for image, label, index, visit in zip(
            *(np.asarray(batch[k]) for k in ("image", "label", "index", "visit")), strict=True
        ):
            record = source[int(index)]
            np.testing.assert_array_equal(image, record["image"])
            assert (label, visit) == (image[0, 0, 0] // 50, 0)
            seen.append(int(index))
    assert len(set(seen)) == 20


@pytest.mark.parametrize("remainder", ["drop", "pad", "keep"])
@pytest.mark.parametrize("device", [True, False])
def test_batches_do_not_depend_on_threads_or_prefetch(source, remainder, device):
    options = {"seed": 2, "remainder": remainder, "device": device}
    expected = numbers(jd.Loader(source, 4, threads=0, prefetch=0, **options).epoch(1))
    assert expected
    for threads in (0, 1, 2, 8):
        for prefetch in (0, 3):
            loader = jd.Loader(source, 4, threads=threads, prefetch=prefetch, **options)
            assert numbers(loader.epoch(1)) == expected


def test_each_loop_is_the_next_epoch_and_epochs_can_be_named(source):
    loader = jd.Loader(source, 5, seed=3, device=False)
    loops = [numbers(loader) for _ in range(3)]
    assert [batch["visit"] for loop in loops for batch in loop[:1]] == [[e] * 5 for e in range(3)]
    assert loops[0] != loops[1]
    again = loader.epoch(1)
    assert len(again) == len(loader)
    assert numbers(again) == numbers(again) == loops[1]
    assert numbers(loader)[0]["visit"] == [3] * 5  # not disturbed
    next(iter(loader))  # abandoned: counts as a loop
    assert numbers(loader)[0]["visit"] == [5] * 5
    assert numbers(jd.Loader(source, 5, seed=3, device=False)) == loops[0]
    assert numbers(jd.Loader(source, 5, seed=4, device=False)) != loops[0]


def test_remainder_modes(source):
    def shape(**options):
        loader = jd.Loader(source, 8, device=False, **options)
        batches = numbers(loader)
        assert len(batches) == len(loader)
        return [len(batch["index"]) for batch in batches], batches

    assert shape()[0] == [8, 8]
    assert shape(remainder="keep")[0] == [8, 8, 5]
    for options in ({"shuffle": False}, {"remainder": "pad"}):
        sizes, batches = shape(**options)
        assert sizes == [8, 8, 8]
        valid = flat(batch["valid"] for batch in batches)
        assert valid == [True] * 21 + [False] * 3
        index = flat(batch["index"] for batch in batches)
        assert sorted(index[:21]) == list(range(21))
        assert index[21:] == index[:3]
    in_order = flat(batch["index"] for batch in shape(shuffle=False)[1])
    assert in_order == [*range(21), 0, 1, 2]
    assert all("valid" not in batch for batch in shape(shuffle=False, remainder="drop")[1])


def test_evaluation_of_fewer_records_than_a_batch(source):
    (batch,) = jd.Loader(source.subset([4, 2]), 8, shuffle=False)
    assert batch["index"].tolist() == [4, 2, 4, 2, 4, 2, 4, 2]
    assert int(batch["valid"].sum()) == 2


def test_split_sources_keep_identities_in_batches(source):
    train, test = source.split((0.7, 0.3), seed=1)
    index = [
        i
        for part in (train, test)
        for batch in jd.Loader(part, 4, remainder="keep")
        for i in batch["index"].tolist()
    ]
    assert sorted(index) == list(range(21))
    assert test.class_names == source.class_names
    assert sum(test.class_counts.values()) == len(test)


def test_batches_are_jax_arrays_where_they_were_asked_for(source):
    batch = next(iter(jd.Loader(source, 4)))
    assert set(batch) == COLUMNS
    assert all(isinstance(column, jax.Array) for column in batch.values())
    assert not batch["image"].committed  # mixes with arrays of any device
    device = jax.devices()[-1]
    batch = next(iter(jd.Loader(source, 4, device=device)))
    assert batch["image"].devices() == {device}
    sharding = NamedSharding(jax.make_mesh((1,), ("data",)), PartitionSpec("data"))
    batch = next(iter(jd.Loader(source, 4, device=sharding)))
    assert all(column.sharding == sharding for column in batch.values())
    assert all(
        type(v) is np.ndarray for v in next(iter(jd.Loader(source, 4, device=False))).values()
    )


def test_the_default_device_and_shardings_of_many_devices():
    """In a process of its own, which has four devices."""
    program = """
import sys, tempfile, os, jax, numpy as np
from PIL import Image
from jax.sharding import NamedSharding, PartitionSpec as P
import jaxaug.data as jd
root = tempfile.mkdtemp()
os.mkdir(root + "/a")
for i in range(8):
    Image.new("L", (4, 4), i).save(f"{root}/a/{i}.png")
source = jd.DirectorySource(root, image_size=(4, 4))
with jax.default_device(jax.devices()[2]):
    batch = next(iter(jd.Loader(source, 4)))
assert batch["image"].devices() == {jax.devices()[2]}, batch["image"].devices()
sharding = NamedSharding(jax.make_mesh((4,), ("data",)), P("data"))
for batch in jd.Loader(source, 4, device=sharding):
    assert batch["label"].sharding == sharding
    assert [s.data.shape for s in batch["image"].addressable_shards] == [(1, 4, 4, 3)] * 4
try:
    jd.Loader(source, 6, device=sharding)
except ValueError as error:
    assert "a sharding that divides a batch of 6" in str(error)
else:
    raise SystemExit("6 records on 4 devices were accepted")
abandoned = iter(jd.Loader(source, 1, threads=2))
next(abandoned)  # and the program ends in the middle
"""
    env = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_batches_do_not_share_memory(source):
    """On a CPU a device array may be the NumPy buffer itself: it must never be written again."""
    loader = jd.Loader(source, 4, seed=1, threads=2)
    expected = numbers(loader.epoch(0))
    assert numbers(list(loader.epoch(0))) == expected
    columns = [v for b in jd.Loader(source, 4, device=False).epoch(0) for v in b.values()]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(columns) for b in columns[:i])
    for column in columns:
        column[...] = 0
    assert source.labels.any()
    assert numbers(loader.epoch(0)) == expected


@pytest.mark.parametrize("device", [True, False])
@pytest.mark.parametrize("threads", [0, 2])
def test_an_abandoned_iterator_leaves_no_thread(source, device, threads):
    before = set(threading.enumerate())
    iterator = iter(jd.Loader(source, 2, threads=threads, device=device))
    next(iterator)
    assert set(threading.enumerate()) - before or not (threads or device)
    del iterator
    with pytest.raises(KeyboardInterrupt):
        for _ in jd.Loader(source, 2, threads=threads, device=device):
            raise KeyboardInterrupt


@pytest.mark.parametrize("device", [True, False])
@pytest.mark.parametrize("threads", [0, 2])
def test_a_damaged_file_is_named_where_the_batch_is_asked_for(broken, device, threads):
    iterator = iter(jd.Loader(broken, 1, shuffle=False, threads=threads, device=device))
    assert [int(next(iterator)["index"][0]) for _ in range(2)] == [0, 1]
    with pytest.raises(jd.DecodeError, match=r"3\.png' \(not a JPEG.* begins with b'no image'"):
        next(iterator)
    with pytest.raises(StopIteration):  # it is over, and does not hang
        next(iterator)


def test_the_grain_dataset_is_there_for_grain_users(source):
    loader = jd.Loader(source, 4, seed=6, device=False)
    dataset = pickle.loads(pickle.dumps(loader.dataset()))
    assert isinstance(dataset, grain.MapDataset)
    assert len(dataset) == len(loader)
    two = numbers(loader.epoch(0)) + numbers(loader.epoch(1))
    assert numbers(dataset.repeat(2)[i] for i in range(10)) == two
    assert numbers(dataset.repeat(2)[7:][i] for i in range(3)) == two[7:]  # resumes in mid-epoch
    assert numbers(loader.dataset(1)[i] for i in range(5)) == two[5:]
    labels = dataset.map(lambda batch: batch["label"])
    np.testing.assert_array_equal(labels[3], two[3]["label"])


def test_tqdm_knows_the_total(source):
    from tqdm import tqdm

    class Bar(tqdm):
        monitor_interval = 0  # no thread of its own

    for batches in (jd.Loader(source, 4), jd.Loader(source, 4).epoch(2)):
        with io.StringIO() as file, Bar(batches, file=file) as bar:
            assert bar.total == sum(1 for _ in bar) == 5


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size to be an integer, 1 or more .*, got 0"),
        ({"batch_size": 2.0}, TypeError, "batch_size to be an integer"),
        ({"batch_size": True}, TypeError, "batch_size to be an integer"),
        (
            {"batch_size": 22},
            ValueError,
            "records for at least one batch of 22, got 21, .*Pass remainder='pad'",
        ),
        ({"seed": -1}, ValueError, "seed to be an integer, 0 or more"),
        ({"threads": -1}, ValueError, "threads to be an integer, 0 or more"),
        ({"threads": 1.5}, TypeError, "threads to be an integer"),
        ({"prefetch": -1}, ValueError, "prefetch to be an integer, 0 or more"),
        (
            {"remainder": "wrap"},
            ValueError,
            "remainder to be one of 'drop', 'pad', 'keep', got 'wrap'",
        ),
        (
            {"device": "gpu"},
            ValueError,
            "device to be True, False, a jax.Device or a Sharding, got 'gpu'",
        ),
    ],
)
def test_arguments_are_checked(source, options, kind, message):
    with pytest.raises(kind, match=f"Loader: expected {message}"):
        jd.Loader(source, **{"batch_size": 4} | options)


def test_a_loader_of_something_else_says_what_it_wants(tmp_path):
    with pytest.raises(
        ValueError, match=r"Loader: expected a source of images, .* DirectorySource"
    ):
        jd.Loader(str(tmp_path), 4)


def test_repr(source):
    text = repr(jd.Loader(source, 4, seed=9))
    assert text.startswith("Loader(DirectorySource(")
    assert text.endswith(
        "batch_size=4, seed=9, shuffle=True, remainder='drop'): 5 batches an epoch"
    )


def test_names_are_sorted_and_complete():
    assert jd.__all__ == sorted(jd.__all__)
    public = {name for name, value in vars(jd).items() if name[0] != "_" and callable(value)}
    assert public == set(jd.__all__)
