"""Policies: operations as Pillow's, layers as if one by one, and who is drawn how often."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import stats

import jaxaug as ja
from jaxaug.transforms.operations import AUGMIX, AUTOAUGMENT, SPACES
from jaxaug.transforms.policy import joined, layer

KEY = jax.random.key(3)
SHAPE = (36, 48, 3)


@jax.jit
def compiled(op, image):
    return op(image)


@pytest.fixture(scope="module")
def photo():
    """A picture of all kinds of levels: smooth, noisy, and of small range in one channel."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.stack([100 + 70 * np.sin(x / 7), 128 + 90 * np.cos(y / 5 + x / 9), 60 + y], axis=-1)
    return np.uint8(np.clip(image + rng.normal(0, 9, SHAPE), 5, 250))


def by_pillow(image, name, magnitude):
    """The operation as the reference implementations of the policies do it, image by image."""
    picture = Image.fromarray(image)

    def affine(*coefficients):
        return picture.transform(picture.size, Image.AFFINE, coefficients, Image.BILINEAR)

    def enhance(kind):
        return getattr(ImageEnhance, kind)(picture).enhance(magnitude)

    m = magnitude
    return np.asarray({
        "Identity": lambda: picture,
        "ShearX": lambda: affine(1, m, 0, 0, 1, 0),
        "ShearY": lambda: affine(1, 0, 0, m, 1, 0),
        "TranslateX": lambda: affine(1, 0, -m, 0, 1, 0),
        "TranslateY": lambda: affine(1, 0, 0, 0, 1, -m),
        "Rotate": lambda: picture.rotate(m, Image.BILINEAR),
        "Brightness": lambda: enhance("Brightness"),
        "Color": lambda: enhance("Color"),
        "Contrast": lambda: enhance("Contrast"),
        "Sharpness": lambda: enhance("Sharpness"),
        "Posterize": lambda: ImageOps.posterize(picture, round(m)) if m else image * 0,
        "Solarize": lambda: ImageOps.solarize(picture, round(m * 255, 2)),
        "SolarizeAdd": lambda: Image.eval(
            picture, lambda i: min(255, i + round(m * 255)) if i < 128 else i
        ),
        "AutoContrast": lambda: ImageOps.autocontrast(picture),
        "Equalize": lambda: ImageOps.equalize(picture),
        "Invert": lambda: ImageOps.invert(picture),
    }[name]()).astype(int)  # fmt: skip


MOVING = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


def one(space, name, level, sign=1.0):
    numbers = (jnp.float32(level), jnp.float32(sign))
    return joined([layer(space, (name,), [jnp.bool_(True)], numbers, SHAPE)])


@pytest.mark.parametrize("variant", ["torchvision", "wide", "timm", "timm-increasing"])
def test_every_operation_is_within_one_level_of_pillow(photo, variant):
    """The weakest, a middle and the strongest level, both signs; 8 bits out, as there."""
    space = SPACES[variant]
    for name in space.magnitudes:
        for level, sign in ((0.0, 1.0), (0.3, -1.0), (0.6, 1.0), (1.0, -1.0)):
            op = one(space, name, level, sign)
            signed = level * sign if name in space.signed else level
            magnitude = float(space.magnitudes[name](signed, SHAPE))
            out = np.round(np.asarray(compiled(op, photo)) * 255).astype(int)
            wrong = np.abs(out - by_pillow(photo, name, magnitude))
            if name in MOVING:  # away from what was filled, where Pillow blends differently
                wrong[np.asarray(compiled(op, np.ones(SHAPE, np.float32))) < 0.999] = 0
            assert wrong.max() <= 1, (name, level, sign, wrong.max())


