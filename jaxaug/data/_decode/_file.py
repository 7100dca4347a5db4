"""From the name of a file to its bytes, and from bytes to a picture not yet decoded."""

import errno
import io
import os
import stat

from PIL import Image, ImageFile, JpegImagePlugin

# A network drive that blinked: the next attempt may succeed.
TRANSIENT = (errno.EIO, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR)


def read(path: str, limit: int) -> bytes:
    """The contents of a regular file, with a second attempt after a `TRANSIENT` error.

    Reading all at once is also the fastest way: Pillow seeks back and forth in what it is given.

    Raises:
        OSError: If it cannot be read, or is a folder, pipe, socket or device.
        ValueError: If it has more than `limit` bytes.
    """
    try:
        return _read(path, limit)
    except OSError as error:
        if error.errno not in TRANSIENT:
            raise
        return _read(path, limit)


def _read(path: str, limit: int) -> bytes:
    with open(path, "rb", buffering=0, opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        if status.st_size > limit:
            raise ValueError(f"{status.st_size} bytes, more than a picture of max_pixels needs")
        return file.readall()


def _open_without_waiting(path: str, flags: int) -> int:
    """Opening a named pipe would wait for ever. Windows has neither the flag nor the pipes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def identify(data: bytes, formats: tuple[str, ...]) -> ImageFile.ImageFile:
    """What `Image.open(data, formats=formats)` does, without its guard against large images.

    That guard warns, and a warning from a reader thread helps nobody; to silence it would change
    settings of the whole process. Whoever calls this checks the size.

    Raises:
        ValueError: If the file is empty, of no such format, or lacks a part of the picture.
        SyntaxError: If its header is damaged. Pillow raises some other kinds, too.
    """
    prefix = data[:16]
    for name in formats:
        if name not in Image.OPEN:
            Image.init()
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(prefix) is True:
            try:
                image = (_Jpeg if name == "JPEG" else factory)(io.BytesIO(data), "")
            except (SyntaxError, IndexError, TypeError) as error:  # Pillow: "not this format"
                raise SyntaxError(f"not a valid {name} file: {error}") from error
            if name == "TIFF":
                _check_parts(image)
            return image
    wanted = ", ".join(formats)
    raise ValueError(f"not a {wanted} file: begins with {prefix!r}" if prefix else "an empty file")


class _Jpeg(JpegImagePlugin.JpegImageFile):
    """A JPEG whose Exif block is not read on opening, where a broken one could cost the picture.

    Pillow looks there for a resolution in dots per inch, which nobody needs here, and for further
    pictures behind the first (its "MPO").
    """

    def _read_dpi_from_exif(self) -> None:
        pass


def _check_parts(tiff: ImageFile.ImageFile) -> None:
    """Refuses a picture of which the file has not all rows: the others would be black."""
    ends = [tile.extents[2:] for tile in tiff.tile if tile.extents]
    held = max((x for x, _ in ends), default=0), max((y for _, y in ends), default=0)
    if held not in (tiff.size, tiff.size[::-1]):  # the size is that of the upright picture
        raise ValueError(f"only {held[0]} x {held[1]} of {tiff.width} x {tiff.height} pixels")
