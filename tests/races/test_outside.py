"""What comes from outside, or by Trio's own queue, is no deadlock; what is for whoever runs a scenario is not its failure."""

import _thread
import cProfile
import gc
import os
import signal
import sys
import threading
import time
import unittest
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio

from greenroom import open_supervisor, races
from greenroom.races import Sim

#: By what pytest is told to leave a test without a failure; none of the tests here is left.
LEFT_BY = ("skip", "xfail", "exit")


async def handed_to_itself(sim: Sim) -> None:
    event = trio.Event()
    trio.lowlevel.current_trio_token().run_sync_soon(event.set)
    await event.wait()


async def finalized_by_the_collector(sim: Sim) -> None:
    event = trio.Event()

    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            event.set()

    generator = numbers()
    await generator.__anext__()
    del generator
    await event.wait()


async def signalled(sim: Sim) -> None:
    with trio.open_signal_receiver(signal.SIGUSR1) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        async for _ in signals:
            break


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("backend", ["hook", "gate"])
@pytest.mark.parametrize("scenario", [handed_to_itself, finalized_by_the_collector, signalled])
def test_what_trio_has_been_handed_is_no_deadlock(scenario: Any, backend: Any) -> None:
    survey = races.survey(scenario, schedules=20, backend=backend)
    assert survey.found is None, str(survey)


@pytest.mark.parametrize("backend", ["hook", "gate"])
def test_threads_that_nobody_told_of_may_still_hand_something_in(backend: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()

        async def by_pool(sim: Sim) -> None:
            token, event = trio.lowlevel.current_trio_token(), trio.Event()
            pool.submit(lambda: token.run_sync_soon(event.set))
            await event.wait()

        async def by_bare_thread(sim: Sim) -> None:
            token, event = trio.lowlevel.current_trio_token(), trio.Event()
            _thread.start_new_thread(token.run_sync_soon, (event.set,))
            await event.wait()

        for scenario in (by_pool, by_bare_thread):
            survey = races.survey(scenario, schedules=5, backend=backend)
            assert survey.found is None, str(survey)


def test_a_deadlock_beside_an_idle_pool_is_one() -> None:
    async def stuck(sim: Sim) -> None:
        await trio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        assert races.run(stuck).verdict == "deadlock"


async def busy(sim: Sim) -> None:
    async def work() -> None:
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            pass
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(work)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # of Trio's set-up, if it lands there
@pytest.mark.parametrize("mode", ["shared", "isolated"])
def test_ctrl_c_ends_a_search_as_itself_wherever_it_lands(mode: Any) -> None:
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            races.survey(busy, schedules=1_000_000, mode=mode)
    finally:
        timer.join()
    assert type(caught.value) is KeyboardInterrupt
    del caught
    gc.collect()


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("deep", [False, True])
def test_an_exit_leaves_a_search_as_itself(leaving: type[BaseException], deep: bool) -> None:
    async def scenario(sim: Sim) -> None:
        async def leave() -> None:
            raise leaving

        async with trio.open_nursery() as nursery:
            if deep:
                nursery.start_soon(leave)
            else:
                await leave()

    with pytest.raises(leaving):
        races.search(scenario)


@pytest.mark.parametrize("where", ["scenario", "task", "tree"])
@pytest.mark.parametrize("leaving", [getattr(pytest, name).Exception for name in LEFT_BY] + [unittest.SkipTest])
def test_what_a_test_is_left_by_is_no_failure(leaving: type[BaseException], where: str) -> None:
    """What the scenario raises has to come out of the search as it is."""

    async def leave() -> None:
        await trio.lowlevel.checkpoint()
        raise leaving("not here")

    async def scenario(sim: Sim) -> None:
        if where == "tree":
            async with open_supervisor("stage"):
                await leave()
        elif where == "task":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leave)
        else:
            await leave()

    with pytest.raises(leaving, match="not here") as caught:
        races.search(scenario)
    assert type(caught.value) is leaving


