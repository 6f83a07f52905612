"""Monitors: to be told, once, that somebody has ended."""

from typing import TYPE_CHECKING, Any

import attrs
import trio

from ..mailbox import Envelope
from ._reasons import ExitReason

if TYPE_CHECKING:
    from ._ref import ActorRef
    from ._slot import Slot


@attrs.frozen
class Down:
    """Say that a monitored actor has ended; arrives as a message. `reason` is None if it had ended before it was monitored and forgotten since."""

    ref: "ActorRef[Any]"
    reason: ExitReason | None


class Monitor:
    """Stand for one watch over one actor; got by `ctx.monitor(ref)`."""

    __slots__ = ("_envelope", "_pinned", "_watched", "_watcher", "_watcher_incarnation", "is_active", "ref")

    def __init__(self, watcher: "Slot", ref: "ActorRef[Any]", watched: "Slot", pinned: int) -> None:
        self._watcher = watcher
        self._watcher_incarnation = watcher.incarnation
        self._watched = watched
        self._pinned = pinned
        self._envelope: Envelope | None = None
        self.ref = ref
        #: False once its Down was sent or it was cancelled.
        self.is_active = True

    @trio.lowlevel.enable_ki_protection
    def cancel(self) -> None:
        """Stop watching (OTP's demonitor with flush): no Down arrives from now on, not even one that is queued. Plain function, idempotent."""
        self._drop()
        if self._envelope is not None:
            self._envelope.void = True
        more = self._watcher.more
        if more is not None and more.watching is not None:
            more.watching.pop(self, None)
            if not more.watching:
                self._watcher.runtime.passivation.recheck(self._watcher)

    def _drop(self) -> None:
        self.is_active = False
        more = self._watched.more
        if more is not None and more.monitors is not None:
            more.monitors.pop(self, None)

    def covers(self, *, slot_ends: bool) -> bool:
        """Return whether an end of an incarnation concerns it: a pinned ref's monitor hears of that incarnation, others of the slot."""
        return slot_ends or self._pinned == self._watched.incarnation

    def fire(self, reason: ExitReason | None) -> None:
        """Put the Down into the watcher's mailbox (the runtime does, in the last step of the watched)."""
        self._drop()
        watcher = self._watcher
        more = watcher.more
        if more is not None and more.watching is not None:
            more.watching.pop(self, None)
        if watcher.incarnation != self._watcher_incarnation or not watcher.box.is_open:
            watcher.dead_letters.count("old incarnation")
            return
        self._envelope = Envelope(Down(self.ref, reason), kind="down", incarnation=self._watcher_incarnation)
        watcher.runtime.post(watcher, self._envelope)

    def __repr__(self) -> str:
        """Show whom it watches."""
        return f"<Monitor of {self.ref.path} {'active' if self.is_active else 'over'}>"


def tell_monitors(slot: "Slot", reason: ExitReason, *, slot_ends: bool) -> None:
    """Tell those who watch it of its end, or of its incarnation's."""
    more = slot.more
    if more is None or not more.monitors:
        return
    monitors: list[Monitor] = [monitor for monitor in more.monitors if monitor.covers(slot_ends=slot_ends)]
    for monitor in monitors:
        monitor.fire(reason)


def drop_watching(slot: "Slot") -> None:
    """End the monitors that this incarnation had set up."""
    more = slot.more
    if more is not None and more.watching:
        for monitor in list(more.watching):
            monitor.cancel()
        more.watching = None
