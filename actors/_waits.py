"""Waits from an actor's own turn: each is an edge, and an edge that closes a cycle is refused at once."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from ..mailbox import Letter
from ._errors import Deadlock
from ._lifecycle import DRAINING, READY, STOPPING
from ._request import check_cycle
from ._runner import current_slot
from ._slot import Slot
from ._turn_gate import lending


@asynccontextmanager
async def waiting_for(target: Slot, is_over: Callable[[], bool], message: Any = None) -> AsyncGenerator[None]:
    """Note that the current actor's turn, if this is one, waits for another actor; meanwhile its permit is lent.

    Between the moment in which a wait is over and the one in which the waiting task goes on, others run; `is_over` tells them that it is no edge.

    Raises:
        Deadlock: that one waits, in its own turn, for this one; nothing has been changed.
    """
    asker = current_slot()
    if asker is None or is_over():
        yield
        return
    check_cycle(asker, target, message)
    more = asker.get_more()
    async with lending():
        more.waiting_for, more.wait_is_over = target, is_over
        try:
            yield
        finally:
            more.waiting_for = more.wait_is_over = None


async def wait_for_end(slot: Slot, over: Callable[[], bool]) -> None:
    """Wait until an actor has ended, in the caller's sense. Checkpoint: only if it has to wait. Raises Deadlock."""
    more = slot.get_more()
    before = more.reopened
    async with waiting_for(slot, lambda: over() or more.reopened != before):
        await slot.ended(over)


def has_left_door(slot: Slot, letter: Letter) -> bool:
    """Return whether a mail waits for room no more: it is in, or never will be."""
    return letter.seq > 0 or not slot.box.is_open or letter.incarnation not in (0, slot.incarnation)


def is_up_or_ending(slot: Slot) -> bool:
    """Return whether there is nothing left to wait for until it is ready."""
    return slot.life in (READY, DRAINING, STOPPING) or slot.has_ended


#: What to do instead of waiting for the own end.
WAY_OUT: Final = "ask for the end by ctx.stop() or ref.request_stop(), which do not wait, or wait in another task"


def check_own_end(target: Slot) -> None:
    """Raise Deadlock if the current actor's own turn is about to wait for its own end, or an ancestor's."""
    me = current_slot()
    at = me
    while at is not None:
        if at is target:
            assert me is not None
            cycle = (me.path, target.path, me.path) if me is not target else (me.path, me.path)
            raise Deadlock(cycle, None, WAY_OUT)
        at = at.parent


def check_own_end_of_turn(slot: Slot) -> None:
    """Raise Deadlock if the current turn is the one to be interrupted and waited for."""
    if current_slot() is slot:
        raise Deadlock((slot.path, slot.path))
