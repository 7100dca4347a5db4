"""Statistics of data sets: against two passes in float64, whatever the batches, devices, hosts."""

import itertools
import os
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from sklearn.decomposition import PCA

import jaxaug as ja
import jaxaug.data as jd
from jaxaug.functional import moments

KEY = jax.random.key(0)
NORMALIZE, WHITEN = ja.FeaturewiseNormalize, ja.ZCA
RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, [256, 200, 40], (90, 4, 5, 3)).astype(np.uint8)
AUTO = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
SPEC = PartitionSpec("data")


def two_passes(images):
    images = images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)
    return images.mean((0, 1, 2)), images.std((0, 1, 2))


def parts(images, *sizes):
    return np.split(images, np.cumsum(sizes))


def same_statistics(fitted, images):
    for ours, exact in zip((fitted.mean, fitted.std), two_passes(images), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=2e-7)


def same_map(ours, images, rank=None, epsilon=1e-6, tolerance=2e-6):
    """Keras' formula, of the strongest directions."""
    flat = (images - images.mean((0, 1, 2))).reshape(len(images), -1)
    u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
    exact = (u[:, :rank] * (np.sqrt(len(images)) / (s[:rank] + epsilon))) @ u[:, :rank].T
    ours = ours if ours.shape == exact.shape else ours @ ours.T
    np.testing.assert_allclose(ours, exact, atol=tolerance * np.abs(exact).max())


@pytest.mark.parametrize("sizes", [(), (1, 1), (7, 20), (1,) * 39])
def test_a_mean_far_from_zero_costs_no_digits(sizes):
    images = 1e6 + 1e-3 * np.random.default_rng(1).standard_normal((40, 3, 4, 2))
    exact = np.std(images - 1e6, axis=(0, 1, 2))
    RNG.shuffle(images)
    total = moments.merge(*map(moments.per_channel, parts(images, *sizes)))
    assert total.count == 480
    np.testing.assert_allclose(total.mean, images.mean((0, 1, 2)), rtol=2e-15)
    np.testing.assert_allclose(total.std, exact, rtol=1e-7)


@pytest.mark.parametrize(
    ("spread", "shape"),
    [(50, (2, 500, 300, 2)), (0.05, (30000, 3, 3, 2)), (0.001, (1, 1, 40000, 8))],
)
def test_float32_under_jit_loses_little(spread, shape):
    images = np.float32(RNG.normal(200, spread, shape))
    total = jax.jit(moments.per_channel)(jnp.asarray(images))
    assert total.mean.dtype == jnp.float32
    np.testing.assert_allclose(total.mean, two_passes(images)[0], rtol=3e-7)
    np.testing.assert_allclose(total.std, two_passes(images)[1], rtol=1e-6)


def test_devices_join_what_they_have():
    images, valid = np.float32(BYTES[:80] / 255.0), RNG.random(80) < 0.8
    images[~valid] = np.nan

    def each(images, valid):
        rows = images.reshape(len(images), -1)
        return moments.per_channel(images, valid), moments.covariance(rows, valid)

    def joined(images, valid):
        own, full = each(images, valid)
        return moments.across(own, "data"), moments.across(full, ("data",))

    mapped = jax.shard_map(joined, mesh=AUTO, in_specs=SPEC, out_specs=PartitionSpec())
    flat = np.float64(images[valid].reshape(-1, 60))
    on_host = map(moments.merge, *map(each, parts(images, 30), parts(valid, 30)))
    for own, full in (jax.jit(mapped)(images, valid), on_host):
        assert own.count == len(flat) * 20
        np.testing.assert_allclose(own.mean, two_passes(images[valid])[0], rtol=3e-7)
        np.testing.assert_allclose(own.std, two_passes(images[valid])[1], rtol=1e-6)
        np.testing.assert_allclose(full.mean, flat.mean(0), rtol=1e-6)
        np.testing.assert_allclose(full.variance, np.cov(flat.T, bias=True), atol=1e-7)


# As Keras' iterators: it never ends by itself, but knows its length.
PAIRS = [(x, None) for x in parts(BYTES, 40, 1)]
METHODS = {"__len__": lambda self: 3, "__iter__": lambda self: itertools.cycle(PAIRS)}
ENDLESS = type("Endless", (), METHODS)()


