"""Background work under explored schedules: whatever meets whatever, each piece of work has one outcome, delivered once or counted as dropped."""

from itertools import combinations_with_replacement

import pytest

from greenroom import races

from .background import ACTIONS, a_tree_that_may_be_cancelled, a_wait_that_may_be_cancelled, meet, meet_crashing


@pytest.mark.parametrize("deliver", ["drain", "mail"])
@pytest.mark.parametrize("pair", list(combinations_with_replacement(ACTIONS, 2)), ids=" meets ".join)
def test_whatever_meets_each_piece_of_work_has_one_outcome_delivered_once(pair: tuple[str, str], deliver: str) -> None:
    found = races.search(meet, pair, deliver, schedules=40)
    assert found is None, str(found)


@pytest.mark.parametrize("deliver", ["drain", "mail"])
def test_and_so_it_has_when_three_meet(deliver: str) -> None:
    for three in [("complete", "wait", "stop"), ("fail", "wait", "crash"), ("cancel", "drain", "wait"), ("stop",) * 3]:
        found = races.search(meet, three, deliver, schedules=100)
        assert found is None, str(found)


# -- a cancellation or a crash at every point


def test_a_wait_that_is_cancelled_at_any_point_loses_no_result() -> None:
    sweep = races.cancel_everywhere(a_wait_that_may_be_cancelled, schedules=20)
    assert sweep.points > 20
    assert not sweep.failures, str(sweep)


def test_a_tree_that_is_cancelled_at_any_point_has_no_work_left() -> None:
    sweep = races.cancel_everywhere(a_tree_that_may_be_cancelled, schedules=10)
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("deliver", ["drain", "mail"])
@pytest.mark.parametrize("actions", [("complete", "wait"), ("cancel", "drain"), ("complete", "stop")])
def test_each_piece_of_work_has_one_outcome_wherever_its_owner_crashes(actions: tuple[str, ...], deliver: str) -> None:
    sweep = races.crash_everywhere(meet_crashing, actions, deliver, schedules=5)
    assert sweep.points
    assert not sweep.failures, str(sweep)
