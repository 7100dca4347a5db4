"""ImageDataGenerator: every argument, against Keras where it is kept, by law where it is fixed."""

import re
import warnings

import numpy as np
import pytest
from keras_oracle import image as keras

from jaxaug import compat
from jaxaug.compat._transformed import transformed

Generator = compat.ImageDataGenerator
PICTURES = np.random.default_rng(0).integers(0, 256, (12, 14, 14, 3)).astype(np.float32)
SEEDS = np.arange(48, dtype=np.uint32).reshape(12, 4)

RANGES = {
    "nothing": {},
    "rotation_range": {"rotation_range": 20},
    "rotation_range negative": {"rotation_range": -20},
    "width_shift_range fraction": {"width_shift_range": 0.2},
    "width_shift_range pixels": {"width_shift_range": 3.5},
    "width_shift_range whole": {"width_shift_range": 4},
    "width_shift_range one": {"width_shift_range": 1},
    "width_shift_range list": {"width_shift_range": [2, 4, 7]},
    "width_shift_range fractions": {"width_shift_range": [0.1, 0.3]},
    "width_shift_range zero in a list": {"width_shift_range": [0]},
    "height_shift_range fraction": {"height_shift_range": 0.2},
    "height_shift_range whole": {"height_shift_range": 4},
    "brightness_range": {"brightness_range": (0.5, 1.5)},
    "shear_range": {"shear_range": 15},
    "zoom_range": {"zoom_range": 0.3},
    "zoom_range pair": {"zoom_range": (0.5, 0.9)},
    "zoom_range reversed": {"zoom_range": [1.2, 0.9]},
    "channel_shift_range": {"channel_shift_range": 30},
    "horizontal_flip": {"horizontal_flip": True},
    "vertical_flip": {"vertical_flip": True},
    "all": {
        "rotation_range": 20,
        "width_shift_range": 0.2,
        "height_shift_range": 3,
        "shear_range": 10,
        "zoom_range": 0.2,
        "channel_shift_range": 10,
        "horizontal_flip": True,
        "vertical_flip": True,
        "brightness_range": [0.7, 1.2],
    },
}


@pytest.mark.parametrize("name", RANGES)
def test_draws_are_those_of_keras_for_equal_seeds(name):
    """The same numbers, but that width goes along x and height along y, in the image's own size."""
    ours, theirs = Generator(**RANGES[name]), keras.ImageDataGenerator(**RANGES[name])
    before = np.random.get_state()[1].copy()
    for seed in range(20):
        got = ours.get_random_transform((40, 40, 3), seed=seed)
        assert np.array_equal(np.random.get_state()[1], before)
        expected = theirs.get_random_transform((40, 40, 3), seed=seed)
        before = np.random.get_state()[1].copy()
        expected["tx"], expected["ty"] = expected["ty"], expected["tx"]
        assert got == expected
    assert got.keys() == expected.keys()


def test_shifts_are_parts_of_their_own_side():
    generator = Generator(width_shift_range=0.5, height_shift_range=0.1)
    drawn = [generator.get_random_transform((40, 100, 3), seed=k) for k in range(300)]
    for name, limit in (("tx", 50), ("ty", 4)):
        values = np.array([each[name] for each in drawn])
        assert np.abs(values).max() <= limit
        assert np.abs(values).max() > 0.95 * limit
    first = Generator(width_shift_range=0.5, height_shift_range=0.1, data_format="channels_first")
    assert first.get_random_transform((3, 40, 100), seed=5) == drawn[5]


