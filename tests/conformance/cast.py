"""What the children of the suites do: start, fail to, answer, crash, leave, take their time; all of it as a test has planned."""

from collections import defaultdict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorRef, Context, Intensity, Request, Shutdown, Supervisor, open_supervisor

#: What one startup does: take so many seconds, raise, or wait for an event.
Plan = float | Exception | trio.Event

settle = wait_all_tasks_blocked


class Boom(Exception):
    """What the players of a test crash with."""


class Incarnation(Request[int]):
    """Ask a player which incarnation it is."""


class Stage:
    """Hold what the players of one test are to do, and what they did, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._plans: defaultdict[str, deque[Plan]] = defaultdict(deque)
        #: name -> seconds that its shutdown hook takes.
        self.closing: dict[str, float] = {}

    def plan(self, name: str, *plans: Plan) -> None:
        """Say what the next startups of a child do, one after the other; those after them are ready at once."""
        self._plans[name].clear()
        self._plans[name].extend(plans)

    def next_plan(self, name: str) -> Plan:
        """Take what the startup that begins now is to do."""
        plans = self._plans[name]
        return plans.popleft() if plans else 0.0

    def said(self, what: str) -> list[str]:
        """Return who did it, in order."""
        return [line.removesuffix(f" {what}") for line in self.log if line.endswith(f" {what}")]


class Player(Actor[Any]):
    """Do what the stage has planned, and what it is told: crash with an exception, leave at "leave" or a `Shutdown`, be busy for seconds."""

    def __init__(self, stage: Stage | None = None, *, extra: Any = None) -> None:
        self.stage = Stage() if stage is None else stage

    async def startup(self, ctx: Context) -> None:
        name = ctx.ref.name
        self.stage.log.append(f"{name} starts")
        plan = self.stage.next_plan(name)
        if isinstance(plan, Exception):
            raise plan
        if isinstance(plan, trio.Event):
            await plan.wait()
        elif plan:
            await trio.sleep(plan)
        self.stage.log.append(f"{name} is ready")

    async def receive(self, message: Any, ctx: Context) -> Any:
        match message:
            case Incarnation():
                return ctx.ref.incarnation
            case Exception():
                raise message
            case "leave":
                ctx.stop()
            case Shutdown():
                ctx.stop(reason=message)
            case float():
                await trio.sleep(message)
            case (float(), then):
                await trio.sleep(message[0])
                return await self.receive(then, ctx)
            case _:
                self.stage.log.append(f"{ctx.ref.name} got {message}")
        return None

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        name = ctx.ref.name
        self.stage.log.append(f"{name} closes")
        seconds = self.stage.closing.get(name, 0.0)
        if seconds:
            await trio.sleep(seconds)
        self.stage.log.append(f"{name} has closed")


class OwnPlayer(Player):
    """The same with a task of its own."""

    own_task = True


def counts(supervisor: Supervisor) -> tuple[int, int, int, int]:
    """Return what OTP's count_children does: specs, active, supervisors, workers."""
    by_kind = supervisor.count_children()
    return by_kind["specs"], by_kind["active"], by_kind["supervisors"], by_kind["workers"]


def names(supervisor: Supervisor) -> list[str]:
    """Return the children's names, in order."""
    return [ref.name for ref in supervisor.which_children()]


def lives(supervisor: Supervisor) -> dict[str, str]:
    """Return where each child is."""
    return {ref.name: ref.lifecycle for ref in supervisor.which_children()}


def incarnations(supervisor: Supervisor) -> dict[str, int]:
    """Return in which incarnation each child is."""
    return {ref.name: ref.incarnation for ref in supervisor.which_children()}


@asynccontextmanager
async def giving_up(intensity: Intensity, **options: Any) -> AsyncGenerator[tuple[Supervisor, list[BaseException]]]:
    """Open a tree that gives up while its block runs; afterwards the list holds what it raised."""
    errors: list[BaseException] = []
    reached_its_end = False
    try:
        async with open_supervisor("test", intensity=intensity, **options) as root:
            yield root, errors
            reached_its_end = True
    except ExceptionGroup as group:
        errors += group.exceptions
    assert errors
    assert not reached_its_end


async def crash(*refs: ActorRef[Any]) -> None:
    """Let players crash, one after the other, and wait until all that follows has happened."""
    for ref in refs:
        ref.tell(Boom())
        await settle()
