"""What the runtime does in a straight line, or leaves out, for the many actors that need no more: nothing is lost by it."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Context, Request, open_supervisor
from greenroom.actors import _pool, _steps
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[str]):
    pass


class Leaver(Actor[str]):
    """Get one more message while it handles the one that it stops after."""

    def receive(self, message: str, ctx: Context) -> None:
        ctx.ref.tell("too late")
        ctx.stop()


async def test_p16_the_only_message_that_waits_when_an_actor_stops_itself_is_a_dead_letter() -> None:
    async with open_tree("stage", dead_letters={"stopped": 1}) as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(Leaver)
        ref.tell("stop")
        await settle()
        assert not ref.is_alive
        letter = await anext(feed)
        assert (letter.message, letter.reason, letter.seq) == ("too late", "stopped", 2)


class Slow(Actor[Any]):
    """Keep what it is told, and wait in the first."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log
        self.go = trio.Event()

    async def receive(self, message: Any, ctx: Context) -> str:
        self.log.append(message)
        if message == "wait":
            await self.go.wait()
        return "answer"


@pytest.mark.parametrize("before", [0, 1, 2, 3])
async def test_p12_an_ask_keeps_its_place_among_what_is_told(before: int) -> None:
    """Alone in the mailbox it waits without a lane, as a message does."""
    log: list[Any] = []
    request = Get()
    answers: list[str] = []

    async def ask() -> None:
        answers.append(await ref.ask(request))

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        made: list[Slow] = []

        def make() -> Slow:
            made.append(Slow(log))
            return made[0]

        ref = root.start_soon(make)
        ref.tell("wait")
        await settle()
        told = [ref.tell(number) for number in range(before)]
        nursery.start_soon(ask)
        await settle()
        last = ref.tell("last")
        assert [*told, last] == [*range(2, 2 + before), before + 3]
        made[0].go.set()
        await settle()
        assert log == ["wait", *range(before), request, "last"]
        assert answers == ["answer"]


async def test_p17_an_ask_that_waits_alone_and_whose_asker_leaves_is_not_executed() -> None:
    log: list[Any] = []
    async with open_tree("stage", dead_letters={"caller gone": 1}) as root:
        made: list[Slow] = []

        def make() -> Slow:
            made.append(Slow(log))
            return made[0]

        ref = root.start_soon(make)
        ref.tell("wait")
        await settle()
        with trio.move_on_after(1) as scope:
            await ref.ask(Get())
        assert scope.cancelled_caught
        made[0].go.set()
        ref.tell("last")
        await settle()
        assert log == ["wait", "last"]


class Closer(Actor[str]):
    """Use its context in its shutdown hook for the first time."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append((ctx.path, ctx.start_source, repr(ctx)))


async def test_an_actor_that_never_had_mail_has_a_context_in_its_shutdown_hook() -> None:
    log: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Closer, log, name="closer")
        await settle()
        await ref.stop()
    assert log == [("/stage/closer", "new", "<Context of /stage/closer incarnation 1>")]


class Keeper(Actor[str]):
    """Keep its context, which is one and the same for all messages of an incarnation."""

    def __init__(self, log: list[Context]) -> None:
        self.log = log

    def receive(self, message: str, ctx: Context) -> None:
        self.log.append(ctx)
        if message == "crash":
            raise LookupError(message)


async def test_an_incarnation_has_one_context_and_the_next_one_another() -> None:
    log: list[Context] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Keeper, log, restart="permanent")
        for message in ("one", "two", "crash", "three"):
            ref.tell(message)
            await settle()
        root.reports.drain()
        assert log[0] is log[1] is log[2]
        assert log[3] is not log[0]
        assert "(over)" in repr(log[0])
        assert "(over)" not in repr(log[3])


class Clock:
    """Be the clock that the loop looks at; work takes its time on it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Busy(Actor[int]):
    """Take a fifth of a slice for each message, or a whole one to be made."""

    def __init__(self, clock: Clock, log: list[int], making: float = 0.0) -> None:
        self.clock = clock
        self.log = log
        clock.now += making
        if making:
            log.append(-1)

    def receive(self, message: int, ctx: Context) -> None:
        self.clock.now += 0.0002
        self.log.append(message)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (_steps, _pool):
        monkeypatch.setattr(module, "perf_counter", clock)
    return clock


async def _longest_gap(log: list[int], total: int) -> int:
    """Return how much is done at most between two steps of a task that only looks on."""
    longest = 0
    while len(log) < total:
        before = len(log)
        await trio.lowlevel.checkpoint()
        longest = max(longest, len(log) - before)
    return longest


