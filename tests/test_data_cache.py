"""A cached source is the uncached one, only faster: whatever happens to the file."""

import errno
import os
import pickle
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxaug import JaxaugError
from jaxaug.data._arrays import ArrayReader
from jaxaug.data._cache import _cached as _cache
from jaxaug.data._cache import _cachefile, _part
from jaxaug.data._decode._decoder import DecodeError, Decoder
from jaxaug.data._paths import Paths
from jaxaug.data._reader import FileReader
from jaxaug.data._source import ImageSource

COUNT, BAD = 40, 27  # in the second chunk


class Spy:
    """Reads as `read` does, counts records, and fails as it is told to."""

    def __init__(self, read):
        self.inner, self.records, self.fail = read, 0, lambda jobs: []

    def __repr__(self):
        return repr(self.inner)

    def __call__(self, jobs):
        self.records += len(jobs)
        arrays, faults = self.inner(jobs)
        return arrays, faults + self.fail(jobs)


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def source_of(root, masks=True, **options):
    names = entries(root / "images")
    decoder = Decoder(**(options or {"canvas": (50, 48)}))
    folders = {"masks": Paths(names), "mask_folder": str(root / "masks")} if masks else {}
    reader = FileReader(str(root / "images"), Paths(names), decoder, placement=True, **folders)
    reader.read = Spy(reader.read)
    return ImageSource(reader, {}, "Test")


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(COUNT):
        shape = (30 + number % 20, 48 - number % 7)
        for folder, array in (("images", (256, (*shape, 3))), ("masks", (9, shape))):
            image = Image.fromarray(rng.integers(0, *array, np.uint8))
            image.save(tmp_path / folder / f"{number:02}\udcff.png")  # not UTF-8
    bad = tmp_path / "images" / f"{BAD:02}\udcff.png"
    bad.write_bytes(bad.read_bytes()[:999])
    return tmp_path


def cached(source, where):
    return source.cached(where, progress=False)


def pixels(source, rows=None):
    """What the reader gives, as bytes and texts that can be compared."""
    reader, rows = source.reader, np.arange(len(source)) if rows is None else np.asarray(rows)
    arrays, faults = reader.read(reader.jobs(source.identities(rows)))
    assert all(array.flags.owndata and array.flags.writeable for array in arrays.values())
    found = {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}
    return found, [(place, type(error), error.args) for place, error in faults]


def only_file(folder):
    (name,) = entries(folder)
    assert name.endswith(".jaxaug")
    return folder / name


@pytest.mark.parametrize("where", ["memory", "folder"])
@pytest.mark.parametrize("part", [slice(None), [31, 2, BAD, 12], slice(3, 30)])
def test_cached_is_uncached_bit_for_bit_faults_too(root, where, part):
    source = source_of(root).subset(np.arange(COUNT)[part])
    copy = cached(source, where if where == "memory" else root / "new" / "cache")
    rows = np.random.default_rng(1).permutation(len(source))
    source.reader.read.records = 0
    for _ in range(2):  # with and without checksums
        assert pixels(copy, rows) == pixels(source, rows)
    assert source.reader.read.records == 2 * len(rows)  # all of them ours
    assert pixels(copy)[1][0][2][1:] == pixels(source)[1][0][2][1:]
    bad, depths = np.flatnonzero(source.identities(np.arange(len(source))) == BAD), set()
    for _ in range(3):
        with pytest.raises(DecodeError, match="27") as caught:
            copy.read(bad)
        depths.add(len(caught.traceback))
    assert len(depths) == 1  # the error that is kept does not gather frames
    first, second = source.reader, copy.reader
    assert (second.spec, second.manifest(), len(second)) == (first.spec, first.manifest(), COUNT)
    assert (second.name(2), second.key(2)) == (first.name(2), first.key(2))
    assert not second.worker()
    assert not np.shares_memory(copy.read([0])["image"], copy.read([0])["image"])


