"""The augmentation of a batch as one compiled call: one resampling, then the colours."""

import functools
import os
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from jaxaug.functional import resample, stable

BORDERS = {
    "nearest": "nearest",
    "reflect": "reflect",
    "grid-mirror": "reflect",
    "mirror": "mirror",
    "grid-wrap": "wrap",
    "grid-constant": "constant",
    "constant": "nearest",  # and cut afterwards
    "wrap": "nearest",  # folded before
}
"""Modes of `scipy.ndimage`, and the rules of jaxaug that read the pixels."""

Plane = Any


class How(NamedTuple):
    """What the compiled program depends on.

    Attributes:
        kind: Structure of the maps: "affine", "separable", "flip" (no resampling is needed), or
            None for no geometry at all.
        order: 0 or 1, of the interpolation.
        mode: One of `BORDERS`.
        round: Whether pixels are whole numbers after the resampling.
        unit: Whether the images are floating, and so may be in 0..1.
        shift: Whether there are channel shifts.
        brightness: None, or how it stretches: "beyond" or "always".
        channels_first: Layout of the images.
    """

    kind: str | None
    order: int
    mode: str
    round: bool
    unit: bool
    shift: bool
    brightness: str | None
    channels_first: bool


class Numbers(NamedTuple):
    """What is done to each of n images, as float32.

    Attributes:
        matrix: (n, 2, 3), output to input, in pixels, x before y, origin at the image centres.
        shift: (n,), added to all channels.
        factor: (n,), of brightness; NaN leaves an image alone.
        size: (n, 2), height and width of pictures in the corner of a larger array; None if they
            fill it.
    """

    matrix: NDArray[np.float32]
    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    size: NDArray[np.float32] | None = None


@functools.partial(jax.jit, static_argnames="how")
def augment(images: Any, numbers: Numbers, cval: Any, *, how: How) -> jax.Array:
    """Augments images (n, h, w, c), or (n, c, h, w), of any type and unit, into float32."""
    if how.channels_first:
        images = jnp.moveaxis(images, 1, -1)
    moved = jax.vmap(functools.partial(_augment, how=how), (0, 0, None))(images, numbers, cval)
    return jnp.moveaxis(moved, -1, 1) if how.channels_first else moved


def run(images: NDArray[Any], numbers: Numbers, cval: float, how: How) -> NDArray[np.float32]:
    """As `augment`, from NumPy to NumPy, for any number of images.

    Few programs serve all numbers: images are filled up to a power of two, above 8 to a multiple.

    Raises:
        RuntimeError: In a process that was forked from one that has run it: JAX would wait forever.
    """
    global _process  # noqa: PLW0603 - what a fork copies, too
    _process = _process or os.getpid()
    if _process != os.getpid():
        raise RuntimeError(
            "ImageDataGenerator: expected to transform images in the process that did so first, "
            "got one that was forked from it, where JAX cannot run. Start processes with "
            "multiprocessing.get_context('spawn'), or none: files are read by threads."
        )
    rows = len(images)
    more = (-rows) % 8 if rows > 8 else (1 << (rows - 1).bit_length()) - rows
    if more:
        images = np.concatenate([images, np.zeros((more, *images.shape[1:]), images.dtype)])
        numbers = jax.tree.map(lambda x: np.concatenate([x, np.repeat(x[:1], more, 0)]), numbers)
    moved = augment(images, numbers, np.float32(cval), how=how)
    return np.asarray(moved)[:rows]


_process = 0


def _augment(image: Any, numbers: Numbers, cval: Any, how: How) -> jax.Array:
    image = image.astype(jnp.float32)
    size = None if numbers.size is None else (numbers.size[0], numbers.size[1])
    if how.kind:
        image = _warp(image, numbers.matrix, size, cval, how)
    if how.round:
        image = jnp.floor(image + 0.5)
    if not (how.shift or how.brightness):
        return image
    image = stable.materialize(image)  # or the gather would run again for the extremes
    return colored(image, numbers, *_extremes(image, size), how)


