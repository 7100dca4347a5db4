"""Tables of images: labels of every form, boxes and points, faults told at once, nothing kept."""

import json
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxaug._types import JaxaugError
from jaxaug.data._columns import ClassSets, Padded, Several, ragged
from jaxaug.data._labels import keep, label_column
from jaxaug.data._table._dataframe import DataFrameSource

SIZE = {"image_size": (15, 20)}


@pytest.fixture
def root(tmp_path):
    """Ten pictures of 40 x 30; the red of each is its number."""
    (tmp_path / "images").mkdir()
    for k in range(10):
        Image.new("RGB", (40, 30), (k, 0, 0)).save(tmp_path / "images" / f"{k}.png")
    Image.new("L", (40, 30), 3).save(tmp_path / "mask.png")
    return tmp_path


def table(**columns):
    return pd.DataFrame({"path": [f"images/{k}.png" for k in range(10)], **columns})


def source_of(df, root, label=None, **options):
    return DataFrameSource(df, label=label, root=root, **{**SIZE, **options})


def everything(column):
    count = len(column.ends) if isinstance(column, ClassSets) else len(column.values)
    return column(np.arange(count, dtype=np.uint32))


@pytest.mark.parametrize("form", [list, tuple, np.array, pd.Series, pd.Categorical])
def test_labels_become_classes_whatever_holds_them(form):
    for values, names in (
        (["dog", "cat", "dog", "10", "9"], ("10", "9", "cat", "dog")),
        ([10, 9, 10, 2], tuple(map(str, range(11)))),  # the number of a class is its label
        ([True, False, True], ("False", "True")),
    ):
        column = label_column("test", form(values), None)
        assert column.names == names
        assert [column.names[k] for k in everything(column)] == [str(value) for value in values]
        assert everything(column).dtype == np.int32


