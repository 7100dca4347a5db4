"""JPEG against Pillow, level by level: photos, greys, odd sizes, pictures on a canvas."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import skimage.data
from PIL import Image

import jaxaug as ja
from jaxaug.functional.jpeg import jpeg

KEY = jax.random.key(0)
PHOTO = skimage.data.astronaut()[5:66, 195:240]  # a face; neither side a multiple of 8
NOISE = np.random.default_rng(0).integers(0, 256, PHOTO.shape, np.uint8)
QUALITIES = np.int32([1, 5, 10, 24, 25, 49, 50, 51, 75, 90, 95, 100])


def pillow(image, quality, subsampling="4:2:0"):
    buffer = io.BytesIO()
    options = {} if image.ndim == 2 else {"subsampling": subsampling}
    Image.fromarray(image).save(buffer, "JPEG", quality=int(quality), **options)
    return np.asarray(Image.open(buffer))


def quick(function):
    """Compiled, hardly optimized: most of the time here is compilation."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def levels(image):
    """Levels of what came out, which must be levels."""
    numbers = np.asarray(image) * 255
    np.testing.assert_allclose(numbers, numbers.round(), atol=1e-4)
    return numbers.round().astype(np.uint8)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_it_is_pillows_to_the_level(subsampling):
    images = np.stack([PHOTO, NOISE])
    over = jax.vmap(jax.vmap(
        lambda x, q: jpeg(x, q, extent=PHOTO.shape[:2], subsampling=subsampling), (None, 0)
    ), (0, None))  # fmt: skip
    for image, ours in zip(images, quick(over)(images, QUALITIES), strict=True):
        for quality, one in zip(QUALITIES, ours, strict=True):
            np.testing.assert_array_equal(levels(one), pillow(image, quality, subsampling))


def test_each_channel_of_other_images_is_a_grey_picture():
    images = np.stack([PHOTO[..., 1], NOISE[..., 0]], -1)
    over = quick(jax.vmap(lambda q: jpeg(images, q, extent=PHOTO.shape[:2])))(QUALITIES)
    for quality, ours in zip(QUALITIES, over, strict=True):
        theirs = [pillow(np.ascontiguousarray(images[..., k]), quality) for k in range(2)]
        np.testing.assert_array_equal(levels(ours), np.stack(theirs, -1))


SIZES = [[61, 45], [1, 1], [5, 7], [16, 16], [17, 33], [40, 8], [42, 44], [33, 40]]


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_a_picture_on_a_canvas_is_compressed_as_if_it_were_alone(subsampling):
    """Also one whose last blocks are half its own, and whatever lies beside it."""
    canvas = PHOTO // 2 + NOISE // 2
    example = {"image": canvas, "size": np.int32(SIZES)}
    transform = ja.JPEG(80, subsampling)
    over = quick(jax.vmap(lambda size: transform(KEY, example | {"size": size})["image"]))
    for (height, width), ours in zip(SIZES, over(example["size"]), strict=True):
        theirs = np.zeros_like(canvas)
        picture = np.ascontiguousarray(canvas[:height, :width])
        theirs[:height, :width] = pillow(picture, 80, subsampling)
        np.testing.assert_array_equal(levels(ours), theirs)


def test_other_pixels_are_cut_and_rounded_first_and_gradients_pass():
    """Straight through, but where the image was cut."""
    image = PHOTO[:16, :16] / np.float32(255) + np.float32(0.3 / 255)
    image[:4] += np.float32(2.0)
    image[4:8] -= np.float32(2.0)
    weights = np.random.default_rng(1).random(image.shape, np.float32)

    def loss(x):
        out = jpeg(x, 20, extent=(16, 16))
        return jnp.sum(out * weights), out

    slope, ours = quick(jax.grad(loss, has_aux=True))(image)
    np.testing.assert_array_equal(slope, np.where((image > 0) & (image < 1), weights, 0))
    rounded = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(levels(ours), pillow(rounded, 20))


def test_qualities_are_whole_and_as_likely():
    keys = jax.random.split(KEY, 100_000)
    transforms = ja.JPEG((10, 19)), ja.JPEG(75), ja.JPEG(ja.Choice(10, 90))
    drawn = jax.vmap(lambda k: [t.sample(k, PHOTO.shape).arguments[0] for t in transforms])(keys)
    counts = np.bincount(drawn[0])
    assert len(counts) == 20 and not counts[:10].any()
    assert scipy.stats.chisquare(counts[10:]).pvalue > 1e-3
    assert (drawn[1] == 75).all()
    assert set(np.unique(drawn[2])) == {10, 90}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.JPEG(0), "JPEG: expected a whole quality in 1..100, got 0"),
        (lambda: ja.JPEG((50, 101)), "whole quality"),
        (lambda: ja.JPEG((10.5, 20)), "whole quality"),
        (lambda: ja.JPEG(50, "4:2:2"), "a subsampling among 4:4:4, 4:2:0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()
