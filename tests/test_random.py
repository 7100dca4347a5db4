"""Distributions of everything that is drawn, at 1e5 draws; what is drawn apart is independent."""

import itertools
import math

import jax
import numpy as np
import pytest
from scipy import stats

import jaxaug as ja
from jaxaug._transform import record_keys
from jaxaug.functional import illuminant
from jaxaug.transforms import cast

N = 100_000
SHAPE = (24, 33, 3)
KEYS = jax.random.split(jax.random.key(7), N)
CERTAIN = 1e-4


def draws(transform, read=lambda op: op, shape=SHAPE):
    """What ``read`` finds in N drawn ops, as NumPy arrays with a leading axis.

    Not compiled as a whole: that takes a second for each, its parts are compiled once for all.
    """
    found = jax.vmap(lambda key: read(transform.sample(key, shape)))(KEYS)
    return jax.tree.map(np.asarray, found)


def follows(sample, distribution):
    """Kolmogorov-Smirnov for a scipy distribution, chi-square for a dict of expected shares."""
    if not isinstance(distribution, dict):
        return stats.kstest(sample, distribution.cdf).pvalue > CERTAIN
    values, counts = np.unique(np.round(sample, 3), return_counts=True)
    wanted = sorted(distribution)
    np.testing.assert_allclose(values, wanted, atol=2e-3)
    shares = np.array([distribution[value] for value in wanted])
    if len(values) == 1:
        return True
    return stats.chisquare(counts, shares * len(sample) / shares.sum()).pvalue > CERTAIN


def uncorrelated(first, second):
    """Within four standard deviations of none, as they are and about their means."""
    pairs = [(first, second), (np.abs(first - np.mean(first)), np.abs(second - np.mean(second)))]
    return all(abs(np.corrcoef(*pair)[0, 1]) < 4 / math.sqrt(len(first)) for pair in pairs)


def uniform(low, high):
    return stats.uniform(low, high - low)


def alike(*values):
    return dict.fromkeys(values, 1)


# Readers of the output-to-input matrix: rows (a, b, c), (d, e, f).


def angle(op):
    return jax.numpy.rad2deg(jax.numpy.arctan2(op.matrix[1][0], op.matrix[0][0]))


def entry(row, column, of=lambda value: value):
    return lambda op: of(op.matrix[row][column])


def factor(op):
    return op.matrix


def inverted(value):
    return 1 / value


def lean(op):
    return jax.numpy.rad2deg(jax.numpy.arctan(-op.matrix[0][1] / op.matrix[1][1]))


def tilt(op):
    return jax.numpy.rad2deg(jax.numpy.arctan(op.matrix[1][0] / op.matrix[0][0]))


def hue_turns(op):
    return op.arguments[0]


def argument(place):
    """A drawn number of the one curve or kernel of an op."""
    return lambda op: (op.curves[0] if isinstance(op, ja.Tone) else op).arguments[place]


def turn(op):
    """How far a rotation about grey turns, without its sign: its trace is ``1 + 2 cos``."""
    cosine = jax.numpy.clip((jax.numpy.trace(op.matrix) - 1) / 2, -1, 1)
    return jax.numpy.arccos(cosine) / (2 * math.pi)


def kelvin(op):
    table = illuminant.BLACKBODY
    return jax.numpy.interp(-op.matrix[0], -table[:, 0] / table[:, 1], 3000.0 + 500 * np.arange(25))


def order(op):
    return op.matrix @ np.float32([0, 1, 2]) @ np.float32([9, 3, 1])


def contrasted(part):
    return lambda op: (op.ops[part].mean[0, 0] != 0).astype(float)


def number_out(op):
    return (op.matrix == 0).sum()


def along(axis):
    """A shift's part along an axis of ImageNet's colours, in units of the variance there."""
    values, vectors = cast.IMAGENET_EIGENVALUES, np.linalg.inv(cast.IMAGENET_EIGENVECTORS)
    return lambda op: op.offset @ np.float32(vectors[axis] / values[axis])