def test_label_modes():
    make = lambda values, mode, classes=None: everything(label_column("t", values, mode, classes))
    assert make(["b", "a", "b"], "onehot").tolist() == [[0, 1], [1, 0], [0, 1]]
    assert make(["b", "a", "b"], "binary").tolist() == [1, 0, 1]
    assert make(["b", "a", "b"], "binary", ["b", "a"]).tolist() == [0, 1, 0]
    assert make(["b", "a"], "int", ["z", "b", "a"]).tolist() == [1, 2]
    assert make([2.0, 1.0], "int").tolist() == [2, 1]
    assert label_column("t", [2.0, 1.0], "int").names == ("0", "1", "2")
    assert make([True, True], None).tolist() == make([1, 1], "binary").tolist() == [1, 1]
    assert make([[2], []], None).tolist() == [[0, 0, 1], [0, 0, 0]]
    for classes in (["20", "-1"], [20, -1], np.array([20, -1])):  # digits are integers
        assert make([-1, 20], "int", classes).tolist() == [1, 0]
    assert make([2, 1], "regression").tolist() == [2, 1]
    assert make([2.5, 1], None).dtype == np.float32
    assert make(np.ones((3, 2)), None).shape == make([[1, 1]] * 3, "regression").shape == (3, 2)
    assert make([{"b", "a"}, (), ["b", "b"], np.array(["c"])], None).tolist() == [
        [1, 1, 0],
        [0, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]
    for mode in ("none", "image"):
        assert label_column("t", ["a"], mode) is None


def test_a_set_has_one_order_in_every_process():
    names = [f"n{k}" for k in range(50)]
    column = label_column("t", [set(names), set(names)], None)
    assert column.parts()[0].tolist() == [*range(50), *range(50)]
    assert column.digest() == label_column("t", [names, names[::-1] * 2], None).digest()


@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        ([1, "1"], {}, r"1 \(int\) and '1' \(str\)"),
        ([True, 2], {}, "all of them|bool"),
        (["a", ["a"]], {}, "list"),
        ([b"a"], {}, "bytes"),
        (["a", None, ""], {}, r"2 of 3: rows 1, 2"),
        ([0.5, np.nan, np.inf], {}, r"2 of 3: rows 1, 2"),
        ([["a"], ["b", None]], {}, "rows 1"),
        ([[0.5], [1.5]], {}, "lists of numbers.*regression"),
        (np.array([[1.0], [np.nan]]), {}, "rows 1"),
        ([1.5, 2], {"mode": "int"}, "fractions such as 1.5"),
        (["a", "b", "c"], {"mode": "binary"}, "two classes, got 3"),
        ([["a"]], {"mode": "int"}, "multihot"),
        (["1", "2"], {"mode": "regression"}, "numbers"),
        ([[1], [1, 2]], {"mode": "regression"}, "equally many"),
        (["a", "b"], {"classes": ["a"]}, "got 'b'"),
        (["a"], {"classes": ["a", "a"]}, "different labels"),
        ([1.5], {"classes": [1]}, "Leave classes out"),
        (["a"], {"mode": "ints"}, "one of 'int'"),
        ([-1, 1], {}, r"count from 0, got 2 different ones from -1 to 1\. Name .* classes="),
        ([0, 1000], {}, "from 0 to 1000"),
        (["a"], {"classes": 5}, "list of different labels, got 5"),
        (["a"], {"classes": {"a"}}, "list of different labels"),
        (["a"], {"classes": [["a"]]}, "list of different labels"),
        (np.array([[1], [2]]), {}, r"Pass labels\[:, 0\]"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(values, options, match):
    with pytest.raises(ValueError, match=match):
        label_column("test", values, options.get("mode"), options.get("classes"))


def test_keep_leaves_out_other_classes_and_suspects_misspelled_ones():
    labels = pd.Series(["a", "b", None, "c"])
    assert keep("t", labels, ["c", "a"])[1].tolist() == [True, False, True, True]
    assert keep("t", labels, ["a", "b", "c", "d"])[1].all()  # none here, maybe elsewhere
    with pytest.raises(JaxaugError, match=r"no 'd' \(str\).*'a', 'b', 'c'"):
        keep("t", labels, ["a", "d"])
    with pytest.raises(JaxaugError, match=r"no 1 \(int\)\. There are '01' \(str\)"):
        keep("t", pd.Series(["01"]), [1])
    assert keep("t", pd.Series([1, 2]), ["2"])[1].tolist() == [False, True]
    with pytest.raises(JaxaugError, match="all texts"):
        keep("t", pd.Series([[1], ["a"]]), ["a"])
    sets, kept = keep("t", pd.Series([["a", "b"], ["b"], []]), ["a"])
    assert (sets.tolist(), kept.tolist()) == ([["a"], [], []], [True, False, False])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=8), st.data())
def test_ragged_and_padded_are_lists(rows, data):
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    index = np.array(index, np.uint32)
    ends = np.cumsum([len(row) for row in rows])
    flat = np.array([x for row in rows for x in row], np.int32)
    where, places = ragged(ends, index)
    wanted = [(k, x) for k, i in enumerate(index) for x in rows[i]]
    assert list(zip(where.tolist(), flat[places].tolist(), strict=True)) == wanted
    padded = Padded(flat, ends, 4, fill=-1)(index)
    assert padded.tolist() == [rows[i] + [-1] * (4 - len(rows[i])) for i in index]


