"""The last step of an incarnation: one plain function, after which the next one may begin, or the slot has ended.

Decide on a restart → fail the request in hand and the deferred replies → if the slot ends: free the name, close the mailbox, fail the asks, bury the
mail → give up keys and groups → Downs → status and report together. No checkpoint, and no user code.
"""

import logging
from functools import partial
from typing import Final

import trio

from ..mailbox import NOTHING, NOTHING_SHUT, DeadReason, Letter
from ._entries import drop_entries
from ._errors import ActorCrashed, ActorStopped, StartupFailed
from ._family import Family, Verdict
from ._lifecycle import ENDED, FAILED, PARKED, READY, RESTARTING, RESTING, STOPPED
from ._monitor import drop_watching, tell_monitors
from ._passage import SETTLED
from ._reasons import Crashed, Escalated, ExitReason, Killed, Rested, Shutdown, error_of, is_failure, text_of
from ._redelivery import give_again, has_begun, take_back
from ._reports import ChildEnded, ChildStartupFailed, log_of, post_report
from ._request import Asked
from ._resting import lie_down
from ._slot import Slot, descendants
from ._stash import put_stash_back
from ._succession import hand_over
from ._turn import TurnOutcome
from ._warnings import lasting_warnings

#: Verdicts by which another incarnation follows.
RESTARTS: Final = frozenset({"restart", "restart later", "keep"})


@trio.lowlevel.enable_ki_protection
def finalize(slot: Slot) -> None:  # noqa: C901 -- one step, run for every actor; its parts that are rare are functions
    """Take the incarnation's last step: one plain function, after which the next one may begin, or the slot has ended."""
    runtime = slot.runtime
    parent = slot.parent
    more = slot.more
    reason = slot.reason
    if reason is None or (reason.__class__ is Rested and slot.life is not RESTING):
        reason = slot.reason = Shutdown()
    if more is not None and more.stop_timer is not None:
        more.stop_timer.cancel()
        more.stop_timer = None
    if more is not None and more.watchdog is not None:
        more.watchdog.close()
        more.watchdog = None
    if isinstance(reason, Rested):
        lie_down(slot, reason)
        return
    if slot.blueprint.needs_permit:
        runtime.launcher.release(slot)
    awaited = more is not None and more.awaited
    halted = more is not None and more.halted
    if awaited:
        more.in_vain = slot.incarnation  # type: ignore[union-attr]  # as it is awaited, it has one
    if awaited and (halted or (slot.policy.declared and (slot.admin or not isinstance(reason, StartupFailed)))):
        awaited = False  # no failure to start: it is judged, and its supervisor goes on with the next one
    family = None if parent is None or parent.more is None else parent.more.family
    if family is None:
        verdict: Verdict = "forget"
    elif awaited:
        verdict = family.decide_start(slot, reason)
    else:
        verdict = family.decide(slot, reason)
    incarnation, by = slot.incarnation, slot.passage.by or ("supervisor" if halted else "itself")
    if slot.hand is not None or more is not None:
        back = take_back(slot) if slot.policy.redeliver and verdict in RESTARTS and reason.is_failure else []
        _fail_requests(slot, reason)
        if back or (more is not None and more.redelivered):
            give_again(slot, back)
        put_stash_back(slot)  # last, as it was taken before what was in hand
    slot.actor = slot.ctx = None
    slot.idle = False
    slot.phase = 0
    if slot.passage is not SETTLED:
        slot.passage.ending = False
    if more is not None:
        more.context = None
    slot.runner = None
    restarting = verdict in RESTARTS
    if restarting:
        _begin_restart(slot, reason)
        restarting = verdict != "keep"
    else:
        _end_slot(slot, reason, family, verdict)
        if verdict == "forget" and not awaited and parent is not None:
            _keep_record(slot, reason, by)
    if not awaited and parent is not None and parent.life not in ENDED:
        if reason.is_failure:
            _report_failure(slot, parent, reason, incarnation, by, restarting=restarting)
        else:
            log_of(parent).post_end((slot, reason, incarnation, by, restarting))
    if reason.is_failure and not awaited:
        _log_failure(slot, reason, incarnation, by, restarting=restarting)
    if verdict == "restart":
        runtime.launch(slot)
    elif family is not None:
        family.settled(slot)


