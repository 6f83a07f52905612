"""Rest as scenarios: an agent to which two things happen at once, and a crowd with fewer places than agents."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import combinations_with_replacement
from typing import Any, Final

import attrs
import trio

from greenroom import (
    ActorRef,
    Agent,
    ChildEnded,
    ChildStartupFailed,
    Context,
    GreenroomError,
    Intensity,
    Limits,
    NotIdle,
    Refused,
    Request,
    StillRunning,
    Supervisor,
    Turn,
)
from greenroom.races import Sim

from .promise import settle, stage

#: When everything happens.
NOW: Final = 2.0


class Question(Request[Any]):
    pass


@attrs.define
class Books:
    """Keep account of what happens to an agent, over its incarnations."""

    #: the incarnations and their tasks, in order.
    begun: list[int] = attrs.field(factory=list[int])
    tasks: list[Any] = attrs.field(factory=list[Any])
    #: message -> how often it was handled.
    handled: Counter[str] = attrs.field(factory=Counter[str])
    #: messages that were accepted, by tell; what askers were told.
    told: list[str] = attrs.field(factory=list[str])
    answers: list[str] = attrs.field(factory=list[str])
    rested: int = 0


class Sleeper(Agent[Any]):
    """Note each incarnation and each message; two incarnations never overlap."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        books = self.books
        nursery = ctx.ref._slot.runtime.nursery
        assert nursery is not None
        assert not nursery.child_tasks & set(books.tasks), "two incarnations at once"
        books.tasks.append(trio.lowlevel.current_task())
        books.begun.append(ctx.ref.incarnation)
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        assert self.books.begun[-1] == ctx.ref.incarnation
        for mail in turn.mail:
            self.books.handled[name_of(mail.message)] += 1
        await trio.lowlevel.checkpoint()
        return "done"

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


def name_of(message: Any) -> str:
    return "question" if isinstance(message, Question) else str(message)


class Scene:
    """Hold what a race is about: an agent below a parent."""

    def __init__(self, root: Supervisor, parent: ActorRef[Any], agent: ActorRef[Any], books: Books) -> None:
        self.root, self.parent, self.agent, self.books = root, parent, agent, books

    async def rest(self) -> None:
        self.agent.rest()
        self.books.rested += 1

    async def tell(self) -> None:
        name = f"message {len(self.books.told)}"
        self.agent.tell(name)
        self.books.told.append(name)

    async def ask(self) -> None:
        try:
            self.books.answers.append(await self.agent.ask(Question()))
        except GreenroomError as error:
            self.books.answers.append(type(error).__name__)

    async def stop(self) -> None:
        await self.agent.stop()

    async def kill(self) -> None:
        await self.agent.kill()

    async def drain(self) -> None:
        await self.agent.drain()

    async def crash(self) -> None:
        """It stands for a restart: the agent is transient."""
        self.agent.crash(OSError("no"))

    async def interrupt(self) -> None:
        with suppress(StillRunning):
            await self.agent.interrupt(grace=1)

    async def turn(self) -> None:
        await self.agent.run_turn("direct")

    async def ready(self) -> None:
        await self.agent.wait_ready()

    async def idle(self) -> None:
        """Its `rest_after` is over then."""

    async def admission(self) -> None:
        """Somebody else needs its place."""
        await self.root.start(Sleeper, Books(), name="other")

    async def parent_ends(self) -> None:
        await self.parent.stop()


Event = Callable[[Scene], Awaitable[None]]
EVENTS: Final[dict[str, Event]] = {
    "rest": Scene.rest, "tell": Scene.tell, "ask": Scene.ask, "stop": Scene.stop, "kill": Scene.kill, "drain": Scene.drain,
    "restart": Scene.crash, "interrupt": Scene.interrupt, "turn": Scene.turn, "ready": Scene.ready, "idle": Scene.idle,
    "admission": Scene.admission, "parent ends": Scene.parent_ends,
}  # fmt: skip
PAIRS: Final = list(combinations_with_replacement(EVENTS, 2))
ENDS: Final = frozenset({"stop", "kill", "drain", "parent ends"})


async def parent(  # noqa: PLR0917 -- all that it is told
    ctx: Context, books: Books, made: list[Any], there: trio.Event, read: list[Any], rest_after: float | None
) -> None:
    for_ever: Any = {"startup_timeout": None, "shutdown": None}  # where time is a choice, any of it may pass
    made.append(ctx.start_soon(Sleeper, books, name="agent", restart="transient", rest_after=rest_after, **for_ever))
    there.set()
    while True:
        read.append(await ctx.reports.receive())


async def race(sim: Sim, pair: tuple[str, str], *, asleep: bool) -> None:
    """Let two things happen at once to an agent that is idle, or rests, and is told something at that time in any case."""
    books, made, there, read = Books(), list[Any](), trio.Event(), list[Any]()
    limits = Limits(max_live=1 if "admission" in pair else None)
    rest_after = NOW if "idle" in pair else None
    async with stage(limits=limits, intensity=Intensity(20, 5)) as root, trio.open_nursery() as nursery:
        owner = root.start_soon(
            parent, books, made, there, read, rest_after, name="parent", restart="permanent", shutdown=None
        )
        await there.wait()
        agent: ActorRef[Any] = made[0]
        scene = Scene(root, owner, agent, books)

        async def at_once(name: str, *, victim: bool) -> None:
            await trio.sleep_until(NOW)
            with suppress(Refused, GreenroomError):
                if victim:
                    with sim.scope("victim"):
                        await trio.lowlevel.checkpoint()
                        await EVENTS[name](scene)
                else:
                    await EVENTS[name](scene)

        await trio.sleep_until(1)
        if asleep:
            with suppress(NotIdle):  # a crash that was tried out may have come before
                agent.rest()
        nursery.start_soon(lambda: at_once(pair[0], victim=True))
        nursery.start_soon(lambda: at_once(pair[1], victim=False))
        await settle()
        check(scene, read, set(pair))
        await owner.stop()
        assert sorted(set(books.begun)) == books.begun
        passivation = root._slot.runtime.passivation
        await trio.lowlevel.checkpoint()
        for other in root.which_children():
            await other.stop()
        assert (passivation.live, passivation.waiting, passivation.leaving, passivation._idle) == (0, 0, 0, {})
        root.reports.drain()
        nursery.cancel_scope.cancel()


