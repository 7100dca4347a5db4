"""Resampling as a TPU does it, beside the gather: here, and compiled for one where it can be."""

import json
import subprocess
import sys
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import skimage.transform
from jax import lax

import jaxaug.functional as F
from jaxaug.functional import dense, resample
from jaxaug.functional.color import to_float
from jaxaug.functional.taps import KERNELS

BORDERS = ("constant", "nearest", "reflect", "mirror", "wrap")


class OnTpu:
    """``jax.lax`` that takes what a TPU would."""

    def __getattr__(self, name):
        return getattr(lax, name)

    @staticmethod
    def platform_dependent(*args, default, **platforms):
        return platforms.get("tpu", default)(*args)


@pytest.fixture
def both(monkeypatch):
    """A function's results by the gather and as on a TPU, as float64 in levels."""

    def run(function):
        results = [np.asarray(function(), np.float64) * 255]
        with monkeypatch.context() as patch:
            patch.setattr(resample, "lax", OnTpu())
            results.append(np.asarray(function(), np.float64) * 255)
        return results

    return run


def photo(side=224):
    image = skimage.transform.resize(skimage.data.astronaut(), (side, side), anti_aliasing=True)
    return jnp.asarray(np.round(image * 255), jnp.uint8)


def noise(*shape):
    return jnp.asarray(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))


# Axis-aligned ------------------------------------------------------------------------------------

STRETCH = F.geometry.product(F.scale(0.77, -1.2), F.translate(3.3, -4.1))
MIRROR = F.geometry.product(F.scale(-1.0, 1.0), F.translate(3.0, -4.0))
TOLERANCE = {"nearest": 0.0, "linear": 0.3, "cubic": 0.6}


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("interpolation", TOLERANCE)
def test_rows_and_columns_are_those_of_the_gather(both, border, interpolation):
    image = noise(30, 41)
    how = {"border": border, "interpolation": interpolation, "kind": "separable", "fill": 0.3}
    for size in ((30, 41), (20, 37)):
        one, two = both(lambda s=size: resample.warp(image, STRETCH, size=s, **how))
        assert np.abs(one - two).max() <= TOLERANCE[interpolation]
        one, two = both(lambda s=size: resample.warp(to_float(image), STRETCH, size=s, **how))
        assert np.abs(one - two).max() <= 0.01
    one, two = both(lambda: resample.warp(image, MIRROR, **how))
    np.testing.assert_array_equal(one, two)


def test_a_resize_is_that_of_the_gather(both):
    image = noise(61, 50)
    matrix = F.scale(0.4, 0.31)
    one, two = both(lambda: resample.resize(image, matrix, size=(19, 20), shrink=(4.0, 4.0)))
    assert np.abs(one - two).max() <= 0.3


def test_a_picture_on_a_canvas_is_that_of_the_gather(both):
    image = resample.cleared(noise(30, 41), (jnp.float32(20), jnp.float32(29)))
    inside = {"extent": (jnp.float32(20), jnp.float32(29)), "kind": "separable"}
    for border in ("constant", "reflect"):
        one, two = both(lambda b=border: resample.warp(image, STRETCH, border=b, **inside))
        assert np.abs(one - two).max() <= 0.3


# Affine ------------------------------------------------------------------------------------------


def turned(degrees, zoom=1.0):
    around = F.geometry.product(F.rotate(np.deg2rad(degrees)), F.scale(zoom, -zoom))
    return F.geometry.product(around, F.translate(10.3, -20.7))


def inside(matrix, image, size, margin=4):
    """Pixels away from the borders of the image."""
    ones = jnp.ones((*image.shape[:2], 1), jnp.float32)
    seen = resample.warp(ones, matrix, kind="affine", size=size)[..., 0] > 0.999
    return scipy.ndimage.binary_erosion(seen, iterations=margin, border_value=1)


def outside(matrix, image, size):
    ones = jnp.ones((*image.shape[:2], 1), jnp.float32)
    return np.asarray(resample.warp(ones, matrix, kind="affine", size=size)[..., 0] == 0.0)


