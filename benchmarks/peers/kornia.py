"""kornia: batches of tensors on CPU or GPU, every image with its own numbers."""

import os
from typing import Any

import kornia.augmentation as K  # noqa: N812 - as its documentation does
import numpy as np
import torch

from benchmarks.peers import AFFINE, COLORS, Run, Unable, around, grouped
from benchmarks.works import Step, Work

packages = ("kornia", "torch")

_ALWAYS = {"p": 1.0}
_MAKERS = {
    "flip": lambda v: K.RandomHorizontalFlip(p=v["p"]),
    "color jitter": lambda v: K.ColorJitter(**v, **_ALWAYS),
    "normalize": lambda v: K.Normalize(torch.tensor(v["mean"]), torch.tensor(v["std"])),
    "grayscale": lambda _: K.RandomGrayscale(**_ALWAYS),
    "planckian jitter": lambda _: K.RandomPlanckianJitter(**_ALWAYS),
    "perspective": lambda v: K.RandomPerspective(v["distortion"], **_ALWAYS),
    "elastic": lambda v: K.RandomElasticTransform(
        (31, 31), (v["sigma"], v["sigma"]), (v["alpha"] / 112, v["alpha"] / 112), **_ALWAYS
    ),
    "gaussian blur": lambda v: K.RandomGaussianBlur((v["size"], v["size"]), v["sigma"], **_ALWAYS),
    "box blur": lambda v: K.RandomBoxBlur((v["size"], v["size"]), **_ALWAYS),
    "median blur": lambda v: K.RandomMedianBlur((v["size"], v["size"]), **_ALWAYS),
    "motion blur": lambda v: K.RandomMotionBlur(v["length"], 180.0, 0.0, **_ALWAYS),
    "sharpness": lambda v: K.RandomSharpness(v["factor"], **_ALWAYS),
    "gaussian noise": lambda v: K.RandomGaussianNoise(std=sum(v["sigma"]) / 2, **_ALWAYS),
    "salt and pepper": lambda v: K.RandomSaltAndPepperNoise(v["amount"], (0.5, 0.5), **_ALWAYS),
    "posterize": lambda v: K.RandomPosterize((v["bits"], v["bits"]), **_ALWAYS),
    "solarize": lambda v: K.RandomSolarize(
        (v["threshold"] / 255, v["threshold"] / 255), (0.0, 0.0), **_ALWAYS
    ),
    "invert": lambda _: K.RandomInvert(**_ALWAYS),
    "autocontrast": lambda _: K.RandomAutoContrast(**_ALWAYS),
    "equalize": lambda _: K.RandomEqualize(**_ALWAYS),
    "clahe": lambda v: K.RandomClahe(v["limit"], (v["tiles"], v["tiles"]), **_ALWAYS),
    "gamma": lambda v: K.RandomGamma(v["gamma"], **_ALWAYS),
    "random erasing": lambda v: K.RandomErasing(v["scale"], v["ratio"], **_ALWAYS),
    "channel shuffle": lambda _: K.RandomChannelShuffle(**_ALWAYS),
    "channel dropout": lambda _: K.RandomChannelDropout(**_ALWAYS),
    "jpeg": lambda v: K.RandomJPEG(tuple(float(q) for q in v["quality"]), **_ALWAYS),
}
_COLOR = {
    "brightness": lambda r: K.RandomBrightness(around(r)),
    "contrast": lambda r: K.RandomContrast(around(r)),
    "saturation": lambda r: K.RandomSaturation(around(r)),
    "hue": lambda r: K.RandomHue(around(r, 0.0)),
}


def _affine(steps: list[Step], fill: str) -> Any:
    v = {one.kind: one.values for one in steps}
    shift = v.get("translate", {}).get("fraction", 0)
    zoom = around(v["zoom"]["factor"]) * 2 if "zoom" in v else None
    return K.RandomAffine(
        v.get("rotate", {}).get("degrees", 0),
        translate=(shift, shift) if shift else None,
        scale=zoom,
        shear=v["shear"]["degrees"] if "shear" in v else None,
        padding_mode="border" if fill == "nearest" else "zeros",
        **_ALWAYS,
    )


def _crop(kind: str, v: dict[str, Any], device: str) -> Any:
    """Windows cut out one after the other on a CPU, by one resampling of all on a GPU."""
    mode = {"cropping_mode": "resample" if device == "gpu" else "slice", **_ALWAYS}
    size = (v["size"], v["size"])
    if kind == "random crop":
        return K.RandomCrop(size, **mode)
    return K.RandomResizedCrop(size, v["scale"], v["ratio"], **mode)


def _one(steps: list[Step], fill: str, device: str) -> Any:
    kind = steps[0].kind
    if kind in ("resized crop", "random crop"):
        return _crop(kind, steps[0].values, device)
    if kind in AFFINE:
        return _affine(steps, fill)
    if kind in COLORS:
        strengths = {one.kind: next(iter(one.values.values())) for one in steps}
        if len(strengths) == 1:
            return _COLOR[kind](strengths[kind])
        return K.ColorJitter(**strengths, **_ALWAYS)
    if kind not in _MAKERS:
        raise Unable(f"no {kind}")
    return _MAKERS[kind](steps[0].values)


def make(work: Work, images: np.ndarray, dtype: str, device: str, *, compiled: bool = False) -> Run:
    """One AugmentationSequential, without gradients."""
    if device == "gpu" and not torch.cuda.is_available():
        raise Unable("torch sees no GPU")
    torch.set_num_threads(os.cpu_count() or 1)
    place = torch.device("cuda" if device == "gpu" else "cpu")
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(place)
    members = [_one(group, work.fill, device) for group in grouped(work)]
    chain = K.AugmentationSequential(*members, data_keys=["input"]).to(place)

    def augment(pixels: torch.Tensor) -> torch.Tensor:
        moved = chain(pixels.to(torch.float32) / 255)
        if dtype == "uint8":
            return (moved * 255 + 0.5).clamp(0, 255).to(torch.uint8)
        return moved.to(getattr(torch, dtype))

    function = torch.compile(augment) if compiled else augment

    def call(_: int) -> torch.Tensor:
        with torch.inference_mode():
            return function(batch)

    def finish(result: torch.Tensor) -> torch.Tensor:
        if device == "gpu":
            torch.cuda.synchronize()
        return result

    def picture(result: torch.Tensor) -> np.ndarray:
        array = result.float().cpu().permute(0, 2, 3, 1).numpy()
        return array / 255 if dtype == "uint8" else array

    return Run(call, finish, picture)
