"""Several processes find what one finds."""

import os
from time import sleep
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Sim
from greenroom.races.catalogue import CATALOGUE

from .scenarios import kept_wakeup, lost_wakeup

BUGS = {bug.name: bug for bug in CATALOGUE}


@pytest.mark.parametrize("name", ["lost_wakeup", "double_start", "woken_for_another", "stale_ready"])
def test_two_processes_find_the_same_failure_as_one(name: str) -> None:
    alone, together = (races.search(BUGS[name].broken, schedules=1_000, seed=3, workers=workers) for workers in (1, 2))
    assert alone is not None
    assert together is not None
    assert (together.schedules, together.token) == (alone.schedules, alone.token)


def test_the_failure_with_the_lowest_number_counts_though_another_was_there_first() -> None:
    slow: list[str] = []

    async def scenario(sim: Sim) -> None:
        drawn = [sim.choose("ab") for _ in range(5)]
        if drawn == slow:
            sleep(0.5)  # noqa: ASYNC251 -- real time: the other process is to be first
        assert drawn.count("b") < 2

    alone = races.search(scenario)
    assert alone is not None
    slow += ["ab"[alone.first.schedule.deviations.get(at, 0)] for at in range(5)]
    found = races.search(scenario, workers=2)
    assert found is not None
    assert (found.schedules, found.first.schedule) == (alone.schedules, alone.first.schedule)


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert races.search(kept_wakeup, schedules=200, workers=3) is None


def test_a_scenario_that_ends_its_process_is_told() -> None:
    async def leaves(sim: Sim) -> None:
        os._exit(3)

    with pytest.raises(RuntimeError, match="process 0 ended without a word; the scenario may have ended it"):
        races.search(leaves, workers=2)


def test_what_only_one_process_sees_is_no_race() -> None:
    parent = os.getpid()

    async def fickle(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        assert os.getpid() == parent

    with pytest.raises(races.ProgramChanged, match="schedule 1 failed in one process, and passes in another"):
        races.search(fickle, workers=2, schedules=10)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"workers": 0}, "workers is 0; give a number from 1"),
        ({"workers": True}, "workers is True"),
        ({"workers": "2"}, "workers is '2'"),
        ({"workers": 2, "mode": "isolated"}, "with mode='isolated' or strategy='bounded' there is one"),
        ({"workers": 2, "strategy": "bounded"}, "there is one"),
    ],
)
def test_numbers_of_workers_that_cannot_be_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        races.search(lost_wakeup, **options)