def test_magnitudes_are_those_of_the_libraries():
    """A few that differ between them, worked out by hand; images are 36 x 48."""
    tv, timm, inc, wide = (SPACES[n] for n in ("torchvision", "timm", "timm-increasing", "wide"))

    def at(space, name, magnitude):
        return float(space.magnitudes[name](magnitude / space.top, SHAPE))

    assert at(tv, "Rotate", 9) == pytest.approx(9)
    assert at(timm, "Rotate", 9) == pytest.approx(27)
    assert [at(tv, "Posterize", m) for m in (0, 9, 12, 15, 30)] == [8, 7, 6, 6, 4]
    assert [at(wide, "Posterize", m) for m in (0, 15, 30)] == [8, 5, 2]
    assert [at(timm, "Posterize", m) for m in (0, 5, 9, 10)] == [0, 2, 3, 4]
    assert [at(inc, "Posterize", m) for m in (0, 5, 9, 10)] == [4, 2, 1, 0]
    assert at(timm, "Color", 9) == pytest.approx(1.72)
    assert at(inc, "Color", 9) == pytest.approx(1.81)
    assert at(inc, "Color", -10) == pytest.approx(0.1)
    assert at(timm, "SolarizeAdd", 7) * 255 == pytest.approx(77)
    assert at(tv, "TranslateX", 30) == int(150 / 331 * 48)
    assert at(wide, "TranslateX", -30) == -32
    assert at(SPACES["paper"], "TranslateY", 5) == 50
    assert {name: len(space.magnitudes) for name, space in SPACES.items()} == {
        "torchvision": 14, "wide": 14, "autoaugment": 15, "timm": 15, "timm-increasing": 15,
        "paper": 15,
    }  # fmt: skip
    assert [len(AUGMIX[name].magnitudes) for name in ("paper", "torchvision")] == [9, 13]
    assert all(len(steps) == 25 for steps in AUTOAUGMENT.values())


# Layers -------------------------------------------------------------------------------------------

NAMES = ("Rotate", "ShearX", "Color", "Sharpness", "Solarize", "Equalize", "Contrast")


def several(indices, level=0.5):
    """Layers in which these operations are picked, by data."""
    space, numbers = SPACES["torchvision"], (jnp.float32(level), jnp.float32(1.0))
    return joined(
        layer(space, NAMES, [index == k for k in range(len(NAMES))], numbers, SHAPE)
        for index in indices
    )


def test_layers_do_what_one_operation_after_the_other_does(photo):
    """All pairs, and triples: whatever was rearranged, the result is the sequential one."""
    pairs = [(a, b) for a in range(len(NAMES)) for b in range(len(NAMES))]
    both = jax.jit(jax.vmap(lambda a, b: several((a, b))(photo)))(*jnp.asarray(pairs).T)
    triples = [(4, 0, 3), (0, 1, 0), (2, 4, 5), (5, 3, 4), (1, 5, 0), (3, 0, 1), (0, 5, 6)]
    three = jax.jit(jax.vmap(lambda *i: several(i)(photo)))(*jnp.asarray(triples).T)
    singles = [one(SPACES["torchvision"], name, 0.5) for name in NAMES]
    for word, ours in [*zip(pairs, both, strict=True), *zip(triples, three, strict=True)]:
        image = photo
        for moving, run in itertools.groupby(word, lambda k: NAMES[k] in MOVING):
            stages = [singles[k] for k in run]
            for stage in [ja.fuse(stages)] if moving else stages:  # of geometry, one resampling
                image = compiled(stage, image)
        wrong = np.abs(np.asarray(ours) - np.asarray(image)) * 255
        # Where a curve jumps, a pixel on its very edge may fall to either side.
        assert np.mean(wrong > 1.01) < 0.003, ([NAMES[k] for k in word], wrong.max())


def test_what_two_layers_cost():
    """Two resamplings at most, two stages of mixing, one look-up of curves."""
    op = ja.RandAugment().sample(KEY, SHAPE)
    families = [type(part).__name__ for part in op.ops]
    assert families == ["Warp", "Apply", "Tone", "Apply", "Warp"]
    assert type(ja.RandAugment(operations=("Rotate", "ShearX")).sample(KEY, SHAPE)).__name__ in (
        "Warp", "Sequence",
    )  # fmt: skip
    single = ja.TrivialAugmentWide().sample(KEY, SHAPE)
    assert [type(part).__name__ for part in single.ops] == ["Warp", "Apply", "Tone"]


