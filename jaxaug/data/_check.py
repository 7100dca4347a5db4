"""Checks of arguments: each returns the value it accepts, or says what to pass instead."""

import operator
from collections.abc import Iterable


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
