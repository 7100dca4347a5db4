"""Images in arrays and memory maps, and the columns that are given beside them."""

import os
import pickle

import numpy as np
import pytest

from jaxaug._types import JaxaugError
from jaxaug.data._arrays import ArraySource
from jaxaug.data._loader import Loader

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 5, 7, 3), np.uint8)
NAMES = ("cat", "dog", "owl")


def mapped(tmp_path, array=IMAGES):
    np.save(tmp_path / "images.npy", array)
    return tmp_path / "images.npy"


@pytest.mark.parametrize("dtype", ["u1", "f2", "f4", "f8", ">f4"])
def test_batches_are_rows_in_new_memory_of_this_machines_order(dtype):
    images = (IMAGES.astype(dtype) / 255).astype(dtype) if dtype != "u1" else IMAGES
    source = ArraySource(images)
    before = images.copy()
    batch = source.read([3, 0, 11])
    np.testing.assert_array_equal(batch["image"], images[[3, 0, 11]])
    assert (
        batch["image"].dtype == np.dtype(dtype).newbyteorder("=") and batch["image"].dtype.isnative
    )
    batch["image"][:] = 0
    np.testing.assert_array_equal(images, before)
    assert source.reader.spec["image"] == ((5, 7, 3), batch["image"].dtype)


def test_images_without_channels_get_an_axis_and_no_copy():
    images = IMAGES[..., 0]
    source = ArraySource(images)
    assert source[2]["image"].shape == (5, 7, 1)
    assert np.shares_memory(source.reader._arrays["image"], images)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("channels", [True, False])
def test_a_file_is_mapped_and_pickles_as_its_path(tmp_path, order, channels, monkeypatch):
    array = np.asarray(IMAGES if channels else IMAGES[..., 0], order=order)
    path = mapped(tmp_path, array)
    monkeypatch.chdir(tmp_path)
    for given in (path, "images.npy", np.load(path, mmap_mode="r"), np.load(path, mmap_mode="r+")):
        source = ArraySource(given)
        data = pickle.dumps(source)
        assert len(data) < 1000
        monkeypatch.chdir("/")  # another process is somewhere else
        again = pickle.loads(data)
        monkeypatch.chdir(tmp_path)
        batch = again.read([1, 4])["image"]
        np.testing.assert_array_equal(batch, array.reshape(12, 5, 7, -1)[[1, 4]])
        assert type(batch) is np.ndarray and batch.flags.writeable
        assert not source.reader._arrays["image"].flags.writeable
        assert repr(again) == repr(source) and again.reader.manifest() == source.reader.manifest()


def test_a_part_of_a_map_pickles_its_own_rows(tmp_path):
    part = np.load(mapped(tmp_path), mmap_mode="r")[3:6]
    private = np.load(tmp_path / "images.npy", mmap_mode="c")
    private[0] = 7
    for given in (part, private):
        again = pickle.loads(pickle.dumps(ArraySource(given)))
        np.testing.assert_array_equal(again[0]["image"], given[0])


def test_a_file_cut_short_is_refused_before_it_is_mapped(tmp_path):
    path = mapped(tmp_path)
    data = pickle.dumps(ArraySource(path))
    os.truncate(path, 600)
    with pytest.raises(JaxaugError, match="whole .npy file, got .*images.npy"):
        ArraySource(path)
    with pytest.raises(JaxaugError, match=r"uint8 \(12, 5, 7, 3\), got .*images.npy"):
        pickle.loads(data)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("<html>" * 50)
    np.save(tmp_path / "objects.npy", np.array([[1], None], object), allow_pickle=True)
    for name in ("empty", "text", "objects"):
        with pytest.raises(JaxaugError, match=f"whole .npy file, got .*{name}.npy"):
            ArraySource(tmp_path / f"{name}.npy")
    with pytest.raises(JaxaugError, match="whole .npy file, got"):
        ArraySource(tmp_path)
    with pytest.raises(FileNotFoundError, match="^ArraySource: expected .*none.npy"):
        ArraySource(tmp_path / "none.npy")


