"""What decides, against the plainest way to say it: intensity, attempts in a row, backoff. They know no clock; times are numbers."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Backoff, Intensity, InvalidSpec
from greenroom.supervisor._accounts import Accounts, Overdrawn
from greenroom.supervisor._intensity import RestartLog
from greenroom.supervisor._policy import ChildPolicy

#: Halves, so that sums are exact and edges are met.
times = st.lists(st.integers(0, 12).map(lambda number: number / 2), max_size=30)
limits = st.builds(Intensity, st.integers(0, 4), st.integers(1, 10).map(lambda number: number / 2))


@given(limits, times)
def test_a_log_counts_those_less_than_the_window_ago_and_the_one_that_comes(
    limit: Intensity, waits: list[float]
) -> None:
    log, now, all_of_them = RestartLog(limit), 0.0, list[float]()
    for wait in waits:
        now += wait
        all_of_them.append(now)
        within = [each for each in all_of_them if now - each < limit.within]
        assert log.add(now) == (len(within) <= limit.max_restarts)
        assert len(log) == len(within)


@given(limits, st.lists(st.tuples(st.sampled_from(["crash", "fail", "ready"]), st.integers(0, 12)), max_size=30))
def test_attempts_in_a_row_count_however_long_each_took(limit: Intensity, events: list[tuple[str, int]]) -> None:
    accounts, policy, now = Accounts(limit), ChildPolicy(restart="permanent"), 0.0
    charged: list[float] = []
    in_a_row = 0
    for what, wait in events:
        now += wait / 2
        if what == "ready":
            accounts.note_ready(7, policy, now)
            in_a_row = 0
            continue
        charged.append(now)
        in_a_row = in_a_row + 1 if what == "fail" else 0
        within = sum(now - each < limit.within for each in charged)
        over = within > limit.max_restarts or in_a_row > limit.max_restarts
        wanted = Overdrawn(limit.max_restarts, limit.within) if over else None
        assert accounts.charge(7, policy, now, was_ready=what == "crash") == wanted


@given(limits, limits, st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6)), max_size=30))
def test_a_child_with_an_intensity_of_its_own_is_in_no_other_log(
    shared: Intensity, own: Intensity, events: list[tuple[int, int]]
) -> None:
    accounts, now = Accounts(shared), 0.0
    charged: dict[bool, list[float]] = {True: [], False: []}
    for uid, wait in events:
        now += wait / 2
        is_own = uid == 1
        limit = own if is_own else shared
        charged[is_own].append(now)
        within = sum(now - each < limit.within for each in charged[is_own])
        policy = ChildPolicy(restart="permanent", intensity=own if is_own else None)
        assert (accounts.charge(uid, policy, now, was_ready=True) is None) == (within <= limit.max_restarts)


@given(
    st.builds(
        Backoff,
        st.integers(1, 4),
        st.integers(4, 40),
        factor=st.integers(1, 5),
        reset_after=st.none() | st.integers(0, 10),
        max_attempts=st.none() | st.integers(0, 5),
    ),
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=30),
)
def test_a_backoff_counts_in_a_row_until_a_ready_time_that_is_long_enough(
    backoff: Backoff, lives: list[tuple[int, bool]]
) -> None:
    accounts, policy = Accounts(Intensity(0)), ChildPolicy(restart="permanent", backoff=backoff)
    now, in_a_row = 0.0, 0
    resets_after = backoff.maximum if backoff.reset_after is None else backoff.reset_after
    for seconds, becomes_ready in lives:
        if becomes_ready:
            accounts.note_ready(3, policy, now)
        now += seconds
        in_a_row = 1 if becomes_ready and seconds >= resets_after else in_a_row + 1
        over = backoff.max_attempts is not None and in_a_row > backoff.max_attempts
        wanted = Overdrawn(backoff.max_attempts or 0, inf) if over else None
        accounts.note_end(3, policy, now)
        assert accounts.charge(3, policy, now, was_ready=becomes_ready) == wanted
        delay = 0.0
        if in_a_row > 1:
            delay = float(backoff.initial)
            for _ in range(in_a_row - 2):
                delay = min(delay * backoff.factor, backoff.maximum)
        assert accounts.delay(3, backoff, 0.5) == delay


@given(
    st.floats(0.001, 1e3),
    st.floats(1, 1e3),
    st.floats(1, 1e6),
    st.floats(0, 1),
    st.integers(1, 5_000),
    st.floats(0, 1),
)
def test_a_delay_is_never_above_the_maximum_nor_below_what_jitter_leaves(  # noqa: PLR0917 -- drawn
    initial: float, times_larger: float, factor: float, jitter: float, attempt: int, chance: float
) -> None:
    backoff = Backoff(initial, initial * times_larger, factor=factor, jitter=jitter)
    delay = backoff.delay(attempt, chance)
    assert 0 <= delay <= backoff.maximum
    if attempt == 1:
        assert delay == 0
    else:
        assert delay >= min(backoff.maximum, initial * (1 - jitter)) * (1 - 1e-9)
        assert backoff.delay(attempt, 0.0) <= delay <= backoff.delay(attempt, 1.0)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"initial": 0}, "initial: 0 is not a finite number of seconds above 0"),
    ({"initial": -1}, "initial: -1 is not"),
    ({"initial": "1"}, "initial: '1' is not"),
    ({"initial": float("nan")}, "initial: nan is not"),
    ({"maximum": inf}, "maximum: inf is not"),
    ({"initial": 5, "maximum": 4}, "maximum: 4 is less than initial, 5"),
    ({"factor": 0.5}, "factor: 0.5 is not a number from 1"),
    ({"factor": True}, "factor: True is not"),
    ({"jitter": 1.5}, "jitter: 1.5 is not a number from 0 to 1"),
    ({"jitter": None}, "jitter: None is not"),
    ({"reset_after": -1}, "reset_after: -1 is not"),
    ({"max_attempts": -1}, "max_attempts: -1 is not a whole number from 0"),
    ({"max_attempts": 2.0}, "max_attempts: 2.0 is not"),
]


@pytest.mark.parametrize(("given_", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_backoff_is_refused_with_what_is_wrong(given_: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        Backoff(**{"initial": 1, "maximum": 10, **given_})
    assert f"Backoff.{text}" in str(caught.value)


def test_all_that_is_wrong_with_a_backoff_is_told_at_once() -> None:
    with pytest.raises(InvalidSpec) as caught:
        Backoff(0, 0, factor=0, jitter=2, reset_after=-1, max_attempts=-1)
    assert str(caught.value).count("Backoff.") == 6
