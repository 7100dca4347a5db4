"""Iterators that the models of Keras take, where Keras is in use."""

import functools
import sys
from typing import Any


def known_to_keras(kind: type) -> type:
    """The class, also a `keras.utils.PyDataset` if the program has imported Keras.

    Models ask for this class by name; jaxaug itself does not need Keras, and never imports it.
    """
    utils = getattr(sys.modules.get("keras"), "utils", None)
    base = getattr(utils, "PyDataset", None)
    return kind if base is None or issubclass(kind, base) else _both(kind, base)


@functools.cache
def _both(kind: type, base: type) -> type:
    def prepare(self: Any) -> None:
        base.__init__(self)

    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    names |= {"__doc__": kind.__doc__, "_prepare": prepare}
    return type(kind.__name__, (kind, base), names)
