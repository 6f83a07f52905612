from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import MailboxFull
from greenroom.mailbox import Envelope, Letter, Mailbox

MakeBox = Callable[..., Mailbox]


def tell(box: Mailbox, *messages: Any, **options: Any) -> list[int]:
    return [box.accept(Envelope(message, **options)) for message in messages]


def taken(box: Mailbox, incarnation: int = 1) -> list[Any]:
    """Take as a receiver does: bare in the fast mode, by `take` in the other."""
    found: list[Any] = []
    while True:
        if box.fast:
            if not box.queue:
                return found
            found.append(message_of(box.queue.popleft()))
        else:
            letter = box.take(incarnation)
            if letter is None:
                return found
            found.append(letter.message)


def message_of(item: Any) -> Any:
    return item.message if isinstance(item, Letter) else item


def append_bare(box: Mailbox, *messages: Any) -> None:
    """Do what `ActorRef.tell` does in the fast mode."""
    for message in messages:
        assert box.fast
        box.lane().append(message)
        box.seq += 1


def test_mail_is_taken_in_the_order_of_its_acceptance(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a", "b")
    assert tell(box, "c", "d") == [3, 4]
    assert taken(box) == ["a", "b", "c", "d"]


def test_urgent_mail_goes_before_normal_mail_and_keeps_its_own_order(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a")
    tell(box, "u", "v", urgent=True)
    tell(box, "b")
    assert taken(box) == ["u", "v", "a", "b"]


def test_seqs_grow_by_one_whatever_the_mode(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a", "b")
    assert tell(box, "u", urgent=True) == [3]
    assert box.next_seq() == 4
    assert tell(box, "c", trigger=False) == [5]
    seqs = [letter.as_mail().seq for letter in box.take_all(1)]
    assert seqs == [3, 1, 2, 5]


def test_a_bare_message_in_hand_knows_its_seq_after_the_mailbox_left_the_fast_mode(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a", "b", "c")
    assert box.queue is not None
    box.queue.popleft()
    box.hand = box.queue.popleft()
    mail = box.hand_mail()
    assert mail is not None
    assert (mail.message, mail.seq) == ("b", 2)
    tell(box, "u", urgent=True)
    mail = box.hand_mail()
    assert mail is not None
    assert (mail.message, mail.seq) == ("b", 2)
    assert [(letter.message, letter.seq) for letter in box.take_all(1)] == [("u", 4), ("c", 3)]


def test_the_fast_mode_comes_back_when_the_mailbox_has_run_empty(make_box: MakeBox) -> None:
    box = make_box()
    tell(box, "q", trigger=False)
    tell(box, "a")
    assert not box.fast
    assert taken(box) == ["q", "a"]
    assert box.fast


def test_queue_only_mail_is_not_taken_by_itself_but_before_later_mail(make_box: MakeBox) -> None:
    """P13."""
    box = make_box()
    tell(box, "q", trigger=False)
    assert not box.has_triggers
    assert taken(box) == []
    tell(box, "a")
    tell(box, "r", trigger=False)
    assert box.has_triggers
    assert taken(box) == ["q", "a"]
    assert len(box) == 1


def test_a_full_mailbox_takes_in_what_is_exempt(make_box: MakeBox, owner: Any) -> None:
    """P12, P15: ticks, downs and steers neither count nor are refused or dropped."""
    box = make_box(capacity=1, overflow="reject")
    tell(box, "a")
    for kind in ("tick", "down", "steer"):
        assert box.accept(Envelope(kind, kind=kind, urgent=kind == "steer")) > 1
    assert box.load == 1
    with pytest.raises(MailboxFull):
        tell(box, "b")
    assert taken(box) == ["steer", "a", "tick", "down"]
    assert box.load == 0
    assert owner.buried == []


def test_drop_oldest_passes_over_what_is_exempt(make_box: MakeBox, owner: Any) -> None:
    """P15."""
    box = make_box(capacity=2, overflow="drop_oldest")
    tell(box, "tick", kind="tick")
    tell(box, "a", "b", "c")
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("a", "drop_oldest")]
    assert taken(box) == ["tick", "b", "c"]


def test_drop_oldest_drops_the_new_one_where_only_urgent_mail_waits(make_box: MakeBox, owner: Any) -> None:
    """P15."""
    box = make_box(capacity=1, overflow="drop_oldest")
    tell(box, "u", urgent=True)
    tell(box, "a")
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("a", "drop_newest")]
    assert taken(box) == ["u"]


def test_a_refusal_leaves_no_trace(make_box: MakeBox, owner: Any) -> None:
    """P15."""
    box = make_box(capacity=1)
    tell(box, "a")
    before = (box.seq, box.load, box.triggers, len(box))
    with pytest.raises(MailboxFull) as caught:
        tell(box, "b")
    assert (box.seq, box.load, box.triggers, len(box)) == before
    assert (caught.value.message, caught.value.capacity, caught.value.path) == ("b", 1, "/stage/owner")
    assert owner.buried == []


def test_coalescing_puts_the_new_one_in_the_place_of_the_old(make_box: MakeBox, owner: Any) -> None:
    """P15."""
    box = make_box(capacity=2, overflow="coalesce", coalesce_key=str)
    tell(box, "a1", key="a")
    tell(box, "b1", key="b")
    assert tell(box, "a2", key="a") == [3]
    assert [(letter.message, letter.seq, letter.reason) for letter in owner.buried] == [("a1", 1, "coalesced")]
    with pytest.raises(MailboxFull):
        tell(box, "c1", key="c")
    assert taken(box) == ["a2", "b1"]


def test_keys_of_different_types_are_different_keys(make_box: MakeBox, owner: Any) -> None:
    """P15: 1 and "1" and b"1" never stand for each other."""
    box = make_box(overflow="coalesce", coalesce_key=str)
    for key in (1, "1", b"1"):
        tell(box, repr(key), key=key)
    assert owner.buried == []
    assert taken(box) == ["1", "'1'", "b'1'"]


def test_what_was_put_back_can_be_coalesced_again(make_box: MakeBox, owner: Any) -> None:
    """P15: a twin that was taken out and given back is a twin again."""
    box = make_box(enveloped=True, overflow="coalesce", coalesce_key=str)
    tell(box, "a1", key="a")
    box.put_back(box.take_all(1))
    tell(box, "a2", key="a")
    assert [letter.message for letter in owner.buried] == ["a1"]
    assert [letter.message for letter in box.take_all(1)] == ["a2"]


def test_what_was_put_back_comes_before_what_has_come_since(make_box: MakeBox) -> None:
    """P14."""
    box = make_box(enveloped=True)
    tell(box, "a", "b")
    tell(box, "u", urgent=True)
    letters = box.take_all(1)
    tell(box, "c")
    tell(box, "v", urgent=True)
    box.put_back(letters)
    assert [letter.message for letter in box.take_all(1)] == ["u", "v", "a", "b", "c"]


def test_mail_of_an_ended_incarnation_is_counted_and_passed_over(make_box: MakeBox, owner: Any) -> None:
    """P19."""
    box = make_box(capacity=2)
    tell(box, "old", incarnation=1)
    tell(box, "new", incarnation=2)
    assert taken(box, incarnation=2) == ["new"]
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("old", "old incarnation")]
    assert (box.load, box.triggers) == (0, 0)


@pytest.mark.parametrize("enveloped", [False, True])
def test_a_cancelled_tick_is_a_dead_letter_when_it_is_reached(make_box: MakeBox, owner: Any, enveloped: bool) -> None:
    """P19."""
    box = make_box(enveloped=enveloped)
    tick = Envelope("tick", kind="tick", incarnation=1)
    box.accept(tick)
    tell(box, "q", trigger=False)
    tick.void = True
    tell(box, "a")
    assert taken(box) == ["q", "a"]
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("tick", "cancelled")]


