"""A misspelt keyword is an error that says which one was meant."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar, overload

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@overload
def known_keywords(function: Callable[Parameters, Result], /) -> Callable[Parameters, Result]: ...


@overload
def known_keywords(
    *, others: Iterable[str]
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]: ...


def known_keywords(function: Any = None, /, *, others: Iterable[str] | None = None) -> Any:
    """Lets a function refuse keywords it does not know, and suggest the nearest one.

    A subclass may have keywords of its own: what counts is what it hands on. A function that takes
    any keyword (`**names`) refuses none, unless `others` are given.

    Args:
        function: A function or a method; of `__init__` the message names the class.
        others: Keywords that it takes by `**names`.

    Raises:
        TypeError: When it is called with another keyword.

    Example:
        >>> @known_keywords
        ... def turn(image, *, degrees=0): ...
        >>> turn(None, degree=90)
        Traceback (most recent call last):
        TypeError: turn: unexpected keyword argument 'degree'. Did you mean 'degrees'?
    """
    if function is None:
        return functools.partial(_checked, others=others)
    return _checked(function, others)


def _checked(function: Callable[..., Any], others: Iterable[str] | None) -> Callable[..., Any]:
    parameters = inspect.signature(function).parameters.values()
    named = [
        one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    if others is None and any(one.kind is one.VAR_KEYWORD for one in parameters):
        return function
    known = dict.fromkeys([*named, *(others or ())])  # a set that keeps the order
    owner, _, name = function.__qualname__.rpartition("<locals>.")[2].rpartition(".")

    @functools.wraps(function)
    def checked(*args: Any, **keywords: Any) -> Any:
        if keywords.keys() <= known.keys():
            return function(*args, **keywords)
        unknown = next(name for name in keywords if name not in known)
        offered = [name for name in known if name != "self"]
        close = difflib.get_close_matches(unknown, offered, 1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"It takes {', '.join(offered)}."
        # The class that the user knows, which may have inherited the method.
        who = [type(args[0]).__name__] if owner else []
        who += [name] if name != "__init__" else []
        raise TypeError(f"{'.'.join(who)}: unexpected keyword argument {unknown!r}. {remedy}")

    return checked
