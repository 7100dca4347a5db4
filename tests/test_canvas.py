"""Pictures of many sizes on one canvas: each is augmented as if it were alone.

What lies beside a picture in an image is noise here, so that whatever reads it is seen at once.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from PIL import Image

import jaxaug as ja
from jaxaug._ops import Resampling
from jaxaug._types import BORDERS, INTERPOLATIONS, CanvasShape, extent

KEY = jax.random.key(3)
CANVAS = (16, 24)
SIZES = np.array([[1, 1], [2, 3], [16, 24], [9, 14], [15, 4], [3, 24], [11, 11], [16, 23]])
ROWS = len(SIZES)


def at(value):
    return (value, value)


def batch():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.random((ROWS, 3, 2, 2)), axis=2) * SIZES[:, None, None, ::-1]
    corners[:, 2] = 0.0  # padding
    y, x = np.mgrid[: CANVAS[0], : CANVAS[1]]
    inside = (y < SIZES[:, :1, None]) & (x < SIZES[:, 1:, None])
    return {
        "image": rng.integers(1, 256, (ROWS, *CANVAS, 3), np.uint8),
        "mask": rng.integers(1, 9, (ROWS, *CANVAS)).astype(np.int32) * inside,
        "boxes": corners.reshape(ROWS, 3, 4).astype(np.float32),
        "keypoints": (rng.random((ROWS, 2, 2)) * SIZES[:, None, ::-1]).astype(np.float32),
        "size": SIZES.astype(np.int32),
        "index": np.arange(ROWS, dtype=np.uint32),
        "visit": np.zeros(ROWS, np.uint32),
    }


def compiled(function):
    """Hardly optimized, which is quicker here: most of the time is compilation."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def row(columns, place):
    return jax.tree.map(lambda x: np.asarray(x[place]), columns)


def alone(example):
    """The picture without its canvas."""
    height, width = example["size"]
    cut = {name: example[name][:height, :width] for name in ("image", "mask")}
    return cut | {name: example[name] for name in ("boxes", "keypoints")}


def check_same(ours, theirs, levels=1e-2):
    """What came of a canvas is what came of the picture alone, and nothing beside it."""
    height, width = ours["size"]
    assert theirs["image"].shape[:2] == (height, width)
    for name, tolerance in (("image", levels / 255), ("mask", 0)):
        here = ours[name][:height, :width]
        np.testing.assert_allclose(here, theirs[name], atol=tolerance)
        assert not ours[name][height:].any() and not ours[name][:, width:].any()
    for name in ("boxes", "keypoints"):
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4)


# The pixels ---------------------------------------------------------------------------------------

# Output to input. Irrational, so that no coordinate is halfway between two pixels.
MAPS = np.array([
    [[0.9137, -0.3719, 1.7321], [0.4142, 0.8717, -2.2361], [0.0, 0.0, 1.0]],
    [[1.0323, 0.0, 71.1731], [0.0, -2.0413, -50.9417], [0.0, 0.0, 1.0]],
    [[0.91, 0.23, 2.1], [-0.17, 1.13, -1.3], [0.0071, -0.0043, 1.0]],
])  # fmt: skip
PAD = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
AROUND = 128


def padded(example, border):
    """The picture within what the border rule says is around it, by NumPy, as large for any."""
    out = {}
    for name, value in {"image": 76.5, "mask": 7}.items():
        picture = np.float32(alone(example)[name])
        width = [(AROUND, AROUND + m - n) for n, m in zip(picture.shape, CANVAS, strict=False)]
        width += [(0, 0)] * (picture.ndim - 2)
        how = {"mode": PAD[border]} if border in PAD else {"constant_values": value}
        out[name] = np.pad(picture, width, **how)
    return {"image": out["image"] / 255, "mask": out["mask"].astype(np.int32)}


def about(matrix, size):
    """The map about the centre of a picture, as one about the centres of what holds it."""
    away = [(m - n) / 2 for n, m in zip(size, CANVAS, strict=True)]
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = away[::-1], [-away[1], -away[0]]
    return back @ matrix @ to


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_warp_of_a_canvas_sees_the_picture_and_its_own_border(interpolation):
    """All border rules, also for pictures that are shorter than the block of pixels looked at."""
    columns = batch()
    columns["mask"] = np.where(columns["mask"] == 0, 9, columns["mask"])

    def warped(matrix, example, border, size=None):
        how = Resampling(border, 0.3, interpolation, 7)
        return ja.Warp(matrix, size=size, resampling=how)(example)

    def on_canvas(matrix, example):
        return {border: warped(matrix, example, border) for border in BORDERS}

    def over(function):  # all maps, then all rows
        return compiled(jax.vmap(jax.vmap(function, (0, None)), (0, 0)))

    maps = np.float32(np.tile(MAPS, (ROWS, 1, 1, 1)))
    ours = over(on_canvas)(maps, columns)
    moved = np.float32([[about(matrix, size) for matrix in MAPS] for size in SIZES])
    plain = over(lambda matrix, example: warped(matrix, example, "constant", CANVAS))
    for border in BORDERS:
        around = [padded(row(columns, place), border) for place in range(ROWS)]
        theirs = plain(moved, jax.tree.map(lambda *rows: np.stack(rows), *around))
        inside = batch()["mask"][:, None] > 0
        image = np.where(inside[..., None], theirs["image"], 0)
        np.testing.assert_allclose(ours[border]["image"], image, atol=0.02 / 255, err_msg=border)
        mask = np.where(inside, theirs["mask"], 0)
        np.testing.assert_array_equal(ours[border]["mask"], mask, err_msg=border)


