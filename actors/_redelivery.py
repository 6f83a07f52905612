"""Redelivery: the mail that an incarnation crashed on, given to the next one as often as its policy says.

Why counts by seq, and not on the mail? Nearly nobody asks for this, and a mail that waits is to be small. The counts belong to the slot, and only
those are kept whose mail still waits: what has been handled is not asked about again.
"""

from ..mailbox import Letter
from ._request import Asked
from ._slot import Slot


def take_back(slot: Slot) -> list[Letter]:
    """Take out of an incarnation's hands what the next one is to get; all else is done with. Plain; `give_again` puts it back."""
    box, more = slot.box, slot.get_more()
    times, limit = more.redelivered or {}, slot.policy.redeliver
    turn = more.turn
    back: list[Letter] = []
    if turn is not None:
        if turn.handle is None:  # else it is a direct turn, and whoever asked for it is told how it ended
            back = [letter for letter in turn.started_by if _may_go_back(letter) and times.get(letter.seq, 0) < limit]
            turn.started_by = [letter for letter in turn.started_by if letter not in back]
    elif box.hand is not None:
        if box.fast:
            box.seal()  # its place will not tell its seq any more
        if _may_go_back(box.hand) and times.get(box.hand.seq, 0) < limit:
            back, box.hand = [box.hand], None
    return back


def give_again(slot: Slot, back: list[Letter]) -> None:
    """Put it back to where it came from, before all that has come since, and count it."""
    box, more = slot.box, slot.get_more()
    for letter in back:
        if isinstance(letter, Asked):
            letter.begun = False
    box.put_back(back)
    old = more.redelivered or {}
    times = {letter.seq: old.get(letter.seq, 0) + 1 for letter in back}
    if old and not box.fast:
        waiting = (letter.seq for lane in (box.rare.urgent, box.queue, more.stash) for letter in lane or ())
        times = {seq: old[seq] for seq in waiting if seq in old} | times
    more.redelivered = times or None


def has_begun(slot: Slot, asked: Asked) -> bool:
    """Return whether a request has been in an actor's hands, though it may wait again."""
    again = None if slot.more is None else slot.more.redelivered
    return asked.begun or (again is not None and asked.seq in again)


def _may_go_back(letter: Letter) -> bool:
    """Return whether it was for any incarnation, and somebody still wants it handled."""
    if letter.void or letter.incarnation:
        return False
    return not (isinstance(letter, Asked) and (letter.deferred or letter.done))
