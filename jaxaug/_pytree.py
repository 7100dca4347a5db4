"""Pytree: a frozen dataclass whose fields are leaves, except those marked ``static()``."""

import dataclasses
from typing import Any, Self, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

_STATIC = "jaxaug_static"
_WIDTH = 88


def static(**options: Any) -> Any:
    """A dataclass field that is not a leaf: strings, sizes, functions, what shapes the program.

    Its value must be hashable; another value compiles again.
    """
    return dataclasses.field(metadata={_STATIC: True}, **options)


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
class Pytree:
    """Base class: a subclass is a frozen dataclass and a JAX pytree at once.

    ``jax.tree_util.register_dataclass`` would call the constructor when it unflattens, where fields
    are tracers or placeholders; here unflattening fills the fields and calls nothing. Hence a
    constructor may check its arguments and take any signature. Equality is identity, so that an
    object with array fields can be handed to ``jax.jit`` as the function.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        leaves = tuple(f.name for f in fields if not f.metadata.get(_STATIC))
        statics = tuple(f.name for f in fields if f.metadata.get(_STATIC))
        keys = tuple(jax.tree_util.GetAttrKey(name) for name in leaves)

        def flatten(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            return (
                tuple(getattr(tree, name) for name in leaves),
                tuple(getattr(tree, name) for name in statics),
            )

        def flatten_with_keys(tree: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            children, rest = flatten(tree)
            return tuple(zip(keys, children, strict=True)), rest

        def unflatten(rest: tuple[Any, ...], children: Any) -> Any:
            return _fill(cls, zip(leaves, children, strict=True), zip(statics, rest, strict=True))

        jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed; the constructor is not called."""
        return _fill(type(self), vars(self).items(), changes.items())

    def __repr__(self) -> str:
        return _show(self)

    def parts(self) -> list[tuple[str, Any]]:
        """What ``repr`` shows, as ``(name, value)``: the fields that differ from their defaults."""
        return [
            (field.name, getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if not _is_default(getattr(self, field.name), field.default)
        ]


def _fill(cls: type, *fields: Any) -> Any:
    tree = object.__new__(cls)
    for items in fields:
        for name, value in items:
            object.__setattr__(tree, name, value)
    return tree


def _is_default(value: Any, default: Any) -> bool:
    if value is default:
        return True
    plain = (bool, int, float, str, tuple)
    return isinstance(value, plain) and type(value) is type(default) and bool(value == default)


def _show(value: Any, indent: int = 0) -> str:
    """Readable text of a value, broken over lines where it grows long."""
    if isinstance(value, Pytree):
        items = [(f"{name}=" if name else "", part) for name, part in value.parts()]
        opening, closing = f"{type(value).__name__}(", ")"
    elif isinstance(value, tuple) and hasattr(value, "_fields"):  # a NamedTuple
        named: Any = value
        items = [(f"{k}=", part) for k, part in named._asdict().items() if part is not None]
        opening, closing = f"{type(value).__name__}(", ")"
    elif isinstance(value, tuple):
        items, opening, closing = [("", part) for part in value], "(", ")"
    else:
        return _show_leaf(value)
    flat = opening + ", ".join(f"{name}{_show(part)}" for name, part in items) + closing
    if len(flat) + indent <= _WIDTH and "\n" not in flat:
        return flat
    pad = " " * (indent + 2)
    lines = [f"{pad}{name}{_show(part, indent + 2 + len(name))}," for name, part in items]
    return "\n".join([opening, *lines, " " * indent + closing])


def _show_leaf(value: Any) -> str:
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return getattr(value, "__qualname__", None) or repr(value)
    if value.shape or isinstance(value, Tracer):
        return f"{value.dtype}{list(value.shape)}"
    return f"{value.item():.4g}" if jnp.issubdtype(value.dtype, np.floating) else str(value)
