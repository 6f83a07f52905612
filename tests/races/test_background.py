"""Background work under explored schedules: whatever meets whatever, each piece of work has one outcome, delivered once or counted as dropped."""

from itertools import combinations_with_replacement

import pytest

from greenroom import races

from .background import ACTIONS, Action, a_tree_that_may_be_cancelled, a_wait_that_may_be_cancelled, meet


@pytest.mark.parametrize("deliver", ["drain", "mail"])
@pytest.mark.parametrize("pair", list(combinations_with_replacement(ACTIONS, 2)), ids=" meets ".join)
def test_whatever_meets_each_piece_of_work_has_one_outcome_delivered_once(
    pair: tuple[Action, Action], deliver: str
) -> None:
    found = races.search(meet, pair, deliver, schedules=10)
    assert found is None, str(found)


@pytest.mark.parametrize("deliver", ["drain", "mail"])
def test_and_so_it_has_when_three_meet(deliver: str) -> None:
    threes: list[tuple[Action, ...]] = [
        ("complete", "wait", "stop"),
        ("fail", "wait", "crash"),
        ("cancel", "drain", "wait"),
        ("stop", "stop", "stop"),
    ]
    for three in threes:
        found = races.search(meet, three, deliver, schedules=40)
        assert found is None, str(found)


# -- a cancellation or a crash at every point


def test_a_wait_that_is_cancelled_at_any_point_loses_no_result() -> None:
    sweep = races.cancel_everywhere(a_wait_that_may_be_cancelled, schedules=20)
    assert sweep.points > 20
    assert not sweep.failures, str(sweep)


def test_a_tree_that_is_cancelled_at_any_point_has_no_work_left() -> None:
    sweep = races.cancel_everywhere(a_tree_that_may_be_cancelled, schedules=5)
    assert not sweep.failures, str(sweep)
