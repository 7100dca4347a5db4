"""Keras 3 preprocessing layers on the JAX backend."""

import os

os.environ["KERAS_BACKEND"] = "jax"  # read on import

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers

from benchmarks.peers import Run, Unable
from benchmarks.works import Work

packages = ("keras", "jax")

_BORDER = {"fill_mode": "constant"}
_RANGE = {"value_range": (0, 1)}
_MAKERS = {
    "rotate": lambda v: layers.RandomRotation(v["degrees"] / 360, **_BORDER),
    "translate": lambda v: layers.RandomTranslation(v["fraction"], v["fraction"], **_BORDER),
    # Its shear is along x by a fraction of the height: the tangent of the angle.
    "shear": lambda v: layers.RandomShear(
        (0.0, float(np.tan(np.deg2rad(v["degrees"])))), **_BORDER
    ),
    "zoom": lambda v: layers.RandomZoom(
        (-v["factor"], v["factor"]), (-v["factor"], v["factor"]), **_BORDER
    ),
    "flip": lambda _: layers.RandomFlip("horizontal"),
    "brightness": lambda v: layers.RandomBrightness(v["factor"], **_RANGE),
    "contrast": lambda v: layers.RandomContrast(v["factor"], **_RANGE),
    "saturation": lambda v: layers.RandomSaturation(
        (0.5 - v["factor"] / 2, 0.5 + v["factor"] / 2), **_RANGE
    ),
    "hue": lambda v: layers.RandomHue((0.0, v["turns"] * 2), **_RANGE),
    "normalize": lambda v: layers.Normalization(
        mean=v["mean"], variance=tuple(s * s for s in v["std"])
    ),
    "gaussian blur": lambda v: layers.RandomGaussianBlur(
        (1.0, 1.0), v["size"], v["sigma"], **_RANGE
    ),
    "perspective": lambda v: layers.RandomPerspective((1.0, 1.0), v["distortion"]),
}


def make(work: Work, images: np.ndarray, dtype: str, device: str, *, jitted: bool = False) -> Run:
    """A Sequential called with ``training=True``; jitted as its own training step does."""
    del device
    if dtype != "float32":
        raise Unable("timed in float32 only")
    if work.fill != "constant":
        raise Unable("timed with a black border")
    members = [layers.Rescaling(1 / 255)]
    for one in work.steps:
        if one.kind not in _MAKERS:
            raise Unable(f"no {one.kind}")
        members.append(_MAKERS[one.kind](one.values))
    batch = jnp.asarray(images)
    model = keras.Sequential(members)
    model(batch, training=True)
    if not jitted:
        return Run(lambda _: model(batch, training=True), jax.block_until_ready, np.asarray)

    step = jax.jit(lambda seeds, pixels: model.stateless_call([], seeds, pixels, training=True))
    state = [[v.value for v in model.non_trainable_variables]]

    def call(_: int) -> Any:
        out, state[0] = step(state[0], batch)
        return out

    return Run(call, jax.block_until_ready, np.asarray)
