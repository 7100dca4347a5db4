"""What an `ImageDataGenerator` does to images."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ._arguments import (
    check_brightness,
    check_layout,
    check_split,
    check_zoom,
    override,
    warn_of_traps,
)
from ._draws import shift, stream
from ._keywords import known_keywords
from ._single import transformed_image
from ._warn import warn

Image = NDArray[Any]


class Transforms:
    """The arguments of `ImageDataGenerator`, and what follows from them for one image."""

    @known_keywords
    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: tuple[float, float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Image], Image] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DTypeLike | None = None,
        *,
        augment_validation: bool | None = None,
    ) -> None:
        self.data_format = check_layout(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = "float32" if dtype is None else dtype
        self.interpolation_order = interpolation_order
        self._validation_split = check_split(validation_split)
        self.zoom_range = check_zoom(zoom_range)
        self.brightness_range = check_brightness(brightness_range)
        self.augment_validation = augment_validation
        self.mean: Image | None = None
        self.std: Image | None = None
        self.zca_whitening_matrix: Image | None = None
        override(self, "zca_whitening", "featurewise_center", to=True)
        override(self, "zca_whitening", "featurewise_std_normalization", to=False)
        override(self, "featurewise_std_normalization", "featurewise_center", to=True)
        override(self, "samplewise_std_normalization", "samplewise_center", to=True)
        warn_of_traps(self)
        self._warned = False

    @known_keywords
    def get_random_transform(self, img_shape: tuple[int, ...], seed: Any = None) -> dict[str, Any]:
        """Draws the parameters of one transform.

        Args:
            img_shape: Of the image, of rank 3.
            seed: What `numpy.random.seed` takes; then the numbers are those that Keras draws.

        Returns:
            `theta` (degrees), `tx`, `ty` (pixels), `shear` (degrees), `zx`, `zy`,
            `flip_horizontal`, `flip_vertical`, and `channel_shift_intensity` and `brightness`,
            which are None if they are not asked for.
        """
        random = stream(seed)
        height, width = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        turn, lean, limit = self.rotation_range, self.shear_range, self.channel_shift_range
        theta = random.uniform(-turn, turn) if turn else 0
        ty = shift(random, self.height_shift_range, height)
        tx = shift(random, self.width_shift_range, width)
        shear = random.uniform(-lean, lean) if lean else 0
        zx, zy = (
            (1, 1) if list(self.zoom_range) == [1, 1] else random.uniform(*self.zoom_range, size=2)
        )
        flips = [
            bool(random.random_sample() < 0.5) * wanted
            for wanted in (self.horizontal_flip, self.vertical_flip)
        ]
        intensity = random.uniform(-limit, limit) if limit != 0 else None
        span = self.brightness_range
        brightness = None if span is None else random.uniform(*span)
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flips[0],
            "flip_vertical": flips[1],
            "channel_shift_intensity": intensity,
            "brightness": brightness,
        }

    @known_keywords
    def apply_transform(self, x: ArrayLike, transform_parameters: Mapping[str, Any]) -> Image:
        """Transforms one image.

        Args:
            x: Image of rank 3, in the units that the batches will have.
            transform_parameters: As from `get_random_transform`; any may be left out.

        Returns:
            An image of the same shape. Its type is kept, but for a channel shift of whole numbers
            (float64) and brightness (float32).
        """
        axes = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        return transformed_image(
            np.asarray(x),
            transform_parameters,
            axes,
            self.fill_mode,
            self.cval,
            self.interpolation_order,
        )

    @known_keywords
    def random_transform(self, x: ArrayLike, seed: int | None = None) -> Image:
        """Transforms one image of rank 3 at random."""
        x = np.asarray(x)
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: Image) -> Image:
        """Preprocesses, rescales and normalises an image, or a batch, in place.

        Of a batch, the samplewise steps take the statistics of all of it.

        Args:
            x: Floating; it is changed.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._fitted("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._fitted(
            "featurewise_std_normalization", self.std
        ):
            x /= self.std + 1e-6  # pyright: ignore[reportOptionalOperand]
        if self.zca_whitening and self._fitted("zca_whitening", self.zca_whitening_matrix):
            flat = x.reshape(-1, np.prod(x.shape[-3:]))
            x = (flat @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _fitted(self, name: str, statistic: Image | None) -> bool:
        if statistic is None:
            message = (
                f"This ImageDataGenerator specifies `{name}`, but it hasn't been fit on any "
                "training data. Fit it first by calling `.fit(numpy_data)`."
            )
            warn(message)
        return statistic is not None

    def augments(self, subset: str | None) -> bool:
        """Whether images of this subset are transformed at random."""
        if subset != "validation" or self.augment_validation is not None:
            return subset != "validation" or bool(self.augment_validation)
        if self.active and not self._warned:
            self._warned = True
            message = (
                'subset="validation" is transformed at random like "training", as Keras does it. '
                "Pass augment_validation=False to ImageDataGenerator to leave it as it is, or True "
                "if you mean it."
            )
            warn(message)
        return True

    @property
    def active(self) -> bool:
        """Whether anything is drawn that changes an image."""
        colors = self.channel_shift_range != 0 or self.brightness_range is not None
        return self.kind is not None or colors

    @property
    def kind(self) -> str | None:
        """Structure of the maps that may be drawn, one of `KINDS`."""
        if self.rotation_range or self.shear_range:
            return "affine"
        shifts = np.any(self.width_shift_range) or np.any(self.height_shift_range)
        if shifts or list(self.zoom_range) != [1, 1]:
            return "separable"
        return "flip" if self.horizontal_flip or self.vertical_flip else None
