"""How fast images come off the disk: against Pillow alone, and against a memory map.

    python benchmarks/loader.py            # JPEGs of 500x375 to 224x224, two minutes
    python benchmarks/loader.py --quick

All figures are from one run, each the best of several passes. The limit of the uncached loader is
Pillow doing nothing but decoding and resizing on all processors; that of the cached one is
`numpy.take` of the same rows from the same kind of memory map, with as many threads.
"""

import argparse
import functools
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

import jaxaug as ja
from jaxaug.data import Plan

SIZE = (224, 224)
BATCH = 32


def write_photographs(root, count, classes=4):
    """JPEGs with the frequencies of photographs: noise on all scales, coarse ones strongest."""
    rng = np.random.default_rng(0)
    for number in range(count):
        scales = (
            Image.fromarray(rng.integers(0, 256, (h, w, 3), np.uint8)).resize((500, 375), 3)
            for h, w in ((3, 4), (12, 16), (48, 64), (375, 500))
        )
        weights = (0.45, 0.3, 0.18, 0.07)
        pixels = sum(w * np.asarray(s, np.float32) for w, s in zip(weights, scales, strict=True))
        folder = Path(root, f"class{number % classes}")
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:05d}.jpg", quality=90)


def write_empty_files(root, count, classes=100):
    for number in range(count):
        if number < classes:
            Path(root, f"{number:03d}").mkdir()
        Path(root, f"{number % classes:03d}", f"{number:06d}.jpg").touch()


def best(function, passes):
    """Seconds of the quickest pass."""
    times = []
    for _ in range(passes):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def pillow(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR))


def decoding(folder, count, passes):
    write_photographs(folder, count)
    source = ja.data.DirectorySource(folder, image_size=SIZE)
    files = [source.path(row) for row in range(len(source))]
    processors = len(os.sched_getaffinity(0))
    loader = ja.data.Loader(source, BATCH, device=False)
    limit, ours = [], []
    with ThreadPoolExecutor(processors) as pool:
        for _ in range(passes):  # in turns: other work on the machine slows down both
            limit.append(best(lambda: list(pool.map(pillow, files)), 1))
            ours.append(best(lambda: [None for _ in loader], 1))
    read = len(loader) * BATCH
    yield f"Pillow alone, {processors} threads", count / min(limit), 1.0
    yield "Loader", read / min(ours), read / min(ours) * min(limit) / count
    # What each image costs, without the luck of two threads on shared processors.
    one = best(lambda: [pillow(file) for file in files[:BATCH]], passes)
    ours_one = best(lambda: source.read(range(BATCH)), passes)
    yield "one thread: source.read of a batch, of Pillow", BATCH / ours_one, one / ours_one


def caching(folder, count, passes):
    source = ja.data.DirectorySource(folder, image_size=SIZE)
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        loader = ja.data.Loader(source, BATCH, cache=cache, device=False)
        yield "building the cache", count / (time.perf_counter() - started), None
        started = time.perf_counter()
        read = sum(len(batch["label"]) for batch in loader)
        yield "cached Loader, first pass: checksums", read / (time.perf_counter() - started), None
        plain = np.memmap(Path(cache, "plain"), np.uint8, "w+", shape=(count, *SIZE, 3))
        plain[:] = source.read(range(1))["image"]
        plain = np.memmap(Path(cache, "plain"), np.uint8, "r", shape=(count, *SIZE, 3))
        rows = [loader.dataset()[step]["index"] for step in range(len(loader))]
        take = functools.partial(np.take, plain, axis=0)
        processors = len(os.sched_getaffinity(0))
        limit, alone, ours = [], [], []
        with ThreadPoolExecutor(processors) as pool:
            for _ in range(3 * passes):
                alone.append(best(lambda: [take(each) for each in rows], 1))
                limit.append(best(lambda: list(pool.map(take, rows)), 1))
                ours.append(best(lambda: [None for _ in loader], 1))
        yield "numpy.take from a memory map, one thread", read / min(alone), None
        yield f"numpy.take from a memory map, {processors} threads", read / min(limit), 1.0
        yield "cached Loader", read / min(ours), min(limit) / min(ours)


def scanning(count, passes):
    with tempfile.TemporaryDirectory() as folder:
        write_empty_files(folder, count)
        seconds = best(lambda: ja.data.DirectorySource(folder, image_size=SIZE), passes)
    yield f"scanning {count:,} files, in files/s ({seconds:.2f} s)", count / seconds, None


def planning(records, passes):
    from jaxaug.data._membership import Membership  # noqa: PLC0415
    from jaxaug.data._order._balance import balanced  # noqa: PLC0415

    labels = np.arange(records) % 10
    membership = Membership.of(labels, tuple("abcdefghij"))
    options = {"epoch_size": records, "period": records, "seed": 0, "shuffle": True}
    for name, plan in {
        "plan": Plan(records),
        "balanced plan": balanced(membership, "uniform", **options),
    }.items():
        plan(0)  # an epoch's table
        scalar = best(lambda plan=plan: [plan(i) for i in range(1000)], 4 * passes)
        vector = best(lambda plan=plan: plan(np.arange(10**6)), passes)
        yield f"{name} of {records:,}: one index, {scalar * 1e3:.2f} us", 1e3 / scalar, None
        yield f"{name} of {records:,}: a million, {vector:.3f} us each", 1e6 / vector, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few images, one pass")
    quick = parser.parse_args().quick
    count, passes = (64, 1) if quick else (512, 5)
    print(f"{'':64}{'per second':>14}{'of the limit':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in (
            decoding(folder, count, passes),
            caching(folder, count, passes),
            scanning(10_000 if quick else 100_000, passes),
            planning(100_000 if quick else 10_000_000, passes),
        ):
            for name, rate, ratio in rows:
                print(f"{name:64}{rate:14,.0f}{'' if ratio is None else f'{ratio:14.2f}'}")


if __name__ == "__main__":
    main()
