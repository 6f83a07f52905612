"""Stories: what happened in a piece of a trial, in order, in plain sentences.

What is told are happenings, and the changes that no happening tells. Where there are many, those that are of one kind and near each other become one
sentence; what became of requests is summed up, as nobody reads four hundred times that one was lost.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from ._timeline import Timeline
from ._trial import Change, Happening, State
from ._units import figure

#: Sentences of a story at most, and how many seconds are told together until there are no more than that.
MOST: Final = 40
_TOGETHER: Final = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
#: Names in a sentence: of more than so many, only so many are given.
_NAMES: Final = 6
_GIVEN: Final = 3
#: What happens is not told together with what was before these.
_TURNS: Final = frozenset({"outage begins", "outage ends", "escalation", "gave up"})

_SAID: Final = {
    "crash": "crashed",
    "restart": "restarted",
    "escalation": "escalated",
    "startup failed": "failed to start",
    "gave up": "gave up",
    "outage begins": "went out of service",
    "outage ends": "came back into service",
    "hang": "hung",
    "starting": "began to start",
    "up": "up",
    "backing off": "began to wait for another start",
    "down": "went down",
}
_LINK: Final = re.compile(r"crashed|escalated|failed to initialize|/\S*")
#: Characters of a cause.
_LONGEST: Final = 140
_APART: Final = {_SAID[kind] for kind in _TURNS}
_REQUESTS: Final = {"request lost": "lost", "request refused": "refused"}
#: The changes that a happening to the same actor in the same moment tells as well.
_TOLD: Final[dict[str, frozenset[State]]] = {
    "crash": frozenset({"backing off", "down", "starting"}),
    "hang": frozenset({"backing off", "down", "starting"}),
    "startup failed": frozenset({"backing off", "down", "starting"}),
    "restart": frozenset({"starting", "backing off"}),
    "gave up": frozenset({"down"}),
    "escalation": frozenset({"down"}),
}


@frozen
class Sentence:
    """Say what happened from `at` to `until`, in seconds of the trial."""

    at: float
    until: float
    text: str


@frozen
class _Event:
    at: float
    path: str
    said: str
    why: str = ""
    # Of being up again: seconds since it went down.
    after: float | None = None


def story(timeline: Timeline, start: float, end: float, most: int = MOST) -> tuple[Sentence, ...]:
    """Return what happened from a moment to another, the latter not included unless it is the last of the trial; so many sentences at most."""
    trial = timeline.trial
    is_last = end >= timeline.end
    happenings = [each for each in trial.happenings if start <= each.at < end or (is_last and each.at == end)]
    changes = [each for each in trial.changes if start <= each.at < end and each.at > 0]
    events = sorted(_events(timeline, happenings, changes), key=lambda event: event.at)
    sentences: list[Sentence] = []
    for together in _TOGETHER:
        sentences = [_sentence(group, len(timeline.spans)) for group in _grouped(events, together)]
        if len(sentences) <= most:
            break
    if len(sentences) > most:
        left = sentences[most - 1 :]
        sentences[most - 1 :] = [Sentence(left[0].at, left[-1].until, f"{len(left):,} more things happened.")]
    return (*sentences, *_of_requests(happenings))


def _events(timeline: Timeline, happenings: Iterable[Happening], changes: Iterable[Change]) -> Iterable[_Event]:
    told: set[tuple[float, str, State]] = set()
    for each in happenings:
        if each.kind in _REQUESTS:
            continue
        told |= {(each.at, each.path, state) for state in _TOLD.get(each.kind, ())}
        yield _Event(each.at, _who(each.path), _SAID.get(each.kind, each.kind), _why(each))
    for change in changes:
        if (change.at, change.path, change.state) not in told:
            yield _Event(change.at, _who(change.path), _SAID[change.state], after=_was_down(timeline, change))


def _who(path: str) -> str:
    return "the root" if path == "/" else path


def _why(happening: Happening) -> str:
    """Return what is told of it besides its kind: not the kind once more, and not which incarnation it is, which differs for each of many."""
    if happening.kind == "restart":
        return ""
    # A chain of causes goes through every supervisor on its way; what it began with says it.
    links = [link for link in happening.text.split(": ") if not _LINK.fullmatch(link)]
    text = ": ".join(links)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _was_down(timeline: Timeline, change: Change) -> float | None:
    """Return for how long an actor had not been up that now is; None if it has not been before, or is not."""
    if change.state != "up":
        return None
    ups = [span.end for span in timeline.spans[change.path] if span.state == "up" and span.end <= change.at]
    return change.at - ups[-1] if ups else None


def _grouped(events: Sequence[_Event], together: float) -> list[list[_Event]]:
    """Return events in groups of one kind and cause, in the order of their first; a group spans no more than so many seconds."""
    groups: list[list[_Event]] = []
    open_ones: dict[tuple[str, str], list[_Event]] = {}
    for event in events:
        if event.said in _APART:
            open_ones.clear()
        key = event.said, event.why
        group = open_ones.get(key)
        if group is None or event.at > group[0].at + together:
            group = open_ones[key] = []
            groups.append(group)
        group.append(event)
    return groups


def _sentence(group: Sequence[_Event], actors: int) -> Sentence:
    first, last = group[0], group[-1]
    times = Counter(event.path for event in group)
    who = listed(list(times))
    is_one, is_all = len(times) == 1, len(times) == actors > _NAMES
    verb = first.said
    if verb == "up":
        verb = ("is" if is_one else "are") + " up"
        waits = [event.after for event in group if event.after is not None]
        if waits:
            least, longest = min(waits), max(waits)
            span = figure(least) if figure(least) == figure(longest) else f"{figure(least)} to {figure(longest)}"
            verb += f" again, after {span} s"
    elif verb == "restarted":
        verb = ("was" if is_one else "were") + " restarted"
    often = (
        "" if len(group) == len(times) else f", {len(group):,} times in all" if not is_one else f" {len(group):,} times"
    )
    why = f": {first.why}" if first.why else ""
    text = f"{f'all {actors} actors' if is_all else who} {verb}{often}{why}".rstrip(".")
    return Sentence(first.at, last.at, text if text.endswith("…") else f"{text}.")


def _of_requests(happenings: Sequence[Happening]) -> tuple[Sentence, ...]:
    """Sum up what became of requests."""
    found: list[Sentence] = []
    for kind, said in _REQUESTS.items():
        those = [each for each in happenings if each.kind == kind]
        if not those:
            continue
        whom = Counter(each.path for each in those).most_common()
        places = ", ".join(f"{path}: {count:,}" for path, count in whom[:_NAMES])
        rest = sum(count for _, count in whom[_NAMES:])
        places += f", others: {rest:,}" if rest else ""
        subject = "1 request was" if len(those) == 1 else f"{len(those):,} requests were"
        found.append(Sentence(those[0].at, those[-1].at, f"{subject} {said} ({places})."))
    return tuple(found)


def listed(names: Sequence[str]) -> str:
    """Return names as one reads them; of many, some."""
    shown = list(names) if len(names) <= _NAMES else [*names[:_GIVEN], f"{len(names) - _GIVEN:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