async def whatever_meets_rest(sim: Sim) -> None:
    """Choose the pair, too: for a soak."""
    first, second = sim.choose(list(EVENTS)), sim.choose(list(EVENTS))
    await race(sim, (first, second), asleep=sim.choose([False, True]))


def check(scene: Scene, read: list[Any], pair: set[str]) -> None:
    """Check what has come of it."""
    agent, books, root = scene.agent, scene.books, scene.root
    # Each message at most once; what was handled, dead-lettered and is still queued is what was accepted.
    assert all(books.handled[name] <= 1 for name in books.told), books.handled
    dead = sum(root.dead_letters.counts.get(reason, 0) for reason in ("stopped", "startup failed"))
    waits = agent._slot.box.waiting
    assert sum(books.handled[name] for name in books.told) + dead + waits == len(books.told), (books, dead, waits)
    slot = agent._slot
    # No trigger mail is stranded at one that is idle, or lies.
    if slot.idle:
        assert not slot.box.has_triggers
        assert slot.life.value in ("ready", "resting")
    assert slot.has_ended or slot.life.value in ("ready", "resting", "queued"), slot
    if slot.life.value == "resting":
        assert slot.actor is None
        assert slot.runner is None
        assert slot.reason is None
    # It is no end: only what ends it, or crashes it, is told; each incarnation's end once.
    ended = [report for report in read if isinstance(report, ChildEnded | ChildStartupFailed)]
    incarnations = [report.incarnation for report in ended]
    assert len(set(incarnations)) == len(incarnations), ended
    if not slot.has_ended:
        assert all(report.restarting for report in ended)
        assert slot.runtime.alive == 3 + (1 if "admission" in pair and len(root.which_children()) > 1 else 0)
    more = slot.more
    assert agent.incarnation == 1 + (0 if more is None else more.rests) + sum(report.restarting for report in ended)


async def crowd(sim: Sim) -> None:
    """Three agents share one place or two; each is told things, one asks another, and at the end nobody is left waiting."""
    places = sim.choose([1, 2])
    books = [Books() for _ in range(3)]
    async with (
        stage(limits=Limits(max_live=places), intensity=Intensity(20, 5)) as root,
        trio.open_nursery() as nursery,
    ):
        refs: list[ActorRef[Any]] = []
        for number, each in enumerate(books):
            refs.append(root.start_soon(Asks, each, refs, name=f"agent-{number}", restart="transient"))
            await trio.sleep(1)

        async def tell(whom: int, message: Any) -> None:
            with suppress(GreenroomError):
                refs[whom].tell(message)

        async def ask() -> None:
            with suppress(GreenroomError), sim.scope("victim"):
                await refs[1].ask(Question())

        async def rest() -> None:
            with suppress(GreenroomError):
                refs[2].rest()

        nursery.start_soon(tell, 0, "ask 2")
        nursery.start_soon(ask)
        nursery.start_soon(rest)
        nursery.start_soon(tell, 2, "hello")
        passivation = root._slot.runtime.passivation
        await settle()
        assert passivation.waiting == passivation.leaving == 0
        assert passivation.live <= places
        for ref in refs:
            assert ref._slot.has_ended or ref.lifecycle in ("ready", "resting")
            assert ref._slot.has_ended or not ref._slot.box.has_triggers
        live = [ref for ref in refs if ref.lifecycle == "ready"]
        assert len(live) == passivation.live
        nursery.cancel_scope.cancel()


class Asks(Sleeper):
    """Ask another one in its own turn, when it is told so."""

    def __init__(self, books: Books, refs: list[ActorRef[Any]]) -> None:
        super().__init__(books)
        self.refs = refs

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        if turn.mail[0].message == "ask 2":
            with suppress(GreenroomError):
                await self.refs[2].ask(Question())
        return await super().turn(turn, ctx)


async def a_place_comes_back(sim: Sim) -> None:
    """Its holder ends at the time at which one of the two that wait for it is told to end: the other has it."""
    books = [Books() for _ in range(3)]
    async with stage(limits=Limits(max_live=1), intensity=Intensity(20, 5)) as root, trio.open_nursery() as nursery:
        refs: list[ActorRef[Any]] = []
        for number, each in enumerate(books):
            refs.append(root.start_soon(Sleeper, each, name=f"agent-{number}", restart="transient"))
            await trio.sleep(1)
        first, second, holder = refs
        holder.tell("hold")
        first.tell("a")
        second.tell("b")
        end = sim.choose(["stop", "kill", "drain"])

        async def end_first() -> None:
            await trio.lowlevel.checkpoint()
            with sim.scope("victim"):
                await getattr(first, end)()

        nursery.start_soon(end_first)
        nursery.start_soon(holder.stop)
        await settle()
        passivation = root._slot.runtime.passivation
        assert (passivation.waiting, passivation.leaving) == (0, 0)
        assert second._slot.has_ended or books[1].handled == {"b": 1}
        live = [ref for ref in refs if ref.lifecycle == "ready"]
        assert len(live) == passivation.live
        nursery.cancel_scope.cancel()
