"""The mailbox: two lanes, one count of seqs, and nothing lost on the way.

Why two modes? Nearly every mailbox holds nothing but messages that were told, in order, without a bound. Then the place of a message says its
seq, and a bare message needs no envelope: that is the *fast* mode, in which a sender may append to `queue` by itself. Everything else
(the urgent lane, queue-only mail, reports in between, a capacity) puts envelopes around what waits, once, and goes through
`accept` and `take` until the mailbox has run empty. Both modes keep the same promises; only the cost differs.

Invariants:
    fast            -> open, spec.is_plain, no urgent mail, and the seq of each bare message, or bundled one, is `seq - (what lies behind it)`
    only            -> the one message that waits where there is no lane yet (fast mode): most mailboxes never hold more
    not fast        -> only envelopes wait; `triggers` counts those that ask for a turn
    hand            -> what the receiver took and has not finished with; it is in no lane
    voids           -> abandoned requests that still lie in a lane: dead letters already, passed over when they are reached
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from ._dead_letters import DeadLetter, DeadReason
from ._door import Addressee, Door, ErrorFor
from ._errors import MailboxFull
from ._lanes import NOTHING, Lanes
from ._mail import Envelope, Letter
from ._overflow import EXEMPT, judge_overflow
from ._rare import NOTHING_RARE, NOTHINGS, Rare
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

    __slots__ = ()

    def set_up(self, spec: MailboxSpec, enveloped: bool) -> None:  # noqa: FBT001 -- by position, as it is run for every actor
        """Begin, empty and open; `enveloped` keeps it out of the fast mode for good (agents, functions)."""
        if spec is PLAIN and not enveloped:
            self.rare = NOTHING_RARE
            self.fast = True
        else:
            spec = spec if spec != PLAIN else ENVELOPED if enveloped else PLAIN
            self.rare = Rare(spec, None if spec.is_plain else Door(coalesces=spec.overflow == "coalesce"))
            self.fast = spec is PLAIN
        self.only = NOTHING
        self.queue = self.hand = None
        self.seq = 0

    @property
    def spec(self) -> MailboxSpec:
        """Its bounds."""
        return self.rare.spec

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
        return self.rare.triggers > 0 or self._is_sought()

    def _is_sought(self) -> bool:
        """Return whether a sender waits for room with mail that asks for a turn: what fills the mailbox has to be seen to then."""
        door = self.rare.door
        return door is not None and any(sender.envelope.trigger for sender in door.waiting)

    @property
    def waiting_senders(self) -> int:
        """How many `send`s wait for room."""
        door = self.rare.door
        return 0 if door is None else len(door.waiting)

    @property
    def load(self) -> int:
        """How much of what waits counts against the capacity."""
        door = self.rare.door
        return 0 if door is None else door.load

    # -- in

    def accept(self, envelope: Letter) -> int:
        """Take in one mail and return its seq.

        Raises:
            MailboxFull: there is no room and the policy refuses; nothing has changed.
        """
        rare = self.rare
        door = rare.door
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
            rare = self.rare
        self.seq = envelope.seq = self.seq + 1
        if envelope.urgent:
            if rare.urgent is None:
                rare.urgent = deque()
            rare.urgent.append(envelope)
        else:
            self.lane().append(envelope)
        if envelope.trigger:
            rare.triggers += 1
        return envelope.seq

    def _make_room(self, envelope: Letter, door: Door) -> bool:
        """Judge a new mail by the overflow policy; True if it is settled by that: dropped, or put in the place of another."""
        spec = self.rare.spec
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
        door = self.rare.door
        if door is not None and self.would_wait(envelope):
            await door.wait(envelope)
            return envelope.seq
        return self.accept(envelope)

    def queue_at_door(self, envelope: Letter) -> None:
        """Have a mail that would wait for room do so by itself: `let_in` or `refused` tells it the end of that, unless it leaves."""
        door = self.rare.door
        assert door is not None
        door.queue(envelope)

    def leave_door(self, envelope: Letter) -> None:
        """Let a mail wait for room no more, if it does."""
        door = self.rare.door
        if door is not None:
            door.leave(envelope)

    def would_wait(self, envelope: Letter) -> bool:
        """Return whether `accept_when_room` would wait: the policy is "wait", and there is no room or others wait already."""
        capacity, door = self.spec.capacity, self.rare.door
        return (
            self.spec.overflow == "wait"
            and capacity is not None
            and door is not None
            and envelope.kind not in EXEMPT
            and (door.load >= capacity or bool(door.waiting))
        )

    def let_in_senders(self) -> bool:
        """Accept for those who wait, as long as there is room; True if any got in."""
        door, capacity = self.rare.door, self.rare.spec.capacity
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
        lane = self.rare.urgent if twin.urgent else self.queue
        assert lane is not None
        assert door.keyed is not None
        for index, waiting in enumerate(lane):
            if waiting is twin:
                lane[index] = envelope
                break
        assert isinstance(envelope, Envelope)  # requests have no keys
        envelope.urgent = twin.urgent
        self.rare.triggers += envelope.trigger - twin.trigger
        door.keyed[type(envelope.key), envelope.key] = envelope
        self.seq = envelope.seq = self.seq + 1
        self.bury(twin, "coalesced")
        return envelope.seq

    # -- out

    def take(self, incarnation: int) -> Letter | None:
        """Take the next mail, urgent first; None when nothing waits that asks for a turn. For the slow mode.

        What is void, or meant for an incarnation that has ended, is counted and passed over.
        """
        rare = self.rare
        while rare.triggers > 0 or self._is_sought():
            lane: deque[Any] | None = rare.urgent or self.queue
            if lane:
                envelope: Letter = lane.popleft()
                taken = self._take_out(envelope, incarnation)
                self.let_in_senders()
                if taken:
                    return envelope
            elif not self.let_in_senders():
                break
        if rare.spec is PLAIN and self.is_open and not self.queue and not rare.urgent:
            self.fast = True
        return None

    def take_any(self, incarnation: int) -> Letter | None:
        """Take the next mail, whether or not it asks for a turn; None when nothing waits. For receivers that are running already."""
        while True:
            lane: deque[Any] | None = self.rare.urgent or self.queue
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
        for lane in (self.rare.urgent, self.queue):
            if lane:
                taken += [envelope for envelope in lane if self._take_out(envelope, incarnation)]
                lane.clear()
        self.let_in_senders()
        return taken

    def put_back(self, envelopes: Iterable[Letter]) -> None:
        """Put taken mail back to where it was, in order, before all that has come since."""
        rare = self.own_rare()
        for envelope in reversed(list(envelopes)):
            if envelope.urgent:
                if rare.urgent is None:
                    rare.urgent = deque()
                rare.urgent.appendleft(envelope)
            else:
                self.lane().appendleft(envelope)
            if envelope.trigger:
                rare.triggers += 1
            if rare.door is not None and envelope.kind not in EXEMPT:
                rare.door.count_in(envelope, newest=False)

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
        rare = self.own_rare()
        rare.voids += 1
        if rare.voids > MAX_VOIDS and rare.voids * 2 > len(self.queue or ()):
            self.clear_out()
        return self.let_in_senders()

    def _take_out(self, envelope: Letter, incarnation: int) -> bool:
        """Account for one that leaves its lane; False if it is to be passed over."""
        if envelope.void:
            if envelope.kind == "request":
                self.rare.voids -= 1
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
        rare = self.rare
        if envelope.trigger:
            rare.triggers -= 1
        if rare.door is not None and envelope.kind not in EXEMPT:
            rare.door.count_out(envelope)

    # -- closing

    def shut(self) -> None:
        """Refuse mail from now on; what waits stays until `clear`."""
        if self.fast:
            self.keep_seqs()
            self.fast = False
        self.set_open(is_open=False)

    def relax(self) -> None:
        """Allow the fast mode after all: the receiver turned out to take one message at a time."""
        rare = self.rare
        if rare.spec is ENVELOPED:
            rare.spec = PLAIN
            self.fast = self.is_open and not self.queue and not rare.urgent

    def close_if_empty(self) -> bool:
        """Refuse mail from now on, if nothing waits, neither in a lane nor for room; False, and nothing done, if something does."""
        if self.only is not NOTHING or self.queue:
            return False
        rare = self.rare
        if not self.fast and (rare.urgent or (rare.door is not None and rare.door.waiting)):
            return False
        if self.queue is not None:
            self.give_back_lane()
        self.fast = False
        self.set_open(is_open=False)
        return True

    def reopen(self) -> None:
        """Take mail again (a parked slot that is started anew). seqs go on."""
        self.set_open(is_open=True)
        self.fast = self.rare.spec is PLAIN and not self.queue and not self.rare.urgent

    def clear(self) -> list[Letter]:
        """Empty a closed mailbox and return what waited, in order, without what is void."""
        rare = self.rare
        waited = [envelope for lane in (rare.urgent, self.queue) for envelope in lane or () if not envelope.void]
        for lane in (rare.urgent, self.queue):
            if lane:
                lane.clear()
        self.give_back_lane()
        if rare not in NOTHINGS:
            rare.urgent = None
            rare.triggers = rare.voids = 0
            if rare.door is not None:
                rare.door.forget_all()
        return waited

    def refuse_senders(self, error_for: ErrorFor, incarnation: int | None = None) -> None:
        """Wake those who wait for room with an error each; of one incarnation alone, if it is given."""
        door = self.rare.door
        if door is not None:
            door.refuse(error_for, incarnation)

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
        return f"<Mailbox of {self.owner.path} {state} seq={self.seq} waiting={self.waiting}>"
