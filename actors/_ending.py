"""Ends: what an incarnation has built up is undone, in order, before its last step.

Timers and background work → children, in order → the `shutdown` hook → services → the last step.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from math import inf

import trio

from ._context import make_context
from ._faults import is_fatal, is_only
from ._held import close_nurseries, nurseries_of
from ._last_step import finalize
from ._lifecycle import INITIALIZING
from ._orders import arm_stop_timer, limit_end, shutdown_text
from ._passage import STOP
from ._reasons import Cancelled, Crashed, Killed, Shutdown, is_failure
from ._slot import STARTED, Slot
from ._texts import describe, without_frames
from ._timer import cancel_timers


def end_at_once(slot: Slot) -> bool:
    """End an incarnation that has nothing to undo; False if `end_incarnation` has to see to it. The same steps, without a coroutine."""
    reason = slot.reason
    if reason is None and slot.passage.order < STOP:
        return False
    more = slot.more
    if slot.life is INITIALIZING or (slot.blueprint.has_shutdown and slot.started):
        return False
    if more is not None and (
        more.family is not None or more.gate is not None or more.timers is not None or more.background is not None
    ):
        return False
    finalize(slot)
    if slot.runtime.pending_log:
        slot.runtime.flush_log()
    return True


async def end_incarnation(slot: Slot) -> None:
    """End the slot's incarnation, to its last step. For slots that share a task."""
    if slot.has_ended:
        return  # it waited for this with no incarnation, and has been ended with its supervisor's place meanwhile
    await conclude(slot)
    if not slot.has_ended:  # nor while those below it were ended
        finalize(slot)
    slot.runtime.flush_log()


async def conclude(slot: Slot) -> None:
    """Undo what the incarnation has built up: all that may take time. Shielded from whatever cancelled its work."""
    slot.own_passage().ending = True
    slot.idle = False
    slot.phase &= STARTED
    if slot.reason is None:
        slot.reason = Shutdown()
    more = slot.more
    if more is not None:
        cancel_timers(slot)
    hook = slot.started and slot.blueprint.has_shutdown
    background = None if more is None else more.background
    if not hook and (more is None or (more.family is None and more.gate is None and background is None)):
        return
    if slot.stop_by == inf:
        limit_end(slot, killed=False)
    more = slot.get_more()
    if more.changes is not None:
        more.changes.unpark_all()  # the turn is over, and its end may take long
    with slot.runtime.shield():
        if background is not None and background.is_busy:
            arm_stop_timer(slot, is_cancelled=True)
            await background.close()
        if more.family is not None and more.family.children:
            arm_stop_timer(slot)
            await more.family.close()
    if hook:
        await _run_hook(slot)
    if more.gate is not None:
        arm_stop_timer(slot)
        with slot.runtime.shield():
            await more.gate.close(slot.stop_by)


@contextmanager
def _own_limit(slot: Slot) -> Generator[trio.CancelScope]:
    with slot.runtime.shield(), trio.CancelScope(deadline=slot.stop_by) as scope:
        yield scope


async def _run_hook(slot: Slot) -> None:
    more = slot.get_more()
    reason = slot.reason
    assert reason is not None
    arm_stop_timer(slot)
    error: BaseException | None = None
    scope: trio.CancelScope | None = None
    limit = None if slot.runner is None else slot.runner.shutdown_limit(slot.stop_by)
    open_ = nurseries_of(trio.lowlevel.current_task())
    kept = len(open_)
    try:
        with limit or _own_limit(slot) as scope:
            more.closing = scope
            try:
                if slot.runtime.choices is not None:
                    slot.runtime.choices.point("shutdown", slot.path)
                await slot.actor.shutdown(slot.ctx or make_context(slot), reason)
            finally:
                if len(open_) > kept and limit is None:  # else they are closed after the hook's scope, which goes on
                    await close_nurseries(open_, kept)
    except BaseException as raised:
        if slot.runtime.is_torn:
            raise
        error = raised  # the end goes on, and says what happened
    more.closing = None
    if limit is not None and error is not None and is_only(error, trio.Cancelled):
        error = None  # of that scope, or of a nursery that is closed after it
    if error is not None:
        text = describe(error)
        slot.runtime.log_later(logging.ERROR, f"its shutdown hook raised {text}", slot, cause=text)
        # Who was cancelled by a nursery of its own has the reason in what that one raises.
        if not is_failure(reason) or (limit is not None and isinstance(reason, Cancelled)):
            slot.reason = Crashed(without_frames(error), text)
        if is_fatal(error):
            slot.runtime.die(error)
    elif scope is not None and (scope.cancelled_caught or (limit is not None and scope.cancel_called)):
        text = f"its shutdown hook did not end within its {shutdown_text(slot)} and was cancelled"
        slot.runtime.log_later(logging.WARNING, text, slot)
        if not is_failure(reason):
            slot.reason = Killed(text)
