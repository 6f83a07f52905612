"""Supervision as scenarios: failures, administration and ends of supervisors at the same moment.

The team under test is started at run time and is permanent, so an injected crash of a first start is tried again and does not end the tree.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import trio

from greenroom import (
    Actor,
    ActorInfo,
    Backoff,
    ChildSpec,
    Context,
    Down,
    Escalated,
    GreenroomError,
    Intensity,
    Request,
    StartupFailed,
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


async def an_update_of_a_supervisor_that_tries_again_to_start(sim: Sim) -> None:
    """Whether it comes while an attempt is made or between two: who is declared no longer has ended when the supervisor is ready."""
    book, fails, updated = Book(), iter([True, True]), list[bool]()

    class Frail(Member):
        async def startup(self, ctx: Context) -> None:
            await super().startup(ctx)
            if next(fails, False):
                raise Boom

    async with stage() as root:
        frail = ChildSpec("b", Frail, [book], startup_timeout=None)
        old, new = specs(sim, book, "ac"), specs(sim, book, "cd")
        team = root.start_supervisor(
            "team", [old[0], frail, old[1]], start_retry=Backoff(1.0, 2.0), intensity=Intensity(20, 5)
        )
        a = team.lookup("a")

        async def update() -> None:
            await steps(sim.choose([1, 4, 9]))
            if sim.choose([False, True]):
                await trio.sleep(0.5)
            tell(team, "b", "hello")
            team.update_specs([frail, *new])
            updated.append(True)

        async def wait_ready() -> None:
            with suppress(GreenroomError):
                await team.wait_ready()

        async def stop() -> None:
            await trio.sleep(1)
            await root.terminate_child("team")
            await root.restart_child("team")

        await together(sim, update, wait_ready, *([stop] if sim.choose([False, True]) else []))
        await check(book, team)
        if updated and team.ref.lifecycle == "ready":
            names = {ref.name for ref in team.which_children()}
            assert names - {"a"} == {"b", "c", "d"}, names
            assert "a" in names or a.lifecycle == "stopped", a.lifecycle


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


def find(team: Supervisor, path: str) -> ActorInfo | None:
    """Return what there is at a path, if anything is."""
    return next((info for info in team.tree().walk() if info.path == f"{team.path}/{path}"), None)


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
    an_update_of_a_supervisor_that_tries_again_to_start,
    a_backoff_and_who_calls_it_off,
    an_escalation_and_those_who_stop_its_supervisors,
    a_restarting_supervisor_and_those_who_stop_it,
    a_kept_child_that_is_stopped_while_its_place_ends,
    a_temporary_supervisor_that_ends_when_the_one_above_does,
    a_supervisor_that_gives_up_as_the_last_of_its_children_becomes_ready,
    an_automatic_shutdown_and_failures,
]
