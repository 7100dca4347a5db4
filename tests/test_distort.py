"""Geometry that bends lines, against OpenCV, SciPy and NumPy; and that it is one resampling."""

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates

import jaxaug as ja
import jaxaug.functional as F
from jaxaug._bend import ROUNDS, Bend
from jaxaug.functional import displace

KEY = jax.random.key(5)
SHAPE = (30, 42, 1)
HEIGHT, WIDTH = SHAPE[:2]
OPTIONS = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
STRONG = {
    "perspective": ja.Perspective(0.6),
    "elastic": ja.Elastic(35.0, sigma=5.0),
    "grid": ja.GridDistortion(limit=0.4),
    "camera": ja.OpticalDistortion((0.35, 0.4)),
    "fisheye": ja.OpticalDistortion((-0.3, -0.25), mode="fisheye"),
    "spline": ja.ThinPlateSpline(0.05),
}


def at(value):
    return (value, value)


def compiled(function):
    """Hardly optimized, which is quicker here: most of the time is compilation."""
    return jax.jit(function, compiler_options=OPTIONS)


@pytest.fixture(scope="module")
def ops():
    """One op of each transform, its numbers NumPy's."""

    def drawn(key):
        return {name: transform.sample(key, SHAPE) for name, transform in STRONG.items()}

    return jax.tree.map(np.asarray, compiled(drawn)(KEY))


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


@compiled
def applied(op, example):
    return op(example)


def grid(height=HEIGHT, width=WIDTH):
    """Pixel centres, from the centre of the picture."""
    y, x = np.mgrid[:height, :width].astype(float)
    return y + 0.5 - height / 2, x + 0.5 - width / 2


def read(picture, y, x):
    """The picture at coordinates from its centre, zeros around it, by SciPy."""
    height, width = picture.shape[:2]
    place = [y + height / 2 - 0.5, x + width / 2 - 0.5]
    return map_coordinates(picture[..., 0].astype(float), place, order=1, mode="grid-constant")


def check_pixels(ours, theirs, levels=0.1):
    np.testing.assert_allclose(ours[..., 0], theirs, atol=levels / 255)


# The displacements by NumPy, in float64 -----------------------------------------------------------


def by_field(y, x, nodes, spacing):
    place = [u / spacing + (n - 1) / 2 for u, n in zip((y, x), nodes.shape, strict=False)]
    planes = np.moveaxis(np.float64(nodes), -1, 0)
    return [map_coordinates(plane, place, order=1, mode="nearest") for plane in planes]


def by_stretch(y, x, rows, columns, size):
    moved = []
    for u, parts, side in zip((y, x), (rows, columns), size, strict=True):
        knots = np.linspace(0, side, len(parts) + 1)
        there = np.concatenate([[0], np.cumsum(np.float64(parts))]) * side
        moved.append(np.interp(u + side / 2, knots, there - knots, 0, 0))
    return moved


def by_radial(y, x, k, size):
    r = np.hypot(y / size[0], x / size[1])
    return [u * (k * r**2 + k * r**4) for u in (y, x)]


def by_fisheye(y, x, k, size):
    r = np.hypot(y / size[0], x / size[1])
    angle = np.arctan(r)
    return [u * (angle * (1 + k * angle**2 + k * angle**4) / r - 1) for u in (y, x)]


def by_spline(y, x, weights, centres, size):
    v, u = y / size[0], x / size[1]
    squared = [(v - a) ** 2 + (u - b) ** 2 for a, b in np.float64(centres)]
    terms = [np.ones_like(u), u, v, *(s * np.log(np.where(s > 0, s, 1)) for s in squared)]
    return [np.tensordot(np.float64(weights[:, k]), terms, 1) * size[k] for k in (0, 1)]


NUMPY = {
    displace.field: by_field,
    displace.stretch: by_stretch,
    displace.radial: by_radial,
    displace.fisheye: by_fisheye,
    displace.spline: by_spline,
}


def bent(bend, y, x):
    down, right = NUMPY[bend.kernel](y, x, *bend.arguments)
    return y + down, x + right


def pulled(op, y, x):
    """Coordinates in the input of a Warp with one bend or none."""
    u, v, depth = np.tensordot(np.float64(op.matrix), [x, y, np.ones_like(x)], 1)
    y, x = v / depth, u / depth
    for bend in op.bends:
        y, x = bent(bend, y, x)
    return y, x


