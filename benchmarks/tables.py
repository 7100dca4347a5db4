"""Text of cells: rows of a Markdown table."""

from typing import Any

from benchmarks.measure import OURS
from benchmarks.peers import FOOTNOTES
from benchmarks.works import ALL


def number(value: float) -> str:
    """Three digits of a rate, at the most."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def row(*columns: str) -> str:
    return "| " + " | ".join(columns) + " |"


def head(*columns: str) -> str:
    """Two lines: names, and the first column left, the others right."""
    return row(*columns) + "\n|---" + "|--:" * (len(columns) - 1) + "|"


def rate(entry: dict[str, Any] | None, *, short: bool = False) -> str:
    """Images a second, with quartiles unless it is to be short; or a dash."""
    if not entry or "rate" not in entry:
        return "-"
    low, middle, high = entry["rate"]
    if short or number(low) == number(high):
        return number(middle)
    return f"{number(middle)} ({number(low)} to {number(high)})"


def ratio(entry: dict[str, Any] | None, digits: int = 1) -> str:
    """How many times as fast jaxaug is; bold where it is slower."""
    if not entry or "ratio" not in entry:
        return "-"
    value = entry["ratio"][1]
    return f"**{value:.2f}x**" if value < 1 else f"{value:.{digits}f}x"


def cell_text(entry: dict[str, Any] | None) -> str:
    """Rate and ratio of a peer."""
    text = rate(entry, short=True)
    return text if text == "-" else f"{text} ({ratio(entry)})"


CELL = head(
    "", "images/s (quartiles)", "jaxaug is so many times as fast", "images", "first call, s"
)


def cell(result: dict[str, Any]) -> str:
    """All sides of one cell."""
    lines = []
    for side, entry in result["sides"].items():
        if "rate" not in entry:
            lines.append(f"{side}: - ({entry.get('unable', 'not timed')})")
            continue
        times = "" if side == OURS else ratio(entry)
        lines.append(
            row(side, rate(entry), times, f"{entry['rows']}", f"{entry.get('first', 0):.1f}")
        )
    ours = result["sides"].get(OURS, {})
    if "of limit" in ours:
        low, middle, high = ours["of limit"]
        lines.append(
            f"limit (cast of the same bytes): {number(ours['limit rate'])} images/s; jaxaug reaches"
            f" {middle:.2f} of it ({low:.2f} to {high:.2f}); compiled in {ours['compile']:.1f} s;"
            f" temporaries {ours.get('temporaries', 0):.2f} of the output"
        )
    title = f"{result['work']}: {ALL[result['work']].title}" if result["work"] in ALL else ""
    return f"\n{title}, batch {result['rows']}, {result['dtype']} out\n" + "\n".join(lines)


def find(cells: list[dict[str, Any]], work: str, rows: int, dtype: str) -> dict[str, Any]:
    """Sides of a cell; none if it was not timed."""
    for one in cells:
        if (one["work"], one["rows"], one["dtype"]) == (work, rows, dtype):
            return one["sides"]
    return {}


def footnotes(cells: list[dict[str, Any]]) -> list[str]:
    """What each side that was timed does otherwise."""
    timed = {s for one in cells for s, entry in one["sides"].items() if "rate" in entry}
    return [f"- {side}: {text}" for side, text in FOOTNOTES.items() if side in timed]
