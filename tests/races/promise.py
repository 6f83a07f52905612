"""The matrix of the promises: each that is about what happens at the same time has a scenario, which is explored in three ways.

The scenario runs under many schedules; with a cancellation of its scope "victim" at every point; and with a crash at every startup, every message
and every shutdown of its actors. What it checks has to hold in each of these runs. Where deadlines matter, time is a choice, too.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import attrs
import trio
import trio.testing

from greenroom import Actor, Context, GreenroomError, Intensity, Supervisor, open_supervisor
from greenroom.actors._runner import RUNNERS
from greenroom.races import Sim
from greenroom.races._schedule import Time
from greenroom.races._sweep import Boundary

Scenario = Callable[[Sim], Awaitable[None]]
BOUNDARIES: Final[tuple[Boundary, ...]] = ("startup", "handler", "shutdown")
#: Promises without a scenario, and why.
WITHOUT: Final = {
    "P30": "is about what a step is made of; tests/actors/test_steps_are_plain.py walks the code",
}


@attrs.frozen
class Promise:
    """Be one scenario of the matrix.

    Attributes:
        number: of the promise that it is about: "P1" to "P30".
        scenario: opens a scope "victim", and a tree whose actors start, handle and shut down.
        time: "choice" where deadlines matter.
    """

    number: str
    scenario: Scenario
    time: Time

    def __str__(self) -> str:
        """Name it."""
        return f"{self.number} {self.scenario.__name__}"


PROMISES: Final[list[Promise]] = []


def promise(number: str, *, time: Time = "exact") -> Callable[[Scenario], Scenario]:
    """Put a scenario into the matrix."""

    def add(scenario: Scenario) -> Scenario:
        PROMISES.append(Promise(number, scenario, time))
        return scenario

    return add


class Boom(Exception):
    """Be what actors crash with."""


class Quiet(Actor[Any]):
    """Take a step in each hook, so that each can be cancelled and crashed."""

    async def startup(self, ctx: Context) -> None:
        """Take a step."""
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> Any:
        """Take a step; the answer is the message."""
        await trio.lowlevel.checkpoint()
        return message

    async def shutdown(self, ctx: Context, reason: object) -> None:
        """Take a step."""
        await trio.lowlevel.checkpoint()


class QuietAlone(Quiet):
    """Do the same in a task of its own."""

    own_task = True


@asynccontextmanager
async def stage(**options: Any) -> AsyncGenerator[Supervisor]:
    """Open a tree, and see that nothing of it is left (P27); failures that were tried out are no news."""
    options.setdefault("intensity", Intensity(20, 5))
    async with open_supervisor("stage", **options) as root:
        yield root
    root.reports.drain()
    runtime = root._slot.runtime
    assert not RUNNERS
    assert (runtime.alive, len(runtime.deadlines), len(runtime.pool.runq)) == (0, 0, 0)
    assert root._slot.has_ended
    assert (root.registry.count(), root.registry._flights, root.groups.which_groups()) == (0, {}, [])


async def together(sim: Sim, victim: Callable[[], Awaitable[Any]], *others: Callable[[], Awaitable[Any]]) -> bool:
    """Run all of them at once, whatever is refused to them; returns whether the victim was cancelled."""

    cancelled = False

    async def run(function: Callable[[], Awaitable[Any]]) -> None:
        with suppress(GreenroomError):
            await function()

    async def run_victim() -> None:
        nonlocal cancelled
        with sim.scope("victim") as scope:
            await run(victim)
        cancelled = scope.cancelled_caught

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_victim)
        for function in others:
            nursery.start_soon(run, function)
    return cancelled


def choose_class(sim: Sim, *classes: Any) -> Any:
    """Choose by name: the module of a class goes by another name in a soak than in pytest, and would be a part of each token."""
    names = {each.__name__: each for each in classes}
    return names[sim.choose(list(names))]


def is_exact(sim: Sim) -> bool:
    """Return whether time passes only when nothing else can happen: then it says how long something took."""
    play: Any = sim._play
    return bool(play.terms.time == "exact")


async def settle(seconds: float = 10) -> None:
    """Wait until nothing goes on any more, whatever has been armed for the time until then."""
    await trio.sleep(seconds)
    await trio.testing.wait_all_tasks_blocked()


async def steps(number: int) -> None:
    """Take some steps."""
    for _ in range(number):
        await trio.lowlevel.checkpoint()


def is_undisturbed(sim: Sim) -> bool:
    """Return whether nothing was injected into this run, or not yet."""
    play: Any = sim._play
    return play.injection is None or bool(play.passed <= play.injection.at)
