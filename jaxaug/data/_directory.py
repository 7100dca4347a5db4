"""A folder of images, with one sub-folder per class."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._decode import FORMATS, MAX_PIXELS, Decoder
from ._paths import Paths
from ._scan import EXTENSIONS, scan
from ._source import ImageSource


class DirectorySource(ImageSource):
    """The images below `root`, labelled by the sub-folder of `root` that they are in.

    Folders may be nested below a class. Records are in the order of their relative paths by code
    point, so that a record's identity is the same on every machine with the same files. Hidden
    names are skipped. Files are read when asked for; a damaged one raises `DecodeError` then.

    Args:
        root: Folder with one sub-folder per class.
        image_size: (height, width) in pixels that images are resized to.
        color: "rgb", "gray" or "rgba": 3, 1 or 4 channels.
        classes: Class folders to use, in the order of their labels; all, sorted, if None.
        extensions: Endings of image names, upper and lower case alike.
        resample: Filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        max_pixels: Images with more pixels are refused before they are decoded.
        formats: Pillow's names of the file formats allowed, whatever the files are called.

    Raises:
        FileNotFoundError: If there is no `root`.
        NotADirectoryError: If `root` is no folder.
        ValueError: If there is no class folder, no such class, a class without images, or an
            option is unknown.

    Example:
        >>> import pathlib, tempfile, PIL.Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         pathlib.Path(root, name).mkdir()
        ...         PIL.Image.new("RGB", (40, 30)).save(f"{root}/{name}/1.png")
        ...     source = DirectorySource(root, image_size=(15, 20))
        ...     record = source[1]
        >>> source.class_counts
        {'cat': 1, 'dog': 1}
        >>> record["image"].shape, int(record["label"]), source.path(1).endswith("dog/1.png")
        ((15, 20, 3), 1, True)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_size: tuple[int, int],
        *,
        color: str = "rgb",
        classes: Sequence[str] | None = None,
        extensions: Sequence[str] = EXTENSIONS,
        resample: str = "bilinear",
        max_pixels: int = MAX_PIXELS,
        formats: Sequence[str] = FORMATS,
    ) -> None:
        self._decoder = Decoder(image_size, color, resample, max_pixels, tuple(formats))
        self._root = os.fspath(root)
        self._folder = str(Path(root).absolute())  # the working directory may change
        found = scan(self._folder, classes=classes, extensions=extensions)
        self._paths = Paths(found.paths)
        super().__init__(found.labels, found.class_names)

    def path(self, row: int) -> str:
        """Returns the file that `row` is read from, as an absolute path."""
        return self._file(self._identities(np.asarray([row]))[0])

    def __repr__(self) -> str:
        size, color, resample = (
            self._decoder.image_size,
            self._decoder.color,
            self._decoder.resample,
        )
        return (
            f"DirectorySource({self._root!r}, image_size={size}, color={color!r}, "
            f"resample={resample!r}): {len(self)} images, {len(self.class_names)} classes"
        )

    def _read_images(self, index: NDArray[np.uint32]) -> NDArray[np.uint8]:
        images = np.empty((len(index), *self._decoder.shape), np.uint8)
        for image, identity in zip(images, index.tolist(), strict=True):
            image[...] = self._decoder(self._file(identity))
        return images

    def _file(self, identity: int) -> str:
        return f"{self._folder}/{self._paths[identity]}"
