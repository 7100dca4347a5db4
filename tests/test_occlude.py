"""What is covered, by the procedures it comes from, and what is told of boxes and points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxaug as ja
from jaxaug.functional import holes

KEY = jax.random.key(5)
SHAPE = (24, 33, 3)
HEIGHT, WIDTH = SHAPE[:2]
N = 20_000
CERTAIN = 1e-4
MASK = np.zeros((HEIGHT, WIDTH), np.int32)
MASK[2:9, 3:12], MASK[10:20, 20:30], MASK[15:23, 1:9], MASK[0:2, 25:33] = 1, 2, 37, 40
ONES = {"image": np.ones(SHAPE, np.float32), "mask": MASK}


def quick(function):
    """Compiled, hardly optimized."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def drawn(transform, read, n=N, shape=SHAPE):
    """What ``read`` finds in n drawn ops."""
    found = quick(jax.vmap(lambda key: read(transform.sample(key, shape))))(
        jax.random.split(KEY, n)
    )
    return jax.tree.map(np.asarray, found)


def corners(op):
    return op.arguments[0]


def even(values, bins):
    """As often each of the whole numbers ``0..bins - 1``."""
    counts = np.bincount(np.asarray(values).astype(int), minlength=bins)
    return len(counts) == bins and stats.chisquare(counts).pvalue > CERTAIN


# All of them: pixels, masks, boxes and points -----------------------------------------------------

TABLE = {
    "erasing": ja.RandomErasing(p=1.0, mask_fill=9),
    "cutout": ja.Cutout((7, 9), count=2, mask_fill=9),
    "coarse": ja.CoarseDropout((3, 5), mask_fill=9),
    "grid": ja.GridMask(mask_fill=9),
    "pixels": ja.PixelDropout(0.3, mask_fill=9),
    "objects": ja.MaskDropout((1, 3), mask_fill=9),
}


def test_pixels_masks_boxes_and_points_agree_on_what_is_covered():
    """Boxes of whole and of parts of pixels; the part that is seen is that of the area."""
    rng = np.random.default_rng(0)
    low = rng.uniform(-4, 20, (30, 2))
    boxes = np.float32(np.concatenate([low, low + rng.uniform(0.1, 14, (30, 2))], axis=1))
    boxes[:10] = np.round(boxes[:10])
    points = np.float32(np.concatenate([rng.uniform(-3, 33, (60, 2)), [[np.nan, 3]]]))
    # Part of each pixel that is in a box.
    y, x = np.arange(HEIGHT)[:, None], np.arange(WIDTH)
    x0, y0, x1, y1 = (boxes[:, k, None, None] for k in range(4))
    rows = (np.minimum(y + 1, y1) - np.maximum(y, y0)).clip(0)
    parts = rows * (np.minimum(x + 1, x1) - np.maximum(x, x0)).clip(0)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

    def all_of_it(key):
        results = {}
        for name, transform in TABLE.items():
            example = ONES | {"boxes": boxes, "keypoints": points}
            op = transform.sample(key, SHAPE).bound(example, SHAPE)
            seen = ja.visible_fraction(op, boxes, SHAPE), ja.visible_points(op, points, SHAPE)
            results[name] = (op(example), *seen)
        return results

    for name, (out, fraction, seen) in quick(all_of_it)(KEY).items():
        hidden = np.asarray(out["image"][..., 0]) == 0
        assert 0.01 < hidden.mean() < 0.6, name
        np.testing.assert_array_equal(out["image"], np.where(hidden[..., None], 0, ONES["image"]))
        np.testing.assert_array_equal(out["mask"], np.where(hidden, 9, MASK))
        np.testing.assert_array_equal(out["boxes"], boxes)
        np.testing.assert_array_equal(out["keypoints"], points)
        free = (parts * ~hidden).sum(axis=(1, 2)) / np.where(area > 0, area, 1)
        np.testing.assert_allclose(fraction, np.where(area > 0, free, 0), atol=1e-5, err_msg=name)
        for (u, v), there in zip(points, seen, strict=True):
            inside = 0 <= u < WIDTH and 0 <= v < HEIGHT
            assert bool(there) == (inside and not hidden[int(v), int(u)]), name


