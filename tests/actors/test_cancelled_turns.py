"""A cancellation at every checkpoint of an agent's turn."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    Request,
    Turn,
    TurnFinished,
    TurnInterrupted,
    open_supervisor,
)
from greenroom.actors._orders import order_end
from greenroom.actors._passage import END

from .books import Books
from .step import BeforeStep, at_every_step
from .traces import no_traces


class Get(Request[str]):
    pass


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
