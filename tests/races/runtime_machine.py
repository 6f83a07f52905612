"""The runtime as state machines: mail, asks, keys, administration and background work, by clients who do all of it at the same time."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, cast

import attrs
import trio
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, invariant, multiple

from greenroom import (
    Actor,
    ActorRef,
    BackgroundResult,
    Context,
    GreenroomError,
    Intensity,
    KeyInUse,
    Request,
    Supervisor,
    races,
)
from greenroom.races import SequentialModel, Started

from .promise import Boom, stage
from .registering import check_holder

CLIENTS: Final = st.sampled_from(["ann", "bob", "cid"])
NAMES: Final = st.sampled_from("abc")
KEYS: Final = st.sampled_from(["k1", "k2"])
RESTARTS: Final = st.sampled_from(["permanent", "transient", "temporary"])
#: Where no actor is any more, or waits to be started by hand.
AWAY: Final = frozenset({"parked", "stopped", "failed"})


@attrs.frozen
class Echo(Request[int]):
    """Ask for the number itself."""

    number: int


@attrs.frozen
class Work:
    """Have a piece of work done in the background."""

    number: int
    deliver: Any


@attrs.frozen
class Take:
    """Have a key taken."""

    key: str


@attrs.define
class Books:
    """Keep account of what was sent, handled, asked, worked and lost, each by its number.

    Attributes:
        accepted: mail that was taken in.
        handled: mail that an actor began to handle.
        executed: asks that an actor began to answer.
        works: pieces of background work that were started.
        outcomes: of these, what was delivered.
        running: pieces that run.
    """

    last: int = 0
    accepted: Counter[int] = attrs.field(factory=Counter[int])
    handled: Counter[int] = attrs.field(factory=Counter[int])
    executed: Counter[int] = attrs.field(factory=Counter[int])
    works: Counter[int] = attrs.field(factory=Counter[int])
    outcomes: Counter[int] = attrs.field(factory=Counter[int])
    running: int = 0

    def number(self) -> int:
        """Return a number that nobody has had."""
        self.last += 1
        return self.last

    def check(self, dead: list[Any]) -> None:
        """Check that all is accounted for, once; given the messages of the dead letters, when the tree has ended."""
        lost = Counter(message for message in dead if isinstance(message, int))
        assert self.accepted == self.handled + lost, (self.accepted, self.handled, lost)
        dropped = Counter(message.prompt for message in dead if isinstance(message, BackgroundResult))
        assert self.works == self.outcomes + dropped, (self.works, self.outcomes, dropped)
        assert not self.running
        twice = [number for number, count in self.executed.items() if count > 1]
        assert not twice, f"these asks were executed more than once: {twice}"


class Worker(Actor[Any]):
    """Do what its mail says, and keep account."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> Any:
        books = self.books
        match message:
            case int():
                books.handled[message] += 1
                await trio.lowlevel.checkpoint()
            case Echo(number):
                books.executed[number] += 1
                await trio.sleep(number % 2)
                return number
            case Take(key):
                try:
                    ctx.register(key, ctx.ref.incarnation)
                except KeyInUse as error:
                    check_holder(ctx.registry.whereis(key), error)
            case Work(number, deliver):
                ctx.run_in_background(self.work, number, prompt=number, deliver=deliver)
                books.works[number] += 1
            case BackgroundResult():
                books.outcomes[message.prompt] += 1
            case "drain":
                books.outcomes.update(result.prompt for result in ctx.drain_completed())
            case _:
                raise ValueError(message)
        return None

    async def work(self, number: int) -> None:
        self.books.running += 1
        try:
            await trio.sleep(1 - number % 2)
            if number % 3 == 0:
                raise Boom
        finally:
            self.books.running -= 1

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class WorkerAlone(Worker):
    """Do it in a task of its own."""

    own_task = True


