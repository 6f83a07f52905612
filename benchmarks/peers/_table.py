"""The tables: figures of all systems, how far greenroom is ahead of each, and why a figure is not there."""

from math import floor, log10

from .._table import align
from .._workload import Workload
from ._standing import Standing

NONE = "-"
DIGITS = 3


def make_tables(standing: Standing, rounds: int) -> str:
    """Return the tables, one line for each system, and the notes under them."""
    header = ["", *(workload.name for workload in standing.workloads)]
    shown = [system for system in standing.systems if system not in standing.missing]
    figures = [header]
    ratios = [header]
    for system in shown:
        cells = [
            (standing.figures(workload, system), standing.ratio(workload, system)) for workload in standing.workloads
        ]
        title = standing.title(system)
        gaps = [_gap(standing, workload, system) for workload in standing.workloads]
        figures.append(
            [title, *(gap if mine is None else short(mine.median) for (mine, _), gap in zip(cells, gaps, strict=True))]
        )
        ratios.append(
            [
                title,
                *(
                    gap if ratio is None else f"{ratio.median:.3g} x"
                    for (_, ratio), gap in zip(cells, gaps, strict=True)
                ),
            ]
        )
    of = "one round" if rounds == 1 else f"medians of {rounds} rounds"
    lines = [
        f"Each second, {of}; idle: bytes per actor that waits, the fewer the better; {NONE}: it cannot, see below.",
        "",
        align(figures, left={0}),
        "",
        "How many times better greenroom is, taken round by round.",
        "",
        align(ratios, left={0}),
        "",
        *_notes(standing),
    ]
    return "\n".join(lines).rstrip()


def short(figure: float) -> str:
    """Return a figure with three digits, in thousands or millions where it is large."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if figure >= limit:
            return f"{_rounded(figure / limit)}{letter}"
    return _rounded(figure)


def _rounded(figure: float) -> str:
    places = DIGITS - 1 - floor(log10(figure)) if figure > 0 else 0
    return f"{figure:.{max(places, 0)}f}"


def _gap(standing: Standing, workload: Workload, system: str) -> str:
    return "failed" if (workload.name, system) in standing.failures else NONE


def _notes(standing: Standing) -> list[str]:
    """Return what is to be said of each peer: what it cannot do, how much less it does, and remarks."""
    lines: list[str] = []
    names = {workload.name for workload in standing.workloads}
    for peer in standing.peers:
        if peer.name in standing.missing:
            continue
        said = list(peer.remarks)
        said += [f"no {name}: {why}" for name, why in peer.cannot.items() if name in names]
        sizes = [
            f"{workload.name} {size:,}"
            for workload in standing.workloads
            if workload.name not in peer.cannot
            and (size := standing.size_of(workload, peer.name)) < workload.size_of(quick=standing.quick)
        ]
        if sizes:
            said.append(f"does less: {', '.join(sizes)}")
        lines += [f"{peer.name}: {'; '.join(said)}."] if said else []
    if lines and not standing.quick:
        whole = ", ".join(f"{workload.name} {workload.size:,}" for workload in standing.workloads)
        lines.append(
            f"The others: {whole} (messages, asks, actors or crashes; ring: actors, 100 laps; fan: actors, 100 asks each)."
        )
    lines += [f"{peer}: not measured: {why}" for peer, why in standing.missing.items()]
    lines += [f"{system} failed at {workload}: {why}" for (workload, system), why in standing.failures.items()]
    return lines