async def test_senders_who_wait_get_in_first_come_first_served(make_box: MakeBox) -> None:
    """P15."""
    box = make_box(capacity=1, overflow="wait")
    tell(box, 0)
    seqs: dict[int, int] = {}

    async def send(message: int) -> None:
        seqs[message] = await box.accept_when_room(Envelope(message))

    async with trio.open_nursery() as nursery:
        for message in (1, 2, 3):
            nursery.start_soon(send, message)
            await trio.testing.wait_all_tasks_blocked()
        assert box.waiting_senders == 3
        assert taken(box) == [0, 1, 2, 3]
    assert seqs == {1: 2, 2: 3, 3: 4}


async def test_a_newcomer_does_not_overtake_who_waits_for_room(make_box: MakeBox) -> None:
    """P15: there may be room for the one moment before those who wait are let in."""
    box = make_box(capacity=1, overflow="wait")
    tell(box, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.accept_when_room, Envelope(1))
        await trio.testing.wait_all_tasks_blocked()
        assert box.would_wait(Envelope(2))
        taken(box)


async def test_a_cancelled_sender_leaves_nothing(make_box: MakeBox, owner: Any) -> None:
    """P15."""
    box = make_box(capacity=1, overflow="wait")
    tell(box, 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.accept_when_room, Envelope(1))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert box.waiting_senders == 0
    assert (box.seq, taken(box), owner.buried) == (1, [0], [])


