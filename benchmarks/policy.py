"""RandAugment by choices among numbers, against a switch among images under ``vmap``.

    python benchmarks/policy.py [--batch 64] [--size 224] [--repeats 7]

The switch does the same work as it is usually written for JAX: two layers, in each
``jax.lax.switch`` picks one of 14 functions of an image. Under ``vmap`` that computes all of them.
Both are compared with one affine map and one pass of colour. Medians of alternating runs.
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxaug as ja
from jaxaug.transforms.operations import SPACES

SPACE = SPACES["torchvision"]


def alone(name, level, sign):
    """One operation as a function of an image, as one would write it for itself."""

    def function(image):
        op = SPACE.op(name, level, sign, image.shape)
        if name == "Contrast":
            factor = SPACE.magnitudes[name](level * sign, image.shape)
            op = ja.Contrast((factor, factor)).sample(jax.random.key(0), image.shape)
        elif isinstance(op, ja.Tone) and name != "Equalize":
            op = op.replace(table=False)  # a few instructions for each pixel, no histogram
        return jnp.clip(op(image), 0.0, 1.0)

    return function


def switched(key, image):
    """Two operations one after the other, each chosen by a switch among images."""
    for layer in jax.random.split(key, 2):
        choice, coin = jax.random.split(layer)
        sign = jnp.where(jax.random.bernoulli(coin), 1.0, -1.0)
        branches = [alone(name, jnp.float32(9 / 30), sign) for name in SPACE.magnitudes]
        image = jax.lax.switch(jax.random.randint(choice, (), 0, len(branches)), branches, image)
    return image


def cast(key, images):
    del key
    return images.astype(jnp.float32) / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    shape = (arguments.batch, arguments.size, arguments.size, 3)
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    base = "affine and colour jitter"
    functions = {
        "the cast alone": cast,
        base: ja.batched(ja.Chain(ja.Affine(30, x=0.1, shear_x=10), ja.ColorJitter(0.4, 0.4, 0.4))),
        "RandAugment(2)": ja.batched(ja.RandAugment(2)),
        "TrivialAugmentWide()": ja.batched(ja.TrivialAugmentWide()),
        "AutoAugment()": ja.batched(ja.AutoAugment()),
        "two switches among images": lambda key, images: jax.vmap(switched)(
            jax.random.split(key, images.shape[0]), cast(key, images)
        ),
    }
    key = jax.random.key(0)
    compiled, seconds = {}, {name: [] for name in functions}
    for name, function in functions.items():
        start = time.perf_counter()
        compiled[name] = jax.jit(function)
        jax.block_until_ready(compiled[name](key, images))
        print(f"{name}: first call {time.perf_counter() - start:.1f} s", flush=True)
    for _ in range(arguments.repeats):
        for name, function in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(function(key, images))
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    print(f"\n{arguments.batch} images of {shape[1]}x{shape[2]}, {jax.devices()[0].device_kind}")
    print(f"{'':28s} {'images/s':>9s} {'ms/image':>9s} {'to ' + base:>28s}")
    for name, median in medians.items():
        rate, each = arguments.batch / median, median / arguments.batch * 1e3
        print(f"{name:28s} {rate:9,.0f} {each:9.3f} {median / medians[base]:28.2f}")
    ratio = medians["two switches among images"] / medians["RandAugment(2)"]
    print(f"\nRandAugment(2) is {ratio:.1f} times as fast as the switches.")


if __name__ == "__main__":
    main()
