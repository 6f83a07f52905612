"""What an actor raises, takes too long over, or keeps for later, as scenarios: at the moment in which something else happens to it."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs
import trio

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildEnded,
    Context,
    GreenroomError,
    Intensity,
    Request,
    Shutdown,
    StillRunning,
    Supervisor,
    Turn,
)
from greenroom.races import Sim

from .promise import is_exact, is_undisturbed, settle, stage, steps

#: When everything happens, and how long a message may take.
NOW: Final = 5.0
LIMIT: Final = 5.0


class Oops(Exception):
    """Be what is judged."""


class Job(Request[str]):
    """Be handled: for so many seconds, with a heartbeat or without, well or not."""

    def __init__(self, name: str, *, fails: bool = False, seconds: float = 0.0, beats: bool = False) -> None:
        self.name, self.fails, self.seconds, self.beats = name, fails, seconds, beats

    def __repr__(self) -> str:
        return self.name


@attrs.define
class Books:
    """Keep account of what becomes of messages, over incarnations."""

    #: message -> how often it was begun.
    begun: Counter[str] = attrs.field(factory=Counter[str])
    told: list[str] = attrs.field(factory=list[str])
    #: what askers came to, each once.
    answers: list[Any] = attrs.field(factory=list[Any])
    #: incarnations of which something runs.
    inside: list[int] = attrs.field(factory=list[int])
    wrong: list[str] = attrs.field(factory=list[str])
    #: the messages that were handled, in order, by those that keep some for later.
    order: list[int] = attrs.field(factory=list[int])
    is_open: bool = False


async def handle(job: Job, ctx: Context, books: Books) -> str:
    """Do one job; cleaning up takes steps that no cancellation shortens."""
    if books.inside:
        books.wrong.append(f"{job} is begun while {books.inside} has not ended")
    incarnation = ctx.ref.incarnation
    books.inside.append(incarnation)
    books.begun[job.name] += 1
    begun = trio.current_time()
    try:
        await trio.lowlevel.checkpoint()
        if job.beats:
            await trio.sleep_until(begun + LIMIT)
            with suppress(GreenroomError):
                ctx.heartbeat()
        if job.seconds:
            await trio.sleep_until(begun + job.seconds)
        if job.fails:
            raise Oops(job.name)
        return f"did {job}"
    finally:
        with trio.CancelScope(shield=True):
            await steps(2)
        books.inside.remove(incarnation)


class Plain(Actor[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def receive(self, message: Job, ctx: Context) -> str:
        return await handle(message, ctx, self.books)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        if self.books.inside:
            self.books.wrong.append("a message goes on in the shutdown")
        await trio.lowlevel.checkpoint()


class Own(Plain):
    own_task = True


class Turns(Agent[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        error: Oops | None = None
        for mail in turn.mail:
            try:
                await handle(mail.message, ctx, self.books)
            except Oops as raised:
                error = raised
        if error is not None:
            raise error
        return "did it"


class Door(Actor[Any]):
    """Keep what comes until it is open."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def receive(self, message: Job, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        if not self.books.is_open:
            ctx.stash()
            await trio.lowlevel.checkpoint()
            return "no answer"
        ctx.unstash_all()
        self.books.begun[message.name] += 1
        assert ctx.mail is not None
        self.books.order.append(ctx.mail.seq)
        await trio.lowlevel.checkpoint()
        return f"did {message}"

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class OwnDoor(Door):
    own_task = True


KINDS: Final[dict[str, Any]] = {"plain": Plain, "own": Own, "turns": Turns}
DOORS: Final[dict[str, Any]] = {"plain": Door, "own": OwnDoor}


class Scene:
    """Hold what a race is about."""

    def __init__(self, root: Supervisor, ref: ActorRef[Any], books: Books) -> None:
        self.root, self.ref, self.books = root, ref, books

    def tell(self, job: Job) -> None:
        self.ref.tell(job)
        self.books.told.append(job.name)

    async def ask(self, job: Job) -> None:
        """Ask; whatever is raised is an outcome, but for a cancellation, which is none."""
        try:
            answer: Any = await self.ref.ask(job)
        except (GreenroomError, Oops) as error:
            answer = error
        self.books.answers.append(answer)

    async def another(self) -> None:
        self.tell(Job("another"))

    async def stop(self) -> None:
        await self.ref.stop()

    async def kill(self) -> None:
        await self.ref.kill()

    async def drain(self) -> None:
        await self.ref.drain()

    async def crash(self) -> None:
        self.ref.crash(OSError("no"))

    async def interrupt(self) -> None:
        with suppress(StillRunning):
            await self.ref.interrupt(grace=1)