@pytest.mark.parametrize("base", [Exception, BaseException])
@pytest.mark.parametrize("name", ["Skipped", "XFailed", "Exit", "SkipTest"])
def test_a_failure_that_has_the_name_of_what_a_test_is_left_by_is_a_failure(
    name: str, base: type[BaseException]
) -> None:
    own = type(name, (base,), {"__module__": __name__})

    async def scenario(sim: Sim) -> None:
        raise own

    assert isinstance(races.run(scenario).error, own)


def test_a_cancellation_that_nobody_asked_for_is_a_failure() -> None:
    async def stray(sim: Sim) -> None:
        kept: list[BaseException] = []
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                kept.append(error)
        raise kept[0]

    assert races.run(stray).verdict == "failed"


VARIABLE: trio.lowlevel.RunVar[bool] = trio.lowlevel.RunVar("is set up", default=False)


def test_each_schedule_finds_the_variables_of_a_fresh_run() -> None:
    async def first_in_its_run(sim: Sim) -> None:
        number = sim.choose([0, 1, 2])
        assert VARIABLE.get() or number != 2
        VARIABLE.set(True)

    async def limited(sim: Sim) -> None:
        limiter = trio.to_thread.current_default_thread_limiter()
        number = sim.choose([0, 1, 2])
        assert limiter.total_tokens != 40 or number != 2
        limiter.total_tokens = 5

    for scenario in (first_in_its_run, limited):
        found = races.search(scenario, strategy="bounded")
        assert found is not None
        assert found.schedules == 3


def test_tasks_and_options_without_a_name_have_the_same_one_in_each_run() -> None:
    class Works:
        async def __call__(self) -> None:
            await trio.lowlevel.checkpoint()

    async def scenario(sim: Sim) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Works())
            nursery.start_soon(Works())
        assert sim.choose([Works(), Works()]) is not None
        assert not sim.choose([0, 1])

    found = races.search(scenario)
    assert found is not None
    assert "Works object>" in str(found.result.choices)
    assert " at 0x" not in str(found.result.choices)


def test_a_profiler_goes_on_after_notes_have_been_taken() -> None:
    async def fails(sim: Sim) -> None:
        assert sim.steps < 0

    profile = cProfile.Profile()
    profile.enable()
    try:
        assert races.search(fails) is not None
        now: Any = sys.getprofile()
        assert sys.version_info >= (3, 12) or now is profile
    finally:
        profile.disable()


def test_the_story_ends_with_the_deadlock() -> None:
    from greenroom import open_supervisor

    async def stuck(sim: Sim) -> None:
        async with open_supervisor("stage"):
            await trio.Event().wait()

    result = races.run(stuck)
    assert result.verdict == "deadlock"
    assert result.notes is not None
    assert not [line for _, line in result.notes.story if "stop" in line or "end" in line]


def test_a_loop_of_choices_is_a_livelock() -> None:
    async def endless(sim: Sim) -> None:
        while True:
            sim.choose([1, 2])

    result = races.run(endless, max_steps=100)
    assert (result.verdict, len(result.choices)) == ("livelock", 1_000)


def test_all_that_there_are_is_noticed_by_any_strategy() -> None:
    async def scenario(sim: Sim) -> None:
        async def work() -> None:
            await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            nursery.start_soon(work)

    for strategy in ("portfolio", "walk", "bounded"):
        survey = races.survey(scenario, strategy=strategy)
        assert (survey.distinct, survey.covered) == (6, float("inf")), strategy
        assert survey.schedules < 200


def test_many_that_could_go_are_told_in_short_lines() -> None:
    async def scenario(sim: Sim) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(trio.lowlevel.checkpoint)
        assert sim.steps < 0

    found = races.search(scenario)
    assert max(map(len, str(found).splitlines())) < 500
    assert "more  " in str(found)
