"""Halting: an incarnation is ended by its supervisor, so that the next one can follow. No end of the actor, whose place and mail stay.

Why not a stop? A stop closes the mailbox, and leads to no restart whoever asked for it. Here nothing that waits is lost; all else is the same: the
message in hand is finished, within the shutdown time, and what others order meanwhile outweighs it.
"""

import trio

from ._lifecycle import DRAINING, ENDED, QUEUED, RESTARTING, RESTING
from ._orders import cut_short, limit_end, note_end, order_end, press, stop_running, withdraw
from ._passage import CUT_OFF, END, STOP
from ._reasons import Killed, Rested, Shutdown
from ._slot import Slot


def is_down(slot: Slot) -> bool:
    """Return whether nothing of it runs: the next incarnation could begin, or never will."""
    return slot.life in ENDED or slot.life is RESTARTING or (slot.life is RESTING and slot.idle)


@trio.lowlevel.enable_ki_protection
def halt(slot: Slot, why: str, *, killed: bool = False, hurried: bool = False) -> bool:
    """End an incarnation so that the next one can follow; True if that takes until its last step. Plain, idempotent.

    Args:
        slot: whose. One that rests is left as it is.
        why: the detail of its exit reason.
        killed: cancel what it does now, instead of giving it its shutdown time for that.
        hurried: let it have no time at all, not even for its end.
    """
    if is_down(slot):
        return False
    if slot.life is QUEUED:
        withdraw(slot)
        slot.advance(RESTARTING)
        return False
    killed = killed or hurried
    if slot.admin:
        if killed or slot.life is DRAINING:
            order_end(slot, END if killed else STOP, by=slot.by)
        return True
    if hurried:
        slot.own_passage().stop_by = slot.runtime.now()
    order = CUT_OFF if killed else STOP
    if slot.order < order:
        slot.own_passage().order = order
        if slot.reason.__class__ is Rested:
            slot.reason = None
        limit_end(slot, killed=killed)
        note_end(slot, Killed(why) if killed else Shutdown(why))
        slot.get_more().halted = True
        if slot.ending:
            press(slot, killed=killed)
        else:
            stop_running(slot, now=killed)
    if hurried and slot.ending:
        cut_short(slot)
    return True


@trio.lowlevel.enable_ki_protection
def take_out_of_bed(slot: Slot) -> None:
    """Let one that rests begin its next incarnation with its supervisor's, and not before. Plain."""
    if slot.life is RESTING and slot.idle:
        slot.idle = False
        leave_bed(slot)


def leave_bed(slot: Slot) -> None:
    """Let one that is being woken wait for its turn to start, as its group restarts. Plain."""
    slot.pool = slot.runtime.pool
    slot.advance(RESTARTING)
