"""What both ways of stepping do alike, asked of each."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Injection, Sim
from greenroom.races import _hook as hook_module
from greenroom.races._decider import Follow, Walk
from greenroom.races._run import Stage, Terms, run_once

from .programs import draw_program

each_backend = pytest.mark.parametrize("backend", ["gate", "hook"])


@each_backend
def test_by_default_the_one_goes_that_has_been_ready_longest(backend: Any) -> None:
    async def scenario(sim: Sim) -> str:
        steps: list[str] = []

        async def work(name: str) -> None:
            for _ in range(3):
                steps.append(name)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(work, name)
        return "".join(steps)

    assert races.run(scenario, backend=backend).value == "abcabcabc"


@each_backend
def test_what_one_step_sets_free_is_ready_together_in_order_of_spawning(backend: Any) -> None:
    async def scenario(sim: Sim) -> str:
        went: list[str] = []
        event = trio.Event()

        async def wait(name: str) -> None:
            await event.wait()
            went.append(name)

        async with trio.open_nursery() as nursery:
            for name in "abcdefgh":
                nursery.start_soon(wait, name)
            await trio.sleep(1)
            event.set()
        return "".join(went)

    assert races.run(scenario, backend=backend).value == "abcdefgh"


@each_backend
def test_one_thread_after_the_other_is_not_silence(backend: Any) -> None:
    async def scenario(sim: Sim) -> int:
        return sum([await trio.to_thread.run_sync(int, text) for text in "123"])

    assert races.run(scenario, backend=backend, threads="real").value == 6


@each_backend
def test_what_is_held_when_a_run_is_given_up_goes_on_to_its_end(backend: Any) -> None:
    ended: list[str] = []

    async def endless(sim: Sim) -> None:
        async def spin() -> None:
            try:
                while True:
                    await trio.lowlevel.checkpoint()
            finally:
                ended.append("cancelled")

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(spin)

    result = races.run(endless, max_steps=100, backend=backend)
    assert (result.verdict, result.steps, ended) == ("livelock", 100, ["cancelled"] * 3)


@each_backend
def test_a_task_of_an_earlier_schedule_in_the_same_run_is_left_alone(backend: Any) -> None:
    stage = Stage(Terms(backend=backend))
    later: list[trio.Event] = []
    heard: list[int] = []

    async def listen() -> None:
        await later[0].wait()
        heard.append(len(later))

    async def scenario(sim: Sim) -> None:
        later.append(trio.Event())
        if len(later) == 1:
            trio.lowlevel.spawn_system_task(listen)
        else:
            later[0].set()
        for _ in range(3):
            await trio.lowlevel.checkpoint()

    async def main() -> list[Any]:
        return [await stage.play(scenario, (), Follow({})) for _ in range(3)]

    first, *others = stage.run(main)
    assert first.choices
    assert [(other.verdict, other.choices, other.steps) for other in others] == [("passed", (), 4)] * 2
    assert heard == [2]


async def expire(heard: Callable[[], None]) -> None:
    with trio.CancelScope() as scope:
        scope.deadline = trio.current_time()  # a scope that is entered too late is cancelled at once
        await trio.sleep_forever()
    heard()


async def be_handed(heard: Callable[[], None]) -> None:
    trio.lowlevel.current_trio_token().run_sync_soon(heard)
    await trio.lowlevel.checkpoint()


async def be_handed_once(heard: Callable[[], None]) -> None:
    trio.lowlevel.current_trio_token().run_sync_soon(heard, idempotent=True)
    await trio.lowlevel.checkpoint()


async def receive(heard: Callable[[], None]) -> None:
    here, there = trio.socket.socketpair()
    with here, there:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(there.send, b"!")
            await here.recv(1)
        heard()


@pytest.mark.parametrize("source", [expire, be_handed, be_handed_once, receive])
def test_what_comes_from_outside_comes_while_others_go_on(source: Any) -> None:
    """A timer that is due, what was handed in, what a socket brings: after as many steps of a busy task by either backend."""

    async def scenario(sim: Sim) -> int:
        heard: list[int] = []
        steps = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(source, lambda: heard.append(steps))
            for _ in range(200):
                steps += 1
                await trio.lowlevel.checkpoint()
        return heard[0]

    by_gate, by_hook = (races.run(scenario, backend=backend) for backend in ("gate", "hook"))
    assert by_gate.value < 20
    assert (by_gate.value, by_gate.steps, by_gate.choices) == (by_hook.value, by_hook.steps, by_hook.choices)


def test_a_round_of_trio_has_many_steps_where_nothing_else_is_to_come() -> None:
    rounds: list[int] = []

    class Rounds(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            rounds.append(1)

    async def scenario(sim: Sim) -> None:
        trio.lowlevel.add_instrument(Rounds())
        for _ in range(100):
            await trio.lowlevel.checkpoint()

    assert races.run(scenario, backend="hook").steps > 100
    assert len(rounds) < 10


def test_a_cancellation_at_a_step_goes_the_same_way_by_either() -> None:
    tried = 0
    for seed in range(40):
        program = draw_program(seed)

        async def scenario(sim: Sim, program: Any = program) -> Any:
            with sim.scope("victim"):
                return await program(sim)

        for at in (1, 3, 8):
            injection = Injection("cancel", "victim", at)
            one, other = (
                run_once(scenario, (), Walk(seed), Terms(2_000, "choice", backend), injection=injection)
                for backend in ("gate", "hook")
            )
            assert (one.choices, one.verdict, one.value) == (other.choices, other.verdict, other.value), (seed, at)
            tried += one.injection is not None
    assert tried > 100


def test_runs_in_two_threads_leave_trio_as_it_was() -> None:
    """The inner one begins and ends within the other."""
    module = hook_module.trio_run
    before = module._r, module._ALLOW_DETERMINISTIC_SCHEDULING

    async def inner(sim: Sim) -> str:
        await trio.lowlevel.checkpoint()
        return "done"

    async def outer(sim: Sim) -> Any:
        result = await trio.to_thread.run_sync(lambda: races.run(inner, backend="hook"))
        await trio.lowlevel.checkpoint()
        return result.value

    assert races.run(outer, backend="hook", threads="real").value == "done"
    assert (module._r, module._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_time_never_goes_back() -> None:
    async def scenario(sim: Sim) -> list[float]:
        times: list[float] = []

        async def work(deadline: float) -> None:
            for _ in range(3):
                with trio.CancelScope(deadline=deadline):
                    await trio.sleep(1)
                times.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            for deadline in (-1, 0.5, 2):
                nursery.start_soon(work, deadline)
        return times

    for seed in range(50):
        times = run_once(scenario, (), Walk(seed), Terms(time="choice")).value
        assert times == sorted(times)
        assert times[0] >= 0


def test_runs_leave_the_process_as_it_was_and_little_garbage() -> None:
    """What is left in circles is Trio's: as much as of a run without the kit, and a few objects for it."""

    async def scenario(_sim: Sim | None = None) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(trio.lowlevel.checkpoint)

    def left_by(run: Callable[[], object]) -> int:
        run()
        gc.collect()
        gc.disable()
        try:
            run()
            return gc.collect()
        finally:
            gc.enable()

    before = gc.get_threshold()
    assert left_by(lambda: run_once(scenario, (), Walk(1))) <= left_by(lambda: trio.run(scenario)) + 20
    races.survey(scenario, schedules=2, mode="isolated")
    assert gc.get_threshold() == before
