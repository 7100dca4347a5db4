"""How fast `jaxaug.compat` is: against the same work done image by image, as Keras does it.

    python benchmarks/compat.py            # about a minute
    python benchmarks/compat.py --quick

Batches of 32 images of 224x224x3 with rotation, shear, shifts, zoom, flip and brightness; all
figures are from one run, each the best of several passes of an epoch. The baseline does for each
image what Keras' iterators do: draw, one `scipy.ndimage.affine_transform` for each channel,
brightness by Pillow, and put it into the batch; files are opened, decoded and resized by Pillow in
the same loop. It needs SciPy, which comes with JAX.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from loader import best, write_photographs
from PIL import Image, ImageEnhance
from scipy import ndimage

from jaxaug.compat import ImageDataGenerator

BATCH, SIDE = 32, 224
OPTIONS = {
    "rotation_range": 20,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "shear_range": 10,
    "zoom_range": 0.1,
    "brightness_range": (0.8, 1.2),
    "horizontal_flip": True,
}


def image_by_image(image, random):
    """One image as Keras transforms it: (h, w, c) float32 to the same."""
    height, width = image.shape[:2]
    turn, lean = np.deg2rad(random.uniform(-20, 20)), np.deg2rad(random.uniform(-10, 10))
    down, right = random.uniform(-0.1, 0.1, 2) * (height, width)
    zoom = random.uniform(0.9, 1.1, 2)
    matrix = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    matrix = matrix @ np.array([[1, 0, down], [0, 1, right], [0, 0, 1]])
    matrix = matrix @ np.array([[1, -np.sin(lean), 0], [0, np.cos(lean), 0], [0, 0, 1]])
    matrix = matrix @ np.diag([*zoom, 1])
    middle = np.array([height, width]) / 2 - 0.5
    offset = matrix[:2, :2] @ -middle + matrix[:2, 2] + middle
    planes = [
        ndimage.affine_transform(plane, matrix[:2, :2], offset, order=1, mode="nearest")
        for plane in np.moveaxis(image, -1, 0)
    ]
    image = np.stack(planes, -1)
    if random.uniform() < 0.5:
        image = image[:, ::-1]
    picture = ImageEnhance.Brightness(Image.fromarray(image.astype(np.uint8)))
    return np.asarray(picture.enhance(random.uniform(0.8, 1.2)), np.float32)


def flow_by_scipy(images):
    random = np.random.default_rng(0)
    for start in range(0, len(images), BATCH):
        batch = np.zeros((len(images[start : start + BATCH]), SIDE, SIDE, 3), np.float32)
        for place, image in enumerate(images[start : start + BATCH]):
            batch[place] = image_by_image(image.astype(np.float32), random)


def files_by_scipy(paths):
    random = np.random.default_rng(0)
    for start in range(0, len(paths), BATCH):
        batch = np.zeros((len(paths[start : start + BATCH]), SIDE, SIDE, 3), np.float32)
        for place, path in enumerate(paths[start : start + BATCH]):
            picture = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.NEAREST)
            batch[place] = image_by_image(np.asarray(picture, np.float32), random)


def epoch(iterator):
    for _ in range(len(iterator)):
        next(iterator)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer images and passes")
    quick = parser.parse_args().quick
    count, passes = (64, 2) if quick else (256, 5)
    images = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    generator = ImageDataGenerator(**OPTIONS)

    def line(name, seconds, baseline):
        speed = count / seconds
        print(f"{name:52}{speed:10,.0f} images/s{baseline / seconds:8.1f} x")

    flow = generator.flow(images, np.arange(count), batch_size=BATCH, seed=0)
    epoch(flow)  # compiles
    slow = best(lambda: flow_by_scipy(images), max(passes // 2, 1))
    line("arrays, image by image with SciPy", slow, slow)
    line("arrays, flow", best(lambda: epoch(flow), passes), slow)
    with tempfile.TemporaryDirectory() as root:
        write_photographs(root, count)
        paths = sorted(Path(root).rglob("*.jpg"))
        files = generator.flow_from_directory(root, (SIDE, SIDE), batch_size=BATCH, seed=0)
        epoch(files)
        slow = best(lambda: files_by_scipy(paths), max(passes // 2, 1))
        line("JPEGs of 500x375, image by image with SciPy", slow, slow)
        line("JPEGs of 500x375, flow_from_directory", best(lambda: epoch(files), passes), slow)


if __name__ == "__main__":
    main()
