"""docs/catalogue.md: everything public is in it, with a picture, and its text is up to date."""

import importlib.util
import re
from pathlib import Path

import pytest

import jaxaug as ja

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "catalogue.md").read_text()
AGAIN = "Run python docs/make_catalogue.py."


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_catalogue", DOCS / "make_catalogue.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_in_catalogue():
    public = [getattr(ja, name) for name in dir(ja) if not name.startswith("_")]
    kinds = (ja.Transform, ja.Mix)
    names = {
        thing.__name__
        for thing in public
        if isinstance(thing, type) and issubclass(thing, kinds) and thing not in kinds
    }
    missing = (names | {"lift", "policy"}) - set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE))
    assert len(names) > 80
    assert not missing, AGAIN


def test_pictures_exist():
    pictures = re.findall(r"!\[.*\]\((.*)\)", PAGE)
    assert len(pictures) == len(re.findall(r"^### ", PAGE, re.MULTILINE))
    assert all((DOCS / picture).is_file() for picture in pictures), AGAIN
    assert {path.name for path in (DOCS / "catalogue").iterdir()} == {
        picture.split("/")[1] for picture in pictures
    }
    assert sum((DOCS / picture).stat().st_size for picture in pictures) < 1_500_000


def test_text_is_up_to_date(script, monkeypatch):
    # What tracing tells is taken as it stands: tracing everything again would cost ten seconds.
    told = r"^### (\S+)\n(?:(?!^###).)*?^(Draws .*?)$"
    found = dict(re.findall(told, PAGE, re.MULTILINE | re.DOTALL))
    monkeypatch.setattr(script, "told", lambda name, transform: found[name])
    assert script.page() == PAGE, AGAIN


@pytest.mark.parametrize("name", ["Rotate", "Cutout", "SamplewiseNormalize", "MaskDropout"])
def test_facts_are_up_to_date(script, name):
    line = script.told(name, script.made(name))
    assert line in PAGE.split(f"### {name}\n")[1].split("\n### ")[0], AGAIN
