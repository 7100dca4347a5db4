"""What an iterator hands out, written to a folder, to look at."""

import contextlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from numpy.typing import ArrayLike

from ._images import array_to_img

_NUMBERS = 10**7


def save_batch(
    folder: str | Path,
    prefix: str,
    format: str,  # noqa: A002 - as users know it
    images: Iterable[ArrayLike],
    index_array: Iterable[int],
    data_format: str,
) -> None:
    """Writes each image as `{prefix}_{row}_{number}.{format}`; no file is ever written over.

    Pixels are stretched to 0..255, each image by itself.

    Args:
        folder: Where to; it must exist.
        prefix: Beginning of the names.
        format: Ending of the names, such as "png", which says how to write.
        images: Arrays (h, w, c), or (c, h, w) if "channels_first", with 1, 3 or 4 channels.
        index_array: Row of each, (b,).
        data_format: "channels_last" or "channels_first".

    Raises:
        OSError: If there is no such folder, or it cannot be written to.
        ValueError: If Pillow does not know the ending, or there is another number of channels.
    """
    for row, image in zip(index_array, images, strict=True):
        picture = array_to_img(image, data_format)
        file = _new(Path(folder), f"{prefix}_{row}", format)
        try:
            with file:
                picture.save(file)
        except BaseException:
            Path(file.name).unlink()  # or what is left would be no image
            raise


def _new(folder: Path, stem: str, ending: str) -> IO[bytes]:
    """A file that was not there before, whoever else writes at the same time."""
    while True:
        with contextlib.suppress(FileExistsError):
            return (folder / f"{stem}_{secrets.randbelow(_NUMBERS)}.{ending}").open("xb")
