"""dm-pix under vmap and jit: geometry as one affine_transform, colours by its random functions."""

import dm_pix as pix
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import AFFINE, Run, Unable, grouped
from benchmarks.peers.rows import vmapped
from benchmarks.works import Work

packages = ("dm-pix", "jax")


def _affine(steps):
    """Rotation, shift, shear and zoom by one matrix about the image's centre."""
    v = {one.kind: next(iter(one.values.values())) for one in steps}

    def call(key, image):
        height, width = image.shape[:2]
        numbers = iter(jax.random.uniform(key, (6,), minval=-1.0, maxval=1.0))
        turn = jnp.deg2rad(v.get("rotate", 0) * next(numbers))
        slope = jnp.tan(jnp.deg2rad(v.get("shear", 0) * next(numbers)))
        down = v.get("translate", 0) * next(numbers) * height
        right = v.get("translate", 0) * next(numbers) * width
        high = 1 / (1 + v.get("zoom", 0) * next(numbers))
        wide = 1 / (1 + v.get("zoom", 0) * next(numbers))
        cos, sin = jnp.cos(turn), jnp.sin(turn)
        linear = jnp.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
        linear @= jnp.array([[high, 0, 0], [slope, wide, 0], [0, 0, 1.0]])
        middle = jnp.array([(height - 1) / 2, (width - 1) / 2, 0.0])
        offset = middle - linear @ (middle + jnp.array([down, right, 0.0]))
        return pix.affine_transform(image, linear, offset=offset, mode="constant")

    return call


_MAKERS = {
    "flip": lambda v: lambda k, x: pix.random_flip_left_right(k, x, probability=v["p"]),
    "brightness": lambda v: lambda k, x: pix.random_brightness(k, x, v["factor"]),
    "contrast": lambda v: lambda k, x: pix.random_contrast(k, x, 1 - v["factor"], 1 + v["factor"]),
    "saturation": lambda v: (
        lambda k, x: pix.random_saturation(k, x, 1 - v["factor"], 1 + v["factor"])
    ),
    "hue": lambda v: lambda k, x: pix.random_hue(k, x, v["turns"]),
    "normalize": lambda v: lambda _, x: (x - jnp.array(v["mean"])) / jnp.array(v["std"]),
    "gaussian blur": lambda v: (
        lambda k, x: pix.gaussian_blur(
            x, jax.random.uniform(k, minval=v["sigma"][0], maxval=v["sigma"][1]), v["size"]
        )
    ),
    "elastic": lambda v: (
        lambda k, x: pix.elastic_deformation(k, x, v["alpha"], v["sigma"], mode="constant")
    ),
}


def make(work: Work, images: np.ndarray, dtype: str, device: str) -> Run:
    """Functions of a key and an image, one after the other."""
    del device
    if dtype != "float32":
        raise Unable("timed in float32 only")
    if work.fill != "constant":
        raise Unable("timed with a black border")
    functions = []
    for steps in grouped(work):
        if steps[0].kind in AFFINE:
            functions.append(_affine(steps))
        elif steps[0].kind in _MAKERS:
            functions.extend(_MAKERS[one.kind](one.values) for one in steps)
        else:
            raise Unable(f"no {steps[0].kind}")

    def row(key, image):
        pixels = image.astype(jnp.float32) / 255
        for k, one in enumerate(functions):
            pixels = one(jax.random.fold_in(key, k), pixels)
        return pixels

    return vmapped(row, images)
