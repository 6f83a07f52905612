"""Telling of a run: as lines that can be read, the last of which says how to see it again."""

from collections.abc import Sequence
from typing import Final

from ..actors._texts import describe
from ._decider import Choice
from ._result import Result

#: Lines of a run that are shown at most; of longer ones, the parts around deviations and the end.
LINES: Final = 80
#: How many of those that could go are shown of each choice, and how much of each.
MANY: Final = 8
WIDTH: Final = 40
#: How much of a long run is shown before and after each deviation, and at its end.
AROUND: Final = 4
AT_END: Final = 20


def told(result: Result, again: str, found: str = "", least: str = "") -> str:
    """Return what a run did, as text.

    Args:
        result: with notes.
        again: how to see it again, for the last line.
        found: how it was found, for a line of its own.
        least: what is known of there being no smaller one.
    """
    lines = [headline(result)]
    if found:
        lines.append(found)
    return "\n".join([*lines, size_of(result, least), *_way(result), *reach_of(result), f"to see it again: {again}"])


def headline(result: Result) -> str:
    """Return how it ended, and what went wrong."""
    return f"{result.verdict}: {named(result)}"


def named(result: Result) -> str:
    """Return what went wrong, as one line; of a group, all that is in it."""
    error = result.error
    if error is None:
        return "no error"
    text = describe(error)
    name = type(error).__name__
    # What is no error of the program has its name in the verdict; a group is named by what is in it.
    is_named = result.verdict != "failed" or isinstance(error, BaseExceptionGroup) or text.startswith(name)
    return text if is_named else f"{name}: {text}"


def size_of(result: Result, least: str) -> str:
    """Return how many deviations there are, in how many steps."""
    size = len(result.schedule.deviations)
    injection = result.injection
    where = "" if injection is None else f", and {injection.what} at {injection.name} {injection.at}"
    if not size:
        return f"no deviation from the default{where}, in {_steps(result)}:"
    return f"{size} deviation{'' if size == 1 else 's'} from the default (marked >){least}{where}, in {_steps(result)}:"


def _steps(result: Result) -> str:
    return f"{result.steps} step{'' if result.steps == 1 else 's'}"


def _way(result: Result) -> Sequence[str]:
    """Return a line for each choice, and between them what the actors did."""
    notes = result.notes
    lines: list[str] = []
    marked: list[int] = []
    story = [] if notes is None else list(notes.story)
    for at in range(-1, len(result.choices)):
        if at >= 0:
            choice = result.choices[at]
            place = "" if notes is None else notes.places.get(at, "")
            if choice.index:
                marked.append(len(lines))
            lines.append(f"{'>' if choice.index else ' '} {at:4} {_shown(choice)}{f'  {place}' if place else ''}")
        while story and story[0][0] <= at:
            lines.append(f"            {story.pop(0)[1]}")
    if len(lines) <= LINES:
        return lines
    shown: list[str] = []
    left_out = 0
    for number, line in enumerate(lines):
        if number >= len(lines) - AT_END or any(abs(number - mark) <= AROUND for mark in marked):
            if left_out:
                shown.append(f"       … {left_out} lines without a deviation")
                left_out = 0
            shown.append(line)
        else:
            left_out += 1
    return shown


def _shown(choice: Choice) -> str:
    labels = [label if len(label) <= WIDTH else f"{label[: WIDTH - 1]}…" for label in choice.labels]
    more = len(labels) - MANY
    others = ", ".join(labels[:MANY]) + (f", and {more} more" if more > 0 else "")
    return f"{choice.kind} {labels[choice.index]} of {others}"


def reach_of(result: Result) -> Sequence[str]:
    """Say whether the Trio of today may take its order, if that is known."""
    notes = result.notes
    if notes is None:
        return ()
    if notes.departure:
        return (f"today's Trio would not take this order, another scheduler may ({notes.departure})",)
    return ("today's Trio may take this order",)
