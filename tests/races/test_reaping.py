"""The reaper under control of each step: a deadlock is found in spite of it, and whatever races it, each actor and each task has one outcome."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import combinations
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorCrashed,
    ActorInfo,
    ActorRef,
    ActorStopped,
    Agent,
    Context,
    Down,
    Limits,
    Refused,
    Request,
    StartupFailed,
    StillRunning,
    Supervisor,
    Turn,
    TurnFinished,
    TurnHandle,
    TurnInterrupted,
    TurnOutcome,
    open_supervisor,
    races,
)
from greenroom.races import Sim

#: When everything happens.
NOW = 2.0


# -- deadlocks


class Starts(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()

    def receive(self, message: Any, ctx: Context) -> None:
        pass


async def stuck(sim: Sim, limits: Limits) -> None:
    async with open_supervisor("stage", limits=limits) as root:
        root.start_soon(Starts, startup_timeout=None)
        await trio.lowlevel.checkpoint()
        await trio.Event().wait()


def test_a_deadlock_is_reported_in_its_very_step_though_the_reaper_is_armed() -> None:
    with_it = races.run(stuck, Limits(stale_after=5.0))
    without = races.run(stuck, Limits(reap_every=None))
    assert with_it.verdict == without.verdict == "deadlock"
    assert with_it.steps == without.steps
    assert str(with_it.error) == str(without.error)


async def forgets(sim: Sim) -> None:
    """Records wait to be forgotten."""
    async with open_supervisor("stage") as root:
        await root.start_soon(Starts).kill()
        assert len(root.ended) == 1
        assert root._slot.runtime.reaper.next_round == 3_601.0
        await trio.Event().wait()


def test_a_deadlock_is_reported_though_there_are_records_to_forget() -> None:
    result = races.run(forgets)
    assert result.verdict == "deadlock"
    assert "no timer runs" in str(result.error)


async def somebody_sleeps(sim: Sim) -> None:
    """As long as somebody waits for a time, the reaper has its rounds before it."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0)) as root:
        ref = root.start_soon(Starts, startup_timeout=None)
        await trio.sleep(5.5)
        assert ref.lifecycle == "initializing"
        await trio.sleep(100)
        assert ref.lifecycle == "failed"
        [record] = root.ended
        assert record.ended == 6.0
        root.reports.drain()


async def called_off(sim: Sim) -> None:
    """What was called off does not come due."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0, retention=0)) as root:
        root.start_soon(Starts, startup_timeout=None).request_stop()
        await trio.sleep(100)
        assert root._slot.runtime.reaper.next_round == float("inf")


@pytest.mark.parametrize("scenario", [somebody_sleeps, called_off])
def test_rounds_come_in_time(scenario: Any) -> None:
    found = races.search(scenario, schedules=30)
    assert found is None, str(found)


async def time_is_a_choice(sim: Sim) -> None:
    """Time that passes while others could go on has its rounds as well."""
    async with open_supervisor("stage", limits=Limits(stale_after=5.0)) as root:
        ref = root.start_soon(Starts, startup_timeout=None)
        await trio.sleep(100)
        await ref.wait_stopped()  # nobody would wait for that if the round had not come due
        root.reports.drain()


def test_rounds_come_where_time_is_a_choice() -> None:
    found = races.search(time_is_a_choice, schedules=60, time="choice")
    assert found is None, str(found)


# -- one outcome


class Question(Request[str]):
    pass


class Works(Agent[Any]):
    """Complete at NOW."""

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        await trio.sleep_until(NOW)
        return "done"


class Watches(Actor[Any]):
    """Count what it is told of an agent's end."""

    def __init__(self, ref: ActorRef[Any], downs: Counter[int]) -> None:
        self.ref, self.downs = ref, downs

    async def startup(self, ctx: Context) -> None:
        ctx.monitor(self.ref)

    def receive(self, message: Any, ctx: Context) -> None:
        assert isinstance(message, Down)
        self.downs[message.ref.uid] += 1


