"""Background work, and what may meet: programs for the race kit. Each piece of work has one outcome, delivered once or counted as dropped."""

from contextlib import AsyncExitStack, suppress
from typing import Any, Final, Literal

import attrs
import trio

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    Agent,
    BackgroundNotFound,
    BackgroundResult,
    BackgroundTimeout,
    ChildNotFound,
    Context,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.races import Sim

from .outcomes import EVENTS, LIMITS, NOW, Event
from .promise import Boom, choose_class, is_undisturbed, steps


@attrs.define(eq=False)
class Books:
    """Note what becomes of the work."""

    deliver: Any = "drain"
    go: trio.Event = attrs.field(factory=trio.Event)
    fails: bool = False
    begun: int = 0
    ended: int = 0
    started: int = 0
    delivered: list[BackgroundResult] = attrs.field(factory=list[BackgroundResult])
    ctx: list[Context] = attrs.field(factory=list[Context])
    busy: float = 0


class Owner(Actor[Any]):
    """Start two pieces of work at the first mail, and take what comes by mail; be busy for a while after the start."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def receive(self, message: Any, ctx: Context) -> None:
        books = self.books
        if isinstance(message, BackgroundResult):
            books.delivered.append(message)
        else:
            books.ctx[:] = [ctx]
            for _ in range(2):
                ctx.run_in_background(work, ctx.ref, books, deliver=books.deliver)
                books.started += 1
            await trio.sleep(books.busy)


class OwnOwner(Owner):
    own_task = True


class AgentOwner(Agent[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            await Owner(self.books).receive(mail.message, ctx)


class Parent(Actor[Any]):
    def __init__(self, kind: Any, books: Books) -> None:
        self.kind, self.books = kind, books

    def receive(self, message: Any, ctx: Context) -> None:
        ctx.start_soon(self.kind, self.books, name="owner", restart="permanent", mail="go")


async def work(ref: ActorRef[Any], books: Books) -> str:
    """End as it is told, and see to it that its owner has not ended before."""
    incarnation = ref.incarnation
    books.begun += 1
    try:
        await books.go.wait()
        if books.fails:
            raise Boom
        return "done"
    finally:
        books.ended += 1
        assert ref.incarnation == incarnation
        assert not ref._slot.has_ended


Action = Event | Literal["crash", "wait", "drain"]
ACTIONS: Final[tuple[Action, ...]] = (*EVENTS, "crash", "wait", "drain")
#: By these the owner ends, and its work with it.
ENDING: Final = frozenset({"stop", "crash", "parent ends", "reap"})
#: Seconds for which the owner is in its turn, so that there is one to interrupt, and a drain that does not end.
BUSY: Final[dict[str, float]] = {"interrupt": 0.5, "reap": 1_000}


async def act(action: Action, root: Supervisor, books: Books) -> None:
    """Do one of the things that may meet; the reaper comes of itself."""
    ctx = books.ctx[0]
    match action:
        case "complete" | "fail":
            books.fails = action == "fail"
            books.go.set()
        case "cancel":
            with suppress(ActorStopped):
                ctx.cancel_background(1)
        case "interrupt":
            await ctx.ref.interrupt()
        case "stop":
            await ctx.ref.stop()
        case "crash":
            ctx.ref.crash(Boom())
        case "parent ends":
            with suppress(ChildNotFound):  # another was first
                await root.lookup("parent").stop()
        case "wait":
            with suppress(ChildNotFound, BackgroundNotFound, BackgroundTimeout):
                books.delivered.append(await root.wait_background("parent/owner", 1, timeout=1))
        case "drain":
            with suppress(ActorStopped):
                books.delivered.extend(ctx.drain_completed())
        case "reap":
            pass


async def meet(sim: Sim, actions: tuple[Action, ...], deliver: str) -> set[str]:
    """Let things meet, and close the books. The first of them may be cancelled, and any actor may crash.

    Returns what has become of the first piece of work.
    """
    books = Books(deliver, busy=max(BUSY.get(action, 0) for action in actions))
    async with AsyncExitStack() as stack:
        async with open_supervisor("stage", limits=LIMITS) as root:
            feed = await stack.enter_async_context(root.dead_letters.subscribe())
            kind = choose_class(sim, Owner, OwnOwner, AgentOwner)
            root.start_soon(Parent, kind, books, name="parent", mail="go", restart="permanent", redeliver=1)
            while not books.started and is_undisturbed(sim):
                await trio.lowlevel.checkpoint()
            if not is_undisturbed(sim):
                await steps(50)  # for another incarnation, if there is one
            if books.ctx:
                await meet_at_once(sim, actions, root, books)
                await trio.sleep(2)
                for action in ("complete", "drain"):
                    await act(action, root, books)
                    await trio.sleep(1)
            root.reports.drain()
        dead = [letter.message async for letter in feed if isinstance(letter.message, BackgroundResult)]
    assert books.begun == books.ended
    assert len(books.delivered) + len(dead) == books.started
    seen = [(result.id, result.kind) for result in books.delivered]
    assert len(set(seen)) == len(seen)
    kinds = {"completed", "failed", "cancelled"}
    assert {result.kind for result in (*books.delivered, *dead)} <= kinds
    if is_undisturbed(sim) and not ENDING & set(actions):
        assert {work_id for work_id, _ in seen} == {1, 2}
        assert "cancel" in actions or "cancelled" not in {kind for _, kind in seen}
    return {result.kind for result in (*books.delivered, *dead) if result.id == 1}


async def meet_at_once(sim: Sim, actions: tuple[Action, ...], root: Supervisor, books: Books) -> None:
    """Let things meet; if the reaper is one of them, when it has its round."""

    async def first() -> None:
        await trio.sleep_until(NOW * ("reap" in actions))
        with sim.scope("victim"):
            await trio.lowlevel.checkpoint()
            await act(actions[0], root, books)

    async def other(action: Action) -> None:
        await trio.sleep_until(NOW * ("reap" in actions))
        await act(action, root, books)

    async with trio.open_nursery() as nursery:
        if "reap" in actions:
            nursery.start_soon(books.ctx[0].ref.drain)
        for action in actions[1:]:
            nursery.start_soon(other, action)
        await first()


async def whatever_meets(sim: Sim) -> None:
    """As `meet`, of two or three things that are drawn."""
    actions: tuple[Action, ...] = tuple(sim.choose(ACTIONS) for _ in range(sim.choose([2, 3])))
    await meet(sim, actions, sim.choose(["drain", "mail"]))


async def a_cell_of_work(sim: Sim) -> None:
    """As `meet`, of two of the things that may end an agent or its work."""
    await meet(sim, (sim.choose(EVENTS), sim.choose(EVENTS)), sim.choose(["drain", "mail"]))


async def a_wait_that_may_be_cancelled(sim: Sim) -> None:
    books = Books()
    async with open_supervisor("stage") as root:
        root.start_soon(Parent, choose_class(sim, Owner, AgentOwner), books, name="parent", mail="go")
        while not books.started:
            await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(act, "complete", root, books)
            with sim.scope("victim"):
                for work_id in (1, 2):
                    taken = await root.wait_background("parent/owner", work_id, timeout=5)
                    books.delivered.append(taken)
        await trio.sleep(1)
        await act("drain", root, books)
    assert sorted(result.id for result in books.delivered) == [1, 2]
    assert root.dead_letters.total == 0


async def a_tree_that_may_be_cancelled(sim: Sim) -> None:
    books = Books(sim.choose(["drain", "mail"]))
    with sim.scope("victim"):
        async with open_supervisor("stage") as root:
            root.start_soon(Parent, choose_class(sim, Owner, OwnOwner), books, name="parent", mail="go")
            while not books.started:
                await trio.lowlevel.checkpoint()
            await act("cancel", root, books)
            await act("wait", root, books)
    assert books.begun == books.ended