@trio.lowlevel.enable_ki_protection
def finalize_at_once(slot: Slot) -> bool:
    """End a slot that nobody waits for and nothing hangs on; False if `end_at_once` has to see to it. The same, in a straight line.

    It is in its runner's hands, so it is not idle, and neither its start nor an end that takes time is under way.

    Most actors there will ever be end like this: temporary, without children, timers, monitors or mail, in good order.
    """
    parent, reason, blueprint = slot.parent, slot.reason, slot.blueprint
    if (
        parent is None
        or reason is None
        or reason.is_failure
        or slot.more is not None
        or slot.life is not READY
        or slot.hand is not None
        or slot.passage is not SETTLED
        or slot.policy.is_noted
        or not blueprint.ends_plainly
        or parent.life is not READY
    ):
        return False
    runtime, above = slot.runtime, parent.more
    if above is None or above.family is None or above.log is None or runtime.feeds:
        return False
    if slot.fast and slot.only is NOTHING and slot.queue is None:
        slot.fast = False
        slot.rare = NOTHING_SHUT
    elif not slot.close_if_empty():
        return False
    above.family.remove(slot)
    runtime.gone += 1
    slot.actor = slot.ctx = slot.factory = None
    slot.phase = 0
    slot.life = STOPPED
    log = above.log  # as its `post_end`, without its call
    if parent.fast and (parent.queue or parent.hand is not None or parent.only is not NOTHING):
        parent.seal()
    parent.seq = seq = parent.seq + 1
    good = log._good  # noqa: SLF001
    good.append((seq, parent.incarnation, slot))
    if len(good) > log._most:  # noqa: SLF001
        log._fold()  # noqa: SLF001
    if log._readers:  # noqa: SLF001
        log._tell_readers()  # noqa: SLF001
    return True


def _keep_record(slot: Slot, reason: ExitReason, by: str) -> None:
    """Keep a record of an end, unless it is one of the many that are of no account."""
    if slot.blueprint.solo or reason.is_failure:
        slot.runtime.reaper.keep(slot, reason, by)


def _begin_restart(slot: Slot, reason: ExitReason) -> None:
    """Make room for the next incarnation; the mailbox stays as it is."""
    more = slot.more
    if more is not None:
        if more.background is not None:
            more.background.forget()
        if more.entries is not None:
            drop_entries(slot, slot_ends=False)
        drop_watching(slot)
        tell_monitors(slot, reason, slot_ends=False)
        more.gate = more.turn = more.helpers = None
        more.warnings = lasting_warnings(slot)
        more.halted = False
        if more.family is not None and not more.family.outlives():
            more.family = None
    hand_over(slot, reason)
    slot.reason = slot.get_more().last_turn = None
    if slot.passage is not SETTLED:
        slot.passage.call_off()
    if more is not None and more.log is not None:
        more.log.forget()
    slot.advance(RESTARTING)


def _end_slot(slot: Slot, reason: ExitReason, family: Family | None, verdict: Verdict) -> None:
    """End the slot: for good, or until somebody starts it again."""
    more = slot.more
    if more is not None and more.family is not None:
        more.family.end_kept()
    if family is not None and verdict == "forget":
        family.remove(slot)
    slot.runtime.gone += 1
    slot.runtime.passivation.release(slot)
    if not slot.close_if_empty():
        _return_mail(slot, reason)
    if more is not None:
        if more.background is not None:
            more.background.forget()
        if more.entries is not None:
            drop_entries(slot, slot_ends=verdict == "forget")
        drop_watching(slot)
        tell_monitors(slot, reason, slot_ends=True)
        more.gate = more.family = more.turn = more.helpers = None
        more.halted = more.awaited = False
        if more.log is not None:
            more.log.close()
    if verdict == "forget":
        slot.factory, slot.args = None, ()
        if slot.more is not None:
            slot.more.vars = None
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
        log_of(parent).post_failure((slot, reason, incarnation, by, restarting))
    elif by != "itself":
        # A stop that was asked for before this step wins: no failure is reported; the ref still tells the cause.
        post_report(parent, ChildEnded(slot.path, slot.uid, incarnation, Shutdown(), by, restarting))
    else:
        report = ChildStartupFailed(slot.path, slot.uid, incarnation, reason.error, reason.cause, restarting)
        post_report(parent, report)
        if slot.more is not None and slot.more.wakes_parent:
            wake_for_report(parent)


