"""Restart: an actor that crashes on every message, under a supervisor that starts it again; and what starting and ending many children costs each."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from math import inf
from statistics import median

import attrs
import trio

from greenroom import Actor, ChildSpec, Context, Intensity, open_supervisor

from ._sample import Sample
from ._stopwatch import Stopwatch

#: Children that many are compared with.
FEW = 1_000
#: Times that few are started and ended, for a figure that does not jump.
REPEATS = 7
#: Seconds in which restarts are counted.
WITHIN = 3_600.0


class Boom(Exception):
    """What it crashes with."""


class Life:
    """Count crashes; say when there have been enough."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.crashes = 0
        self.over = trio.Event()


class Mortal(Actor[int]):
    """Crash on each message but the last."""

    def __init__(self, life: Life) -> None:
        self.life = life

    async def receive(self, message: int, ctx: Context) -> None:
        """Crash, or say that it is over."""
        if self.life.crashes == self.life.total:
            self.life.over.set()
            return
        self.life.crashes += 1
        raise Boom(message)


@contextmanager
def quiet(name: str) -> Generator[logging.Logger]:
    """Have a logger that is asked on both sides, and wants no record meanwhile."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield logger
    finally:
        logger.setLevel(before)


async def restart_by_greenroom(size: int) -> Sample:
    """Have one actor crash `size` times; timed until the incarnation after the last crash has handled a message."""
    life = Life(size)
    with quiet("greenroom"):
        async with open_supervisor("stage", intensity=Intensity(size, within=WITHIN)) as root:
            ref = await root.start(Mortal, life, restart="permanent")
            watch = Stopwatch()
            for number in range(size + 1):
                ref.tell(number)
            await life.over.wait()
            sample = watch.stop(size)
            assert ref.incarnation == size + 1
            root.reports.drain()
    return sample


async def restart_by_trio(size: int) -> Sample:
    """Do the same with a task in a nursery of its own, that is started again: counted within a window, logged, and told to who reads of it."""
    life = Life(size)
    send, receive = trio.open_memory_channel[int](inf)
    times: deque[float] = deque()
    reports: deque[tuple[str, int, str]] = deque(maxlen=1_000)

    async def mortal() -> None:
        async for message in receive:
            if life.crashes == life.total:
                life.over.set()
                return
            life.crashes += 1
            raise Boom(message)

    async def supervise() -> None:
        incarnation = 1
        while True:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(mortal)
            except* Boom as group:
                now = trio.current_time()
                times.append(now)
                while now - times[0] >= WITHIN:
                    times.popleft()
                if len(times) > size:
                    raise
                cause = repr(group.exceptions[0])
                reports.append(("mortal", incarnation, cause))
                logger.warning("%s: crashed: %s; restarting as incarnation %s", "mortal", cause, incarnation + 1)
                incarnation += 1
            else:
                return

    with quiet("by hand") as logger:
        async with trio.open_nursery() as outer:
            watch = Stopwatch()
            outer.start_soon(supervise)
            for number in range(size + 1):
                await send.send(number)
            await life.over.wait()
            sample = watch.stop(size)
    assert life.crashes == size
    assert len(times) == size
    return sample


class Idler(Actor[int]):
    """Wait."""

    async def receive(self, message: int, ctx: Context) -> None:
        """Do nothing."""


async def _over_few(start_and_end: Callable[[int], Awaitable[float]], size: int) -> Sample:
    """Measure `size` children; the factor is what each costs over what each of few costs."""
    few = median([await start_and_end(min(FEW, size)) for _ in range(REPEATS)])
    watch = Stopwatch()
    each = await start_and_end(size)
    return attrs.evolve(watch.stop(size), factor=each / few)


async def _declared(size: int) -> float:
    """Return the seconds that starting and ending `size` declared children took, for each of them."""
    specs = [ChildSpec(f"idler-{number}", Idler) for number in range(size)]
    watch = Stopwatch()
    async with open_supervisor("stage", children=specs) as root:
        assert root.count_children()["active"] == size
    return watch.stop(size).seconds / size


async def children_by_greenroom(size: int) -> Sample:
    """Start and end `size` declared children, one after the other; the factor is what each costs over what each of few costs."""
    return await _over_few(_declared, size)


async def _by_hand(size: int) -> float:
    """Start and end `size` tasks in order, each started when the one before it is ready, and ended when the one after it has."""
    watch = Stopwatch()
    scopes: list[tuple[trio.CancelScope, trio.Event]] = []

    async def idler(
        scope: trio.CancelScope, over: trio.Event, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with scope:
            task_status.started()
            await trio.sleep_forever()
        over.set()

    async with trio.open_nursery() as nursery:
        for _ in range(size):
            scope, over = trio.CancelScope(), trio.Event()
            scopes.append((scope, over))
            await nursery.start(idler, scope, over)
        for scope, over in reversed(scopes):
            scope.cancel()
            await over.wait()
    return watch.stop(size).seconds / size


async def children_by_trio(size: int) -> Sample:
    """Do the same by hand."""
    return await _over_few(_by_hand, size)
