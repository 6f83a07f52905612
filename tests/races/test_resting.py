"""Rest under control of each step: whatever races it, mail is handled once, no incarnations overlap, and no place is lost."""

from functools import partial
from typing import Any

import pytest
import trio

from greenroom import open_supervisor, races
from greenroom.races import Sim

from .promise import BOUNDARIES
from .resting import PAIRS, Books, Sleeper, a_place_comes_back, crowd, race

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


@pytest.mark.parametrize("scenario", [crowd, a_place_comes_back])
def test_some_agents_share_their_places(scenario: Any) -> None:
    found = races.search(scenario, schedules=60)
    assert found is None, str(found)
    sweep = races.cancel_everywhere(scenario, schedules=1)
    assert not sweep.failures, str(sweep)


@pytest.mark.parametrize("at", BOUNDARIES)
@pytest.mark.parametrize("scenario", [crowd, a_place_comes_back])
def test_some_agents_share_their_places_whatever_crashes(scenario: Any, at: Any) -> None:
    sweep = races.crash_everywhere(scenario, at=at, schedules=1)
    assert not sweep.failures, str(sweep)


async def stuck(sim: Sim, rest_after: float | None) -> None:
    async with open_supervisor("stage") as root:
        root.start_soon(Sleeper, Books(), rest_after=rest_after)
        await trio.lowlevel.checkpoint()
        await trio.Event().wait()


def test_a_deadlock_is_reported_though_an_agent_is_to_rest() -> None:
    with_it, without = races.run(stuck, 5.0), races.run(stuck, None)
    assert with_it.verdict == without.verdict == "deadlock"
    assert with_it.steps == without.steps
    assert str(with_it.error) == str(without.error)
