"""What iterators over image files have in common: their images, read ahead, and their labels."""

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._columns import Classes, ClassSets, Column
from jaxaug.data._membership import Membership
from jaxaug.data._order._balance import Balanced, balanced
from jaxaug.data._paths import Paths
from jaxaug.data._reader import FileReader, ReadImages
from jaxaug.data._source import ImageSource

from ._ahead import BATCHES, ReadAhead
from ._decoder import FileDecoder
from ._saving import save_batch
from ._transformed import augments, transformed

Rows = NDArray[np.int64]


class BatchFromFilesMixin:
    """Batches of images in files, with labels and weights, for a subclass of `Iterator`.

    A subclass says by `filepaths`, `labels` and `sample_weight` what there is, has `class_mode` and
    `dtype`, and calls `set_processing_attrs`. Files are read by threads. While batches are asked
    for one after the other, the next ones are read ahead; what they hold does not depend on it.
    """

    allowed_class_modes: ClassVar[set[str | None]]
    class_mode: str | None
    dtype: DTypeLike | None
    row_seeds: Callable[[Any], NDArray[np.uint32]]
    upcoming: Callable[[Any, int], Sequence[Rows]]

    def set_processing_attrs(
        self,
        image_data_generator: Any,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str | None,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        """Sets the attributes that reading and transforming need.

        Args:
            image_data_generator: What transforms the images; None leaves them as they are.
            target_size: (height, width) that images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            data_format: "channels_last" or "channels_first", of the batches; if None, the
                generator's.
            save_to_dir: Folder to write the transformed images to, or None.
            save_prefix: Beginning of their names.
            save_format: Ending of their names.
            subset: "training", "validation" or None for all.
            interpolation: Filter of the resizing; see `load_img`.
            keep_aspect_ratio: Whether to cut the middle out instead of stretching.

        Raises:
            ValueError: If one of them is unknown.
        """
        decoder = FileDecoder(target_size, color_mode, interpolation, keep_aspect_ratio)
        self._decoder: Any = decoder  # stands where jaxaug.data has its own
        self._ahead = ReadAhead()
        self._source: ImageSource | None = None
        self._here = os.getcwd()  # noqa: PTH109 - which may change, and paths be relative to it
        self.image_data_generator = image_data_generator
        self.target_size = decoder.target_size
        self.keep_aspect_ratio = keep_aspect_ratio
        self.color_mode = color_mode
        self.data_format = _checked_format(data_format, image_data_generator)
        height, width, channels = decoder.shape
        first = self.data_format == "channels_first"
        self.image_shape = (channels, height, width) if first else decoder.shape
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.interpolation = interpolation
        self.split = _split(subset, image_data_generator)
        self.subset = subset

    @property
    def filepaths(self) -> list[str]:
        """The file of each row."""
        raise NotImplementedError(_missing(self, "filepaths"))

    @property
    def labels(self) -> Any:
        """What each row's label is made of."""
        raise NotImplementedError(_missing(self, "labels"))

    @property
    def sample_weight(self) -> NDArray[Any] | None:
        """The weight of each row, or None."""
        raise NotImplementedError(_missing(self, "sample_weight"))

    @property
    def source(self) -> ImageSource:
        """The images as `jaxaug.data` reads them, before any transform, channels last.

        Another one with the same rows may be put here: `it.source = it.source.cached("memory")`.
        """
        if self._source is not None:
            return self._source
        paths = Paths([self._absolute(path) for path in self.filepaths])
        classes = getattr(self, "class_indices", None)
        columns = {"label": _column(self.labels, tuple(classes))} if classes else {}
        reader = FileReader("", paths, self._decoder)
        return ImageSource(reader, columns, f"{type(self).__name__}({self._decoder})")

    @source.setter
    def source(self, source: ImageSource) -> None:
        self._source = source

    def _absolute(self, path: str) -> str:
        return os.path.join(self._here, path)  # noqa: PTH118 - paths are texts here

    def raw(self, index_array: Rows) -> NDArray[Any]:
        """Returns the images of these rows before any transform, in the generator's layout."""
        return self._read(index_array, ())

    def _read(self, rows: Rows, following: Sequence[Rows]) -> NDArray[Any]:
        each = [self._from_start(some) for some in (rows, *following)]
        if self._source is None:  # the files that there are now: scripts change them afterwards
            paths, read = self.filepaths, ReadImages(self._decoder)
            jobs: Any = [[(self._absolute(paths[row]), None) for row in some] for some in each]
        else:
            reader = self._source.reader
            read, jobs = reader.read, [reader.jobs(self._source.identities(some)) for some in each]
        images = self._ahead(read, jobs[0], jobs[1:])
        return _laid_out(images, "channels_last", self._layout)

    def _from_start(self, rows: Rows) -> NDArray[np.int64]:
        """Row numbers, none of which counts from the end."""
        rows = np.array(rows, np.int64)
        return np.where(rows < 0, rows + len(self.filepaths), rows)

    @property
    def _layout(self) -> str:
        generator = self.image_data_generator
        return self.data_format if generator is None else generator.data_format

    def _get_batches_of_transformed_samples(self, index_array: Rows) -> Any:
        """Returns the batch of these rows.

        Args:
            index_array: Rows, of shape (b,).

        Returns:
            Images; or (images, labels) if there is a `class_mode`; or with weights as a third.

        Raises:
            DecodeError: If a file cannot be read as an image.
        """
        images = self._read(index_array, self.upcoming(index_array, BATCHES))
        generator = self.image_data_generator
        if generator is not None:
            seeds, augment = self.row_seeds(index_array), augments(generator, self.subset)
            images = transformed(generator, images, seeds, augment=augment)
        images = _laid_out(images, self._layout, self.data_format)
        batch_x = np.ascontiguousarray(images, np.dtype(self.dtype))
        rows = self._from_start(index_array)
        if self.save_to_dir:
            where = self.save_to_dir, self.save_prefix, self.save_format
            save_batch(*where, batch_x, rows, self.data_format)
        if self.class_mode is None:
            return batch_x
        batch_y = batch_x.copy() if self.class_mode == "input" else self._labels(rows)
        if self.sample_weight is None:
            return batch_x, batch_y
        return batch_x, batch_y, self.sample_weight[rows]

    def _labels(self, rows: Rows) -> Any:
        if self.class_mode == "multi_output":
            return [output[rows] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[rows]
        labels = self.labels
        chosen = [labels[row] for row in rows.tolist()]
        if self.class_mode != "categorical":
            return np.array(chosen, self.dtype)
        classes: Any = self.class_indices  # pyright: ignore[reportAttributeAccessIssue]
        hot = np.zeros((len(rows), len(classes)), self.dtype)
        for place, label in enumerate(chosen):
            hot[place, label] = 1  # a label may be a list of them
        return hot

    def _check_mode(self, class_mode: str | None) -> None:
        known = self.allowed_class_modes
        if class_mode not in known:
            raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {known}")


def plan_for(
    source: ImageSource, balance: Any, seed: int | None, *, shuffle: bool
) -> Balanced | None:
    """What draws rows as `balance` asks; None if there are none.

    Raises:
        JaxaugError: If there are no classes to balance.
    """
    if not len(source):
        return None
    membership = source.membership
    if membership is None:
        membership = Membership.none(len(source))
    sizes = {"epoch_size": len(source), "period": len(source)}
    return balanced(membership, balance, **sizes, seed=seed or 0, shuffle=shuffle)


def _column(labels: Any, names: tuple[Any, ...]) -> Column:
    """Classes by row, given a number or a list of numbers for each."""
    if not any(isinstance(label, list) for label in labels):
        return Classes(np.asarray(labels, np.int32), names)
    sets = [sorted(set(label)) if isinstance(label, list) else [label] for label in labels]
    values = np.array([number for numbers in sets for number in numbers], np.int32)
    return ClassSets(values, np.cumsum([len(numbers) for numbers in sets]), names)


def _laid_out(images: NDArray[Any], now: str, wanted: str) -> NDArray[Any]:
    if now == wanted:
        return images
    return np.moveaxis(images, *((-1, 1) if wanted == "channels_first" else (1, -1)))


def _split(subset: str | None, generator: Any) -> tuple[float, float] | None:
    """Where the subset begins and ends in the data, in parts of all."""
    if subset is None:
        return None
    if subset not in ("training", "validation"):
        raise ValueError(f'Invalid subset name: {subset};expected "training" or "validation"')
    if generator is None:
        remedy = "Pass ImageDataGenerator(validation_split=0.2)."
        raise JaxaugError("subset", "an image_data_generator to split by", "None", remedy)
    part = generator._validation_split  # noqa: SLF001 - known by this name to users
    return (0, part) if subset == "validation" else (part, 1)


def within(split: tuple[float, float] | None, count: int) -> slice:
    """The rows of a subset, out of `count`."""
    return slice(*(int(part * count) for part in split)) if split else slice(None)


def _checked_format(data_format: str | None, generator: Any) -> str:
    ours = "channels_last" if generator is None else generator.data_format
    found = ours if data_format is None else data_format
    if found not in ("channels_last", "channels_first"):
        want = 'data_format to be "channels_last" or "channels_first"'
        raise JaxaugError("jaxaug.compat", want, repr(data_format), "Pass one of them.")
    return found


def _missing(self: object, name: str) -> str:
    return f"`{name}` property method has not been implemented in {type(self).__name__}."


def checked_classes(who: str, classes: Any) -> list[Any]:
    """Names of classes as a list; empty if none were given.

    Raises:
        JaxaugError: If they are one text, whose letters would be the names, or no collection.
    """
    if classes is None:
        return []
    try:
        found = None if isinstance(classes, str | bytes) else list(classes)
    except TypeError:
        found = None
    if found is None:
        want, remedy = "classes to be a list of names", f"Pass classes=[{classes!r}]."
        raise JaxaugError(who, want, repr(classes), remedy)
    return found
