"""Tone against Pillow, OpenCV, scikit-image and float64 NumPy; curves fused, gated, on canvases."""

import itertools

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.exposure
from PIL import Image, ImageEnhance, ImageOps

import jaxaug as ja
from jaxaug.functional import tone
from jaxaug.functional.clahe import clahe

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (24, 33, 3), dtype=np.uint8)
DULL = np.clip(RNG.normal([80, 90, 140], [20, 9, 30], (24, 33, 3)), 0, 255).astype(np.uint8)
SPOTTED = DULL.copy()
SPOTTED[0, 0] = [255, 0, 255]
COARSE = RNG.choice(np.uint8([3, 77, 200]), (24, 33, 3))
ONE_LEVEL = np.full((24, 33, 3), 7, np.uint8)
TWO_LEVELS = np.where(RNG.random((24, 33, 3)) < 0.01, 9, 7).astype(np.uint8)
IMAGES = [NOISE, DULL, SPOTTED, COARSE, ONE_LEVEL, TWO_LEVELS, NOISE[:3, :5]]

apply = jax.jit(lambda op, image: op(image))


def drawn(transform, image, key=KEY):
    return np.asarray(apply(transform.sample(key, image.shape), image))


def in_levels(image):
    return np.round(np.clip(image, 0, 1) * 255).astype(int)


def smooth(height, width):
    """A picture with light, shadow and some grain, uint8."""
    y, x = np.mgrid[:height, :width] / 20
    waves = np.stack([np.sin(x + y), np.cos(2 * x) * y / (y.max() + 1), np.sin(3 * y)], -1)
    grain = np.random.default_rng(height).normal(0, 0.05, waves.shape)
    return (255 * np.clip(0.5 + 0.25 * waves + grain, 0, 1)).astype(np.uint8)


# Against Pillow ---------------------------------------------------------------------------------


def off_pillow(transform, operation, images=IMAGES):
    """Largest difference from Pillow, in levels, over all images."""
    return max(
        np.abs(in_levels(drawn(transform, x)) - np.asarray(operation(Image.fromarray(x)))).max()
        for x in images
    )


EXACT = {
    "invert": (ja.Invert(), ImageOps.invert),
    "equalize": (ja.Equalize(), ImageOps.equalize),
    **{
        f"solarize {level}": (ja.Solarize(level / 255), lambda x, k=level: ImageOps.solarize(x, k))
        for level in (0, 1, 77, 128, 255, 256)
    },
    **{
        f"posterize {bits}": (ja.Posterize(bits), lambda x, k=bits: ImageOps.posterize(x, k))
        for bits in (1, 2, 5, 8)
    },
}


@pytest.mark.parametrize("name", EXACT)
def test_operations_are_pillows_to_the_level(name):
    images = IMAGES if name == "equalize" else IMAGES[:2]
    assert off_pillow(*EXACT[name], images) == 0


def test_inverting_is_the_same_as_a_curve_and_as_colour():
    np.testing.assert_allclose(
        apply(ja.Tone(tone.invert), NOISE), drawn(ja.Invert(), NOISE), atol=1e-6
    )


def test_any_level_is_a_threshold_of_its_own():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    thresholds = np.float32(np.arange(257) / 255)
    ours = jax.vmap(lambda t: tone.solarize(ja.functional.color.to_float(levels), None, t))
    wanted = [np.where(levels >= k, 255 - levels, levels) for k in range(257)]
    np.testing.assert_array_equal(in_levels(np.asarray(ours(thresholds))), wanted)


def test_autocontrast_is_pillows():
    # Pillow cuts decimals off where we round.
    assert off_pillow(ja.AutoContrast(), ImageOps.autocontrast) <= 1
    for image in IMAGES[:4]:
        ours = drawn(ja.AutoContrast(), image)
        assert (ours.min((0, 1)) == 0).all()
        np.testing.assert_allclose(ours.max((0, 1)), 1, atol=1e-6)
    np.testing.assert_array_equal(in_levels(drawn(ja.AutoContrast(), ONE_LEVEL)), ONE_LEVEL)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.9])