Event = Callable[[Scene], Awaitable[None]]
EVENTS: Final[dict[str, Event]] = {
    "tell": Scene.another, "stop": Scene.stop, "kill": Scene.kill, "drain": Scene.drain, "crash": Scene.crash, "interrupt": Scene.interrupt,
}  # fmt: skip


class Boss(Actor[Any]):
    """Be who an escalation ends; have one child, and a new one in each incarnation."""

    intensity = Intensity(20, 5)

    def __init__(self, made: list[Any], there: trio.Event, child: Callable[[Context], Any]) -> None:
        self.made, self.there, self.child = made, there, child

    async def startup(self, ctx: Context) -> None:
        self.made.append(self.child(ctx))
        self.there.set()

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def scene_of(sim: Sim, books: Books, **options: Any) -> AsyncGenerator[tuple[Scene, ActorRef[Any], trio.Nursery]]:
    """Open a tree with a boss and its child; see at the end that nothing is left, and that no incarnation ended twice."""
    made, there = list[Any](), trio.Event()
    kind = KINDS[sim.choose(list(KINDS))]

    def child(ctx: Context) -> Any:
        return ctx.start_soon(
            kind, books, name="a", restart="transient", shutdown=None, startup_timeout=None, **options
        )

    for_ever: Any = {"shutdown": None, "startup_timeout": None}  # where time is a choice, any of it may pass
    async with stage(intensity=Intensity(20, 5)) as root, trio.open_nursery() as nursery:
        above = root.start_soon(Boss, made, there, child, name="boss", restart="permanent", **for_ever)
        await there.wait()
        yield Scene(root, made[0], books), above, nursery
        await above.stop()
        ended = [(each.uid, each.incarnation) for each in root.reports.drain() if isinstance(each, ChildEnded)]
        assert len(set(ended)) == len(ended)
        nursery.cancel_scope.cancel()


async def happens(scene: Scene, event: str, when: float) -> None:
    await trio.sleep_until(when)
    with suppress(GreenroomError):
        await EVENTS[event](scene)


async def happens_to(sim: Sim, scene: Scene, event: str, when: float) -> None:
    """Do it as the victim of a cancellation."""
    await trio.sleep_until(when)
    with suppress(GreenroomError), sim.scope("victim"):
        await EVENTS[event](scene)


async def come_to_rest(scene: Scene, is_over: Callable[[], bool]) -> None:
    """Wait until nothing goes on any more; where time is a choice, a sleep says nothing of that."""
    slot = scene.ref._slot
    while not (is_over() and (slot.has_ended or (slot.idle and not slot.box.has_triggers)) and not scene.books.inside):
        await trio.sleep(10)
    await settle()


def check(scene: Scene, at_hand: int) -> None:
    """Check what has come of it when nothing goes on any more.

    Args:
        scene: what it is about.
        at_hand: how many messages may be done with that were taken and never begun: what an actor is crashed on before it handles it, say.
    """
    books, slot = scene.books, scene.ref._slot
    assert not books.wrong, books.wrong
    assert not books.inside
    # At most once; and what was accepted was begun, is dead, or waits.
    assert all(number == 1 for number in books.begun.values()), books.begun
    dead = sum(scene.root.dead_letters.counts.get(reason, 0) for reason in ("stopped", "startup failed"))
    kept = len(slot.more.stash or ()) if slot.more is not None else 0
    begun = sum(books.begun[name] for name in books.told)
    lost = len(books.told) - (begun + dead + kept + slot.box.waiting)
    assert lost <= at_hand, (books, dead, kept, lost)
    if slot.idle and not slot.has_ended:
        assert not slot.box.has_triggers
    watchdog = None if slot.more is None else slot.more.watchdog
    assert watchdog is None or (not slot.has_ended and not watchdog._is_busy())


