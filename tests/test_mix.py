"""Mixes: what becomes of pixels, labels and targets, on any number of devices."""

import dataclasses
import functools
import inspect
import pickle
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from PIL import Image

import jaxaug as ja
from jaxaug._random import tags
from jaxaug.functional import exchange

KEY = jax.random.key(5)
ROWS, HEIGHT, WIDTH, BOXES, CLASSES = 16, 24, 32, 3, 5
SHAPE = (HEIGHT, WIDTH, 3)
MIXES = {
    "mixup": ja.MixUp(1.0, p=0.8),
    "cutmix": ja.CutMix(p=0.8),
    "either": ja.MixUpOrCutMix(p=0.9, num_classes=CLASSES, smoothing=0.1),
    "resizemix": ja.ResizeMix((0.3, 0.9), num_classes=CLASSES),
    "mosaic": ja.Mosaic(p=0.9, num_classes=CLASSES, fill=0.0, mask_fill=99),
}
names = pytest.mark.parametrize("name", MIXES)
PARTNERS = {"mosaic": 3}


@functools.cache
def batch():
    """Noise, and in each picture an object: a box of a value of its own in the red channel."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 100, (ROWS, *SHAPE), dtype=np.uint8)
    mask = np.zeros((ROWS, HEIGHT, WIDTH), np.int32)
    boxes = np.zeros((ROWS, BOXES, 4), np.float32)
    points = np.zeros((ROWS, 2, 2), np.float32)
    for row in range(ROWS):
        for place, (x, y) in enumerate(((2 + row % 5, 3), (18, 10 + row % 3))):
            boxes[row, place] = x, y, x + 10, y + 8
            mask[row, y : y + 8, x : x + 10] = 2 * row + place + 1
            image[row, y : y + 8, x : x + 10, 0] = 200
            points[row, place] = x + 5, y + 4
    points[3, 1] = np.nan
    return {
        "image": image,
        "mask": mask,
        "boxes": boxes,
        "box_labels": np.arange(ROWS * BOXES, dtype=np.int32).reshape(ROWS, BOXES),
        "keypoints": points,
        "label": np.arange(ROWS, dtype=np.int32) % CLASSES,
        "weight": rng.random(ROWS).astype(np.float32),
        "valid": np.arange(ROWS) != 7,
        "index": rng.permutation(1000)[:ROWS].astype(np.uint32),
        "visit": np.arange(ROWS, dtype=np.uint32) % 3,
        "path": np.arange(ROWS),
    }


def numbers(columns):
    """The columns of a batch that a compiled function takes."""
    return {name: column for name, column in columns.items() if name != "path"}


@functools.cache
def compiled(name):
    return jax.jit(MIXES[name])


@functools.cache
def mixed(name):
    return jax.tree.map(np.asarray, compiled(name)(KEY, numbers(batch())))


@functools.cache
def all_drawn():
    """What every row of every mix draws, by the documented key: mix, visit, record; and whether."""

    def one(mix, visit, index):
        key = jax.random.fold_in(KEY, tags([type(mix).__name__])[0])
        toss, inner = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, visit), index))
        layers = mix.sample(inner, SHAPE).layers
        whole = (0.0, 0.0, float(WIDTH), float(HEIGHT))
        rectangles = [jnp.stack([jnp.float32(u) for u in x.rectangle or whole]) for x in layers]
        matrices = [
            x.warp and jnp.stack([jnp.float32(u) for u in jax.tree.leaves(x.warp.matrix)[:6]])
            for x in layers
        ]
        on = jax.random.uniform(toss) < mix.p
        return rectangles, jnp.float32(layers[-1].opacity), matrices, on

    def each(columns):
        rows = columns["visit"], columns["index"]
        return {k: jax.vmap(functools.partial(one, mix))(*rows) for k, mix in MIXES.items()}

    return jax.tree.map(np.asarray, jax.jit(each)(numbers(batch())))


@functools.cache
def collages(name):
    rectangles, opacity, matrices, on = all_drawn()[name]
    rows = range(ROWS)
    sources = [[(row + k) % ROWS for k in range(PARTNERS.get(name, 1) + 1)] for row in rows]
    on = on & np.array([batch()["valid"][sources[row]].all() for row in rows])
    return [
        SimpleNamespace(
            rectangles=[each[row] for each in rectangles],
            opacity=opacity[row],
            matrices=[None if each is None else each[row] for each in matrices],
            on=on[row],
            sources=sources[row],
        )
        for row in rows
    ]


def inside(rectangle):
    x0, y0, x1, y1 = rectangle
    x, y = np.arange(WIDTH) + 0.5, np.arange(HEIGHT)[:, None] + 0.5
    return (x > x0) & (x < x1) & (y > y0) & (y < y1)


def placed(name, row, layer):
    """A picture where it is in the collage, in 0..1, by Pillow; and its mask.

    Masks are four, for what is half way between two pixels may be either's.
    """
    drawn, columns = collages(name)[row], batch()
    source = drawn.sources[layer]
    image, mask = columns["image"][source] / 255, columns["mask"][source]
    if drawn.matrices[layer] is None:
        return image, mask[None]
    across, _, _, _, down, _ = drawn.matrices[layer]
    size = round(WIDTH / across), round(HEIGHT / down)
    x0, y0, x1, y1 = drawn.rectangles[layer].astype(int)
    left = x1 - size[0] if name == "mosaic" and not layer % 2 else x0
    top = y1 - size[1] if name == "mosaic" and layer < 2 else y0
    channels = [
        np.asarray(Image.fromarray(np.float32(image[..., k])).resize(size, Image.BILINEAR))
        for k in range(3)
    ]
    y, x = np.arange(HEIGHT)[:, None] - top, np.arange(WIDTH) - left
    there = (y >= 0) & (y < size[1]) & (x >= 0) & (x < size[0])
    y, x = y.clip(0, size[1] - 1), x.clip(0, size[0] - 1)
    canvas = np.where(there[..., None], np.stack(channels, -1)[y, x], 0)
    masks = [
        mask[((y + 0.5) * down + up).clip(0, HEIGHT - 1).astype(int),
             ((x + 0.5) * across + aside).clip(0, WIDTH - 1).astype(int)]
        for up in (-1e-3, 1e-3)
        for aside in (-1e-3, 1e-3)
    ]  # fmt: skip
    return canvas, np.stack(masks)


def shares_of(name, row):
    drawn = collages(name)[row]
    areas = np.array([inside(rectangle).sum() for rectangle in drawn.rectangles], float)
    if name == "mosaic":
        return areas / areas.sum()
    other = drawn.opacity * areas[1] / (HEIGHT * WIDTH)
    return np.array([1 - other, other])


@names
def test_pixels_and_masks(name):
    """Against NumPy and Pillow, to a tenth of a grey level; rows that are not mixed to the bit."""
    out, columns = mixed(name), batch()
    assert out["image"].dtype == np.float32
    for row, drawn in enumerate(collages(name)):
        if not drawn.on:
            own = columns["image"][row] * np.float32(1 / 255)
            np.testing.assert_array_equal(out["image"][row], own)
            np.testing.assert_array_equal(out["mask"][row], columns["mask"][row])
            assert out["mix"][row] == 1
            continue
        image, masks = np.zeros(SHAPE), np.full((1, HEIGHT, WIDTH), 99)
        for layer, rectangle in enumerate(drawn.rectangles):
            over, over_masks = placed(name, row, layer)
            shown, opacity = inside(rectangle), drawn.opacity if layer else 1.0
            image = np.where(shown[..., None], image + opacity * (over - image), image)
            masks = np.where(shown & (opacity == 1), over_masks, masks)
        np.testing.assert_allclose(out["image"][row], image, atol=0.1 / 255)
        assert (out["mask"][row] == masks).any(axis=0).all()
        np.testing.assert_allclose(out["mix"][row], shares_of(name, row)[0], atol=1e-6)
        if "mask_mix" in out:
            np.testing.assert_array_equal(out["mask_partner"][row], over_masks[0])
            assert out["mask_mix"][row] == (1 - drawn.opacity if drawn.opacity < 1 else 1)
    assert {drawn.on for drawn in collages(name)} == {True, False}


@names
def test_labels_and_weights(name):
    """Soft labels and the triple form; the weight is the weighted mean."""
    out, columns = mixed(name), batch()
    for row, drawn in enumerate(collages(name)):
        shares = shares_of(name, row) if drawn.on else [1]
        sources = drawn.sources[: len(shares)]
        mean = np.dot(shares, columns["weight"][sources])
        np.testing.assert_allclose(out["weight"][row], mean, atol=1e-6)
        one_hot = np.eye(CLASSES)[columns["label"][sources]]
        if MIXES[name].num_classes:
            smoothing = MIXES[name].smoothing
            soft = np.dot(shares, one_hot) * (1 - smoothing) + smoothing / CLASSES
            np.testing.assert_allclose(out["label"][row], soft, atol=1e-6)
            assert "label_partner" not in out
        else:
            assert out["label"][row] == columns["label"][row]
            assert out["label_partner"][row] == columns["label"][sources[-1]]
    for column in ("index", "visit", "valid"):
        np.testing.assert_array_equal(out[column], columns[column])


@names
def test_boxes_points_and_their_weights(name):
    """As many pixels of an object are seen as its weight says, in its box and around its point."""
    out, columns = mixed(name), batch()
    count = PARTNERS.get(name, 1) + 1
    for row, drawn in enumerate(collages(name)):
        labels = np.concatenate(columns["box_labels"][drawn.sources])
        np.testing.assert_array_equal(out["box_labels"][row], labels)
        boxes = out["boxes"][row].reshape(count, BOXES, 4)
        weights = out["box_weight"][row].reshape(count, BOXES)
        points = out["keypoints"][row].reshape(count, 2, 2)
        seen = out["keypoint_weight"][row].reshape(count, 2)
        assert not boxes[:, 2].any()
        assert not weights[:, 2].any()
        if not drawn.on or name != "mosaic":
            np.testing.assert_array_equal(boxes[0], columns["boxes"][row])
            np.testing.assert_array_equal(points[0], columns["keypoints"][row])
        if not drawn.on or drawn.opacity < 1:
            shares = [1 - drawn.opacity, drawn.opacity] if drawn.on else np.eye(count)[0]
            np.testing.assert_array_equal(weights[:, :2].T, [shares] * 2)
            np.testing.assert_array_equal(seen.T[0], shares)
            assert (drawn.on and boxes[1, :2].all()) or not boxes[1:].any()
            continue
        for layer, place in np.ndindex(count, 2):
            number = 2 * drawn.sources[layer] + place + 1
            visible = out["mask"][row] == number
            weight, box = weights[layer, place], boxes[layer, place]
            if drawn.matrices[layer] is None:
                assert visible.sum() == round(80 * weight), weight
                slack = 0
            else:
                across, _, _, _, down, _ = drawn.matrices[layer]
                area = (box[2] - box[0]) * (box[3] - box[1])
                np.testing.assert_allclose(area, 80 / (across * down) * weight, rtol=1e-4)
                slack = 1
            if visible.any() and (layer or name == "mosaic"):
                y, x = np.nonzero(visible)
                tight = x.min(), y.min(), x.max() + 1, y.max() + 1
                np.testing.assert_allclose(box, tight, atol=slack)
            if number == 2 * 3 + 2:  # it has no point
                assert np.isnan(points[layer, place]).all()
                assert seen[layer, place] == 0
                continue
            x, y = np.floor(points[layer, place]).astype(int)
            here = 0 <= x < WIDTH and 0 <= y < HEIGHT and visible[y, x]
            assert seen[layer, place] == here


# Forms of labels and of batches


IMAGES = np.random.default_rng(1).integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 2], np.int32)
FLOATS = np.array([[0.1, 0.9], [1.0, 1.0], [0.0, 0.5], [0.3, 0.2]], np.float32)


def small(**columns):
    return {"image": IMAGES, "label": LABELS, **columns}


def test_forms_of_labels():
    """Classes, several classes, numbers: mixed by the share; other names; none."""

    @jax.jit
    def run(batch):
        mix = ja.MixUp(1.0)
        y = {"image": batch["image"], "y": batch["label"]}
        return {
            "triple": mix(KEY, batch),
            "soft": mix.replace(num_classes=4)(KEY, batch),
            "bytes": mix.replace(num_classes=4)(
                KEY, {**batch, "label": batch["label"].astype(np.uint8)}
            ),
            "floats": mix(KEY, {**batch, "label": FLOATS}),
            "smooth": mix.replace(num_classes=2, smoothing=0.2)(KEY, {**batch, "label": FLOATS}),
            "number": mix(KEY, {**batch, "label": FLOATS[:, 0]}),
            "named": mix.replace(label="y")(KEY, y),
            "none": mix.replace(label=None)(KEY, y),
        }

    found = jax.tree.map(np.asarray, run(small()))
    share = found["soft"]["mix"][:, None]
    next_ = np.roll(np.arange(4), -1)
    one_hot = np.eye(4)[LABELS]
    np.testing.assert_allclose(
        found["soft"]["label"], share * one_hot + (1 - share) * one_hot[next_], atol=1e-6
    )
    np.testing.assert_array_equal(found["bytes"]["label"], found["soft"]["label"])
    floats = share * FLOATS + (1 - share) * FLOATS[next_]
    np.testing.assert_allclose(found["floats"]["label"], floats, atol=1e-6)
    np.testing.assert_allclose(found["smooth"]["label"], floats * 0.8 + 0.1, atol=1e-6)
    np.testing.assert_allclose(found["number"]["label"], floats[:, 0], atol=1e-6)
    for name, column in (("triple", "label"), ("named", "y")):
        np.testing.assert_array_equal(found[name][column], LABELS)
        np.testing.assert_array_equal(found[name][f"{column}_partner"], LABELS[next_])
    np.testing.assert_array_equal(found["none"]["y"], LABELS)
    assert set(found["none"]) == {"image", "mix", "y"}
    loss = np.log(np.arange(1.0, 5.0))  # of each class, linear in the label
    triple = found["triple"]
    mixed = (
        triple["mix"] * loss[triple["label"]] + (1 - triple["mix"]) * loss[triple["label_partner"]]
    )
    np.testing.assert_allclose(found["soft"]["label"] @ loss, mixed, atol=1e-6)


def test_pictures_that_move_together_and_types_that_come_out():
    """A pair of images and of masks; uint8 is rounded once, and pasted pixels are themselves."""
    pair = {"left": IMAGES, "right": 255 - IMAGES}
    floats = np.random.default_rng(2).random((4, 6, 8, 3), np.float32) ** 2
    masks = {"left": IMAGES[..., 0].astype(np.int32), "right": IMAGES[..., 1].astype(np.int32)}

    @jax.jit
    def run(image, mask, floats):
        batch = {"image": image, "mask": mask}
        cut, blend = ja.CutMix(dtype="uint8"), ja.MixUp(1.0)
        halves = jax.tree.map(lambda x: x.astype(jnp.bfloat16) / 255, image)
        return (
            cut(KEY, batch),
            blend(KEY, batch),
            blend.replace(dtype="uint8")(KEY, batch)["image"],
            blend(KEY, {**batch, "image": halves})["image"],
            ja.MixUpOrCutMix(switch=1.0, label=None)(KEY, {"image": floats})["image"],
        )

    cut, blended, rounded, halves, pasted = jax.tree.map(np.asarray, run(pair, masks, floats))
    for side, other in (("left", "right"), ("right", "left")):
        image = cut["image"][side]
        assert image.dtype == np.uint8
        own = (image == pair[side]).all(axis=-1)
        assert (own | (image == np.roll(pair[side], -1, axis=0)).all(axis=-1)).all()
        np.testing.assert_allclose(own.mean(axis=(1, 2)), cut["mix"], atol=1e-6)
        np.testing.assert_array_equal(image, 255 - cut["image"][other])
        exact = blended["image"][side]
        assert exact.dtype == np.float32
        np.testing.assert_array_equal(rounded[side], np.round(exact * np.float32(255)))
        np.testing.assert_allclose(halves[side], exact, atol=0.5 / 255)
    from_next = pasted == np.roll(floats, -1, axis=0)
    assert ((pasted == floats) | from_next).all()
    assert from_next.mean() > 0.1
    np.testing.assert_array_equal(cut["mask"]["left"], cut["image"]["left"][..., 0])
    np.testing.assert_array_equal(blended["mask"]["left"], masks["left"])
    np.testing.assert_array_equal(
        blended["mask_partner"]["right"], np.roll(masks["right"], -1, axis=0)
    )


def test_mixes_one_after_the_other():
    """A MixUp of mosaics, as YOLOX does: boxes of eight pictures, shares multiplied.

    The partners are up to four rows away, on devices of one row each, keyed by their number.
    """
    rows = 8
    boxes = np.tile(np.array([[1, 1, 7, 5]], np.float32), (rows, 1, 1))
    batch = {"image": np.tile(IMAGES, (2, 1, 1, 1)), "boxes": boxes}
    batch["weight"] = np.ones(rows, np.float32)

    def run(batch, axis=None):
        first = ja.Mosaic(axis_name=axis)(KEY, batch)
        return first, ja.MixUp(8.0, shift=4, axis_name=axis)(KEY, first)

    first, second = jax.jit(run)(batch)
    assert second["boxes"].shape == (rows, 8, 4)
    other = (np.arange(rows) + 4) % rows
    np.testing.assert_array_equal(second["boxes"][:, :4], first["boxes"])
    np.testing.assert_array_equal(second["boxes"][:, 4:], first["boxes"][other])
    share = (second["mix"] / first["mix"])[:, None]
    weights = first["box_weight"]
    expected = np.concatenate([weights * share, weights[other] * (1 - share)], axis=1)
    np.testing.assert_allclose(second["box_weight"], expected, atol=1e-5)
    np.testing.assert_allclose(second["weight"], 1.0, atol=1e-6)
    same(over_devices(functools.partial(run, axis="data"), 8)(batch), (first, second))


def test_hyper_parameters_are_data():
    """Another alpha does not compile again; a gradient reaches it; a mix is pickled and shown."""
    compiled = 0

    @jax.jit
    def run(mix, batch):
        nonlocal compiled
        compiled += 1
        return jax.value_and_grad(lambda mix: jnp.sum(mix(KEY, batch)["image"]))(mix)

    value, slope = run(ja.MixUp(jnp.float32(0.5), num_classes=3, smoothing=0.1), small())
    other, _ = run(ja.MixUp(jnp.float32(1.5), num_classes=3, smoothing=0.2), small())
    assert compiled == 1
    assert value != other
    assert np.isfinite(slope.alpha)
    assert slope.alpha != 0
    for mix in MIXES.values():
        again = pickle.loads(pickle.dumps(mix))
        assert repr(again) == repr(mix)
    assert repr(ja.MixUp()) == "MixUp()"
    assert repr(ja.CutMix(0.5, p=0.3)) == "CutMix(p=0.3, alpha=0.5)"


def test_a_mix_of_ones_own():
    """Half of the next picture on the right: a collage of two layers."""

    class Halves(ja.Mix):
        def sample(self, key, shape):
            right = shape[1] / 2, 0.0, float(shape[1]), float(shape[0])
            return ja.Collage((ja.Layer(), ja.Layer(right)), (0.5, 0.5))

    out = jax.jit(Halves(num_classes=3))(KEY, small())
    np.testing.assert_array_equal(out["image"][:, :, :4], IMAGES[:, :, :4] * np.float32(1 / 255))
    rolled = np.roll(IMAGES, -1, axis=0) * np.float32(1 / 255)
    np.testing.assert_array_equal(out["image"][:, :, 4:], rolled[:, :, 4:])
    np.testing.assert_array_equal(out["label"][0], [0.5, 0, 0.5])


@pytest.mark.parametrize("name", ["Mix", "MixUp", "CutMix", "MixUpOrCutMix", "ResizeMix", "Mosaic"])
def test_every_option_is_documented(name):
    mix = getattr(ja, name)
    text = inspect.getdoc(mix)
    own = set(inspect.signature(mix).parameters)
    common = {field.name for field in dataclasses.fields(ja.Mix)}
    for parameter in own if name == "Mix" else own - common:
        assert f"{parameter}:" in text


# Devices


def same(found, expected):
    paths = jax.tree_util.tree_leaves_with_path(expected)
    for (path, x), y in zip(paths, jax.tree.leaves(found), strict=True):
        np.testing.assert_array_equal(np.asarray(y), np.asarray(x), err_msg=str(path))


def mesh(devices, kind):
    return Mesh(np.array(jax.devices()[:devices]), ("data",), axis_types=(kind,))


def over_devices(function, devices):
    """A function of a batch under `shard_map`: each device sees its own rows."""
    options = {"mesh": mesh(devices, AxisType.Auto), "in_specs": P("data"), "out_specs": P("data")}
    return jax.jit(jax.shard_map(function, **options))


def test_bits_do_not_depend_on_the_devices():
    """Explicit axes, `shard_map` and `pmap`; Auto axes are those of the step of training."""
    mix = MIXES["either"]
    expected = mixed("either")
    columns = numbers(batch())
    where = mesh(8, AxisType.Explicit)
    sharded = jax.device_put(columns, NamedSharding(where, P("data")))
    same(jax.jit(mix)(KEY, sharded), expected)
    with jax.set_mesh(where):
        same(jax.jit(mix)(KEY, sharded), expected)
    part = mix.replace(axis_name="data")
    same(over_devices(functools.partial(part, KEY), 2)(columns), expected)
    split = jax.tree.map(lambda x: x.reshape(8, 2, *x.shape[1:]), columns)
    out = jax.pmap(part, "data", in_axes=(None, 0))(KEY, split)
    same(jax.tree.map(lambda x: x.reshape(ROWS, *x.shape[2:]), out), expected)


def test_what_a_row_draws_does_not_depend_on_its_place():
    """The share of a row in another order of the batch, where all rows are valid."""
    order = np.random.default_rng(0).permutation(ROWS)
    columns = numbers(batch()) | {"valid": np.ones(ROWS, bool)}
    mix = compiled("either")
    out = mix(KEY, columns)["mix"], mix(KEY, jax.tree.map(lambda x: x[order], columns))["mix"]
    np.testing.assert_array_equal(out[0][order], out[1])


def test_rows_are_rolled_over_devices():
    """Any shift over 1, 2, 4 or 8 devices, and over two axes of them."""
    rows = np.arange(48).reshape(16, 3)
    for shape, axes in (((4,), "data"), ((2, 4), ("host", "data"))):
        names = (axes,) if isinstance(axes, str) else axes
        count = int(np.prod(shape))
        devices = Mesh(np.array(jax.devices()[:count]).reshape(shape), names)
        spec = P(axes)

        def every(part, axes=axes):
            rolled = [exchange.roll_rows(part, k, axis_name=axes) for k in range(18)]
            return jnp.stack(rolled, 1), exchange.first_row(len(part), axis_name=axes)[None]

        found, first = jax.jit(
            jax.shard_map(every, mesh=devices, in_specs=spec, out_specs=(spec, spec))
        )(rows)
        for k in range(18):
            np.testing.assert_array_equal(found[:, k], np.roll(rows, -k, axis=0))
        np.testing.assert_array_equal(first, np.arange(count) * (16 // count))


# Errors


def call(mix, batch, key=KEY):
    return lambda: mix(key, batch)


def without_axis():
    over_devices(functools.partial(ja.CutMix(), KEY), 8)(numbers(batch()))


ERRORS = {
    "images alone": (
        call(ja.MixUp(), IMAGES),
        r"MixUp: expected a batch, a dict with the key 'image', got uint8.*'label': labels",
    ),
    "one example": (call(ja.MixUp(), {"image": IMAGES[0]}), r"images \(n, h, w, c\)"),
    "no images": (call(ja.MixUp(), {"label": LABELS}), "the key 'image', got 'label'"),
    "no labels": (call(ja.CutMix(), {"image": IMAGES, "y": LABELS}), "label='name of the column'"),
    "labels of texts": (call(ja.CutMix(), small(label=np.array(list("abca")))), r"integers \(n,\)"),
    "labels of flags": (call(ja.CutMix(), small(label=LABELS > 1)), r"integers \(n,\), or floats"),
    "an image as label": (call(ja.CutMix(), small(label=IMAGES)), r"got uint8\(4, 6, 8, 3\)"),
    "other labels than classes": (
        call(ja.CutMix(num_classes=3), small(label=FLOATS)),
        r"labels \(n, 3\), got float32\(4, 2\)",
    ),
    "four labels in one": (call(ja.Mosaic(), small()), "num_classes for 4 labels.*label=None"),
    "a canvas": (
        call(ja.CutMix(), small(size=np.full((4, 2), 5, np.int32))),
        r"images of one size.*Resize\(\(h, w\)\).*batch.pop\('size'\)",
    ),
    "mixed before": (
        call(ja.CutMix(), small(label_partner=LABELS)),
        "a batch not yet mixed, got the key 'label_partner'.*num_classes=",
    ),
    "other numbers of rows": (call(ja.CutMix(), small(label=LABELS[:3])), "one number of rows"),
    "a column that is not of boxes": (
        call(
            ja.CutMix(box_columns=("id",)),
            small(boxes=np.zeros((4, 3, 4), np.float32), id=np.zeros((4, 2))),
        ),
        r"id of shape \(4, 3\), one for each box, got float64\(4, 2\)|float32\(4, 2\)",
    ),
    "trees of boxes": (
        call(ja.CutMix(), small(boxes={"a": np.zeros((4, 3, 4))})),
        "boxes as one array",
    ),
    "a mask of another size": (call(ja.CutMix(), small(mask=LABELS[:, None, None])), "a mask of"),
    "no key": (call(ja.CutMix(), small(), 3), r"CutMix: expected a key, got 3"),
    "no axis": (without_axis, r"axis_name=.*Pass axis_name='data'; axis_name=\(\) mixes"),
    "alpha of 0": (lambda: ja.MixUp(0), "MixUp: expected an alpha above 0, got 0. p=0"),
    "p above 1": (lambda: ja.CutMix(p=2), "a probability p"),
    "a switch above 1": (lambda: ja.MixUpOrCutMix(switch=2), "a probability"),
    "no classes": (lambda: ja.CutMix(num_classes=0), "num_classes of 1 or more"),
    "no shift": (lambda: ja.CutMix(shift=0), "a shift of 1 row or more"),
    "smoothing alone": (lambda: ja.CutMix(smoothing=0.1), "num_classes beside a smoothing"),
    "smoothing of 1": (lambda: ja.CutMix(smoothing=1, num_classes=3), r"a smoothing in \[0, 1\)"),
    "an unknown dtype": (lambda: ja.CutMix(dtype="int8"), "a dtype among"),
    "a picture larger than the whole": (
        lambda: ja.ResizeMix((0.5, 1.5)),
        "scale: two numbers in order, above 0 and at most 1",
    ),
    "a scale out of order": (lambda: ja.Mosaic((1.0, 0.5)), "scale: two numbers in order, above 0"),
    "a point outside": (lambda: ja.Mosaic(center=(0.5, 1.1)), "center: two numbers in order"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    function, words = ERRORS[case]
    with pytest.raises(ja.JaxaugError, match=words):
        function()
