"""What a failure is told with: places, circles, the order of Trio, and not too much of it."""

import socket
from contextlib import suppress
from typing import Any

import pytest
import trio
from hypothesis import given

from greenroom import races
from greenroom.races import Schedule, Sim
from greenroom.races._brief import WIDTH, brief
from greenroom.races._telling import AROUND, AT_END

from .test_order import notes_of, two_by_two


def test_each_batch_of_trio_may_go_forwards_or_backwards() -> None:
    result = races.run(two_by_two, schedule=Schedule({0: 2, 1: 1}))
    assert result.value == list("cbacba")
    assert not notes_of(result).departure
    back_and_forth = races.run(two_by_two, schedule=Schedule({0: 2, 1: 1, 3: 2, 4: 1}))
    assert back_and_forth.value == list("cbaabc")
    assert not notes_of(back_and_forth).departure


def test_a_long_run_is_shown_around_its_deviations_and_at_its_end() -> None:
    async def scenario(sim: Sim) -> None:
        assert not [sim.choose([0, 1]) for _ in range(300)][100]

    result = races.run(scenario, schedule=Schedule({100: 1}))
    with pytest.raises(races.ScenarioFailed) as caught:
        races.check(scenario, schedule=result.schedule)
    shown = [line[1:6].strip() for line in str(caught.value).splitlines() if " data " in line]
    around = range(100 - AROUND, 100 + AROUND + 1)
    assert shown == [str(at) for at in (*around, *range(300 - AT_END, 300))]


def test_a_long_message_is_cut() -> None:
    assert brief("x" * (WIDTH - 2)) == f"'{'x' * (WIDTH - 2)}'"
    assert (len(brief("x" * WIDTH)), brief("x" * WIDTH)[-1]) == (WIDTH, "…")
    assert brief("a\nb  c") == r"'a\nb c'"


async def wait_inside(event: trio.Event) -> None:
    await event.wait()


async def waits_in_a_function(sim: Sim) -> None:
    await wait_inside(trio.Event())


def test_the_place_is_the_innermost_of_the_user() -> None:
    assert " in wait_inside for an event" in str(races.run(waits_in_a_function).error)


def test_only_those_who_wait_in_it_are_in_a_circle() -> None:
    async def scenario(sim: Sim) -> None:
        locks = [trio.Lock() for _ in range(3)]

        async def hold(*wanted: int) -> None:
            for number in wanted:
                await locks[number].acquire()
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            for wanted in ((0, 1), (1, 2), (2, 1)):
                nursery.start_soon(hold, *wanted)

    text = str(races.run(scenario).error)
    assert "in a circle: 2:hold -> 3:hold -> 2:hold" in text
    assert "0:scenario waits at test_told.py:" in text
    assert "for its children (1:hold, 2:hold, 3:hold)" in text


@pytest.mark.parametrize("backend", ["gate", "hook"])
def test_who_waits_to_write_waits_for_the_outside(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("_clock", "_gate", "_hook"):
        monkeypatch.setattr(f"greenroom.races.{module}.PATIENCE", 0.05)

    async def scenario(sim: Sim) -> None:
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    one.send(b"x" * 65_536)
            await trio.lowlevel.wait_writable(one)

    assert races.run(scenario, backend=backend).verdict == "hung"


@given(races.schedules(first=3, deviations=2, time="choice"))
def test_what_is_drawn_keeps_to_what_was_asked_for(schedule: Schedule) -> None:
    assert schedule.time == "choice"
    assert len(schedule.deviations) <= 2
    assert all(at < 3 and index > 0 for at, index in schedule.deviations.items())
