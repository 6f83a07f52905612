"""Looking: a snapshot of a large tree, and what subscribers of the feed cost those who work."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from math import inf
from statistics import median
from time import perf_counter
from typing import Any

import attrs
import trio
import trio.testing

from greenroom import Actor, ActorInfo, ActorRef, Agent, Context, Supervisor, Turn, open_supervisor
from greenroom.supervisor import LatestTree

from ._sample import Sample
from ._stopwatch import Stopwatch

#: Actors below one supervisor.
TEAM = 1_000
#: Snapshots that one sample takes.
SNAPSHOTS = 3
#: Agents that work while somebody looks.
AGENTS = 200
#: Seconds that a slow subscriber takes for each state.
SLOW = 0.5
#: Seconds between two pictures of a console.
PICTURE = 0.05
#: Times that each of two kinds is measured in one sample, in turn.
REPEATS = 5


class Idler(Actor[int]):
    """Wait."""

    async def receive(self, message: int, ctx: Context) -> None:
        """Do nothing."""


class Team(Idler):
    """Start members, who wait."""

    def __init__(self, members: int) -> None:
        self._members = members

    async def startup(self, ctx: Context) -> None:
        """Start them."""
        for _ in range(self._members):
            ctx.start_soon(Idler)


async def snapshot_by_greenroom(size: int) -> Sample:
    """Take snapshots of a tree of `size` actors in teams; timed without the building of the tree."""
    async with open_supervisor("stage") as root:
        for first in range(0, size, TEAM):
            await root.start(Team, min(TEAM, size - first))
        await trio.testing.wait_all_tasks_blocked()
        watch = Stopwatch()
        taken = [root.snapshot() for _ in range(SNAPSHOTS)]
        sample = watch.stop(size * SNAPSHOTS)
        assert all(sum(len(team.children) for team in top.children) == size for top in taken)
    return sample


@attrs.frozen
class Info:
    """Show one hand-written actor: as much of it as its registry knows."""

    path: str
    name: str
    number: int
    state: str
    queued: int
    age: float
    children: tuple["Info", ...]


async def snapshot_by_trio(size: int) -> Sample:
    """Copy a registry of `size` hand-written actors, in teams, into frozen records."""
    registry: dict[str, dict[str, tuple[int, float, str, trio.MemoryReceiveChannel[int]]]] = {}
    for number in range(size):
        _send, receive = trio.open_memory_channel[int](inf)
        team = registry.setdefault(f"team-{number // TEAM}", {})
        team[f"idler-{number}"] = number, trio.current_time(), "ready", receive
    await trio.lowlevel.checkpoint()

    def take() -> Info:
        now = trio.current_time()
        teams: list[Info] = []
        for team, members in registry.items():
            infos = [
                Info(
                    f"/stage/{team}/{name}",
                    name,
                    number,
                    state,
                    receive.statistics().current_buffer_used,
                    now - born,
                    (),
                )
                for name, (number, born, state, receive) in members.items()
            ]
            teams.append(Info(f"/stage/{team}", team, 0, "ready", 0, 0.0, tuple(infos)))
        return Info("/stage", "stage", 0, "ready", 0, 0.0, tuple(teams))

    watch = Stopwatch()
    taken = [take() for _ in range(SNAPSHOTS)]
    sample = watch.stop(size * SNAPSHOTS)
    assert all(sum(len(team.children) for team in top.children) == size for top in taken)
    return sample


# -- a burst, with and without somebody who looks


class Board:
    """Take the times from a message to the end of the turn that it started."""

    def __init__(self, total: int) -> None:
        self.began = [0.0] * total
        self.took: list[float] = []
        self.total = total
        self.all = trio.Event()

    def note(self, number: int) -> None:
        """Note one that is done."""
        self.took.append(perf_counter() - self.began[number])
        if len(self.took) == self.total:
            self.all.set()


class Worker(Agent[int]):
    """Do a turn for each message, or for some."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def turn(self, turn: Turn[int], ctx: Context) -> int:
        """Note it."""
        await trio.lowlevel.checkpoint()
        for mail in turn.mail:
            self._board.note(mail.message)
        return len(turn.mail)


#: How somebody looks: opens what there is to open in the stack, and starts what there is to start in the nursery.
Look = Callable[[Any, AsyncExitStack, trio.Nursery], Coroutine[Any, Any, None]]


async def nobody(root: object, stack: AsyncExitStack, nursery: trio.Nursery) -> None:
    """Look at nothing."""


async def dead_and_slow(root: Supervisor, stack: AsyncExitStack, nursery: trio.Nursery) -> None:
    """Subscribe twice: one never reads, the other takes half a second for each state."""
    await stack.enter_async_context(root.subscribe())
    nursery.start_soon(_follow, await stack.enter_async_context(root.subscribe()), SLOW)


async def console(root: Supervisor, stack: AsyncExitStack, nursery: trio.Nursery) -> None:
    """Subscribe as a live table does: twenty pictures a second."""
    nursery.start_soon(_follow, await stack.enter_async_context(root.subscribe()), PICTURE)


