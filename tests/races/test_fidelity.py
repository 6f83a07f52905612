"""A search that keeps to what the Trio of today may do: it comes to just the orders that Trio shows, and to no other."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import races
from greenroom.races import Schedule, Sim
from greenroom.races._bounded import Bounded
from greenroom.races._decider import Follow, Walk
from greenroom.races._run import run_once
from greenroom.races._terms import Terms
from greenroom.races.catalogue import CATALOGUE

from .programs import draw_program
from .test_choices import mail_for_three
from .test_order import notes_of, two_by_two, under_trio, woken

each_backend = pytest.mark.parametrize("backend", ["gate", "hook"])
every_bug = pytest.mark.parametrize("bug", CATALOGUE, ids=[bug.name for bug in CATALOGUE])


def outcome(value: Any, error: BaseException | None) -> str:
    if error is None:
        return " ".join(value)
    inner: tuple[Any, ...] = getattr(error, "exceptions", ())
    return f"{type(error).__name__} {sorted(outcome(None, each) for each in inner)}"


def all_ways(scenario: Any, backend: Any = "hook") -> set[str]:
    """Return what comes of a scenario under all schedules that there are, each of which is said to be one that Trio may take."""
    ways: set[str] = set()
    bounded = Bounded()
    for deviations in bounded.up_to(None):
        result = run_once(
            scenario, (), Follow(deviations), Terms(2_000, backend=backend, takes_notes=True, fidelity="trio")
        )
        bounded.learn(deviations, result)
        assert not notes_of(result).departure
        ways.add(outcome(result.value, result.error))
    return ways


def ways_of_trio(scenario: Any, runs: int) -> set[str]:
    """Return what comes of it where Trio decides."""
    ways: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", False)  # pytest-trio sets it, for Hypothesis
        for _ in range(runs):
            try:
                value = trio.run(scenario, None, clock=trio.testing.MockClock(autojump_threshold=0))
                ways.add(outcome(value, None))
            except BaseException as error:  # noqa: BLE001 -- an end like others
                ways.add(outcome(None, error))
    return ways


@each_backend
def test_three_tasks_with_two_steps_each_go_the_4_ways_that_trio_has(backend: Any) -> None:
    ways = all_ways(two_by_two, backend)
    assert {way.replace(" ", "") for way in ways} == under_trio(two_by_two)
    assert len(ways) == 4


#: Drawn programs with 2 to 16 ways, so that Trio shows all of them soon.
DRAWN = (15, 18, 36, 41, 43, 52, 55)


@pytest.mark.parametrize("seed", DRAWN)
def test_drawn_programs_go_just_the_ways_that_trio_has(seed: int) -> None:
    program = draw_program(seed)
    ways = all_ways(program)
    assert ways == all_ways(program, "gate") == ways_of_trio(program, 250)
    assert 2 <= len(ways) <= 16


async def woken_one_by_one(sim: Sim | None) -> list[str]:
    """One step wakes three, one after the other: Trio has them in that order, or the other way round."""
    steps: list[str] = []
    events = [trio.Event() for _ in range(3)]

    async def wait(number: int) -> None:
        await events[number].wait()
        steps.append("abc"[number])

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(wait, number)
        await trio.testing.wait_all_tasks_blocked()
        for number in (2, 0, 1):
            events[number].set()
    return steps


@each_backend
def test_what_one_step_wakes_one_by_one_keeps_its_order_and_what_it_wakes_as_a_set_has_none(backend: Any) -> None:
    assert all_ways(woken_one_by_one, backend) == {"b a c", "c a b"} == ways_of_trio(woken_one_by_one, 100)
    assert len(all_ways(woken, backend)) == 6


async def all_blocked(sim: Sim | None) -> list[str]:
    steps: list[str] = []

    async def wait(name: str) -> None:
        await trio.testing.wait_all_tasks_blocked()
        steps.append(name)

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(wait, name)
    return steps


@each_backend
def test_those_that_wait_for_all_others_to_block_have_no_order(backend: Any) -> None:
    assert len(all_ways(all_blocked, backend)) == 6


async def in_no_time(sim: Sim | None) -> list[str]:
    """A deadline that is moved to now, in the middle of a batch: whoever sets the event in the same batch is faster."""
    steps: list[str] = []
    event, scope = trio.Event(), trio.CancelScope()

    async def wait() -> None:
        with scope:
            await event.wait()
        steps.append("late" if scope.cancelled_caught else "heard")

    async def hurry() -> None:
        scope.deadline = trio.current_time()

    async def set_() -> None:
        event.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(hurry)
        nursery.start_soon(set_)
    return steps


@each_backend
def test_no_timer_fires_in_the_middle_of_a_batch(backend: Any) -> None:
    assert all_ways(in_no_time, backend) == {"heard"} == ways_of_trio(in_no_time, 50)
    at_once = races.run(in_no_time, backend=backend)
    assert at_once.value == ["late"]
    assert notes_of(at_once).departure == "step 4: a timer fires before 3:set_, which was ready, has gone"


async def two_beside_a_timer(sim: Sim) -> list[str]:
    seen: list[str] = []

    async def sleeper() -> None:
        await trio.sleep(1)
        seen.append("woken")

    async def worker() -> None:
        for _ in range(2):
            await trio.lowlevel.checkpoint()
            seen.append("step")

    async with trio.open_nursery() as nursery:
        for task in (sleeper, worker, worker):
            nursery.start_soon(task)
    return seen


@each_backend
def test_time_that_is_a_choice_passes_between_two_batches_only(backend: Any) -> None:
    between: set[int] = set()
    for seed in range(30):
        result = run_once(
            two_beside_a_timer, (), Walk(seed), Terms(time="choice", backend=backend, takes_notes=True, fidelity="trio")
        )
        assert not notes_of(result).departure
        between.add(result.value.index("woken"))
        assert (
            races.run(two_beside_a_timer, schedule=result.schedule.token, backend=backend).fingerprint
            == result.fingerprint
        )
    assert between == {0, 2, 4}
    amid = [run_once(two_beside_a_timer, (), Walk(seed), Terms(time="choice", takes_notes=True)) for seed in range(30)]
    assert any("a timer fires before" in notes_of(each).departure for each in amid)


@every_bug
def test_whatever_is_found_is_something_that_trio_may_come_to(bug: Any) -> None:
    survey = races.survey(bug.broken, schedules=120, fidelity="trio")
    assert "only orders that today's Trio may take" in survey.summary()
    if survey.found is not None:
        assert not notes_of(survey.found.result).departure
        assert survey.found.token.startswith("r1b:")
        assert "today's Trio may take this order" in str(survey.found)
        again = races.run(bug.broken, schedule=survey.found.token)
        assert (again.fingerprint, again.fidelity) == (survey.found.result.fingerprint, "trio")


#: Those of the catalogue that Trio itself comes to.
WITHIN_BATCHES = {
    "check_then_insert", "interrupt_loses_mail", "status_before_payload", "read_modify_write", "two_messages_for_one_change",
}  # fmt: skip


def test_what_is_found_within_batches_is_what_trio_shows_and_the_others_it_does_not() -> None:
    by_name = {bug.name: bug for bug in CATALOGUE}

    def fails(scenario: Callable[..., Any]) -> bool:
        return any("Group" in way or "Error" in way for way in ways_of_trio(returning_nothing(scenario), 60))

    for name in (*sorted(WITHIN_BATCHES), "stale_cleanup", "double_start", "woken_but_late", "three_way_needle"):
        survey = races.survey(by_name[name].broken, schedules=400, fidelity="trio")
        assert (survey.found is not None) == fails(by_name[name].broken) == (name in WITHIN_BATCHES), name


def returning_nothing(scenario: Callable[..., Any]) -> Any:
    async def main(sim: Any) -> list[str]:
        with trio.fail_after(1_000):  # else a deadlock would be one
            await scenario(sim)
        return []

    return main


def test_all_that_there_are_are_those_that_trio_may_take() -> None:
    """A lock that two take in opposite orders needs one task to go twice while the other is ready."""
    by_name = {bug.name: bug for bug in CATALOGUE}
    survey = races.survey(by_name["lock_order"].broken, strategy="bounded", fidelity="trio")
    assert (survey.found, survey.schedules, survey.covered) == (None, 16, float("inf"))
    assert races.search(by_name["lock_order"].broken) is not None


def test_shrinking_keeps_to_it_too() -> None:
    """The order is that of a batch forwards, after one backwards: who goes first of each says all."""

    async def scenario(sim: Sim) -> None:
        order = await two_by_two(sim)
        assert order != list("cbaabc")

    found = races.search(scenario, fidelity="trio")
    assert found is not None
    assert found.is_least
    assert not notes_of(found.result).departure
    assert len(found.result.schedule.deviations) == 2
    assert len(found.result.choices) == 3  # within a batch that has begun there is none


def test_the_default_goes_forwards() -> None:
    result = races.run(woken_one_by_one, fidelity="trio")
    assert result.value == ["c", "a", "b"]


def test_what_the_runtime_chooses_is_as_it_is_without_a_schedule() -> None:
    result = races.run(mail_for_three, fidelity="trio")
    assert (result.verdict, {choice.kind for choice in result.choices}) == ("passed", {"task"})
    assert "run" in {choice.kind for choice in races.run(mail_for_three).choices}


def test_a_token_of_the_one_is_none_of_the_other() -> None:
    result = races.run(two_by_two, schedule=Schedule({0: 1}, fidelity="trio"))
    token = result.schedule.token
    assert token.startswith("r1b:0.1:")
    assert Schedule.from_token(token) == result.schedule
    with pytest.raises(races.ProgramChanged):
        races.run(two_by_two, schedule=token.replace("r1b", "r1"))
    plain = races.run(two_by_two, schedule=Schedule({0: 1})).schedule.token
    with pytest.raises(races.ProgramChanged):
        races.run(two_by_two, schedule=plain.replace("r1", "r1b"))
    quiet = races.run(no_choice).schedule.token
    with pytest.raises(races.ProgramChanged):
        races.run(no_choice, schedule=quiet.replace("r1", "r1b"))


async def no_choice(sim: Sim) -> None: ...


@pytest.mark.parametrize("wrong", ["Trio", "", None, True, 1, "batch", "asyncio", ["trio"], b"trio", object])
def test_what_is_no_fidelity_is_refused(wrong: Any) -> None:
    for go in (races.run, races.check, races.search, races.survey):
        with pytest.raises(ValueError, match=r"fidelity is .*; give 'all' or 'trio'"):
            go(no_choice, fidelity=wrong)
    with pytest.raises(ValueError, match=r"fidelity is .*; give 'all' or 'trio'"):
        races.explore(fidelity=wrong)(no_choice)()
    with pytest.raises(ValueError, match=r"Schedule: fidelity is .*; give 'all' or 'trio'"):
        Schedule(fidelity=wrong)


def test_an_explored_test_keeps_to_it() -> None:
    by_name = {bug.name: bug for bug in CATALOGUE}

    async def lock_order(sim: Sim) -> None:
        await by_name["lock_order"].broken(sim)

    races.explore(schedules=100, fidelity="trio")(lock_order)()
    with pytest.raises(races.RaceFound):
        races.explore(schedules=100)(lock_order)()