# Oracles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STRONG)
def test_pixels_are_read_where_the_formula_says(name, ops, picture):
    y, x = pulled(ops[name], *grid())
    assert np.hypot(y - grid()[0], x - grid()[1]).max() > 1.5
    check_pixels(applied(ops[name], picture), read(picture, y, x))


def test_four_corners_give_the_matrix_of_opencv(ops):
    corners = np.float32([[-13, -17], [-12, 19], [9, 14], [14, -20]])  # y x
    ours = np.float64(F.geometry.quadrilateral(corners.tolist(), SHAPE[:2]))
    start = np.float32([[-21, -15], [21, -15], [21, 15], [-21, 15]])  # x y
    theirs = cv2.getPerspectiveTransform(start, corners[:, ::-1].copy())
    np.testing.assert_allclose(ours / ours[2, 2], theirs, atol=1e-5)
    # The drawn one: from where it says that corners go.
    middle = np.float32([WIDTH / 2, HEIGHT / 2])
    ends = np.asarray(ops["perspective"].keypoints(start + middle, SHAPE)) - middle
    theirs = np.linalg.inv(cv2.getPerspectiveTransform(start, ends))
    ours = np.float64(ops["perspective"].matrix)
    np.testing.assert_allclose(ours / ours[2, 2], theirs / theirs[2, 2], atol=1e-4)
    np.testing.assert_array_equal(np.sign(ends), np.sign(start))


def test_lenses_are_those_of_opencv():
    k, (y, x) = 0.3, np.float32(grid())
    lens = np.array([[WIDTH, 0, WIDTH / 2 - 0.5], [0, HEIGHT, HEIGHT / 2 - 0.5], [0, 0, 1]])
    size, kind = (WIDTH, HEIGHT), cv2.CV_32FC1
    theirs = {
        displace.radial: cv2.initUndistortRectifyMap(lens, (k, k, 0, 0), None, lens, size, kind),
        displace.fisheye: cv2.fisheye.initUndistortRectifyMap(
            lens, np.array([k, k, 0, 0]), np.eye(3), lens, size, kind
        ),
    }
    ours = compiled(lambda *at: [kernel(*at, k, (30.0, 42.0)) for kernel in theirs])(y, x)
    for (down, right), (to_x, to_y) in zip(ours, theirs.values(), strict=True):
        np.testing.assert_allclose(x + right + WIDTH / 2 - 0.5, to_x, atol=1e-3)
        np.testing.assert_allclose(y + down + HEIGHT / 2 - 0.5, to_y, atol=1e-3)


def test_the_middle_of_a_lens_stays_and_has_gradients():
    def moved(k):
        kernels = displace.fisheye, displace.radial
        return [kernel(jnp.zeros(()), jnp.zeros(()), k, (9.0, 9.0)) for kernel in kernels]

    assert np.array_equal(moved(0.3), np.zeros((2, 2)))
    assert np.isfinite(jax.grad(lambda k: sum(map(sum, moved(k))))(0.3))


def test_a_spline_is_that_of_scipy():
    rng = np.random.default_rng(0)
    line = np.linspace(-0.5, 0.5, 3)
    centres = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    moves, points = rng.normal(size=(9, 2)) * 0.1, rng.uniform(-0.7, 0.7, (200, 2))
    theirs = RBFInterpolator(centres, moves, kernel="thin_plate_spline", degree=1)(points)

    @compiled
    def ours(moves, y, x):
        weights = displace.spline_weights(centres, moves)
        return displace.spline(y, x, weights, jnp.float32(centres), (30.0, 42.0))

    y, x = np.float32(points.T) * np.float32([[30], [42]])
    down, right = ours(np.float32(moves), y, x)
    np.testing.assert_allclose(np.stack([down / 30, right / 42], -1), theirs, atol=1e-5)


# One resampling -----------------------------------------------------------------------------------


def test_a_chain_of_bends_and_turns_is_one_resampling(picture):
    chain = ja.Chain(
        ja.Rotate(at(17.0)), ja.GridDistortion(), ja.Elastic(30.0), ja.Zoom(at(1.2)),
        ja.OpticalDistortion(at(0.25)),
    )  # fmt: skip
    op, out = compiled(lambda key: (op := chain.sample(key, SHAPE), op(picture)))(KEY)
    assert isinstance(op, ja.Warp)
    op = jax.tree.map(np.asarray, op)
    lens, elastic, cells = op.bends
    kernels = [displace.radial, displace.field, displace.stretch]
    assert [bend.kernel for bend in op.bends] == kernels
    # From the output back: what came last comes first.
    y, x = (u + move for u, move in zip(grid(), by_radial(*grid(), 0.25, SHAPE[:2]), strict=True))
    assert abs(lens.arguments[0] - 0.25) < 1e-6
    y, x = bent(elastic, y / 1.2, x / 1.2)
    y, x = bent(cells, y, x)
    cos, sin = np.cos(np.deg2rad(17)), np.sin(np.deg2rad(17))
    check_pixels(out, read(picture, sin * x + cos * y, cos * x - sin * y))


