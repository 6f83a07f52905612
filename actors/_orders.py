"""Orders: how a slot is told to end, by others or by its own code, and what happens to who takes too long.

Telling is a plain function; whoever runs the slot sees to it, at once or after the message in hand. Orders only grow in urgency.
"""

import logging
from functools import partial
from math import inf
from typing import Final

import trio

from ._errors import ActorStopping
from ._lifecycle import DRAINING, ENDED, QUEUED, READY, RESTARTING, RESTING, STOPPING
from ._lingering import what_lingers
from ._more import More
from ._passage import CUT_OFF, DRAIN, END, Order
from ._reasons import ExitReason, Killed, Rested, Shutdown, is_failure
from ._runner import LEAVE
from ._slot import Slot
from ._texts import format_seconds

#: Seconds after a cancellation at which who has not ended is reported with its stack.
STRAGGLER_AFTER: Final = 5.0
#: What an unlimited shutdown time means for a kill: somebody outside wants to leave.
KILL_TIME: Final = 5.0


@trio.lowlevel.enable_ki_protection
def order_end(slot: Slot, order: Order, *, by: str) -> None:
    """Carry out others' stop, drain or kill: administrative, never restarted. Idempotent; a later order only adds urgency."""
    if slot.life in ENDED or (slot.admin and order <= slot.order):
        return
    slot.own_passage().by = slot.by or by
    slot.own_passage().order = max(slot.order, order)
    life = slot.life
    if order is DRAIN:
        _drain(slot)
        return
    limit_end(slot, killed=order is END)
    if slot.reason is not None and (slot.reason.__class__ is Rested or _is_halted(slot, slot.reason)):
        slot.reason = None if order is END else Shutdown()  # the end of the actor outweighs that of an incarnation
    if order is END and slot.reason is None:
        slot.reason = Killed(f"by {by}")
    elif slot.policy.shutdown == 0 and slot.reason is None:
        # OTP's brutal_kill: whether it would have ended in no time is not for the order to say in which Trio runs what is due.
        slot.reason = _out_of_time(slot)
    if life is not STOPPING:
        slot.advance(STOPPING)
        _close_mailbox(slot)
    slot.attention = True
    if slot.ending:
        press(slot, killed=order is END)
    elif life is QUEUED or life is RESTARTING or (life is RESTING and slot.idle):
        withdraw(slot)
        slot.idle = False
        slot.pool = slot.runtime.pool
        slot.pool.enqueue(slot)
    else:
        stop_running(slot, now=order is END)


def _is_halted(slot: Slot, reason: ExitReason) -> bool:
    """Return whether an incarnation ends for its supervisor's sake alone."""
    return slot.more is not None and slot.more.halted and not is_failure(reason)


def press(slot: Slot, *, killed: bool) -> None:
    """Let an end that is being carried out take no longer than the slot's time."""
    more = slot.get_more()
    if killed and more.family is not None:
        more.family.kill()
    if more.stop_timer is None or more.stop_timer.when > slot.stop_by:
        arm_stop_timer(slot)  # its end has less time from now on


def _drain(slot: Slot) -> None:
    """Begin to drain, if it is ready; one that is not looks when it is, and one that rests is woken to be."""
    if slot.life is READY and not slot.ending:
        start_draining(slot)
        slot.runtime.wake(slot)
    elif slot.life is RESTING:
        slot.runtime.wake(slot)


def hurry(slot: Slot, *, by: str = "parent") -> None:
    """Kill a slot whose time is over, or its parent's: it gets no more of its own."""
    if slot.life in ENDED:
        return
    slot.own_passage().stop_by = slot.runtime.now()
    order_end(slot, END, by=by)
    if slot.ending:
        cut_short(slot)
        arm_stop_timer(slot, is_cancelled=True)


def withdraw(slot: Slot) -> None:
    """Let it wait for nothing that it would need to begin."""
    slot.runtime.launcher.withdraw(slot)
    slot.runtime.passivation.withdraw(slot)


@trio.lowlevel.enable_ki_protection
def cut_rest_short(slot: Slot) -> None:
    """Cancel what an agent still does that is being put to rest and takes too long for it: that is a failure of it."""
    slot.own_passage().stop_by = slot.runtime.now()
    if slot.ending:
        cut_short(slot)
        arm_stop_timer(slot, is_cancelled=True)


def cut_short(slot: Slot) -> None:
    """Cancel what an end that is being carried out still does."""
    more = slot.get_more()
    if more.closing is not None:
        more.closing.cancel()
    if more.family is not None:
        more.family.hasten()
    if more.gate is not None:
        more.gate.hurry(slot.stop_by)


@trio.lowlevel.enable_ki_protection
def fail_start(slot: Slot, reason: ExitReason) -> None:
    """End a startup that takes too long, or the wait for a permit to begin it, as one that failed. One that is ending already is cut short."""
    if slot.ending:
        slot.own_passage().stop_by = slot.runtime.now()
        cut_short(slot)
        arm_stop_timer(slot, is_cancelled=True)
        return
    note_end(slot, reason)
    if slot.life is QUEUED:
        withdraw(slot)
        slot.runtime.run(slot)  # to its end: it looks before it begins anything
        return
    slot.own_passage().order = max(slot.order, CUT_OFF)
    slot.touch()
    stop_running(slot, now=True)


def start_draining(slot: Slot) -> None:
    """Let nothing new in; what waits is handled, then the slot ends."""
    slot.advance(DRAINING)
    _close_mailbox(slot)
    slot.attention = True
    if slot.blueprint.kind == "function" and slot.box.hand is None and not (slot.idle or slot.pool.runq):
        # It neither has mail nor waits for some, and nobody knows whether it ever will: what it does has its shutdown time.
        limit_end(slot, killed=False)
        arm_stop_timer(slot)


