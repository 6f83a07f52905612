"""More races that a search has found in the runtime, and what was found on the way there; each with the promise that was broken."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    ChildEnded,
    ChildNotFound,
    Context,
    Deadlock,
    MailboxSpec,
    Refused,
    Request,
    Turn,
    TurnFinished,
    open_supervisor,
    races,
)
from greenroom.races import Sim

from .soak import schedules

Scenario = Callable[[Sim], Awaitable[None]]


class Boom(Exception):
    pass


class Quiet(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    def receive(self, message: Any, ctx: Context) -> None:
        pass


class Fails(Quiet):
    async def startup(self, ctx: Context) -> None:
        raise Boom


class Delegates(Agent[str]):
    """Start a child that fails, at the first turn, and go on."""

    def __init__(self, turns: list[list[str]]) -> None:
        self.turns = turns

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        self.turns.append([mail.message for mail in turn.mail])
        if len(self.turns) == 1:
            ctx.start_soon(Fails, wake_parent=True)
            for _ in range(4):
                await trio.lowlevel.checkpoint()


async def a_report_that_wakes(sim: Sim) -> None:
    """A report that was to wake its parent came while a turn was active, and no turn followed (P10, P13)."""
    turns: list[list[str]] = []
    async with open_supervisor("stage") as root:
        root.start_soon(Delegates, turns).tell("go")
        await trio.sleep(1)
        assert turns == [["go"], []]
        root.reports.drain()


async def reads_reports(ctx: Context, read: list[str]) -> None:
    ctx.start_soon(Quiet, name="child").request_stop()
    while True:
        read.append((await ctx.reports.receive()).path)


async def reports_after_a_restart_by_hand(sim: Sim) -> None:
    """Who had been parked and was started again was told at once that no more reports would come."""
    read: list[str] = []
    async with open_supervisor("stage") as root:
        root.start_soon(reads_reports, read, name="reader", restart="transient")
        await trio.sleep(1)
        await root.terminate_child("reader")
        await root.restart_child("reader")
        await trio.sleep(1)
        assert read == ["/stage/reader/child"] * 2


class Hello(Request[None]):
    pass


class Busy(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        if ctx.start_source == "restart":
            await trio.sleep(50)

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep(1)


async def pinned_at_the_door(sim: Sim) -> None:
    """Who waited for room with mail for one incarnation went on waiting after its end, until the next one had made room (P17)."""
    refused: list[float] = []

    async def wait(call: Callable[[], Awaitable[Any]]) -> None:
        with suppress(ActorStopped):
            await call()
        refused.append(trio.current_time() - start)

    start = trio.current_time()
    async with open_supervisor("stage") as root:
        ref = await root.start(Busy, restart="permanent", mailbox=MailboxSpec(1, "wait"))
        ref.tell("in hand")
        await trio.sleep(0.1)
        ref.tell("in the box")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, lambda: ref.pin().ask(Hello()))
            nursery.start_soon(wait, lambda: ref.pin().send("x"))
            await trio.sleep(0.1)
            ref.crash(Boom())
        assert refused == [pytest.approx(0.2)] * 2


async def a_start_that_others_undo_and_redo(sim: Sim) -> None:
    """`start` took the child for one that had not become ready, and killed what another had started again (P4)."""
    started: list[Any] = []

    async def start() -> None:
        started.append(await root.start(Quiet, name="a", restart="permanent"))

    async def again() -> None:
        for _ in range(30):
            with suppress(ChildNotFound):
                if root.lookup("a").lifecycle == "ready":
                    await root.terminate_child("a")
                    started.append(await root.restart_child("a"))
                    break
            await trio.lowlevel.checkpoint()

    async with open_supervisor("stage") as root:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            nursery.start_soon(again)
        assert started == [root.lookup("a")] * len(started)
        assert root.lookup("a").lifecycle == "ready"


class Clings(Actor[str]):
    async def receive(self, message: str, ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            raise Boom from None

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(3)


class ClingsAlone(Clings):
    own_task = True


async def a_turn_that_crashes_when_interrupted(sim: Sim) -> None:
    """An interrupt waited for the end of the whole actor, not of the turn, and then said that the turn was still running (P22)."""
    start = trio.current_time()
    async with open_supervisor("stage") as root:
        ref = await root.start(sim.choose([Clings, ClingsAlone]))
        ref.tell("x")
        await trio.sleep(1)
        assert await ref.interrupt(grace=1)
        assert trio.current_time() - start == pytest.approx(1)
        root.reports.drain()


class StopsItself(Actor[str]):
    def __init__(self, ref: list[Any]) -> None:
        ref[0].request_stop()

    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()

    def receive(self, message: str, ctx: Context) -> None:
        pass


class StopsItselfAlone(StopsItself):
    own_task = True


async def a_stop_out_of_the_factory(sim: Sim) -> None:
    """A stop that came while the actor was made did not keep its startup from beginning (P9)."""
    ref: list[Any] = []
    start = trio.current_time()
    async with open_supervisor("stage") as root:
        ref.append(root.start_soon(sim.choose([StopsItself, StopsItselfAlone]), ref))
        await ref[0].wait_stopped()
        assert trio.current_time() == start


class Takes(Actor[float]):
    async def receive(self, message: float, ctx: Context) -> None:
        await trio.sleep(message)


class TakesAlone(Takes):
    own_task = True


async def the_last_state_of_a_feed(sim: Sim) -> None:
    """A feed that was read while a message was handled never heard that it was over: nobody tells of single messages."""
    last: list[Any] = []

    async def follow() -> None:
        async with root.subscribe() as feed:
            async for state in feed:
                last[:] = [state]

    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        ref = root.start_soon(sim.choose([Takes, TakesAlone]))
        for seconds in (0.1, 0.0, 0.1):
            ref.tell(seconds)
        await trio.sleep(sim.choose([0.05, 0.1, 0.15]))
        root.start_soon(Takes)
        await trio.sleep(1)
        assert [child.status for child in last[0].children] == [child.status for child in root.snapshot().children]
        nursery.cancel_scope.cancel()


class Who(Request[str]):
    pass


class StartsOne(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await ctx.start(AsksParent, name="child", mail="go")
        return ctx.path


class AsksParent(Actor[str]):
    async def receive(self, message: str, ctx: Context) -> None:
        assert ctx.parent is not None
        await ctx.parent.ask(Who())


class Sends(Actor[Any]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            for number in range(3):
                await self.refs[0].send(number)
        return ctx.path


class AsksBack(Actor[int]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: int, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if message == 2:
            await self.refs[1].ask(Who())


class RunsTurn(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            with suppress(Refused, Deadlock):  # it is in a turn, and may ask in it
                await self.refs[0].run_turn("direct")
        return ctx.path


class AsksInTurn(Agent[str]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        if turn.mail[0].message == "mail":
            await self.refs[1].ask(Who())


class WaitsUntilReady(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await self.refs[0].wait_ready()
        return ctx.path


class StartsAndAsks(Actor[Any]):
    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> None:
        await self.refs[1].ask(Who())


class StopsTheOther(Sends):
    async def receive(self, message: Any, ctx: Context) -> str:
        if not isinstance(message, Who):
            await self.refs[0].stop()
        return ctx.path


class AsksWhenStartedAgain(StartsAndAsks):
    async def startup(self, ctx: Context) -> None:
        if ctx.start_source == "restart":
            await self.refs[1].ask(Who())


async def a_wait_that_is_over(sim: Sim) -> None:
    """Who had what it waited for, and had not gone on yet, still counted as waiting; who asked it then was told of a deadlock (P18)."""
    what = sim.choose(["start", "send", "turn", "ready", "stop"])
    refs: list[Any] = []
    async with open_supervisor("stage") as root:
        if what == "start":
            root.start_soon(StartsOne, mail="go")
        elif what == "send":
            refs.append(root.start_soon(AsksBack, refs, mailbox=MailboxSpec(1, "wait")))
            refs.append(root.start_soon(Sends, refs, mail="go"))
        elif what == "turn":
            refs.append(await root.start(AsksInTurn, refs))
            refs.append(root.start_soon(RunsTurn, refs, mail="go"))
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            refs[0].tell("mail")
        elif what == "ready":
            refs.append(root.start_soon(StartsAndAsks, refs, mail="go"))
            refs.append(root.start_soon(WaitsUntilReady, refs, mail="go"))
        else:
            refs.append(root.start_soon(AsksWhenStartedAgain, refs, name="a", restart="permanent"))
            refs.append(root.start_soon(StopsTheOther, refs, mail="go"))
            await refs[0].wait_stopped()
            await root.restart_child("a")
        await trio.sleep(1)
        for report in root.reports.drain():
            assert not isinstance(report, TurnFinished) or report.outcome.kind == "completed"
            assert not isinstance(report, ChildEnded) or not report.reason.is_failure
        assert all(child.children or what != "start" for child in root.snapshot().children)


class Complains(Request[None]):
    pass


async def refuses(ctx: Context) -> None:
    """Answer with an error that it has caught, and go on: its frame is in the traceback."""
    while True:
        await ctx.receive()
        token = ctx.defer_reply()
        try:
            raise Boom  # noqa: TRY301 -- that is the point
        except Boom as error:
            token.fail(error)


class AsksWhoRefuses(Actor[Any]):
    def __init__(self, ref: Any) -> None:
        self.ref = ref

    async def receive(self, message: Any, ctx: Context) -> None:
        await self.ref.ask(Complains())


class CrashesSlowly(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        raise Boom

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(1)


async def an_error_out_of_a_task_that_goes_on(sim: Sim) -> None:
    """An actor that crashed with an error out of another's hands closed the coroutine that the error had come through, and which waited:
    clearing the frames of a traceback does that up to Python 3.12 (P29).
    """
    async with open_supervisor("stage") as root:
        ref = root.start_soon(refuses) if sim.choose([True, False]) else root.start_soon(CrashesSlowly)
        asker = root.start_soon(AsksWhoRefuses, ref, mail="x")
        await asker.wait_stopped()
        with suppress(Boom, Refused):
            await ref.ask(Complains())
        root.reports.drain()


FOUND: list[Scenario] = [
    a_wait_that_is_over,
    an_error_out_of_a_task_that_goes_on,
    a_report_that_wakes,
    reports_after_a_restart_by_hand,
    pinned_at_the_door,
    a_start_that_others_undo_and_redo,
    a_turn_that_crashes_when_interrupted,
    a_stop_out_of_the_factory,
    the_last_state_of_a_feed,
]


@pytest.mark.soak
@pytest.mark.parametrize("scenario", FOUND)
def test_what_was_found_is_not_found_again(scenario: Scenario) -> None:
    found = races.search(scenario, schedules=schedules(200))
    assert found is None, str(found)
