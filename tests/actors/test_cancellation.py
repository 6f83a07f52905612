"""A cancellation at every checkpoint: of each call that waits for an actor, and of an agent's turn.

The blow falls before the call and then right before the n-th step that any task takes, for n = 1, 2, 3, … until the call is over before it
falls. `start` has its own sweep (test_start), as it alone may leave a child behind. At the end, the readers of feeds.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    DeadLetter,
    MailboxSpec,
    Request,
    Supervisor,
    Turn,
    TurnFinished,
    TurnInterrupted,
    open_supervisor,
)
from greenroom.actors._orders import order_end
from greenroom.actors._slot import END

Call = Callable[[ActorRef[Any]], Awaitable[Any]]


class BeforeStep(trio.abc.Instrument):
    """Do something right before the n-th step that any task takes; at once for 0."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.blow: Callable[[], object] | None = None
        self.has_fallen = False

    def arm(self, blow: Callable[[], object]) -> None:
        self.blow = blow
        if self.n == 0:
            self.fall()

    def disarm(self) -> None:
        self.blow = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.blow is not None:
            self.n -= 1
            if self.n == 0:
                self.fall()

    def fall(self) -> None:
        assert self.blow is not None
        self.has_fallen = True
        self.blow()


def at_every_step(once: Callable[[BeforeStep], Awaitable[object]]) -> int:
    """Run it with the blow at each step in turn; returns how often it fell."""
    n = 0
    while True:
        instrument = BeforeStep(n)
        trio.run(once, instrument, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[instrument])
        if not instrument.has_fallen:
            return n
        n += 1


class Get(Request[str]):
    pass


class Do(Request[None]):
    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work


class Books:
    """Count what becomes of each mail."""

    def __init__(self, root: Supervisor) -> None:
        self.begun: Counter[Any] = Counter()
        self.dead: Counter[Any] = Counter()
        register = root.dead_letters
        add = register.add

        def keep(letter: DeadLetter) -> None:
            self.dead[letter.message] += 1
            add(letter)

        register.add = keep  # type: ignore[method-assign]


