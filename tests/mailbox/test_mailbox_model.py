"""The mailbox against a small reference interpreter: a list of what waits, in words that a reader can check.

Every rule does the same to both and then compares all that can be seen of them; at the end each accepted mail has had exactly one fate.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from greenroom import MailboxFull
from greenroom.mailbox import PLAIN, DeadLetter, Envelope, Letter, MailboxSpec, OwnedMailbox

from .register import Owner

EXEMPT = ("tick", "down", "steer")
POLICIES = ("reject", "drop_oldest", "drop_newest", "coalesce")
KEYS = st.sampled_from([None, "a", "b", 1])


class Pending(Letter):
    """Be a request."""

    def __init__(self, message: int, incarnation: int) -> None:
        self.message, self.incarnation = message, incarnation
        self.sender, self.seq, self.trigger, self.kind = None, 0, True, "request"
        self.urgent, self.key, self.void = False, None, False


class Item:
    """Be a mail in the reference: what it is, and nothing of how it is kept."""

    def __init__(self, message: int, letter: Letter | None, seq: int, **facts: Any) -> None:
        self.message, self.letter, self.seq = message, letter, seq
        self.kind: str = facts.get("kind", "message")
        self.trigger: bool = facts.get("trigger", True)
        self.urgent: bool = facts.get("urgent", False)
        self.incarnation: int = facts.get("incarnation", 0)
        self.key: Any = facts.get("key")
        self.void = False

    @property
    def counts(self) -> bool:
        return self.kind not in EXEMPT


class MailboxModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.seq = 0
        self.incarnation = 1
        self.open = True
        self.urgent: list[Item] = []
        self.normal: list[Item] = []
        self.in_hand: list[Item] = []
        self.dead: list[tuple[Any, str]] = []
        self.accepted: list[int] = []
        self.handled: list[int] = []

    @initialize(
        capacity=st.sampled_from([None, 1, 2, 3]),
        policy=st.sampled_from(POLICIES),
        enveloped=st.booleans(),
        plain=st.booleans(),
    )
    def begin(self, capacity: int | None, policy: Any, enveloped: bool, plain: bool) -> None:
        if plain or (capacity is None and policy != "coalesce"):
            capacity, policy = None, "reject"
        self.capacity, self.policy = capacity, policy
        self.owner = Owner()
        spec = MailboxSpec(capacity, policy, coalesce_key=str if policy == "coalesce" else None)
        self.box = OwnedMailbox(self.owner, PLAIN if spec == PLAIN and plain else spec, enveloped=enveloped)
        self.plain = capacity is None and policy != "coalesce"

    # -- the reference

    @property
    def waiting(self) -> list[Item]:
        return self.urgent + self.normal

    @property
    def load(self) -> int:
        return sum(item.counts for item in self.waiting)

    def new(self) -> int:
        self.number += 1
        return self.number

    def bury(self, item: Item, reason: str) -> None:
        self.dead.append((item.message, reason))

    def admit(self, item: Item) -> str:
        """Say what becomes of a mail, and do it to the reference."""
        bounded = not self.plain and item.counts
        full = bounded and self.capacity is not None and self.load >= self.capacity
        if bounded and self.policy == "coalesce" and item.key is not None:
            for lane in (self.urgent, self.normal):
                for index, twin in enumerate(lane):
                    if twin.counts and (type(twin.key), twin.key) == (type(item.key), item.key):
                        lane[index] = item
                        item.urgent = twin.urgent
                        self.bury(twin, "coalesced")
                        return "accepted"
        if full:
            if self.policy in ("reject", "coalesce"):
                return "refused"
            oldest = next((each for each in self.normal if each.counts), None)
            if self.policy == "drop_newest" or oldest is None:
                self.bury(item, "drop_newest")
                return "accepted"
            self.normal.remove(oldest)
            self.bury(oldest, "drop_oldest")
        (self.urgent if item.urgent else self.normal).append(item)
        return "accepted"

    def accept(self, item: Item, letter: Letter) -> None:
        item.letter = letter
        before = self.box.seq
        item.seq = before + 1
        verdict = self.admit(item)
        if verdict == "refused":
            with pytest.raises(MailboxFull) as caught:
                self.box.accept(letter)
            assert caught.value.message == item.message
            assert self.box.seq == before
            return
        seq = self.box.accept(letter)
        assert seq == before + 1
        self.seq += 1
        self.accepted.append(item.message)

    def pass_over(self, item: Item) -> bool:
        if item.void:
            self.bury(item, "cancelled")
        elif item.incarnation not in (0, self.incarnation):
            self.bury(item, "old incarnation")
        else:
            return False
        return True

    def next_up(self) -> Item:
        return (self.urgent or self.normal).pop(0)

    # -- in

    @precondition(lambda self: self.open)
    @rule(trigger=st.booleans(), urgent=st.booleans(), key=KEYS, pinned=st.booleans())
    def tell(self, trigger: bool, urgent: bool, key: Any, pinned: bool) -> None:
        message = self.new()
        if self.policy != "coalesce":
            key = None
        incarnation = self.incarnation if pinned else 0
        facts: dict[str, Any] = {"trigger": trigger, "urgent": urgent, "key": key, "incarnation": incarnation}
        self.accept(Item(message, None, 0, **facts), Envelope(message, **facts))

    @precondition(lambda self: self.open and self.box.fast)
    @rule(n=st.integers(1, 4))
    def tell_bare(self, n: int) -> None:
        for _ in range(n):
            message = self.new()
            self.box.lane().append(message)
            self.box.seq += 1
            self.seq += 1
            self.normal.append(Item(message, None, self.seq))
            self.accepted.append(message)

    @precondition(lambda self: self.open)
    @rule(kind=st.sampled_from(EXEMPT))
    def post(self, kind: Any) -> None:
        message = self.new()
        facts: dict[str, Any] = {"kind": kind, "urgent": kind == "steer"}
        if kind != "steer":
            facts["incarnation"] = self.incarnation
        self.accept(Item(message, None, 0, **facts), Envelope(message, **facts))

    @precondition(lambda self: self.open)
    @rule(pinned=st.booleans())
    def ask(self, pinned: bool) -> None:
        message = self.new()
        incarnation = self.incarnation if pinned else 0
        self.accept(Item(message, None, 0, kind="request", incarnation=incarnation), Pending(message, incarnation))

    @rule()
    def post_a_report(self) -> None:
        assert self.box.next_seq() == self.seq + 1
        self.seq += 1

    # -- out

    @rule()
    def take(self) -> None:
        """Take one as a plain actor does."""
        if self.box.fast:
            while self.box.queue and getattr(self.box.queue[0], "void", False) and self.box.queue[0].kind == "request":
                self.box.queue.popleft()  # as the loop that drains it does
                self.box.rare.voids -= 1
            if not self.box.queue:
                assert not self.normal
                return
            got = self.box.queue.popleft()
            item = self.next_up()
            if isinstance(got, Letter):
                assert got is item.letter
                if item.void or got.incarnation not in (0, self.incarnation):
                    self.box.bury(got, "cancelled" if item.void else "old incarnation")
                    assert self.pass_over(item)
                    return
            else:
                assert got == item.message
        else:
            letter = self.box.take(self.incarnation)
            item = None  # type: ignore[assignment]
            while any(each.trigger for each in self.waiting):
                up = self.next_up()
                if not self.pass_over(up):
                    item = up
                    break
            if item is None:
                assert letter is None
                return
            assert letter is not None
            assert letter.message == item.message
            assert letter.seq == item.seq
            got = letter
        item.letter = got if isinstance(got, Letter) else None
        self.handled.append(item.message)

    @precondition(lambda self: not self.box.fast)
    @rule()
    def take_any(self) -> None:
        """Take one as a function does."""
        letter = self.box.take_any(self.incarnation)
        item = None
        while self.waiting:
            up = self.next_up()
            if not self.pass_over(up):
                item = up
                break
        assert (letter and letter.message) == (item and item.message)
        if item is not None:
            self.handled.append(item.message)

    @precondition(lambda self: not self.box.fast)
    @rule()
    def take_all(self) -> None:
        """Take all as an agent's turn does; it stays in hand until it is kept or given back."""
        letters = self.box.take_all(self.incarnation)
        items = [item for item in self.waiting if not self.pass_over(item)]
        self.urgent.clear()
        self.normal.clear()
        assert [(letter.message, letter.seq) for letter in letters] == [(item.message, item.seq) for item in items]
        for item, letter in zip(items, letters, strict=True):
            item.letter = letter
        self.in_hand += items

    @precondition(lambda self: self.in_hand)
    @rule(keep=st.booleans())
    def settle(self, keep: bool) -> None:
        """Keep what was taken, or put it back before all that has come since."""
        items, self.in_hand = self.in_hand, []
        if keep or self.box.fast:
            self.handled += [item.message for item in items]
            return
        self.box.put_back([item.letter for item in items if item.letter is not None])
        self.urgent[:0] = [item for item in items if item.urgent]
        self.normal[:0] = [item for item in items if not item.urgent]

    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        requests = [item for item in self.normal if item.kind == "request"]
        if requests:
            item = data.draw(st.sampled_from(requests))
            assert item.letter is not None
            self.box.abandon(item.letter)
            self.normal.remove(item)
            self.bury(item, "caller gone")

    @rule(data=st.data())
    def call_off(self, data: st.DataObject) -> None:
        ticks = [item for item in self.waiting if item.kind == "tick"]
        if ticks:
            item = data.draw(st.sampled_from(ticks))
            assert item.letter is not None
            item.letter.void = item.void = True

    # -- ends

    @rule()
    def seal(self) -> None:
        if self.box.fast:
            self.box.seal()

    @precondition(lambda self: self.open)
    @rule()
    def restart(self) -> None:
        """Hand over to the next incarnation."""
        self.box.expel(self.incarnation)
        for item in [each for each in self.normal if each.kind == "request" and each.incarnation == self.incarnation]:
            self.normal.remove(item)
            self.bury(item, "old incarnation")
        self.incarnation += 1

    @precondition(lambda self: self.open)
    @rule()
    def close(self) -> None:
        self.box.shut()
        self.open = False

    @precondition(lambda self: not self.open)
    @rule(again=st.booleans())
    def clear(self, again: bool) -> None:
        letters = self.box.clear()
        assert [(each.message, each.seq) for each in letters] == [
            (item.message, item.seq) for item in self.waiting if not item.void
        ]
        for item in self.waiting:
            if item.void:
                self.dead.append((item.message, "cancelled"))
                owner = self.owner  # who clears a mailbox sees to those that were called off
                owner.buried.append(DeadLetter(item.message, owner.path, owner.uid, None, item.seq, "cancelled"))
            else:
                self.handled.append(item.message)
        self.urgent.clear()
        self.normal.clear()
        if again:
            self.incarnation += 1
            self.box.reopen()
            self.open = True

    # -- what holds after each step

    @invariant()
    def both_see_the_same(self) -> None:
        """P12, P13, P15."""
        if not hasattr(self, "box"):
            return
        box = self.box
        assert box.seq == self.seq
        assert box.waiting == len(self.waiting)
        if not (box.fast and box.rare.voids):  # there, what is void is only seen when it is reached
            assert box.has_triggers == any(item.trigger for item in self.waiting)
        if not self.plain:
            assert box.load == self.load
        assert [(letter.message, letter.reason) for letter in self.owner.buried] == self.dead
        if box.fast:
            assert box.is_open
            assert not self.urgent

    @invariant()
    def each_mail_has_exactly_one_fate(self) -> None:
        """P14."""
        fates = (
            [item.message for item in self.waiting + self.in_hand]
            + self.handled
            + [message for message, _ in self.dead]
        )
        assert sorted(fates) == self.accepted


MailboxModel.TestCase.settings = settings(max_examples=max(300, settings().max_examples), stateful_step_count=40)
TestMailbox = MailboxModel.TestCase
