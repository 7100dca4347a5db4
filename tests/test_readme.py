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


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Runs the blocks of a page in a folder with photos; returns the names they leave."""
    photos(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)

    def run(name, prepare=lambda names: None):
        text = (README.parent / "docs" / name).read_text()
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (README.parent / "docs" / target).exists(), target
        names = {"__name__": "page"}
        prepare(names)
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        for block in blocks:
            exec(compile(block, name, "exec"), names)
        return text, names

    return run


def test_the_page_on_data_runs(page, capsys):
    _, names = page("data.md")
    printed = capsys.readouterr().out
    assert "DirectorySource('photos', image_size=(64, 64)" in printed
    assert names["cats"][39]["boxes"].shape == (2, 4)


def test_the_page_on_mixing_runs(page):
    pytest.importorskip("optax")
    _, names = page("mixing.md")
    assert names["mosaic"]["box_weight"].shape == (16, 8)
    np.testing.assert_allclose(names["value"], np.log(3), rtol=1e-5)
    np.testing.assert_allclose(names["striped"]["label"].sum(axis=1), 1, atol=1e-5)


def test_the_page_on_robustness_runs(page, capsys):
    _, names = page("robustness.md")
    assert "60 images, errors in %: clean" in capsys.readouterr().out
    assert set(names["result"].names) == {"contrast", "saturate"}


@pytest.mark.filterwarnings("ignore:subset=.validation. is transformed:UserWarning")
def test_programs_of_keras_run_with_one_line_changed(page, capsys):
    """Those of the page on Keras: the native ones, and the old ones but for their import."""
    steps = []

    def record(names):
        for name in ("train_step", "evaluate"):
            names[name] = lambda x, y, name=name: steps.append((name, x, y))

    def shapes():
        seen = [(name, x.shape, y.shape) for name, x, y in steps]
        assert all(0 <= x.min() < 0.2 and 0.8 < x.max() <= 1.01 for _, x, _ in steps)
        assert all(x.dtype == np.float32 for _, x, _ in steps)
        steps.clear()
        return seen

    text, _ = page("from-keras.md", record)
    native = shapes()
    old = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    assert len(old) == 3
    line = "from tensorflow.keras.preprocessing.image import"
    for block in old:
        assert block.count(line) == 1
        names = {"__name__": "program"}
        record(names)
        exec(compile(block.replace(line, "from jaxaug.compat import"), "program", "exec"), names)
    kept = shapes()
    # Keras keeps the rest of an epoch, and splits each class by itself.
    epoch = [("train_step", (32, 150, 150, 3), (32, 2)), ("train_step", (16, 150, 150, 3), (16, 2))]
    checks = [("evaluate", (12, 150, 150, 3), (12, 2))]
    assert kept[:6] == 2 * (epoch + checks)
    assert kept[6:11] == 5 * [("train_step", (16, 64, 64, 3), (16,))]
    assert kept[11:] == 5 * [("train_step", (8, 224, 224, 3), (8,))]
    assert set(native) == {
        *epoch[:1], ("train_step", (16, 64, 64, 3), (16,)), *kept[11:], *checks
    }  # fmt: skip
    assert "{'black': 0, 'tabby': 1}" in capsys.readouterr().out


def test_the_page_on_speed(page):
    page("performance.md")


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
