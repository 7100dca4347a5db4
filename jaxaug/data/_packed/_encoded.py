"""Encoded images in the records of any Grain data source."""

import os
from collections.abc import Sequence
from typing import Any, Self

import grain
import numpy as np
from tqdm import tqdm

from jaxaug._types import JaxaugError, describe
from jaxaug.data._check import choice, flag, texts
from jaxaug.data._columns import LABEL_MODES, Classes, Column, class_column
from jaxaug.data._decode._decoder import FORMATS, MAX_PIXELS, Decoder
from jaxaug.data._fields import columns_of
from jaxaug.data._packed import _sidecar, _stored
from jaxaug.data._packed._fetch import EncodedReader, Fetch, Parse
from jaxaug.data._paths import Paths
from jaxaug.data._source import ImageSource


class EncodedSource(ImageSource):
    """Images as encoded files inside the records of a Grain data source: ArrayRecord and others.

    A record is a dict with the bytes of a JPEG, PNG, ... under `image`, or becomes one by `parse`.
    Records that are bytes are taken for what `pack` writes. Labels and columns must be known from
    the beginning, so all records are read once, unless `labels` are given and `columns` are not;
    `EncodedSource.from_packed` needs no such pass.

    Args:
        grain_source: Anything with a length and `source[number]`, safe to use from many threads,
            such as `grain.sources.ArrayRecordDataSource(paths)`. To read in other processes it must
            pickle.
        image: Under which key the encoded image is.
        label: Under which key the label is, in any form that `ArraySource` takes.
        image_size: (height, width) in pixels that pictures are resized to. None leaves their size.
        canvas: (height, width) of the arrays if `image_size` is None, as with `DirectorySource`.
        parse: Makes the dict of what the Grain source gives. It must pickle.
        labels: A label for each record. None reads them.
        mask: Under which key an encoded mask is, if there is one.
        label_mode: "int", "onehot", "binary", "multihot", "regression", "image" (the image itself,
            for autoencoders) or "none". If None, what the labels look like.
        class_names: Name of each class; integer labels are then positions in it.
        columns: Keys of more numbers or texts to have in batches.
        progress: Whether to show how far reading the labels is.
        fit: As with `DirectorySource`, and so are the following.
        color: "rgb", "gray", "rgba" or "gray16".
        resample: Filter.
        max_pixels: Images with more pixels are refused before they are decoded.
        formats: Pillow's names of the file formats allowed.

    Raises:
        DecodeError: If a record cannot be read for its label.
        JaxaugError: If there are no records, one has no such key, or labels are not as they must.

    Example:
        >>> import io, PIL.Image
        >>> file = io.BytesIO()
        >>> PIL.Image.new("RGB", (40, 30)).save(file, "PNG")
        >>> records = [{"image": file.getvalue(), "label": name} for name in ("cat", "dog")]
        >>> source = EncodedSource(records, image_size=(15, 20))
        >>> source.class_counts, source[1]["image"].shape
        ({'cat': 1, 'dog': 1}, (15, 20, 3))
    """

    def __init__(
        self,
        grain_source: Any,
        image: str = "image",
        label: str = "label",
        *,
        image_size: tuple[int, int] | None = None,
        canvas: tuple[int, int] | None = None,
        parse: Parse | None = None,
        labels: Any = None,
        mask: str | None = None,
        label_mode: str | None = None,
        class_names: Sequence[str] | None = None,
        columns: Sequence[str] = (),
        progress: bool = True,
        fit: str = "stretch",
        color: str = "rgb",
        resample: str = "bilinear",
        max_pixels: int = MAX_PIXELS,
        formats: Sequence[str] = FORMATS,
    ) -> None:
        _check_source(grain_source)
        for name, key in (("image", image), ("label", label), ("mask", mask)):
            if not (isinstance(key, str) or (name == "mask" and key is None)):
                remedy = f"Pass a text, such as {name}={name!r}."
                raise JaxaugError("EncodedSource", f"{name} to be a key", repr(key), remedy)
        if parse is not None and not callable(parse):
            remedy = "Pass a function that makes a dict of a record."
            raise JaxaugError("EncodedSource", "parse to be a function", repr(parse), remedy)
        columns = texts("EncodedSource", "columns", columns)
        formats = texts("EncodedSource", "formats", formats)
        flag("EncodedSource", "progress", progress)
        decoder = Decoder(image_size, fit, canvas, color, resample, max_pixels, formats)
        text = f"EncodedSource({type(grain_source).__name__}, {decoder.options})"
        if not len(grain_source):
            raise JaxaugError("EncodedSource", "records", "none", "Check what it reads.")
        if label_mode is not None:
            choice("EncodedSource", "label_mode", label_mode, LABEL_MODES)
        fetch = Fetch(grain_source, type(grain_source).__name__, image, mask, parse)
        fetch.check()
        wanted = list(columns)
        if labels is None and label_mode not in ("none", "image"):
            wanted.append(label)
        found = _pass(fetch, len(grain_source), wanted, progress)
        beside = columns_of(
            "EncodedSource",
            len(grain_source),
            labels=found[label] if label in wanted and labels is None else labels,
            label_mode=label_mode,
            class_names=class_names,
            columns={name: found[name] for name in columns},
        )
        reader = EncodedReader(fetch, decoder, len(grain_source))
        super().__init__(reader, beside, text, echo=label_mode == "image")

    @classmethod
    def from_packed(
        cls,
        path: str | os.PathLike[str],
        image_size: tuple[int, int] | None = None,
        *,
        canvas: tuple[int, int] | None = None,
        label_mode: str | None = None,
        verify: bool = False,
        progress: bool = True,
        fit: str | None = None,
        color: str | None = None,
        resample: str | None = None,
        max_pixels: int = MAX_PIXELS,
        formats: Sequence[str] = FORMATS,
    ) -> Self:
        """Opens what `pack` has written. Images are as in the source packed, unless told otherwise.

        Args:
            path: What `pack` was given, with or without ".json".
            image_size: (height, width); as in the source packed if there is no `canvas` either.
            canvas: (height, width), instead of `image_size`.
            label_mode: "int", "onehot", "binary" or "multihot" of one class a record, "image" or
                "none". As in the source packed if None.
            verify: Whether to compare the checksums of the shards, which reads all of them once.
            progress: Whether to show how far that is.
            fit: As in the source packed if None, and so are the following.
            color: "rgb", "gray", "rgba" or "gray16".
            resample: Filter.
            max_pixels: Images with more pixels are refused before they are decoded.
            formats: Pillow's names of the file formats allowed.

        Raises:
            FileNotFoundError: If there is no such pack.
            JaxaugError: If a shard is missing or is not as it was written.
        """
        flag("from_packed", "verify", verify)
        flag("from_packed", "progress", progress)
        formats = texts("from_packed", "formats", formats)
        pack = _sidecar.load(path)
        options: dict[str, Any] = pack.options
        if image_size is not None or canvas is not None:
            options |= {"image_size": image_size, "canvas": canvas}
            options |= {} if canvas is None else {"fit": "stretch"}
        given = {"fit": fit, "color": color, "resample": resample}
        options |= {name: value for name, value in given.items() if value is not None}
        decoder = Decoder(**options, max_pixels=max_pixels, formats=formats)
        shards = pack.shards(verify=verify, progress=progress)
        columns, echo = _in_mode(pack.columns, pack.echo, label_mode)
        places = None
        if pack.index is not None:
            places = np.zeros(int(pack.index.max()) + 1, np.uint32)
            places[pack.index] = np.arange(pack.count)
            # By identity, as the columns of any source. Those of no record here are never asked.
            columns = {name: _stored.taken(each, places) for name, each in columns.items()}
        fetch = Fetch(
            grain.sources.ArrayRecordDataSource(shards),
            pack.path,
            mask="mask" if pack.mask else None,
        )
        reader = EncodedReader(
            fetch,
            decoder,
            pack.count,
            keys=Paths(pack.keys),
            places=places,
            placement=not {"boxes", "keypoints"}.isdisjoint(columns),
        )
        source = cls.__new__(cls)
        text = f"EncodedSource.from_packed({os.fspath(path)!r}, {decoder.options})"
        ImageSource.__init__(source, reader, columns, text, echo=echo)
        source._index = pack.index  # noqa: SLF001 - our own, just made
        return source


