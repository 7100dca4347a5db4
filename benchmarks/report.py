"""RESULTS.md and its plot from what was measured.

    python -m benchmarks.report cpu.json [gpu.json]

What is written by hand stands in remarks.md, and is put into RESULTS.md each time it is made.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.measure import OURS
from benchmarks.peers import SIDES
from benchmarks.tables import cell_text, find, footnotes, head, number, rate, ratio, row
from benchmarks.targets import targets
from benchmarks.works import LENGTHS, SINGLES, WORKS

FOLDER = Path(__file__).parent
FLOAT = "float32"


def _middle(report: dict[str, Any]) -> int:
    """The batch that peers are compared at: the usual one, or the largest that was timed."""
    usual = 64 if report["device"] == "cpu" else 256
    timed = [one["rows"] for one in report["cells"]]
    return usual if usual in timed or not timed else max(timed)


def _sides(report: dict[str, Any], works: Any) -> list[str]:
    """Who was timed in these works, in the order they came."""
    found: dict[str, None] = {}
    for one in report["cells"]:
        if one["work"] in works and one["dtype"] == FLOAT:
            found |= dict.fromkeys(s for s, entry in one["sides"].items() if "rate" in entry)
    return [side for side in SIDES if side in found]


def headline(report: dict[str, Any]) -> str:
    """Peers by works: images a second, and how many times as fast jaxaug is."""
    rows, cells = _middle(report), report["cells"]
    works = [w for w in WORKS if find(cells, w, rows, FLOAT)]
    lines = [head("", *works)]
    for side in _sides(report, works):
        columns = []
        for work in works:
            entry = find(cells, work, rows, FLOAT).get(side)
            columns.append(rate(entry, short=True) if side == OURS else cell_text(entry))
        few = "" if side == OURS else _few(cells, works, side, rows)
        lines.append(row(side + few, *columns))
    part = [find(cells, w, rows, FLOAT).get(OURS, {}).get("of limit") for w in works]
    lines.append(row("jaxaug, part of the limit", *(f"{p[1]:.2f}" if p else "-" for p in part)))
    return "\n".join(lines)


def _few(cells: list[Any], works: list[str], side: str, rows: int) -> str:
    given = {find(cells, w, rows, FLOAT).get(side, {}).get("rows", rows) for w in works}
    return "" if given == {rows} else f" (batches of {min(given)})"


def sizes(report: dict[str, Any]) -> str:
    """jaxaug at all batches and types: rate, and part of the limit."""
    timed = [one for one in report["cells"] if one["work"] in WORKS and OURS in one["sides"]]
    batches = sorted({one["rows"] for one in timed})
    lines = [head("", "out", *(f"batch {n:,}" for n in batches), "compiled, s", "temporaries")]
    for work in WORKS:
        for dtype in dict.fromkeys(one["dtype"] for one in timed):
            entries = [find(timed, work, n, dtype).get(OURS, {}) for n in batches]
            known = [e for e in entries if "rate" in e]
            if not known:
                continue
            columns = [
                f"{number(e['rate'][1])} ({e['of limit'][1]:.2f})" if "rate" in e else "-"
                for e in entries
            ]
            seconds = f"{known[-1]['compile']:.1f}"
            spare = f"{max(e.get('temporaries', 0) for e in known):.2f}"
            lines.append(row(work, dtype, *columns, seconds, spare))
    return "\n".join(lines)


def peers_by_size(report: dict[str, Any]) -> str:
    """Peers at batches other than the usual one: how many times as fast jaxaug is."""
    cells = report["cells"]
    pairs = dict.fromkeys(
        (one["rows"], one["dtype"])
        for one in cells
        if one["work"] in WORKS and len(one["sides"]) > 1
        if (one["rows"], one["dtype"]) != (_middle(report), FLOAT)
    )
    lines = [head("", "batch", "out", *WORKS)]
    for rows, dtype in pairs:
        for side in SIDES:
            entries = [find(cells, work, rows, dtype).get(side) for work in WORKS]
            if side != OURS and any(entry and "ratio" in entry for entry in entries):
                lines.append(row(side, f"{rows:,}", dtype, *(ratio(entry) for entry in entries)))
    return "\n".join(lines) if len(lines) > 1 else ""


def singles(report: dict[str, Any]) -> str:
    """One operation a row."""
    cells, rows = report["cells"], _middle(report)
    sides = [s for s in _sides(report, SINGLES) if s != OURS]
    lines = [head("", "jaxaug", "part of the limit", *sides)]
    for work in SINGLES:
        found = find(cells, work, rows, FLOAT)
        ours = found.get(OURS, {})
        if "rate" not in ours:
            continue
        peers = [cell_text(found.get(side)) for side in sides]
        lines.append(row(work, rate(ours, short=True), f"{ours['of limit'][1]:.2f}", *peers))
    return "\n".join(lines) if len(lines) > 1 else ""


def slower(report: dict[str, Any]) -> list[str]:
    """Everything that a peer does faster, the worst first."""
    lost = []
    for one in report["cells"]:
        for side, entry in one["sides"].items():
            if side != OURS and "ratio" in entry and entry["ratio"][1] < 1:
                low, middle, high = entry["ratio"]
                where = f"{one['work']}, batch {one['rows']:,}, {one['dtype']}"
                text = f"- {where}: {middle:.2f} of {side} ({low:.2f} to {high:.2f})"
                lost.append((middle, text))
    return [line for _, line in sorted(lost)]


def lengths(report: dict[str, Any]) -> str:
    """Rates by the length of a chain."""
    found = plot.curves(report["cells"])
    if not found:
        return ""
    lines = [head("transforms", *map(str, LENGTHS))]
    for side, rates in found.items():
        lines.append(row(side, *(number(rates[n]) if n in rates else "-" for n in LENGTHS)))
    return "\n".join(lines)


def section(report: dict[str, Any], picture: str | None = None) -> str:
    """All tables of one device."""
    gpu = report["device"] == "gpu"
    machine = report["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in sorted(report["versions"].items()))
    where = f"{report['kind']}, host " if gpu else ""
    host = f"{where}{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    parts = [
        f"## {'GPU' if gpu else 'CPU'}" + MEMORY.get(report.get("memory", ""), ""),
        f"{host}; {report['date'][:10]}. {versions}.",
        f"A copy on this device moves {report['copy'] / 1e9:,.0f} GB/s, read and written."
        if report.get("copy")
        else "",
        "\n".join(f"- {side}: not timed ({why})" for side, why in report["absent"].items()),
        f"### Images a second, batch {_middle(report)}, float32 out\n\n"
        + "\n".join(f"- {name}: {work.title}" for name, work in WORKS.items()),
        headline(report),
        "\n".join(footnotes(report["cells"])),
        "### All batches and types of jaxaug",
        "Images a second, and the part of the limit. Temporaries: as a part of the output.",
        sizes(report),
    ]
    for title, text in (
        (
            "### How many times as fast as each peer, at other batches and types",
            peers_by_size(report),
        ),
        ("### Single operations", singles(report)),
        ("### Length of the chain", lengths(report)),
    ):
        parts += [title, text] if text else []
    if picture:
        parts.append(f'<img src="{picture}" alt="Images a second by the chain\'s length">')
    parts += ["### Where jaxaug is slower", "\n".join(slower(report)) or "Nowhere in this run."]
    goals = "\n".join(f"- {target.line()}" for target in targets(report))
    parts += ["### Targets", goals] if goals else []
    return "\n\n".join(part for part in parts if part)


MEMORY = {"fresh": ", memory as the system gives it", "kept": ", memory kept by the process"}
INTRODUCTION = """# Results

