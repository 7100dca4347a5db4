"""Write docs/catalogue.md from the docstrings, and a picture of every transform.

    python docs/make_catalogue.py                 the text and all pictures, in a few minutes
    python docs/make_catalogue.py --text          the text alone
    python docs/make_catalogue.py Rotate Chain    the text and these pictures

Whatever jaxaug exports is found. A transform without a row in ``SHOWN`` is shown with its defaults.
"""

import inspect
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

import jaxaug as ja
from jaxaug import corruptions
from jaxaug._ops import flatten
from jaxaug._preview import _view

DOCS = Path(__file__).parent
PAGE, PICTURES = DOCS / "catalogue.md", DOCS / "catalogue"
SIDE, GAP, QUALITY = 96, 4, 70
CHEAP = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
SPREAD = "0.5 + 0.2 x"

FAMILIES = {
    "Geometry": ("affine", "symmetry"),
    "Sizes and crops": ("crop", "box_crop", "size"),
    "Distortion": ("distort", "shuffle"),
    "Colour": ("color", "jitter", "cast", "channels", "light"),
    "Tones": ("curve", "tone"),
    "Blur and sharpening": ("blur", "sharpen"),
    "Noise": ("noise",),
    "Quality": ("quality",),
    "Occlusion": ("occlude",),
    "Statistics": ("statistics", "whitening"),
    "Mixing": ("mix",),
    "Policies": ("policy", "augmix", "three_augment"),
    "Containers": ("_compose", "_transform", "views"),
    "Recipes": ("recipes",),
    "Corruptions": ("_functions",),
}
BASES = (ja.Transform, ja.Mix)


def whitening() -> ja.ZCA:
    """Whitening of pieces of a photograph, 16 pixels wide."""
    photo = np.asarray(photos()["astronaut"], np.float32) / 255
    windows = np.lib.stride_tricks.sliding_window_view(photo, (16, 16, 3)).reshape(-1, 768)
    values, vectors = np.linalg.eigh(np.cov(windows.T))
    kept = vectors[:, values > 1e-3] / values[values > 1e-3] ** 0.25
    return ja.ZCA(windows.mean(0).reshape(16, 16, 3), kept.astype(np.float32), (16, 16, 3))


class Shown(NamedTuple):
    """How a transform is shown: its arguments as written in code, a photograph, a key."""

    code: str = ""
    photo: str = "astronaut"
    key: int = 0


