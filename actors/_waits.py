"""Waits from an actor's own turn: each is an edge, and an edge that closes a cycle is refused at once."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ._errors import Deadlock
from ._request import check_cycle
from ._runner import current_slot
from ._slot import Slot


@contextmanager
def waiting_for(target: Slot, message: Any = None) -> Generator[None]:
    """Note that the current actor's turn, if this is one, waits for another actor.

    Raises:
        Deadlock: that one waits, in its own turn, for this one; nothing has been changed.
    """
    asker = current_slot()
    if asker is None:
        yield
        return
    check_cycle(asker, target, message)
    more = asker.get_more()
    before, more.waiting_for = more.waiting_for, target
    try:
        yield
    finally:
        more.waiting_for = before


def check_own_end(target: Slot) -> None:
    """Raise Deadlock if the current actor's own turn is about to wait for its own end, or an ancestor's."""
    me = current_slot()
    at = me
    while at is not None:
        if at is target:
            assert me is not None
            raise Deadlock((me.path, target.path, me.path) if me is not target else (me.path, me.path))
        at = at.parent


def check_own_end_of_turn(slot: Slot) -> None:
    """Raise Deadlock if the current turn is the one to be interrupted and waited for."""
    if current_slot() is slot:
        raise Deadlock((slot.path, slot.path))
