"""Ends: how an incarnation is told to end, ends, and what its last step leaves behind.

The order: timers and background work → children, in order → the `shutdown` hook → services; then, in one step without a checkpoint
(`finalize`): decide on a restart → fail the request in hand and the deferred replies → if the slot ends: free the name, close the mailbox, fail the
asks, bury the mail → Downs → status and report together.
"""

import logging
from functools import partial
from math import inf
from typing import Final

import trio

from ..mailbox import DeadReason, Letter
from ._errors import ActorCrashed, ActorStopped, ActorStopping, StartupFailed
from ._family import Family, Verdict
from ._faults import is_fatal
from ._held import close_nurseries
from ._lifecycle import DRAINING, ENDED, FAILED, INITIALIZING, PARKED, QUEUED, READY, RESTARTING, STOPPED, STOPPING
from ._monitor import Monitor
from ._reasons import Crashed, Escalated, ExitReason, Killed, Shutdown, error_of, is_failure, text_of
from ._reports import ChildEnded, ChildStartupFailed, log_of, post_report
from ._request import Asked
from ._runner import LEAVE
from ._slot import DRAIN, END, NO_ORDER, STOP, Order, Slot
from ._texts import describe, format_seconds, without_frames
from ._timer import cancel_timers
from ._turn import TurnOutcome

#: Seconds after a cancellation at which who has not ended is reported with its stack.
STRAGGLER_AFTER: Final = 5.0
#: What an unlimited shutdown time means for a kill: somebody outside wants to leave.
KILL_TIME: Final = 5.0
#: Verdicts by which another incarnation follows.
RESTARTS: Final = frozenset({"restart", "restart later"})


# -- telling a slot to end


@trio.lowlevel.enable_ki_protection
def order_end(slot: Slot, order: Order, *, by: str) -> None:
    """Carry out others' stop, drain or kill: administrative, never restarted. Idempotent; a later order only adds urgency."""
    if slot.life in ENDED or (slot.admin and order <= slot.order):
        return
    if not slot.admin:
        slot.admin = True
        slot.by = by
    slot.order = max(slot.order, order)
    life = slot.life
    if order is DRAIN:
        if life is READY and not slot.ending:
            start_draining(slot)
            slot.runtime.wake(slot)
        return
    _limit_end(slot, killed=order is END)
    if order is END and slot.reason is None:
        slot.reason = Killed(f"by {by}")
    if life is not STOPPING:
        slot.advance(STOPPING)
        _close_mailbox(slot)
    slot.attention = True
    if slot.ending:
        if slot.more is not None and slot.more.closing is not None:
            slot.more.closing.deadline = min(slot.more.closing.deadline, slot.stop_by)
        if order is END and slot.more is not None and slot.more.family is not None:
            slot.more.family.kill()
    elif life is QUEUED or life is RESTARTING:
        slot.runtime.launcher.withdraw(slot)
        slot.pool = slot.runtime.pool
        slot.pool.enqueue(slot)
    else:
        _stop_running(slot, now=order is END)


def hurry(slot: Slot) -> None:
    """Kill a slot whose parent's time is over: it gets none of its own."""
    if slot.life in ENDED:
        return
    slot.stop_by = slot.runtime.now()
    order_end(slot, END, by="parent")
    more = slot.more
    if slot.ending and more is not None:
        if more.closing is not None:
            more.closing.cancel()
        if more.family is not None:
            more.family.hasten()


@trio.lowlevel.enable_ki_protection
def reopen(slot: Slot) -> None:
    """Start the next incarnation of a parked slot; its mailbox takes mail again, and its seqs go on."""
    slot.incarnation += 1
    slot.reason, slot.order, slot.admin, slot.by, slot.stop_by, slot.last_turn = None, NO_ORDER, False, "", inf, None
    slot.runtime.alive += 1
    slot.pool = slot.runtime.pool
    slot.box.reopen()
    slot.get_more().awaited = True
    slot.advance(RESTARTING)
    slot.runtime.launch(slot)


