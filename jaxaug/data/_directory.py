"""A folder of images, labelled by where they lie."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxaug._types import JaxaugError

from . import _check
from ._columns import LABEL_MODES, Column, class_column
from ._decode._decoder import FORMATS, MAX_PIXELS, Decoder
from ._labels import as_series, keep, label_column
from ._paths import Paths
from ._reader import FileReader
from ._scan import EXTENSIONS, class_folders, listing, match_masks, scan
from ._source import ImageSource

_WHO = "DirectorySource"


class DirectorySource(ImageSource):
    """The images below `root`, labelled by the folder that they are in.

    Records are in the order of their relative paths by code point, so that a record's identity is
    the same on every machine with the same files. Hidden names are skipped. Files are read when
    asked for; a damaged one raises `DecodeError` then.

    Args:
        root: Where the images are, at any depth.
        image_size: (height, width) in pixels that pictures are resized to. None leaves their size.
        canvas: (height, width) of the arrays if `image_size` is None: pictures lie in the top left
            corner, and the column `size` tells their own.
        fit: How a picture of other proportions is resized: "stretch", "crop" cuts its middle out,
            "pad" leaves black edges.
        color: "rgb", "gray" or "rgba", uint8; "gray16" is float32 in 0..1, 16 bits kept.
        label_from: "top", the folder in `root`; "leaf", the folder that the image is in; or a
            function of the path below `root` that gives a name, a number, or a list of names.
        label_mode: "int", "onehot", "binary", "multihot", "regression", "image" (the image itself,
            for autoencoders) or "none". If None, what `label_from` gives.
        classes: Classes to use, in the order of their labels; all, sorted, if None. Images of
            others are left out.
        mask: Folder with a mask for each image, at the same place with the same name.
        extensions: Endings of image names, upper and lower case alike.
        follow_links: Whether links may lead out of `root`. If not, one that does is an error.
        resample: Filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        max_pixels: Images with more pixels are refused before they are decoded.
        formats: Pillow's names of the file formats allowed, whatever the files are called.

    Raises:
        FileNotFoundError: If there is no `root`.
        NotADirectoryError: If `root` is no folder.
        JaxaugError: If there are no classes, no such class, a class without images, a link that
            leads out, or an unknown option.

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
        image_size: tuple[int, int] | None = None,
        *,
        canvas: tuple[int, int] | None = None,
        fit: str = "stretch",
        color: str = "rgb",
        label_from: str | Callable[[str], Any] = "top",
        label_mode: str | None = None,
        classes: Sequence[str] | None = None,
        mask: str | os.PathLike[str] | None = None,
        extensions: Sequence[str] = EXTENSIONS,
        follow_links: bool = False,
        resample: str = "bilinear",
        max_pixels: int = MAX_PIXELS,
        formats: Sequence[str] = FORMATS,
    ) -> None:
        decoder = Decoder(
            image_size,
            canvas=canvas,
            fit=fit,
            color=color,
            resample=resample,
            max_pixels=max_pixels,
            formats=_check.texts(_WHO, "formats", formats),
        )
        if not callable(label_from):
            _check.choice("DirectorySource", "label_from", label_from, ("top", "leaf"))
        if label_mode is not None:
            _check.choice("DirectorySource", "label_mode", label_mode, LABEL_MODES)
        # Absolute, as the working directory may change.
        folder = str(Path(_check.path(_WHO, "root", root)).absolute())
        extensions = _check.texts(_WHO, "extensions", extensions)
        options: dict[str, Any] = {
            "extensions": extensions,
            "follow_links": _check.flag(_WHO, "follow_links", follow_links),
        }
        label: Column | None = None
        if label_mode in ("none", "image") and classes is None:
            paths = scan(folder, **options)
        elif label_from == "top":
            paths, label = _from_top(folder, classes, label_mode or "int", options)
        else:
            paths, label = _from_path(folder, label_from, classes, label_mode, options)
        if not paths:
            want = f"images ({' '.join(extensions)}) below {folder!r}"
            raise JaxaugError("DirectorySource", want, "none", "Check the path and the endings.")
        mask_folder = "" if mask is None else str(Path(_check.path(_WHO, "mask", mask)).absolute())
        masks = match_masks(mask_folder, paths, extensions) if mask is not None else None
        reader = FileReader(
            folder,
            Paths(paths),
            decoder,
            masks=None if masks is None else Paths(masks),
            mask_folder=mask_folder,
        )
        text = f"DirectorySource({os.fspath(root)!r}, {decoder.options})"
        columns = {} if label is None else {"label": label}
        super().__init__(reader, columns, text, echo=label_mode == "image")


def _from_top(
    root: str, classes: Sequence[str] | None, mode: str, options: dict[str, Any]
) -> tuple[list[str], Column | None]:
    """Images in the class folders of `root`, and their labels."""
    names = class_folders(root, classes)
    paths = scan(root, folders=None if classes is None else names, **options)
    number = {name: label for label, name in enumerate(names)}
    beside = [path for path in paths if "/" not in path]
    if beside:
        want = f"every image of {root!r} in a class folder"
        remedy = "Move or remove them, or name the folders to use with classes=[...]."
        raise JaxaugError("DirectorySource", want, f"beside them {listing(beside)}", remedy)
    values = np.fromiter((number[path.partition("/")[0]] for path in paths), np.int32, len(paths))
    missing = [
        name
        for name, n in zip(names, np.bincount(values, minlength=len(names)), strict=True)
        if not n
    ]
    if missing:
        want = f"images ({' '.join(options['extensions'])}) in every class folder of {root!r}"
        remedy = "Put images there, remove the folder, or name the classes with classes=[...]."
        raise JaxaugError("DirectorySource", want, f"none in {listing(missing)}", remedy)
    return paths, class_column(values, names, mode)


def _from_path(
    root: str,
    label_from: str | Callable[[str], Any],
    classes: Sequence[str] | None,
    mode: str | None,
    options: dict[str, Any],
) -> tuple[list[str], Column | None]:
    """Images anywhere below `root`, and what their path says about them."""
    paths = scan(root, **options)
    label_of = label_from if callable(label_from) else _leaf
    values = [label_of(path) for path in paths]
    if classes is not None:
        series, kept = keep("DirectorySource", as_series(values), classes)
        paths, values = [paths[k] for k in np.flatnonzero(kept)], series[kept].tolist()
    return paths, label_column("DirectorySource", values, mode, classes)


def _leaf(path: str) -> str:
    folders = path.split("/")[:-1]
    if not folders:
        remedy = "Move it into a folder, or pass another label_from."
        raise JaxaugError("DirectorySource", "every image in a folder", repr(path), remedy)
    return folders[-1]
