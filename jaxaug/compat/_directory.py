"""Batches of the images in a folder."""

import functools
import os
from collections.abc import Iterator as Generator
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import DTypeLike, NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._parallel import in_order
from jaxaug.data._scan import listing

from ._files import BatchFromFilesMixin, checked_classes, plan_for, within
from ._iterator import Iterator
from ._keywords import known_keywords
from ._warn import warn

# Paths are texts here: `./a` and `a` are two names, as users wrote them.
# ruff: noqa: PTH112, PTH114, PTH118, PTH119, PTH208

_WHO = "DirectoryIterator"


class DirectoryIterator(BatchFromFilesMixin, Iterator):
    """Batches of the images in a folder with one sub-folder for each class, without end.

    Files are ordered by class, then by the folder that they are in, then by name.

    Args:
        directory: The folder. Images lie in its sub-folders, at any depth.
        image_data_generator: What transforms the images; None leaves them as they are.
        target_size: (height, width) that images are resized to.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: Names of the sub-folders to take, in the order of their labels; by default all,
            sorted, but for hidden ones. "." is the folder itself.
        class_mode: "categorical" (one-hot), "binary" and "sparse" (numbers), "input" (the batch
            itself), or None: no labels.
        batch_size: Images in a batch; the last one of an epoch may have fewer.
        shuffle: Whether each epoch has an order of its own.
        seed: Of the order and of the transforms.
        data_format: "channels_last" or "channels_first", of the batches; if None, the generator's.
        save_to_dir: Folder to write the transformed images to, to look at.
        save_prefix: Beginning of their names.
        save_format: Ending of their names.
        follow_links: Whether to enter linked folders below the sub-folders.
        subset: "training" or "validation": of each class the part behind, or before, the
            generator's `validation_split`.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: Whether to cut the middle out instead of stretching.
        dtype: Of images and labels; None is "float32".
        balance: How often classes are drawn, as for `jaxaug.data.Loader`; None takes every image
            once.

    Raises:
        FileNotFoundError: If there is no such folder.
        NotADirectoryError: If it is none.
        ValueError: If there are no classes, no such class, or an option is unknown.

    Example:
        >>> import pathlib, tempfile, PIL.Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         pathlib.Path(root, name).mkdir()
        ...         PIL.Image.new("RGB", (40, 30)).save(f"{root}/{name}/1.png")
        ...     it = DirectoryIterator(root, None, target_size=(15, 20), shuffle=False)
        ...     images, labels = next(it)
        Found 2 images belonging to 2 classes.
        >>> images.shape, labels.tolist(), it.filenames
        ((2, 15, 20, 3), [[1.0, 0.0], [0.0, 1.0]], ['cat/1.png', 'dog/1.png'])
    """

    allowed_class_modes: ClassVar[set[str | None]] = {
        "categorical",
        "binary",
        "sparse",
        "input",
        None,
    }

    @known_keywords
    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DTypeLike | None = None,
        *,
        balance: Any = None,
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
        )
        self._check_mode(class_mode)
        self.directory = directory
        self.class_mode = class_mode
        self.dtype = "float32" if dtype is None else dtype
        root = _check.path(_WHO, "directory", directory)
        names = _classes(root, classes)
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        endings = tuple(self.white_list_formats)
        find = functools.partial(_files, root, endings=endings, follow_links=follow_links)
        found = [
            files[within(self.split, len(files))] for files in in_order(find, names, 8, "scan")
        ]
        self.filenames = [name for files in found for name in files]
        self._filepaths = [os.path.join(root, name) for name in self.filenames]
        self.samples = len(self.filenames)
        counts = [len(files) for files in found]
        self.classes = np.repeat(np.arange(self.num_classes, dtype=np.int32), counts)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")  # noqa: T201
        if any(name.lower().endswith(".tiff") for name in self.filenames):
            warn(
                'Using ".tiff" files with multiple bands will cause distortion. '
                "Please verify your output."
            )
        plan = None if balance is None else plan_for(self.source, balance, seed, shuffle=shuffle)
        super().__init__(self.samples, batch_size, shuffle, seed, plan=plan)

    @property
    def filepaths(self) -> list[str]:
        """The file of each row."""
        return self._filepaths

    @property
    def labels(self) -> NDArray[np.int32]:
        """The number of each row's class, int32 (n,)."""
        return self.classes

    @property
    def sample_weight(self) -> None:
        """None: a folder has no weights."""
        return


def _classes(root: str, given: Any) -> list[str]:
    """Names of the folders in `root` that are classes, in the order of their labels."""
    try:
        entries = os.listdir(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        got = f"{root!r} ({error.strerror})"
        raise type(error)(f"{_WHO}: expected a folder, got {got}. Check the path.") from None
    names = checked_classes(_WHO, given)
    if not names:
        names = sorted(
            name
            for name in entries
            if not name.startswith(".") and os.path.isdir(os.path.join(root, name))
        )
        if not names:
            want = f"one sub-folder for each class in {root!r}, such as {root}/cat"
            got = f"{len(entries)} files" if entries else "nothing"
            remedy = "Move images into sub-folders, or pass classes=['.'] to take it as one class."
            raise JaxaugError(_WHO, want, got, remedy)
        return names
    # The last part of the path is the name of the class.
    unknown = [name for name in names if not _is_class(root, name)]
    if unknown or len(set(names)) < len(names):
        want = f"classes to be different sub-folders of {root!r}"
        got = f"{names!r}" + (f", of which there is no {listing(unknown)}" if unknown else "")
        raise JaxaugError(_WHO, want, got, "A class without images needs an empty folder.")
    return names


def _is_class(root: str, name: Any) -> bool:
    if not isinstance(name, str):
        return False
    path = os.path.join(root, name)
    return os.path.basename(path) == name and os.path.isdir(path)


def _files(root: str, name: str, *, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    """The images in the class folder `name`, relative to `root`."""
    top = os.path.join(root, name)
    return [
        os.path.join(name, folder[len(top) :].lstrip(os.sep), file)
        for folder, files in sorted(_walk(top, follow_links=follow_links))
        for file in sorted(files)
        if file.lower().endswith(endings)
    ]


def _walk(top: str, *, follow_links: bool) -> Generator[tuple[str, list[str]]]:
    """Yields folders and the names of files in them; one that holds itself by a link only once."""
    for folder, folders, files in os.walk(top, onerror=_raise, followlinks=follow_links):
        if follow_links:
            folders[:] = [name for name in folders if not _holds(folder, name)]
        yield folder, files


def _holds(folder: str, name: str) -> bool:
    """Whether `name` in this folder is a link to it, or to a folder above."""
    path = os.path.join(folder, name)
    if not os.path.islink(path):
        return False
    real = os.path.join(os.path.realpath(path), "")
    return os.path.join(os.path.realpath(folder), "").startswith(real)


def _raise(error: OSError) -> NoReturn:
    raise error
