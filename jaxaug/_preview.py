"""Contact sheets: what a transform does to images, and to the masks, boxes and points on them."""

import os
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from jaxaug._transform import Batched, Transform, batched
from jaxaug._types import TARGETS, JaxaugError, Key, describe

Batch = dict[str, Any]

GAP = 4
MARGIN = 64
PAPER, INK = (255, 255, 255), (60, 60, 60)
PALETTE = (
    (230, 25, 75),
    (0, 130, 200),
    (60, 180, 75),
    (245, 130, 48),
    (145, 30, 180),
    (0, 170, 170),
)
"""Colours of objects in turn: of box 0, box 1, ..., of mask value 1, 2, ..."""


def preview(
    transform: Transform | Batched,
    images: Any,
    *,
    key: Key | None = None,
    rows: int = 3,
    columns: int = 8,
    size: int = 112,
    path: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Draw a contact sheet: original images in the first row, augmented versions of them below.

    Everything is drawn by one compiled call of ``jaxaug.batched``. Masks, boxes and keypoints of a
    batch are painted over the images, so that one sees whether they move together; boxes of zero
    area, which are padding, are not. Values outside 0..1 are clipped: leave out a ``Normalize``.

    Args:
        transform: what to look at, or ``jaxaug.batched`` of it.
        images: uint8 or floating ``(n, h, w, c)``, or a batch (a dict with ``image``), of which the
            first are shown; or a ``jaxaug.data`` source, shown evenly spaced; or a loader, or any
            iterable of batches, shown by its first batch.
        key: random key; ``jax.random.key(0)`` by default.
        rows: how many augmented versions of each image. Where a batch carries a loader's ``index``
            and ``visit``, the first is what training sees for this key, then come later visits.
        columns: how many images at most.
        size: longer side of an image on the sheet, in pixels. Small ones grow by whole factors.
        path: where to save the sheet too; the ending says how, such as ``.png``.

    Returns:
        The sheet, in RGB.

    Raises:
        JaxaugError: something is no transform, no batch, or a number below 1.

    Example:
        >>> import numpy as np, jaxaug as ja
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), np.uint8)
        >>> ja.preview(ja.Chain(ja.Rotate(20)), images, rows=2, size=56).size
        (308, 184)
    """
    if not isinstance(transform, Transform | Batched):
        remedy = "Put several into jaxaug.Chain(...), a function into jaxaug.lift(...)."
        raise JaxaugError("preview", "a transform", describe(transform), remedy)
    for name, number in {"rows": rows, "columns": columns, "size": size}.items():
        if number < 1:
            raise JaxaugError("preview", f"{name} of 1 or more", describe(number))
    batch = _batch(images, columns)
    augment = transform if isinstance(transform, Batched) else batched(transform)
    drawn = jax.jit(augment)(jax.random.key(0) if key is None else key, _visits(batch, rows))

    count = len(batch["index"])
    cells = [_cell(_row(batch, place), size) for place in range(count)]
    cells += [_cell(_row(drawn, place), size) for place in range(rows * count)]
    bands = [cells[first : first + count] for first in range(0, len(cells), count)]
    sheet = _sheet(bands, ["original", *(f"draw {number + 1}" for number in range(rows))])
    if path is not None:
        sheet.save(path)
    return sheet


def _batch(images: Any, columns: int) -> Batch:
    """At most ``columns`` examples of whatever holds images, as NumPy arrays, with an identity."""
    if hasattr(images, "read") and hasattr(images, "__len__"):  # a source; often sorted by class
        count = min(columns, len(images))
        images = images.read(np.linspace(0, len(images) - 1, count).round().astype(np.int64))
    elif not isinstance(images, dict) and not hasattr(images, "ndim"):
        # `epoch` leaves a loader where it is: a look must not change what training sees next.
        batches = images.epoch(0) if hasattr(images, "epoch") else images
        try:
            images = next(iter(batches))
        except (TypeError, StopIteration):
            want = "images (n, h, w, c), a batch, a source or a loader"
            raise JaxaugError("preview", want, describe(images)) from None
    given: Batch = images if isinstance(images, dict) else {"image": images}
    known = {name: given[name] for name in (*TARGETS, "index", "visit") if name in given}
    for image in jax.tree.leaves(known.get("image")) or [images]:
        if getattr(image, "ndim", None) != 4 or not len(image):
            remedy = "A single image becomes a batch by image[None]."
            raise JaxaugError("preview", "images (n, h, w, c)", describe(image), remedy)
    batch = jax.tree.map(lambda column: np.asarray(column)[:columns], known)
    count = len(jax.tree.leaves(batch["image"])[0])
    identity = {"index": np.arange(count, dtype=np.uint32), "visit": np.zeros(count, np.uint32)}
    return identity | batch


def _visits(batch: Batch, rows: int) -> Batch:
    """The batch over again for each row of the sheet, every time at the next visit."""
    tiled = jax.tree.map(lambda x: np.tile(x, (rows,) + (1,) * (x.ndim - 1)), batch)
    later = np.repeat(np.arange(rows, dtype=np.uint32), len(batch["index"]))
    return {**tiled, "visit": tiled["visit"].astype(np.uint32) + later}


def _row(batch: Batch, place: int) -> Batch:
    return jax.tree.map(lambda column: np.asarray(column[place]), batch)


def _cell(example: Batch, size: int) -> Image.Image:
    """One example as a picture, its longer side ``size`` or a little less, with what is on it."""
    # Images that move together (a stereo pair, frames) stand side by side, with the same targets.
    views = [_view(image, example, size) for image in jax.tree.leaves(example["image"])]
    cell = Image.new("RGB", (sum(view.width for view in views), views[0].height))
    left = 0
    for view in views:
        cell.paste(view, (left, 0))
        left += view.width
    return cell


def _view(image: NDArray[Any], example: Batch, size: int) -> Image.Image:
    height, width = image.shape[:2]
    scale = size / max(height, width)
    scale = float(int(scale)) if scale >= 1 else scale
    shown = (max(round(width * scale), 1), max(round(height * scale), 1))
    pixels = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BILINEAR
    view = Image.fromarray(_rgb(image)).resize(shown, pixels)
    for mask in jax.tree.leaves(example.get("mask")):
        colours = np.array(PALETTE, np.uint8)[(mask.astype(np.int64) - 1) % len(PALETTE)]
        veil = Image.fromarray(np.where(mask > 0, 115, 0).astype(np.uint8)).resize(
            shown, Image.Resampling.NEAREST
        )
        view.paste(Image.fromarray(colours).resize(shown, Image.Resampling.NEAREST), (0, 0), veil)
    pen = ImageDraw.Draw(view)
    for boxes in jax.tree.leaves(example.get("boxes")):
        for number, (x0, y0, x1, y1) in enumerate((boxes.astype(float) * scale).tolist()):
            if x1 > x0 and y1 > y0:
                corners = (x0, y0, max(x1 - 1, x0), max(y1 - 1, y0))
                pen.rectangle(corners, outline=PALETTE[number % len(PALETTE)], width=2)
    for points in jax.tree.leaves(example.get("keypoints")):
        for number, point in enumerate((points.astype(float) * scale).tolist()):
            fill = PALETTE[number % len(PALETTE)]
            pen.circle((point[0], point[1]), 3.5, fill=fill, outline=(255, 255, 255))
    return view


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """An image of any type and number of channels as uint8 ``(h, w, 3)``."""
    if image.dtype != np.uint8:
        image = np.nan_to_num(image.astype(np.float32)).clip(0, 1)
        image = (image * 255).round().astype(np.uint8)
    channels = (0, 1, 2) if image.shape[2] >= 3 else (0, 0, 0)
    return np.ascontiguousarray(image[..., channels])


def _sheet(bands: list[list[Image.Image]], names: list[str]) -> Image.Image:
    """Rows of pictures with a name in front of each, on white."""
    wide = max(cell.width for band in bands for cell in band) + GAP
    tops = np.cumsum([GAP, *(max(cell.height for cell in band) + GAP for band in bands)]).tolist()
    sheet = Image.new("RGB", (MARGIN + GAP + wide * len(bands[0]), tops[-1]), PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for band, name, top, bottom in zip(bands, names, tops, tops[1:], strict=False):
        pen.text((GAP + 2, (top + bottom - GAP) / 2), name, INK, font, anchor="lm")
        for place, cell in enumerate(band):
            left = MARGIN + GAP + wide * place + (wide - GAP - cell.width) // 2
            sheet.paste(cell, (left, top + (bottom - GAP - top - cell.height) // 2))
    return sheet
