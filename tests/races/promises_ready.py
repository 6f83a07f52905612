"""The promises of services, of readiness and of failed startups, as scenarios: P8 to P11."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import trio

from greenroom import (
    ChildStartupFailed,
    Context,
    GreenroomError,
    Limits,
    NameInUse,
    Refused,
    Service,
    StartupFailed,
    StartupInProgress,
    TurnFinished,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, promise, settle, stage, steps, together
from .promises_start import Starts


@asynccontextmanager
async def connection(open_: set[str], name: str, how: str) -> AsyncGenerator[str]:
    await trio.lowlevel.checkpoint()
    if how == "fail":
        raise Boom(name)
    open_.add(name)
    try:
        yield name
    finally:
        open_.remove(name)


class Served(Quiet):
    """Have two services that are required, and one that is not."""

    def __init__(self, open_: set[str], plan: dict[str, str], wrong: list[str]) -> None:
        self.open, self.plan, self.wrong = open_, plan, wrong

    def services(self) -> list[Service[Any]]:
        return [
            Service(name, partial(connection, self.open, name, how), required=name != "c")
            for name, how in self.plan.items()
        ]

    async def startup(self, ctx: Context) -> None:
        if not {"a", "b"} <= set(ctx.services):
            self.wrong.append(f"a half-ready set: {sorted(ctx.services)}")
        await trio.lowlevel.checkpoint()

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()
        if not {"a", "b"} <= self.open:
            self.wrong.append("a service closed before the shutdown hook was over")


@promise("P8")
async def services_are_published_together(sim: Sim) -> None:
    open_: set[str] = set()
    wrong: list[str] = []
    plan = {name: sim.choose(["ok", "fail"]) for name in ("a", "b", "c")}
    async with stage() as root:

        async def start() -> None:
            ref = root.start_soon(Served, open_, plan, wrong, name="a")
            with suppress(GreenroomError):
                await ref.wait_ready()
                assert plan["a"] == plan["b"] == "ok"
            await steps(2)
            await ref.stop()
            assert not open_
            reason = ref.exit_reason
            if isinstance(reason, StartupFailed) and "required services" in reason.cause:
                failed = [f"{name}: Boom: {name}" for name in "ab" if plan[name] == "fail"]
                assert reason.cause == f"required services failed to initialize: {'; '.join(failed)}"

        async def others() -> None:
            await root.start(Quiet, mail="x")

        await together(sim, start, others)
        await settle()
        assert bool(open_) == any(ref.name == "a" for ref in root.which_children())
    assert not wrong, wrong
    assert not open_


@promise("P9")
async def a_stop_before_ready_wins(sim: Sim) -> None:
    begun: Counter[Any] = Counter()
    wrong: list[str] = []
    stopped_early: set[int] = set()

    class Closes(Starts):
        async def shutdown(self, ctx: Context, reason: object) -> None:
            if not begun[ctx.ref.uid, ctx.ref.incarnation]:
                wrong.append("shutdown without startup")
            await trio.lowlevel.checkpoint()

    async with stage() as root:

        async def start(how: str) -> None:
            restart: Any = "permanent" if how != "fail" else "temporary"
            ref = root.start_soon(Closes, how, begun, restart=restart, mail="x")
            for _ in range(4):
                await trio.lowlevel.checkpoint()
                if sim.choose([False, True]):
                    break
            if ref.lifecycle in ("initializing", "queued"):
                stopped_early.add(ref.uid)
            incarnation = ref.incarnation
            ref.request_stop()
            await ref.wait_stopped()
            assert ref.uid not in stopped_early or ref.incarnation == incarnation
            assert ref.lifecycle == "parked" or restart == "temporary"

        cancelled = await together(sim, lambda: start("ok"), lambda: start("fail"), lambda: start("fail once"))
        for report in root.reports.drain():
            assert not (
                isinstance(report, ChildStartupFailed) and report.uid in stopped_early and not report.restarting
            )
        assert cancelled or all(ref.lifecycle == "parked" for ref in root.which_children())
    assert not wrong, wrong


@promise("P10")
async def a_failed_startup_is_reported_once_when_all_is_undone(sim: Sim) -> None:
    opened: dict[int, set[str]] = {}
    inner: dict[int, Any] = {}
    reported: Counter[Any] = Counter()

    class Inner(Quiet):
        async def receive(self, message: Any, ctx: Context) -> Any:
            await steps(2)

    class Fails(Served):
        async def startup(self, ctx: Context) -> None:
            inner[ctx.ref.uid] = ctx.start_soon(Inner, mail="x")
            await steps(2)
            raise Boom

    async with stage(limits=Limits(max_concurrent_startups=1)) as root:

        async def read() -> None:
            async for report in root.reports:
                if isinstance(report, ChildStartupFailed):
                    reported[report.uid, report.incarnation] += 1
                    child = next((ref for ref in root.which_children() if ref.uid == report.uid), None)
                    assert report.restarting == (child is not None)
                    if child is None:
                        assert not opened[report.uid]
                        assert report.uid not in inner or inner[report.uid].exit_reason is not None
                if sum(reported.values()) == 3:
                    return

        async def start() -> None:
            open_: set[str] = set()
            opened[root.start_soon(Fails, open_, {"a": "ok", "b": "ok"}, list[str](), name="a", mail="x").uid] = open_
            await steps(2)

        async def twice() -> None:
            await steps(20)
            with suppress(NameInUse):
                await start()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await together(sim, start, twice)
            await settle()
            nursery.cancel_scope.cancel()
        assert set(reported.values()) <= {1}
        assert not root.which_children()
        assert not any(opened.values())


@promise("P11")
async def a_failed_child_never_touches_the_next_of_its_name(sim: Sim) -> None:
    async with stage() as root:
        old = root.start_soon(Starts, "fail", name="a")

        async def follow() -> None:
            await old.wait_stopped()
            facts = old.lifecycle, str(old.exit_reason), old.status
            new = root.start_soon(Quiet, name="a", mail="x")
            assert new.uid > old.uid
            await settle()
            assert (old.lifecycle, str(old.exit_reason), old.status) == facts
            reports = [
                each for each in root.reports.drain() if each.uid == new.uid and not isinstance(each, TurnFinished)
            ]
            if not any(each.reason.is_failure for each in reports):
                assert root.lookup("a") is new
                assert new.lifecycle == "ready"

        async def disturb() -> None:
            for _ in range(4):
                await trio.lowlevel.checkpoint()
                old.crash(Boom())
                with suppress(Refused, StartupFailed, StartupInProgress):
                    old.tell("x")
            await old.kill()

        await together(sim, follow, disturb, old.drain)
