"""The corruptions of ImageNet-C against their definitions, written out in ``corruption_oracle``."""

import functools
import pickle
import re

import corruption_oracle as oracle
import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.data
import skimage.transform
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxaug as ja
from jaxaug import corruptions
from jaxaug.corruptions import _blur, _elastic, _evaluate, _glass, _spatter, _textures
from jaxaug.functional import noise

KEY = jax.random.key(0)
SIDE, ROWS = 48, 24
PHOTO = np.uint8(skimage.transform.resize(skimage.data.astronaut(), (SIDE, SIDE)) * 255)
EVERY = corruptions.NAMES + corruptions.EXTRA
FIXED = {  # what no number is drawn for, and how far it is off at the most, in grey levels
    "gaussian_blur": 0.02,  # cut off at 4 of its largest sigma
    "defocus_blur": 1e-3,
    "zoom_blur": 1e-3,
    "brightness": 1e-3,
    "saturate": 2e-3,
    "contrast": 1e-3,
    "pixelate": 1e-3,
    "jpeg_compression": 1e-3,
}
DRAWN = [name for name in EVERY if name not in FIXED and name != "frost"]


def compiled(function):
    """Hardly optimized, which is quicker here: most of the time is compilation."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


@functools.cache
def program(name):
    """One program for all severities and all tests."""
    corrupt = lambda severity, key, images: ja.batched(corruptions.corrupt(name, severity))(
        key, images
    )
    return compiled(corrupt)


def corrupted(name, severity, key=KEY, image=PHOTO):
    """Draws of one image ``(ROWS, h, w, c)``, in float64."""
    images = np.broadcast_to(image, (ROWS, *image.shape))
    return np.asarray(program(name)(jnp.int32(severity), key, images), np.float64)


def defined(name, severity, draws=1):
    rng = np.random.default_rng(severity)
    made = [getattr(oracle, name)(PHOTO, severity, rng) for _ in range(draws)]
    return np.stack(made).clip(0, 1)


def levels(ours, theirs):
    """Largest difference, in grey levels, of pixels in 0..1."""
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() * 255


# Against the definitions --------------------------------------------------------------------------


@pytest.mark.parametrize("severity", corruptions.SEVERITIES)
@pytest.mark.parametrize("name", FIXED)
def test_what_is_not_random_is_as_defined(name, severity):
    ours = corrupted(name, severity)
    np.testing.assert_array_equal(ours[0], ours[-1])
    assert levels(ours[0], defined(name, severity)[0]) < FIXED[name]


def statistics(images):
    """Numbers of each image ``(n, k)``: brightness, contrast, damage, roughness of two scales."""
    damage = np.mean((images - PHOTO / 255) ** 2, (1, 2, 3))
    rough = [
        np.abs(np.diff(images[:, ::step, ::step], axis=axis)).mean((1, 2, 3))
        for step in (1, 4)
        for axis in (1, 2)
    ]
    ends = [np.mean(images <= 1 / 510, (1, 2, 3)), np.mean(images >= 509 / 510, (1, 2, 3))]
    spread = images.std((1, 2, 3)), np.ptp(images, axis=-1).mean((1, 2))
    return np.stack([images.mean((1, 2, 3)), *spread, damage, *rough, *ends], -1)


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_random_is_distributed_as_defined(name):
    """Means over draws differ by no more than chance, or a fifth of a grey level."""
    for severity in corruptions.SEVERITIES:
        keys = jax.random.split(jax.random.key(severity), 2)
        ours = statistics(np.concatenate([corrupted(name, severity, key) for key in keys]))
        theirs = statistics(defined(name, severity, draws=ROWS))
        assert np.ptp(ours, axis=0).max() > 0
        error = [each.var(axis=0, ddof=1) / len(each) for each in (ours, theirs)]
        away = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
        np.testing.assert_array_less(away, 4.5 * np.sqrt(sum(error)) + 0.2 / 255, str(severity))


def test_frost_is_generated_ice_in_the_published_parts():
    """Not as defined: the ice is not photographed."""
    black, white = (np.full_like(PHOTO, level) for level in (0, 255))
    ice = corrupted("frost", 1, image=black) / 0.4
    for severity, (kept, added) in enumerate([(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7)], 1):
        assert levels(corrupted("frost", severity, image=black), added * ice) < 1e-3
        out = corrupted("frost", severity, image=white)
        assert levels(out, (kept + added * ice).clip(0, 1)) < 1e-3
    assert 0.45 < ice.mean() < 0.57
    assert 0.17 < ice.std(axis=(1, 2)).mean() < 0.25
    assert ice.mean(axis=(1, 2, 3)).std() > 0.01  # another one for every image
    assert (ice[..., 2] > ice[..., 0]).all()  # bluish


def test_glass_blur_reads_what_the_loop_reads():
    shape = (22, 27, 3)
    for far in (1, 2, 3, 4):
        key = jax.random.key(far)
        read = compiled(lambda key, far=far: _glass._read(key, far, shape, shape[:2]))(key)
        shift = (
            np.floor(np.asarray(noise.uniform(key, (*shape[:2], 2))) * 2 * far).astype(int) - far
        )
        assert set(shift.ravel()) == set(range(-far, far))
        place = np.arange(22 * 27).reshape(22, 27)
        for y in range(22 - far, far, -1):
            for x in range(27 - far, far, -1):
                down, right = shift[y, x]
                place[y, x] = place[y + down, x + right]
        np.testing.assert_array_equal(read, place.ravel())


def test_streaks_are_imagemagicks():
    image, degrees = np.float32(PHOTO[:30] / 255), np.float32([-45, -7, 0, 31, -100, 170])
    draw = lambda radians: _blur.streaks(image, 2, _blur.STREAKS, radians, extent=image.shape[:2])
    ours = np.asarray(compiled(jax.vmap(draw))(np.deg2rad(degrees)))
    theirs = np.stack([oracle.streaks(image, *_blur.STREAKS[1], each) for each in degrees])
    assert levels(ours, theirs) < 0.51


def test_drops_of_water_look_as_opencvs():
    rng = np.random.default_rng(0)
    black = np.zeros((64, 72, 3), np.float32)
    water = compiled(lambda liquid, t: _spatter._water(black, liquid, t, 1.0, black.shape[:2]))
    for sigma, threshold in ((4, 0.69), (2, 0.68)):
        liquid = np.float32(oracle.smooth(rng.normal(0.66, 0.3, (64, 72)), sigma))
        ours = np.asarray(water(liquid[..., None], threshold))[..., 1] * 255 / 238
        theirs = oracle.water(np.uint8(np.where(liquid < threshold, 0, liquid) * 255))
        # OpenCV's distances from an edge are a few per cent off.
        assert np.mean((ours > 0) != (theirs > 0)) < 0.005
        assert np.abs(ours - theirs).mean() < 0.01
        assert theirs.mean() > 0.02


def test_elastic_brings_three_corners_back():
    matrix = compiled(lambda key: _elastic._affine(key, 5.0, (48, 60)))(KEY)
    moves = np.asarray(jax.random.uniform(KEY, (3, 2), minval=-1.0) * 5.0)
    middle, half = np.float32([30, 24]), 16
    corners = np.float32([middle + half, middle + np.array([half, -half]), middle - half])
    theirs = cv2.invertAffineTransform(cv2.getAffineTransform(corners, corners + moves))
    to_centre = np.array([[1, 0, 29.5], [0, 1, 23.5], [0, 0, 1]])
    ours = to_centre @ np.array(matrix, np.float64) @ np.linalg.inv(to_centre)
    np.testing.assert_allclose(ours[:2], theirs, atol=1e-4)


def test_elastic_displaces_as_blurred_noise():
    """Its deviation along the picture, of many draws, where long waves stand for the noise."""
    size, sigma, draws = (24, 32), 12.0, 600
    draw = compiled(jax.vmap(lambda key: _elastic._waves(key, size, size, jnp.float32(sigma))))
    ours = np.asarray(draw(jax.random.split(KEY, draws)))
    white = np.random.default_rng(0).uniform(-1, 1, (*size, draws))
    theirs = oracle.smooth(white, sigma, mode="reflect", truncate=3).transpose(2, 0, 1)
    for axis in (0, 1):
        np.testing.assert_allclose(ours[..., axis].std(axis=0), theirs.std(axis=0), rtol=0.15)
    alike = [np.corrcoef(f[:, 0, 0], f[:, 20, 30])[0, 1] for f in (ours[..., 0], theirs)]
    assert abs(alike[0] - alike[1]) < 0.1
    assert abs(np.corrcoef(ours[:, 5, 5, 0], ours[:, 5, 5, 1])[0, 1]) < 0.15


def test_plasma_is_a_power_of_two_and_fills_its_range():
    fractal = np.asarray(compiled(lambda key: _textures.plasma(key, 33, 2.0))(KEY))
    assert fractal.shape == (64, 64)
    assert (fractal.min(), fractal.max()) == (0.0, pytest.approx(1.0, abs=1e-6))


# Transforms ---------------------------------------------------------------------------------------

CANVAS = {"defocus_blur": 1, "zoom_blur": 3, "contrast": 2, "pixelate": 5, "jpeg_compression": 4}
CANVAS |= {"motion_blur": 1, "snow": 4, "elastic_transform": 2}


@pytest.mark.parametrize("name", CANVAS)
def test_known_severities_and_canvases_change_nothing(name):
    """What lies beside a picture is noise; one row is all picture, two are the same one."""
    severity, (height, width) = CANVAS[name], (31, 38)
    images = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    images[0], images[1:, :height, :width] = PHOTO, PHOTO[:height, :width]
    sizes = np.int32([[SIDE, SIDE], [height, width], [height, width]])
    keys = jax.vmap(jax.random.fold_in, (None, 0))(KEY, np.uint32([0, 1, 1]))
    corrupt = compiled(jax.vmap(corruptions.corrupt(name, severity)))
    out = np.asarray(corrupt(keys, {"image": images, "size": sizes})["image"])
    assert levels(out[0], corrupted(name, severity)[0]) < 0.02
    np.testing.assert_array_equal(out[1], out[2])
    assert not out[1, height:].any()
    assert not out[1, :, width:].any()
    picture = out[1, :height, :width]
    if name in FIXED and name != "zoom_blur":  # which the oracle knows of squares
        alone = getattr(oracle, name)(PHOTO[:height, :width], severity, None).clip(0, 1)
        assert levels(picture, alone) < FIXED[name]
    assert picture.std() > 0.02


def test_bits_do_not_depend_on_the_batch_or_the_devices():
    """Batches of 1 and of 3, and 8 devices, one record each."""
    rng = np.random.default_rng(0)
    smooth = [oracle.smooth(rng.random((20, 26, 3)), 2) for _ in range(8)]
    smooth = np.stack([np.uint8(255 * (s - s.min()) / np.ptp(s)) for s in smooth])
    columns = {"image": smooth, "index": np.arange(8, dtype=np.uint32) + 5}
    columns["visit"] = np.zeros(8, np.uint32)
    spec = PartitionSpec("data")
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    for name, ways in (("zoom_blur", 3), ("speckle_noise", 4), ("elastic_transform", 1)):
        corrupt = ja.batched(corruptions.corrupt(name, 2))
        inside = jax.shard_map(corrupt, mesh=mesh, in_specs=(PartitionSpec(), spec), out_specs=spec)
        whole = np.asarray(jax.jit(corrupt)(KEY, columns)["image"])
        part = lambda order: jax.tree.map(lambda x: x[np.array(order)], columns)
        cases = [
            (inside, columns, range(8)),
            (corrupt, part([5]), [5]),
            (corrupt, part([6, 0, 3]), [6, 0, 3]),
            (corrupt, jax.device_put(columns, NamedSharding(explicit, spec)), range(8)),
        ]
        for function, batch, order in cases[:ways]:
            out = np.asarray(jax.jit(function)(KEY, batch)["image"])
            np.testing.assert_array_equal(out, whole[list(order)], name)


def test_corruptions_are_transforms():
    for name in EVERY:
        corruption = getattr(corruptions, name)(severity=2)
        assert repr(corruption) == f"Corruption({name!r}, severity=2)"
        assert repr(pickle.loads(pickle.dumps(corruption))) == repr(corruption)
        assert repr(corruptions.corrupt(name)) == repr(getattr(corruptions, name)())
        for channels in (1, 3, 5):
            shape = jax.ShapeDtypeStruct((20, 26, channels), jnp.uint8)
            try:
                out = jax.eval_shape(corruption, KEY, shape)
            except ja.JaxaugError as error:
                assert (name, channels == 3) == ("saturate", False)
                assert "3 channels" in str(error)
            else:
                assert (out.shape, out.dtype) == (shape.shape, jnp.float32)
    assert len(corruptions.NAMES) == 15
    assert len(set(EVERY)) == 19


def test_corruptions_are_gated_by_data_and_stand_in_chains():
    chain = ja.Chain(
        ja.Maybe(corruptions.brightness(1), p=0.0),
        ja.OneOf(corruptions.contrast(1), corruptions.contrast(5)),
        ja.Brightness((2.0, 2.0)),
    )
    out = np.asarray(compiled(jax.vmap(chain, (0, None)))(jax.random.split(KEY, 16), PHOTO))
    strong = [
        levels(out, np.broadcast_to(2 * defined("contrast", severity), out.shape))
        for severity in (1, 5)
    ]
    each = [
        [levels(row, 2 * defined("contrast", severity)[0]) < 0.01 for row in out]
        for severity in (1, 5)
    ]
    assert min(strong) > 1
    np.testing.assert_array_equal(np.add(*each), 1)
    assert 2 < sum(each[0]) < 14


@pytest.mark.parametrize("name", ["brightness", "saturate", "pixelate", "zoom_blur"])
def test_gradients_are_finite(name):
    image = np.float32(PHOTO[:16, :16] / 255)
    image[:4], image[4:8] = 0.0, 0.5  # black and grey
    slope = compiled(jax.grad(lambda x: jnp.sum(corruptions.corrupt(name, 4)(KEY, x) ** 2)))(image)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0


# A model's errors ---------------------------------------------------------------------------------


def flat_images(count=21):
    """Images of two greys, dark (class 0) and bright; every third is bright."""
    labels = np.int32(np.arange(count) % 3 == 0)
    greys = np.where(labels, 180, 70).astype(np.uint8)
    return np.broadcast_to(greys[:, None, None, None], (count, 16, 16, 3)).copy(), labels


def brighter_than_half(images):
    """Logits, of NumPy: it must not be traced."""
    assert isinstance(images, jax.Array)
    mean = np.asarray(images).mean((1, 2, 3))
    return np.stack([0.5 - mean, mean - 0.5], axis=-1)


def batches(images, labels, size=8, **columns):
    for first in range(0, len(labels), size):
        part = slice(first, first + size)
        rest = {name: column[part] for name, column in columns.items()}
        yield {"image": images[part], "label": labels[part], **rest}


CHEAP = ("brightness", "contrast", "impulse_noise")


def test_errors_of_a_classifier_that_are_known():
    """Dark images, 2 of 3, look bright from 0.3 more on; contrast and noise keep the mean."""
    images, labels = flat_images()
    result = corruptions.evaluate(brighter_than_half, batches(images, labels), names=CHEAP)
    wanted = np.outer([1, 0, 0], [0, 0, 14, 14, 14])
    np.testing.assert_array_equal(result.wrong, wanted)
    assert (result.wrong_clean, result.count, result.clean) == (0, 21, 0.0)
    assert result.mce == pytest.approx(wanted.sum() / 15 / 21)
    assert result.mce_alexnet is None
    table = result.table
    assert table.loc["brightness", 4] == pytest.approx(2 / 3)
    assert table.loc["brightness", "mean"] == pytest.approx(0.4)
    assert list(table.columns) == [1, 2, 3, 4, 5, "mean"]
    assert "21 images, errors in %: clean 0.0, mean corruption error 13.3" in repr(result)
    assert re.search(r"\nbrightness +0.0 0.0 66.7 66.7 66.7 +40.0\n", repr(result))

    # Of the loader rows that are not valid do not count, and Normalize is behind the corruption.
    source = ja.data.ArraySource(images, labels=labels)
    loader = ja.data.Loader(source, 8, shuffle=False, threads=0)
    twice = lambda images: jnp.int32(images.mean((1, 2, 3)) > 0)
    normal = ja.Normalize(0.5, 0.1)
    again = corruptions.evaluate(
        twice, loader, names=CHEAP[:1], severities=(2, 5), transform=normal
    )
    assert again.count == 21
    np.testing.assert_array_equal(again.wrong, [[0, 14]])


def test_few_programs_and_one_shape_whatever_the_last_batch():
    images, labels = flat_images()
    shapes, before = set(), _evaluate._images._cache_size()

    def predict(images):
        shapes.add(images.shape)
        return brighter_than_half(images).argmax(-1)

    for _ in range(2):
        corruptions.evaluate(predict, batches(images, labels, 6), names=CHEAP)
    assert shapes == {(6, 16, 16, 3)}
    assert _evaluate._images._cache_size() - before == 1 + len(CHEAP)


def test_what_an_image_suffers_depends_on_its_record():
    images, labels = flat_images(8)
    index = np.arange(8, dtype=np.uint32) + 3
    seen = []

    def record(images):
        seen.append(np.asarray(images))
        return np.zeros(len(images), np.int32)

    def suffered(**columns):
        seen.clear()
        size = columns.pop("size", 8)
        made = batches(images, columns.pop("label", labels), size, **columns)
        corruptions.evaluate(record, made, names=("impulse_noise",), severities=(4,), key=KEY)
        return np.concatenate(seen[1::2])

    whole = suffered(index=index)
    order = [3, 0, 7, 1, 2, 6, 5, 4]
    images = images[order]
    np.testing.assert_array_equal(suffered(index=index[order], visit=index), whole[order])
    images = images[np.argsort(order)]
    np.testing.assert_array_equal(suffered(size=4), suffered())  # by its place in all batches
    documented = ja.batched(ja.Chain(corruptions.impulse_noise(4)))
    columns = {"image": images, "index": index, "visit": np.zeros(8, np.uint32)}
    assert levels(np.asarray(jax.jit(documented)(KEY, columns)["image"]), whole) < 1e-3


def test_mean_corruption_error_of_imagenet_is_relative_to_alexnets():
    parts = np.array([corruptions.ALEXNET[name] for name in corruptions.NAMES])
    wrong = np.round(1e6 * parts).astype(np.int64)[:, None].repeat(5, axis=1)
    of = lambda names, wrong: corruptions.Robustness(names, corruptions.SEVERITIES, wrong, 0, 10**6)
    assert of(corruptions.NAMES, wrong).mce_alexnet == pytest.approx(1.0)
    assert of(corruptions.NAMES, wrong // 2).mce_alexnet == pytest.approx(0.5, abs=1e-5)
    assert of(corruptions.NAMES[1:], wrong[1:]).mce_alexnet is None


ONES = np.ones((4, 8, 8, 3), np.float32)
GOOD = {"image": ONES, "label": np.zeros(4, np.int32)}
CASES = {
    "an unknown name": (lambda: corruptions.corrupt("mist"), "a corruption among gaussian_noise"),
    "severity 0": (lambda: corruptions.fog(0), "fog: .*1, 2, 3, 4 or 5, got 0"),
    "half a severity": (lambda: corruptions.fog(2.5), "1, 2, 3, 4 or 5, got 2.5"),
    "no batches": (lambda: corruptions.evaluate(len, []), "batches with images, got none"),
    "no label": (
        lambda: corruptions.evaluate(len, [{"image": ONES}]), "key 'label', got 'image'"
    ),
    "no image": (lambda: corruptions.evaluate(len, [{"label": np.zeros(4)}]), "key 'image'"),
    "no dict": (lambda: corruptions.evaluate(len, [ONES]), "key 'label', got float32"),
    "no names": (lambda: corruptions.evaluate(len, [GOOD], names=()), "severities, got none"),
    "severity 6": (lambda: corruptions.evaluate(len, [], severities=(6,)), "4 or 5, got 6"),
    "no transform": (lambda: corruptions.evaluate(len, [GOOD], transform=len), "a transform"),
    "columns of labels": (
        lambda: corruptions.evaluate(len, [GOOD | {"label": np.zeros((4, 1))}]), "or one-hot"
    ),
    "one logit": (
        lambda: corruptions.evaluate(lambda x: x[:, 0, 0, :1], [GOOD]), r"logits \(4, classes\)"
    ),
    "probabilities": (
        lambda: corruptions.evaluate(lambda x: x[:, 0, 0, 0], [GOOD]), "or integers .4,. from"
    ),
    "too few": (
        lambda: corruptions.evaluate(lambda x: x[:2, 0, 0], [GOOD]), r"got float32\(2, 3\)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_errors(name):
    call, words = CASES[name]
    with pytest.raises(ja.JaxaugError, match=words):
        call()