async def an_error_is_judged(sim: Sim) -> None:
    """A message raises what `on_error` has a row for, while something else happens to its actor."""
    action = sim.choose(["resume", "restart", "stop", "escalate"])
    event = sim.choose(list(EVENTS))
    books = Books()
    async with scene_of(sim, books, on_error={Oops: action}) as (scene, above, nursery):
        ref = scene.ref
        with suppress(GreenroomError):
            scene.tell(Job("first"))
        nursery.start_soon(scene.ask, Job("bad", fails=True))
        nursery.start_soon(happens_to, sim, scene, event, 0.0)
        await come_to_rest(scene, lambda: len(books.answers) == 1)
        # An agent's turn may have taken several and failed with the first of them.
        check(scene, 0 if is_undisturbed(sim) and event == "tell" else 3)
        assert len(books.answers) == 1
        [answer] = books.answers
        if isinstance(answer, Oops):
            assert action == "resume"  # nobody else gets the exception itself
        if is_undisturbed(sim) and event == "tell" and books.begun["bad"]:
            assert above.incarnation == (2 if action == "escalate" else 1)
            assert ref.is_alive is (action in ("resume", "restart"))
            assert ref.incarnation == (2 if action == "restart" else 1)
            assert isinstance(answer, Oops) is (action == "resume")
            if action == "stop":
                assert isinstance(ref.exit_reason, Shutdown)
                assert isinstance(ref.exit_reason.detail, Oops)
        if action != "escalate" and is_undisturbed(sim):
            assert above.incarnation == 1


async def an_overdue_message_meets_something(sim: Sim) -> None:
    """A message is overdue in the moment in which it ends, beats, or something else happens to its actor."""
    action = sim.choose(["warn", "cancel", "restart"])
    event = sim.choose(list(EVENTS))
    seconds = sim.choose([LIMIT, 2 * LIMIT, 0.0])
    beats = sim.choose([False, True])
    books = Books()
    async with scene_of(sim, books, handler_timeout=LIMIT, on_overdue=action) as (scene, above, nursery):
        ref = scene.ref
        nursery.start_soon(scene.ask, Job("slow", seconds=seconds, beats=beats))
        nursery.start_soon(happens_to, sim, scene, event, NOW)
        await come_to_rest(scene, lambda: len(books.answers) == 1)
        check(scene, 1)
        assert len(books.answers) == 1
        if is_exact(sim) and is_undisturbed(sim):
            assert above.incarnation == 1
            if event == "tell":
                assert ref.is_alive
            if not (seconds or beats):
                assert books.answers in (["did slow"], ["did it"])
                assert ref.warnings == {}
        nursery.start_soon(scene.ask, Job("last"))
        await come_to_rest(scene, lambda: len(books.answers) == 2)
        check(scene, 1)
        assert len(books.answers) == 2


async def what_is_stashed_meets_something(sim: Sim) -> None:
    """Messages are kept for later by an actor to which something else happens, and whose asker may leave."""
    event = sim.choose(list(EVENTS))
    books = Books()
    kind = DOORS[sim.choose(list(DOORS))]
    options: Any = {"restart": "transient", "shutdown": None, "startup_timeout": None}
    async with stage(intensity=Intensity(20, 5)) as root, trio.open_nursery() as nursery:
        ref: ActorRef[Any] = root.start_soon(kind, books, name="a", **options)
        scene = Scene(root, ref, books)
        opened = trio.Event()

        async def asks() -> None:
            with sim.scope("victim"):
                await scene.ask(Job("asked"))

        async def opens() -> None:
            await steps(sim.choose([1, 4, 8]))
            books.is_open = True
            with suppress(GreenroomError):
                scene.tell(Job("open"))
            opened.set()

        for name in ("one", "two"):
            with suppress(GreenroomError):
                scene.tell(Job(name))
        nursery.start_soon(asks)
        nursery.start_soon(happens, scene, event, 0.0)
        nursery.start_soon(opens)
        await come_to_rest(scene, opened.is_set)
        # What was in hand when its actor crashed or was interrupted is done with; all else is somewhere.
        check(scene, 0 if is_undisturbed(sim) and event in ("tell", "stop", "drain") else 2)
        assert len(books.answers) <= 1
        slot = ref._slot
        if is_undisturbed(sim) and event == "tell":
            assert (slot.more is None or not slot.more.stash, slot.box.waiting, books.answers) == (
                True,
                0,
                ["did asked"],
            )
        await ref.stop()
        assert slot.more is None or not slot.more.stash
        await settle()
        assert len(books.answers) == 1 or not is_undisturbed(sim)
        root.reports.drain()
        nursery.cancel_scope.cancel()


SCENARIOS: Final = (an_error_is_judged, an_overdue_message_meets_something, what_is_stashed_meets_something)
