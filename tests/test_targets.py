"""Images, masks, boxes and keypoints move together: a blob is painted into all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxaug as ja
import jaxaug.functional as F
from jaxaug._ops import Resampling

KEY = jax.random.key(0)
SHAPE = (40, 56, 3)
BOX = np.float32([22, 14, 32, 21])  # of whole pixels: x0 y0 x1 y1
CENTRE = np.float32([27, 17.5])

compiled = jax.jit(lambda op, example: op(example))


def apply(op, example):
    """With all numbers as arrays, ops of one structure are compiled once."""
    return compiled(jax.tree.map(np.asarray, op), example)


def at(value):
    return (value, value)


def painted(shape=SHAPE):
    image, mask = np.zeros(shape, np.float32), np.zeros(shape[:2], np.uint8)
    x0, y0, x1, y1 = BOX.astype(int)
    image[y0:y1, x0:x1] = 1.0
    mask[y0:y1, x0:x1] = 7
    return {"image": image, "mask": mask, "boxes": BOX[None], "keypoints": CENTRE[None]}


def centroid(image):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    weight = image[..., 0] / image[..., 0].sum()
    return np.array([(x * weight).sum(), (y * weight).sum()])


def hull(image):
    """Of the pixels that are bright by half or more, ``x0 y0 x1 y1``."""
    y, x = np.nonzero(image[..., 0] >= 0.5)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


class Tilt(ja.Transform):
    """A change of perspective."""

    def sample(self, key, shape):
        x, y = jax.random.uniform(key, (2,), minval=-0.004, maxval=0.004)
        return ja.Warp(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (x, y, 1.0)))


MIRROR = ja.HorizontalFlip(p=1.0)
FRAMES = ja.Chain(ja.Rotate(30), ja.Brightness(0.2), MIRROR)
UPRIGHT = {
    "mirror": MIRROR,
    "upside down": ja.VerticalFlip(p=1.0),
    "half turn": ja.Rotate90(times=(2,)),
    "quarter turn": ja.Chain(ja.CenterCrop(36), ja.Rotate90(times=(1,))),
    "shift": ja.Translate(x=at(-0.21), y=at(0.13)),
    "zoom": ja.Zoom((0.8, 1.5)),
    "larger crop": ja.CenterCrop((50, 60)),
    "crop": ja.RandomCrop((50, 60), padding=(9, 4)),
    "resize": ja.Resize((71, 44)),
    "resized crop": ja.RandomResizedCrop((71, 44), scale=(0.6, 1.0)),
    "chain": ja.Chain(ja.Resize((60, 60)), MIRROR, ja.RandomCrop(50), ja.Zoom(0.2)),
    "symmetry": ja.Chain(ja.CenterCrop(36), ja.D4()),
    "zoom out": ja.RandomZoomOut((1, 1.5)),
    "scale jitter": ja.ScaleJitter((60, 66), (0.7, 1.5)),
    "box crop": ja.RandomIoUCrop((71, 44), min_iou=(0.0, 0.1), scale=(0.7, 1.0)),
}
ANY = {
    **UPRIGHT,
    "turn": ja.Rotate(180),
    "lean": ja.Shear(x=at(20)),
    "shear": ja.Shear(x=20, y=20),
    "affine": ja.Affine(degrees=30, x=0.1, y=0.1, shear_x=10, zoom=0.3),
    "tilt": Tilt(),
    "turned box crop": ja.Chain(ja.Rotate(30), ja.BoxSafeCrop((50, 61)), ja.Zoom(0.1)),
    "long chain": ja.Chain(
        ja.Hue(0.0), ja.Rotate(30), MIRROR, ja.Clip(), ja.Resize((50, 61)), ja.Shear(9), Tilt(),
        ja.SomeOf(ja.Translate(x=0.1), ja.Brightness(0.0), ja.Zoom((0.7, 1)), n=2),
    ),
}  # fmt: skip

BENT = {
    "perspective": ja.Perspective(0.4),
    "elastic": ja.Elastic(12.0, sigma=5.0),
    "grid-distortion": ja.GridDistortion(limit=0.15),
    "thin-plate-spline": ja.ThinPlateSpline(0.04),
    "optical-distortion": ja.OpticalDistortion(0.2),
    "bent chain": ja.Chain(
        MIRROR, ja.GridDistortion(limit=0.1), ja.Rotate(20), ja.Elastic(10.0), ja.Zoom(0.1),
        ja.OpticalDistortion(0.1),
    ),
}  # fmt: skip
ANY |= BENT

BY_BOXES = ("box crop", "turned box crop")
FOLDED = ("optical-distortion", "bent chain")  # far outside the image, where no way is back


@pytest.mark.parametrize("name", ANY)
def test_all_targets_move_together(name):
    transform, seen = ANY[name], 0
    for key in jax.random.split(KEY, 5):
        op = transform.sample(key, SHAPE)
        out = jax.tree.map(np.asarray, apply(op, painted()))
        height, width, _ = op.output_shape(SHAPE)
        assert out["image"].shape == (height, width, 3)
        assert out["mask"].shape == (height, width)
        if float(ja.visible_fraction(op, BOX[None], SHAPE)[0]) < 1:
            continue
        seen += 1
        image, (box,), (point,) = out["image"], out["boxes"], out["keypoints"]
        np.testing.assert_allclose(centroid(image), point, atol=0.5)
        bright, masked = image[..., 0] >= 0.5, out["mask"] == 7
        assert (bright & masked).sum() / (bright | masked).sum() > 0.85
        around = hull(image)
        assert (around[:2] >= box[:2] - 0.51).all() and (around[2:] <= box[2:] + 0.51).all()
        if name in UPRIGHT:
            np.testing.assert_allclose(box, around, atol=0.51)
            np.testing.assert_allclose(point, (box[:2] + box[2:]) / 2, atol=1e-3)
    assert seen >= 3


def test_boxes_are_hulls_of_their_corners_cut_to_the_image():
    boxes = np.float32(
        [[0, 0, 56, 40], [50, 10, 56, 20], [0, 0, 0, 0], [5, 9, 5, 20], [1, 1, 4, 4]]
    )
    op = ja.Translate(x=at(10), y=at(-5), unit="pixels").sample(KEY, SHAPE)
    out = op.boxes(boxes, SHAPE)
    # Partly out, wholly out (no area left), padding twice, and half out at the top.
    assert out.dtype == jnp.float32
    np.testing.assert_allclose(out[0], [10, 0, 56, 35])
    np.testing.assert_allclose(out[2:4], 0)
    np.testing.assert_allclose(out[1, 2] - out[1, 0], 0)
    np.testing.assert_allclose(out[4], [11, 0, 14, 0])
    fraction = ja.visible_fraction(op, boxes, SHAPE)
    np.testing.assert_allclose(fraction, [46 * 35 / (56 * 40), 0, 0, 0, 0], atol=1e-6)

    twice = ja.Zoom(at(2.0)).sample(KEY, SHAPE)
    np.testing.assert_allclose(ja.visible_fraction(twice, boxes, SHAPE), [0.25, 0, 0, 0, 0])

    inner = np.float32([[8, 8, 48, 32]])
    (turned,) = ja.Rotate(at(30.0)).sample(KEY, SHAPE).boxes(inner, SHAPE, clip=False)
    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    wide, high = 20 * cos + 12 * sin, 20 * sin + 12 * cos
    np.testing.assert_allclose(turned, [28 - wide, 20 - high, 28 + wide, 20 + high], rtol=1e-5)


def test_boxes_cut_by_a_first_warp_are_whole_again_only_if_the_image_is():
    out, back = ja.Translate(x=at(40), unit="pixels"), ja.Translate(x=at(-40), unit="pixels")
    together = ja.Chain(out, back).sample(KEY, SHAPE)
    np.testing.assert_allclose(together.boxes(BOX[None], SHAPE), BOX[None], atol=1e-4)
    np.testing.assert_allclose(ja.visible_fraction(together, BOX[None], SHAPE), 1, atol=1e-5)
    apart = apply(ja.Chain(out, ja.Clip(), back).sample(KEY, SHAPE), painted())
    box = apart["boxes"][0]
    assert float(box[2] - box[0]) == 0
    assert float(apart["image"].max()) == 0


@pytest.mark.parametrize(
    "name", ["affine", "tilt", "resized crop", "long chain", "optical-distortion"]
)
def test_padding_and_missing_points_stay_what_they_are(name):
    op = ANY[name].sample(KEY, SHAPE)
    boxes = np.float32([[0, 0, 0, 0], BOX])
    padding, box = op.boxes(boxes, SHAPE)
    np.testing.assert_array_equal(padding, 0)
    assert np.isfinite(box).all() and (box[2:] > box[:2]).all()
    assert ja.visible_fraction(op, boxes, SHAPE)[0] == 0
    points = op.keypoints(np.float32([CENTRE, [np.nan, np.nan], [-500, 900]]), SHAPE)
    assert np.isnan(points).tolist() == [[False] * 2, [True] * 2, [False] * 2]


@pytest.mark.parametrize(
    ("transform", "swapped"),
    [
        (lambda swap: ja.HorizontalFlip(p=1.0, swap=swap), True),
        (lambda swap: ja.VerticalFlip(p=1.0, swap=swap), True),
        (lambda swap: ja.HorizontalFlip(p=0.0, swap=swap), False),
        (lambda swap: ja.Chain(MIRROR, ja.VerticalFlip(p=1.0, swap=swap)), False),
        (lambda swap: ja.Chain(ja.HorizontalFlip(p=1.0, swap=swap), ja.Rotate(at(40.0))), True),
        (lambda swap: ja.Chain(ja.Rotate(at(40.0)), ja.HorizontalFlip(p=0.0, swap=swap)), False),
        (lambda swap: ja.Maybe(ja.HorizontalFlip(p=1.0, swap=swap), p=1.0), True),
        (lambda swap: ja.Chain(ja.HorizontalFlip(p=1.0, swap=swap), ja.Clip()), True),
        (lambda swap: ja.Chain(ja.HorizontalFlip(p=1.0, swap=swap), ja.Clip(), MIRROR), False),
        (lambda swap: ja.Chain(ja.Chain(MIRROR, ja.Clip()), ja.VerticalFlip(1.0, swap)), False),
        (
            lambda swap: ja.Chain(ja.Rotate(9), ja.HorizontalFlip(0.0, swap), ja.Clip(), MIRROR),
            True,
        ),
    ],
)
def test_names_change_sides_where_the_image_is_mirrored(transform, swapped):
    points, table = np.float32([[10, 5], [30, 6], [20, 25]]), (1, 0, 2)
    ours = transform(table).sample(KEY, SHAPE).keypoints(points, SHAPE)
    plain = np.asarray(transform(None).sample(KEY, SHAPE).keypoints(points, SHAPE))
    np.testing.assert_array_equal(ours, plain[list(table)] if swapped else plain)


@pytest.mark.parametrize(
    ("dtype", "fill"), [("uint8", 255), ("int32", -100), ("bool", True), ("float32", 0.5)]
)
def test_masks_keep_their_type_and_have_a_fill_of_their_own(dtype, fill):
    mask = np.zeros(SHAPE[:2], dtype)
    chain = ja.Chain(ja.Translate(x=at(0.25)), ja.Clip(), fill=0.8, mask_fill=fill)
    op = chain.sample(KEY, SHAPE)
    out = apply(op, {"image": np.zeros(SHAPE, np.float32), "mask": mask})
    assert out["mask"].dtype == mask.dtype
    np.testing.assert_array_equal(out["mask"][:, :14], np.full((40, 14), fill, dtype))
    np.testing.assert_array_equal(out["mask"][:, 14:], mask[:, 14:])
    np.testing.assert_allclose(out["image"][:, :14], 0.8, atol=1e-6)


def test_masks_follow_the_border_rule():
    mask = np.arange(40 * 56, dtype=np.int32).reshape(40, 56)
    shift = ja.Translate(x=at(9), unit="pixels")
    op = ja.Chain(shift, fill="wrap", mask_fill=-1).sample(KEY, SHAPE)
    out = apply(op, {"image": np.zeros(SHAPE, np.float32), "mask": mask})["mask"]
    np.testing.assert_array_equal(out, np.roll(mask, 9, axis=1))


# Whole examples ----------------------------------------------------------------------------------


def test_what_no_op_knows_is_the_same_object():
    example = {**painted(), "label": object(), "name": "cat", "meta": {"image": np.zeros(3)}}
    for transform in (ja.Chain(), ja.Chain(ja.Clip(), ja.Grayscale())):
        out = transform(KEY, example)
        assert list(out) == list(example)
        assert all(out[name] is example[name] for name in ("label", "name", "meta"))
        assert all(out[name] is example[name] for name in ("mask", "boxes", "keypoints"))


def test_images_of_a_tree_move_together():
    rng = np.random.default_rng(0)
    left, right = (rng.integers(0, 256, SHAPE, np.uint8) for _ in range(2))
    op = FRAMES.sample(KEY, SHAPE)
    pair = apply(op, {"image": {"left": left, "right": [right]}})["image"]
    np.testing.assert_array_equal(pair["left"], apply(op, left))
    np.testing.assert_array_equal(pair["right"][0], apply(op, right))
    masks = apply(op, {"image": left, "mask": (left[..., 0], right[..., 1] > 9)})["mask"]
    assert [mask.dtype for mask in masks] == [np.uint8, bool]


def test_an_op_is_drawn_once_and_replayed():
    rng = np.random.default_rng(0)
    frames = rng.uniform(size=(3, *SHAPE)).astype(np.float32)
    op = FRAMES.sample(KEY, SHAPE)
    alone = [apply(op, frame) for frame in frames]
    assert np.abs(alone[0] - frames[0]).max() > 0.1
    points = np.tile(CENTRE, (3, 4, 1))
    moved = jax.jit(jax.vmap(op))({"image": frames, "keypoints": points})
    np.testing.assert_allclose(moved["image"], alone, atol=1e-5)
    for each in moved["keypoints"]:
        np.testing.assert_allclose(each, op.keypoints(points[0], SHAPE), rtol=1e-5)


# Inverse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(ANY) - {"long chain", *BY_BOXES, *FOLDED}))
def test_inverse_brings_points_back(name):
    op = ANY[name].sample(jax.random.key(1), SHAPE)
    points = np.float32([CENTRE, [0, 0], [56, 40], [-30, 71]])
    moved = op.keypoints(points, SHAPE)
    back = op.inverse()
    assert back.output_shape(op.output_shape(SHAPE)) == SHAPE
    np.testing.assert_allclose(back.keypoints(moved, op.output_shape(SHAPE)), points, atol=1e-3)
    again = back.inverse().keypoints(points, SHAPE)
    np.testing.assert_allclose(again, moved, atol=1e-3)


@pytest.mark.parametrize(
    "transform",
    [
        ja.Affine(degrees=at(20), x=at(0.05), shear_x=at(8), zoom=at(1.1)),
        Tilt(),
        ja.Chain(ja.CenterCrop((34, 50)), MIRROR, ja.Rotate(at(9.0))),
        ja.Resize((47, 50)),
    ],
    ids=["affine", "tilt", "crop", "resize"],
)
def test_inverse_brings_the_interior_of_images_back(transform):
    y, x = np.mgrid[:40, :56]
    smooth = (0.5 + 0.4 * np.sin(x / 9) * np.cos(y / 7))[..., None].astype(np.float32)
    op = transform.sample(KEY, smooth.shape)
    back = apply(op.inverse(), apply(op, smooth))
    assert back.shape == smooth.shape
    middle = np.s_[12:28, 16:40]
    assert np.abs(back - smooth)[middle].max() * 255 < 2


def test_inverse_of_a_sequence_is_in_reverse_order():
    first = ja.Warp(F.rotate(0.3), resampling=Resampling("nearest", 0.0))
    second = ja.Warp(F.translate(7.0, 3.0), resampling=Resampling("constant", 0.0))
    both = first.then(second)
    assert isinstance(both, ja.Sequence)
    moved = both.keypoints(CENTRE[None], SHAPE)
    np.testing.assert_allclose(both.inverse().keypoints(moved, SHAPE), CENTRE[None], atol=1e-3)