@trio.lowlevel.enable_ki_protection
def end_from_outside(slot: Slot, reason: ExitReason) -> bool:
    """End a slot's incarnation as if its own code had: a service died, it escalates, `ref.crash(error)`. False if it is ending anyway."""
    if slot.life in ENDED or slot.ending or slot.reason is not None or slot.life in (QUEUED, RESTARTING, RESTING):
        return False
    cut_off(slot, reason)
    return True


@trio.lowlevel.enable_ki_protection
def cut_off(slot: Slot, reason: ExitReason) -> None:
    """End a slot's incarnation in the middle of what it has in hand, also where its code has said already how it is going to end."""
    note_end(slot, reason)
    slot.own_passage().order = max(slot.order, CUT_OFF)
    slot.touch()
    stop_running(slot, now=True)


@trio.lowlevel.enable_ki_protection
def note_end(slot: Slot, reason: ExitReason) -> None:
    """Note why the incarnation is going to end; the first reason stays, but a failure outweighs an end in good order."""
    if slot.reason is None or (is_failure(reason) and not is_failure(slot.reason)):
        slot.reason = reason
    slot.attention = True


def stop_running(slot: Slot, *, now: bool) -> None:
    """Make whoever runs the slot see to its end: at once, or after the message in hand."""
    runner = slot.runner
    if slot.starting:
        assert runner is not None
        runner.cancel_startup()
        arm_stop_timer(slot)
    elif runner is None and not slot.idle:
        return  # on the run queue, or its task has not begun: it looks before it does anything
    elif slot.blueprint.kind == "function" and (slot.idle or slot.box.hand is None):
        assert runner is not None
        runner.interrupt(slot)
        arm_stop_timer(slot)
    elif slot.idle:
        slot.runtime.wake(slot)
    elif runner is not None and now:
        runner.interrupt(slot)
        arm_stop_timer(slot)
    elif runner is None:
        return
    else:
        runner.hit = runner.hit or LEAVE
        arm_stop_timer(slot)


def tell_end_of_turn(slot: Slot) -> None:
    """Have the end of the message in hand told as a change, as a feed has shown it. As a rule nobody asks, and it is not told. Plain."""
    runner = slot.runner
    if slot.blueprint.kind == "actor" and runner is not None and slot.in_turn:
        runner.hit = runner.hit or LEAVE


def _close_mailbox(slot: Slot) -> None:
    slot.box.shut()
    if slot.box.waiting_senders:
        slot.box.refuse_senders(partial(ActorStopping, slot.path))


def limit_end(slot: Slot, *, killed: bool) -> None:
    shutdown = slot.policy.shutdown
    if shutdown is None:
        shutdown = KILL_TIME if killed else inf
    by = slot.runtime.now() + shutdown
    slot.own_passage().stop_by = min(slot.stop_by, by)


def lift_limit(slot: Slot) -> None:
    """Give a drained function all the time that it needs for the mail that it has taken after all."""
    slot.own_passage().stop_by = inf
    _disarm_stop_timer(slot.get_more())


def _disarm_stop_timer(more: More) -> None:
    if more.stop_timer is not None:
        more.stop_timer.cancel()
        more.stop_timer = None


def arm_stop_timer(slot: Slot, *, is_cancelled: bool = False) -> None:
    """Look again when its time is over, to cancel it; if that has been done, to say that it lingers."""
    more = slot.get_more()
    _disarm_stop_timer(more)
    now = slot.runtime.now()
    # What it had in hand is cancelled by the order; its end has its time, whatever was ordered.
    is_cancelled = is_cancelled or (slot.order >= CUT_OFF and not slot.ending)
    when = now + STRAGGLER_AFTER if is_cancelled else slot.stop_by
    if when < inf:
        action = partial(_report_straggler if is_cancelled else _overdue, slot, slot.incarnation)
        more.stop_timer = slot.runtime.deadlines.add(max(when, now), action, f"stop of {slot.name}")


def _overdue(slot: Slot, incarnation: int) -> None:
    """Cancel what has not ended in its time."""
    if slot.incarnation != incarnation or slot.life in ENDED or (slot.order >= CUT_OFF and not slot.ending):
        return
    slot.own_passage().order = END
    slot.attention = True
    if slot.reason is None:
        slot.reason = _out_of_time(slot)
    if slot.ending:
        cut_short(slot)
        arm_stop_timer(slot, is_cancelled=True)
    else:
        stop_running(slot, now=True)


def _out_of_time(slot: Slot) -> Killed:
    return Killed(f"it did not end within its {shutdown_text(slot)}")


def shutdown_text(slot: Slot) -> str:
    shutdown = slot.policy.shutdown
    return "shutdown time" if shutdown is None else f"shutdown time of {format_seconds(shutdown)}"


def _report_straggler(slot: Slot, incarnation: int) -> None:
    """Say who does not let itself be cancelled, and where it is."""
    if slot.incarnation != incarnation or slot.life in ENDED:
        return
    say_straggler(slot)
    slot.runtime.flush_log()


def say_straggler(slot: Slot) -> None:
    """Say what somebody is at who was cancelled a while ago, and where; whoever calls it hands the log out. Plain."""
    what, stack = what_lingers(slot)
    text = (
        f"still running {format_seconds(STRAGGLER_AFTER)} after it was cancelled; "
        f"{what} is shielded, or swallows the cancellation, at\n{stack}"
    )
    slot.runtime.log_later(logging.ERROR, text, slot, stack=stack)
    slot.warn("straggler", text)
    slot.touch()
