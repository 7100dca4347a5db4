"""The stream: the same for any hosts, threads and processes; resumed exactly; on many devices."""

import itertools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from PIL import Image

import jaxaug.data as jd

COUNTS = {"a": 11, "b": 6, "c": 4}
OPTIONS = [
    {},
    {"remainder": "pad"},
    {"balance": "uniform"},
    {"balance": 0.5, "per_batch": True},
    {"epoch_size": 40},
    {"shuffle": False},
]


def write(root):
    for label, (name, count) in enumerate(COUNTS.items()):
        (root / name).mkdir()
        for number in range(count):
            pixels = Image.new("RGB", (12, 10), (50 * label, 10 * number, 7))
            pixels.save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return jd.DirectorySource(write(tmp_path_factory.mktemp("images")), image_size=(6, 8))


def numbers(batches):
    return [{k: np.asarray(v).tolist() for k, v in batch.items()} for batch in batches]


def loader(source, **options):
    return jd.Loader(source, 8, **{"seed": 3, "device": False} | options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_hosts_together_read_the_same_global_batches(source, options):
    whole = loader(source, **options)
    expected = numbers(whole.epoch(0)) + numbers(whole.epoch(1))
    for hosts in (2, 4, 8):
        parts = [loader(source, **options, shard=(host, hosts)) for host in range(hosts)]
        assert {len(part) for part in parts} == {len(whole)}
        streams = [numbers(p.epoch(0)) + numbers(p.epoch(1)) for p in parts]
        joined = [
            {name: list(itertools.chain(*(part[name] for part in step))) for name in step[0]}
            for step in zip(*streams, strict=True)
        ]
        assert joined == expected


def test_evaluation_sees_each_image_once_on_any_number_of_hosts(source):
    for hosts in (1, 2, 4):
        seen = []
        for host in range(hosts):
            for batch in loader(source, shuffle=False, shard=(host, hosts)):
                seen += batch["index"][batch["valid"]].tolist()
        assert sorted(seen) == list(range(21))


def test_worker_processes_read_the_same_batches(source):
    for options in ({"remainder": "pad"}, {"balance": "uniform", "seed": 5}):
        expected = numbers(loader(source, threads=0, **options).epoch(1))
        assert numbers(loader(source, workers=2, **options).epoch(1)) == expected


def test_grain_users_can_have_processes_of_their_own(source):
    whole = loader(source)
    expected = numbers(whole.epoch(0))
    import grain

    options = grain.MultiprocessingOptions(num_workers=2)
    assert numbers(whole.dataset().to_iter_dataset().mp_prefetch(options)) == expected


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_state_resumes_exactly_at_any_step(source, options):
    whole = loader(source, **options)
    steps = len(whole)
    expected = [numbers(whole.epoch(epoch)) for epoch in range(3)]
    for stop in range(2 * steps + 1):
        first = loader(source, **options, threads=2)
        taken = itertools.chain(first, first)
        assert numbers(itertools.islice(taken, stop)) == list(itertools.chain(*expected))[:stop]
        text = json.dumps(first.state())
        assert len(text) < 2000
        second = loader(source, **options, threads=0)
        second.restore(json.loads(text))
        epoch, step = divmod(stop, steps)
        assert second.state() == first.state()
        assert numbers(second) == expected[epoch][step:]
        if epoch < 2:
            assert numbers(second) == expected[epoch + 1]


def test_a_state_of_one_host_resumes_on_two(source):
    whole = loader(source)
    next(iter(whole))
    for host in range(2):
        part = loader(source, shard=(host, 2))
        part.restore(whole.state())
        index = [batch["index"].tolist() for batch in part]
        assert index == [
            b["index"][4 * host : 4 * host + 4].tolist() for b in list(whole.epoch(0))[1:]
        ]


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"seed": 4}, "seed=4"),
        ({"shuffle": False, "remainder": "drop"}, "shuffle=False"),
        ({"balance": "sqrt"}, "balance"),
        ({"balance": "sqrt", "per_batch": True}, "balance"),
        ({"epoch_size": 24}, "epoch_size=24"),
        ({"remainder": "pad"}, "remainder='pad'"),
        ({"batch_size": 7}, "batch_size=7"),
    ],
)
def test_a_state_that_does_not_fit_names_the_field(source, other, field):
    state = loader(source).state()
    stranger = jd.Loader(source, **{"batch_size": 8, "seed": 3} | other)
    with pytest.raises(ValueError, match=f"Loader.restore: expected {field}"):
        stranger.restore(state)