async def test_a_closed_mailbox_wakes_who_waits_with_an_error_each(make_box: MakeBox) -> None:
    """P15."""
    box = make_box(capacity=1, overflow="wait")
    tell(box, 0)
    caught: list[Any] = []

    async def send(message: int) -> None:
        with pytest.raises(LookupError) as info:
            await box.accept_when_room(Envelope(message))
        caught.append(info.value.args[0])

    async with trio.open_nursery() as nursery:
        for message in (1, 2):
            nursery.start_soon(send, message)
            await trio.testing.wait_all_tasks_blocked()
        box.close()
        box.refuse_senders(LookupError)
    assert sorted(caught) == [1, 2]
    assert box.seq == 1


@pytest.mark.parametrize("take", ["take_any", "take_all"])
async def test_a_sender_gets_in_when_what_filled_the_mailbox_was_dropped(make_box: MakeBox, take: str) -> None:
    """P15: mail for an ended incarnation is passed over, and its place is as free as that of mail that was taken."""
    box = make_box(enveloped=True, capacity=1, overflow="wait")
    tell(box, "old", incarnation=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.accept_when_room, Envelope("new"))
        await trio.testing.wait_all_tasks_blocked()
        found = getattr(box, take)(2)
        assert box.waiting_senders == 0
        nursery.cancel_scope.cancel()
    if take == "take_any":
        assert found.message == "new"
    else:
        assert found == []
        assert len(box) == 1


async def test_mail_at_the_door_makes_room_for_itself_where_queue_only_mail_fills_the_mailbox(
    make_box: MakeBox,
) -> None:
    """P13, P15: otherwise nobody would ever start, and the sender wait for ever."""
    box = make_box(capacity=2, overflow="wait")
    tell(box, "q", "r", trigger=False)
    assert not box.has_triggers
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.accept_when_room, Envelope("a"))
        await trio.testing.wait_all_tasks_blocked()
        assert box.has_triggers
        assert taken(box) == ["q", "r", "a"]


class Pending(Letter):
    """Be a request to a mailbox: void when its asker leaves, told when it is buried."""

    def __init__(self, message: Any, incarnation: int = 0) -> None:
        self.message, self.incarnation = message, incarnation
        self.sender, self.seq, self.trigger, self.kind = None, 0, True, "request"
        self.urgent, self.key, self.void = False, None, False
        self.told: list[str] = []

    def buried(self, reason: str) -> None:
        self.told.append(reason)


@pytest.mark.parametrize("enveloped", [False, True])
def test_an_abandoned_request_frees_its_place_at_once_and_is_never_taken(
    make_box: MakeBox, owner: Any, enveloped: bool
) -> None:
    """P17."""
    box = make_box(enveloped=enveloped, capacity=2)
    asked = Pending("ask")
    box.accept(asked)
    tell(box, "a")
    assert box.abandon(asked) is False
    assert (box.load, len(box)) == (1, 1)
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("ask", "caller gone")]
    tell(box, "b")
    assert taken(box) == ["a", "b"]
    assert (len(box), box.voids) == (0, 0)


