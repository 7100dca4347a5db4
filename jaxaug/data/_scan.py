"""Finding the images below a root that has one folder per class."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_LAYOUT = "one sub-folder per class, such as"


class Manifest(NamedTuple):
    """What a scan found.

    Attributes:
        paths: Relative paths with "/" between their parts, sorted by code point: the same order
            on every file system and in every locale. Bytes that are not UTF-8 are kept as
            surrogate escapes, as `os.fsdecode` does.
        labels: int32 (n,), class number of each path.
        class_names: Name of each class; a label is a position in it.
    """

    paths: list[str]
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]


def scan(
    root: str,
    *,
    classes: Sequence[str] | None = None,
    extensions: Sequence[str] = EXTENSIONS,
) -> Manifest:
    """Lists the images in the class folders of `root`, at any depth.

    Names with a leading dot are skipped. Links are followed, and a folder that contains itself by a
    link is entered once. Anything with an image's name is listed, even a broken link: reading it
    then fails with its name, which is better than a record lost without a word.

    Args:
        root: Folder with one sub-folder per class.
        classes: Names of the class folders to take, in the order of their labels. All, sorted,
            if None.
        extensions: Endings of image names, upper and lower case alike, dot optional.

    Returns:
        Paths, labels and class names.

    Raises:
        FileNotFoundError: If there is no `root`.
        NotADirectoryError: If `root` is no folder.
        ValueError: If there is no class folder, no such class, or a class without images.
    """
    suffixes = tuple("." + ending.lower().removeprefix(".") for ending in extensions)
    names = _class_folders(root, suffixes, classes)
    found: list[tuple[str, int]] = []
    for label, name in enumerate(names):
        before = len(found)
        found.extend((path, label) for path in _images(root, name, suffixes))
        if len(found) == before:
            raise ValueError(
                f"DirectorySource: expected images ({' '.join(suffixes)}) in every class folder of "
                f"{root!r}, got none in {name!r}. Put images there, remove the folder, or name "
                "the classes to use with classes=[...]."
            )
    found.sort()
    labels = np.fromiter((label for _, label in found), np.int32, len(found))
    return Manifest([path for path, _ in found], labels, names)


def _images(root: str, name: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Relative paths of the images in the folder `name` and below, in no order."""
    folders: list[tuple[str, frozenset[tuple[int, int]]]] = [(name, frozenset())]
    while folders:
        folder, above = folders.pop()
        status = Path(f"{root}/{folder}").stat()
        identity = status.st_dev, status.st_ino
        if identity in above:  # a link back to one of its own parents
            continue
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append((f"{folder}/{entry.name}", above | {identity}))
                elif entry.name.lower().endswith(suffixes):
                    yield f"{folder}/{entry.name}"


def _class_folders(
    root: str, suffixes: tuple[str, ...], classes: Sequence[str] | None
) -> tuple[str, ...]:
    """Names of the class folders of `root` to use, in the order of their labels."""
    present, images = _top_level(root, suffixes)
    if not present:
        inside = f"{images} images but no folder" if images else "neither folders nor images"
        raise ValueError(
            f"DirectorySource: expected {_LAYOUT} {root}/cat/1.jpg, got {inside} in {root!r}. "
            "Move the images of each class into a folder named after the class."
        )
    if classes is None:
        return tuple(present)
    names = (classes,) if isinstance(classes, str) else tuple(classes)
    unknown = [name for name in names if name not in present]
    if unknown or not names or len(set(names)) < len(names) or isinstance(classes, str):
        raise ValueError(
            "DirectorySource: expected classes to be a list of different class folders of "
            f"{root!r}, got {classes!r}. It has {_listing(present)}."
        )
    return names


def _top_level(root: str, suffixes: tuple[str, ...]) -> tuple[list[str], int]:
    """Sorted names of the folders in `root`, and how many images lie beside them."""
    folders: list[str] = []
    images = 0
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                else:
                    images += entry.name.lower().endswith(suffixes)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"DirectorySource: expected a folder with {_LAYOUT} cat/1.jpg, got {root!r}, which "
            "does not exist. Check the path."
        ) from None
    except NotADirectoryError:
        raise NotADirectoryError(
            f"DirectorySource: expected a folder with {_LAYOUT} cat/1.jpg, got {root!r}, which is "
            "a file. Pass the folder that holds the class folders."
        ) from None
    return sorted(folders), images


def _listing(names: Sequence[str], limit: int = 20) -> str:
    shown = ", ".join(map(repr, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