def test_a_state_of_other_images_labels_or_rows_does_not_fit(source, tmp_path):
    state = loader(source).state()
    shape = (10, 8)
    for other, field in (
        (source.subset(range(20)), "records=20"),
        (source.subset([1, 0, *range(2, 21)]), "files"),
        (jd.DirectorySource(write(tmp_path), image_size=shape), "images"),
        (jd.DirectorySource(tmp_path, image_size=(6, 8), resample="nearest"), "images"),
        (jd.DirectorySource(tmp_path, image_size=(6, 8), classes=["b", "a", "c"]), "columns"),
        (jd.DirectorySource(tmp_path, image_size=(6, 8), label_mode="onehot"), "columns"),
    ):
        with pytest.raises(ValueError, match=f"restore: expected {field}"):
            loader(other).restore(state)
    same = jd.DirectorySource(tmp_path, image_size=(6, 8))  # elsewhere, but the same
    loader(same).restore(state)
    for broken in (None, {}, state | {"step": 99}, state | {"epoch": -1}, state | {"step": True}):
        with pytest.raises(ValueError, match="restore"):
            loader(source).restore(broken)


def test_a_state_lies_in_a_checkpoint_beside_the_model(source, tmp_path):
    ocp = pytest.importorskip("orbax.checkpoint")
    weights = {"w": np.arange(4.0)}
    first = loader(source)
    next(iter(first))
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        args = ocp.args.Composite(
            model=ocp.args.StandardSave(weights), data=ocp.args.JsonSave(first.state())
        )
        checkpointer.save(tmp_path / "1", args)
        restored = checkpointer.restore(
            tmp_path / "1",
            ocp.args.Composite(
                model=ocp.args.StandardRestore(weights), data=ocp.args.JsonRestore()
            ),
        )
    second = loader(source)
    second.restore(restored["data"])
    assert numbers(second) == numbers(first.epoch(0))[1:]


def test_views_on_devices_share_one_position(source):
    sharding = NamedSharding(jax.make_mesh((8,), ("data",)), PartitionSpec("data"))
    whole = loader(source)
    view = whole.to_device(sharding)
    batch = next(iter(view))
    assert batch["image"].sharding == sharding
    assert numbers([batch]) == numbers(whole.epoch(0))[:1]
    assert view.state() == whole.state() != loader(source).state()
    assert numbers(whole.to_device(sharding)) == numbers(whole.epoch(1))  # the next epoch
    with pytest.raises(ValueError, match="expected a sharding that divides a batch of 6"):
        jd.Loader(source, 6).to_device(sharding)


def test_only_the_newest_loop_moves_the_state_and_a_look_moves_nothing(source):
    whole = loader(source, remainder="pad")
    first, second = iter(whole), iter(whole)
    next(second)
    next(first)
    assert (whole.state()["epoch"], whole.state()["step"]) == (1, 1)
    whole.restore(loader(source, remainder="pad").state() | {"step": 1})
    next(first)
    next(iter(whole.epoch(0)))
    assert (whole.state()["epoch"], whole.state()["step"]) == (0, 1)
    assert numbers(whole) == numbers(whole.epoch(0))[1:]


def test_an_epoch_without_shuffling_has_the_same_records_each_time(source):
    for size in (5, 21, 30):
        part = jd.Loader(source, 5, shuffle=False, epoch_size=size, device=False)
        epochs = [np.concatenate([b["index"] for b in part.epoch(e)]) for e in range(3)]
        assert epochs[0][:size].tolist() == [k % 21 for k in range(size)]
        assert (epochs[0] == epochs[1]).all()
        assert (epochs[1] == epochs[2]).all()
        visits = [b["visit"].tolist() for e in range(3) for b in part.epoch(e)]
        occasions = list(zip(np.concatenate(epochs), itertools.chain(*visits), strict=True))
        assert size % 5 or len(set(occasions)) == len(occasions)


def test_numbers_of_numpy_are_numbers(source):
    ours = jd.Loader(source, np.int64(8), seed=np.uint64(3), shuffle=np.True_, device=False)
    assert numbers(ours) == numbers(loader(source))
    assert json.dumps(ours.state()) == json.dumps({**loader(source).state(), "epoch": 1})
    taken = {k: np.int64(v) if type(v) is int else v for k, v in ours.state().items()}
    loader(source).restore(taken)


