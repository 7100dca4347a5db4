"""Sizes and symmetries against NumPy and Pillow; windows against the procedures they come from."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import stats

import jaxaug as ja
import jaxaug.functional as F
from jaxaug.functional import holes, tiles

KEY = jax.random.key(11)
SHAPE = (20, 26, 3)
RNG = np.random.default_rng(4)
IMAGE = RNG.integers(0, 256, SHAPE, np.uint8)
MASK = RNG.integers(1, 9, SHAPE[:2]).astype(np.int32)
CERTAIN = 1e-4


def quick(function):
    """Compiled, hardly optimized."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function, compiler_options=options)


def drawn(transform, read, n, shape=SHAPE):
    """What ``read`` finds in n drawn ops."""
    keys = jax.random.split(KEY, n)
    found = quick(jax.vmap(lambda key: read(transform.sample(key, shape))))(keys)
    return jax.tree.map(np.asarray, found)


def uniform(sample, low=0.0, high=1.0):
    return stats.kstest(sample, stats.uniform(low, high - low).cdf).pvalue > CERTAIN


BOXES = np.float32([[3, 4, 9, 16], [15, 2, 22, 8], [0, 0, 0, 0]])
POINTS = np.float32([[9.5, 7.5], [1, 2]])
EXAMPLE = {"image": IMAGE, "mask": MASK, "boxes": BOXES, "keypoints": POINTS}
BORDERS = {  # left, top, right, bottom
    ja.Pad(3): (3, 3, 3, 3),
    ja.Pad((2, 5)): (2, 5, 2, 5),
    ja.Pad((1, 2, 3, 4)): (1, 2, 3, 4),
    ja.PadToMultiple(8): (3, 2, 3, 2),
    ja.PadToMultiple((7, 9)): (0, 0, 1, 1),
    ja.PadToMultiple(8, position="top_left"): (0, 0, 6, 4),
    ja.PadToMultiple(2): (0, 0, 0, 0),
}
DONE = {
    **{str(each): ja.Chain(each, fill=0.4, mask_fill=7) for each in BORDERS},
    "transpose": ja.Transpose(p=1.0, swap=(1, 0)),
    "longest": ja.LongestMaxSize(13),
    "shortest": ja.SmallestMaxSize(40),
    "five": ja.FiveCrop((12, 9)),
    "ten": ja.TenCrop((12, 9), swap=(1, 0)),
    "ten, upside down": ja.TenCrop((12, 9), vertical=True),
    "five, mirrored": ja.Chain(
        ja.Clip(0.2, 0.8), ja.FiveCrop(12), ja.HorizontalFlip(p=1.0), dtype="uint8"
    ),
}


@functools.cache
def done():
    """What they make of the example, in one program: it is compilation that takes the time."""
    return jax.tree.map(np.asarray, quick(lambda: {k: DONE[k](KEY, EXAMPLE) for k in DONE})())


def levels(image):
    """Grey levels of pixels that were only moved."""
    values = np.asarray(image) * 255
    np.testing.assert_allclose(values, values.round(), atol=1e-4)
    return values.round()


def window(warp, shape=SHAPE):
    """Top, left, height and width of what a Warp resizes to its output."""
    (a, _, c), (_, e, f), _ = warp.matrix
    height, width = warp.size or shape[:2]
    tall, wide = e * height, a * width
    return jnp.stack([f + (shape[0] - tall) / 2, c + (shape[1] - wide) / 2, tall, wide])


def pillow(image, size, box=None):
    """Floats ``(h, w, 3)`` of Pillow's antialiased resize, in grey levels."""
    bands = [Image.fromarray(np.float32(image[..., k])) for k in range(3)]
    how = Image.Resampling.BILINEAR
    return np.stack([np.asarray(band.resize(size[::-1], how, box)) for band in bands], -1)


# Borders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transform", "sides"), BORDERS.items(), ids=map(str, BORDERS))
def test_borders_are_where_they_belong_and_filled_as_the_container_says(transform, sides):
    left, top, right, bottom = sides
    around = ((top, bottom), (left, right))
    out = done()[str(transform)]
    image = np.pad(IMAGE / 255, (*around, (0, 0)), constant_values=0.4)
    np.testing.assert_allclose(out["image"], image, atol=1e-6)
    np.testing.assert_array_equal(out["mask"], np.pad(MASK, around, constant_values=7))
    np.testing.assert_allclose(out["keypoints"], POINTS + np.float32([left, top]))