SHOWN = {
    "Affine": Shown("ja.Affine(25, x=0.1, y=0.1, shear_x=10, zoom=0.2)"),
    "HorizontalFlip": Shown("ja.HorizontalFlip()", key=1),
    "VerticalFlip": Shown("ja.VerticalFlip()", key=1),
    "Rotate": Shown("ja.Rotate(45)"),
    "Shear": Shown("ja.Shear(25, 10)"),
    "Translate": Shown("ja.Translate(0.3, 0.2)"),
    "Zoom": Shown("ja.Zoom(0.5)"),
    "Transpose": Shown("ja.Transpose()", key=1),
    "CenterCrop": Shown("ja.CenterCrop(72)"),
    "RandomCrop": Shown("ja.RandomCrop(72)"),
    "RandomResizedCrop": Shown("ja.RandomResizedCrop(96)"),
    "Resize": Shown("ja.Resize((60, 90))"),
    "FiveCrop": Shown("ja.FiveCrop(64)"),
    "TenCrop": Shown("ja.TenCrop(64)"),
    "BoxSafeCrop": Shown("ja.BoxSafeCrop(96)"),
    "RandomIoUCrop": Shown("ja.RandomIoUCrop(96)", key=1),
    "LongestMaxSize": Shown("ja.LongestMaxSize(72)", "wide"),
    "SmallestMaxSize": Shown("ja.SmallestMaxSize(40)", "wide"),
    "Pad": Shown("ja.Pad((8, 24))"),
    "PadToMultiple": Shown("ja.PadToMultiple(64)"),
    "RandomZoomOut": Shown("ja.RandomZoomOut((1.0, 3.0))"),
    "ScaleJitter": Shown("ja.ScaleJitter(96, (0.4, 2.0))"),
    "Elastic": Shown("ja.Elastic(60.0, 5.0)"),
    "GridDistortion": Shown("ja.GridDistortion(5, 0.5)"),
    "OpticalDistortion": Shown("ja.OpticalDistortion(0.7)"),
    "Perspective": Shown("ja.Perspective(0.5)"),
    "ThinPlateSpline": Shown("ja.ThinPlateSpline(0.1)"),
    "GridShuffle": Shown("ja.GridShuffle(3, 3)"),
    "Brightness": Shown("ja.Brightness(0.6)"),
    "Contrast": Shown("ja.Contrast(0.7)"),
    "Saturation": Shown("ja.Saturation(1.0)", "coffee"),
    "Hue": Shown("ja.Hue(0.3)", "coffee"),
    "HueRotation": Shown("ja.HueRotation(0.3)", "coffee"),
    "Grayscale": Shown("ja.Grayscale()", "coffee"),
    "ToGray": Shown('ja.ToGray("max")', "coffee"),
    "ColorJitter": Shown("ja.ColorJitter(0.4, 0.4, 0.6, 0.2)", "coffee"),
    "PhotometricDistort": Shown("ja.PhotometricDistort()", "coffee"),
    "FancyPCA": Shown("ja.FancyPCA(1.0)", "coffee"),
    "PlanckianJitter": Shown("ja.PlanckianJitter()"),
    "RGBShift": Shown("ja.RGBShift(0.2, 0.2, 0.2)", "coffee"),
    "Sepia": Shown("ja.Sepia((0.3, 1.0))", "coffee"),
    "ChannelDropout": Shown("ja.ChannelDropout((1, 2))", "coffee"),
    "ChannelShift": Shown("ja.ChannelShift(0.3, per_channel=True)", "coffee"),
    "ChannelShuffle": Shown("ja.ChannelShuffle()", "coffee", 1),
    "Vignette": Shown("ja.Vignette((0.4, 0.9))"),
    "AutoContrast": Shown("ja.AutoContrast()", "cat"),
    "CLAHE": Shown("ja.CLAHE((2.0, 8.0))", "cat"),
    "Equalize": Shown("ja.Equalize()", "cat"),
    "Gamma": Shown("ja.Gamma((0.4, 2.5))"),
    "Posterize": Shown("ja.Posterize((1, 3))", "cat"),
    "Solarize": Shown("ja.Solarize((0.2, 0.8))"),
    "SolarizeAdd": Shown("ja.SolarizeAdd()"),
    "ToneCurve": Shown("ja.ToneCurve(0.4)"),
    "Clip": Shown("ja.Clip(0.3, 0.6)"),
    "Rescale": Shown("ja.Rescale(0.5, 0.4)"),
    "BoxBlur": Shown("ja.BoxBlur((1.0, 4.0))", "cat"),
    "Defocus": Shown("ja.Defocus((1.0, 5.0))", "cat"),
    "GaussianBlur": Shown("ja.GaussianBlur((0.5, 3.0))", "cat"),
    "MedianBlur": Shown("ja.MedianBlur(7)", "cat"),
    "MotionBlur": Shown("ja.MotionBlur((8, 16))", "cat"),
    "Sharpness": Shown("ja.Sharpness((0.0, 5.0))", "cat"),
    "Emboss": Shown("ja.Emboss((0.5, 1.0), (0.5, 1.5))", "cat"),
    "UnsharpMask": Shown("ja.UnsharpMask((1.0, 3.0), (1.0, 3.0))", "cat"),
    "GaussianNoise": Shown("ja.GaussianNoise((0.05, 0.25))"),
    "SpeckleNoise": Shown("ja.SpeckleNoise((0.1, 0.5))"),
    "ShotNoise": Shown("ja.ShotNoise((3, 40))"),
    "SaltAndPepper": Shown("ja.SaltAndPepper((0.02, 0.2))"),
    "Downscale": Shown("ja.Downscale((0.1, 0.5))"),
    "JPEG": Shown("ja.JPEG((2, 20))", "cat"),
    "RandomErasing": Shown('ja.RandomErasing(1.0, fill="noise")'),
    "Cutout": Shown("ja.Cutout(40)"),
    "CoarseDropout": Shown("ja.CoarseDropout((3, 8))"),
    "PixelDropout": Shown("ja.PixelDropout(0.15)"),
    "MaskDropout": Shown("ja.MaskDropout()"),
    "Normalize": Shown("ja.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))"),
    "FeaturewiseNormalize": Shown("ja.FeaturewiseNormalize((0.5, 0.4, 0.4), (0.3, 0.3, 0.3))"),
    "SamplewiseNormalize": Shown("ja.SamplewiseNormalize()"),
    "ZCA": Shown("ja.ZCA(mean, matrix, (16, 16, 3))"),
    "MixUp": Shown("ja.MixUp(1.0)"),
    "CutMix": Shown("ja.CutMix(1.0)"),
    "MixUpOrCutMix": Shown("ja.MixUpOrCutMix()", key=3),
    "Mosaic": Shown("ja.Mosaic(num_classes=4)"),
    "RandAugment": Shown("ja.RandAugment(2, 15)"),
    "AugMix": Shown("ja.AugMix(8)"),
    "ThreeAugment": Shown("ja.ThreeAugment(sigma=(1.5, 2.0))", key=2),
    "policy": Shown("ja.policy([(ja.Rotate, 0.9, 40)], [(ja.Solarize, 0.9, 0.5)])", key=4),
    "Chain": Shown('ja.Chain(ja.Rotate(30), ja.HorizontalFlip(), ja.Hue(0.2), fill="reflect")'),
    "Maybe": Shown("ja.Maybe(ja.Invert())"),
    "OneOf": Shown("ja.OneOf(ja.Rotate(45), ja.Grayscale(), ja.Invert())", key=3),
    "SomeOf": Shown("ja.SomeOf(ja.Rotate(45), ja.Grayscale(), ja.VerticalFlip(1.0), n=2)"),
    "RandomOrder": Shown("ja.RandomOrder(ja.Contrast(0.8), ja.Solarize(0.5))"),
    "Views": Shown("ja.Views(ja.Hue(0.3), ja.Grayscale(), ja.Invert(), shared=ja.Rotate(45))"),
    "lift": Shown("ja.lift(lambda key, image: image * jax.random.uniform(key, (3,)))"),
    "recipes.imagenet_train": Shown("ja.recipes.imagenet_train(96)"),
    "recipes.imagenet_eval": Shown("ja.recipes.imagenet_eval(96, resize=110)"),
    "recipes.simclr": Shown("ja.recipes.simclr(96)"),
    "recipes.deit": Shown("ja.recipes.deit(96)"),
    "recipes.deit3": Shown("ja.recipes.deit3(96)"),
    "recipes.detection": Shown("ja.recipes.detection(96)"),
    "recipes.segmentation": Shown("ja.recipes.segmentation(96)"),
}


