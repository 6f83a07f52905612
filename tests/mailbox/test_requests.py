"""Requests in a mailbox: abandoned, dropped, expelled."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom.mailbox import Envelope, Letter, Mailbox

from .taking import append_bare, taken, tell

MakeBox = Callable[..., Mailbox]


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
    assert (box.load, box.waiting) == (1, 1)
    assert [(letter.message, letter.reason) for letter in owner.buried] == [("ask", "caller gone")]
    tell(box, "b")
    assert taken(box) == ["a", "b"]
    assert (box.waiting, box.rare.voids) == (0, 0)


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
    assert box.waiting == 1
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
