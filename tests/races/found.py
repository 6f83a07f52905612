"""Races that a search has found in the runtime, and what was found on the way there; each with the promise that was broken."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    AlreadyRunning,
    ChildNotFound,
    ChildSpec,
    Context,
    Ignore,
    Intensity,
    MailboxSpec,
    Refused,
    Request,
    Turn,
    open_supervisor,
)
from greenroom.races import Sim

from .promise import choose_class


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
        ref = await root.start(choose_class(sim, Clings, ClingsAlone))
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
        ref.append(root.start_soon(choose_class(sim, StopsItself, StopsItselfAlone), ref))
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
        ref = root.start_soon(choose_class(sim, Takes, TakesAlone))
        for seconds in (0.1, 0.0, 0.1):
            ref.tell(seconds)
        await trio.sleep(sim.choose([0.05, 0.1, 0.15]))
        root.start_soon(Takes)
        await trio.sleep(1)
        assert [child.status for child in last[0].children] == [child.status for child in root.snapshot().children]
        nursery.cancel_scope.cancel()


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


class Lingers(Takes):
    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()


class LingersAlone(Lingers):
    own_task = True


async def a_stop_while_others_have_their_turn(sim: Sim) -> None:
    """What came while an actor with a task of its own let others go first was not looked at before its next message: a stop came one message
    late, and a kill had to wait until that was handled (P20, P26).
    """
    async with open_supervisor("stage") as root:
        ref = root.start_soon(choose_class(sim, Lingers, LingersAlone))
        for seconds in (0, 100, 100):
            ref.tell(seconds)
        for _ in range(4):
            await trio.lowlevel.checkpoint()
        await ref.kill()
        assert trio.current_time() == 0


async def two_stop_and_start_again(sim: Sim) -> None:
    """Whoever waits for an end hears of it, even if another starts the child again at once (P26)."""

    async def again() -> None:
        await root.terminate_child("a")
        with suppress(AlreadyRunning, ActorStopped):  # the other was first, or stopped it while it started
            await root.restart_child("a")

    async with open_supervisor("stage") as root:
        root.start_soon(Quiet, name="a", restart="permanent")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(again)
            nursery.start_soon(again)
        await root.lookup("a").stop()


async def an_update_before_a_restarted_supervisor_begins(sim: Sim) -> None:
    """What was asked of a supervisor that had been started again by hand, and had not begun, was asked of what all actors with children go by:
    an update changed that for the whole process, and the supervisor itself went on with the old set.
    """
    async with open_supervisor("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Quiet)])
        await root.terminate_child("team")

        async def update() -> None:
            await trio.lowlevel.checkpoint()
            with suppress(ActorStopped):  # it came first
                team.update_specs([ChildSpec("b", Quiet)])
                updated.append(True)

        updated: list[bool] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(root.restart_child, "team")
            nursery.start_soon(update)
        await root.terminate_child("team")
        await root.restart_child("team")
        assert [ref.name for ref in team.which_children()] == (["b"] if updated else ["a"])


class Raises(Quiet):
    def receive(self, message: Any, ctx: Context) -> None:
        raise Boom


class Spoils(Quiet):
    """Find nothing to do at the second start, and fail to say so."""

    def __init__(self, starts: list[str]) -> None:
        self.starts = starts

    async def startup(self, ctx: Context) -> None:
        self.starts.append(ctx.path)
        if len(self.starts) == 2:
            raise Ignore

    async def shutdown(self, ctx: Context, reason: object) -> None:
        if len(self.starts) == 2:
            raise Boom


async def a_start_by_hand_that_is_judged(sim: Sim) -> None:
    """Who started a child that crashed where it should have ignored its start was told so, or got the child that its supervisor had started
    instead, as the one or the other was first; a stop by its group was the same.
    """
    starts: list[str] = []
    beside = sim.choose([False, True])
    children = [ChildSpec("a", Raises), ChildSpec("b", Quiet if beside else Spoils, [] if beside else [starts])]
    async with open_supervisor("stage", strategy="one_for_all", intensity=Intensity(10), children=children) as root:
        again = root.lookup("b")
        await root.terminate_child("b")
        if beside:
            root.lookup("a").tell("complain")
        try:
            await root.restart_child("b")
        except (AlreadyRunning, ActorStopped):  # its group was first, or came before it was ready
            assert beside or starts.count("/stage/b") >= 2
        else:
            assert beside
        await trio.sleep(1)
        assert again.lifecycle == "ready"
        root.reports.drain()
