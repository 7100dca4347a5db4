"""Blurs, stencils and the low resolution against OpenCV, Pillow, scikit-image, SciPy and NumPy."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import skimage.filters
from PIL import Image, ImageEnhance, ImageFilter

import jaxaug as ja
from jaxaug.functional import downscale as downscaling
from jaxaug.functional import filter as filters
from jaxaug.functional import median as medians

KEY = jax.random.key(0)
SHAPE = (20, 26, 3)
ALL = SHAPE[:2]
BYTES = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
IMAGE = np.random.default_rng(1).uniform(-0.5, 1.5, SHAPE).astype(np.float32)
EXACT = IMAGE.astype(np.float64)
MIRROR, NEAREST = cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE


def quick(function):
    """Compiled, hardly optimized: most of the time here is compilation."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def levels(ours, theirs):
    """Largest difference, in grey levels, of pixels in 0..1."""
    assert ours.shape == theirs.shape
    return np.abs(np.asarray(ours, np.float64) - theirs).max() * 255


def photo(height, width):
    return Image.fromarray(BYTES[:height, :width])


# Oracles: kernels written down as what they mean --------------------------------------------------


def convolved(kernel, border=MIRROR, image=EXACT):
    return cv2.filter2D(image, -1, kernel, borderType=border)


def bell(sigma, reach):
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.outer(weights, weights) / weights.sum() ** 2


def box(radius, reach):
    inside = np.clip(radius + 1 - np.abs(np.arange(-reach, reach + 1)), 0, 1)
    return np.outer(inside, inside) / (2 * radius + 1) ** 2


def disk(radius, reach):
    away = np.arange(-reach, reach + 1)
    inside = np.clip(radius + 0.5 - np.hypot(away[:, None], away), 0, 1)
    return inside / inside.sum()


def line(length, degrees, reach):
    """A line's points, a step apart along its main axis, each shared by two pixels across it."""
    kernel = np.zeros((2 * reach + 3,) * 2)
    right, up = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    main = max(abs(right), abs(up))
    for step in range(-reach, reach + 1):
        inside = np.clip(length * main / 2 + 0.5 - abs(step), 0, 1)
        x, y = step * right / main, -step * up / main
        for i in range(2 * reach + 3):
            for j in range(2 * reach + 3):
                near = [max(0, 1 - abs(d)) for d in (i - reach - 1 - y, j - reach - 1 - x)]
                kernel[i, j] += inside * near[0] * near[1]
    return kernel / kernel.sum()


def relief(alpha, s):
    kernel = alpha * np.array([[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]])
    kernel[1, 1] += 1 - alpha
    return kernel


def smoothed(image):
    kernel = np.ones((3, 3, 1))
    kernel[1, 1] = 5
    out = image.copy()
    out[1:-1, 1:-1] = scipy.ndimage.convolve(image, kernel / 13)[1:-1, 1:-1]
    return out


def sharpened(factor):
    return np.clip(factor * EXACT + (1 - factor) * smoothed(EXACT), 0, 1)


def unsharp(sigma, amount, threshold, reach):
    detail = EXACT - convolved(bell(sigma, reach))
    return EXACT + amount * np.where(np.abs(detail) > threshold, detail, 0)


def ranked(size):
    return scipy.ndimage.median_filter(IMAGE, (size, size, 1), mode="nearest")