# Symmetries ---------------------------------------------------------------------------------------


def test_transposition_is_exact_and_swaps_names():
    out = done()["transpose"]
    np.testing.assert_array_equal(levels(out["image"]), IMAGE.swapaxes(0, 1))
    np.testing.assert_array_equal(out["mask"], MASK.T)
    np.testing.assert_allclose(out["keypoints"], POINTS[::-1, ::-1], atol=1e-5)
    np.testing.assert_allclose(out["boxes"], BOXES[:, [1, 0, 3, 2]], atol=1e-5)
    again = ja.Chain(ja.Transpose(p=1.0), ja.Rotate90(times=(1, 3)))
    assert again.sample(KEY, SHAPE).output_shape(SHAPE) == SHAPE
    flips = drawn(ja.Transpose(0.3), lambda op: op.matrix[0][1], 10_000, (9, 9, 3))
    assert stats.binomtest(int(flips.sum()), 10_000, 0.3).pvalue > CERTAIN


def test_all_eight_symmetries_of_the_square_are_as_likely():
    square = IMAGE[:9, :9]
    keys = jax.random.split(KEY, 4000)
    ops = jax.vmap(lambda key: ja.D4().sample(key, square.shape))(keys)
    matrices = np.stack([np.asarray(ops.matrix[i][j]) for i in (0, 1) for j in (0, 1)], axis=-1)
    kinds, first, counts = np.unique(matrices, axis=0, return_index=True, return_counts=True)
    assert len(kinds) == 8
    assert stats.chisquare(counts).pvalue > CERTAIN
    picked = jax.tree.map(lambda x: x[first], ops)
    images = levels(quick(jax.vmap(lambda op: op(square)))(picked))
    ours = {image.astype(np.uint8).tobytes() for image in images}
    turned = [np.rot90(square, k) for k in range(4)]
    theirs = {np.ascontiguousarray(t).tobytes() for t in (*turned, *(t[:, ::-1] for t in turned))}
    assert ours == theirs
    assert len(theirs) == 8


def test_pictures_on_a_square_canvas_are_turned_too():
    canvas = np.zeros((26, 26, 3), np.uint8)
    canvas[:20, :26] = IMAGE
    example = {"image": canvas, "size": np.array([20, 26], np.int32)}

    def turned(key):
        return {"turn": ja.Rotate90()(key, example), "d4": ja.D4()(key, example),
                "half": ja.Transpose()(key, example)}  # fmt: skip

    out = quick(jax.vmap(turned))(jax.random.split(KEY, 12))
    for result in out.values():
        sizes = {tuple(size) for size in np.asarray(result["size"]).tolist()}
        assert sizes == {(20, 26), (26, 20)}
        for image, (height, width) in zip(result["image"], result["size"], strict=True):
            same = np.sort((np.asarray(image) * 255).round().reshape(-1, 3), axis=0)
            np.testing.assert_array_equal(same, np.sort(canvas.reshape(-1, 3), axis=0))
            assert not image[height:].any()
            assert not image[:, width:].any()


# Longest and shortest sides -----------------------------------------------------------------------

SIZES = np.array([[20, 26], [26, 20], [7, 26], [26, 5], [13, 13], [1, 9], [3, 3], [25, 26]])
CANVAS = (26, 26)


def expected(size, longest, room=None):
    """The size of a picture, by exact fractions."""
    height, width = map(int, size)
    limits = [(13 if longest else 6, max(size) if longest else min(size))]
    limits += [] if room is None else list(zip(room, (height, width), strict=True))
    top, bottom = min(limits, key=lambda pair: pair[0] / pair[1])
    return [max(1, round(n * int(top) / int(bottom))) for n in (height, width)]


