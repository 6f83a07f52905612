"""Bundles in a mailbox: each of them in its place, and a letter when more is asked of it."""

from collections.abc import Callable
from typing import Any

import pytest

from greenroom.mailbox import Bundle, Envelope, Letter, Mailbox

from .taking import append_bare, taken

MakeBox = Callable[..., Mailbox]


class Words(Bundle):
    """Stand for some words."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)
        self.hand: str | None = None

    def take(self) -> None:
        self.hand = self.words.pop(0)

    def make_next(self, seq: int) -> Letter:
        return self._make(self.words.pop(0), seq)

    def make_in_hand(self, seq: int) -> Letter:
        assert self.hand is not None
        return self._make(self.hand, seq)

    @staticmethod
    def _make(word: str, seq: int) -> Letter:
        letter = Envelope(word)
        letter.seq = seq
        return letter


def put(box: Mailbox, words: Words) -> None:
    for _ in words.words:
        append_bare(box, words)


def take(box: Mailbox, words: Words) -> None:
    """Take the next one, as the loop that drains a mailbox does."""
    assert box.queue is not None
    box.hand = box.queue.popleft()
    assert box.hand is words
    words.take()


def seqs(box: Mailbox) -> list[tuple[str, int]]:
    return [(each.message, each.seq) for each in box.queue or ()]


@pytest.fixture
def box(make_box: MakeBox) -> Mailbox:
    """Hold a, one two, b, three."""
    box = make_box()
    words = Words("one", "two", "three")
    append_bare(box, "a")
    append_bare(box, words)
    append_bare(box, words)
    append_bare(box, "b")
    append_bare(box, words)
    return box


def test_each_counts_as_one(box: Mailbox) -> None:
    assert (box.waiting, box.seq, box.oldest_seq(), box.has_triggers) == (5, 5, 1, True)


def test_each_becomes_a_letter_with_the_seq_of_its_place(box: Mailbox) -> None:
    """P13: when the mailbox leaves the fast mode, for whatever."""
    box.seal()
    assert seqs(box) == [("a", 1), ("one", 2), ("two", 3), ("b", 4), ("three", 5)]
    assert taken(box) == ["a", "one", "two", "b", "three"]


def test_one_in_hand_becomes_one_with_those_that_wait(box: Mailbox) -> None:
    """P13."""
    assert box.queue is not None
    box.queue.popleft()
    words: Any = box.queue[0]
    take(box, words)
    box.seal()
    assert (box.hand.message, box.hand.seq) == ("one", 2)
    assert seqs(box) == [("two", 3), ("b", 4), ("three", 5)]


def test_one_in_hand_becomes_one_alone_when_it_is_looked_at(make_box: MakeBox) -> None:
    box, words = make_box(), Words("one", "two")
    put(box, words)
    take(box, words)
    assert box.hand_seq() == 1
    assert box.hand is words
    mail = box.hand_mail()
    assert mail is not None
    assert (mail.message, mail.seq) == ("one", 1)
    assert box.own_hand() is box.hand
    assert box.hand.message == "one"
    assert box.fast
    take(box, words)
    letter = box.empty_hand()
    assert (letter.message, letter.seq, box.hand) == ("two", 2, None)


def test_an_empty_hand_holds_nothing(make_box: MakeBox) -> None:
    box = make_box()
    assert (box.hand_seq(), box.hand_mail(), box.own_hand(), box.empty_hand()) == (None, None, None, None)


def test_a_closed_mailbox_gives_each_back(box: Mailbox) -> None:
    """P14."""
    box.shut()
    assert [letter.message for letter in box.clear()] == ["a", "one", "two", "b", "three"]
