"""jaxaug beside other libraries, doing the same work on the same images, in one run.

    python -m benchmarks                    # all works, batches, peers: half an hour on two cores
    python -m benchmarks --quick            # batch 64, few rounds: minutes
    python -m benchmarks --device gpu --json gpu.json
    python -m benchmarks.report cpu.json gpu.json   # writes RESULTS.md and its plot

Every library runs in a process of its own; in each round each of them is timed once. Rates are
medians, in brackets the quartiles over rounds; ratios are medians of the ratios within a round.
"""

import argparse
import datetime as dt
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import measure, tables
from benchmarks.peers import SIDES
from benchmarks.processes import Failed, Process, start
from benchmarks.targets import targets
from benchmarks.works import ALL, CHAINS, SINGLES, WORKS

DTYPES = ("float32", "bfloat16", "uint8")
CHAIN_SIDES = ("jaxaug", "albumentations", "kornia", "augmax")
OTHER_DTYPES = {"bfloat16": ("jaxaug", "kornia"), "uint8": ("jaxaug", "kornia", "albumentations")}
GROUPS = {"singles": SINGLES, "chains": CHAINS}


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    text = __doc__.splitlines()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=text[0],
        epilog="\n".join(text[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument(
        "--memory",
        choices=("fresh", "kept"),
        default="fresh",
        help="kept: freed memory stays with the process, by MALLOC_* variables of glibc",
    )
    parser.add_argument("--quick", action="store_true", help="batch 64 (GPU: 256), few rounds")
    parser.add_argument("--json", type=Path, help="write everything that was measured here")
    parser.add_argument("--works", help="e.g. A,B,singles,chains or flip,jpeg; all by default")
    parser.add_argument("--peers", help="separated by semicolons or, without spaces, by commas")
    parser.add_argument("--batch", type=int, nargs="+")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES)
    parser.add_argument("--rounds", type=int, help="how often each side is timed")
    parser.add_argument("--seconds", type=float, help="most that the rounds of one side may take")
    options = parser.parse_args(given)
    gpu = options.device == "gpu"
    options.batch = options.batch or (
        [256 if gpu else 64] if options.quick else [1, 32, 64, 256, *([1024] if gpu else [])]
    )
    options.dtype = options.dtype or (["float32"] if options.quick and not gpu else list(DTYPES))
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = options.seconds or (1.5 if options.quick else 4.0)
    options.works = _works(options.works, parser)
    options.peers = _peers(options, parser)
    return options


def _works(given: str | None, parser: argparse.ArgumentParser) -> list[str]:
    names: list[str] = []
    for name in given.split(",") if given else [*WORKS, "singles", "chains"]:
        names += GROUPS.get(name, [name])
    if unknown := [name for name in names if name not in ALL]:
        parser.error(f"no work {', '.join(unknown)}; there are {', '.join([*ALL, *GROUPS])}")
    return names


def _peers(options: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    given = options.peers
    names = [side for side, spec in SIDES.items() if options.device in spec.devices]
    if not given:
        return [side for side in names if SIDES[side].quick or not options.quick]
    asked = [part.strip() for part in given.split(";")] if ";" in given else [given]
    if len(asked) == 1 and asked[0] not in SIDES:
        asked = given.split(",")
    if unknown := [name for name in asked if name not in SIDES]:
        parser.error(f"no peer {', '.join(unknown)}; there are {'; '.join(SIDES)}")
    return [side for side in names if side in asked]


def _sides(work: str, rows: int, dtype: str, options: argparse.Namespace) -> tuple[str, ...]:
    """Who is timed in a cell: all peers at the batch of the targets, fewer elsewhere."""
    middle = rows == _middle(options)
    if dtype != "float32":
        return OTHER_DTYPES[dtype] if middle else ("jaxaug",)
    if work in CHAINS:
        return CHAIN_SIDES
    if work in SINGLES and options.quick and options.device == "cpu":
        return ("jaxaug", "albumentations", "albumentations, area")
    return tuple(s for s, spec in SIDES.items() if middle or spec.rows >= max(rows, 9))


def _middle(options: argparse.Namespace) -> int:
    """The batch at which all peers are compared."""
    usual = 64 if options.device == "cpu" else 256
    return usual if usual in options.batch else max(options.batch)


def _machine() -> dict[str, Any]:
    model = platform.processor()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if "model name" in x), model)
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def _cells(options: argparse.Namespace) -> list[tuple[str, int, str]]:
    """Works at all batches and dtypes; single operations and chains at one.

    Normalized pixels are no levels: nothing comes out as uint8 then.
    """
    found = []
    for work in options.works:
        if work not in WORKS:
            found.append((work, _middle(options), "float32"))
            continue
        normal = any(one.kind == "normalize" for one in WORKS[work].steps)
        dtypes = [d for d in options.dtype if d != "uint8" or not normal]
        found += [(work, rows, dtype) for rows in options.batch for dtype in dtypes]
    return found