@pytest.mark.parametrize(("name", "kernel"), [("linear", "BILINEAR"), ("cubic", "BICUBIC")])
def test_resize_of_a_canvas_is_pillows_of_the_picture(name, kernel):
    columns, size = batch(), (7, 30)
    resize = ja.batched(ja.Chain(ja.Resize(size), interpolation=name))
    out = compiled(resize)(KEY, {name: columns[name] for name in ("image", "size")})
    np.testing.assert_array_equal(out["size"], np.tile(size, (ROWS, 1)))
    assert out["size"].dtype == columns["size"].dtype
    for place, (height, width) in enumerate(SIZES):
        picture = np.float32(columns["image"][place, :height, :width])
        theirs = [
            Image.fromarray(picture[..., k]).resize(size[::-1], Image.Resampling[kernel])
            for k in range(3)
        ]
        np.testing.assert_allclose(out["image"][place] * 255, np.stack(theirs, -1), atol=0.01)


# Transforms ---------------------------------------------------------------------------------------

MIRROR = ja.HorizontalFlip(p=1.0, swap=(1, 0))
TABLE = {
    "affine": ja.Chain(ja.Affine(20, x=0.3, y=0.3, shear_x=9, zoom=0.2), MIRROR, fill="reflect"),
    "flips": ja.Chain(MIRROR, ja.VerticalFlip(), ja.Rotate90((0, 2))),
    "colour": ja.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "in between": ja.Chain(
        ja.Contrast(at(1.5)), ja.Zoom(at(0.713)), ja.Contrast(at(0.5)), fill=0.9
    ),
    "resized crop": ja.RandomResizedCrop((6, 9), scale=(0.3, 1.0)),
    "crop": ja.RandomCrop((18, 5), padding=9),
    "larger crop": ja.Chain(ja.Translate(0.2), ja.CenterCrop((9, 31)), ja.Zoom(0.2)),
    "chosen": ja.Chain(
        ja.OneOf(ja.Shear(20), ja.Contrast(0.9), ja.Hue(0.2)),
        ja.SomeOf(ja.Maybe(ja.Brightness(0.3)), ja.VerticalFlip(), n=1),
    ),
    "sizes": ja.Chain(
        ja.Pad((1, 2, 0, 3)), ja.LongestMaxSize(20), ja.RandomZoomOut((1, 2)), ja.PadToMultiple(5)
    ),
    "by boxes": ja.Chain(
        ja.RandomIoUCrop(trials=9), ja.BoxSafeCrop(), ja.Transpose(p=1.0), ja.GridShuffle(2, 3)
    ),
    "hidden": ja.Chain(
        ja.RandomErasing(p=1.0), ja.Cutout(3), ja.CoarseDropout(), ja.GridMask(), ja.MaskDropout(),
        ja.ScaleJitter((9, 12), (0.4, 2.0)),
    ),
    "uint8": ja.Chain(ja.Rescale(-1.0, 1.0), ja.Clip(0.4, 0.8), dtype="uint8"),
}  # fmt: skip


@pytest.mark.parametrize(("number", "name"), list(enumerate(TABLE)))
def test_a_transform_draws_and_does_the_same_on_a_canvas(number, name):
    columns, transform, keys = batch(), TABLE[name], jax.random.split(KEY, ROWS)
    together = compiled(jax.vmap(transform))(keys, columns)
    place = (3, 4, 6)[number % 3]
    theirs = compiled(transform)(keys[place], alone(row(columns, place)))
    check_same(row(together, place), theirs)


def test_a_window_larger_than_the_picture_is_centred():
    columns = batch()
    crop = compiled(jax.vmap(lambda example: ja.RandomCrop((9, 12))(KEY, example)))(columns)
    for place, (height, width) in enumerate(SIZES):
        picture = columns["image"][place, :height, :width] / 255
        room = 9 - height, 12 - width
        if min(room) >= 0:
            top, left = (-round(-each / 2) for each in room)
            around = ((top, room[0] - top), (left, room[1] - left), (0, 0))
            np.testing.assert_allclose(crop["image"][place], np.pad(picture, around), atol=1e-6)
    assert (crop["mask"][3] > 0).all()  # 9 x 14 holds the window