def test_a_table_is_a_source_and_is_neither_kept_nor_changed(root):
    df = table(label=list("abcabcabca"), weight=np.arange(10.0), age=range(10), who=list("xy" * 5))
    df["mask"] = "mask.png"
    before = df.copy(deep=True)
    options = {"weight": "weight", "columns": ["age", "who"], "mask": "mask"}
    source = source_of(df, root, "label", **options)
    pd.testing.assert_frame_equal(df, before)
    df.loc[:, "age"] = 0
    copy = pickle.loads(pickle.dumps(source))
    assert b"pandas" not in pickle.dumps(source)
    for each in (source, copy):
        batch = each.read([9, 0])
        assert batch["image"].shape == (2, 15, 20, 3)
        np.testing.assert_array_equal(batch["mask"], np.full((2, 15, 20), 3))
        assert (batch["image"][:, 0, 0, 0] == [9, 0]).all()
        assert batch["label"].tolist() == [0, 0]
        assert (batch["weight"].tolist(), batch["weight"].dtype) == ([9, 0], np.float32)
        assert batch["age"].tolist() == [9, 0]
        assert batch["who"].tolist() == ["y", "x"]
        assert each.class_counts == {"a": 4, "b": 3, "c": 3}
    text = "DataFrameSource(10 rows of 'path', root={!r}, image_size=(15, 20), "
    assert repr(source).startswith(text.format(str(root)))
    parts = source.split((0.5, 0.5), group="who")
    assert sorted("".join(sorted(set(p.read(np.arange(5))["who"]))) for p in parts) == ["x", "y"]


def test_several_labels_are_a_dict_or_a_matrix(root):
    df = table(kind=list("ab" * 5), size=np.linspace(0, 1, 10), tags=[["p", "q"], []] * 5)
    source = source_of(df, root, ["kind", "size", "tags"], label_mode={"kind": "onehot"})
    label = source.read([1, 2])["label"]
    assert label["kind"].tolist() == [[0, 1], [1, 0]]
    assert label["tags"].tolist() == [[0, 0], [1, 1]]
    np.testing.assert_allclose(label["size"], [1 / 9, 2 / 9], rtol=1e-6)
    assert isinstance(source.columns["label"], Several)
    df = table(x=range(10), y=np.arange(10) / 10)
    matrix = source_of(df, root, ["x", "y"], label_mode="regression").read([3])["label"]
    np.testing.assert_array_equal(matrix, np.float32([[3, 0.3]]))
    df = table(x=[0, 1] * 5, y=[1] * 10)
    marks = source_of(df, root, ["x", "y"], label_mode="multihot")
    assert marks.class_names == ("x", "y") and marks.class_counts == {"x": 5, "y": 10}
    assert marks.read([0, 1])["label"].tolist() == [[0, 1], [1, 1]]
    assert source_of(df, root, ["x", "y"])[0]["label"] == {"x": 0, "y": 1}
    with pytest.raises(JaxaugError, match=r"rows of 0 and 1, got \[0.0, 2.0\] in row 0"):
        source_of(df.assign(y=2), root, ["x", "y"], label_mode="multihot")
    part = source_of(
        table(a=list("xyz" * 3 + "x"), b=range(10)), root, ["a", "b"], classes={"a": ["y", "z"]}
    )
    assert (len(part), part.class_names["a"]) == (6, ("y", "z"))
    assert source_of(table(), root, label_mode="image")[3]["label"].shape == (15, 20, 3)


def test_all_faults_of_files_and_labels_are_told_at_once_and_missing_files_may_be_dropped(root):
    (root / "note.txt").touch()
    df = table(label=["a", None, "b"] + ["a"] * 7)
    df.loc[3, "path"], df.loc[4, "path"], df.loc[5, "path"] = "images/gone.png", None, "note.txt"
    df.index = [f"id{k}" for k in range(10)]
    options = {"extensions": ["png"]}
    with pytest.raises(JaxaugError) as error:
        source_of(df, root, "label", **options)
    for text in (
        "1 without a file name in 'path': row 4 (index 'id4', '')",
        "1 whose 'path' does not end in .png: row 5 (index 'id5', 'note.txt')",
        "1 whose 'path' is no file: row 3 (index 'id3', 'images/gone.png')",
        "1 without a label in 'label': row 1 (index 'id1', nan)",
    ):
        assert text in str(error.value)
    with pytest.raises(JaxaugError, match=r"got 1 without a label in 'label': row 1"):
        source_of(df, root, "label", missing="drop", **options)
    df.loc["id1", "label"] = "b"
    source = source_of(df, root, "label", missing="drop", **options)
    assert source.dropped.tolist() == [3, 4, 5]
    assert "3 dropped" in repr(source)
    batch = source.read(np.arange(7))
    assert batch["image"][:, 0, 0, 0].tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert (batch["label"].tolist(), batch["index"].tolist()) == (
        [0, 1, 1, 0, 0, 0, 0],
        [*range(7)],
    )
    only = source_of(df, root, "label", missing="drop", classes=["b"], **options)
    assert (len(only), only.dropped.tolist(), only.class_names) == (2, [], ("b",))
    with pytest.raises(JaxaugError, match="at least one row"):
        source_of({"path": ["x.png"]}, root, missing="drop")
    with pytest.raises(FileNotFoundError, match="expected root to be a folder"):
        source_of(table(), root / "gone")


