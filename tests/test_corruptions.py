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
from jaxaug.corruptions import _evaluate, _textures, _weather
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


class Replay:
    """A generator that gives the oracle the numbers that jaxaug draws: uniform or normal ones."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def _next(self, shape):
        return np.asarray(self.numbers.pop(0), np.float64).reshape(shape)

    def normal(self, mean, deviation, shape):
        return mean + deviation * self._next(shape)

    def uniform(self, low, high, shape=()):
        return low + (high - low) * self._next(shape)

    def integers(self, low, high, shape):
        return np.floor(self.uniform(low, high, shape)).astype(int)


def plain_noise(severity, key):
    return [noise.normal(key, PHOTO.shape)]


def glass_numbers(severity, key):
    rounds = (2, 1, 3, 2, 2)[severity - 1]
    keys = jax.random.split(key, 3)[:rounds]
    return [np.stack([noise.uniform(each, (SIDE, SIDE, 2)) for each in keys])]


def snow_numbers(severity, key):
    """Of the flakes only those in the middle are seen, of ours those in a corner."""
    flakes, wind = jax.random.split(key)
    few, layer = noise.normal(flakes, (25, 25, 1))[..., 0], np.zeros((SIDE, SIDE))
    part = int(np.ceil(SIDE / (3, 2, 4, 4.5, 2.5)[severity - 1]))
    first = (SIDE - part) // 2
    layer[first : first + part, first : first + part] = few[:part, :part]
    return [layer, jax.random.uniform(wind)]


def fog_numbers(severity, key):
    numbers, step = np.asarray(noise.uniform(key, (64, 64, 1)))[..., 0], 64
    while step >= 2:
        half = step // 2
        places = ((half, half), (0, half), (half, 0))
        yield np.stack([numbers[y::step, x::step] for y, x in places])
        step = half


def elastic_numbers(severity, key):
    affine, field = jax.random.split(key)
    narrow = noise.uniform(jax.random.split(field)[1], (SIDE, SIDE, 2))
    return [jax.random.uniform(affine, (3, 2)), narrow[..., 0], narrow[..., 1]]


REPLAYED = {  # how many levels off are 999 of 1000 numbers at the most, and all of them on average
    "gaussian_noise": (plain_noise, 0.01, 0.01),
    "speckle_noise": (plain_noise, 0.01, 0.01),
    "glass_blur": (glass_numbers, 0.5, 0.01),  # a level that is whole but for rounding
    "motion_blur": (lambda severity, key: [jax.random.uniform(key)], 0.51, 0.3),  # to 8 bits
    "snow": (snow_numbers, 1.1, 0.2),
    "fog": (fog_numbers, 0.01, 0.01),
    "elastic_transform": (elastic_numbers, 0.01, 0.01),
    "spatter": (lambda severity, key: [noise.normal(key, (SIDE, SIDE, 1))], 0.01, 0.01),
}


@pytest.mark.parametrize("name", REPLAYED)
def test_what_is_random_is_as_defined_for_the_same_numbers(name):
    numbers, most, mean = REPLAYED[name]
    for severity in corruptions.SEVERITIES[2 if name == "elastic_transform" else 0 :]:
        images, keys = corrupted(name, severity), jax.vmap(jax.random.fold_in, (None, 0))
        assert np.ptp(images, axis=0).max() > 0.1
        key = keys(KEY, np.arange(3))[2]
        rng = Replay(*numbers(severity, key))
        away = np.abs(images[2] - getattr(oracle, name)(PHOTO, severity, rng).clip(0, 1)) * 255
        assert np.quantile(away, 0.999) < most, severity
        assert away.mean() < mean, severity


def statistics(images):
    """Numbers of each image ``(n, k)``: brightness, contrast, damage, roughness of two scales."""
    damage = np.sqrt(np.mean((images - PHOTO / 255) ** 2, (1, 2, 3)))
    rough = [
        np.abs(np.diff(images[:, ::step, ::step], axis=axis)).mean((1, 2, 3))
        for step in (1, 4)
        for axis in (1, 2)
    ]
    ends = [np.mean(images <= 1 / 510, (1, 2, 3)), np.mean(images >= 509 / 510, (1, 2, 3))]
    return np.stack([images.mean((1, 2, 3)), images.std((1, 2, 3)), damage, *rough, *ends], -1)


@pytest.mark.parametrize("name", ["shot_noise", "impulse_noise", "elastic_transform"])
def test_what_is_random_is_distributed_as_defined(name):
    """Means over draws differ by no more than chance, or a tenth of a grey level."""
    for severity in corruptions.SEVERITIES:
        keys = jax.random.split(jax.random.key(severity), 4)
        ours = statistics(np.concatenate([corrupted(name, severity, key) for key in keys]))
        theirs = statistics(defined(name, severity, draws=4 * ROWS))
        error = [each.var(axis=0, ddof=1) / len(each) for each in (ours, theirs)]
        away = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
        np.testing.assert_array_less(away, 4.5 * np.sqrt(sum(error)) + 0.1 / 255, str(severity))


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


def test_elastic_moves_corners_and_displaces_as_blurred_noise():
    """The affine maps are OpenCV's; displacements have the deviations and the reach of noise's."""
    draw = lambda severity, key: corruptions.elastic_transform(severity).sample(key, (36, 48, 3))
    draw = compiled(jax.vmap(draw, (None, 0)))
    keys, side = jax.random.split(KEY, 600), 36 * 244 / 224
    middle, half = np.float32([24, 18]), 12
    corners = np.float32([middle + half, middle + np.array([half, -half]), middle - half])
    centre = np.array([[1, 0, 23.5], [0, 1, 17.5], [0, 0, 1]])
    white = np.random.default_rng(0).uniform(-1, 1, (36, 48, 600))
    for severity, (strength, sigma, far) in enumerate([(2, 0.7, 0.1), (2, 0.08, 0.2)], 1):
        affine, bent = draw(jnp.int32(severity), keys).ops
        unit = np.asarray(jax.random.uniform(jax.random.split(keys[1])[0], (3, 2)))
        moved = corners + np.float32((2 * unit - 1) * far * side)
        theirs = cv2.invertAffineTransform(cv2.getAffineTransform(corners, moved))
        matrix = np.array([[np.broadcast_to(x, 600)[1] for x in row] for row in affine.matrix])
        np.testing.assert_allclose((centre @ matrix @ np.linalg.inv(centre))[:2], theirs, atol=1e-3)

        ours = np.asarray(bent.bends[0].arguments[0])
        field = oracle.smooth(white, sigma * side, mode="reflect", truncate=3).transpose(2, 0, 1)
        deviation = strength * side * field.std(axis=0)
        for axis in (0, 1):
            np.testing.assert_allclose(ours[..., axis].std(axis=0), deviation, rtol=0.15)
        alike = [np.corrcoef(f[:, 0, 0], f[:, 5, 7])[0, 1] for f in (ours[..., 0], field)]
        assert abs(alike[0] - alike[1]) < 0.1
        assert abs(np.corrcoef(ours[:, 5, 5, 0], ours[:, 5, 5, 1])[0, 1]) < 0.15


def test_plasma_is_a_power_of_two_and_fills_its_range():
    fractal = np.asarray(compiled(lambda key: _textures.plasma(key, 33, 2.0))(KEY))
    assert fractal.shape == (64, 64)
    assert (fractal.min(), fractal.max()) == (0.0, pytest.approx(1.0, abs=1e-6))


# Transforms ---------------------------------------------------------------------------------------

CANVAS = {"defocus_blur": 1, "zoom_blur": 3, "contrast": 2, "pixelate": 5}
CANVAS |= {"motion_blur": 1, "snow": 4, "elastic_transform": 2}


@pytest.mark.parametrize("name", CANVAS)
def test_known_severities_and_canvases_change_nothing(name):
    """What lies beside a picture is noise; one row is all picture, two are the same one."""
    severity, (height, width) = CANVAS[name], (31, 31 if name == "zoom_blur" else 38)
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
    if name in FIXED:
        alone = getattr(oracle, name)(PHOTO[:height, :width], severity, None).clip(0, 1)
        assert levels(picture, alone) < FIXED[name]
    assert picture.std() > 0.02


def test_half_a_turn_is_that_of_the_picture():
    image, size = np.float32(PHOTO / 255), (jnp.float32(31), jnp.float32(38))
    turned = np.asarray(_weather.turned(image, size))[:31, :38]
    np.testing.assert_array_equal(turned, image[:31, :38][::-1, ::-1])


def test_bits_do_not_depend_on_the_batch_or_the_devices():
    """Three of a batch; eight devices that share it, and eight with one record each."""
    rng = np.random.default_rng(0)
    smooth = [oracle.smooth(rng.random((20, 26, 3)), 2) for _ in range(8)]
    smooth = np.stack([np.uint8(255 * (s - s.min()) / np.ptp(s)) for s in smooth])
    columns = {"image": smooth, "index": np.arange(8, dtype=np.uint32) + 5}
    columns["visit"] = np.zeros(8, np.uint32)
    spec = PartitionSpec("data")
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    explicit = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    sharded = jax.device_put(columns, NamedSharding(explicit, spec))
    three = jax.tree.map(lambda x: x[np.array([6, 0, 3])], columns)
    for name, part, rows in (("zoom_blur", three, [6, 0, 3]), ("speckle_noise", sharded, range(8))):
        corrupt = ja.batched(corruptions.corrupt(name, 2))
        whole = np.asarray(jax.jit(corrupt)(KEY, columns)["image"])
        out = np.asarray(jax.jit(corrupt)(KEY, part)["image"])
        np.testing.assert_array_equal(out, whole[list(rows)], name)
    for name in ("glass_blur", "frost", "elastic_transform", "spatter"):  # what could not be traced
        corrupt = ja.batched(corruptions.corrupt(name, 2))
        jax.jit(corrupt).trace(KEY, sharded)
        inside = jax.shard_map(corrupt, mesh=mesh, in_specs=(PartitionSpec(), spec), out_specs=spec)
        assert jax.eval_shape(inside, KEY, columns)["image"].shape == smooth.shape


def test_corruptions_are_transforms():
    for name in EVERY:
        corruption = getattr(corruptions, name)(severity=2)
        assert repr(corruption) == f"Corruption({name!r}, severity=2)"
        assert repr(pickle.loads(pickle.dumps(corruption))) == repr(corruption)
        assert repr(corruptions.corrupt(name)) == repr(getattr(corruptions, name)())
        grey = jax.ShapeDtypeStruct((20, 26, 1), jnp.uint8)
        try:
            out = jax.eval_shape(corruption, KEY, grey)
        except ja.JaxaugError as error:
            assert name == "saturate"
            assert "3 channels" in str(error)
        else:
            assert (out.shape, out.dtype) == (grey.shape, jnp.float32)
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
    SHAPES.append(images.shape)
    mean = np.asarray(images).mean((1, 2, 3))
    return np.stack([0.5 - mean, mean - 0.5], axis=-1)


def batches(images, labels, size=8, **columns):
    for first in range(0, len(labels), size):
        part = slice(first, first + size)
        rest = {name: column[part] for name, column in columns.items()}
        yield {"image": images[part], "label": labels[part], **rest}


SHAPES = []
CHEAP = ("brightness", "contrast")


def test_errors_of_a_classifier_that_are_known():
    """Dark images, 2 of 3, look bright from 0.3 more on; contrast keeps the mean."""
    images, labels = flat_images()
    _evaluate._images.clear_cache()
    SHAPES.clear()
    for _ in range(2):
        result = corruptions.evaluate(brighter_than_half, batches(images, labels), names=CHEAP)
    # Few programs of one shape each, whatever the severity and the last batch.
    assert _evaluate._images._cache_size() == 1 + len(CHEAP)
    assert set(SHAPES) == {(8, 16, 16, 3)}
    wanted = np.outer([1, 0], [0, 0, 14, 14, 14])
    np.testing.assert_array_equal(result.wrong, wanted)
    assert (result.wrong_clean, result.count, result.clean) == (0, 21, 0.0)
    assert result.mce == pytest.approx(wanted.sum() / 10 / 21)
    assert result.mce_alexnet is None
    table = result.table
    assert table.loc["brightness", 4] == pytest.approx(2 / 3)
    assert table.loc["brightness", "mean"] == pytest.approx(0.4)
    assert list(table.columns) == [1, 2, 3, 4, 5, "mean"]
    assert "21 images, errors in %: clean 0.0, mean corruption error 20.0" in repr(result)
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