class Facts(NamedTuple):
    """What tracing tells of a transform."""

    ops: tuple[str, ...]
    moved: tuple[str, ...]
    canvas: bool


def members() -> dict[str, list[tuple[str, Any]]]:
    """Everything public that makes a transform, by family, in order of names."""
    found = {name: getattr(ja, name) for name in dir(ja) if not name.startswith("_")}
    wanted = {
        name: thing
        for name, thing in found.items()
        if thing in (ja.policy, ja.lift)
        or (inspect.isclass(thing) and issubclass(thing, BASES) and thing not in BASES)
    }
    for prefix, module, home in (
        ("recipes", ja.recipes, "jaxaug.recipes"),
        ("corruptions", corruptions, "jaxaug.corruptions._functions"),
    ):
        for name, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == home and name[0] != "_":
                wanted[f"{prefix}.{name}"] = thing
    wanted.pop("corruptions.corrupt", None)
    families: dict[str, list[tuple[str, Any]]] = {family: [] for family in (*FAMILIES, "Others")}
    for name, thing in sorted(wanted.items(), key=lambda item: item[0].lower()):
        room = thing.__module__.split(".")[-1]
        family = next((key for key, rooms in FAMILIES.items() if room in rooms), "Others")
        families[family].append((name, thing))
    return {family: rows for family, rows in families.items() if rows}


