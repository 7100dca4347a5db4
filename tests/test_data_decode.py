"""One file, one array: orientation, modes, depth, damage."""

import os
import pickle
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from jaxaug.data import DecodeError
from jaxaug.data._decode import Decoder

RAMP = np.arange(24 * 32, dtype=np.float64).reshape(24, 32) / (24 * 32 - 1)  # 0..1, no symmetry


def picture(height=24, width=32):
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 / (width - 1), y * 255 / (height - 1), (x + y) % 17 * 10]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(10))
def test_exif_orientation(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = f"{tmp_path}/x.{suffix}"
    lossless = {"webp": {"lossless": True}}.get(suffix, {})
    picture().save(path, exif=exif, **lossless)
    swapped = 5 <= orientation <= 8
    shape = (32, 24) if swapped else (24, 32)
    pixels = Decoder(shape)(path)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path).copy()).convert("RGB"))
    if not 1 <= orientation <= 8:  # 0 is common and means 1; 9 is nonsense
        expected = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(pixels, expected)
    smaller = Decoder((12, 8) if swapped else (8, 12))(path)  # a draft for JPEG, turned afterwards
    reference = Image.fromarray(expected).resize((smaller.shape[1], smaller.shape[0]), 2)
    assert np.abs(smaller.astype(int) - np.asarray(reference)).mean() < 3


def test_a_broken_exif_block_loses_nothing(tmp_path):
    for number, block in enumerate(
        (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*\0\0\0\x08\0\x05")
    ):
        for suffix in ("jpg", "png", "webp"):
            path = f"{tmp_path}/{number}.{suffix}"
            picture().save(path, exif=block)
            assert Decoder((24, 32))(path).std() > 40


@pytest.mark.parametrize(
    ("color", "mode", "channels"), [("rgb", "RGB", 3), ("gray", "L", 1), ("rgba", "RGBA", 4)]
)
@pytest.mark.parametrize(
    ("source", "suffix"),
    [("1", "png"), ("L", "png"), ("LA", "png"), ("P", "png"), ("P", "gif"), ("RGB", "png"),
     ("RGBA", "png"), ("RGB", "bmp"), ("CMYK", "jpg"), ("CMYK", "tiff"), ("L", "jpg"),
     ("YCbCr", "tiff")],
)  # fmt: skip
def test_modes(tmp_path, color, mode, channels, source, suffix):
    path = f"{tmp_path}/x.{suffix}"
    picture().convert(source).save(path)
    pixels = Decoder((24, 32), color)(path)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (24, 32, channels))
    with Image.open(path) as image:
        expected = np.asarray(image.convert(mode)).reshape(pixels.shape)
    np.testing.assert_allclose(pixels, expected, atol=1 if suffix == "jpg" else 0)


def test_transparent_palette(tmp_path):
    image = picture().quantize(8)
    image.save(f"{tmp_path}/x.png", transparency=bytes([0, 100, 255]))
    rgba = Decoder((24, 32), "rgba")(f"{tmp_path}/x.png")
    np.testing.assert_array_equal(rgba[..., :3], np.asarray(image.convert("RGB")))
    assert set(np.unique(rgba[..., 3])) == {0, 100, 255}
    np.testing.assert_array_equal(Decoder((24, 32))(f"{tmp_path}/x.png"), rgba[..., :3])


@pytest.mark.parametrize(
    ("dtype", "top", "suffix"),
    [(np.uint16, 65535, "png"), (np.uint16, 65535, "tiff"), (">u2", 65535, "tiff"),
     (np.int32, 65535, "tiff"), (np.float32, 1, "tiff")],
)  # fmt: skip
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_deep_greys_are_scaled_not_clipped(tmp_path, dtype, top, suffix, color):
    deep = Image.fromarray((RAMP * top).astype(dtype))
    deep.save(f"{tmp_path}/x.{suffix}")
    pixels = Decoder((24, 32), color)(f"{tmp_path}/x.{suffix}")
    np.testing.assert_allclose(pixels, np.broadcast_to(RAMP[..., None] * 255, pixels.shape), atol=1)


@pytest.mark.parametrize(
    ("dtype", "factor"), [(np.float32, 255), (np.int32, 70000), (np.float32, np.nan)]
)
def test_greys_out_of_range_are_refused(tmp_path, dtype, factor):
    with np.errstate(invalid="ignore"):
        Image.fromarray((RAMP * factor).astype(dtype)).save(f"{tmp_path}/x.tiff")
    if not np.isnan(factor):
        with pytest.raises(DecodeError, match=r"with values 0\.\."):
            Decoder((24, 32))(f"{tmp_path}/x.tiff")
    else:
        with pytest.raises(DecodeError, match="nan"):
            Decoder((24, 32))(f"{tmp_path}/x.tiff")


