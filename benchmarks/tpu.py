"""What chains cost on a TPU, by compiling for one that need not be there.

    pip install libtpu
    python -m benchmarks.tpu                # 64 uint8 images of 224x224x3 to float32, v5e

Prints, for each chain, what the compiler says: the time that its own model gives (and the cycles
that its scheduler estimates, another model), both beside those of the cast of the same images, the
bytes that are read and written, temporaries beside the output, and which operations are in the
program that a TPU does badly: gather, scatter, while.
"""

import argparse
import json
import os
import re
import sys
from typing import Any

os.environ |= {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
}

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

import jaxaug as ja
from benchmarks import works
from benchmarks.peers.ours import chain, transform

SHIFT, FLIP = (transform(step) for step in (works.SHIFT, works.FLIP))
CHAINS = {f"{name}: {works.WORKS[name].title}": chain(works.WORKS[name]) for name in "ABCD"} | {
    "flip": FLIP,
    "random crop": ja.RandomCrop(224),
    "shift, zoom, flip": ja.Chain(SHIFT, ja.Zoom(0.2), FLIP),
    "the same, the edge repeated": ja.Chain(SHIFT, ja.Zoom(0.2), FLIP, fill="nearest"),
    "the same, cubic": ja.Chain(SHIFT, ja.Zoom(0.2), FLIP, interpolation="cubic"),
    "resize to 112": ja.Resize(112),
}
LARGER = ("D", "random crop")
BAD = ("gather", "scatter", "while")


def compiled(function: Any, *arguments: Any, topology: str) -> Any:
    """A function compiled for one chip of a topology."""
    chips = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    place = SingleDeviceSharding(chips[0])
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), arguments
    )
    return jax.jit(function).trace(*shapes).lower(lowering_platforms=("tpu",)).compile()


def costs(program: Any) -> dict[str, Any]:
    """What the compiler says of a program."""
    text, memory, cost = program.as_text(), program.memory_analysis(), program.cost_analysis()
    # A concatenation in place counts as a call to something unknown, and that as minus a second.
    unknown = len(re.findall(r" custom-call\(", text))
    if unknown != text.count('custom_call_target="ConcatBitcast"'):
        raise RuntimeError("a call in the program that the model knows nothing about")
    return {
        "us": (cost["optimal_seconds"] + unknown) * 1e6,
        "cycles": sum(map(int, re.findall(r'"estimated_cycles":"(\d+)"', text))),
        "bytes": cost["bytes accessed"],
        "temporaries": memory.temp_size_in_bytes / memory.output_size_in_bytes,
        "bad": {name: n for name in BAD if (n := len(re.findall(rf" {name}\(", text)))},
    }


def measured(rows: int = 64, topology: str = "v5e:2x2", only: str = "") -> dict[str, Any]:
    """The costs of all chains whose name starts with ``only``, and of the cast."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    images = {side: jax.ShapeDtypeStruct((rows, side, side, 3), jnp.uint8) for side in (224, 256)}
    cast = compiled(lambda x: x.astype(jnp.float32) / 255, images[224], topology=topology)
    found = {"cast": costs(cast)}
    for name, one in CHAINS.items():
        if name.startswith(only):
            image = images[256 if name.startswith(LARGER) else 224]
            found[name] = costs(compiled(ja.batched(one), key, image, topology=topology))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--only", default="", help="chains whose name starts with this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(options.batch, options.topology, options.only)
    if options.json:
        json.dump(found, sys.stdout)
        return
    cast = found["cast"]
    print(f"jax {jax.__version__}, {options.topology}, {options.batch} images\n")
    print("| | us | of the cast | cycles, of the cast | MB moved | temporaries, of the output | |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for name, one in found.items():
        cells = f"{one['us']:,.0f} | {one['us'] / cast['us']:.1f} |"
        cells += f" {one['cycles'] / cast['cycles']:.1f} | {one['bytes'] / 1e6:,.0f} |"
        cells += f" {one['temporaries']:.2f} |"
        print(f"| {name} | {cells} {', '.join(f'{n} {k}' for k, n in one['bad'].items())} |")


if __name__ == "__main__":
    main()
