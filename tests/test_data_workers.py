"""Worker processes: results in order, every fault named, and nothing left of them, ever.

Most tests let workers import an empty shell of the package, without JAX: they start in a moment.
"""

import contextlib
import ctypes
import gc
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import connection
from pathlib import Path

import numpy as np
import pytest

from jaxaug.data._workers import _pool as _workers
from jaxaug.data._workers._pool import WorkerError, note, work

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    root = tmp_path_factory.mktemp("shell")
    data = root / "jaxaug" / "data"
    data.mkdir(parents=True)
    (root / "jaxaug" / "__init__.py").touch()
    (data / "__init__.py").touch()
    stub = "class JaxaugError(ValueError): pass\ndescribe = repr\n"
    (root / "jaxaug" / "_types.py").write_text(stub)
    here = Path(_workers.__file__).parent
    (data / "_workers").symlink_to(here)
    (data / "_check.py").symlink_to(here.with_name("_check.py"))
    return root


@pytest.fixture
def quick(shell, monkeypatch):
    monkeypatch.syspath_prepend(shell)  # workers take over sys.path


class Unpicklable(Exception):
    def __init__(self):
        super().__init__("of a lock", threading.Lock())


class Misfit(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Unprintable(Exception):
    def __str__(self):
        raise ValueError


class Unloadable:
    def __reduce__(self):
        return pickle.loads, (b"",)

    def __call__(self, item):
        pass


def throw(error):
    raise error


def leave_a_child():
    if os.fork() == 0:
        time.sleep(6)
    os._exit(3)


def hold():
    ctypes.PyDLL(None).sleep(60)  # with Python's lock


DEEDS = {
    "fine": lambda: None,
    "hold": hold,
    "sleep": lambda: time.sleep(60),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit 0": lambda: os._exit(0),
    "exit 1": lambda: os._exit(1),
    "leave a child": leave_a_child,
    "close files": lambda: os.closerange(3, 99),
    "unpicklable": lambda: throw(Unpicklable()),
    "misfit": lambda: throw(Misfit("this", "that")),
    "unprintable": lambda: throw(Unprintable()),
    "memory": lambda: throw(MemoryError()),
    "system exit": lambda: sys.exit(0),
    "interrupt": lambda: throw(KeyboardInterrupt()),
    "return a lock": threading.Lock,
}
FAULTS = {
    "hold": "took longer than 0.5 s",
    "kill": r"was killed by signal 9 \(SIGKILL\)",
    "crash": r"was killed by signal 11 \(SIGSEGV\)",
    "exit 0": "exited with code 0",
    "exit 1": "exited with code 1",
    "leave a child": "exited with code 3",
    "close files": "exited with code 0|closed its pipe",
    "unpicklable": "raised .*Unpicklable.*of a lock",
    "misfit": "raised .*Misfit: this and that",
    "unprintable": "raised .*Unprintable",
    "memory": "raised MemoryError",
    "system exit": "raised SystemExit: 0",
    "interrupt": "raised KeyboardInterrupt",
    "return a lock": "gave a result that does not pickle: TypeError",
}


def act(item):
    result = None
    for index, deed in enumerate(item):
        note(index)
        result = DEEDS[deed]()
    return result


def picture(number):
    time.sleep(0.03 * (number % 3 == 0))
    pixels = np.random.default_rng(number).integers(0, 256, (40, 30, 3), np.uint8)
    frozen = pixels.copy()
    frozen.flags.writeable = False
    pairs = np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")])
    arrays = [pixels, np.asfortranarray(pixels), frozen, pixels[::2], np.float32(number)[None]]
    return {"arrays": [*arrays, np.zeros((0, 3)), np.array(number), pairs], "text": str(number)}


def megabytes(blob):
    return np.full(1_000_000, len(blob) % 251, np.uint8)


def same_pid(_):
    return os.getpid()


@pytest.mark.parametrize("depth", [0, 3])
def test_results_are_what_the_function_returns_in_order_and_not_too_far_ahead(depth, request):
    if depth:  # the other time, with the whole package
        request.getfixturevalue("quick")
    drawn = itertools.count()
    results = work(picture, map(next, [drawn] * 11), workers=2, depth=depth)
    for number, result in enumerate(results):
        assert 1 <= next(pickle.loads(pickle.dumps(drawn))) - number <= 2 + depth
        expected = picture(number)
        assert result["text"] == expected["text"]
        for array, wanted in zip(result["arrays"], expected["arrays"], strict=True):
            assert array.dtype == wanted.dtype
            assert array.flags.writeable
            np.testing.assert_array_equal(array, wanted, strict=True)
    assert number == 10


@pytest.mark.parametrize("deed", FAULTS)
def test_R9_every_fault_of_a_worker_names_cause_and_element(quick, deed):
    items, number = [["fine"], ["fine", deed]], 1
    if deed == "kill":
        items, number = [*items, ["sleep"]], 2  # and the first worker has something to do
    results = work(act, items, workers=number, time_limit=0.5)
    assert next(results) is None
    started = time.monotonic()
    with pytest.raises(WorkerError, match=f"(?s)finish.*got one that {FAULTS[deed]}") as caught:
        next(results)
    assert time.monotonic() - started < 5
    finished = deed in ("close files", "return a lock")
    assert caught.value.item == repr(["fine", deed] if finished else deed)
    assert ("in act" in str(caught.value)) == ("raised" in FAULTS[deed])
    assert not multiprocessing.active_children()
    assert list(results) == []


def test_a_fault_is_named_by_the_caller_s_function(quick):
    def name(item, index):
        return f"file {item[index]} of {len(item)}" if index is not None else throw(OSError())

    for item, words in ((["fine", "exit 1"], "file exit 1 of 2"), (["return a lock"], "['return")):
        with pytest.raises(WorkerError) as caught:
            list(work(act, [item], workers=1, name=name))
        assert caught.value.item.startswith(words)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), vars(again)) == (str(caught.value), vars(caught.value))


