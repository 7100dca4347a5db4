"""Files to pictures to arrays and back, compared with Keras' own functions."""

import io
import itertools
import os
import pickle
import re
import warnings

import numpy as np
import pytest
from keras_oracle import image as keras_image
from keras_oracle import utils
from PIL import Image, UnidentifiedImageError

from jaxaug.compat import _images
from jaxaug.compat._decoder import FileDecoder
from jaxaug.compat._images import img_to_array, list_pictures, load_img, save_img, validate_filename
from jaxaug.data import DecodeError
from jaxaug.data._paths import Paths
from jaxaug.data._reader import FileReader

MODES = ("grayscale", "rgb", "rgba")
FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
RAMP = np.linspace(0, 1, 18 * 26).reshape(18, 26)
DEEP = (RAMP * 65535).astype("<u2")


def encoded(image, format_, **options):
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def files():
    """Name and bytes, of every mode that Pillow can write in every format."""
    levels = [RAMP, RAMP[::-1], RAMP[:, ::-1], RAMP[::-1, ::-1] ** 2]
    rgba = Image.fromarray((np.stack(levels, -1) * 255).astype(np.uint8))
    rgb = rgba.convert("RGB")
    pictures = {mode: rgb.convert(mode) for mode in ("1", "L", "RGB", "CMYK", "YCbCr")}
    pictures |= {"LA": rgba.convert("LA"), "RGBA": rgba, "P": rgb.quantize(40)}
    pictures["F"] = Image.fromarray((RAMP * 400 - 20).astype(np.float32))
    formats = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")
    for format_, (mode, picture) in itertools.product(formats, pictures.items()):
        try:
            yield f"{format_} {mode}", encoded(picture, format_)
        except (OSError, ValueError):
            continue
    yield "TIFF I", encoded(Image.fromarray((RAMP * 90000 - 2000).astype(np.int32)), "TIFF")
    for mode, clear in (("P", 7), ("P", bytes(range(0, 240, 6))), ("L", 77), ("RGB", (0, 255, 3))):
        yield f"PNG {mode} with {clear}", encoded(pictures[mode], "PNG", transparency=clear)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "JPEG turned", encoded(rgb, "JPEG", exif=exif)


FILES = dict(files())


def same(ours, theirs, case):
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size), case
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs), err_msg=str(case))


@pytest.mark.parametrize("mode", MODES)
def test_pictures_are_those_of_keras(mode):
    every = itertools.product(FILES, (None, (13, 11)), ("nearest",), (False,))
    sizes = [(18, 26), (9, 13), (40, 7), (5, 40), (17, 25), (1, 1), (1, 90), (37, 53), (90, 1)]
    names = ("PNG RGB", "PNG LA", "TIFF I", "PNG RGBA")
    for name, *options in [*every, *itertools.product(names, sizes, FILTERS, (False, True))]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of palettes, which ours does not cause
            theirs = utils.load_img(io.BytesIO(FILES[name]), mode, *options)
        same(load_img(io.BytesIO(FILES[name]), mode, *options), theirs, (name, options))


@pytest.mark.parametrize(("format_", "kind"), [(f, "<u2") for f in ("PNG", "TIFF", "PPM")]
                         + [("TIFF", ">u2")])  # fmt: skip
def test_greys_of_16_bits_are_scaled_to_colors_and_keep_their_depth_as_greys(format_, kind):
    data = encoded(Image.fromarray(DEEP.astype(kind)), format_)
    nearest = (DEEP.astype(np.int64) * 255 + 32767) // 65535  # there are no ties
    for mode in ("rgb", "rgba"):
        pixels = img_to_array(load_img(io.BytesIO(data), mode))
        np.testing.assert_array_equal(pixels[..., :3], nearest[..., None].repeat(3, -1))
    gray = img_to_array(load_img(io.BytesIO(data), "grayscale", target_size=(9, 13)))
    np.testing.assert_array_equal(gray[..., 0], DEEP[1::2, 1::2])
    np.testing.assert_array_equal(FileDecoder((9, 13), "grayscale")(data).pixels, gray)