def test_files_are_decoded_again_if_anything_changed_and_only_then(root):
    folder, read, files = root / "cache", [], []

    def again(source):
        copy = cached(source, folder)
        read.append(source.reader.read.records)
        files.append(len(entries(folder)))
        assert pixels(copy) == pixels(source)

    again(source_of(root))
    again(source_of(root))
    again(source_of(root).subset(np.arange(COUNT)[::-1]))  # the same records
    assert (read, files) == ([COUNT, 0, 0], [1, 1, 1])
    again(source_of(root).subset([1, 2]))
    again(source_of(root, image_size=(9, 9), resample="nearest"))
    again(source_of(root, image_size=(9, 9), resample="bilinear"))
    again(source_of(root, masks=False))
    for folder_ in ("images", "masks"):
        changed = root / folder_ / "03\udcff.png"  # the size stays
        shutil.copyfile(root / folder_ / "23\udcff.png", changed)
        os.utime(changed, ns=(0, 1))
        if folder_ == "images":  # so that they still fit
            shutil.copyfile(root / "masks" / "23\udcff.png", root / "masks" / "03\udcff.png")
        again(source_of(root))
    assert files == [1, 1, 1, 2, 3, 4, 5, 6, 7]


def test_other_records_make_another_file_even_if_all_files_are_alike(root, monkeypatch):
    monkeypatch.setattr(FileReader, "versions", lambda self, index: b"")
    for part in ([1, 2], [1, 3]):
        cached(source_of(root).subset(part), root / "cache")
    assert len(entries(root / "cache")) == 2


def test_another_pillow_makes_another_file(root, monkeypatch):
    cached(source_of(root), root / "cache")
    monkeypatch.setattr("PIL.__version__", "0")
    cached(source_of(root), root / "cache")
    assert len(entries(root / "cache")) == 2


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def test_no_flipped_bit_gives_wrong_pixels(root):
    source = source_of(root, image_size=(6, 5)).subset(np.arange(20, 32))
    cached(source, root / "cache")
    path, want, outcomes = only_file(root / "cache"), pixels(source), set()
    good = path.read_bytes()
    for place in [*range(64), *range(64, len(good), 37), *range(len(good) - 200, len(good))]:
        path.write_bytes(flipped(good, place))
        records = _cachefile.CacheFile(str(path), path.stem)
        reader = _cache.CachedReader(source.reader, np.arange(20, 32, dtype=np.uint32), records)
        try:
            arrays, _ = reader.read(np.arange(12))
            assert all(arrays[k].tobytes() == want[0][k][2] for k in arrays)
            outcomes.add("harmless")  # between arrays
        except JaxaugError as error:
            assert str(path) in str(error).replace("\\\\", "\\")
            outcomes.add(error.got.rpartition(" (")[2].split(" record ")[0])
    assert {"wrong checksum of", "wrong checksum of its head)"} <= outcomes
    path.write_bytes(good)


