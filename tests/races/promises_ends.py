"""The promises of ends, as scenarios: P26 to P29."""

from contextlib import suppress
from functools import partial
from typing import Any

import trio

from greenroom import Agent, Context, GreenroomError, LimitReached, Limits, NameInUse, Turn, open_supervisor
from greenroom.races import Sim

from .promise import Boom, Quiet, QuietAlone, choose_class, is_exact, promise, settle, stage, steps, together


@promise("P26", time="choice")
async def all_who_end_it_hear_of_the_end(sim: Sim) -> None:
    async with stage() as root:
        ref = root.start_soon(choose_class(sim, Quiet, QuietAlone), name="a", restart="permanent", startup_timeout=None)

        async def end(how: str) -> None:
            ref.try_tell("x")
            await trio.lowlevel.checkpoint()
            incarnation = ref.incarnation
            reason = await getattr(ref, how)()
            assert reason is not None
            assert ref.exit_reason is not None or ref.incarnation > incarnation

        async def again() -> None:
            await end("stop")
            with suppress(GreenroomError):
                await root.restart_child("a")

        await together(sim, lambda: end("drain"), lambda: end("stop"), again, lambda: end("kill"))
        await settle()
        assert ref.lifecycle in ("ready", "parked")
        await ref.stop()
        assert ref.lifecycle == "parked"
        await ref.kill()


@promise("P27", time="choice")
async def whoever_has_ended_has_nobody_below(sim: Sim) -> None:
    living: set[Any] = set()
    wrong: list[str] = []
    contexts: list[Context] = []

    class Inner(Quiet):
        async def startup(self, ctx: Context) -> None:
            living.add(ctx.ref)
            await trio.lowlevel.checkpoint()

    class Outer(Quiet):
        async def startup(self, ctx: Context) -> None:
            contexts.append(ctx)
            ctx.start_soon(Inner, name="first")
            await trio.lowlevel.checkpoint()

        async def receive(self, message: Any, ctx: Context) -> Any:
            with suppress(NameInUse):
                await ctx.start(Inner, name="second")

    def check(ref: Any) -> None:
        if ref.exit_reason is not None:
            below = [each.path for each in living if each.exit_reason is None and each.path.startswith(ref.path)]
            wrong.extend(below)

    async with stage() as root:
        ref = root.start_soon(Outer, name="outer", mail="x")

        async def start() -> None:
            for number in range(6):
                await trio.lowlevel.checkpoint()
                if contexts:
                    with suppress(GreenroomError):
                        contexts[0].start_soon(Inner, name=f"more{number}")
                check(ref)

        async def end() -> None:
            await steps(3)
            ref.crash(Boom()) if sim.choose([False, True]) else ref.request_stop()
            await ref.wait_stopped()
            check(ref)

        await together(sim, end, start)
        check(ref)
        if sim.choose([False, True]):
            root.request_stop()
    assert all(each.exit_reason is not None for each in living)
    assert not wrong, wrong


@promise("P27", time="choice")
async def a_tree_that_is_cancelled_leaves_nothing(sim: Sim) -> None:
    refs: list[Any] = []

    async def tree() -> None:
        async with open_supervisor("inner") as root:
            try:
                refs.append(root.start_soon(Quiet, mail="x"))
                refs.append(await root.start(QuietAlone, restart="permanent", startup_timeout=None))
                refs.append(root.start_soon(Quiet, restart="permanent", mail="x", startup_timeout=None))
                await steps(3)
            finally:
                root.reports.drain()

    async with stage() as root:
        root.start_soon(Quiet)
        await together(sim, tree, lambda: steps(2))
        assert all(ref.exit_reason is not None for ref in refs)


class Runaway(Agent[Any]):
    """Start two more with each turn, and tell oneself to go on."""

    def __init__(self, alive: set[Any], restart: Any) -> None:
        self.alive, self.restart = alive, restart

    async def startup(self, ctx: Context) -> None:
        self.alive.add(ctx.ref)
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for _ in range(2):
            with suppress(LimitReached):
                child = partial(Runaway, self.alive, self.restart)
                ctx.start_soon(child, mail="go", restart=self.restart, startup_timeout=None, wake_parent=True)
            await trio.lowlevel.checkpoint()
        ctx.ref.try_tell("again", trigger_turn=turn.id < 2)  # without an end no run would come to one

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


