"""The plot: each workload's ratio with its spread, between its two goals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._comparison import Comparison

COLOURS = {"aim": "#2a7f4f", "must": "#c98a1b", "below": "#b3372f"}
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
SUFFIXES = (".png", ".svg")


def draw_plot(comparisons: Sequence[Comparison], stem: Path) -> list[Path]:
    """Draw the ratios, one bar each, and write `stem` as PNG and as SVG; return the paths.

    Needs matplotlib (the extra `plot`): an ImportError leaves nothing behind.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator

    # Any: much of what matplotlib's methods take is unknown to the type checkers.
    figure: Any = Figure(figsize=(9, 0.36 * len(comparisons) + 1.2), layout="constrained")
    axes: Any = figure.subplots()
    axes.set_xscale("log")
    for row, comparison in enumerate(comparisons):
        ratio = comparison.ratio()
        form = ".3f" if comparison.workload.is_factor else ".0f"
        axes.barh(
            row,
            ratio.median - 1,
            left=1,
            height=0.6,
            color=COLOURS[comparison.verdict],
            xerr=[[ratio.median - ratio.low], [ratio.high - ratio.median]],
            ecolor="#444444",
            capsize=3,
        )
        goal = comparison.workload.goal
        if goal.of == "ratio":
            axes.plot([goal.must, goal.must], [row - 0.42, row + 0.42], color="#444444", linewidth=1.5)
            axes.plot([goal.aim, goal.aim], [row - 0.42, row + 0.42], color="#444444", linewidth=1.5, linestyle=":")
        axes.text(
            1.02,
            row,
            f"{ratio.median:.2f} x   ({comparison.figures('greenroom').median:,{form}} to "
            f"{comparison.figures('trio').median:,{form}} {comparison.workload.unit})",
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8,
        )
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(1, color="#888888", linewidth=1)
    axes.set_yticks(range(len(comparisons)), [comparison.workload.name for comparison in comparisons])
    axes.set_ylim(len(comparisons) - 0.4, -0.6)
    axes.set_xlabel("times better than hand-written Trio (median of the rounds, low to high; lines: must, dotted: aim)")
    return save(figure, stem)


def save(figure: Any, stem: Path) -> list[Path]:
    """Write a figure as PNG and as SVG, and return the paths."""
    paths = [stem.with_suffix(suffix) for suffix in SUFFIXES]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths
