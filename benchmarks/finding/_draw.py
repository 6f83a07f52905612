"""The picture: how many schedules each strategy needs for each bug, on average."""

from collections.abc import Mapping
from math import log10
from pathlib import Path
from typing import Any

from ._trials import STRATEGIES, Trials


def draw(trials: Mapping[tuple[str, str], Trials], path: Path) -> None:
    """Draw a field for each bug and strategy, the darker the later it was found, and write it."""
    from matplotlib.figure import Figure

    bugs = list(dict.fromkeys(bug for bug, _ in trials))
    figure: Any = Figure(figsize=(8.5, 0.34 * len(bugs) + 1.6), layout="constrained")
    axes: Any = figure.subplots()
    limit = next(iter(trials.values())).limit
    rows = [[trials[bug, strategy] for strategy in STRATEGIES] for bug in bugs]
    axes.imshow(
        [[log10(each.mean) for each in row] for row in rows], aspect="auto", cmap="YlOrBr", vmin=0, vmax=log10(limit)
    )
    for y, row in enumerate(rows):
        for x, each in enumerate(row):
            found = len(each.found) - each.missed
            text = f"{each.mean:,.0f}" if not each.missed else f"{found} of {len(each.found)}" if found else "never"
            dark = log10(each.mean) > log10(limit) * 0.75
            axes.text(x, y, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set_xticks(range(len(STRATEGIES)), STRATEGIES)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(bugs)), [bug.replace("_", " ") for bug in bugs], fontsize=8)
    axes.tick_params(length=0)
    count = len(rows[0][0].found)
    axes.set_xlabel(f"schedules to the first failure: mean of {count} trials of at most {limit:,} schedules")
    figure.savefig(path, dpi=130)