@pytest.mark.parametrize(
    ("curve", "enhance"),
    [(tone.contrast, ImageEnhance.Contrast), (tone.brighten, ImageEnhance.Brightness)],
)
def test_enhancing_curves_are_pillows(curve, enhance, factor):
    op = ja.Tone(curve, jnp.float32(factor), table=True, pointwise=False)
    for image in IMAGES[:4]:
        theirs = np.asarray(enhance(Image.fromarray(image)).enhance(factor))
        assert np.abs(in_levels(apply(op, image)) - theirs).max() <= 1


def test_mean_of_a_large_image_does_not_overflow():
    counts = jnp.zeros((256, 1), jnp.int32).at[250].set(1 << 28).at[240].set(1 << 28)
    flat = tone.contrast(tone.all_levels(1), counts, 0.0)
    np.testing.assert_allclose(flat, 245 / 255, rtol=1e-6)


# Closed forms -----------------------------------------------------------------------------------


def solarize_add(image, addition, threshold):
    return np.where(image < threshold, np.clip(image + addition, 0, 1), image)


def bezier(image, *controls):
    """De Casteljau's algorithm, the parameter being the pixel."""
    points = [np.full_like(image, control) for control in (0, *controls, 1)]
    while len(points) > 1:
        points = [a + image * (b - a) for a, b in itertools.pairwise(points)]
    return points[0]


