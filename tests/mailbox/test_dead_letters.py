from typing import get_args

import pytest
import trio
import trio.testing

from greenroom.mailbox import DeadLetter, DeadLetters, DeadReason

REASONS: tuple[DeadReason, ...] = get_args(DeadReason)


def letter(reason: DeadReason = "stopped", message: object = "m") -> DeadLetter:
    return DeadLetter(message, "/stage/a", 1, None, 1, reason)


def test_dead_letters_are_counted_by_reason() -> None:
    """P14."""
    register = DeadLetters()
    for index, reason in enumerate(REASONS):
        for _ in range(index + 1):
            register.add(letter(reason))
    register.count("old incarnation", 5)
    expected = {reason: index + 1 for index, reason in enumerate(REASONS)}
    expected["old incarnation"] += 5
    assert dict(register.counts) == expected
    assert register.total == sum(expected.values())


def test_only_mail_of_users_counts_as_lost() -> None:
    register = DeadLetters()
    for reason in REASONS:
        register.add(letter(reason))
    lost = {"stopped", "startup failed", "drop_oldest", "drop_newest", "coalesced"}
    assert register.lost_mail == len(lost)


def test_counts_are_a_snapshot() -> None:
    register = DeadLetters()
    counts = register.counts
    register.add(letter())
    assert dict(counts) == {}


async def test_a_subscriber_sees_the_letters_from_then_on() -> None:
    register = DeadLetters()
    register.add(letter(message="before"))
    assert not register.is_observed
    async with register.subscribe() as feed:
        assert register.is_observed
        register.add(letter(message="then"))
        assert (await anext(feed)).message == "then"
    assert not register.is_observed
    register.add(letter(message="after"))


async def test_a_slow_subscriber_delays_nobody_and_knows_what_it_missed() -> None:
    register = DeadLetters()
    async with register.subscribe(buffer=2) as slow, register.subscribe() as quick:
        for number in range(5):
            register.add(letter(message=number))
        assert (slow.missed, quick.missed) == (3, 0)
        assert [(await anext(slow)).message for _ in range(2)] == [0, 1]
        assert [(await anext(quick)).message for _ in range(5)] == [0, 1, 2, 3, 4]


async def test_a_feed_ends_with_the_tree_once_it_has_been_read() -> None:
    register = DeadLetters()
    async with register.subscribe() as feed:
        register.add(letter(message="last"))
        register.close()
        assert [dead.message async for dead in feed] == ["last"]
    async with register.subscribe() as late:
        assert [dead async for dead in late] == []


async def test_a_cancelled_reader_loses_no_letter() -> None:
    register = DeadLetters()
    async with register.subscribe() as feed:
        with trio.move_on_after(0):
            await anext(feed)
        register.add(letter(message="kept"))
        assert (await anext(feed)).message == "kept"


@pytest.mark.parametrize("buffer", [0, -1, 1.5, True, None, "8"])
async def test_a_wrong_buffer_is_refused(buffer: int) -> None:
    with pytest.raises(ValueError, match="whole number from 1"):
        async with DeadLetters().subscribe(buffer):
            raise AssertionError


def test_the_register_shows_its_counts() -> None:
    register = DeadLetters()
    register.add(letter())
    assert repr(register) == "<DeadLetters total=1 {'stopped': 1}>"
