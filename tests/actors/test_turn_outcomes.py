"""P23, P24: what came of a turn is told once, and seen at once."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Completed,
    Context,
    Idle,
    Intensity,
    NoActiveTurn,
    Request,
    Running,
    StartupInProgress,
    Turn,
    TurnFinished,
    TurnHandle,
    TurnInProgress,
    TurnInterrupted,
    open_supervisor,
)
from greenroom.testing import open_tree

from .scripted import Gate, Scripted

settle = trio.testing.wait_all_tasks_blocked


class Ask(Request[Any]):
    pass


async def test_each_finished_turn_is_one_report_to_the_parent() -> None:
    """P23."""
    error = OSError("x")

    async def fail(_turn: Turn[Any], _ctx: Context) -> None:
        raise error

    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [fail, gate])
        ref.tell("a")
        await settle()
        ref.tell("b")
        await settle()
        await ref.interrupt()
        ref.tell("c")
        await settle()
        reports = root.reports.drain()
        assert [type(report) for report in reports] == [TurnFinished] * 3
        assert [(report.turn, report.outcome.kind) for report in reports] == [  # type: ignore[union-attr]
            (1, "errored"),
            (2, "interrupted"),
            (3, "completed"),
        ]
        assert all((report.path, report.uid, report.incarnation) == (ref.path, ref.uid, 1) for report in reports)


async def test_report_status_and_answer_become_visible_in_one_step() -> None:
    """P23, P24: whoever sees one of them sees them all."""
    gate = Gate("payload")
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        handle = ref.start_turn("x")
        await settle()
        seen: list[Any] = []

        class Watch(trio.abc.Instrument):
            def after_task_step(self, task: trio.lowlevel.Task) -> None:
                state = (ref.status, handle.is_done, len(root.reports))
                if not seen or seen[-1] != state:
                    seen.append(state)

        watch = Watch()
        trio.lowlevel.add_instrument(watch)
        await trio.lowlevel.checkpoint()
        gate.go.set()
        await settle()
        trio.lowlevel.remove_instrument(watch)
        assert seen == [(Running(), False, 0), (Completed("payload"), True, 1)]
        root.reports.drain()


async def test_the_generation_grows_with_each_change_of_status() -> None:
    """P24: a watcher can tell that it missed one."""
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [])
        generations = [ref.generation]
        async with ref.subscribe() as feed:
            for message in "ab":
                await ref.run_turn(message)
                generations.append(ref.generation)
            seen = [await anext(feed) for _ in range(4)]
        assert [change.status for change in seen] == [Running(), Completed("done")] * 2
        numbers = [change.generation for change in seen]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        assert generations[0] < generations[1] < generations[2]
        root.reports.drain()


async def test_a_refused_turn_does_not_change_the_status() -> None:
    """P24."""
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate])
        assert ref.status == Idle()
        with pytest.raises(NoActiveTurn):
            ref.steer("x")
        assert ref.status == Idle()
        handle = ref.start_turn("x")
        assert ref.status == Running()
        generation = ref.generation
        with pytest.raises(TurnInProgress):
            ref.start_turn("y")
        assert (ref.status, ref.generation) == (Running(), generation)
        gate.go.set()
        await handle.outcome()
        root.reports.drain()


@pytest.mark.parametrize("seed", range(30))
async def test_every_task_has_exactly_one_outcome_whatever_happens(seed: int) -> None:
    """P23: direct turns and asks, among interrupts, crashes and stops."""
    random = Random(seed)
    outcomes: list[str] = []
    handles: list[TurnHandle] = []
    asked = 0

    async def work(turn: Turn[Any], _ctx: Context) -> str:
        await trio.sleep(random.random())
        step = random.randrange(6)
        if step == 0:
            raise OSError
        if step < 3:
            turn.drain()
        if step == 1:
            turn.commit()
        await trio.sleep(random.random())
        return "ok"

    async def ask(ref: ActorRef[Any]) -> None:
        try:
            outcomes.append(await ref.ask(Ask(), timeout=random.choice([None, 0.5, 2.0])))
        except (ActorCrashed, ActorStopped, ActorStopping, TurnInterrupted, TimeoutError) as error:
            outcomes.append(type(error).__name__)

    intensity = Intensity(1_000, within=1.0)
    async with open_supervisor("stage", intensity=intensity) as root, trio.open_nursery() as nursery:
        ref = await root.start(Scripted, [work] * 1_000, restart="permanent")
        for _ in range(60):
            step = random.randrange(5)
            if step < 2:
                asked += 1
                nursery.start_soon(ask, ref)
            elif step == 2:
                with suppress(TurnInProgress, StartupInProgress):
                    handles.append(ref.start_turn("x"))
            elif step == 3:
                await ref.interrupt()
            else:
                await trio.sleep(random.random())
            if random.random() < 0.03:
                ref.crash(OSError("pulled"))
                await settle()
        await ref.stop()
        await settle()
        assert len(outcomes) == asked
        assert all(handle.is_done for handle in handles)
        assert len(root._slot.runtime.deadlines) == 0
        root.reports.drain()
