"""Events of a run that somebody is going to read: who did what, to whom, in which step; as a line of the story, or drawn in a picture."""

from collections.abc import Mapping
from typing import Final, Literal

import attrs

from ._decider import Choice

EventKind = Literal[
    "step", "choice", "time", "injection", "wait", "raise",
    "send", "urgent", "ask", "direct ask", "steer", "turn", "get", "receive", "has a turn", "answer", "late answer",
    "register", "startup", "life", "ready", "restart", "shutdown", "crash", "ending", "end", "order", "interrupt",
    "report", "dead letter", "operation",
]  # fmt: skip

#: Who does what no task and no actor does.
OUTSIDE: Final = "outside"

#: What each kind is in the story, as a line; the other kinds have none there.
LINES: Final[Mapping[EventKind, str]] = {
    "send": "{who} -> {to}: {what}",
    "urgent": "{who} -> {to}: urgent {what}",
    "ask": "{who} -> {to}: asks {what}",
    "steer": "{who} -> {to}: steers with {what}",
    "turn": "{who} -> {to}: starts a turn with {what}",
    "get": "{who} gets {what}",
    "receive": "{who} receives {what}",
    "has a turn": "{who} has a turn",
    "answer": "{who} answers: {what}",
    "late answer": "{who} answers too late: {what}",
    "register": "{who} registers {to}",
    "startup": "{who} starts up",
    "life": "{who} is {what}",
    "ready": "{who} is {what}",
    "restart": "{who} is {what}",
    "shutdown": "{who} shuts down",
    "crash": "{who} is to end: {what}",
    "ending": "{who} is to end: {what}",
    "end": "{who} is {what}",
    "order": "{who} tells {to} to {what}",
    "interrupt": "{who} interrupts {to}",
    "report": "{what} of {who} is posted to {to}",
    "dead letter": "{who} gets no more {what}",
    "operation": "{what}",
    "injection": "{what}",
}


@attrs.frozen
class Event:
    """Hold one thing that happened in a run.

    Attributes:
        kind: what it was. A "step" of a task, another "choice", "time" that passes, an "injection" (of a cancellation, of a crash, or of what
            `sim.external` was given), who is in a "wait" at the end, and the "raise" of the error, in the step in which it left its task, are the
            run's; all else is what actors do, or an "operation": of a history, of a machine, or what a scenario was promised to come true. It
            stands in the story, as an injection does, but for a "direct ask": of a mailbox that does no more than to queue it.
        who: did it: the label of a task, the path of an actor, "outside", or "" if it is nobody's.
        to: whom it was done to; who is waited for, or who gets the answer, if that is known; "" if there is nobody.
        what: a message, a state, a reason: as it is shown.
        at: the number of the choice that it followed, or came of; -1 before the first.
        step: the number of the step in which it happened, from 1; 0 before the first.
        time: in seconds of the run's own clock.
        place: where in the code a step goes on, a task waits, an error was raised; else "".
        choice: what there was to choose, if it came of a choice.
        woken: of a step: the label of the other task that had made this one ready, or has started it; "" if none had.
        since: of a step that another task's made possible: the number of that one.
    """

    kind: EventKind
    who: str
    to: str = ""
    what: str = ""
    at: int = -1
    step: int = 0
    time: float = 0.0
    place: str = ""
    choice: Choice | None = None
    woken: str = ""
    since: int = 0

    @property
    def deviates(self) -> bool:
        """True if it came of a choice that the default would not have made."""
        return self.choice is not None and self.choice.index > 0

    def __str__(self) -> str:
        """Give its line in the story; "" if it has none."""
        line = LINES.get(self.kind, "")
        if not self.what:
            line = line.removesuffix(" {what}")
        return line.format(who=self.who, to=self.to, what=self.what)
