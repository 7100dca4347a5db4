"""Parameters of augmentations: drawn in Keras' order, but from a stream of each image's own."""

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_calls = itertools.count()


def fresh_seed() -> int:
    """A seed where none was given, another one at every call: `0 <= seed < 2**64`.

    Many scripts make their runs repeatable by `numpy.random.seed` alone. So it depends on the state
    that this leaves, from which nothing is drawn.
    """
    _, words, place, *_ = np.random.get_state(legacy=True)  # noqa: NPY002
    text = f"{place} {next(_calls)}".encode()
    digest = hashlib.blake2b(np.asarray(words).tobytes() + text, digest_size=8).digest()
    return int.from_bytes(digest, "little")


def words(root: int) -> tuple[int, int]:
    """A seed below 2**64 as two numbers below 2**32, low and high: what streams are seeded by."""
    return root & 0xFFFFFFFF, root >> 32


def row_seeds(root: int, visits: ArrayLike, rows: ArrayLike) -> NDArray[np.uint32]:
    """The seed of each image's transform, uint32 (b, 4): two words, its visit, and its row."""
    parts = np.broadcast_arrays(*words(root), visits, rows)
    return np.stack(parts, axis=-1).astype(np.uint32)


class _Streams(threading.local):
    """This thread's streams: a loose one, and those of `drawing_for`, one for each level."""

    def __init__(self) -> None:
        self.depth = 0
        self._made: list[np.random.RandomState] = []

    def at(self, depth: int) -> np.random.RandomState:
        while len(self._made) <= depth:
            self._made.append(np.random.RandomState())
        return self._made[depth]


_streams = _Streams()


def stream(seed: Any = None) -> np.random.RandomState:
    """The stream of random numbers that NumPy's global one would be after `seed(seed)`.

    Without a seed it is the stream of `drawing_for`, or else a fresh one. It is valid until this
    thread asks for another one.
    """
    if seed is None and _streams.depth:
        return _streams.at(_streams.depth)
    if seed is None:
        seed = words(fresh_seed())
    _streams.at(0).seed(seed)
    return _streams.at(0)


@contextlib.contextmanager
def drawing_for(seed: Any) -> Iterator[None]:
    """Lets all that this thread draws without a seed come from one stream, for one image or batch.

    So what users override is repeatable, though it does not hand a seed on. It may be nested.
    """
    _streams.at(_streams.depth + 1).seed(seed)
    _streams.depth += 1
    try:
        yield
    finally:
        _streams.depth -= 1


def shift(random: np.random.RandomState, span: Any, size: int) -> float:
    """A shift in pixels along an axis of `size` pixels.

    Args:
        random: What to draw from.
        span: A whole number n: whole pixels, -(n-1) to n-1. Another number r: from -r to r, in
            pixels, or below 1 in parts of the size. Several numbers: one of them or its
            negative, in the same units.
        size: Height or width of the image.
    """
    if not (np.size(span) if np.ndim(span) else span):
        return 0.0
    try:
        pixels = random.choice(span) * random.choice([-1, 1])
    except ValueError:  # what is not whole or no list
        pixels = random.uniform(-span, span)
    return float(pixels * size if np.max(span) < 1 else pixels)
