"""Cells and rounds: each round times every side once, so that a busy machine slows all alike."""

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.peers import SIDES
from benchmarks.processes import Failed, Process

OURS = "jaxaug"


def quartiles(numbers: Iterable[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    ordered = sorted(numbers)
    if len(ordered) == 1:
        return ordered[0], ordered[0], ordered[0]
    low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive")
    return low, middle, high


def _rows(side: str, rows: int) -> int:
    """How many images a side is given: slow ones get fewer, and are compared per image."""
    return min(rows, SIDES[side].rows)


def _wanted(side: str, work: str, single: bool) -> bool:
    spec = SIDES[side]
    return (not spec.only or work in spec.only) and (spec.singles or not single)


def cell(
    processes: dict[str, Process],
    work: str,
    rows: int,
    dtype: str,
    *,
    rounds: int,
    seconds: float,
    single: bool = False,
) -> dict[str, Any]:
    """Time one work on all sides.

    Args:
        processes: workers by side; one that dies is taken out.
        work: name in `benchmarks.works.ALL`.
        rows: images in a batch.
        dtype: of what comes out.
        rounds: how many times each side is timed.
        seconds: how long the rounds of a side may take; a slow one has fewer.
        single: a single operation: sides that are too slow are left out.

    Returns:
        The cell as it is written to the JSON file.
    """
    result: dict[str, Any] = {"work": work, "rows": rows, "dtype": dtype, "sides": {}}
    left: dict[str, int] = {}
    for side, process in list(processes.items()):
        if not _wanted(side, work, single):
            continue
        entry: dict[str, Any] = {"rows": _rows(side, rows), "seconds": [], "limit": []}
        result["sides"][side] = entry
        answer = _ask(processes, process, "build", entry, (work, dtype))
        if answer is None or "unable" in answer:
            entry["unable"] = entry.get("unable") or answer["unable"]
            continue
        entry |= answer
        result["sides"][side] = entry
        left[side] = max(1, min(rounds, int(seconds / max(answer["call"], 0.05))))
    for number in range(rounds):
        for side in [s for s, count in left.items() if number < count]:
            entry = result["sides"][side]
            answer = _ask(processes, processes[side], "time", entry, (work, dtype))
            if answer is None:
                left.pop(side)
                continue
            entry["seconds"].append(answer["seconds"])
            if "limit" in answer:
                entry["limit"].append(answer["limit"])
    for side in left:
        _ask(processes, processes[side], "drop", result["sides"][side], (work, dtype))
    return summarised(result)


def _ask(
    processes: dict[str, Process],
    process: Process,
    do: str,
    entry: dict[str, Any],
    which: tuple[str, str],
) -> dict[str, Any] | None:
    """An answer about a work and dtype; None, and why in the entry, if there is none."""
    work, dtype = which
    try:
        return process.ask(do, seconds=240, work=work, rows=entry["rows"], dtype=dtype)
    except Failed as reason:
        entry["unable"] = f"failed: {reason}"
        if process.process.poll() is not None:
            processes.pop(process.side, None)
        return None


def summarised(result: dict[str, Any]) -> dict[str, Any]:
    """The cell with rates and ratios: medians over rounds, of what one round measured."""
    ours = result["sides"].get(OURS, {})
    mine = [s / ours["rows"] for s in ours.get("seconds", [])]
    for entry in result["sides"].values():
        if not entry.get("seconds"):
            continue
        each = [s / entry["rows"] for s in entry["seconds"]]
        entry["rate"] = [1 / s for s in reversed(quartiles(each))]
        if mine:
            ratios = [theirs / my for theirs, my in zip(each, mine, strict=False)]
            entry["ratio"] = list(quartiles(ratios))
        if entry.get("limit"):
            entry["limit rate"] = entry["rows"] / statistics.median(entry["limit"])
            entry["of limit"] = list(
                quartiles(
                    limit / s for limit, s in zip(entry["limit"], entry["seconds"], strict=True)
                )
            )
    return result
