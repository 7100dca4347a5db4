"""Maps of the plane: conventions against Pillow and written-out matrices; flips and crops exact."""

import itertools
import math

import jax
import numpy as np
import pytest
from PIL import Image

import jaxaug as ja
import jaxaug.functional as F
from jaxaug.functional import geometry

KEY = jax.random.key(0)
SHAPE = (24, 33, 3)
PAD = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
FLIPX, FLIPY = ja.HorizontalFlip(p=1.0), ja.VerticalFlip(p=1.0)

compiled = jax.jit(lambda op, example: op(example))


def apply(op, example):
    """With all numbers as arrays, ops of one structure are compiled once."""
    return compiled(jax.tree.map(np.asarray, op), example)


def noise(shape, dtype="uint8", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return pixels if dtype == "uint8" else (pixels / 255).astype(dtype)


def array(matrix):
    return np.array([[float(entry) for entry in row] for row in matrix])


def content(transform, shape=SHAPE):
    """The map of the content, input to output, that a transform of fixed parameters draws."""
    return np.linalg.inv(array(transform.sample(KEY, shape).matrix))


def at(value):
    return (value, value)


def t(degrees):
    return math.tan(math.radians(degrees))


# Where the content goes: x to the right, y down, from the centre. A point up the image (y < 0) that
# turns counter-clockwise as seen comes to the left.
C, S = math.cos(math.radians(17.3)), math.sin(math.radians(17.3))
WHERE = {
    "turn": (ja.Rotate(at(17.3)), [[C, S, 0], [-S, C, 0]]),
    "right": (ja.Translate(x=at(5.5), unit="pixels"), [[1, 0, 5.5], [0, 1, 0]]),
    "down": (ja.Translate(y=at(0.25)), [[1, 0, 0], [0, 1, 6]]),
    "both": (ja.Translate(x=at(-1 / 3), y=at(-0.5)), [[1, 0, -11], [0, 1, -12]]),
    "magnify": (ja.Zoom(at(1.25)), [[1.25, 0, 0], [0, 1.25, 0]]),
    "lean": (ja.Shear(x=at(20)), [[1, t(20), 0], [0, 1, 0]]),
    "tilt": (ja.Shear(y=at(10)), [[1, 0, 0], [-t(10), 1, 0]]),
    "shear": (ja.Shear(x=at(20), y=at(10)), [[1, t(20), 0], [-t(10), 1, 0]]),
    "mirror": (FLIPX, [[-1, 0, 0], [0, 1, 0]]),
    "upside down": (FLIPY, [[1, 0, 0], [0, -1, 0]]),
    "crop": (ja.CenterCrop((20, 30)), [[1, 0, -0.5], [0, 1, 0]]),
    "resize": (ja.Resize((48, 22)), [[2 / 3, 0, 0], [0, 2, 0]]),
}


@pytest.mark.parametrize("name", WHERE)
def test_content_goes_where_the_convention_says(name):
    transform, wanted = WHERE[name]
    np.testing.assert_allclose(content(transform)[:2], wanted, atol=1e-5)


@pytest.mark.parametrize(("degrees", "shape"), [(17.3, SHAPE), (-100.9, (30, 30, 3))])
def test_rotate_is_pillows(degrees, shape):
    image = noise(shape, "float32")
    ours = np.asarray(jax.jit(ja.Rotate(at(degrees)))(KEY, image))
    planes = [
        Image.fromarray(255 * image[..., k]).rotate(degrees, Image.Resampling.BILINEAR)
        for k in range(3)
    ]
    theirs = np.stack([np.asarray(plane) for plane in planes], -1)
    # Pillow leaves out every pixel that would mix with the fill: compare where none does.
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = np.hypot(y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2) < min(shape[:2]) / 2 - 1
    assert disc.sum() > 300
    assert np.abs(255 * ours - theirs)[disc].max() < 0.02


@pytest.mark.parametrize("isotropic", [False, True])
def test_affine_is_a_chain_of_its_four_parts(isotropic):
    whole = ja.Affine(
        degrees=at(17.3), x=at(0.11), y=at(-0.07), shear_x=at(8.1), shear_y=at(-5.3),
        zoom=at(1.31), isotropic=isotropic,
    )  # fmt: skip
    parts = ja.Chain(
        ja.Rotate(at(17.3)),
        ja.Translate(x=at(0.11), y=at(-0.07)),
        ja.Shear(x=at(8.1), y=at(-5.3)),
        ja.Zoom(at(1.31), isotropic=isotropic),
    )
    turn, move = [[C, S, 0], [-S, C, 0], [0, 0, 1]], [[1, 0, 3.63], [0, 1, -1.68], [0, 0, 1]]
    lean = [[1, t(8.1), 0], [t(5.3), 1, 0], [0, 0, 1]]
    wanted = np.diag([1.31, 1.31, 1]) @ lean @ move @ turn
    np.testing.assert_allclose(content(whole), wanted, atol=2e-5)
    np.testing.assert_allclose(content(parts), wanted, atol=2e-5)


# Exact, bit for bit -----------------------------------------------------------------------------


EXACT = {
    "mirror": (FLIPX, lambda image: image[:, ::-1]),
    "upside down": (FLIPY, lambda image: image[::-1]),
    "half turn": (ja.Rotate90(times=(2,)), lambda image: np.rot90(image, 2)),
    "all mirrored": (ja.Chain(FLIPX, FLIPY, FLIPX), lambda image: image[::-1]),
    "crop": (ja.CenterCrop((10, 17)), lambda image: image[7:17, 8:25]),
    "crop, mirrored": (
        ja.Chain(ja.CenterCrop((10, 17)), FLIPX),
        lambda image: image[7:17, 8:25][:, ::-1],
    ),
    "whole pixels": (
        ja.Translate(x=ja.Choice(5), y=ja.Choice(-3), unit="pixels"),
        lambda image: np.pad(image, ((0, 3), (5, 0), (0, 0)))[3:, :-5],
    ),
    "resize to the same": (ja.Resize(SHAPE[:2]), lambda image: image),
}


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("name", EXACT)
def test_maps_of_whole_pixels_are_exact(name, interpolation):
    transform, wanted = EXACT[name]
    image = noise(SHAPE)
    floats = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    op = ja.Chain(transform, interpolation=interpolation).sample(KEY, SHAPE)
    ours = apply(op, {"image": (image, floats), "mask": image[..., 0]})
    np.testing.assert_array_equal(ours["image"][1], wanted(floats))
    np.testing.assert_array_equal(ours["image"][0], wanted(image) * np.float32(1 / 255))
    np.testing.assert_array_equal(ours["mask"], wanted(image)[..., 0])


@pytest.mark.parametrize("times", [0, 1, 2, 3, 4, -1])
@pytest.mark.parametrize("side", [20, 21])
def test_quarter_turns_are_exact(side, times):
    image = np.random.default_rng(0).standard_normal((side, side, 2)).astype(np.float32)
    ours = apply(ja.Rotate90(times=(times,)).sample(KEY, image.shape), image)
    np.testing.assert_array_equal(ours, np.rot90(image, times))


@pytest.mark.parametrize("fill", [*PAD, (0.25, 0.5, 0.75)])
def test_crop_that_is_larger_than_the_image_is_padding(fill):
    image = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    pad = ((5, 5), (8, 8), (0, 0))
    if isinstance(fill, str):
        wanted = np.pad(image, pad, mode=PAD[fill])
    else:
        wanted = np.full((34, 49, 3), fill, np.float32)
        wanted[5:-5, 8:-8] = image
    ours = apply(ja.Chain(ja.CenterCrop((34, 49)), fill=fill).sample(KEY, SHAPE), image)
    np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("fill", ["constant", "mirror"])
def test_random_crop_is_a_window_of_the_padded_image(fill):
    image, size = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32), (20, 36)
    mode = PAD.get(fill, "constant")
    padded = np.pad(image, ((4, 4), (7, 7), (0, 0)), mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(0, 1))
    crop = ja.Chain(ja.RandomCrop(size, padding=(4, 7)), fill=fill)
    images = jax.jit(jax.vmap(crop, (0, None)))(jax.random.split(KEY, 8), image)
    found = [
        np.argwhere((windows == np.moveaxis(np.asarray(ours), -1, 0)).all((2, 3, 4)))
        for ours in images
    ]
    assert all(len(places) == 1 for places in found)
    assert len({tuple(places[0]) for places in found}) > 4


