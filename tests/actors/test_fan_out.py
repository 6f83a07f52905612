"""The fan-out gate: 20, 200 and 2,000 agents started by one turn. All are registered before the first startup runs, the tree answers at every step
while they start, each completion is recorded exactly once, and the feed comes to the true state."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorInfo,
    ActorRef,
    Agent,
    AgentTool,
    ApprovalRequest,
    Call,
    CallResult,
    ChildEnded,
    ChildStartupFailed,
    Completed,
    Context,
    Dispatch,
    Limits,
    Service,
    Supervisor,
    Turn,
    TurnFinished,
    open_supervisor,
)
from greenroom.supervisor import LatestTree

COUNTS = pytest.mark.parametrize("count", [20, 200, 2_000])
STARTUPS = 16
TURNS = 8


async def steps(number: int) -> None:
    for _ in range(number):
        await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class Stage:
    """What is noted of a run."""

    registered: Callable[[], int] = lambda: -1
    #: how many were registered when a startup began.
    at_startup: list[int] = attrs.field(factory=list[int])
    starting: int = 0
    most_starting: int = 0
    in_turn: int = 0
    most_in_turn: int = 0
    worked: Counter[str] = attrs.field(factory=Counter[str])
    results: list[CallResult] = attrs.field(factory=list[CallResult])
    reports: list[Any] = attrs.field(factory=list[Any])


class Child(Agent[int]):
    """Take some steps to start, with a service besides, and some for each turn."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def services(self) -> list[Service[None]]:
        return [Service("slow", self.connect)]

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[None]:
        stage = self.stage
        stage.at_startup.append(stage.registered())
        stage.starting += 1
        stage.most_starting = max(stage.most_starting, stage.starting)
        try:
            await steps(5)
        finally:
            stage.starting -= 1
        yield

    async def turn(self, turn: Turn[int], ctx: Context) -> int:
        stage = self.stage
        stage.in_turn += 1
        stage.most_in_turn = max(stage.most_in_turn, stage.in_turn)
        try:
            await steps(3)
            stage.worked[ctx.path] += 1
            return turn.mail[0].message
        finally:
            stage.in_turn -= 1


