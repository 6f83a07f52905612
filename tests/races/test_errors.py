"""on_error, watchdog and stash under control of each step: whatever else happens, mail is handled once, and each asker has one outcome."""

from typing import Any

import pytest

from greenroom import races

from .errors import SCENARIOS
from .promise import BOUNDARIES

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)


@every_scenario
def test_whatever_happens_at_the_same_time(scenario: Any) -> None:
    found = races.search(scenario, schedules=300)
    assert found is None, str(found)


@every_scenario
def test_whenever_time_passes(scenario: Any) -> None:
    found = races.search(scenario, schedules=100, time="choice", strategy="walk")
    assert found is None, str(found)


@every_scenario
def test_whatever_is_cancelled(scenario: Any) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=5)
    assert sweep.points >= 1
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@every_scenario
def test_whatever_crashes(scenario: Any, at: Any) -> None:
    sweep = races.crash_everywhere(scenario, at=at, schedules=5)
    assert not sweep.failures, str(sweep)
