"""Conventions, by looking at the code: names, order of arguments, docstrings, floors, lengths."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import jaxaug as ja

PACKAGE = Path(ja.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = {name: getattr(ja, name) for name in dir(ja) if not name.startswith("_")}
TRANSFORMS = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and issubclass(value, ja.Transform) and value is not ja.Transform
}

# Who may import whom: a floor, and the floors below it.
FLOORS = [
    ("_types", "_pytree"),
    ("functional.stable",),
    ("functional.geometry", "functional.color", "functional.illuminant", "functional.light",
     "functional.moments"),
    ("functional.whitening", "functional.tone", "functional.mixing", "functional.exchange"),
    ("functional.taps", "functional.clahe", "functional.tiles"),
    ("functional.dense",),
    ("functional.resample",),
    ("functional.displace",),
    ("functional.filter", "functional.noise", "functional.downscale"),
    ("functional.median", "functional.jpeg", "functional.holes"),
    ("functional.enhance",),
    ("functional",),
    ("_ops", "_random"),
    ("_bend",),
    ("_warp", "_pixels", "_stack", "_deferred", "_shuffle", "_hide"),
    ("_tone", "_blend", "_window"),
    ("_transform", "_collage"),
    ("_compose", "_mix"),
    ("transforms.cast", "transforms.channels", "transforms.curve", "transforms.light"),
    ("transforms.blur", "transforms.noise", "transforms.quality", "transforms.sharpen"),
    ("transforms.box_crop", "transforms.occlude", "transforms.shuffle", "transforms.size",
     "transforms.symmetry"),
    ("transforms.affine", "transforms.color", "transforms.crop", "transforms.distort",
     "transforms.fitting", "transforms.tone"),
    ("transforms.mix",),
    ("transforms.jitter", "transforms.operations"),
    ("transforms.policy", "transforms.three_augment", "transforms.views"),
    ("transforms.augmix",),
    ("transforms.statistics",),
    ("transforms.whitening",),
    ("transforms", "recipes", "_preview"),
    ("",),
]  # fmt: skip
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
INSIDE_A_FLOOR = {("_types", "_pytree"), ("functional.color", "functional.geometry")}


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path):
    """The modules of jaxaug that a file imports when it is imported."""
    names = {module_name(p) for p in MODULES}
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jaxaug":
            base = node.module.removeprefix("jaxaug").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                yield inner if inner in names else base


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_floors(path):
    name = module_name(path)
    algebra = {"_bend", "_compose", "_ops", "_pixels", "_pytree", "_random", "_transform", "_warp"}
    above = {
        "data": {"data", "_types"},
        "compat": {"compat", "data", "_types", "functional", ""},
        "corruptions": {"_types", "functional", *algebra},
    }
    if allowed := above.get(name.split(".")[0]):
        assert {found.split(".")[0] for found in imports(path)} <= allowed
        return
    for found in imports(path):
        if (name, found) not in INSIDE_A_FLOOR:
            assert HEIGHT[found] < HEIGHT[name], f"{name} imports {found}"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_modules_are_short_and_have_a_name(path):
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_public_names_are_sorted_and_bound_explicitly():
    source = (PACKAGE / "__init__.py").read_text()
    imported = [line for line in source.splitlines() if line.startswith("from jaxaug")]
    assert imported == sorted(imported, key=lambda line: line.split(" import ")[0].lower())
    names = [line.rsplit(" as ", 1) for line in imported]
    assert all(before.endswith(f"import {name}") for before, name in names)
    with pytest.raises(AttributeError, match="no attribute 'Rotat'"):
        _ = ja.Rotat


@pytest.mark.parametrize(
    "name", [n for n, v in PUBLIC.items() if inspect.isclass(v) or inspect.isfunction(v)]
)
def test_public_things_are_documented(name):
    text = inspect.getdoc(PUBLIC[name])
    assert text
    assert text[0].isupper() or text[0] == "`"
    assert len(text.splitlines()) <= 45


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_take_a_key_first_and_name_their_options(name):
    transform = TRANSFORMS[name]
    assert list(inspect.signature(transform.sample).parameters) == ["self", "key", "shape"]
    assert list(inspect.signature(transform.__call__).parameters) == ["self", "key", "example"]
    parameters = inspect.signature(transform).parameters
    assert "rng" not in parameters
    documented = inspect.getdoc(transform)
    for parameter in parameters:
        assert f"{parameter}:" in documented, f"{name} does not document {parameter}"


def test_every_transform_is_in_the_table_of_laws():
    from table import TABLE

    def classes(transform):
        yield type(transform).__name__
        for member in getattr(transform, "members", ()):
            yield from classes(member)

    seen = {name for transform in TABLE.values() for name in classes(transform)}
    assert set(TRANSFORMS) <= seen


def test_importing_is_quick_and_touches_nothing():
    """No device is asked for, and neither Grain nor Pillow nor pandas is loaded."""
    code = (
        "import sys, jaxaug\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge._backends, 'a device was touched'\n"
        "heavy = {'grain', 'PIL', 'pandas', 'tqdm', 'flax'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "jaxaug.data\n"
        "assert 'grain' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