ORDERS = [9 * a + 3 * b + c for a, b, c in itertools.permutations(range(3))]
PIXELS = {"unit": "pixels"}
TABLE = {
    "angle, number": (ja.Rotate(20), angle, uniform(-20, 20)),
    "angle, pair": (ja.Rotate((-5, 30)), angle, uniform(-5, 30)),
    "angle, choice": (ja.Rotate(ja.Choice(0, 90, 45)), angle, alike(0, 45, 90)),
    "angle, in a chain": (ja.Chain(ja.Brightness(0.1), ja.Rotate(9)),
                          lambda op: angle(op.ops[1]), uniform(-9, 9)),
    "right, fraction": (ja.Translate(x=0.2), entry(0, 2, lambda c: -c), uniform(-6.6, 6.6)),
    "down, fraction": (ja.Translate(y=(0, 0.5)), entry(1, 2, lambda f: -f), uniform(0, 12)),
    "right, pixels": (ja.Translate(x=5, **PIXELS), entry(0, 2), uniform(-5, 5)),
    "down, choice": (ja.Translate(y=ja.Choice(-16, 0, 3, 16), **PIXELS), entry(1, 2),
                     alike(16, 0, -3, -16)),
    "lean": (ja.Shear(x=15), lean, uniform(-15, 15)),
    "tilt": (ja.Shear(x=15, y=(2, 9)), tilt, uniform(2, 9)),
    "zoom, number": (ja.Zoom(0.25), entry(0, 0, inverted), uniform(0.75, 1.25)),
    "zoom, pair": (ja.Zoom((0.5, 2)), entry(1, 1, inverted), uniform(0.5, 2)),
    "zoom, isotropic": (ja.Zoom(0.25, isotropic=True), entry(1, 1, inverted), uniform(0.75, 1.25)),
    "flip": (ja.HorizontalFlip(), entry(0, 0), {-1: 0.5, 1: 0.5}),
    "flip, rarely": (ja.HorizontalFlip(p=0.1), entry(0, 0), {-1: 0.1, 1: 0.9}),
    "flip, upside down": (ja.VerticalFlip(p=0.75), entry(1, 1), {-1: 0.75, 1: 0.25}),
    "quarter turns": (ja.Rotate90(), angle, alike(0, 90, 180, -90)),
    "two quarter turns": (ja.Rotate90(times=(0, 1, 1)), angle, {0: 1, 90: 2}),
    "brightness, number": (ja.Brightness(0.3), factor, uniform(0.7, 1.3)),
    "brightness, pair": (ja.Brightness((0.2, 3)), factor, uniform(0.2, 3)),
    "contrast": (ja.Contrast(0.3), factor, uniform(0.7, 1.3)),
    "saturation": (ja.Saturation((0, 2)), lambda op: 1 - op.matrix[0, 1] / 0.587, uniform(0, 2)),
    "hue": (ja.Hue(0.1), hue_turns, uniform(-0.1, 0.1)),
    "shift": (ja.ChannelShift(0.2), lambda op: op.offset, uniform(-0.2, 0.2)),
    "jitter": (ja.ColorJitter(brightness=0.4), factor, uniform(0.6, 1.4)),
    "gamma": (ja.Gamma(0.3), argument(0), uniform(0.7, 1.3)),
    "threshold": (ja.Solarize((0.2, 1)), argument(0), uniform(0.2, 1)),
    "threshold, one": (ja.Solarize(0.2), argument(0), {0.2: 1}),
    "addition": (ja.SolarizeAdd((-0.1, 0.3)), argument(0), uniform(-0.1, 0.3)),
    "bits, one": (ja.Posterize(3), argument(0), {3: 1}),
    "bits, pair": (ja.Posterize((2, 5)), argument(0), alike(2, 3, 4, 5)),
    "bits, choice": (ja.Posterize(ja.Choice(1, 8)), argument(0), alike(1, 8)),
    "shadows": (ja.ToneCurve(0.05), lambda op: argument(0)(op)[0], stats.norm(1 / 3, 0.05)),
    "highlights": (ja.ToneCurve(0.05, controls=(0.25, 0.75), per_channel=True),
                   lambda op: argument(1)(op)[2], stats.norm(0.75, 0.05)),
    "clip limit": (ja.CLAHE((1, 4)), argument(0), uniform(1, 4)),
    "hue rotation": (ja.HueRotation(0.2), turn, uniform(0, 0.2)),
    "order of channels": (ja.ChannelShuffle(), order, alike(*ORDERS)),
    "channel left out": (ja.ChannelDropout(), lambda op: op.matrix @ np.float32([1, 2, 4]),
                         alike(6, 5, 3)),
    "channels left out": (ja.ChannelDropout((0, 2)), number_out, alike(0, 1, 2)),
    "shift of green": (ja.RGBShift(0.1, 0.2, 0.3), lambda op: op.offset[1], uniform(-0.2, 0.2)),
    "sepia": (ja.Sepia((0.2, 1.0)), lambda op: op.matrix[0, 1] / 0.769, uniform(0.2, 1)),
    "kelvin": (ja.PlanckianJitter(), kelvin, uniform(3000, 15000)),
    "kelvin, choice": (ja.PlanckianJitter(temperature=ja.Choice(3500, 6500)), kelvin,
                       alike(3500, 6500)),
    "first colour": (ja.FancyPCA(), along(0), stats.norm(0, 0.1)),
    "last colour": (ja.FancyPCA(0.2), along(2), stats.norm(0, 0.2)),
    "contrast first": (ja.PhotometricDistort(), contrasted(0), {0: 0.75, 1: 0.25}),
    "contrast last": (ja.PhotometricDistort(p=0.2), contrasted(2), {0: 0.9, 1: 0.1}),
    "row of a crop": (ja.RandomCrop((20, 30)), lambda op: op.matrix[1][2] + 2, alike(*range(5))),
    "column of a padded crop": (ja.RandomCrop((20, 30), padding=(0, 4)),
                                lambda op: op.matrix[0][2] + 1.5, alike(*range(-4, 8))),
    "row of a resized crop": (ja.RandomResizedCrop(8, scale=(0.25, 0.25), ratio=(1, 1)),
                              lambda op: op.matrix[1][2] + 5, alike(*range(11))),
    "gate": (ja.Maybe(ja.Brightness((3, 3)), p=0.3), factor, {1: 0.7, 3: 0.3}),
    "gate, always": (ja.Maybe(ja.Brightness((3, 3)), p=1.0), factor, {3: 1}),
    "one of": (ja.OneOf(ja.Rotate((90, 90)), ja.Rotate((45, 45)), ja.Shear()), angle,
               alike(90, 45, 0)),
    "one of, weighed": (ja.OneOf(*(ja.Brightness((k, k)) for k in (2, 3, 5)), weights=(1, 5, 2)),
                        factor, {2: 1, 3: 5, 5: 2}),
    "one of, never": (ja.OneOf(*(ja.Brightness((k, k)) for k in (2, 3, 5)), weights=(1, 0, 2)),
                      factor, {2: 1, 5: 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_parameter_follows_its_distribution(name):
    transform, read, distribution = TABLE[name]
    shape = (24, 24, 3) if isinstance(transform, ja.Rotate90) else SHAPE
    assert follows(draws(transform, read, shape), distribution)


def test_ranges():
    key = jax.random.key(1)
    for span, around, wanted in [
        (2.0, 0.0, uniform(-2, 2)),
        (0.25, 1.0, uniform(0.75, 1.25)),
        (0.25, None, {0.25: 1}),
        ((3, 4.5), 1.0, uniform(3, 4.5)),
        (np.array([-1.0, 0.0]), 0.0, uniform(-1, 0)),
        (ja.Choice(1, 2, 2, 8), 1.0, {1: 1, 2: 2, 8: 1}),
    ]:
        sample = np.asarray(ja.draw(key, span, around=around, shape=(N,)))
        assert follows(sample, wanted)
        if isinstance(span, tuple):
            assert sample.min() >= 3 and sample.max() <= 4.5
    assert (np.asarray(ja.draw(key, (0.5, 0.5), shape=(9,))) == 0.5).all()


PAIRS = {
    "right and down": (ja.Translate(x=0.2, y=0.2), entry(0, 2), entry(1, 2)),
    "wide and high": (ja.Zoom(0.3), entry(0, 0, inverted), entry(1, 1, inverted)),
    "lean and tilt": (ja.Shear(x=10, y=10), lean, tilt),
    "row and column": (ja.RandomCrop((12, 15)), entry(1, 2), entry(0, 2)),
    "channels": (ja.ChannelShift(0.1, per_channel=True), lambda op: op.offset[0],
                 lambda op: op.offset[2]),
    "red and blue": (ja.RGBShift(0.1, 0.1, 0.1), lambda op: op.offset[0],
                     lambda op: op.offset[2]),
    "colours of a data set": (ja.FancyPCA(), along(0), along(1)),
    "shadows and highlights": (ja.ToneCurve(), lambda op: argument(0)(op)[0],
                               lambda op: argument(1)(op)[0]),
    "curves of channels": (ja.ToneCurve(per_channel=True), lambda op: argument(0)(op)[0],
                           lambda op: argument(0)(op)[1]),
    "addition and threshold": (ja.SolarizeAdd((0, 0.3), (0, 1)), argument(0), argument(1)),
    "gate and value": (ja.Maybe(ja.Hue(0.1)), lambda op: op.on.astype(float), hue_turns),
    "gate and gate": (ja.Chain(ja.Maybe(ja.Hue(0.1)), ja.Brightness(0.1), ja.Maybe(ja.Hue(0.1))),
                      lambda op: op.ops[0].on.astype(float), lambda op: op.ops[2].on.astype(float)),
    "members of a class": (ja.Chain(ja.Brightness(0.1), ja.Hue(0.1), ja.Brightness(0.1)),
                           lambda op: op.ops[0].matrix, lambda op: op.ops[2].matrix),
    "members of two classes": (ja.Chain(ja.Brightness(0.1), ja.Rotate(9)),
                               lambda op: op.ops[0].matrix, lambda op: angle(op.ops[1])),
    "member and member's member": (ja.Chain(ja.Hue(0.1), ja.Chain(ja.Brightness(0.1), ja.Hue(0.1))),
                                   lambda op: hue_turns(op.ops[0]),
                                   lambda op: hue_turns(op.ops[2])),
    "choice and value": (ja.OneOf(ja.Hue(0.1), ja.Brightness(0.1)),
                         lambda op: op.ops[0].on.astype(float), lambda op: hue_turns(op.ops[0])),
    "order and value": (ja.ColorJitter(contrast=0.1, hue=0.1),
                        lambda op: (op.ops[0].matrix == 1).astype(float),
                        lambda op: hue_turns(op.ops[1])),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_drawn_apart_is_independent(name):
    transform, *read = PAIRS[name]
    first, second = draws(transform, lambda op: [each(op) for each in read])
    assert first.std() > 0 and second.std() > 0
    assert uncorrelated(first, second)


def test_value_behind_a_gate_is_the_same_whether_it_is_open_or_shut():
    op = draws(ja.Maybe(ja.Hue(0.1), p=0.2))
    turns = op.arguments[0]
    for side in (turns[op.on], turns[~op.on]):
        assert follows(side, uniform(-0.1, 0.1))


def test_one_factor_for_both_axes_if_isotropic():
    wide, high = draws(ja.Zoom(0.3, isotropic=True), lambda op: (op.matrix[0][0], op.matrix[1][1]))
    np.testing.assert_array_equal(wide, high)


# Subsets and orders ------------------------------------------------------------------------------


PRIMES = (2, 3, 5, 7)


def products(size):
    return [math.prod(subset) for subset in itertools.combinations(PRIMES, size)]


@pytest.mark.parametrize(
    ("n", "shares"),
    [
        (2, alike(*products(2))),
        ((0, 4), {p: 1 / math.comb(4, k) for k in range(5) for p in products(k)}),
    ],
)
def test_subsets_of_one_size_are_equally_likely(n, shares):
    some = ja.SomeOf(*(ja.Brightness((prime, prime)) for prime in PRIMES), n=n)
    assert follows(draws(some, factor), shares)


def test_orders_are_equally_likely():
    steps = [(2, 0), (1, 2), (3, 5)]  # x -> a x + b: every order ends at another offset
    ends = []
    for order in itertools.permutations(steps):
        offset = 0
        for a, b in order:
            offset = a * offset + b
        ends.append(offset)
    assert len(set(ends)) == 6
    shuffled = ja.RandomOrder(*(ja.Rescale(*step) for step in steps))
    assert follows(draws(shuffled, lambda op: op.offset), alike(*ends))


def test_one_of_several_families_is_exactly_one():
    one = ja.OneOf(
        ja.Brightness((2, 2)), ja.Hue((0.1, 0.1)), ja.Rotate((90, 90)), weights=(1, 2, 3)
    )

    def read(op):
        families = {type(part): part for part in op.ops}
        return (families[ja.Color].matrix == 2, families[ja.Apply].on,
                families[ja.Warp].matrix[1][0] > 0.5)  # fmt: skip

    flags = np.stack(draws(one, read))
    assert (flags.sum(0) == 1).all()
    assert follows(flags.argmax(0), {0: 1, 1: 2, 2: 3})


# RandomResizedCrop -------------------------------------------------------------------------------


def torchvision_window(rng, height, width, scale, ratio):
    """``torchvision.transforms.RandomResizedCrop.get_params``, line by line."""
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return rng.integers(0, height - h + 1), rng.integers(0, width - w + 1), h, w
    if width / height < min(ratio):
        w, h = width, round(width / min(ratio))
    elif width / height > max(ratio):
        w, h = round(height * max(ratio)), height
    else:
        w, h = width, height
    return (height - h) // 2, (width - w) // 2, h, w


@pytest.mark.parametrize(
    ("height", "width", "scale", "ratio"),
    [
        (48, 37, (0.08, 1.0), (3 / 4, 4 / 3)),
        (20, 60, (0.3, 1.0), (3 / 4, 4 / 3)),  # half of them fall back, on the height
        (60, 20, (0.3, 0.9), (1 / 2, 4 / 3)),  # the same on the width
        (30, 30, (1.2, 1.4), (0.9, 1.1)),  # all fall back, on the whole image
    ],
)
def test_random_resized_crop_draws_torchvisions_windows(height, width, scale, ratio):
    crop = ja.RandomResizedCrop((10, 10), scale=scale, ratio=ratio)
    across, down, _ = draws(crop, lambda op: op.matrix, (height, width, 3))
    w, h = 10 * across[0], 10 * down[1]
    ours = np.stack([down[2] + (height - h) / 2, across[2] + (width - w) / 2, h, w])
    np.testing.assert_allclose(ours, ours.round(), atol=1e-4)

    rng = np.random.default_rng(3)
    theirs = [torchvision_window(rng, height, width, scale, ratio) for _ in range(N // 10)]
    sides = [
        {"top": y, "left": x, "height": h, "width": w,
         "area": np.round(h * w * 40 / height / width), "ratio": np.round(20 * np.log(w / h))}
        for y, x, h, w in (ours.round(), np.transpose(theirs))
    ]  # fmt: skip
    for name in sides[0]:
        values, place = np.unique(np.concatenate([s[name] for s in sides]), return_inverse=True)
        counts = np.stack(
            [np.bincount(part, minlength=len(values)) for part in np.split(place, [N])]
        )
        often = counts.sum(0) > 50
        table = np.concatenate([counts[:, often], counts[:, ~often].sum(1, keepdims=True)], 1)
        table = table[:, table.any(0)]
        assert table.shape[1] == 1 or stats.chi2_contingency(table).pvalue > CERTAIN, name


# Keys --------------------------------------------------------------------------------------------


def test_a_new_member_leaves_the_draws_of_the_others_alone():
    key = jax.random.key(5)
    hue, bright, turn = ja.Hue(0.1), ja.Brightness(0.3), ja.Rotate(20)
    for members in ([hue, bright], [bright, hue], [turn, hue, ja.Contrast(0.1), turn, bright]):
        ops = ja.Chain(*members).sample(key, SHAPE).ops
        (turns,) = [hue_turns(op) for op in ops if isinstance(op, ja.Apply)]
        alone = hue_turns(ja.Chain(hue).sample(key, SHAPE))
        assert float(turns) == float(alone)
    pair = ja.Chain(turn, bright, turn).sample(key, SHAPE).ops
    (alone,) = [angle(ja.Chain(turn).sample(key, SHAPE))]
    assert float(angle(pair[0])) == float(alone) != float(angle(pair[2]))


def test_records_and_visits_draw_independently():
    turn, angles = ja.Rotate(20), []
    for visit, first in ((0, 0), (1, 0), (0, 1)):
        index = np.arange(first, first + N, dtype=np.uint32)
        columns = {"index": index, "visit": np.full(N, visit, np.uint32)}
        keys = record_keys(jax.random.key(0), columns, N)
        angles.append(np.asarray(jax.vmap(lambda key: angle(turn.sample(key, SHAPE)))(keys)))
        assert follows(angles[-1], uniform(-20, 20))
    np.testing.assert_array_equal(angles[0][1:], angles[2][:-1])
    assert uncorrelated(angles[0], angles[1])
    assert uncorrelated(angles[0], angles[2])
    assert np.isin(angles[0], angles[1]).mean() < 0.05  # by chance, in 24 bits
