"""The promises of registration and startup, as scenarios: P1 to P7."""

from collections import Counter
from contextlib import suppress
from typing import Any

import trio

from greenroom import (
    ChildStartupFailed,
    Context,
    GreenroomError,
    Intensity,
    LimitReached,
    Limits,
    NameInUse,
    Refused,
    StartupFailed,
    Supervisor,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, promise, settle, stage, steps, together


class Starts(Quiet):
    """Start as told."""

    def __init__(self, how: str, begun: Counter[Any] | None = None) -> None:
        self.how = how
        self.begun = Counter[Any]() if begun is None else begun

    async def startup(self, ctx: Context) -> None:
        self.begun[ctx.ref.uid, ctx.ref.incarnation] += 1
        await trio.lowlevel.checkpoint()
        if self.how == "fail" or (self.how == "fail once" and ctx.start_source == "new"):
            raise Boom
        if self.how == "an hour":
            await trio.sleep(3_600)
        if self.how == "late":
            with trio.CancelScope(shield=True):
                await trio.sleep(1.5)
        if self.how == "for ever":
            await trio.sleep_forever()


def facts(root: Supervisor) -> Any:
    """Return what a refused start must not change."""
    runtime = root._slot.runtime
    return runtime.next_uid, runtime.alive, len(runtime.pool.runq), root.which_children()


@promise("P1", time="choice")
async def a_start_takes_no_step_and_no_time(sim: Sim) -> None:
    async with stage() as root:

        async def start(how: str) -> None:
            await trio.lowlevel.checkpoint()
            before = sim.steps, trio.current_time()
            ref = root.start_soon(Starts, how, startup_timeout=None)
            assert (sim.steps, trio.current_time()) == before
            ref.tell("x")
            await steps(2)
            await ref.kill()

        await together(
            sim, lambda: start("for ever"), lambda: start("an hour"), lambda: start("fail"), lambda: start("ok")
        )


@promise("P2")
async def a_child_is_there_before_it_runs(sim: Sim) -> None:
    seen: list[Any] = []
    begun: Counter[Any] = Counter()
    async with stage() as root:

        async def follow() -> None:
            try:
                await trio.lowlevel.checkpoint()
                ref = root.start_soon(Starts, "ok", begun, name="a", mail="first")
                assert root.lookup("a") is ref
                assert root.which_children() == [ref]
                assert ref.tell("second") == 2
                assert not begun
                before = ref.generation
            finally:
                begins.set()
            async with ref.subscribe() as feed:
                try:
                    async for change in feed:
                        seen.append(change)  # noqa: PERF401 -- what was seen before a cancellation counts
                finally:
                    known = [change.generation for change in seen]
                    assert known == list(range(before + 1, before + 1 + len(seen)))
            assert seen[-1].lifecycle in ("stopped", "failed")
            if not isinstance(ref.exit_reason, StartupFailed):
                assert "ready" in [change.lifecycle for change in seen]

        async def drain() -> None:
            await begins.wait()
            for ref in root.which_children():
                await ref.drain()

        async def start_too() -> None:
            await begins.wait()
            with suppress(NameInUse):
                await root.start(Quiet, name="a", mail="x")

        begins = trio.Event()
        await together(sim, follow, drain, start_too)


@promise("P3")
async def of_many_starts_of_one_path_one_wins(sim: Sim) -> None:
    begun: list[Any] = []

    class One(Quiet):
        async def startup(self, ctx: Context) -> None:
            assert all(ref.exit_reason is not None for ref in begun), "two actors of one path"
            begun.append(ctx.ref)
            await steps(2)

    async with stage() as root:

        async def start() -> None:
            before, refused = facts(root), None
            try:
                root.start_soon(One, name="a", mail="x")
            except NameInUse as error:
                refused = error.path, error.holder
            if refused is not None:
                assert refused == ("/stage/a", root.lookup("a"))
                assert facts(root) == before
            else:
                assert not before[-1]
                assert len(root.which_children()) == 1

        async def start_and_wait() -> None:
            await root.start(One, name="a", mail="x")

        async def stop_and_start() -> None:
            await steps(4)
            for ref in root.which_children():
                ref.request_stop()
            await start()

        await together(sim, start_and_wait, start, stop_and_start)
        await settle()
        errors = [report.reason.error for report in root.reports.drain() if isinstance(report, ChildStartupFailed)]
        assert not any(isinstance(error, AssertionError) for error in errors)


@promise("P4")
async def a_cancelled_start_leaves_no_orphan(sim: Sim) -> None:
    async with stage() as root:
        restart = sim.choose(["permanent", "temporary"])
        returned: list[Any] = []

        async def start() -> None:
            returned.append(await root.start(Starts, "ok", name="a", restart=restart, mail="x"))

        async def stop() -> None:
            await steps(6)
            for ref in root.which_children():
                ref.request_stop()

        cancelled = await together(sim, start, stop)
        assert not (cancelled and returned)
        children = root.which_children()
        assert not children or returned
        for ref in children:
            assert ref.lifecycle in ("ready", "stopping", "parked", "restarting", "initializing")


@promise("P5")
async def a_refused_start_has_no_effect(sim: Sim) -> None:
    async with stage(limits=Limits(max_actors=3)) as root:

        async def start(name: str) -> None:
            for _ in range(3):
                before = facts(root)
                try:
                    ref = root.start_soon(Starts, "fail once", name=name, restart="permanent", mail="x")
                except (NameInUse, LimitReached, Refused):
                    assert facts(root) == before
                    await trio.lowlevel.checkpoint()
                else:
                    await steps(2)
                    await ref.stop()
                    with suppress(GreenroomError):
                        root.delete_child(name)

        await together(sim, lambda: start("a"), lambda: start("b"), lambda: start("a"))
        for ref in root.which_children():
            await ref.stop()
            root.delete_child(ref.name)
        await settle()
        for _ in range(2):
            root.start_soon(Quiet)


@promise("P6")
async def no_more_startups_at_once_than_there_are_permits(sim: Sim) -> None:
    running = 0

    class Counts(Quiet):
        def __init__(self, inner: bool, fails: bool) -> None:
            self.inner, self.fails = inner, fails

        async def startup(self, ctx: Context) -> None:
            nonlocal running
            running += 1
            assert running == 1, "two startups under one permit"
            try:
                await steps(2)
                if self.fails:
                    raise Boom
            finally:
                running -= 1
            if self.inner:
                await ctx.start(Quiet)

    async with stage(limits=Limits(max_concurrent_startups=1)) as root:

        async def start(inner: bool, fails: bool) -> None:
            await root.start(Counts, inner, fails, mail="x")

        async def stop_the_last() -> None:
            ref = root.start_soon(Counts, False, False, restart="permanent")
            await steps(3)
            await ref.stop()
            await root.restart_child(ref.name)

        await together(sim, lambda: start(True, False), lambda: start(False, True), stop_the_last)
        await settle()
        launcher: Any = root._slot.runtime.launcher
        assert (launcher.in_use, launcher.waiting, launcher.covered) == (0, 0, 0)
        assert all(ref.lifecycle in ("ready", "parked") for ref in root.which_children())
        errors = [report.reason.error for report in root.reports.drain() if isinstance(report, ChildStartupFailed)]
        assert not any(isinstance(error, AssertionError) for error in errors)


@promise("P7", time="choice")
async def a_startup_runs_once_and_has_its_own_time(sim: Sim) -> None:
    begun: Counter[Any] = Counter()
    times: dict[Any, float] = {}

    class Takes(Starts):
        async def startup(self, ctx: Context) -> None:
            times.setdefault(ctx.ref, trio.current_time())
            await super().startup(ctx)
            await trio.sleep(0.75)

    async with stage(limits=Limits(max_concurrent_startups=1), intensity=Intensity(500, 5)) as root:

        async def start(how: str) -> None:
            with suppress(StartupFailed):
                await root.start(Takes, how, begun, startup_timeout=1, mail="x")

        async def start_soon() -> None:
            root.start_soon(Takes, "fail once", begun, restart="permanent", startup_timeout=1)
            late.append(root.start_soon(Takes, "late", begun, startup_timeout=1))

        late: list[Any] = []
        await together(sim, lambda: start("ok"), start_soon, lambda: start("for ever"))
        await settle()
        for _ in range(20):
            if any(ref.lifecycle == "initializing" for ref in root.which_children()):
                await settle(2)  # time may have passed while it was just about to begin
        assert set(begun.values()) <= {1}
        assert all(ref.lifecycle != "ready" for ref in late)
        assert all(ref.lifecycle in ("ready", "parked") for ref in root.which_children())
        for report in root.reports.drain():
            if isinstance(report, ChildStartupFailed) and "took longer" in report.reason.cause:
                assert trio.current_time() >= times[next(iter(times))] + 1
