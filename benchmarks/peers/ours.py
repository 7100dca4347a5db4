"""jaxaug itself, and the limit it is measured by: a cast of the same bytes, in the same process."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxaug as ja
from benchmarks.peers import Run
from benchmarks.works import SIDE, Step, Work

packages = ("jaxaug", "jax", "jaxlib", "numpy")

_NAMES = {
    "grayscale": "Grayscale",
    "sepia": "Sepia",
    "planckian jitter": "PlanckianJitter",
    "invert": "Invert",
    "autocontrast": "AutoContrast",
    "equalize": "Equalize",
    "channel shuffle": "ChannelShuffle",
    "channel dropout": "ChannelDropout",
}
_MAKERS = {
    "rotate": lambda v: ja.Rotate(v["degrees"]),
    "translate": lambda v: ja.Translate(x=v["fraction"], y=v["fraction"]),
    "shear": lambda v: ja.Shear(v["degrees"]),
    "zoom": lambda v: ja.Zoom(v["factor"]),
    "flip": lambda v: ja.HorizontalFlip(v["p"]),
    "brightness": lambda v: ja.Brightness(v["factor"]),
    "contrast": lambda v: ja.Contrast(v["factor"]),
    "saturation": lambda v: ja.Saturation(v["factor"]),
    "hue": lambda v: ja.Hue(v["turns"]),
    "hue rotation": lambda v: ja.HueRotation(v["turns"]),
    "color jitter": lambda v: ja.ColorJitter(**v),
    "normalize": lambda v: ja.Normalize(**v),
    "resized crop": lambda v: ja.RandomResizedCrop(**v),
    "random crop": lambda v: ja.RandomCrop(**v),
    "perspective": lambda v: ja.Perspective(v["distortion"]),
    "elastic": lambda v: ja.Elastic(**v),
    "grid distortion": lambda v: ja.GridDistortion(**v),
    "optical distortion": lambda v: ja.OpticalDistortion(**v),
    "gaussian blur": lambda v: ja.GaussianBlur(v["sigma"], kernel_size=v["size"]),
    "box blur": lambda v: ja.BoxBlur(v["size"] // 2),
    "median blur": lambda v: ja.MedianBlur(v["size"]),
    "motion blur": lambda v: ja.MotionBlur(v["length"]),
    "sharpness": lambda v: ja.Sharpness(v["factor"]),
    "emboss": lambda v: ja.Emboss(**v),
    "gaussian noise": lambda v: ja.GaussianNoise(**v),
    "shot noise": lambda v: ja.ShotNoise(**v),
    "salt and pepper": lambda v: ja.SaltAndPepper(**v),
    "posterize": lambda v: ja.Posterize(v["bits"]),
    "solarize": lambda v: ja.Solarize(v["threshold"] / 255),
    "clahe": lambda v: ja.CLAHE(v["limit"], tiles=(v["tiles"], v["tiles"])),
    "gamma": lambda v: ja.Gamma(v["gamma"]),
    "random erasing": lambda v: ja.RandomErasing(p=1.0, **v),
    "coarse dropout": lambda v: ja.CoarseDropout(v["count"], v["side"], v["side"]),
    "pixel dropout": lambda v: ja.PixelDropout(v["p"]),
    "jpeg": lambda v: ja.JPEG(v["quality"]),
    "downscale": lambda v: ja.Downscale(v["factor"]),
}
_MIXES = {"mixup": ja.MixUp, "cutmix": ja.CutMix}


def transform(step: Step) -> ja.Transform:
    """The transform that does a step."""
    if step.kind in _NAMES:
        return getattr(ja, _NAMES[step.kind])()
    return _MAKERS[step.kind](step.values)


def chain(work: Work) -> ja.Chain:
    """The chain that does a work; a mix of rows is not in it."""
    members = (transform(one) for one in work.steps if one.kind not in _MIXES)
    return ja.Chain(*members, fill=None if work.fill == "constant" else work.fill)


def function(work: Work, dtype: str) -> Any:
    """``(step, images) -> images``, to be compiled: a new key for each step."""
    augment = ja.batched(chain(work), dtype=dtype)
    key = jax.random.key(0)
    mixes = [
        _MIXES[one.kind](num_classes=10, **one.values) for one in work.steps if one.kind in _MIXES
    ]

    def call(step: Any, images: Any) -> Any:
        now = jax.random.fold_in(key, step)
        if not mixes:
            return augment(now, images)
        rows = {"image": images, "label": jnp.arange(images.shape[0]) % 10}
        return mixes[0](now, augment(now, rows))

    return call


def cast(dtype: str) -> Any:
    """The fastest thing possible: read the bytes once, write them once as what is wanted."""

    def call(images: Any) -> Any:
        if dtype == "uint8":
            return images + jnp.uint8(1)
        return (images.astype(jnp.float32) / 255).astype(dtype)

    return call


def make(work: Work, images: np.ndarray, dtype: str, device: str) -> Run:
    """Compile the work for these images."""
    del device
    batch = jnp.asarray(images)
    started = time.perf_counter()
    compiled = jax.jit(function(work, dtype)).lower(np.uint32(0), batch).compile()
    seconds = time.perf_counter() - started
    side = images.shape[1]
    small = jnp.asarray(np.ascontiguousarray(images[:, :SIDE, :SIDE])) if side > SIDE else batch
    limit = jax.jit(cast(dtype))
    written = small.size * np.dtype(jnp.dtype(dtype)).itemsize
    memory = compiled.memory_analysis()
    facts = {"compile": seconds, "bytes in": images.nbytes, "bytes out": written}
    if memory is not None:
        facts["temporaries"] = memory.temp_size_in_bytes / written

    def picture(result: Any) -> np.ndarray:
        result = result["image"] if isinstance(result, dict) else result
        result = np.asarray(result.astype(jnp.float32))
        return result / 255 if dtype == "uint8" else result

    return Run(
        lambda step: compiled(np.uint32(step), batch),
        jax.block_until_ready,
        picture,
        facts,
        lambda _: limit(small),
    )


def recompilations(work: Work, images: np.ndarray) -> int:
    """How often a work is compiled again when only its numbers change, as an argument of jit."""
    traces = []

    @jax.jit
    def call(chain: ja.Chain, key: Any, batch: Any) -> Any:
        traces.append(None)
        return ja.batched(chain)(key, batch)

    first = chain(work)
    for strength in (1.0, 0.5, 0.25):
        other = jax.tree.map(lambda x, s=strength: x * s if isinstance(x, float) else x, first)
        jax.block_until_ready(call(other, jax.random.key(0), images))
    return len(traces) - 1


def copy_speed(megabytes: int, rounds: int = 5) -> float:
    """Bytes a second of a copy on the device, counting those read and those written."""
    words = jnp.zeros(megabytes * 2**18, jnp.float32)
    copy = jax.jit(lambda x: x + 1)
    jax.block_until_ready(copy(words))
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        results = [copy(words) for _ in range(4)]
        jax.block_until_ready(results)
        taken.append((time.perf_counter() - started) / 4)
    return 2 * words.nbytes / float(np.median(taken))


def agreement(work: Work, images: np.ndarray) -> float:
    """Largest difference between the accelerator's result and the CPU's, in grey levels.

    Normalized pixels are told in levels, too.
    """
    results = []
    for place in (jax.devices()[0], jax.devices("cpu")[0]):
        with jax.default_device(place):
            call = jax.jit(function(work, "float32"))
            results.append(np.asarray(call(np.uint32(7), jax.device_put(images, place))))
    normal = work.steps[-1].kind == "normalize"
    deviation = np.array(work.steps[-1].values["std"], np.float32) if normal else 1.0
    return float((np.abs(results[0] - results[1]) * deviation).max() * 255)
