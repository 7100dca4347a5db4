"""Warnings that point at the user's line, however deep inside jaxaug they arise."""

import inspect
import warnings


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warns on the line that called into jaxaug."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals.get("__name__", "").startswith("jaxaug."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
