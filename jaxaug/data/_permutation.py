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


def fold(key: int, word: IntOrWords) -> IntOrWords:
    """Returns a 64-bit key that depends on both arguments, as `jax.random.fold_in` does.

    Keys folded from neighbouring words, or from neighbouring keys, have nothing in common: the key
    is mixed before the word is added, and the sum is mixed again.

    Args:
        key: Integer, `0 <= key < 2**64`.
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
    place: Any = _feistel(position, size, key)
    if isinstance(position, int):
        while place >= size:
            place = _feistel(place, size, key)
        return place
    while (beyond := np.flatnonzero(place >= size)).size:
        its_key = key[beyond] if isinstance(key, np.ndarray) else key
        place[beyond] = _feistel(place[beyond], size, its_key)
    return place


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
    a = math.isqrt(size - 1) + 1
    b = -(-size // a)
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
