"""A step of training as users write it: files of arrays, augmentation, a mix, a network of Flax.

On one device and on eight the augmented and mixed batches have the same bits.
"""

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxaug as ja
import jaxaug.data as jd

nnx = pytest.importorskip("flax.nnx")
optax = pytest.importorskip("optax")

CLASSES, BATCH, SIDE = 4, 16, 16
KEY = jax.random.key(0)
POLICY = ja.RandAugment()

AUGMENT = ja.batched(
    ja.Chain(ja.RandomCrop(SIDE, padding=2), ja.HorizontalFlip(), POLICY, fill="reflect")
)
MIX = ja.MixUpOrCutMix(num_classes=CLASSES, smoothing=0.1)


def prepare(key, batch):
    """Pixels and soft labels for the network; one key serves both, and every step."""
    return MIX(key, AUGMENT(key, batch))


class Network(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)
        self.dense = nnx.Linear(8, CLASSES, rngs=rngs)

    def __call__(self, images):
        return self.dense(nnx.relu(self.conv(images)).mean(axis=(1, 2)))


GRAPH, WEIGHTS = nnx.split(Network(nnx.Rngs(0)))
OPTIMIZER = optax.sgd(0.3)


@jax.jit
def step(weights, batch):
    batch = prepare(KEY, batch)

    def loss_of(weights):
        logits = nnx.merge(GRAPH, weights)(batch["image"])
        return optax.softmax_cross_entropy(logits, batch["label"]).mean()

    loss, gradients = jax.value_and_grad(loss_of)(weights)
    updates, _ = OPTIMIZER.update(gradients, OPTIMIZER.init(weights))
    return optax.apply_updates(weights, updates), loss, batch


@pytest.fixture(scope="module")
def loader():
    """Sixty-four pictures, each class of a colour of its own."""
    rng = np.random.default_rng(0)
    labels = np.arange(64, dtype=np.int32) % CLASSES
    colours = rng.integers(60, 200, (CLASSES, 3))
    images = colours[labels][:, None, None] + rng.normal(0, 20, (64, SIDE, SIDE, 3))
    source = jd.ArraySource(images.clip(0, 255).astype(np.uint8), labels)
    return jd.Loader(source, BATCH, seed=1, threads=0)


def train(loader, epochs):
    weights, losses, batches = WEIGHTS, [], []
    for number in range(epochs):
        for batch in loader.epoch(number):
            weights, loss, seen = step(weights, batch)
            losses.append(float(loss))
            batches.append(jax.tree.map(np.asarray, seen))
    return losses, batches


def test_one_device_and_eight_train_on_the_same_bits(loader):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    losses, batches = train(loader, 2)
    spread = loader.to_device(NamedSharding(mesh, PartitionSpec("data")))
    sharded_losses, sharded = train(spread, 2)
    assert len(batches) == 8
    for one, other in zip(batches, sharded, strict=True):
        assert one["image"].dtype == np.float32
        assert one["label"].shape == (BATCH, CLASSES)
        np.testing.assert_allclose(one["label"].sum(axis=1), 1, atol=1e-5)
        assert (one["mix"] < 1).sum() > BATCH // 2
        jax.tree.map(np.testing.assert_array_equal, one, other)
    # Sums over devices are made in another order.
    np.testing.assert_allclose(sharded_losses, losses, rtol=1e-3)
    learned, _ = train(loader, 30)
    assert np.mean(learned[-16:]) < np.mean(learned[:16]) - 0.05
