"""Bend: a displacement of the plane as a step of a Warp, so that it shares the one resampling."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxaug._pytree import Pytree, static
from jaxaug._types import Flag, Matrix, Scalar
from jaxaug.functional import geometry

ROUNDS = 32
"""Rounds of the iteration that undoes a displacement: its error shrinks by the displacement's
steepness in each. At a steepness of 0.6, 100 pixels become 1e-5; tests measure it."""

NEAR = 1e-4
"""Square of a distance in pixels, within which rounding decides whether a round came closer."""


class Bend(Pytree):
    """``p -> matrix (p + strength * displacement(p))``, from output to input.

    Coordinates are in pixels from the centre, displacements in pixels. Where the displacement is
    steeper than 1 the map folds over, and points have no place of their own.

    Attributes:
        kernel: a module-level function ``kernel(y, x, *arguments) -> (dy, dx)``, elementwise in
            ``y`` and ``x``.
        arguments: arrays, drawn or given.
        strength: 0 is the identity, 1 the displacement.
        matrix: 3x3, what is done behind the displacement; see ``Warp``.
        kind: the structure of the matrix.
        back: the displacement is undone instead, by fixed-point iteration.
    """

    kernel: Callable[..., Any] = static()
    arguments: tuple[Any, ...] = ()
    strength: Scalar = 1.0
    matrix: Matrix = geometry.IDENTITY
    kind: geometry.Kind | None = static(default=None)
    back: bool = static(default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", geometry.as_matrix(self.matrix))
        object.__setattr__(self, "kind", self.kind or geometry.kind_of(self.matrix))

    def __call__(self, y: Any, x: Any) -> tuple[Any, Any]:
        """The coordinates, displaced, and then through the matrix."""
        y, x = self._undo(y, x) if self.back else self._displaced((y, x), y, x)
        return geometry.through(self.matrix, y, x, self.kind or "projective")

    def _displaced(self, start: tuple[Any, Any], y: Any, x: Any, sign: int = 1) -> tuple[Any, Any]:
        moves = self.kernel(y, x, *self.arguments)
        strength = sign * jnp.asarray(self.strength, jnp.float32)
        down, right = (u + strength * move for u, move in zip(start, moves, strict=True))
        return down, right

    def _undo(self, y: Any, x: Any) -> tuple[Any, Any]:
        """The point that is displaced to ``(y, x)``: each round adds what is still missing.

        Where that would lead further away, too steep a place, the step is made shorter instead: so
        a point that has no way back ends somewhere, and not beyond all numbers.
        """

        def missing(down: Any, right: Any) -> tuple[Any, Any, Any]:
            lacks = self._displaced((y - down, x - right), down, right, sign=-1)
            return *lacks, jnp.square(lacks[0]) + jnp.square(lacks[1])

        def step(_: int, state: tuple[Any, ...]) -> tuple[Any, ...]:
            down, right, lack_y, lack_x, far, part = state
            ahead = down + part * lack_y, right + part * lack_x
            new = (*ahead, *missing(*ahead))
            closer = (new[-1] <= jnp.maximum(far, NEAR)) | jnp.isnan(far)
            part = jnp.where(closer, jnp.minimum(part * 1.5, 1.0), part * 0.5)
            return *(jnp.where(closer, a, b) for a, b in zip(new, state, strict=False)), part

        start = (y, x, *missing(y, x))
        return lax.fori_loop(0, ROUNDS, step, (*start, jnp.ones_like(start[-1])))[:2]

    @property
    def family(self) -> Hashable:
        """What two bends must share for one to stand in for the other by data."""
        return (self.kernel, self.back, jax.tree.structure(self.arguments),
                tuple(jnp.shape(leaf) for leaf in jax.tree.leaves(self.arguments)))  # fmt: skip

    def gate(self, on: Flag) -> "Bend":
        """This bend where ``on``, else the identity."""
        return self.replace(
            strength=self.strength * jnp.asarray(on, jnp.float32),
            matrix=geometry.select(on, self.matrix, geometry.IDENTITY),
        )

    def select(self, on: Flag, other: "Bend") -> "Bend":
        """This bend where ``on``, else the other one of its family."""
        pairs = (self.arguments, self.strength), (other.arguments, other.strength)
        arguments, strength = jax.tree.map(lambda a, b: jnp.where(on, a, b), *pairs)
        matrix = geometry.select(on, self.matrix, other.matrix)
        kind = geometry.wider(self.kind, other.kind)
        return self.replace(arguments=arguments, strength=strength, matrix=matrix, kind=kind)


def select_bends(on: Flag, bends: tuple[Bend, ...], others: tuple[Bend, ...]) -> tuple[Bend, ...]:
    """The first bends where ``on``, else the others: one by one if alike, else all, gated."""
    if [bend.family for bend in bends] == [bend.family for bend in others]:
        return tuple(a.select(on, b) for a, b in zip(bends, others, strict=True))
    rest = tuple(bend.gate(jnp.logical_not(on)) for bend in others)
    return tuple(bend.gate(on) for bend in bends) + rest


def reversed_path(matrix: Matrix, bends: tuple[Bend, ...]) -> tuple[Matrix, tuple[Bend, ...]]:
    """The way back: a matrix and the bends behind it, each undone, in reverse order."""
    if not bends:
        return geometry.inverse(matrix), ()
    before = (matrix, *(bend.matrix for bend in bends[:-1]))
    back = [
        bend.replace(back=not bend.back, matrix=geometry.inverse(ahead), kind="projective")
        for bend, ahead in zip(bends, before, strict=True)
    ]
    return geometry.inverse(bends[-1].matrix), tuple(reversed(back))


def along(bends: tuple[Bend, ...], y: Any, x: Any) -> tuple[Any, Any]:
    """Coordinates through all bends in order."""
    for bend in bends:
        y, x = bend(y, x)
    return y, x
