"""One file, one array: orientation, modes, depth, geometry, masks, arguments."""

import io
import math
import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxaug.data import DecodeError
from jaxaug.data._decode._decoder import Decoder, MaskDecoder

RAMP = np.arange(24 * 32, dtype=np.float64).reshape(24, 32) / (24 * 32 - 1)  # 0..1, no symmetry
SIZE = (24, 32)
EXTRA = {
    "WEBP": {"lossless": True},
    "JPEG": {"quality": 95, "subsampling": 0},
}  # few losses, so that oracles are sharp


def picture(height=24, width=32):
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 / (width - 1), y * 255 / (height - 1), (x + y) % 17 * 10]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def encoded(image, format_="PNG", **options):
    file = io.BytesIO()
    image.save(file, format_, **EXTRA.get(format_, {}) | options)
    return file.getvalue()


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.copy()


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def png(depth, color, rows, *chunks):
    """A PNG that Pillow cannot write: `rows` are packed bytes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", len(rows[0]) * 8 // depth, len(rows), depth, color, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    extra = b"".join(chunk(*c) for c in chunks)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )  # fmt: skip


# Pixels


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("size", [(70, 100), (33, 20), (240, 320)])
@pytest.mark.parametrize("color", ["rgb", "gray"])
def test_stretch_is_pillows_draft_and_resize_bit_for_bit(format_, size, color):
    data = encoded(picture(241, 319), format_)
    image = Image.open(io.BytesIO(data))
    box = (0, 0, 319, 241)
    if format_ == "JPEG":  # its last pixels, if reduced, lie partly beyond the picture
        box = (image.draft("L" if color == "gray" else None, size[::-1]) or (0, box))[1]
    image = image.convert({"rgb": "RGB", "gray": "L"}[color])
    expected = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR, box, 2.0))
    decoded = Decoder(size, color=color)(data)
    np.testing.assert_array_equal(decoded.pixels, expected.reshape(decoded.pixels.shape))
    assert decoded[1:] == (size, (size[1] / 319, size[0] / 241), (0.0, 0.0), (241, 319))


@pytest.mark.parametrize(
    "resample", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
)
def test_filters_are_those_of_pillow(resample):
    for format_ in ("PNG", "JPEG"):
        data = encoded(picture(240, 320), format_)
        expected = opened(data).resize((100, 70), Image.Resampling[resample.upper()])
        pixels = Decoder((70, 100), resample=resample)(data).pixels
        error = np.abs(pixels.astype(int) - np.asarray(expected))
        assert error.mean() < (4 if format_ == "JPEG" and resample != "nearest" else 0.01)


@pytest.mark.parametrize(
    ("fit", "oracle"),
    [("crop", ImageOps.fit), ("pad", ImageOps.pad), ("stretch", Image.Image.resize)],
)
@pytest.mark.parametrize("size", [(20, 20), (30, 17), (48, 48), (24, 32)])
def test_fits_are_those_of_pillow(fit, oracle, size):
    expected = np.asarray(oracle(picture(), size[::-1], Image.Resampling.BILINEAR), int)
    pixels = Decoder(size, fit=fit)(encoded(picture())).pixels
    if fit == "pad" and (expected != pixels).any():  # an odd edge: Pillow rounds the other way
        pixels = np.roll(pixels, 1, axis=int(expected[0].any()))
    np.testing.assert_allclose(pixels, expected, atol=1)


def test_a_canvas_leaves_pictures_as_they_are():
    decoded = Decoder(canvas=(30, 40))(encoded(picture()))
    np.testing.assert_array_equal(decoded.pixels[:24, :32], np.asarray(picture()))
    assert not decoded.pixels[24:].any()
    assert not decoded.pixels[:, 32:].any()
    assert decoded[1:] == ((24, 32), (1.0, 1.0), (0.0, 0.0), (24, 32))
    for canvas in [(23, 40), (30, 31)]:
        reason = rf"32 x 24 pixels, more than canvas=\({canvas[0]}, {canvas[1]}\).* image_size"
        with pytest.raises(DecodeError, match=reason):
            Decoder(canvas=canvas)(encoded(picture()))


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "canvas"])
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_r5_orientations_give_the_upright_picture(fit, format_):
    decoder = Decoder(canvas=(70, 70)) if fit == "canvas" else Decoder((20, 15), fit=fit)
    for orientation in range(10):  # 0 is common and means 1; 9 is nonsense
        data = encoded(picture(48, 64), format_, exif=exif(orientation))
        real = orientation if 1 <= orientation <= 8 else 1
        stored = encoded(picture(48, 64), exif=exif(real))
        true = decoder(encoded(ImageOps.exif_transpose(opened(stored))))
        decoded = decoder(data)
        error = np.square(decoded.pixels.astype(float) - true.pixels).mean()
        assert error == 0 or 10 * math.log10(255**2 / error) > 30, orientation
        assert decoded[1:] == true[1:]
        if fit == "canvas" and format_ != "JPEG":
            assert error == 0


def test_orientation_is_found_wherever_pillow_finds_it():
    block = exif(6).tobytes()
    little = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    profile = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    rows = np.arange(24, dtype=np.uint8).reshape(4, 6).tolist()
    text = b"Raw profile type exif\0\0" + zlib.compress(profile)
    files = [
        png(8, 0, rows, (b"zTXt", text)),
        png(8, 0, rows, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)),
        encoded(picture(4, 6), "WEBP", xmp=xmp),
        encoded(picture(4, 6), "WEBP", xmp=xmp, exif=exif(8)),
        encoded(picture(4, 6), "JPEG", exif=little),
        encoded(picture(4, 6), "TIFF", exif=exif(5), compression="tiff_lzw"),
        encoded(picture(6, 4), "TIFF", tiffinfo={0x0112: 1, 700: xmp}),  # the tag counts
    ]
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        assert expected.shape == (6, 4, 3)
        np.testing.assert_array_equal(Decoder((6, 4))(data).pixels, expected)


def test_a_broken_exif_block_loses_nothing_and_warns_nobody():
    blocks = (
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x05",
    )
    for block in blocks:
        for format_ in ("JPEG", "PNG", "WEBP"):
            data = encoded(picture(), format_, exif=block)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert Decoder(SIZE)(data).pixels.std() > 40
            assert not caught
    odd = png(8, 0, [[7]], (b"tEXt", b"exif\0text"))  # a comment under the name of the block
    assert Decoder((1, 1), color="gray")(odd).pixels.item() == 7


@pytest.mark.parametrize(
    ("color", "mode", "channels"), [("rgb", "RGB", 3), ("gray", "L", 1), ("rgba", "RGBA", 4)]
)
@pytest.mark.parametrize(
    ("source", "format_"),
    [("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF"), ("RGB", "PNG"),
     ("RGBA", "PNG"), ("RGB", "BMP"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("L", "JPEG"),
     ("YCbCr", "TIFF")],
)  # fmt: skip
def test_r5_modes(color, mode, channels, source, format_):
    data = encoded(picture().convert(source), format_)
    pixels = Decoder(SIZE, color=color)(data).pixels
    assert (pixels.dtype, pixels.shape) == (np.uint8, (24, 32, channels))
    expected = np.asarray(opened(data).convert(mode)).reshape(pixels.shape)
    np.testing.assert_allclose(pixels, expected, atol=1 if format_ == "JPEG" else 0)
    unit = Decoder(SIZE, color="gray16")(data)
    luminance = np.asarray(opened(data).convert("L"), np.float32)[..., None] / 255
    assert unit.pixels.dtype == np.float32
    np.testing.assert_allclose(unit.pixels, luminance, atol=0.005 if format_ == "JPEG" else 1e-6)


def test_cmyk_of_photoshop_is_not_a_negative():
    """Adobe writes its four inks inverted, and says so in a marker, which Pillow obeys."""
    data = encoded(picture(64, 64).convert("CMYK"), "JPEG")
    assert b"Adobe" in data
    error = Decoder((64, 64))(data).pixels.astype(int) - np.asarray(picture(64, 64))
    assert np.abs(error).mean() < 10


def test_transparent_palette():
    image = picture().quantize(8)
    data = encoded(image, transparency=bytes([0, 100, 255]))
    rgba = Decoder(SIZE, color="rgba")(data).pixels
    np.testing.assert_array_equal(rgba[..., :3], np.asarray(image.convert("RGB")))
    assert set(np.unique(rgba[..., 3])) == {0, 100, 255}
    np.testing.assert_array_equal(Decoder(SIZE)(data).pixels, rgba[..., :3])


@pytest.mark.parametrize(
    ("dtype", "top", "format_"),
    [(np.uint16, 65535, "PNG"), (np.uint16, 65535, "TIFF"), (">u2", 65535, "TIFF"),
     (np.int32, 65535, "TIFF"), (np.float32, 1, "TIFF")],
)  # fmt: skip
def test_r5_deep_greys_are_scaled_not_clipped(dtype, top, format_):
    data = encoded(Image.fromarray((RAMP * top).astype(dtype)), format_)
    for color in ("gray", "rgb"):
        pixels = Decoder(SIZE, color=color)(data).pixels
        want = np.rint((RAMP * top).astype(dtype).astype(float) * (255 / top))
        np.testing.assert_array_equal(pixels, np.broadcast_to(want[..., None], pixels.shape))
    deep = Decoder(SIZE, color="gray16")
    assert (deep(data).pixels.dtype, deep.dtype, deep.shape) == ("f4", "f4", (24, 32, 1))
    np.testing.assert_allclose(deep(data).pixels[..., 0], RAMP, atol=1.01 / 65535)
    half = Decoder((12, 16), color="gray16", resample="box")(data).pixels[..., 0]
    means = RAMP.reshape(12, 2, 16, 2).mean((1, 3))
    np.testing.assert_allclose(half, means, atol=1.01 / 65535)  # not in steps of 1/255


def test_sharp_filters_stay_within_0_and_1():
    step = Image.fromarray(np.repeat(np.uint16([0, 65535]), 16)[None].repeat(24, 0))
    pixels = Decoder((30, 45), color="gray16", resample="lanczos")(encoded(step)).pixels
    assert (pixels.min(), pixels.max()) == (0, 1)


@pytest.mark.parametrize("factor", [255, 70000, np.nan, -1])
@pytest.mark.parametrize("color", ["gray", "gray16"])
def test_greys_out_of_range_are_refused(factor, color):
    dtype = np.int32 if factor == 70000 else np.float32
    data = encoded(Image.fromarray((RAMP * factor).astype(dtype)), "TIFF")
    with pytest.raises(DecodeError, match=r"with values .*\.\.") as caught:
        Decoder(SIZE, color=color)(data)
    assert caught.value.stage == "convert"


def test_large_jpegs_are_decoded_at_a_reduced_size(monkeypatch):
    data, sizes, resize = encoded(picture(480, 640), "JPEG"), [], Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda self, *a, **k: (sizes.append(self.size), resize(self, *a, **k))[1],
    )
    for fit, resample in [("stretch", "bilinear"), ("crop", "bilinear"), ("pad", "bilinear"),
                          ("stretch", "nearest")]:  # fmt: skip
        Decoder((100, 100), fit=fit, resample=resample)(data)
    assert sizes == [(160, 120), (160, 120), (160, 120), (640, 480)]


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for format_ in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        assert Decoder((8, 8))(data).pixels[0, 0].argmax() == 0


# Masks


def test_mask_values_are_class_numbers_in_every_mode():
    classes = np.arange(24 * 32).reshape(SIZE) % 7
    for top, dtype, format_ in [(255, "u1", "PNG"), (255, "u1", "TIFF"), (255, "u1", "BMP"),
                                (65535, "u2", "PNG"), (65535, ">u2", "TIFF"),
                                (99999, "i4", "TIFF")]:  # fmt: skip
        values = np.where(classes == 6, top, classes)
        decoded = MaskDecoder(Decoder(SIZE))(
            encoded(Image.fromarray(values.astype(dtype)), format_)
        )
        assert (decoded.pixels.dtype, decoded.original) == (np.int32, SIZE)
        np.testing.assert_array_equal(decoded.pixels, values)
    palette = Image.fromarray(classes.astype(np.uint8)).convert("P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 9, 9, 9] + [200, 100, 50] * 20)
    for format_, options in [("PNG", {}), ("PNG", {"bits": 4, "transparency": 3}), ("GIF", {}),
                             ("TIFF", {}), ("BMP", {})]:  # fmt: skip
        decoded = MaskDecoder(Decoder(SIZE))(encoded(palette, format_, **options))
        np.testing.assert_array_equal(decoded.pixels, classes)
    for format_ in ("PNG", "TIFF", "BMP"):
        binary = encoded(Image.fromarray(classes > 3), format_)
        np.testing.assert_array_equal(MaskDecoder(Decoder(SIZE))(binary).pixels, classes > 3)


@pytest.mark.parametrize(("depth", "row"), [(4, [0x01, 0x23]), (2, [0b00011011])])
def test_masks_of_two_and_four_bits_are_not_stretched_to_255(depth, row):
    decoded = MaskDecoder(Decoder((3, 4)))(png(depth, 0, [row] * 3))
    np.testing.assert_array_equal(decoded.pixels, [[0, 1, 2, 3]] * 3)


@pytest.mark.parametrize(
    ("mode", "format_", "reason"),
    [("RGB", "PNG", "mode RGB .*palette PNG"), ("LA", "PNG", "mode LA"), ("F", "TIFF", "mode F"),
     ("L", "JPEG", "JPEG, which does not keep class numbers"), ("L", "WEBP", "mode RGB")],
)  # fmt: skip
def test_masks_without_one_number_a_pixel_are_refused(mode, format_, reason):
    with pytest.raises(DecodeError, match=reason) as caught:
        MaskDecoder(Decoder(SIZE))(encoded(picture().convert(mode), format_))
    assert caught.value.stage == "convert"
    if mode == "L" and format_ == "JPEG":
        with pytest.raises(DecodeError, match="JPEG, which"):
            tiff = encoded(picture().convert("L"), "TIFF", compression="jpeg")
            MaskDecoder(Decoder(SIZE))(tiff)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad", "canvas"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize(
    "size", [(70, 60), (25, 40), (201, 201)]
)  # JPEGs in halves and eighths too
def test_image_mask_and_points_stay_together(fit, orientation, size):
    decoder = Decoder(canvas=(401, 401)) if fit == "canvas" else Decoder(size, fit=fit)
    x, y, radius = 233.5, 181.5, 40
    rows, columns = np.mgrid[:301, :401]
    blob = np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius
    image = Image.fromarray(np.uint8(blob) * 255)
    stored = {1: None, 3: 3, 6: 2, 7: 6}[orientation]  # Pillow's turns that undo the orientation
    back = image if stored is None else image.transpose(Image.Transpose(stored))
    decoded = decoder(encoded(back.convert("RGB"), "JPEG", exif=exif(orientation)))
    mask = MaskDecoder(decoder)(encoded(Image.fromarray(np.uint8(blob) * 5)))  # has none of its own
    assert mask[1:] == decoded[1:]
    assert set(np.unique(mask.pixels)) == {0, 5}
    expected = x * mask.scale[0] + mask.offset[0], y * mask.scale[1] + mask.offset[1]
    far = 0.05
    for seen, error in [(decoded.pixels[..., 0], far), (mask.pixels, 0.3)]:
        centre = [(np.indices(seen.shape)[axis] + 0.5) * seen for axis in (1, 0)]
        found = [each.sum() / seen.sum() for each in centre]
        np.testing.assert_allclose(found, expected, atol=error)
    agree = (decoded.pixels[..., 0] > 127) == (mask.pixels > 0)
    edge = 2 * math.pi * radius * max(mask.scale)
    assert (~agree).sum() < edge


# Arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected either image_size or canvas, got neither"),
        ({"image_size": (8, 8), "canvas": (8, 8)}, "got both"),
        ({"canvas": (8, 8), "fit": "crop"}, "fit only with image_size"),
        ({"image_size": 8}, r"image_size: expected \(height, width\)"),
        ({"canvas": (8, 0)}, "height and width to be an integer, 1 or more"),
        ({"image_size": (8, 8), "fit": "cover"}, "one of 'stretch', 'crop', 'pad'"),
        ({"image_size": (8, 8), "color": "bgr"}, "one of 'rgb', 'gray', 'rgba', 'gray16'"),
        ({"image_size": (8, 8), "formats": ("JPG",)}, r"formats that Pillow reads, got \('JPG',\)"),
        ({"image_size": (8, 8), "formats": ()}, "formats that Pillow reads"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Decoder(**options)


def test_decoders_are_plain_values():
    decoder = Decoder([8, 9], fit="pad", color="rgba")
    assert pickle.loads(pickle.dumps(MaskDecoder(decoder))) == MaskDecoder(decoder)
    assert (decoder.shape, decoder.dtype) == ((8, 9, 4), np.uint8)
    assert decoder.options == "image_size=(8, 9), fit='pad', color='rgba', resample='bilinear'"
    assert Decoder(canvas=(8, 9)).options == "canvas=(8, 9), color='rgb', resample='bilinear'"