@asynccontextmanager
async def accounted(books: Books) -> AsyncGenerator[Supervisor]:
    """Open a tree; when it has ended, close the books."""
    async with AsyncExitStack() as stack:
        async with stage(intensity=Intensity(1_000_000, 1.0)) as root:
            feed = await stack.enter_async_context(root.dead_letters.subscribe())
            yield root
        dead = [letter.message async for letter in feed if letter.reason != "late reply"]
        assert not feed.missed
    books.check(dead)


class Runtime(races.StateMachine, time="choice"):
    """Let clients do everything to a few actors of one supervisor, at the same time."""

    refs: Bundle[ActorRef[Any]] = Bundle("refs")
    asked: Bundle[Started] = Bundle("asked")

    @races.initialize()
    async def opens(self) -> None:
        self.books = Books()
        self.root = await self.enter(accounted(self.books))

    # -- children

    @races.rule(target=refs, name=NAMES, alone=st.booleans(), restart=RESTARTS)
    def starts(self, name: str, alone: bool, restart: Any) -> Any:
        try:
            return self.root.start_soon(WorkerAlone if alone else Worker, self.books, name=name, restart=restart)
        except GreenroomError:
            return cast("Any", multiple())

    @races.rule(client=CLIENTS, key=KEYS, name=NAMES)
    def finds_or_starts(self, client: str, key: str, name: str) -> None:
        self.start(client, self._find, f"own {key}", name, answers=GreenroomError)

    async def _find(self, key: str, name: str) -> None:
        await self.root.registry.lookup_or_start(key, Worker, self.books, parent=self.root, name=name)

    @races.rule(client=CLIENTS, name=NAMES)
    def terminates(self, client: str, name: str) -> None:
        self.start(client, self.root.terminate_child, name, answers=GreenroomError)

    @races.rule(client=CLIENTS, name=NAMES)
    def restarts(self, client: str, name: str) -> None:
        self.start(client, self.root.restart_child, name, answers=GreenroomError)

    @races.rule(client=CLIENTS, name=NAMES)
    def deletes(self, client: str, name: str) -> None:
        self.start(client, self.root.delete_child, name, answers=GreenroomError)

    @races.rule(client=CLIENTS, ref=refs, how=st.sampled_from(["drain", "kill"]))
    def ends(self, client: str, ref: ActorRef[Any], how: str) -> None:
        self.start(client, getattr(ref, how), name=how, answers=GreenroomError)

    @races.rule(ref=refs)
    def crashes(self, ref: ActorRef[Any]) -> None:
        ref.crash(Boom())

    # -- mail

    def _tell(self, ref: ActorRef[Any], message: Any, number: int = 0) -> None:
        ref.tell(message)
        if number:
            self.books.accepted[number] += 1

    @races.rule(client=CLIENTS, ref=refs)
    def tells(self, client: str, ref: ActorRef[Any]) -> None:
        number = self.books.number()
        self.start(client, self._tell, ref, number, number, name="tell", answers=GreenroomError)

    @races.rule(client=CLIENTS, ref=refs, key=KEYS)
    def takes(self, client: str, ref: ActorRef[Any], key: str) -> None:
        self.start(client, self._tell, ref, Take(key), name="take", answers=GreenroomError)

    @races.rule(client=CLIENTS, ref=refs, deliver=st.sampled_from(["drain", "mail"]))
    def works(self, client: str, ref: ActorRef[Any], deliver: str) -> None:
        work = Work(self.books.number(), deliver)
        self.start(client, self._tell, ref, work, name="work", answers=GreenroomError)

    @races.rule(client=CLIENTS, ref=refs)
    def drains(self, client: str, ref: ActorRef[Any]) -> None:
        self.start(client, self._tell, ref, "drain", name="drain_completed", answers=GreenroomError)

    @races.rule(target=asked, client=CLIENTS, ref=refs, timeout=st.sampled_from([None, 0.5]))
    def asks(self, client: str, ref: ActorRef[Any], timeout: float | None) -> Started:
        return self.start(client, self._ask, ref, self.books.number(), timeout, name="ask", answers=GreenroomError)

    async def _ask(self, ref: ActorRef[Any], number: int, timeout: float | None) -> None:
        assert await ref.ask(Echo(number), timeout=timeout) == number
        assert self.books.executed[number] == 1

    @races.rule(call=consumes(asked))
    def gives_up(self, call: Started) -> None:
        call.cancel()

    @races.rule()
    async def lets_time_pass(self) -> None:
        await trio.sleep(1)

    # -- what has to hold

    @invariant()
    @races.at_each_step
    def keys_are_held_once_and_by_who_is_there(self) -> None:
        held = self.root.registry.select(lambda _: True)
        assert len({each.key for each in held}) == len(held), held
        for each in held:
            slot = each.ref._slot
            assert not slot.has_ended, f"{each.ref.path} has ended, and holds {each.key!r}"
            # One that was given with the start belongs to the slot; one that was taken later to the incarnation.
            if not str(each.key).startswith("own"):
                assert slot.life.value not in AWAY, f"{each.ref.path} is {slot.life.value}, and holds {each.key!r}"
                assert each.value == slot.incarnation, f"incarnation {each.value} of {each.ref.path} holds {each.key!r}"

    @invariant()
    @races.at_each_step
    def counts_agree(self) -> None:
        refs, counts, infos = self.root.which_children(), self.root.count_children(), self.root.tree().children
        assert [ref.path for ref in refs] == [info.path for info in infos]
        assert len({info.name for info in infos}) == len(infos) == counts["specs"] == counts["workers"]
        assert counts["active"] == sum(self._is_active(info) for info in infos), (counts, infos)

    def _is_active(self, info: Any) -> bool:
        if info.lifecycle in ("parked", "restarting"):
            return False
        # One that starts again by itself counts as restarting until it is ready; one that is started by hand does not.
        return info.lifecycle not in ("queued", "initializing") or info.incarnation == 1 or self._is_by_hand(info)

    def _is_by_hand(self, info: Any) -> bool:
        more = self.root.lookup(info.name)._slot.more
        return more is not None and bool(more.awaited)


