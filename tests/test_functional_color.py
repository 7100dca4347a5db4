"""Colour against Pillow, scikit-image and float64 NumPy; the algebra of colour maps; means."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.color
from PIL import Image, ImageEnhance
from scipy import stats

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


def turned(image, turns):
    """A rotation in the plane of I and Q, by the inverse of its own matrix."""
    yiq = skimage.color.rgb2yiq(image)
    (c, s), (i, q) = (np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)), yiq[..., 1:].T
    yiq[..., 1:] = np.transpose([c * i + s * q, c * q - s * i])
    return skimage.color.yiq2rgb(yiq)


SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def grey(weigh):
    return lambda x: np.broadcast_to(weigh(x)[..., None], x.shape)


CLOSED = {
    "brightness": (ja.Brightness(at(1.7)), lambda x: brightness(x, 1.7)),
    "contrast": (ja.Contrast(at(1.7)), lambda x: contrast(x, 1.7)),
    "saturation": (ja.Saturation(at(2.3)), lambda x: saturation(x, 2.3)),
    "grey": (ja.Grayscale(), lambda x: saturation(x, 0.0)),
    "rec601": (ja.ToGray(), lambda x: saturation(x, 0.0)),
    "rec709": (ja.ToGray("rec709"), grey(lambda x: x @ [0.2126, 0.7152, 0.0722])),
    "average": (ja.ToGray("average"), grey(lambda x: x.mean(-1))),
    "grey of one channel": (ja.ToGray((0.0, 1.0, 0.0)), grey(lambda x: x[..., 1])),
    "max": (ja.ToGray("max"), grey(lambda x: x.max(-1))),
    "desaturation": (ja.ToGray("desaturation"), grey(lambda x: (x.max(-1) + x.min(-1)) / 2)),
    "hue rotation": (ja.HueRotation(at(0.15)), lambda x: turned(x, 0.15)),
    "hue rotation back": (ja.HueRotation(at(-0.4)), lambda x: turned(x, -0.4)),
    "sepia": (ja.Sepia(), lambda x: x @ SEPIA.T),
    "half sepia": (ja.Sepia(0.5), lambda x: 0.5 * x + 0.5 * x @ SEPIA.T),
    "rgb shift": (ja.RGBShift(at(0.1), at(-0.2), at(0.3)),
                  lambda x: x + np.float64([0.1, -0.2, 0.3])),
    "row of a light": (ja.PlanckianJitter(temperature=10_000),
                       lambda x: x * [0.4054 / 0.4653, 1, 0.6121 / 0.4653]),
    "between rows": (ja.PlanckianJitter("cied", temperature=4100),
                     lambda x: x * (0.8 * np.array([0.5829, 0.4421, 0.2288]) / 0.4421
                                    + 0.2 * np.array([0.5510, 0.4514, 0.2948]) / 0.4514)),
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
}  # fmt: skip


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


def test_hue_rotation_turns_the_way_of_hue_and_keeps_greys():
    image = noise(0.3, 0.7)
    op = ja.HueRotation(at(0.05)).sample(KEY, SHAPE)
    np.testing.assert_allclose(apply(op, image) @ LUMA, image @ LUMA, atol=1e-6)
    np.testing.assert_allclose(
        apply(op, image[..., :1] * np.ones(3, np.float32)), image[..., :1] * np.ones(3), atol=1e-6
    )
    for shown in np.eye(3, dtype=np.float32) * 0.2 + 0.4:
        ours = skimage.color.rgb2hsv(drawn(ja.HueRotation(at(0.05)), shown.reshape(1, 1, 3)))
        before = skimage.color.rgb2hsv(shown.reshape(1, 1, 3))
        assert 0.02 < (ours - before)[0, 0, 0] % 1 < 0.08


def test_channel_shuffle_and_dropout_move_and_replace_whole_channels():
    for channels in (1, 3, 7):
        image = noise(shape=(6, 5, channels))
        for seed in range(5):
            key = jax.random.key(seed)
            shuffled = drawn(ja.ChannelShuffle(), image, key)
            order = [int(np.flatnonzero([(a == b).all() for b in np.moveaxis(image, -1, 0)])[0])
                     for a in np.moveaxis(shuffled, -1, 0)]  # fmt: skip
            assert sorted(order) == list(range(channels))
            fill = np.linspace(0.2, 0.4, channels, dtype=np.float32)
            left = drawn(ja.ChannelDropout(5, fill=tuple(map(float, fill))), image, key)
            out = (left == fill).all((0, 1))
            assert out.sum() == min(5, channels - 1)
            np.testing.assert_array_equal(left[..., ~out], image[..., ~out])


def test_fancy_pca_has_the_covariance_of_the_data_set():
    """Shifts of ``alpha = 1`` along the axes: a covariance of eigenvalues squared."""
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(np.cov(rng.normal(size=(5, 40))))
    pca = ja.FancyPCA(1.0, tuple(map(float, values)), np.float32(vectors))
    keys = jax.random.split(KEY, 20_000)
    shifts = np.asarray(jax.vmap(lambda key: pca.sample(key, (4, 4, 5)).offset)(keys))
    wanted = vectors @ np.diag(values**2) @ vectors.T
    np.testing.assert_allclose(np.cov(shifts.T), wanted, atol=0.03 * wanted.max())


def test_casts_fuse_into_one_color_and_apply_in_order():
    members = [
        ja.Sepia(0.5), ja.ChannelShuffle(), ja.RGBShift(0.1, 0.1, 0.1), ja.HueRotation(0.1),
        ja.PlanckianJitter(), ja.FancyPCA(), ja.Invert(), ja.ChannelDropout(), ja.ToGray("average"),
    ]  # fmt: skip
    op = ja.Chain(*members).sample(KEY, SHAPE)
    assert isinstance(op, ja.Color) and op.mean is None
    image = noise()
    one_by_one = image
    for member in members:
        one_by_one = drawn(ja.Chain(member), np.float32(one_by_one))
    assert levels(np.float64(apply(op, image)), one_by_one) < 0.01


def permuted(order):
    return lambda x: x[..., list(order)]


def test_photometric_distort_is_torchvisions_steps_with_their_chances():
    image = noise(-0.07, 0.07, shape=(6, 8, 3)) + CAST
    same = lambda x: x
    some = lambda step, value: [(0.5, same), (0.5, lambda x: step(x, value))]
    contrasts = [(0.5, (0, 0)), (0.25, (1, 0)), (0.25, (0, 1))]
    orders = [(0.5, same), *((1 / 12, permuted(p)) for p in itertools.permutations(range(3)))]
    results, chances = [], []
    for (a, bright), (b, where), (c, saturate), (d, turn), (e, order) in itertools.product(
        some(brightness, 1.1), contrasts, some(saturation, 1.5), some(hue, 0.13), orders
    ):
        pixels = bright(image.astype(np.float64))
        pixels = contrast(pixels, 0.6) if where[0] else pixels
        pixels = turn(saturate(pixels))
        pixels = order(contrast(pixels, 0.6) if where[1] else pixels)
        assert 0 < pixels.min() < pixels.max() < 1
        known = [k for k, other in enumerate(results) if levels(pixels, other) < 1e-6]
        if known:
            chances[known[0]] += a * b * c * d * e
        else:
            results.append(pixels)
            chances.append(a * b * c * d * e)
    distort = ja.PhotometricDistort(at(1.1), at(0.6), at(1.5), at(0.13))
    found = np.zeros(len(results))
    for ours in many(distort, image, 2000):
        (match,) = [k for k, wanted in enumerate(results) if levels(ours, wanted) < 0.02]
        found[match] += 1
    assert stats.chisquare(found, np.array(chances) * 2000).pvalue > 1e-4


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


def test_vignette_darkens_corners_by_its_strength_and_keeps_the_centre():
    y, x = (np.arange(n) * 2 / (n - 1) - 1 for n in (5, 9))  # of pixels' centres
    y, x = (y * 4 / 5)[:, None], (x * 8 / 9)[None]
    wanted = (1 - 0.4 * (y**2 + x**2) / 2)[..., None] * np.ones(2)
    white = np.ones((5, 9, 2), np.float32)
    ours = drawn(ja.Vignette(0.4), white)
    np.testing.assert_allclose(ours, wanted, atol=1e-6)
    assert ours[2, 4, 0] == 1
    example = {"image": np.pad(white, ((0, 3), (0, 2), (0, 0))), "size": jnp.int32([5, 9])}
    out = apply(ja.Vignette(0.4).sample(KEY, (8, 11, 2)), example)["image"]
    np.testing.assert_allclose(out[:5, :9], ours, atol=1e-6)
    assert not out[5:].any() and not out[:, 9:].any()


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


# Errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.ToGray("luma"), "weights among rec601, rec709, average, max, desaturation"),
        (lambda: ja.ToGray((0.5, 0.5))(KEY, noise()), "3 weights, one a channel"),
        (lambda: ja.ChannelDropout((2, 1)), r"a pair \(low, high\) in order"),
        (lambda: ja.ChannelDropout(1, fill=(0.0, 1.0))(KEY, noise()), "a fill of one value"),
        (lambda: ja.PlanckianJitter("d65"), "a mode among blackbody, cied"),
        (lambda: ja.PlanckianJitter("cied", (3000, 5000)), "temperatures of 4000 to 15000 kelvin"),
        (lambda: ja.FancyPCA(eigenvalues=(1.0, 2.0)), "one a column"),
        (lambda: ja.FancyPCA()(KEY, noise(shape=(4, 4, 2))), "3 channels, as its eigenvectors"),
        (lambda: ja.PhotometricDistort(p=1.5), "a probability p"),
        (
            lambda: ja.HueRotation(0.1)(KEY, noise(shape=(4, 4, 2))),
            "3 channels, red green and blue",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()