def test_what_is_cut_off_and_what_is_covered_are_told_together():
    left = np.float32([[0, 0, 12, HEIGHT]])
    cover = ja.Hide(holes.rectangles, left, fill=0.5)
    move = ja.Translate(x=ja.Choice(-6), unit="pixels").sample(KEY, SHAPE)
    boxes = np.float32([[6, 4, 18, 8], [0, 0, 6, 6], [30, 0, 33, 9]])
    both = move.then(cover)
    np.testing.assert_allclose(ja.visible_fraction(both, boxes, SHAPE), [0, 0, 1], atol=1e-6)
    other = cover.then(move)
    np.testing.assert_allclose(ja.visible_fraction(other, boxes, SHAPE), [0.5, 0, 1], atol=1e-6)
    points = np.float32([[13, 3], [19, 3], [11, 3], [2, 2]])
    np.testing.assert_array_equal(ja.visible_points(both, points, SHAPE), [0, 1, 0, 0])
    np.testing.assert_array_equal(ja.visible_points(other, points, SHAPE), [1, 1, 0, 0])
    off = cover.gate(jnp.bool_(False))
    np.testing.assert_allclose(ja.visible_fraction(off, boxes, SHAPE), [1, 1, 1])
    inside = ja.Chain(ja.Rotate(20), ja.Cutout(9), ja.CenterCrop(20)).sample(KEY, SHAPE)
    assert [type(op).__name__ for op in inside.ops] == ["Warp", "Hide", "Warp"]


def test_fills():
    """Numbers, colours and noise, of the distribution that was asked for; masks if asked."""
    cases = {
        "channels": ja.RandomErasing(p=1.0, fill=(0.1, 0.2, 0.3)),
        "color": ja.RandomErasing(p=1.0, fill="color"),
        "noise": ja.RandomErasing(p=1.0, fill="noise", scale=(0.3, 0.33)),
        "normal": ja.RandomErasing(p=1.0, fill="noise", distribution="normal", scale=(0.3, 0.33)),
        "normal color": ja.RandomErasing(p=1.0, fill="color", distribution="normal"),
        "pixels": ja.PixelDropout(0.5, fill="noise"),
    }
    black = {"image": np.full(SHAPE, -9.0, np.float32), "mask": MASK}
    keys = jax.random.split(KEY, 200)
    every = quick(jax.vmap(lambda key: {k: cases[k](key, black) for k in cases}))(keys)
    found = {}
    for name, out in every.items():
        np.testing.assert_array_equal(out["mask"][3], MASK)
        image = np.asarray(out["image"])
        found[name] = image[image[..., 0] != -9]
    np.testing.assert_allclose(
        found["channels"], np.tile([[0.1, 0.2, 0.3]], (len(found["channels"]), 1))
    )
    uniform, normal = stats.uniform.cdf, stats.norm.cdf
    for name, cdf in {"noise": uniform, "normal": normal, "pixels": uniform}.items():
        assert stats.kstest(found[name][:30_000].ravel(), cdf).pvalue > CERTAIN
        assert abs(np.corrcoef(found[name].T)[0, 1]) < 0.02
    for name, cdf in {"color": uniform, "normal color": normal}.items():
        image = np.asarray(every[name]["image"]).reshape(200, -1, 3)
        colors = [set(map(tuple, each[each[:, 0] != -9])) for each in image]
        assert all(len(each) == 1 for each in colors)
        assert stats.kstest(np.ravel([each.pop() for each in colors]), cdf).pvalue > CERTAIN


# One by one ---------------------------------------------------------------------------------------


def published_erasing(rng, scale, ratio):
    """Zhong's procedure as torchvision has it: top, left, height, width; zeros if nothing fits."""
    for _ in range(10):
        area = HEIGHT * WIDTH * rng.uniform(*scale)
        aspect = np.exp(rng.uniform(*np.log(ratio)))
        height, width = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if height < HEIGHT and width < WIDTH:
            top, left = (rng.integers(0, n + 1) for n in (HEIGHT - height, WIDTH - width))
            return top, left, height, width
    return 0, 0, 0, 0


