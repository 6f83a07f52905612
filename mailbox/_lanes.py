"""Lanes: what waits in a mailbox, and how its place tells its seq.

A message that waits alone needs no lane; one that waits in line is bare as long as its place says its seq; what has to be told apart is put into an
envelope, or taken out of its bundle. Which of these a mailbox is in is an affair of this file; see the essay in `_mailbox`.
"""

from collections import deque
from itertools import islice
from typing import Any, Final

from ._bundle import Bundle
from ._mail import Envelope, Letter, Mail
from ._overflow import EXEMPT
from ._rare import NOTHING_RARE, NOTHING_SHUT, NOTHINGS, Rare
from ._spec import PLAIN

SPARE_QUEUES: Final = 64
#: Abandoned requests that are passed over in search of the oldest mail.
LOOKED_AT: Final = 64
#: What `only` is when nothing waits there; a message may well be None.
NOTHING: Final = object()

_spares: list[deque[Any]] = []


class Lanes:
    """Hold what waits, and what is in hand. All methods are plain functions."""

    __slots__ = ("fast", "hand", "only", "queue", "rare", "seq")

    fast: bool
    hand: Any
    only: Any
    queue: deque[Any] | None
    #: read as `box.rare.urgent`, written as `box.own_rare().urgent`.
    rare: Rare
    seq: int

    def own_rare(self) -> Rare:
        """Return what it has besides a lane of plain messages, to be written to."""
        rare = shared = self.rare
        if shared in NOTHINGS:
            rare = self.rare = Rare(PLAIN)
            rare.is_open = shared.is_open
        return rare

    @property
    def is_open(self) -> bool:
        """True while mail is taken in."""
        return self.rare.is_open

    def set_open(self, *, is_open: bool) -> None:
        """Take in mail from now on, or none."""
        if self.rare in NOTHINGS:
            self.rare = NOTHING_RARE if is_open else NOTHING_SHUT
        else:
            self.rare.is_open = is_open

    @property
    def waiting(self) -> int:
        """How much waits."""
        queued = self.queue
        n = (self.only is not NOTHING) if queued is None else len(queued)
        rare = self.rare
        n -= rare.voids
        return n if self.fast or rare.urgent is None else n + len(rare.urgent)

    def hand_mail(self) -> Mail[Any] | None:
        """Return what is in hand, as users see it."""
        hand = self.own_hand()
        if hand is None:
            return None
        if isinstance(hand, Letter):
            return hand.as_mail()
        return Mail(hand, None, self._newest_taken())

    def own_hand(self) -> Any:
        """Return what is in hand: a letter, a bare message, or None. One of a bundle is made a letter."""
        hand = self.hand
        if isinstance(hand, Bundle):
            hand = self.hand = hand.make_in_hand(self._newest_taken())
        return hand

    def empty_hand(self) -> Any:
        """Return what is in hand, as `own_hand`, and have nothing in hand any more."""
        hand = self.own_hand()
        self.hand = None
        return hand

    def _newest_taken(self) -> int:
        """Return the seq of what was taken last in the fast mode."""
        return self.seq - (self.only is not NOTHING) - len(self.queue or ())

    def oldest_seq(self) -> int | None:
        """Return the seq of what has waited longest, of either lane; None if nothing waits. Reads, and changes nothing."""
        if self.fast:
            waiting = self.waiting
            return self.seq - waiting + 1 if waiting else None
        first: int | None = None
        for lane in (self.rare.urgent, self.queue):
            # Abandoned requests are passed over; behind many of them the last one looked at will do.
            for letter in islice(lane or (), LOOKED_AT):
                if not letter.void:
                    first = letter.seq if first is None else min(first, letter.seq)
                    break
        return first

    def hand_seq(self) -> int | None:
        """Return the seq of what is in hand; None if nothing is. Reads, and changes nothing."""
        hand = self.hand
        if hand is None:
            return None
        return hand.seq if isinstance(hand, Letter) else self._newest_taken()

    def lane(self) -> deque[Any]:
        """Return the normal lane, made at first need (an empty deque is larger than the rest of an idle actor)."""
        queue = self.queue
        if queue is None:
            queue = self.queue = _spares.pop() if _spares else deque()
            if self.only is not NOTHING:
                queue.append(self.only)
                self.only = NOTHING
        return queue

    def give_back_lane(self) -> None:
        """Keep an empty lane for the next mailbox that needs one."""
        queue = self.queue
        if queue is not None and not queue:
            self.queue = None
            if len(_spares) < SPARE_QUEUES:
                _spares.append(queue)

    def next_seq(self) -> int:
        """Give out a seq for something that waits elsewhere (a report), keeping order with the mail."""
        if self.fast:
            self.keep_seqs()
        self.seq += 1
        return self.seq

    def keep_seqs(self) -> None:
        """Leave the fast mode if anything depends on its place for its seq."""
        if self.queue or self.hand is not None or self.only is not NOTHING:
            self.seal()

    def seal(self) -> None:
        """Leave the fast mode: put envelopes around what waits, since its place will no longer tell its seq.

        Cost: linear in what waits, once for each message, as they get no second envelope.
        """
        self.fast = False
        queue = self.queue if self.only is NOTHING else self.lane()
        behind = len(queue) if queue else 0
        first = self.seq - behind
        hand = self.hand
        if isinstance(hand, Bundle):
            self.hand = hand.make_in_hand(first)
        elif hand is not None and not isinstance(hand, Letter):
            self.hand = wrapped = Envelope(hand)
            wrapped.seq = first
        rare = self.own_rare()
        rare.triggers = 0
        if not queue:
            return
        for index in range(behind):
            message = queue[index]
            if isinstance(message, Bundle):
                queue[index] = message = message.make_next(first + index + 1)
            elif not isinstance(message, Letter):
                queue[index] = message = Envelope(message)
                message.seq = first + index + 1
            if not (message.void and message.kind == "request"):
                rare.triggers += 1

    def clear_out(self) -> None:
        """Take abandoned requests out of the normal lane, where they are: a receiver that hangs must not make it grow."""
        if self.fast:
            self.seal()
        queue, rare = self.lane(), self.own_rare()
        for _ in range(len(queue)):
            envelope = queue.popleft()
            if envelope.void and envelope.kind == "request":
                rare.voids -= 1
            else:
                queue.append(envelope)

    def oldest_droppable(self) -> Letter | None:
        """Return the oldest mail that may be dropped for a new one."""
        for envelope in self.queue or ():
            if envelope.kind not in EXEMPT and not envelope.void:
                return envelope  # type: ignore[no-any-return]
        return None