class Works(Actor[Any]):
    """Take a second to start, and one for each message."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.books.begun[message] += 1
        await trio.sleep(1)
        return "got"


class OwnWorks(Works):
    own_task = True


class AgentWorks(Agent[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            self.books.begun[mail.message] += 1
        await trio.sleep(1)
        return "got"


async def function_works(ctx: Context, books: Books) -> None:
    async for message in ctx:
        books.begun[message] += 1
        token = ctx.defer_reply() if ctx.mail is not None and ctx.mail.kind == "request" else None
        await trio.sleep(1)
        if token is not None:
            token.reply("got")


class Caller(Actor[Any]):
    """Make calls in its own turn."""

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Do):
            await message.work()


def no_traces(root: Supervisor) -> None:
    """Nobody waits for anything: no parked task, no deadline, no edge of the deadlock check, no sender at a door."""
    assert len(root._slot.runtime.deadlines) == 0
    for ref in root.which_children():
        slot = ref._slot
        assert slot.box.waiting_senders == 0
        assert len(slot.box) == 0
        if slot.more is not None:
            assert slot.more.waiting_for is None
            assert slot.more.changes is None or slot.more.changes.statistics().tasks_waiting == 0


async def probe(ref: ActorRef[Any]) -> None:
    assert await ref.ask(Get(), timeout=5) == "got"


#: what is called, and in which of the ways of `ENDS` the actor may be left.
CALLS: dict[str, tuple[Call, set[str]]] = {
    "ask": (lambda ref: ref.ask(Get()), {"alive"}),
    "ask with a timeout": (lambda ref: ref.ask(Get(), timeout=50), {"alive"}),
    "send": (lambda ref: ref.send("sent"), {"alive"}),
    "interrupt": (lambda ref: ref.interrupt(), {"alive"}),
    "wait_ready": (lambda ref: ref.wait_ready(), {"alive"}),
    "wait_stopped": (lambda ref: ref.wait_stopped(), {"alive"}),
    "stop": (lambda ref: ref.stop(), {"alive", "ended"}),
    "drain": (lambda ref: ref.drain(), {"alive", "ended"}),
    "kill": (lambda ref: ref.kill(), {"alive", "ended"}),
}
#: seconds from the start of the actor to the call, which has two messages of one second each to handle.
MOMENTS = {"starting": 0.0, "in a turn": 1.5, "idle": 30.0}


@pytest.mark.parametrize("caller", ["a task", "an actor"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", [Works, OwnWorks, AgentWorks, function_works])
def test_a_call_that_is_cancelled_at_any_step_leaves_nothing_of_itself(
    kind: Any, call: str, moment: str, caller: str
) -> None:
    """P14, P16, P17, P22, P26: an order that was given stays given, a question is forgotten, and every mail has its one fate."""
    make, ends = CALLS[call]
    seen: set[str] = set()

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root:
            books = Books(root)
            spec = MailboxSpec(2, "wait") if call == "send" and kind is not AgentWorks else MailboxSpec()
            ref: ActorRef[Any] = root.start_soon(kind, books, mailbox=spec, restart="permanent")
            for message in ("a", "b"):
                ref.tell(message)
            mine = root.start_soon(Caller)
            scope = trio.CancelScope()
            await trio.sleep(MOMENTS[moment])
            returned = False

            async def attempt() -> None:
                nonlocal returned
                with scope:
                    blow.arm(scope.cancel)
                    with trio.move_on_after(20):
                        await make(ref)
                    returned = True
                blow.disarm()

            if caller == "a task":
                await attempt()
            else:
                await mine.ask(Do(attempt))
            assert returned or scope.cancelled_caught
            await trio.sleep(100)
            end = "alive" if ref.is_alive else "ended"
            assert end in ends
            if not returned:
                seen.add(end)
            no_traces(root)
            fates = books.begun + books.dead
            for message in ("a", "b"):
                assert fates[message] == 1
            assert fates["sent"] <= 1
            assert sum(times for message, times in fates.items() if isinstance(message, Get)) <= 1
            if call == "drain" or end == "alive":
                assert not books.dead.keys() & {"a", "b", "sent"}
            if end == "alive":
                assert ref.incarnation == 1
                await mine.ask(Do(partial(probe, ref)))
                await ref.stop()
            else:
                assert await ref.stop() is ref.exit_reason
            root.reports.drain()

    assert at_every_step(once) > 0
    assert seen == ends


WORK = "work"
#: what a direct turn may come to, besides being completed. It is finished before a stop if it has begun.
OUTCOMES = {
    "interrupt": {"interrupted"},
    "crash": {"crashed", "undeliverable"},
    "crash, and a restart": {"crashed", "undeliverable"},
    "stop": {"undeliverable"},
    "kill": {"stopped", "undeliverable"},
}


class Thinker(Agent[Any]):
    """Draw in mail twice, keep the first, ask somebody, open a nursery, and rest a little between all of it."""

    def __init__(self, books: Books, other: ActorRef[Any]) -> None:
        self.books, self.other = books, other

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            self.books.begun[mail.message] += 1
        if not any(mail.message == WORK for mail in turn.mail):
            return "short"
        self.draw(turn)
        await trio.lowlevel.checkpoint()
        ctx.ref.try_tell("late 1")
        self.draw(turn)
        self.keep(turn)
        await self.other.ask(Get(), timeout=5)
        ctx.ref.try_tell("late 2")
        self.draw(turn)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
        ctx.ref.try_tell("late 3", trigger_turn=False)
        await trio.lowlevel.checkpoint()
        self.draw(turn)
        await trio.sleep(1)
        self.keep(turn)
        return "long"

    def draw(self, turn: Turn[Any]) -> None:
        self.drawn = [*getattr(self, "drawn", []), *(mail.message for mail in turn.drain())]

    def keep(self, turn: Turn[Any]) -> None:
        assert turn.commit() == len(self.drawn)
        self.books.begun.update(self.drawn)
        self.drawn = []


class Answers(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> str:
        await trio.lowlevel.checkpoint()
        return "answer"


@pytest.mark.parametrize("blow_by", OUTCOMES)
@pytest.mark.parametrize("own_task", [False, True])
def test_an_agents_turn_that_is_ended_at_any_step_loses_nothing(blow_by: str, *, own_task: bool) -> None:
    """P14, P20, P22, P23: what it has kept is kept, the rest goes back or is returned, once, and who asked has one outcome."""
    outcomes: set[str] = set()

    class Kind(Thinker):
        pass

    Kind.own_task = own_task

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root:
            books = Books(root)
            other = await root.start(Answers)
            restart: Any = "permanent" if "restart" in blow_by else "temporary"
            ref: ActorRef[Any] = await root.start(Kind, books, other, restart=restart)
            strike: dict[str, Callable[[], object]] = {
                "interrupt": lambda: ref._slot.runtime.interrupt(ref._slot),
                "crash": lambda: ref.crash(OSError("pulled")),
                "crash, and a restart": lambda: ref.crash(OSError("pulled")),
                "stop": ref.request_stop,
                "kill": lambda: order_end(ref._slot, END, by="outside"),
            }
            handle = ref.start_turn(WORK)
            ref.tell("b")
            ref.tell("u", urgent=True)
            blow.arm(strike[blow_by])
            outcome = await handle.outcome()
            blow.disarm()
            outcomes.add(outcome.kind)
            await trio.sleep(100)
            assert ref.is_alive == ("interrupt" in blow_by or "restart" in blow_by or not blow.has_fallen)
            no_traces(root)
            told = {"b", "u"} | {message for message in (*books.begun, *books.dead) if str(message).startswith("late")}
            fates = books.begun + books.dead
            waits = [letter.message for letter in ref._slot.box.queue or () if ref.is_alive]
            assert waits in ([], ["late 3"])
            for message in told - set(waits):
                assert fates[message] == 1, message
            assert books.begun[WORK] <= 1
            reports = [report for report in root.reports.drain() if isinstance(report, TurnFinished)]
            assert [report.turn for report in reports] == sorted({report.turn for report in reports})
            if ref.is_alive:
                assert outcome.kind in ("crashed", "undeliverable") or reports[0].outcome == outcome
                assert await ref.run_turn("again") == "short"
                assert root.dead_letters.lost_mail == 0
                root.reports.drain()

    assert at_every_step(once) > 5
    assert outcomes == {"completed"} | OUTCOMES[blow_by]


@pytest.mark.parametrize("end", [TurnInterrupted, ActorCrashed, ActorStopped])
def test_an_asker_of_a_turn_that_is_ended_at_any_step_has_one_answer(end: type[Exception]) -> None:
    """P17, P23: the answer of the turn or the error of its end, at once and never both."""
    answers: Counter[Any] = Counter()

    class Busy(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> str:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            return "answer"

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root:
            ref: ActorRef[Any] = await root.start(Busy)
            strike: dict[type[Exception], Callable[[], object]] = {
                TurnInterrupted: lambda: ref._slot.runtime.interrupt(ref._slot),
                ActorCrashed: lambda: ref.crash(OSError("pulled")),
                ActorStopped: lambda: order_end(ref._slot, END, by="outside"),
            }
            blow.arm(strike[end])
            try:
                answers[await ref.ask(Get())] += 1
            except (end, ActorStopping):  # the latter if the blow fell before it asked
                answers["error"] += 1
            blow.disarm()
            await trio.sleep(1)
            assert trio.current_time() == 1
            no_traces(root)
            root.reports.drain()

    fell = at_every_step(once)
    assert answers.total() == fell + 1
    assert answers["error"] > 0
    assert answers["answer"] > 0


async def ends(_ctx: Context, number: int) -> int:
    return number


@pytest.mark.parametrize("source", ["reports", "status changes", "dead letters"])
def test_a_reader_that_is_cancelled_at_any_step_misses_nothing(source: str) -> None:
    """P10, P23, P24: what comes is read once, before or after the cancellation."""

    async def once(blow: BeforeStep) -> None:
        async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
            thinker: ActorRef[Any] = await root.start(AgentWorks, Books(root))
            parked: ActorRef[Any] = root.start_soon(function_works, Books(root), name="parked")
            seen: list[Any] = []
            scope = trio.CancelScope()
            async with thinker.subscribe() as changes, root.dead_letters.subscribe() as letters:

                async def make() -> None:
                    for number in range(3):
                        await trio.sleep(1)
                        if source == "reports":
                            root.start_soon(ends, number)
                        elif source == "status changes":
                            await thinker.run_turn(number)
                        else:
                            parked.tell(number, trigger_turn=False)
                    await trio.sleep(1)
                    await parked.stop()

                async def read() -> None:
                    while True:
                        if source == "reports":
                            report: Any = await root.reports.receive()
                            seen.append(report.reason.result if report.path != parked.path else "end")
                        elif source == "status changes":
                            seen.append((await anext(changes)).generation)
                        else:
                            seen.append((await anext(letters)).message)

                nursery.start_soon(make)
                with scope:
                    blow.arm(scope.cancel)
                    with trio.move_on_after(20):
                        await read()
                blow.disarm()
                with trio.move_on_after(20):
                    await read()
                match source:
                    case "reports":
                        assert seen == [0, 1, 2, "end"]
                    case "status changes":
                        assert seen == list(range(seen[0], seen[0] + 6))
                    case _:
                        assert [each for each in seen if isinstance(each, int)] == [0, 1, 2]
            nursery.cancel_scope.cancel()
            root.reports.drain()

    assert at_every_step(once) > 5