@pytest.mark.parametrize("scale", [(0.02, 0.33), (0.6, 1.0)])
def test_rectangles_are_erased_as_published(scale):
    ratio = (0.5, 3.0)
    transform = ja.RandomErasing(scale=scale, ratio=ratio)
    boxes, on = drawn(transform, lambda op: (corners(op)[0], op.on))
    assert stats.binomtest(int(on.sum()), N, 0.5).pvalue > CERTAIN
    x0, y0, x1, y1 = boxes.T
    ours = np.stack([y0, x0, y1 - y0, x1 - x0], axis=-1)
    rng = np.random.default_rng(0)
    theirs = np.array([published_erasing(rng, scale, ratio) for _ in range(N)])
    nothing = [(each[:, 2:] == 0).all(axis=1) for each in (ours, theirs)]
    table = [[each.sum() + 1, N - each.sum()] for each in nothing]
    assert stats.chi2_contingency(table).pvalue > CERTAIN
    kept = [each[~none] for each, none in zip((ours, theirs), nothing, strict=True)]
    for axis in range(4):
        assert stats.ks_2samp(*(each[:, axis] for each in kept)).pvalue > CERTAIN
    assert stats.ks_2samp(*(each[:, 2] * each[:, 3] for each in kept)).pvalue > CERTAIN
    assert (kept[0][:, 2] < HEIGHT).all()
    assert (kept[0][:, 3] < WIDTH).all()
    assert abs(np.corrcoef(on[~nothing[0]], kept[0][:, 2])[0, 1]) < 0.03


def test_squares_are_cut_out_anywhere():
    found = drawn(ja.Cutout((5, 4), count=2), corners, 10_000)
    x0, y0, x1, y1 = np.moveaxis(found, -1, 0)
    np.testing.assert_array_equal(x1 - x0, 4)
    np.testing.assert_array_equal(y1 - y0, 5)
    for place in range(2):
        assert even(x0[:, place] + 2, WIDTH)
        assert even(y0[:, place] + 2, HEIGHT)
    assert abs(np.corrcoef(x0.T)[0, 1]) < 0.04
    # DeVries and Taylor: y1 = clip(y - length // 2), y2 = clip(y + length // 2).
    places = np.float32([[-2, 22, 2, 26], [7, 3, 11, 7]])
    mask = holes.rectangles(HEIGHT, WIDTH, SHAPE[:2], places)
    want = np.zeros((HEIGHT, WIDTH), bool)
    want[22:, :2] = want[3:7, 7:11] = True
    np.testing.assert_array_equal(mask, want)


@pytest.mark.parametrize("unit", ["fraction", "pixels"])
def test_rectangles_are_whole_and_inside(unit):
    height, width = ((0.1, 0.2), 0.25) if unit == "fraction" else ((2, 6), 9)
    transform = ja.CoarseDropout((2, 4), height=height, width=width, unit=unit)
    found = drawn(transform, corners, 10_000)
    x0, y0, x1, y1 = np.moveaxis(found, -1, 0)
    there = x1 > x0
    assert even(there.sum(axis=1) - 2, 3)
    assert (there == (np.arange(4) < there.sum(axis=1)[:, None])).all()
    tall, wide = (y1 - y0)[there], (x1 - x0)[there]
    np.testing.assert_array_equal(
        np.unique(wide), [round(0.25 * WIDTH) if unit == "fraction" else 9]
    )
    if unit == "pixels":
        assert even(tall - 2, 5)
    else:
        bins = np.bincount(np.round(np.linspace(0.1, 0.2, 100_001) * HEIGHT).astype(int))
        counts = np.bincount(tall.astype(int))
        expected = bins[bins > 0] * (counts.sum() / bins.sum())
        assert stats.chisquare(counts[bins > 0], expected).pvalue > CERTAIN
    for start, side, n in ((y0, y1 - y0, HEIGHT), (x0, x1 - x0, WIDTH)):
        start, side = start[there], side[there]
        assert (start >= 0).all()
        for one in np.unique(side):
            assert even(start[side == one], int(n - one + 1))


