"""The matrix of outcomes: each pair of things that may end an agent, its turn, or its background work, let loose on it at the same time.

Whatever meets whatever, an agent ends once at most, and each task that it has accepted (a direct turn, a request, background work) has one outcome.
The same holds where one of those who end it is cancelled in the middle, and where any actor crashes.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import combinations_with_replacement
from typing import Any, Final, Literal, get_args

import attrs
import trio

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Down,
    GreenroomError,
    Limits,
    Request,
    StillRunning,
    Supervisor,
    Turn,
    TurnFinished,
    TurnHandle,
    TurnOutcome,
)
from greenroom.races import Sim

from .promise import Boom, is_undisturbed, stage

Event = Literal["complete", "fail", "cancel", "interrupt", "stop", "reap", "parent ends"]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
Pair = tuple[Event, Event]
PAIRS: Final[list[Pair]] = list(combinations_with_replacement(EVENTS, 2))
#: Seconds: when everything happens. The reaper has its first round then.
NOW: Final = 2.0
LIMITS: Final = Limits(stale_after=0.5, reap_every=NOW)
#: By these the agent itself ends.
ENDS: Final = frozenset({"fail", "stop", "reap", "parent ends"})
#: What a turn may come to by what happens to it.
KINDS: Final[dict[Event, frozenset[str]]] = {
    "complete": frozenset({"completed"}),
    "fail": frozenset({"crashed"}),
    "cancel": frozenset({"interrupted"}),
    "interrupt": frozenset({"interrupted"}),
    "stop": frozenset({"stopped"}),
    "reap": frozenset({"stopped"}),
    "parent ends": frozenset({"stopped"}),
}


class Question(Request[str]):
    """Ask for something that has to wait for the turn in hand."""


@attrs.define(eq=False)
class Books:
    """Note what becomes of an agent, and of what it was given to do."""

    completes: bool
    agents: list[ActorRef[Any]] = attrs.field(factory=list[ActorRef[Any]])
    read: list[Any] = attrs.field(factory=list[Any])
    downs: Counter[int] = attrs.field(factory=Counter[int])
    asked: int = 0
    answers: list[Any] = attrs.field(factory=list[Any])
    followed: list[TurnOutcome] = attrs.field(factory=list[TurnOutcome])
    resolved: Counter[TurnHandle] = attrs.field(factory=Counter[TurnHandle])

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count how often each direct turn is told its outcome."""
        usual = TurnHandle.resolve
        kind: Any = TurnHandle

        def resolve(handle: TurnHandle, outcome: TurnOutcome) -> None:
            self.resolved[handle] += 1
            usual(handle, outcome)

        kind.resolve = resolve
        try:
            yield
        finally:
            kind.resolve = usual


class Works(Agent[Any]):
    """Complete NOW, or never; answer a question at once."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        if isinstance(turn.mail[0].message, Question):
            return "answer"
        await trio.sleep_until(NOW if self.books.completes else 1_000)
        return "done"

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class Watches(Actor[Any]):
    """Count what it is told of an agent's end."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        ctx.monitor(self.books.agents[0])

    def receive(self, message: Any, ctx: Context) -> None:
        assert isinstance(message, Down)
        self.books.downs[message.ref.uid] += 1


async def parent(ctx: Context, books: Books) -> None:
    """Start the agent, and read every report."""
    books.agents.append(ctx.start_soon(Works, books, name="agent"))
    while True:
        books.read.append(await ctx.reports.receive())


async def happen(event: Event, owner: ActorRef[Any], agent: ActorRef[Any], cancel: Callable[[], object]) -> None:
    """Let one thing happen; "complete" and "reap" come of themselves."""
    match event:
        case "fail":
            agent.crash(Boom())
        case "cancel":
            cancel()
        case "interrupt":
            with suppress(StillRunning):
                await agent.interrupt(grace=1)
        case "stop":
            await agent.stop()
        case "parent ends":
            await owner.stop()
        case _:
            pass


async def meet_now(sim: Sim, *things: Callable[[], Awaitable[Any]]) -> None:
    """Let things happen NOW, at the same time; the first of them may be cancelled."""

    async def first() -> None:
        await trio.sleep_until(NOW)
        with sim.scope("victim"):
            await trio.lowlevel.checkpoint()
            await things[0]()

    async def other(thing: Callable[[], Awaitable[Any]]) -> None:
        await trio.sleep_until(NOW)
        with suppress(GreenroomError):
            await thing()

    async with trio.open_nursery() as nursery:
        for thing in things[1:]:
            nursery.start_soon(other, thing)
        with suppress(GreenroomError):
            await first()