def test_without_a_root_names_are_taken_as_given(root, monkeypatch):
    monkeypatch.chdir(root)
    relative = DataFrameSource(table(), label=None, **SIZE)
    absolute = DataFrameSource(
        table(path=[root / f"images/{k}.png" for k in range(10)]), label=None, **SIZE
    )
    mixed = DataFrameSource({"path": ["images/1.png", f"{root}/images/1.png"]}, label=None, **SIZE)
    monkeypatch.chdir("/")
    assert relative.path(4) == absolute.path(4) == f"{root}/images/4.png"
    assert mixed.path(0) == mixed.path(1) == relative.path(1)
    assert relative[4]["image"][0, 0, 0] == absolute[4]["image"][0, 0, 0] == 4
    assert relative.reader.key(4) == "images/4.png"


def test_boxes_and_points_move_with_the_picture(root):
    boxes = [[(4, 6, 20, 30), (0, 0, 2, 2)], None, np.array([[10, 10, 40, 30]])] + [[]] * 7
    points = [[(4, 6), (np.nan, 1)]] * 9 + [None]
    names = [["dog", "cat"], [], ("dog",)] + [None] * 7
    df = table(boxes=boxes, names=names, points=points)
    source = source_of(df, root, boxes="boxes", box_labels="names", keypoints="points")
    batch = source.read([0, 1, 2, 9])
    assert batch["boxes"].tolist() == [
        [[2, 3, 10, 15], [0, 0, 1, 1]],
        [[0] * 4] * 2,
        [[5, 5, 20, 15], [0] * 4],
        [[0] * 4] * 2,
    ]
    assert batch["box_labels"].tolist() == [[1, 0], [-1, -1], [1, -1], [-1, -1]]
    assert source.box_class_names == ("cat", "dog")
    assert batch["keypoints"][[0, 3]].tolist() == [[[2, 3], [0, 0]], [[0, 0]] * 2]
    assert batch["visible"].tolist() == [[True, False]] * 3 + [[False, False]]
    more = source_of(df, root, boxes="boxes", max_boxes=3).read([0])
    assert more["boxes"].shape == (1, 3, 4)

    columns = dict(zip(("x0", "y0", "x1", "y1"), np.array([4.0, 6, 20, 30]), strict=True))
    df = table(**columns, name=["cat"] * 9 + ["dog"])
    df.loc[3, list(columns)] = np.nan
    given = {
        "boxes": list(columns),
        "box_labels": "name",
        "keypoints": [("x0", "y0"), ("x1", "y1")],
    }
    batch = source_of(df, root, **given).read([9, 3])
    assert batch["boxes"].tolist() == [[[2, 3, 10, 15]], [[0] * 4]]
    assert batch["box_labels"].tolist() == [[1], [-1]]
    assert batch["keypoints"].tolist() == [[[2, 3], [10, 15]], [[0, 0]] * 2]


def test_columns_without_names_and_points_in_a_plain_list(root):
    df = table(boxes=[[(4, 6, 20, 30)]] * 10, x=range(10), y=2, z=list("ab" * 5), age=range(10))
    df.columns = range(len(df.columns))
    given = {"image": 0, "boxes": 1, "keypoints": [2, 3, 3, 2], "columns": [5], "group": 4}
    source = source_of(df, root, 4, **given)
    batch = source.read([3])
    assert batch["keypoints"].tolist() == [[[1.5, 1], [1, 1.5]]]
    assert (batch["label"].tolist(), batch["5"].tolist()) == ([1], [3])
    assert set(source_of(df, root, [2, 4], **given)[0]["label"]) == {"2", "4"}