@pytest.mark.parametrize(
    "resample", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
)
def test_filters_are_those_of_pillow(tmp_path, resample):
    image = picture(240, 320)
    image.save(f"{tmp_path}/x.png")
    image.save(f"{tmp_path}/x.jpg", quality=95)
    filter_ = Image.Resampling[resample.upper()]
    for suffix in ("png", "jpg"):
        expected = Image.open(f"{tmp_path}/x.{suffix}").resize((100, 70), filter_)
        pixels = Decoder((70, 100), resample=resample)(f"{tmp_path}/x.{suffix}")
        error = np.abs(pixels.astype(int) - np.asarray(expected))
        assert error.mean() < (4 if suffix == "jpg" and resample != "nearest" else 0.01)


def test_large_jpegs_are_decoded_at_a_reduced_size(tmp_path, monkeypatch):
    picture(480, 640).save(f"{tmp_path}/x.jpg")
    sizes = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, *a, **k: (sizes.append(self.size), resize(self, *a, **k))[1],
    )
    Decoder((100, 100))(f"{tmp_path}/x.jpg")
    Decoder((100, 100), resample="nearest")(f"{tmp_path}/x.jpg")
    assert sizes[0] == (160, 120)
    assert (640, 480) in sizes[1:]


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for suffix in ("gif", "webp"):
        frames[0].save(f"{tmp_path}/x.{suffix}", save_all=True, append_images=frames[1:])
        assert Decoder((8, 8))(f"{tmp_path}/x.{suffix}")[0, 0].argmax() == 0


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp", "tiff"])
@pytest.mark.parametrize("kept", [0.99, 0.9, 0.5, 0.01])
def test_truncated_files_are_named(tmp_path, suffix, kept):
    path = f"{tmp_path}/x.{suffix}"
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    Decoder((64, 64))(path)
    os.truncate(path, int(Path(path).stat().st_size * kept))
    with pytest.raises(DecodeError, match=rf"x\.{suffix}"):
        Decoder((64, 64))(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "begins with b'<!DOCTYPE html>'"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "Truncated|PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "JPEG|image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a JPEG, PNG"),
    ],
)
def test_files_that_are_no_images_are_named_with_the_reason(tmp_path, data, reason):
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=reason) as caught:
        Decoder((8, 8))(str(path))
    assert str(caught.value).startswith(f"jaxaug.data: expected an image, got {str(path)!r} (")
    assert str(caught.value).endswith("Repair, replace or remove the file.")


def test_the_format_counts_not_the_suffix_and_formats_is_an_allow_list(tmp_path):
    picture().save(f"{tmp_path}/x.jpg", "PNG")
    assert Decoder((24, 32))(f"{tmp_path}/x.jpg").shape == (24, 32, 3)
    with pytest.raises(DecodeError, match="not a JPEG, GIF file"):
        Decoder((24, 32), formats=("JPEG", "GIF"))(f"{tmp_path}/x.jpg")
    picture().save(f"{tmp_path}/x.ppm")
    with pytest.raises(DecodeError):
        Decoder((24, 32))(f"{tmp_path}/x.ppm")
    assert Decoder((24, 32), formats=("PPM",))(f"{tmp_path}/x.ppm").shape == (24, 32, 3)


def test_pipes_folders_and_missing_files_do_not_hang(tmp_path):
    def too_late(*_):
        raise TimeoutError("hangs")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(5)
    try:
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "folder.jpg").mkdir()
        for name, reason in [
            ("pipe", "not a regular file"),
            ("folder", "directory"),
            ("none", "No such file"),
        ]:
            with pytest.raises(DecodeError, match=reason):
                Decoder((8, 8))(f"{tmp_path}/{name}.jpg")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_large_pictures_are_refused_before_they_are_decoded_and_without_a_warning(
    tmp_path, monkeypatch
):
    path = f"{tmp_path}/x.png"
    Image.new("1", (20_000, 9_000)).save(path)  # 180 megapixels, beyond Pillow's own limit too
    loads = []
    monkeypatch.setattr(Image.Image, "load", lambda self: loads.append(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(DecodeError, match="20000 x 9000 pixels, more than max_pixels=89478485"):
            Decoder((8, 8))(path)
    assert not caught
    assert not loads
    monkeypatch.undo()
    with pytest.raises(DecodeError, match="32 x 24 pixels"):
        picture().save(path)
        Decoder((8, 8), max_pixels=24 * 32 - 1)(path)
    assert Decoder((8, 8), max_pixels=24 * 32)(path).shape == (8, 8, 3)


def test_a_larger_limit_is_honoured(tmp_path):
    path = f"{tmp_path}/x.png"
    Image.new("1", (9500, 9500), 1).save(path)  # Pillow would warn, and warnings are errors here
    assert Decoder((64, 64), "gray", max_pixels=10**8)(path).min() == 255


def test_decode_errors_survive_pickling_and_printing():
    error = DecodeError("a/\udcff\n.jpg", "it is broken")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.path, copy.reason) == (DecodeError, error.path, error.reason)
    assert str(copy) == str(error)
    str(error).encode("ascii")
    assert isinstance(error, ValueError)


def test_nothing_global_changes(tmp_path):
    picture().save(f"{tmp_path}/x.jpg")
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    Decoder((8, 8))(f"{tmp_path}/x.jpg")
    assert before == (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
    )
