"""Asking: a request into a mailbox, and the wait for its answer."""

from functools import partial
from itertools import repeat
from math import inf
from typing import Any

import trio

from ..mailbox import NOTHING
from ._bundled import BundledAsks
from ._checks import check_seconds
from ._errors import AskTimeout
from ._parking import park
from ._refusals import raise_refusal
from ._request import Asked, check_cycle, make_asked
from ._runner import RUNNERS
from ._slot import Slot


def make_ask(slot: Slot, request: Any, timeout: float | None, incarnation: int) -> Asked:
    """Return a request of the current task that may be sent; to one incarnation alone, if it is given. Raises why it may not."""
    if timeout is not None:
        check_seconds("ask: timeout", timeout)
    if not slot.rare.is_open:  # as `is_open`, without its call
        raise_refusal(slot, "mail", request)
    task = trio.lowlevel.current_task()
    runner = RUNNERS.get(task)
    asker = None if runner is None else runner.slot
    if asker is not None:
        check_cycle(asker, slot, request)
    asked = make_asked(request, task, slot, asker)
    if incarnation:
        asked.incarnation = incarnation
    if asker is not None or timeout is not None:
        _limit(asked, timeout)
        if asker is not None:
            asker.get_more().waiting_for = slot
    return asked


def _limit(asked: Asked, timeout: float | None) -> None:
    """Have an ask end when its timeout is over, and when what is asked on behalf of has to end."""
    deadline = inf if asked.asker is None else inherited_deadline(asked.asker)
    if timeout is not None or deadline != inf:
        slot = asked.target
        now = slot.runtime.now()
        if timeout is not None:
            deadline = min(deadline, now + timeout)
        asked.deadline = slot.runtime.deadlines.add(
            deadline, partial(expire, asked, deadline - now), f"ask of {slot.name}"
        )


async def wait_for_answer(asked: Asked) -> None:
    """Hand a request in and wait for its answer or error, whatever the mailbox is like."""
    slot = asked.target
    try:
        if slot.fast or not slot.box.would_wait(asked):
            accept(slot, asked)
        else:
            await _hand_in(slot, asked)
        if not asked.done:
            asked.parked = True
            await park(asked)
    except BaseException:
        # Refused, cancelled while it waited for room, or struck by Ctrl-C: whoever has it need not see to it.
        if not asked.done:
            asked.abandon()
        raise


def inherited_deadline(asker: Slot) -> float:
    """Return when what is asked on behalf of an ask has to end: when that one does."""
    hand = asker.box.hand
    if isinstance(hand, (Asked, BundledAsks)):
        return inf if hand.deadline is None else hand.deadline.when
    turn = None if asker.more is None else asker.more.turn
    return inf if turn is None else turn.deadline


async def _hand_in(slot: Slot, asked: Asked) -> None:
    """Wait for room, no longer than the asker would wait for its answer."""
    box = slot.box
    since, is_late = slot.runtime.now(), False
    deadline = inf if asked.deadline is None else asked.deadline.when
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
        asked.withdraw()
        asked.fail(AskTimeout(slot.path, asked.message, deadline - since, begun=asked.begun))


@trio.lowlevel.enable_ki_protection
def accept(slot: Slot, asked: Asked) -> None:
    """Put a request into a mailbox that does not let it wait for room. Raises MailboxFull."""
    if slot.fast and not asked.incarnation:
        slot.seq = asked.seq = slot.seq + 1
        queue = slot.queue
        if queue is not None:
            queue.append(asked)
        elif slot.only is NOTHING:
            slot.only = asked
        else:
            slot.lane().append(asked)
    else:
        slot.box.accept(asked)
    if slot.idle:
        slot.runtime.wake(slot)


def accept_bundle(slot: Slot, bundle: BundledAsks) -> None:
    """Put the requests of a bundle into a mailbox that is in the fast mode."""
    count = len(bundle.places)
    bundle.first = slot.seq + 1
    slot.seq += count
    if count == 1 and slot.queue is None and slot.only is NOTHING:
        slot.only = bundle
    else:
        slot.lane().extend(repeat(bundle, count))
    if slot.idle:  # as `wake`, without its call
        slot.idle = False
        pool = slot.pool
        pool.runq.append(slot)
        if pool.baton is None:
            pool.kick()


@trio.lowlevel.enable_ki_protection
def expire(asked: Asked, seconds: float) -> None:
    """Tell an asker that its time is over."""
    if asked.done:
        return
    if not asked.seq and asked.poll is None:
        return  # it waits for room under a scope with the same deadline
    error = AskTimeout(asked.target.path, asked.message, seconds, begun=asked.begun)
    asked.withdraw()
    asked.fail(error)