async def test_a_sender_who_waited_gets_the_place_of_an_abandoned_request(make_box: MakeBox) -> None:
    """P17."""
    box = make_box(capacity=1, overflow="wait")
    asked = Pending("ask")
    box.accept(asked)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.accept_when_room, Envelope("a"))
        await trio.testing.wait_all_tasks_blocked()
        assert box.abandon(asked) is True
        await trio.testing.wait_all_tasks_blocked()
        assert taken(box) == ["a"]


@pytest.mark.parametrize("fast", [False, True])
def test_abandoned_requests_do_not_pile_up_before_a_receiver_that_hangs(make_box: MakeBox, fast: bool) -> None:
    """P17: their place is free, so a hundred thousand of them may come and go."""
    box = make_box(enveloped=not fast)
    tell(box, "a")
    for number in range(1_000):
        asked = Pending(number)
        box.accept(asked)
        box.abandon(asked)
    assert len(box) == 1
    assert len(box.queue or ()) < 200
    tell(box, "b")
    assert taken(box) == ["a", "b"]


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_request_that_is_dropped_is_told(make_box: MakeBox, owner: Any, policy: str) -> None:
    """P15, P17: who asks must not wait for what nobody will do."""
    box = make_box(capacity=1, overflow=policy)
    first, second = Pending(1), Pending(2)
    box.accept(first)
    box.accept(second)
    dropped = first if policy == "drop_oldest" else second
    assert dropped.told == [policy]
    assert [letter.message for letter in owner.buried] == [dropped.message]


def test_requests_for_one_incarnation_are_expelled_at_its_end(make_box: MakeBox, owner: Any) -> None:
    """P17."""
    box = make_box()
    append_bare(box, "a")
    mine, other, any_ = Pending(1, incarnation=1), Pending(2, incarnation=2), Pending(3)
    for asked in (mine, other, any_):
        box.accept(asked)
    box.expel(1)
    assert (mine.told, other.told, any_.told) == (["old incarnation"], [], [])
    assert [letter.message for letter in owner.buried] == [1]
    assert taken(box, incarnation=2) == ["a", 2, 3]


def test_a_mailbox_that_is_fast_again_has_no_requests_to_expel(make_box: MakeBox, owner: Any) -> None:
    """P17: what waits bare, and is no request, stays."""
    box = make_box()
    box.accept(Pending(1, incarnation=1))
    assert taken(box, incarnation=1) == [1]
    append_bare(box, "a")
    box.expel(1)
    assert owner.buried == []
    assert taken(box, incarnation=2) == ["a"]


def test_a_closed_mailbox_gives_back_what_waits_once_and_in_order(make_box: MakeBox) -> None:
    """P16."""
    box = make_box()
    append_bare(box, "a", "b")
    box.close()
    assert not box.is_open
    assert not box.fast
    assert [(letter.message, letter.seq) for letter in box.clear()] == [("a", 1), ("b", 2)]
    assert box.clear() == []


def test_a_mailbox_that_is_reopened_goes_on_with_its_seqs(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a")
    box.close()
    box.clear()
    box.reopen()
    assert box.fast
    assert tell(box, "b") == [2]


def test_an_empty_lane_is_handed_on_and_never_shared(make_box: MakeBox) -> None:
    one, two = make_box(), make_box()
    append_bare(one, "a")
    taken(one)
    one.give_back_lane()
    append_bare(two, "b")
    append_bare(one, "c")
    assert (taken(one), taken(two)) == (["c"], ["b"])


def test_a_mailbox_shows_what_waits(make_box: MakeBox) -> None:
    box = make_box()
    tell(box, "a")
    assert repr(box) == "<Mailbox of /stage/owner open seq=1 waiting=1>"
    assert repr(Envelope("a", kind="tick")) == "<Envelope tick seq=0 'a'>"
