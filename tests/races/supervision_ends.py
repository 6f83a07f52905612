"""Supervision as scenarios: the ends of supervisors, at the same moment as what else happens to them."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from greenroom import (
    Actor,
    ChildSpec,
    Context,
    Down,
    Escalated,
    GreenroomError,
    Intensity,
    StartupFailed,
    SupervisorSpec,
)
from greenroom.races import Sim
from greenroom.supervisor._team import children_of

from .promise import Boom, Quiet, QuietAlone, choose_class, settle, stage, steps, together
from .team import AT_REST, STRATEGIES, Ask, Book, Member, check, find, specs, start_team, tell


async def an_escalation_and_those_who_stop_its_supervisors(sim: Sim) -> None:
    book = Book()
    downs: list[Any] = []

    class Watcher(Quiet):
        async def receive(self, message: Any, ctx: Context) -> None:
            if isinstance(message, Down):
                downs.append(message.ref)
            else:
                ctx.monitor(message)

    async with stage() as root:
        watcher = root.start_soon(Watcher, name="watcher", startup_timeout=None)
        inner = SupervisorSpec("inner", specs(sim, book, "ab"), intensity=Intensity(0), restart="transient")
        team = await start_team(root, [inner], intensity=Intensity(sim.choose([0, 9])))
        leaf = None
        with suppress(GreenroomError):
            leaf = root.lookup("team/inner/a")
            watcher.tell(leaf)

        async def crash() -> None:
            await trio.lowlevel.checkpoint()
            root.lookup("team/inner/a").crash(Boom())

        async def stop() -> None:
            target = root.lookup(sim.choose(["team", "team/inner"]))
            await getattr(target, sim.choose(["stop", "kill"]))()

        await together(sim, stop, crash)
        await settle()
        assert not book.wrong, book.wrong
        for info in root.tree().walk():
            assert info.lifecycle in AT_REST | {"stopped"}, (info.path, info.lifecycle)
        assert team.ref.lifecycle in AT_REST
        if leaf is not None and watcher.incarnation == 1 and leaf.lifecycle == "stopped":
            assert downs.count(leaf) <= 1


async def a_restarting_supervisor_and_those_who_stop_it(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        team = await start_team(root, [*specs(sim, book, "ab"), SupervisorSpec("inner", specs(sim, book, "x"))])

        async def crash() -> None:
            await trio.lowlevel.checkpoint()
            team.ref.crash(Boom())

        async def mail() -> None:
            for _ in range(3):
                with suppress(GreenroomError):
                    root.lookup("team/inner/x").tell("x")
                with suppress(GreenroomError):
                    await root.lookup("team/a").ask(Ask(), timeout=50)

        async def end() -> None:
            await steps(2)
            how = sim.choose(["stop", "kill", "terminate", "inner", "start"])
            if how == "terminate":
                await root.terminate_child("team")
                await root.restart_child("team")
            elif how == "inner":
                await root.lookup("team/inner").stop()
            elif how == "start":
                await team.start(partial(Member, book), name="late", restart="permanent", startup_timeout=None)
            else:
                await getattr(team.ref, how)()

        await together(sim, end, crash, mail)
        await check(book, team)


async def a_kept_child_that_is_stopped_while_its_place_ends(sim: Sim) -> None:
    """What was wrong: a supervisor kept for the next incarnation of the one above, told to stop and busy with that, was ended twice."""
    book = Book()
    async with stage() as root:
        inner = SupervisorSpec("inner", specs(sim, book, "xy"))
        outer = SupervisorSpec("outer", [*specs(sim, book, "a"), inner])
        team = await start_team(root, [outer], restart="temporary", intensity=Intensity(0))

        async def crash() -> None:
            team.lookup("outer").crash(Boom())

        async def stop() -> None:
            ref = team.lookup("outer/inner")
            while ref.lifecycle == "ready":
                await trio.lowlevel.checkpoint()
            await steps(sim.choose([0, 1, 2, 3, 4, 6, 8]))
            await ref.stop()

        await together(sim, stop, crash)
        await settle()
        assert not book.wrong, book.wrong
        for info in root.tree().walk():
            assert info.lifecycle in AT_REST, (info.path, info.lifecycle)
        root.start_soon(Member, book, name="last", restart="permanent", startup_timeout=None, mail="x")
        await check(book, root)


async def a_temporary_supervisor_that_ends_when_the_one_above_does(sim: Sim) -> None:
    """Its children keep their places if and only if it keeps its own, whichever of the two ends was first.

    One that is stopped by hand just then is parked, and its children end with that stop, as those of any other.
    """
    book = Book()
    async with stage() as root:
        inner = SupervisorSpec("inner", specs(sim, book, "xy"), restart="temporary")
        team = await start_team(root, [*specs(sim, book, "a"), inner], strategy=sim.choose(STRATEGIES))
        before = {name: info.uid for name in ("inner", "inner/x", "inner/y") if (info := find(team, name)) is not None}

        async def end_team() -> None:
            await steps(sim.choose([0, 2, 4]))
            team.ref.crash(Boom())

        async def end_inner() -> None:
            how = sim.choose(["crash", "stop", "group"])
            await steps(sim.choose([0, 2]))
            if how == "group":
                tell(team, "a", Boom())
            elif how == "stop":
                stopped.append(how)
                await team.lookup("inner").stop()
            else:
                team.lookup("inner").crash(Boom())

        stopped: list[str] = []
        await together(sim, end_inner, end_team)
        await settle()
        await check(book, team)
        after = {name: info.uid for name in before if (info := find(team, name)) is not None}
        kept = {name for name in before if before[name] == after.get(name)}
        assert kept in (set(), set(before)) or (stopped and kept == {"inner"}), (before, after)


class Late(Actor[Any]):
    """Crash when told to: as soon as somebody is ready, or in time to keep somebody from it."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    async def receive(self, message: Any, ctx: Context) -> None:
        while message.lifecycle in ("queued", "initializing"):
            await trio.lowlevel.checkpoint()
        if message.lifecycle != "ready":
            return
        self._seen.append("ready")
        raise Boom


