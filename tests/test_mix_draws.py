"""What mixes draw: distributions at 1e5 draws, and what is drawn apart is independent."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxaug as ja
from jaxaug.functional import mixing

KEY = jax.random.key(5)
HEIGHT, WIDTH = 24, 32
N = 100_000
BETA = jax.jit(jax.vmap(mixing.symmetric_beta, (0, None)))


@functools.cache
def drawn(mix, read, shape=(HEIGHT, WIDTH, 3)):
    keys = jax.random.split(jax.random.key(2), N)
    return np.asarray(jax.vmap(lambda key: read(mix.sample(key, shape)))(keys))


def agree(sample, other):
    """Two samples of one distribution, or a sample and a distribution's function."""
    found = stats.kstest(sample, other) if callable(other) else stats.ks_2samp(sample, other)
    return found.pvalue > 1e-4


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.0, 2.0])
def test_shares_follow_the_beta_distribution(alpha):
    uniforms = jax.random.uniform(jax.random.key(1), (N, 2))
    sample = np.asarray(BETA(uniforms, alpha))
    half = sample[sample < 0.5]  # the other one is the same, but rounds to 1
    assert stats.binomtest(len(half), N).pvalue > 1e-4
    assert agree(half, lambda x: 2 * stats.beta(alpha, alpha).cdf(x))
    assert agree(np.maximum(1 - sample[sample > 0.5], 1e-4), np.maximum(half, 1e-4))
    assert not agree(half, lambda x: 2 * stats.beta(alpha * 1.1, alpha * 1.1).cdf(x))


def test_shares_at_the_ends():
    """No power overflows, no gradient is infinite; half is half for a large alpha."""
    ends = jnp.array([0.0, 1e-7, 0.5, 1 - 1e-7, 1.0])
    u, v = (x.ravel() for x in jnp.meshgrid(ends, jnp.append(ends, 0.25)))
    uniforms = jnp.stack([u, v], axis=-1)
    slope = jax.grad(mixing.symmetric_beta, argnums=1)
    slopes = jax.jit(jax.vmap(slope, (0, None)))
    for alpha in (1e-3, 0.2, 1.0, 100.0):
        share = BETA(uniforms, alpha)
        assert ((share >= 0) & (share <= 1)).all()
        assert np.isfinite(slopes(uniforms, alpha)).all()
    np.testing.assert_allclose(BETA(jax.random.uniform(KEY, (N, 2)), 1e4), 0.5, atol=0.03)


def test_rectangles_follow_torchvision():
    """Places and sides as its loop in NumPy draws them."""
    rng = np.random.default_rng(0)
    part, x, y = rng.beta(0.8, 0.8, N), rng.integers(0, WIDTH, N), rng.integers(0, HEIGHT, N)
    wide, high = (0.5 * np.sqrt(part) * n for n in (WIDTH, HEIGHT))
    x0, y0 = (x - wide.astype(int)).clip(0), (y - high.astype(int)).clip(0)
    x1, y1 = (x + wide.astype(int)).clip(max=WIDTH), (y + high.astype(int)).clip(max=HEIGHT)
    expected = np.stack([x0, y0, x1, y1, 1 - (x1 - x0) * (y1 - y0) / (WIDTH * HEIGHT)], axis=1)
    found = drawn(
        ja.CutMix(0.8), lambda collage: jnp.stack([*collage.layers[1].rectangle, collage.shares[0]])
    )
    for sample, other in zip(found.T, expected.T, strict=True):
        assert agree(np.round(sample * HEIGHT * WIDTH), np.round(other * HEIGHT * WIDTH))
    assert agree(found[:, 2] - found[:, 0], x1 - x0)


def test_one_of_two_by_data():
    """`switch` is respected; each of the two has its own alpha."""
    mix = ja.MixUpOrCutMix(0.3, 2.0, switch=0.25)
    opacity, share, *rectangle = drawn(
        mix,
        lambda collage: jnp.stack(
            [collage.layers[1].opacity, collage.shares[1], *collage.layers[1].rectangle]
        ),
    ).T
    cut = opacity == 1
    assert stats.binomtest(int(cut.sum()), N, 0.25).pvalue > 1e-4
    assert agree(opacity[~cut], stats.beta(0.3, 0.3).cdf)
    np.testing.assert_array_equal(share[~cut], opacity[~cut])
    other = drawn(ja.CutMix(2.0), lambda collage: jnp.stack(collage.layers[1].rectangle)).T
    for k in range(4):
        assert agree(rectangle[k][cut], other[k])


def test_pasted_pictures_lie_anywhere():
    """Sides are uniform before they are whole; places uniform among those that fit."""
    mix = ja.ResizeMix((0.2, 0.7))
    x0, y0, x1, y1 = drawn(mix, lambda collage: jnp.stack(collage.layers[1].rectangle)).T
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.2, 0.7, N)
    for low, high, side in ((x0, x1, WIDTH), (y0, y1, HEIGHT)):
        length = np.floor(scale * side)
        assert agree(high - low, length)
        assert agree(low, np.floor(rng.random(N) * (side - length + 1)))
        assert high.max() == side
    share = drawn(mix, lambda collage: collage.shares[1])
    np.testing.assert_allclose(share, (x1 - x0) * (y1 - y0) / (WIDTH * HEIGHT), rtol=1e-6)


def test_mosaics_draw_a_point_and_four_factors():
    mix = ja.Mosaic((0.5, 2.0), (0.25, 0.75))
    read = lambda collage: jnp.stack(
        [jnp.stack([*x.rectangle, x.warp.matrix[0][0]]) for x in collage.layers]
    )
    found = drawn(mix, read, (100, 200, 3))
    rng = np.random.default_rng(0)
    point = found[:, 0, 2:4]
    for k, side in enumerate((200, 100)):
        assert agree(point[:, k], np.round(rng.uniform(0.25, 0.75, N) * side))
    factors = 1 / found[:, :, 4]
    for k in range(4):
        assert agree(factors[:, k], np.round(rng.uniform(0.5, 2.0, N) * 200) / 200)
        np.testing.assert_array_equal(found[:, k, 0 if k % 2 else 2], point[:, 0])
        np.testing.assert_array_equal(found[:, k, 1 if k // 2 else 3], point[:, 1])
    correlation = np.corrcoef(np.concatenate([point, factors], axis=1).T)
    assert abs(correlation - np.eye(6)).max() < 4 / np.sqrt(N)


def test_p_and_the_key():
    """`p` is respected; one key does not give two mixes, or an augmentation, the same numbers."""
    rows = 20_000
    columns = {"image": jnp.zeros((rows, 1, 1, 1), jnp.uint8), "keypoints": jnp.zeros((rows, 0, 2))}

    class Other(ja.MixUp):
        pass

    @jax.jit
    def draw(p):
        mix = ja.MixUp(1.0)
        again = mix(jax.random.key(6), columns)["mix"], Other(1.0)(KEY, columns)["mix"]
        bright = ja.batched(ja.Brightness((0.0, 1.0)))(KEY, jnp.ones((rows, 1, 1, 1))).ravel()
        return mix.replace(p=p)(KEY, columns)["mix"], mix(KEY, columns)["mix"], (*again, bright)

    some, every, others = draw(0.3)
    assert stats.binomtest(int((some < 1).sum()), rows, 0.3).pvalue > 1e-4
    np.testing.assert_array_equal(some[some < 1], every[some < 1])
    assert (draw(0.0)[0] == 1).all()
    for other in others:
        assert abs(np.corrcoef(every, other)[0, 1]) < 4 / np.sqrt(rows)