def _ask(processes: dict[str, Process], do: str, **values: Any) -> Any:
    try:
        return processes[measure.OURS].ask(do, seconds=300, **values)
    except (Failed, KeyError) as reason:
        print(f"{do}: {reason}")
        return {}


def _extras(report: dict[str, Any], processes: dict[str, Process], works: list[str]) -> None:
    """What is asked of jaxaug alone."""
    if "B" in works:
        report["recompilations"] = _ask(processes, "recompilations", work="B", rows=8).get("count")
    if report["device"] == "gpu":
        names = [w for w in works if w in WORKS] + ["flip", "random crop"]
        levels = {w: _ask(processes, "agreement", work=w, rows=8).get("levels") for w in names}
        report["agreement"] = {w: x for w, x in levels.items() if x is not None}


def main(given: list[str] | None = None) -> None:
    """Measure and print; write JSON after every cell, so that nothing is lost."""
    options = arguments(given)
    started = time.perf_counter()
    processes, said = start(options.peers, options.device, kept=options.memory == "kept")
    for side, answer in said.items():
        if "absent" in answer:
            print(f"{side}: skipped ({answer['absent']})")
    if measure.OURS not in processes:
        sys.exit("jaxaug itself must be among the peers, and run")
    if options.device == "gpu" and said[measure.OURS]["platform"] == "cpu":
        sys.exit("JAX sees no GPU")
    report: dict[str, Any] = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "device": options.device,
        "memory": options.memory,
        "kind": said[measure.OURS]["kind"],
        "machine": _machine(),
        "versions": {k: v for a in said.values() for k, v in a.get("versions", {}).items()},
        "absent": {side: a["absent"] for side, a in said.items() if "absent" in a},
        "quick": options.quick,
        "cells": [],
    }
    versions = ", ".join(f"{k} {v}" for k, v in sorted(report["versions"].items()))
    machine = report["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores; {report['kind']}"
    print(f"{where}; memory {options.memory}\n{versions}")
    report["copy"] = _ask(processes, "copy", megabytes=1024 if options.device == "gpu" else 256)
    report["copy"] = report["copy"].get("speed")
    print(f"a copy moves {report['copy'] / 1e9:,.1f} GB/s, read and written\n\n{tables.CELL}")
    for work, rows, dtype in _cells(options):
        wanted = _sides(work, rows, dtype, options)
        shown = {side: p for side, p in processes.items() if side in wanted}
        result = measure.cell(
            shown,
            work,
            rows,
            dtype,
            rounds=options.rounds,
            seconds=options.seconds,
            single=work in SINGLES,
        )
        for side in wanted:
            if side in processes and processes[side].process.poll() is not None:
                processes.pop(side)
        report["cells"].append(result)
        print(tables.cell(result), flush=True)
        _save(report, options.json)
    _extras(report, processes, options.works)
    report["minutes"] = (time.perf_counter() - started) / 60
    _save(report, options.json)
    print("\n" + "\n".join(tables.footnotes(report["cells"])))
    print("\nTargets")
    print("\n".join(target.line() for target in targets(report)))
    print(f"\n{report['minutes']:.1f} minutes")
    for process in processes.values():
        process.stop()


def _save(report: dict[str, Any], path: Path | None) -> None:
    if path:
        path.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
