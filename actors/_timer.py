"""Timers: a message to oneself, later. They belong to the incarnation and end with it."""

from typing import TYPE_CHECKING, Any

import trio

from ..mailbox import Envelope

if TYPE_CHECKING:
    from ._deadlines import Deadline
    from ._slot import Slot


class Timer:
    """Stand for one message that comes later; got by `ctx.send_after(seconds, message)`."""

    __slots__ = ("_deadline", "_envelope", "_incarnation", "_slot", "key", "message", "when")

    def __init__(self, slot: "Slot", when: float, message: Any, key: str | int | None) -> None:
        self._slot = slot
        self._incarnation = slot.incarnation
        self._envelope: Envelope | None = None
        self.when = when
        self.message = message
        self.key = key
        self._deadline: Deadline | None = slot.runtime.deadlines.add(when, self._fire, f"timer of {slot.name}")

    @trio.lowlevel.enable_ki_protection
    def cancel(self) -> None:
        """Call it off, even if its tick is queued already: after this none is handed over. Plain function, idempotent."""
        self._leave_list()
        more = self._slot.more
        if (
            self.key is not None
            and more is not None
            and more.keyed_timers is not None
            and more.keyed_timers.get(self.key) is self
        ):
            del more.keyed_timers[self.key]
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif self._envelope is not None:
            self._envelope.void = True
        if more is not None and not more.timers:
            self._slot.runtime.passivation.recheck(self._slot)

    def _fire(self) -> None:
        slot = self._slot
        self._deadline = None
        self._leave_list()
        if slot.incarnation != self._incarnation or not slot.box.is_open:
            slot.dead_letters.count("old incarnation")
            return
        self._envelope = Envelope(self.message, kind="tick", incarnation=self._incarnation)
        slot.runtime.post(slot, self._envelope)

    def _leave_list(self) -> None:
        more = self._slot.more
        if more is not None and more.timers is not None:
            more.timers.pop(self, None)

    def __repr__(self) -> str:
        """Show when it is due."""
        return f"<Timer of {self._slot.path} due at {self.when:.6g} key={self.key!r}>"


def set_timer(slot: "Slot", when: float, message: Any, key: str | int | None) -> Timer:
    """Arm a timer; one with the same key is called off first."""
    more = slot.get_more()
    if key is not None:
        if more.keyed_timers is None:
            more.keyed_timers = {}
        old = more.keyed_timers.get(key)
        if old is not None:
            old.cancel()
    timer = Timer(slot, when, message, key)
    if more.timers is None:
        more.timers = {}
    more.timers[timer] = None
    if key is not None:
        assert more.keyed_timers is not None
        more.keyed_timers[key] = timer
    return timer


def cancel_timers(slot: "Slot") -> None:
    """Call off all timers of an incarnation that ends."""
    more = slot.more
    if more is not None and more.timers:
        for timer in list(more.timers):
            timer.cancel()
    if more is not None:
        more.timers = more.keyed_timers = None
