"""albumentations: image by image on all cores, each thread with a pipeline of its own."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # read on import

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import albumentations as A  # noqa: N812 - as its documentation does
import cv2
import numpy as np

from benchmarks.peers import AFFINE, COLORS, Run, Unable, around, grouped
from benchmarks.works import SIDE, Step, Work

packages = ("albumentations", "opencv-python-headless", "numpy")

_ALWAYS = {"p": 1.0}
_MAKERS = {
    "flip": lambda v: A.HorizontalFlip(p=v["p"]),
    "color jitter": lambda v: A.ColorJitter(
        around(v["brightness"]),
        around(v["contrast"]),
        around(v["saturation"]),
        around(v["hue"], 0.0),
        **_ALWAYS,
    ),
    "normalize": lambda v: A.Normalize(v["mean"], v["std"], **_ALWAYS),
    "grayscale": lambda _: A.ToGray(**_ALWAYS),
    "sepia": lambda _: A.ToSepia(**_ALWAYS),
    "planckian jitter": lambda _: A.PlanckianJitter(**_ALWAYS),
    "random crop": lambda v: A.RandomCrop(v["size"], v["size"], **_ALWAYS),
    # Corners move inwards by a normal number here, uniform in the others: a like deviation.
    "perspective": lambda v: A.Perspective(
        (v["distortion"] / 4, v["distortion"] / 4), fit_output=False, **_ALWAYS
    ),
    "elastic": lambda v: A.ElasticTransform(v["alpha"], v["sigma"], **_ALWAYS),
    "grid distortion": lambda v: A.GridDistortion(v["cells"], (-v["limit"], v["limit"]), **_ALWAYS),
    "optical distortion": lambda v: A.OpticalDistortion((-v["k"], v["k"]), **_ALWAYS),
    "gaussian blur": lambda v: A.GaussianBlur((v["size"], v["size"]), v["sigma"], **_ALWAYS),
    "box blur": lambda v: A.Blur((v["size"], v["size"]), **_ALWAYS),
    "median blur": lambda v: A.MedianBlur((v["size"], v["size"]), **_ALWAYS),
    "motion blur": lambda v: A.MotionBlur(
        (v["length"], v["length"]), allow_shifted=False, **_ALWAYS
    ),
    "sharpness": lambda _: A.Sharpen(**_ALWAYS),
    "emboss": lambda v: A.Emboss(v["alpha"], v["strength"], **_ALWAYS),
    "gaussian noise": lambda v: A.GaussNoise(v["sigma"], **_ALWAYS),
    "shot noise": lambda _: A.ShotNoise(**_ALWAYS),
    "salt and pepper": lambda v: A.SaltAndPepper(v["amount"], (0.5, 0.5), **_ALWAYS),
    "posterize": lambda v: A.Posterize(v["bits"], **_ALWAYS),
    "solarize": lambda v: A.Solarize((v["threshold"] / 255, v["threshold"] / 255), **_ALWAYS),
    "invert": lambda _: A.InvertImg(**_ALWAYS),
    "autocontrast": lambda _: A.AutoContrast(method="pil", **_ALWAYS),
    "equalize": lambda _: A.Equalize(**_ALWAYS),
    "clahe": lambda v: A.CLAHE(v["limit"], (v["tiles"], v["tiles"]), **_ALWAYS),
    "gamma": lambda v: A.RandomGamma(tuple(round(100 * g) for g in v["gamma"]), **_ALWAYS),
    "random erasing": lambda v: A.Erasing(v["scale"], v["ratio"], **_ALWAYS),
    "coarse dropout": lambda v: A.CoarseDropout(v["count"], v["side"], v["side"], **_ALWAYS),
    "pixel dropout": lambda v: A.PixelDropout(v["p"], **_ALWAYS),
    "channel shuffle": lambda _: A.ChannelShuffle(**_ALWAYS),
    "channel dropout": lambda _: A.ChannelDropout(**_ALWAYS),
    "jpeg": lambda v: A.ImageCompression("jpeg", v["quality"], **_ALWAYS),
    "downscale": lambda v: A.Downscale(
        v["factor"],
        {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_NEAREST},
        **_ALWAYS,
    ),
}


def _affine(steps: list[Step], fill: str) -> A.Affine:
    """Rotation, shift, shear and zoom in one warp, its best form."""
    v = {one.kind: one.values for one in steps}
    degrees = v.get("rotate", {}).get("degrees", 0)
    shift = v.get("translate", {}).get("fraction", 0)
    lean = v.get("shear", {}).get("degrees", 0)
    zoom = around(v.get("zoom", {}).get("factor", 0))
    return A.Affine(
        scale={"x": zoom, "y": zoom},
        translate_percent={"x": (-shift, shift), "y": (-shift, shift)},
        rotate=(-degrees, degrees),
        shear={"x": (-lean, lean), "y": (0, 0)},
        border_mode=cv2.BORDER_REPLICATE if fill == "nearest" else cv2.BORDER_CONSTANT,
        **_ALWAYS,
    )


def _colors(steps: list[Step]) -> Any:
    """One of brightness and contrast by a table of levels, all four by ColorJitter."""
    v = {one.kind: next(iter(one.values.values())) for one in steps}
    if "hue" not in v and "saturation" not in v:
        brightness, contrast = v.get("brightness", 0), v.get("contrast", 0)
        return A.RandomBrightnessContrast(brightness, contrast, **_ALWAYS)
    factors = (around(v.get(kind, 0)) for kind in COLORS[:3])
    return A.ColorJitter(*factors, around(v.get("hue", 0), 0.0), **_ALWAYS)


def _one(steps: list[Step], area: bool, fill: str) -> Any:
    kind, v = steps[0].kind, steps[0].values
    if kind in AFFINE:
        return _affine(steps, fill)
    if kind in COLORS:
        return _colors(steps)
    if kind == "resized crop":
        size = (v["size"], v["size"])
        method = cv2.INTER_AREA if area else cv2.INTER_LINEAR
        return A.RandomResizedCrop(size, v["scale"], v["ratio"], method, **_ALWAYS)
    if kind not in _MAKERS:
        raise Unable(f"no {kind}")
    return _MAKERS[kind](v)


def make(
    work: Work,
    images: np.ndarray,
    dtype: str,
    device: str,
    *,
    area: bool = False,
    threads: int | None = None,
) -> Run:
    """Pipelines and threads; every batch is a new array, as whoever gets it keeps it."""
    del device
    if dtype == "bfloat16":
        raise Unable("no bfloat16")
    if threads is None:
        cv2.setNumThreads(0)
    count = min(threads or os.cpu_count() or 1, len(images))
    pipelines = [
        A.Compose([_one(group, area, work.fill) for group in grouped(work)], seed=k)
        for k in range(count)
    ]
    pool = ThreadPoolExecutor(count)
    scale = np.float32(1 / 255)

    def part(number: int, out: np.ndarray) -> None:
        pipeline = pipelines[number]
        for k in range(number, len(images), count):
            image = pipeline(image=images[k])["image"]
            out[k] = image
            if image.dtype != out.dtype:
                out[k] *= scale

    def call(_: int) -> np.ndarray:
        out = np.empty((len(images), SIDE, SIDE, 3), dtype)
        list(pool.map(part, range(count), [out] * count))
        return out

    def picture(result: np.ndarray) -> np.ndarray:
        return result / np.float32(255) if result.dtype == np.uint8 else result.copy()

    return Run(call, lambda result: result, picture)
