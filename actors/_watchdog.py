"""Watchdogs: each looks after one actor that has a `handler_timeout`, and sees to a message or turn that takes longer.

Why no timer per message? Arming and calling off one costs as much as an ask. So the timer is left where it is when a message ends: when it fires, it
looks what is in hand by then, and goes on to the time at which that will be overdue. A busy actor pays one clock read per message and one timer per
`handler_timeout`; one without a limit has no watchdog and pays nothing.

A handler that never waits hides from every timer. It is judged when it has returned, by the clock read with which the next message begins; then there
is nothing left to cancel, and the warning is all that there is.
"""

import logging
from math import inf
from typing import TYPE_CHECKING, Any, Final

import trio

from ._orders import STRAGGLER_AFTER, cut_off, say_straggler
from ._passage import CUT_OFF
from ._reasons import Killed
from ._slot import Slot
from ._texts import format_seconds

if TYPE_CHECKING:
    from ._context import Context
    from ._deadlines import Deadline

#: What has come of what is in hand: nothing; it was overdue and goes on; it was cancelled for that.
FRESH: Final = 0
TOLD: Final = 1
CUT: Final = 2
#: What is said of an overdue one by way of what is done about it.
SAID: Final = {"warn": "it goes on", "cancel": "it is cancelled", "restart": "its actor is killed"}


class Watchdog:
    """Keep the time of what one incarnation has in hand."""

    __slots__ = ("_begun", "_due", "_now", "_slot", "_stage", "_timeout", "_timer")

    def __init__(self, slot: Slot, timeout: float) -> None:
        self._slot = slot
        self._now = slot.runtime.now
        #: seconds that each message or turn may take.
        self._timeout = timeout
        self._begun = 0.0
        #: Trio's clock: when what is in hand is overdue; infinity if nothing is, or all has been done about it.
        self._due = inf
        self._stage = FRESH
        #: never later than `_due`.
        self._timer: Deadline | None = None

    def receive(self, message: Any, ctx: "Context") -> Any:
        """Hand a message to the actor, and begin to count: stands in the loop for the actor's own `receive`."""
        self.begin()
        return self._slot.actor.receive(message, ctx)

    def begin(self) -> None:
        """Begin to count for what has just come into hand. Plain."""
        now = self._now()
        if now > self._due:
            self._judge_late(now)  # what was in hand before has ended: this is the end of it, too
        self._begun = now
        self._due = now + self._timeout
        self._stage = FRESH
        if self._timer is None or self._timer.when > self._due:
            self._set_timer()

    def end(self) -> None:
        """Stop counting. Plain; what was overdue and could not be seen to meanwhile is told now."""
        if self._due != inf and self._stage == FRESH:
            now = self._now()
            if now > self._due:
                self._judge_late(now)
        self._due = inf
        self._stage = FRESH

    @property
    def why_cut(self) -> str:
        """Why what is in hand was cancelled; "" if the watchdog did not."""
        if self._stage != CUT:
            return ""
        return f"it took longer than its {self._limit} allows, and was cancelled"

    def extend(self, seconds: float | None) -> None:
        """Give what is in hand more time, from now on; what it has already is not taken away. Plain."""
        if self._due != inf and self._stage == FRESH:
            self._due = max(self._due, self._now() + (self._timeout if seconds is None else seconds))

    def close(self) -> None:
        """Look no more: the incarnation has ended."""
        self._due = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- looking

    @property
    def _limit(self) -> str:
        return f"handler_timeout of {format_seconds(self._timeout)}"

    @property
    def _what(self) -> str:
        return "a turn" if self._slot.blueprint.kind == "agent" else "a message"

    def _set_timer(self) -> None:
        # A chore: nobody waits for it, and a handler that is stuck has to look stuck where schedules are explored.
        slot = self._slot
        if self._timer is not None:  # set for one that had more time
            self._timer.cancel()
        self._timer = slot.runtime.deadlines.add_chore(self._due, self._look, f"watchdog of {slot.name}")

    def _is_busy(self) -> bool:
        """Return whether something is in hand that others have not cut off already."""
        slot = self._slot
        if slot.ending or slot.order >= CUT_OFF or slot.runner is None:
            return False
        turn = None if slot.more is None else slot.more.turn
        return slot.box.hand is not None if turn is None else turn.begun

    @trio.lowlevel.enable_ki_protection
    def _look(self) -> None:
        """See whether what is in hand is overdue, and to it; then look again when it will be, if that is ever."""
        self._timer = None
        if self._due == inf or not self._is_busy():
            return
        now = self._now()
        if now >= self._due:
            self._see_to(now)
        if self._due != inf:
            self._set_timer()
        self._slot.runtime.flush_log()

    def _see_to(self, now: float) -> None:
        """Do what the policy says about what is overdue, once; then about what does not let itself be cancelled."""
        slot = self._slot
        runner = slot.runner
        assert runner is not None
        self._due = inf
        if self._stage == CUT:
            say_straggler(slot)
            return
        action = slot.policy.on_overdue
        text = (
            f"overdue: {self._what} has taken {format_seconds(now - self._begun)}, longer than its {self._limit} allows"
        )
        stack = runner.stack()
        self._tell(f"{text}; {SAID[action]}, at\n{stack}", stack)
        self._stage = TOLD
        if action == "cancel":
            self._stage = CUT
            self._due = now + STRAGGLER_AFTER
            slot.runtime.interrupt(slot)
        elif action == "restart":
            cut_off(slot, Killed(text))

    def _judge_late(self, now: float) -> None:
        """Tell of one that nobody could look at before it ended; not of one that others have cut off."""
        slot = self._slot
        if self._stage != FRESH or slot.ending or slot.order >= CUT_OFF:
            return
        taken = format_seconds(now - self._begun)
        self._tell(
            f"overdue: {self._what} took {taken}, longer than its {self._limit} allows; it has ended, and could not be seen to before"
        )
        slot.runtime.flush_log()

    def _tell(self, text: str, stack: str | None = None) -> None:
        slot = self._slot
        slot.runtime.log_later(logging.WARNING, text, slot, **({} if stack is None else {"stack": stack}))
        slot.warn("overdue", text)
        slot.touch()


def watchdog_of(slot: Slot) -> Watchdog:
    """Return the watchdog of an actor that has a `handler_timeout`, made at first use."""
    more = slot.get_more()
    watchdog = more.watchdog
    if watchdog is None:
        assert slot.policy.handler_timeout is not None
        watchdog = more.watchdog = Watchdog(slot, slot.policy.handler_timeout)
    return watchdog


def begin_watch(slot: Slot) -> None:
    """Begin to count for what has come into hand, if its time is limited. Plain."""
    if slot.policy.handler_timeout is not None:
        watchdog_of(slot).begin()


def end_watch(slot: Slot) -> None:
    """Stop counting. Plain."""
    watchdog = None if slot.more is None else slot.more.watchdog
    if watchdog is not None:
        watchdog.end()


def why_cut(slot: Slot) -> str:
    """Return why the watchdog has cancelled what is in hand; "" if it has not."""
    watchdog = None if slot.more is None else slot.more.watchdog
    return "" if watchdog is None else watchdog.why_cut
