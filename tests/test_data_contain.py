"""File names of tables: hostile ones never lead out of the root (R17), odd ones are found (R16)."""

import os
import sys
import threading
import unicodedata

import numpy as np
import pytest
from PIL import Image

from jaxaug._types import JaxaugError
from jaxaug.data._table._contain import ABSENT, FOUND, OUTSIDE, look_up
from jaxaug.data._table._dataframe import DataFrameSource

HOSTILE = (
    "../secret.png",
    "../root2/secret.png",
    "./../secret.png",
    "..//secret.png",
    "a/../../secret.png",
    "a/./../../secret.png",
    "a//..//..//secret.png",
    "gone/../../secret.png",
    "a/b/../../../secret.png",
    "../root/../secret.png",
    "..",
    "../",
    "../..",
    "a/../..",
    "/etc/passwd",
    "//etc/passwd",
    "/",
    "/../etc/passwd",
    "{top}/secret.png",
    "{top}/root/a/x.png",
    "C:/secret.png",
    "c:secret.png",
    "C:\\secret.png",
    "\\\\server\\share\\secret.png",
    "//server/share/secret.png",
    "\\\\?\\C:\\secret.png",
    "..\\secret.png",
    "a\\..\\..\\secret.png",
    "a/..\\../secret.png",
    "http://example.org/x.png",
    "https://example.org/../x.png",
    "file:///etc/passwd",
    "s3://bucket/x.png",
    "a/file://x.png",
    "a/x.png\0.jpg",
    "\0",
    "../secret.png\0.png",
    "out/secret.png",
    "out/../secret.png",
    "link.png",
    "out/../root/a/x.png/../../../secret.png",
    "dangling.png",
    "chain.png",
    "a/loop_out/secret.png",
)
ODD = (
    "with space.png",
    'it\'s "quoted".png',
    "new\nline.png",
    "-leading.png",
    "*[a-z]?{1,2}.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "è.png"),
    "bytes-\udcff\udce9.png",
    "a..b.png",
    "..a.png",
    ".../x.png",
    "..b/x..png",
    "~/x.png",
    "$HOME.png",
    "%2e%2e%2fx.png",
    "ab:c.png",
    "\uff0e\uff0e.png",
    "UPPER.PNG",
    "n" * 251 + ".png",
)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (tmp_path / "root2").mkdir()
    for file in ("root/a/x.png", "root/y.png", "secret.png", "root2/secret.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / file)
    (root / "out").symlink_to(tmp_path / "root2")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "chain.png").symlink_to("link.png")
    (root / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (root / "a" / "loop_out").symlink_to("../../root2")
    (root / "inside.png").symlink_to("a/x.png")
    (root / "around").symlink_to("a/b/../../a")
    return root


@pytest.fixture
def opened():
    """Files opened by this thread, or folders listed."""
    seen, active, thread = [], [True], threading.get_ident()

    def hook(event, args):
        ours = active[0] and threading.get_ident() == thread
        if ours and event in ("open", "os.scandir", "os.listdir") and isinstance(args[0], str):
            seen.append(os.path.realpath(args[0]))

    sys.addaudithook(hook)  # for ever: Python has no way back
    yield seen
    active[0] = False


def test_r17_no_hostile_name_leads_out_and_nothing_outside_is_opened(root, opened):
    names = [name.format(top=root.parent) for name in HOSTILE]
    assert len(set(names)) >= 40
    assert (look_up(names, str(root), contained=True) == OUTSIDE).all()
    table = {"path": ["y.png", *names]}
    for missing in ("error", "drop"):  # whatever the policy
        match = f"{len(names)} whose 'path' is not a relative path that stays in root: row 1 "
        with pytest.raises(JaxaugError, match=match):
            DataFrameSource(table, label=None, root=root, missing=missing, image_size=(4, 4))
    with pytest.raises(JaxaugError, match="1 whose 'mask'"):
        table = {"path": ["y.png"], "mask": ["../secret.png"]}
        DataFrameSource(table, label=None, mask="mask", root=root, image_size=(4, 4))
    source = DataFrameSource(
        {"path": ["y.png", "inside.png"]}, label=None, root=root, image_size=(4, 4)
    )
    source.read([0, 1])
    top = os.path.realpath(root.parent)
    near = [path for path in opened if path.startswith(top)]
    assert any(path.endswith("root/y.png") for path in near)  # the hook does see
    assert all(path.startswith(f"{top}/root/") or path == f"{top}/root" for path in near)
    assert not any("passwd" in path for path in opened)


def test_r16_odd_names_are_found_and_read(root):
    for number, name in enumerate(ODD):
        file = root / name
        file.parent.mkdir(exist_ok=True)
        with file.open("wb") as stream:
            Image.new("RGB", (4, 4), (number, 0, 0)).save(stream, "PNG")
    names = [*ODD, "a/../y.png", "a//x.png", "./y.png", "around/x.png", "inside.png"]
    assert (look_up(names, str(root), contained=True) == FOUND).all()
    source = DataFrameSource({"path": names}, label=None, root=root, image_size=(4, 4))
    batch = source.read(np.arange(len(ODD)))
    assert batch["image"][:, 0, 0, 0].tolist() == list(range(len(ODD)))
    assert source.path(3) == f"{root}/{ODD[3]}"


@pytest.mark.parametrize("count", [1, 40])  # one by one, and from a listing
def test_what_is_no_regular_file_is_absent(root, count):
    os.mkfifo(root / "pipe.png")
    (root / "self.png").symlink_to("self.png")
    (root / "folder.png").mkdir()
    names = [f"no{k}.png" for k in range(count)]
    names += [
        "pipe.png",
        "self.png",
        "folder.png",
        "",
        "a/",
        "a",
        ".",
        "y.png/x",
        "Y.PNG",
        "é" * 200,
    ]
    names += ["\ud800.png", "gone/x.png"]
    assert set(look_up(names, str(root), contained=True)) == {ABSENT}
    assert set(look_up([f"{root}/{name}" for name in names], "", contained=False)) == {ABSENT}
    links = ["link.png", "y.png", "chain.png", "out/secret.png"]
    assert look_up(names + links, str(root), contained=True)[-4:].tolist() == [2, 0, 2, 2]
    assert not look_up(links, str(root), contained=False).any()


def test_a_folder_that_cannot_be_listed_is_asked_name_by_name(root, monkeypatch):
    for k in range(30):
        (root / f"{k}.png").touch()
    names = [f"{k}.png" for k in range(31)]
    listed = []

    def refuse(path):
        listed.append(path)
        raise PermissionError(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert look_up(names, str(root), contained=True).tolist() == [FOUND] * 30 + [ABSENT]
    assert listed == [f"{root}/"]


def test_a_root_that_is_a_link_or_the_top_contains_what_is_in_it(root):
    other = root.parent / "other"
    other.symlink_to(root)
    assert look_up(["y.png", "../secret.png"], str(other), contained=True).tolist() == [0, 2]
    assert look_up([str(root)[1:] + "/y.png"], "/", contained=True).tolist() == [FOUND]
