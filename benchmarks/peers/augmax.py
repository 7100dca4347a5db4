"""augmax under vmap and jit, with the members that it lacks written as its own are."""

import augmax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import COLORS, Run, Unable, grouped
from benchmarks.peers.rows import vmapped
from benchmarks.works import SIDE, Work

packages = ("augmax", "jax")


class _Affine(augmax.GeometricTransformation):
    """A random 3x3 matrix, pulled: rows and columns, from the output to the input."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = matrix

    def transform_coordinates(self, rng, coordinates, invert=False):
        del invert
        coordinates.push_transform(self.matrix(rng))


def _shift(rng, fraction):
    y, x = jax.random.uniform(rng, (2,), minval=-fraction, maxval=fraction) * SIDE
    return jnp.array([[1, 0, -y], [0, 1, -x], [0, 0, 1]])


def _lean(rng, degrees):
    slope = jnp.tan(jnp.deg2rad(jax.random.uniform(rng, minval=-degrees, maxval=degrees)))
    return jnp.array([[1, 0, 0], [slope, 1, 0], [0, 0, 1]])


def _scale(rng, factor):
    y, x = 1 / jax.random.uniform(rng, (2,), minval=1 - factor, maxval=1 + factor)
    return jnp.array([[y, 0, 0], [0, x, 0], [0, 0, 1]])


_MAKERS = {
    "rotate": lambda v: augmax.Rotate(v["degrees"]),
    "translate": lambda v: _Affine(lambda rng: _shift(rng, v["fraction"])),
    "shear": lambda v: _Affine(lambda rng: _lean(rng, v["degrees"])),
    "zoom": lambda v: _Affine(lambda rng: _scale(rng, v["factor"])),
    "flip": lambda v: augmax.HorizontalFlip(v["p"]),
    "normalize": lambda v: augmax.Normalize(np.array(v["mean"]), np.array(v["std"])),
}


def _one(steps):
    kind = steps[0].kind
    number = next(iter(steps[0].values.values()), 0.0)
    if len(steps) == 1 and kind == "brightness":  # its cheapest form; half of the range is drawn
        return [augmax.RandomBrightness((-2 * number, 2 * number), p=1.0)]
    if len(steps) == 1 and kind == "contrast":
        return [augmax.RandomContrast((-2 * number, 2 * number), p=1.0)]
    if kind in COLORS:
        strengths = dict.fromkeys(COLORS, 0.0)
        strengths |= {one.kind: next(iter(one.values.values())) for one in steps}
        return [augmax.ColorJitter(**strengths, p=1.0)]
    if kind not in _MAKERS:
        raise Unable(f"no {kind}")
    return [_MAKERS[one.kind](one.values) for one in steps]


def make(work: Work, images: np.ndarray, dtype: str, device: str) -> Run:
    """A Chain, which joins neighbouring geometry by itself."""
    del device
    if dtype != "float32":
        raise Unable("timed in float32 only")
    if work.fill != "constant":
        raise Unable("its border is black")
    members = [one for group in grouped(work) for one in _one(group)]
    return vmapped(augmax.Chain(augmax.ByteToFloat(), *members), images)
