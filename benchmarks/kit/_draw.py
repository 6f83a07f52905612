"""The picture: how much of each goal has been reached."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._row import Row

LEAST, MOST = 0.1, 30.0


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw a bar for each row, from the line of its goal, and write it."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(10, 0.42 * len(rows) + 1.4), layout="constrained")
    axes: Any = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlim(LEAST, MOST)
    for y, row in enumerate(rows):
        reached = min(max(row.reached, LEAST), MOST)
        colour = "#2a7f4f" if row.reached >= 1 else "#b3372f"
        axes.barh(y, reached - 1, left=1, height=0.55, color=colour)
        axes.plot([1], [y], marker="o", markersize=5, color=colour)
        words = row.measured.partition(":")[0]  # what follows is for the table: it would run across the bars
        axes.text(LEAST * 1.05, y - 0.34, words, fontsize=7, va="center", color="#444444")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("of the goal: 1 is just all of it, more is better")
    figure.savefig(path, dpi=130)
