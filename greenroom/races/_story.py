"""What actors do, as events: who sends what to whom, who handles it, who starts, crashes, is restarted, ends; and who makes which task ready.

A run that is noted is watched by a profile function, which sees the few functions of the runtime that such a thing always goes through. So the
runtime itself has nothing to tell, and pays nothing.
"""

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dis import opmap
from types import CodeType, FrameType
from typing import Any, Final, Protocol

import trio
from trio._core import _run

from ._brief import brief
from ._event import OUTSIDE, Event, EventKind

#: An actor's own functions that it is worth telling of.
HOOKS: Final[Mapping[str, EventKind]] = {
    "receive": "receive",
    "turn": "has a turn",
    "startup": "startup",
    "shutdown": "shutdown",
}
_RESUME: Final = opmap["RESUME"]
#: Kinds of mail that an actor is sent; others it just gets.
_SENT: Final[Mapping[str, EventKind]] = {"message": "send", "request": "ask", "steer": "steer"}
#: States that are worth a kind of their own.
_STATES: Final[Mapping[str, EventKind]] = {
    "ready": "ready",
    "restarting": "restart",
    "stopped": "end",
    "failed": "end",
    "parked": "end",
}


class Listener(Protocol):
    """Hear what is told."""

    def tell(self, event: Event) -> None:
        """Take in what happened."""
        ...

    def name_of(self, task: Any) -> str:
        """Return how a task is named that is no actor's."""
        ...

    def woke(self, task: Any) -> None:
        """Take in that Trio is going to run a task: whatever runs now has made it ready."""
        ...


#: Make an event of a call, or of what it returned; or one of each thing that it does at once.
Teller = Callable[[dict[str, Any], Any], Event | list[Event] | None]


@contextmanager
def told(listener: Listener) -> Generator[None]:
    """Tell of each thing that actors do in this thread meanwhile."""
    tellers = _Tellers(listener)

    def look(frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        made: Event | list[Event] | None = None
        if event == "call":
            teller = tellers.at_call.get(code)
            if teller is not None:
                made = teller(frame.f_locals, None)
            elif code.co_name in HOOKS:
                made = tellers.hook(frame)
        elif event == "return":
            teller = tellers.at_return.get(code)
            if teller is not None and value is not None:  # None: it has raised
                made = teller(frame.f_locals, value)
        if isinstance(made, Event):
            listener.tell(made)
        else:
            for each in made or ():
                listener.tell(each)

    before: Any = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before if callable(before) else None)
        if before is not None and not callable(before):  # one in C, which puts itself in place
            before.enable()