def shrunk(image, factor):
    height, width = (max(1, int(n * factor + 0.5)) for n in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    # The cell that a pixel's centre is in; Pillow's NEAREST adds up floats where we have integers.
    rows, columns = (
        (2 * np.arange(n) + 1) * m // (2 * n)
        for n, m in zip(image.shape[:2], (height, width), strict=True)
    )
    return small.reshape(height, width, -1)[rows][:, columns]


F, E = filters, {"extent": ALL}
CASES = {
    "gaussian": (lambda x: F.gaussian_blur(x, 1.3, reach=4, **E), convolved(bell(1.3, 4))),
    "gaussian, nearest": (
        lambda x: F.gaussian_blur(x, 0.7, reach=2, border="nearest", **E),
        convolved(bell(0.7, 2), NEAREST),
    ),
    "box": (lambda x: F.box_blur(x, 1.6, reach=3, **E), convolved(box(1.6, 3), NEAREST)),
    "line, level": (lambda x: F.motion_blur(x, 5.0, 0.0, reach=3, **E), convolved(line(5, 0, 3))),
    "line, steep": (
        lambda x: F.motion_blur(x, 6.3, jnp.deg2rad(110.0), reach=3, **E),
        convolved(line(6.3, 110, 3)),
    ),
    "line, 20 degrees": (
        lambda x: F.motion_blur(x, 7.0, jnp.deg2rad(20.0), reach=3, **E),
        convolved(line(7, 20, 3)),
    ),
    "disk": (lambda x: F.defocus(x, 2.4, reach=3, **E), convolved(disk(2.4, 3))),
    "smooth": (lambda x: F.smooth(x, **E), smoothed(EXACT)),
    "sharper": (lambda x: F.sharpen(x, 1.9, **E), sharpened(1.9)),
    "softer": (lambda x: F.sharpen(x, 0.3, **E), sharpened(0.3)),
    "unsharp": (
        lambda x: F.unsharp_mask(x, 1.1, 1.5, 0.3, reach=4, **E),
        unsharp(1.1, 1.5, 0.3, 4),
    ),
    "emboss": (lambda x: F.emboss(x, 0.4, 0.6, **E), convolved(relief(0.4, 0.6))),
    "median of 3": (lambda x: medians.median_blur(x, size=3, **E), ranked(3)),
    "median of 5": (lambda x: medians.median_blur(x, size=5, **E), ranked(5)),
    "median of 7": (lambda x: medians.median_blur(x, size=7, **E), ranked(7)),
    "half": (lambda x: downscaling.downscale(x, 0.5, least=0.2, **E), shrunk(IMAGE, 0.5)),
    "0.7": (lambda x: downscaling.downscale(x, 0.7, least=0.7, **E), shrunk(IMAGE, 0.7)),
    "1 / 3": (lambda x: downscaling.downscale(x, 1 / 3, least=0.2, **E), shrunk(IMAGE, 1 / 3)),
}


@pytest.fixture(scope="module")
def ours():
    """What all kernels make of the image, compiled at once."""
    kernels = {name: kernel for name, (kernel, _) in CASES.items()}
    return quick(lambda x: {name: kernel(x) for name, kernel in kernels.items()})(IMAGE)


@pytest.mark.parametrize("name", CASES)
def test_kernels_are_those_written_down(ours, name):
    assert levels(ours[name], CASES[name][1]) < 0.01


def test_filters_of_8_bit_images_are_pillows():
    @quick
    def filtered(image):
        sharp = [F.sharpen(image, factor, **E) for factor in (0.0, 0.4, 1.0, 1.9)]
        return [*sharp, F.smooth(image, **E), *(F.box_blur(image, r, reach=2, **E) for r in RADII)]

    RADII = (0.0, 0.3, 1.0, 1.7)
    picture = photo(*ALL)
    theirs = [ImageEnhance.Sharpness(picture).enhance(factor) for factor in (0.0, 0.4, 1.0, 1.9)]
    theirs += [picture.filter(ImageFilter.SMOOTH)]
    theirs += [picture.filter(ImageFilter.BoxBlur(radius)) for radius in RADII]
    for one, other in zip(filtered(BYTES), theirs, strict=True):
        # Pillow cuts decimals off, and rounds between the two passes of a box.
        assert levels(np.round(np.asarray(one) * 255) / 255, np.asarray(other) / 255) < 1.01


def test_unsharp_mask_is_scikit_images_away_from_the_edge():
    planes = np.moveaxis(EXACT, -1, 0)
    theirs = [skimage.filters.unsharp_mask(x, 1.0, 1.5, preserve_range=True) for x in planes]
    theirs = np.stack(theirs, -1)
    ours = quick(lambda x: F.unsharp_mask(x, 1.0, 1.5, 0.0, reach=4, **E))(IMAGE)
    inner = (slice(4, -4), slice(4, -4))
    assert levels(ours[inner], theirs[inner]) < 0.01


def test_a_line_is_the_mean_of_what_is_under_it():
    """Of a smooth image, against many points of the line, read by cubic splines."""
    y, x = np.mgrid[:40, :40]
    image = 0.5 + 0.4 * np.sin(0.25 * x + 0.2 * y) * np.cos(0.2 * y)
    angles = np.deg2rad([0, 33, 45, 100, 165])
    blur = quick(jax.vmap(lambda a: F.motion_blur(
        np.float32(image[..., None]), 9.0, a, reach=4, extent=(40, 40))))  # fmt: skip
    along = (np.arange(200) + 0.5) / 200 * 9 - 4.5
    for angle, ours in zip(angles, blur(np.float32(angles)), strict=True):
        places = [(y - t * np.sin(angle), x + t * np.cos(angle)) for t in along]
        points = [scipy.ndimage.map_coordinates(image, place, mode="mirror") for place in places]
        assert levels(ours[6:-6, 6:-6, 0], np.mean(points, 0)[6:-6, 6:-6]) < 1


def test_a_disk_covers_pixels_by_their_area():
    fine = (np.arange(40) + 0.5) / 40 - 0.5
    for radius in (1.5, 2.3, 4.0):
        edge = np.arange(-5, 6)[:, None] + fine
        inside = np.hypot(edge[:, :, None, None], edge) < radius
        area = inside.mean((1, 3)) / (np.pi * radius**2)
        # What counts is not more than a part of a rim pixel, and the whole is the same.
        assert np.abs(disk(radius, 5) - area).max() < 0.1 / (np.pi * radius**2)


# The border, and pictures on a canvas -------------------------------------------------------------

SIZES = np.array([[1, 1], [2, 3], [16, 24], [9, 14], [15, 4], [3, 24], [16, 23]])
CANVAS = np.random.default_rng(2).random((16, 24, 3), np.float32)
MODES = {"nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "wrap": "wrap"}
AROUND = 12


def test_a_picture_is_padded_by_its_own_edge():
    @quick
    @jax.vmap
    def padded(size):
        extent = tuple(size.astype(np.float32))
        return {border: F.padded(CANVAS, AROUND, extent=extent, border=border) for border in MODES}

    ours = padded(SIZES)
    for border, mode in MODES.items():
        for place, (h, w) in enumerate(SIZES):
            around = ((AROUND, AROUND), (AROUND, AROUND), (0, 0))
            theirs = np.pad(CANVAS[:h, :w], around, mode=mode)
            found = ours[border][place][: h + 2 * AROUND, : w + 2 * AROUND]
            np.testing.assert_array_equal(found, theirs)
    uneven = ((1, 3), (0, 2))
    whole = F.padded(CANVAS, uneven, extent=(16, 24), border="nearest")
    np.testing.assert_array_equal(whole, np.pad(CANVAS, (*uneven, (0, 0)), mode="edge"))


STENCILS = {
    "gaussian": ("mirror", lambda x, e: F.gaussian_blur(x, 1.3, reach=4, extent=e)),
    "box": ("nearest", lambda x, e: F.box_blur(x, 1.6, reach=3, extent=e)),
    "line": ("mirror", lambda x, e: F.motion_blur(x, 7.0, 0.4, reach=4, extent=e)),
    "disk": ("mirror", lambda x, e: F.defocus(x, 2.3, reach=3, extent=e)),
    "emboss": ("mirror", lambda x, e: F.emboss(x, 0.4, 0.6, extent=e)),
    "unsharp": ("mirror", lambda x, e: F.unsharp_mask(x, 0.9, 0.7, 0.01, reach=3, extent=e)),
    "median": ("nearest", lambda x, e: medians.median_blur(x, size=5, extent=e)),
}


def test_a_filter_of_a_canvas_sees_the_picture_and_its_own_border():
    """As of a picture that lies in the middle of what its border rule says is around it."""

    @quick
    @jax.vmap
    def on_canvas(size):
        extent = tuple(size.astype(np.float32))
        return {name: kernel(CANVAS, extent) for name, (_, kernel) in STENCILS.items()}

    def surrounded(h, w, border):
        around = ((AROUND, AROUND + 16 - h), (AROUND, AROUND + 24 - w), (0, 0))
        return np.pad(CANVAS[:h, :w], around, mode=MODES[border])

    @quick
    @jax.vmap
    def alone(images):
        whole = (16 + 2 * AROUND, 24 + 2 * AROUND)
        return {name: kernel(images[border], whole) for name, (border, kernel) in STENCILS.items()}

    images = {b: np.stack([surrounded(h, w, b) for h, w in SIZES]) for b in ("mirror", "nearest")}
    ours, theirs = on_canvas(SIZES), alone(images)
    for name in STENCILS:
        for place, (h, w) in enumerate(SIZES):
            wanted = theirs[name][place][AROUND : AROUND + h, AROUND : AROUND + w]
            assert levels(ours[name][place][:h, :w], wanted) < 0.01, (name, h, w)


def test_pictures_on_a_canvas_keep_their_edge_or_are_shrunk_by_their_own_size():
    image = BYTES[:16, :24]

    @quick
    @jax.vmap
    def on_canvas(size):
        extent = tuple(size.astype(np.float32))
        small = [downscaling.downscale(CANVAS, f, least=0.2, extent=extent) for f in (0.2, 0.6)]
        return F.sharpen(image, 1.7, extent=extent), *small

    sharp, *small = on_canvas(SIZES)
    for place, (h, w) in enumerate(SIZES):
        theirs = np.asarray(ImageEnhance.Sharpness(photo(h, w)).enhance(1.7))
        found = np.round(np.asarray(sharp[place][:h, :w]) * 255)
        assert np.abs(found - theirs).max() <= 1
        for factor, ours in zip((0.2, 0.6), small, strict=True):
            assert levels(ours[place][:h, :w], shrunk(CANVAS[:h, :w], factor)) < 0.01, (h, w)


# Transforms ---------------------------------------------------------------------------------------


def test_numbers_are_drawn_evenly_from_their_ranges():
    spans = {
        ja.GaussianBlur((0.1, 2.0)): [(0.1, 2.0)],
        ja.BoxBlur((0.5, 3)): [(0.5, 3)],
        ja.MotionBlur((3, 9), degrees=(20, 70)): [(3, 9), tuple(np.deg2rad([20, 70]))],
        ja.MotionBlur(7): [7, (-np.pi, np.pi)],  # a number is itself, but around 0
        ja.GaussianBlur(2): [2],
        ja.BoxBlur(2): [2],
        ja.Defocus(2): [2],
        ja.UnsharpMask(1, 2, 0.1): [1, 2, 0.1],
        ja.Emboss(0.4, 0.5): [0.4, 0.5],
        ja.Downscale(0.5): [0.5],
        ja.Defocus((1, 4)): [(1, 4)],
        ja.Sharpness(0.9): [(0.1, 1.9)],
        ja.UnsharpMask((0.5, 1), (0, 2), (0.1, 0.2)): [(0.5, 1), (0, 2), (0.1, 0.2)],
        ja.Emboss(): [(0.2, 0.5), (0.2, 0.7)],
        ja.Downscale((0.25, 0.75)): [(0.25, 0.75)],
    }
    keys = jax.random.split(KEY, 100_000)
    numbers = lambda key: [transform.sample(key, SHAPE).arguments for transform in spans]
    for drawn, wanted in zip(jax.jit(jax.vmap(numbers))(keys), spans.values(), strict=True):
        for values, span in zip(drawn, wanted, strict=True):
            if isinstance(span, int | float):
                assert (values == np.float32(span)).all()
                continue
            low, high = span
            assert scipy.stats.kstest(values, "uniform", (low, high - low)).pvalue > 1e-3
        if len(drawn) == 2 and all(isinstance(span, tuple) for span in wanted):
            assert abs(np.corrcoef(*drawn)[0, 1]) < 0.015


def test_how_far_a_filter_looks_is_known_from_its_range():
    reach = lambda transform: dict(transform.sample(KEY, SHAPE).options)["reach"]
    assert reach(ja.GaussianBlur((0.1, 2.0))) == 6
    assert reach(ja.GaussianBlur(ja.Choice(0.5, 1.1))) == 4
    assert reach(ja.GaussianBlur((0.1, 2.0), kernel_size=5)) == 2
    assert reach(ja.UnsharpMask(1.5)) == 5
    assert reach(ja.BoxBlur((0, 2.5))) == 3
    assert [reach(ja.MotionBlur(length)) for length in (0.5, 1, 3, 3.5, 8)] == [0, 0, 1, 2, 4]
    assert reach(ja.Defocus(2)) == 2


def test_a_sigma_can_be_traced_where_the_kernel_has_a_size():
    sweep = lambda sigma, size: ja.GaussianBlur((sigma, sigma), size)(KEY, IMAGE)
    traced = jax.eval_shape(lambda sigma: sweep(sigma, 7), jnp.float32(1.0))
    assert traced.shape == SHAPE
    with pytest.raises(ja.JaxaugError, match="known when the program is written.*kernel_size"):
        jax.eval_shape(lambda sigma: sweep(sigma, None), jnp.float32(1.0))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.GaussianBlur((-1, 1)), "GaussianBlur: expected a sigma of 0 or more"),
        (lambda: ja.GaussianBlur(1.0, kernel_size=4), "odd kernel_size"),
        (lambda: ja.BoxBlur(-0.1), "radius of 0 or more"),
        (lambda: ja.MedianBlur(4), "MedianBlur: expected a size of 3, 5 or 7, got 4"),
        (lambda: ja.MotionBlur((-1, 3)), "length of 0 or more"),
        (lambda: ja.Defocus(ja.Choice(1, -1)), "radius of 0 or more"),
        (lambda: ja.UnsharpMask(threshold=-0.1), "threshold of 0 or more"),
        (lambda: ja.Downscale(0.0), "Downscale: expected a factor in"),
        (lambda: ja.Downscale((0.5, 1.5)), "factor in"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()


def test_gradients_of_strengths_are_finite_where_there_is_none():
    strengths = {
        "sigma": lambda s: F.gaussian_blur(IMAGE, s, reach=2, **E),
        "radius": lambda s: F.box_blur(IMAGE, s, reach=2, **E),
        "disk": lambda s: F.defocus(IMAGE, s, reach=2, **E),
        "length": lambda s: F.motion_blur(IMAGE, s, 0.3, reach=2, **E),
        "angle": lambda s: F.motion_blur(IMAGE, 3.0, s, reach=2, **E),
    }
    slopes = lambda s: {
        name: jax.grad(lambda s, f=f: jnp.sum(f(s) ** 2))(s) for name, f in strengths.items()
    }
    for name, slope in quick(jax.vmap(slopes))(jnp.array([0.0, 0.5, 1.3])).items():
        assert np.isfinite(slope).all(), name
        assert slope[2] != 0, name


@pytest.mark.parametrize("blur", [ja.GaussianBlur(1.3, 5), ja.BoxBlur(1.6), ja.MedianBlur(3)])
def test_images_in_8_bits_are_blurred_as_floats_are(blur):
    """In batches and at times, too, where what is not blurred must be in 0..1 all the same."""
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 21, 3), np.uint8)
    augment = jax.jit(ja.batched(ja.Maybe(blur, 0.5)))
    for key in jax.random.split(jax.random.key(0), 3):
        one, two = (augment(key, x) for x in (image, image.astype(np.float32) / np.float32(255)))
        np.testing.assert_allclose(one, two, atol=2e-7)
