"""Searching: what is there is found, shrunk, and replayed to the letter; what is not there is not found."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Schedule, Sim
from greenroom.races._decider import Batches, Decider, Follow, Lottery, Priorities, Speeds, Walk
from greenroom.races._run import run_once

from .scenarios import BUGS, TWINS, check_then_insert, lost_wakeup

Scenario = Callable[[Sim], Awaitable[None]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("scenario", "verdict"), BUGS)
def test_each_bug_is_found_shrunk_and_replayed(scenario: Scenario, verdict: str) -> None:
    found = races.search(scenario)
    assert found is not None
    assert found.result.verdict == verdict
    assert len(found.result.schedule.deviations) <= len(found.first.schedule.deviations)
    again = races.run(scenario, schedule=found.token)
    assert again.choices == found.result.choices
    assert (again.verdict, again.steps, again.fingerprint) == (
        found.result.verdict,
        found.result.steps,
        found.result.fingerprint,
    )


@pytest.mark.parametrize("scenario", TWINS)
def test_nothing_is_found_in_a_twin(scenario: Scenario) -> None:
    assert races.search(scenario, schedules=300) is None


@pytest.mark.parametrize(
    "make",
    [Walk, Speeds, Lottery, Batches, partial(Priorities, depth=2, length=12), partial(Priorities, depth=3, length=12)],
    ids=["walk", "speeds", "lottery", "batches", "priorities-2", "priorities-3"],
)
def test_each_strategy_alone_finds_a_lost_wakeup_and_goes_many_ways(make: Callable[[int], Decider]) -> None:
    results = [run_once(lost_wakeup, (), make(seed)) for seed in range(200)]
    assert any(result.verdict == "deadlock" for result in results)
    assert len({result.fingerprint for result in results}) >= 10
    assert [result.fingerprint for result in results] == [
        run_once(lost_wakeup, (), make(seed)).fingerprint for seed in range(200)
    ]


def test_a_shrunk_schedule_has_no_deviation_that_could_be_spared() -> None:
    found = races.search(lost_wakeup)
    assert found is not None
    deviations = dict(found.result.schedule.deviations)
    assert deviations
    for at in deviations:
        fewer = {other: index for other, index in deviations.items() if other != at}
        assert run_once(lost_wakeup, (), Follow(fewer)).verdict == "passed"


def test_the_same_seed_finds_the_same_failure() -> None:
    tokens = {races.search(lost_wakeup, seed=3).token for _ in range(3)}  # type: ignore[union-attr]  # it finds one
    assert len(tokens) == 1


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_a_token_leads_to_the_same_run_in_another_process(hash_seed: str) -> None:
    found = races.search(lost_wakeup)
    assert found is not None
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from races.scenarios import lost_wakeup\nfrom greenroom import races\n"
        f"result = races.run(lost_wakeup, schedule={found.token!r})\n"
        "print(result.fingerprint, *result.choices, sep='\\n')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [found.result.fingerprint, *map(str, found.result.choices)]


def test_what_is_found_is_told_so_that_it_can_be_read_and_seen_again() -> None:
    found = races.search(check_then_insert)
    assert found is not None
    lines = str(found).splitlines()
    assert lines[0].startswith("failed: AssertionError")
    assert lines[1].startswith(f"found in schedule {found.schedules} of 500 (strategy portfolio, seed 0; here ")
    assert lines[-1] == f"to see it again: races.run(scenario, schedule={found.token!r})"
    assert any("task 1:register of 1:register, 2:register" in line for line in lines)


def test_a_scenario_that_something_else_decides_is_refused() -> None:
    runs = 0

    async def fickle(sim: Sim) -> None:
        nonlocal runs
        runs += 1
        for _ in range(runs):
            await trio.lowlevel.checkpoint()
        assert runs != 1

    with pytest.raises(races.ProgramChanged, match="ended in another way: first failed after 2 steps, then passed"):
        races.search(fickle)


def test_a_changed_program_is_told_from_the_one_of_the_token() -> None:
    found = races.search(lost_wakeup)
    assert found is not None

    async def other(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()

    with pytest.raises(races.ProgramChanged, match=r"the schedule has a choice .* and the run has 0 choices"):
        races.run(other, schedule=found.token)
    elsewhere = races.Schedule(found.result.schedule.deviations, "00000000").token
    with pytest.raises(races.ProgramChanged, match="was taken from 00000000"):
        races.run(lost_wakeup, schedule=elsewhere)
    with pytest.raises(races.ProgramChanged, match="choice 0 takes number 9 of those that are ready, and there are"):
        races.run(lost_wakeup, schedule="r1:0.9:00000000")


def test_a_run_that_does_not_end_is_a_livelock() -> None:
    async def endless(sim: Sim) -> None:
        async def spin() -> None:
            while True:
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(spin)
            nursery.start_soon(spin)

    result = races.run(endless, max_steps=500)
    assert (result.verdict, result.steps) == ("livelock", 500)
    assert "after 500 steps it had not ended" in str(result.error)


def test_one_task_that_does_not_end_is_a_livelock_too() -> None:
    async def endless(sim: Sim) -> None:
        while True:
            await trio.lowlevel.checkpoint()

    assert races.run(endless, max_steps=500).verdict == "livelock"


async def waits_for_time(sim: Sim) -> float:
    await trio.sleep(3600)
    return trio.current_time()


async def waits_for_a_thread(sim: Sim) -> Any:
    return await trio.to_thread.run_sync(lambda: "done")


def test_time_that_passes_and_threads_that_work_are_no_deadlock() -> None:
    result = races.run(waits_for_time)
    assert (result.verdict, result.value) == ("passed", 3600)
    assert races.run(waits_for_a_thread).value == "done"


def test_waiting_for_nothing_is_a_deadlock_in_that_very_step() -> None:
    async def stuck(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        await trio.Event().wait()

    result = races.run(stuck)
    assert result.verdict == "deadlock"
    assert result.steps == 2


def test_data_are_chosen_explored_and_replayed() -> None:
    async def scenario(sim: Sim) -> None:
        assert (sim.choose("abc"), sim.choose([1, 2])) != ("c", 2)
        assert sim.choose(["only"]) == "only"

    found = races.search(scenario)
    assert found is not None
    assert dict(found.result.schedule.deviations) == {0: 2, 1: 1}
    with pytest.raises(AssertionError):
        raise races.run(scenario, schedule=found.token).error or ValueError


def test_options_without_a_text_of_their_own_have_the_same_token_wherever_they_lie() -> None:
    async def scenario(sim: Sim) -> None:
        options = [object(), lambda: None, [object()]]
        assert sim.choose(options) is options[0]

    token = races.run(scenario, schedule=Schedule({0: 1})).schedule.token
    kept = [object() for _ in range(1_000)]
    assert races.run(scenario, schedule=token).schedule.token == token
    assert kept


def test_choosing_from_nothing_is_refused() -> None:
    async def scenario(sim: Sim) -> None:
        sim.choose([])

    assert "there are no options" in str(races.run(scenario).error)


@pytest.mark.parametrize("number", [0, -3])
def test_numbers_below_one_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"schedules is {number}"):
        races.search(lost_wakeup, schedules=number)
    with pytest.raises(ValueError, match=f"max_steps is {number}"):
        races.search(lost_wakeup, max_steps=number)


def test_ctrl_c_and_exits_of_a_scenario_are_not_taken_for_its_failure() -> None:
    async def leaves(sim: Sim) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        races.run(leaves)


@pytest.mark.parametrize(
    "make",
    [Walk, Speeds, Lottery, Batches, partial(Priorities, depth=2, length=6)],
    ids=["walk", "speeds", "lottery", "batches", "priorities"],
)
def test_data_are_drawn_evenly_by_every_strategy(make: Callable[[int], Decider]) -> None:
    async def scenario(sim: Sim) -> tuple[str, ...]:
        return tuple(sim.choose("abc") for _ in range(6))

    values = {run_once(scenario, (), make(seed)).value for seed in range(300)}
    assert len(values) > 200


def test_a_run_that_goes_the_same_way_to_another_error_is_not_the_same() -> None:
    errors: list[type[Exception]] = [ValueError]

    async def fails(sim: Sim) -> None:
        raise errors[0]

    token = races.run(fails).schedule.token
    assert races.run(fails, schedule=token).failed
    errors[0] = KeyError
    with pytest.raises(races.ProgramChanged, match="the program changed: the schedule leads to a run"):
        races.run(fails, schedule=token)
