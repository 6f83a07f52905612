"""Runs in runs: what works, and what is refused in words."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Sim

from .scenarios import check_then_insert, kept_wakeup, lost_wakeup


@pytest.mark.parametrize(
    "call",
    [
        lambda: races.run(lost_wakeup),
        lambda: races.check(lost_wakeup),
        lambda: races.search(lost_wakeup),
        lambda: races.cancel_everywhere(lost_wakeup),
        lambda: races.crash_everywhere(lost_wakeup),
        races.explore()(lost_wakeup),
    ],
)
def test_the_kit_within_a_scenario_or_within_trio_is_refused(call: Callable[[], Any]) -> None:
    async def scenario(sim: Sim) -> None:
        call()

    result = races.run(scenario)
    assert type(result.error) is RuntimeError
    assert "called within Trio; each run is a Trio run of its own, so call it from outside" in str(result.error)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="called within Trio"):
            call()

    trio.run(main)


def test_trio_within_a_scenario_is_refused_by_trio() -> None:
    async def scenario(sim: Sim) -> None:
        trio.run(trio.sleep, 0)

    assert str(races.run(scenario).error) == "Attempted to call run() from inside a run()"


def test_asyncio_within_a_scenario_is_a_call_like_any_other() -> None:
    async def inner() -> str:
        await asyncio.sleep(0.01)
        return "done"

    async def scenario(sim: Sim) -> str:
        await trio.lowlevel.checkpoint()
        return asyncio.run(inner())

    assert races.run(scenario).value == "done"


def test_a_scenario_within_asyncio_is_fine() -> None:
    async def main() -> str:
        return races.run(lost_wakeup).verdict

    assert asyncio.run(main()) == races.run(lost_wakeup).verdict


def test_the_command_within_a_scenario_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    from greenroom.console._app import main

    async def scenario(sim: Sim) -> int:
        return main(["race", "tests_of_races:scenario"])

    assert races.run(scenario).value == 2
    assert capsys.readouterr().err.startswith("greenroom: ")


def test_a_search_in_a_thread_of_a_trio_run_finds_the_same() -> None:
    async def main() -> races.Found | None:
        return await trio.to_thread.run_sync(lambda: races.search(lost_wakeup, seed=1))

    there, here = trio.run(main), races.search(lost_wakeup, seed=1)
    assert there is not None
    assert here is not None
    assert there.token == here.token


def test_a_search_in_a_thread_of_a_scenario_finds_the_same() -> None:
    async def scenario(sim: Sim) -> str:
        found = await trio.to_thread.run_sync(lambda: races.search(lost_wakeup, seed=1))
        assert found is not None
        return found.token

    here = races.search(lost_wakeup, seed=1)
    assert here is not None
    assert races.run(scenario, threads="real").value == here.token
    assert "called within Trio" in str(races.run(scenario).error)


def test_searches_in_several_threads_at_once_find_what_each_finds_alone() -> None:
    scenarios = [lost_wakeup, check_then_insert, kept_wakeup, lost_wakeup]
    tokens: dict[int, str | None] = {}

    def work(number: int) -> None:
        found = races.search(scenarios[number], seed=number, schedules=200)
        tokens[number] = None if found is None else found.token

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = dict(tokens)
    for number in range(4):
        work(number)
    assert together == tokens
    assert tokens[2] is None
    assert None not in (tokens[0], tokens[1], tokens[3])
