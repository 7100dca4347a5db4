"""A keyed permutation of `0 .. size - 1` that needs no memory and can be asked anywhere.

A record's place in a shuffled epoch is computed, not stored: a Feistel network on a grid of
`a x b >= size` cells, and cycle walking (Black and Rogaway, "Ciphers with arbitrary finite
domains", CT-RSA 2002, the generalised Feistel construction) past the few cells that exceed `size`.
Because `a * b` is within `2 sqrt(size)` of `size`, walking is rare.

Everything is integer arithmetic modulo 2**32 or 2**64, so results are the same on every machine and
in every version of NumPy. The same lines serve Python integers (fast for one index) and uint64
arrays (fast for many): every product fits in 64 bits or is meant to wrap.
"""

import math
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

IntOrWords = TypeVar("IntOrWords", int, NDArray[np.uint64])

MAX_SIZE = 2**32  # a record's identity is a uint32
_MASK32 = 2**32 - 1
_MASK64 = 2**64 - 1
_ROUNDS = 8  # 4 would do for large sizes; small grids need more to mix (tested down to 2 records)


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
    return _mix64((word + _mix64((key + 0x9E3779B97F4A7C15) & _MASK64)) & _MASK64)


def permute(position: IntOrWords, size: int, key: Any) -> IntOrWords:
    """Returns where `position` goes in the permutation of `range(size)` named by `key`.

    Args:
        position: Integer, or uint64 array of shape (n,), `0 <= position < size`.
        size: Number of elements, `1 <= size <= 2**32`.
        key: Integer, or one for each position, `0 <= key < 2**64`; see `fold`.

    Returns:
        Integer, or uint64 array of shape (n,), `0 <= result < size`.
    """
    place = _feistel(position, size, key)
    if isinstance(position, int):
        while place >= size:
            place = _feistel(place, size, key)
        return place
    while (beyond := np.flatnonzero(place >= size)).size:
        its_key = key[beyond] if isinstance(key, np.ndarray) else key
        place[beyond] = _feistel(place[beyond], size, its_key)
    return place


def _feistel(position: Any, size: int, key: Any) -> Any:
    """One pass of the network over a grid of a x b cells that has room for `size`."""
    a = math.isqrt(size - 1) + 1 if size > 1 else 1
    b = -(-size // a)
    low, high = key & _MASK32, key >> 32
    left, right = position // b, position % b
    for turn in range(0, _ROUNDS, 2):
        left = (left + (_mix32(right, low, high, turn) * a >> 32)) % a
        right = (right + (_mix32(left, low, high, turn + 1) * b >> 32)) % b
    return left * b + right


def _mix32(half: Any, low: Any, high: Any, turn: int) -> Any:
    """A keyed hash to 32 bits: the finaliser "lowbias32" (C. Wellons), the key entering twice.

    The turn goes into bits that `half` (17 bits at most) never reaches, so that no two rounds hash
    the same number.
    """
    x = half ^ low ^ (turn << 24)
    x = (x ^ (x >> 16)) * 0x7FEB352D & _MASK32
    x = (x ^ (x >> 15)) + high & _MASK32
    x = (x ^ (x >> 16)) * 0x846CA68B & _MASK32
    return x ^ (x >> 16)


def _mix64(x: Any) -> Any:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection of 64 bits."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK64
    return x ^ (x >> 31)