class Boss(Agent[Any]):
    """Start all children in one turn. In the next, collect what is reported of each of them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def tools(self, ctx: Context) -> list[AgentTool]:
        return [AgentTool({"child": partial(Child, self.stage)})]

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        stage, message = self.stage, turn.mail[0].message
        if isinstance(message, int):
            stage.registered = lambda: len(ctx.children())
            calls = [
                Call(n, "agent", {"action": "start", "factory": "child", "name": f"c-{n}", "message": n})
                for n in range(message)
            ]
            stage.results = await ctx.dispatch(calls)
        elif message == "collect":
            told: set[str] = set()
            while len(told) < len(stage.results):
                await ctx.wait_for_mail()
                for mail in turn.drain():
                    stage.reports.append(mail.message)
                    told.add(mail.message.path)
                turn.commit()
        else:
            stage.reports += [mail.message for mail in turn.drain()]


def without_age(info: ActorInfo) -> Any:
    return [attrs.evolve(each, age=0.0, children=()) for each in info.walk()]


def outcome_of(report: Any) -> str:
    match report:
        case TurnFinished(outcome=outcome):
            return outcome.kind
        case ChildEnded():
            return "ended"
        case ChildStartupFailed():
            return "failed"
        case _:
            raise AssertionError(report)


@asynccontextmanager
async def open_stage() -> AsyncGenerator[tuple[Stage, Supervisor, ActorRef[Any]]]:
    """A tree in which a turn is about to start many children."""
    stage = Stage()
    limits = Limits(max_concurrent_startups=STARTUPS, max_running_turns=TURNS)
    async with open_supervisor("stage", limits=limits) as root:
        boss = await root.start(Boss, stage, name="boss")
        yield stage, root, boss
        root.reports.drain()


@COUNTS
async def test_all_children_of_one_turn_are_registered_before_the_first_startup_runs_and_end_with_one_outcome_each(
    count: int,
) -> None:
    async with open_stage() as (stage, root, boss):
        await boss.run_turn(count)
        assert stage.at_startup == []  # registered, and not one instruction of any has run
        assert root.count_children()["active"] == 1
        assert len(root.snapshot().children[0].children) == count
        await boss.run_turn("collect")
        assert set(stage.at_startup) == {count}
        assert stage.most_starting == min(count, STARTUPS)
        assert stage.most_in_turn == TURNS
        assert [result.kind for result in stage.results] == ["completed"] * count
        paths = [result.value["path"] for result in stage.results]
        assert [path.rpartition("-")[2] for path in paths] == [str(n) for n in range(count)]
        # Each worked once, was told of once, and with its own result.
        assert stage.worked == dict.fromkeys(paths, 1)
        assert Counter(report.path for report in stage.reports) == dict.fromkeys(paths, 1)
        assert {report.path: (report.outcome.kind, report.outcome.result) for report in stage.reports} == {
            path: ("completed", n) for n, path in enumerate(paths)
        }


@COUNTS
async def test_the_tree_answers_at_every_step_while_they_start_and_whoever_is_stopped_has_one_outcome_too(
    count: int,
) -> None:
    random = Random(count)
    async with open_stage() as (stage, root, boss):
        await boss.run_turn(count)
        handle = boss.start_turn("collect")
        children = [root.lookup(f"boss/c-{n}") for n in random.sample(range(count), count)]
        stopped: set[str] = set()
        # A snapshot of 2,000 takes some 10 ms of real time: of so many, not at every step.
        every = max(1, count // 100)
        looks = 0
        while not handle.is_done:
            looks += 1
            assert looks < 1_000 + 10 * count
            assert root.which_children() == [boss]
            assert root.count_children() == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
            if looks % every == 0:
                shown = root.snapshot().children[0].children
                assert len(shown) + len(stopped) >= count
                assert sum(info.lifecycle == "initializing" for info in shown) <= STARTUPS
            if children and looks % 2 == 0:
                ref = children.pop()
                assert root.lookup(ref.path) == ref
                if ref.lifecycle in {"queued", "initializing"}:
                    ref.request_stop()
                    assert ref.lifecycle == "stopping"
                    stopped.add(ref.path)
            await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
        await boss.run_turn("the rest")
        assert looks > count // STARTUPS
        assert len(stopped) >= 4
        told: dict[str, list[str]] = {}
        for report in stage.reports:
            told.setdefault(report.path, []).append(outcome_of(report))
        assert told == {
            result.value["path"]: ["ended" if result.value["path"] in stopped else "completed"]
            for result in stage.results
        }
        assert stage.worked == dict.fromkeys(told.keys() - stopped, 1)
        assert {info.path for info in root.snapshot().children[0].children} == told.keys() - stopped


@COUNTS
async def test_one_stop_at_any_step_ends_all_that_one_turn_has_started(count: int) -> None:
    # Of the many, at a few steps only.
    for number in range(0, 40, {20: 1, 200: 4, 2_000: 13}[count]):
        async with open_stage() as (stage, root, boss):
            await boss.run_turn(count)
            await steps(number)
            began = trio.current_time()
            await boss.stop()
            assert trio.current_time() == began
            assert root.which_children() == []
            assert stage.starting == stage.in_turn == 0
            runtime = root._slot.runtime
            assert runtime.alive == 1


@COUNTS
async def test_a_parent_that_reads_nothing_meanwhile_has_each_completion_counted_once(count: int) -> None:
    async with open_stage() as (stage, _root, boss):
        await boss.run_turn(count)
        await wait_all_tasks_blocked()
        await boss.run_turn("the rest")
        folded = boss._slot.more.log.folded
        assert len({report.path for report in stage.reports}) == len(stage.reports) == min(count, 1_000)
        assert sum(folded.values()) + len(stage.reports) == count
        assert set(folded) <= {"turn completed"}


# -- the feed


@COUNTS
async def test_a_feed_of_the_fan_out_comes_to_the_true_state_though_it_is_slow_and_its_deliveries_are_dropped(
    count: int,
) -> None:
    random = Random(count)
    states: list[ActorInfo] = []
    dropped = 0

    async def follow(feed: LatestTree) -> None:
        nonlocal dropped
        while True:
            with trio.CancelScope() as scope:
                if random.random() < 0.5:
                    scope.cancel()  # the delivery is broken off
                states.append(await anext(feed))
            dropped += scope.cancelled_caught
            await steps(random.randrange(count // 4))

    async with open_stage() as (stage, root, boss), root.subscribe() as feed, trio.open_nursery() as nursery:
        nursery.start_soon(follow, feed)
        await boss.run_turn(count)
        await boss.run_turn("collect")
        await wait_all_tasks_blocked()
        assert dropped
        assert len(states) < count  # latest states, not one for each change
        is_true = without_age(states[-1]) == without_age(root.snapshot())
        assert is_true  # in a name: 2,000 of them would be a long story
        assert Counter(info.status for info in states[-1].children[0].children) == {
            Completed(n): 1 for n in range(count)
        }
        assert len(stage.reports) == count
        nursery.cancel_scope.cancel()


# -- who looks changes nothing


Log = list[Any]


def note(log: Log, *facts: Any) -> None:
    log.append((round(trio.current_time(), 9), *facts))


class Sleeper(Agent[float]):
    def __init__(self, log: Log, seconds: float) -> None:
        self.log, self.seconds = log, seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def turn(self, turn: Turn[float], ctx: Context) -> float:
        seconds = turn.mail[0].message
        await trio.sleep(seconds)
        note(self.log, "worked", ctx.path)
        if seconds > 0.9:
            raise OSError("too long")
        return seconds


class Approver(Actor[ApprovalRequest]):
    def __init__(self, log: Log, seed: int) -> None:
        self.log, self.random = log, Random(seed)

    async def receive(self, message: ApprovalRequest, ctx: Context) -> bool:
        await trio.sleep(self.random.uniform(0, 0.3))
        answer = self.random.random() < 0.6
        note(self.log, "asked for", message.call.id, answer)
        return answer


class Foreman(Agent[list[Call]]):
    def __init__(self, log: Log, approver: ActorRef[ApprovalRequest]) -> None:
        self.log, self.approver = log, approver

    async def turn(self, turn: Turn[list[Call]], ctx: Context) -> None:
        tool = AgentTool({"sleeper": partial(Sleeper, self.log)})
        work = Dispatch(turn.mail[0].message, tools=[tool], approver=self.approver)
        try:
            await work.run(ctx)
        finally:
            self.log += [(result.id, result.kind, result.cause, repr(result.value)) for result in work.results]


def draw_plan(random: Random) -> list[Call]:
    """Starts, and among them cancellations, which need approval, and waits."""
    plan: list[dict[str, Any]] = []
    for number in range(40):
        name = f"s-{number}"
        start = {"action": "start", "factory": "sleeper", "name": name, "message": random.random()}
        plan.append({**start, "arguments": {"seconds": random.uniform(0, 0.5)}})
        if random.random() < 0.3:
            plan.append({"action": "cancel", "agent": name, "turn_only": random.random() < 0.5})
        if random.random() < 0.2:
            plan.append({"action": "wait", "agents": [name], "timeout": random.uniform(0.1, 1)})
    return [Call(number, "agent", each) for number, each in enumerate(plan)]


async def read_slowly(feed: LatestTree) -> None:
    async for tree in feed:
        assert tree.path == "/stage"
        await trio.sleep(0.35)


def outcomes(seed: int, subscribers: str) -> Log:
    """Return what calls, approvals and children come to, with their times, in a tree that is looked at by some."""
    log: Log = []
    random = Random(seed)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            limits = Limits(max_concurrent_startups=5, max_running_turns=4)
            root = await stack.enter_async_context(open_supervisor("stage", limits=limits))
            nursery = await stack.enter_async_context(trio.open_nursery())
            for kind in subscribers.split():
                feed = await stack.enter_async_context(root.subscribe())
                if kind == "slow":
                    nursery.start_soon(read_slowly, feed)
            approver = root.start_soon(Approver, log, seed)
            foreman = root.start_soon(Foreman, log, approver, name="foreman", mail=draw_plan(random))
            await trio.sleep(random.uniform(2, 6))
            note(log, "interrupted", await foreman.interrupt(cascade=True))
            await trio.sleep(60)
            log.extend(repr((info.path, info.lifecycle, info.status)) for info in root.snapshot().walk())
            log.extend(repr(each) for each in (*root.ended, *root.reports.drain()))
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return log


@pytest.mark.parametrize("seed", range(3))
def test_a_dead_and_a_slow_subscriber_change_no_outcome_and_no_approval(seed: int) -> None:
    alone = outcomes(seed, "")
    said = [entry[2:] for entry in alone if entry[1] == "asked for"]
    assert {answer for _, answer in said} == {True, False}
    kinds = {entry[1] for entry in alone if isinstance(entry, tuple)}
    assert kinds >= {"completed", "denied", "interrupted", "not begun", "worked"}
    for subscribers in ("dead", "slow", "dead slow slow"):
        assert outcomes(seed, subscribers) == alone
