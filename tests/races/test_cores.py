"""Several processes find what one finds."""

import multiprocessing
import os
import signal
import threading
import unittest
from collections.abc import Callable
from functools import partial
from time import sleep
from typing import Any
from zlib import crc32

import pytest
import trio

from greenroom import races
from greenroom.races import Found, Sim, _search
from greenroom.races.catalogue import CATALOGUE

from .scenarios import kept_wakeup, lost_wakeup

BUGS = {bug.name: bug for bug in CATALOGUE}


@pytest.mark.parametrize("name", ["lost_wakeup", "double_start", "woken_for_another", "stale_ready"])
def test_two_processes_find_the_same_failure_as_one(name: str) -> None:
    alone, together = (races.search(BUGS[name].broken, schedules=1_000, seed=3, workers=workers) for workers in (1, 2))
    assert alone is not None
    assert together is not None
    assert (together.schedules, together.token) == (alone.schedules, alone.token)


@pytest.mark.parametrize("leaves", [False, True])
def test_the_failure_with_the_lowest_number_counts_though_another_was_there_first(leaves: bool) -> None:
    """So does what leaves the search, if that has it."""
    slow: list[str] = []

    async def scenario(sim: Sim) -> None:
        drawn = [sim.choose("ab") for _ in range(5)]
        if drawn == slow:
            sleep(0.5)  # noqa: ASYNC251 -- real time: the other process is to be first
            if leaves:
                raise SystemExit
        assert drawn.count("b") < 2

    def search(seed: int, workers: int = 1) -> Found:
        found = races.search(scenario, seed=seed, workers=workers)
        assert found is not None
        return found

    # The second process has the odd numbers.
    seed, alone = next((seed, found) for seed in range(20) if (found := search(seed)).schedules % 2)
    slow += ["ab"[alone.first.schedule.deviations.get(at, 0)] for at in range(5)]
    if leaves:
        with pytest.raises(SystemExit):
            search(seed, workers=2)
    else:
        found = search(seed, workers=2)
        assert (found.schedules, found.first.schedule) == (alone.schedules, alone.first.schedule)


def test_nothing_is_found_where_there_is_nothing() -> None:
    assert races.search(kept_wakeup, schedules=200, workers=3) is None


def test_a_scenario_that_ends_its_process_is_told() -> None:
    async def leaves(sim: Sim) -> None:
        os._exit(3)

    with pytest.raises(RuntimeError, match="process 0 ended without a word; the scenario may have ended it"):
        races.search(leaves, workers=2)


#: By what pytest is told to leave a test without a failure; none of the tests here is left.
LEFT_BY = ("skip", "xfail", "exit")


class Interrupted(KeyboardInterrupt):
    """Have what no other process can be given."""

    def __init__(self) -> None:
        super().__init__("by hand")
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    "make",
    [
        *(partial(getattr(pytest, name).Exception, "no database") for name in LEFT_BY),
        partial(unittest.SkipTest, "no database"),
        partial(SystemExit, {"any": object}),
        Interrupted,
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_leaves_a_search_leaves_that_of_several_processes_as_it_is(
    make: Callable[[], BaseException], late: bool
) -> None:
    leaving = make()

    async def scenario(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        if not late or [sim.choose("ab") for _ in range(4)].count("b") == 2:
            raise leaving

    with pytest.raises(type(leaving)) as caught:
        races.search(scenario, workers=3)
    assert caught.value is leaving


def test_what_comes_first_counts_whether_it_fails_or_leaves() -> None:
    async def scenario(sim: Sim) -> None:
        drawn = "".join(sim.choose("ab") for _ in range(7))
        assert drawn not in {"aabbaba", "ababaab", "baabaab"}
        if drawn in {"babbaba", "abbabab", "bbaabab"}:
            raise SystemExit

    def outcome(seed: int, workers: int) -> int | str:
        try:
            found = races.search(scenario, seed=seed, workers=workers, strategy="walk")
        except SystemExit:
            return "left"
        assert found is not None
        return found.schedules

    outcomes = [outcome(seed, 1) for seed in range(10)]
    assert [outcome(seed, 2) for seed in range(10)] == outcomes
    assert 1 < outcomes.count("left") < 9


def test_what_leaves_only_one_of_the_processes_is_told() -> None:
    parent = os.getpid()

    async def fickle(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        if os.getpid() != parent:
            raise SystemExit("enough")

    with pytest.raises(
        races.ProgramChanged, match="schedule 1 left the search by SystemExit: enough in one process, and"
    ):
        races.search(fickle, workers=2, schedules=10)


@pytest.mark.parametrize("seed", range(6))
def test_it_leaves_by_the_same_though_what_is_drawn_follows_from_what_each_process_has_seen(seed: int) -> None:
    """Priorities go by the longest run that a process has seen, so no other process has the same schedules."""

    async def scenario(sim: Sim) -> None:
        order: list[str] = []

        async def work(name: str) -> None:
            for _ in range(sim.choose([2, 3, 5])):
                await trio.lowlevel.checkpoint()
                order.append(name)

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(work, name)
        if crc32("".join(order).encode()) % 64 == 3:
            raise SystemExit("".join(order))

    with pytest.raises(SystemExit):
        races.search(scenario, workers=3, strategy="pct", seed=seed, schedules=600)


def test_it_leaves_though_the_time_of_the_search_is_over_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, begun = os.getpid(), iter([0.0])
    monkeypatch.setattr(_search, "monotonic", lambda: next(begun, 10.0) if os.getpid() == parent else 0.0)

    async def scenario(sim: Sim) -> None:
        if "".join(sim.choose("ab") for _ in range(6)) == "bababa":
            raise SystemExit

    with pytest.raises(SystemExit):
        races.search(scenario, workers=4, strategy="walk", schedules=400, seconds=1)


def test_a_process_ends_when_it_is_told_to_whatever_the_program_does_then() -> None:
    context: Any = multiprocessing.get_context("fork")
    first = f"-{int(context.Process().name.rpartition('-')[2]) + 1}"

    async def scenario(sim: Sim) -> None:
        await trio.lowlevel.checkpoint()
        if multiprocessing.current_process().name.endswith(first):
            sleep(0.2)  # noqa: ASYNC251 -- real time: the other process is to be at work
            os._exit(3)
        while True:
            await trio.lowlevel.checkpoint()

    def leave(*_: object) -> None:
        raise SystemExit("more than a pipe holds " * 10_000)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(RuntimeError, match="process 0 ended without a word"):
            races.search(scenario, workers=2, max_steps=10**9)
    finally:
        signal.signal(signal.SIGTERM, before)


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
