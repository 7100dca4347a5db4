"""What was aimed at, and whether it is reached."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.measure import OURS
from benchmarks.tables import find
from benchmarks.works import SINGLES

ROWS, FLOAT = 64, "float32"


class Target(NamedTuple):
    """A number and what it should be.

    Attributes:
        text: what is compared.
        reached: what was measured.
        wanted: the bound.
        most: whether the bound is the largest that is allowed.
    """

    text: str
    reached: float
    wanted: float
    most: bool = False

    @property
    def yes(self) -> bool:
        return self.reached <= self.wanted if self.most else self.reached >= self.wanted

    def line(self) -> str:
        relation = "at most" if self.most else "of"
        verdict = "yes" if self.yes else "**no**"
        return f"{self.text}: {self.reached:.2f} {relation} {self.wanted:g}: {verdict}"


_PEERS = {
    "albumentations, one loop": 2,
    "kornia": 5,
    "Keras, SciPy loop": 15,
    "augmax": 20,
    "Keras layers": 60,
}


def targets(report: dict[str, Any]) -> list[Target]:
    """All targets that a report has numbers for."""
    found = _gpu(report) if report["device"] == "gpu" else _cpu(report)
    return list(found)


def _limit(cells: list[Any], work: str, rows: int = ROWS, dtype: str = FLOAT) -> float | None:
    entry = find(cells, work, rows, dtype).get(OURS, {})
    return entry["of limit"][1] if "of limit" in entry else None


def _rate(cells: list[Any], work: str) -> float | None:
    entry = find(cells, work, ROWS, FLOAT).get(OURS, {})
    return entry["rate"][1] if "rate" in entry else None


def _ratio(cells: list[Any], work: str, side: str, rows: int = ROWS) -> float | None:
    entry = find(cells, work, rows, FLOAT).get(side, {})
    return entry["ratio"][1] if "ratio" in entry else None


def _cpu(report: dict[str, Any]) -> Iterator[Target]:
    cells = report["cells"]
    yield from _speed(cells)
    wanted = [(w, side, bound) for w in "AB" for side, bound in _PEERS.items()]
    wanted += [("C", "albumentations, one loop", 1.5)]
    wanted += [(w, "albumentations", 1.0) for w in ("D", "F", *SINGLES)]
    for work, side, bound in wanted:
        if (times := _ratio(cells, work, side)) is not None:
            yield Target(f"{work}, times {side}", times, bound)
    yield from _compiled(report)


def _speed(cells: list[Any]) -> Iterator[Target]:
    """Beside the limit, and chains beside each other."""
    for work in "AB":
        if (part := _limit(cells, work)) is not None:
            yield Target(f"{work}, part of the limit", part, 0.5)
    for one, other, wanted in (("B", "A", 0.9), ("C", "B", 0.5)):
        if (mine := _rate(cells, one)) and (theirs := _rate(cells, other)):
            yield Target(f"{one} as a part of {other}", mine / theirs, wanted)


def _compiled(report: dict[str, Any]) -> Iterator[Target]:
    """What compilation costs, and memory."""
    cells = report["cells"]
    ours = find(cells, "B", ROWS, FLOAT).get(OURS, {})
    if "compile" in ours:
        yield Target("B, seconds of compilation", ours["compile"], 2.0, most=True)
    if report.get("recompilations") is not None:
        text = "B, compiled again when its numbers change"
        yield Target(text, report["recompilations"], 0, most=True)
    for work in "ABCDEF":
        entry = find(cells, work, ROWS, FLOAT).get(OURS, {})
        if "temporaries" in entry:
            text = f"{work}, temporaries as a part of the output"
            yield Target(text, entry["temporaries"], 2.0, most=True)


def _gpu(report: dict[str, Any]) -> Iterator[Target]:
    cells, speed = report["cells"], report["copy"]
    for work in "ABC":
        for rows in (256, 1024):
            entry = find(cells, work, rows, "bfloat16").get(OURS, {})
            if "rate" in entry:
                each = (entry["bytes in"] + entry["bytes out"]) / rows
                text = f"{work}, batch {rows}, bfloat16, part of the bandwidth of a copy"
                yield Target(text, entry["rate"][1] * each / speed, 0.5)
    for work in SINGLES:
        for side in ("kornia", "kornia, compiled", "torchvision, one draw a batch"):
            if (times := _ratio(cells, work, side, 256)) is not None:
                yield Target(f"{work}, batch 256, times {side}", times, 1.0)
    for work, levels in report.get("agreement", {}).items():
        wanted = 0.0 if work in ("flip", "random crop") else 1.0
        yield Target(f"{work}, grey levels between GPU and CPU", levels, wanted, most=True)