def test_what_a_crop_cuts_away_is_padding_and_not_visible(root):
    """Of 40 x 30 pixels the middle 30 x 30 are kept."""
    boxes = [[(0, 0, 4, 10), (3, 0, 15, 10)]] * 10
    points = [[(1, 1), (20, 2), (39, 2)]] * 10
    df = table(boxes=boxes, kinds=[["cat", "dog"]] * 10, points=points)
    batch = source_of(
        df, root, boxes="boxes", box_labels="kinds", keypoints="points",
        image_size=(30, 30), fit="crop",
    ).read([3])  # fmt: skip
    assert batch["boxes"].tolist() == [[[0, 0, 0, 0], [0, 0, 10, 10]]]
    assert batch["box_labels"].tolist() == [[-1, 1]]
    assert batch["visible"].tolist() == [[False, True, False]]
    assert batch["keypoints"].tolist() == [[[0, 0], [15, 2], [0, 0]]]


def test_groups_are_not_in_batches(root):
    for values in (list("ab" * 5), list(range(10)), [2**40] * 10):
        source = source_of(table(who=values), root, group="who")
        assert set(source[0]) == {"image", "index"}
        assert pickle.loads(pickle.dumps(source)).subset([3, 1]).groups.tolist() == values
    assert source_of(table(), root).groups is None


def test_groups_of_the_table_stay_together(root):
    patient = np.array([7, 7, 7, 8, 8, 9, 9, 9, 10, 10])
    source = source_of(table(patient=patient, label=["a", "b"] * 5), root, "label", group="patient")
    for part in (source, source.subset([9, 8, 3, 4, 5, 1, 0])):
        for options in ({}, {"by": "stratified-group"}, {"by": "hash", "seed": 3}):
            train, test = part.split((0.6, 0.4), **options)
            together = [set(patient[one.identities(np.arange(len(one)))]) for one in (train, test)]
            assert together[0].isdisjoint(together[1])
    assert len(source.split((0.5, 0.5), by="stratified")) == 2
    for values in ([1, None] * 5, ["a", None] * 5, [0.5, 1] * 5):
        with pytest.raises(JaxaugError, match="'who'"):
            source_of(table(who=values), root, group="who")


@pytest.mark.parametrize(
    ("option", "value", "match"),
    [
        ("boxes", [(5, 5, 4, 9)], "x1 > x0"),
        ("boxes", [(0, 0, 4, np.nan)], "x1 > x0"),
        ("boxes", [(0, 0, 1e300, 1)], "x1 > x0"),
        ("boxes", [(0, 0, 4)], "x1 > x0"),
        ("boxes", (0, 0, 4, 4), "x1 > x0"),
        ("boxes", "[[0, 0, 4, 4]", "x1 > x0"),
        ("boxes", "[" * 100_000, "x1 > x0"),
        ("boxes", 7, "x1 > x0"),
        ("keypoints", [(1, 1)], "exactly 2 keypoints"),
        ("keypoints", [(1, 1), (np.inf, 1)], "infinite"),
    ],
)
def test_malformed_boxes_and_points_are_told_with_their_row(root, option, value, match):
    good = [(0, 0, 4, 4)] if option == "boxes" else [(1, 2), (3, 4)]
    with pytest.raises(JaxaugError, match=f"got 1 .*{match}.*: row 6 "):
        source_of(table(it=[good] * 6 + [value] + [good] * 3), root, **{option: "it"})


