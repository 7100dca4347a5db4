"""One image: geometry against SciPy, colours and draws against Keras, errors as quoted."""

import itertools
import re

import numpy as np
import pytest
from keras_oracle import image as keras
from scipy import ndimage

from jaxaug import compat

MODES = (
    "nearest",
    "constant",
    "reflect",
    "mirror",
    "wrap",
    "grid-wrap",
    "grid-mirror",
    "grid-constant",
)
AXES = {"last": (0, 1, 2), "first": (1, 2, 0)}
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}
MOVES = {
    "all": {"theta": 33, "tx": 4.3, "ty": -2.7, "shear": 12, "zx": 0.8, "zy": 1.3},
    "far": {"tx": 47.37, "ty": -61.23},
    "shrink": {"zx": 2.317, "zy": 1.731},
    "lean": {"shear": -25},
    "turn": {"theta": -140},
}
PICTURE = np.random.default_rng(0).integers(0, 256, (31, 32, 3)).astype(np.float32)
SHAPES = {"wide": PICTURE[:21], "tall": PICTURE[:, :20], "square": PICTURE[:31, :31]}


def scipy_moved(x, order, mode, cval, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1):
    """SciPy's result for (h, w, c), and where it hangs on the last bit of a coordinate."""
    t, s = np.deg2rad(theta), np.deg2rad(shear)
    turn = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    lean = np.array([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    move = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    whole = turn @ move @ lean @ np.diag([zx, zy, 1])
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    whole = swap @ whole @ swap  # rows before columns
    middle = (np.array(x.shape[:2]) - 1) / 2
    matrix, offset = whole[:2, :2], middle + whole[:2, 2] - whole[:2, :2] @ middle
    options = {"offset": offset, "order": order, "mode": mode, "cval": cval}
    planes = [ndimage.affine_transform(x[..., k], matrix, **options) for k in range(x.shape[2])]
    places = np.einsum("ij,jhw->ihw", matrix, np.indices(x.shape[:2])) + offset[:, None, None]
    doubtful = np.zeros(x.shape[:2], bool)
    for place, n in zip(places, x.shape, strict=False):
        if order == 0:
            doubtful |= np.abs(place - np.floor(place) - 0.5) < 1e-3
        if mode in ("constant", "wrap"):
            seam = place / (n - 1) if mode == "wrap" else np.clip(place / (n - 1), -0.5, 1.5)
            doubtful |= np.abs(seam - np.round(seam)) * (n - 1) < 1e-3
    return np.stack(planes, -1), doubtful


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", MODES)
def test_geometry_agrees_with_scipy(mode, order):
    """Within 0.05 of 255 levels, on square and other images, in both layouts."""
    for (move, given), (shape, x), layout in itertools.product(MOVES.items(), SHAPES.items(), AXES):
        rows, columns, channels = AXES[layout]
        expected, doubtful = scipy_moved(x, order, mode, 7.0, **given)
        assert doubtful.mean() < 0.02
        generator = compat.ImageDataGenerator(
            fill_mode=mode, cval=7.0, interpolation_order=order, data_format=f"channels_{layout}"
        )
        turned = np.moveaxis(x, (0, 1, 2), (rows, columns, channels))
        axes = {"row_axis": rows, "col_axis": columns, "channel_axis": channels}
        options = {"fill_mode": mode, "cval": 7.0, "order": order}
        results = {
            "function": compat.apply_affine_transform(turned, **given, **axes, **options),
            "generator": generator.apply_transform(turned, given),
        }
        for name, result in results.items():
            got = np.moveaxis(result, (rows, columns, channels), (0, 1, 2))
            error = np.abs(got - expected)[~doubtful].max()
            assert error < 0.05, (move, shape, layout, name, error)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_splines_are_those_of_scipy(order):
    for mode in ("nearest", "reflect"):
        expected, _ = scipy_moved(PICTURE, order, mode, 0.0, **MOVES["all"])
        options = {"fill_mode": mode, "order": order}
        got = compat.apply_affine_transform(PICTURE, **MOVES["all"], **LAST, **options)
        assert np.abs(got - expected).max() < 0.05


OLD_SCIPY = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")


@OLD_SCIPY
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_square_images_are_as_keras_makes_them(dtype):
    x = SHAPES["square"].astype(dtype)
    theirs = keras.ImageDataGenerator()
    ours = compat.ImageDataGenerator()
    for given in (
        MOVES["all"],
        {"flip_horizontal": 1},
        {"flip_vertical": True, "tx": 3},
        {"channel_shift_intensity": -30.5},
        {"brightness": 1.3},
        MOVES["turn"] | {"channel_shift_intensity": 20.0, "flip_horizontal": 1, "brightness": 0.4},
        {},
    ):
        expected, got = theirs.apply_transform(x, given), ours.apply_transform(x, given)
        assert got.dtype == expected.dtype
        # A whole level where a value is cut to a whole one.
        whole = got.dtype.kind in "iu" or "brightness" in given
        error = np.abs(got.astype(float) - expected)
        assert error.max() <= (1 if whole else 0.05)
        assert (error > 0.05).mean() < 0.02
    assert ours.apply_transform(x, {}) is x


@pytest.mark.parametrize("scale", [True, False])
def test_brightness_is_that_of_pillow(scale):
    random = np.random.default_rng(1)
    levels = np.arange(256, dtype=np.float32).reshape(16, 16, 1)
    images = [levels, np.repeat(levels, 3, -1), np.repeat(levels, 4, -1)]
    images += [levels * 2 - 100, levels * 300, random.uniform(100, 150, (9, 7, 3)), levels * 0 + 9]
    for x, factor in itertools.product(images, (0.0, 0.5, 0.7, 1.0, 1.3, 2.0)):
        expected = keras.apply_brightness_shift(x, factor, scale)
        got = compat.apply_brightness_shift(x, factor, scale)
        assert got.dtype == expected.dtype == np.float32
        # Exact for 8 bits. Stretching divides: one level may be cut to the one below before the
        # factor, and one after it.
        level = 1.0 if scale else np.ptp(x) / 255
        wide = scale or x.min() < 0 or x.max() > 255
        error = np.abs(got - expected) / max(level, 1e-9)
        assert error.max() <= (2.001 if wide else 0), (x.shape, factor)
        assert (error > 0.01).mean() < 0.05


def test_brightness_leaves_images_in_0_to_1_visible_and_channels_first_works():
    x = np.random.default_rng(0).uniform(0, 1, (3, 8, 9)).astype(np.float32)
    generator = compat.ImageDataGenerator(data_format="channels_first")
    got = generator.apply_transform(x, {"brightness": 0.5})
    assert np.allclose(got, x / 2)
    assert generator.apply_transform(x, {"brightness": 3.0}).max() == 1


def test_channel_shift_is_cut_to_the_image():
    x = PICTURE[:5, :5]
    expected = keras.apply_channel_shift(x, 50.5, channel_axis=2)
    assert np.array_equal(compat.apply_channel_shift(x, 50.5, channel_axis=2), expected)
    got = compat.ImageDataGenerator().apply_transform(x, {"channel_shift_intensity": 50.5})
    assert np.allclose(got, expected)


def test_what_is_not_square_turns_about_its_own_centre():
    ones = np.ones((4, 8, 1), np.float32)
    options = {"theta": 180, **LAST, "fill_mode": "constant"}
    assert compat.apply_affine_transform(ones, **options).all()
    ramp = np.arange(32.0).reshape(4, 8, 1)
    turned = compat.apply_affine_transform(ramp, theta=180, **LAST)
    assert np.allclose(turned, ramp[::-1, ::-1], atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_helpers_draw_within_their_ranges(seed):
    x = np.zeros((20, 40, 1), np.float32)
    x[:, 18:22] = 1
    np.random.seed(seed)
    state = np.random.get_state()[1].copy()
    tall = compat.random_shift(x, 0.0, 0.4, **LAST)
    assert np.allclose(tall, x)  # a stripe moved along itself
    wide = compat.random_shift(x, 0.3, 0.0, **LAST)
    assert not np.allclose(wide, x)
    assert abs(np.argmax(wide[0, :, 0]) - 18) <= 13
    rows = np.transpose(x, (1, 0, 2))
    assert np.allclose(compat.random_shift(rows, 0.4, 0.0, **LAST), rows)
    assert not np.allclose(compat.random_rotation(x, 40, **LAST), x)
    assert not np.allclose(compat.random_shear(x, 40, **LAST), x)
    assert compat.random_zoom(x, (0.3, 0.5), **LAST).sum() > 1.5 * x.sum()
    assert compat.random_brightness(x, (0.2, 0.4)).max() <= 0.4 * 255
    assert compat.random_channel_shift(x, 0.0, 2).sum() == x.sum()
    assert np.array_equal(np.random.get_state()[1], state)


def test_unseeded_draws_follow_numpy_but_do_not_disturb_it():
    def run():
        return [compat.ImageDataGenerator(rotation_range=90).get_random_transform((8, 8, 3))]

    first, second = run(), run()
    assert first != second


def test_small_functions():
    x = np.arange(6).reshape(2, 3)
    assert np.array_equal(compat.flip_axis(x, 1), keras.flip_axis(x, 1))
    matrix = np.array([[2.0, 0.5, 1], [0.1, 1, 3], [0, 0, 1]])
    expected = keras.transform_matrix_offset_center(matrix, 4, 8)
    assert np.allclose(compat.transform_matrix_offset_center(matrix, 4, 8), expected)


X = np.zeros((8, 8, 3), np.float32)
BAD = {
    "same axes": ({"row_axis": 0, "col_axis": 0}, ValueError),
    "no such axis": ({"row_axis": 0, "col_axis": 1, "channel_axis": 3}, ValueError),
    "rank": ({"x": X[None], **LAST}, ValueError),
    "channels in the middle": ({"row_axis": 0, "col_axis": 2, "channel_axis": 1}, ValueError),
    "mode": ({**LAST, "fill_mode": "foo"}, RuntimeError),
    "order": ({**LAST, "order": 6}, RuntimeError),
}


@OLD_SCIPY
@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_the_words_of_keras(name):
    options, kind = BAD[name]
    options = {"x": X, "theta": 10, **options}
    with pytest.raises(kind) as theirs:
        keras.apply_affine_transform(**options)
    with pytest.raises(kind, match=re.escape(str(theirs.value).rstrip("."))):
        compat.apply_affine_transform(**options)


def test_bad_ranges_and_keywords():
    with pytest.raises(ValueError, match="`zoom_range` should be a tuple or list of two floats"):
        compat.random_zoom(X, (1,))
    with pytest.raises(ValueError, match="brightness_range should be tuple or list of two floats"):
        compat.random_brightness(X, (1,))
    with pytest.raises(TypeError, match="Did you mean 'row_axis'"):
        compat.random_rotation(X, 10, row_axes=0)