# Draws --------------------------------------------------------------------------------------------


def flags(transform, draws=20_000):
    """Which curves are on, for many draws: ``{name: (draws,) of counts}``."""
    ops = jax.jit(jax.vmap(lambda key: transform.sample(key, SHAPE)))(jax.random.split(KEY, draws))
    out = {}
    for part in getattr(ops, "ops", (ops,)):
        for curve in getattr(part, "curves", ()):
            name = curve.kernel.__name__
            out[name] = out.get(name, 0) + np.asarray(curve.on).astype(int)
    return out, ops


def test_operations_are_drawn_alike_and_with_replacement():
    found, _ = flags(ja.RandAugment())
    names = ("posterize", "solarize", "autocontrast", "equalize", "contrast", "brighten")
    counts = np.array([[np.sum(found[name] == k) for k in range(3)] for name in names])
    p = 1 / 14
    expected = 20_000 * np.array([(1 - p) ** 2, 2 * p * (1 - p), p**2])
    assert stats.chisquare(counts, expected, axis=1).pvalue.min() > 1e-4


def test_probability_and_spread_of_magnitudes():
    """timm's: each operation by a coin of 0.5, magnitudes normal about 5 with deviation 0.5."""
    one_op = ja.RandAugment(1, 5, variant="timm", operations=("Brightness",))
    found, op = flags(one_op)
    assert stats.binomtest(int(found["brighten"].sum()), 20_000, 0.5).pvalue > 1e-4
    on = found["brighten"] > 0
    factors = np.asarray(op.curves[0].arguments[0])[on]
    levels = (factors - 0.1) / 1.8 * 10
    assert stats.kstest(levels, "norm", args=(5, 0.5)).pvalue > 1e-4
    fixed, _ = flags(one_op.replace(p=1.0, std=0.0), 100)
    assert fixed["brighten"].all()


def test_whether_and_which_are_drawn_apart():
    """Each of three operations with probability 0.4: every one is done in 0.4 / 3 of all cases."""
    found, _ = flags(ja.RandAugment(1, p=0.4, operations=("Posterize", "Solarize", "Equalize")))
    counts = np.array([found[name].sum() for name in ("posterize", "solarize", "equalize")])
    expected = np.array([*[20_000 * 0.4 / 3] * 3, 20_000 * 0.6])
    assert stats.chisquare([*counts, 20_000 - counts.sum()], expected).pvalue > 1e-4


def test_signs_and_levels_of_trivial_augment():
    """Of 31 levels each alike, and both signs: shifts of whole pixels up to 32."""
    _, op = flags(ja.TrivialAugmentWide(operations=("TranslateX",)))
    shifts = np.round(-np.asarray(op.matrix[0][2]))
    levels = np.trunc(np.arange(31) / 30 * 32)
    values, expected = np.unique(np.concatenate([levels, -levels]), return_counts=True)
    counts = np.array([np.sum(shifts == v) for v in values])
    assert counts.sum() == 20_000
    assert stats.chisquare(counts, expected / 62 * 20_000).pvalue > 1e-4


def test_autoaugment_draws_its_pairs_with_their_probabilities():
    steps = ((("Solarize", 0.3, 9), ("Invert", 1.0, None)),
             (("Posterize", 0.8, 9), ("Equalize", 0.5, None)))  # fmt: skip
    found, op = flags(ja.AutoAugment(steps))
    for name, p in {"solarize": 0.15, "invert": 0.5, "posterize": 0.4, "equalize": 0.25}.items():
        assert stats.binomtest(int(found[name].sum()), 20_000, p).pvalue > 1e-4, name
    assert not (found["solarize"] & found["posterize"]).any()
    assert not (found["invert"] & found["equalize"]).any()
    (bits, *_), _ = (c.arguments for c in op.curves if c.kernel.__name__ == "posterize")
    np.testing.assert_allclose(bits[found["posterize"] > 0], 4)
    published = flags(ja.AutoAugment("svhn"))[0]
    expected = (0.2 + 0.7 + 0.9 + 0.4 + 0.9 + 0.7 + 0.9 + 0.8 + 0.6 + 0.6 + 0.8 + 0.1) / 25
    assert stats.binomtest(int((published["invert"]).sum()), 20_000, expected).pvalue > 1e-4


