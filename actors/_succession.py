"""Succession: what an incarnation leaves to the next one, and what ends with it."""

from functools import partial

from ._errors import ActorStopped
from ._reasons import ExitReason
from ._slot import Slot


def hand_over(slot: Slot, reason: ExitReason) -> None:
    """Let the next incarnation have the mailbox: what was for this one alone goes, and who waits for room for that is refused. Plain."""
    box = slot.box
    if box.waiting_senders:
        detail = f"incarnation {slot.incarnation}, to which this ref is pinned, has ended"
        box.refuse_senders(partial(ActorStopped, slot.path, detail=detail), incarnation=slot.incarnation)
    box.expel(slot.incarnation)
    slot.incarnation += 1
    slot.get_more().last_exit = reason
