"""Files that are damaged, hostile or strange: each gives an array, or one precise fault."""

import errno
import os
import pickle
import signal
import socket
import struct
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from test_data_decode import SIZE, encoded, picture, png

from jaxaug.data import DecodeError
from jaxaug.data._decode import _file
from jaxaug.data._decode._decoder import FORMATS, Decoder, MaskDecoder


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kept", [0.99, 0.9, 0.5, 0.01])
def test_r2_cuts_are_named_and_appended_bytes_are_not(tmp_path, format_, kept):
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (64, 64, 3), np.uint8)
    for name, source in [("noise", Image.fromarray(noise)), ("smooth", picture(80, 120))]:
        data = encoded(source, format_)
        whole = Decoder((64, 64))(data).pixels
        for tail in (b"\0" * 100, b"garbage" * 9):
            np.testing.assert_array_equal(Decoder((64, 64))(data + tail).pixels, whole)
        path = tmp_path / f"{name}.bin"
        path.write_bytes(data)
        np.testing.assert_array_equal(Decoder((64, 64))(str(path)).pixels, whole)
        cut = min(int(len(data) * kept), len(data) - 25)  # a PNG's last chunk holds no pixels
        path.write_bytes(data[:cut])
        with pytest.raises(DecodeError, match=f"{name}.bin"):
            Decoder((64, 64))(str(path))


def test_r2_a_tiff_with_a_part_of_its_pixels_is_refused():
    data = bytearray(encoded(picture().convert("L"), "TIFF"))
    tag = data.index(struct.pack("<HHI", 257, 4, 1)) + 8  # ImageLength
    data[tag : tag + 4] = struct.pack("<I", 48)
    with pytest.raises(DecodeError, match="only 32 x 24 of 32 x 48 pixels"):
        Decoder(SIZE)(bytes(data))


@pytest.mark.parametrize(
    ("data", "reason", "stage", "error"),
    [
        (b"", "an empty file", "identify", "ValueError"),
        (b"<!DOCTYPE html>", "begins with b'<!DOCTYPE html>'", "identify", "ValueError"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "Truncated|PNG", "identify", None),
        (b"\xff\xd8\xff\xe0" + bytes(50), "not a valid JPEG", "identify", "SyntaxError"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a JPEG, PNG", "identify", "ValueError"),
        (encoded(picture())[:100], "truncated", "decode", "OSError"),
        (encoded(picture(), "WEBP")[:-9], "decod", "identify", None),
    ],
)
def test_r1_files_that_are_no_images_are_named_with_the_reason(data, reason, stage, error):
    with pytest.raises(DecodeError, match=reason) as caught:
        Decoder((8, 8))(data, "a\n.jpg")
    assert str(caught.value).startswith("jaxaug.data: expected an image, got 'a\\n.jpg' (")
    assert str(caught.value).endswith("Repair, replace or remove the file.")
    assert (caught.value.stage, caught.value.error) == (stage, error or caught.value.error)
    assert not caught.value.transient
    with pytest.raises(DecodeError, match="got '<bytes>'"):
        Decoder((8, 8))(data)


def test_the_format_counts_not_the_suffix_and_formats_is_an_allow_list(tmp_path):
    picture().save(f"{tmp_path}/x.jpg", "PNG")
    assert Decoder(SIZE)(f"{tmp_path}/x.jpg").pixels.shape == (24, 32, 3)
    with pytest.raises(DecodeError, match="not a JPEG, GIF file"):
        Decoder(SIZE, formats=("JPEG", "GIF"))(f"{tmp_path}/x.jpg")
    with pytest.raises(DecodeError):
        Decoder(SIZE)(encoded(picture(), "PPM"))
    assert Decoder(SIZE, formats=("PPM",))(encoded(picture(), "PPM")).size == SIZE


def test_r1_what_is_no_regular_file_does_not_hang(tmp_path):
    def too_late(*_):
        raise TimeoutError("hangs")

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    before, here = signal.signal(signal.SIGALRM, too_late), Path.cwd()
    signal.alarm(5)
    try:
        os.chdir(tmp_path)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
            for name, reason in [("pipe", "not a regular file"), ("folder", "directory"),
                                 ("none", "No such file"), ("dangling", "No such file"),
                                 ("loop", "symbolic links"), ("socket", "No such device"),
                                 ("/dev/zero", "not a regular file"),
                                 ("a\0b", "null")]:  # fmt: skip
                with pytest.raises(DecodeError, match=reason) as caught:
                    Decoder((8, 8))(name)
                assert caught.value.stage == "open"
    finally:
        os.chdir(here)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("code", "failures", "transient"),
    [(errno.EIO, 1, True), (errno.ESTALE, 2, True), (errno.EACCES, 1, False)],
)
def test_a_transient_error_gets_one_more_attempt(tmp_path, monkeypatch, code, failures, transient):
    path = f"{tmp_path}/x.png"
    picture().save(path)
    calls, fstat = [], os.fstat

    def fails(number):
        calls.append(number)
        if len(calls) <= failures:
            raise OSError(code, os.strerror(code))
        return fstat(number)

    monkeypatch.setattr(_file.os, "fstat", fails)
    if transient and failures == 1:
        assert Decoder(SIZE)(path).size == SIZE
    else:
        with pytest.raises(DecodeError, match=r"x\.png") as caught:
            Decoder(SIZE)(path)
        assert caught.value.transient == transient
        assert pickle.loads(pickle.dumps(caught.value)).transient == transient
    assert len(calls) == (2 if transient else 1)


