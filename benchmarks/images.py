"""Source images: smooth as photographs are, with detail on all scales, the same on every run."""

import functools

import numpy as np
from PIL import Image


@functools.cache
def _large(count: int = 16, side: int = 320) -> np.ndarray:
    """A few pictures, (count, side, side, 3) uint8, that batches are cut out of."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(count):
        scales = [
            np.asarray(
                Image.fromarray(rng.integers(0, 256, (n, n, 3), np.uint8)).resize(
                    (side, side), Image.Resampling.BICUBIC
                ),
                np.float32,
            )
            for n in (3, 12, 48, side)
        ]
        mixed = sum(w * s for w, s in zip((0.45, 0.3, 0.18, 0.07), scales, strict=True))
        pictures.append(np.clip((mixed - 128) * 1.6 + 128, 0, 255).astype(np.uint8))
    return np.stack(pictures)


def batch(count: int, side: int) -> np.ndarray:
    """Images (count, side, side, 3) uint8, no two of them alike."""
    large = _large()
    room = large.shape[1] - side
    rng = np.random.default_rng(1)
    images = np.empty((count, side, side, 3), np.uint8)
    for k in range(count):
        y, x = rng.integers(0, room + 1, 2)
        images[k] = large[k % len(large), y : y + side, x : x + side]
    return images
