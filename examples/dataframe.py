"""jaxaug from a table: images and boxes from a CSV file, split by group, balanced, augmented.

    python examples/dataframe.py            # 600 drawn pictures; half a minute
    python examples/dataframe.py --short    # fewer of them

Draws street signs seen by a few cameras, and writes what is known of them to a CSV file: a row for
each picture, with its camera, its rarest sign, and the boxes of all signs. Then the usual steps: a
source, parts that share no camera, batches with as many rare signs as common ones, and boxes that
move with the pixels. It needs: pip install jaxaug
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from tqdm import tqdm

import jaxaug as ja

SIGNS = ("stop", "yield", "parking")  # from common to rare
SHARES = (0.80, 0.15, 0.05)
COLORS = {"stop": (200, 30, 40), "yield": (240, 190, 20), "parking": (30, 90, 200)}
SHAPES = {
    "stop": [(0.3, 0), (0.7, 0), (1, 0.3), (1, 0.7), (0.7, 1), (0.3, 1), (0, 0.7), (0, 0.3)],
    "yield": [(0, 0), (1, 0), (0.5, 1)],
    "parking": [(0, 0), (1, 0), (1, 1), (0, 1)],
}

# The geometry is one matrix: pixels are resampled once, and the boxes go through the same matrix.
AUGMENT = ja.Chain(
    ja.Rotate(10),  # degrees, to either side
    ja.Translate(x=0.1, y=0.1),  # fractions of the width and of the height
    ja.Zoom(0.2),
    ja.HorizontalFlip(),
    ja.Brightness(0.2),
    fill="nearest",
)


def draw(random, sky, width=160, height=120):
    """A picture with one to three signs side by side; their names, and their boxes in pixels."""
    picture = Image.new("RGB", (width, height), sky)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, height * 0.7, width, height), fill=(90, 90, 95))
    names, boxes = [], []
    for place in random.permutation(3)[: random.integers(1, 4)]:
        name = str(random.choice(SIGNS, p=SHARES))
        size = random.integers(22, 44)
        left = int(place * width / 3 + random.integers(0, width // 3 - size + 1))
        top = int(random.integers(8, 60))
        corners = [(left + x * (size - 1), top + y * (size - 1)) for x, y in SHAPES[name]]
        pen.rectangle((left + size // 2 - 1, top + size // 2, left + size // 2, 100), fill="gray")
        pen.polygon(corners, COLORS[name])
        names.append(name)
        boxes.append([left, top, left + int(size), top + int(size)])
    return picture, names, boxes


def write_table(folder, count):
    """Save the pictures, and a row for each in ``signs.csv``; lists are written as JSON."""
    random = np.random.default_rng(0)
    rows = []
    for number in tqdm(range(count), unit="picture", mininterval=0.5):
        camera = number % 12
        light = 1 - 0.05 * camera  # each camera has a light of its own, which a network would learn
        picture, names, boxes = draw(random, tuple(int(v * light) for v in (150, 190, 230)))
        path = Path(f"camera{camera}", f"{number:04d}.png")
        (folder / path).parent.mkdir(exist_ok=True)
        picture.save(folder / path)
        rarest = max(names, key=SIGNS.index)
        boxes, names = json.dumps(boxes), json.dumps(names)
        rows.append((path.as_posix(), camera, rarest, boxes, names))
    columns = ("path", "camera", "rarest", "boxes", "names")
    pd.DataFrame(rows, columns=columns).to_csv(folder / "signs.csv", index=False)


def main(options, folder):
    write_table(folder, options.count)
    source = ja.data.DataFrameSource.from_csv(
        folder / "signs.csv",
        label="rarest",
        root=folder,  # no name in the table may lead out of it
        boxes="boxes",
        box_labels="names",
        columns=["camera"],
        image_size=(96, 128),  # the boxes are scaled with the pictures
    )
    train, validation = source.split((0.75, 0.25), group="camera")
    for name, part in {"train": train, "validation": validation}.items():
        cameras = np.unique(part.read(range(len(part)))["camera"]).tolist()
        print(f"{name:10} {len(part):4} pictures of cameras {cameras}: {part.class_counts}")

    # As many pictures of each label: rare ones come again, each time with another augmentation.
    loader = ja.data.Loader(train, 32, seed=0, balance="uniform")
    augment, key = jax.jit(ja.batched(AUGMENT)), jax.random.key(0)
    labels, signs, images, started = [], [], 0, time.perf_counter()
    for _ in tqdm(range(options.epochs), unit="epoch"):
        for batch in loader:
            augmented = augment(key, batch)  # what a step of training would be given
            labels.append(np.asarray(augmented["label"]))
            signs.append(np.asarray(augmented["box_labels"]).ravel())
            images += len(batch["label"])
    seconds = time.perf_counter() - started
    drawn = np.bincount(np.concatenate(labels), minlength=len(train.class_names))
    boxes = np.concatenate(signs)
    boxes = np.bincount(boxes[boxes >= 0], minlength=len(source.box_class_names))
    print(f"\ndrawn      {dict(zip(train.class_names, drawn.tolist(), strict=True))}")
    print(f"boxes      {dict(zip(source.box_class_names, boxes.tolist(), strict=True))}")
    print(f"{images / seconds:,.0f} images/s, the compilation included")
    ja.preview(AUGMENT, train, columns=6, path=options.sheet)
    print(f"What augmentation does to pictures and boxes: {options.sheet}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--count", type=int, default=600, help="pictures to draw (default 600)")
    add("--epochs", type=int, default=4, help="epochs to load and augment (default 4)")
    add("--sheet", default="dataframe.png", help="where to save what augmentation does")
    add("--short", action="store_true", help="few pictures, one epoch: does it run at all?")
    options = parser.parse_args()
    if options.short:
        options.count, options.epochs = 240, 1
    return options


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(arguments(), Path(temporary))