@asynccontextmanager
async def an_agent_at_work(books: Books) -> AsyncGenerator[tuple[Supervisor, ActorRef[Any]]]:
    """Have an agent below a parent, with somebody who watches it; there may be none if somebody has crashed."""
    with books.counting():
        async with stage(limits=LIMITS) as root:
            owner = root.start_soon(parent, books, name="parent")
            await trio.sleep(0.1)
            if books.agents:
                root.start_soon(Watches, books, name="watcher")
                await trio.sleep(0.1)
            yield root, owner


async def an_agent_meets(sim: Sim, pair: Pair) -> str | None:
    """Let two things happen at once to an agent that works on a direct turn and has a request waiting.

    Returns what has become of the turn.
    """
    books = Books("complete" in pair)
    async with an_agent_at_work(books) as (root, owner), trio.open_nursery() as nursery:
        if not books.agents:
            return None
        agent = books.agents[0]
        handle: TurnHandle | None = None
        with suppress(GreenroomError):
            handle = agent.start_turn("task")

        async def follow(handle: TurnHandle) -> None:
            books.followed.append(await handle.outcome())

        async def ask() -> None:
            books.asked += 1
            try:
                books.answers.append(await agent.ask(Question(), timeout=500))
            except GreenroomError as error:
                books.answers.append(error)

        if handle is not None:
            nursery.start_soon(follow, handle)
        nursery.start_soon(ask)
        await trio.sleep(0.8)
        if "reap" in pair:
            nursery.start_soon(agent.drain)
            await trio.sleep(0.1)
        cancel = agent.request_stop if handle is None else handle.cancel
        await meet_now(sim, *(partial(happen, event, owner, agent, cancel) for event in pair))
        await trio.sleep(20)
        if not is_undisturbed(sim) and not agent._slot.has_ended:
            agent.request_stop()  # a cancelled caller may have asked for nothing
            await agent.interrupt()
            await trio.sleep(20)
        check_agent(sim, pair, books, root, owner, handle)
        nursery.cancel_scope.cancel()
        return books.followed[0].kind if books.followed else None
    raise AssertionError


def check_agent(  # noqa: PLR0917 -- all that there is to compare
    sim: Sim, pair: Pair, books: Books, root: Supervisor, owner: ActorRef[Any], handle: TurnHandle | None
) -> None:
    """See that all tell the same, once."""
    agent = books.agents[0]
    ended = agent._slot.has_ended
    # Each accepted task has one outcome, and everybody who waits for it is told that one.
    assert len(books.answers) == books.asked == 1
    assert not isinstance(books.answers[0], TimeoutError)
    if handle is not None:
        assert books.resolved == {handle: 1}
        assert len(books.followed) == 1
    kind = books.followed[0].kind if books.followed else "none"
    # The agent has one end: for those who watch it, for its parent, and in the records.
    watcher = root.lookup("watcher") if "watcher" in {child.name for child in root.which_children()} else None
    assert books.downs[agent.uid] <= ended
    if watcher is not None and watcher.incarnation == 1 and watcher.is_alive:
        assert books.downs[agent.uid] == ended
    ends = [report for report in books.read if isinstance(report, ChildEnded | ChildStartupFailed)]
    finished = [
        report
        for report in books.read
        if isinstance(report, TurnFinished) and handle is not None and report.turn == handle.id
    ]
    assert len(ends) <= ended
    assert len(finished) <= 1
    assert all(report.outcome.kind == kind for report in finished)
    if owner.is_alive:
        assert len(ends) == ended
        assert (kind in {"completed", "interrupted", "errored"}) == (len(finished) == 1), (kind, finished)
    assert [record.path for record in root.ended].count(agent.path) == ended
    if is_undisturbed(sim):
        assert ended == bool(ENDS & set(pair))
        assert kind in KINDS[pair[0]] | KINDS[pair[1]], (pair, kind)
        assert ended or books.answers == ["answer"] or "interrupt" in pair or "cancel" in pair


async def a_cell_of_agents(sim: Sim) -> None:
    """As `an_agent_meets`, of two things that are drawn."""
    await an_agent_meets(sim, (sim.choose(EVENTS), sim.choose(EVENTS)))
