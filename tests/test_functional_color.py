"""Colour against Pillow, scikit-image and float64 NumPy; the algebra of colour maps; means."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color
from PIL import Image, ImageEnhance

import jaxaug as ja
from jaxaug.functional import color, stable

KEY = jax.random.key(0)
SHAPE = (20, 33, 3)
LUMA = np.array([0.299, 0.587, 0.114])

apply = jax.jit(lambda op, image: op(image))
"""Ops are arguments: those of one structure are compiled once."""


def noise(low=0.0, high=1.0, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def drawn(transform, image, key=KEY):
    return np.asarray(apply(transform.sample(key, image.shape), image), np.float64)


def many(transform, image, draws):
    keys = jax.random.split(KEY, draws)
    return np.asarray(jax.jit(jax.vmap(transform, (0, None)))(keys, image), np.float64)


def levels(ours, theirs):
    """Largest difference, in grey levels, of pixels in 0..1."""
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() * 255


def at(value):
    return (value, value)


# Against Pillow, rounded and clipped as it does -------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, 0.35, 0.8, 1.0, 1.3, 1.9])
@pytest.mark.parametrize(
    ("transform", "enhance"),
    [
        (ja.Brightness, ImageEnhance.Brightness),
        (ja.Contrast, ImageEnhance.Contrast),
        (ja.Saturation, ImageEnhance.Color),
    ],
)
def test_enhancements_are_pillows(transform, enhance, factor):
    image = (noise() * 255).astype(np.uint8)
    ours = drawn(ja.Chain(transform(at(factor)), dtype="uint8"), image)
    # Pillow cuts decimals off where we round, and rounds the mean grey.
    theirs = np.asarray(enhance(Image.fromarray(image)).enhance(factor), np.float64)
    assert np.abs(ours - theirs).max() <= 1


def test_grayscale_is_pillows():
    image = (noise() * 255).astype(np.uint8)
    grey = np.asarray(Image.fromarray(image).convert("L"), np.float64)
    ours = drawn(ja.Grayscale(), image) * 255
    np.testing.assert_array_equal(ours[..., :1], ours[..., 1:2])
    assert np.abs(ours - grey[..., None]).max() < 0.51


# Closed forms, not clipped ----------------------------------------------------------------------


def brightness(image, factor):
    return image * factor


def contrast(image, factor):
    return factor * image + (1 - factor) * (image @ LUMA).mean()


def saturation(image, factor):
    return factor * image + (1 - factor) * (image @ LUMA)[..., None]


def hue(image, turns):
    hsv = skimage.color.rgb2hsv(image)
    hsv[..., 0] = (hsv[..., 0] + turns) % 1
    return skimage.color.hsv2rgb(hsv)


CAST = np.float32([0.6, 0.45, 0.4])  # dull red: a hue changes its grey, and nothing leaves 0..1

CLOSED = {
    "brightness": (ja.Brightness(at(1.7)), lambda x: brightness(x, 1.7)),
    "contrast": (ja.Contrast(at(1.7)), lambda x: contrast(x, 1.7)),
    "saturation": (ja.Saturation(at(2.3)), lambda x: saturation(x, 2.3)),
    "grey": (ja.Grayscale(), lambda x: saturation(x, 0.0)),
    "shift": (ja.ChannelShift(at(0.2)), lambda x: x + 0.2),
    "rescale": (ja.Rescale(2, -1), lambda x: 2 * x - 1),
    "clip": (ja.Clip(0.25, 0.5), lambda x: np.clip(x, 0.25, 0.5)),
    "normalize": (
        ja.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        lambda x: (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    ),
    "normalize by numbers": (ja.Normalize(0.5, 0.25), lambda x: (x - 0.5) / 0.25),
    "samplewise": (ja.SamplewiseNormalize(), lambda x: (x - x.mean()) / x.std()),
    "samplewise, channels": (
        ja.SamplewiseNormalize(per_channel=True),
        lambda x: (x - x.mean((0, 1))) / x.std((0, 1)),
    ),
    "samplewise centre": (ja.SamplewiseNormalize(scale=False), lambda x: x - x.mean()),
    "samplewise scale": (ja.SamplewiseNormalize(center=False), lambda x: x / x.std()),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name):
    transform, wanted = CLOSED[name]
    image = noise(-0.5, 1.5)
    assert levels(drawn(transform, image), wanted(image.astype(np.float64))) < 0.01


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("amplitude", [0.0, 0.1, 1.0, 3.0])
def test_samplewise_holds_for_images_of_few_levels(amplitude, per_channel):
    image = np.float32([0.123456, 200.123, -0.9]) if per_channel else np.float32(200.123)
    image = noise(-amplitude / 255, amplitude / 255, (48, 64, 3)) + image
    exact, axes = image.astype(np.float64), (0, 1) if per_channel else None
    wanted = (exact - exact.mean(axes)) / (exact.std(axes) + 1e-6)
    ours = drawn(ja.SamplewiseNormalize(per_channel=per_channel), image)
    np.testing.assert_allclose(ours, wanted, atol=0.01 if amplitude else 0.1)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_contrast_of_other_images_is_about_the_mean_of_all_channels(channels):
    image = noise(shape=(20, 33, channels))
    wanted = 0.4 * image + 0.6 * image.astype(np.float64).mean()
    assert levels(drawn(ja.Contrast(at(0.4)), image), wanted) < 0.01


@pytest.mark.parametrize("turns", [0.0, 0.1, 1 / 3, 0.5, -0.27, 1.0, -2.25])
def test_hue_is_that_of_hsv(turns):
    image = noise()
    image[:3] = image[:3].round()  # pure colours, black and white
    image[3] = image[3, :, :1]  # greys
    image[4, :, 1] = image[4, :, 2]  # two equal channels
    assert levels(drawn(ja.Hue(at(turns)), image), hue(image.astype(np.float64), turns)) < 0.01


def test_hue_outside_of_the_range_keeps_largest_and_smallest_channel():
    image = noise(-1, 2)
    ours = drawn(ja.Hue(at(0.2)), image)
    for extreme in (np.min, np.max):
        np.testing.assert_allclose(extreme(ours, -1), extreme(image, -1), atol=1e-5)
    shifted = drawn(ja.Hue(at(0.2)), (image + 1) / 3)
    np.testing.assert_allclose(3 * shifted - 1, ours, atol=2e-5)


def test_color_jitter_is_its_four_steps_in_an_order_of_equal_chances():
    image = noise(-0.07, 0.07) + CAST
    steps = [(brightness, 1.1), (contrast, 0.6), (saturation, 1.5), (hue, 0.13)]
    results, counts = {}, {}
    for order in itertools.permutations(range(4)):
        pixels = image.astype(np.float64)
        for step in order:
            pixels = steps[step][0](pixels, steps[step][1])
            assert 0 < pixels.min() < pixels.max() < 1
        early = tuple(order.index(step) < order.index(3) for step in (1, 2))
        assert levels(results.setdefault(early, pixels), pixels) < 1e-6
        counts[early] = counts.get(early, 0) + 1
    pairs = itertools.combinations(results.values(), 2)
    assert len(results) == 4 and all(levels(*pair) > 0.5 for pair in pairs)

    draws, found = 960, dict.fromkeys(results, 0)
    for ours in many(ja.ColorJitter(at(1.1), at(0.6), at(1.5), at(0.13)), image, draws):
        (early,) = [early for early, wanted in results.items() if levels(ours, wanted) < 0.01]
        found[early] += 1
    for early, count in counts.items():
        assert abs(found[early] - draws * count / 24) < 4 * (draws * count / 24) ** 0.5


@pytest.mark.parametrize("left_out", [2, 3])
def test_color_jitter_leaves_out_what_is_zero(left_out):
    image, values = noise(-0.07, 0.07) + CAST, [1.1, 0.6, 1.5, 0.13]
    spans = [0 if k == left_out else at(value) for k, value in enumerate(values)]
    steps = [brightness, contrast, saturation, hue]
    results = []
    for order in itertools.permutations(set(range(4)) - {left_out}):
        pixels = image.astype(np.float64)
        for step in order:
            pixels = steps[step](pixels, values[step])
        results.append(pixels)
    for ours in many(ja.ColorJitter(*spans), image, 9):
        assert min(levels(ours, wanted) for wanted in results) < 0.01


# The algebra ------------------------------------------------------------------------------------


def random_color(rng, ranks):
    """A Color with parts of these ranks: ``A``, ``B`` (None: no mean) and ``b``."""
    numbers = lambda rank, size: np.float32(size * rng.standard_normal((3,) * rank))
    matrix, mean, offset = ranks
    return ja.Color(
        numbers(matrix, 0.7), None if mean is None else numbers(mean, 0.5), numbers(offset, 0.2)
    )


def in_float64(op, image):
    matrix, mean, offset = (
        None if part is None else np.asarray(part, np.float64)
        for part in (op.matrix, op.mean, op.offset)
    )
    times = lambda mixing, x: x @ mixing.T if mixing.ndim == 2 else x * mixing
    about = 0 if mean is None else times(mean, image.mean((0, 1)))
    return times(matrix, image) + about + offset


RANKS = [(0, None, 0), (1, None, 1), (2, None, 1), (0, 2, 0), (1, 1, 1), (2, 2, 0), (2, 0, 1)]


@pytest.mark.parametrize("first", RANKS, ids=str)
def test_colors_composed_are_colors_one_by_one(first):
    rng, image = np.random.default_rng(RANKS.index(first)), noise()
    a = random_color(rng, first)
    for second in RANKS:
        b = random_color(rng, second)
        joined = a.then(b)
        assert isinstance(joined, ja.Color)
        assert (joined.mean is None) == (a.mean is None and b.mean is None)
        wanted = in_float64(b, in_float64(a, image.astype(np.float64)))
        scale = max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(joined(image), wanted, atol=1e-5 * scale, err_msg=str(second))


# Means whose last bit does not depend on the batch ----------------------------------------------


@pytest.mark.parametrize(
    ("shape", "tolerance"),  # in levels, for values below 1; larger ones lose in proportion
    [((16, 24), 1e-4), ((224, 224), 2e-4), ((1, 1500), 1e-3), ((1500, 1), 1e-3), ((1, 1), 1e-4)],
)
def test_mean_is_that_of_float64(shape, tolerance):
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None, None]
    images = np.stack([
        noise(shape=(*shape, 2)),
        np.full((*shape, 2), 0.123456),
        np.zeros((*shape, 2)),
        np.broadcast_to(rows, (*shape, 2)) * [1, 0.1],
        500 * np.broadcast_to(np.abs(rows), (*shape, 2)),
        np.full((*shape, 2), [-511.9, 0.3]),
        1e-3 * noise(shape=(*shape, 2)),
    ]).astype(np.float32)  # fmt: skip
    means = np.asarray(jax.jit(jax.vmap(stable.mean))(images), np.float64)
    for image, ours in zip(images, means, strict=True):
        largest = np.abs(image).max()
        assert levels(ours, image.astype(np.float64).mean((0, 1))) <= tolerance * largest


def test_gradient_of_the_mean_is_one_part_each():
    weights = np.float32([1.0, -2.0, 0.5])
    slope = jax.grad(lambda image: jnp.sum(stable.mean(image) * weights))(noise())
    np.testing.assert_allclose(slope, np.broadcast_to(weights / (20 * 33), SHAPE), rtol=1e-6)


# Gradients --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kernel",
    [
        color.shift_hue,
        lambda image, t: ja.SamplewiseNormalize(per_channel=True)(KEY, t * image),
    ],
    ids=["hue", "samplewise"],
)
def test_gradients_are_finite_for_black_grey_and_any_image(kernel):
    target = noise(seed=1)
    slope = jax.grad(lambda image, t: jnp.mean((kernel(image, t) - target) ** 2), (0, 1))
    images = np.stack([np.zeros(SHAPE, np.float32), np.full(SHAPE, np.float32(0.3)), noise()])
    slopes = jax.jit(jax.vmap(slope, (0, None)))(images, 0.3)
    assert all(np.isfinite(each).all() for each in slopes)
    assert np.abs(slopes[0][2]).max() > 0


def test_gradient_of_the_hue_is_its_slope():
    image, target = noise(), noise(seed=1)
    loss = jax.jit(lambda t: jnp.sum((ja.Hue(at(t))(KEY, image) - target) ** 2))
    slope = (float(loss(0.301)) - float(loss(0.299))) / 0.002
    assert float(jax.jit(jax.grad(loss))(0.3)) == pytest.approx(slope, rel=0.02)