def test_labels_of_each_form():
    numbers = np.arange(12) % 3
    source = ArraySource(IMAGES, numbers, class_names=NAMES)
    assert source[4]["label"] == 1 and source.class_counts == dict.fromkeys(NAMES, 4)
    listed = ArraySource(IMAGES, numbers.tolist(), class_names=NAMES)
    np.testing.assert_array_equal(listed.labels, numbers)
    hot = ArraySource(IMAGES, np.eye(3)[numbers], label_mode="onehot", class_names=NAMES)
    np.testing.assert_array_equal(hot.read([0, 5])["label"], np.eye(3, dtype=np.float32)[[0, 2]])
    marks = RNG.integers(0, 2, (12, 3))
    many = ArraySource(IMAGES, marks, label_mode="multihot")
    np.testing.assert_array_equal(many.labels, marks)
    assert many.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(ArraySource(IMAGES, marks).labels, marks)
    lists = [np.flatnonzero(row).tolist() for row in marks]
    np.testing.assert_array_equal(ArraySource(IMAGES, lists).labels, marks)
    for dtype in (np.float32, int, bool):  # as to_categorical makes them
        hot = ArraySource(IMAGES, np.eye(3, dtype=dtype)[numbers])
        np.testing.assert_array_equal(hot.labels, numbers)
        np.testing.assert_array_equal(hot[1]["label"], [0, 1, 0])
    assert ArraySource(IMAGES, np.full((12, 3), 1 / 3)).class_names == ()
    echo = ArraySource(IMAGES, label_mode="image").read([2])
    np.testing.assert_array_equal(echo["label"], echo["image"])
    assert "label" not in ArraySource(IMAGES)[0]


def test_integers_without_names_are_numbers_of_classes():
    source = ArraySource(IMAGES, [1, 2] * 6)
    assert source.labels.tolist() == [1, 2] * 6
    assert source.class_counts == {"0": 0, "1": 6, "2": 6}
    train, val = source.split((0.5, 0.5))
    assert train.class_counts == val.class_counts == {"0": 0, "1": 3, "2": 3}
    assert len(source.folds(3)) == 3
    table = Loader(source, 4, seed=0, balance="uniform").class_table()
    assert table["share"].tolist() == [0, 0.5, 0.5] and table["draws"].tolist() == [0, 6, 6]
    assert ArraySource(IMAGES, [True] * 12).class_counts == {"False": 0, "True": 12}
    truth = np.array([True, False] * 6)
    assert ArraySource(IMAGES, truth, class_names=("no", "yes")).labels.tolist() == [1, 0] * 6


def test_masks_weights_and_columns_stay_with_their_rows(tmp_path):
    masks = RNG.integers(0, 300, (12, 5, 7), np.uint16)
    weights, ages = np.arange(12) / 4, np.arange(12) * 2
    columns = {"age": ages, "site": np.array(["a", "bc"] * 6, object)}
    np.save(tmp_path / "masks.npy", masks)
    for given in (masks, tmp_path / "masks.npy"):
        part = ArraySource(IMAGES, masks=given, weights=weights, columns=columns).subset([7, 2])
        batch = part.read([0, 1])
        np.testing.assert_array_equal(batch["mask"], masks[[7, 2]])
        assert batch["mask"].dtype == np.int32 == part.reader.spec["mask"].dtype
        assert batch["weight"].tolist() == [1.75, 0.5] and batch["weight"].dtype == np.float32
        assert batch["age"].tolist() == [14, 4] and batch["site"].tolist() == ["bc", "a"]
        assert batch["index"].tolist() == [7, 2]


def test_the_manifest_knows_other_pixels_shapes_and_types():
    others = (IMAGES[::-1], IMAGES.astype(np.float32), IMAGES[:11], IMAGES.reshape(12, 7, 5, 3))
    manifests = {ArraySource(each).reader.manifest() for each in (IMAGES, *others)}
    assert len(manifests) == 5
    assert ArraySource(IMAGES.copy()).reader.manifest() in manifests


