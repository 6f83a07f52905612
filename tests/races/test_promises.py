"""The matrix of the promises, explored in three ways: schedules, a cancellation at every point, a crash at every boundary."""

import pytest

from greenroom.races._sweep import Boundary

from .exploration import Exploration
from .matrix import PROMISES
from .promise import BOUNDARIES, WITHOUT, Promise

EXPLORATION = Exploration(schedules=120, timed=40, walks=3, points=3)
every_promise = pytest.mark.parametrize("promise", PROMISES, ids=str)


@every_promise
def test_a_promise_holds_under_all_schedules(promise: Promise) -> None:
    EXPLORATION.under_all_schedules(promise.scenario)


@every_promise
def test_a_promise_holds_whenever_time_passes(promise: Promise) -> None:
    EXPLORATION.whenever_time_passes(promise.scenario, promise.time)


@every_promise
def test_a_promise_holds_whatever_is_cancelled(promise: Promise) -> None:
    EXPLORATION.whatever_is_cancelled(promise.scenario)


@pytest.mark.parametrize("at", BOUNDARIES)
@every_promise
def test_a_promise_holds_whatever_crashes(promise: Promise, at: Boundary) -> None:
    EXPLORATION.whatever_crashes(promise.scenario, at)


def test_each_promise_that_is_about_order_has_its_scenario() -> None:
    numbers = {promise.number for promise in PROMISES}
    assert numbers | set(WITHOUT) == {f"P{number}" for number in range(1, 31)}
    assert not numbers & set(WITHOUT)