CLOSED = {
    "gamma": (ja.Gamma((0.6, 0.6)), lambda x: skimage.exposure.adjust_gamma(x, 0.6)),
    "gamma, gain": (
        ja.Gamma((2.2, 2.2), 1.5),
        lambda x: skimage.exposure.adjust_gamma(x, 2.2, 1.5),
    ),
    "gamma 0": (ja.Gamma((0.0, 0.0)), lambda x: np.where(x > 0, 1.0, 0.0)),
    "solarize": (ja.Solarize(0.3), lambda x: np.where(x >= np.float32(0.3), 1 - x, x)),
    "solarize add": (ja.SolarizeAdd(0.4, 0.6), lambda x: solarize_add(x, 0.4, 0.6)),
    "solarize less": (ja.SolarizeAdd(-0.2, 0.6), lambda x: solarize_add(x, -0.2, 0.6)),
    "curve": (ja.ToneCurve(0.0, controls=(0.1, 0.9)), lambda x: bezier(x, 0.1, 0.9)),
    "curve, cut": (ja.ToneCurve(0.0, controls=(-3.0, 5.0)), lambda x: bezier(x, 0.0, 1.0)),
    "curve, third": (ja.ToneCurve(0.0, controls=(0.25, 0.75)), lambda x: bezier(x, 0.25, 0.75)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name):
    transform, wanted = CLOSED[name]
    image = np.random.default_rng(1).random((9, 40, 3), np.float32)
    image[0] = image[0].round()
    error = drawn(transform, image) - wanted(image.astype(np.float64))
    assert np.abs(error).max() * 255 < 0.01


def test_curves_leave_what_is_outside_of_the_range():
    image = np.float32([-0.5, -1e-3, 1.001, 2.0]).reshape(1, 4, 1)
    np.testing.assert_array_equal(drawn(ja.ToneCurve(0.0, controls=(0.9, 0.1)), image), image)
    assert (drawn(ja.Gamma(0.5), image)[0, :2] == 0).all()


def test_tone_curves_never_fall_and_keep_black_and_white():
    ramp = np.linspace(0, 1, 257, dtype=np.float32).reshape(1, -1, 1)
    keys = jax.random.split(KEY, 200)
    curves = np.asarray(jax.jit(jax.vmap(ja.ToneCurve(0.4), (0, None)))(keys, ramp))[:, 0, :, 0]
    assert (curves[:, 0] == 0).all() and (curves[:, -1] == 1).all()
    assert np.diff(curves).min() > -1e-6
    assert curves.std(0).max() > 0.1


def test_tone_curves_of_channels_differ_if_each_has_its_own():
    grey = np.broadcast_to(np.linspace(0, 1, 9, dtype=np.float32)[:, None, None], (9, 4, 3))
    one, each = (drawn(ja.ToneCurve(0.2, per_channel=flag), grey) for flag in (False, True))
    np.testing.assert_array_equal(one[..., 0], one[..., 2])
    assert np.abs(each[..., 0] - each[..., 2]).max() > 0.01


def test_gradient_of_gamma_is_its_slope():
    slope = jax.grad(lambda x: tone.gamma(x, None, 0.5))
    assert float(slope(0.25)) == pytest.approx(1.0)
    assert float(slope(0.0)) == 0.0


# Tables -----------------------------------------------------------------------------------------


def test_histograms_count_what_is_inside():
    levels = jnp.asarray(NOISE)
    inside = (jnp.arange(24)[:, None, None] < 20) & (jnp.arange(33)[None, :, None] < 7)
    for flags, part in ((None, NOISE), (inside, NOISE[:20, :7])):
        wanted = [np.bincount(part[..., k].ravel(), minlength=256) for k in range(3)]
        np.testing.assert_array_equal(tone.histogram(levels, flags), np.transpose(wanted))
        flat, ones = (
            NOISE.reshape(-1, 3),
            np.broadcast_to(True if flags is None else flags, (24, 33, 1)),
        )
        for way in (tone._by_adding, tone._by_product):  # another one on accelerators
            found = way(jnp.uint32(flat), jnp.asarray(ones.reshape(-1, 1)))
            np.testing.assert_array_equal(found, np.transpose(wanted))


CURVES = [ja.Gamma((0.7, 0.7)), ja.ToneCurve(0.2), ja.SolarizeAdd(0.3), ja.Posterize(5)]
STATISTICS = [ja.AutoContrast(), ja.Equalize()]


def one_by_one(transforms, image, key=KEY):
    """What a chain of these does, by ops of their own, each on what the one before gave."""
    for transform in transforms:
        op = ja.Chain(transform).sample(key, image.shape)
        image = np.asarray(apply(op, image))
    return image


def test_a_chain_of_curves_is_one_tone_and_does_what_they_do():
    for members in (CURVES, [*CURVES, *STATISTICS], [*STATISTICS[::-1], *CURVES]):
        op = ja.Chain(*members).sample(KEY, DULL.shape)
        assert isinstance(op, ja.Tone)
        assert op.table == (len(members) > 4)
        assert len(op.curves) == len(members)
        # Where it is a table, curves before and after it are not rounded to levels.
        error = np.abs(np.asarray(apply(op, DULL)) - one_by_one(members, DULL)) * 255
        assert error.max() <= (1.01 if op.table else 0.01)
    mixed = ja.Chain(ja.Gamma(), ja.Brightness(0.1), ja.Gamma(), ja.Posterize(3))
    assert [type(op) for op in mixed.sample(KEY, DULL.shape).ops] == [ja.Tone, ja.Color, ja.Tone]


def test_a_table_is_exact_for_levels_and_rounds_others():
    table = ja.Chain(*CURVES).sample(KEY, DULL.shape).replace(table=True)
    exact = ja.Chain(*CURVES).sample(KEY, DULL.shape)
    np.testing.assert_allclose(apply(table, DULL), apply(exact, DULL), atol=1e-6)
    between = np.float32((DULL + 0.4) / 255)
    np.testing.assert_array_equal(apply(table, between), apply(table, DULL))


def test_one_of_curves_is_one_tone_and_does_one_of_them():
    members = [*CURVES, *STATISTICS]
    one = ja.OneOf(*members)
    assert isinstance(one.sample(KEY, DULL.shape), ja.Tone)
    keys = jax.random.split(KEY, 24)
    results = np.asarray(jax.jit(jax.vmap(one, (0, None)))(keys, DULL))
    found = set()
    for key, ours in zip(keys, results, strict=True):
        inner = jax.random.split(key)[1]
        alone = [drawn(ja.Chain(member), DULL, inner) for member in members]
        errors = [np.abs(ours - each).max() * 255 for each in alone]
        assert min(errors) < 0.01
        found.add(int(np.argmin(errors)))
    assert found == set(range(len(members)))


# Canvases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [*STATISTICS, ja.Chain(ja.AutoContrast(), ja.Solarize(0.3)), ja.Gamma(0.5), ja.CLAHE(3.0)],
    ids=lambda transform: type(transform).__name__,
)
def test_statistics_are_those_of_the_picture(transform):
    size = jnp.int32([24, 33])
    canvas = np.full((40, 44, 3), 255, np.uint8)
    canvas[:24, :33], canvas[30, 40] = DULL, 0
    op = transform.sample(KEY, canvas.shape)
    out = np.asarray(apply(op, {"image": canvas, "size": size})["image"])
    np.testing.assert_allclose(out[:24, :33], apply(op, DULL), atol=1e-6)
    assert not out[24:].any() and not out[:, 33:].any()


