"""Every block of code in the README runs, in order, in a folder with a small data set."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

README = Path(__file__).parents[1] / "README.md"


def test_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) >= 3
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "train_data" / name).mkdir(parents=True)
        for k in range(40):
            pixels = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "train_data" / name / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["batch"]["image"].shape == (32, 150, 150, 3)
    assert names["batch"]["image"].dtype == np.float32


def photos(folder):
    """Forty cats and twenty dogs, of several sizes."""
    rng = np.random.default_rng(0)
    for name, count in {"cat": 40, "dog": 20}.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            pixels = rng.integers(0, 256, (20 + k % 9, 30 + k % 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{k:02d}.png")


@pytest.mark.parametrize("page", ["data.md"])
def test_pages_run(page, tmp_path, monkeypatch, capsys):
    text = (README.parent / "docs" / page).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 10
    photos(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    printed = capsys.readouterr().out
    assert "DirectorySource('photos', image_size=(64, 64)" in printed
    assert names["cats"][39]["boxes"].shape == (2, 4)
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (README.parent / "docs" / target).exists(), target


PACKAGE = README.parent / "jaxaug"
WITH_DOCTESTS = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("module", WITH_DOCTESTS)
def test_doctests(module):
    import doctest
    import importlib

    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted
    assert not results.failed


def test_readme_links_and_names_exist():
    """Files it points to are there, and every ``ja.Name`` of its tables is public."""
    import jaxaug as ja

    text = README.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r'src="([^":]+)"', text):
        assert (README.parent / target).exists(), target
    for name in set(re.findall(r"\bja\.([A-Za-z_]+)", text)):
        assert hasattr(ja, name), name
