"""Captions: what a picture says of each thing that happened, in its row, beside it, and where it is looked at."""

from collections.abc import Mapping
from typing import Final

from ._event import Event, EventKind
from ._lettering import lettered
from ._rows import Row

#: What leads from lane to lane, and what its label says.
ARROWS: Final[Mapping[EventKind, str]] = {
    "send": "{what}",
    "urgent": "urgent {what}",
    "ask": "asks {what}",
    "direct ask": "asks {what}",
    "steer": "steers with {what}",
    "turn": "starts a turn with {what}",
    "answer": "answers {what}",
    "register": "registers",
    "order": "tells to {what}",
    "interrupt": "interrupts",
    "report": "{what}",
    "wait": "waits for {what} {place}",
}
#: What stands beside a lane.
NOTES: Final[Mapping[EventKind, str]] = {
    "choice": "{what}",
    "injection": "{what}",
    "wait": "waits for {what} {place}",
    "raise": "fails: {what}, raised {place}",
    "get": "gets {what}",
    "receive": "receives {what}",
    "has a turn": "has a turn",
    "answer": "answers {what}",
    "late answer": "answers too late {what}",
    "startup": "starts up",
    "shutdown": "shuts down",
    "life": "{what}",
    "ready": "ready",
    "restart": "restarting",
    "crash": "{what}",
    "ending": "is to end: {what}",
    "end": "{what}",
    "dead letter": "gets no more {what}",
    "operation": "{what}",
}


def is_arrow(event: Event) -> bool:
    """Return whether it leads from one lane to another."""
    return event.kind in ARROWS and bool(event.who) and bool(event.to)


def caption(event: Event) -> str:
    """Return what is said of it on its arrow, or beside its mark."""
    text = ARROWS[event.kind] if is_arrow(event) else NOTES.get(event.kind) or ARROWS[event.kind]
    if not event.place:
        text = text.removesuffix(", raised {place}").removesuffix(" {place}")
    return lettered(text.format(what=event.what, place=event.place))


def beside(row: Row) -> str:
    """Return what stands right of the lanes."""
    event = row.event
    if event is None or row.is_small or event.kind not in ("step", "time"):
        return ""
    if event.kind == "time":
        return f"time passes: {event.time:g} s"
    place = event.place.removeprefix("at ")
    instead = f"instead of {event.choice.labels[0]}" if event.choice is not None and event.deviates else ""
    return lettered(", ".join(part for part in (place, instead) if part))


def described(event: Event) -> str:
    """Return all that is known of an event, as lines."""
    lines = [f"step {event.step}, at {event.time:g} s" if event.step else f"at {event.time:g} s"]
    if event.kind == "step":
        lines.append(f"{event.who} goes on {event.place}" if event.place else f"{event.who} goes on")
        if event.woken:
            lines.append(f"made ready by {event.woken} in step {event.since}")
    elif event.kind == "time":
        lines.append("time passes")
    else:
        whom = f" -> {event.to}" if event.to else ""
        lines.append(f"{event.who}{whom}: {caption(event)}")
    choice = event.choice
    if choice is not None:
        kind = "a deviation from the default" if choice.index else "as by default"
        lines += [f"choice {event.at}, {kind}: {choice.labels[choice.index]}", f"of {', '.join(choice.labels)}"]
    return "\n".join(lettered(line) for line in lines)