# The algebra of matrices ------------------------------------------------------------------------


RANDOM = [np.eye(3) + 0.3 * np.random.default_rng(k).standard_normal((3, 3)) for k in range(4)]


def test_product_and_inverse_are_those_of_matrices():
    for first, second in itertools.pairwise(RANDOM):
        traced = geometry.as_matrix(jax.numpy.asarray(second))
        np.testing.assert_allclose(
            array(geometry.product(first, traced)), first @ second, atol=1e-6
        )
        np.testing.assert_allclose(
            array(geometry.inverse(traced)), np.linalg.inv(second), rtol=1e-4, atol=1e-5
        )


def test_select_takes_one_of_two_and_keeps_what_is_known():
    turn, move = F.rotate(0.3), F.translate(jax.numpy.float32(2.5), 1.5)
    for on, wanted in ((True, turn), (False, move)):
        chosen = geometry.select(jax.numpy.asarray(on), turn, move)
        np.testing.assert_array_equal(array(chosen), array(wanted))
        assert geometry.kind_of(chosen) == "affine"
    assert geometry.kind_of(geometry.select(True, move, F.flip(x=True))) == "separable"


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        (F.IDENTITY, "separable"),
        (F.translate(jax.numpy.float32(1.0)), "separable"),
        (geometry.product(F.scale(2.0, 0.5), F.flip(y=True)), "separable"),
        (geometry.product(F.rotate(0.1), F.scale(2.0)), "affine"),
        (((1.0, 0.3, 2.0), (0.0, 1.0, 1.0), (0.0, 0.0, 1.0)), "affine"),
        (((1.0, 0.0, 2.0), (0.3, 1.0, 1.0), (0.0, 0.0, 1.0)), "affine"),
        (np.eye(3), "separable"),
        (jax.numpy.eye(3), "projective"),
        (RANDOM[0], "projective"),
    ],
)
def test_kind_is_read_from_known_entries(matrix, kind):
    assert ja.Warp(matrix).kind == kind