async def _longest_time(clock: Clock, log: list[int], total: int) -> float:
    """Return the most seconds between two steps of a task that only looks on."""
    longest = 0.0
    while len(log) < total:
        before = clock.now
        await trio.lowlevel.checkpoint()
        longest = max(longest, clock.now - before)
    return longest


async def test_the_slice_ends_with_the_message_of_one_actor_that_uses_it_up(clock: Clock) -> None:
    """The clock is read after each that takes long."""
    log: list[int] = []
    async with open_supervisor("stage") as root:
        ref = await root.start(Busy, clock, log)
        for number in range(60):
            ref.tell(number)
        assert await _longest_gap(log, 60) <= 2 * 6  # twice, as Trio mixes its batches


@pytest.mark.parametrize("actors", [1, 25])
async def test_the_slice_ends_within_eight_messages_that_take_long_after_quick_ones(clock: Clock, actors: int) -> None:
    """The clock is read after eight messages if they are quick, whoever has them."""

    class Slower(Busy):
        def receive(self, message: int, ctx: Context) -> None:
            self.clock.now += 0.000_001 if message < 10 else 0.0005
            self.log.append(message)

    log: list[int] = []
    async with open_supervisor("stage") as root:
        refs = [await root.start(Slower, clock, log) for _ in range(actors)]
        for number in range(75):
            refs[number * actors // 75].tell(number)
        assert await _longest_time(clock, log, 75) <= 2 * (0.001 + 9 * 0.0005)


async def test_messages_that_take_long_end_the_slice_late_only_once(clock: Clock) -> None:
    """In the turn after that the clock is read after the first of them."""

    class Slower(Busy):
        def receive(self, message: int, ctx: Context) -> None:
            self.clock.now += 0.000_001 if message < 10 else 0.0005
            self.log.append(message)

    log: list[int] = []
    gaps: list[float] = []
    async with open_supervisor("stage") as root:
        ref = await root.start(Slower, clock, log)
        for number in range(90):
            ref.tell(number)
        while len(log) < 90:
            gaps.append(await _longest_time(clock, log, len(log) + 1))
    assert sorted(gaps)[-2] <= 2 * 0.0016  # twice, as Trio mixes its batches


@pytest.mark.parametrize("quick_one", ["goes on", "has no more", "ends"])
async def test_what_takes_long_after_a_turn_of_quick_messages_of_others_ends_the_slice(
    clock: Clock, quick_one: str
) -> None:
    """The clock is read after the first of them, as it is not known how long they take."""

    class Quick(Busy):
        def receive(self, message: int, ctx: Context) -> None:
            self.clock.now += 0.000_001
            if message == 63 and quick_one == "ends":
                ctx.stop()

    class Slow(Busy):
        def receive(self, message: int, ctx: Context) -> None:
            self.clock.now += 0.004
            self.log.append(message)

    log: list[int] = []
    async with open_supervisor("stage") as root:
        quick, slow = await root.start(Quick, clock, log), await root.start(Slow, clock, log)
        await settle()
        for number in range(640 if quick_one == "goes on" else 64):
            quick.tell(number)
        for number in range(9):
            slow.tell(number)
        assert await _longest_time(clock, log, 9) <= 2 * 0.0041  # twice, as Trio mixes its batches


async def test_the_slice_ends_within_eight_makings_that_take_long_after_quick_ones(clock: Clock) -> None:
    log: list[int] = []
    async with open_supervisor("stage") as root:
        for number in range(75):
            root.start_soon(Busy, clock, log, 0.000_001 if number < 10 else 0.0005)
        assert await _longest_time(clock, log, 75) <= 2 * (0.001 + 9 * 0.0005)


@pytest.mark.parametrize("messages", [1, 2])
async def test_the_slice_ends_whoever_spent_it(clock: Clock, messages: int) -> None:
    log: list[int] = []
    async with open_supervisor("stage") as root:
        refs = [await root.start(Busy, clock, log) for _ in range(60)]
        for ref in refs:
            for number in range(messages):
                ref.tell(number)
        assert await _longest_gap(log, 60 * messages) <= 2 * 7


async def test_the_slice_ends_with_an_actor_whose_making_took_all_of_it(clock: Clock) -> None:
    log: list[int] = []
    async with open_supervisor("stage") as root:
        for _ in range(60):
            root.start_soon(Busy, clock, log, 0.0011)
        assert await _longest_gap(log, 60) <= 2
