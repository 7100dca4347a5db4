"""Recipes give what training expects, and views are several draws of one image."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxaug as ja
from jaxaug import recipes

KEY = jax.random.key(5)
SHAPE = (24, 32, 3)
NAMES = [n for n, f in vars(recipes).items() if inspect.isfunction(f) and not n.startswith("_")]


def example():
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, SHAPE, np.uint8),
        "mask": rng.integers(0, 3, SHAPE[:2]),
        "boxes": np.float32([[3, 4, 20, 18], [0, 0, 0, 0]]),
        "keypoints": np.float32([[5, 6]]),
        "label": 3,
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_a_chain_of_the_size_asked_for(name):
    make = getattr(recipes, name)
    assert "Source:" in inspect.getdoc(make)
    takes_size = "size" in inspect.signature(make).parameters
    chain = make(16, dtype="bfloat16") if takes_size else make(dtype="bfloat16")
    assert isinstance(chain, ja.Chain)
    side = 16 if takes_size else 32
    out = jax.eval_shape(chain, KEY, example())
    views = (2,) if name == "simclr" else ()
    assert out["image"].shape == (*views, side, side, 3)
    assert out["image"].dtype == jnp.bfloat16
    assert out["mask"].shape == (*views, side, side)
    assert out["boxes"].shape == (*views, 2, 4)
    assert out["keypoints"].shape == (*views, 1, 2)


def test_evaluation_resizes_the_shorter_side_cuts_the_middle_and_normalizes():
    image = np.full((60, 90, 3), 255, np.uint8)
    image[:, :20] = 0  # what the crop leaves out
    out = recipes.imagenet_eval(16, resize=20)(KEY, image)
    white = (1 - np.float32(recipes.IMAGENET_MEAN)) / np.float32(recipes.IMAGENET_STD)
    np.testing.assert_allclose(out, np.broadcast_to(white, (16, 16, 3)), rtol=1e-5)


def test_options_of_a_recipe_are_those_of_the_chain_and_of_the_user():
    assert recipes.deit().interpolation == "cubic"
    assert recipes.deit(interpolation="linear").interpolation == "linear"
    assert recipes.deit(fill="reflect").fill == "reflect"
    assert recipes.segmentation().mask_fill == 255
    policy = ja.RandAugment(operations=("Rotate",))
    assert policy in recipes.imagenet_train(policy=policy).members
    assert policy in recipes.cifar10(policy=policy).members
    kinds = [type(m).__name__ for m in recipes.imagenet_train(erase=0.1).members]
    assert kinds == ["RandomResizedCrop", "HorizontalFlip", "Normalize", "RandomErasing"]
    single = jax.eval_shape(recipes.simclr(16, views=1), KEY, example())
    assert single["image"].shape == (16, 16, 3)


# Views --------------------------------------------------------------------------------------------


def test_views_are_drawn_apart_and_what_is_shared_once():
    shift = ja.Translate(x=5.0, y=5.0, unit="pixels")
    bright = ja.Brightness(0.5)
    one = ja.Views(ja.Chain(bright, shift), ja.Chain(bright, shift)).sample(KEY, SHAPE)
    two = ja.Views(bright, bright, shared=shift).sample(KEY, SHAPE)
    whole = example()
    apart, alike = one(whole), two(whole)
    assert np.abs(apart["boxes"][0] - apart["boxes"][1]).max() > 0.1
    np.testing.assert_array_equal(alike["boxes"][0], alike["boxes"][1])
    np.testing.assert_array_equal(alike["mask"][0], alike["mask"][1])
    np.testing.assert_array_equal(alike["keypoints"][0], alike["keypoints"][1])
    assert np.abs(alike["image"][0] - alike["image"][1]).max() > 0.01
    assert alike["label"] is whole["label"]
    # Each view is what its own op gives alone.
    for k in range(2):
        np.testing.assert_allclose(one.ops[k](whole)["image"], apart["image"][k], atol=1e-6)


def test_what_follows_views_is_done_to_each():
    views = ja.Views(ja.Chain(), ja.HorizontalFlip(1.0))
    out = ja.Chain(views, ja.Normalize(0.5, 0.5), dtype="float16")(KEY, example()["image"])
    expected = (example()["image"] / 255 - 0.5) / 0.5
    assert out.dtype == jnp.float16
    np.testing.assert_allclose(out[0], expected, atol=2e-3)
    np.testing.assert_allclose(out[1], expected[:, ::-1], atol=2e-3)


def test_views_of_a_batch_have_the_axis_behind_the_rows():
    batch = {"image": np.zeros((3, *SHAPE), np.uint8), "label": np.arange(3)}
    out = jax.eval_shape(ja.batched(ja.Views(ja.Rotate(9), ja.Hue(0.1))), KEY, batch)
    assert out["image"].shape == (3, 2, *SHAPE)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.Views(), "at least one transform"),
        (lambda: ja.Views(ja.Rotate(9), shared=3), "a transform as `shared`"),
        (lambda: ja.Views(ja.Resize((8, 8)), ja.Rotate(9)).sample(KEY, SHAPE), "one output size"),
        (lambda: ja.Views(ja.FiveCrop(8)).sample(KEY, SHAPE), "views of one image each"),
    ],
)
def test_errors_of_views(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()


def test_three_augment_takes_each_alike():
    ops = jax.jit(jax.vmap(lambda key: ja.ThreeAugment().sample(key, SHAPE)))(
        jax.random.split(KEY, 6000)
    )
    color, curve, blur = sorted(
        ops.ops, key=lambda op: ("Color", "Tone", "Apply").index(type(op).__name__)
    )
    grey = np.asarray(color.matrix)[:, 0, 1] > 0.1
    flags = np.stack([grey, np.asarray(curve.curves[0].on), np.asarray(blur.on)])
    np.testing.assert_array_equal(flags.sum(axis=0), 1)
    assert stats.chisquare(flags.sum(axis=1)).pvalue > 1e-4
    assert stats.kstest(np.asarray(blur.arguments[0]), "uniform", args=(0.1, 1.9)).pvalue > 1e-4
