"""The registry as scenarios: keys that several want, starts that several ask for, feeds and groups, while actors end."""

from collections import Counter
from contextlib import suppress
from typing import Any, Final

import trio

from greenroom import (
    ActorRef,
    ActorStopped,
    ChildStartupFailed,
    Context,
    GreenroomError,
    Joined,
    KeyInUse,
    Left,
    Listing,
    Registered,
    StartupFailed,
    Supervisor,
    Unregistered,
    ValueChanged,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, QuietAlone, Scenario, choose_class, is_undisturbed, settle, stage, steps, together

ENDS: Final = ["stop", "kill", "drain", "crash"]
FOR_EVER: Final[dict[str, Any]] = {"startup_timeout": None, "shutdown": None}


async def end_somehow(ref: ActorRef[Any], how: str) -> None:
    """End an actor, and wait until that has been seen."""
    incarnation = ref.incarnation
    if how == "crash":
        ref.crash(Boom())
        while ref.incarnation == incarnation and ref.exit_reason is None and ref.is_alive:
            await trio.lowlevel.checkpoint()
    else:
        await getattr(ref, how)()


class Wants(Quiet):
    """Register the key when told so, and note who has it."""

    def __init__(self, won: Counter[str]) -> None:
        self.won = won

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        try:
            ctx.register("key", ctx.ref.incarnation)
        except KeyInUse as error:
            check_holder(ctx.registry.whereis("key"), error)
        else:
            assert ctx.registry.whereis("key") is ctx.ref
            self.won[ctx.ref.name] += 1
        await trio.lowlevel.checkpoint()


def check_holder(holder: ActorRef[Any] | None, error: KeyInUse) -> None:
    assert holder is not None
    assert error.holder is holder
    assert not holder._slot.has_ended


class WantsAlone(Wants):
    own_task = True


async def one_key_is_wanted_by_three(sim: Sim) -> None:
    """At any time one has it at most; when all is quiet, the first of those who live has it."""
    won: Counter[str] = Counter()
    async with stage() as root:
        kind = choose_class(sim, Wants, WantsAlone)
        refs = [root.start_soon(kind, won, name=f"w{number}", restart="permanent", **FOR_EVER) for number in range(3)]

        async def tell(ref: ActorRef[Any]) -> None:
            ref.tell("take it")
            await steps(3)
            found = root.registry.lookup("key")
            assert len(found) <= 1
            for each in found:
                assert each.ref.exit_reason is None
                assert each.value == each.ref.incarnation

        await together(sim, lambda: tell(refs[0]), lambda: tell(refs[1]), lambda: tell(refs[2]))
        await settle()
        if is_undisturbed(sim):
            assert won.total() == 1
            [only] = root.registry.lookup("key")
            assert won[only.ref.name] == 1


async def a_dead_owner_blocks_nobody(sim: Sim) -> None:
    """Whoever has seen the owner's end gets the key that it had at run time; a crash that leads to a restart is an end, too."""
    async with stage() as root:
        kind, how = choose_class(sim, Quiet, QuietAlone), sim.choose(ENDS)
        owner = root.start_soon(
            kind, name="owner", restart=sim.choose(["temporary", "permanent"]), mail="x", **FOR_EVER
        )
        heir = root.start_soon(Quiet, name="heir", restart="permanent", **FOR_EVER)
        incarnation = owner.incarnation
        with suppress(GreenroomError):
            root.registry.register("key", owner)
            root.groups.join("group", owner)

        def is_over() -> bool:
            return owner.incarnation != incarnation or owner._slot.has_ended

        def check() -> None:
            # A registration and a membership are there exactly as long as the incarnation is.
            held = [each.ref for each in root.registry.lookup("key")]
            assert (owner in held) == (not is_over() and bool(root.groups.members("group"))), (held, owner)
            if is_over():
                assert owner not in held
                assert owner not in root.groups.members("group")

        blocked: list[bool] = []

        async def inherit() -> None:
            for _ in range(12):
                check()
                over = is_over()
                try:
                    root.registry.register("key", heir)
                except KeyInUse as error:
                    if error.holder is heir:
                        return
                    blocked.append(over)
                except GreenroomError:
                    pass
                await trio.lowlevel.checkpoint()

        async def end() -> None:
            await steps(sim.choose([0, 2, 4]))
            await end_somehow(owner, how)
            assert is_over()
            check()

        await together(sim, end, inherit)
        await settle()
        check()
        assert not any(blocked), "a dead owner blocks a registration"


class Starts(Quiet):
    """Count who starts at the same time."""

    def __init__(self, running: list[str], failing: list[bool]) -> None:
        self.running, self.failing = running, failing

    async def startup(self, ctx: Context) -> None:
        self.running.append(ctx.path)
        try:
            assert len(self.running) == 1, self.running
            await steps(2)
        finally:
            self.running.remove(ctx.path)
        if self.failing and self.failing.pop(0):
            raise Boom


class StartsAlone(Starts):
    own_task = True


async def many_ask_for_one(sim: Sim) -> None:
    """One starts for all of them; the first who asks is cancelled; some starts fail; one may be stopped meanwhile."""
    running: list[str] = []
    failing = sim.choose([[], [True], [True, True], [False, True]])[:]
    outcomes: list[Any] = []
    async with stage() as root:
        kind = choose_class(sim, Starts, StartsAlone)
        restart: Any = sim.choose(["temporary", "permanent"])

        waiting, told_alone = 0, False

        async def ask() -> None:
            nonlocal waiting, told_alone
            waiting += 1
            try:
                await ask_once()
            finally:
                waiting -= 1
                starting = root.registry.whereis("key")
                if not waiting and starting is not None and starting.lifecycle in ("queued", "initializing"):
                    told_alone = True

        async def ask_once() -> None:
            try:
                ref = await root.registry.lookup_or_start(
                    "key", kind, running, failing, parent=root, restart=restart, **FOR_EVER
                )
            except (StartupFailed, ActorStopped, KeyInUse) as error:
                outcomes.append(error)
            else:
                outcomes.append(ref)
                ref.try_tell("hello")
                assert ref._slot.get_more().readied > 0

        async def later() -> None:
            await steps(sim.choose([0, 1, 3, 5]))
            await ask()

        stopped = sim.choose([False, True])

        async def stop() -> None:
            await steps(4)
            ref = root.registry.whereis("key")
            if ref is not None and stopped:
                ref.request_stop()

        await together(sim, ask, ask, later, stop)
        await settle()
        raised = {error.path for error in outcomes if isinstance(error, StartupFailed)}
        reported = {report.path for report in root.reports.drain() if isinstance(report, ChildStartupFailed)}
        if not stopped and not told_alone:
            assert not raised & reported, "a failure is of those who wait, or of the parent, and not of both"
        assert running == []
        assert all(each.status == "parked" for each in outcomes if isinstance(each, KeyInUse))
        assert root._slot.runtime.registry._flights == {}
        holder = root.registry.whereis("key")
        if holder is not None and holder.lifecycle != "parked":
            assert holder.lifecycle == "ready", holder
            failing.clear()
            assert await root.registry.lookup_or_start("key", kind, running, failing, parent=root, **FOR_EVER) is holder
        elif holder is None:
            failing.clear()
            fresh: Any = None
            with suppress(StartupFailed):
                fresh = await root.registry.lookup_or_start("key", kind, running, failing, parent=root, **FOR_EVER)
            assert (fresh is not None and fresh.lifecycle == "ready") or not is_undisturbed(sim)


def fold(there: Counter[Any], change: Any) -> None:
    """Take a change into what somebody believes to be there."""
    if change.__class__ is Listing:
        there.clear()
        there.update([told(each) for each in change.entries])
    elif isinstance(change, Registered | ValueChanged):
        each = change.registration
        if isinstance(change, ValueChanged):
            [old] = [known for known in there if known[:2] == (each.key, each.ref)]
            del there[old]
        there[told(each)] += 1
    elif isinstance(change, Joined):
        there[told(change.membership)] += 1
    else:
        assert isinstance(change, Unregistered | Left)
        gone = told(change.registration if isinstance(change, Unregistered) else change.membership)
        assert there[gone] > 0, "what has never come has gone"
        there[gone] -= 1
        there += Counter()
    assert all(count > 0 for count in (+there).values())


def told(each: Any) -> tuple[Any, ...]:
    return (each.key, each.ref, each.value) if hasattr(each, "key") else (each.group, each.ref)


def truth(root: Supervisor, *, groups: bool) -> Counter[Any]:
    if groups:
        return Counter([(group, ref) for group in root.groups.which_groups() for ref in root.groups.members(group)])
    return Counter([told(each) for each in root.registry.select(lambda _: True)])


class Changes(Quiet):
    """Take keys and places, change a value, give some of them up again."""

    async def receive(self, message: Any, ctx: Context) -> Any:
        number = ctx.ref.uid
        with suppress(KeyInUse):
            ctx.register(("own", number), 0)
        ctx.join("all")
        await trio.lowlevel.checkpoint()
        with suppress(KeyInUse):
            ctx.register("shared", number)
            ctx.registry.update_value("shared", ctx.ref, lambda value: value + 100)
        ctx.join("all")
        await trio.lowlevel.checkpoint()
        ctx.unregister("shared")
        ctx.leave("all")


async def a_follower_misses_nothing(sim: Sim) -> None:
    """Whoever follows, however slowly and however often cancelled, believes what is true when all is quiet."""
    groups = sim.choose([False, True])
    buffer = sim.choose([1, 2, 100])
    there: Counter[Any] = Counter()
    async with stage() as root:
        refs = [root.start_soon(Changes, name=f"c{number}", restart="permanent", **FOR_EVER) for number in range(2)]
        subscribe: Any = root.groups.subscribe if groups else root.registry.subscribe

        async def follow(feed: Any, rests: int) -> None:
            async for change in feed:
                fold(there, change)
                await steps(rests)

        async def change() -> None:
            for ref in refs:
                ref.try_tell("go")
            await steps(2)
            refs[0].crash(Boom())
            refs[1].try_tell("go")
            await refs[0].stop()

        async with trio.open_nursery() as nursery:
            if sim.choose([False, True]):
                nursery.start_soon(change)
            await steps(sim.choose([0, 2]))
            async with subscribe(buffer=buffer) as feed:
                await together(sim, lambda: brief(follow, feed), change)
                nursery.start_soon(follow, feed, sim.choose([0, 2]))
                await settle()
                assert +there == truth(root, groups=groups), (there, truth(root, groups=groups))
                nursery.cancel_scope.cancel()


async def brief(follow: Any, feed: Any) -> None:
    """Follow for a short time, and leave by a cancellation."""
    with trio.move_on_after(1):
        await follow(feed, 0)


class Hears(Quiet):
    """Count what it hears."""

    def __init__(self, heard: Counter[Any]) -> None:
        self.heard = heard

    async def receive(self, message: Any, ctx: Context) -> Any:
        if message == "leave":
            ctx.leave("group")
        else:
            self.heard[ctx.ref.name, message] += 1
        await trio.lowlevel.checkpoint()


class HearsAlone(Hears):
    own_task = True


async def what_is_published_reaches_who_is_there(sim: Sim) -> None:
    """Each member hears what it has accepted once at most, and exactly once if nothing befell it; nobody else hears it."""
    heard: Counter[Any] = Counter()
    accepted: Counter[Any] = Counter()
    async with stage() as root:
        kind = choose_class(sim, Hears, HearsAlone)
        refs = [root.start_soon(kind, heard, name=f"h{number}", restart="permanent", **FOR_EVER) for number in range(3)]
        for ref in refs:
            root.groups.join("group", ref)
        refs[2].tell("leave")
        how = sim.choose(ENDS)

        async def publish() -> None:
            for number in range(4):
                members = root.groups.members("group")
                for ref in members:
                    assert not ref._slot.has_ended, "somebody who has ended is in a group"
                told_ = root.groups.publish("group", number)
                assert {*told_.delivered} | {*told_.refused} == {*members}
                assert not {*told_.delivered} & {*told_.refused}
                for ref in told_.delivered:
                    accepted[ref.name, number] += 1
                await trio.lowlevel.checkpoint()

        async def end() -> None:
            await steps(sim.choose([0, 2]))
            await end_somehow(refs[0], how)
            assert refs[0] not in root.groups.members("group") or refs[0].incarnation > 1

        await together(sim, end, publish)
        await settle()
        assert heard <= accepted
        if is_undisturbed(sim):
            assert {what: n for what, n in heard.items() if what[0] != "h0"} == {
                what: n for what, n in accepted.items() if what[0] != "h0"
            }
        assert refs[2] not in root.groups.members("group")


REGISTERING: Final[tuple[Scenario, ...]] = (
    one_key_is_wanted_by_three,
    a_dead_owner_blocks_nobody,
    many_ask_for_one,
    a_follower_misses_nothing,
    what_is_published_reaches_who_is_there,
)