class Stage:
    """Hold what a race is about: an agent below a parent, in a turn, and a task that it has accepted."""

    def __init__(self, root: Supervisor, parent: ActorRef[Any], agent: ActorRef[Any], handle: TurnHandle) -> None:
        self.root, self.parent, self.agent, self.handle = root, parent, agent, handle

    async def complete(self) -> None:
        """The turn does that by itself."""

    async def fail(self) -> None:
        self.agent.crash(OSError("no"))

    async def cancel(self) -> None:
        self.handle.cancel()

    async def interrupt(self) -> None:
        with suppress(StillRunning):
            await self.agent.interrupt(grace=1)

    async def stop(self) -> None:
        await self.agent.stop()

    async def reap(self) -> None:
        """The reaper has its round then: the agent drains, and is overdue."""

    async def parent_ends(self) -> None:
        await self.parent.stop()


EVENTS = {
    "complete": Stage.complete, "fail": Stage.fail, "cancel": Stage.cancel, "interrupt": Stage.interrupt, "stop": Stage.stop,
    "reap": Stage.reap, "parent ends": Stage.parent_ends,
}  # fmt: skip
PAIRS = list(combinations(EVENTS, 2))


async def parent(ctx: Context, read: list[Any], made: list[Any]) -> None:
    made.append(ctx.start_soon(Works, name="agent"))
    while True:
        read.append(await ctx.reports.receive())


