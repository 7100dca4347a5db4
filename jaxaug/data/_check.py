"""Checks of arguments: each returns the value it accepts, or says what to pass instead."""

import operator
import os
from collections.abc import Iterable

import numpy as np

from jaxaug._types import JaxaugError


def integer(who: str, name: str, value: object, low: int, high: int | None = None) -> int:
    """Returns `value` as an int in `low <= value <= high`.

    Args:
        who: The public name that the message begins with.
        name: The argument's name.
        value: Anything; Python and NumPy integers are accepted, booleans are not.
        low: Smallest value allowed.
        high: Largest value allowed, or None.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is out of range.
    """
    wanted = f"{who}: expected {name} to be an integer, {low} or more"
    wanted += "" if high is None else f" and at most {high}"
    try:
        number = operator.index(value)  # pyright: ignore[reportArgumentType] - the point of the try
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{wanted}, got {value!r}. Pass a whole number, such as {name}={low}.")
    if number < low or (high is not None and number > high):
        raise ValueError(f"{wanted}, got {number}. Pass a number in that range.")
    return number


def choice(who: str, name: str, value: object, options: Iterable[str]) -> str:
    """Returns `value` if it is one of the strings `options`.

    Raises:
        ValueError: If it is not.
    """
    known = list(options)
    if isinstance(value, str) and value in known:
        return value
    listed = ", ".join(map(repr, known))
    raise ValueError(
        f"{who}: expected {name} to be one of {listed}, got {value!r}. Pass one of them."
    )


def flag(who: str, name: str, value: object) -> bool:
    """Returns `value` if it is True or False, Python's or NumPy's.

    Raises:
        JaxaugError: If it is anything else: "False" would count as true.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise JaxaugError(who, f"{name} to be True or False", repr(value), "Pass one of them.")


def seconds(who: str, name: str, value: object) -> float | None:
    """Returns `value` if it is None, or a number of seconds above 0.

    Raises:
        JaxaugError: If it is not.
    """
    if value is None:
        return None
    if isinstance(value, int | float | np.integer | np.floating) and 0 < value <= 1e6:
        return float(value)
    want = f"{name} to be seconds, above 0 and at most a million, or None"
    raise JaxaugError(who, want, repr(value), f"Pass a number, such as {name}=60.0.")


def path(who: str, name: str, value: object) -> str:
    """Returns a path as a str.

    Raises:
        JaxaugError: If it is neither a text nor `os.PathLike` of one, or is empty.
    """
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if isinstance(found, str) and found:
        return found
    remedy = f"Pass a text or a pathlib.Path, such as {name}='data'."
    raise JaxaugError(who, f"{name} to be a path", repr(value), remedy)


def texts(who: str, name: str, value: object) -> tuple[str, ...]:
    """Returns a list or tuple of texts as a tuple.

    Raises:
        JaxaugError: If it is none, or one text alone, or holds anything but texts.
    """
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return tuple(value)
    remedy = f"Pass {name}=[{value!r}]." if isinstance(value, str) else "Pass texts."
    raise JaxaugError(who, f"{name} to be a list of texts", repr(value), remedy)
