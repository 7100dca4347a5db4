"""Finding images: order, names, links, and what is said when there are none."""

import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxaug.data as jd
from jaxaug.data._paths import Paths
from jaxaug.data._scan import scan


def touch(root, *paths):
    for path in paths:
        file = Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def source_of(root, **options):
    return jd.DirectorySource(root, image_size=(4, 5), **options)


def test_order_is_by_code_point_whatever_the_order_of_creation(tmp_path):
    names = [
        "b/Z.png",
        "b/a.png",
        "b/é.png",
        "b/10.png",
        "b/9.png",
        "a/x.png",
        "a-b/x.png",
        "B/x.png",
    ]
    for number, order in enumerate(
        (names, names[::-1], random.Random(0).sample(names, len(names)))
    ):
        root = tmp_path / str(number)
        touch(root, *order)
        found = scan(str(root))
        assert found.paths == sorted(names)
        assert found.class_names == ("B", "a", "a-b", "b")
        assert [found.class_names[i] for i in found.labels] == [
            p.split("/")[0] for p in found.paths
        ]
    assert found.labels.dtype == np.int32


def test_hidden_entries_and_other_files_are_skipped_and_nesting_is_kept(tmp_path):
    touch(tmp_path, "a/1.png", "a/.2.png", "a/.cache/3.png", ".git/4.png", "a/n/m/5.png", "a/6.txt")
    touch(tmp_path, "readme.md", "cover.png", "a/dir.png/7.png")
    assert scan(str(tmp_path)).paths == ["a/1.png", "a/dir.png/7.png", "a/n/m/5.png"]


def test_extensions(tmp_path):
    every = [
        "a/1.JPG",
        "a/2.jpeg",
        "a/3.Png",
        "a/4.gif",
        "a/5.bmp",
        "a/6.webp",
        "a/7.tif",
        "a/8.TIFF",
    ]
    touch(tmp_path, *every, "a/9.ppm", "a/10.jpgx", "a/jpg")
    assert scan(str(tmp_path)).paths == sorted(every)
    assert scan(str(tmp_path), extensions=["jpg", ".PPM"]).paths == ["a/1.JPG", "a/9.ppm"]


def test_classes_choose_and_order_labels_but_not_records(tmp_path):
    touch(tmp_path, "a/1.png", "b/1.png", "c/1.png")
    found = scan(str(tmp_path), classes=["c", "a"])
    assert found.class_names == ("c", "a")
    assert list(zip(found.paths, found.labels.tolist(), strict=True)) == [
        ("a/1.png", 1),
        ("c/1.png", 0),
    ]


@pytest.mark.parametrize("classes", [["a", "d"], "a", [], ["a", "a"]])
def test_bad_classes_are_told_what_exists(tmp_path, classes):
    touch(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(ValueError, match=r"DirectorySource: expected classes .* It has 'a', 'b'"):
        scan(str(tmp_path), classes=classes)


def test_odd_names_survive_to_the_pixels(tmp_path):
    names = ["with space", "quo'te\"", "new\nline", "-dash", "*?[]", os.fsdecode(b"\xff\xfe")]
    names = [f"{name}.png" for name in (*names, "x" * 251, "\u00e9", "e\u0301")] + ["UPPER.PNG"]
    folder = tmp_path / os.fsdecode(b"cl\xe9ss")
    folder.mkdir()
    for level, name in enumerate(names):
        Image.new("L", (5, 4), 10 * level).save(folder / name)
    source = pickle.loads(pickle.dumps(source_of(tmp_path, color="gray")))
    levels = {source.path(i): int(source[i]["image"][0, 0, 0]) for i in range(len(names))}
    assert levels == {str(folder / name): 10 * level for level, name in enumerate(names)}
    assert source.class_names == (folder.name,)


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path / "elsewhere", "1.png")
    touch(tmp_path / "root", "a/2.png")
    (tmp_path / "root/a/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root/a")
    (tmp_path / "root/a/broken.png").symlink_to(tmp_path / "nothing")
    found = scan(str(tmp_path / "root"))
    assert found.paths == ["a/2.png", "a/broken.png", "a/linked/1.png", "b/1.png"]
    with pytest.raises(jd.DecodeError, match=r"broken\.png' \(No such file or directory\)"):
        source_of(tmp_path / "root")[1]