async def race(sim: Sim, pair: tuple[str, str]) -> None:
    """Let two things happen at once to an agent that works on a task and has another one waiting."""
    resolved: list[Any] = []
    read: list[Any] = []
    made: list[ActorRef[Any]] = []
    answers: list[str] = []
    downs: Counter[int] = Counter()
    limits = Limits(stale_after=0.5, reap_every=NOW)
    async with open_supervisor("stage", limits=limits) as root, trio.open_nursery() as nursery:
        owner = root.start_soon(parent, read, made, name="parent")
        while not made:
            await trio.lowlevel.checkpoint()
        agent = made[0]
        await agent.wait_ready()
        await root.start(Watches, agent, downs)
        handle = agent.start_turn("task")

        async def ask() -> None:
            try:
                answers.append(await agent.ask(Question(), timeout=1_000))
            except (ActorStopped, ActorCrashed, TurnInterrupted) as error:
                answers.append(type(error).__name__)

        async def follow() -> None:
            resolved.append(await handle.outcome())

        async def at_once(name: str) -> None:
            await trio.sleep_until(NOW)
            with suppress(Refused):
                await EVENTS[name](stage)

        stage = Stage(root, owner, agent, handle)
        nursery.start_soon(ask)
        nursery.start_soon(follow)
        await trio.sleep(1)
        if "reap" in pair:
            nursery.start_soon(agent.drain)
            await trio.sleep(0.1)
            assert agent.lifecycle == "draining"
        for name in pair:
            nursery.start_soon(at_once, name)
        await trio.sleep(10)
        # The task that it worked on, and the one that waited, have their one outcome; so has the agent.
        assert handle.is_done
        assert len(resolved) == 1
        assert len(answers) == 1
        finished = [report for report in read if isinstance(report, TurnFinished) and report.turn == handle.id]
        ended = [report for report in read if type(report).__name__ == "ChildEnded"]
        assert len(finished) <= 1
        ends = bool({"fail", "stop", "reap", "parent ends"} & set(pair))
        assert agent._slot.has_ended == ends
        if "parent ends" not in pair:
            assert len(ended) == ends
            assert downs == ({agent.uid: 1} if ends else {})
            kind = resolved[0].kind
            assert (kind in ("completed", "interrupted", "errored")) == (len(finished) == 1), (kind, finished)
        else:
            assert downs == {agent.uid: 1}
        assert [record.path for record in root.ended].count("/stage/parent/agent") == ends
        if pair == ("complete", "reap"):
            assert resolved[0].kind in {"completed", "stopped"}
        root.reports.drain()
        await owner.stop()
        root.reports.drain()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_whatever_races_each_agent_and_each_task_has_one_outcome(
    pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = TurnHandle.resolve

    def once(handle: TurnHandle, outcome: TurnOutcome) -> None:
        assert not handle.is_done
        usual(handle, outcome)

    monkeypatch.setattr(TurnHandle, "resolve", once)
    found = races.search(race, pair, schedules=20, time="exact")
    assert found is None, str(found)


# -- the reaper against the ready transition, a stop, a start by others


class StartsFor(Actor[Any]):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    def receive(self, message: Any, ctx: Context) -> None:
        pass


class StartsForAlone(StartsFor):
    own_task = True


async def a_start_that_is_reaped(sim: Sim) -> None:
    """It becomes ready, is stopped, is granted its permit and is overdue all at the same time: one report, and no permit is lost."""
    limits = Limits(stale_after=1.5, reap_every=NOW, max_concurrent_startups=1)
    kind = sim.choose([StartsFor, StartsForAlone])
    async with open_supervisor("stage", limits=limits) as root, trio.open_nursery() as nursery:
        first = root.start_soon(kind, NOW, name="first")
        second = root.start_soon(kind, 0.0, name="second", restart=sim.choose(["temporary", "transient"]))
        third = root.start_soon(kind, 0.0, name="third")

        async def stop() -> None:
            await trio.sleep(NOW)
            await sim.choose([first, second]).stop()

        async def start() -> None:
            with suppress(StartupFailed):
                await root.start(kind, 0.0, name="fourth")

        nursery.start_soon(stop)
        nursery.start_soon(start)
        await trio.sleep(20)
        told = Counter(report.path for report in root.reports.drain() if not getattr(report, "restarting", False))
        gate: Any = root._slot.runtime.launcher
        assert (gate.in_use, gate.waiting, gate.covered) == (0, 0, 0)
        for ref in (first, second, third):
            ended = ref.lifecycle in {"failed", "stopped", "parked"}
            assert ended or ref.lifecycle == "ready"
            assert told[ref.path] == ended, (ref, told)
        assert len(root._slot.runtime.reaper._watched) == 0
        nursery.cancel_scope.cancel()


def test_a_start_that_is_overdue_when_it_ends_has_one_outcome() -> None:
    found = races.search(a_start_that_is_reaped, schedules=150)
    assert found is None, str(found)


# -- feeds


def shown(info: ActorInfo) -> Any:
    return info.path, info.lifecycle, repr(info.status), tuple(shown(child) for child in info.children)


async def a_feed_that_is_followed(sim: Sim) -> None:
    """A reader is cancelled somewhere and reads on; another never reads; the first has the true last state, and the outcomes are the same."""
    last: list[ActorInfo] = []
    limits = Limits(stale_after=1.5, reap_every=NOW)
    async with open_supervisor("stage", limits=limits) as root, root.subscribe(), trio.open_nursery() as nursery:

        async def follow() -> None:
            async with root.subscribe() as feed:
                while True:
                    with sim.scope("reader"):
                        async for state in feed:
                            last[:] = [state]
                            await trio.lowlevel.checkpoint()

        nursery.start_soon(follow)
        done = root.start_soon(StartsFor, 0.0, name="done", restart="transient")
        root.start_soon(StartsFor, 9.0, name="overdue")
        await trio.sleep(1)
        done.request_stop()
        await trio.sleep(2)
        await trio.lowlevel.checkpoint()
        ended = {record.path: record.lifecycle for record in root.ended}
        assert ended == {"/stage/overdue": "failed"}
        root.delete_child("done")  # of which the reader is told in one step, and not again
        await trio.sleep(1)
        assert shown(last[0]) == shown(root.snapshot())
        root.reports.drain()
        nursery.cancel_scope.cancel()


def test_a_feed_whose_reader_is_cancelled_at_any_step_converges() -> None:
    sweep = races.cancel_everywhere(a_feed_that_is_followed, scope="reader")
    assert sweep.points > 20
    assert not sweep.failures, str(sweep)


def test_a_feed_converges_whatever_the_order() -> None:
    found = races.search(a_feed_that_is_followed, schedules=60)
    assert found is None, str(found)


RUNS: list[Callable[[Sim], Awaitable[None]]] = [a_start_that_is_reaped, somebody_sleeps]


@pytest.mark.parametrize("backend", ["gate", "hook"])
@pytest.mark.parametrize("scenario", RUNS)
def test_both_ways_to_control_steps_know_of_the_reaper(scenario: Any, backend: Any) -> None:
    result = races.run(scenario, backend=backend)
    assert result.verdict == "passed", result.error
