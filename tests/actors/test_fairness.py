from collections import deque
from itertools import groupby
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ActorRef, Context, Request, Scheduling, Shutdown, open_supervisor
from greenroom.actors._pool import BITE, LOOK_EVERY, MAX_PARKED, PAUSE, Worker
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
#: Budgets in messages alone: no slice of real time ends before a test does.
PATIENT = 1e6


class Get(Request[int]):
    pass


class Flooded(Actor[Any]):
    """Keep its own mailbox full for ever, until it is told to stop."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def receive(self, message: Any, ctx: Context) -> int:
        self.log.append(ctx.ref.name)
        if message == "more":
            ctx.ref.tell("more")
        return len(self.log)


class OwnFlooded(Flooded):
    own_task = True


@pytest.mark.parametrize("kind", [Flooded, OwnFlooded])
@pytest.mark.parametrize("per_turn", [1, 10, 256])
async def test_a_flooded_actor_does_not_starve_trios_other_tasks(kind: Any, per_turn: int) -> None:
    """Counted in messages: a turn's budget and one activation over, at most twice between two steps of another task (Trio mixes its batches)."""
    log: list[str] = []
    scheduling = Scheduling(per_activation=8, per_turn=per_turn, time_slice=PATIENT)
    async with open_supervisor("stage", scheduling=scheduling) as root:
        ref = await root.start(kind, log)
        ref.tell("more")
        gaps: list[int] = []
        for _ in range(50):
            before = len(log)
            await trio.lowlevel.checkpoint()
            gaps.append(len(log) - before)
        assert 0 < max(gaps) <= 2 * (per_turn + 8)
        await ref.kill()
        root.reports.drain()


async def test_a_flooded_actor_does_not_starve_the_others_of_its_pool() -> None:
    """Each of them has its turn after at most one activation of each other."""
    log: list[str] = []
    scheduling = Scheduling(per_activation=8, per_turn=10_000, time_slice=PATIENT)
    async with open_supervisor("stage", scheduling=scheduling) as root:
        refs = [await root.start(Flooded, log, name=name) for name in "abc"]
        for ref in refs:
            for _ in range(100):
                ref.tell("more")
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        for ref in refs:
            ref.request_stop()
        await settle()
        runs: list[tuple[str, int]] = []
        for name in log:
            runs[-1:] = [(name, runs[-1][1] + 1)] if runs and runs[-1][0] == name else [*runs[-1:], (name, 1)]
        assert max(length for _, length in runs) <= 8
        assert [name for name, _ in runs[:6]] == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.parametrize("per_activation", [*range(1, 20), 63, 64, 65])
async def test_an_activation_has_as_many_messages_as_it_is_told(per_activation: int) -> None:
    """No look at the clock is so far ahead that the end of the activation is missed."""
    log: list[str] = []
    scheduling = Scheduling(per_activation=per_activation, per_turn=10_000, time_slice=PATIENT)
    async with open_tree("stage", scheduling=scheduling) as root:
        refs = [await root.start(Flooded, log, name=name) for name in "abc"]
        await settle()
        for ref in refs:
            for _ in range(3 * per_activation):
                ref.tell("once")
        await settle()
    assert [(name, len(list(run))) for name, run in groupby(log)] == [(name, per_activation) for name in "abc"] * 3


