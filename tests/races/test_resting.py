"""Rest under control of each step: whatever races it, mail is handled once, no incarnations overlap, and no place is lost."""

from functools import partial
from typing import Any

import pytest

from greenroom import races

from .promise import BOUNDARIES
from .resting import PAIRS, crowd, race

#: In `make soak` all pairs go on for longer; here each has a few schedules.
both = pytest.mark.parametrize("asleep", [False, True], ids=["idle", "asleep"])


@both
def test_whatever_races_a_rest_mail_is_handled_once_and_no_incarnations_overlap(asleep: bool) -> None:
    for pair in PAIRS:
        found = races.search(partial(race, asleep=asleep), pair, schedules=3)
        assert found is None, f"{pair}\n{found}"


@both
def test_whatever_is_cancelled(asleep: bool) -> None:
    for pair in (("ask", "rest"), ("turn", "rest"), ("stop", "rest"), ("ready", "rest"), ("admission", "tell")):
        sweep = races.cancel_everywhere(partial(race, asleep=asleep), pair, schedules=1)
        assert not sweep.failures, f"{pair}\n{sweep}"


@pytest.mark.parametrize("at", BOUNDARIES)
def test_whatever_crashes(at: Any) -> None:
    for pair in (("rest", "tell"), ("rest", "ask"), ("idle", "tell"), ("admission", "tell"), ("drain", "tell")):
        sweep = races.crash_everywhere(partial(race, asleep=at == "startup"), pair, at=at, schedules=1)
        assert not sweep.failures, f"{pair}\n{sweep}"


def test_a_crowd_shares_its_places() -> None:
    found = races.search(crowd, schedules=60)
    assert found is None, str(found)
    sweep = races.cancel_everywhere(crowd, schedules=1)
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
def test_a_crowd_shares_its_places_whatever_crashes(at: Any) -> None:
    sweep = races.crash_everywhere(crowd, at=at, schedules=1)
    assert not sweep.failures, str(sweep)
