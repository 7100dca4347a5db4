"""How fast is a fused chain, as a part of the fastest thing possible: the cast of the same pixels?

    python benchmarks/chain.py            # 64 uint8 images of 224x224x3 to float32

Prints medians of interleaved runs, so that a busy machine slows all rows alike; the ratio in each
row is the median of the ratios to the cast next to it.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxaug as ja

GEOMETRY = (
    ja.Rotate(20),
    ja.Translate(x=0.2, y=0.2),
    ja.Shear(10),
    ja.Zoom(0.2),
    ja.HorizontalFlip(),
)
NORMALIZE = ja.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CHAINS = {
    "rotate": ja.Chain(*GEOMETRY[:1], fill="nearest"),
    "rotate shift": ja.Chain(*GEOMETRY[:2], fill="nearest"),
    "rotate shift shear zoom flip": ja.Chain(*GEOMETRY, fill="nearest"),
    "... brightness": ja.Chain(*GEOMETRY, ja.Brightness(0.2), fill="nearest"),
    "... normalize": ja.Chain(*GEOMETRY, ja.Brightness(0.2), NORMALIZE, fill="nearest"),
    "the same, filled with black": ja.Chain(*GEOMETRY, ja.Brightness(0.2), NORMALIZE),
    "the same, mirrored border": ja.Chain(*GEOMETRY, ja.Brightness(0.2), NORMALIZE, fill="reflect"),
    "the same, uint8 out": ja.Chain(*GEOMETRY, ja.Brightness(0.2), fill="nearest", dtype="uint8"),
    "random resized crop, flip": ja.Chain(
        ja.RandomResizedCrop(224), ja.HorizontalFlip(), NORMALIZE
    ),
    "color jitter": ja.Chain(ja.ColorJitter(0.4, 0.4, 0.4, 0.1)),
}


def cast(key, images):
    del key
    return images.astype(jnp.float32) / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()

    shape = (options.batch, options.size, options.size, 3)
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    key = jax.random.key(0)
    functions = {"cast": cast} | {name: ja.batched(chain) for name, chain in CHAINS.items()}
    compiled, seconds = {}, {}
    for name, function in functions.items():
        started = time.perf_counter()
        compiled[name] = jax.jit(function).lower(key, images).compile()
        seconds[name] = time.perf_counter() - started

    times = {name: [] for name in compiled}
    for _ in range(options.rounds):
        for name, function in compiled.items():
            started = time.perf_counter()
            jax.block_until_ready(function(key, images))
            times[name].append(time.perf_counter() - started)

    print(f"jax {jax.__version__}, {jax.devices()[0].device_kind}, {shape} uint8")
    print(f"{'':32}{'images/s':>10}{'of the cast':>13}{'compile s':>11}{'temporaries MB':>16}")
    limit = np.array(times["cast"])
    for name, taken in times.items():
        ratio = np.median(limit / np.array(taken))
        spare = compiled[name].memory_analysis().temp_size_in_bytes / 1e6
        rate = options.batch / np.median(taken)
        print(f"{name:32}{rate:10,.0f}{ratio:13.2f}{seconds[name]:11.1f}{spare:16.1f}")


if __name__ == "__main__":
    main()