@pytest.mark.parametrize("per_turn", [*range(1, 20), 31, 63, 64, 65])
async def test_a_turn_has_as_many_messages_as_it_is_told_whoever_has_them(
    per_turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is over with the activation in which they are used up, and no other: neither before nor after."""
    log: list[str] = []
    breathe = Worker.breathe

    async def noted(self: Worker) -> float:
        log.append("breath")
        return await breathe(self)

    scheduling = Scheduling(per_activation=20, per_turn=per_turn, time_slice=PATIENT)
    async with open_tree("stage", scheduling=scheduling) as root:
        refs = [await root.start(Flooded, log) for _ in range(60)]
        await settle()
        monkeypatch.setattr(Worker, "breathe", noted)
        log.clear()
        for number, ref in enumerate(refs):
            for _ in range(1 + number * 7 % 20 if number % 3 else 1):
                ref.tell("once")
        await settle()
    turns: list[list[int]] = [[]]
    for who, run in groupby(log):
        if who == "breath":
            turns.append([])
        else:
            turns[-1].append(len(list(run)))
    assert sum(map(sum, turns)) == len(log) - log.count("breath") > 300
    *over, last = [turn for turn in turns if turn]  # a worker that has nothing left to do may breathe once more
    for turn in over:
        assert sum(turn) >= per_turn > sum(turn[:-1])
    assert sum(last[:-1]) < per_turn


async def test_an_ask_beside_a_flooded_actor_is_answered_soon() -> None:
    log: list[str] = []
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        flooded = await root.start(Flooded, log, name="flooded")
        quiet = await root.start(Flooded, log, name="quiet")
        flooded.tell("more")
        for _ in range(10):
            before = len(log)
            await quiet.ask(Get())
            assert len(log) - before <= 2 * (64 + 64) + 2
        await flooded.kill()
        root.reports.drain()


async def test_handlers_that_take_long_give_way_to_trio_after_each() -> None:
    """The slice of real time is looked at after the first message, not after the eighth."""
    log: list[str] = []
    async with open_supervisor("stage", scheduling=Scheduling(time_slice=1e-9)) as root:
        ref = await root.start(Flooded, log)
        ref.tell("more")
        gaps: list[int] = []
        for _ in range(20):
            before = len(log)
            await trio.lowlevel.checkpoint()
            gaps.append(len(log) - before)
        assert max(gaps) <= 2
        await ref.kill()
        root.reports.drain()


async def test_a_suspended_handler_does_not_hold_up_the_run_queue() -> None:
    log: list[str] = []

    class Sleeper(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            log.append("begin")
            await trio.sleep(1)
            log.append("end")

    async with open_tree("stage") as root:
        sleepers = [await root.start(Sleeper) for _ in range(200)]
        for sleeper in sleepers:
            sleeper.tell("x")
        await settle()
        assert log == ["begin"] * 200
        await trio.sleep(2)
        assert log == ["begin"] * 200 + ["end"] * 200
        for sleeper in sleepers:
            sleeper.tell("again")
        await trio.sleep(2)
        assert log.count("end") == 400


class Naps(Actor[float]):
    async def receive(self, message: float, ctx: Context) -> None:
        await trio.sleep(message)


async def nap(refs: list[ActorRef[float]], seconds: float) -> None:
    for ref in refs:
        ref.tell(seconds)
    await trio.sleep(seconds)
    await settle()


async def test_bursts_that_follow_one_another_use_the_same_tasks() -> None:
    async with open_tree("stage") as root:
        pool = root._slot.runtime.pool
        refs = [await root.start(Naps) for _ in range(300)]
        await nap(refs, 0.1)
        workers = set(pool.workers)
        assert len(workers) == 300
        for _ in range(8):
            await nap(refs, 1.0)  # longer than it takes to find them all unused
            assert set(pool.workers) == workers


async def test_a_burst_does_not_keep_its_tasks_for_ever() -> None:
    """Those that nobody has needed from one look to the next end, a few at a time; what is needed meanwhile is left."""
    async with open_tree("stage") as root:
        pool = root._slot.runtime.pool
        refs = [await root.start(Naps) for _ in range(300)]
        await nap(refs, 0.1)
        counts: list[int] = []
        for _ in range(60):
            await nap(refs[:100], 0.1)
            counts.append(len(pool.workers))
        assert counts[0] == 300
        assert counts[-1] == 100 + MAX_PARKED  # at each look, a hundred were at work
        before = len(pool.workers)
        await trio.sleep(2 * LOOK_EVERY + PAUSE * before / BITE)
        assert len(pool.workers) == MAX_PARKED
        await nap(refs, 0.1)
        assert len(pool.workers) == 300
        for ended in (0, BITE, BITE, BITE, BITE, 36):
            before = len(pool.workers)
            assert pool.look is not None
            await trio.sleep_until(pool.look.when)
            await settle()
            assert before - len(pool.workers) == ended
        assert pool.look is None


async def test_a_worker_that_is_dismissed_leaves_the_queue_to_others() -> None:
    """What is told in the very step in which workers end is handled all the same."""
    async with open_tree("stage") as root:
        pool = root._slot.runtime.pool
        refs = [await root.start(Naps) for _ in range(300)]
        await nap(refs, 0.1)
        begun = trio.current_time()
        for bite in range(4):
            await trio.sleep_until(begun + 2 * LOOK_EVERY + bite * PAUSE)
            before = len(pool.workers)
            for ref in refs[::2]:
                ref.tell(0.0)
            await settle()
            assert before - BITE <= len(pool.workers) <= before
        assert len(pool.workers) < 300
        assert {await ref.stop() for ref in refs} == {Shutdown()}
        assert [ref._slot.box.waiting for ref in refs] == [0] * 300


async def test_the_run_queue_can_be_injected() -> None:
    """An explorer's queue decides who goes next."""
    log: list[str] = []

    class Backwards(deque[Any]):
        def popleft(self) -> Any:
            return self.pop()

    async with open_supervisor("stage", scheduling=Scheduling(run_queue=Backwards(), per_activation=1)) as root:
        refs = [await root.start(Flooded, log, name=name) for name in "abc"]
        for ref in refs:
            ref.tell("once")
        await settle()
        assert log == ["c", "b", "a"]


@pytest.mark.parametrize(
    "options",
    [
        {"per_activation": 0},
        {"per_turn": -1},
        {"per_activation": 1.5},
        {"per_turn": True},
        {"time_slice": 0},
        {"time_slice": -1},
        {"time_slice": "1"},
        {"time_slice": True},
    ],
)
def test_wrong_budgets_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Scheduling"):
        Scheduling(**options)