def test_bends_at_times_and_one_of_bends(picture):
    """All are one Warp; switched off they are the identity, and the one drawn is the one done."""
    members = (ja.OpticalDistortion(at(0.3)), ja.GridDistortion(), ja.OpticalDistortion(at(-0.2)))

    @compiled
    def drawn(key, p, choice):
        maybe = ja.Maybe(ja.Chain(ja.ThinPlateSpline(), ja.Rotate(30)), p).sample(key, SHAPE)
        one = ja.OneOf(*members, weights=tuple(choice)).sample(key, SHAPE)
        assert isinstance(maybe, ja.Warp) and isinstance(one, ja.Warp)
        return maybe(picture), one, one(picture)

    off, *_ = drawn(KEY, 0.0, np.float32([1, 0, 0]))
    np.testing.assert_array_equal(off, picture)
    for place, k in ((0, 0.3), (1, None), (2, -0.2)):
        on, one, out = drawn(KEY, 1.0, np.eye(3, dtype=np.float32)[place])
        assert np.abs(on - picture).max() > 0.1
        y, x = grid()
        if k is None:
            (cells,) = (bend for bend in one.bends if bend.kernel is displace.stretch)
            y, x = bent(jax.tree.map(np.asarray, cells), y, x)
        else:
            y, x = (u + move for u, move in zip((y, x), by_radial(y, x, k, SHAPE[:2]), strict=True))
        check_pixels(out, read(picture, y, x))


# Targets ------------------------------------------------------------------------------------------

MIDDLE = np.float32([WIDTH / 2, HEIGHT / 2])


@pytest.mark.parametrize("name", STRONG)
def test_points_follow_and_come_back(name, ops):
    """They go where what is read at their new place is what was at the old: within 0.01 pixels."""
    points = np.random.default_rng(1).uniform((2, 2), (WIDTH - 2, HEIGHT - 2), (64, 2))
    points = np.float32(points)

    @compiled
    def there_and_back(op):
        moved = op.keypoints(points, SHAPE)
        return moved, op.inverse().keypoints(moved, SHAPE)

    moved, back = there_and_back(ops[name])
    assert np.abs(moved - points).max() > 1
    np.testing.assert_allclose(back, points, atol=1e-2)
    x, y = (np.asarray(moved, float) - MIDDLE).T
    y, x = pulled(ops[name], y, x)
    np.testing.assert_allclose(np.stack([x, y], -1) + MIDDLE, points, atol=1e-2)


def widened(y, x, steepness):
    return steepness * y, steepness * x


@pytest.mark.parametrize("steepness", [0.6, -0.6, -0.9])
def test_a_displacement_is_undone_as_well_as_its_steepness_allows(steepness):
    """Each round leaves so much of the error: at 0.6, 100 pixels become 1e-5, at 0.9 3 pixels."""
    back = Bend(widened, (np.float32(steepness),), back=True)
    start = np.float32(100.0)
    y, x = back((1 + steepness) * start, -(1 + steepness) * start)
    error = abs(steepness) ** ROUNDS * 100 * abs(steepness)
    np.testing.assert_allclose([start - y, start + x], error, atol=1e-4, rtol=1e-3)


def test_far_points_stay_numbers_and_come_back_if_there_is_a_way():
    """Out there a lens is steeper than 1; with a pincushion it folds, and there is no way."""
    points = np.float32([[-20, 50], [90, -9], [21, 15], [np.nan, 3], [-500, 900]])
    barrel, pincushion = (
        ja.Warp(bends=(Bend(displace.radial, (np.float32(k), (30.0, 42.0))),)) for k in (0.2, -0.2)
    )
    moved = barrel.keypoints(points, SHAPE)
    back = barrel.inverse().keypoints(moved, SHAPE)
    np.testing.assert_allclose(back[:3], points[:3], atol=1e-2)
    for ends in (moved, pincushion.keypoints(points, SHAPE)):
        assert np.isnan(ends).tolist() == np.isnan(points[:, :1] * [1, 1]).tolist()