def code(name: str) -> str:
    """The call that the picture shows."""
    return SHOWN.get(name, Shown()).code or f"ja.{name}()"


def made(name: str) -> Any:
    """The transform that the picture shows."""
    return whitening() if name == "ZCA" else eval(code(name), {"ja": ja, "jax": jax})  # noqa: S307


# What the text says.


def sections(thing: Any) -> dict[str, str]:
    """A docstring's parts: ``Text``, ``Args``, ``Reference``, ..."""
    parts, name = {"Text": ""}, "Text"
    for line in (inspect.getdoc(thing) or "").splitlines():
        if re.fullmatch(r"[A-Z][a-z]+:", line):
            name = line[:-1]
            parts[name] = ""
        else:
            parts[name] += line + "\n"
    return {name: inspect.cleandoc("\n" + text) for name, text in parts.items()}


def plain(text: str) -> str:
    """A paragraph of reStructuredText as one line of Markdown."""
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip()


def arguments(thing: Any) -> list[str]:
    """A line for every parameter that the docstring explains, with its default."""
    known = inspect.signature(thing).parameters
    lines = []
    text = sections(thing).get("Args", "")
    for entry in re.split(r"\n(?=\S)", text) if text else []:
        name, _, meaning = entry.partition(":")
        parameter = known.get(name.strip().lstrip("*"))
        end = ""
        if parameter and parameter.default is not inspect.Parameter.empty:
            end = f" Default: `{short(parameter.default)}`."
        lines.append(f"- `{name.strip()}`: {plain(meaning)}{end}")
    return lines


def short(value: Any) -> str:
    """A default as one would write it: 128 / 255 and not 0.5019607843137255."""
    if isinstance(value, tuple):
        return f"({', '.join(map(short, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float) and len(repr(value)) > 8:
        for under in (3, 7, 255):
            if abs(value * under - round(value * under)) < 1e-9:
                return f"{round(value * under)} / {under}"
    return repr(value)


