"""Gate and hook, and many schedules in one Trio run: all of them come to the same."""

from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Sim
from greenroom.races import _hook as hook_module
from greenroom.races._decider import Follow, Walk
from greenroom.races._hook import works
from greenroom.races._run import Stage, Terms, run_once

from .programs import draw_program
from .scenarios import lost_wakeup

PROGRAMS = 150
ROOT = Path(__file__).resolve().parents[2]


def facts(result: races.Result) -> Any:
    return result.choices, result.verdict, result.steps, result.value, repr(result.error)


@pytest.mark.parametrize("time", ["exact", "choice"])
def test_gate_and_hook_go_the_same_way_in_drawn_programs(time: Any) -> None:
    for seed in range(PROGRAMS):
        program = draw_program(seed)
        by_gate, by_hook = (
            run_once(program, (), Walk(seed), Terms(2_000, time, backend)) for backend in ("gate", "hook")
        )
        assert facts(by_gate) == facts(by_hook), seed


@pytest.mark.parametrize("backend", ["gate", "hook"])
def test_schedules_that_share_a_trio_run_go_the_same_way_as_alone(backend: Any) -> None:
    terms = Terms(2_000, "exact", backend)
    stage = Stage(terms)
    together: list[races.Result] = []

    async def main() -> None:
        together.extend([await stage.play(draw_program(seed), (), Walk(seed)) for seed in range(PROGRAMS)])

    stage.run(main)
    for seed, result in enumerate(together):
        assert facts(result) == facts(run_once(draw_program(seed), (), Walk(seed), terms)), seed


def test_each_run_replays_from_its_token() -> None:
    for seed in range(PROGRAMS // 3):
        program = draw_program(seed)
        result = run_once(program, (), Walk(seed), Terms(2_000, "choice"))
        again = races.run(program, schedule=result.schedule.token, max_steps=2_000)
        assert facts(again) == facts(result), seed


def test_the_hook_works_with_this_trio_and_is_what_is_taken() -> None:
    assert works()
    assert Terms().backend == "hook"


def test_where_the_hook_does_not_work_the_gate_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    works.cache_clear()

    def order(self: object, batch: list[object]) -> None:
        """Order nothing."""

    monkeypatch.setattr(hook_module.Hook, "order", order)
    try:
        assert not works()
        assert Terms().backend == "gate"
        with pytest.raises(ValueError, match="backend 'hook' does not work with Trio"):
            races.run(lost_wakeup, backend="hook")
    finally:
        works.cache_clear()


def test_other_runs_meanwhile_are_ordered_by_trio() -> None:
    """A thread with a Trio run of its own."""

    async def inner() -> str:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(trio.lowlevel.checkpoint)
        return "done"

    async def scenario(sim: Sim) -> str:
        return await trio.to_thread.run_sync(trio.run, inner)

    assert races.run(scenario, backend="hook", threads="real").value == "done"


def test_trio_is_left_as_it_was() -> None:
    module = hook_module.trio_run
    before = module._r, module._ALLOW_DETERMINISTIC_SCHEDULING
    races.run(lost_wakeup, backend="hook")
    assert (module._r, module._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_what_is_stuck_behind_a_shield_does_not_stop_the_search() -> None:
    async def scenario(sim: Sim) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

    for backend in ("gate", "hook"):
        assert races.run(scenario, backend=backend).verdict == "deadlock"


async def times_out(sim: Sim) -> None:
    """A timeout that fires before what it waits for, though that is ready to go on."""
    done = trio.Event()

    async def work() -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        with trio.fail_after(1):
            await done.wait()


def test_time_that_may_pass_early_lets_timeouts_fire_early() -> None:
    assert races.search(times_out) is None
    found = races.search(times_out, time="choice")
    assert found is not None
    assert found.token.startswith("r1t:")
    assert isinstance(found.result.error, (trio.TooSlowError, BaseExceptionGroup))
    assert races.run(times_out, schedule=found.token).fingerprint == found.result.fingerprint


def test_a_failure_of_shared_runs_only_is_told_from_a_race() -> None:
    """What a scenario keeps between its runs decides: no silent divergence."""
    kept: list[int] = []

    async def scenario(sim: Sim) -> None:
        kept.append(sim.choose(range(20)))
        assert len(kept) != 7

    with pytest.raises(races.ProgramChanged, match="ended in another way: first failed"):
        races.search(scenario, schedules=20, strategy="walk")


def test_waiting_for_what_never_comes_from_outside_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("_clock", "_gate", "_hook"):
        monkeypatch.setattr(f"greenroom.races.{module}.PATIENCE", 0.05)

    async def scenario(sim: Sim) -> None:
        import socket

        one, other = socket.socketpair()
        with one, other:
            await trio.lowlevel.wait_readable(one)

    for backend in ("gate", "hook"):
        result = races.run(scenario, backend=backend)
        assert result.verdict == "hung"
        assert "0:scenario waits at test_backends.py:" in str(result.error)


def test_the_default_run_is_the_same_by_either() -> None:
    results = [run_once(lost_wakeup, (), Follow({}), Terms(backend=backend)) for backend in ("gate", "hook")]
    assert facts(results[0]) == facts(results[1])
