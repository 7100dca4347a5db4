"""Iterators over image files: against Keras where it is kept, by law where it is not."""

import itertools
import linecache
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from keras_oracle import image as keras
from PIL import Image

from jaxaug.compat import _ahead, _files
from jaxaug.compat._dataframe import DataFrameIterator
from jaxaug.compat._directory import DirectoryIterator
from jaxaug.compat._generator import ImageDataGenerator
from jaxaug.compat._iterator import Iterator
from jaxaug.data import DecodeError

NAMES = """B/1.png|cat/10.png|cat/2.PNG|cat/sub/deep/a.jpg|cat/sub.x/b.JPEG|cat/xpng|cat/.hid/c.png
cat/.h.png|dog/1.bmp|dog/2.tif|dog/e \u00e9.png|dog/p.png/q.png""".replace("\n", "|").split("|")
FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "tif": "TIFF"}
ATTRIBUTES = """directory classes class_indices samples n filenames filepaths labels sample_weight
    target_size image_shape color_mode class_mode data_format subset split batch_size dtype
    interpolation keep_aspect_ratio save_to_dir save_prefix save_format shuffle seed _targets"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(random.integers(0, 256, (7 + number, 9, 3), np.uint8))
        image = image.convert(("RGB", "L", "RGBA")[number % 3] if path.suffix == ".png" else "RGB")
        image.save(path, FORMATS.get(path.suffix[1:].lower(), "PNG"))
    (folder / "empty").mkdir()
    (folder / "dog/text.txt").write_text("no image")
    (folder / "beside.png").write_bytes((folder / "B/1.png").read_bytes())
    (folder / "dog/link").symlink_to("../B")
    (folder / "dog/z.bmp").symlink_to("1.bmp")
    return folder


@pytest.fixture(scope="module")
def frame():
    names = [*NAMES[:3], "none.png", "dog/text.txt", *NAMES[3:]]
    count = len(names)
    sets = [["a", "b"], ("b",), [], ["c"], "a", ["c", "b", "c"]]
    columns = {
        "class": list("abacb"),
        "two": list("yx"),
        "sets": sets,
        "pair": [np.array([k, 1]) for k in range(count)],
        "w": np.arange(count, dtype=np.float32),
        "n": range(count),
        "x": np.arange(count) / 2,
    }
    turns = {key: [*itertools.islice(itertools.cycle(v), count)] for key, v in columns.items()}
    frame = pd.DataFrame({"filename": names} | turns, index=[0, *range(count - 1)])
    return frame.assign(part=frame["two"].astype("category"), flag=frame["two"] == "y")


def same(mine, theirs):
    """Equal in types, dtypes, shapes and values, all the way down."""
    assert type(mine) is type(theirs), (mine, theirs)
    if isinstance(theirs, tuple | list):
        assert len(mine) == len(theirs)
        for pair in zip(mine, theirs, strict=True):
            same(*pair)
    elif isinstance(theirs, np.ndarray):
        assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(mine, theirs)
    else:
        assert mine == theirs


def outcome(kind, data, options, made, capsys):
    """The iterator or the error, and what was said and warned of."""
    options = {"target_size": (6, 5), "batch_size": 4, "shuffle": False} | options
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = kind(data, image_data_generator=made, **options)
        except Exception as error:  # noqa: BLE001 - to compare
            found = error
    return found, capsys.readouterr().out, caught


def compare(ours, data, options, capsys, **settings):
    """Makes both iterators with the same options, and compares all that they do."""
    settings = {"validation_split": 0.34} | settings
    made, theirs = ImageDataGenerator(**settings), getattr(keras, ours.__name__)
    mine, said, warned = outcome(ours, data, options, made, capsys)
    made = keras.ImageDataGenerator(**settings)
    kept, told, caught = outcome(theirs, data, options, made, capsys)
    if isinstance(kept, Exception):
        assert isinstance(mine, type(kept)), (options, mine, kept)
        quoted = str(kept).split(";")[0]  # a set follows, in any order
        assert quoted in str(mine) or isinstance(kept, KeyError | OSError), (options, mine, kept)
        return
    assert not isinstance(mine, Exception), (options, mine)
    assert said == told
    assert [each.category for each in warned] == [each.category for each in caught]
    assert all(str(b.message) in str(a.message) for a, b in zip(warned, caught, strict=True))
    lines = [linecache.getline(each.filename, each.lineno) for each in warned]
    assert all("found = kind(data" in line for line in lines)
    for name in ATTRIBUTES.split():
        assert hasattr(mine, name) == hasattr(kept, name), name
        if hasattr(kept, name):
            same(getattr(mine, name), getattr(kept, name))
    same([mine[number] for number in range(len(mine))], [*map(kept.__getitem__, range(len(kept)))])
    if len(kept):
        same(next(mine), next(kept))


def cases(text):
    return [eval(f"dict({line})") for line in text.strip().splitlines()]


def test_a_folder_is_read_as_by_keras(root, capsys):
    modes = ("categorical", "binary", "sparse", "input", None), ("rgb", "rgba", "grayscale")
    for mode, color in itertools.product(*modes):
        compare(DirectoryIterator, root, {"class_mode": mode, "color_mode": color}, capsys)
    options = """
    classes=["dog", "empty", "B"], data_format="channels_first"
    classes={"dog": 0, "cat": 1}, class_mode="sparse"
    classes=("empty", "."), save_prefix="p"
    classes=[], dtype="float64", keep_aspect_ratio=True
    follow_links=True, interpolation="bilinear"
    subset="training", classes=["cat", "dog"]
    subset="validation", class_mode="sparse"
    subset="test"
    class_mode="raw"
    color_mode="bgr"
    """
    for each in cases(options):
        compare(DirectoryIterator, str(root), each, capsys)
    (root.parent / "tiffs/a").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 8), 3).save(root.parent / "tiffs/a/1.TIFF")
    for data in (root.parent / "tiffs", root / "none", root / "beside.png"):
        compare(DirectoryIterator, data, {}, capsys)


def test_a_table_is_read_as_by_keras(root, frame, capsys):
    axes = ("categorical", "sparse", "input", None), ("w", "n", None), ("training", None)
    for mode, weight, subset in itertools.product(*axes):
        each = {"class_mode": mode, "weight_col": weight, "subset": subset, "directory": root}
        compare(DataFrameIterator, frame, each, capsys)
    options = """
    classes=["c", "a", "a", "z"], subset="validation"
    classes=["c", "a", "a", "z"], class_mode="sparse", dtype="float16"
    classes=["c", "a"], class_mode="input"
    class_mode="binary", y_col="two", color_mode="grayscale"
    class_mode="binary", classes=["b", "c"]
    y_col="sets", weight_col="w"
    y_col="sets", classes=("c", "b"), subset="training"
    y_col="part", save_prefix="p"
    class_mode="raw", y_col="x", weight_col="w"
    class_mode="raw", y_col=["x", "n"], classes=["a"]
    class_mode="multi_output", y_col=["x", "class", "pair"], weight_col="n"
    class_mode="multi_output", y_col=["n", "x"], subset="validation"
    class_mode="binary"
    class_mode="binary", classes=["a"]
    class_mode="binary", y_col="n"
    class_mode="other"
    class_mode="multi_output", y_col="x"
    class_mode="multi_output", y_col=("x", "n")
    y_col="n"
    y_col=["class"]
    y_col="sets", class_mode="sparse"
    weight_col="class"
    weight_col="flag"
    x_col="n"
    x_col="z"
    y_col="z"
    y_col=["x", "z"], class_mode="raw"
    weight_col="z"
    subset="test"
    color_mode="bgr"
    """
    for each in cases(options):
        compare(DataFrameIterator, frame, {"directory": str(root)} | each, capsys)
    compare(DataFrameIterator, frame, {"directory": str(root / "cat")}, capsys)
    paths = frame.assign(filename=[str(root / name) for name in frame["filename"]])
    for each in cases('directory=None\ndirectory="elsewhere"\nclass_mode=None, y_col=None'):
        compare(DataFrameIterator, paths, each, capsys)
    first = {"directory": str(root), "validate_filenames": False, "data_format": "channels_first"}
    whole = frame[frame["filename"].isin(NAMES)]
    compare(DataFrameIterator, whole, first, capsys, data_format="channels_first")
    for column in ("filename", "two"):
        gaps = frame.assign(**{column: frame[column].where(frame["n"] > 1)})
        compare(DataFrameIterator, gaps, {"directory": str(root), "y_col": "two"}, capsys)


def folder(root, generator=None, **options):
    return DirectoryIterator(root, generator, (6, 5), **{"batch_size": 3, "seed": 1} | options)


def table(root, frame, **options):
    whole = frame[frame["filename"].isin(NAMES)]
    return DataFrameIterator(whole, root, target_size=(6, 5), batch_size=3, **options)


def copies(root, target, *names):
    for name in names:
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes((root / "B/1.png").read_bytes())


def walk(iterator, count):
    return [next(iterator) for _ in range(count)]


def test_hidden_folders_are_no_classes_and_links_no_endless_ones(root, tmp_path):
    copies(root, tmp_path, ".ipynb_checkpoints/1.png", "a/1.png", "b/1.png")
    (tmp_path / "a/loop").symlink_to("..")
    (tmp_path / "a/other").symlink_to("../b")
    assert folder(tmp_path).class_indices == {"a": 0, "b": 1}
    linked = folder(tmp_path, follow_links=True)
    assert linked.filenames == ["a/1.png", "a/other/1.png", "b/1.png"]


def test_what_keras_accepts_in_silence_is_an_error(root, frame):
    mixed = frame.assign(m=[[1, "a"]] * len(frame))
    refused = [
        (lambda: folder(root, classes=["cat", "dgo"]), "no 'dgo'"),
        (lambda: folder(root, classes=["cat/sub"]), "no 'cat/sub'"),
        (lambda: folder(root, classes=["cat", "cat"]), "different"),
        (lambda: folder(root, classes="cat"), r"classes=\['cat'\]"),
        (lambda: folder(root / "B"), r"classes=\['.'\]"),
        (lambda: folder(root, subset="training"), "validation_split"),
        (lambda: folder(root, data_format="last"), "data_format"),
        (lambda: folder(root, class_mode=None, balance={"cat": 1, "no": 2}), "no"),
        (lambda: table(root, frame, classes="a"), r"classes=\['a'\]"),
        (lambda: table(root, frame, y_col="x", class_mode="raw", balance="sqrt"), "12 records"),
        (lambda: table(root, mixed, y_col="m"), "one type"),
    ]
    for make, said in refused:
        with pytest.raises(ValueError, match=said):
            make()
    with pytest.raises(FileNotFoundError, match="DirectoryIterator"):
        folder(root / "none", classes=["cat"])
    with pytest.raises(TypeError, match=r"pandas\.DataFrame"):
        DataFrameIterator({"filename": []})


def test_layouts_of_iterator_and_generator_may_differ(root):
    first = ImageDataGenerator(data_format="channels_first")
    mixed = folder(root, first, shuffle=False, data_format="channels_last")
    same(mixed[0], folder(root, shuffle=False)[0])
    assert mixed.raw(np.arange(2)).shape == folder(root, first)[0][0][:2].shape == (2, 3, 6, 5)
    assert mixed[0][0].flags.writeable


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_reading_ahead_changes_nothing(root, monkeypatch, ahead):
    turning = ImageDataGenerator(rotation_range=90, horizontal_flip=True)
    wanted = walk(folder(root, turning), 11)
    monkeypatch.setattr(_files, "BATCHES", ahead)
    monkeypatch.setattr(_ahead, "_THREADS", 3)
    monkeypatch.setattr(_ahead, "_PIECE", 1)
    mixed, again = folder(root, turning), folder(root, turning)
    for number, batch in enumerate(wanted):
        mixed[7 * number % 4]
        mixed._get_batches_of_transformed_samples(np.array([-1, 0]))
        same(next(mixed), batch)
    for epoch, order in enumerate([(3, -1, 0, 2, 1), range(5)]):
        for number in order:
            same(again[number], wanted[5 * epoch + number % 5])
        again.on_epoch_end()
    assert not np.array_equal(wanted[0][0], folder(root, turning, seed=2)[0][0])


def test_only_what_follows_is_read_ahead_and_threads_end(root, monkeypatch):
    read, real, before = [], _ahead._read, threading.enumerate()
    monkeypatch.setattr(_ahead, "_read", lambda *job: read.append(job) or real(*job))
    iterator = folder(root, batch_size=1, shuffle=False)
    for number in (5, 1, 8, 3, 10):
        iterator[number]
    assert len(read) == 5
    walk(iterator, 3)
    assert len(iterator._ahead._pending) == _ahead.BATCHES
    for number in (5, 6, 9, 7, 8, 11):
        iterator[number]
        assert len(iterator._ahead._pending) <= 2 * _ahead.BATCHES
    monkeypatch.setattr(_ahead, "_BYTES", 0)
    iterator[12]
    assert not iterator._ahead._pending
    mine = set(threading.enumerate()) - set(before)
    assert mine
    del iterator
    for thread in mine:
        thread.join(10)
        assert not thread.is_alive()


def test_threads_share_an_iterator(root):
    wanted = walk(folder(root, class_mode=None), 20)
    shared, found = folder(root, class_mode=None), []
    threads = [threading.Thread(target=lambda: found.extend(walk(shared, 5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(x.tobytes() for x in found) == sorted(x.tobytes() for x in wanted)


def test_a_damaged_file_is_named_when_it_is_asked_for(root, tmp_path):
    copies(root, tmp_path, *(f"class/{name}.png" for name in "abcdefgh"))
    (tmp_path / "class/g.png").write_bytes(b"no image")
    iterator = folder(tmp_path, batch_size=1, shuffle=False)
    walk(iterator, 6)
    with pytest.raises(DecodeError, match=r"class/g\.png"):
        next(iterator)
    assert next(iterator)[0].shape == (1, 6, 5, 3)
    with pytest.raises(DecodeError, match=r"class/g\.png"):
        iterator[6]
    with pytest.raises(IndexError):
        iterator.raw(np.array([8]))


def test_classes_are_balanced(root, frame):
    drawn = folder(root, class_mode="sparse", balance="uniform", batch_size=4)
    for _ in range(3):
        labels = np.concatenate([y for _, y in walk(drawn, len(drawn))])
        assert set(np.bincount(labels.astype(int))) == {4, 5}
    sets = table(root, frame, y_col="sets", balance={"a": 0, "b": 0, "c": 1, None: 0})
    assert all((y[:, 2] == 1).all() for _, y in walk(sets, 5))
    plain = table(root, frame, y_col="sets", shuffle=False)
    same(plain.source.labels, np.concatenate([y for _, y in walk(plain, 4)]))
    weights = np.where(np.arange(12) % 11 == 1, 1, 0)
    some = table(root, frame, y_col="n", class_mode="raw", balance=weights)
    assert {*np.concatenate([y for _, y in walk(some, 4)])} == {1}


def test_own_iterators_and_sources_are_read_alike(root, tmp_path):
    class Own(_files.BatchFromFilesMixin, Iterator):
        class_mode, dtype, labels, sample_weight = "raw", "uint8", np.eye(3), np.arange(3)
        filepaths = None

        def __init__(self, paths):
            where = (tmp_path, "p", "png")
            self.set_processing_attrs(None, (6, 5), "rgb", None, *where, None, "nearest", False)
            self.filepaths = paths
            super().__init__(3, 2, shuffle=False, seed=None)

    theirs = folder(root, shuffle=False)
    wanted = theirs[0]
    x, y, w = next(Own(theirs.filepaths[:3]))
    same(x, wanted[0][:2].astype(np.uint8))
    assert (y.tolist(), w.tolist()) == ([[1, 0, 0], [0, 1, 0]], [0, 1])
    assert sorted(path.name[:4] for path in tmp_path.iterdir()) == ["p_0_", "p_1_"]
    theirs.source = theirs.source.cached("memory")
    same(theirs[0], wanted)
    with pytest.raises(NotImplementedError, match="filepaths"):
        _files.BatchFromFilesMixin().filepaths  # noqa: B018


def test_what_needs_our_own_decoder_says_so(tmp_path):
    from PIL import Image

    import jaxaug.data as jd

    (tmp_path / "a").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "a" / "1.png")
    it = DirectoryIterator(tmp_path, None, (5, 5))
    for function in (lambda: jd.check(it.source), lambda: jd.pack(it.source, tmp_path / "x")):
        with pytest.raises(ValueError, match="Make a DirectorySource or a DataFrameSource"):
            function()


class Chosen(DirectoryIterator):
    """Only some of the files, as subclasses in scripts do it."""

    def __init__(self, *args, keep, **keywords):
        super().__init__(*args, **keywords)
        rows = [k for k, name in enumerate(self.filenames) if keep in name]
        self.filenames = [self.filenames[k] for k in rows]
        self._filepaths = [self._filepaths[k] for k in rows]
        self.classes = self.classes[rows]
        self.samples = self.n = len(rows)
        self._set_index_array()


def test_scripts_may_choose_their_files_afterwards(root):
    options = {"target_size": (6, 5), "shuffle": False, "batch_size": 2}
    every = DirectoryIterator(root, None, **options)
    chosen = Chosen(root, None, keep="cat", **options)
    assert 2 < len(chosen.filenames) < len(every.filenames)
    rows = [every.filenames.index(name) for name in chosen.filenames]
    for start in range(0, len(rows), 2):
        x, y = next(chosen)
        assert np.array_equal(x, every.raw(np.array(rows[start : start + 2])))
        assert (y.argmax(1) == every.classes[rows[start : start + 2]]).all()
    last = every.raw(np.array([-1]))
    every._filepaths = every._filepaths[::-1]
    assert np.array_equal(every.raw(np.array([0])), last)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flow_hands_every_option_on(root, frame, tmp_path):
    """What comes of an option through the generator is what comes of it directly."""
    options = {
        "target_size": (6, 5),
        "color_mode": "grayscale",
        "batch_size": 3,
        "shuffle": False,
        "seed": 3,
        "save_to_dir": tmp_path,
        "save_prefix": "p",
        "save_format": "bmp",
        "subset": "training",
        "interpolation": "bilinear",
        "keep_aspect_ratio": True,
        "balance": "uniform",
    }
    generator = ImageDataGenerator(rotation_range=30, validation_split=0.3, dtype="float64")
    folder = options | {"classes": ["cat", "dog"], "class_mode": "sparse", "follow_links": True}
    table = options | {"x_col": "name", "y_col": "class", "weight_col": "w", "directory": root}
    table |= {"classes": ["b", "a"], "class_mode": "sparse", "validate_filenames": True}
    frame = frame.assign(name=frame["filename"]) if "filename" in frame else frame
    named = {"dtype": "float64", "data_format": "channels_last"}
    pairs = [
        (
            generator.flow_from_directory(root, **folder),
            DirectoryIterator(root, generator, **folder, **named),
        )
    ]
    column = next(
        c
        for c in frame.columns
        if frame[c].map(type).eq(str).all() and frame[c].str.contains("png").any()
    )
    table["x_col"] = column
    pairs.append(
        (
            generator.flow_from_dataframe(frame, **table),
            DataFrameIterator(frame, image_data_generator=generator, **table, **named),
        )
    )
    for through, direct in pairs:
        for name in ATTRIBUTES.split():
            ours, theirs = getattr(through, name, None), getattr(direct, name, None)
            assert np.array_equal(ours, theirs), name
        first, second = next(through), next(direct)
        assert len(first) == len(second)
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert {path.suffix for path in tmp_path.iterdir()} == {".bmp"}
    images = np.zeros((10, 4, 4, 3), np.uint8)
    arrays = {"batch_size": 4, "shuffle": False, "seed": 2, "sample_weight": np.arange(10)}
    arrays |= {"subset": "validation", "ignore_class_split": True, "save_to_dir": tmp_path}
    arrays |= {"save_prefix": "q", "save_format": "png"}
    flow = generator.flow(images, np.arange(10), **arrays)
    x, y, w = next(flow)
    assert (x.dtype, y.tolist(), w.tolist()) == (np.float64, [0, 1, 2], [0, 1, 2])
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("q_")]) == 3


def test_words_that_keras_once_took(root, frame):
    generator = ImageDataGenerator()
    table = frame.assign(filename=NAMES[0])
    for old in ("has_ext", "sort", "drop_duplicates"):
        with pytest.warns(DeprecationWarning, match=f"{old} is deprecated") as caught:
            generator.flow_from_dataframe(table, root, class_mode=None, **{old: True})
        assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match='class_mode="raw"'):
        it = generator.flow_from_dataframe(table, root, y_col="x", class_mode="other")
    assert it.class_mode == "raw"
    with pytest.raises(TypeError, match="Did you mean 'drop_duplicates'"):
        generator.flow_from_dataframe(table, root, drop_duplicate=True)


def test_a_forked_process_is_told_what_to_do(monkeypatch):
    from jaxaug.compat import _kernel

    generator = ImageDataGenerator(rotation_range=9)
    flow = generator.flow(np.zeros((2, 8, 8, 3)))
    next(flow)
    monkeypatch.setattr(_kernel, "_process", 1)
    with pytest.raises(RuntimeError, match="spawn"):
        next(flow)


def test_reading_ahead_begins_anew_in_a_fork(root):
    it = DirectoryIterator(root, None, (6, 5), shuffle=False, batch_size=2)
    expected = [next(it)[0] for _ in range(len(it))]
    it._ahead._process, it._ahead._lock = 1, None  # as a child finds them
    assert np.array_equal(it[1][0], expected[1])