def _log_failure(slot: Slot, reason: ExitReason, ended: int, by: str, *, restarting: bool) -> None:
    """Keep a log record of a failure that nobody asked for."""
    level = logging.WARNING if restarting else logging.ERROR
    if by == "itself" and slot.runtime.logs(level):
        follows = f"; restarting as incarnation {slot.incarnation}" if restarting else "; not restarted"
        slot.runtime.log_later(
            level, text_of(reason) + follows, slot, cause=text_of(reason), restarting=restarting, incarnation=ended
        )


def wake_for_report(parent: Slot) -> None:
    """Give the parent a turn for a report that asked for one."""
    if parent.blueprint.kind == "agent" and parent.box.is_open:
        more = parent.get_more()
        if not more.report_turn:
            more.report_turn = True
            parent.box.own_rare().triggers += 1  # so that it is seen at the end of a turn that is active now
        parent.runtime.wake(parent)


def drop_report_turn(slot: Slot) -> bool:
    """Take back what `wake_for_report` asked for; returns whether it did."""
    more = slot.more
    if more is None or not more.report_turn:
        return False
    more.report_turn = False
    slot.box.rare.triggers -= 1
    return True


def _fail_requests(slot: Slot, reason: ExitReason) -> None:
    """Fail what was in hand and what was deferred; put back what had been drained and not committed."""
    more = slot.more
    hand = slot.box.empty_hand()
    if isinstance(hand, Asked) and not hand.deferred:
        hand.fail(_error_for(slot, reason, hand))
    if more is None:
        return
    drop_report_turn(slot)
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
        return ActorCrashed(path, message, reason.error, reason.cause, begun=has_begun(slot, asked))
    begun = "it had begun" if has_begun(slot, asked) else "it had not begun"
    return ActorStopped(path, message, f"the actor ended before it answered ({text_of(reason)}; {begun})")


def _return_mail(slot: Slot, reason: ExitReason) -> None:
    """Return what waits in a closed mailbox: asks fail, everything else is a dead letter; each once."""
    box = slot.box
    box.shut()
    dead: DeadReason = "startup failed" if isinstance(reason, StartupFailed) and not slot.admin else "stopped"
    for letter in box.clear():
        if isinstance(letter, Asked):
            letter.fail(_error_for(slot, reason, letter))
        elif letter.kind in ("tick", "down", "background"):
            box.bury(letter, "old incarnation")
        else:
            box.bury(letter, dead)
    if box.waiting_senders:
        if dead == "startup failed":
            assert isinstance(reason, StartupFailed)
            box.refuse_senders(partial(StartupFailed, slot.path, reason.error, reason.cause))
        else:
            box.refuse_senders(partial(ActorStopped, slot.path))


@trio.lowlevel.enable_ki_protection
def reopen(slot: Slot, *, awaited: bool = True) -> None:
    """Start the next incarnation of a parked slot; its mailbox takes mail again, and its seqs go on."""
    slot.incarnation += 1
    slot.get_more().last_exit = slot.reason
    slot.reason = slot.get_more().last_turn = None
    slot.own_passage().call_off()
    slot.get_more().reopened += 1
    slot.runtime.gone -= 1
    slot.pool = slot.runtime.pool
    slot.box.reopen()
    more = slot.get_more()
    more.awaited = awaited
    if more.log is not None:
        more.log.forget()
        more.log = None  # that one is closed for good
    slot.advance(RESTARTING)
    slot.runtime.launch(slot)


@trio.lowlevel.enable_ki_protection
def close_parked(slot: Slot, family: Family) -> None:
    """End a parked slot for good."""
    family.remove(slot)
    drop_entries(slot, slot_ends=True)
    slot.factory, slot.args = None, ()
    if slot.more is not None:
        slot.more.vars = None
    slot.advance(STOPPED)
    if slot.reason is not None:
        _keep_record(slot, slot.reason, slot.by or "itself")


@trio.lowlevel.enable_ki_protection
def end_kept(top: Slot) -> None:
    """End one for good, and all below it, that was kept for an incarnation which will not come: children before parents. Not by recursion."""
    for slot in [*reversed(descendants(top)), top]:
        parent = slot.parent
        family = None if parent is None or parent.more is None else parent.more.family
        assert family is not None
        if slot.life is PARKED:
            close_parked(slot, family)
            continue
        slot.own_passage().by = slot.by or "parent"
        slot.reason = reason = slot.last_exit or Shutdown()
        _end_slot(slot, reason, family, "forget")
        _keep_record(slot, reason, slot.by)