@trio.lowlevel.enable_ki_protection
def close_parked(slot: Slot, family: Family) -> None:
    """End a parked slot for good."""
    family.remove(slot)
    slot.factory, slot.args, slot.vars = None, (), None
    slot.advance(STOPPED)


def start_draining(slot: Slot) -> None:
    """Let nothing new in; what waits is handled, then the slot ends."""
    slot.advance(DRAINING)
    _close_mailbox(slot)
    slot.attention = True


@trio.lowlevel.enable_ki_protection
def end_from_outside(slot: Slot, reason: ExitReason) -> bool:
    """End a slot's incarnation as if its own code had: a service died, it escalates, `ref.crash(error)`. False if it is ending anyway."""
    if slot.life in ENDED or slot.ending or slot.reason is not None or slot.life in (QUEUED, RESTARTING):
        return False
    note_end(slot, reason)
    slot.order = END
    slot.touch()
    _stop_running(slot, now=True)
    return True


@trio.lowlevel.enable_ki_protection
def note_end(slot: Slot, reason: ExitReason) -> None:
    """Note why the incarnation is going to end; the first reason stays, but a failure outweighs an end in good order."""
    if slot.reason is None or (is_failure(reason) and not is_failure(slot.reason)):
        slot.reason = reason
    slot.attention = True


def _stop_running(slot: Slot, *, now: bool) -> None:
    """Make whoever runs the slot see to its end: at once, or after the message in hand."""
    runner = slot.runner
    if slot.starting:
        assert runner is not None
        runner.cancel_startup()
        _arm_stop_timer(slot)
    elif runner is None and not slot.idle:
        return  # on the run queue, or its task has not begun: it looks before it does anything
    elif slot.blueprint.kind == "function" and (slot.idle or slot.box.hand is None):
        assert runner is not None
        runner.interrupt(slot)
        _arm_stop_timer(slot)
    elif slot.idle:
        slot.runtime.wake(slot)
    elif runner is not None and now:
        runner.interrupt(slot)
        _arm_stop_timer(slot)
    elif runner is None:
        return
    else:
        runner.hit = runner.hit or LEAVE
        _arm_stop_timer(slot)


def _close_mailbox(slot: Slot) -> None:
    slot.box.close()
    if slot.box.waiting_senders:
        slot.box.refuse_senders(partial(ActorStopping, slot.path))


def _limit_end(slot: Slot, *, killed: bool) -> None:
    shutdown = slot.policy.shutdown
    if shutdown is None:
        shutdown = KILL_TIME if killed else inf
    by = slot.runtime.now() + shutdown
    slot.stop_by = min(slot.stop_by, by)


# -- overdue


def _arm_stop_timer(slot: Slot) -> None:
    more = slot.get_more()
    if more.stop_timer is not None:
        more.stop_timer.cancel()
        more.stop_timer = None
    now = slot.runtime.now()
    when = now + STRAGGLER_AFTER if slot.order is END else slot.stop_by
    if when < inf:
        action = partial(_report_straggler if slot.order is END else _overdue, slot, slot.incarnation)
        more.stop_timer = slot.runtime.deadlines.add(max(when, now), action, f"stop of {slot.name}")


def _overdue(slot: Slot, incarnation: int) -> None:
    """Cancel what has not ended in its time."""
    if slot.incarnation != incarnation or slot.life in ENDED or slot.order is END:
        return
    slot.order = END
    if slot.reason is None:
        slot.reason = Killed(f"it did not end within its {_shutdown_text(slot)}")
    more = slot.get_more()
    if slot.ending:
        if more.closing is not None:
            more.closing.cancel()
        if more.family is not None:
            more.family.hasten()
        _arm_stop_timer(slot)
    else:
        _stop_running(slot, now=True)


def _shutdown_text(slot: Slot) -> str:
    shutdown = slot.policy.shutdown
    return "shutdown time" if shutdown is None else f"shutdown time of {format_seconds(shutdown)}"


