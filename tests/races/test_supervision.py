"""Supervision under control of each step: whatever happens at once, all come to rest, in order, and nothing of a tree is left."""

from typing import Any

import pytest

from greenroom import races

from .promise import BOUNDARIES
from .supervision import SCENARIOS

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)


@every_scenario
def test_whatever_happens_at_the_same_time(scenario: Any) -> None:
    found = races.search(scenario, schedules=150)
    assert found is None, str(found)


@every_scenario
def test_whenever_time_passes(scenario: Any) -> None:
    found = races.search(scenario, schedules=40, time="choice", strategy="walk")
    assert found is None, str(found)


@every_scenario
def test_whatever_is_cancelled(scenario: Any) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=2)
    assert sweep.points >= 1
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@every_scenario
def test_whatever_crashes(scenario: Any, at: Any) -> None:
    sweep = races.crash_everywhere(scenario, at=at, schedules=2)
    assert not sweep.failures, str(sweep)
