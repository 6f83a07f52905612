"""A fan-out under explored schedules, with a cancellation and a crash at every point."""

import pytest

from greenroom import races
from greenroom.races._sweep import Boundary

from .fan_out import a_fan_out_that_is_meddled_with
from .promise import BOUNDARIES


def test_each_call_has_one_result_and_each_child_one_outcome_under_all_schedules() -> None:
    found = races.search(a_fan_out_that_is_meddled_with, schedules=150)
    assert found is None, str(found)


@pytest.mark.parametrize("scope", ["victim", "reader"])
def test_and_so_they_have_whatever_is_cancelled(scope: str) -> None:
    sweep = races.cancel_everywhere(a_fan_out_that_is_meddled_with, scope=scope, schedules=3)
    assert sweep.points
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
def test_and_so_they_have_whatever_crashes(at: Boundary) -> None:
    sweep = races.crash_everywhere(a_fan_out_that_is_meddled_with, at=at, schedules=3)
    assert not sweep.failures, str(sweep)
