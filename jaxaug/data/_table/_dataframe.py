"""A table of images: file names, and whatever else is known of each, in columns."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data import _check
from jaxaug.data._decode._decoder import FORMATS, MAX_PIXELS, Decoder
from jaxaug.data._reader import FileReader
from jaxaug.data._source import ImageSource
from jaxaug.data._table._geometry import (
    box_columns,
    box_names,
    from_json,
    point_columns,
    point_names,
)
from jaxaug.data._table._table import Table, flat, is_name
from jaxaug.data._table._values import Files, Labels, blame_files, carried, grouped, weights

_WHO = "DataFrameSource"
_TEXTS = ("mask", "box_labels", "columns", "group")  # arguments that name columns read as texts
_COLUMNS = (*_TEXTS, "boxes", "keypoints", "weight")
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?")


class DataFrameSource(ImageSource):
    """The images named in a table, a row for each.

    A record's identity is its place among the rows that are used. The table is neither changed nor
    kept. Whatever is wrong with rows is told at once, with their numbers, counted from 0.

    Below a `root`, names that are absolute or lead out of it, by ".." or by a link, are an error:
    a table from elsewhere must not choose which of your files are read.

    Args:
        df: A pandas DataFrame, or what makes one, such as a dict of columns.
        image: Column of file names.
        label: Column of labels: names, integers from 0 (numbers of classes), floats, lists of
            names. A list of columns gives a dict of labels; or, if `label_mode` is "regression",
            numbers (b, m), and if it is "multihot", of columns of 0 and 1, float32 (b, columns).
            Or None.
        root: Folder that file names are relative to. If None, they are taken as they are.
        mask: Column of file names of masks.
        boxes: Column of lists of boxes (x0, y0, x1, y1) in pixels of the upright picture, x1 > x0
            and y1 > y0; or four columns, of one box a row. They move with the resizing.
        box_labels: Column of lists of names or integers, one for each box (with four columns, one
            name or integer): int32 (b, n), places in `box_class_names`, filled up with -1.
        keypoints: Column of lists of points (x, y), equally many in each row; or a list of pairs of
            columns, or of columns x0, y0, x1, y1, and so on. NaN is a missing point; `visible`
            bool (b, n) tells which are there.
        weight: Column of numbers, 0 or more: `weight`, float32.
        columns: Columns carried along: numbers or texts, under their own names. Texts are NumPy
            arrays, which must be taken out of a batch before it is given to jitted code.
        group: Column of what must stay together when the source is divided, texts or whole
            numbers. It is not in batches: `split` and `folds` use it unless given another.
        label_mode: "int", "onehot", "binary", "multihot", "regression", "image" (the image itself)
            or "none"; a dict of them by column for several labels. If None, what the labels are.
        classes: Classes to use, in the order of their labels (a dict by column for several); rows
            of others are left out. If None, all texts, sorted, or integers from 0 to the greatest.
        missing: "error", or "drop": rows are left out whose file is missing or has another ending.
            `dropped` holds their numbers.
        extensions: Endings that file names must have, upper and lower case alike; any if None.
        max_boxes: Boxes in a batch, int n; if None, the most that a row has.
        image_size: (height, width) in pixels that pictures are resized to. None leaves their size.
        canvas: (height, width) of the arrays if `image_size` is None: pictures lie in the top left
            corner, and the column `size` tells their own.
        fit: How a picture of other proportions is resized: "stretch", "crop" or "pad".
        color: "rgb", "gray" or "rgba", uint8; "gray16" is float32 in 0..1, 16 bits kept.
        resample: Filter: "nearest", "box", "bilinear", "hamming", "bicubic" or "lanczos".
        max_pixels: Images with more pixels are refused before they are decoded.
        formats: Pillow's names of the file formats allowed, whatever the files are called.

    Attributes:
        dropped: int64, numbers of the rows left out because of their files.
        groups: The group of each record, (n,), by identity; None without `group`.

    Raises:
        FileNotFoundError: If there is no `root`.
        JaxaugError: If a column or a file is missing, a name leads out of `root`, or a value cannot
            be used.

    Example:
        >>> import tempfile, PIL.Image
        >>> table = {"path": ["a.png", "b.png"], "label": ["cat", "dog"]}
        >>> table["boxes"] = [[(0, 0, 8, 4)], []]
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in table["path"]:
        ...         PIL.Image.new("RGB", (40, 30)).save(f"{root}/{name}")
        ...     source = DataFrameSource(table, root=root, boxes="boxes", image_size=(15, 20))
        ...     batch = source.read([1, 0])
        >>> batch["label"].tolist(), batch["boxes"].tolist()
        ([1, 0], [[[0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 4.0, 2.0]]])
    """

    dropped: NDArray[np.int64]

    def __init__(
        self,
        df: Any,
        image: Any = "path",
        label: Any = "label",
        *,
        root: str | os.PathLike[str] | None = None,
        mask: str | None = None,
        boxes: str | Sequence[str] | None = None,
        box_labels: str | None = None,
        keypoints: str | Sequence[str] | Sequence[tuple[str, str]] | None = None,
        weight: str | None = None,
        columns: Sequence[str] = (),
        group: str | None = None,
        label_mode: str | Mapping[str, str] | None = None,
        classes: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
        missing: str = "error",
        extensions: Sequence[str] | None = None,
        max_boxes: int | None = None,
        image_size: tuple[int, int] | None = None,
        canvas: tuple[int, int] | None = None,
        fit: str = "stretch",
        color: str = "rgb",
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
        _check.choice(_WHO, "missing", missing, ("error", "drop"))
        if max_boxes is not None:
            _check.integer(_WHO, "max_boxes", max_boxes, 1)
        if extensions is not None:
            extensions = _check.texts(_WHO, "extensions", extensions)
        if root is not None:
            root = _check.path(_WHO, "root", root)
        _single(image=image, mask=mask, box_labels=box_labels, weight=weight, group=group)
        boxes, keypoints = box_names(_WHO, boxes), point_names(_WHO, keypoints)
        given = None if label_mode in ("none", "image") else label
        wanted = flat(image, given, mask, boxes, box_labels, keypoints, weight, columns, group)
        table = Table(_WHO, df, wanted)
        labels = Labels(_WHO, table, given, label_mode, classes)
        files = [Files(table, each, root, extensions) for each in flat(image, mask)]
        self.dropped = table.rows[:0]
        kept, remedy = None, "Correct the table."
        if missing == "error":
            blame_files(table, files)
            if table.faulty:
                remedy = "Correct the table, or leave rows without a file out: missing='drop'."
        else:
            kept = np.logical_and.reduce([each.fine for each in files])
            self.dropped = table.rows[~kept]
            table.use(kept)
            labels.use(kept)
        labels.blame(table)
        found = {} if boxes is None else box_columns(table, boxes, box_labels, max_boxes)
        if boxes is None and (box_labels, max_boxes) != (None, None):
            got = f"box_labels={box_labels!r}, max_boxes={max_boxes!r}"
            raise JaxaugError(_WHO, "boxes, too", got, "Pass boxes=, or leave those out.")
        if keypoints is not None:
            found |= point_columns(table, keypoints)
        if weight is not None:
            found["weight"] = weights(table, weight)
        found |= {str(name): carried(_WHO, table, name) for name in flat(columns)}
        self._group = None if group is None else grouped(_WHO, table, group)
        table.refuse(remedy)
        if not len(table):
            got = f"{table.size} rows, {len(self.dropped)} of them without a file"
            raise JaxaugError(_WHO, "at least one row to use", got, "Check root and the names.")
        column = labels.column()
        reader = FileReader(
            files[0].folder,
            files[0].paths(kept),
            decoder,
            masks=files[-1].paths(kept) if mask is not None else None,
            mask_folder=files[-1].folder,
            placement=boxes is not None or keypoints is not None,
        )
        less = f", {len(self.dropped)} dropped" if len(self.dropped) else ""
        where = "" if root is None else f", root={root!r}"
        text = f"{_WHO}({table.size} rows of {image!r}{less}{where}, {decoder.options})"
        found |= {} if column is None else {"label": column}
        super().__init__(reader, found, text, echo=label_mode == "image")

    @property
    def box_class_names(self) -> tuple[str, ...]:
        """Name of each class of `box_labels`; empty if there are none."""
        return self.columns["box_labels"].names if "box_labels" in self.columns else ()

    @property
    def groups(self) -> NDArray[Any] | None:
        """The group of each record of the whole table, (n,), by identity; None if there are none.

        It is what `split` and `folds` keep together, and is not in batches.
        """
        return None if self._group is None else self._group(np.arange(len(self.reader), dtype="u4"))

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        image: str = "path",
        label: str | Sequence[str] | None = "label",
        *,
        sep: str = ",",
        encoding: str = "utf-8",
        **options: Any,
    ) -> Self:
        """Reads the table from a CSV file, and of that only the columns that are used.

        Only empty cells are missing values: "NA" is a text like others. File names stay texts.
        Labels and what is carried along are numbers if every cell is just as the number is written,
        and else texts: "007" is another patient than "7".
        Lists (boxes, keypoints, labels with `label_mode="multihot"`) are in JSON, such as
        `[[0, 0, 8, 4]]`. Names are relative to `root`, or to the working directory if it is None;
        not to the CSV file.

        Args:
            path: The file; may be compressed, as its ending tells.
            image: Column of file names.
            label: Column of labels, or several, or None.
            sep: What separates cells.
            encoding: Of the text. Names in another encoding are kept byte by byte.
            **options: Other arguments of `DataFrameSource`.

        Raises:
            FileNotFoundError: If there is no such file.
            JaxaugError: As `DataFrameSource`, or if a list is no JSON.
        """
        mode = options.get("label_mode")
        given = None if mode in ("none", "image") else label
        wanted = flat(image, given, *(options.get(name) for name in _COLUMNS))
        for name, value in {"sep": sep, "encoding": encoding}.items():
            if not isinstance(value, str) or not value:
                remedy = "Pass sep=',' or sep=';', and encoding='utf-8' or another."
                raise JaxaugError("from_csv", f"{name} to be a text", repr(value), remedy)
        csv: dict[str, Any] = {"sep": sep, "encoding": encoding}
        csv["encoding_errors"] = "surrogateescape"
        file = Path(_check.path("from_csv", "path", path)).absolute()  # pandas would fetch a URL
        Table(_WHO, _read(file, nrows=0, **csv), wanted)
        texts = flat(given, *(options.get(name) for name in _TEXTS))
        frame = _read(
            file,
            usecols=wanted,
            dtype=dict.fromkeys(flat(image, texts), "str"),
            keep_default_na=False,
            na_values=[""],
            low_memory=False,  # which guesses types piece by piece
            **csv,
        )
        names = flat(image, options.get("mask"))
        for name in texts:
            if name not in names:
                frame[name] = _plain(frame[name])
        for name in flat(given):
            one = mode.get(name) if isinstance(mode, Mapping) else mode
            if one == "multihot" and frame[name].dtype.kind not in "biuf":
                frame[name] = from_json(Table(_WHO, frame, ()), name)
        return cls(frame, image, label, **options)


def _single(**columns: Any) -> None:
    """Refuses arguments that name several columns where there is one, or no column of images."""
    for name, given in columns.items():
        if not is_name(given) or (given is None and name == "image"):
            remedy = f"Pass its name, such as {name}={name!r}."
            raise JaxaugError(_WHO, f"{name} to be one column", repr(given), remedy)


def _read(file: Path, **options: Any) -> Any:
    """A DataFrame of a CSV file."""
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    try:
        return pd.read_csv(file, **options)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"from_csv: expected a CSV file, got {str(file)!r}, which does not exist. "
            "Check the path."
        ) from None
    except Exception as error:  # noqa: BLE001 - encodings and compressions have errors of their own
        got = f"{str(file)!r} ({type(error).__name__}: {error})"
        remedy = "Check the file, and sep= and encoding=."
        raise JaxaugError(
            "from_csv", "a CSV file with a line of column names", got, remedy
        ) from None


def _plain(series: Any) -> Any:
    """A column of texts as numbers or truth values, if every text is just as they are written.

    So "1" is a number, but with "01" beside it both are texts. What is missing stays so.
    """
    import pandas as pd  # noqa: PLC0415 - half a second, which most never need

    known = series.dropna().unique().tolist()
    if known and set(known) <= {"False", "True"} and not series.hasnans:
        return series == "True"
    if all(map(_INTEGER.fullmatch, known)):
        small = all(len(text) < 19 for text in known)  # what 64 bits hold
        return pd.to_numeric(series) if small else series
    return pd.to_numeric(series) if all(map(_FLOAT.fullmatch, known)) else series
