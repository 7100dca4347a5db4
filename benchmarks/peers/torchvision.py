"""torchvision.transforms.v2: image by image on all cores, or one draw for the whole batch."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torchvision.transforms import v2

from benchmarks.peers import AFFINE, COLORS, Run, Unable, around, grouped
from benchmarks.works import SIDE, Step, Work

packages = ("torchvision", "torch")

_ALWAYS = {"p": 1.0}
_MIDDLE = v2.InterpolationMode.BILINEAR
_MAKERS = {
    "flip": lambda v: v2.RandomHorizontalFlip(v["p"]),
    "color jitter": lambda v: v2.ColorJitter(**v),
    "normalize": lambda v: v2.Normalize(v["mean"], v["std"]),
    "grayscale": lambda _: v2.Grayscale(3),
    "resized crop": lambda v: v2.RandomResizedCrop(
        v["size"], v["scale"], v["ratio"], antialias=True
    ),
    "random crop": lambda v: v2.RandomCrop(v["size"]),
    "perspective": lambda v: v2.RandomPerspective(v["distortion"], **_ALWAYS),
    "elastic": lambda v: v2.ElasticTransform(v["alpha"], v["sigma"]),
    "gaussian blur": lambda v: v2.GaussianBlur(v["size"], v["sigma"]),
    "sharpness": lambda v: v2.RandomAdjustSharpness(1 + v["factor"], **_ALWAYS),
    "gaussian noise": lambda v: v2.GaussianNoise(sigma=sum(v["sigma"]) / 2),
    "posterize": lambda v: v2.RandomPosterize(v["bits"], **_ALWAYS),
    "solarize": lambda v: v2.RandomSolarize(v["threshold"], **_ALWAYS),
    "invert": lambda _: v2.RandomInvert(**_ALWAYS),
    "autocontrast": lambda _: v2.RandomAutocontrast(**_ALWAYS),
    "equalize": lambda _: v2.RandomEqualize(**_ALWAYS),
    "random erasing": lambda v: v2.RandomErasing(1.0, v["scale"], v["ratio"]),
    "channel shuffle": lambda _: v2.RandomChannelPermutation(),
    "jpeg": lambda v: v2.JPEG(v["quality"]),
}
_MIXES = {"mixup": v2.MixUp, "cutmix": v2.CutMix}
# Operations on levels are done on uint8, where they are fastest; all else on floats.
_LEVELS = ("posterize", "solarize", "invert", "autocontrast", "equalize", "jpeg", "resized crop")


def _affine(steps: list[Step]) -> Any:
    v = {one.kind: one.values for one in steps}
    shift = v.get("translate", {}).get("fraction", 0)
    return v2.RandomAffine(
        v.get("rotate", {}).get("degrees", 0),
        translate=(shift, shift) if shift else None,
        scale=around(v["zoom"]["factor"]) if "zoom" in v else None,
        shear=v["shear"]["degrees"] if "shear" in v else None,
        interpolation=_MIDDLE,
    )


def _one(steps: list[Step]) -> Any:
    kind, v = steps[0].kind, steps[0].values
    if kind in AFFINE:
        return _affine(steps)
    if kind in COLORS:
        return v2.ColorJitter(**{one.kind: next(iter(one.values.values())) for one in steps})
    if kind not in _MAKERS:
        raise Unable(f"no {kind}")
    return _MAKERS[kind](v)


def _chain(work: Work) -> Any:
    members = [_one(group) for group in grouped(work)]
    cast = v2.ToDtype(torch.float32, scale=True)
    place = 1 if work.steps[0].kind in _LEVELS else 0
    return v2.Compose([*members[:place], cast, *members[place:]])


def make(work: Work, images: np.ndarray, dtype: str, device: str, *, shared: bool = False) -> Run:
    """A Compose; threads that take every n-th image, or one call of the batch."""
    if dtype != "float32":
        raise Unable("timed in float32 only")
    if work.fill != "constant":
        raise Unable("its border is black")
    if device == "gpu" and not torch.cuda.is_available():
        raise Unable("torch sees no GPU")
    torch.set_num_threads(os.cpu_count() or 1)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    if work.steps[0].kind in _MIXES:
        call = _mixing(work.steps[0], batch, device, shared)
    elif shared:
        call = _whole(_chain(work), batch, device)
    else:
        call = _each(_chain(work), batch, os.cpu_count() or 1)

    def finish(result: torch.Tensor) -> torch.Tensor:
        if device == "gpu":
            torch.cuda.synchronize()
        return result

    return Run(call, finish, lambda result: result.float().cpu().permute(0, 2, 3, 1).numpy())


def _mixing(step: Step, batch: torch.Tensor, device: str, shared: bool) -> Any:
    if not shared:
        raise Unable("it mixes whole batches only")
    mix = _MIXES[step.kind](num_classes=10, **step.values)
    pixels = batch.to("cuda" if device == "gpu" else "cpu")
    labels = torch.arange(len(batch), device=pixels.device) % 10
    cast = v2.ToDtype(torch.float32, scale=True)

    def call(_: int) -> torch.Tensor:
        with torch.inference_mode():
            return mix(cast(pixels), labels)[0]

    return call


def _whole(chain: Any, batch: torch.Tensor, device: str) -> Any:
    pixels = batch.to("cuda" if device == "gpu" else "cpu")

    def call(_: int) -> torch.Tensor:
        with torch.inference_mode():
            return chain(pixels)

    return call


def _each(chain: Any, batch: torch.Tensor, cores: int) -> Any:
    """Image by image: threads of images, or threads within an image, whichever is faster."""
    pool = ThreadPoolExecutor(cores)
    out = torch.empty((len(batch), 3, SIDE, SIDE))

    def part(first: int, stride: int) -> None:
        with torch.inference_mode():
            for k in range(first, len(batch), stride):
                out[k] = chain(batch[k])

    def many(_: int) -> torch.Tensor:
        list(pool.map(part, range(cores), [cores] * cores))
        return out

    def one(_: int) -> torch.Tensor:
        part(0, 1)
        return out

    taken = {}
    for call, threads in ((many, 1), (one, cores)):
        torch.set_num_threads(threads)
        call(0)
        started = time.perf_counter()
        call(0)
        taken[time.perf_counter() - started] = call, threads
    call, threads = taken[min(taken)]
    torch.set_num_threads(threads)
    return call
