"""Finding the images below a root."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from jaxaug._types import JaxaugError

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

_LAYOUT = "one sub-folder per class, such as"


def scan(
    root: str,
    *,
    folders: Sequence[str] | None = None,
    extensions: Sequence[str] = EXTENSIONS,
    follow_links: bool = False,
) -> list[str]:
    """Lists the images below `root`, at any depth.

    Names with a leading dot are skipped. A folder that contains itself by a link is entered once.
    Anything with an image's name is listed, even a broken link: reading it then fails with its
    name, which is better than a record lost without a word.

    Args:
        root: Where to look.
        folders: Folders in `root` to look in; everywhere if None.
        extensions: Endings of image names, upper and lower case alike, dot optional.
        follow_links: Whether links may lead out of `root`.

    Returns:
        Relative paths with "/" between their parts, sorted by code point: the same order on every
        file system and in every locale. Bytes that are not UTF-8 are kept as surrogate escapes,
        as `os.fsdecode` does.

    Raises:
        FileNotFoundError: If there is no `root`.
        NotADirectoryError: If `root` is no folder.
        JaxaugError: If a link leads out of `root`, and may not.
    """
    suffixes = tuple("." + ending.lower().removeprefix(".") for ending in extensions)
    leaves = _leaves(root) if not follow_links else None
    paths: list[str] = []
    outside: list[str] = []
    todo: list[tuple[str, frozenset[tuple[int, int]]]]
    todo = [("", frozenset())] if folders is None else [(f"{f}/", frozenset()) for f in folders]
    if leaves and folders is not None:
        outside = [folder for folder in folders if leaves(f"{root}/{folder}")]
        todo = [(folder, above) for folder, above in todo if folder[:-1] not in outside]
    while todo:
        folder, above = todo.pop()
        status = Path(f"{root}/{folder}").stat()
        identity = status.st_dev, status.st_ino
        if identity in above:  # a link back to one of its own parents
            continue
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                is_folder = _is_folder(entry)
                if not (is_folder or name.lower().endswith(suffixes)):
                    continue
                if leaves and entry.is_symlink() and leaves(entry.path):
                    outside.append(folder + name)
                elif is_folder:
                    todo.append((f"{folder}{name}/", above | {identity}))
                else:
                    paths.append(folder + name)
    if outside:
        want = f"links that stay inside {root!r}"
        got = f"{len(outside)} that lead out of it: {listing(sorted(outside))}"
        remedy = "Pass follow_links=True if they are to be trusted."
        raise JaxaugError("DirectorySource", want, got, remedy)
    paths.sort()
    return paths


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reading it will say so, if it has an image's name
        return False


def _leaves(root: str) -> Callable[[str], bool]:
    """A test whether a path leads out of `root`, links followed."""
    real = os.path.realpath(root)
    below = real if real.endswith(os.sep) else real + os.sep

    def leaves(path: str) -> bool:
        target = os.path.realpath(path)
        return target != real and not target.startswith(below)

    return leaves


def class_folders(root: str, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the folders in `root` to use as classes, in the order of their labels.

    Args:
        root: Folder with one sub-folder per class.
        classes: Names of those to take, in order. All, sorted, if None.

    Raises:
        FileNotFoundError: If there is no `root`.
        NotADirectoryError: If `root` is no folder.
        JaxaugError: If there is no class folder, or no such class.
    """
    with _entries(root) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    present = sorted(entry.name for entry in shown if _is_folder(entry))
    if not present:
        got = f"no folder but {len(shown)} files" if shown else "nothing"
        remedy = (
            "Move the images of each class into a folder named after the class, or pass "
            "label_mode='none'."
        )
        want = f"{_LAYOUT} {root}/cat/1.jpg"
        raise JaxaugError("DirectorySource", want, f"{got} in {root!r}", remedy)
    if classes is None:
        return tuple(present)
    _check_classes(classes, present, root)
    return tuple(classes)


def _check_classes(classes: object, present: Sequence[object], root: str) -> None:
    """Refuses `classes` unless it is a list of different names out of `present`.

    Raises:
        JaxaugError: If it is not; it lists the names there are.
    """
    names = list(classes) if isinstance(classes, Sequence) and type(classes) is not str else []
    if not names or len(set(names)) < len(names) or not set(names) <= set(present):
        unknown = [name for name in names if name not in present]
        want = f"classes to be a list of different class folders of {root!r}"
        got = f"{classes!r}" + (f", of which there is no {listing(unknown)}" if unknown else "")
        raise JaxaugError("DirectorySource", want, got, f"There are {listing(present)}.")


def match_masks(root: str, images: Sequence[str], extensions: Sequence[str]) -> list[str]:
    """Relative paths of the masks below `root`: of each image the file of its name, any ending.

    Raises:
        JaxaugError: If an image has no mask, or more than one.
    """
    if not Path(root).is_dir():
        raise JaxaugError("mask", "a folder of masks", repr(root), "Check the path.")
    found: dict[str, str] = {}
    for path in scan(root, extensions=extensions, follow_links=True):
        stem = str(PurePosixPath(path).with_suffix(""))
        if stem in found:
            got = f"{found[stem]!r} and {path!r}"
            raise JaxaugError("mask", "one mask for each image", got, "Remove one of them.")
        found[stem] = path
    masks = [found.get(str(PurePosixPath(path).with_suffix("")), "") for path in images]
    missing = [path for path, mask in zip(images, masks, strict=True) if not mask]
    if missing:
        want = f"a mask below {root!r} for each image, at the same place with the same name"
        remedy = "Add the masks, or remove the images."
        raise JaxaugError("mask", want, f"none for {len(missing)}: {listing(missing)}", remedy)
    return masks


def listing(names: Sequence[object], limit: int = 10) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(map(repr, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _entries(root: str) -> "os._ScandirIterator[str]":
    try:
        return os.scandir(root)
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