def test_bits_do_not_depend_on_the_batch_or_the_devices():
    names, traced = ("image", "boxes", "size"), []
    columns = {name: batch()[name] for name in (*names, "index", "visit")}

    def look(key, image):
        traced.append(image.shape)
        return image + jax.random.uniform(key)

    members = ja.lift(look), ja.Contrast(0.5), ja.Rotate(20), ja.RandomResizedCrop((6, 9))
    augment = jax.jit(ja.batched(ja.Chain(*members, fill="reflect")))
    whole = jax.tree.map(np.asarray, augment(KEY, columns))
    for order in ([7, 2, 5, 0, 1, 6, 4, 3], [6, 0, 3]):
        part = augment(KEY, jax.tree.map(lambda x, order=order: x[np.array(order)], columns))
        for name in names:
            np.testing.assert_array_equal(part[name], whole[name][order])
    assert len(traced) == 2  # one program for all sizes, another one for another length
    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    sharded = jax.device_put(columns, NamedSharding(explicit, PartitionSpec("data")))
    out = augment(KEY, sharded)
    for name in names:
        np.testing.assert_array_equal(out[name], whole[name])


def test_an_inverse_goes_back_on_the_canvas():
    example = row(batch(), 3)

    @compiled
    def there_and_back(example):
        shape = CanvasShape((*CANVAS, 3), example["size"])
        shift = ja.Translate(x=ja.Choice(3), unit="pixels")
        op = ja.Chain(ja.VerticalFlip(p=1.0), shift, fill="wrap").sample(KEY, shape)
        there = op(example)
        return there, op.inverse()(there)

    there, back = there_and_back(example)
    assert np.abs(there["keypoints"] - example["keypoints"]).max() > 0.5
    height, width = example["size"]
    inside = np.s_[:height, :width]
    np.testing.assert_allclose(back["image"][inside], example["image"][inside] / 255, atol=1e-6)
    for name in ("mask", "size"):
        np.testing.assert_array_equal(back[name], example[name])
    np.testing.assert_allclose(back["keypoints"], example["keypoints"], atol=1e-5)


def test_the_extent_is_that_of_the_picture_and_never_beyond_the_canvas():
    for size, sides in (([9, 14], [9, 14]), ([0, 99], [1, 24])):
        shape = CanvasShape((*CANVAS, 3), np.array(size, np.uint16))
        assert shape == (*CANVAS, 3)
        assert [float(side) for side in extent(shape)] == sides
    assert extent((*CANVAS, 3)) == CANVAS


def test_a_lifted_function_sees_the_canvas_and_leaves_nothing_beside_the_picture():
    example = row(batch(), 3)
    out = ja.lift(lambda key, image: jnp.full((*CANVAS, 3), 0.5))(KEY, example)
    assert out["image"].shape == (*CANVAS, 3)
    assert (out["image"][:9, :14] == 0.5).all()
    assert out["image"].sum() == 9 * 14 * 3 * 0.5


# Errors -------------------------------------------------------------------------------------------


def example(**changes):
    return row(batch(), 3) | changes


CASES = {
    "a size of floats": (lambda: MIRROR(KEY, example(size=np.ones(2))), "two integers .h, w."),
    "three sizes": (lambda: MIRROR(KEY, example(size=np.ones(3, int))), "two integers .h, w."),
    "a tuple": (lambda: MIRROR(KEY, example(size=(9, 14))), "a size as an array"),
    "one size for a batch": (
        lambda: ja.batched(MIRROR)(KEY, batch() | {"size": SIZES[0]}), "one number of rows"
    ),
    "the shorter side": (lambda: ja.Resize(8)(KEY, example()), r"both sides: Resize\(\(h, w\)\)"),
    "a quarter turn": (
        lambda: ja.Rotate90()(KEY, example()), "Rotate90: .*a square.*crop to a square first"
    ),
    "statistics": (
        lambda: ja.Chain(MIRROR, ja.SamplewiseNormalize())(KEY, example()),
        r"in Chain\[1\] .*SamplewiseNormalize: .*without the key 'size'.*Resize first",
    ),
    "an unknown kernel": (lambda: ja.Apply(jnp.flip)(example()), "flip may look at more than one"),
    "a resize at times": (lambda: ja.Maybe(ja.Resize(CANVAS))(KEY, example()), "keeps the size"),
    "one of two sizes": (
        lambda: ja.OneOf(ja.Resize(CANVAS), MIRROR)(KEY, example()), "keeps the size"
    ),
    "back from a crop": (
        lambda: ja.CenterCrop(4).sample(KEY, CanvasShape((9, 9, 3), SIZES[1])).inverse(),
        "canvases have none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_errors(name):
    call, words = CASES[name]
    with pytest.raises(ja.JaxaugError, match=words):
        call()
