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
        paths = scan(str(root))
        assert paths == sorted(names)
        source = source_of(root)
        assert source.class_names == ("B", "a", "a-b", "b")
        assert [source.class_names[i] for i in source.labels] == [p.split("/")[0] for p in paths]
    assert source.labels.dtype == np.int32


def test_hidden_entries_and_other_files_are_skipped_and_nesting_is_kept(tmp_path):
    touch(tmp_path, "a/1.png", "a/.2.png", "a/.cache/3.png", ".git/4.png", "a/n/m/5.png", "a/6.txt")
    touch(tmp_path, "readme.md", "cover.png", "a/dir.png/7.png")
    found = ["a/1.png", "a/dir.png/7.png", "a/n/m/5.png", "cover.png"]
    assert scan(str(tmp_path)) == found
    with pytest.raises(ValueError, match=r"in a class folder, got beside them 'cover\.png'"):
        source_of(tmp_path)
    for mode in ("int", "none", "image"):
        assert len(source_of(tmp_path, classes=["a"], label_mode=mode)) == 3
    chosen = source_of(tmp_path, classes=["a"])  # was asked for
    assert [chosen.path(row) for row in range(3)] == [f"{tmp_path}/{path}" for path in found[:3]]
    assert len(source_of(tmp_path, label_mode="none")) == 4


def test_labels_from_the_innermost_folder_or_a_function(tmp_path):
    touch(tmp_path, "x/cat/1.png", "x/dog/2.png", "y/cat/3.png", "y/z/cat/4.png")
    leaf = source_of(tmp_path, label_from="leaf")
    assert leaf.class_counts == {"cat": 3, "dog": 1}
    assert source_of(tmp_path, label_from="leaf", classes=["cat"]).labels.tolist() == [0, 0, 0]
    numbers = source_of(tmp_path, label_from=lambda path: float(path[-5]))
    assert numbers.labels.tolist() == [1, 2, 3, 4]
    several = source_of(tmp_path, label_from=lambda path: path.split("/")[:-1])
    assert several.class_counts == {"cat": 3, "dog": 1, "x": 2, "y": 2, "z": 1}
    assert several.labels.dtype == np.float32
    cats = source_of(tmp_path, label_from=lambda path: path.split("/")[:-1], classes=["cat", "x"])
    assert cats.labels.tolist() == [[1, 1], [0, 1], [1, 0], [1, 0]]
    touch(tmp_path, "5.png")
    with pytest.raises(ValueError, match=r"every image in a folder, got '5\.png'"):
        source_of(tmp_path, label_from="leaf")


@pytest.mark.parametrize(
    ("mode", "label"),
    [("int", 1), ("onehot", [0, 1]), ("binary", 1), ("multihot", [0, 1]), ("none", None)],
)
def test_label_modes(tmp_path, mode, label):
    for name in ("a/1.png", "b/2.png"):
        touch(tmp_path, name)
        Image.new("RGB", (5, 4), (int(name[2]), 0, 0)).save(tmp_path / name)
    record = source_of(tmp_path, label_mode=mode)[1]
    assert ("label" in record) == (label is not None)
    if label is not None:
        assert record["label"].dtype == (np.int32 if mode == "int" else np.float32)
        np.testing.assert_array_equal(record["label"], label)
    echo = source_of(tmp_path, label_mode="image").read([1, 0])
    np.testing.assert_array_equal(echo["label"], echo["image"])
    assert not np.shares_memory(echo["label"], echo["image"])
    touch(tmp_path, "c/1.png")
    with pytest.raises(ValueError, match="label_mode='binary': expected two classes, got 3"):
        source_of(tmp_path, label_mode="binary")


def test_masks_lie_in_a_parallel_tree(tmp_path):
    for k in range(3):
        touch(tmp_path, f"images/a/{k}.jpg", f"masks/a/{k}.png")
        pixels = np.zeros((8, 10), np.uint8)
        pixels[:, 4:] = 1 + k
        Image.fromarray(40 * pixels).convert("RGB").save(tmp_path / f"images/a/{k}.jpg")
        Image.fromarray(pixels).save(tmp_path / f"masks/a/{k}.png")
    source = source_of(tmp_path / "images", mask=tmp_path / "masks")
    batch = source.read([2, 0])
    assert (batch["mask"].dtype, batch["mask"].shape) == (np.int32, (2, 4, 5))
    assert batch["mask"][:, 0].tolist() == [[0, 0, 3, 3, 3], [0, 0, 1, 1, 1]]
    Image.new("L", (9, 9)).save(tmp_path / "masks/a/1.png")
    with pytest.raises(jd.DecodeError, match=r"a mask of \(9, 9\) for an image of \(8, 10\)"):
        source[1]
    (tmp_path / "masks/a/1.png").unlink()
    with pytest.raises(ValueError, match=r"none for 1: 'a/1\.jpg'"):
        source_of(tmp_path / "images", mask=tmp_path / "masks")
    touch(tmp_path, "masks/a/0.gif", "masks/a/1.png")
    with pytest.raises(ValueError, match=r"one mask for each image, got 'a/0\.gif' and 'a/0\.png'"):
        source_of(tmp_path / "images", mask=tmp_path / "masks")


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
    assert scan(str(tmp_path)) == sorted(every)
    assert scan(str(tmp_path), extensions=["jpg", ".PPM"]) == ["a/1.JPG", "a/9.ppm"]