@pytest.mark.parametrize(
    ("degrees", "mean"),
    [(0, 0.8), (5, 0.8), (-20, 0.8), (40, 1.5), (90, 0.8), (130, 1.5), (180, 0.8), (250, 0.8)],
)
def test_turns_are_those_of_the_gather(both, degrees, mean):
    image, matrix = photo(), turned(degrees, 1.1)
    for picture, size in ((image, (224, 224)), (image[:180], (150, 130))):
        one, two = both(lambda p=picture, s=size: resample.warp(p, matrix, kind="affine", size=s))
        away = inside(matrix, picture, size)
        assert away.mean() > 0.3
        assert np.abs(one - two)[away].mean() <= mean
        np.testing.assert_array_equal(two[outside(matrix, picture, size)], 0.0)


def test_a_cubic_turn_and_a_fill_are_those_of_the_gather(both):
    image, matrix = photo(), turned(20)
    how = {"kind": "affine", "interpolation": "cubic", "fill": (0.2, 0.4, 0.9)}
    one, two = both(lambda: resample.warp(image, matrix, **how))
    away = inside(matrix, image, (224, 224))
    assert np.abs(one - two)[away].mean() <= 0.8
    far = scipy.ndimage.binary_erosion(outside(matrix, image, (224, 224)), iterations=2)
    assert far.any()
    assert np.abs(one - two)[far].max() <= 0.01


def test_floats_and_a_picture_on_a_canvas_turn_alike(both):
    image, matrix = to_float(photo(96)), turned(20)
    size = jnp.float32(80), jnp.float32(90)
    picture = resample.cleared(image, size)
    one, two = both(lambda: resample.warp(picture, matrix, extent=size, kind="affine"))
    alone = resample.warp(image[:80, :90], matrix, kind="affine")
    away = inside(matrix, image[:80, :90], (80, 90))
    assert np.abs(one - two)[:80, :90][away].mean() <= 1.5
    assert np.abs(np.asarray(alone) * 255 - two[:80, :90])[away].mean() <= 1.5
    assert np.abs(two[80:]).max() == 0.0


def test_flat_maps_stay_finite(both):
    flat = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    for matrix in (flat, ((1e-9, 1.0, 0.0), (1e9, 1e-9, 1e7), (0.0, 0.0, 1.0))):
        _, two = both(lambda m=matrix: resample.warp(noise(20, 20), m, kind="affine"))
        assert np.isfinite(two).all()


def test_a_gradient_is_nearly_that_of_the_gather(both):
    # Grey at its edges, about which the two differ.
    window = np.outer(np.hanning(64), np.hanning(64))[..., None].astype(np.float32)
    image = 0.5 + (to_float(photo(64)) - 0.5) * window
    y, x = np.mgrid[:64, :64] / np.float32(10)
    weights = (np.sin(x) * np.cos(y))[..., None].astype(np.float32)

    def slope():
        loss = lambda t: jnp.sum(
            resample.warp(image, F.rotate(t), kind="affine", fill=0.5) * weights
        )
        return jax.grad(loss)(0.2)

    one, two = both(slope)
    np.testing.assert_allclose(one, two, rtol=0.1)


# What it is made of ------------------------------------------------------------------------------


def test_spectra_are_those_of_the_kernels():
    distance = np.linspace(-2, 2, 40001)
    for name, (kernel, _) in KERNELS.items():
        values = np.asarray(kernel(distance.astype(np.float32)), np.float64)
        for frequency in (0.0, 0.1, 0.5, 0.9, 1.3):
            wave = values * np.cos(2 * np.pi * frequency * distance)
            expected = np.trapezoid(wave, distance)
            assert dense.SPECTRA[name](np.array([frequency]))[0] == pytest.approx(
                expected, abs=1e-5
            )


def test_waves_are_cosine_and_sine():
    turns = np.linspace(-3, 3, 9999).astype(np.float32)
    ours = dense._wave(jnp.asarray(turns))
    for one, function in zip(ours, (np.cos, np.sin), strict=True):
        np.testing.assert_allclose(one, function(2 * np.pi * turns.astype(np.float64)), atol=1e-5)


# Compiled for a TPU ------------------------------------------------------------------------------


@pytest.mark.skipif(find_spec("libtpu") is None, reason="libtpu is not installed")
def test_a_tpu_neither_gathers_nor_loops():
    command = [sys.executable, "-m", "benchmarks.tpu", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    cast = found.pop("cast")["us"]
    bounds = {"A": (15, 3), "B": (15, 3), "C": (40, 3)}  # C is no target
    for name, costs in found.items():
        time, room = bounds.get(name[:1] if name[1:2] == ":" else "", (3, 2))
        assert not costs["bad"], name
        assert costs["us"] <= time * cast, name
        assert costs["temporaries"] <= room, name
