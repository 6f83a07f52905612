"""Drawn programs of actors keep the promises under any schedule, with a cancellation or a crash here and there."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from greenroom.races._run import Terms, run_once
from greenroom.races._schedule import Time
from greenroom.races._strategies import MAKERS, Learned

from .drawn_programs import draw, scenario
from .wide_programs import draw_wide, wide

PROGRAMS: Final = 12


def check(play: Any, draw: Callable[[int], Any], first: int, time: Time = "exact") -> None:
    for seed in range(first, first + PROGRAMS):
        program = draw(seed)
        for number, make in enumerate(MAKERS["portfolio"]):
            decider = make(seed * 10 + number, Learned(60))
            result = run_once(play, (program,), decider, Terms(time=time), injection=program.injection)
            if result.failed:
                raise AssertionError(f"draw({seed}) under {result.schedule.token}: {result.verdict}") from result.error


@pytest.mark.parametrize("part", range(10))
def test_what_is_promised_holds_of_any_program_under_any_schedule(part: int) -> None:
    """P6, P10, P12, P13, P14, P17, P19, P20, P27."""
    check(scenario, draw, part * 1_000_000)


@pytest.mark.parametrize("time", ["exact", "choice"])
@pytest.mark.parametrize("part", range(3))
def test_what_is_promised_holds_of_wide_programs(part: int, time: Time) -> None:
    """P14, P17, P19, P24, P27: with timers, monitors, feeds, services, steering, redelivery and deferred answers."""
    check(wide, draw_wide, part * 1_000_000, time)
