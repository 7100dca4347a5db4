"""Files that cannot be read: the policy decides, the good never notice, the report is exact."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug.data._faults import Fault, TooManyFaultsError

SIZE = 400
BAD = np.sort(np.random.default_rng(0).choice(SIZE, 20, replace=False))  # 5 %


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Twice the same images; in the second folder some are damaged, each in another way."""
    clean, broken = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("broken")
    damage = [b"", b"<html>", lambda data: data[:40], lambda data: data[: len(data) // 2]]
    for number in range(SIZE):
        name = Path("ab"[number % 2], f"{number // 2:04d}.png")
        for root in (clean, broken):
            (root / name).parent.mkdir(exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(root / name)
    source = jd.DirectorySource(broken, image_size=(6, 8))
    for turn, row in enumerate(BAD):
        path = Path(source.path(row))
        what = damage[turn % len(damage)]
        path.write_bytes(what(path.read_bytes()) if callable(what) else what)
    return clean, broken


def read(folder, *, epochs=2, **options):
    source = jd.DirectorySource(folder, image_size=(6, 8))
    loader = jd.Loader(source, 16, **{"seed": 2, "device": False, "remainder": "pad"} | options)
    batches = [batch for epoch in range(epochs) for batch in loader.epoch(epoch)]
    return {k: np.concatenate([b[k] for b in batches]) for k in batches[0]}, loader


@pytest.mark.parametrize("balance", [None, "uniform"])
@pytest.mark.parametrize("policy", ["skip", "substitute"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_good_images_are_those_of_a_clean_run(folders, policy, shuffle, balance):
    expected, _ = read(folders[0], shuffle=shuffle, balance=balance)
    got, loader = read(folders[1], shuffle=shuffle, balance=balance, on_error=policy, max_bad=20)
    bad = np.isin(expected["index"], BAD)
    for name in ("image", "label", "index", "visit", "valid"):
        np.testing.assert_array_equal(got[name][~bad], expected[name][~bad])
    assert [fault.index for fault in loader.report()] == BAD.tolist()
    assert all(fault.path.endswith(".png") and fault.message for fault in loader.report())
    # What stands in for a bad image is a good one of its class, in a visit of its own.
    assert not np.isin(got["index"], BAD).any()
    assert (got["label"] == expected["label"]).all()
    assert (got["visit"][bad] >= 2**31).all()
    source = jd.DirectorySource(folders[0], image_size=(6, 8))
    np.testing.assert_array_equal(got["image"][bad], source.read(got["index"][bad])["image"])
    counted = expected["valid"][bad] & (policy == "substitute")
    np.testing.assert_array_equal(got["valid"][bad], counted)


def test_what_stands_in_does_not_depend_on_threads_hosts_batches_or_processes(folders):
    expected, _ = read(folders[1], on_error="substitute", threads=0, max_bad=20, epochs=1)
    pairs = dict(zip(expected["image"][:, 0, 0, 0].tolist(), expected["visit"], strict=True))
    for options in ({"threads": 8}, {"workers": 2}):
        got, loader = read(folders[1], on_error="substitute", max_bad=20, epochs=1, **options)
        for name in expected:
            np.testing.assert_array_equal(got[name], expected[name])
        assert [fault.index for fault in loader.report()] == BAD.tolist()
    hosts = [
        read(folders[1], on_error="substitute", max_bad=20, shard=(host, 2), epochs=1)[0]
        for host in range(2)
    ]
    merged = np.concatenate([h["image"].reshape(-1, 8, 6, 8, 3) for h in hosts], axis=1)
    np.testing.assert_array_equal(merged.reshape(-1, 6, 8, 3), expected["image"])
    assert pairs


def test_one_epoch_never_shows_two_images_alike(folders):
    got, _ = read(folders[1], on_error="substitute", max_bad=20, epochs=3, remainder="drop")
    occasions = np.stack([got["index"], got["visit"]], axis=1)
    assert len(np.unique(occasions, axis=0)) == len(occasions)


@pytest.mark.parametrize("balance", ["weights", {"a": 0, "b": 1}])
def test_what_is_never_drawn_never_stands_in(folders, balance):
    source = jd.DirectorySource(folders[1], image_size=(6, 8))
    good = np.setdiff1d(np.arange(SIZE), BAD)
    if balance == "weights":
        allowed = np.array([BAD[0], good[5], good[-1]])
        balance = np.isin(np.arange(SIZE), allowed).astype(float)
    else:
        allowed = np.flatnonzero(source.labels == 1)
    loader = jd.Loader(source, 40, balance=balance, on_error="substitute", max_bad=99, device=False)
    seen = np.unique(np.concatenate([batch["index"] for batch in loader]))
    assert loader.report()
    assert set(seen) <= set(allowed.tolist())


def test_raise_names_the_first_bad_file_and_the_state_stays_before_it(folders):
    source = jd.DirectorySource(folders[1], image_size=(6, 8))
    loader = jd.Loader(source, 1, shuffle=False, device=False)
    with pytest.raises(jd.DecodeError) as caught:
        for _ in loader:
            pass
    assert caught.value.path == source.path(BAD[0])
    assert loader.state()["step"] == BAD[0]  # mend the file, and go on from there


@pytest.mark.parametrize("threads", [0, 2])
def test_max_bad_stops_with_the_list(folders, threads):
    source = jd.DirectorySource(folders[1], image_size=(6, 8))
    loader = jd.Loader(
        source, 10, shuffle=False, on_error="skip", max_bad=5, threads=threads, device=False
    )
    seen = []
    with pytest.raises(TooManyFaultsError, match="at most max_bad=5 records") as caught:
        seen.extend(batch["index"] for batch in loader)
    assert len(seen) == BAD[5] // 10  # always at the same batch
    named = [fault.index for fault in caught.value.faults]
    assert named == [b for b in BAD if b // 10 <= BAD[5] // 10]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.faults, again.limit) == (str(caught.value), caught.value.faults, 5)


def test_a_dataset_without_a_good_image_ends_in_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(50):
        (tmp_path / "a" / f"{number}.png").write_bytes(b"no image")
    source = jd.DirectorySource(tmp_path, image_size=(6, 8))
    for policy, limit in (("skip", 1000), ("substitute", 1000), ("substitute", None)):
        with pytest.raises(ValueError, match="a record that can be read, got none among"):
            list(jd.Loader(source, 4, on_error=policy, max_bad=limit, device=False))


def test_a_file_that_vanishes_in_mid_epoch_is_named(folders, tmp_path):
    for number in range(8):
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.new("RGB", (6, 6), (number, 0, 0)).save(tmp_path / "a" / f"{number}.png")
    source = jd.DirectorySource(tmp_path, image_size=(6, 8))
    loader = jd.Loader(
        source, 2, shuffle=False, on_error="skip", threads=0, prefetch=0, device=False
    )
    batches = iter(loader)
    next(batches)
    (tmp_path / "a" / "5.png").unlink()
    valid = [batch["valid"].tolist() for batch in batches]
    assert valid == [[True, True], [True, False], [True, True]]
    (fault,) = loader.report()
    assert fault == Fault(5, source.path(5), "open", "FileNotFoundError", fault.message)


RUN = """
import sys, json, hashlib, os
import jaxaug.data as jd

def main(root, state, out, workers):
    source = jd.DirectorySource(root, image_size=(6, 8))
    loader = jd.Loader(source, 8, seed=4, device=False, balance="sqrt", workers=workers,
                       threads=2, on_error="substitute", max_bad=20)
    if os.path.exists(state):
        loader.restore(json.load(open(state)))
    epoch = loader.state()["epoch"]
    while epoch < 3:
        for batch in loader:
            line = hashlib.sha256(b"".join(batch[k].tobytes() for k in sorted(batch))).hexdigest()
            saved = loader.state()
            with open(out, "a") as file:
                file.write(f"{saved['epoch'] * len(loader) + saved['step']} {line}\\n")
            with open(state + ".new", "w") as file:
                json.dump(saved, file)
            os.replace(state + ".new", state)
        epoch += 1

if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
"""


@pytest.mark.parametrize(("workers", "kills"), [(0, 3), (2, 2)])
def test_killed_and_resumed_the_stream_goes_on_exactly(folders, tmp_path, workers, kills):
    """Every line ever written, before and after any kill -9, is that of an uninterrupted run."""
    program = tmp_path / "run.py"
    program.write_text(RUN)
    once = [str(tmp_path / "whole.json"), str(tmp_path / "whole.txt")]
    subprocess.run([sys.executable, program, folders[1], *once, "0"], check=True, timeout=60)
    expected = dict(line.split() for line in Path(once[1]).read_text().splitlines())
    state, out = tmp_path / "state.json", tmp_path / "lines.txt"
    rng = np.random.default_rng(7)
    command = [sys.executable, str(program), str(folders[1]), str(state), str(out), str(workers)]
    for _ in range(kills):
        lines = out.read_text().count("\n") if out.exists() else 0
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        more = int(rng.integers(1, 12))
        while process.poll() is None and time.monotonic() < deadline:
            if out.exists() and out.read_text().count("\n") >= lines + more:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        json.loads(state.read_text())  # never half-written
    subprocess.run(command, check=True, timeout=60)
    written = [line.split() for line in out.read_text().splitlines()]
    assert all(expected[step] == line for step, line in written)
    assert {step for step, _ in written} == set(expected)


def test_long_runs_leave_nothing_behind(folders):
    """Many epochs: no file stays open, no thread stays, and memory does not grow."""
    source = jd.DirectorySource(folders[1], image_size=(6, 8)).subset(range(64))
    loader = jd.Loader(source, 16, on_error="skip", threads=2, device=False)
    others = set(threading.enumerate())

    def level():
        # Grain ends its threads without waiting for them: the last epoch's may need a moment.
        deadline = time.monotonic() + 30
        while threads := set(threading.enumerate()) - others:
            assert time.monotonic() < deadline, threads
            time.sleep(0.01)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return len(list(Path("/proc/self/fd").iterdir())), pages * 4 // 1024

    for epoch in range(60):
        for _ in loader:
            pass
        if epoch == 20:
            before = level()
    after = level()
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 3  # MiB


def test_nothing_depends_on_the_hash_seed_or_the_locale(folders, tmp_path):
    program = tmp_path / "run.py"
    program.write_text(RUN)
    digests = set()
    for turn, env in enumerate(({"PYTHONHASHSEED": "1", "LC_ALL": "C"}, {"PYTHONHASHSEED": "2"})):
        out = tmp_path / f"{turn}.txt"
        command = [sys.executable, program, folders[1], tmp_path / f"{turn}.json", out, "0"]
        subprocess.run(command, env=os.environ | env, check=True, timeout=60)
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


INTERRUPTED = """
import sys, time, jaxaug.data as jd
source = jd.DirectorySource(sys.argv[1], image_size=(6, 8))
loader = jd.Loader(source, 4, on_error="skip", max_bad=100, threads=2)
while True:
    for batch in loader:
        print("step", flush=True)
        time.sleep(0.01)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_ends_soon_and_says_so_once(folders, number):
    command = [sys.executable, "-c", INTERRUPTED, str(folders[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        assert process.stdout.readline() == "step\n"
    process.send_signal(number)
    _, error = process.communicate(timeout=10)
    assert process.returncode == -number
    assert error.count("Traceback") == (number == signal.SIGINT)


GLOBAL = """
import locale, os, random, signal, sys, threading, warnings
import numpy as np
from PIL import Image, ImageFile

def everything():
    return {
        "pillow": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES),
        "warnings": [str(f) for f in warnings.filters],
        "numpy": [str(part) for part in np.random.get_state()],
        "random": random.getstate(),
        "signals": [signal.getsignal(n) for n in sorted(signal.valid_signals())],
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "folder": os.getcwd(),
        "errors": np.geterr(),
    }

import jax, grain, pandas  # what they change is theirs
before = everything()
import jaxaug as ja
source = ja.data.DirectorySource(sys.argv[1], image_size=(6, 8))
for batch in ja.data.Loader(source, 16, on_error="substitute", max_bad=50, balance="sqrt"):
    pass
after = everything()
for name in before:
    assert before[name] == after[name], (name, before[name], after[name])
"""


def test_what_belongs_to_the_process_stays_as_it_was(folders):
    command = [sys.executable, "-W", "error", "-c", GLOBAL, str(folders[1])]
    subprocess.run(command, check=True, timeout=60)