def test_pictures_are_scaled_as_each_would_be_alone():
    """On a canvas, by Pillow; the shape of a plain image is that of the picture."""
    images = RNG.integers(0, 256, (len(SIZES), *CANVAS, 3), np.uint8)
    cases = {
        "longest": (ja.LongestMaxSize(13), True, None, (13, 13)),
        "shortest, bounded": (ja.SmallestMaxSize(6, canvas=(9, 10)), False, (9, 10), (9, 10)),
    }
    batch = {"image": images, "size": SIZES.astype(np.int32)}
    every = quick(jax.vmap(lambda row: {name: cases[name][0](KEY, row) for name in cases}))(batch)
    for name, (_, longest, room, canvas) in cases.items():
        out = jax.tree.map(np.asarray, every[name])
        assert out["image"].shape == (len(SIZES), *canvas, 3)
        for place, (height, width) in enumerate(SIZES):
            high, wide = expected((height, width), longest, room)
            assert out["size"][place].tolist() == [high, wide], name
            theirs = pillow(images[place, :height, :width], (high, wide))
            ours = out["image"][place] * 255
            np.testing.assert_allclose(ours[:high, :wide], theirs, atol=0.01)
            assert not ours[high:].any()
            assert not ours[:, wide:].any()
    for name, size in {"longest": (10, 13), "shortest": (40, 52)}.items():
        np.testing.assert_allclose(done()[name]["image"] * 255, pillow(IMAGE, size), atol=0.01)
    for transform, size in (
        (ja.SmallestMaxSize(40, canvas=45), (45, 45, 3)),
        (ja.LongestMaxSize(13, canvas=(9, 20)), (9, 20, 3)),
    ):
        op = transform.sample(KEY, SHAPE)
        assert op.output_shape(SHAPE) == size
        want = expected(SHAPE[:2], size[0] == 9, size[:2]) if size[0] == 9 else [35, 45]
        assert op.output_shape(SHAPE).size.tolist() == want


def test_a_letterbox_is_one_resampling():
    box = ja.Chain(ja.LongestMaxSize(13), ja.CenterCrop(13), fill=0.5)
    assert isinstance(box.sample(KEY, SHAPE), ja.Warp)
    out = np.asarray(box(KEY, IMAGE)) * 255
    np.testing.assert_allclose(out[2:12], pillow(IMAGE, (10, 13)), atol=0.01)
    np.testing.assert_allclose(out[[0, 1, 12]], 127.5)


# Zooming out, scale jitter ------------------------------------------------------------------------


def test_zooming_out_is_antialiased_and_uniform():
    found = drawn(ja.RandomZoomOut((1.0, 4.0)), window, 20_000).astype(np.float64)
    scale = found[:, 2] / SHAPE[0]
    np.testing.assert_allclose(found[:, 3] / SHAPE[1], scale, rtol=1e-5)
    assert uniform(scale, 1, 4)
    for axis in (0, 1):
        place = -found[:, axis] / ((scale - 1) * SHAPE[axis])
        assert uniform(place[scale > 1.001])
        assert abs(np.corrcoef(place[scale > 1.001], scale[scale > 1.001])[0, 1]) < 0.03
    board = (np.indices((48, 48)).sum(axis=0) % 2).astype(np.float32)[..., None]
    chain = ja.Chain(ja.RandomZoomOut(3.0), fill=2.0)
    for out in np.asarray(quick(jax.vmap(lambda key: chain(key, board)))(jax.random.split(KEY, 6))):
        inside = out[out < 1.5]
        assert inside.size == 16 * 16
        assert np.abs(inside - 0.5).max() < 0.1


def test_scale_jitter_is_a_resize_and_a_crop_or_a_border():
    """As Pillow's resize, then slices and padding, by the numbers that were drawn."""
    transform, size = ja.ScaleJitter((17, 15), (0.5, 2.5)), (17, 15)
    run = quick(lambda key: (window(transform.sample(key, SHAPE)), transform(key, IMAGE)))
    larger = set()
    for key in jax.random.split(KEY, 8):
        (top, left, tall, wide), out = jax.tree.map(np.asarray, run(key))
        scaled = [round(n * s / w) for n, s, w in zip(SHAPE, size, (tall, wide), strict=False)]
        starts = [round(t * n / h) for t, n, h in zip((top, left), scaled, SHAPE, strict=False)]
        resized = pillow(IMAGE, scaled)[starts[0] :, starts[1] :][: size[0], : size[1]]
        missing = [(0, n - m) for n, m in zip(size, resized.shape, strict=False)]
        np.testing.assert_allclose(out * 255, np.pad(resized, (*missing, (0, 0))), atol=0.02)
        larger.add(scaled[0] > size[0])
    assert larger == {True, False}