class Register(SequentialModel):
    """Be a number that is read, written, and added to."""

    initial = 0

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Read, write or add."""
        match name:
            case "write":
                return None, args[0]
            case "add":
                return state + args[0], state + args[0]
            case _:
                return state, state


@attrs.frozen
class Do(Request[Any]):
    """Ask for one of the operations of a register."""

    name: str
    args: tuple[int, ...] = ()


class Keeper(Actor[Any]):
    """Be a register, which takes a step before it answers."""

    def __init__(self) -> None:
        self.state = 0

    async def receive(self, message: Do, ctx: Context) -> Any:
        result, self.state = Register().apply(self.state, message.name, message.args)
        await trio.lowlevel.checkpoint()
        return result


class KeeperAlone(Keeper):
    own_task = True


class Asked(races.StateMachine, model=Register, time="choice"):
    """Ask an actor as if it were an object: one order explains all answers, whoever gives up in between."""

    asked: Bundle[Started] = Bundle("asked")

    @races.initialize(alone=st.booleans())
    async def opens(self, alone: bool) -> None:
        root = await self.enter(stage())
        self.keeper = root.start_soon(KeeperAlone if alone else Keeper, name="keeper")

    def _do(self, client: str, timeout: float | None, name: str, *args: int) -> Started:
        async def ask(*args: int) -> Any:
            return await self.keeper.ask(Do(name, args), timeout=timeout)

        return self.start(client, ask, *args, name=name)

    @races.rule(target=asked, client=CLIENTS)
    def reads(self, client: str) -> Started:
        return self._do(client, None, "read")

    @races.rule(target=asked, client=CLIENTS, number=st.integers(1, 3))
    def writes(self, client: str, number: int) -> Started:
        return self._do(client, None, "write", number)

    @races.rule(target=asked, client=CLIENTS, number=st.integers(1, 3))
    def adds(self, client: str, number: int) -> Started:
        return self._do(client, None, "add", number)

    @races.rule(call=consumes(asked))
    def gives_up(self, call: Started) -> None:
        call.cancel()
