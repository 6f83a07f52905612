"""The page of an experiment: one HTML file with its plots, its story, and its tables; it needs nothing else, and asks nothing of any network."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Final

from ._comparison import Comparison, Verdict, compare, told_p
from ._estimate import estimate
from ._interval import CONFIDENCE
from ._page_style import STYLE
from ._page_tables import actors_table, comparisons_table, estimates_table, meanings, worst_table
from ._plot import plot_availability, plot_latencies, plot_recoveries
from ._plot_timeline import plot_timeline
from ._story import Sentence
from ._texts import marked_up, prose
from ._timeline import Timeline
from ._trial import Results, Trial
from ._units import figure, signed
from ._worst import MINUTE, WorstMinute, clock, summary, worst_minutes, worst_of

#: What the page may do: no more than show itself.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
#: Policies that are named in a finding; of more, the tables tell.
_NAMED: Final = 4
_WORDS: Final[dict[Verdict, str]] = {
    "higher": "higher under",
    "lower": "lower under",
    "not significant": "no significant difference under",
    "equal": "the same in every seed under",
    "one seed": "one seed, which says nothing of others, under",
    "no value": "nothing to compare under",
}


def make_page(
    results: Results,
    *,
    baseline: str | None = None,
    measures: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
    again: str = "",
) -> str:
    """Return the report of an experiment as one HTML page that needs no other file.

    It has the comparisons in words, availability by policy with intervals, how long it took actors to be up again, the worst minute with what
    happened in it, timelines of the tree, and all figures as tables. Needs matplotlib (the extra `plot`).

    Args:
        results: of an experiment.
        baseline: the policy that the others are compared with; the first, unless another is named.
        measures: that the tables have; those that tell anything about this experiment, unless others are named.
        confidence: of the intervals and comparisons, above 0 and below 1.
        again: the command that makes it again, if it is to be told.

    Raises:
        NoMatplotlib: it is not installed.
        ValueError: the baseline or a measure is unknown, the confidence is none, or a measure is infinite.
    """
    estimates = estimate(results, measures=measures, confidence=confidence)
    comparisons = compare(results, baseline=baseline, measures=measures, confidence=confidence)
    base = baseline if baseline is not None else results.policies[0]
    minutes = worst_minutes(results)
    return "\n".join([
        *_head(results, base, confidence, again),
        "<h2>What it says</h2>",
        *_findings(results, comparisons),
        "<h2>Availability</h2>",
        _figure(plot_availability(results, confidence), "Availability of the tree by policy, with intervals"),
        *_optional("Time to be up again", plot_recoveries(results), "How long it took actors to be up again, by policy"),
        *_optional("Time to an answer", plot_latencies(results), "How long requests waited for their answers, by policy"),
        *_worst(results, minutes),
        "<h2>All figures</h2>",
        *estimates_table(estimates, confidence),
        *comparisons_table(comparisons, base, confidence),
        *actors_table(results),
        "<h2>How to read it</h2>",
        *_reading(results, confidence),
        *meanings(estimates),
        "</body></html>\n",
    ])  # fmt: skip


def _head(results: Results, base: str, confidence: float, again: str) -> Iterator[str]:
    name = marked_up(results.name)
    policies, seeds = len(results.policies), len(results.seeds)
    facts = [
        f"{policies} {'policy' if policies == 1 else 'policies'}",
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}",
        f"{_long(results.horizon)} of virtual time in each of {len(results.trials):,} trials",
    ]
    if policies > 1:
        facts.append(f"compared with <b>{marked_up(base)}</b>, {figure(100 * confidence)} % confidence")
    yield from (
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{marked_up(POLICY)}">',
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
        f"<title>{name}</title>",
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
    )
    for paragraph in results.description.split("\n\n"):
        if paragraph.strip():
            yield f"<p>{prose(paragraph)}</p>"
    yield f'<p class="facts">{" · ".join(facts)}</p>'
    if again:
        yield f'<p class="facts">made by <code>{marked_up(again)}</code></p>'


def _findings(results: Results, comparisons: Sequence[Comparison]) -> Iterator[str]:
    if len(results.seeds) == 1:
        yield '<p class="warning">One seed says nothing of others: there are no intervals, and no policy can be called better. Give more seeds.</p>'
    if len(results.policies) == 1:
        yield "<p>There is one policy, so there is nothing to compare.</p>"
        return
    if len({tuple(trial.measures.items()) for trial in results.trials}) == 1:
        yield "<p>All trials came to the same figures: neither policy nor seed makes a difference.</p>"
        return
    yield "<ul>"
    for measure in dict.fromkeys(each.measure for each in comparisons):
        yield f"<li><b>{marked_up(measure)}</b>: {_found([each for each in comparisons if each.measure == measure])}</li>"
    yield "</ul>"
    if not any(each.is_significant for each in comparisons) and len(results.seeds) > 1:
        yield "<p>No difference between policies is significant. More seeds may show one, or there may be none.</p>"


def _found(comparisons: Sequence[Comparison]) -> str:
    """Say what the comparisons of one measure came to."""
    if len(comparisons) == 1:
        return marked_up(str(comparisons[0]).partition(": ")[2])
    parts: list[str] = []
    for verdict, words in _WORDS.items():
        those = [each for each in comparisons if each.verdict == verdict]
        if those:
            some = [marked_up(f"“{each.policy}”{_by(each)}") for each in those[:_NAMED]]
            more = [f"{len(those) - _NAMED} more"] if len(those) > _NAMED else []
            parts.append(f'<span class="{verdict.split()[0]}">{words}</span> {", ".join([*some, *more])}')
    return "; ".join(parts)


def _by(comparison: Comparison) -> str:
    if comparison.corrected is None or comparison.verdict == "equal":
        return ""
    return f" ({signed(comparison.measure, comparison.difference.mean)}, {told_p(comparison.corrected)})"


def _worst(results: Results, minutes: tuple[WorstMinute, ...]) -> Iterator[str]:
    minute = worst_of(minutes)
    yield "<h2>The worst minute</h2>"
    if minute is None:
        yield "<p>The trials have no records of who was up when.</p>"
        return
    trial = next(each for each in results.of(minute.policy) if each.seed == minute.seed)
    timeline, window = Timeline(trial), minute.window
    mark = window.start, window.end
    near = max(0.0, window.start - MINUTE), min(results.horizon, window.end + MINUTE)
    yield f"<p><b>{marked_up(summary(minute))}</b></p>"
    if minute.is_cut:
        yield (
            f'<p class="warning">This trial had {trial.dropped:,} more changes and happenings than were kept: '
            f"there are no records after {clock(timeline.end)}.</p>"
        )
    if minute.before:
        yield "<h3>The minute before</h3>"
        yield from _story(minute.before)
    yield f"<h3>Just before it</h3><p>{marked_up(minute.at_start)}.</p><h3>In it</h3>"
    yield from _story(minute.during)
    yield f"<h3>At its end</h3><p>{marked_up(minute.at_end)}.</p>"
    yield _figure(plot_timeline(timeline, *near, mark), "The actors around the worst minute, which is framed")
    yield "<h2>The tree over time</h2>"
    yield f"<p>Policy {marked_up(minute.policy)}, seed {minute.seed}: the trial with the worst minute, which is framed.</p>"
    yield _figure(plot_timeline(timeline, 0.0, results.horizon, mark), f"Who was where, under {minute.policy}")
    for policy in results.policies:
        others = [each for each in results.of(policy) if each.seed == minute.seed and each.changes]
        if policy != minute.policy and others:
            yield from _timeline_of(others[0])
    yield "<h3>The worst minute of each policy</h3>"
    yield from worst_table(minutes)


def _timeline_of(trial: Trial) -> Iterator[str]:
    yield f"<details><summary>the same seed under {marked_up(trial.policy)}</summary>"
    yield _figure(plot_timeline(Timeline(trial), 0.0, trial.horizon), f"Who was where, under {trial.policy}")
    yield "</details>"


def _story(sentences: Sequence[Sentence]) -> Iterator[str]:
    if not sentences:
        yield "<p>Nothing happened.</p>"
        return
    yield '<ol class="story">'
    for each in sentences:
        begin, end = clock(each.at), clock(each.until)
        when = begin if begin == end else f"{begin} to {end}"
        yield f"<li><time>{when}</time><span>{marked_up(each.text)}</span></li>"
    yield "</ol>"


def _reading(results: Results, confidence: float) -> Iterator[str]:
    sure = f"{figure(100 * confidence)} %"
    yield (
        f"<p>Each figure is a mean over {len(results.seeds)} seeds. Its interval, by Student's t, holds the mean over all seeds with {sure} "
        "confidence. A seed in which there was nothing to measure is left out.</p>"
        "<p>All policies have the same seeds, and with them the same arrivals and faults, as far as these do not depend on the policy. So policies "
        "are compared seed by seed, by the paired t-test; p is corrected for the number of comparisons in the table (Holm), so that the "
        f"probability of even one wrong verdict among them is {figure(100 - 100 * confidence)} % at most. The intervals of differences are each "
        "for itself. A difference that is the same in every seed is tested by its sign.</p>"
        "<p>The worst minute is the one in which the fewest actors were up on average, of all trials; the first, if several are equal.</p>"
    )


def _optional(title: str, svg: str | None, alt: str) -> Iterator[str]:
    if svg is not None:
        yield f"<h2>{title}</h2>"
        yield _figure(svg, alt)


def _figure(svg: str, alt: str) -> str:
    data = b64encode(svg.encode()).decode("ascii")
    return f'<figure><img alt="{marked_up(alt)}" src="data:image/svg+xml;base64,{data}"></figure>'


def _long(seconds: float) -> str:
    """Return a length of time in the unit that suits it."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{figure(seconds / size)} {unit}"
    return f"{figure(seconds)} seconds"