def _report_straggler(slot: Slot, incarnation: int) -> None:
    """Say who does not let itself be cancelled, and where it is."""
    if slot.incarnation != incarnation or slot.life in ENDED:
        return
    runner = slot.runner
    stack = "    (no task)" if runner is None else runner.stack()
    if slot.ending and slot.more is not None and slot.more.gate is not None:
        stack += slot.more.gate.stacks()
    text = f"still running {format_seconds(STRAGGLER_AFTER)} after it was cancelled; it is shielded, or swallows the cancellation, at\n{stack}"
    slot.runtime.log_later(logging.ERROR, text, slot, stack=stack)
    slot.warn("straggler", text)
    slot.touch()
    slot.runtime.flush_log()


# -- ending


def end_at_once(slot: Slot) -> bool:
    """End an incarnation that has nothing to undo; False if `end_incarnation` has to see to it. The same steps, without a coroutine."""
    reason = slot.reason
    if reason is None and slot.order < STOP:
        return False
    more = slot.more
    if slot.life is INITIALIZING or (slot.started and slot.blueprint.has_shutdown):
        return False
    if more is not None and (more.family is not None or more.gate is not None or more.timers is not None):
        return False
    finalize(slot)
    if slot.runtime.pending_log:
        slot.runtime.flush_log()
    return True


async def end_incarnation(slot: Slot) -> None:
    """End the slot's incarnation, to its last step. For slots that share a task."""
    await conclude(slot)
    finalize(slot)
    slot.runtime.flush_log()


async def conclude(slot: Slot) -> None:
    """Undo what the incarnation has built up: all that may take time. Shielded from whatever cancelled its work."""
    slot.ending = True
    slot.idle = slot.starting = False
    if slot.reason is None:
        slot.reason = Shutdown()
    more = slot.more
    if more is not None:
        cancel_timers(slot)
    hook = slot.started and slot.blueprint.has_shutdown
    if not hook and (more is None or (more.family is None and more.gate is None)):
        return
    if slot.stop_by == inf:
        _limit_end(slot, killed=False)
    more = slot.get_more()
    with trio.CancelScope(shield=True):
        if more.family is not None and more.family.children:
            _arm_stop_timer(slot)
            await more.family.close()
        if hook:
            await _run_hook(slot)
        if more.gate is not None:
            _arm_stop_timer(slot)
            await more.gate.close(slot.stop_by)


async def _run_hook(slot: Slot) -> None:
    more = slot.get_more()
    reason = slot.reason
    assert reason is not None
    _arm_stop_timer(slot)
    error: BaseException | None = None
    scope = more.closing = trio.CancelScope(deadline=slot.stop_by)
    try:
        with scope:
            try:
                await slot.actor.shutdown(slot.ctx, reason)
            finally:
                if slot.runner is not None and slot.runner.held:
                    await close_nurseries(slot.runner.held)
    except BaseException as raised:  # noqa: BLE001 -- the end goes on, and says what happened
        error = raised
    more.closing = None
    if error is not None:
        text = describe(error)
        slot.runtime.log_later(logging.ERROR, f"its shutdown hook raised {text}", slot, cause=text)
        if not is_failure(reason):
            slot.reason = Crashed(without_frames(error), text)
        if is_fatal(error):
            slot.runtime.die(error)
    elif scope.cancelled_caught:
        text = f"its shutdown hook did not end within its {_shutdown_text(slot)} and was cancelled"
        slot.runtime.log_later(logging.WARNING, text, slot)
        if not is_failure(reason):
            slot.reason = Killed(text)