@pytest.mark.parametrize("name", ["elastic", "camera"])
def test_the_interior_of_images_comes_back(name, ops):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    smooth = (0.5 + 0.4 * np.sin(x / 12) * np.cos(y / 11))[..., None].astype(np.float32)
    back = compiled(lambda op: op.inverse()(op(smooth)))(ops[name])
    assert np.abs(back - smooth)[9:-9, 11:-11].max() * 255 < 2


def test_masks_follow_images(ops, picture):
    """A mask is read at the nearest pixel: of a picture of two levels, where it is the brighter."""
    mask = np.zeros(SHAPE[:2], np.uint8)
    mask[8:20, 10:29] = 7
    example = {"image": (mask[..., None] == 7).astype(np.float32), "mask": mask}
    for name in ("elastic", "spline"):
        out = applied(ops[name], example)
        sure = np.abs(out["image"][..., 0] - 0.5) > 0.26
        assert sure.mean() > 0.8
        bright = np.asarray(out["image"][..., 0] > 0.5)
        np.testing.assert_array_equal((out["mask"] == 7)[sure], bright[sure])


def test_which_points_are_seen():
    points = np.float32([[1, 2], [40, 2], [np.nan, 5], [41.5, 29.5], [42, 4], [-0.5, 4]])
    seen = [True, True, False, True, False, False]
    still = ja.Warp()
    assert ja.visible_points(still, points, SHAPE).tolist() == seen
    # To the right by 20: the second, the last but two and one leave, the last comes in.
    right = ja.Warp(F.translate(20.0))
    assert ja.visible_points(right, points, SHAPE).tolist() == [True, *[False] * 4, True]
    # A mirror that swaps the first two: the one that left has taken the other's place.
    swap = (1, 0, 2, 3, 4, 5)
    mirrored = ja.HorizontalFlip(1.0, swap=swap).sample(KEY, SHAPE).then(ja.Warp(F.translate(5.0)))
    assert ja.visible_points(mirrored, points, SHAPE).tolist() == [
        True, False, False, True, True, False
    ]  # fmt: skip
    lens = ja.OpticalDistortion(at(-0.3)).sample(KEY, SHAPE)  # brings the edge further out
    assert ja.visible_points(lens, points[:4], SHAPE).tolist() == [False, False, False, False]
    assert ja.visible_points(lens, MIDDLE[None], SHAPE).tolist() == [True]


# Canvas -------------------------------------------------------------------------------------------


def test_a_picture_on_a_canvas_is_bent_as_if_it_were_alone():
    rng = np.random.default_rng(2)
    canvas = rng.random(SHAPE).astype(np.float32)
    bends = [STRONG[name] for name in STRONG if name != "elastic"]

    def all_of(example):
        points = {"keypoints": np.float32([[3, 4], [8, 6]])}
        return [transform(KEY, example | points) for transform in bends]

    on_canvas = compiled(lambda size: all_of({"image": canvas, "size": size}))
    height, width = 13, 21
    ours = on_canvas(np.int32([height, width]))
    alone = compiled(lambda image: all_of({"image": image}))(canvas[:height, :width])
    for one, two in zip(ours, alone, strict=True):
        np.testing.assert_allclose(one["image"][:height, :width], two["image"], atol=1e-4)
        np.testing.assert_allclose(one["keypoints"], two["keypoints"], atol=1e-3)
        assert not one["image"][height:].any() and not one["image"][:, width:].any()


def test_an_elastic_picture_reads_nothing_beside_it():
    size, canvas = np.int32([13, 21]), np.ones(SHAPE, np.float32)
    canvas[:13, :21] = 0.5
    shown = compiled(lambda image: STRONG["elastic"](KEY, {"image": image, "size": size})["image"])
    out = shown(canvas)
    np.testing.assert_array_equal(out, shown(np.where(canvas == 1, 0, canvas)))
    assert 0.3 < out[:13, :21].mean() <= out.max() <= 0.5 + 1e-6
    assert not out[13:].any() and not out[:, 21:].any()


# Distributions ------------------------------------------------------------------------------------


def uniform(values, low, high):
    """Whether numbers are uniform, each column by itself."""
    values = np.asarray(values).reshape(len(values), -1)
    return all(stats.kstest(x, "uniform", (low, high - low)).pvalue > 1e-4 for x in values.T)


