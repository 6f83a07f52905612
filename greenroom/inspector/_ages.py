"""Ages: how long mail waits, and what is in hand, as far as looking can tell.

Why not a time stamp on each mail? It would cost every `tell` in the program, watched or not. Mail has a number, though, and mailboxes keep order: if
number 7 was accepted when somebody looked ten seconds ago, and waits now, it has waited for ten seconds at least. So each look notes the last number
of each mailbox in which something waits, and forgets those that have been taken. An age is never too high, and too low by one look at most; by more
only for mail that came in the midst of a long jam, of which some looks are forgotten.
"""

from typing import Final

import attrs

from ..actors import Slot

#: Looks that are remembered of one mailbox; past that every other one is forgotten.
MOST_LOOKS: Final = 16
#: What somebody has in hand: an incarnation, and a number in it.
Hand = tuple[int, int]


@attrs.define
class _Mark:
    """Hold what was seen of one actor.

    Attributes:
        looks: (the last number accepted, when), oldest first.
        hand: what it had in hand.
        since: when that was first seen.
    """

    looks: list[tuple[int, float]]
    hand: Hand | None = None
    since: float = 0.0


class Ages:
    """Remember what was seen of those that have mail, or something in hand; one walk over the tree after the other."""

    def __init__(self) -> None:
        self._marks: dict[int, _Mark] = {}
        self._next: dict[int, _Mark] = {}

    def __len__(self) -> int:
        """Count those of whom something is remembered."""
        return len(self._marks)

    def begin(self) -> None:
        """Begin a walk."""
        self._next = {}

    def end(self) -> None:
        """End a walk: who was not seen in it is forgotten."""
        self._marks = self._next

    def note(self, slot: Slot, now: float) -> None:
        """See an actor. Call it for each that has mail or something in hand."""
        mark = self._marks.get(slot.uid) or _Mark([])
        oldest = slot.oldest_seq()
        if oldest is None:
            mark.looks.clear()
        else:
            mark.looks[:] = [look for look in mark.looks if look[0] >= oldest]
            if not mark.looks or mark.looks[-1][0] < slot.seq:
                mark.looks.append((slot.seq, now))
            if len(mark.looks) > MOST_LOOKS:
                del mark.looks[1:-1:2]
        hand = hand_of(slot)
        if hand != mark.hand:
            mark.hand, mark.since = hand, now
        self._next[slot.uid] = mark

    def oldest_mail(self, slot: Slot, now: float) -> float | None:
        """Return the seconds that its oldest mail has waited at least; None if none waits."""
        oldest = slot.oldest_seq()
        if oldest is None:
            return None
        mark = self._next.get(slot.uid) or self._marks.get(slot.uid)
        return next((now - when for last, when in ([] if mark is None else mark.looks) if last >= oldest), 0.0)

    def in_hand(self, slot: Slot, now: float) -> float | None:
        """Return the seconds for which it has had the same in hand at least; None if it has nothing in hand."""
        hand = hand_of(slot)
        if hand is None:
            return None
        mark = self._next.get(slot.uid) or self._marks.get(slot.uid)
        return 0.0 if mark is None or mark.hand != hand else now - mark.since


def hand_of(slot: Slot) -> Hand | None:
    """Return what an actor has in hand: of an agent the number of its turn, of others that of the message; None if nothing."""
    if not slot.in_turn:
        return None
    more = slot.more
    if more is not None and more.turn is not None:
        return slot.incarnation, more.turns
    return slot.incarnation, slot.hand_seq() or slot.seq - slot.waiting
