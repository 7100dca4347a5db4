"""`ImageDataGenerator`: where images come from, and what is done to them."""

from typing import Any

from . import _fit
from ._arrays import NumpyArrayIterator
from ._dataframe import DataFrameIterator
from ._directory import DirectoryIterator
from ._keywords import known_keywords
from ._transforms import Transforms
from ._warn import warn

_GONE = {
    "has_ext": "File names in the table must be those on the disk.",
    "sort": "With shuffle=False, images come in the order of the table.",
    "drop_duplicates": "Drop them from the table beforehand.",
}


class ImageDataGenerator(Transforms):
    """Batches of randomly transformed images, with the arguments of Keras.

    Every image of a batch is drawn for by itself, and the batch is transformed by one compiled
    call. Equal seeds give equal batches, whatever the threads, the order of reading or other
    generators in use. `docs/from-keras.md` says what each argument is in jaxaug itself, and where
    this differs from Keras.

    Args:
        featurewise_center: Subtract the mean of each channel over the data set; see `fit`.
        samplewise_center: Subtract the mean of each image.
        featurewise_std_normalization: Divide by the standard deviation of each channel.
        samplewise_std_normalization: Divide each image by its standard deviation.
        zca_whitening: Decorrelate pixels; see `fit`.
        zca_epsilon: Added to the singular values for it.
        rotation_range: Degrees, from -r to r.
        width_shift_range: Below 1 a part of the width, else pixels; a whole number n is whole
            pixels from -(n-1) to n-1; a list is the values to choose from.
        height_shift_range: The same, of the height.
        brightness_range: Pair (low, high) of factors.
        shear_range: Degrees.
        zoom_range: z for factors from 1-z to 1+z, or a pair (low, high); below 1 magnifies.
        channel_shift_range: In units of the pixels.
        fill_mode: What lies outside: see `apply_affine_transform`.
        cval: Value outside for "constant".
        horizontal_flip: Mirror left to right, half of the time.
        vertical_flip: Mirror top to bottom, half of the time.
        rescale: Factor of all pixels after the transform; None or 0 for none.
        preprocessing_function: Called with one image, a NumPy array of rank 3, before `rescale`.
        data_format: "channels_last" or "channels_first".
        validation_split: Part of the data that is "validation", above 0 and below 1.
        interpolation_order: Of the spline: 0 nearest, 1 linear, 2 to 5.
        dtype: Of the batches.
        augment_validation: Whether the subset "validation" is transformed at random, too. Keras
            does it; None does it with a warning.
    """

    @known_keywords
    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
        *,
        balance: Any = None,
    ) -> NumpyArrayIterator:
        """Batches of images in arrays, without end.

        Args:
            x: Images of rank 4, or a pair of them and of other arrays that are only passed on.
            y: Labels.
            batch_size: Images in a batch; the last one of an epoch may have fewer.
            shuffle: Whether each epoch has an order of its own.
            sample_weight: A weight for each image.
            seed: Of the order and of the transforms.
            save_to_dir: Folder to write the transformed images to, to look at.
            save_prefix: Beginning of their names.
            save_format: Ending of their names.
            ignore_class_split: Whether both subsets may have different classes.
            subset: "training" or "validation": the part behind, or before, `validation_split`.
            balance: How often classes are drawn, as for `jaxaug.data.Loader`: "uniform" draws all
                alike often. Of a minority it takes turns with different transforms.

        Returns:
            An iterator of `x`, `(x, y)` or `(x, y, sample_weight)`.
        """
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
            dtype=self.dtype,
            balance=balance,
        )

    @known_keywords
    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        *,
        balance: Any = None,
    ) -> DirectoryIterator:
        """Batches of the images in a folder with one sub-folder for each class, without end.

        Args:
            directory: The folder.
            target_size: (height, width) that images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the sub-folders to take, in the order of their labels; by default all.
            class_mode: "categorical" (one-hot), "binary", "sparse", "input" (the images), or None.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has an order of its own.
            seed: Of the order and of the transforms.
            save_to_dir: Folder to write the transformed images to.
            save_prefix: Beginning of their names.
            save_format: Ending of their names.
            follow_links: Whether to enter linked folders.
            subset: "training" or "validation".
            interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
            keep_aspect_ratio: Whether to cut the middle out instead of stretching.
            balance: As for `flow`.
        """
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            balance=balance,
        )

    @known_keywords(others=tuple(_GONE))
    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        *,
        keep_aspect_ratio: bool = False,
        balance: Any = None,
        **deprecated: Any,
    ) -> DataFrameIterator:
        """Batches of the images that a table names, without end.

        Args:
            dataframe: A row for each image; it is not changed.
            directory: Folder that the names are relative to; if None they are paths.
            x_col: Column of the names.
            y_col: Column of the labels: texts, or lists of texts for "categorical"; several columns
                for "multi_output" and "raw".
            weight_col: Column of the weights of samples.
            target_size: (height, width) that images are resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: The labels to take, in their order; by default all, sorted.
            class_mode: "categorical" (one-hot), "binary", "sparse", "raw" (the numbers
                themselves), "multi_output", "input" (the images), or None.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has an order of its own.
            seed: Of the order and of the transforms.
            save_to_dir: Folder to write the transformed images to.
            save_prefix: Beginning of their names.
            save_format: Ending of their names.
            subset: "training" or "validation".
            interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
            validate_filenames: Whether rows without an image file are left out, with a warning.
            keep_aspect_ratio: Whether to cut the middle out instead of stretching.
            balance: As for `flow`.
            **deprecated: What Keras once took: `has_ext`, `sort`, `drop_duplicates`.
        """
        for name in deprecated:
            message = f"{name} is deprecated and does nothing. {_GONE[name]}"
            warn(message, DeprecationWarning)
        if class_mode == "other":
            message = '`class_mode="other"` is deprecated, please use `class_mode="raw"`.'
            warn(message, DeprecationWarning)
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
            balance=balance,
        )

    @known_keywords
    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Computes what `standardize` needs of a data set, in one pass, whatever its size.

        Args:
            x: Images of rank 4; or an iterator of `flow`, `flow_from_directory` or
                `flow_from_dataframe`, a source of `jaxaug.data`, or any iterable of batches, of
                which the images are taken as they are before any transform.
            augment: Whether to transform the images at random beforehand.
            rounds: How often to do so with each.
            seed: Of these transforms.

        Raises:
            ValueError: If the rank is not 4, or the data are empty or not finite.
        """
        _fit.fit(self, x, augment=augment, rounds=rounds, seed=seed)