def _numbers(op):
    return op.share, op.weights


def test_augmix_mixes_by_its_weights(photo):
    transform = ja.AugMix()
    keys = jax.random.split(KEY, 20_000)
    numbers = jax.jit(jax.vmap(lambda key: _numbers(transform.sample(key, SHAPE))))
    share, weights = jax.tree.map(np.asarray, numbers(keys))
    assert stats.kstest(share, "uniform").pvalue > 1e-4
    for each in weights:  # marginals of Dirichlet(1, 1, 1)
        assert stats.kstest(each, "beta", args=(1, 2)).pvalue > 1e-4
    np.testing.assert_allclose(sum(weights), 1, atol=1e-5)

    op = transform.sample(KEY, SHAPE)
    parts = [np.asarray(compiled(chain, photo)) for chain in op.ops]
    mixed = sum(float(w) * part for w, part in zip(op.weights, parts, strict=True))
    expected = (1 - float(op.share)) * (photo / 255) + float(op.share) * mixed
    np.testing.assert_allclose(compiled(op, photo), expected, atol=2e-5)
    np.testing.assert_array_equal(compiled(op.gate(jnp.bool_(False)), photo),
                                  compiled(ja.Sequence(), photo))  # fmt: skip


def test_a_policy_of_ones_own():
    mine = ja.policy(
        [(ja.Rotate, 0.4, (30.0, 30.0)), (ja.Brightness, 1.0, (0.5, 0.5))],
        [(ja.HorizontalFlip(1.0), 1.0), (lambda m: ja.Contrast((m, m)), 0.25, 0.5)],
        weights=(3, 1),
    )
    op = jax.vmap(lambda key: mine.sample(key, SHAPE))(jax.random.split(KEY, 4000))
    assert [type(part).__name__ for part in op.ops] == ["Warp", "Color"]
    warp, _ = op.ops
    turned = np.abs(np.asarray(warp.matrix[0][1])) > 0.4
    flipped = np.asarray(warp.matrix[0][0]) < -0.5
    assert stats.binomtest(int(turned.sum()), 4000, 0.3).pvalue > 1e-4
    assert stats.binomtest(int(flipped.sum()), 4000, 0.25).pvalue > 1e-4
    with pytest.raises(ja.JaxaugError, match=r"policy\[0\]: expected steps"):
        ja.policy([ja.Rotate(9)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.RandAugment(variant="kornia"), "a variant among torchvision"),
        (lambda: ja.RandAugment(magnitude=12, variant="timm"), r"a magnitude in \[0, 10\]"),
        (lambda: ja.RandAugment(operations=("Rotat",)), "operations among Identity"),
        (lambda: ja.RandAugment(0), "num_ops of 1"),
        (lambda: ja.TrivialAugmentWide(bins=1), "2 bins"),
        (lambda: ja.AutoAugment("mnist"), "a policy among imagenet"),
        (lambda: ja.AutoAugment(((("Rotate", 1.4, 3),),)), r"probability in \[0, 1\]"),
        (lambda: ja.AutoAugment(((("Rotate", 0.4, 3),), ())), "of one length"),
        (lambda: ja.AugMix(variant="keras"), "a variant among paper"),
        (lambda: ja.AugMix(severity=11), r"a severity in \[0, 10\]"),
    ],
)  # fmt: skip
def test_errors(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()
