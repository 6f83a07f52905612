"""Bundled asks: the requests of one `ask_many` to one actor, without a letter for each.

Why? Nearly all of them are taken in order, handled, and answered. For that it is enough to know whose they are and how many have been taken; a letter
each costs more than its message's way into the mailbox and out again. Who wants more of one of them makes it a letter: see `Bundle`.

Invariants:
    at              -> how many have been taken; those from there on wait, one after the other, one for each time that this lies in the lane
    in hand         -> if this is what its target has in hand, it is the one whose place is `place`
"""

from typing import TYPE_CHECKING, Any

from ..mailbox import Bundle
from ._request import Asked, make_asked

if TYPE_CHECKING:
    from ._deadlines import Deadline
    from ._poll import Poll
    from ._slot import Slot


class BundledAsks(Bundle):
    """Hold those of a poll's requests that are for one actor. Plain."""

    __slots__ = ("at", "first", "place", "places", "poll", "target", "values")

    poll: "Poll"
    target: "Slot"
    #: of the poll: the requests, and where their answers go.
    values: list[Any]
    #: which of them are in here, in order.
    places: list[int] | tuple[int]
    at: int
    #: the seq of the first one, after which come the others; 0 until they are sent.
    first: int
    place: int

    @property
    def done(self) -> bool:
        """True if none of them waits or is in hand any more; those that have become letters are not its affair."""
        return self.at == len(self.places) and self.target.box.hand is not self

    @property
    def asker(self) -> "Slot | None":
        """Return whose own turn waits for them; None if nobody's does."""
        return None if self.done else self.poll.asker

    @property
    def message(self) -> Any:
        """Return the first one."""
        return self.values[self.places[0]]

    @property
    def deadline(self) -> "Deadline | None":
        """Return by when they have to be answered."""
        return self.poll.deadline

    def answer(self, value: Any) -> bool:
        """Hand the answer to the one in hand to its asker; True, as one whose asker has gone is a letter by then."""
        self.values[self.place] = value
        poll = self.poll
        poll.left -= 1
        if not poll.left:
            poll.wake()
        return True

    def make_next(self, seq: int) -> Asked:
        """Make the next one a letter; one that has not been sent has the seq 0."""
        place = self.places[self.at]
        self.at += 1
        return self._make(place, seq)

    def make_in_hand(self, seq: int) -> Asked:
        """Make the one in hand a letter."""
        asked = self._make(self.place, seq)
        asked.begun = True
        return asked

    def make_all(self) -> None:
        """Make all that are in a mailbox, or in hand, letters, where they are: in a mailbox in the fast mode, which it stays in."""
        box = self.target.box
        if box.hand is self:
            box.own_hand()
        if not self.first:
            return
        seqs = range(self.first + self.at, self.first + len(self.places))
        if box.only is self:
            box.only = self.make_next(seqs[0])
        elif seqs:
            queue = box.lane()
            ahead = box.seq - len(queue) + 1
            for seq in seqs:
                queue[seq - ahead] = self.make_next(seq)

    def make_unsent(self) -> list[Asked]:
        """Make all of them letters, before they are sent; those that are none yet."""
        return [self.make_next(0) for _ in self.places[self.at :]]

    def _make(self, place: int, seq: int) -> Asked:
        poll = self.poll
        asked = make_asked(self.values[place], poll.task, self.target, poll.asker)
        asked.seq = seq
        asked.deadline = poll.deadline
        poll.adopt(asked, place)
        return asked