async def _follow(feed: LatestTree, seconds: float) -> None:
    last: ActorInfo | None = None
    async for state in feed:
        last = state
        await trio.sleep(seconds)
    assert last is not None


async def _burst(size: int, look: Look) -> Board:
    """Have `size` messages handled by agents, one wave of them after the other."""
    board = Board(size)
    async with open_supervisor("stage") as root, AsyncExitStack() as stack, trio.open_nursery() as nursery:
        refs: list[ActorRef[int]] = [await root.start(Worker, board) for _ in range(AGENTS)]
        await look(root, stack, nursery)
        for first in range(0, size, AGENTS):
            for number in range(first, min(first + AGENTS, size)):
                board.began[number] = perf_counter()
                refs[number % AGENTS].tell(number)
            while len(board.took) < min(first + AGENTS, size):
                await trio.lowlevel.checkpoint()
            root.reports.drain()
        await board.all.wait()
        nursery.cancel_scope.cancel()
    assert len(board.took) == size
    return board


class Registry:
    """Hold the states of hand-written workers, and a flag for each subscriber that says that something has changed."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.states: dict[str, str] = {}
        self.flags: list[bool] = []
        self.lot = trio.lowlevel.ParkingLot()

    def change(self, name: str, state: str) -> None:
        """Note a change."""
        self.states[name] = state
        for at in range(len(self.flags)):
            self.flags[at] = True
        self.lot.unpark_all()

    async def work(self, name: str, receive: trio.MemoryReceiveChannel[int]) -> None:
        """Do a turn for each message."""
        async for number in receive:
            self.change(name, "running")
            await trio.lowlevel.checkpoint()
            self.board.note(number)
            self.change(name, f"completed {number}")

    async def follow(self, at: int, seconds: float) -> None:
        """Take the latest state whenever there is one."""
        while True:
            while not self.flags[at]:
                await self.lot.park()
            self.flags[at] = False
            infos = [Info(f"/stage/{name}", name, 0, state, 0, 0.0, ()) for name, state in self.states.items()]
            assert len(infos) == AGENTS
            await trio.sleep(seconds)


async def _burst_by_hand(size: int, looks: tuple[float | None, ...]) -> Board:
    """Do the same with tasks, channels and a registry. A look is the seconds that a subscriber takes for each state; None never reads."""
    board = Board(size)
    registry = Registry(board)
    async with trio.open_nursery() as nursery:
        sends: list[trio.MemorySendChannel[int]] = []
        for number in range(AGENTS):
            send, receive = trio.open_memory_channel[int](inf)
            sends.append(send)
            registry.states[f"worker-{number}"] = "idle"
            nursery.start_soon(registry.work, f"worker-{number}", receive)
        for at, seconds in enumerate(looks):
            registry.flags.append(True)
            if seconds is not None:
                nursery.start_soon(registry.follow, at, seconds)
        for first in range(0, size, AGENTS):
            for number in range(first, min(first + AGENTS, size)):
                board.began[number] = perf_counter()
                await sends[number % AGENTS].send(number)
            while len(board.took) < min(first + AGENTS, size):
                await trio.lowlevel.checkpoint()
        await board.all.wait()
        nursery.cancel_scope.cancel()
    return board


def p99(took: list[float]) -> float:
    """Return the time that 99 of 100 stay below."""
    return sorted(took)[len(took) * 99 // 100]


Burst = Callable[[], Coroutine[Any, Any, Board]]


async def _compare(size: int, looked_at: Burst, alone: Burst, figure: Callable[[list[float]], float]) -> Sample:
    """Measure bursts with somebody who looks and without, in turn; the factor is between their middles."""
    figures: tuple[list[float], list[float]] = [], []
    watch = Stopwatch()
    for number in range(REPEATS):
        for at, burst in ((0, looked_at), (1, alone)) if number % 2 else ((1, alone), (0, looked_at)):
            figures[at].append(figure((await burst()).took))
    sample = watch.stop(2 * REPEATS * size)
    return attrs.evolve(sample, factor=median(figures[0]) / median(figures[1]))


async def subscribers_by_greenroom(size: int) -> Sample:
    """What a dead and a slow subscriber cost: p99 of the time from a message to the end of its turn, over the same without them."""
    return await _compare(size, lambda: _burst(size, dead_and_slow), lambda: _burst(size, nobody), p99)


async def subscribers_by_trio(size: int) -> Sample:
    """Do the same by hand."""
    return await _compare(size, lambda: _burst_by_hand(size, (None, SLOW)), lambda: _burst_by_hand(size, ()), p99)


async def feed_by_greenroom(size: int) -> Sample:
    """What a live table costs during a burst: the time of all its messages, over the same without it."""
    return await _compare(size, lambda: _burst(size, console), lambda: _burst(size, nobody), sum)


async def feed_by_trio(size: int) -> Sample:
    """Do the same by hand."""
    return await _compare(size, lambda: _burst_by_hand(size, (PICTURE,)), lambda: _burst_by_hand(size, ()), sum)