class LateAlone(Late):
    """Do so in a task of its own."""

    own_task = True


class Hindered(Actor[Any]):
    """Begin to wait for somebody's end when told to, and become ready after it."""

    async def startup(self, ctx: Context) -> None:
        assert ctx.ref._slot.parent is not None
        a = children_of(ctx.ref._slot.parent)["a"]
        await trio.lowlevel.checkpoint()
        while a.incarnation == 1 and a.life.value == "ready":
            await trio.lowlevel.checkpoint()


async def a_supervisor_that_gives_up_as_the_last_of_its_children_becomes_ready(sim: Sim) -> None:
    """It had become ready in the step in which that child did: giving up before is a failure to start, and after it is none. By no chance."""
    seen: list[str] = []
    async with stage() as root:
        hinders = sim.choose([False, True])
        last = ChildSpec("b", Hindered if hinders else choose_class(sim, Quiet, QuietAlone), startup_timeout=None)
        first = ChildSpec("a", choose_class(sim, Late, LateAlone), [seen], startup_timeout=None)
        team = root.start_supervisor("team", [first, last], intensity=Intensity(0), restart="temporary")
        a, b = team.which_children()

        async def crash() -> None:
            with trio.CancelScope(shield=True):  # who is hindered waits for nothing else
                while a.lifecycle in ("queued", "initializing"):
                    await trio.lowlevel.checkpoint()
            a.crash(Boom()) if hinders else a.tell(b)

        await together(sim, crash)
        await settle()
        if team.ref.lifecycle != "ready":
            reason = await team.ref.wait_stopped()
            assert isinstance(reason, Escalated) or not seen, reason
            assert isinstance(reason, StartupFailed) or not hinders, reason


async def an_automatic_shutdown_and_failures(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        children = specs(sim, book, "ab", restart="transient", significant=True)
        team = await start_team(
            root,
            [*children, *specs(sim, book, "c")],
            auto_shutdown=sim.choose(["any_significant", "all_significant"]),
            strategy=sim.choose(STRATEGIES),
            restart="transient",
        )

        async def finish(name: str) -> None:
            await trio.lowlevel.checkpoint()
            team.lookup(name).crash(Boom()) if sim.choose([False, True]) else team.lookup(name).request_stop()

        async def crash() -> None:
            tell(team, "c", Boom())

        await together(sim, partial(finish, "a"), partial(finish, "b"), crash)
        await settle()
        assert not book.wrong, book.wrong
        assert team.ref.lifecycle in AT_REST


SCENARIOS: Final[list[Callable[[Sim], Awaitable[None]]]] = [
    an_escalation_and_those_who_stop_its_supervisors,
    a_restarting_supervisor_and_those_who_stop_it,
    a_kept_child_that_is_stopped_while_its_place_ends,
    a_temporary_supervisor_that_ends_when_the_one_above_does,
    a_supervisor_that_gives_up_as_the_last_of_its_children_becomes_ready,
    an_automatic_shutdown_and_failures,
]
