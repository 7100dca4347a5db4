"""Where a loader is, in a few lines of JSON, and whether a state fits it."""

import hashlib
import json
import operator
from collections.abc import Mapping
from typing import Any

from jaxaug._types import JaxaugError, describe

from ._order._balance import Balanced
from ._order._batches import Batches
from ._source import ImageSource

VERSION = 1

_MEANING = {
    "version": "the version of the format",
    "records": "the number of records",
    "files": "which records there are, and their order",
    "columns": "the labels, or another column",
    "images": "how images are read: their size, colours or another option",
    "seed": "the seed",
    "shuffle": "whether to shuffle",
    "balance": "the balance",
    "epoch_size": "the number of records in an epoch",
    "batch_size": "the number of records in a batch of all hosts together",
    "remainder": "what becomes of an incomplete batch",
}


class Cursor:
    """The position of a loader: what the next loop begins with, and how far the newest one came."""

    def __init__(self) -> None:
        self.next = self.reached = (0, 0)
        self._loops = 0

    def claim(self) -> tuple[int, int, int]:
        """A number for the loop, and epoch and step that it begins with."""
        self._loops += 1
        self.reached = epoch, step = self.next
        self.next = (epoch + 1, 0)
        return self._loops, epoch, step

    def advance(self, loop: int, epoch: int, step: int) -> None:
        """Notes how far a loop has come; older ones than the newest do not count."""
        if loop == self._loops:
            self.reached = (epoch, step)

    def move(self, epoch: int, step: int) -> None:
        """The next loop begins here."""
        self._loops += 1
        self.next = self.reached = (epoch, step)


def fingerprint(
    source: ImageSource, batches: Batches, seed: int, *, shuffle: bool
) -> dict[str, Any]:
    """Everything that a stream of batches depends on, by the names that an error will use."""
    columns = {name: column.digest() for name, column in source.columns.items()}
    return {
        "version": VERSION,
        "records": len(source),
        "files": _hash(source.reader.manifest(), source.identities().tobytes()),
        "columns": _hash(json.dumps(columns, sort_keys=True)),
        "images": _hash(repr(sorted(source.reader.spec.items())), source.reader.options()),
        "seed": seed,
        "shuffle": shuffle,
        "balance": _balance(batches.plan),
        "epoch_size": batches.epoch_size,
        "batch_size": batches.batch_size,
        "remainder": batches.remainder,
    }


def check(state: Any, expected: Mapping[str, Any], steps: int) -> tuple[int, int]:
    """Returns epoch and step of a state that fits.

    Args:
        state: What `Loader.state` returned, or what JSON or a checkpoint made of it.
        expected: The loader's own fingerprint.
        steps: Batches in an epoch.

    Raises:
        JaxaugError: If it does not fit; it names the field.
    """
    who = "Loader.restore"
    if not isinstance(state, Mapping):
        raise JaxaugError(who, "a state", describe(state), "Pass what loader.state() returned.")
    for name, value in expected.items():
        if name not in state:
            remedy = "Pass what loader.state() returned."
            raise JaxaugError(who, f"a state with the field {name!r}", ", ".join(state), remedy)
        if state[name] != value:
            got = f"{state[name]!r} in the state"
            remedy = f"This is {_MEANING[name]}: make the loader as it was, or begin anew."
            raise JaxaugError(who, f"{name}={value!r}, as this loader has", got, remedy)
    epoch, step = (_whole(state.get(name)) for name in ("epoch", "step"))
    if epoch is not None and step is not None and 0 <= step < steps:
        return epoch, step
    want = f"an epoch, and a step below {steps}"
    got = f"epoch={state.get('epoch')!r}, step={state.get('step')!r}"
    raise JaxaugError(who, want, got, "Pass what loader.state() returned.")


def _whole(value: Any) -> int | None:
    """A number that is 0 or more, as Python or a checkpoint of arrays has it; else None."""
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return None if isinstance(value, bool) or number < 0 else number


def _balance(plan: Any) -> str:
    if not isinstance(plan, Balanced):
        return "none"
    return _hash(str(plan.period), plan.starts.tobytes(), plan.shares.tobytes())


def _hash(*parts: str | bytes) -> str:
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape"))
    return state.hexdigest()
