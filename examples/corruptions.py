"""A contact sheet of all corruptions: a row for each, a column for each severity.

    python examples/corruptions.py                      # a photograph that comes with scikit-image
    python examples/corruptions.py --photo PHOTO.jpg    # one of yours

Each corruption is one compiled program, which is told the severity as it runs. It takes about a
minute, nearly all of it for compiling, and needs: pip install "jaxaug[demo]"
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

import jaxaug as ja
from jaxaug import corruptions

SIDE = 224  # the size that the severities are made for
LEFT, TOP, GAP = 104, 18, 2


def square(path):
    """A photograph as ImageNet's are cut: its middle, 224 pixels."""
    photo = Image.open(path).convert("RGB") if path else Image.fromarray(skimage.data.astronaut())
    side = min(photo.size)
    left, top = ((n - side) // 2 for n in photo.size)
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box))


def row(name, photo, key):
    """The photograph at all severities of a corruption, the same draw at each."""

    @jax.jit
    def corrupt(severity):
        return ja.Chain(corruptions.corrupt(name, severity), dtype="uint8")(key, photo)

    return [np.asarray(corrupt(jnp.int32(severity))) for severity in corruptions.SEVERITIES]


def sheet(photo, names, key, cell):
    """All rows, with the names of the corruptions in front, and the severities on top."""
    columns = ["clean", *map(str, corruptions.SEVERITIES)]
    size = LEFT + len(columns) * (cell + GAP), TOP + len(names) * (cell + GAP)
    page = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for place, text in enumerate(columns):
        middle = LEFT + place * (cell + GAP) + cell / 2
        pen.text((middle, TOP / 2), text, "black", font, anchor="mm")
    for line, name in enumerate(tqdm(names, unit="corruption")):
        top = TOP + line * (cell + GAP)
        pen.text((4, top + cell / 2), name, "black", font, anchor="lm")
        for place, pixels in enumerate([photo, *row(name, photo, key)]):
            small = Image.fromarray(pixels).resize((cell, cell), Image.Resampling.BOX)
            page.paste(small, (LEFT + place * (cell + GAP), top))
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", metavar="FILE", help="a photograph, instead of an astronaut")
    parser.add_argument("--cell", type=int, default=72, help="side of a picture (default 72)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="corruptions.jpg", help="where to save the sheet")
    parser.add_argument("names", nargs="*", help="some corruptions only")
    options = parser.parse_args()
    names = options.names or corruptions.NAMES + corruptions.EXTRA
    page = sheet(square(options.photo), names, jax.random.key(options.seed), options.cell)
    page.save(options.out, quality=85, optimize=True)
    print(f"{len(names)} corruptions at {len(corruptions.SEVERITIES)} severities: {options.out}")


if __name__ == "__main__":
    main()
