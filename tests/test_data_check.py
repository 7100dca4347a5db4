"""What `check` finds in a dataset: all of it, exactly, and nothing else."""

import io
import json
import os
import pickle
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug._types import JaxaugError
from jaxaug.data._faults import Fault
from jaxaug.data._inspect import _check as _inspect
from jaxaug.data._inspect import _duplicates, _report

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


def check(*sources, **options):
    return _inspect.check(*sources, **{"progress": False} | options)


def damaged(data):
    return {"a": b"", "b": b"<html>", "c": data[:40], "d": data[: len(data) // 2], "e": b"\x89PNG"}


@pytest.fixture
def wrong(tmp_path):
    """A training and a validation set with everything wrong in them."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture, other = pixels(20, 30, 3), pixels(9, 5, 3)
    rotated = encoded(pixels(40, 24, 3), "JPEG", exif=exif)
    upright = encoded(np.rot90(np.asarray(Image.open(io.BytesIO(rotated))), -1))
    train = {"cat/1.png": encoded(picture), "cat/2.bmp": encoded(picture, "BMP")}
    train |= {"dog/same.png": encoded(picture), "dog/small.png": encoded(other)}
    train |= {"dog/r.jpg": rotated, "dog/r.png": upright, "cat/grey.png": encoded(other[0])}
    train |= {f"cat/{name}.png": data for name, data in damaged(encoded(picture)).items()}
    val = {
        "cat/leak.webp": encoded(picture, "WEBP", lossless=True),
        "cat/v.png": train["dog/r.png"],
    }
    write(tmp_path / "train", train | {f"cat/{ODD}": b"\0", "dog/t.png": train["dog/small.png"]})
    write(tmp_path / "val", val | {"bird/own.gif": encoded(pixels(7, 9), "GIF")})
    return tuple(jd.DirectorySource(tmp_path / name, SIZE) for name in ("train", "val"))


def test_the_report_is_exact(wrong):
    report = check(*wrong)
    names = [{(c.source, Path(c.path).name) for c in g.copies} for g in report.duplicates]
    facts = [(g.kind, g.leak, g.conflict) for g in report.duplicates]
    assert [(*fact, name) for fact, name in zip(facts, names, strict=True)] == [
        ("pixels", True, True, {(0, "1.png"), (0, "2.bmp"), (0, "same.png"), (1, "leak.webp")}),
        ("pixels", True, True, {(0, "r.jpg"), (0, "r.png"), (1, "v.png")}),
        ("bytes", False, False, {(0, "small.png"), (0, "t.png")}),
    ]
    assert {c.label for c in report.duplicates[0].copies} == {"cat", "dog"}
    train, val = report.sources
    assert {Path(f.path).name for f in train.faults} == {ODD, *(f"{n}.png" for n in "abcde")}
    assert train.heights == (5, 20, 24) and train.widths == (3, 30, 40) and train.smaller == 3
    assert train.modes == {"PNG RGB": 5, "BMP RGB": 1, "PNG L": 1, "JPEG RGB": 1}
    assert train.class_counts == {"cat": 9, "dog": 5} and train.missing_classes == ("bird",)
    assert val.faults == () and val.smaller == 0 and val.missing_classes == ("dog",)
    assert val.modes == {"WEBP RGB": 1, "GIF P": 1, "PNG RGB": 1}
    assert check(*wrong, threads=1) == check(*wrong, threads=5) == report and not report.ok
    again = pickle.loads(pickle.dumps(report))
    assert again == report and again.to_json() == report.to_json()
    document = json.loads(report.to_json())
    assert document["duplicates"][0]["conflict"] and not document["ok"]
    assert document["sources"][0]["faults"][0] == vars(train.faults[0])


def test_the_report_is_a_table_for_terminals(wrong, monkeypatch, capsys):
    report = check(*wrong)
    assert capsys.readouterr().err == ""
    check(*wrong, progress=True)
    assert "check" in capsys.readouterr().err
    monkeypatch.setenv("COLUMNS", "60")
    assert all(line.isprintable() and len(line) <= 60 for line in str(report).splitlines())
    monkeypatch.setenv("COLUMNS", "1000")
    text = str(report)
    assert repr(ODD)[1:-1] in text and "3 groups, 2 across sources, 2 with conflicting" in text
    assert all(f"{fault.path!r}: {fault.message}" in text for fault in report.sources[0].faults)
    many = _report.Report((), report.duplicates * 9, (_report.Change(0, "a", "new"),) * 12, ())
    assert "... and 17 more" in str(many) and "... and 2 more" in str(many)


def test_faults_are_those_of_reading(tmp_path):
    """R1, R2: the same errors as the loader meets, those of masks and canvases included."""
    good, mask = encoded(pixels(9, 7, 3)), encoded(pixels(9, 7) % 3)
    masks = {"f": good, "g": encoded(pixels(9, 8)), "h": encoded(pixels(9, 7), "JPEG")}
    masks |= {f"m{name}": data for name, data in damaged(mask).items()}
    images = (
        damaged(good) | dict.fromkeys(masks, good) | {"i": encoded(pixels(14, 6, 3)), "z": good}
    )
    images["j"] = encoded(pixels(30, 40).astype(np.float32) + 1e6, "TIFF")
    for root, files in (("i", images), ("m", dict.fromkeys(images, mask) | masks)):
        write(tmp_path / root, {f"{name}.png": data for name, data in files.items()})
    for size in ({"image_size": SIZE}, {"canvas": (10, 12)}, {"canvas": (9, 7), "color": "gray"}):
        source = jd.DirectorySource(tmp_path / "i", **size, label_mode="none", mask=tmp_path / "m")
        reader = source.reader
        _, errors = reader.read(reader.jobs(np.arange(len(source), dtype=np.uint32)))
        faults = tuple(Fault.of(place, error) for place, error in errors)
        assert check(source).sources[0].faults == faults and len(faults) == len(images) - 1


def test_flipped_bits_are_found_by_the_manifest(tmp_path):
    """R3: all of them, where decoding sees few; nothing is found in an intact set."""
    files = {f"{k:03}.jpg": encoded(pixels(24, 32, 3), "JPEG", quality=90) for k in range(200)}
    source = jd.DirectorySource(write(tmp_path / "i", files), SIZE, label_mode="none")
    check(source).write_manifest(tmp_path / "manifest")
    assert check(source, manifest=tmp_path / "manifest").ok
    for name, data in files.items():
        bit, flipped = int(RNG.integers(len(data) * 8)), bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / "i" / name).write_bytes(flipped)
    report = check(source, manifest=tmp_path / "manifest")
    assert {(c.key, c.what) for c in report.changes} == {(name, "changed") for name in files}
    assert len(report.sources[0].faults) < 40  # so many does decoding see


def test_manifest_tells_missing_and_new_files_and_changed_masks(tmp_path):
    images, masks, manifest = tmp_path / "i", tmp_path / "m", tmp_path / "manifest"
    for root in (images, masks):
        write(root, {name: encoded(pixels(9, 7)) for name in ("a.png", "b.png", "c.png", ODD)})
    before = jd.DirectorySource(images, SIZE, label_mode="none", mask=masks)
    check(before).write_manifest(manifest)
    assert check(before, manifest=manifest).ok
    head, *lines = map(json.loads, manifest.read_text("ascii").splitlines())
    assert head["sources"] == 1 and lines[3][1] == ODD and len(lines[0]) == 4
    write(masks, {name: encoded(pixels(9, 7)) for name in ("a.png", "d.png")})
    write(images, {"d.png": encoded(pixels(9, 7))})
    for name in ("c.png", ODD):
        (images / name).unlink()
        (masks / name).unlink()
    expected = {("a.png", "changed"), ("c.png", "missing"), (ODD, "missing")}
    found = check(before, manifest=manifest)  # which still lists them
    assert {(c.key, c.what) for c in found.changes} == expected
    after = jd.DirectorySource(images, SIZE, label_mode="none", mask=masks)
    found = check(after, manifest=manifest)
    assert {(c.key, c.what) for c in found.changes} == expected | {("d.png", "new")}
    assert not found.ok and {c.source for c in found.changes} == {0}


def test_manifest_is_whole_or_refused(tmp_path, monkeypatch):
    source, path = jd.ArraySource(pixels(3, 6, 8, 3)), tmp_path / "manifest"
    report = check(source)
    report.write_manifest(path)
    data = path.read_bytes()
    for damage in (b"", b"[]\n", data[:-9], data.replace(b"[0", b"[1"), data + b"\n", b"\xff"):
        path.write_bytes(damage)
        with pytest.raises(JaxaugError, match="a manifest that write_manifest wrote"):
            check(source, manifest=path)
    path.write_bytes(data)
    with pytest.raises(JaxaugError, match="the 1 sources of the manifest"):
        check(source, source, manifest=path)
    monkeypatch.setattr(os, "fsync", lambda _: interrupt())
    with pytest.raises(KeyboardInterrupt):
        report.write_manifest(path)
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


def test_overlap_of_parts_is_a_leak(tmp_path):
    files = {f"{k % 2}/{k}.png": encoded(pixels(9, 7, 3)) for k in range(8)} | {"0/b.png": b""}
    source = jd.DirectorySource(write(tmp_path / "data", files), SIZE)
    (bad,) = (fault.index for fault in check(source).sources[0].faults)
    good = np.setdiff1d(range(9), bad)
    assert check(*source.subset(good).split((0.5, 0.5))).duplicates == ()
    part, rest = source.subset([0, bad, 7]), source.subset([8, 7, bad])
    for second in (rest, rest.cached("memory", progress=False)):
        found = check(part, second).duplicates
        assert [(g.kind, g.leak, g.conflict) for g in found] == [("record", True, False)] * 2
        copies = {tuple((c.source, c.index) for c in each.copies) for each in found}
        assert copies == {((0, bad), (1, bad)), ((0, 7), (1, 7))}


def test_every_kind_of_source(tmp_path):
    """The same pictures are found in files, tables, records and arrays; masks are compared."""
    images, masks = pixels(4, 9, 7, 3), pixels(4, 9, 7) % 3
    other = masks + np.eye(4, dtype=np.uint8)[2, :, None, None]
    names = [f"{k}.png" for k in range(4)]
    for root, arrays in (("i", images), ("m", other)):
        write(tmp_path / root, dict(zip(names, map(encoded, arrays), strict=True)))
    rows = {"path": [f"i/{name}" for name in names], "mask": [f"m/{name}" for name in names]}
    table = jd.DataFrameSource(rows, label=None, mask="mask", root=tmp_path, image_size=SIZE)
    records = [{"image": encoded(images[k], "BMP"), "m": encoded(other[k])} for k in range(4)]
    coded = jd.EncodedSource(records, mask="m", image_size=(3, 3), label_mode="none")
    report = check(jd.ArraySource(images, masks=masks), table, coded)
    assert [g.conflict for g in report.duplicates] == [True, False, False, False]
    assert [(c.source, c.index) for c in report.duplicates[0].copies] == [(0, 2), (1, 2), (2, 2)]
    assert all(g.kind == "pixels" and len(g.copies) == 3 for g in report.duplicates)
    assert [list(s.modes) for s in report.sources] == [["array uint8"], ["PNG RGB"], ["BMP RGB"]]
    values = images.astype(np.float32)
    values[1, 0, 0, 0] = np.nan
    (fault,) = check(jd.ArraySource(values)).sources[0].faults
    assert fault.index == 1 and "NaN" in fault.message


def test_labels_are_compared_by_name_and_as_sets(tmp_path):
    images = np.broadcast_to(np.arange(3, dtype=np.uint8)[:, None, None, None], (3, 6, 8, 3))
    first = jd.ArraySource(images, ["x", "y", "y"])
    second = jd.ArraySource(images, [0, 0, 1], class_names=("y", "x"))
    found = {g.copies[0].index: g.conflict for g in check(first, second).duplicates}
    assert found == {0: True, 1: False, 2: True}
    write(tmp_path, {"x/y/1.png": encoded(images[0]), "y/x/1.png": encoded(images[0])})
    sets = jd.DirectorySource(tmp_path, SIZE, label_from=lambda path: path.split("/")[:-1])
    table = {"path": ["x/y/1.png"], "label": [["y", "x"]]}
    back = jd.DataFrameSource(table, root=tmp_path, image_size=SIZE, classes=("y", "x"))
    assert [each.conflict for each in check(sets, back).duplicates] == [False]


def test_pictures_are_compared_upright_and_in_the_colours_asked_for(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture, deep = pixels(9, 7, 3), RNG.integers(0, 255, (9, 7)).astype(np.uint16) * 257
    start, end = encoded(picture)[:-12], encoded(picture)[-12:]
    block = b"eXIf" + exif.tobytes()[6:]  # behind the pixels
    late = (len(block) - 4).to_bytes(4) + block + zlib.crc32(block).to_bytes(4)
    photo = encoded(picture, "JPEG")
    files = {"1.png": start + late + end, "2.png": encoded(np.rot90(picture, -1))}
    files |= {"3.jpg": photo, "4.png": encoded(np.asarray(Image.open(io.BytesIO(photo))))}
    files |= {"5.png": encoded(deep), "6.png": encoded(deep + np.uint16(1))}
    found = {}
    for color in ("rgb", "gray", "gray16"):
        source = jd.DirectorySource(write(tmp_path, files), SIZE, color=color, label_mode="none")
        found[color] = [[c.index for c in group.copies] for group in check(source).duplicates]
    assert found["rgb"] == found["gray"] == [[0, 1], [2, 3], [4, 5]]  # the last in 8 bits
    assert [0, 1] in found["gray16"] and [4, 5] not in found["gray16"]
    (group,) = _duplicates._groups((np.array([0, 1, 1, 2]), np.array([0, 1, 0, 2])))
    assert group.tolist() == [0, 1, 2]  # linked by another


def test_bad_arguments_and_interruption(monkeypatch):
    source = jd.ArraySource(pixels(400, 2, 2, 3))
    for wrong in ((), (source, [source])):
        with pytest.raises(JaxaugError, match="one ImageSource or more"):
            check(*wrong)
    with pytest.raises(ValueError, match="threads"):
        check(source, threads=0)
    with pytest.raises(JaxaugError, match="^check: expected progress to be True"):
        check(source, progress="no")
    for wrong in (-1, 0, b"x", ""):  # numbers are open files
        with pytest.raises(JaxaugError, match="^check: expected manifest to be a path"):
            check(source, manifest=wrong)
        with pytest.raises(JaxaugError, match="^write_manifest: expected path to be a path"):
            check(source).write_manifest(wrong)
    seen, look = [], _inspect._look

    def slow(*job):
        seen.append(job)
        threading.Event().wait(0.02)
        return look(*job)

    monkeypatch.setattr(_inspect, "_look", slow)
    monkeypatch.setattr(_inspect.tqdm, "update", lambda *_: interrupt())
    with pytest.raises(KeyboardInterrupt):
        check(source, threads=1)
    assert not [t for t in threading.enumerate() if t.name.startswith("jaxaug-check")]
    assert len(seen) < 6  # of 13


def interrupt():
    raise KeyboardInterrupt
