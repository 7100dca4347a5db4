"""The plot of rates over the length of a chain."""

from pathlib import Path
from typing import Any

from benchmarks.measure import OURS
from benchmarks.works import CHAINS, LENGTHS

INK, QUIET = "#1a5fb4", "#77767b"
TICKS = [m * 10**k for k in range(6) for m in (1, 2, 5)]


def curves(cells: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Images a second by side and length."""
    found: dict[str, dict[int, float]] = {}
    for one in cells:
        if one["work"] not in CHAINS:
            continue
        length = int(one["work"].removeprefix("chain-"))
        for side, entry in one["sides"].items():
            if "rate" in entry:
                found.setdefault(side, {})[length] = entry["rate"][1]
    return found


def draw(cells: list[dict[str, Any]], path: Path) -> bool:
    """Write a PNG; False where nothing was measured, or matplotlib is not installed."""
    lines = curves(cells)
    if not lines:
        return False
    try:
        import matplotlib as mpl  # noqa: PLC0415 - tables are made without it

        mpl.use("Agg")
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError:
        return False
    figure, axes = plt.subplots(figsize=(7, 4), dpi=150)
    for side, rates in lines.items():
        color, width = (INK, 2.5) if side == OURS else (QUIET, 1.5)
        axes.plot(list(rates), list(rates.values()), color=color, lw=width, marker="o", ms=4)
        last = max(rates)
        axes.annotate(
            f"{side}  {rates[last]:,.0f}",
            (last, rates[last]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=color,
            weight="bold" if side == OURS else "normal",
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(LENGTHS, [str(n) for n in LENGTHS])
    axes.set_yticks([n for n in TICKS if axes.get_ylim()[0] < n < axes.get_ylim()[1]])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.minorticks_off()
    axes.set_xlabel("transforms in the chain, half of them geometry, half colour")
    axes.set_title("images a second", loc="left", fontsize=10)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    axes.grid(axis="y", color="0.92")
    figure.subplots_adjust(right=0.74, left=0.1, bottom=0.13)
    figure.savefig(path)
    plt.close(figure)
    return True
