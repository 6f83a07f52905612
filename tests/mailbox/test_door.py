"""Senders who wait for room in a mailbox."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom.mailbox import Envelope, Mailbox

from .taking import taken, tell

MakeBox = Callable[..., Mailbox]


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
        box.shut()
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
        assert box.waiting == 1


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