class _Tellers:
    """Know which functions of the runtime say what."""

    def __init__(self, listener: Listener) -> None:
        from ..actors import Actor, ActorRef, Runtime, Slot, _asking, current_slot, make_slot, order_end, text_of
        from ..actors._bundled import BundledAsks
        from ..actors._last_step import finalize_at_once
        from ..actors._orders import note_end
        from ..actors._reports import REPORTS, ReportLog
        from ..actors._request import Asked
        from ..actors._working import open_direct_turn, take_next
        from ..mailbox import DeadLetters
        from ..mailbox._mailbox import Mailbox

        ref: Any = ActorRef
        self._listener = listener
        self._text_of = text_of
        self._current_slot = current_slot
        self._actor = Actor
        self._reports = REPORTS
        self.at_call: dict[CodeType, Teller] = {
            _code(_run.Runner.reschedule): self._woken,
            _code(_asking.accept): self._asked_directly,
            _code(_asking.accept_bundle): self._asked_together,
            _code(order_end): self._told_to_end,
            _code(note_end): self._is_to_end,
            _code(Slot.advance): lambda names, _: self._is(names["self"].path, names["life"].value),
            _code(Runtime.interrupt): lambda names, _: Event("interrupt", self._who(), str(names["slot"].path)),
            _code(DeadLetters.add): self._buried,
            _code(ReportLog.post_failure): lambda names, _: self._reported(names),
            _code(ReportLog.post_end): lambda names, _: self._reported(names),
        }
        self.at_return: dict[CodeType, Teller] = {
            _code(ref.tell): self._sent,
            _code(Mailbox.accept): self._accepted,
            _code(Asked.answer): self._answered,
            _code(BundledAsks.answer): self._answered,
            _code(make_slot): lambda _, slot: Event("register", self._who(), str(slot.path)),
            _code(open_direct_turn): lambda names, _: Event(
                "turn", self._who(), str(names["slot"].path), brief(names["letter"].message)
            ),
            _code(take_next): lambda names, letter: Event(
                "receive", str(names["slot"].path), what=brief(letter.message)
            ),
            _code(finalize_at_once): lambda names, ended: self._is_over(names["slot"]) if ended else None,
        }

    def hook(self, frame: FrameType) -> Event | None:
        """Say that an actor's own code begins, if that is what this call is."""
        code = frame.f_code
        at = code.co_code[frame.f_lasti : frame.f_lasti + 2]
        if len(at) < 2 or at[0] != _RESUME or at[1] & 3:  # noqa: PLR2004 -- it goes on, and does not begin
            return None
        names = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
        slot = self._current_slot()
        if slot is None or not names or not isinstance(names[0], self._actor):
            return None
        is_given = code.co_name == "receive" and len(names) > 1
        return Event(HOOKS[code.co_name], str(slot.path), what=brief(names[1]) if is_given else "")

    def _who(self) -> str:
        slot = self._current_slot()
        if slot is not None:
            return str(slot.path)
        try:
            return self._listener.name_of(trio.lowlevel.current_task())
        except RuntimeError:
            return OUTSIDE

    def _woken(self, names: dict[str, Any], _: Any) -> None:
        self._listener.woke(names["task"])

    @staticmethod
    def _is(path: Any, state: str) -> Event:
        return Event(_STATES.get(state, "life"), str(path), what=state)

    def _is_to_end(self, names: dict[str, Any], _: Any) -> Event:
        reason = names["reason"]
        kind: EventKind = "crash" if type(reason).__name__ == "Crashed" else "ending"
        return Event(kind, str(names["slot"].path), what=self._text_of(reason))

    def _sent(self, names: dict[str, Any], _seq: Any) -> Event | None:
        if "seq" not in names:  # the long way: it has been accepted, and told of
            return None
        return Event("send", self._who(), str(names["slot"].path), brief(names["message"]))

    def _accepted(self, names: dict[str, Any], _seq: Any) -> Event:
        letter, path = names["envelope"], str(names["self"].owner.path)
        kind = _SENT.get(letter.kind)
        if kind is None:
            return Event("get", path, what=f"{letter.kind}: {brief(letter.message)}")
        is_urgent = letter.urgent and kind == "send"
        return Event("urgent" if is_urgent else kind, self._who(), path, brief(letter.message))

    def _asked_directly(self, names: dict[str, Any], _: Any) -> Event | None:
        box, asked = names["slot"].box, names["asked"]
        if not box.fast or asked.incarnation:  # the long way
            return None
        return Event("direct ask", self._who(), str(names["slot"].path), brief(asked.message))

    def _asked_together(self, names: dict[str, Any], _: Any) -> list[Event]:
        bundle, path = names["bundle"], str(names["slot"].path)
        return [Event("direct ask", self._who(), path, brief(bundle.values[place])) for place in bundle.places]

    def _answered(self, names: dict[str, Any], taken: Any) -> Event:
        asked: Any = names["self"]
        task, who = (asked.task, asked.sender) if asked.poll is None else (asked.poll.task, asked.poll.asker)
        asker = self._listener.name_of(task) if who is None else str(who.path)
        kind: EventKind = "answer" if taken else "late answer"
        return Event(kind, str(asked.target.path), asker if taken else "", brief(names["value"]))

    def _told_to_end(self, names: dict[str, Any], _: Any) -> Event:
        return Event("order", self._who(), str(names["slot"].path), names["order"].name.lower())

    @staticmethod
    def _buried(names: dict[str, Any], _: Any) -> Event:
        letter = names["letter"]
        return Event("dead letter", str(letter.path), what=f"{brief(letter.message)}: {letter.reason}")

    def _is_over(self, slot: Any) -> list[Event]:
        report = Event("report", str(slot.path), str(slot.parent.path), "ChildEnded")
        return [report, self._is(slot.path, "stopped")]

    def _reported(self, names: dict[str, Any]) -> Event:
        report: Any = names["report"]
        is_made = isinstance(report, self._reports)  # else it is a ChildEnded, which is made when it is read
        kind = type(report).__name__ if is_made else "ChildEnded"
        about: Any = names["report"][0] if isinstance(report, tuple) else names["report"]
        return Event("report", str(about.path), str(names["self"]._slot.path), kind)  # noqa: SLF001


def _code(function: Any) -> CodeType:
    code: CodeType = function.__code__
    return code