def test_squares_on_a_grid_are_as_published():
    """Upright by Chen's bands, on rows and columns; turned by each pixel's coordinates."""
    upright, turned = ja.GridMask(degrees=0.0), ja.GridMask(degrees=60.0, unit=(0.3, 0.6))

    def draw(key):
        ops = upright.sample(key, SHAPE), turned.sample(key, SHAPE)
        return [(op.arguments, op(ONES["image"])[..., 0] == 0) for op in ops]

    every = quick(jax.vmap(draw))(jax.random.split(KEY, 1000))
    (upright_numbers, upright_masks), (numbers, masks) = jax.tree.map(np.asarray, every)
    (cos, _, down, right), hole = upright_numbers
    cells = np.round(1 / cos).astype(int)
    wanted = np.bincount(np.round(np.linspace(3 / 7, 1, 100_001) * HEIGHT).astype(int))
    counts = np.bincount(cells, minlength=len(wanted))
    expected = wanted[wanted > 0] * (1000 / wanted.sum())
    assert stats.chisquare(counts[wanted > 0], expected).pvalue > CERTAIN
    for row in range(40):
        cell, length = cells[row], round(float(hole[row] * cells[row]))
        assert length == np.floor(cell * 0.4 + 0.5)
        starts = [
            round(float(at[row] * cell) - n / 2) for at, n in ((down, HEIGHT), (right, WIDTH))
        ]
        lines = [(np.arange(n) + s) % cell < length for n, s in zip(SHAPE, starts, strict=False)]
        np.testing.assert_array_equal(upright_masks[row], lines[0][:, None] & lines[1])
        assert all(0 <= start < cell for start in starts)
    assert abs(upright_masks.mean() - 0.4**2) < 0.005
    assert abs(masks.mean() - 0.4**2) < 0.005
    (cos, sin, down, right), hole = (jax.tree.map(np.float64, each) for each in numbers)
    angles = np.rad2deg(np.arctan2(sin, cos))
    assert stats.kstest(angles, stats.uniform(-60, 120).cdf).pvalue > CERTAIN
    y, x = np.arange(HEIGHT)[:, None] - (HEIGHT - 1) / 2, np.arange(WIDTH) - (WIDTH - 1) / 2
    wrong = 0
    for row in range(200):
        v = y * cos[row] - x * sin[row] + down[row]
        u = y * sin[row] + x * cos[row] + right[row]
        inside = (v % 1 < hole[row]) & (u % 1 < hole[row])
        wrong += (inside != masks[row]).sum()
    assert wrong <= 2  # on the border of a square by the last bit


def test_single_pixels_and_channels():
    def draw(key):
        whole, each = (ja.PixelDropout(0.2, per_channel=k, fill=(2, 3, 4))(key, ONES["image"])
                       for k in (False, True))  # fmt: skip
        return whole, each

    whole, each = jax.tree.map(np.asarray, quick(jax.vmap(draw))(jax.random.split(KEY, 40)))
    for image in (whole, each):
        changed = image != 1
        np.testing.assert_array_equal(image, np.where(changed, np.float32([2, 3, 4]), 1))
        count = HEIGHT * WIDTH * 40
        assert stats.binomtest(int(changed[..., 0].sum()), count, 0.2).pvalue > CERTAIN
    assert ((whole != 1).all(axis=-1) == (whole != 1).any(axis=-1)).all()
    pairs = (each != 1).reshape(-1, 3).T.astype(float)
    assert abs(np.corrcoef(pairs)[0, 1]) < 0.03


def test_objects_of_the_mask_are_covered():
    """As often each of those that are there; not those beyond ``labels``, nor the background."""
    transform = ja.MaskDropout((1, 2), labels=38)

    def left(key):
        return transform(key, ONES)["mask"][np.array([5, 12, 20, 1]), np.array([5, 25, 5, 30])]

    found = np.asarray(quick(jax.vmap(left))(jax.random.split(KEY, 3000)))
    gone = found == 0
    assert not gone[:, 3].any()
    one = gone[:, :3].sum(axis=1) == 1
    assert stats.binomtest(int(one.sum()), 3000, 0.5).pvalue > CERTAIN
    assert stats.chisquare(gone[one][:, :3].sum(axis=0)).pvalue > CERTAIN
    assert (gone[~one].sum(axis=1) == 2).all()

    flags = holes.present(jnp.asarray(MASK), 63)
    assert np.flatnonzero(flags).tolist() == [0, 1, 36, 39]
    words = holes.as_words(flags)
    np.testing.assert_array_equal(holes.labelled(HEIGHT, WIDTH, SHAPE[:2], MASK, words), MASK > 0)
    far = np.array([[-1, 64, 1000, 37]], np.int16)
    np.testing.assert_array_equal(holes.labelled(1, 4, (1, 4), far, words), [[0, 0, 0, 1]])