@pytest.mark.parametrize(
    ("reason", "damage"),
    [
        ("(0 bytes)", lambda data: b""),
        ("(20 bytes)", lambda data: data[:20]),
        ("bytes instead of", lambda data: data[: len(data) // 2]),
        ("bytes instead of", lambda data: data[:-1]),
        ("bytes instead of", lambda data: data + b"\0"),
        ("begins with b'\\x00", lambda data: bytes(len(data))),
        ("begins with b'<html>", lambda data: b"<html>an error page, not the file</html>"),
        ("checksum of its head", lambda data: flipped(data, len(data) - 9)),
        ("of its checksums", lambda data: flipped(data, int.from_bytes(data[12:20], "little") - 1)),
        ("made of other files", "another"),
        ("format 99 instead of", "version"),
    ],
)
def test_a_damaged_file_is_made_again_at_once(root, reason, damage, capfd, monkeypatch):
    source, folder = source_of(root), root / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(_cachefile, "VERSION", 99 if damage == "version" else _cachefile.VERSION)
        cached(source, folder)
    path = only_file(folder)
    if damage == "another":
        cached(source.subset([1]), root / "b")
        shutil.copyfile(only_file(root / "b"), path)
    elif callable(damage):
        path.write_bytes(damage(path.read_bytes()))
    copy = source.cached(folder)
    assert reason in capfd.readouterr().err  # the progress bar says why
    assert pixels(copy) == pixels(source)
    assert only_file(folder) == path


def test_a_damaged_record_is_refused_whenever_it_is_read_and_others_are_not(root):
    source = source_of(root, image_size=(6, 5))
    copy = cached(source, root / "cache")
    path = only_file(root / "cache")
    # The first byte of record 5, in place: in the file that is mapped already.
    path.write_bytes(flipped(path.read_bytes(), 64 + 90 * 5))
    assert pixels(copy, [4, 6])[1] == []
    for _ in range(2):
        with pytest.raises(JaxaugError, match=r"wrong checksum of record 5.*Delete"):
            pixels(copy, [4, 5])


def test_pickles_are_small_and_open_the_file_again(root):
    source = source_of(root)
    copy = cached(source, root / "cache")
    want, sent = pixels(source), pickle.dumps(copy.reader.read)
    assert len(sent) < 1000
    again = pickle.loads(sent)
    assert {k: a.tobytes() for k, a in again(np.arange(COUNT))[0].items()} == {
        k: v[2] for k, v in want[0].items()
    }
    only_file(root / "cache").write_bytes(b"short")
    with pytest.raises(JaxaugError, match="5 bytes"):
        pickle.loads(sent)(np.arange(2))
    with pytest.raises(JaxaugError, match="Pass a folder"):
        pickle.dumps(cached(source, "memory").reader.read)


def test_arguments(root):
    source = source_of(root)
    for part in ([1, 2, 3], [1, 5]):
        reader = cached(source.subset(part), "memory").reader
        for other in (0, 4, 39, 2**32 - 1):
            with pytest.raises(JaxaugError, match=f"record {other}"):
                reader.jobs(np.array([1, other], np.uint32))
    for where in (None, "", b"x"):
        with pytest.raises(JaxaugError, match="where to be a folder"):
            cached(source, where)
    with pytest.raises(JaxaugError, match="progress to be True"):
        source.cached("memory", progress="no")
    with pytest.raises(JaxaugError, match="images in files"):
        arrays = ImageSource(ArrayReader({"image": np.zeros((2, 3, 3, 1))}, "x"), {}, "x")
        cached(arrays, root / "cache")
    for nowhere in ("/proc/cache", root / "images" / "00\udcff.png"):
        with pytest.raises(JaxaugError, match="a folder to keep the cache in, got"):
            cached(source, nowhere)


def test_a_record_that_failed_for_a_passing_reason_is_tried_again(root):
    source, folder = source_of(root), root / "cache"
    gone = DecodeError("x", "Input/output error", "open", "OSError", transient=True)
    source.reader.read.fail = lambda jobs: [
        (k, gone) for k, job in enumerate(jobs) if "09" in job[0]
    ]
    assert [place for place, *_ in pixels(cached(source, folder))[1]] == [9, BAD]
    source.reader.read.records = 0
    cached(source, folder)
    assert source.reader.read.records == 1  # only that one, and it was still gone
    source = source_of(root)
    assert pixels(cached(source, folder)) == pixels(source)


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("fault", ["free", "limit", "ctrl-c", "rename"])
def test_r11_no_room_or_an_interruption_leaves_nothing(root, monkeypatch, fault):
    source, folder, want = source_of(root), root / "cache", JaxaugError
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with monkeypatch.context() as patch:
        if fault == "free":
            usage = shutil.disk_usage(root)._replace(free=1000)
            patch.setattr(shutil, "disk_usage", lambda folder: usage)
        elif fault == "ctrl-c":
            patch.setattr(_cachefile.Writer, "finish", interrupt)
            want = KeyboardInterrupt
        elif fault == "rename":
            patch.setattr(os, "replace", lambda *names: Path("/nowhere").stat())
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        try:
            with pytest.raises(want) as caught:
                cached(source, folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if fault == "limit":
        assert os.strerror(errno.EFBIG) in str(caught.value)
    assert entries(folder) == []
    assert pixels(cached(source, folder)) == pixels(source)


def test_r13_without_locks_everyone_makes_the_file(root, monkeypatch):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_part.fcntl, "flock", flock)
    source = source_of(root)
    with _part.Part(str(root / "cache.jaxaug"), list), _part.Part(str(root / "cache.jaxaug"), list):
        assert len(list(root.glob("*.part"))) == 2
    assert pixels(cached(source, root / "cache")) == pixels(source)
    assert only_file(root / "cache")


def test_r13_a_part_is_given_up_once_its_name_stands_for_another_file(tmp_path, monkeypatch):
    path, name, flock = tmp_path / "x", tmp_path / "x.part", _part.fcntl.flock
    name.write_bytes(b"done")

    def overtaken(file, how):
        monkeypatch.undo()
        name.rename(path)  # its owner has just finished
        name.touch()  # and a third one begins
        flock(file, how)

    monkeypatch.setattr(_part.fcntl, "flock", overtaken)
    with _part.Part(str(path), list) as part:
        part.file.write(b"ours")
        name.unlink()
        name.write_bytes(b"of a fourth")
        with pytest.raises(FileNotFoundError, match="Removed while"):
            part.commit()
    assert (path.read_bytes(), name.read_bytes()) == (b"done", b"of a fourth")


def test_r13_what_a_killed_builder_left_is_taken_over(root):
    source, folder = source_of(root), root / "cache"
    cached(source, folder)
    path = only_file(folder)
    path.rename(f"{path}.part").write_bytes(path.name.encode() * 100_000)  # longer than it will be
    assert pixels(cached(source, folder)) == pixels(source)
    assert only_file(folder) == path


R13 = """
import os, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_data_cache import cached, pixels, source_of, COUNT
root = Path(sys.argv[1])
part = lambda: sum(p.stat().st_size for p in root.glob("cache/*.part"))
def child(blocked):
    if pid := os.fork():
        return pid
    signal.alarm(100)  # whatever goes wrong, nobody is left behind
    source = source_of(root, image_size=(90, 90))
    last = source.path(-1)  # read while the first ones are written
    stop = lambda jobs: blocked and jobs[-1][0] == last
    source.reader.read.fail = lambda jobs: threading.Event().wait() if stop(jobs) else []
    copy = cached(source, root / "cache")
    built = source.reader.read.records
    os._exit(built // COUNT if pixels(copy) == pixels(source) else 99)
first = child(True)
while not part():
    assert not os.waitpid(first, os.WNOHANG)[0]
    time.sleep(0.01)
others = [child(False) for _ in range(7)]
os.kill(first, signal.SIGKILL)
assert os.waitpid(first, 0)[1] == signal.SIGKILL
print(sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in others))
"""


def test_r13_eight_processes_at_once_and_the_builder_is_killed(root):
    here = str(Path(__file__).parent)
    command = [sys.executable, "-W", "ignore", "-c", R13, str(root), here]
    done = subprocess.run(command, capture_output=True, timeout=120, text=True, check=False)
    assert done.stdout == "[0, 0, 0, 0, 0, 0, 1]\n", done.stderr  # one decoded, all had good pixels
    assert only_file(root / "cache")


def test_r14_nothing_is_written_outside_the_folder_and_nothing_at_all_once_it_is_there(root):
    events, watching = [], [True]

    def hook(event, args):
        known = ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate")
        if not watching or event not in known:
            return
        if event != "open" or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            events.append(args[0])

    sys.addaudithook(hook)  # for ever: it sleeps once the test is over
    try:
        copy = cached(source_of(root), root / "cache")
        assert events
        assert all(path.startswith(str(root / "cache")) for path in events)
        events.clear()
        copy = cached(source_of(root), root / "cache")
        pixels(copy)
        assert events == []
    finally:
        watching.clear()
