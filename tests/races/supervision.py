"""Supervision as scenarios: failures, administration and ends of supervisors at the same moment.

The team under test is started at run time and is permanent, so an injected crash of a first start is tried again and does not end the tree.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from greenroom import (
    Backoff,
    ChildSpec,
    Context,
    Down,
    GreenroomError,
    Intensity,
    Request,
    Strategy,
    Supervisor,
    SupervisorSpec,
)
from greenroom.races import Sim
from greenroom.supervisor._team import children_of

from .promise import Boom, Quiet, QuietAlone, choose_class, settle, stage, steps, together

STRATEGIES: Final[list[Strategy]] = ["one_for_one", "one_for_all", "rest_for_one"]
#: Lifecycles that nobody stays in.
AT_REST: Final = {"ready", "parked"}


class Book:
    """Keep account of members: which incarnation began, what was handled, and what went wrong."""

    def __init__(self) -> None:
        self.begun: dict[str, tuple[int, int]] = {}
        self.busy: set[str] = set()
        self.handled = 0
        self.wrong: list[str] = []


class Member(Quiet):
    """Note starts and messages; crash when told to."""

    def __init__(self, book: Book, *, in_order: bool = False) -> None:
        self._book = book
        self._in_order = in_order

    async def startup(self, ctx: Context) -> None:
        """See that the incarnation before has ended, and, where a group restarts in order, that those after it have."""
        book, at = self._book, (ctx.ref.uid, ctx.ref.incarnation)
        if ctx.path in book.busy:
            book.wrong.append(f"{ctx.path} starts while it handles a message")
        if book.begun.get(ctx.path, (0, 0)) >= at:
            book.wrong.append(f"{ctx.path} starts {at} after {book.begun[ctx.path]}")
        book.begun[ctx.path] = at
        if self._in_order:
            team = ctx.ref._slot.parent
            assert team is not None
            siblings = [*children_of(team).values()]
            for each in siblings[siblings.index(ctx.ref._slot) + 1 :]:
                if each.life.value == "ready":
                    book.wrong.append(f"{ctx.path} starts while {each.name} is ready")
        await trio.lowlevel.checkpoint()

    async def receive(self, message: Any, ctx: Context) -> Any:
        """Handle it; see that it is time for that."""
        book = self._book
        if ctx.ref.lifecycle in ("queued", "initializing", "restarting", "parked"):
            book.wrong.append(f"{ctx.path} handles {message!r} while {ctx.ref.lifecycle}")
        book.busy.add(ctx.path)
        try:
            await trio.lowlevel.checkpoint()
        finally:
            book.busy.discard(ctx.path)
        if isinstance(message, BaseException):
            raise message
        book.handled += 1
        return message


class MemberAlone(Member, QuietAlone):
    """Be one with a task of its own."""


def specs(sim: Sim, book: Book, names: str, **options: Any) -> list[ChildSpec]:
    """Return one spec for each letter."""
    kind = choose_class(sim, Member, MemberAlone)
    in_order = options.pop("in_order", False)
    return [ChildSpec(name, partial(kind, book, in_order=in_order), startup_timeout=None, **options) for name in names]


async def check(book: Book, team: Supervisor) -> None:
    """See that all come to rest, and that nothing went wrong."""
    on_the_way: list[tuple[str, str]] = []
    for _ in range(10):  # where time is a choice, it passes while others still have their next step before them
        await settle(30)
        on_the_way = [(info.path, info.lifecycle) for info in team.tree().walk() if info.lifecycle not in AT_REST]
        if not on_the_way:
            break
    assert not on_the_way, on_the_way
    assert not book.wrong, book.wrong


async def start_team(root: Supervisor, *args: Any, **options: Any) -> Supervisor:
    """Start a team that bears much, and wait until it is up."""
    options.setdefault("intensity", Intensity(20, 5))
    team = root.start_supervisor("team", *args, **options)
    with suppress(GreenroomError):
        await team.wait_ready()
    return team


def tell(team: Supervisor, name: str, message: Any) -> bool:
    """Tell a child something, if it takes mail now."""
    try:
        team.lookup(name).tell(message)
    except GreenroomError:
        return False
    return True


async def failures_under_each_strategy(sim: Sim) -> None:
    book = Book()
    strategy = sim.choose(STRATEGIES)
    async with stage() as root:
        team = await start_team(root, specs(sim, book, "abc", in_order=strategy == "one_for_all"), strategy=strategy)
        accepted = 0

        async def mail() -> None:
            nonlocal accepted
            for _ in range(3):
                accepted += tell(team, "c", "x")
                await trio.lowlevel.checkpoint()

        async def crash(name: str) -> None:
            await trio.lowlevel.checkpoint()
            team.lookup(name).crash(Boom())

        await together(sim, mail, partial(crash, "a"), partial(crash, "b"), partial(crash, "c"))
        await check(book, team)
        assert all(info.lifecycle == "ready" for info in team.tree().walk())
        assert book.handled <= accepted  # what was in hand when it crashed is done with


async def administration_while_a_group_restarts(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        team = await start_team(root, specs(sim, book, "abc"), strategy=sim.choose(STRATEGIES[1:]))
        done: list[str] = []

        async def administrate() -> None:
            await team.terminate_child("b")
            done.append("terminated")
            await trio.lowlevel.checkpoint()
            await team.restart_child("b")
            done.append("restarted")

        async def delete() -> None:
            await steps(3)
            team.delete_child("b")
            done.append("deleted")

        async def crash() -> None:
            tell(team, "a", Boom())
            await steps(4)
            tell(team, "c", Boom())

        await together(sim, administrate, crash, delete)
        await check(book, team)
        assert ("b" in [ref.name for ref in team.which_children()]) is ("deleted" not in done)


async def an_update_while_a_group_restarts(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        old, new = specs(sim, book, "abc"), specs(sim, book, "cad")
        team = await start_team(root, old, strategy=sim.choose(STRATEGIES))

        async def update() -> None:
            await trio.lowlevel.checkpoint()
            team.update_specs(new, strategy="one_for_all")

        async def crash() -> None:
            tell(team, "a", Boom())
            await steps(3)
            tell(team, "b", Boom())

        async def restart() -> None:
            await steps(2)
            team.ref.crash(Boom())

        await together(sim, update, crash, *([restart] if sim.choose([False, True]) else []))
        await check(book, team)


async def a_backoff_and_who_calls_it_off(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        backoff = Backoff(2.0, 4.0, reset_after=0.0)
        team = await start_team(
            root, [*specs(sim, book, "a", backoff=backoff), *specs(sim, book, "b")], strategy=sim.choose(STRATEGIES)
        )

        async def crash() -> None:
            for _ in range(3):
                tell(team, "a", Boom())
                await trio.sleep(1)

        async def call_off() -> None:
            await trio.sleep(2)
            await team.terminate_child("a")
            assert team.which_child("a").next_retry is None
            if sim.choose([False, True]):
                await team.restart_child("a")

        await together(sim, call_off, crash)
        await check(book, team)


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


class Ask(Request[Any]):
    """Ask for anything."""


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


Scenario = Callable[[Sim], Awaitable[None]]
SCENARIOS: Final[list[Scenario]] = [
    failures_under_each_strategy,
    administration_while_a_group_restarts,
    an_update_while_a_group_restarts,
    a_backoff_and_who_calls_it_off,
    an_escalation_and_those_who_stop_its_supervisors,
    a_restarting_supervisor_and_those_who_stop_it,
    a_kept_child_that_is_stopped_while_its_place_ends,
    an_automatic_shutdown_and_failures,
]