def data_sets():
    padded = np.concatenate([np.float32(BYTES / 255.0), np.full((6, 4, 5, 3), np.nan, np.float32)])
    marked = {"image": padded, "valid": np.arange(96) < 90}
    explicit = NamedSharding(jax.make_mesh((8,), ("data",)), SPEC)
    return {
        "an array": BYTES,
        "batches": parts(BYTES, 1, 50, 0),
        "an iterator with rows that do not count": iter([marked]),
        "tuples with a length": ENDLESS,
        "a source": jd.ArraySource(BYTES),
        "a loader": jd.Loader(jd.ArraySource(BYTES), 32, remainder="pad"),
        "on devices": [jax.device_put(BYTES[:88], NamedSharding(AUTO, SPEC)), BYTES[88:]],
        "explicitly sharded": [jax.device_put(marked, explicit)],
    }


@pytest.mark.parametrize("kind", data_sets())
def test_every_kind_of_data(kind, monkeypatch):
    for module in ("fitting", "statistics"):
        monkeypatch.setattr(f"jaxaug.transforms.{module}.PIECE", 1000)
    monkeypatch.setattr("jaxaug.transforms.whitening.ROWS", 7)
    same_statistics(NORMALIZE.fit(data_sets()[kind]), BYTES)
    same_map(WHITEN.fit(data_sets()[kind]).matrix, BYTES / 255.0)
    same_map(WHITEN.fit(data_sets()[kind], rank=59).matrix, BYTES / 255.0, 59, tolerance=1e-4)


def test_of_a_canvas_only_the_pictures_count_and_no_loader_moves():
    size = RNG.integers(1, [5, 6], (90, 2))
    own = [x[:h, :w].reshape(-1, 3) for x, (h, w) in zip(BYTES, size, strict=True)]
    for image in (BYTES, jnp.asarray(BYTES)):
        fitted = NORMALIZE.fit([{"image": image, "size": size}])
        same_statistics(fitted, np.concatenate(own)[:, None, None])
    loader = jd.Loader(jd.ArraySource(BYTES), 32)
    before = loader.state()
    NORMALIZE.fit(loader)
    assert loader.state() == before


def test_normalized_training_data_have_mean_zero_and_deviation_one():
    fitted = NORMALIZE.fit(BYTES)
    assert len(repr(fitted)) < 120
    mean, std = two_passes(np.asarray(jax.jit(ja.batched(fitted))(KEY, BYTES)))
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    np.testing.assert_allclose(std, 1, rtol=1e-4)
    pixel, (mean, std) = np.full((1, 1, 3), 0.5, np.float32), two_passes(BYTES)
    for center, scale in ((True, False), (False, True), (True, True)):
        ours = NORMALIZE.fit(BYTES, center=center, scale=scale, epsilon=0.1)
        exact = (pixel - mean * center) / (std + 0.1 if scale else 1)
        np.testing.assert_allclose(ours(KEY, pixel), exact, atol=1e-6)
    assert isinstance(ja.Chain(ja.Brightness(0.2), fitted).sample(KEY, (4, 5, 3)), ja.Color)


def test_whitened_training_data_have_covariance_one():
    mixing = np.eye(48) + 0.1 * RNG.normal(size=(48, 48))
    images = np.float32(RNG.normal(size=(400, 48)) @ mixing + 0.5).reshape(400, 4, 4, 3)
    out = jax.jit(ja.batched(WHITEN.fit(images)))(KEY, images).reshape(400, 48)
    np.testing.assert_allclose(out.T @ out / 400, np.eye(48), atol=1e-4)
    same_map(WHITEN.fit(images, epsilon=5.0).matrix, np.float64(images), epsilon=5.0)


@pytest.mark.parametrize("rank", [None, 5, 40])
def test_directions_of_rounding_noise_are_left_out(rank):
    """12 images in 4 directions and that of the mean: the map of these, and 0 elsewhere."""
    images = (RNG.normal(size=(12, 4)) @ RNG.normal(size=(4, 75))).reshape(12, 5, 5, 3)
    fitted = WHITEN.fit(parts(images, 5, 1), rank=rank)
    assert fitted.matrix.shape == (75, 5 if rank else 75)
    same_map(fitted.matrix, images, 5, tolerance=1e-5)


def test_a_rank_keeps_the_strongest_directions():
    images = RNG.normal(size=(600, 48)) * 0.8 ** np.arange(48)
    images = (images - images.mean(0)) @ np.linalg.qr(RNG.normal(size=(48, 48)))[0]
    pca = PCA(6, svd_solver="full").fit(images)
    exact = (pca.components_.T * (np.sqrt(600) / pca.singular_values_)) @ pca.components_
    root = WHITEN.fit(parts(images.reshape(600, 4, 4, 3), 3, 197), rank=6).matrix
    assert root.shape == (48, 6)
    np.testing.assert_allclose(root @ root.T, exact, atol=1e-3 * np.abs(exact).max())


