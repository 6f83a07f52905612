"""Register, then start, under race: hundreds of children that start, fail, hang and vanish, and that are stopped, killed, crashed and restarted
at random. Trio under Hypothesis's defaults runs one and the same schedule over and over, so the order is drawn as well: Trio's own random
numbers are, and so is what comes next on greenroom's run queue."""

import random
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trio
import trio._core._run as trio_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from greenroom import (
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    AlreadyRunning,
    ChildEnded,
    ChildNotFound,
    ChildStartupFailed,
    Intensity,
    Limits,
    NameInUse,
    NoReply,
    Scheduling,
    StartupFailed,
    Supervisor,
    open_supervisor,
)

from .world import KINDS, Bare, Word, World

REFUSALS = (ActorStopping, ActorStopped, StartupFailed)
#: Seconds of virtual time after which a tree hangs.
FOR_EVER = 1e7
EXAMPLES = max(150, settings().max_examples // 5)


class ShuffledQueue:
    """Be a run queue that hands out its slots in an order of its own."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.slots: list[Any] = []

    def append(self, slot: Any, /) -> None:
        self.slots.append(slot)

    def appendleft(self, slot: Any, /) -> None:
        self.slots.append(slot)

    def popleft(self) -> Any:
        return self.slots.pop(self.chance.randrange(len(self.slots)))

    def __len__(self) -> int:
        return len(self.slots)

    def __iter__(self) -> Any:
        return iter(self.slots)


@contextmanager
def drawn_schedule(seed: int) -> Generator[random.Random]:
    """Let a number decide in which order Trio runs tasks that could all run."""
    trio_random, allowed = trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    chance = random.Random(seed)
    trio_run._r = chance
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    try:
        yield chance
    finally:
        trio_run._r = trio_random
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = allowed  # type: ignore[misc]


def draw_start(chance: random.Random) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Draw a factory, its arguments and options."""
    services = tuple(
        (chance.choice((0.0, 0.1, 0.5)), chance.choice(("fine", "fine", "fails", "hangs", "vanishes", "optional")))
        for _ in range(chance.choice((0, 0, 1, 3)))
    )
    how = chance.choice(("fine", "fine", "fine", "fails", "hangs", "breeds"))
    options = {
        "restart": chance.choice(("temporary", "temporary", "transient", "permanent")),
        "startup_timeout": chance.choice((0.3, 2.0)),
        "shutdown": chance.choice((0, 0.2, 1.0)),
    }
    return chance.choice(KINDS), (services, how, chance.choice((0.0, 0.1, 0.4))), options


class Disturbance:
    """Do random things to random children at random times."""

    def __init__(self, root: Supervisor, world: World, refs: list[ActorRef[Any]]) -> None:
        self.root, self.world, self.refs, self.chance = root, world, refs, world.chance

    async def run(self, actions: int) -> None:
        chance = self.chance
        async with trio.open_nursery() as nursery:
            for _ in range(actions):
                await trio.sleep(chance.choice((0.0, 0.0, 0.01, 0.1)))
                action = chance.choice(
                    (self.tell, self.tell, self.tell, self.ask, self.end, self.crash, self.restart, self.start)
                )
                nursery.start_soon(action, chance.choice(self.refs))

    async def tell(self, ref: ActorRef[Any]) -> None:
        word = self.world.word()
        if ref.try_tell(word, urgent=self.chance.random() < 0.2, trigger_turn=self.chance.random() < 0.9):
            self.world.accepted.add(word.number)

    async def ask(self, ref: ActorRef[Any]) -> None:
        # Its fate is its answer or its error, which this waits for; that it is handled at most once is seen with the others.
        with suppress(ActorCrashed, NoReply, TimeoutError, *REFUSALS):
            await ref.ask(self.world.word(), timeout=self.chance.choice((3.0, 0.2)))

    async def end(self, ref: ActorRef[Any]) -> None:
        if self.chance.random() < 0.3:
            ref.request_stop()
        with trio.move_on_after(self.chance.choice((0.05, 5.0))):
            await getattr(ref, self.chance.choice(("stop", "drain", "kill")))()

    async def crash(self, ref: ActorRef[Any]) -> None:
        ref.crash(OSError("from outside"))

    async def restart(self, ref: ActorRef[Any]) -> None:
        with suppress(ChildNotFound, AlreadyRunning, *REFUSALS):
            await self.root.terminate_child(ref.name)
            if self.chance.random() < 0.5:
                self.world.by_hand.add((ref.uid, ref.incarnation + 1))
                await self.root.restart_child(ref.name)
            else:
                self.root.delete_child(ref.name)

    async def start(self, _ref: ActorRef[Any]) -> None:
        factory, arguments, options = draw_start(self.chance)
        with trio.move_on_after(self.chance.random()), suppress(*REFUSALS):
            self.refs.append(await self.root.start(factory, self.world, *arguments, **options))


async def race(chance: random.Random, children: int, actions: int, gate: int | None, leave: str) -> World:
    """Let one tree live and die, and check what is left of it."""
    world = World(chance)
    reports: list[Any] = []
    dead: list[Any] = []
    refs: list[ActorRef[Any]] = []
    keep: list[Supervisor] = []

    async def read(root: Supervisor) -> None:
        async for report in root.reports:
            reports.append(report)
            world.order.append(f"{report.uid} reported")

    async def bury(root: Supervisor, task_status: trio.TaskStatus[None]) -> None:
        async with root.dead_letters.subscribe(buffer=100_000) as feed:
            task_status.started()
            dead.extend([letter async for letter in feed])

    with trio.fail_after(FOR_EVER):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                async with open_supervisor(
                    "stage",
                    intensity=Intensity(100_000, 1.0),
                    limits=Limits(max_concurrent_startups=gate),
                    scheduling=Scheduling(
                        run_queue=ShuffledQueue(chance), per_activation=chance.choice((1, 64)), time_slice=1e6
                    ),  # no real time: a seed is to decide everything
                ) as root:
                    keep.append(root)
                    nursery.start_soon(read, root)
                    await nursery.start(bury, root)
                    before = trio.current_time()
                    for _ in range(children):
                        factory, arguments, options = draw_start(chance)
                        word = world.word()
                        refs.append(root.start_soon(factory, world, *arguments, mail=word, **options))
                        world.accepted.add(word.number)
                        world.soon.add(refs[-1].uid)
                    assert trio.current_time() == before
                    with pytest.raises(NameInUse):
                        root.start_soon(Bare, world, name=refs[0].name)
                    await Disturbance(root, world, refs).run(actions)
                    if leave == "cancel":
                        scope.cancel()
                    elif leave == "stop":
                        root.request_stop()
    check(world, keep[0], refs, reports, dead)
    return world


def check(world: World, root: Supervisor, refs: list[ActorRef[Any]], reports: list[Any], dead: list[Any]) -> None:
    """Check that nothing is left, each failure has one report, and each mail one fate."""
    slot = root._slot
    runtime = slot.runtime
    launcher: Any = runtime.launcher
    assert [info.path for info in root.snapshot().walk()] == ["/stage"]
    assert (runtime.alive, launcher.in_use, launcher.waiting) == (0, 0, 0)
    assert (len(runtime.deadlines), len(runtime.pool.runq), len(runtime.pool.workers)) == (0, 0, 0)
    assert (world.open_services, world.running_hooks, world.starting) == (0, 0, 0)
    for ref in refs:
        assert ref.lifecycle in ("stopped", "failed")
        assert ref._slot.runner is None
        assert ref._slot.box.hand is None
        assert ref._slot.box.waiting == 0
    # No incarnation has two reports, and each has one, however it ended; those that somebody awaited have none when they fail to start.
    once = Counter(
        (report.uid, report.incarnation) for report in reports if isinstance(report, ChildEnded | ChildStartupFailed)
    )
    assert set(once.values()) <= {1}
    ends = {(ref.uid, n) for ref in refs if ref.uid in world.soon for n in range(1, ref.incarnation + 1)}
    assert ends - world.by_hand <= set(once)
    # Each accepted mail has exactly one fate: handled, or a dead letter.
    buried = Counter(letter.message.number for letter in dead if isinstance(letter.message, Word))
    fates = world.fates + buried
    assert {number for number in world.accepted if fates[number] != 1} == set()
    assert {number for number, count in fates.items() if count > 1} == set()


def run(seed: int, children: int, actions: int, gate: int | None, leave: str) -> World:
    with drawn_schedule(seed) as chance:
        return trio.run(race, chance, children, actions, gate, leave, clock=MockClock(autojump_threshold=0))


def test_register_then_start_under_race() -> None:
    """P1 to P11, P14, P16, P26 and P27, under drawn schedules; and these are many."""
    orders: set[tuple[str, ...]] = set()

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(
        seed=st.integers(0, 2**32 - 1),
        children=st.integers(2, 30),
        actions=st.integers(0, 60),
        gate=st.none() | st.integers(1, 4),
        leave=st.sampled_from(["block", "stop", "cancel"]),
    )
    def explore(seed: int, children: int, actions: int, gate: int | None, leave: str) -> None:
        orders.add(tuple(run(seed, children, actions, gate, leave).order))

    explore()
    assert len(orders) >= 100


def test_a_seed_decides_the_order_and_different_seeds_give_different_ones() -> None:
    orders = {tuple(run(seed, 12, 12, 2, "block").order) for seed in range(120)}
    assert len(orders) >= 100
    assert run(7, 12, 12, 2, "block").order == run(7, 12, 12, 2, "block").order


@pytest.mark.parametrize(("gate", "leave"), [(None, "block"), (8, "stop"), (50, "cancel")])
def test_1000_children_started_in_one_go_leave_nothing_behind(gate: int | None, leave: str) -> None:
    world = run(1, 1_000, 500, gate, leave)
    assert len(world.order) > 100
