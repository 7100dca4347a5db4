"""Bad input gets an error that says who, what was expected, what came, and what to do."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxaug as ja

KEY = jax.random.key(0)
IMAGE = np.zeros((8, 10, 3), np.uint8)
ROTATE = ja.Rotate(10)


def example(**targets):
    return {"image": IMAGE, **targets}


CASES = {
    "a batch where an example was expected": (
        lambda: ROTATE(KEY, IMAGE[None]),
        r"Rotate: expected an image of shape \(h, w, c\), got uint8\(1, 8, 10, 3\).*"
        r"use jaxaug.batched\(Rotate\(...\)\)",
    ),
    "an example where a batch was expected": (
        lambda: ja.batched(ROTATE)(KEY, IMAGE),
        r"images \(n, h, w, c\).*transform\(key, example\)",
    ),
    "a grey image without channel": (lambda: ROTATE(KEY, IMAGE[..., 0]), r"image\[..., None\]"),
    "no image": (lambda: ROTATE(KEY, {"mask": IMAGE[..., 0]}), "the key 'image', got 'mask'"),
    "an empty image": (lambda: ROTATE(KEY, IMAGE[:0]), "at least one pixel"),
    "a list": (lambda: ROTATE(KEY, IMAGE.tolist()[0][0][0]), "an image as an array"),
    "int32 pixels": (lambda: ROTATE(KEY, IMAGE.astype(np.int32)), "uint8 in 0..255 or floats"),
    "bool pixels": (lambda: ROTATE(KEY, IMAGE.astype(bool)), "uint8 in 0..255 or floats"),
    "images of two shapes": (
        lambda: ROTATE(KEY, {"image": [IMAGE, IMAGE[1:]]}),
        "images of one shape",
    ),
    "a mask of another size": (
        lambda: ROTATE(KEY, example(mask=np.zeros((8, 9), int))),
        r"a mask of shape \(8, 10\)",
    ),
    "boxes of the wrong shape": (
        lambda: ROTATE(KEY, example(boxes=np.zeros((4,)))),
        r"boxes of shape \(n, 4\), columns x0 y0 x1 y1",
    ),
    "keypoints of the wrong shape": (
        lambda: ROTATE(KEY, example(keypoints=np.zeros((2, 3)))),
        r"keypoints of shape \(n, 2\), columns x y",
    ),
    "a table of another length": (
        lambda: ja.HorizontalFlip(swap=(1, 0))(KEY, example(keypoints=np.zeros((3, 2)))),
        "permutes the 3 keypoints",
    ),
    "p above 1": (lambda: ja.Maybe(ROTATE, 1.5), r"Maybe: expected a probability p in \[0, 1\]"),
    "p below 0": (lambda: ja.HorizontalFlip(p=-0.1), r"probability p in \[0, 1\], got -0.1"),
    "p is nan": (lambda: ja.VerticalFlip(p=float("nan")), r"probability p in \[0, 1\], got nan"),
    "an unknown border rule": (
        lambda: ja.Chain(fill="edge"),
        "a fill among constant, nearest, reflect, mirror, wrap, or a value, got 'edge'",
    ),
    "an unknown interpolation": (
        lambda: ja.Chain(interpolation="bilinear"),
        "an interpolation among nearest, linear, cubic",
    ),
    "a fill of too many channels": (
        lambda: ja.Chain(ROTATE, fill=(0.1, 0.2))(KEY, IMAGE),
        "a fill of 3 channels",
    ),
    "an unknown dtype": (lambda: ja.Chain(dtype="int32"), "a dtype among float32"),
    "an unknown unit": (lambda: ja.Translate(1, unit="px"), "fraction, pixels"),
    "colour mixing on two channels": (
        lambda: ja.Saturation(0.1)(KEY, IMAGE[..., :2]),
        "Saturation: expected 3 channels",
    ),
    "hue of a grey image": (lambda: ja.Hue(0.1)(KEY, IMAGE[..., :1]), "Hue: expected 3 channels"),
    "statistics of four channels": (
        lambda: ja.Normalize((0.1,) * 4, 1.0)(KEY, IMAGE),
        r"one value, or 3 for an image \(8, 10, 3\), got 4 values",
    ),
    "a std of zero": (lambda: ja.Normalize(0.0, (1.0, 0.0, 1.0)), "a std above 0"),
    "an rbg key": (lambda: ROTATE(jax.random.key(0, impl="rbg"), IMAGE), "an rbg key.*threefry"),
    "an unsafe rbg key": (
        lambda: ja.batched(ROTATE)(jax.random.key(0, impl="unsafe_rbg"), IMAGE[None]),
        "an rbg key",
    ),
    "a number for a key": (lambda: ROTATE(0, IMAGE), r"a key, got 0.*jax.random.key\(0\)"),
    "key and image swapped": (lambda: ROTATE(IMAGE, KEY), r"a key, got uint8\(8, 10, 3\)"),
    "many keys": (
        lambda: ROTATE(jax.random.split(KEY, 2), IMAGE),
        "a single key.*jaxaug.batched gives every row its own",
    ),
    "a pair out of order": (
        lambda: ja.Brightness((1.2, 0.8))(KEY, IMAGE),
        r"a pair \(low, high\) in order, got \(1.2, 0.8\)",
    ),
    "three numbers for a range": (
        lambda: ja.Rotate((1, 2, 3))(KEY, IMAGE),
        r"a number or a pair \(low, high\).*jaxaug.Choice",
    ),
    "an infinite range": (lambda: ja.Rotate(float("inf"))(KEY, IMAGE), "finite numbers"),
    "an odd turn of an oblong image": (
        lambda: ja.Chain(ja.Zoom(0.1), ja.Rotate90())(KEY, IMAGE),
        r"in Chain\[1\] \(Rotate90\): Rotate90: expected a square image, got \(8, 10\)",
    ),
    "a crop larger than the image": (
        lambda: ja.RandomCrop(16)(KEY, IMAGE),
        r"an image of \(16, 16\) or more, got \(8, 10\). Give it padding=",
    ),
    "a size of three numbers": (lambda: ja.CenterCrop((1, 2, 3)), r"a size \(h, w\) of two"),
    "a size of zero": (lambda: ja.Resize((0, 4)), r"a size \(h, w\) of two numbers above 0"),
    "a place in a nest": (
        lambda: ja.Chain(ROTATE, ja.OneOf(ja.Hue(0.1), ROTATE))(KEY, IMAGE[..., :1]),
        r"in Chain\[1\] \(OneOf\), in OneOf\[0\] \(Hue\): Hue: expected 3 channels",
    ),
    "a class for a transform": (lambda: ja.Chain(ja.Clip), r"Make one: Clip\(...\)"),
    "a list of transforms": (lambda: ja.Chain([ROTATE]), r"Chain\(\*members\)"),
    "a function for a transform": (lambda: ja.OneOf(abs), "jaxaug.lift"),
    "a function for batched": (lambda: ja.batched(abs), "a function into jaxaug.lift"),
    "no alternatives": (lambda: ja.OneOf(), "at least one transform"),
    "weights for others": (lambda: ja.OneOf(ROTATE, weights=(1, 2)), "1 weights"),
    "more than there are": (lambda: ja.SomeOf(ROTATE, n=2), "n between 0 and 1"),
    "no choice": (lambda: ja.Choice(), "at least one value"),
    "identity of another length": (
        lambda: ja.batched(ROTATE)(
            KEY, {"image": IMAGE[None], "index": np.zeros(2, int), "visit": np.zeros(2, int)}
        ),
        r"integers 'visit' \(1,\)",
    ),
    "identity of floats": (
        lambda: ja.batched(ROTATE)(
            KEY, {"image": IMAGE[None], "index": np.zeros(1), "visit": np.zeros(1, int)}
        ),
        r"integers 'index' \(1,\)",
    ),
    "rows that differ": (
        lambda: ja.batched(ROTATE)(KEY, {"image": IMAGE[None], "mask": np.zeros((2, 8, 10))}),
        "one number of rows",
    ),
    "a lifted function that changes the shape": (
        lambda: ja.Maybe(ja.lift(lambda key, image: image[1:]))(KEY, IMAGE),
        "keep float32",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, pattern = CASES[name]
    with pytest.raises(ja.JaxaugError, match=r"(?s)" + pattern):
        call()


def test_tracing_finds_the_same_faults():
    with pytest.raises(ja.JaxaugError, match="use jaxaug.batched"):
        jax.jit(ROTATE)(KEY, IMAGE[None])


def test_a_raw_key_is_a_key():
    raw = jax.random.PRNGKey(0)
    np.testing.assert_array_equal(ROTATE(raw, IMAGE + 9), ROTATE(jax.random.key(0), IMAGE + 9))


def test_errors_survive_pickling():
    error = ja.JaxaugError("Rotate", "this", "that", "Do it.").inside("Chain[2] (Rotate)")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) == (
        "in Chain[2] (Rotate): Rotate: expected this, got that. Do it."
    )  # fmt: skip
    assert (again.who, again.remedy) == (error.who, "Do it.")


def test_nothing_is_lost_on_bad_values():
    """NaN in one image stays in that image."""
    images = np.full((3, 8, 8, 1), 0.5, np.float32)
    images[1] = np.nan
    out = ja.batched(ja.Chain(ja.Rotate(20), ja.Brightness(0.2), fill="nearest"))(KEY, images)
    assert np.isfinite(out[0]).all()
    assert np.isfinite(out[2]).all()
    assert not np.isfinite(out[1]).any()
    assert jnp.isnan(out[1]).all()
