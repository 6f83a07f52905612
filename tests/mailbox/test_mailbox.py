from collections.abc import Callable
from typing import Any

import pytest

from greenroom import MailboxFull
from greenroom.mailbox import Envelope, Mailbox

from .taking import append_bare, taken, tell

MakeBox = Callable[..., Mailbox]


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
    assert box.waiting == 1


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
    before = (box.seq, box.load, box.rare.triggers, box.waiting)
    with pytest.raises(MailboxFull) as caught:
        tell(box, "b")
    assert (box.seq, box.load, box.rare.triggers, box.waiting) == before
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
    assert (box.load, box.rare.triggers) == (0, 0)


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


def test_a_closed_mailbox_gives_back_what_waits_once_and_in_order(make_box: MakeBox) -> None:
    """P16."""
    box = make_box()
    append_bare(box, "a", "b")
    box.shut()
    assert not box.is_open
    assert not box.fast
    assert [(letter.message, letter.seq) for letter in box.clear()] == [("a", 1), ("b", 2)]
    assert box.clear() == []


def test_what_a_shut_mailbox_comes_to_have_of_its_own_says_that_it_is_shut(make_box: MakeBox) -> None:
    """P16: one object says so of all that have nothing else."""
    box, other = make_box(), make_box()
    for each in (box, other):
        assert each.close_if_empty()
        assert not each.is_open
    assert box.rare is other.rare
    box.own_rare().triggers += 1
    assert (box.is_open, box.rare.triggers) == (False, 1)
    assert box.own_rare() is box.rare
    assert (other.is_open, other.rare.triggers) == (False, 0)
    box.own_rare().triggers -= 1
    box.reopen()
    assert (box.is_open, box.fast, other.is_open) == (True, True, False)
    other.reopen()
    assert (other.is_open, other.fast) == (True, True)
    assert make_box().is_open


def test_a_mailbox_that_is_reopened_goes_on_with_its_seqs(make_box: MakeBox) -> None:
    """P12."""
    box = make_box()
    append_bare(box, "a")
    box.shut()
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
