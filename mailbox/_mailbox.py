"""The mailbox: two lanes, one count of seqs, and nothing lost on the way.

Why two modes? Nearly every mailbox holds nothing but messages that were told, in order, without a bound. Then the place of a message says its
seq, and a bare message needs no envelope: that is the *fast* mode, in which a sender may append to `queue` by itself. Everything else
(the urgent lane, queue-only mail, reports in between, a capacity) puts envelopes around what waits, once, and goes through
`accept` and `take` until the mailbox has run empty. Both modes keep the same promises; only the cost differs.

Invariants:
    fast            -> open, spec.is_plain, no urgent mail, and each bare message's seq is `seq - (messages behind it)`
    only            -> the one message that waits where there is no lane yet (fast mode): most mailboxes never hold more
    not fast        -> only envelopes wait; `triggers` counts those that ask for a turn
    hand            -> what the receiver took and has not finished with; it is in no lane
    voids           -> abandoned requests that still lie in a lane: dead letters already, passed over when they are reached
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from ._dead_letters import DeadLetter, DeadReason
from ._door import Addressee, Door, ErrorFor
from ._errors import MailboxFull
from ._lanes import NOTHING, Lanes
from ._mail import Envelope, Letter
from ._overflow import EXEMPT, judge_overflow
from ._spec import PLAIN, MailboxSpec

#: The same bounds, but never fast: compared by identity.
ENVELOPED: Final = MailboxSpec()
#: Abandoned requests that may lie in a lane before it is worth clearing them out.
MAX_VOIDS: Final = 64


class Mailbox(Lanes):
    """Keep a slot's mail: accepted in order, taken in order, each exactly once.

    All methods are plain functions without a checkpoint, except `accept_when_room`. The mailbox belongs to the slot and outlives
    incarnations: what one has not taken, the next one finds. Who derives from it says whose it is, and calls `set_up`.
    """

    __slots__ = (
        "_door",
        "is_open",
        "spec",
    )

    def set_up(self, spec: MailboxSpec, enveloped: bool) -> None:  # noqa: FBT001 -- by position, as it is run for every actor
        """Begin, empty and open; `enveloped` keeps it out of the fast mode for good (agents, functions)."""
        if spec is PLAIN and not enveloped:
            self.spec = PLAIN
            self.fast = True
            self._door: Door | None = None
        else:
            self.spec = spec if spec != PLAIN else ENVELOPED if enveloped else PLAIN
            self.fast = self.spec is PLAIN
            self._door = None if spec.is_plain else Door(coalesces=spec.overflow == "coalesce")
        self.only = NOTHING
        self.queue = self.urgent = self.hand = None
        self.seq = self.triggers = self.voids = 0
        self.is_open = True

    @property
    def owner(self) -> Addressee:
        """Whose it is: dead letters tell."""
        raise NotImplementedError

    # -- what is there

    @property
    def has_triggers(self) -> bool:
        """True if something waits that asks for a turn: in a lane, or at the door of a full mailbox."""
        if self.fast:
            return self.only is not NOTHING or bool(self.queue)
        return self.triggers > 0 or self._is_sought()

    def _is_sought(self) -> bool:
        """Return whether a sender waits for room with mail that asks for a turn: what fills the mailbox has to be seen to then."""
        return self._door is not None and any(sender.envelope.trigger for sender in self._door.waiting)

    @property
    def waiting_senders(self) -> int:
        """How many `send`s wait for room."""
        return 0 if self._door is None else len(self._door.waiting)

    @property
    def load(self) -> int:
        """How much of what waits counts against the capacity."""
        return 0 if self._door is None else self._door.load

    # -- in

    def accept(self, envelope: Letter) -> int:
        """Take in one mail and return its seq.

        Raises:
            MailboxFull: there is no room and the policy refuses; nothing has changed.
        """
        door = self._door
        if door is not None:
            settled = envelope.kind not in EXEMPT and self._make_room(envelope, door)
            if door.watchers:
                door.tell_watchers()
            if settled:
                return envelope.seq
        elif self.fast:
            if envelope.trigger and not envelope.urgent and not (envelope.incarnation and envelope.kind == "request"):
                self.seq = envelope.seq = self.seq + 1
                self.lane().append(envelope)
                return envelope.seq
            self.seal()
        self.seq = envelope.seq = self.seq + 1
        if envelope.urgent:
            if self.urgent is None:
                self.urgent = deque()
            self.urgent.append(envelope)
        else:
            self.lane().append(envelope)
        if envelope.trigger:
            self.triggers += 1
        return envelope.seq

    def _make_room(self, envelope: Letter, door: Door) -> bool:
        """Judge a new mail by the overflow policy; True if it is settled by that: dropped, or put in the place of another."""
        spec = self.spec
        full = spec.capacity is not None and door.load >= spec.capacity
        twin = door.twin_of(envelope.key)
        victim = self.oldest_droppable() if full and spec.overflow == "drop_oldest" else None
        verdict = judge_overflow(spec.overflow, full=full, twin=twin is not None, droppable=victim is not None)
        if verdict == "refuse":
            assert spec.capacity is not None
            raise MailboxFull(self.owner.path, envelope.message, spec.capacity)
        if verdict == "drop_newest":
            self.seq = envelope.seq = self.seq + 1
            self.bury(envelope, "drop_newest")
            return True
        if verdict == "replace":
            assert twin is not None
            self._replace(twin, envelope, door)
            return True
        if victim is not None:
            self._drop(victim)
        door.count_in(envelope)
        return False

    async def accept_when_room(self, envelope: Letter) -> int:
        """Take in one mail, waiting for room if the policy is "wait"; first come, first served.

        Checkpoint: only when it waits. Cancellation: a cancelled sender's mail has not been accepted.

        Raises:
            MailboxFull: the policy refuses.
            Exception: what the mailbox was closed with while the sender waited.
        """
        door = self._door
        if door is not None and self.would_wait(envelope):
            await door.wait(envelope)
            return envelope.seq
        return self.accept(envelope)

    def queue_at_door(self, envelope: Letter) -> None:
        """Have a mail that would wait for room do so by itself: `let_in` or `refused` tells it the end of that, unless it leaves."""
        assert self._door is not None
        self._door.queue(envelope)

    def leave_door(self, envelope: Letter) -> None:
        """Let a mail wait for room no more, if it does."""
        if self._door is not None:
            self._door.leave(envelope)

    def would_wait(self, envelope: Letter) -> bool:
        """Return whether `accept_when_room` would wait: the policy is "wait", and there is no room or others wait already."""
        capacity, door = self.spec.capacity, self._door
        return (
            self.spec.overflow == "wait"
            and capacity is not None
            and door is not None
            and envelope.kind not in EXEMPT
            and (door.load >= capacity or bool(door.waiting))
        )

    def let_in_senders(self) -> bool:
        """Accept for those who wait, as long as there is room; True if any got in."""
        door, capacity = self._door, self.spec.capacity
        if door is None or capacity is None or not self.is_open:
            return False
        let_in = False
        while door.waiting and door.load < capacity:
            sender = door.waiting.popleft()
            self.accept(sender.envelope)
            sender.get_in()
            let_in = True
        return let_in

    def _drop(self, victim: Letter) -> None:
        queue = self.queue
        assert queue is not None
        for index, envelope in enumerate(queue):
            if envelope is victim:
                del queue[index]
                break
        self._forget(victim)
        self.bury(victim, "drop_oldest")

    def _replace(self, twin: Letter, envelope: Letter, door: Door) -> int:
        """Put a new mail into the place of the waiting one with its key."""
        lane = self.urgent if twin.urgent else self.queue
        assert lane is not None
        assert door.keyed is not None
        for index, waiting in enumerate(lane):
            if waiting is twin:
                lane[index] = envelope
                break
        assert isinstance(envelope, Envelope)  # requests have no keys
        envelope.urgent = twin.urgent
        self.triggers += envelope.trigger - twin.trigger
        door.keyed[type(envelope.key), envelope.key] = envelope
        self.seq = envelope.seq = self.seq + 1
        self.bury(twin, "coalesced")
        return envelope.seq

    # -- out

    def take(self, incarnation: int) -> Letter | None:
        """Take the next mail, urgent first; None when nothing waits that asks for a turn. For the slow mode.

        What is void, or meant for an incarnation that has ended, is counted and passed over.
        """
        while self.triggers > 0 or self._is_sought():
            lane = self.urgent or self.queue
            if lane:
                envelope: Letter = lane.popleft()
                taken = self._take_out(envelope, incarnation)
                self.let_in_senders()
                if taken:
                    return envelope
            elif not self.let_in_senders():
                break
        if self.spec is PLAIN and self.is_open and not self.queue and not self.urgent:
            self.fast = True
        return None

    def take_any(self, incarnation: int) -> Letter | None:
        """Take the next mail, whether or not it asks for a turn; None when nothing waits. For receivers that are running already."""
        while True:
            lane = self.urgent or self.queue
            if not lane:
                return None
            envelope: Letter = lane.popleft()
            taken = self._take_out(envelope, incarnation)
            self.let_in_senders()
            if taken:
                return envelope

    def take_all(self, incarnation: int) -> list[Letter]:
        """Take all that waits, urgent first. What senders that waited for room hand in meanwhile is left for the next time."""
        taken: list[Letter] = []
        for lane in (self.urgent, self.queue):
            if lane:
                taken += [envelope for envelope in lane if self._take_out(envelope, incarnation)]
                lane.clear()
        self.let_in_senders()
        return taken

    def put_back(self, envelopes: Iterable[Letter]) -> None:
        """Put taken mail back to where it was, in order, before all that has come since."""
        for envelope in reversed(list(envelopes)):
            if envelope.urgent:
                if self.urgent is None:
                    self.urgent = deque()
                self.urgent.appendleft(envelope)
            else:
                self.lane().appendleft(envelope)
            if envelope.trigger:
                self.triggers += 1
            if self._door is not None and envelope.kind not in EXEMPT:
                self._door.count_in(envelope, newest=False)

    def expel(self, incarnation: int) -> None:
        """Bury the requests that only this incarnation was to answer: it has ended, and who waits for them has to know."""
        if not self.fast:  # what is pinned ends the fast mode
            for letter in list(self.queue or ()):
                if letter.kind == "request" and letter.incarnation == incarnation and not letter.void:
                    letter.buried("old incarnation")
                    self.abandon(letter, "old incarnation")

    def abandon(self, envelope: Letter, reason: DeadReason = "caller gone") -> bool:
        """Make a waiting request void: its place is free at once, it is never taken. True if senders who waited got in."""
        message, envelope.void = envelope.message, True
        self._forget(envelope)
        self.owner.dead_letters.add(
            DeadLetter(message, self.owner.path, self.owner.uid, envelope.sender, envelope.seq, reason)
        )
        envelope.message = None
        self.voids += 1
        if self.voids > MAX_VOIDS and self.voids * 2 > len(self.queue or ()):
            self.clear_out()
        return self.let_in_senders()

    def _take_out(self, envelope: Letter, incarnation: int) -> bool:
        """Account for one that leaves its lane; False if it is to be passed over."""
        if envelope.void:
            if envelope.kind == "request":
                self.voids -= 1
            else:
                self._forget(envelope)
                self.bury(envelope, "cancelled")
            return False
        self._forget(envelope)
        if envelope.incarnation not in (0, incarnation):
            self.bury(envelope, "old incarnation")
            return False
        return True

    def _forget(self, envelope: Letter) -> None:
        if self.fast:
            return
        if envelope.trigger:
            self.triggers -= 1
        if self._door is not None and envelope.kind not in EXEMPT:
            self._door.count_out(envelope)

    # -- closing

    def close(self) -> None:
        """Refuse mail from now on; what waits stays until `clear`."""
        if self.fast:
            self.keep_seqs()
            self.fast = False
        self.is_open = False

    def relax(self) -> None:
        """Allow the fast mode after all: the receiver turned out to take one message at a time."""
        if self.spec is ENVELOPED:
            self.spec = PLAIN
            self.fast = self.is_open and not self.queue and not self.urgent

    def close_if_empty(self) -> bool:
        """Refuse mail from now on, if nothing waits, neither in a lane nor for room; False, and nothing done, if something does."""
        if self.only is not NOTHING or self.queue:
            return False
        if not self.fast and (self.urgent or (self._door is not None and self._door.waiting)):
            return False
        if self.queue is not None:
            self.give_back_lane()
        self.is_open = self.fast = False
        return True

    def reopen(self) -> None:
        """Take mail again (a parked slot that is started anew). seqs go on."""
        self.is_open = True
        self.fast = self.spec is PLAIN and not self.queue and not self.urgent

    def clear(self) -> list[Letter]:
        """Empty a closed mailbox and return what waited, in order, without what is void."""
        waited = [envelope for lane in (self.urgent, self.queue) for envelope in lane or () if not envelope.void]
        for lane in (self.urgent, self.queue):
            if lane:
                lane.clear()
        self.give_back_lane()
        self.urgent = None
        if self._door is not None:
            self._door.forget_all()
        self.triggers = self.voids = 0
        return waited

    def refuse_senders(self, error_for: ErrorFor, incarnation: int | None = None) -> None:
        """Wake those who wait for room with an error each; of one incarnation alone, if it is given."""
        if self._door is not None:
            self._door.refuse(error_for, incarnation)

    def bury(self, envelope: Letter, reason: DeadReason) -> None:
        """Make a mail that has left its lane a dead letter."""
        owner = self.owner
        owner.dead_letters.add(
            DeadLetter(envelope.message, owner.path, owner.uid, envelope.sender, envelope.seq, reason)
        )
        envelope.buried(reason)

    def __repr__(self) -> str:
        """Show what waits."""
        state = "open" if self.is_open else "closed"
        return f"<Mailbox of {self.owner.path} {state} seq={self.seq} waiting={len(self)}>"


class OwnedMailbox(Mailbox):
    """Be a mailbox by itself; in the tree, where there are many, a slot is its own mailbox and needs no field to say so."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Addressee, spec: MailboxSpec = PLAIN, *, enveloped: bool = False) -> None:
        self._owner = owner
        self.set_up(spec, enveloped)

    @property
    def owner(self) -> Addressee:
        """Whose it is."""
        return self._owner