def _check_source(given: Any) -> None:
    """Refuses what is no Grain data source, texts such as the path of one among it."""
    sequence = hasattr(given, "__len__") and hasattr(given, "__getitem__")
    if not sequence or isinstance(given, str | bytes | type):
        want = "a Grain data source, with a length and source[number]"
        remedy = "Pass one, such as grain.sources.ArrayRecordDataSource(paths)."
        raise JaxaugError("EncodedSource", want, describe(given), remedy)


def _pass(fetch: Fetch, count: int, keys: Sequence[str], progress: bool) -> dict[str, list[Any]]:
    """What all records have under these keys."""
    values: dict[str, list[Any]] = {key: [] for key in keys}
    if not keys:
        return values
    for number in tqdm(range(count), desc="labels", unit="records", disable=not progress):
        record = fetch.record(number)
        for key, column in values.items():
            if key not in record:
                got = f"{', '.join(map(repr, record))} in {fetch.text}[{number}]"
                remedy = "Name another key, or pass label_mode='none'."
                raise JaxaugError("EncodedSource", f"{key!r} in every record", got, remedy)
            column.append(record[key])
    return values


def _in_mode(
    columns: dict[str, Column], echo: bool, mode: str | None
) -> tuple[dict[str, Column], bool]:
    """The columns with the labels in another form, and whether the image is the label."""
    if mode is None:
        return columns, echo
    choice("from_packed", "label_mode", mode, LABEL_MODES)
    rest = {name: column for name, column in columns.items() if name != "label"}
    label = columns.get("label")
    if mode in ("none", "image"):
        return rest, mode == "image"
    if not isinstance(label, Classes):
        want = f"one class a record for label_mode={mode!r}"
        raise JaxaugError("from_packed", want, "other labels", "Leave label_mode out.")
    changed = class_column(label.values, label.names, mode)
    return (rest if changed is None else rest | {"label": changed}), False
