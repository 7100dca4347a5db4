"""Where the time of a work goes: its compiled kernels, by JAX's profiler.

    python -m benchmarks.kernels flip F equalize

Prints for each work the milliseconds an image of each kernel, as the profiler has them, the largest
first, and what that makes of all. Memory is kept, as by `--memory kept`. It does not run where
libtpu is installed.
"""

import argparse
import collections
import gzip
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import KEPT

if any(os.environ.get(name) != value for name, value in KEPT.items()):
    again = [sys.executable, "-m", "benchmarks.kernels", *sys.argv[1:]]
    os.execve(sys.executable, again, os.environ | KEPT)

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import images
from benchmarks.peers.ours import function
from benchmarks.works import ALL

CALLS = 10


def kernels(name: str, rows: int) -> dict[str, float]:
    """Milliseconds an image of each kernel of a work."""
    work = ALL[name]
    batch = jnp.asarray(images.batch(rows, work.side))
    program = jax.jit(function(work, "float32")).lower(np.uint32(0), batch).compile()
    names = set(re.findall(r"%([\w.-]+) = ", program.as_text()))
    jax.block_until_ready(program(np.uint32(0), batch))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            for step in range(CALLS):
                jax.block_until_ready(program(np.uint32(step), batch))
        path = next(Path(folder).rglob("perfetto_trace.json.gz"))
        events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    found: collections.Counter[str] = collections.Counter()
    for event in events:
        if event.get("ph") == "X" and event["name"] in names:
            found[event["name"]] += event["dur"] / 1e3 / CALLS / rows
    return dict(found.most_common())


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="+")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    for name in options.works:
        found = kernels(name, options.batch)
        whole = sum(found.values())
        print(f"{name}: {whole:.3f} ms an image in kernels")
        for kernel, taken in found.items():
            if taken >= 0.02 * whole:
                print(f"  {taken:.3f} {100 * taken / whole:3.0f} %  {kernel}")


if __name__ == "__main__":
    main()