def test_a_missing_root_a_file_and_empty_folders_say_what_was_found(tmp_path):
    touch(tmp_path, "file", "images/1.png", "images/2.png", "holes/a/1.png", "holes/b/1.txt")
    (tmp_path / "empty").mkdir()
    for name, kind, message in [
        ("missing", FileNotFoundError, "which does not exist"),
        ("file", NotADirectoryError, "which is a file"),
        ("empty", ValueError, "got neither folders nor images"),
        ("images", ValueError, "got 2 images but no folder"),
        ("holes", ValueError, "got none in 'b'"),
    ]:
        with pytest.raises(kind, match=rf"DirectorySource: expected .*{message}.*\. [A-Z]"):
            source_of(tmp_path / name)


def test_paths_round_trip_and_are_compact():
    names = ["", "a", "é/\udcff", "b/" + "c" * 300]
    paths = pickle.loads(pickle.dumps(Paths(names)))
    assert [paths[i] for i in range(len(paths))] == names
    many = Paths([f"class_{i % 10}/{i:08}.jpg" for i in range(10_000)])
    assert len(pickle.dumps(many)) < 10_000 * (20 + 8) + 1000


def test_a_source_is_a_compact_picklable_grain_source_that_a_change_of_folder_does_not_break(
    tmp_path, monkeypatch
):
    import grain

    for name in ("a/1.png", "a/2.png", "b/3.png"):
        touch(tmp_path, name)
        Image.new("RGB", (8, 8), (int(name[2]), 0, 0)).save(tmp_path / name)
    monkeypatch.chdir(tmp_path.parent)
    source = source_of(tmp_path.name)
    monkeypatch.chdir("/")
    assert isinstance(source, grain.sources.RandomAccessDataSource)
    for copy in (source, pickle.loads(pickle.dumps(source))):
        record = copy[-1]
        assert {k: (v.dtype.name, v.shape) for k, v in record.items()} == {
            "image": ("uint8", (4, 5, 3)),
            "label": ("int32", ()),
            "index": ("uint32", ()),
        }
        assert (record["image"][0, 0, 0], record["label"], record["index"]) == (3, 1, 2)
        assert repr(copy) == repr(source)
    assert repr(source) == (
        f"DirectorySource({tmp_path.name!r}, image_size=(4, 5), color='rgb', "
        "resample='bilinear'): 3 images, 2 classes"
    )
    assert source.class_names == ("a", "b")
    assert source.class_counts == {"a": 2, "b": 1}
    assert source.labels.tolist() == [0, 0, 1]
    source.labels[0] = 1  # a copy: the source keeps its own
    assert source.labels.tolist() == [0, 0, 1]
    for row in (3, -4):
        with pytest.raises(IndexError, match="DirectorySource: expected a row below 3"):
            source[row]


def test_subset_keeps_identities_and_refuses_nonsense(tmp_path):
    touch(tmp_path, *(f"a/{i}.png" for i in range(6)))
    source = source_of(tmp_path)
    part = source.subset([5, 1, 3]).subset([2, 0])
    assert part._identities(np.arange(2)).tolist() == [3, 5]
    assert part.path(0).endswith("/a/3.png")
    assert source.subset(np.arange(6) % 2 == 1)._index.tolist() == [1, 3, 5]
    for rows in ([], [6], [-1], [0.5], [[1]], [True]):
        with pytest.raises(ValueError, match=r"subset: expected row numbers from 0 to 5"):
            source.subset(rows)
    with pytest.raises(ValueError, match="got row 2 more than once"):
        source.subset([1, 2, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 8}, r"image_size: expected \(height, width\)"),
        ({"image_size": (8, 0)}, "height and width to be an integer, 1 or more"),
        ({"image_size": (8, 8.5)}, "height and width to be an integer"),
        ({"color": "bgr"}, "one of 'rgb', 'gray', 'rgba', got 'bgr'"),
        ({"resample": "cubic"}, "one of 'nearest', .*got 'cubic'"),
        ({"max_pixels": 0}, "max_pixels to be an integer, 1 or more"),
    ],
)
def test_options_are_checked(tmp_path, options, message):
    touch(tmp_path, "a/1.png")
    with pytest.raises((TypeError, ValueError), match=message):
        jd.DirectorySource(tmp_path, **{"image_size": (8, 8)} | options)