@pytest.mark.parametrize(
    ("columns", "options", "match"),
    [
        ({"w": [-1.0] + [1] * 8 + [np.nan]}, {"weight": "w"}, r"2 whose weight .*row 0 .*9 "),
        ({"w": ["1"] * 10}, {"weight": "w"}, "to be numbers"),
        ({"b": [[(0, 0, 1, 1)] * 2] * 10}, {"boxes": "b", "max_boxes": 1}, "10 with more than"),
        (
            {"b": [[(0, 0, 1, 1)]] * 10, "n": [["a"]] * 9 + [[]]},
            {"boxes": "b", "box_labels": "n"},
            "row 9",
        ),
        (
            {"b": [[(0, 0, 1, 1)]] * 10, "n": [[""]] * 10},
            {"boxes": "b", "box_labels": "n"},
            "empty",
        ),
        ({"n": [["a"]] * 10}, {"box_labels": "n"}, "Pass boxes="),
        ({"c": ["x"] * 9 + [None]}, {"columns": ["c"]}, "without a text in 'c': row 9"),
        ({"c": [2**31] * 10}, {"columns": ["c"]}, "32 bits"),
        ({"c": [object] * 10}, {"columns": ["c"]}, "numbers or texts"),
        ({"index": range(10)}, {"columns": ["index"]}, "names of their own"),
        ({}, {"columns": ["gone"]}, r"0 of the name 'gone'. There are 'path'"),
        ({}, {"label_mode": "int"}, "Pass label="),
        (
            {"a": [1] * 10, "b": [1] * 10},
            {"label": ["a", "b"], "label_mode": {"c": "int"}},
            r"\['c'\]",
        ),
        ({}, {"missing": "skip"}, "'error', 'drop'"),
        ({}, {"extensions": 5}, "extensions to be a list of texts, got 5"),
        ({}, {"extensions": [1]}, r"extensions to be a list of texts, got \[1\]"),
        ({}, {"formats": None}, "formats to be a list of texts"),
        ({}, {"image": ["path", "path"]}, "image to be one column"),
        ({}, {"image": None}, "image to be one column"),
        ({}, {"boxes": ["path"] * 3}, "four columns of numbers.*got .*Pass boxes="),
        ({}, {"keypoints": ["path"] * 3}, "pairs of columns of numbers.*Pass keypoints="),
        ({}, {"keypoints": [("path", "path"), ("path",)]}, "pairs of columns of numbers"),
        ({}, {"keypoints": []}, "pairs of columns of numbers"),
        ({"label": [1] * 10}, {"label": "label", "classes": 5}, "different labels, got 5"),
        (
            {"t": ["a,b"] * 10},
            {"label": "t", "label_mode": "multihot"},
            r"such as 'a,b'\. Split them: df\['t'\] = df\['t'\]\.str\.split\(','\)",
        ),
    ],
)
def test_other_faults(root, columns, options, match):
    with pytest.raises(ValueError, match=match):
        source_of(table(**columns), root, **options)


@pytest.mark.parametrize("df", [5, "table", {"path": ["a"], "label": ["a", "b"]}])
def test_what_makes_no_table_is_refused(df, root):
    with pytest.raises(
        JaxaugError, match="^DataFrameSource: expected a table, got .*Pass a pandas"
    ):
        source_of(df, root)
    with pytest.raises(JaxaugError, match="root to be a path, got 5"):
        source_of(table(), 5)


def test_csv_cells_are_numbers_only_if_written_as_one(root):
    cells = {
        "zeros": (["001", "1"], "U3", ["001", "1"]),
        "int": (["-1", "10"], "i4", [-1, 10]),
        "hole": (["1", None], "f4", [1, np.nan]),
        "float": (["1.5", "2e1"], "f4", [1.5, 20]),
        "odd": (["00.5", "1.5"], "U4", ["00.5", "1.5"]),
        "flag": (["True", "False"], "?", [True, False]),
        "long": (["9" * 20, "1"], "U20", ["9" * 20, "1"]),
        "nan": (["nan", "inf"], "U3", ["nan", "inf"]),
        "empty": ([None, None], "f4", [np.nan, np.nan]),
    }
    df = table(**{name: values * 5 for name, (values, *_) in cells.items()}, bit=[0, 1] * 5)
    df.to_csv(root / "t.csv", index=False)
    read = lambda label, **options: DataFrameSource.from_csv(
        root / "t.csv", label=label, root=root, **SIZE, **options
    )
    batch = read(None, columns=list(cells), group="zeros").read([0, 1])
    for name, (_, dtype, values) in cells.items():
        assert batch[name].dtype == dtype, name
        np.testing.assert_array_equal(batch[name], values)
    assert read(None, group="zeros").groups[:2].tolist() == ["001", "1"]
    assert read("zeros").class_names == ("001", "1")
    assert read("int", classes=["10", "-1"]).labels[:2].tolist() == [1, 0]
    assert read(["bit", "flag"], label_mode="multihot")[1]["label"].tolist() == [1, 0]
    with pytest.raises(JaxaugError, match=r"no JSON list: row 0 \('001'\).*str\.split"):
        read("zeros", label_mode="multihot")


