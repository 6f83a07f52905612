"""The matrix of the promises, explored in three ways: schedules, a cancellation at every point, a crash at every boundary."""

from typing import Final

import pytest

from greenroom import races
from greenroom.races._sweep import Boundary

from . import (
    promises_ends,
    promises_mail,
    promises_outcomes,
    promises_ready,
    promises_start,
    promises_turns,
    promises_waits,
)
from .promise import BOUNDARIES, PROMISES, WITHOUT, Promise

MATRIX: Final = (
    promises_start,
    promises_ready,
    promises_mail,
    promises_waits,
    promises_turns,
    promises_outcomes,
    promises_ends,
)
every_promise = pytest.mark.parametrize("promise", PROMISES, ids=str)


@every_promise
def test_a_promise_holds_under_all_schedules(promise: Promise) -> None:
    found = races.search(promise.scenario, schedules=120)
    assert found is None, str(found)


@every_promise
def test_a_promise_holds_whenever_time_passes(promise: Promise) -> None:
    found = races.search(promise.scenario, schedules=40, time=promise.time, strategy="walk")
    assert found is None, str(found)


@every_promise
def test_a_promise_holds_whatever_is_cancelled(promise: Promise) -> None:
    sweep = races.cancel_everywhere(promise.scenario, schedules=3)
    assert sweep.points >= 3
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@every_promise
def test_a_promise_holds_whatever_crashes(promise: Promise, at: Boundary) -> None:
    sweep = races.crash_everywhere(promise.scenario, at=at, schedules=3)
    assert not sweep.failures, str(sweep)


def test_each_promise_that_is_about_order_has_its_scenario() -> None:
    numbers = {promise.number for promise in PROMISES}
    assert numbers | set(WITHOUT) == {f"P{number}" for number in range(1, 31)}
    assert not numbers & set(WITHOUT)