def test_scale_jitter_is_drawn_as_published():
    size, (height, width, _) = (17, 15), SHAPE
    found = drawn(ja.ScaleJitter(size, (0.1, 2.0)), window, 20_000).astype(np.float64)
    scaled = [np.round(n * s / f) for n, s, f in zip(SHAPE, size, found.T[2:], strict=False)]
    rng = np.random.default_rng(0)
    ratio = min(size[0] / height, size[1] / width) * rng.uniform(0.1, 2.0, 20_000)
    for ours, n, out, start in zip(scaled, (height, width), size, found.T[:2], strict=True):
        theirs = np.maximum(np.round(n * ratio), 1)
        assert stats.ks_2samp(ours, theirs).pvalue > CERTAIN
        room = np.maximum(ours - out, 0)
        place = np.round(start * ours / n)
        assert (place[room == 0] == 0).all()
        wide = room == np.round(np.median(room[room > 0]))
        _, counts = np.unique(place[wide], return_counts=True)
        assert len(counts) == room[wide][0] + 1
        assert stats.chisquare(counts).pvalue > CERTAIN


# Several crops ------------------------------------------------------------------------------------


def test_five_and_ten_crops_come_in_order_with_all_targets():
    height, width = 12, 9
    places = [(0, 0), (0, 17), (8, 0), (8, 17), (4, 8)]

    def sliced(image):
        return np.stack([image[y : y + height, x : x + width] for y, x in places])

    five = done()["five"]
    np.testing.assert_array_equal(levels(five["image"]), sliced(IMAGE))
    np.testing.assert_array_equal(five["mask"], sliced(MASK))
    np.testing.assert_allclose(five["keypoints"], [POINTS - (x, y) for y, x in places], atol=1e-5)
    moved = np.clip([BOXES[:2] - (x, y, x, y) for y, x in places], 0, [width, height] * 2)
    np.testing.assert_allclose(five["boxes"][:, :2], moved, atol=1e-5)
    assert not five["boxes"][:, 2].any()
    for name, mirror in (("ten", np.s_[:, ::-1]), ("ten, upside down", np.s_[::-1])):
        theirs = np.concatenate([sliced(IMAGE), sliced(IMAGE[mirror])])
        np.testing.assert_array_equal(levels(done()[name]["image"]), theirs)
    mirrored = np.stack([26 - POINTS[::-1, 0], POINTS[::-1, 1]], axis=-1)
    np.testing.assert_allclose(done()["ten"]["keypoints"][5], mirrored, atol=1e-5)
    np.testing.assert_allclose(done()["ten"]["keypoints"][0], POINTS, atol=1e-5)


def test_what_follows_several_crops_is_done_to_each():
    op = DONE["five, mirrored"].sample(KEY, SHAPE)
    assert op.output_shape(SHAPE) == (12, 12, 3)
    image = done()["five, mirrored"]["image"]
    assert image.dtype == jnp.uint8
    places = [(0, 0), (0, 14), (8, 0), (8, 14), (4, 7)]
    plain = np.stack([IMAGE[y : y + 12, x : x + 12] for y, x in places])
    np.testing.assert_array_equal(image, plain[:, :, ::-1].clip(51, 204))
    np.testing.assert_array_equal(op.size_of(np.int32(SHAPE[:2]), SHAPE), [[12, 12]] * 5)
    boxes, points = np.float32([[0, 0, 26, 20], [14, 8, 16, 9]]), np.float32([[1, 1], [25.5, 19]])
    seen = ja.visible_fraction(op, boxes, SHAPE)
    assert seen.shape == (5, 2)
    np.testing.assert_allclose(seen[:, 0], [144 / 520] * 5, rtol=1e-5)
    np.testing.assert_allclose(seen[:, 1], [0, 1, 0, 1, 1], atol=1e-5)
    wanted = [[True, False], [False, False], [False, False], [False, True], [False, False]]
    np.testing.assert_array_equal(ja.visible_points(op, points, SHAPE), wanted)
    half = ja.Hide(holes.rectangles, np.float32([[0, 0, 6, 12]]))  # in the mirror: the right one
    for several in (op, ja.FiveCrop(12).sample(KEY, SHAPE).then(ja.Warp(F.flip(x=True)))):
        covered = several.then(half)
        seen = ja.visible_fraction(covered, boxes, SHAPE)
        np.testing.assert_allclose(seen[:, 0], [72 / 520] * 5, rtol=1e-5)
        np.testing.assert_allclose(seen[:, 1], [0, 1, 0, 1, 0], atol=1e-5)
        assert not ja.visible_points(covered, points, SHAPE)[3].any()