def test_csv_files_that_cannot_be_read_are_named(root):
    (root / "empty.csv").touch()
    (root / "t.csv").write_text("path\nimages/1.png\n")
    with pytest.raises(FileNotFoundError, match="^from_csv: expected a CSV file, got .*gone.csv"):
        DataFrameSource.from_csv(root / "gone.csv", **SIZE)
    for path, options in (
        (root / "empty.csv", {}),
        (root, {}),
        (5, {}),
        (root / "t.csv", {"sep": None}),
        (root / "t.csv", {"encoding": "klingon"}),
        (root / "t.csv", {"encoding": None}),
        (root / "images" / "1.png", {"encoding": "utf-16"}),
    ):
        with pytest.raises(JaxaugError, match="^from_csv: expected .* got .*[.]$"):
            DataFrameSource.from_csv(path, label=None, **options, **SIZE)


def test_from_csv(root):
    (root / "images" / "NA").write_bytes((root / "images" / "1.png").read_bytes())
    boxes = json.dumps([[4, 6, 20, 30]])
    df = table(
        label=["NA", "null"] * 5, boxes=[boxes, None] * 5, tags=['["a", "b"]', "[]"] * 5, id="007"
    )
    df.loc[1, "path"] = "images/NA"
    df.to_csv(root / "t.csv.gz", index=False)
    read = {"root": root, "boxes": "boxes", "columns": ["id"], **SIZE}
    source = DataFrameSource.from_csv(root / "t.csv.gz", **read)
    assert source.class_names == ("NA", "null")
    batch = source.read([1, 0])
    assert batch["boxes"].tolist() == [[[0] * 4], [[2, 3, 10, 15]]]
    assert batch["image"][:, 0, 0, 0].tolist() == [1, 0]
    tags = DataFrameSource.from_csv(root / "t.csv.gz", label="tags", label_mode="multihot", **read)
    assert tags.read([0, 1])["label"].tolist() == [[1, 1], [0, 0]]
    with pytest.raises(JaxaugError, match=r"0 of the name 'gone'. There are .*'tags'"):
        DataFrameSource.from_csv(root / "t.csv.gz", label="gone", **read)
    (root / "b.csv").write_bytes(b"path;label\nimages/\xff.png;[a\n")
    (root / "images" / "\udcff.png").write_bytes((root / "images" / "2.png").read_bytes())
    assert (
        DataFrameSource.from_csv(root / "b.csv", sep=";", root=root, **SIZE)[0]["image"][0, 0, 0]
        == 2
    )
    with pytest.raises(JaxaugError, match=r"1 whose 'label' is no JSON list: row 0 \('\[a'\)"):
        DataFrameSource.from_csv(root / "b.csv", sep=";", root=root, label_mode="multihot", **SIZE)


def test_r18_a_large_table_stays_small(root):
    df = table(label=list("abcdefghij"), w=np.ones(10, np.float32), n=range(10))
    big = pd.concat([df] * 5_000, ignore_index=True)
    source = source_of(big, root, "label", weight="w", columns=["n"])
    text = sum(len(path) for path in df["path"]) * 5_000
    assert len(pickle.dumps(source)) - text < 40 * len(big)
    assert sys.getrefcount(big) <= 2
