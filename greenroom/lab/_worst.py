"""The worst minute: the sixty seconds of all trials in which the fewest actors were up, and its story."""

from typing import Final

from attrs import frozen

from ._story import Sentence, listed, story
from ._timeline import Timeline, Window
from ._trial import STATES, Results
from ._units import figure, percent

#: Seconds.
MINUTE: Final = 60.0
#: What is less than this apart, as a share of the actors, is equally bad.
_EQUAL: Final = 1e-9


@frozen
class WorstMinute:
    """Be the minute of a policy's trials in which the fewest actors were up on average; the earliest of the first seed, if several are equal."""

    policy: str
    seed: int
    window: Window
    # What happened in the minute before it, from which it mostly came, and in it.
    before: tuple[Sentence, ...]
    during: tuple[Sentence, ...]
    # Where the actors were just before it began, and just before it ended.
    at_start: str
    at_end: str
    # Whether the trial has more records than were kept, so that there may have been a worse one.
    is_cut: bool


def worst_minutes(results: Results) -> tuple[WorstMinute, ...]:
    """Return the worst minute of each policy, in their order; none for a policy whose trials have no records.

    A trial shorter than a minute counts as a whole.
    """
    found: list[WorstMinute] = []
    for policy in results.policies:
        best: tuple[Timeline, Window] | None = None
        for trial in results.of(policy):
            timeline = Timeline(trial)
            window = timeline.worst(MINUTE)
            if window is not None and (best is None or window.share < best[1].share - _EQUAL):
                best = timeline, window
        if best is not None:
            found.append(_told(*best))
    return tuple(found)


def worst_of(minutes: tuple[WorstMinute, ...]) -> WorstMinute | None:
    """Return the worst of them, the first if several are; None if there are none."""
    worst: WorstMinute | None = None
    for minute in minutes:
        if worst is None or minute.window.share < worst.window.share - _EQUAL:
            worst = minute
    return worst


def clock(seconds: float) -> str:
    """Return a moment of a trial as hours, minutes and seconds, to a tenth."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"


def summary(minute: WorstMinute) -> str:
    """Say which minute it is, and how bad."""
    window = minute.window
    return (
        f"Policy {minute.policy}, seed {minute.seed}, from {clock(window.start)} to {clock(window.end)}: "
        f"on average {figure(window.up)} of {window.actors} actors were up ({percent(window.share)}), "
        f"and all at once in {percent(window.whole)} of the time."
    )


def _told(timeline: Timeline, window: Window) -> WorstMinute:
    trial = timeline.trial
    before = story(timeline, max(0.0, window.start - MINUTE), window.start, most=20)
    return WorstMinute(
        trial.policy, trial.seed, window, before, story(timeline, window.start, window.end),
        _where(timeline, window.start), _where(timeline, window.end), bool(trial.dropped),
    )  # fmt: skip


def _where(timeline: Timeline, at: float) -> str:
    """Say where the actors are just before a moment."""
    states = timeline.states_before(at)
    parts: list[str] = []
    for state in sorted(STATES, key=lambda state: state != "up"):
        paths = [path for path, where in states.items() if where == state]
        if len(paths) == len(states) > 1:
            return f"all {len(paths)} {state}"
        if paths:
            parts.append(f"{len(paths)} {state} ({listed(paths)})")
    return "; ".join(parts)