HOLE = np.where(np.arange(4)[:, None, None, None] == 2, np.nan, np.ones((4, 2, 2, 3)))
CANVAS = {"image": BYTES[0], "size": np.array([2, 2])}
FAULTS = [
    ([], "at least one image, got none.*used up"),
    ([{"image": BYTES[:1], "valid": np.zeros(1, bool)}], "at least one image, got none"),
    (BYTES[0], r"batch 0: expected .*\(n, h, w, c\).*\(4, 5, 3\)"),
    ({"image": BYTES}, "a source, a Loader, or batches, got dict. Put .* into a list"),
    ([BYTES[:2], BYTES.astype(int)], "batch 1: .*int64"),
    ([{"image": BYTES, "valid": np.ones(3)}], r"shape \(90,\)"),
    ([BYTES, BYTES[..., :1]], r"expected .*3.* got .*1"),
    ([HOLE[:2], HOLE[2:]], "infinity in image 0 of batch 1"),
    ([jnp.asarray(HOLE)], "image 2 of batch 0"),
]
CALLS = [
    (lambda: WHITEN.fit([{k: v[None] for k, v in CANVAS.items()}]), "an image_size"),
    (lambda: WHITEN.fit([BYTES, BYTES[:, :3]]), r"shape \(4, 5, 3\).* got \(3, 5, 3\)"),
    (lambda: WHITEN.fit(np.ones((3, 2, 2, 3))), "images that differ"),
    (lambda: WHITEN.fit(BYTES, rank=0), "rank of 1 or more"),
    (lambda: WHITEN(0.0, np.eye(4), (2, 2, 3)), r"a matrix \(12, 12\)"),
    (lambda: WHITEN(0.0, np.eye(60), (5, 4, 3))(KEY, BYTES[0]), r"\(5, 4, 3\).*\(4, 5, 3\)"),
    (lambda: WHITEN(0.0, np.eye(60), (4, 5, 3))(KEY, CANVAS), "without the key 'size'"),
    (lambda: NORMALIZE(0.0, 0.0, epsilon=0.0), "a std above 0"),
    (lambda: NORMALIZE((0.1, 0.2), 1.0)(KEY, BYTES[0]), "one value, or 3"),
]
CALLS += [(lambda data=data: NORMALIZE.fit(data), text) for data, text in FAULTS]
CALLS += [(lambda data=data: WHITEN.fit(data), text) for data, text in FAULTS]


@pytest.mark.parametrize(("call", "words"), CALLS)
def test_faults(call, words):
    with pytest.raises(ja.JaxaugError, match=words):
        call()


def test_a_matrix_that_does_not_fit_is_not_begun(monkeypatch):
    large = np.broadcast_to(np.uint8(0), (2, 224, 224, 3))
    with pytest.raises(ja.JaxaugError, match="1012.9 GiB .*150528 .*Pass rank=256"):
        WHITEN.fit(large)
    monkeypatch.setattr("jaxaug.transforms.whitening._available_memory", lambda: 10**9)
    with pytest.raises(ja.JaxaugError, match="of free memory"):
        WHITEN.fit(large, rank=256)


PROGRAM = """
import sys, jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
port, host, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, host)
import jaxaug as ja, jaxaug.data as jd
images = np.load(f"{folder}/images.npy")
source = jd.ArraySource(images)
sharding = NamedSharding(jax.make_mesh((4,), ("data",)), P("data"))
out = {}
for name, data in {
    "source": source,
    "own": [images[:37]] if host else [images[37:70], images[70:]],
    "nothing on one host": [images] if host else [],
    "global": jd.Loader(source, 16, remainder="pad", device=sharding),
}.items():
    fitted = ja.FeaturewiseNormalize.fit(data)
    out[name] = fitted.mean, fitted.std
    rank = None if name in ("source", "global") else 59
    out[f"{name} map"] = ja.ZCA.fit(data, rank=rank, epsilon=1.0).matrix
np.savez(f"{folder}/{host}.npz", **out)
"""


def test_two_processes_find_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    np.save(tmp_path / "images.npy", BYTES)
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    to = {"env": os.environ | flags, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    commands = [[sys.executable, "-c", PROGRAM, port, str(host), str(tmp_path)] for host in (0, 1)]
    running = [subprocess.Popen(command, text=True, **to) for command in commands]
    errors = [process.communicate(timeout=120)[1] for process in running]
    for process, error in zip(running, errors, strict=True):
        assert process.returncode == 0, error[-3000:]
    first, second = (dict(np.load(tmp_path / f"{host}.npz")) for host in (0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, second)
    for name, found in first.items():
        if name.endswith("map"):
            same_map(found, BYTES / 255.0, found.shape[1], epsilon=1.0)
        else:
            same_statistics(NORMALIZE(*map(tuple, found)), BYTES)