def test_classes_choose_and_order_labels_but_not_records(tmp_path):
    touch(tmp_path, "a/1.png", "b/1.png", "c/1.png")
    source = source_of(tmp_path, classes=["c", "a"])
    assert source.class_names == ("c", "a")
    files = [source.path(row)[-7:] for row in range(len(source))]
    assert list(zip(files, source.labels.tolist(), strict=True)) == [("a/1.png", 1), ("c/1.png", 0)]


@pytest.mark.parametrize("classes", [["a", "d"], "a", [], ["a", "a"]])
def test_bad_classes_are_told_what_exists(tmp_path, classes):
    touch(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(
        ValueError, match=r"DirectorySource: expected classes .* There are 'a', 'b'"
    ):
        source_of(tmp_path, classes=classes)


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


def test_links_are_followed_inside_and_loops_end(tmp_path):
    touch(tmp_path / "elsewhere", "1.png")
    touch(tmp_path / "root", "a/2.png")
    (tmp_path / "root/a/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/b").symlink_to(tmp_path / "root/a/c")
    touch(tmp_path / "root", "a/c/3.png")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root/a")
    (tmp_path / "root/a/itself").symlink_to(tmp_path / "root/a/itself")
    (tmp_path / "root/a/broken.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"links that stay .* got 2 .*'a/broken.png', 'a/linked'"):
        scan(str(tmp_path / "root"))
    inside = ["a/2.png", "a/c/3.png", "b/3.png"]
    outside = sorted([*inside, "a/broken.png", "a/linked/1.png"])
    assert scan(str(tmp_path / "root"), follow_links=True) == outside
    with pytest.raises(jd.DecodeError, match=r"broken\.png' \(No such file or directory\)"):
        source_of(tmp_path / "root", follow_links=True)[outside.index("a/broken.png")]
    for name in ("a/linked", "a/broken.png"):
        (tmp_path / "root" / name).unlink()
    assert scan(str(tmp_path / "root")) == inside
    (tmp_path / "root/out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"1 that lead out of it: 'out'"):
        source_of(tmp_path / "root", classes=["a", "out"])
    (tmp_path / "root/out").unlink()
    sibling = tmp_path / "root2"  # begins with the root's name, and lies beside it
    touch(sibling, "1.png")
    (tmp_path / "root/a/4.png").symlink_to(sibling / "1.png")
    with pytest.raises(ValueError, match=r"1 that lead out of it: 'a/4\.png'"):
        scan(str(tmp_path / "root"))


def test_a_missing_root_a_file_and_empty_folders_say_what_was_found(tmp_path):
    touch(tmp_path, "file", "images/1.png", "images/2.png", "holes/a/1.png", "holes/b/1.txt")
    (tmp_path / "empty").mkdir()
    for name, kind, message in [
        ("missing", FileNotFoundError, "which does not exist"),
        ("file", NotADirectoryError, "which is a file"),
        ("empty", ValueError, "got nothing in"),
        ("images", ValueError, "got no folder but 2 files"),
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
    assert part.identities(np.arange(2)).tolist() == [3, 5]
    assert part.path(0).endswith("/a/3.png")
    assert source.subset(np.arange(6) % 2 == 1)._index.tolist() == [1, 3, 5]
    for rows in ([], [6], [-1], [0.5], [[1]], [True]):
        for use in (source.subset, source.read):
            with pytest.raises(ValueError, match=r"expected row numbers from 0 to 5"):
                use(rows)
    assert source.path(-1) == source.path(5)
    with pytest.raises(IndexError, match="a row below 6"):
        source.path(6)
    with pytest.raises(ValueError, match="got row 2 more than once"):
        source.subset([1, 2, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 8}, r"image_size: expected \(height, width\)"),
        ({"image_size": (8, 0)}, "height and width to be an integer, 1 or more"),
        ({"image_size": (8, 8.5)}, "height and width to be an integer"),
        ({"color": "bgr"}, "one of 'rgb', 'gray', 'rgba', 'gray16', got 'bgr'"),
        ({"resample": "cubic"}, "one of 'nearest', .*got 'cubic'"),
        ({"max_pixels": 0}, "max_pixels to be an integer, 1 or more"),
    ],
)
def test_options_are_checked(tmp_path, options, message):
    touch(tmp_path, "a/1.png")
    with pytest.raises((TypeError, ValueError), match=message):
        jd.DirectorySource(tmp_path, **{"image_size": (8, 8)} | options)