# CLAHE ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        ((48, 40), (8, 8)),
        ((40, 33), (4, 3)),
        ((16, 33), (8, 8)),
        ((5, 3), (8, 8)),
        ((1, 1), (2, 2)),
    ],
)
def test_clahe_is_opencvs(size, tiles):
    image = smooth(*size)
    limits = np.float32([0.0, 1.0, 2.5, 40.0])
    kernel = jax.jit(
        jax.vmap(lambda x, limit: clahe(x, limit, tiles=tiles, per_channel=True), (None, 0))
    )
    for limit, ours in zip(limits, kernel(np.float32(image / 255), limits), strict=True):
        theirs = cv2.createCLAHE(float(limit), tiles[::-1])
        wanted = [theirs.apply(np.ascontiguousarray(image[..., k])) for k in range(3)]
        # It rounds the curves to levels, and what is between them.
        assert np.abs(np.asarray(ours) * 255 - np.stack(wanted, -1)).max() <= 1.01


def test_clahe_of_colours_is_that_of_their_luma():
    image = smooth(48, 40)
    luma = image @ np.array([299, 587, 114])
    grey = np.round(luma / 1000).astype(np.uint8)
    gain = cv2.createCLAHE(3.0, (4, 6)).apply(grey).astype(float) - grey
    ours = drawn(ja.CLAHE(3.0, tiles=(6, 4)), image)
    sure = luma % 1000 != 500  # where rounding may go either way, a curve may be steep
    assert np.abs(ours * 255 - image - gain[..., None])[sure].max() <= 1.01
    each = drawn(ja.CLAHE(3.0, tiles=(6, 4), per_channel=True), image)
    alone = drawn(ja.CLAHE(3.0, tiles=(6, 4)), image[..., :1])
    np.testing.assert_allclose(alone, each[..., :1], atol=1e-6)


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.Gamma((-0.1, 1.0)), "exponents of at least 0"),
        (lambda: ja.Gamma(1.5), "exponents of at least 0"),
        (lambda: ja.Posterize(9), "whole numbers of bits, 0 to 8"),
        (lambda: ja.Posterize((2, 4.5)), "whole numbers of bits"),
        (lambda: ja.Posterize(ja.Choice(1, -1)), "whole numbers of bits"),
        (lambda: ja.CLAHE(tiles=(0, 4)), "two positive whole numbers"),
        (lambda: ja.CLAHE(tiles=8), "two positive whole numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()


@pytest.mark.parametrize(
    "curve",
    [
        ja.Gamma((0.5, 2.0)),
        ja.Chain(ja.Solarize(0.4), ja.Maybe(ja.Gamma((1.7, 1.7)))),
        ja.Posterize(3),
        ja.Invert(),
    ],
)
def test_curves_of_8_bits_are_those_of_floats(curve):
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 21, 3), np.uint8)
    augment = jax.jit(ja.batched(curve))
    one, two = (augment(KEY, x) for x in (image, image.astype(np.float32) / np.float32(255)))
    np.testing.assert_allclose(one, two, atol=2e-7)
