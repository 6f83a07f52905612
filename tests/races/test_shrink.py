"""Shrinking, and the schedules with few deviations: of programs that only choose data, so that each deviation is one number."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from greenroom import races
from greenroom.races import Result, Sim
from greenroom.races import _shrink as shrinking
from greenroom.races._bounded import Bounded
from greenroom.races._decider import Follow
from greenroom.races._result import kind_of
from greenroom.races._run import run_once

Judge = Callable[[Sequence[int]], None]


def numbers(judge: Judge, count: int, options: int = 2) -> Callable[[Sim], Awaitable[None]]:
    """Return a scenario that chooses so many numbers, and raises what the judge raises."""

    async def scenario(sim: Sim) -> None:
        judge([sim.choose(range(options)) for _ in range(count)])

    return scenario


def refuse(*which: int) -> Judge:
    """Fail if all of these are set."""

    def judge(drawn: Sequence[int]) -> None:
        assert not all(drawn[each] for each in which)

    return judge


def shrunk(judge: Judge, deviations: dict[int, int], count: int, options: int = 2) -> tuple[dict[int, int], bool]:
    """Return the deviations that are left, and whether there are said to be none with fewer."""
    scenario = numbers(judge, count, options)

    def rerun(deviations: Any) -> Result:
        return run_once(scenario, (), Follow(deviations))

    best, _, is_least = shrinking.shrink(rerun(deviations), rerun)
    return dict(best.schedule.deviations), is_least


def test_all_that_can_be_spared_is_left_out_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "TRIES", 20)
    left, is_least = shrunk(refuse(3, 17, 40, 55), dict.fromkeys(range(60), 1), 60)
    assert left == {3: 1, 17: 1, 40: 1, 55: 1}
    assert not is_least  # there are too many with three to have tried them


def test_none_with_fewer_is_told_when_all_have_been_tried() -> None:
    assert shrunk(refuse(0, 2), dict.fromkeys(range(5), 1), 5) == ({0: 1, 2: 1}, True)


def test_fewer_elsewhere_are_found_though_nothing_can_be_left_out() -> None:
    def judge(drawn: Sequence[int]) -> None:
        assert not (drawn[0] and drawn[1])
        assert not drawn[2]

    assert shrunk(judge, {0: 1, 1: 1}, 3) == ({2: 1}, True)


def test_what_cannot_be_left_out_is_made_as_small_as_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "TRIES", 1)

    def judge(drawn: Sequence[int]) -> None:
        assert drawn[1] < 3

    assert shrunk(judge, {0: 5, 1: 8}, 2, 9) == ({1: 3}, True)


@pytest.mark.parametrize("begun", [{1: 1, 3: 1}, {2: 2, 3: 1}, {0: 1, 1: 1, 2: 1, 3: 1}, {1: 2, 2: 2}])
def test_whatever_it_began_with_it_ends_with_the_first_of_the_smallest(begun: dict[int, int]) -> None:
    def judge(drawn: Sequence[int]) -> None:
        assert sum(map(bool, drawn)) < 2

    assert shrunk(judge, begun, 4, 3) == ({0: 1, 1: 1}, True)


def test_where_there_are_too_many_as_small_it_is_still_known_that_none_is_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shrinking, "TRIES", 20)
    assert shrunk(refuse(7, 8), {7: 1, 8: 1}, 10) == ({7: 1, 8: 1}, True)
    monkeypatch.setattr(shrinking, "TRIES", 5)
    assert shrunk(refuse(7, 8), {7: 1, 8: 1}, 10) == ({7: 1, 8: 1}, False)


def test_a_failure_of_another_kind_is_not_what_was_looked_for() -> None:
    def judge(drawn: Sequence[int]) -> None:
        if sum(drawn) == 1:
            raise KeyError
        if sum(drawn) > 1:
            raise ValueError

    assert shrunk(judge, {0: 1, 2: 1, 3: 1}, 4) == ({0: 1, 1: 1}, True)


def test_groups_are_of_the_kind_of_what_is_in_them_however_often() -> None:
    def kind(error: BaseException) -> Any:
        return kind_of(Result("failed", error, (), 1))

    one = ExceptionGroup("", [ValueError()])
    assert kind(one) == kind(ExceptionGroup("", [ValueError("2"), one])) == kind(ValueError())
    both = kind(ExceptionGroup("", [KeyError(), ValueError()]))
    assert both == kind(ExceptionGroup("", [ValueError(), KeyError()])) != kind(one)


def given_out(bound: int | None) -> tuple[list[dict[int, int]], Bounded]:
    """Take all that there are of three numbers of three options each."""
    bounded = Bounded()
    scenario = numbers(refuse(0, 0, 0), 3, 3)
    taken: list[dict[int, int]] = []
    for deviations in bounded.up_to(bound):
        taken.append(dict(deviations))
        bounded.learn(deviations, run_once(scenario, (), Follow(deviations)))
    return taken, bounded


@pytest.mark.parametrize(("bound", "count"), [(0, 1), (1, 7), (2, 19), (3, 27), (None, 27)])
def test_all_schedules_up_to_a_bound_come_once_the_fewest_deviations_first(bound: int | None, count: int) -> None:
    taken, bounded = given_out(bound)
    assert len({tuple(each.items()) for each in taken}) == len(taken) == count
    assert all(len(one) <= len(other) for one, other in pairwise(taken))
    assert bounded.covered == (float("inf") if count == 27 else bound)


def test_all_are_told_to_be_all_where_a_bound_cuts_none_off() -> None:
    survey = races.survey(numbers(lambda drawn: None, 1))
    assert (survey.schedules, survey.covered) == (2, float("inf"))
    assert survey.summary() == "2 schedules, 2 of them distinct; all that there are; all of it controlled"


@pytest.mark.parametrize(("choices", "covered"), [(0, inf), (1, inf), (2, 1.0)])
def test_a_bound_that_is_reached_and_cuts_none_off_covers_all(choices: int, covered: float) -> None:
    scenario, bounded = numbers(lambda drawn: None, choices), Bounded()
    for deviations in bounded.up_to(1):
        bounded.learn(deviations, run_once(scenario, (), Follow(deviations)))
    assert bounded.covered == covered