PROGRAM = """
import sys, json, jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
root, port, host = sys.argv[1], sys.argv[2], int(sys.argv[3])
jax.distributed.initialize(f"127.0.0.1:{port}", 2, host)
import jaxaug as ja
source = ja.data.DirectorySource(root, image_size=(6, 8))
sharding = NamedSharding(jax.make_mesh((4,), ("data",)), P("data"))
loader = ja.data.Loader(source, 8, seed=3)
devices = np.array(jax.devices())
alone = ja.data.Loader(source, 8, seed=3, device=False, shard=(0, 1))
expected = [batch["index"] for batch in alone]
for mesh, spec in [
    (jax.sharding.Mesh(devices[::-1], ("data",)), P("data")),
    (jax.sharding.Mesh(devices.reshape(2, 2), ("model", "data")), P("data")),
    (jax.sharding.Mesh(devices, ("data",)), P()),
]:
    batches = loader.to_device(NamedSharding(mesh, spec)).epoch(0)
    for batch, index in zip(batches, expected, strict=True):
        assert batch["index"].shape == (8,), batch["index"].shape
        for shard in batch["index"].addressable_shards:
            np.testing.assert_array_equal(np.asarray(shard.data), index[shard.index])
mesh = jax.sharding.Mesh(devices[[0, 2, 1, 3]], ("data",))
try:
    loader.to_device(NamedSharding(mesh, P("data")))
except ValueError as error:
    assert "one run of a batch's rows" in str(error), error
else:
    raise SystemExit("rows in turn were accepted")
augment = jax.jit(ja.batched(ja.Chain(ja.Rotate(20), ja.HorizontalFlip())))
out = []
for batch in loader.to_device(sharding):
    assert batch["image"].shape == (8, 6, 8, 3) and not batch["image"].is_fully_addressable
    moved = augment(jax.random.key(0), batch)["image"]
    rows = {s.index[0].start: np.asarray(s.data) for s in moved.addressable_shards}
    out.append([rows[k].tobytes().hex() for k in sorted(rows)])
print(json.dumps([out, loader.state()["step"], len(loader)]))
"""


def test_two_processes_make_the_batches_of_one(source, tmp_path):
    """Really distributed: two processes of two devices each, and augmented bit for bit alike."""
    import socket

    import jaxaug as ja

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    root = str(Path(source.path(0)).parents[1])
    env = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    commands = [[sys.executable, "-c", PROGRAM, root, port, str(host)] for host in range(2)]
    running = [
        subprocess.Popen(c, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for c in commands
    ]
    results = [process.communicate(timeout=120) for process in running]
    for process, (_, error) in zip(running, results, strict=True):
        assert process.returncode == 0, error[-2000:]
    parts = [json.loads(output.splitlines()[-1]) for output, _ in results]
    augment = jax.jit(ja.batched(ja.Chain(ja.Rotate(20), ja.HorizontalFlip())))
    for step, batch in enumerate(jd.Loader(source, 8, seed=3)):
        moved = np.asarray(augment(jax.random.key(0), batch)["image"])
        whole = [moved[k : k + 2].tobytes().hex() for k in range(0, 8, 2)]
        assert parts[0][0][step] + parts[1][0][step] == whole
    assert [part[1:] for part in parts] == [[0, 2], [0, 2]]


def test_the_loaders_parts_pickle_and_say_what_is_wrong(source):
    with pytest.raises(ValueError, match="a batch_size that 3 hosts can share, got 8"):
        loader(source, shard=(0, 3))
    with pytest.raises(ValueError, match="whole batches on several hosts, got 'keep'"):
        loader(source, shard=(0, 2), remainder="keep")
    with pytest.raises(ValueError, match="a balance that per_batch can hold"):
        loader(source, per_batch=True)
    assert len(loader(source, balance="uniform", per_batch=True, epoch_size=20)) == 2  # whole ones
    with pytest.raises(ValueError, match=r"shard to be a pair \(number, hosts\), got 0"):
        loader(source, shard=0)
    with pytest.raises(ValueError, match="time_limit to be seconds"):
        loader(source, time_limit=-1)
    with pytest.raises(ValueError, match="shuffle to be True or False, got 'False'"):
        loader(source, shuffle="False")
    spec = PartitionSpec("data", None)
    with pytest.raises(ValueError, match="a sharding that divides a batch of 8"):
        loader(source).to_device(NamedSharding(jax.make_mesh((8,), ("data",)), spec))
    with pytest.raises(ValueError, match="a sharding that divides a batch of 5"):
        mesh = jax.make_mesh((8,), ("data",))
        loader(source, remainder="keep", device=NamedSharding(mesh, PartitionSpec("data")))
    unlabelled = jd.ArraySource(np.zeros((9, 4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="classes to balance, got a source without"):
        jd.Loader(unlabelled, 3, balance="uniform")
    copy = pickle.loads(pickle.dumps(loader(source).dataset()))
    assert numbers(copy[k] for k in range(2)) == numbers(loader(source))


def test_the_table_says_how_often_each_class_is_drawn(source):
    natural = loader(source, remainder="keep").class_table()
    assert natural["records"].to_dict() == natural["draws"].to_dict() == COUNTS
    whole = loader(source)  # drops what does not fill a batch
    labels = np.concatenate([batch["label"] for batch in whole.epoch(1)])
    assert whole.class_table(1)["draws"].tolist() == np.bincount(labels).tolist()
    even = loader(source, balance="uniform", epoch_size=24)
    for epoch in range(2):
        labels = np.concatenate([batch["label"] for batch in even.epoch(epoch)])
        assert np.bincount(labels).tolist() == even.class_table(epoch)["draws"].tolist() == [8] * 3
    np.testing.assert_allclose(even.class_table()["times"], [8 / 11, 8 / 6, 8 / 4])