@trio.lowlevel.enable_ki_protection
def finalize(slot: Slot) -> None:
    """Take the incarnation's last step: one plain function, after which the next one may begin, or the slot has ended."""
    runtime = slot.runtime
    parent = slot.parent
    more = slot.more
    reason = slot.reason
    if reason is None:
        reason = slot.reason = Shutdown()
    if more is not None and more.stop_timer is not None:
        more.stop_timer.cancel()
        more.stop_timer = None
    if slot.blueprint.needs_permit:
        runtime.launcher.release(slot)
    awaited = more is not None and more.awaited
    if awaited and slot.policy.declared and (slot.admin or not isinstance(reason, StartupFailed)):
        awaited = False  # no failure to start: it is judged, and its supervisor goes on with the next one
    family = None if parent is None or parent.more is None else parent.more.family
    if family is None:
        verdict: Verdict = "forget"
    elif awaited:
        verdict = "park" if slot.incarnation > 1 else "forget"  # started by hand again, or for the first time
    else:
        verdict = family.decide(slot, reason)
    incarnation, by = slot.incarnation, slot.by or "itself"
    if slot.box.hand is not None or more is not None:
        _fail_requests(slot, reason)
    slot.actor = slot.receive = slot.context = None
    slot.last_exit = reason
    slot.ctx = None
    slot.idle = slot.ending = slot.started = slot.starting = False
    slot.runner = None
    restarting = verdict in RESTARTS
    if restarting:
        _begin_restart(slot, reason)
    else:
        _end_slot(slot, reason, family, verdict)
    if not awaited and parent is not None and parent.life not in ENDED:
        if reason.is_failure:
            _report_failure(slot, parent, reason, incarnation, by, restarting=restarting)
        else:
            log_of(parent).post_end(slot, reason, incarnation, by, restarting=restarting)
    if reason.is_failure and not awaited:
        _log_failure(slot, reason, by, restarting=restarting)
    if verdict == "restart":
        runtime.launch(slot)


def _begin_restart(slot: Slot, reason: ExitReason) -> None:
    """Make room for the next incarnation; the mailbox stays as it is."""
    more = slot.more
    if more is not None:
        _drop_watching(slot)
        _tell_monitors(slot, reason, slot_ends=False)
        more.gate = more.family = more.turn = more.warnings = None
    slot.box.expel(slot.incarnation)
    slot.incarnation += 1
    slot.reason, slot.order, slot.admin, slot.by, slot.stop_by, slot.last_turn = None, NO_ORDER, False, "", inf, None
    if more is not None and more.log is not None:
        more.log.forget()
    slot.advance(RESTARTING)


def _end_slot(slot: Slot, reason: ExitReason, family: Family | None, verdict: Verdict) -> None:
    """End the slot: for good, or until somebody starts it again."""
    more = slot.more
    if family is not None and verdict == "forget":
        family.remove(slot)
    slot.runtime.alive -= 1
    if not slot.box.close_if_empty():
        _return_mail(slot, reason)
    if more is not None:
        _drop_watching(slot)
        _tell_monitors(slot, reason, slot_ends=True)
        more.gate = more.family = more.turn = None
        if more.log is not None:
            more.log.close()
    if verdict == "forget":
        slot.factory, slot.args, slot.vars = None, (), None
    if verdict == "park":
        slot.advance(PARKED)
    elif isinstance(reason, StartupFailed) and not slot.admin:
        slot.advance(FAILED)
    else:
        slot.advance(STOPPED)


def _report_failure(
    slot: Slot, parent: Slot, reason: ExitReason, incarnation: int, by: str, *, restarting: bool
) -> None:
    """Post a failure to the parent."""
    if not isinstance(reason, StartupFailed):
        post_report(parent, ChildEnded(slot.path, slot.uid, incarnation, reason, by, restarting))
    elif by != "itself":
        # A stop that was asked for before this step wins: no failure is reported; the ref still tells the cause.
        post_report(parent, ChildEnded(slot.path, slot.uid, incarnation, Shutdown(), by, restarting))
    else:
        report = ChildStartupFailed(slot.path, slot.uid, incarnation, reason.error, reason.cause, restarting)
        post_report(parent, report)
        if slot.more is not None and slot.more.wakes_parent:
            wake_for_report(parent)


def _log_failure(slot: Slot, reason: ExitReason, by: str, *, restarting: bool) -> None:
    """Keep a log record of a failure that nobody asked for."""
    if by == "itself":
        follows = f"; restarting as incarnation {slot.incarnation}" if restarting else "; not restarted"
        level = logging.WARNING if restarting else logging.ERROR
        ended = slot.incarnation - 1 if restarting else slot.incarnation
        slot.runtime.log_later(
            level, text_of(reason) + follows, slot, cause=text_of(reason), restarting=restarting, incarnation=ended
        )