def test_only_exceptions_become_decode_errors(tmp_path, monkeypatch):
    for raised, expected in [(MemoryError, DecodeError), (KeyboardInterrupt, KeyboardInterrupt)]:

        def fails(_, kind=raised):
            raise kind

        monkeypatch.setattr(ImageFile.ImageFile, "load", fails)
        with pytest.raises(expected):
            Decoder(SIZE)(encoded(picture(), "BMP"))


def test_r6_large_pictures_are_refused_before_they_are_decoded_and_without_a_warning(
    tmp_path, monkeypatch
):
    path = f"{tmp_path}/x.png"  # of 180 megapixels, beyond Pillow's own limit too
    Path(path).write_bytes(png(1, 0, [bytes(2_500)] * 9_000))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    times, decoder = [], Decoder((8, 8))
    for _ in range(3):
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(
                DecodeError, match="20000 x 9000 pixels, more than max_pixels="
            ) as e:
                decoder(path)
        times.append(time.perf_counter() - start)
    assert not caught
    assert e.value.stage == "size"
    assert min(times) < 0.05
    monkeypatch.undo()
    with pytest.raises(DecodeError, match="32 x 24 pixels"):
        Decoder((8, 8), max_pixels=24 * 32 - 1)(encoded(picture()))
    assert Decoder((8, 8), max_pixels=24 * 32)(encoded(picture())).size == (8, 8)
    os.truncate(path, 1 << 33)  # sparse: takes no room
    with pytest.raises(DecodeError, match="8589934592 bytes, more than"):
        decoder(path)


def test_pillows_own_limit_does_not_matter(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 32 - 1)  # it would warn: an error here
    assert Decoder(SIZE)(encoded(picture())).size == SIZE
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # it refuses twice that in a WebP header
    with pytest.raises(DecodeError, match="exceeds limit of 20 pixels") as caught:
        Decoder(SIZE)(encoded(picture(), "WEBP"))
    assert (caught.value.stage, caught.value.error) == ("size", "DecompressionBombError")


def test_r10_decode_errors_survive_pickling_and_printing():
    error = DecodeError("a/\udcff\n.jpg", "it is broken", "fit", "OSError", True)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DecodeError
    assert vars(copy) == vars(error)
    assert copy.args == error.args == ("a/\udcff\n.jpg", "it is broken", "fit", "OSError", True)
    assert str(copy) == str(error)
    str(error).encode("ascii")
    assert isinstance(error, ValueError)
    assert DecodeError("a", "b").stage == "decode"
    assert DecodeError.of("a", "fit", ValueError("x\n\x1b[2J")).reason == r"'x\n\x1b[2J'"
    assert DecodeError.of("a", "fit", MemoryError()).reason == "MemoryError"


def test_r22_any_bytes_give_an_array_or_a_decode_error(capfd):
    random = np.random.Generator(np.random.PCG64(7))
    seeds = [
        encoded(picture().convert(mode), format_) for format_ in FORMATS for mode in ("RGB", "L")
    ]
    decoders = [Decoder((9, 9)), Decoder((9, 9), fit="crop", color="gray16"), Decoder(canvas=SIZE),
                MaskDecoder(Decoder((9, 9), fit="pad"))]  # fmt: skip
    outcomes = []
    for number in range(400):
        data = bytearray(seeds[number % len(seeds)])
        if number % 4 == 0:
            data = data[: random.integers(12)] + random.bytes(random.integers(200))
        else:
            for place in random.integers(0, min(len(data), 400), random.integers(1, 9)):
                data[place] = random.choice([0, 255, random.integers(256)])
        try:
            decoders[number % 4 - 1](bytes(data))
            outcomes.append(None)
        except DecodeError as error:
            str(error).encode("ascii")
            outcomes.append(error.stage)
    capfd.readouterr()  # what libtiff prints
    assert {None, "identify", "decode"} <= set(outcomes)


def test_r23_nothing_global_changes():
    def state():
        return (
            Image.MAX_IMAGE_PIXELS,
            ImageFile.LOAD_TRUNCATED_IMAGES,
            ImageFile.MAXBLOCK,
            list(warnings.filters),
            np.random.get_state()[1].tolist(),
            dict(os.environ),
        )

    before = state()
    assert before[:2] == (89_478_485, False)
    for format_ in FORMATS:
        Decoder((8, 8), fit="crop", color="gray16")(encoded(picture(), format_))
    with pytest.raises(DecodeError):
        Decoder((8, 8))(b"nothing")
    assert before == state()