LAYOUTS = {"channels_last": (0, 1, 2, 3), "channels_first": (0, 3, 1, 2)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", RANGES)
def test_a_batch_is_its_images_transformed_one_by_one(name, layout):
    options = RANGES[name] | {"rescale": 1 / 255, "data_format": layout}
    generator = Generator(**options)
    for x in (PICTURES, PICTURES.astype(np.uint8)):
        x = x.transpose(LAYOUTS[layout])
        batch = transformed(generator, x, SEEDS)
        assert (batch.dtype, batch.shape, batch.flags.writeable) == (np.float32, x.shape, True)
        for got, image, seed in zip(batch, x.astype(np.float32), SEEDS, strict=True):
            given = generator.get_random_transform(image.shape, seed=seed)
            expected = generator.standardize(np.array(generator.apply_transform(image, given)))
            error = np.abs(got - expected)
            # Where brightness cuts to whole levels, the last bit may decide.
            assert np.quantile(error, 0.99) < 1e-4
            assert error.max() < 1.01 / 255
    still = transformed(generator, x, SEEDS, augment=False)
    assert np.allclose(still, x / 255)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float64"])
def test_batches_have_the_type_that_is_asked_for(dtype):
    generator = Generator(rotation_range=30, dtype=dtype)
    batch = transformed(generator, PICTURES, SEEDS)
    assert batch.dtype == dtype
    reference = transformed(Generator(rotation_range=30), PICTURES, SEEDS)
    step = {"float16": 0.13, "float64": 1e-3}.get(dtype, 0.501)
    assert np.abs(batch - reference).max() <= step
    kept = PICTURES.astype("float64") / 7
    assert np.array_equal(transformed(Generator(dtype="float64"), kept, SEEDS), kept)


STANDARD = {
    "rescale": {"rescale": 1 / 255},
    "rescale off": {"rescale": 0},
    "samplewise_center": {"samplewise_center": True},
    "samplewise_std_normalization": {"samplewise_std_normalization": True},
    "featurewise_center": {"featurewise_center": True},
    "featurewise_std_normalization": {"featurewise_std_normalization": True},
    "zca_whitening": {"zca_whitening": True, "zca_epsilon": 0.1, "featurewise_center": True},
    "preprocessing_function": {"preprocessing_function": lambda x: x[::-1] * 2, "rescale": 0.5},
    "several": {"samplewise_center": True, "featurewise_std_normalization": True, "rescale": 0.1},
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", STANDARD)
def test_statistics_and_standardisation_are_those_of_keras(name, layout, dtype):
    x = np.random.default_rng(1).normal(100, 50, (200, 4, 5, 3)).transpose(LAYOUTS[layout])
    x = x.astype(dtype)
    options = STANDARD[name] | {"data_format": layout, "dtype": dtype}
    ours, theirs = Generator(**options), keras.ImageDataGenerator(**options)
    ours.fit(x)
    theirs.fit(x)
    limit = 1e-6 if dtype == "float64" else 2e-4
    for statistic in ("mean", "std", "zca_whitening_matrix"):
        got, expected = getattr(ours, statistic), getattr(theirs, statistic)
        assert (got is None) == (expected is None), statistic
        if got is not None:
            assert (got.shape, got.dtype) == (expected.shape, dtype)
            assert np.allclose(got, expected, rtol=limit, atol=limit), statistic
    for part in (x[0], x[:3]):
        changed, expected = part.copy(), theirs.standardize(part.copy())
        got = ours.standardize(changed)
        assert np.allclose(got, expected, rtol=limit, atol=limit * 10)
        if name not in ("zca_whitening", "preprocessing_function"):
            assert got is changed  # in place, as Keras says
    batch = transformed(ours, x[:3], SEEDS)
    alone = np.stack([ours.standardize(image.copy()) for image in x[:3]])
    assert np.allclose(batch, alone, rtol=limit, atol=limit * 10)


def test_a_missing_statistic_is_said_and_skipped():
    x = np.ones((4, 4, 3), np.float32)
    for name in ("featurewise_center", "featurewise_std_normalization", "zca_whitening"):
        generator = Generator(**{"featurewise_center": True, name: True})
        with pytest.warns(UserWarning, match="hasn't been fit on any training data") as caught:
            assert np.array_equal(generator.standardize(x.copy()), x)
        assert f"specifies `{name}`, but" in str(caught[-1].message)
        assert caught[-1].filename == __file__
    with pytest.raises(TypeError, match="multiply"):
        Generator(rescale=0.5).standardize(np.ones((2, 2, 3), np.uint8))


ODD = [
    {"brightness_range": 0.5},
    {"brightness_range": [1, 2, 3]},
    {"brightness_range": np.array([0.5, 1])},
    {"zoom_range": [1, 2, 3]},
    {"zoom_range": "ab"},
    {"data_format": "last"},
    {"validation_split": 1},
    {"validation_split": True},
    {"validation_split": -0.1},
    {"validation_split": 1.5},
    {"zca_whitening": True},
    {"zca_whitening": True, "featurewise_center": True, "featurewise_std_normalization": True},
    {"featurewise_std_normalization": True},
    {"samplewise_std_normalization": True},
    {"samplewise_std_normalization": True, "samplewise_center": True},
    {"validation_split": 0},
]


@pytest.mark.parametrize("options", ODD, ids=str)
def test_the_constructor_refuses_and_warns_as_keras(options):
    def words(kind):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                made = vars(kind(**options))
            except (ValueError, TypeError) as error:
                return type(error), re.sub(r"\W+", "", str(error))
        said = [(each.category, re.sub(r"\W+", "", str(each.message))) for each in caught]
        flags = {name: made[name] for name in made if name.endswith(("center", "normalization"))}
        return said, flags

    assert words(Generator) == words(keras.ImageDataGenerator)


def test_attributes_are_those_of_keras():
    ours, theirs = vars(Generator(zoom_range=0.2)), vars(keras.ImageDataGenerator(zoom_range=0.2))
    assert theirs.keys() <= ours.keys()
    for name, value in theirs.items():
        assert ours[name] == value or name == "dtype", name
    first = Generator(data_format="channels_first")
    assert (first.row_axis, first.col_axis, first.channel_axis) == (2, 3, 1)


def test_traps_are_said():
    for options, words in (
        ({"width_shift_range": [-10, -5]}, "none of it reaches 1"),
        ({"height_shift_range": -3}, "none of it reaches 1"),
        ({"zoom_range": 1.5}, "factors below 0 mirror"),
        ({"zoom_range": True}, "0 leaves"),
    ):
        with pytest.warns(UserWarning, match=words) as caught:
            Generator(**options)
        assert caught[0].filename == __file__
    assert Generator(zoom_range=np.float32(0.25)).zoom_range == [0.75, 1.25]
    with pytest.raises(TypeError, match="`zoom_range` should be"):
        Generator(zoom_range=None)


def test_a_misspelt_argument_suggests_the_right_one():
    generator = Generator()
    for call, words in (
        (lambda: Generator(rotaton_range=3), "ImageDataGenerator: .*Did you mean 'rotation_range'"),
        (lambda: generator.flow(PICTURES, batchsize=3), "Did you mean 'batch_size'"),
        (lambda: generator.flow_from_directory(".", target_sise=3), "Did you mean 'target_size'"),
        (lambda: generator.flow_from_dataframe(None, x_column=3), "Did you mean 'x_col'"),
        (lambda: generator.fit(PICTURES, augmented=True), "Did you mean 'augment'"),
        (lambda: generator.random_transform(PICTURES[0], sed=1), "Did you mean 'seed'"),
    ):
        with pytest.raises(TypeError, match=words):
            call()


def test_subclasses_may_change_each_step():
    class Own(Generator):
        def get_random_transform(self, img_shape, seed=None):
            drawn = super().get_random_transform(img_shape)  # does not hand its seed on
            return drawn | {"flip_horizontal": True, "theta": 0}

        def apply_transform(self, x, transform_parameters):
            self.seen = transform_parameters
            return super().apply_transform(x, transform_parameters) + 1

        def standardize(self, x):
            return super().standardize(x) * 2

    own = Own(rotation_range=50, width_shift_range=3)
    first, again = (transformed(own, PICTURES, SEEDS) for _ in range(2))
    assert own.seen["theta"] == 0
    assert np.array_equal(first, again)
    plain = own.get_random_transform(PICTURES[0].shape, seed=1)
    moved = Generator().apply_transform(PICTURES[0], {"tx": 2.0, "flip_horizontal": True})
    assert plain["flip_horizontal"]
    shifts = {each.get("tx") for each in [own.seen]}
    assert shifts <= {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert moved.shape == PICTURES[0].shape


def test_a_preprocessing_function_gets_one_writable_array_after_the_transform():
    seen = []

    def function(x):
        seen.append((type(x), x.shape, x.dtype, x.max()))
        x[...] = 255.0
        return x

    generator = Generator(preprocessing_function=function, rescale=1 / 255, brightness_range=(0, 0))
    batch = transformed(generator, PICTURES, SEEDS)
    assert np.allclose(batch, 1)
    assert seen == [(np.ndarray, PICTURES.shape[1:], np.float32, 0)] * len(PICTURES)


def test_validation_is_left_alone_on_demand():
    with pytest.warns(UserWarning, match="augment_validation=False") as caught:
        generator = Generator(rotation_range=30)
        assert generator.augments("validation")
        assert generator.augments("validation")
    assert len(caught) == 1
    assert generator.augments("training")
    assert Generator(rotation_range=30, augment_validation=True).augments("validation")
    assert not Generator(rotation_range=30, augment_validation=False).augments("validation")
    assert Generator(rotation_range=30, augment_validation=False).augments(None)
    assert Generator(rescale=1 / 255).augments("validation")


def test_random_transform_follows_its_seed():
    generator = Generator(**RANGES["all"])
    first = generator.random_transform(PICTURES[0], seed=3)
    assert np.array_equal(first, generator.random_transform(PICTURES[0], seed=3))
    assert not np.array_equal(first, generator.random_transform(PICTURES[0], seed=4))
    given = generator.get_random_transform(PICTURES[0].shape, seed=3)
    assert np.array_equal(first, generator.apply_transform(PICTURES[0], given))
    assert not np.array_equal(
        generator.random_transform(PICTURES[0]), generator.random_transform(PICTURES[0])
    )


def forms(folder, x):
    """The same images in every form that `fit` takes, as (name, images, in bytes or not)."""
    from PIL import Image

    import jaxaug.data as jd

    (folder / "a").mkdir()
    for number, image in enumerate(x):
        Image.fromarray(image).save(folder / "a" / f"{number:03d}.png")
    moving = Generator(rotation_range=90, rescale=3.0)
    yield "array", x
    yield "list", list(x)
    yield "flow", moving.flow(x, batch_size=7, shuffle=True)
    yield "files", moving.flow_from_directory(folder, target_size=x.shape[1:3], class_mode=None)
    yield "source", jd.DirectorySource(folder, image_size=x.shape[1:3])
    yield "batches", (x[k : k + 5] for k in range(0, len(x), 5))
    yield "pairs", [(x[:9], 1), (x[9:], 2)]
    yield "loader", jd.Loader(jd.ArraySource(x), 16, shuffle=False, device=False)  # filled up


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fit_takes_whatever_has_images(tmp_path, layout):
    x = np.random.default_rng(2).integers(0, 256, (70, 4, 6, 3), np.uint8)
    options = {"featurewise_std_normalization": True, "featurewise_center": True, "rescale": 1 / 9}
    reference = keras.ImageDataGenerator(**options, data_format=layout, dtype="float64")
    reference.fit(x.transpose(LAYOUTS[layout]))
    for name, images in forms(tmp_path, x):
        if layout == "channels_first":
            if name in ("flow", "files", "batches", "pairs", "list"):
                continue
            images = images.transpose(LAYOUTS[layout]) if name == "array" else images
        generator = Generator(**options, data_format=layout, dtype="float64")
        generator.fit(images)
        for statistic in ("mean", "std"):
            got, expected = getattr(generator, statistic), getattr(reference, statistic)
            assert np.allclose(got, expected, rtol=1e-6, atol=0), (name, statistic)


def test_fit_transforms_on_demand():
    x = np.zeros((6, 9, 9, 1), np.float32)
    x[:, :3] = 100
    options = {"featurewise_std_normalization": True, "featurewise_center": True}
    plain, moved, again, bright = (
        Generator(**options, vertical_flip=True, rescale=1 / 255, **more)
        for more in ({}, {}, {}, {"brightness_range": (0.5, 0.5)})
    )
    plain.fit(x)
    moved.fit(x, augment=True, rounds=3, seed=4)
    again.fit(iter([x[:2], x[2:]]), augment=True, rounds=3, seed=4)
    assert moved.mean == plain.mean  # a mirror moves no mean
    assert (again.mean, again.std) == (moved.mean, moved.std)
    bright.fit(x, augment=True)
    assert np.allclose(bright.mean, plain.mean / 2, rtol=0.02)  # not black, as in Keras


def test_fit_refuses_what_it_cannot_use():
    generator = Generator(featurewise_center=True)
    with pytest.raises(ValueError, match="should have rank 4. Got array with shape: "):
        generator.fit(PICTURES[0])
    with pytest.raises(ValueError, match="should have rank 4"):
        Generator().fit(PICTURES[0])
    with pytest.raises(ValueError, match="no images|got none"):
        generator.fit(iter([]))
    with pytest.raises(ValueError, match="NaN"):
        generator.fit(PICTURES * np.nan)
    with pytest.raises(TypeError, match="fit: expected images of rank 4"):
        generator.fit(3)
    with pytest.warns(UserWarning, match="5 channels") as caught:
        generator.fit(np.ones((2, 3, 3, 5)))
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match=r"Pass rank=|memory"):
        Generator(zca_whitening=True, featurewise_center=True).fit(np.zeros((2, 400, 400, 3)))


def test_fit_is_right_for_whole_numbers_and_constant_images():
    x = PICTURES.astype(np.uint8)
    for dtype in ("uint8", "int32"):
        generator = Generator(featurewise_center=True, dtype=dtype)
        generator.fit(x)
        assert np.allclose(generator.mean.ravel(), x.mean((0, 1, 2)), rtol=1e-6)
    for value in range(1, 60):
        generator = Generator(
            featurewise_center=True, featurewise_std_normalization=True, rescale=1 / 255
        )
        generator.fit(np.full((70, 3, 3, 1), value, np.uint8))
        assert np.allclose(generator.mean, value / 255)
        assert generator.std.item() < 1e-6
    with pytest.raises(ValueError, match="images that differ"):
        Generator(zca_whitening=True, featurewise_center=True).fit(np.full((9, 2, 2, 1), 0.1))


def test_fit_says_what_does_not_fit(tmp_path):
    import jaxaug.data as jd

    generator = Generator(featurewise_center=True)
    first = Generator(data_format="channels_first").flow(PICTURES.transpose(0, 3, 1, 2))
    with pytest.raises(ValueError, match="expected an iterator with data_format='channels_last'"):
        generator.fit(first)
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match="seed"):
            generator.fit(PICTURES, augment=True, seed=seed)
    generator.fit(PICTURES, augment=True, seed=np.uint8(3))
    x = PICTURES.astype(np.uint8)
    loader = jd.Loader(jd.ArraySource(x), 4, shuffle=False, device=False)
    generator.fit(loader)
    assert next(iter(loader))["visit"].tolist() == [0] * 4  # its position stays


def test_rounds_of_fit_differ():
    x = PICTURES[:2]
    generator = Generator(featurewise_center=True, width_shift_range=0.4, fill_mode="constant")
    means = []
    for rounds in (1, 2, 40):
        generator.fit(x, augment=True, rounds=rounds, seed=1)
        means.append(generator.mean.mean())
    assert len(set(means)) == 3


@pytest.mark.parametrize("order", [0, 1, 3])
def test_batches_follow_fill_mode_cval_and_order(order):
    """Also through `flow`, where each option has its way to go."""
    for mode in ("nearest", "constant", "reflect", "wrap", "grid-mirror"):
        options = {"width_shift_range": 0.4, "shear_range": 20, "fill_mode": mode, "cval": 77.0}
        generator = Generator(interpolation_order=order, **options)
        batch = generator.flow(PICTURES, batch_size=12, shuffle=False, seed=3)
        seeds = batch.row_seeds(batch.upcoming(next(batch.index_generator), 1)[0])
        for got, image, seed in zip(batch[0], PICTURES, seeds - [0, 0, 1, 0], strict=True):
            given = generator.get_random_transform(image.shape, seed=seed.astype(np.uint32))
            assert np.abs(got - generator.apply_transform(image, given)).max() < 0.01


def test_methods_put_on_the_object_are_used():
    generator = Generator(rotation_range=5)
    generator.apply_transform = lambda x, given: np.full_like(x, 7)
    generator.standardize = lambda x: x - x.mean() + len(x.shape)
    assert np.allclose(transformed(generator, PICTURES, SEEDS), 3)

    class Duck:
        dtype = "float32"

        def get_random_transform(self, shape, seed=None):
            return {}

        def apply_transform(self, x, given):
            return x * 0 + 2

        def standardize(self, x):
            return x + len(x.shape)

    assert np.allclose(transformed(Duck(), PICTURES, SEEDS), 5)
    assert np.allclose(next(compat.NumpyArrayIterator(PICTURES, None, Duck())), 5)


def test_helpers_in_a_preprocessing_function_draw_for_each_image():
    angles = []

    def jitter(x):
        return compat.random_channel_shift(x, 20.0, channel_axis=2)

    generator = Generator(rotation_range=20, preprocessing_function=jitter)
    first, again = (transformed(generator, PICTURES, SEEDS) for _ in range(2))
    assert np.array_equal(first, again)
    for image, got, seed in zip(PICTURES, first, SEEDS, strict=True):
        given = generator.get_random_transform(image.shape, seed=seed)
        shift = np.median(got - generator.apply_transform(image, given))
        angles.append((given["theta"], shift))
    assert abs(np.corrcoef(np.array(angles).T)[0, 1]) < 0.9


def test_few_programs_serve_batches_of_all_sizes():
    from jaxaug.compat._kernel import augment

    generator = Generator(rotation_range=20)
    augment.clear_cache()
    for rows in range(1, 13):
        batch = transformed(generator, PICTURES[:rows], SEEDS[:rows])
        assert batch.shape == PICTURES[:rows].shape
    assert augment._cache_size() <= 5


def test_odd_options_say_what_is_wrong():
    for wrong in (None, (1, 2, 3)):
        with pytest.raises(TypeError, match="cval: expected a number"):
            transformed(Generator(rotation_range=9, cval=wrong), PICTURES, SEEDS)
    flips = Generator(horizontal_flip=True, fill_mode="foo")  # not needed, and so not looked at
    assert transformed(flips, PICTURES, SEEDS).shape == PICTURES.shape
    with pytest.raises(RuntimeError, match="boundary mode not supported"):
        transformed(Generator(shear_range=9, fill_mode="foo"), PICTURES, SEEDS)
    for options in ({"width_shift_range": None}, {"height_shift_range": None}):
        assert Generator(**options).get_random_transform((9, 9, 3), seed=1)["tx"] == 0


def test_arguments_come_in_the_order_of_keras():
    import inspect

    for name in ("__init__", "flow", "flow_from_directory", "flow_from_dataframe", "fit"):
        ours = inspect.signature(getattr(Generator, name)).parameters
        theirs = inspect.signature(getattr(keras.ImageDataGenerator, name)).parameters
        places = {k: v for k, v in ours.items() if v.kind is v.POSITIONAL_OR_KEYWORD}
        expected = {k: v for k, v in theirs.items() if v.kind is v.POSITIONAL_OR_KEYWORD}
        assert list(places) == list(expected)
        for each, parameter in expected.items():
            assert places[each].default == parameter.default


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_of_keras_takes_the_iterators():
    from keras import Sequential, layers

    model = Sequential([layers.Input((14, 14, 3)), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = PICTURES / 255, np.eye(2)[np.arange(12) % 2]
    batches = Generator(horizontal_flip=True).flow(x, y, batch_size=5, seed=1)
    history = model.fit(batches, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert model.predict(Generator().flow(x, batch_size=5, shuffle=False), verbose=0).shape == (
        12,
        2,
    )
    assert np.isfinite(model.evaluate(batches, verbose=0))