def test_crops_of_a_picture_on_a_canvas_are_its_own():
    canvas = np.full((30, 40, 3), 99, np.uint8)
    canvas[:20, :26] = IMAGE
    example = {"image": canvas, "size": np.array([20, 26], np.int32)}
    crops = {"in": ja.FiveCrop((12, 9)), "out": ja.FiveCrop((24, 12))}
    out = quick(lambda example: {k: crops[k](KEY, example) for k in crops})(example)
    np.testing.assert_array_equal(levels(out["in"]["image"]), levels(done()["five"]["image"]))
    np.testing.assert_array_equal(out["in"]["size"], [[12, 9]] * 5)
    low = levels(out["out"]["image"])  # 2 pixels more above and below
    assert not low[:, :2].any()
    assert not low[:, 22:].any()
    np.testing.assert_array_equal(low[0, 2:22], IMAGE[:, :12])
    np.testing.assert_array_equal(low[3, 2:22], IMAGE[:, 14:])


# Tiles --------------------------------------------------------------------------------------------


def test_tiles_and_all_that_is_on_them_change_places():
    transform = ja.GridShuffle(3, 2)  # of 6 x 13 pixels; two rows are left over
    run = quick(lambda key, example: (transform.sample(key, SHAPE).places, transform(key, example)))
    boxes = np.float32([[1, 1, 4, 5], [10, 2, 20, 4], [2, 17, 9, 20], [0, 0, 0, 0]])
    points = np.float32([[0.5, 0.5], [13, 6], [25.9, 17.9], [7, 18.5], [np.nan, 3], [-1, 2]])
    example = {"image": IMAGE, "mask": MASK, "boxes": boxes, "keypoints": points}
    for key in jax.random.split(KEY, 4):
        places, out = jax.tree.map(np.asarray, run(key, example))
        assert sorted(places.tolist()) == list(range(6))
        image, mask = IMAGE.copy(), MASK.copy()
        moved = []
        for tile, place in enumerate(places):
            y, x, to_y, to_x = 6 * (tile // 2), 13 * (tile % 2), 6 * (place // 2), 13 * (place % 2)
            image[to_y : to_y + 6, to_x : to_x + 13] = IMAGE[y : y + 6, x : x + 13]
            mask[to_y : to_y + 6, to_x : to_x + 13] = MASK[y : y + 6, x : x + 13]
            moved.append(np.float32([to_x - x, to_y - y]))
        np.testing.assert_array_equal(levels(out["image"]), image)
        np.testing.assert_array_equal(out["mask"], mask)
        shift = np.stack([moved[0], moved[3], moved[5], [0, 0], [0, 0], [0, 0]])
        np.testing.assert_allclose(out["keypoints"], points + shift)
        np.testing.assert_allclose(out["boxes"][0], boxes[0] + np.tile(moved[0], 2))
        left = np.float32([10, 2, 13, 4]) + np.tile(moved[0], 2)
        right = np.float32([13, 2, 20, 4]) + np.tile(moved[1], 2)
        hull = np.concatenate([np.minimum(left, right)[:2], np.maximum(left, right)[2:]])
        np.testing.assert_allclose(out["boxes"][1], hull)
        piece = np.float32([2, 17, 9, 18]) + np.tile(moved[4], 2)
        rest = np.float32([2, 18, 9, 20])
        hull = np.concatenate([np.minimum(piece, rest)[:2], np.maximum(piece, rest)[2:]])
        np.testing.assert_allclose(out["boxes"][2], hull)
        np.testing.assert_array_equal(out["boxes"][3], 0)


def test_orders_of_tiles_are_as_likely():
    places = drawn(ja.GridShuffle(2, 2), lambda op: op.places, 10_000)
    _, counts = np.unique(places, axis=0, return_counts=True)
    assert len(counts) == math.factorial(4)
    assert stats.chisquare(counts).pvalue > CERTAIN
    # Hulls of what is beside the tiles; a picture that is smaller than the grid has no tiles.
    order = jnp.array([1, 0])
    out = tiles.hulls(np.float32([[-3, -2, 9, 1]]), order, grid=(1, 2), extent=(5, 5))
    np.testing.assert_allclose(out, [[-3, -2, 9, 1]])
    for function, what in ((tiles.move_points, [[1, 1]]), (tiles.hulls, [[1, 0, 2, 2]])):
        np.testing.assert_allclose(
            function(np.float32(what), order, grid=(2, 1), extent=(1, 4)), what
        )


# Windows by boxes ---------------------------------------------------------------------------------


def published_iou_crop(rng, boxes, options, trials=40):
    """SSD's procedure, one window after the other: top, left, height, width."""
    height, width, _ = SHAPE
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    while True:
        least = rng.choice(options)
        if least >= 1.0:
            return 0, 0, height, width
        for _ in range(trials):
            r = rng.random(4)
            tall, wide = int(height * (0.3 + 0.7 * r[0])), int(width * (0.3 + 0.7 * r[1]))
            if not 0.5 <= wide / tall <= 2:
                continue
            top, left = int((height - tall) * r[2]), int((width - wide) * r[3])
            low, high = np.array([left, top]), np.array([left + wide, top + tall])
            within = ((low < centres) & (centres < high)).all(axis=1)
            if not within.any():
                continue
            shared = np.minimum(boxes[:, 2:], high) - np.maximum(boxes[:, :2], low)
            common = shared.clip(0).prod(axis=1)
            iou = common / (areas + tall * wide - common)
            if iou[within].max() >= least:
                return top, left, tall, wide


def bound_window(transform, example, n):
    return drawn(transform, lambda op: window(op.bound(example, SHAPE)), n)


def test_windows_overlap_boxes_as_published():
    options = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
    ours = bound_window(ja.RandomIoUCrop(), {"boxes": BOXES}, 6000)
    rng = np.random.default_rng(0)
    theirs = np.array([published_iou_crop(rng, BOXES[:2], options) for _ in range(3000)])
    whole = [(np.round(each[:, 2:]) == SHAPE[:2]).all(axis=1) for each in (ours, theirs)]
    table = [[w.sum(), len(w) - w.sum()] for w in whole]
    assert stats.chi2_contingency(table).pvalue > CERTAIN
    for axis in range(4):
        one, two = (e[:, axis][~w] for e, w in zip((ours, theirs), whole, strict=True))
        assert stats.ks_2samp(np.round(one), two).pvalue > CERTAIN, axis
    areas = [
        np.round(e[:, 2:]).prod(axis=1)[~w] for e, w in zip((ours, theirs), whole, strict=True)
    ]
    assert stats.ks_2samp(*areas).pvalue > CERTAIN
    # Asked for more than there can be, and without boxes: the whole image.
    for example in ({"boxes": BOXES[2:]}, {}, {"boxes": np.zeros((0, 4), np.float32)}):
        np.testing.assert_allclose(
            bound_window(ja.RandomIoUCrop(min_iou=(0.5,)), example, 20), [(0, 0, *SHAPE[:2])] * 20
        )
    far = bound_window(ja.RandomIoUCrop(min_iou=(0.95,), trials=2), {"boxes": BOXES}, 20)
    np.testing.assert_allclose(far, [(0, 0, *SHAPE[:2])] * 20)


def test_windows_around_all_boxes():
    example = {"boxes": {"a": BOXES, "b": BOXES[1:]}}
    top, left, tall, wide = bound_window(ja.BoxSafeCrop(), example, 10_000).T.astype(np.float64)
    assert uniform(top / 2)
    assert uniform(left / 3)
    assert uniform((top + tall - 16) / 4)
    assert uniform((left + wide - 22) / 4)
    eroded = bound_window(ja.BoxSafeCrop(erosion=0.25), {"boxes": BOXES[:1]}, 10_000).T
    assert uniform(eroded[1] / 4.5)
    assert uniform((eroded[0] + eroded[2] - 13) / 7)
    for example in ({"boxes": BOXES[2:]}, {}):
        found = bound_window(ja.BoxSafeCrop((9, 9)), example, 10)
        np.testing.assert_allclose(found, [(0, 0, *SHAPE[:2])] * 10, atol=1e-5)


def test_windows_by_boxes_are_one_resampling_with_what_is_around():
    chain = ja.Chain(ja.Rotate(30), ja.BoxSafeCrop((18, 22)), ja.Zoom(0.1), fill="reflect")
    op = chain.sample(KEY, SHAPE)
    assert op.output_shape(SHAPE) == (18, 22, 3)
    bound = op.bound({"boxes": BOXES}, SHAPE)
    assert isinstance(bound, ja.Warp)
    assert bound.resampling.border == "reflect"
    # What the turn made of the boxes decides: all of them are there before the zoom.
    inside = ja.Chain(ja.Rotate(30), ja.BoxSafeCrop((18, 22))).sample(KEY, SHAPE)
    np.testing.assert_allclose(ja.visible_fraction(inside, BOXES, SHAPE), [1, 1, 0], atol=1e-5)
    assert ja.visible_fraction(op, BOXES, SHAPE).min() < 1
    mirrored = ja.Chain(ja.HorizontalFlip(p=1.0), ja.BoxSafeCrop())
    seen = drawn(mirrored, lambda op: ja.visible_fraction(op, BOXES[:1], SHAPE), 20)
    np.testing.assert_allclose(seen, 1, atol=1e-5)
    alone = ja.Chain(ja.BoxSafeCrop(), fill="wrap").sample(KEY, SHAPE)
    assert alone.bound({"boxes": BOXES}, SHAPE).resampling.border == "wrap"
    maybe = ja.Maybe(ja.RandomIoUCrop(min_iou=(0.3,)), p=0.5)
    found = bound_window(maybe, {"boxes": BOXES}, 2000)
    kept = (np.round(found[:, 2:]) == SHAPE[:2]).all(axis=1).sum()
    assert stats.binomtest(int(kept), 2000, 0.5).pvalue > CERTAIN


# Errors -------------------------------------------------------------------------------------------

ON_CANVAS = {"image": IMAGE, "size": np.array([9, 14])}
ERRORS = {
    "a border of halves": (lambda: ja.Pad(1.5), "padding of 0 pixels or more"),
    "a border of three": (lambda: ja.Pad((1, 2, 3)), "padding of 0 pixels or more"),
    "a border below 0": (lambda: ja.Pad((1, -2)), "padding of 0 pixels or more"),
    "a multiple of 0": (lambda: ja.PadToMultiple(0), "multiple above 0"),
    "no such place": (lambda: ja.PadToMultiple(8, "left"), "position among center, top_left"),
    "no length": (lambda: ja.LongestMaxSize(0), "size above 0"),
    "a canvas of three": (lambda: ja.SmallestMaxSize(9, canvas=(1, 2, 3)), r"canvas \(h, w\)"),
    "no canvas": (
        lambda: ja.SmallestMaxSize(9)(KEY, ON_CANVAS), r"SmallestMaxSize\(9, canvas=\(h, w\)\)"
    ),
    "zooming in": (lambda: ja.RandomZoomOut((0.5, 2)), "scale of 1 or more"),
    "a scale of 0": (lambda: ja.ScaleJitter(9, (0, 2)), "scale above 0"),
    "a traced scale": (
        lambda: jax.jit(lambda s: ja.ScaleJitter(9, (s, 2.0))(KEY, IMAGE))(0.5), "is known when"
    ),
    "too small for five": (lambda: ja.FiveCrop(21)(KEY, IMAGE), r"image of \(21, 21\) or more"),
    "two stacks": (lambda: ja.Chain(ja.FiveCrop(9), ja.TenCrop(5))(KEY, IMAGE), "no second stack"),
    "oblong": (lambda: ja.D4()(KEY, IMAGE), "D4: expected a square image"),
    "at times oblong": (lambda: ja.Transpose()(KEY, IMAGE), r"Use Transpose\(p=1.0\)"),
    "no tiles": (lambda: ja.GridShuffle(0, 2), "rows and columns above 0"),
    "no overlaps": (lambda: ja.RandomIoUCrop(min_iou=()), "one min_iou or more"),
    "no trials": (lambda: ja.RandomIoUCrop(trials=0), "1 trial or more"),
    "windows of no size": (lambda: ja.RandomIoUCrop(scale=(0.0, 1.0)), "scale in"),
    "nothing left": (lambda: ja.BoxSafeCrop(erosion=0.5), r"erosion in \[0, 0.5\)"),
    "not bound": (
        lambda: ja.BoxSafeCrop().sample(KEY, SHAPE).keypoints(np.zeros((1, 2)), SHAPE),
        r"bind it first: op.bound\(example, shape\)",
    ),
    "points of what is not bound": (
        lambda: ja.visible_points(ja.BoxSafeCrop().sample(KEY, SHAPE), np.zeros((1, 2)), SHAPE),
        "bind it first",
    ),
    "another size at times": (lambda: ja.Maybe(ja.BoxSafeCrop(9))(KEY, IMAGE), "keeps the size"),
    "a stack at times": (lambda: ja.Maybe(ja.FiveCrop(9))(KEY, IMAGE), "with one result"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    call, words = ERRORS[name]
    with pytest.raises(ja.JaxaugError, match=words):
        call()
