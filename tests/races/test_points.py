"""The points of a sweep: which there are, and under which schedules."""

from typing import Any

import trio

from greenroom import races
from greenroom.races import Injection, Sim
from greenroom.races._decider import TIME, Follow
from greenroom.races._run import Terms, run_once


async def goes_by_default(sim: Sim) -> None:
    """Fail if two tasks go in another order than they were started in."""
    order: list[int] = []

    async def go(number: int) -> None:
        await trio.lowlevel.checkpoint()
        order.append(number)

    with sim.scope("victim"):
        await trio.lowlevel.checkpoint()
    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(go, number)
    assert order == [0, 1]


def test_the_first_schedule_of_a_sweep_is_the_default_and_the_others_are_drawn() -> None:
    sweeps = [races.cancel_everywhere(goes_by_default, schedules=10, seed=seed) for seed in range(2)]
    failing = [{number for number, _ in sweep.failures} for sweep in sweeps]
    assert all(0 not in numbers and len(numbers) > 2 for numbers in failing)
    tokens = [{result.schedule.token for result in sweep.failures.values()} for sweep in sweeps]
    assert tokens[0] != tokens[1]
    again = races.cancel_everywhere(goes_by_default, schedules=10, seed=1)
    assert {result.schedule.token for result in again.failures.values()} == tokens[1]


def test_a_failure_without_any_cancellation_is_told_too() -> None:
    async def fails(sim: Sim) -> None:
        with sim.scope("victim"):
            await trio.lowlevel.checkpoint()
        raise ValueError

    sweep = races.cancel_everywhere(fails)
    assert (sweep.points, list(sweep.failures)) == (1, [(0, 0), (0, 1)])
    assert sweep.failures[0, 1].injection is None
    assert str(sweep).splitlines()[0] == "1 points tried, 2 failed"


def test_a_name_is_free_again_when_its_scope_is_closed_and_its_steps_go_on() -> None:
    async def twice(sim: Sim) -> None:
        for _ in range(2):
            with sim.scope("victim"):
                for _ in range(3):
                    await trio.lowlevel.checkpoint()

    sweep = races.cancel_everywhere(twice)
    assert (sweep.points, len(sweep.failures)) == (6, 0)


def test_a_step_is_one_point_however_often_time_passes_before_it() -> None:
    async def scenario(sim: Sim) -> int:
        """Return how many steps were taken while the scope was open."""

        async def sleep() -> None:
            for _ in range(3):
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(sleep)
            await trio.sleep(1)
            begun = sim.steps
            with sim.scope("victim"):
                for _ in range(3):
                    await trio.lowlevel.checkpoint()
            return sim.steps - begun

    terms = Terms(time="choice")
    early = [at for at, choice in enumerate(run_once(scenario, (), Follow({}), terms).choices) if TIME in choice.labels]
    assert len(early) > 3
    for at in early:
        labels = run_once(scenario, (), Follow({}), terms).choices[at].labels
        decider = Follow({at: labels.index(TIME)})
        steps = run_once(scenario, (), decider, terms).value
        points = [
            run_once(scenario, (), decider, terms, injection=Injection("cancel", "victim", point)).injection
            for point in range(10)
        ]
        assert len(points) - points.count(None) == steps


def test_one_option_is_no_choice() -> None:
    async def scenario(sim: Sim) -> Any:
        return sim.choose(["only"])

    result = races.run(scenario)
    assert (result.value, result.choices) == ("only", ())
    assert races.check(scenario) == "only"