@promise("P27", time="choice")
async def a_tree_that_runs_away_is_held_and_stopped_whole(sim: Sim) -> None:
    alive: set[Any] = set()
    limits = Limits(max_actors=5, max_depth=3, max_concurrent_startups=2, max_running_turns=2)
    async with stage(limits=limits) as root:
        restart = sim.choose(["temporary", "permanent"])
        top = root.start_soon(Runaway, alive, restart, name="top", mail="go", startup_timeout=None)
        runtime: Any = root._slot.runtime

        def check() -> None:
            paths = [info.path for info in root.snapshot().walk()]
            assert len(paths) <= 5
            assert max(path.count("/") for path in paths) <= 1 + 3
            assert runtime.launcher.in_use <= 2
            assert runtime.turns.in_use <= 2

        async def stop() -> None:
            await steps(sim.choose([0, 3, 12, 40]))
            check()
            await top.stop()
            check()
            assert top._slot.has_ended

        async def look() -> None:
            for _ in range(12):
                check()
                await steps(3)

        await together(sim, stop, look)
        await top.stop()
        assert [info.path for info in root.snapshot().walk()] == ["/stage"]
        assert all(ref.exit_reason is not None for ref in alive)
        assert runtime.alive == 1
        assert (runtime.launcher.in_use, runtime.launcher.waiting, runtime.launcher.covered) == (0, 0, 0)
        assert (runtime.turns.in_use, runtime.turns.waiting) == (0, 0)


class Ignores(Quiet):
    """Take no notice of a stop, and at last of no cancellation."""

    def __init__(self, how: str) -> None:
        self.how = how

    async def receive(self, message: Any, ctx: Context) -> Any:
        if self.how == "late":
            await trio.sleep(100)
        if self.how == "clings":
            with suppress(trio.Cancelled):  # it swallows the first
                await trio.sleep(100)
            await trio.lowlevel.checkpoint()
        if self.how == "shielded":
            with trio.CancelScope(shield=True):
                await trio.sleep(20)


class IgnoresAlone(Ignores):
    own_task = True


@promise("P28", time="choice")
async def who_ignores_its_time_is_cancelled_and_told_of(sim: Sim) -> None:
    stopped: list[float] = []
    async with stage() as root:
        how = sim.choose(["late", "clings", "shielded"])
        ref = root.start_soon(choose_class(sim, Ignores, IgnoresAlone), how, shutdown=1, mail="x")

        async def stop() -> None:
            await steps(4)
            stopped.append(trio.current_time())
            await ref.stop()

        async def also() -> None:
            await steps(6)
            await ref.drain()
            await ref.stop()

        await together(sim, stop, also)
    if stopped and is_exact(sim):
        assert trio.current_time() - stopped[0] <= (25 if how == "shielded" else 2), how
        assert ("straggler" in ref.warnings) == (how == "shielded") or ref.warnings == {}


@promise("P29")
async def a_crash_is_its_own(sim: Sim) -> None:
    done: list[str] = []

    class Works(Quiet):
        async def receive(self, message: Any, ctx: Context) -> Any:
            try:
                await steps(3)
            except trio.Cancelled:
                done.append("cancelled")
                raise
            if message == "crash":
                raise Boom
            done.append(message)

    class WorksAlone(Works):
        own_task = True

    async with stage() as root:
        works = choose_class(sim, Works, WorksAlone)
        one, two = root.start_soon(works, restart="permanent"), root.start_soon(Works, restart="permanent")

        async def tell() -> None:
            two.tell("x")
            await steps(2)
            two.tell("y")

        async def crash() -> None:
            one.tell("crash")
            await steps(4)
            one.tell("crash")
            one.crash(Boom())

        await together(sim, crash, tell)
        await settle()
        cancelled = done.count("cancelled")
        assert cancelled <= 1
        assert [message for message in done if message != "cancelled"] in (["x", "y"], ["x"], ["y"], [])
        assert {ref.lifecycle for ref in (one, two)} == {"ready"}
        crashed = two.incarnation > 1
        assert crashed or done.count("x") == done.count("y") == 1
