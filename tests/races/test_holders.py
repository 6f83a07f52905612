"""What an actor holds in a task of its own, under explored schedules, with a cancellation and a crash at every point."""

import pytest

from greenroom import races
from greenroom.races._sweep import Boundary

from .holders import a_holder_that_is_meddled_with
from .promise import BOUNDARIES


def test_all_that_it_opens_is_closed_in_order_under_all_schedules() -> None:
    found = races.search(a_holder_that_is_meddled_with, schedules=100)
    assert found is None, str(found)


def test_and_so_it_is_whatever_is_cancelled() -> None:
    sweep = races.cancel_everywhere(a_holder_that_is_meddled_with, schedules=3)
    assert sweep.points
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
def test_and_so_it_is_whatever_crashes(at: Boundary) -> None:
    sweep = races.crash_everywhere(a_holder_that_is_meddled_with, at=at, schedules=3)
    assert not sweep.failures, str(sweep)
