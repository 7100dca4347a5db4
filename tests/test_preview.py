"""The contact sheet: originals as they are, draws that differ, targets painted where they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxaug as ja
from jaxaug._preview import GAP, MARGIN, PALETTE

SIDE = 24
FLIP, STAY = ja.HorizontalFlip(p=1.0), ja.HorizontalFlip(p=0.0)


def noise(n=3, channels=3, seed=0):
    shape = (n, SIDE, SIDE, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def cell(sheet, row, column, size=SIDE):
    """Pixels of one picture on a sheet of square ones."""
    left, top = MARGIN + GAP + (size + GAP) * column, GAP + (size + GAP) * row
    return np.asarray(sheet)[top : top + size, left : left + size]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_first_row_is_the_input_and_the_rest_is_what_batched_gives(channels):
    images = noise(channels=channels)
    sheet = ja.preview(FLIP, images, rows=2, size=SIDE)
    assert sheet.mode == "RGB"
    assert sheet.size == (MARGIN + GAP + 3 * (SIDE + GAP), GAP + 3 * (SIDE + GAP))
    shown = images[..., :3] if channels >= 3 else np.repeat(images[..., :1], 3, -1)
    for column in range(3):
        np.testing.assert_array_equal(cell(sheet, 0, column), shown[column])
        for row in (1, 2):
            np.testing.assert_array_equal(cell(sheet, row, column), shown[column, :, ::-1])


def test_floats_are_clipped_and_small_images_grow_by_whole_factors():
    images = jnp.asarray(noise()).astype(jnp.bfloat16) / 100 - 0.5  # -0.5 .. 2.05
    sheet = ja.preview(STAY, images, rows=1, size=2 * SIDE + 9)
    want = np.asarray(images).astype(np.float32).clip(0, 1) * 255
    grown = want.round().astype(np.uint8).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(cell(sheet, 0, 1, 2 * SIDE), grown[1])


def test_draws_differ_between_rows_and_images_and_follow_the_key():
    images = np.repeat(noise(1), 2, axis=0)
    sheet = ja.preview(ja.Chain(ja.Rotate(90)), images, rows=2, size=SIDE)
    drawn = [cell(sheet, row, column) for row in (1, 2) for column in (0, 1)]
    for place, one in enumerate(drawn):
        assert all(not np.array_equal(one, other) for other in drawn[place + 1 :])
    again = ja.preview(ja.Rotate(90), images, rows=2, size=SIDE, key=jax.random.key(0))
    other = ja.preview(ja.Rotate(90), images, rows=2, size=SIDE, key=jax.random.key(1))
    assert not np.array_equal(again, other)


def test_first_draw_of_a_loaders_batch_is_what_training_sees():
    batch = {
        "image": noise(),
        "label": np.array(["a", "b", "c"]),  # strings do not reach the compiler
        "index": np.array([70, 3, 9], np.uint32),
        "visit": np.array([4, 5, 5], np.uint32),
    }
    augment = ja.batched(ja.Rotate(45), dtype="uint8")
    key = jax.random.key(3)
    sheet = ja.preview(augment, batch, key=key, rows=2, size=SIDE)
    seen = {name: column for name, column in batch.items() if name != "label"}
    for row in (1, 2):
        images = np.asarray(jax.jit(augment)(key, seen)["image"])
        for column in range(3):
            np.testing.assert_array_equal(cell(sheet, row, column), images[column])
        seen = {**seen, "visit": seen["visit"] + 1}


def test_mask_boxes_and_keypoints_are_painted_and_move_with_the_image():
    mask = np.zeros((1, SIDE, SIDE), np.int32)
    mask[0, 14:18, 2:6] = 2
    batch = {
        "image": np.zeros((1, SIDE, SIDE, 3), np.uint8),
        "mask": mask,
        "boxes": np.array([[[2, 2, 10, 8], [0, 0, 0, 0]]], np.float32),
        "keypoints": np.array([[[5.0, 21.0]]], np.float32),
    }
    sheet = ja.preview(FLIP, batch, rows=1, size=SIDE)
    before, after = cell(sheet, 0, 0), cell(sheet, 1, 0)
    for image, column in ((before, lambda x: x), (after, lambda x: SIDE - 1 - x)):
        assert tuple(image[2, column(2)]) == tuple(image[7, column(9)]) == PALETTE[0]  # corners
        assert not image[5, column(6)].any()  # the inside stays visible
        assert not image[0, column(0)].any()  # a box of no area is padding
        blend = np.array(PALETTE[1]) * 115 / 255
        np.testing.assert_allclose(image[15, column(4)], blend, atol=1)
        assert tuple(image[20, column(5)]) == PALETTE[0]
    assert not before[:, 14:].any()
    assert not after[:, :10].any()


def test_sizes_may_change_and_pairs_stand_side_by_side():
    batch = {"image": (noise(2), noise(2, seed=1))}
    transform = ja.RandomResizedCrop((12, 16))
    sheet = ja.preview(transform, batch, rows=1, size=SIDE)
    assert sheet.size == (MARGIN + GAP + 2 * (2 * SIDE + GAP), GAP + (SIDE + GAP) + (12 + GAP))
    np.testing.assert_array_equal(cell(sheet, 0, 0), batch["image"][0][0])


def test_sources_and_loaders_and_saving(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            colour = (200, 10 * number, 0) if name == "cat" else (0, 10 * number, 200)
            Image.new("RGB", (SIDE, SIDE), colour).save(tmp_path / "data" / name / f"{number}.png")
    source = ja.data.DirectorySource(tmp_path / "data", image_size=(SIDE, SIDE))
    path = tmp_path / "sheet.png"
    sheet = ja.preview(STAY, source, columns=2, rows=1, size=SIDE, path=path)
    assert tuple(cell(sheet, 0, 0)[0, 0]) == (200, 0, 0)  # evenly spaced: not two cats
    assert tuple(cell(sheet, 0, 1)[0, 0]) == (0, 30, 200)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(sheet))

    loader = ja.data.Loader(source, 4, seed=1, threads=0)
    first = next(iter(loader.epoch(0)))
    sheet = ja.preview(STAY, loader, rows=1, size=SIDE)
    np.testing.assert_array_equal(cell(sheet, 0, 2), first["image"][2])
    after = next(iter(loader))  # the look has not used up an epoch
    np.testing.assert_array_equal(after["visit"], np.zeros(4))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((ja.Rotate, noise()), {}, "expected a transform"),
        (([ja.Rotate(1)], noise()), {}, r"Put several into jaxaug.Chain"),
        ((STAY, noise()[0]), {}, r"preview: .*got uint8\(24, 24, 3\).*image\[None\]"),
        ((STAY, noise()[:0]), {}, "expected images"),
        ((STAY, {"label": np.zeros(3)}), {}, "expected images"),
        ((STAY, []), {}, "a batch, a source or a loader"),
        ((STAY, 3), {}, "a batch, a source or a loader, got 3"),
        ((STAY, noise()), {"rows": 0}, "rows of 1 or more, got 0"),
        ((STAY, noise()), {"columns": -1}, "columns of 1 or more"),
    ],
)
def test_bad_arguments_are_named(arguments, options, message):
    with pytest.raises(ja.JaxaugError, match=message):
        ja.preview(*arguments, **options)