def facts(transform: ja.Transform) -> Facts:
    """Families of ops, targets that move, and whether a canvas will do; nothing is compiled."""
    shape = getattr(transform, "shape", (SIDE, SIDE, 3))
    targets = {
        "image": np.zeros(shape, np.float32),
        "mask": np.zeros(shape[:2], np.int32),
        "boxes": np.zeros((1, 4), np.float32),
        "keypoints": np.zeros((2, 2), np.float32),
    }
    moved: list[str] = []
    names: list[str] = []

    def trace(key: jax.Array, example: dict[str, Any]) -> Any:
        op = transform.sample(key, shape)
        names.extend(dict.fromkeys(type(part).__name__ for part in flatten(op)))
        out = op(example)
        moved.extend(name for name in targets if out[name] is not example[name])
        return out

    jax.eval_shape(trace, jax.random.key(0), targets)
    try:
        sized = targets | {"size": np.array([SIDE // 2, SIDE // 2], np.int32)}
        jax.eval_shape(transform, jax.random.key(0), sized)
        canvas = True
    except ja.JaxaugError:
        canvas = False
    return Facts(tuple(names), tuple(moved), canvas)


def told(name: str, transform: Any) -> str:
    """The facts in a line; those of one transform may be asked for twice."""
    del name
    if isinstance(transform, ja.Mix):
        rows = transform.partners + 1
        return f"Draws a `Collage` of {rows} rows of a batch; all targets and labels are mixed."
    known = facts(transform)
    ops = " ".join(f"`{name}`" for name in known.ops)
    moved = "the image only" if known.moved == ("image",) else ", ".join(known.moved) or "nothing"
    canvas = "works" if known.canvas else "does not work"
    return f"Draws {ops or 'nothing'}. Changes {moved}. On a canvas (`size`) it {canvas}."


def entry(name: str, thing: Any) -> str:
    """The text of one transform."""
    parts = sections(thing)
    transform = made(name)
    shown = {
        "Statistics": f"Values are shown as {SPREAD}.",
        "Recipes": f"Values are shown as {SPREAD}.",
        "Mixing": "First row: the batch. Second row: the batch mixed.",
        "Corruptions": "Severity 1, 3, 5.",
    }.get(home(thing), "")
    lines = [
        f"### {name}",
        f"![{name}](catalogue/{file(name)})",
        plain(parts["Text"].split("\n\n")[0]),
        "\n".join(arguments(thing)),
        told(name, transform),
        f"Reference: {plain(parts['Reference'])}" if "Reference" in parts else "",
        f"Picture: `{code(name)}`. {shown}".strip(),
    ]
    return "\n\n".join(line for line in lines if line)


def home(thing: Any) -> str:
    """The family of a transform."""
    room = thing.__module__.split(".")[-1]
    return next((key for key, rooms in FAMILIES.items() if room in rooms), "Others")


def file(name: str) -> str:
    """The name of a picture."""
    return f"{name.replace('.', '-')}.jpg"


HEAD = """# Catalogue

Every transform of jaxaug on a photograph: the original, then three draws. Where boxes and keypoints
move with the image they are painted. `ja` is `jaxaug`. A number `r` given for a range means
`(-r, r)` around 0, or `(1 - r, 1 + r)` around 1; a pair is taken as it is.

What a transform *draws* is an op. Neighbours of one family in a chain become one: `Warp` is one
resampling of image, mask, boxes and keypoints, `Color` one matrix, `Tone` one table of curves,
`Hide` one list of holes; each `Apply` is a pass of its own over the pixels. `Deferred` makes its op
of the targets, `Stack` gives several results, `Blend` mixes versions, `Shuffle` moves tiles. What
is said of ops, targets and canvases is so for the call in the picture.

How this compares with torchvision, kornia, albumentations and Keras: [comparison](comparison.md).
"""


def page() -> str:
    """All of docs/catalogue.md."""
    families = members()
    index = [
        f"- **{family}**: " + ", ".join(f"[{name}](#{anchor(name)})" for name, _ in rows)
        for family, rows in families.items()
    ]
    body = [
        "\n\n".join([f"## {family}", *(entry(name, thing) for name, thing in rows)])
        for family, rows in families.items()
    ]
    return "\n\n".join([HEAD.strip(), "\n".join(index), *body]) + "\n"


def anchor(name: str) -> str:
    """What a heading is called in a link."""
    return name.lower().replace(".", "")


# What the pictures show.


def photos() -> dict[str, Image.Image]:
    """Photographs of scikit-image, squares of ``SIDE`` pixels and a wide one."""
    from skimage import data  # noqa: PLC0415 - the text needs no photographs

    pieces = {
        "astronaut": (data.astronaut(), (0, 0, 512, 512)),
        "cat": (data.chelsea(), (75, 0, 375, 300)),
        "coffee": (data.coffee(), (100, 0, 500, 400)),
        "rocket": (data.rocket(), (170, 0, 597, 427)),
    }
    taken = {
        name: Image.fromarray(image).crop(box).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        for name, (image, box) in pieces.items()
    }
    coffee = Image.fromarray(data.coffee())
    taken["wide"] = coffee.resize((SIDE, SIDE * 2 // 3), Image.Resampling.LANCZOS)
    return taken


# In pixels of the astronaut: her face, her eyes and mouth, the outline of her head.
FACE = np.array([[29.0, 3.0, 57.0, 36.0]], np.float32)
POINTS = np.array([[39.0, 20.0], [48.0, 20.0], [44.0, 28.0]], np.float32)


def example(photo: str) -> dict[str, Any]:
    """A photograph as an example, on the astronaut with its targets."""
    image = np.asarray(photos()[photo])
    if photo != "astronaut":
        return {"image": image}
    rows, columns = np.mgrid[:SIDE, :SIDE]
    head = ((columns - 43) / 14) ** 2 + ((rows - 19) / 16) ** 2 < 1
    shuttle = (columns > 66) & (columns < 92) & (rows < 54)
    mask = head.astype(np.int32) + 2 * shuttle
    return {"image": image, "mask": mask, "boxes": FACE, "keypoints": POINTS}


def drawn(name: str, thing: Any) -> list[list[dict[str, Any]]]:
    """What stands on a picture, in rows."""
    shown, transform, family = SHOWN.get(name, Shown()), made(name), home(thing)
    key = jax.random.key(shown.key)
    if family == "Mixing":
        images = np.stack([np.asarray(photos()[each]) for each in list(photos())[:4]])
        batch = {"image": images, "label": np.arange(4, dtype=np.int32)}
        mixed = run(transform, key, batch)
        return [cells({"image": batch["image"]}), cells({"image": mixed["image"]})]
    original = example(shown.photo)
    if name == "ZCA":
        original = {"image": original["image"].reshape(6, 16, 6, 16, 3)[1, :, 2]}
    keep: tuple[str, ...] = ("image",)
    if "boxes" in original:
        keep += tuple(each for each in facts(transform).moved if each in ("boxes", "keypoints"))
        keep += ("mask",) if name == "MaskDropout" else ()
        if name != "MaskDropout":
            del original["mask"]
    batch = {each: np.stack([value] * 3) for each, value in original.items()}
    if family == "Corruptions":
        name, one = name.split(".")[1], {each: value[:1] for each, value in batch.items()}
        rows = [
            run(ja.batched(corruptions.corrupt(name, severity)), key, one) for severity in (1, 3, 5)
        ]
        out = {each: np.concatenate([row[each] for row in rows]) for each in keep}
    else:
        same = {"index": np.zeros(3, np.uint32), "visit": np.arange(3, dtype=np.uint32)}
        out = run(ja.batched(transform), key, {**batch, **same})
    if family in ("Statistics", "Recipes"):
        out["image"] = 0.5 + 0.2 * out["image"]
    first = {each: original[each] for each in keep}
    draws = {each: out[each] for each in keep}
    if draws["image"].ndim == 5:
        several = [cells({k: v[row] for k, v in draws.items()}) for row in range(3)]
        return [[first, *row] for row in several[: 3 if len(several[0]) < 4 else 1]]
    return [[first, *cells(draws)]]


def cells(batch: dict[str, Any]) -> list[dict[str, Any]]:
    """A batch as a list of examples."""
    count = len(batch["image"])
    return [{name: value[row] for name, value in batch.items()} for row in range(count)]


def run(function: Any, key: jax.Array, batch: dict[str, Any]) -> dict[str, Any]:
    """One compiled call, to NumPy."""
    out = jax.jit(function, compiler_options=CHEAP)(key, batch)
    return {name: np.asarray(value) for name, value in out.items()}


def view(shown: dict[str, Any], side: int) -> Image.Image:
    """One example with what is on it, drawn at twice its size so that lines are fine."""
    height, width = shown["image"].shape[:2]
    scale = min(side / max(height, width), 1.0)
    large = _view(shown["image"], shown, 2 * max(height, width))
    return large.resize((round(width * scale), round(height * scale)), Image.Resampling.BOX)


def picture(name: str, thing: Any) -> None:
    """Draw and save the picture of one transform."""
    rows = drawn(name, thing)
    side = SIDE if max(map(len, rows)) < 8 else 64
    views = [[view(each, side) for each in row] for row in rows]
    if name == "ZCA":
        views = [[one.resize((SIDE, SIDE), Image.Resampling.NEAREST) for one in views[0]]]
    wide = (side + GAP) * max(map(len, rows)) - GAP
    sheet = Image.new("RGB", (wide, (side + GAP) * len(rows) - GAP), (255, 255, 255))
    for line, row in enumerate(views):
        for place, one in enumerate(row):
            left = (side + GAP) * place + (side - one.width) // 2
            sheet.paste(one, (left, (side + GAP) * line + (side - one.height) // 2))
    sheet.save(PICTURES / file(name), quality=QUALITY, optimize=True, progressive=True)


def main(wanted: list[str]) -> None:
    """Write what was asked for."""
    PAGE.write_text(page())
    if wanted == ["--text"]:
        return
    PICTURES.mkdir(exist_ok=True)
    rows = [row for family in members().values() for row in family]
    for stale in {path.name for path in PICTURES.glob("*.jpg")} - {file(name) for name, _ in rows}:
        (PICTURES / stale).unlink()
    for name, thing in rows:
        if not wanted or name in wanted:
            print(name, flush=True)
            picture(name, thing)


if __name__ == "__main__":
    main(sys.argv[1:])
