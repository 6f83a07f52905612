"""Asking: a request into a mailbox, and the wait for its answer."""

from functools import partial
from math import inf
from typing import Any

import trio

from ..mailbox import NOTHING
from ._errors import AskTimeout
from ._request import Asked, check_cycle
from ._runner import RUNNERS
from ._slot import Slot
from ._turn_gate import lending


async def ask_slot(
    slot: Slot, request: Any, timeout: float | None, incarnation: int = 0, *, is_lending: bool = False
) -> Any:
    """Put a request into an open mailbox and wait for its answer; of one incarnation alone, if it is given. Checkpoint: always."""
    task = trio.lowlevel.current_task()
    runner = RUNNERS.get(task)
    asker = None if runner is None else runner.slot
    deadline = inf
    if asker is not None:
        check_cycle(asker, slot, request)
        if asker.runtime.lends and not is_lending:
            async with lending():
                return await ask_slot(slot, request, timeout, incarnation, is_lending=True)
        deadline = inherited_deadline(asker)
    asked = Asked(request, task, slot, asker)
    if incarnation:
        asked.incarnation = incarnation
    if timeout is not None or deadline != inf:
        now = slot.runtime.now()
        if timeout is not None:
            deadline = min(deadline, now + timeout)
        asked.deadline = slot.runtime.deadlines.add(
            deadline, partial(expire, asked, deadline - now), f"ask of {slot.name}"
        )
    if asker is not None:
        asker.get_more().waiting_for = slot
    try:
        if slot.fast or not slot.box.would_wait(asked):
            accept(slot, asked)
        else:
            await _hand_in(slot, asked, deadline)
        if not asked.done:
            asked.parked = True
            await trio.lowlevel.wait_task_rescheduled(partial(_abort, asked))
    except BaseException:
        # Refused, cancelled while it waited for room, or struck by Ctrl-C: whoever has it need not see to it.
        if not asked.done:
            abandon(asked)
        raise
    if asked.error is not None:
        try:
            raise asked.error
        finally:
            asked.error = None  # no cycle of error, traceback and this frame
    return asked.value


def inherited_deadline(asker: Slot) -> float:
    """Return when what is asked on behalf of an ask has to end: when that one does."""
    hand = asker.box.hand
    if isinstance(hand, Asked):
        return inf if hand.deadline is None else hand.deadline.when
    turn = None if asker.more is None else asker.more.turn
    return inf if turn is None else turn.deadline


async def _hand_in(slot: Slot, asked: Asked, deadline: float) -> None:
    """Wait for room, no longer than the asker would wait for its answer."""
    box = slot.box
    since, is_late = slot.runtime.now(), False
    if slot.idle:
        slot.runtime.wake(slot)  # full of mail that asks for no turn: it has to make room
    with trio.CancelScope(deadline=deadline) as scope:
        await box.accept_when_room(asked)
        if slot.idle and box.has_triggers:
            slot.runtime.wake(slot)
        # Asked for within the scope, as that looks at the clock: the list of deadlines may have passed over it while it waited here, and room have
        # been made in the same batch of steps.
        is_late = scope.cancel_called
    if (scope.cancelled_caught or is_late) and not asked.done:
        _withdraw(asked)
        asked.fail(AskTimeout(slot.path, asked.message, deadline - since, begun=asked.begun))


@trio.lowlevel.enable_ki_protection
def accept(slot: Slot, asked: Asked) -> None:
    """Put a request into a mailbox that does not let it wait for room. Raises MailboxFull."""
    if slot.fast and not asked.incarnation:
        slot.seq = asked.seq = slot.seq + 1
        if slot.queue is None and slot.only is NOTHING:
            slot.only = asked
        else:
            slot.lane().append(asked)
    else:
        slot.box.accept(asked)
    if slot.idle:
        slot.runtime.wake(slot)


@trio.lowlevel.enable_ki_protection
def _abort(asked: Asked, _raise_cancel: Any) -> trio.lowlevel.Abort:
    abandon(asked)
    return trio.lowlevel.Abort.SUCCEEDED


def abandon(asked: Asked) -> None:
    """Let go of a request whose asker leaves: what has not begun is not executed."""
    asked.done = True
    asked.parked = False
    if asked.deadline is not None:
        asked.deadline.cancel()
    asked.release_asker()
    _withdraw(asked)


def _withdraw(asked: Asked) -> None:
    slot = asked.target
    if not asked.seq and asked.poll is not None:
        slot.box.leave_door(asked)
    elif (
        not asked.begun
        and asked.seq
        and not asked.void
        and slot.box.abandon(asked)
        and slot.idle
        and slot.box.has_triggers
    ):
        slot.runtime.wake(slot)


@trio.lowlevel.enable_ki_protection
def expire(asked: Asked, seconds: float) -> None:
    """Tell an asker that its time is over."""
    if asked.done:
        return
    if not asked.seq and asked.poll is None:
        return  # it waits for room under a scope with the same deadline
    error = AskTimeout(asked.target.path, asked.message, seconds, begun=asked.begun)
    _withdraw(asked)
    asked.fail(error)
