"""The reaper: it ends children that are overdue, and forgets the records of those that ended long ago; nobody needs to look for that.

Why not a task that looks around every second? A clock that jumps whenever everybody waits would never come to rest, and where schedules are explored
no run would ever be stuck. So the reaper has one timer, which stands at the first round that can find something to do, and at none if nothing can
come to be overdue. Rounds are whole multiples of `every` from the opening of the tree, so what becomes overdue together is ended together.

What is overdue, and what ends it:

    queued          for a permit, or a place    its startup has failed; the restart type decides, as at a startup that timed out
    initializing    with something to start     the same
    draining                                    it is killed, and has its shutdown time for that
    stopping                                    its time is over: what it still does is cancelled
    resting     and its incarnation has not ended    the same; that is a failure, and the restart type decides

Never overdue are the root; who waits for siblings to be started before it; supervisors and others that have nothing to start themselves; and who
is restarting, since its next attempt has a time of its own.
"""

import logging
from collections import OrderedDict
from math import floor, inf
from typing import TYPE_CHECKING, Final

import trio

from ._errors import StartupFailed
from ._lifecycle import DRAINING, INITIALIZING, QUEUED, RESTING, STOPPING
from ._orders import cut_rest_short, fail_start, hurry, order_end
from ._passage import END
from ._reap_times import ReapTimes
from ._reasons import ExitReason, Killed
from ._records import Records
from ._resting import is_lying_down
from ._slot import Slot
from ._texts import format_seconds

if TYPE_CHECKING:
    from ._deadlines import Deadline
    from ._runtime import Runtime

#: Who asks for the end of a child that drains or stops for too long.
REAPER: Final = "reaper"


def can_be_overdue(slot: Slot) -> bool:
    """Return whether a slot is in a state that it should have left after some time."""
    life = slot.life
    if slot.parent is None:
        return False
    if life is INITIALIZING:
        return slot.blueprint.needs_permit
    if life is QUEUED:
        return slot.runtime.launcher.is_waiting(slot) or slot.runtime.passivation.is_waiting(slot)
    if life is RESTING:
        return is_lying_down(slot)
    return life is DRAINING or life is STOPPING


def is_overdue(slot: Slot, now: float, stale_after: float | None) -> bool:
    """Return whether a slot has been in such a state for longer than it may. Reads, and changes nothing."""
    return stale_after is not None and now > slot.since + stale_after and can_be_overdue(slot)


class Reaper:
    """End what is overdue and forget what is old, in rounds."""

    def __init__(self, runtime: "Runtime", times: ReapTimes) -> None:
        self._runtime = runtime
        self._times = times
        self._opened = runtime.now()
        self.records = Records(times.retention)
        #: those that can be overdue, in the order in which they came into their states: the first will be it first.
        self._watched: OrderedDict[Slot, None] = OrderedDict()
        self._timer: Deadline | None = None
        self._is_at_work = False

    @property
    def ends_overdue(self) -> bool:
        """False if it is to end nobody."""
        return self._times.every is not None and self._times.stale_after is not None

    @property
    def next_round(self) -> float:
        """When it looks next, on Trio's clock; infinity if there is nothing to look for."""
        return inf if self._timer is None else self._timer.when

    def note(self, slot: Slot) -> None:
        """Note that a slot has come into another state. Plain."""
        self._watched.pop(slot, None)
        if can_be_overdue(slot):
            self._watched[slot] = None
        self._set_timer()

    def keep(self, slot: Slot, reason: ExitReason, by: str) -> None:
        """Keep a record of a slot that has ended for good. Plain."""
        self.records.add(slot, reason, by)
        self._set_timer()

    def close(self) -> None:
        """Have no more rounds: the tree has ended. Its records can still be read."""
        self._watched.clear()
        self._is_at_work = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        every = self._times.every
        if self._is_at_work or every is None:
            return
        due = self.records.due
        if self._watched:
            assert self._times.stale_after is not None
            due = min(due, next(iter(self._watched)).since + self._times.stale_after)
        timer = self._timer
        when = inf
        if due < inf:
            when = self._opened + (floor((due - self._opened) / every) + 1) * every
            if when <= due:  # as numbers are rounded
                when += every
        if timer is not None and timer.when != when:
            timer.cancel()
            timer = self._timer = None
        if timer is None and when < inf:
            self._timer = self._runtime.deadlines.add_chore(when, self._round, REAPER)

    @trio.lowlevel.enable_ki_protection
    def _round(self) -> None:
        """See to all that has become overdue or old."""
        self._timer = None
        self._is_at_work = True
        now = self._runtime.now()
        stale_after = self._times.stale_after
        while self._watched:
            slot = next(iter(self._watched))
            if not is_overdue(slot, now, stale_after):
                break
            del self._watched[slot]
            assert stale_after is not None
            reap(slot, stale_after)
        self.records.forget(now)
        self._is_at_work = False
        self._set_timer()
        self._runtime.flush_log()


@trio.lowlevel.enable_ki_protection
def reap(slot: Slot, stale_after: float) -> None:
    """End a child that is overdue, as its state asks for. Plain; what has to be undone is undone in the child's own time."""
    life = slot.life
    cause = f"overdue: {life.value} for longer than {format_seconds(stale_after)}"
    if life is QUEUED or life is INITIALIZING:
        fail_start(slot, StartupFailed(slot.path, TimeoutError(cause), cause))
        return
    slot.runtime.log_later(logging.WARNING, f"{cause}; killed", slot, cause=cause)
    if life is RESTING:
        cut_rest_short(slot)
        return
    if slot.reason is None:
        slot.reason = Killed(cause)
    if life is DRAINING:
        order_end(slot, END, by=REAPER)
    else:
        hurry(slot, by=REAPER)