Made by these; do not edit it, but `remarks.md`. `pip install -e ".[bench]"` installs the libraries
that are compared.

    python -m benchmarks --memory kept --json kept.json
    python -m benchmarks --json fresh.json
    python -m benchmarks.report kept.json fresh.json

Batches of uint8 images of 224x224x3 in memory to finished float32 batches in 0..1, every image with
random numbers of its own, drawn within the time that is measured. Each library runs in a process of
its own, in its natural container and its fastest form; in each round each is timed once, so that a
busy machine slows all alike. Rates are medians. Behind them in brackets: how many times as fast
jaxaug is, the median of the ratios within a round; **bold** where it is slower. The *limit* is a
jitted cast of the same bytes, `images.astype(float32) / 255`, timed right before and after.
Of D, which takes images of 256x256, it is the cast of 224x224.
A dash: the library has no such operation, or it failed; the program says which.
"""


def written(reports: list[dict[str, Any]], remarks: str = "", picture: str | None = None) -> str:
    """The whole file."""
    parts = [INTRODUCTION.strip(), remarks.strip()]
    parts += [section(report, None if k else picture) for k, report in enumerate(reports)]
    return "\n\n".join(part for part in parts if part) + "\n"


def main(given: list[str] | None = None) -> None:
    """Read JSON, write Markdown and a PNG."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report")
    parser.add_argument("files", type=Path, nargs="+", help="of `python -m benchmarks --json`")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to")
    options = parser.parse_args(given)
    reports = [json.loads(path.read_text()) for path in options.files]
    remarks = FOLDER / "remarks.md"
    name = "chain-length.png"
    picture = name if plot.draw(reports[0]["cells"], options.out / name) else None
    text = written(reports, remarks.read_text() if remarks.exists() else "", picture)
    (options.out / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
