"""What a search tries, in what order, and when it ends."""

from collections import Counter
from itertools import count, islice
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Result, Sim
from greenroom.races import _search as searching
from greenroom.races._bounded import Bounded
from greenroom.races._cores import Turn
from greenroom.races._decider import Follow, Walk
from greenroom.races._pulse import Pulse
from greenroom.races._strategies import MAKERS, Learned, deciders_of
from greenroom.races._survey import Survey, Tally


async def many(sim: Sim) -> None:
    """Have more choices than schedules are tried."""
    for _ in range(50):
        sim.choose("ab")


def test_a_portfolio_has_all_its_parts_and_no_two_draw_alike() -> None:
    survey = races.survey(many, schedules=300, seed=1)
    assert (survey.schedules, survey.distinct) == (300, 300)
    names = {str(decider) for decider in islice(deciders_of("portfolio", Bounded(), 1, Learned(50)), 30)}
    assert names == {
        "deviations, the fewest first", "a random walk", "a walk at drawn speeds", "a lottery (POS)", "batches as Trio has them",
        "priorities (PCT) of depth 3",
    }  # fmt: skip


def test_priorities_alone_come_in_three_depths() -> None:
    deciders = deciders_of("pct", Bounded(), 1, Learned(50))
    assert len({str(decider) for decider in islice(deciders, 8)}) == 3


def test_a_portfolio_draws_a_few_and_then_each_other_one_deviates_until_all_have() -> None:
    """There are 51 schedules with up to one deviation: the first, and from the tenth on each other one."""
    bounded = Bounded()
    deciders = deciders_of("portfolio", bounded, 1, Learned(50))
    follows: list[bool] = []
    for decider in islice(deciders, 120):
        follows.append(isinstance(decider, Follow))
        if isinstance(decider, Follow):
            bounded.learn(decider.deviations, races.run(many))
    assert follows == [True] + [False] * 8 + [True, False] * 50 + [False] * 11
    assert [races.survey(many, schedules=schedules).covered for schedules in (107, 108)] == [0, 1]


@pytest.mark.parametrize("strategy", ["walk", "speeds", "pct", "pos", "batch"])
def test_what_draws_alone_begins_with_it_and_comes_to_the_default_once(strategy: Any) -> None:
    deciders = deciders_of(strategy, Bounded(), 1, Learned())
    assert [isinstance(decider, Follow) for decider in islice(deciders, 30)] == [False] * 8 + [True] + [False] * 21


def asked_for(monkeypatch: pytest.MonkeyPatch, seed: int) -> list[tuple[int, int]]:
    """Return the seeds that a strategy of three makers gives them, and what it says of the length of a run."""
    asked: list[tuple[int, int]] = []

    def make(seed: int, learned: Learned) -> Any:
        asked.append((seed, learned.longest))
        return Walk(seed)

    monkeypatch.setitem(MAKERS, "pct", (make,) * 3)
    races.search(many, schedules=100, strategy="pct", seed=seed)
    return asked


def test_each_seed_draws_its_own_and_is_told_how_long_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [pair for seed in range(3) for pair in asked_for(monkeypatch, seed)]
    assert len({seed for seed, _ in asked}) == len(asked) == 3 * 99
    assert [length for _, length in asked] == [0, *[50] * 98] * 3


def test_priorities_change_anywhere_in_the_longest_run_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def make(seed: int, learned: Learned) -> Any:
        asked.append(learned.longest)
        return Walk(seed)

    async def of_two_lengths(sim: Sim) -> None:
        for _ in range(20 if sim.choose("ab") == "b" else 5):
            sim.choose("ab")

    monkeypatch.setitem(MAKERS, "pct", (make,))
    races.search(of_two_lengths, schedules=50, strategy="pct", seed=3)
    assert asked == sorted(asked)
    assert asked[:2] == [0, 6]
    assert set(asked) == {0, 6, 21}


def test_no_schedule_is_begun_after_its_time_but_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count()
    monkeypatch.setattr(searching, "monotonic", lambda: next(seconds))
    assert races.survey(many, schedules=100, seconds=10.5).schedules == 11
    assert races.survey(many, schedules=100, seconds=0.5).schedules == 1


