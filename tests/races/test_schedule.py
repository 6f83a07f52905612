"""Schedules and their tokens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.races import InvalidToken, Schedule

PRINTS = st.text("0123456789abcdef", min_size=8, max_size=8)


@given(
    st.dictionaries(st.integers(0, 10_000), st.integers(1, 50), max_size=30),
    PRINTS,
    st.sampled_from(["exact", "choice"]),
    st.sampled_from(["all", "trio"]),
)
def test_a_token_says_the_whole_schedule(
    deviations: dict[int, int], fingerprint: str, time: Any, fidelity: Any
) -> None:
    schedule = Schedule(deviations, fingerprint, time, fidelity=fidelity)
    assert Schedule.from_token(schedule.token) == schedule
    assert list(schedule.deviations) == sorted(deviations)


@given(st.dictionaries(st.integers(0, 10_000), st.integers(0, 50), max_size=30))
def test_so_does_that_of_a_schedule_that_was_made_by_hand(deviations: dict[int, int]) -> None:
    schedule = Schedule(deviations)
    assert Schedule.from_token(schedule.token) == schedule
    assert dict(schedule.deviations) == {at: index for at, index in deviations.items() if index}


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "is no whole token"),
        ("hello", "is no whole token"),
        ("r1", "is no whole token"),
        ("r1:", "is no whole token"),
        ("r1:4.1-9.2", "is no whole token"),
        ("r1:4.1-9.2:0f3a77", "is no whole token"),
        ("r1:4.1-9:0f3a77c1", "is no whole token"),
        ("r1:4.-1:0f3a77c1", "is no whole token"),
        ("r1:4.1--9.2:0f3a77c1", "is no whole token"),
        ("r1:4.1:0f3a77c1 and more", "is no whole token"),
        ("r1:4.1:", "is no whole token"),
        ("r1bt:4.1:0f3a77c1", "is no whole token"),
        ("r1bb:4.1:0f3a77c1", "is no whole token"),
        ("r1:4.1:0F3A77C1", "is no whole token"),
        ("r2:4.1:0f3a77c1", "is of format r2, and this is a greenroom that reads r1"),
        ("r1:4.0:0f3a77c1", "it names a choice twice or out of order, the default as a deviation"),
        ("r1:4.1-4.2:0f3a77c1", "it names a choice twice or out of order, the default as a deviation"),
        (None, "is no token; a token is a text"),
        (17, "is no token; a token is a text"),
    ],
)
def test_what_is_no_token_is_refused_with_what_is_wrong(token: Any, said: str) -> None:
    with pytest.raises(InvalidToken, match=said):
        Schedule.from_token(token)


def test_space_around_a_token_is_no_matter() -> None:
    assert Schedule.from_token(" r1::0f3a77c1\n") == Schedule({}, "0f3a77c1")