def test_a_file_or_size_may_be_given_in_many_ways(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(FILES["PNG RGB"])
    for way in (path, str(path), os.fsencode(path), io.BytesIO(FILES["PNG RGB"])):
        same(load_img(way), utils.load_img(way), way)
    with path.open("rb") as file:
        late = load_img(file)
    same(late, utils.load_img(path), "after closing")
    # Some pass the shape of a model's input.
    for size in ((5, 6, 3), [5, 6], np.array([5, 6])):
        assert load_img(path, target_size=size).size == (6, 5)
    assert load_img(path, target_size=(18, 26), interpolation="unused").size == (26, 18)


def test_errors_are_those_of_keras(tmp_path):
    path, text, cut = (tmp_path / name for name in ("a.png", "text.png", "cut.jpg"))
    path.write_bytes(FILES["PNG RGB"])
    text.write_text("no image")
    cut.write_bytes(FILES["JPEG RGB"][:-60])
    image, order = np.zeros((4, 5, 3)), "The `data_format` argument must be one of"
    for name, arguments, error, message in [
        ("load_img", (path, "gray"), ValueError, 'must be "grayscale", "rgb", or "rgba"'),
        ("load_img", (path, "rgb", (3, 4), "x"), ValueError, "Invalid interpolation method x "
         "specified. Supported methods are nearest, bilinear, bicubic, hamming, box, lanczos"),
        ("load_img", (path, "rgb", (0, 4)), ValueError, "height and width"),
        ("load_img", (path, "rgb", (3.0, 4)), TypeError, "integer"),
        ("load_img", (path, "rgb", 3), TypeError, "t"),
        ("load_img", (3,), TypeError, "path should be path-like or io.BytesIO, not <class 'int'>"),
        ("load_img", (tmp_path / "none.png",), FileNotFoundError, "none.png"),
        ("load_img", (text,), UnidentifiedImageError, "cannot identify image file"),
        ("array_to_img", (image[0],), ValueError, "Expected image array to have rank 3 (single "
         "image). Got array with shape: (5, 3)"),
        ("array_to_img", (image[..., :2],), ValueError, "Unsupported channel number: 2"),
        ("array_to_img", (image[:2], "channels_first"), ValueError, "Unsupported channel number"),
        ("array_to_img", (image, "first"), ValueError, order),
        ("img_to_array", (image, "first"), ValueError, order),
        ("img_to_array", (image[None],), ValueError, "Unsupported image shape: (1, 4, 5, 3)"),
        ("img_to_array", (image[0, 0],), ValueError, "Unsupported image shape: (3,)"),
    ]:  # fmt: skip
        for module in (_images, utils):
            with pytest.raises(error, match=re.escape(message)):
                getattr(module, name)(*arguments)
    with pytest.raises(UnidentifiedImageError, match=r"text\.png"):
        load_img(text)
    with pytest.raises(OSError, match="truncated") as caught:
        load_img(cut)
    assert "cut.jpg" in caught.value.__notes__[0]


def test_arrays_become_the_pictures_and_pictures_the_arrays_of_keras():
    noise = np.random.default_rng(0).normal(100, 90, (6, 7, 4))
    steps = np.arange(256).reshape(8, 8, 4) * 0.3  # float32 and float64 round to other levels
    kinds = (noise, noise.astype(np.int32), noise * 0 + 3, noise.astype(np.uint8) // 2, steps)
    for x, channels, first, scale, dtype in itertools.product(
        kinds, (1, 3, 4), (False, True), (False, True), (None, "float64", "float16")
    ):
        # Beyond 0..255 it depends on the machine, and above it one channel has 32 bits.
        x = x if scale else np.clip(x, 0, None if channels == 1 else 255)
        values = np.moveaxis(x[..., :channels], -1, 0) if first else x[..., :channels]
        before, case = values.copy(), ("channels_first" if first else None, scale, dtype)
        same(_images.array_to_img(values, *case), utils.array_to_img(values, *case), case)
        np.testing.assert_array_equal(values, before)
    pictures = [Image.open(io.BytesIO(FILES[name])) for name in ("PNG L", "TIFF F", "PNG RGBA")]
    orders, types = (None, "channels_first", "Channels_Last"), (None, "int16", "uint8")
    for x, *case in itertools.product([*pictures, noise, noise[..., 0], [[1, 2]]], orders, types):
        ours, theirs = img_to_array(x, *case), utils.img_to_array(x, *case)
        assert (ours.dtype, ours.flags.writeable) == (theirs.dtype, True)
        np.testing.assert_array_equal(ours, theirs)


def test_save_img(tmp_path):
    x = np.random.default_rng(0).uniform(10, 250, (6, 7, 4))
    text = "The JPEG format does not support RGBA images, converting to RGB."
    cases = itertools.product(("png", "jpg", "JPEG", "bmp", "tiff"), (1, 3, 4), (None, "jpg"))
    for ending, channels, given in cases:
        loses = channels == 4 and "jp" in (given or ending.lower())
        ours, theirs = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
        for function, path in ((save_img, ours), (utils.save_img, theirs)):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                function(path, x[..., :channels], file_format=given)
            assert [str(each.message) for each in caught] == [text] * loses
            assert function is not save_img or all(w.filename == __file__ for w in caught)
        assert ours.read_bytes() == theirs.read_bytes()
    file = io.BytesIO()
    save_img(file, np.moveaxis(x, -1, 0), "channels_first", "png", scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(file, "rgba")), np.floor(x))
    save_img(tmp_path / "deep.png", DEEP[..., None], scale=False)
    gray = load_img(tmp_path / "deep.png", "grayscale")
    np.testing.assert_array_equal(img_to_array(gray)[..., 0], DEEP)
    with pytest.raises(ValueError, match=r"save_img: expected greys .* got 0\.\.70000"):
        save_img(tmp_path / "deeper.png", [[[0], [70000]]], scale=False)


def test_names_of_pictures(tmp_path):
    wanted = ["a/b/z.tiff", "a/c.jpg", "b.PNG", *(f"{number}.bmp" for number in range(9))]
    names = [*wanted, "a/x.txt", "apng", "a.gif", "c.jpg.part"]
    for path in map(tmp_path.joinpath, names):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    assert list_pictures(tmp_path) == sorted(str(tmp_path / name) for name in wanted)
    assert list_pictures(str(tmp_path), "gif") == [str(tmp_path / "a.gif")]
    with pytest.raises(FileNotFoundError, match="none"):
        list_pictures(tmp_path / "none")
    for path in map(tmp_path.joinpath, [*names, "folder.png", "none.png"]):
        expected = keras_image.validate_filename(str(path), ("png", "jpg", "tiff"))
        assert validate_filename(path, ["png", "jpg", "tiff"]) == expected


def test_the_decoder_reads_files_as_load_img(tmp_path):
    paths = Paths([f"{number:02}" for number in range(len(FILES))])
    for number, data in enumerate(FILES.values()):
        (tmp_path / paths[number]).write_bytes(data)
    for mode, size, keep in itertools.product(MODES, ((18, 26), (11, 40)), (False, True)):
        reader = FileReader(str(tmp_path), paths, FileDecoder(size, mode, "bicubic", keep))
        assert reader.read == pickle.loads(pickle.dumps(reader.read))
        arrays, faults = reader.read(reader.jobs(np.arange(len(paths), dtype=np.uint32)))
        assert not faults
        assert arrays["image"].dtype == (np.float32 if mode == "grayscale" else np.uint8)
        for data, pixels in zip(FILES.values(), arrays["image"], strict=True):
            expected = load_img(io.BytesIO(data), mode, size, "bicubic", keep)
            np.testing.assert_array_equal(pixels, img_to_array(expected))
    data = encoded(Image.new("L", (40, 20)), "PNG")
    assert FileDecoder((10, 20))(data)[1:] == ((10, 20), (0.5, 0.5), (0, 0), (20, 40))
    placed = FileDecoder((10, 10), keep_aspect_ratio=True)(data)[1:]
    assert placed == ((10, 10), (0.5, 0.5), (-5, 0), (20, 40))


def test_the_decoder_names_the_file_and_what_is_wrong(tmp_path, monkeypatch):
    good, decoder, path = FILES["PNG RGB"], FileDecoder((8, 8)), tmp_path / "file.png"
    small = FileDecoder((8, 8), max_pixels=18 * 26 - 1)
    for read, data, stage in [(decoder, None, "open"), (decoder, b"text", "identify"),
                              (small, good, "size"),
                              (decoder, FILES["JPEG RGB"][:-60], "decode")]:  # fmt: skip
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(DecodeError, match=r"file\.png") as caught:
            read(str(path))
        assert caught.value.stage == stage
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 18 * 13 - 1.0)
    with pytest.raises(DecodeError, match="max_pixels=466"):
        FileDecoder((8, 8))(good)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert FileDecoder((8, 8))(good).pixels.any()


def test_arguments_of_the_decoder():
    assert FileDecoder([np.int64(8), 9]) == FileDecoder((8, 9))
    assert repr(FileDecoder((8, 9), max_pixels=7)).startswith("FileDecoder(target_size=(8, 9), co")
    for wrong, error, message in [
        ({"target_size": None}, TypeError, "target_size"),
        ({"target_size": (8, 9, 3)}, TypeError, "target_size"),
        ({"target_size": (8, 0)}, ValueError, "height and width"),
        ({"color_mode": "gray"}, ValueError, "Invalid color mode: gray"),
        ({"interpolation": "cubic"}, ValueError, "Invalid interpolation method cubic"),
    ]:
        with pytest.raises(error, match=message):
            FileDecoder(**{"target_size": (8, 9)} | wrong)
