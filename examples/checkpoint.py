"""A training that is stopped in mid-epoch and goes on exactly: loader and model in one checkpoint.

    python examples/checkpoint.py            # seconds; needs: pip install "jaxaug[demo]"

Trains a tiny network twice: once through, and once stopped after a few steps, saved with Orbax,
and resumed by a new loader with another number of threads. The weights are the same, bit for bit.
"""

import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

import jaxaug as ja

STEPS, STOP = 20, 10
AUGMENT = ja.batched(ja.Chain(ja.Rotate(20), ja.HorizontalFlip(), ja.Brightness(0.2)))


def make_loader(threads):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 16, 16, 3), np.uint8)
    labels = np.repeat([0, 1], [50, 10])
    source = ja.data.ArraySource(images, labels, class_names=("common", "rare"))
    return ja.data.Loader(source, 8, seed=1, balance="uniform", threads=threads)


@jax.jit
def step(weights, batch):
    images = AUGMENT(jax.random.key(0), batch)["image"]  # the same key in every step

    def loss(weights):
        logits = images.reshape(len(images), -1) @ weights["dense"]
        losses = -jax.nn.log_softmax(logits)[jnp.arange(len(images)), batch["label"]]
        return losses.mean()

    return jax.tree.map(lambda w, slope: w - 0.01 * slope, weights, jax.grad(loss)(weights))


def train(loader, weights, steps):
    """Go on for some steps, over as many epochs as it takes."""
    done = 0
    while done < steps:
        for batch in loader:
            weights, done = step(weights, batch), done + 1
            if done == steps:
                break
    return weights


def main():
    start = {"dense": jnp.zeros((16 * 16 * 3, 2))}
    expected = train(make_loader(threads=2), start, STEPS)

    loader = make_loader(threads=2)
    weights = train(loader, start, STOP)
    with tempfile.TemporaryDirectory() as folder, ocp.CheckpointManager(folder) as manager:
        items = {
            "model": ocp.args.StandardSave(weights),
            "loader": ocp.args.JsonSave(loader.state()),
        }
        manager.save(STOP, args=ocp.args.Composite(**items))
        manager.wait_until_finished()

        items = {
            "model": ocp.args.StandardRestore(start),
            "loader": ocp.args.JsonRestore(),
        }
        saved = manager.restore(STOP, args=ocp.args.Composite(**items))

    resumed = make_loader(threads=0)
    resumed.restore(saved["loader"])
    print(f"stopped after {STOP} steps: {saved['loader']}")
    weights = train(resumed, saved["model"], STEPS - STOP)
    assert (weights["dense"] == expected["dense"]).all(), "the resumed run differs"
    print(f"after {STEPS} steps the weights of both runs are the same, bit for bit")


if __name__ == "__main__":
    main()