def test_a_worker_frozen_while_it_sends_is_given_up_after_the_time_limit(quick):
    results = work(megabytes, [b""] * 3, workers=1, time_limit=1)
    next(results)
    (worker,) = results.gi_frame.f_locals["workers"]
    assert connection.wait([worker._pipe], 20)  # its first bytes are here, the last do not fit
    os.kill(worker._process.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(WorkerError, match="took longer than 1 s"):
        next(results)
    assert time.monotonic() - started < 5


def test_no_size_or_number_of_requests_and_results_blocks(quick):
    def in_time(blobs):
        end = time.monotonic() + 20
        for blob in blobs:
            assert time.monotonic() < end
            yield blob

    few = [bytes(1_000_000 * (number % 2) + number) for number in range(9)]
    many = [bytes(number) for number in range(150)]
    for blobs in (few, many):
        results = work(megabytes, in_time(blobs), workers=1, depth=150, time_limit=8)
        assert [result[0] for result in results] == [len(blob) % 251 for blob in blobs]


def test_workers_survive_the_thread_that_started_them(quick):
    results, first = work(same_pid, range(4), workers=1), []
    thread = threading.Thread(target=lambda: first.append(next(results)))
    thread.start()
    thread.join()
    assert set(results) == set(first)


@pytest.mark.parametrize(
    ("function", "items", "options", "message"),
    [
        (abs, [1], {"workers": 0}, "expected workers to be an integer"),
        (abs, [1], {"workers": 1, "depth": -1}, "expected depth to be"),
        (abs, [1], {"workers": 1, "time_limit": float("inf")}, "expected time_limit in"),
        (lambda x: x, [1], {"workers": 1}, "expected a function that pickles"),
        (abs, [threading.Lock()], {"workers": 1}, "expected items that pickle"),
        (Unloadable(), [1], {"workers": 1}, "finish its start, got one that raised EOFError"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_to_do(quick, function, items, options, message):
    with pytest.raises((ValueError, WorkerError), match=message):
        list(work(function, items, **options))
    assert not multiprocessing.active_children()


def footprint():
    gc.collect()
    status = Path("/proc/self/status").read_text()
    megabytes = int(status.split("VmRSS:")[1].split()[0]) / 1000
    files = len(list(Path("/proc/self/fd").iterdir()))
    return megabytes, (files, threading.active_count(), len(descendants(os.getpid())))


def handling():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGINT)


def descendants(pid):
    """Child processes, those that only wait to be collected left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found


@linux
def test_R8_opening_and_closing_leaves_nothing(quick):
    def cycle(number):
        results = work(ord, ["a", ""][: 1 + number % 2], workers=1)
        assert next(results) == 97
        if number % 4 == 1:
            with pytest.raises(WorkerError):
                next(results)
        elif number % 4 == 2:
            results.close()
        elif number % 4 == 3:
            del results  # forgotten
        else:
            assert list(results) == []

    signals = handling()
    list(map(cycle, range(4)))
    before, things = footprint()
    list(map(cycle, range(20)))
    after, things_after = footprint()
    assert all(left <= right for left, right in zip(things_after, things, strict=True))
    assert handling() == signals
    assert after - before < 5


SCRIPT = """
import os, sys, time
from test_data_workers import act
from jaxaug.data._workers._pool import work
how = sys.argv[1]
if __name__ == "__mp_main__" and how == "starting":
    time.sleep(0.5)
if __name__ == "__mp_main__" and how == "sleep":
    sys.platform = "elsewhere"
if __name__ == "__main__" or how == "unguarded":
    rest = [[how if how in ("hold", "sleep") else "fine"]] * 6
    results = work(act, [["fine"], ["fine"], *rest], workers=2)
    if how == "starting":
        print("ready", flush=True)
    next(results), next(results)
    if how == "forking":
        if (fork := os.fork()) == 0:
            del results
            os._exit(0)
        os.waitpid(fork, 0)
        assert len(list(results)) == 6
    print("ready", flush=True)
    if how != "leaving":
        list(results)
"""


@contextlib.contextmanager
def script(shell, path, how):
    path.write_text(SCRIPT)
    places = os.pathsep.join((str(shell), str(Path(__file__).parent)))
    with subprocess.Popen(
        [sys.executable, path, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": places},
        start_new_session=True,
    ) as parent:
        try:
            yield parent
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(parent.pid, signal.SIGKILL)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@linux
@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("hold", signal.SIGINT),
        ("hold", signal.SIGTERM),
        ("hold", signal.SIGKILL),
        ("sleep", signal.SIGKILL),  # where only a thread watches the parent
        ("starting", None),  # when the workers hear a Ctrl-C that was not meant for them
        ("leaving", None),
        ("forking", None),
    ],
)
def test_R8_R21_workers_end_with_their_parent(shell, tmp_path, how, number):
    with script(shell, tmp_path / "script.py", how) as parent:
        assert parent.stdout.readline() == "ready\n"
        if number or how == "starting":
            wait_until(lambda: len(descendants(parent.pid)) == 3)  # and Python's own tracker
        workers = descendants(parent.pid)
        if how == "starting":
            list(map(os.kill, workers, [signal.SIGINT] * 3))
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does
        elif number:
            parent.send_signal(number)
        _, errors = parent.communicate(timeout=20 if how == "starting" else 3)
        wait_until(lambda: not any(map(is_alive, workers)), 3)
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == (number == 2)
    assert errors.count("\n") < 40 * (number == 2) + 1
    assert parent.returncode == -(number or 0)


def test_a_script_without_a_guard_is_told_so_once(shell, tmp_path):
    with script(shell, tmp_path / "script.py", "unguarded") as parent:
        _, errors = parent.communicate(timeout=20)
    assert errors.count("Traceback") == 1
    assert "if __name__ ==" in errors
