"""The tables of an experiment's page."""

from collections.abc import Iterator, Sequence

from ._comparison import Comparison, told_p
from ._estimate import Estimate
from ._interval import interval
from ._texts import marked_up
from ._trial import Results
from ._units import MEANINGS, figure, percent, shown, signed, unit_of
from ._worst import WorstMinute, clock


def estimates_table(estimates: Sequence[Estimate], confidence: float) -> Iterator[str]:
    """Yield the table of what the seeds say about each measure of each policy."""
    names = ("measure", "policy", "mean", f"{figure(100 * confidence)} % interval", "least", "most", "seeds")
    yield from _begin("Means over the seeds", names, left=2)
    last = ""
    for each in estimates:
        over = each.interval
        seeds = str(over.count) if not over.missing else f"{over.count} ({over.missing} without a value)"
        yield _row(
            [each.measure if each.measure != last else "", each.policy],
            [each.mean, each.spread, shown(each.measure, over.least), shown(each.measure, over.most), seeds],
            is_first=each.measure != last,
        )
        last = each.measure
    yield "</tbody></table></div>"


def comparisons_table(comparisons: Sequence[Comparison], base: str, confidence: float) -> Iterator[str]:
    """Yield the table of the comparisons with the baseline."""
    if not comparisons:
        return
    tested = sum(each.p is not None for each in comparisons)
    title = f"Differences from {base}, seed by seed; corrected for {tested} comparisons"
    names = ("measure", "policy", "difference", f"{figure(100 * confidence)} % interval", "p, corrected", "verdict")
    yield from _begin(title, names, left=2)
    last = ""
    for each in comparisons:
        by = each.difference
        yield _row(
            [each.measure if each.measure != last else "", each.policy],
            [
                signed(each.measure, by.mean) if by.count else "none",
                each.spread,
                "" if each.corrected is None else told_p(each.corrected).removeprefix("p = ").removeprefix("p "),
            ],
            is_first=each.measure != last,
            verdict=each.verdict,
        )
        last = each.measure
    yield "</tbody></table></div>"


def actors_table(results: Results) -> Iterator[str]:
    """Yield the table of how much of the time each actor was up, under each policy."""
    paths = list(dict.fromkeys(path for trial in results.trials for path in trial.availability))
    if not paths:
        return
    yield from _begin(
        "Share of the time in which each actor was up: mean over the seeds", ("actor", *results.policies), left=1
    )
    for path in paths:
        means = [
            interval([trial.availability[path] for trial in results.of(policy) if path in trial.availability]).mean
            for policy in results.policies
        ]
        yield _row([path], ["none" if mean != mean else percent(mean) for mean in means])  # noqa: PLR0124 -- nan is not itself
    yield "</tbody></table></div>"


def worst_table(minutes: Sequence[WorstMinute]) -> Iterator[str]:
    """Yield the table of the worst minute of each policy."""
    yield from _begin("", ("policy", "seed", "from", "to", "actors up, on average", "all up at once"), left=1)
    for each in minutes:
        window = each.window
        up = f"{figure(window.up)} of {window.actors} ({percent(window.share)})"
        yield _row([each.policy], [str(each.seed), clock(window.start), clock(window.end), up, percent(window.whole)])
    yield "</tbody></table></div>"


def meanings(estimates: Sequence[Estimate]) -> Iterator[str]:
    """Yield what the measures are that the page has figures of."""
    units = {"seconds": " (seconds)", "share": "", "number": ""}
    yield "<dl>"
    for measure in dict.fromkeys(each.measure for each in estimates):
        yield f"<dt>{marked_up(measure)}</dt><dd>{MEANINGS.get(measure, '')}{units[unit_of(measure)]}</dd>"
    yield "</dl>"


def _begin(title: str, names: Sequence[str], *, left: int) -> Iterator[str]:
    cells = [f'<th class="name">{marked_up(name)}</th>' for name in names[:left]]
    cells += [f"<th>{marked_up(name)}</th>" for name in names[left:]]
    caption = f"<caption>{marked_up(title)}</caption>" if title else ""
    yield f'<div class="wide"><table>{caption}<thead><tr>{"".join(cells)}</tr></thead><tbody>'


def _row(names: Sequence[str], cells: Sequence[str], *, is_first: bool = False, verdict: str = "") -> str:
    parts = [f'<td class="name">{marked_up(name)}</td>' for name in names]
    parts += [f"<td>{marked_up(cell)}</td>" for cell in cells]
    if verdict:
        kind = verdict if verdict in ("higher", "lower") else "none"
        parts.append(f'<td class="{kind}">{verdict}</td>')
    return f"<tr{' class=first' if is_first else ''}>{''.join(parts)}</tr>"
