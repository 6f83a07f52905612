"""What an experiment came to, as tables in a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..lab import Comparison, Estimate, Results, compare, estimate
from ..lab._comparison import told_p
from ..lab._units import figure, shown, signed
from ..lab._worst import clock, summary, worst_minutes, worst_of
from ._text import clean

#: Sentences of the worst minute that are printed; the page has all.
SENTENCES = 8
_VERDICTS = {"higher": "bold green", "lower": "bold magenta", "equal": "dim", "one seed": "yellow", "no value": "dim"}


def print_results(
    console: Console,
    results: Results,
    *,
    baseline: str | None,
    measures: Sequence[str] | None,
    confidence: float,
) -> None:
    """Print means with intervals, comparisons, and the worst minute.

    Raises:
        ValueError: the baseline or a measure is unknown, or a measure is infinite.
    """
    estimates = estimate(results, measures=measures, confidence=confidence)
    comparisons = compare(results, baseline=baseline, measures=measures, confidence=confidence)
    sure = f"{figure(100 * confidence)} %"
    policies, seeds = len(results.policies), len(results.seeds)
    console.print(
        Text(
            f"{clean(results.name)}: {policies} {'policy' if policies == 1 else 'policies'}, "
            f"{seeds} {'seed' if seeds == 1 else 'seeds'}, {figure(results.horizon)} s of virtual time in each trial"
        ),
        soft_wrap=True,
    )
    if not estimates:
        console.print("Nothing happened in any trial: no measure has a value other than 0.", soft_wrap=True)
    else:
        console.print(_means(estimates, sure))
    if seeds == 1:
        console.print("One seed: no intervals and no comparisons; give more (--seeds 20).", soft_wrap=True)
    elif comparisons:
        tested = sum(each.p is not None for each in comparisons)
        base = clean(comparisons[0].baseline)
        title = f"\nDifferences from {base}, seed by seed; p corrected for {tested} comparisons (Holm)"
        console.print(Text(title), soft_wrap=True)
        console.print(_differences(comparisons, sure))
        if not any(each.is_significant for each in comparisons):
            console.print(
                "No difference between policies is significant: these seeds do not tell them apart.", soft_wrap=True
            )
    _print_worst(console, results)


def _means(estimates: Sequence[Estimate], sure: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, side in (("measure", "left"), ("policy", "left"), ("mean", "right"), (f"{sure} interval", "right")):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    table.add_column("least", justify="right")
    table.add_column("most", justify="right")
    last = ""
    for each in estimates:
        over, is_first = each.interval, each.measure != last
        table.add_row(
            Text(each.measure if is_first else "", "bold"),
            Text(clean(each.policy)),
            each.mean,
            each.spread,
            shown(each.measure, over.least),
            shown(each.measure, over.most)
            + (f" ({over.missing} seeds without)" if over.missing and over.count else ""),
        )
        last = each.measure
    return table


def _differences(comparisons: Sequence[Comparison], sure: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, side in (("measure", "left"), ("policy", "left"), ("difference", "right"), (f"{sure} interval", "right")):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    table.add_column("p", justify="right")
    table.add_column("verdict")
    last = ""
    for each in comparisons:
        by = each.difference
        p = "" if each.corrected is None else told_p(each.corrected).removeprefix("p = ").removeprefix("p ")
        table.add_row(
            Text(each.measure if each.measure != last else "", "bold"),
            Text(clean(each.policy)),
            signed(each.measure, by.mean) if by.count else "none",
            each.spread,
            p,
            Text(each.verdict, _VERDICTS.get(each.verdict, "dim")),
        )
        last = each.measure
    return table


def _print_worst(console: Console, results: Results) -> None:
    minute = worst_of(worst_minutes(results))
    if minute is None or minute.window.whole == 1:
        return
    console.print(Text(f"\nThe worst minute. {clean(summary(minute))}"), soft_wrap=True)
    for each in minute.during[:SENTENCES]:
        console.print(Text(f"  {clock(each.at)}  {clean(each.text)}"), soft_wrap=True)
    if len(minute.during) > SENTENCES:
        console.print(f"  and {len(minute.during) - SENTENCES} more; --html FILE tells all", soft_wrap=True)