def test_draws_have_the_distributions_that_are_named():
    corners = np.float32([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]])

    @compiled
    @jax.vmap
    def drawn(key):
        look = ja.Perspective(0.5).sample(key, SHAPE).keypoints(corners, SHAPE)
        cells = ja.GridDistortion(cells=2, limit=0.4).sample(key, SHAPE).bends[0].arguments
        lenses = [ja.OpticalDistortion(k).sample(key, SHAPE).bends[0] for k in (0.3, (0.1, 0.2))]
        plate = ja.ThinPlateSpline(0.1, grid=2).sample(key, SHAPE).bends[0]
        start = displace.spline(jnp.float32(-15), jnp.float32(-21), *plate.arguments)
        return look, cells, [lens.arguments[0] for lens in lenses], jnp.stack(start)

    look, cells, (around, pair), plate = drawn(jax.random.split(KEY, 10_000))
    inwards = np.abs(look - corners) / np.float32([WIDTH / 2, HEIGHT / 2])
    assert uniform(inwards.reshape(-1, 8), 0, 0.5)
    assert np.abs(np.corrcoef(inwards.reshape(-1, 8).T) - np.eye(8)).max() < 0.05
    assert uniform(around, -0.3, 0.3) and uniform(pair, 0.1, 0.2)
    # Two cells: the first is a / (a + b), of which the distribution is known by drawing it.
    sizes = np.random.default_rng(0).uniform(0.6, 1.4, (2, 100_000))
    for parts in cells[:2]:
        np.testing.assert_allclose(parts.sum(axis=1), 1, atol=1e-6)
        assert stats.ks_2samp(parts[:, 0], sizes[0] / sizes.sum(axis=0)).pvalue > 1e-4
    assert abs(np.corrcoef(cells[0][:, 0], cells[1][:, 0])[0, 1]) < 0.05
    for moves, side in zip(np.asarray(plate).T, SHAPE, strict=False):
        assert stats.kstest(moves / side, "norm", (0, 0.1)).pvalue > 1e-4


def test_elastic_noise_is_that_of_a_blur_of_uniform_noise():
    alpha, sigma = 40.0, 2.0

    @compiled
    @jax.vmap
    def drawn(key):
        nodes, spacing = ja.Elastic(alpha, sigma=sigma).sample(key, (4, 4, 3)).bends[0].arguments
        ranged, _ = ja.Elastic((20.0, 60.0), sigma=sigma).sample(key, (4, 4, 3)).bends[0].arguments
        return nodes, spacing, ranged[0, 0, 0] / nodes[0, 0, 0]

    nodes, spacing, ratio = map(np.asarray, drawn(jax.random.split(KEY, 10_000)))
    assert nodes.shape == (10_000, 5, 5, 2) and (spacing == 1).all()
    deviation = 0.1629 * alpha / sigma
    corner = nodes[:, 0, 0]
    for values in corner.T:
        assert stats.kstest(values, "norm", (0, deviation)).pvalue > 1e-4
    np.testing.assert_allclose(nodes.std(axis=0), deviation, rtol=0.04)
    np.testing.assert_allclose(nodes.mean(axis=0), 0, atol=0.06 * deviation)
    assert abs(np.corrcoef(corner.T)[0, 1]) < 0.05
    for lag in range(1, 5):
        for other in (nodes[:, lag, 0, 0], nodes[:, 0, lag, 0]):
            found = np.corrcoef(corner[:, 0], other)[0, 1]
            np.testing.assert_allclose(found, np.exp(-(lag**2) / (4 * sigma**2)), atol=0.05)
    assert uniform(ratio * alpha, 20, 60)


# Errors -------------------------------------------------------------------------------------------

CASES = {
    "beyond the centre": (lambda: ja.Perspective(1.2), r"Perspective: .*\[0, 1\]"),
    "outwards": (lambda: ja.Perspective(-0.1), r"Perspective: .*\[0, 1\]"),
    "rough noise": (lambda: ja.Elastic(sigma=0.4), "Elastic: .*0.5 pixels or more"),
    "no sigma": (lambda: ja.Elastic(sigma=float("nan")), "Elastic: .*0.5 pixels or more"),
    "no cells": (lambda: ja.GridDistortion(0), "GridDistortion: .*1 cell or more"),
    "cells of no width": (lambda: ja.GridDistortion(limit=1.0), r"GridDistortion: .*\[0, 1\)"),
    "another lens": (lambda: ja.OpticalDistortion(mode="eye"), "a mode among camera, fisheye"),
    "one point": (lambda: ja.ThinPlateSpline(grid=1), "ThinPlateSpline: .*2 or more"),
}


@pytest.mark.parametrize("name", CASES)
def test_errors(name):
    call, words = CASES[name]
    with pytest.raises(ja.JaxaugError, match=words):
        call()
