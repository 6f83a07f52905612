"""The table on the terminal."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ._comparison import Comparison, Spread
from ._goal import Goal
from ._workload import Workload

HEADER = ("workload", "unit", "greenroom", "by hand", "ratio", "low to high", "by cpu", "must", "aim", "")


def make_table(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a table, one line each. The median decides; "below" marks what misses its goal."""
    return align([HEADER, *(_row(comparison) for comparison in comparisons)], left={0, 1, len(HEADER) - 1})


def align(rows: Sequence[Sequence[str]], *, left: AbstractSet[int]) -> str:
    """Return rows, the first of them the header, in columns; those named stand to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    return "\n".join(lines)


def _row(comparison: Comparison) -> tuple[str, ...]:
    workload = comparison.workload
    ratio = comparison.ratio()
    goal = workload.goal
    return (
        workload.name,
        workload.unit,
        _figure(workload, comparison.figures("greenroom")),
        _figure(workload, comparison.figures("trio")),
        f"{ratio.median:.2f} x",
        f"{ratio.low:.2f} to {ratio.high:.2f}",
        f"{comparison.ratio(cpu=True).median:.2f} x" if goal.of == "ratio" else "",
        _goal(goal, goal.must),
        _goal(goal, goal.aim),
        {"aim": "aim reached", "must": "good", "below": "BELOW"}[comparison.verdict],
    )


def _figure(workload: Workload, spread: Spread) -> str:
    return f"{spread.median:.3f}" if workload.is_factor else f"{spread.median:,.0f}"


def _goal(goal: Goal, value: float) -> str:
    return f"{value:g} x" if goal.of == "ratio" else f"<= {value:,g}"
