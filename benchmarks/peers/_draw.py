"""The plot: a panel for each workload, a bar for each system."""

from pathlib import Path
from typing import Any, Final

from .._plot import save
from .._workload import Workload
from ._standing import GREENROOM, Standing
from ._table import NONE, short

#: What is written by hand stands apart from libraries by its colour.
COLOURS: Final = {GREENROOM: "#2a7f4f", "trio": "#5b7fa6", "asyncio": "#5b7fa6", "uvloop": "#5b7fa6"}
OTHERS: Final = "#a9a9a9"
COLUMNS: Final = 4
#: How far the axis goes beyond the figures, in factors: below, so that the least has a bar; above, for the numbers.
BELOW, ABOVE = 3.0, 6.0


def draw(standing: Standing, stem: Path) -> list[Path]:
    """Draw all figures and write `stem` as PNG and as SVG; return the paths.

    Needs matplotlib (the extra `plot`): an ImportError leaves nothing behind.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(standing.workloads))
    rows = -(-len(standing.workloads) // columns)
    shown = [system for system in standing.systems if system not in standing.missing]
    # Any: much of what matplotlib's methods take is unknown to the type checkers.
    figure: Any = Figure(figsize=(3.6 * columns + 2.0, (0.27 * len(shown) + 1.1) * rows + 0.5), layout="constrained")
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    for number, axes in enumerate(panels.flat):
        if number >= len(standing.workloads):
            axes.set_axis_off()
            continue
        _panel(axes, standing, standing.workloads[number], shown)
        labels = [standing.title(system) for system in shown] if number % columns == 0 else []
        axes.set_yticks(range(len(shown)), labels or [""] * len(shown), fontsize=9)
    figure.supxlabel(f"medians, log scale; whiskers: lowest and highest round; {NONE}: it cannot", fontsize=9)
    return save(figure, stem)


def _panel(axes: Any, standing: Standing, workload: Workload, shown: list[str]) -> None:
    spreads = {system: standing.figures(workload, system) for system in shown}
    medians = [spread.median for spread in spreads.values() if spread is not None]
    least, most = (min(medians), max(medians)) if medians else (1.0, 1.0)
    axes.set_xscale("log")
    axes.set_xlim(least / BELOW, most * ABOVE)
    for row, (system, spread) in enumerate(spreads.items()):
        if spread is None:
            failed = (workload.name, system) in standing.failures
            axes.text(
                least / BELOW * 1.1,
                row,
                "failed" if failed else f"{NONE} cannot",
                va="center",
                fontsize=9,
                color="#666666",
            )
            continue
        axes.barh(
            row,
            spread.median,
            height=0.7,
            color=COLOURS.get(system, OTHERS),
            xerr=[[spread.median - spread.low], [spread.high - spread.median]],
            ecolor="#444444",
            capsize=2,
            error_kw={"linewidth": 0.8},
        )
        axes.text(spread.high * 1.12, row, short(spread.median), va="center", fontsize=8)
    axes.set_ylim(len(shown) - 0.4, -0.6)  # the same rows in all panels, also where the last ones have no bar
    axes.grid(axis="x", which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    better = "less is better" if workload.unit == "bytes/actor" else "more is better"
    axes.set_title(f"{workload.name}: {workload.title}\n{workload.unit}, {better}", fontsize=9, loc="left")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
