"""What `check` finds in a dataset: all of it, exactly, and nothing else."""

import io
import json
import os
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug._types import JaxaugError
from jaxaug.data import _inspect, _report
from jaxaug.data._faults import Fault
from jaxaug.data._inspect import check

RNG = np.random.default_rng(0)
SIZE = (6, 8)
ODD = "\udcff\n\x1b[31m.png"


def pixels(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def encoded(array, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, form, **options)
    return file.getvalue()


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def quiet(*sources, **options):
    return check(*sources, progress=False, **options)


def groups(report):
    """Kind, leak, conflict, and (source, key) of each copy."""
    return [
        (g.kind, g.leak, g.conflict, {(c.source, Path(c.path).name) for c in g.copies})
        for g in report.duplicates
    ]


def damaged(data):
    return {"a": b"", "b": b"<html>", "c": data[:40], "d": data[: len(data) // 2], "e": b"\x89PNG"}


@pytest.fixture
def wrong(tmp_path):
    """A training and a validation set with everything wrong in them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture, other, photo = pixels(20, 30, 3), pixels(9, 5, 3), pixels(40, 24, 3)
    rotated = encoded(photo, "JPEG", exif=exif)
    turned = np.rot90(np.asarray(Image.open(io.BytesIO(rotated))), -1)
    train = {"cat/1.png": encoded(picture), "cat/2.bmp": encoded(picture, "BMP")}
    train |= {"dog/same.png": encoded(picture), "dog/small.png": encoded(other)}
    train |= {"dog/r.jpg": rotated, "dog/r.png": encoded(turned), "cat/grey.png": encoded(other[0])}
    bad = {f"cat/{name}.png": data for name, data in damaged(encoded(picture)).items()}
    bad |= {f"cat/{ODD}": b"\0"}
    val = {
        "cat/leak.webp": encoded(picture, "WEBP", lossless=True),
        "cat/v.gif": encoded(other[0], "GIF"),
    }
    val |= {"bird/own.png": encoded(pixels(7, 9))}
    write(tmp_path / "train", train | bad)
    write(tmp_path / "val", val)
    return tuple(jd.DirectorySource(tmp_path / name, SIZE) for name in ("train", "val"))


def test_the_report_is_exact(wrong):
    report = quiet(*wrong)
    assert not report.ok and report.changes == ()
    four = {(0, "1.png"), (0, "2.bmp"), (0, "same.png"), (1, "leak.webp")}
    assert groups(report) == [
        ("pixels", True, True, four),
        ("pixels", True, False, {(0, "grey.png"), (1, "v.gif")}),
        ("pixels", False, False, {(0, "r.jpg"), (0, "r.png")}),
    ]
    assert {c.label for c in report.duplicates[0].copies} == {"cat", "dog"}
    train, val = report.sources
    assert {Path(f.path).name for f in train.faults} == {ODD, *(f"{n}.png" for n in "abcde")}
    assert train.heights == (5, 20, 24) and train.widths == (3, 30, 40) and train.smaller == 2
    assert train.modes == {"PNG RGB": 4, "BMP RGB": 1, "PNG L": 1, "JPEG RGB": 1}
    assert train.class_counts == {"cat": 9, "dog": 4} and train.missing_classes == ("bird",)
    assert val.faults == () and val.smaller == 1 and val.missing_classes == ("dog",)
    assert val.modes == {"WEBP RGB": 1, "GIF P": 1, "PNG L": 1}
    assert quiet(*wrong, threads=1) == quiet(*wrong, threads=5) == report
    again = pickle.loads(pickle.dumps(report))
    assert again == report and again.to_json() == report.to_json()
    document = json.loads(report.to_json())
    assert document["duplicates"][0]["conflict"] and not document["ok"]
    assert document["sources"][0]["faults"][0]["stage"] == train.faults[0].stage


def test_the_report_is_a_table_for_terminals(wrong, monkeypatch, capsys):
    report = quiet(*wrong)
    assert capsys.readouterr().err == ""
    check(*wrong)
    assert "check" in capsys.readouterr().err
    monkeypatch.setenv("COLUMNS", "60")
    assert all(line.isprintable() and len(line) <= 60 for line in str(report).splitlines())
    monkeypatch.setenv("COLUMNS", "1000")
    text = str(report)
    assert repr(ODD)[1:-1] in text and "3 groups, 2 across sources, 1 with other labels" in text
    for fault in report.sources[0].faults:
        assert f"{fault.path!r}: {fault.message}" in text
    many = _report.Report((), report.duplicates * 9, (_report.Change(0, "a", "new"),) * 12, ())
    assert "... and 17 more" in str(many) and "... and 2 more" in str(many)


def test_faults_are_those_of_reading(tmp_path):
    """R1, R2: the same errors as the loader meets, masks and canvases included."""
    good, mask = encoded(pixels(9, 7, 3)), encoded(pixels(9, 7) % 3)
    bad_masks = {"f": good, "g": encoded(pixels(9, 8)), "h": encoded(pixels(9, 7), "JPEG")}
    images = damaged(good) | dict.fromkeys(bad_masks, good) | {"i": encoded(pixels(14, 6, 3))}
    images["j"] = encoded(pixels(30, 40).astype(np.float32) + 1e6, "TIFF")
    masks = dict.fromkeys(images, mask) | damaged(mask) | bad_masks | {"z": mask}
    write(tmp_path / "images", {f"{name}.png": data for name, data in images.items()})
    write(tmp_path / "images", {"z.png": good})
    write(tmp_path / "masks", {f"{name}.png": data for name, data in masks.items()})
    options = {"label_mode": "none", "mask": tmp_path / "masks"}
    for size in ({"image_size": SIZE}, {"canvas": (10, 12)}, {"canvas": (9, 7), "color": "gray"}):
        source = jd.DirectorySource(tmp_path / "images", **size, **options)
        (tmp_path / "masks" / "d.png").unlink(missing_ok=True)
        reader = source.reader
        _, errors = reader.read(reader.jobs(np.arange(len(source), dtype=np.uint32)))
        faults = tuple(Fault.of(place, error) for place, error in errors)
        assert quiet(source).sources[0].faults == faults and len(faults) >= 9
        (tmp_path / "masks" / "d.png").write_bytes(mask)


def test_flipped_bits_are_found_by_the_manifest(tmp_path):
    """R3: all of them, where decoding sees few; nothing is found in an intact set."""
    files = {f"{k:03}.jpg": encoded(pixels(24, 32, 3), "JPEG", quality=90) for k in range(200)}
    write(tmp_path / "data", files)
    source = jd.DirectorySource(tmp_path / "data", SIZE, label_mode="none")
    quiet(source).write_manifest(tmp_path / "manifest")
    again = quiet(source, manifest=tmp_path / "manifest")
    assert again.ok and again.changes == () and len(again.sources[0].faults) == 0
    for name, data in files.items():
        bit = int(RNG.integers(len(data) * 8))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "data" / name).write_bytes(flipped)
    report = quiet(source, manifest=tmp_path / "manifest")
    assert {(c.key, c.what) for c in report.changes} == {(name, "changed") for name in files}
    assert len(report.sources[0].faults) < 40  # decoding alone


def test_manifest_tells_missing_and_new_files_and_changed_masks(tmp_path):
    names = ("a.png", "b.png", "c.png", ODD)
    for kind in ("images", "masks"):
        write(tmp_path / kind, {name: encoded(pixels(9, 7)) for name in names})

    def source():
        return jd.DirectorySource(tmp_path / "images", SIZE, label_mode="none", mask=masks)

    masks, manifest = tmp_path / "masks", tmp_path / "m.jsonl"
    quiet(source()).write_manifest(manifest)
    assert quiet(source(), manifest=manifest).ok
    head, *lines = map(json.loads, manifest.read_text("ascii").splitlines())
    assert head["format"] == "jaxaug.manifest" and lines[3][1] == ODD and len(lines[0]) == 4
    write(masks, {"a.png": encoded(pixels(9, 7)), "d.png": encoded(pixels(9, 7))})
    write(tmp_path / "images", {"d.png": encoded(pixels(9, 7))})
    before = source()
    for kind in ("images", "masks"):
        (tmp_path / kind / ODD).unlink()
    (tmp_path / "images" / "c.png").unlink()
    shutil.copytree(masks, tmp_path / "all")
    expected = {("a.png", "changed"), ("c.png", "missing"), (ODD, "missing"), ("d.png", "new")}
    (masks / "c.png").unlink()
    for each in (before, source()):  # listed before they vanished, and after
        report = quiet(each, manifest=manifest)
        assert {(c.key, c.what) for c in report.changes} == expected and not report.ok


def test_manifest_is_whole_or_refused(tmp_path, monkeypatch):
    source = jd.ArraySource(pixels(3, 6, 8, 3))
    report, path = quiet(source), tmp_path / "manifest"
    report.write_manifest(path)
    data = path.read_bytes()
    for damage in (b"", b"[]\n", data[:-9], data.replace(b"[0", b"[1"), data + b"\n", b"\xff"):
        path.write_bytes(damage)
        with pytest.raises(JaxaugError, match="a manifest that write_manifest wrote"):
            quiet(source, manifest=path)
    path.write_bytes(data)
    with pytest.raises(JaxaugError, match="the 1 sources of the manifest"):
        quiet(source, source, manifest=path)
    with pytest.raises(FileNotFoundError):
        quiet(source, manifest=tmp_path / "none")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        report.write_manifest(path)
    assert path.read_bytes() == data and os.listdir(tmp_path) == ["manifest"]


def test_overlap_of_parts_is_a_leak(tmp_path):
    files = {f"{k % 2}/{k}.png": encoded(pixels(9, 7, 3)) for k in range(8)}
    source = jd.DirectorySource(write(tmp_path / "data", files | {"0/bad.png": b""}), SIZE)
    assert quiet(*source.subset(range(8)).split((0.5, 0.5))).duplicates == ()
    part, rest = source.subset([0, 1, 4, 7]), source.subset([8, 7, 6, 4])
    for second in (rest, rest.cached("memory", progress=False)):
        report = quiet(part, second)
        assert [g[:3] for g in groups(report)] == [("record", True, False)] * 2
        assert [{(c.source, c.index) for c in g.copies} for g in report.duplicates] == [
            {(0, 4), (1, 4)}, {(0, 7), (1, 7)}
        ]  # fmt: skip
    (bad,) = (f.index for f in quiet(source).sources[0].faults)
    both = quiet(source.subset([bad, 0]), source.subset([bad, 1])).duplicates
    assert [g.kind for g in both] == ["record"]  # also if it cannot be read


def test_every_kind_of_source(tmp_path):
    """The same pictures are found in files, tables, records and arrays; masks are compared."""
    images, masks = pixels(4, 9, 7, 3), pixels(4, 9, 7) % 3
    other = masks.copy()
    other[2, 0, 0] += 1
    names = [f"{k}.png" for k in range(4)]
    write(tmp_path / "i", {n: encoded(x) for n, x in zip(names, images, strict=True)})
    write(tmp_path / "m", {n: encoded(x) for n, x in zip(names, other, strict=True)})
    rows = {"path": [f"i/{n}" for n in names], "mask": [f"m/{n}" for n in names]}
    table = jd.DataFrameSource(rows, label=None, mask="mask", root=tmp_path, image_size=SIZE)
    records = [
        {"x": encoded(x, "BMP"), "m": encoded(m)} for x, m in zip(images, other, strict=True)
    ]
    coded = jd.EncodedSource(records, "x", mask="m", image_size=(3, 3), label_mode="none")
    report = quiet(jd.ArraySource(images, masks=masks), table, coded)
    assert [g.conflict for g in report.duplicates] == [True, False, False, False]
    assert [c.index for c in report.duplicates[0].copies] == [2, 2, 2]
    assert all(g.kind == "pixels" and len(g.copies) == 3 for g in report.duplicates)
    assert [s.modes for s in report.sources] == [
        {"array uint8": 4}, {"PNG RGB": 4}, {"BMP RGB": 4}
    ]  # fmt: skip
    values = images[:3].astype(np.float32)
    values[1, 0, 0, 0] = np.nan
    (fault,) = quiet(jd.ArraySource(values)).sources[0].faults
    assert fault.index == 1 and "NaN" in fault.message


def test_labels_are_compared_by_name_and_as_sets():
    images = np.broadcast_to(np.arange(3, dtype=np.uint8)[:, None, None, None], (3, 6, 8, 3))
    first = jd.ArraySource(images, ["x", "y", "y"])
    second = jd.ArraySource(images, [0, 0, 1], class_names=("y", "x"))
    found = {g.copies[0].index: g.conflict for g in quiet(first, second).duplicates}
    assert found == {0: True, 1: False, 2: True}
    sets = np.array([[1, 1], [0, 0], [1, 0]], bool)
    one = jd.ArraySource(images, sets, class_names=("x", "y"))
    two = jd.ArraySource(images, sets[:, ::-1], class_names=("y", "x"))
    assert not any(g.conflict for g in quiet(one, two).duplicates)
    several = {"a": [0, 1, 1], "b": [0, 0, 0]}
    report = quiet(jd.ArraySource(images[:2], {k: v[:2] for k, v in several.items()}), first)
    assert report.sources[0].class_counts["b=0"] == 2


def test_bad_arguments_and_interruption(monkeypatch):
    source = jd.ArraySource(pixels(400, 2, 2, 3))
    for wrong in ((), (source, [source])):
        with pytest.raises(JaxaugError, match="one ImageSource or more"):
            quiet(*wrong)
    with pytest.raises(ValueError, match="threads"):
        quiet(source, threads=0)
    seen, look = [], _inspect._look

    def slow(reader, index):
        seen.append(len(index))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return look(reader, index)

    monkeypatch.setattr(_inspect, "_look", slow)
    with pytest.raises(KeyboardInterrupt):
        quiet(source, threads=1)
    assert not [t for t in threading.enumerate() if t.name.startswith("jaxaug-check")]