def test_many_schedules_share_a_trio_run_and_not_all() -> None:
    runs: dict[object, int] = {}

    async def scenario(sim: Sim) -> None:
        await many(sim)
        root = trio.lowlevel.current_root_task()
        runs[root] = runs.get(root, 0) + 1

    races.search(scenario, schedules=500)
    *full, last = list(runs.values())[:3]
    assert (full, last) == ([searching.PER_RUN] * 2, 500 - 2 * searching.PER_RUN)


def test_after_a_failure_of_shared_runs_the_search_goes_on_with_each_alone() -> None:
    """What a scenario notes of its Trio run fails another; beside that there is a race."""
    used: Counter[trio.lowlevel.TrioToken] = Counter()

    async def scenario(sim: Sim) -> None:
        run = trio.lowlevel.current_trio_token()
        used[run] += 1
        drawn = [sim.choose("ab") for _ in range(20)]
        assert used[run] < 3
        assert drawn[18] == "a"

    survey = races.survey(scenario, strategy="bounded")
    assert survey.found is not None
    assert survey.found.result.schedule.deviations == {18: 1}
    assert survey.found.schedules == survey.schedules == survey.distinct == 20


def test_a_default_run_that_goes_another_way_when_nothing_is_found_is_told() -> None:
    runs = count()

    async def fickle(sim: Sim) -> None:
        for _ in range(next(runs)):
            await trio.lowlevel.checkpoint()

    with pytest.raises(
        races.ProgramChanged, match="the same schedule ended in another way: first passed after 1 steps"
    ):
        races.search(fickle)


def test_the_first_failure_that_is_found_is_the_one_that_is_told_of() -> None:
    async def scenario(sim: Sim) -> None:
        drawn = [sim.choose("ab") for _ in range(9)]
        assert drawn[3] == drawn[7] == "a"

    survey = races.survey(scenario)
    assert survey.found is not None
    assert (survey.found.schedules, survey.schedules) == (2, 2)


def test_a_process_takes_its_own_schedules_and_stops_when_an_earlier_one_has_failed() -> None:
    lowest = SimpleNamespace(value=inf)
    turns = [Turn(number, 3, lowest) for number in range(3)]
    assert all(turn.takes(1) for turn in turns)
    for schedule in range(2, 20):
        assert [turn.takes(schedule) for turn in turns].count(True) == 1
    assert not turns[1].is_beaten(10**9)
    lowest.value = 8.0
    assert [turns[1].is_beaten(schedule) for schedule in (7, 8, 9)] == [False, False, True]


def test_what_processes_have_tried_is_covered_as_far_as_all_of_them_got() -> None:
    total = Tally()
    for covered, ways in ((1.0, {1, 2, 3}), (0.0, {1, 4}), (1.0, {1, 5, 6})):
        tally = Tally()
        tally.schedules, tally.covered, tally.ways = len(ways), covered, ways
        total.merge(tally)
    assert (total.schedules, total.covered, len(total.ways)) == (6, 0, 6)


def test_a_summary_is_of_deviations_only_if_any_were_tried() -> None:
    def summary(covered: float, *uncontrolled: str) -> str:
        return Survey(None, 1_000, 7, covered, uncontrolled, 0.0).summary()

    assert summary(0) == summary(-1) == "1,000 schedules, 7 of them distinct; all of it controlled"
    assert "; among them all with up to 1 deviation; " in summary(1)
    assert "; among them all with up to 2 deviations; " in summary(2)
    assert summary(inf, "sockets", "threads").endswith("; all that there are; not controlled: sockets, threads")


def test_a_fingerprint_is_of_the_choices_the_steps_and_the_verdict() -> None:
    async def scenario(sim: Sim) -> None:
        sim.choose("ab")

    choices = races.run(scenario).choices
    prints = {
        Result(verdict, None, taken, steps).fingerprint
        for verdict in ("passed", "failed") for taken in (choices, ()) for steps in (1, 2)
    }  # fmt: skip
    assert len(prints) == 8


def test_a_long_search_says_how_far_it_is_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("greenroom.races._pulse.monotonic", lambda: now)
    lines: list[str] = []
    pulse = Pulse(5_000, lines.append, 10.0)
    for number in range(1, 2_501):
        now += 0.01
        pulse.beat(number)
    assert [line.partition(",")[0] for line in lines] == ["schedule 1", "schedule 2"]
    assert all(line.endswith(" of 5,000, 100 each second") for line in lines)
