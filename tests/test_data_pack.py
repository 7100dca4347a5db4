"""Packing a source as ArrayRecord files: the same again, or nothing."""

import io
import json
import pickle
import resource
from pathlib import Path

import grain
import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug._types import JaxaugError
from jaxaug.data._arrays import ArraySource
from jaxaug.data._columns import Classes, ClassSets, Numbers, Padded, Several
from jaxaug.data._packed import _record, _shards, _stored
from jaxaug.data._packed._encoded import EncodedSource
from jaxaug.data._packed._pack import pack

RNG = np.random.default_rng(0)
SIZE = (6, 8)
OPTIONS = {"image_size": SIZE, "color": "gray", "resample": "nearest"}

TWICE = json.dumps(_stored.describe(Numbers(np.zeros(9, np.uint32))))


def encoded(array, form="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, form)
    return file.getvalue()


def pixels(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Two classes of photographs and masks of several sizes and formats, one name not UTF-8."""
    for k, name in enumerate(("cat/1.png", "cat/n/2.jpg", "dog/3 \udcff.bmp", "dog/4.gif")):
        for root, array in (("images", pixels(9 + k, 11, 3)), ("masks", pixels(9 + k, 11) % 5)):
            file = tmp_path / root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            form = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP", "gif": "GIF"}[name[-3:]]
            if root == "masks":
                file, form = file.with_suffix(".png"), "PNG"
            file.write_bytes(encoded(array, form))
    return jd.DirectorySource(tmp_path / "images", **OPTIONS, mask=tmp_path / "masks")


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


def packed(source, path, **options):
    return pack(source, path, progress=False, **options)


@pytest.mark.parametrize("options", [{}, {"shards": 3}, {"max_shard_bytes": 900}])
def test_a_packed_folder_is_the_same_source(folder, tmp_path, options):
    report = packed(folder, tmp_path / "out" / "train", **options)
    again = EncodedSource.from_packed(tmp_path / "out" / "train")
    assert [Path(p).name for p in report.paths] == sorted(
        p.name for p in (tmp_path / "out").iterdir() if p.suffix == ".arrayrecord"
    )
    assert len(report.paths) == {"": 1, "shards": 3}.get("".join(options), 4)
    assert not list((tmp_path / "out").glob(".*")) and report.skipped == []
    rows = np.arange(4)
    same(again.read(rows), folder.read(rows))
    assert again.class_names == folder.class_names and again.class_counts == folder.class_counts
    assert [again.reader.key(k) for k in rows] == [folder.reader.key(k) for k in rows]
    assert again.path(2) == f"{tmp_path}/out/train[2]"
    copied = pickle.loads(pickle.dumps(again))
    same(copied.read(rows), folder.read(rows))
    for part, wanted in zip(again.split((2, 2)), folder.split((2, 2)), strict=True):
        same(part.read([0, 1]), wanted.read([0, 1]))
    small = EncodedSource.from_packed(tmp_path / "out" / "train.json", (3, 4), color="rgb")
    assert small[0]["image"].shape == (3, 4, 3)
    hot = EncodedSource.from_packed(tmp_path / "out" / "train", label_mode="onehot")
    assert hot[3]["label"].tolist() == [0, 1]


def test_files_are_kept_byte_for_byte_and_records_say_what_they_are(folder, tmp_path):
    paths = packed(folder, tmp_path / "train").paths
    source = grain.sources.ArrayRecordDataSource(paths)
    for k in range(4):
        record = _record.load(source[k])
        assert record["image"] == Path(folder.path(k)).read_bytes()
        assert record["label"] == folder.class_names[folder.labels[k]]
        assert record["key"] == folder.reader.key(k)
    again = EncodedSource(source, **OPTIONS, mask="mask", progress=False)
    same(again.read([0, 3]), folder.read([0, 3]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_packed_arrays_are_the_same_pixels(tmp_path, channels):
    masks = RNG.integers(0, 300, (70, *SIZE), np.int32)
    source = ArraySource(
        pixels(70, *SIZE, channels),
        RNG.normal(size=70).astype(np.float32),
        masks=masks,
        weights=RNG.random(70),
        columns={"site": np.array(["a", "bcd"] * 35, object)},
    )
    part = source.subset(RNG.permutation(70)[:41])
    packed(part, tmp_path / "train")
    again = EncodedSource.from_packed(tmp_path / "train")
    assert len(again) == 41
    a, b = again.read(np.arange(41)), part.read(np.arange(41))
    b["site"] = b["site"].astype(str)
    same(a, b)


@pytest.mark.parametrize("packs", [1, 2])
def test_packed_parts_are_the_parts_with_their_identities(folder, tmp_path, packs):
    """Those of train and val stay apart, and everything drawn from them is the same."""
    labels = ["a", "b", "c", "a", "a", "b"] * 6
    table = {"path": [f"cat/{k}.png" for k in range(36)], "label": labels, "site": labels[::-1]}
    table["boxes"] = [[(1, 1, 4, 5)] * (k % 3) for k in range(36)]
    table["kinds"] = [["u", "v"][: k % 3] for k in range(36)]
    for k, name in enumerate(table["path"]):
        (tmp_path / "images" / name).write_bytes(encoded(np.full((9, 11, 3), k, np.uint8)))
    more = {"boxes": "boxes", "box_labels": "kinds", "columns": ["site"]}
    source = jd.DataFrameSource(table, root=tmp_path / "images", image_size=SIZE, **more)
    found = set()
    for name, part in zip("xy", source.split((0.7, 0.3), seed=1), strict=True):
        for turn in range(packs):  # a pack of a pack, too
            packed(part if turn == 0 else again, tmp_path / f"{name}{turn}")
            again = EncodedSource.from_packed(tmp_path / f"{name}{turn}")
        rows = np.arange(len(part))
        same(again.read(rows), part.read(rows))
        names = [again.reader.key(int(k)) for k in again.identities(rows)]
        assert names == [part.reader.key(int(k)) for k in part.identities(rows)]
        assert again.class_counts == part.class_counts
        options = {"seed": 3, "balance": "uniform", "device": False}
        pairs = zip(jd.Loader(again, 4, **options), jd.Loader(part, 4, **options), strict=True)
        for a, b in pairs:
            same(a, b)
        same(again.cached("memory", progress=False)[2], part[2])
        assert not found & set(again.identities(rows).tolist())
        found |= set(again.identities(rows).tolist())
    assert found == set(range(36))
    jobs = again.reader.jobs(again.identities(rows[-2:]))
    assert again.reader.blame(jobs, 1) == again.path(len(rows) - 1)
    packed(source, tmp_path / "all")
    assert json.loads((tmp_path / "all.json").read_text())["index"] is None


def test_every_kind_of_column_survives(folder, tmp_path):
    ends = np.array([2, 2, 3, 5])
    box = np.array([[1, 1, 4, 5]] * 5, np.float32) + np.arange(5, dtype=np.float32)[:, None]
    folder._columns |= {
        "label": Several(
            {
                "a": Classes(np.array([0, 1, 1, 0], np.int32), ("x", "y"), "onehot"),
                "b": ClassSets(np.array([0, 2, 1, 0, 1], np.int32), ends, tuple("pqr")),
            }
        ),
        "times": Numbers(np.arange(4) / 3),
        "nothing": Numbers(np.full((4, 2), np.nan)),
        "count": Padded(np.arange(5), ends, 3, -1),
        "weight": Numbers(np.ones(4, np.float32)),
    }
    part = folder.subset([3, 0, 2])
    packed(part, tmp_path / "train")
    again = EncodedSource.from_packed(tmp_path / "train")
    a, b = again.read([0, 1, 2]), part.read([0, 1, 2])
    same(a.pop("label"), b.pop("label"))
    same(a, b)
    record = _record.load(again.reader.read.fetch.source[0])
    assert record["label"] == {"a": "x", "b": ["p", "q"]} and record["count"] == [3, 4]
    folder._columns["boxes"] = Padded(box, ends, 3)
    packed(folder, tmp_path / "boxes")
    boxes = EncodedSource.from_packed(tmp_path / "boxes")[0]["boxes"]
    np.testing.assert_allclose(boxes[0], [8 / 11, 6 / 9, 32 / 11, 30 / 9], rtol=1e-6)


def test_bad_files_stop_it_or_are_reported(folder, tmp_path):
    Path(folder.path(1)).write_bytes(Path(folder.path(1)).read_bytes()[:300])
    Path(folder.path(3)).unlink()
    with pytest.raises(jd.DecodeError, match="2.jpg"):
        packed(folder, tmp_path / "train")
    assert not list(tmp_path.glob("train*")) and not list(tmp_path.glob(".*"))
    report = packed(folder, tmp_path / "train", on_error="skip")
    assert [each["key"] for each in report.skipped] == ["cat/n/2.jpg", "dog/4.gif"]
    assert json.loads((tmp_path / "train.json").read_text())["skipped"] == report.skipped
    again = EncodedSource.from_packed(tmp_path / "train")
    np.testing.assert_array_equal(again.read([0, 1])["image"], folder.read([0, 2])["image"])
    assert again.labels.tolist() == [0, 1] and again[1]["index"] == 2
    assert again.reader.key(2) == folder.reader.key(2) and again.path(1) == f"{tmp_path}/train[1]"
    with pytest.raises(JaxaugError, match="can be read in Dir.*, got none"):
        packed(folder.subset([1, 3]), tmp_path / "bad", on_error="skip")


@pytest.mark.parametrize(
    ("where", "name", "call"),
    [
        (_shards.ShardWriter, "write", 4),
        (_shards.ShardWriter, "finish", 1),
        *((Path, "replace", call) for call in (1, 2)),
        *((_shards, "sync", call) for call in (1, 2, 3, 4)),
    ],
)
def test_what_fails_leaves_nothing(tmp_path, monkeypatch, where, name, call):
    calls, real = [], getattr(where, name)

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) > call:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(where, name, fail)
    with pytest.raises(KeyboardInterrupt):
        packed(ArraySource(pixels(9, *SIZE, 3)), tmp_path / "train", shards=2)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_lost_records_is_not_published(tmp_path, monkeypatch):
    monkeypatch.setattr(_shards, "records", lambda path: 0)
    with pytest.raises(JaxaugError, match="pack: expected to write to .*0 records where 9 were"):
        packed(ArraySource(pixels(9, *SIZE, 3)), tmp_path / "train")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("side", [90, 900])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, side):
    source = ArraySource(pixels(3, side, side, 3))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(JaxaugError, match="pack: expected to write to .*File too large"):
            packed(source, tmp_path / "train")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced_unasked(tmp_path):
    first, second = ArraySource(pixels(9, *SIZE, 3)), ArraySource(pixels(5, *SIZE, 3))
    packed(first, tmp_path / "train", shards=3)
    packed(second, tmp_path / "train-2")
    with pytest.raises(JaxaugError, match="nothing there yet, got train-00000-of-00003"):
        packed(second, tmp_path / "train")
    packed(second, tmp_path / "train", overwrite=True, shards=2)
    assert len(list(tmp_path.glob("train-0*"))) == 2 and len(list(tmp_path.glob("train-2*"))) == 2
    again = EncodedSource.from_packed(tmp_path / "train")
    np.testing.assert_array_equal(again.read(range(5))["image"], second.read(range(5))["image"])


def test_a_shard_that_is_not_as_written_is_refused(tmp_path):
    packed(ArraySource(pixels(9, *SIZE, 3)), tmp_path / "train", shards=2)
    shard = tmp_path / "train-00001-of-00002.arrayrecord"
    whole = shard.read_bytes()
    flipped = bytearray(whole)
    flipped[70000] ^= 1
    opened = lambda **options: EncodedSource.from_packed(
        tmp_path / "train", progress=False, **options
    )
    packed(ArraySource(pixels(9, 200, 200, 3)), tmp_path / "other", shards=2)
    other = (tmp_path / "other-00001-of-00002.arrayrecord").read_bytes()
    for data in (whole[:-65536], b"", bytes(len(whole)), other, None):
        shard.write_bytes(data) if data is not None else shard.unlink()
        with pytest.raises(JaxaugError, match=r"00001-of-00002.arrayrecord' with \d+ bytes, 4 rec"):
            opened()
    shard.write_bytes(flipped)
    with pytest.raises(JaxaugError, match="as it was written, got another checksum"):
        opened(verify=True)
    shard.write_bytes(whole)
    opened(verify=True)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"version": 1', '"version": 2', "version 2"),
        ('"count": 9', '"count": 8', "counts that do not agree"),
        ('"train-', '"../train-', "outside its folder"),
        ('"3"', '"4"', "names with another checksum"),
        ('"base64": "A', '"base64": "B', "column with another checksum"),
        ('"index": null', '"index": 5', "TypeError"),
        ('"index": null', f'"index": {TWICE}', "identities that are not as many, or not different"),
        ('"keys"', '"kys"', "KeyError"),
        ("{", "", "JSONDecodeError"),
    ],
)
def test_a_sidecar_that_is_not_as_written_is_refused(tmp_path, old, new, text):
    packed(ArraySource(pixels(9, *SIZE, 3), list("ababababa")), tmp_path / "train")
    sidecar = tmp_path / "train.json"
    written = sidecar.read_text()
    assert old in written
    sidecar.write_text(written.replace(old, new, 1))
    with pytest.raises(JaxaugError, match=f"from_packed: expected .*train.json.*{text}"):
        EncodedSource.from_packed(tmp_path / "train")
    sidecar.unlink()
    with pytest.raises(FileNotFoundError, match="train.json"):
        EncodedSource.from_packed(tmp_path / "train")


@pytest.mark.parametrize("path", ["out/", "out/.json", ".", "a/..", "", b"x", None, 5])
def test_a_pack_must_have_a_name(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JaxaugError, match="^pack: expected path to "):
        packed(ArraySource(pixels(3, *SIZE, 3)), path)
    with pytest.raises(JaxaugError, match="^from_packed: expected path to "):
        EncodedSource.from_packed(path)
    assert list(tmp_path.iterdir()) == []
    packed(ArraySource(pixels(3, *SIZE, 3)), "out/../x.json")
    assert len(EncodedSource.from_packed(tmp_path / "x")) == 3


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"source": "x"}, "a source of images, got 'x'"),
        ({"source": None}, "a source of images, got None"),
        ({"overwrite": "x"}, "overwrite to be True or False"),
        ({"progress": 2}, "progress to be True or False"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, wrong, text):
    fine = {"source": ArraySource(pixels(3, *SIZE, 3)), "path": tmp_path / "x", "progress": False}
    with pytest.raises(JaxaugError, match=f"^pack: expected {text}"):
        pack(**fine | wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (ArraySource(np.zeros((3, 4, 4, 3), np.float32)), "uint8 with 1, 3 or 4 channels"),
        (ArraySource(pixels(3, 4, 4, 2)), "uint8 with 2"),
        (
            ArraySource(pixels(3, 4, 4), masks=-np.ones((3, 4, 4), np.int32)),
            "from 0 to 65535, got -1",
        ),
    ],
)
def test_arrays_that_png_cannot_keep_are_refused(tmp_path, source, text):
    with pytest.raises(JaxaugError, match=f"pack: expected .*{text}"):
        packed(source, tmp_path / "train")