def wake_for_report(parent: Slot) -> None:
    """Give the parent a turn for a report that asked for one."""
    if parent.blueprint.kind == "agent" and parent.box.is_open:
        parent.get_more().report_turn = True
        parent.runtime.wake(parent)


def _fail_requests(slot: Slot, reason: ExitReason) -> None:
    """Fail what was in hand and what was deferred; put back what had been drained and not committed."""
    more = slot.more
    hand, slot.box.hand = slot.box.hand, None
    if isinstance(hand, Asked) and not hand.deferred:
        hand.fail(_error_for(slot, reason, hand))
    if more is None:
        return
    if more.deferred:
        for asked in list(more.deferred):
            asked.fail(_error_for(slot, reason, asked))
        more.deferred = None
    turn = more.turn
    if turn is not None:
        more.turn = None
        kind = "crashed" if is_failure(reason) and not isinstance(reason, Killed) else "stopped"
        if not turn.begun:
            kind = "undeliverable"
        outcome = TurnOutcome(kind, None, error_of(reason), text_of(reason))  # type: ignore[arg-type]
        for asked in turn.requests():
            asked.fail(_error_for(slot, reason, asked))
        if turn.handle is not None:
            turn.handle.resolve(outcome)
        give_back(slot, turn.drained)


def give_back(slot: Slot, drained: list[Letter]) -> None:
    """Put what a turn had drained and not committed back where it came from, in order."""
    log = None if slot.more is None else slot.more.log
    if log is not None:
        log.put_back([letter for letter in drained if letter.kind == "report"])
    mail: list[Letter] = []
    for letter in drained:
        if letter.kind == "report":
            continue
        if isinstance(letter, Asked):
            if letter.deferred:
                continue
            if letter.done:  # its asker left while it was drained
                slot.box.bury(letter, "caller gone")
                continue
            letter.begun = False
        mail.append(letter)
    slot.box.put_back(mail)


def _error_for(slot: Slot, reason: ExitReason, asked: Asked) -> Exception:
    """Return what an asker is told of an end; a new exception for each."""
    path, message = slot.path, asked.message
    if isinstance(reason, StartupFailed) and not slot.admin:
        return StartupFailed(path, reason.error, reason.cause, message)
    if isinstance(reason, (Crashed, Escalated)):
        return ActorCrashed(path, message, reason.error, reason.cause, begun=asked.begun)
    begun = "it had begun" if asked.begun else "it had not begun"
    return ActorStopped(path, message, f"the actor ended before it answered ({text_of(reason)}; {begun})")


def _return_mail(slot: Slot, reason: ExitReason) -> None:
    """Return what waits in a closed mailbox: asks fail, everything else is a dead letter; each once."""
    box = slot.box
    box.close()
    dead: DeadReason = "startup failed" if isinstance(reason, StartupFailed) and not slot.admin else "stopped"
    for letter in box.clear():
        if isinstance(letter, Asked):
            letter.fail(_error_for(slot, reason, letter))
        elif letter.kind in ("tick", "down"):
            box.bury(letter, "old incarnation")
        else:
            box.bury(letter, dead)
    if box.waiting_senders:
        if dead == "startup failed":
            assert isinstance(reason, StartupFailed)
            box.refuse_senders(partial(StartupFailed, slot.path, reason.error, reason.cause))
        else:
            box.refuse_senders(partial(ActorStopped, slot.path))


def _tell_monitors(slot: Slot, reason: ExitReason, *, slot_ends: bool) -> None:
    more = slot.more
    if more is None or not more.monitors:
        return
    monitors: list[Monitor] = [monitor for monitor in more.monitors if monitor.covers(slot_ends=slot_ends)]
    for monitor in monitors:
        monitor.fire(reason)


def _drop_watching(slot: Slot) -> None:
    """End the monitors that this incarnation had set up."""
    more = slot.more
    if more is not None and more.watching:
        for monitor in list(more.watching):
            monitor.cancel()
        more.watching = None
