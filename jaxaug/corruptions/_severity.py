"""Severities 1 to 5: the numbers of a corruption, looked up in tables.

A severity known when a program is written costs what it needs. A traced one is looked up while the
program runs, so that one program serves all five; it then costs what the largest needs.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxaug._types import JaxaugError, describe

SEVERITIES = (1, 2, 3, 4, 5)


def check(who: str, severity: Any) -> Any:
    """A severity as given; a known one must be a whole number of 1 to 5."""
    if hasattr(severity, "dtype") and not isinstance(severity, np.generic):
        return severity
    if isinstance(severity, int | np.integer) and severity in SEVERITIES:
        return int(severity)
    raise JaxaugError(who, "a severity of 1, 2, 3, 4 or 5", describe(severity))


def at(severity: Any, values: Any) -> Any:
    """The severity's own of five numbers, or of five arrays of one shape.

    Known numbers stay Python numbers.
    """
    if isinstance(severity, int):
        return values[severity - 1]
    found = jnp.asarray(values[0])
    for number, value in enumerate(values[1:], start=2):
        found = jnp.where(severity == number, value, found)
    return found


def most(severity: Any, values: tuple[int, ...]) -> int:
    """The severity's own of five whole numbers, or the largest if it is not known."""
    return values[severity - 1] if isinstance(severity, int) else max(values)
