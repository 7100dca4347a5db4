"""Severities 1 to 5: the numbers of a corruption, looked up in tables.

A severity known when a program is written costs what it needs. A traced one is looked up while the
program runs, so that one program serves all five; it then costs what the largest needs.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxaug._types import JaxaugError, describe
from jaxaug.functional.stable import materialize

SEVERITIES = (1, 2, 3, 4, 5)


def check(who: str, severity: Any) -> Any:
    """A severity as given; a known one must be a whole number of 1 to 5."""
    if hasattr(severity, "dtype") and not isinstance(severity, np.generic):
        return severity
    if isinstance(severity, int | np.integer) and severity in SEVERITIES:
        return int(severity)
    raise JaxaugError(who, "a severity of 1, 2, 3, 4 or 5", describe(severity))


def at(severity: Any, table: Sequence[Any]) -> Any:
    """The severity's own of five: numbers, arrays of one shape, or rows of them.

    They come as arrays that the compiler does not know, even if the severity is known: it would
    join known numbers with others, in one program in one way and in the next in another.
    """
    rows = [jax.tree.map(_array, row) for row in table]
    if isinstance(severity, int):
        return materialize(jax.tree.map(jnp.asarray, rows[severity - 1]))
    found = rows[0]
    for number, row in enumerate(rows[1:], start=2):
        found = jax.tree.map(lambda a, b, n=number: jnp.where(severity == n, b, a), found, row)
    return materialize(found)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)


def most(severity: Any, values: tuple[int, ...]) -> int:
    """The severity's own of five whole numbers, or the largest if it is not known."""
    return values[severity - 1] if isinstance(severity, int) else max(values)
