"""Taking encoded images out of the records of a Grain data source."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxaug._types import JaxaugError
from jaxaug.data._decode._decoder import Decoder
from jaxaug.data._decode._fault import DecodeError
from jaxaug.data._decode._file import TRANSIENT
from jaxaug.data._packed import _record
from jaxaug.data._paths import Paths
from jaxaug.data._reader import Reader, ReadImages, file_version

Parse = Callable[[Any], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Takes the encoded image and mask of one record out of a Grain source.

    Attributes:
        source: The Grain source.
        text: What to call it in a message.
        image: Key of the image.
        mask: Key of the mask, or None.
        parse: Makes a dict of a record; None if it is one, or one of ours.
    """

    source: Any = dataclasses.field(repr=False)
    text: str
    image: str = "image"
    mask: str | None = None
    parse: Parse | None = dataclasses.field(default=None, repr=False)

    def __call__(self, number: int) -> tuple[tuple[str, bytes], tuple[str, bytes] | None]:
        """Returns the image, and the mask if there is one, each with a name before its bytes.

        Raises:
            DecodeError: If the Grain source fails, or there are no such bytes.
        """
        record = self.record(number)
        name = self.name(number)
        image = (name, self._bytes(record, self.image, name))
        mask = self.mask and (f"{name}, mask", self._bytes(record, self.mask, name))
        return image, mask or None

    def record(self, number: int) -> Mapping[str, Any]:
        """Returns a whole record.

        Raises:
            DecodeError: If the Grain source fails, or what it gives is no record.
        """
        try:
            try:
                raw = self.source[int(number)]
            except OSError as error:
                if error.errno not in TRANSIENT:
                    raise
                raw = self.source[int(number)]
            parse = self.parse or (_record.load if isinstance(raw, bytes) else None)
            record = parse(raw) if parse else raw
            if not isinstance(record, Mapping):
                raise TypeError(f"a record of type {type(record).__name__}, no dict")  # noqa: TRY301
        except Exception as error:  # a Grain source may raise anything
            raise DecodeError.of(self.name(number), "open", error) from error
        return record

    def name(self, number: int) -> str:
        """What to call a record in a message."""
        return f"{self.text}[{number}]"

    def check(self) -> None:
        """Looks at the first record, where a wrong key or form shows.

        Raises:
            JaxaugError: If there is no image in it.
        """
        try:
            record = self.record(0)
        except DecodeError as error:
            want = "records that are dicts, or that pack wrote"
            got = f"{error.path} ({error.reason})"
            raise JaxaugError("EncodedSource", want, got, "Pass parse=.") from error
        for key in filter(None, (self.image, self.mask)):
            if not isinstance(record.get(key), bytes | bytearray | memoryview):
                got = ", ".join(f"{k!r}: {type(v).__name__}" for k, v in record.items())
                remedy = "Say under which key they are with image= and mask=."
                want = f"bytes of an encoded image under {key!r}"
                raise JaxaugError("EncodedSource", want, f"{{{got}}}", remedy)

    def _bytes(self, record: Mapping[str, Any], key: str, name: str) -> bytes:
        value = record.get(key)
        # Never a text: it would be taken for a path, and files opened that a record chose.
        if not isinstance(value, bytes | bytearray | memoryview):
            reason = f"{type(value).__name__} under {key!r} instead of bytes"
            raise DecodeError(name, reason, "open", "TypeError")
        return bytes(value)


class EncodedReader(Reader):
    """Images in the records of a Grain source.

    Args:
        fetch: How to get one.
        decoder: How a file becomes an array.
        count: Number of records.
        keys: Name of each record, or None.
        places: Number of the record of each identity, an array; None if they are the same.
        placement: Whether to report where the picture lies in the array.
    """

    def __init__(
        self,
        fetch: Fetch,
        decoder: Decoder,
        count: int,
        *,
        keys: Paths | None = None,
        places: NDArray[np.uint32] | None = None,
        placement: bool = False,
    ) -> None:
        self._count, self._keys, self._places, self._fetch = count, keys, places, fetch
        self._decoder = decoder
        self.read = ReadImages(decoder, fetch.mask is not None, placement, fetch)
        self.spec = self.read.spec

    def __len__(self) -> int:
        return self._count

    def jobs(self, index: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return index if self._places is None else self._places[index]

    def name(self, identity: int) -> str:
        return self._fetch.name(self._number(identity))

    def key(self, identity: int) -> str:
        return str(identity) if self._keys is None else self._keys[self._number(identity)]

    def _number(self, identity: int) -> int:
        return identity if self._places is None else int(self._places[identity])

    def blame(self, jobs: Any, place: int | None) -> str:
        first = self._fetch.name(int(jobs[place or 0]))  # jobs are numbers of records
        return first if place is not None else f"{len(jobs)} records from {first} on"

    def manifest(self) -> str:
        """A hash of the names, or where there are none, of a few records."""
        if self._keys is not None:
            return self._keys.digest()
        numbers = np.unique(np.linspace(0, len(self) - 1, 16).astype(np.int64))
        return f"{len(self)} {self._contents(numbers).hex()}"

    def options(self) -> str:
        return repr(self._decoder)

    def versions(self, index: NDArray[np.uint32]) -> bytes:
        facts = repr((self.read, self._fetch)).encode("utf-8", "surrogateescape")
        state = hashlib.blake2b(facts, digest_size=32)
        paths = getattr(self._fetch.source, "paths", None)
        if paths and self._fetch.parse is None:
            for path in paths:
                state.update(file_version(path).encode("utf-8", "surrogateescape"))
        else:  # nothing but the contents tells whether they have changed
            state.update(self._contents(self.jobs(index)))
        return state.digest()

    def _contents(self, index: NDArray[Any]) -> bytes:
        state = hashlib.blake2b(digest_size=16)
        for number in index.tolist():
            try:
                files = self._fetch(number)
            except DecodeError as error:
                files = (("", str(error).encode("utf-8", "surrogateescape")), None)
            for _, file in filter(None, files):
                state.update(hashlib.blake2b(file, digest_size=16).digest())
        return state.digest()
