"""One training step on many devices, three ways: every way augments with the same bits.

    python examples/multi_device.py

The step augments, computes a loss and updates the weights. It runs on one device, then on eight
under `jax.jit` with a sharded batch, under `jax.shard_map` and under `jax.pmap`. What jaxaug draws
for an image depends on the key and on the columns `index` and `visit` of its row, so it does not
matter which device the row is on. The eight devices are simulated on the CPU: no hardware needed.
"""

import os

# Before JAX is imported. On real devices leave these two lines out.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import warnings
from functools import partial

import jax
import numpy as np
import optax
from flax import nnx
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import jaxaug as ja

DEVICES, BATCH, CLASSES = 8, 64, 4
MESH = jax.make_mesh((DEVICES,), ("data",), axis_types=(AxisType.Auto,))

color = (ja.Brightness(0.2), ja.Contrast(0.2))
geometry = (ja.Rotate(20), ja.Translate(x=0.1, y=0.1), ja.Zoom(0.2), ja.HorizontalFlip())
augment = ja.batched(ja.Chain(*geometry, *color, fill="nearest"))


def make_batch(seed=0):
    """Images of noise, with the columns that a `jaxaug.data.Loader` gives."""
    random = np.random.default_rng(seed)
    return {
        "image": random.integers(0, 256, (BATCH, 32, 32, 3), np.uint8),
        "label": random.integers(0, CLASSES, BATCH, np.int32),
        "index": random.permutation(1000)[:BATCH].astype(np.uint32),  # which record a row is
        "visit": np.zeros(BATCH, np.uint32),  # how often it was seen before
    }


class Network(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 8, (3, 3), strides=4, rngs=rngs)
        self.dense = nnx.Linear(8 * 8 * 8, CLASSES, rngs=rngs)

    def __call__(self, images):
        return self.dense(nnx.relu(self.conv(images)).reshape(len(images), -1))


graph, weights = nnx.split(Network(nnx.Rngs(0)))
optimizer = optax.sgd(0.1)  # keeps no state


def step(weights, key, batch, *, axis=None):
    """One step of training: (new weights, loss, augmented images).

    `axis` names the axis of devices where each sees its own rows only (`shard_map`, `pmap`). Under
    `jit` with a sharded batch there is none: there the program is written for all rows.
    """
    batch = augment(key, batch)

    def loss_of(weights):
        logits = nnx.merge(graph, weights)(batch["image"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()

    loss, gradients = jax.value_and_grad(loss_of)(weights)
    if axis is not None:
        loss, gradients = jax.lax.pmean((loss, gradients), axis)
    updates, _ = optimizer.update(gradients, optimizer.init(weights))
    return optax.apply_updates(weights, updates), loss, batch["image"]


def on_one_device(key, batch):
    return jax.jit(step)(weights, key, batch)


def with_sharded_jit(key, batch):
    """The compiler divides the work, as the sharding of the batch asks for."""
    # A loader puts batches there by itself: Loader(source, 64, device=NamedSharding(...)).
    return jax.jit(step)(weights, key, jax.device_put(batch, NamedSharding(MESH, P("data"))))


def with_shard_map(key, batch):
    """Each device runs the step on its rows; gradients meet in our `pmean`."""
    mapped = jax.shard_map(
        partial(step, axis="data"),
        mesh=MESH,
        in_specs=(P(), P(), P("data")),
        out_specs=(P(), P(), P("data")),
        check_vma=False,  # True would sum gradients of the shared weights by itself, before us
    )
    return jax.jit(mapped)(weights, key, batch)


def with_pmap(key, batch):
    """As `shard_map`, in older dress: the batch has an axis of devices in front."""
    split = jax.tree.map(lambda x: x.reshape(DEVICES, -1, *x.shape[1:]), batch)
    mapped = jax.pmap(partial(step, axis="data"), "data", in_axes=(None, None, 0))
    new, loss, images = mapped(weights, key, split)
    return jax.tree.map(lambda x: x[0], new), loss[0], images.reshape(-1, *images.shape[2:])


def main():
    print(f"{jax.device_count()} devices of kind {jax.devices()[0].platform}, {BATCH} images")
    key, batch = jax.random.key(0), make_batch()
    expected, loss, images = on_one_device(key, batch)
    print(f"{'one device':12} loss {loss:.6f}")
    ways = {"sharded jit": with_sharded_jit, "shard_map": with_shard_map, "pmap": with_pmap}
    for name, run in ways.items():
        new, other, augmented = run(key, batch)
        assert np.array_equal(augmented, images), f"{name}: augmented images differ"
        np.testing.assert_allclose(other, loss, rtol=1e-5)
        # Sums over devices are made in another order: losses and weights agree to rounding.
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), new, expected)
        print(f"{name:12} loss {other:.6f}, augmented images: identical bits")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of pmap
    main()