def colored(image: Any, numbers: Numbers, low: Any, high: Any, how: How) -> Any:
    """Channel shift and brightness of an image whose smallest and largest pixels are known.

    It takes NumPy arrays as well as JAX', and numbers of one image.
    """
    xp = np if isinstance(image, np.ndarray) else jnp
    if how.shift:
        image = xp.clip(image + numbers.shift, low, high)
        # Shifting and cutting keep the order of the pixels: these are the new extremes.
        low, high = (xp.clip(end + numbers.shift, low, high) for end in (low, high))
    if how.brightness:
        image = _brighten(image, numbers.factor, low, high, how, xp)
    return image


def _warp(image: Any, matrix: Any, size: Any, cval: Any, how: How) -> Any:
    if how.kind == "flip":
        image = jnp.where(matrix[0, 0] < 0, image[:, ::-1], image)
        return jnp.where(matrix[1, 1] < 0, image[::-1], image)
    (a, b, c), (d, e, f) = matrix
    kind = "affine" if how.kind == "affine" else "separable"
    extent = size or image.shape[:2]
    canvas = image.shape[:2]
    whole = ((a, b, c), (d, e, f), (0.0, 0.0, 1.0))
    y, x = resample.coordinates(whole, extent, extent, kind, canvas=canvas)
    inside = [(u >= 0) & (u <= n - 1) for u, n in zip((y, x), extent, strict=True)]
    if how.mode == "wrap":
        y, x = (_wrapped(u, n - 1) for u, n in zip((y, x), extent, strict=True))
    values = resample.sample(
        image,
        y,
        x,
        extent=size,
        interpolation="linear" if how.order else "nearest",
        border=BORDERS[how.mode],
        fill=cval,
    )
    if how.mode == "constant":
        values = jnp.where((inside[0] & inside[1])[..., None], values, cval)
    return values


def _wrapped(u: Plane, period: Any) -> Plane:
    """SciPy's "wrap": the last pixel stands on the first, so that the period is one short."""
    period = jnp.maximum(period, 1)
    below = u + period * (jnp.floor(-u / period) + 1)
    above = u - period * jnp.floor(u / period)
    return jnp.where(u < 0, below, jnp.where(u > period, above, u))


def _extremes(image: Any, size: Any) -> tuple[Any, Any]:
    """Smallest and largest pixel of the picture."""
    if size is None:
        return image.min(), image.max()
    rows = lax.broadcasted_iota(jnp.float32, image.shape, 0)
    columns = lax.broadcasted_iota(jnp.float32, image.shape, 1)
    inside = (rows < size[0]) & (columns < size[1])
    low = jnp.where(inside, image, jnp.inf).min()
    return low, jnp.where(inside, image, -jnp.inf).max()


def _brighten(image: Any, factor: Any, low: Any, high: Any, how: How, xp: Any) -> Any:
    """Pillow's brightness, which works on 8 bits, cut off and not rounded.

    Where pixels are outside 0..255 ("beyond"), or "always", their range is stretched to 0..255
    for it. Floats in 0..1 are taken as what they are, and not as eight shades of black.
    """
    wide = (low < 0) | (high > 255) | (how.brightness == "always")
    span = high - low
    safe = xp.where(span == 0, np.float32(1), span)
    levels = xp.floor(xp.where(wide, (image - low) / safe * np.float32(255), image))
    bright = xp.clip(xp.floor(factor * levels), 0, 255)
    if image.shape[-1] == 4:  # transparency is not brightness
        bright = xp.where(np.arange(4) == 3, levels, bright)
    if how.brightness == "beyond":
        bright = xp.where(wide, bright / np.float32(255) * span + low, bright)
        if how.unit:
            unit = ~wide & (high <= 1)
            bright = xp.where(unit, xp.clip(factor * image, 0, 1), bright)
    return xp.where(xp.isnan(factor), image, bright)
