"""A keyed permutation of `0 .. size - 1` that needs no memory and can be asked anywhere.

A record's place in a shuffled epoch is computed, not stored: a Feistel network on a grid of
`a x b >= size` cells, and cycle walking past the few cells that exceed `size` (Black and Rogaway,
"Ciphers with arbitrary finite domains", CT-RSA 2002, the generalised Feistel construction).
Because `a * b` is within `2 sqrt(size)` of `size`, walking is rare. On a small grid such a network
mixes poorly; there, sorting by a hash is as quick and every order is equally likely.

Everything is integer arithmetic modulo 2**32 or 2**64, so results are the same on every machine and
in every version of NumPy. The same lines serve Python integers (fast for one index) and uint64
arrays (fast for many): every product fits in 64 bits or is meant to wrap.
"""

import functools
import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

IntOrWords = TypeVar("IntOrWords", int, NDArray[np.uint64])

MAX_SIZE = 2**32  # a record's identity is a uint32
_SMALL = 1024
_ROUNDS = 8  # at 6, neighbours stay neighbours 3 % too often; at 4, 90 %
_MASK32 = 2**32 - 1
_MASK64 = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: the step of SplitMix64


def fold(key: Any, word: IntOrWords) -> IntOrWords:
    """Returns a 64-bit key that depends on both arguments, as `jax.random.fold_in` does.

    Keys folded from neighbouring words, or from neighbouring keys, have nothing in common: the key
    is mixed before the word is added, and the sum is mixed again.

    Args:
        key: Integer, `0 <= key < 2**64`, or an array with one for each word.
        word: Integer, or uint64 array, of the same range.

    Returns:
        Integer, or uint64 array of the shape of `word`.
    """
    return _mix64((word + _mix64((key + _GOLDEN) & _MASK64)) & _MASK64)


def permute(position: IntOrWords, size: int, key: Any) -> IntOrWords:
    """Returns where `position` goes in the permutation of `range(size)` named by `key`.

    Args:
        position: Integer, or uint64 array of shape (n,), `0 <= position < size`.
        size: Number of elements, `1 <= size <= 2**32`.
        key: Integer, `0 <= key < 2**64`, or an array with one for each position; see `fold`.

    Returns:
        Integer, or uint64 array of shape (n,), `0 <= result < size`.
    """
    if size <= _SMALL:
        return _lookup(position, size, key)
    return _walk(position, size, key)


def cycled(draw: IntOrWords, size: Any, key: Any) -> IntOrWords:
    """Returns what draw `draw` takes out of `range(size)`, if each round has a new order.

    It is `permute(draw % size, size, fold(key, draw // size))`, made for many sizes at once. Small
    sizes are looked up in tables that hold about 1,024 draws each, whatever the size: the smaller
    it is, the more rounds are in one. So a table is made once in 1,024 draws.

    Args:
        draw: Integer, or uint64 array of shape (n,), not negative.
        size: Number of elements, `1 <= size <= 2**32`; for an array of draws a uint64 array with
            one for each.
        key: Integer, `0 <= key < 2**64`; for an array of draws a uint64 array with one for each.

    Returns:
        Integer, or uint64 array of shape (n,), `0 <= result < size`.
    """
    if isinstance(draw, int):
        if size == 1:
            return 0
        if size <= _SMALL:
            block, entry = divmod(draw, _SMALL // size * size)
            return int(_rounds(size, key, block)[entry])
        return _walk(draw % size, size, fold(key, draw // size))
    found = np.zeros(draw.shape, np.uint64)  # right for size 1
    small, large = (size > 1) & (size <= _SMALL), size > _SMALL
    if small.any():
        draws, sizes, keys = draw[small], size[small], key[small]
        blocks, entries = np.divmod(draws, _SMALL // sizes * sizes)
        named = zip(sizes.tolist(), keys.tolist(), blocks.tolist(), entries.tolist(), strict=True)
        found[small] = [_rounds(n, its_key, block)[entry] for n, its_key, block, entry in named]
    if large.any():
        draws, sizes, keys = draw[large], size[large], key[large]
        found[large] = _walk(draws % sizes, sizes, fold(keys, draws // sizes))
    return found


@functools.lru_cache(maxsize=4096)  # of about 2 KB: the small classes of 4 million draws
def _rounds(size: int, key: int, block: int) -> NDArray[np.uint16]:
    """As many whole rounds of `cycled` as fit in 1,024 draws, the `block`-th such lot."""
    many = _SMALL // size
    rounds = np.arange(block * many, (block + 1) * many, dtype=np.uint64)
    return _orders(size, fold(key, rounds)).astype(np.uint16).ravel()


def _walk(position: Any, size: Any, key: Any) -> Any:
    """Goes on through the network until out of the cells beyond `size`, which a few are in."""
    place = _feistel(position, size, key)
    if isinstance(position, int):
        while place >= size:
            place = _feistel(place, size, key)
        return place
    while (beyond := np.flatnonzero(place >= size)).size:
        place[beyond] = _feistel(place[beyond], _at(size, beyond), _at(key, beyond))
    return place


def _at(values: Any, where: NDArray[np.intp]) -> Any:
    return values[where] if isinstance(values, np.ndarray) else values


def _lookup(position: Any, size: int, key: Any) -> Any:
    if not isinstance(key, np.ndarray):
        found = _order(size, key)[position]
        return int(found) if isinstance(position, int) else found
    keys, which = np.unique(key, return_inverse=True)
    return _orders(size, keys)[which, position]


@functools.lru_cache(maxsize=16)  # an epoch is asked for batch by batch; 8 KB each
def _order(size: int, key: int) -> NDArray[np.uint64]:
    return _orders(size, np.array([key], np.uint64))[0]


def _orders(size: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sorts `range(size)` by what SplitMix64 draws with each key: uint64 (keys, size), no ties."""
    steps = np.arange(size, dtype=np.uint64) * _GOLDEN
    return np.argsort(_mix64(keys[:, None] + steps), axis=1).astype(np.uint64)


def _feistel(position: Any, size: int, key: Any) -> Any:
    """One pass of the network over a grid of a x b cells that has room for `size`."""
    # Below 2**32 the root is exact enough in floating point to be cut to the same integer.
    root = np.sqrt(size - 1).astype(np.uint64) if isinstance(size, np.ndarray) else None
    a = (math.isqrt(size - 1) if root is None else root) + 1
    b = (size + a - 1) // a
    low, high = key & _MASK32, key >> 32
    left, right = position // b, position % b
    for turn in range(0, _ROUNDS, 2):
        left = (left + (_hash32(right, low ^ (turn << 24), high) * a >> 32)) % a
        right = (right + (_hash32(left, low ^ (turn + 1 << 24), high) * b >> 32)) % b
    return left * b + right


def _hash32(half: Any, low: Any, high: Any) -> Any:
    """A keyed hash of up to 17 bits to 32, of which the upper ones are good: all we use.

    Both multiplications of the finaliser "lowbias32" (C. Wellons), the key entering before each.
    The number of the round is in bits of `low` that `half` never reaches: no two rounds hash alike.
    """
    x = (half ^ low) * 0x7FEB352D & _MASK32
    return (x ^ (x >> 15) ^ high) * 0x846CA68B & _MASK32


def _mix64(x: Any) -> Any:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection of 64 bits."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK64
    return x ^ (x >> 31)
