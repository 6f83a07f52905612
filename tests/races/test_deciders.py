"""Deciders: what each promises of the choices that it makes, asked without a program."""

from collections import Counter
from itertools import pairwise

import pytest

from greenroom.races._decider import FAIR_AFTER, Batches, Decider, Follow, Lottery, Priorities, Speeds, Walk


def chosen(decider: Decider, numbers: range, labels: str = "abc") -> str:
    """Let it decide so often among the same; return what it chose."""
    return "".join(labels[decider.decide(at, "task", list(labels))] for at in numbers)


def changes(way: str) -> list[int]:
    return [at for at, (one, other) in enumerate(pairwise(way), 1) if one != other]


def test_deviations_are_followed_and_the_first_that_does_not_fit_is_kept() -> None:
    follow = Follow({1: 2, 3: 7, 5: 9})
    assert chosen(follow, range(3)) == "aca"
    assert follow.misfit is None
    assert chosen(follow, range(3, 8)) == "aaaaa"
    assert follow.misfit == (3, 7, 3)


def test_a_walk_favours_nobody_and_nor_do_the_first_tickets_of_a_lottery() -> None:
    ways = chosen(Walk(1), range(3_000)), "".join(chosen(Lottery(seed), range(1)) for seed in range(3_000))
    for counts in map(Counter, ways):
        assert all(900 < counts[label] < 1_100 for label in "abc"), counts


def test_at_drawn_speeds_somebody_else_is_the_fastest_in_each_run_and_nobody_stands_still() -> None:
    ways = [Counter(chosen(Speeds(seed), range(600))) for seed in range(300)]
    assert all(
        min(way[label] for label in "abc") > 600 / 20 for way in ways
    )  # the slowest beside two of the fastest: one of 16
    fastest = Counter(max("abc", key=way.__getitem__) for way in ways)
    assert all(70 < fastest[label] < 130 for label in "abc"), fastest
    assert sum(max(way.values()) > 3 * min(way.values()) for way in ways) > 90


def test_data_have_no_speeds() -> None:
    speeds = Speeds(1)
    counts = Counter(speeds.decide(at, "data", "abc") for at in range(3_000))
    assert all(900 < counts[index] < 1_100 for index in range(3)), counts


def test_who_has_lost_in_a_lottery_keeps_its_ticket() -> None:
    """It is the lower of two, and so loses against a fresh one in two cases of three."""
    lost = 0
    for seed in range(3_000):
        lottery = Lottery(seed)
        loser = "ba"[lottery.decide(0, "task", "ab")]
        lost += lottery.decide(1, "task", [loser, "c"]) == 1
    assert 1_900 < lost < 2_100


@pytest.mark.parametrize(("chance", "least", "most"), [(1.0, 1_400, 1_600), (0.5, 1_650, 1_850), (0.0, 1_900, 2_100)])
def test_who_conflicts_with_the_one_that_goes_gets_a_new_ticket(chance: float, least: int, most: int) -> None:
    """It loses against a fresh one in every other case then."""
    lost = 0
    for seed in range(3_000):
        lottery = Lottery(seed, lambda one, other: chance if "d" not in {one, other} else 1.0)
        loser = "ba"[lottery.decide(0, "task", "ab")]
        lost += lottery.decide(1, "task", [loser, "c"]) == 1
    assert least < lost < most


def test_in_batches_all_go_once_before_any_goes_again() -> None:
    orders: set[str] = set()
    for seed in range(20):
        way = chosen(Batches(seed), range(30))
        batches = [way[at : at + 3] for at in range(0, 30, 3)]
        assert {"".join(sorted(batch)) for batch in batches} == {"abc"}
        orders.update(batches)
    assert len(orders) == 6


def test_who_comes_while_a_batch_goes_waits_for_the_next() -> None:
    for seed in range(20):
        batches = Batches(seed)
        first = chosen(batches, range(1))
        assert "d" not in chosen(batches, range(1, 3), "abcd")
        assert len(set(chosen(batches, range(3, 7), "abcd"))) == 4, first


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_priorities_change_as_often_as_their_depth_says(depth: int) -> None:
    often = [len(changes(chosen(Priorities(seed, depth, 50), range(200), "ab"))) for seed in range(200)]
    assert max(often) == depth - 1
    # Else two changes fell on one choice, or one on the first.
    assert often.count(depth - 1) > 150


def test_who_is_demoted_does_not_go() -> None:
    """A run of one choice is demoted in at that one."""
    assert {chosen(Priorities(seed, 2, 1), range(9), "ab") for seed in range(20)} == {"a" * 9, "b" * 9}


def test_priorities_change_past_the_end_of_the_longest_run_too_and_not_far() -> None:
    ways = [chosen(Priorities(seed, 2, 40), range(200), "ab") for seed in range(1_000)]
    at = [change for way in ways for change in changes(way)]
    assert min(at) < 5
    assert sum(change >= 40 for change in at) > 5
    assert 42 < max(at) < 48


def test_where_no_run_has_been_seen_yet_priorities_change_within_some_twenty_choices() -> None:
    at = [change for seed in range(300) for change in changes(chosen(Priorities(seed, 2, 0), range(200), "ab"))]
    assert min(at) < 4
    assert 20 < max(at) < 24


def test_in_long_runs_everybody_goes_now_and_then_whatever_the_priorities() -> None:
    priorities = Priorities(0, 2, 10)
    assert len(set(chosen(priorities, range(20, FAIR_AFTER)))) == 1
    assert set(chosen(priorities, range(FAIR_AFTER, FAIR_AFTER + 30))) == set("abc")


def test_in_long_runs_a_low_ticket_is_no_reason_to_wait() -> None:
    """Whoever always comes back gets a new one each time, until it is lower."""
    for seed in range(200):
        lottery = Lottery(seed)
        chosen(lottery, range(FAIR_AFTER))
        assert set(chosen(lottery, range(FAIR_AFTER, FAIR_AFTER + 60))) == set("abc")
