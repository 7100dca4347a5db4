"""Values through a socket between two processes, arrays without a copy on the way.

A message is a value's pickle and the memory of the arrays in it: `pack` makes it, so that a value
that does not pickle is found out before anything is sent, and `unpack` undoes it.
"""

import io
import pickle
import socket
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Message: TypeAlias = Sequence[Any]
"""Parts, each a flat buffer of bytes with a length: the pickle, then one for each array."""


def pack(value: Any) -> Message:
    """Makes a value a message. It shares memory with the value's arrays."""
    head, arrays = io.BytesIO(), []
    _Pickler(head, protocol=5, buffer_callback=arrays.append).dump(value)
    return [head.getbuffer(), *(array.raw() for array in arrays)]


def unpack(message: Message) -> Any:
    """Makes a message a value again. Its arrays share the message's memory."""
    return pickle.loads(message[0], buffers=message[1:])  # noqa: S301 - from our own process


def send(pipe: socket.socket, message: Message) -> None:
    """Sends a message: the number of its parts, their sizes, and the parts."""
    pipe.sendall(np.array([len(message), *map(len, message)], np.int64).data)
    for part in message:
        pipe.sendall(part)


def receive(pipe: socket.socket) -> Message:
    """Receives a message, its parts uint8 (n,) in new, writable memory.

    Raises:
        EOFError: If the other side is closed.
    """
    (count,) = _receive_bytes(pipe, 8).view(np.int64).tolist()
    sizes = _receive_bytes(pipe, 8 * count).view(np.int64).tolist()
    return [_receive_bytes(pipe, size) for size in sizes]


def _receive_bytes(pipe: socket.socket, size: int) -> np.ndarray:
    memory = np.empty(size, np.uint8)
    rest = memory.data
    while rest:
        received = pipe.recv_into(rest)
        if not received:
            raise EOFError
        rest = rest[received:]
    return memory


class _Pickler(pickle.Pickler):
    """Pickles read-only arrays as copies, because they would arrive read-only."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, np.ndarray) and not obj.flags.writeable:
            return obj.copy().__reduce_ex__(5)
        return NotImplemented
