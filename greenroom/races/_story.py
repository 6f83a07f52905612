"""What actors do, as lines: who sends what to whom, who handles it, who starts, crashes, is restarted, ends.

A run that is noted is watched by a profile function, which sees the few functions of the runtime that such a thing always goes through. So the
runtime itself has nothing to tell, and pays nothing.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dis import opmap
from types import CodeType, FrameType
from typing import Any, Final

import trio

from ._brief import brief

#: An actor's own functions that it is worth telling of.
HOOKS: Final = {"receive": "receives", "turn": "has a turn", "startup": "starts up", "shutdown": "shuts down"}
_RESUME: Final = opmap["RESUME"]

Tell = Callable[[str], None]
#: Say something of a call, or of what it returned.
Teller = Callable[[dict[str, Any], Any], str]


@contextmanager
def told(tell: Tell, name_of: Callable[[Any], str]) -> Generator[None]:
    """Tell of each thing that actors do in this thread meanwhile; `name_of` names a task that is no actor's."""
    tellers = _Tellers(name_of)

    def look(frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        text = ""
        if event == "call":
            teller = tellers.at_call.get(code)
            if teller is not None:
                text = teller(frame.f_locals, None)
            elif code.co_name in HOOKS:
                text = tellers.hook(frame)
        elif event == "return":
            teller = tellers.at_return.get(code)
            if teller is not None and value is not None:  # None: it has raised
                text = teller(frame.f_locals, value)
        if text:
            tell(text)

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

    def __init__(self, name_of: Callable[[Any], str]) -> None:
        from ..actors import Actor, ActorRef, Runtime, Slot, current_slot, make_slot, order_end, text_of
        from ..actors._last_step import finalize_at_once
        from ..actors._orders import note_end
        from ..actors._reports import ReportLog
        from ..actors._request import Asked
        from ..actors._working import open_direct_turn, take_next
        from ..mailbox import DeadLetters
        from ..mailbox._mailbox import Mailbox

        ref: Any = ActorRef
        self._name_of = name_of
        self._text_of = text_of
        self._current_slot = current_slot
        self._actor = Actor
        self.at_call: dict[CodeType, Teller] = {
            _code(order_end): self._told_to_end,
            _code(note_end): lambda names, _: f"{names['slot'].path} is to end: {text_of(names['reason'])}",
            _code(Slot.advance): lambda names, _: f"{names['self'].path} is {names['life'].value}",
            _code(Runtime.interrupt): lambda names, _: f"{self._who()} interrupts {names['slot'].path}",
            _code(DeadLetters.add): self._buried,
            _code(ReportLog.post_failure): lambda names, _: self._reported(names),
            _code(ReportLog.post_end): lambda names, _: self._reported(names),
        }
        self.at_return: dict[CodeType, Teller] = {
            _code(ref.tell): self._sent,
            _code(Mailbox.accept): self._accepted,
            _code(Asked.answer): self._answered,
            _code(make_slot): lambda names, slot: f"{self._who()} registers {slot.path}",
            _code(open_direct_turn): lambda names, _: (
                f"{self._who()} -> {names['slot'].path}: starts a turn with {brief(names['letter'].message)}"
            ),
            _code(take_next): lambda names, letter: f"{names['slot'].path} receives {brief(letter.message)}",
            _code(finalize_at_once): lambda names, ended: f"{names['slot'].path} is stopped" if ended else "",
        }

    def hook(self, frame: FrameType) -> str:
        """Say that an actor's own code begins, if that is what this call is."""
        code = frame.f_code
        at = code.co_code[frame.f_lasti : frame.f_lasti + 2]
        if len(at) < 2 or at[0] != _RESUME or at[1] & 3:  # noqa: PLR2004 -- it goes on, and does not begin
            return ""
        names = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
        slot = self._current_slot()
        if slot is None or not names or not isinstance(names[0], self._actor):
            return ""
        what = HOOKS[code.co_name]
        return f"{slot.path} {what}" + (f" {brief(names[1])}" if code.co_name == "receive" and len(names) > 1 else "")

    def _who(self) -> str:
        slot = self._current_slot()
        if slot is not None:
            return str(slot.path)
        try:
            return self._name_of(trio.lowlevel.current_task())
        except RuntimeError:
            return "outside"

    def _sent(self, names: dict[str, Any], _seq: Any) -> str:
        if "seq" not in names:  # the long way: it has been accepted, and told of
            return ""
        return f"{self._who()} -> {names['slot'].path}: {brief(names['message'])}"

    def _accepted(self, names: dict[str, Any], _seq: Any) -> str:
        letter = names["envelope"]
        how = {"message": "", "request": "asks ", "steer": "steers with "}
        if letter.kind not in how:
            return f"{names['self'].owner.path} gets {letter.kind}: {brief(letter.message)}"
        urgent = "urgent " if letter.urgent and letter.kind == "message" else ""
        return f"{self._who()} -> {names['self'].owner.path}: {urgent}{how[letter.kind]}{brief(letter.message)}"

    def _answered(self, names: dict[str, Any], taken: Any) -> str:
        late = "" if taken else " too late"
        return f"{names['self'].target.path} answers{late}: {brief(names['value'])}"

    def _told_to_end(self, names: dict[str, Any], _: Any) -> str:
        return f"{self._who()} tells {names['slot'].path} to {names['order'].name.lower()}"

    @staticmethod
    def _buried(names: dict[str, Any], _: Any) -> str:
        letter = names["letter"]
        return f"{letter.path} gets no more {brief(letter.message)}: {letter.reason}"

    @staticmethod
    def _reported(names: dict[str, Any], _: Any = None) -> str:
        report: Any = names["report"]
        is_made = hasattr(report, "path")  # else the facts of a ChildEnded, which is made when it is read
        kind: str = type(report).__name__ if is_made else "ChildEnded"
        about: Any = report if is_made else report[0]
        return f"{kind} of {about.path} is posted to {names['self']._slot.path}"  # noqa: SLF001


def _code(function: Any) -> CodeType:
    code: CodeType = function.__code__
    return code