def test_objects_are_covered_where_they_have_gone():
    flip = ja.HorizontalFlip(p=1.0)
    chain = ja.Chain(flip, ja.MaskDropout(1, labels=2, fill=0.25))
    out = quick(lambda key: chain(key, ONES))(KEY)
    hidden = np.asarray(out["image"])[..., 0] == 0.25
    label = 1 if hidden.sum() == 63 else 2
    np.testing.assert_array_equal(hidden, MASK[:, ::-1] == label)
    np.testing.assert_array_equal(out["mask"], np.where(hidden, 0, MASK[:, ::-1]))


def test_one_of_several_covers_is_one():
    several = ja.OneOf(ja.Cutout(5, fill=0.1), ja.Cutout(9, fill=(0.2, 0.3, 0.4)), ja.Cutout(3))
    op = several.sample(KEY, SHAPE)
    assert isinstance(op, ja.Hide)
    sides = drawn(several, lambda op: (corners(op)[0, 2] - corners(op)[0, 0], op.fill[1]), 3000)
    found = sorted(set(zip(*(each.round(3).tolist() for each in sides), strict=True)))
    np.testing.assert_allclose(found, [(3, 0), (5, 0.1), (9, 0.3)], atol=1e-6)
    maybe = ja.Maybe(ja.MaskDropout(), p=0.5)
    seen = quick(jax.vmap(lambda key: (maybe(key, ONES)["image"] == 0).any()))
    gone = int(np.asarray(seen(jax.random.split(KEY, 400))).sum())
    assert stats.binomtest(gone, 400, 0.5).pvalue > CERTAIN


IMAGE = ONES["image"]
ERRORS = {
    "no such fill": (lambda: ja.Cutout(3, fill="red"), "fill: color, noise, a number or one a"),
    "two channels": (lambda: ja.Cutout(3, fill=(0.1, 0.2))(KEY, IMAGE), "a fill of 3 channels"),
    "no such distribution": (lambda: ja.RandomErasing(distribution="cauchy"), "uniform, normal"),
    "an area above 1": (lambda: ja.RandomErasing(scale=(0.1, 1.2)), r"scale in \[0, 1\]"),
    "a count below 0": (lambda: ja.Cutout(3, count=-1), "count of 0 or more"),
    "half a rectangle": (lambda: ja.CoarseDropout(1.5), "count of whole numbers"),
    "a traced count": (
        lambda: jax.jit(lambda n: ja.CoarseDropout(n)(KEY, IMAGE))(2), "known when the program"
    ),
    "half a pixel": (lambda: ja.CoarseDropout(1, height=2.5, unit="pixels"), "whole pixels"),
    "too high": (lambda: ja.CoarseDropout(1, height=2), "height in 0..1"),
    "no such unit": (lambda: ja.CoarseDropout(1, unit="inches"), "fraction, pixels"),
    "a ratio above 1": (lambda: ja.GridMask(ratio=1.5), r"ratio in \[0, 1\]"),
    "noise in channels": (
        lambda: ja.PixelDropout(0.1, per_channel=True, fill="noise"), "one value for each channel"
    ),
    "no labels": (lambda: ja.MaskDropout(labels=0), "labels of 1 or more"),
    "no mask": (lambda: ja.MaskDropout()(KEY, IMAGE), "an example with a mask of integers"),
    "a soft mask": (
        lambda: ja.MaskDropout()(KEY, {"image": IMAGE, "mask": IMAGE[..., 0]}), "mask of integers"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    call, words = ERRORS[name]
    with pytest.raises(ja.JaxaugError, match=words):
        call()
