"""What an `ImageDataGenerator` is given: checked, completed, and warned of."""

import numbers
from typing import Any

import numpy as np

from ._warn import warn

LAYOUTS = ("channels_last", "channels_first")


def check_layout(data_format: str | None) -> str:
    """The layout of images; Keras' default if None."""
    if data_format is None:
        return "channels_last"
    if data_format not in LAYOUTS:
        raise ValueError(
            '`data_format` should be `"channels_last"` (channel after row and column) or '
            f'`"channels_first"` (channel before row and column). Received: {data_format}'
        )
    return data_format


def check_split(validation_split: float) -> float:
    """A part of the data, or 0 for none."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            f"`validation_split` must be strictly between 0 and 1.  Received: {validation_split}"
        )
    return validation_split


def check_zoom(zoom_range: Any) -> list[float]:
    """The limits of the zoom, given them or how far they are from 1."""
    if isinstance(zoom_range, numbers.Real | np.number):
        return [1 - zoom_range, 1 + zoom_range]  # type: ignore[operator] - both are numbers
    if np.shape(zoom_range) == (2,) and np.issubdtype(np.asarray(zoom_range).dtype, np.number):
        return [zoom_range[0], zoom_range[1]]
    kind = TypeError if zoom_range is None else ValueError
    raise kind(
        f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}"
    )


def check_brightness(brightness_range: Any) -> Any:
    """The limits of the brightness, or None."""
    pair = isinstance(brightness_range, tuple | list) and len(brightness_range) == 2
    if brightness_range is not None and not pair:
        raise ValueError(
            f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}"
        )
    return brightness_range


def override(generator: Any, cause: str, name: str, *, to: bool) -> None:
    """Switches an option on or off, with a warning, if another one asks for it."""
    if getattr(generator, cause) and bool(getattr(generator, name)) != to:
        setattr(generator, name, to)
        message = (
            f"This ImageDataGenerator specifies `{cause}`, which overrides setting of `{name}`."
        )
        warn(message)


def warn_of_traps(generator: Any) -> None:
    """Says so where Keras takes a range for something that hardly anybody means."""
    for name in ("width_shift_range", "height_shift_range"):
        given = getattr(generator, name)
        span = np.asarray(0 if given is None else given)
        if span.size and span.max() < 1 and span.min() <= -1:
            warn(
                f"{name}={getattr(generator, name)}: as none of it reaches 1, these are parts of "
                "the image, not pixels: it will be moved out of sight. Use positive numbers."
            )
    low, high = generator.zoom_range
    if min(low, high) <= 0:
        warn(
            f"zoom_range from {low:g} to {high:g}: factors below 0 mirror the image, and 0 leaves "
            "one pixel of it. Use numbers above 0, or a single one below 1."
        )