def test_repr_is_stable_and_short():
    assert repr(ArraySource(IMAGES)) == "ArraySource(uint8 (12, 5, 7, 3)): 12 images"
    labelled = ArraySource(IMAGES, [0] * 12, class_names=NAMES)
    assert repr(labelled.subset([1])) == "ArraySource(uint8 (12, 5, 7, 3)): 1 images, 3 classes"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"images": IMAGES.astype(np.uint16)}, "got uint16.*images / 65535"),
        ({"images": IMAGES.astype(np.int32)}, "uint8 or floating, got int32"),
        ({"images": IMAGES[0, 0]}, r"\(n, h, w, c\).*got \(7, 3\)"),
        ({"images": IMAGES[:0]}, "at least one"),
        ({"images": [IMAGES[0], IMAGES[1, 1:]]}, "Stack images of one shape"),
        ({"labels": [0] * 11}, "labels for 12 images, got 11"),
        ({"labels": [0, 3, -1] * 4, "class_names": NAMES}, "0 to 2.*got 3 in row 1, and 8 such"),
        ({"class_names": NAMES}, "labels, got none, but"),
        ({"label_mode": "int"}, "labels, got none, but"),
        ({"label_mode": "hot"}, "label_mode to be one of"),
        ({"labels": [0] * 12, "class_names": "cat"}, "different texts, got 'cat'"),
        ({"labels": [0] * 12, "class_names": ["a", "a"]}, "different texts"),
        ({"labels": np.ones((12, 3)), "label_mode": "onehot"}, "one 1 each, got .* in row 0"),
        ({"labels": np.full((12, 3), 0.5), "label_mode": "multihot"}, "rows of 0 and 1"),
        ({"labels": np.eye(12), "label_mode": "onehot", "class_names": NAMES}, "as many class_n"),
        ({"labels": np.zeros((12, 1), int)}, r"got int64 \(12, 1\)\. Pass labels\[:, 0\]"),
        ({"labels": np.ones((12, 1)), "label_mode": "onehot"}, r"Pass labels\[:, 0\]"),
        ({"labels": [-1] * 12}, "count from 0, .*make them texts"),
        ({"labels": ["a,b"] * 12, "label_mode": "multihot"}, "texts such as 'a,b'.*split"),
        ({"labels": [0] * 12, "class_names": 5}, "different texts, got 5"),
        ({"labels": ["a"] * 12, "class_names": 5}, "different texts, got 5"),
        ({"labels": ([0], [0, 1]) * 5}, "labels for 12 images, got 10"),
        ({"columns": 5}, "columns to be a dict of arrays, got 5"),
        ({"columns": {0: np.ones(12)}}, "names of their own, got 0"),
        ({"columns": {"age": [[1], [1, 2]] * 6}}, "column 'age' to be an array"),
        ({"weights": ["a"] * 12}, "weights to be an array"),
        ({"masks": IMAGES}, r"masks of shape \(12, 5, 7\)"),
        ({"masks": IMAGES[..., 0] / 2}, "fit int32, got float64"),
        ({"masks": IMAGES[..., 0].astype(np.uint32)}, "fit int32, got uint32"),
        ({"weights": np.ones(11)}, "weights for 12 images, got 11"),
        ({"weights": [1.0] * 11 + [-1]}, "0 or more, one a row, got -1.0 in row 11"),
        ({"weights": [np.nan] * 12}, "finite numbers.* got nan in row 0"),
        ({"columns": {"label": np.ones(12)}}, "names of their own, got 'label'"),
        ({"columns": {"age": np.ones(5)}}, "age for 12 images, got 5"),
        ({"columns": {"age": [None] * 12}}, "'age' to be numbers or texts"),
    ],
)
def test_arguments_that_do_not_fit_are_named(options, text):
    with pytest.raises(ValueError, match=f"^ArraySource: expected .*{text}"):
        ArraySource(**{"images": IMAGES, **options})
