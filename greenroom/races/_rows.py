"""Rows of a picture: what is drawn of a run, one thing in each; of long runs, the parts around deviations and the end."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from ._decider import TASK, TIME
from ._event import Event, EventKind
from ._result import Result

#: Rows of a picture at most. Of longer runs so many are drawn around each row that matters, at the begin, and at the end.
ROWS: Final = 1_500
AROUND: Final = 12
AT_BEGIN: Final = 5
AT_END: Final = 40
#: In a picture of more rows than this, steps are drawn small that are not so near to a row that matters, or to an end.
LARGE: Final = 200
NEAR: Final = 4

#: Of those whom one task waits for, so many are drawn.
WAITED: Final = 5

#: What is worth drawing large, wherever it is.
_MATTERS: Final[frozenset[EventKind]] = frozenset({"injection", "raise", "wait"})


@attrs.frozen
class Row:
    """Hold what is drawn in a row.

    Attributes:
        event: None where something is left out, or where a circle is named.
        text: of a row without an event.
        is_small: it is drawn without words.
    """

    event: Event | None
    text: str = ""
    is_small: bool = False


def events_of(result: Result) -> Sequence[Event]:
    """Return what happened in a run; without notes, what its choices alone tell."""
    if result.notes is not None:
        return result.notes.events
    events: list[Event] = []
    for at, choice in enumerate(result.choices):
        chosen = choice.labels[choice.index]
        is_time = choice.kind == TASK and chosen == TIME
        kind: EventKind = "time" if is_time else "step" if choice.kind == TASK else "choice"
        what = "" if choice.kind == TASK else f"{choice.kind}: {chosen}"
        events.append(Event(kind, "" if kind != "step" else chosen, what=what, at=at, choice=choice))
    return events


def matters(event: Event) -> bool:
    """Return whether it is what a picture is looked at for."""
    return event.deviates or event.kind in _MATTERS


def rows_of(result: Result) -> list[Row]:
    """Return what is drawn."""
    events = _with_few_waits(events_of(result))
    marks = [number for number, event in enumerate(events) if matters(event)]
    is_large = len(events) > LARGE
    near = _around(marks, len(events), NEAR, NEAR, NEAR)
    rows = [Row(event, "", is_large and event.kind == "step" and not near[n]) for n, event in enumerate(events)]
    if len(rows) > ROWS:
        rows = _cut(rows, _around(marks, len(rows), AROUND, AT_BEGIN, AT_END))
    circle = () if result.notes is None else result.notes.circle
    if circle:
        rows.append(Row(None, "in a circle: " + " -> ".join((*circle, circle[0]))))
    return rows


def _with_few_waits(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events, without all but the first of those whom a task waits for; the last of them says how many there are."""
    waits = Counter(event.who for event in events if event.kind == "wait")
    if max(waits.values(), default=0) <= WAITED:
        return events
    kept: list[Event] = []
    seen: Counter[str] = Counter()
    for event in events:
        if event.kind == "wait":
            seen[event.who] += 1
            if seen[event.who] > WAITED:
                continue
            if seen[event.who] == WAITED < waits[event.who]:
                more = f"{event.what} (and {waits[event.who] - WAITED} more)"
                kept.append(attrs.evolve(event, what=more))
                continue
        kept.append(event)
    return kept


def _around(marks: Sequence[int], many: int, around: int, at_begin: int, at_end: int) -> list[bool]:
    """Return of each number whether it is near a mark, the begin or the end."""
    near = [False] * many
    spans = [(0, at_begin), (many - at_end, many), *((mark - around, mark + around + 1) for mark in marks)]
    for first, last in spans:
        for number in range(max(0, first), min(many, last)):
            near[number] = True
    return near


def _cut(rows: Sequence[Row], kept: list[bool]) -> list[Row]:
    numbers = [number for number, is_kept in enumerate(kept) if is_kept]
    if len(numbers) > ROWS:  # too many deviations to draw them all
        for number in numbers[ROWS // 2 : -ROWS // 2]:
            kept[number] = False
    shown: list[Row] = []
    left_out: list[Row] = []
    for row, is_kept in zip(rows, kept, strict=True):
        if not is_kept:
            left_out.append(row)
            continue
        if left_out:
            shown.append(_gap(left_out))
            left_out = []
        shown.append(row)
    return shown


def _gap(rows: Sequence[Row]) -> Row:
    """Say what is left out."""
    count = Counter(["deviation" if e.deviates else "step" if e.kind == "step" else "event" for e in _events(rows)])
    many = [f"{count[kind]:,} {name}{'' if count[kind] == 1 else 's'}" for kind, name in _COUNTED if count[kind]]
    return Row(None, f"… left out: {', '.join(many)}{'' if count['deviation'] else ', none of them a deviation'}")


_COUNTED: Final = (("step", "step"), ("event", "other event"), ("deviation", "deviation"))


def _events(rows: Sequence[Row]) -> list[Event]:
    return [row.event for row in rows if row.event is not None]
