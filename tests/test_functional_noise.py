"""Noise: its distributions against SciPy's, what is drawn together and apart, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxaug as ja
from jaxaug.functional import noise

KEY = jax.random.key(0)
SHAPE = (183, 182, 3)  # 99918 numbers; rows that four do not divide
GREY = np.full(SHAPE, 0.5, np.float32)
EVERY = (np.arange(65536, dtype=np.float32) + 0.5) / 65536  # each number that can be drawn


def fits(values, distribution, *parameters):
    """Whether numbers follow a continuous distribution (Kolmogorov-Smirnov)."""
    assert scipy.stats.kstest(np.ravel(values), distribution, parameters).pvalue > 1e-3
    return True


@pytest.fixture(scope="module")
def drawn():
    """Everything that is drawn here, compiled at once."""

    @jax.jit
    def draw(key):
        keys = iter(jax.random.split(key, 9))
        return {
            "uniform": noise.uniform(next(keys), SHAPE),
            "normal": noise.add_normal(GREY, next(keys), 0.2),
            "normal for all": noise.add_normal(GREY, next(keys), 0.2, per_channel=False),
            "speckle": noise.multiply_normal(GREY, next(keys), 0.3),
            "shot": noise.shot(GREY * np.float32([0, 0.4, 2]), next(keys), 10.0),
            "salt": noise.salt_and_pepper(GREY, next(keys), 0.3, 0.25),
            "salt, each": noise.salt_and_pepper(GREY, next(keys), 0.3, 0.25, per_channel=True),
        }

    return jax.tree.map(np.asarray, draw(KEY))


def test_uniform_numbers_are_uniform_and_not_related(drawn):
    numbers = drawn["uniform"].astype(np.float64)
    assert fits(numbers, "uniform")
    bins = numbers * 65536 - 0.5
    np.testing.assert_array_equal(bins, bins.round())
    assert 0 <= bins.min() < 10 and 65525 < bins.max() <= 65535
    for half in (bins % 256, bins // 256):  # of both halves of a word, and of each byte in them
        counts = np.bincount(half.astype(int).ravel(), minlength=256)
        assert scipy.stats.chisquare(counts).pvalue > 1e-3
    # A block of the generator gives the numbers in four rows, a quarter of the height apart.
    quarter = -(-SHAPE[0] // 4)
    for shift in ((quarter, 0, 0), (2 * quarter, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        other = np.roll(numbers, shift, (0, 1, 2))
        assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 0.013
        assert (numbers == other).mean() < 1e-4


def test_normal_noise_is_normal(drawn):
    for name, size in (("normal", 0.2), ("normal for all", 0.2)):
        numbers = (drawn[name].astype(np.float64) - 0.5) / size
        assert fits(numbers if name == "normal" else numbers[..., 0], "norm")
    alike = drawn["normal for all"]
    np.testing.assert_array_equal(alike, alike[..., :1].repeat(3, -1))
    assert abs(np.corrcoef(drawn["normal"].reshape(-1, 3).T)[0, 1]) < 0.02
    exact = scipy.stats.norm.ppf(EVERY.astype(np.float64))
    np.testing.assert_allclose(noise._normal(jnp.asarray(EVERY)), exact, atol=2e-4)


def test_speckle_is_normal_in_proportion(drawn):
    assert fits((drawn["speckle"].astype(np.float64) / 0.5 - 1) / 0.3, "norm")
    image = GREY * np.float32([0, 0.5, -1])
    speckled = np.asarray(noise.multiply_normal(image, KEY, 0.3, per_channel=False))
    assert not speckled[..., 0].any()
    np.testing.assert_allclose(speckled[..., 2], -2 * speckled[..., 1], rtol=1e-5)


RATES = [0.0, 1e-3, 0.1, 0.7, 1.0, 2.0, 3.9, 4.0, 4.01, 5.0, 7.0, 12.0, 40.0, 255.0, 3000.0]


def test_poisson_numbers_have_their_distribution():
    """Of all the numbers that can be drawn: the largest error of the distribution function."""
    rates = np.float32(RATES)
    counts = np.asarray(jax.jit(jax.vmap(noise.poisson, (None, 0)))(EVERY, rates), np.float64)
    np.testing.assert_array_equal(counts, counts.round())
    for rate, count in zip(RATES, counts, strict=True):
        assert count.min() >= 0
        found = np.bincount(count.astype(int)) / len(EVERY)
        wanted = scipy.stats.poisson.cdf(np.arange(len(found)), rate)
        assert np.abs(found.cumsum() - wanted).max() < (2e-5 if rate <= 4 else 1.2e-3), rate
        assert count.mean() == pytest.approx(rate, rel=1e-3, abs=2e-5)
        assert count.var() == pytest.approx(rate, rel=2.5e-3, abs=5e-5)


def test_shot_noise_counts_photons(drawn):
    counts = drawn["shot"].astype(np.float64) * 10
    np.testing.assert_allclose(counts, counts.round(), atol=1e-4)
    assert not counts[..., 0].any()
    for channel, rate in ((1, 2.0), (2, 10.0)):
        found = np.bincount(counts[..., channel].round().astype(int).ravel())
        wanted = scipy.stats.poisson.pmf(np.arange(len(found)), rate) * found.sum()
        many = wanted > 20
        last = wanted[many].sum(), found[many].sum()
        wanted = [*wanted[many], found.sum() - last[0]]
        assert scipy.stats.chisquare([*found[many], found.sum() - last[1]], wanted).pvalue > 1e-3


def test_salt_and_pepper_come_as_often_as_asked(drawn):
    alike, each = drawn["salt"], drawn["salt, each"]
    np.testing.assert_array_equal(alike, alike[..., :1].repeat(3, -1))
    for numbers in (alike[..., 0], each):
        counts = [(numbers == value).sum() for value in (1.0, 0.0, 0.5)]
        assert sum(counts) == numbers.size
        assert (
            scipy.stats.chisquare(counts, numbers.size * np.array([0.075, 0.225, 0.7])).pvalue
            > 1e-3
        )
    changed = (each != 0.5).reshape(-1, 3).T
    assert abs(np.corrcoef(changed)[0, 1]) < 0.02


def test_strengths_are_drawn_evenly_and_apart_from_the_noise():
    spans = {
        ja.GaussianNoise((0.1, 0.3)): (0.1, 0.3),
        ja.SpeckleNoise((0.1, 0.3)): (0.1, 0.3),
        ja.ShotNoise((3, 60)): (3, 60),
        ja.SaltAndPepper((0.1, 0.2)): (0.1, 0.2),
        ja.GaussianNoise(0.2): None,
    }
    keys = jax.random.split(KEY, 100_000)
    numbers = lambda key: [transform.sample(key, SHAPE).arguments for transform in spans]
    for (own, strength, *_), span in zip(jax.vmap(numbers)(keys), spans.values(), strict=True):
        if span is None:
            assert (strength == np.float32(0.2)).all()
            continue
        assert fits(strength, "uniform", span[0], span[1] - span[0])
        words = np.asarray(jax.random.key_data(own))[:, 0].astype(np.float64)
        assert len(np.unique(words)) > 99_990
        assert abs(np.corrcoef(words, strength)[0, 1]) < 0.013


def test_options_reach_the_kernels():
    image = np.full((8, 9, 3), 0.5, np.float32)
    for transform in (
        ja.GaussianNoise(0.2, per_channel=False),
        ja.SpeckleNoise(0.2, per_channel=False),
        ja.SaltAndPepper(0.5),
    ):
        assert (np.ptp(transform(KEY, image), axis=-1) == 0).all()
        each = transform.replace(per_channel=True)
        assert (np.ptp(each(KEY, image), axis=-1) > 0).any()
    white = ja.SaltAndPepper(1.0, salt=1.0)(KEY, image)
    assert (np.asarray(white) == 1).all()


def test_gradients_are_those_of_the_mean():
    image = np.float32(np.linspace(-0.2, 1.2, 60)).reshape(4, 5, 3)
    slope = jax.grad(lambda x: jnp.sum(noise.shot(x, KEY, 10.0)))(image)
    np.testing.assert_array_equal(slope, image > 0)
    slope = jax.grad(lambda x: jnp.sum(noise.salt_and_pepper(x, KEY, 0.5, 0.5)))(image)
    left = np.asarray(noise.salt_and_pepper(image, KEY, 0.5, 0.5)) == image
    np.testing.assert_array_equal(slope, left)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ja.GaussianNoise(-0.1), "GaussianNoise: expected a sigma of 0 or more"),
        (lambda: ja.SpeckleNoise((-0.1, 1)), "SpeckleNoise: expected a sigma of 0 or more"),
        (lambda: ja.ShotNoise((0, 60)), "ShotNoise: expected photons, at least 0.01"),
        (lambda: ja.SaltAndPepper(1.1), "an amount in"),
        (lambda: ja.SaltAndPepper(0.1, salt=-1), "a part of salt in"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ja.JaxaugError, match=words):
        make()
