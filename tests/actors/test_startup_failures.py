"""P9, P11: a startup that fails or is stopped, and what stays of it."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    ActorRef,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Errored,
    Ignore,
    Ignored,
    Intensity,
    Shutdown,
    StartupFailed,
    open_supervisor,
)
from greenroom.testing import open_tree

from .starts import Starts, every_kind

Log = list[Any]


@every_kind
async def test_p9_a_stop_during_startup_wins_no_failure_report_and_never_ready(
    kind: Callable[..., Actor[Any]],
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 5.0, None, log)
        async with ref.subscribe() as feed:
            await trio.sleep(1)
            await ref.stop()
            lives = [change.lifecycle async for change in feed]
        assert lives == ["stopping", "stopped"]
        assert trio.current_time() == 1.0
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.reason == Shutdown()
        assert log == ["startup", Shutdown()]


@every_kind
async def test_p9_the_cause_stays_readable_when_a_stop_won_over_a_failure(kind: Callable[..., Actor[Any]]) -> None:
    class Stubborn(kind):  # type: ignore[valid-type,misc]
        async def startup(self, ctx: Context) -> None:
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                raise OSError("broken meanwhile") from None

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(Stubborn)
        await trio.sleep(1)
        await ref.stop()
        assert isinstance(ref.status, Errored)
        assert "broken meanwhile" in ref.status.cause
        assert ref.lifecycle == "stopped"
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.reason == Shutdown()


@every_kind
async def test_p9_a_stop_in_the_very_step_of_the_failure_comes_too_late(kind: Callable[..., Actor[Any]]) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 1.0, OSError("no"))
        async for report in root.reports:
            ref.request_stop()
            assert isinstance(report, ChildStartupFailed)
            break
        await ref.stop()
        assert ref.lifecycle == "failed"
        assert root.reports.drain() == []


async def test_p9_the_shutdown_hook_runs_only_if_startup_began() -> None:
    log: Log = []

    class Never(Starts):
        def __init__(self) -> None:
            super().__init__(log=log)
            raise OSError("no")

    async with open_tree("stage") as root:
        ref = root.start_soon(Never)
        await ref.wait_stopped()
        assert log == []
        root.reports.drain()


@every_kind
async def test_p11_a_failed_child_stays_inspectable_and_its_name_is_free(kind: Callable[..., Actor[Any]]) -> None:
    async with open_tree("stage") as root:
        error = OSError("no room")
        old = root.start_soon(kind, 1.0, error, name="a")
        await old.wait_stopped()
        text = "failed to initialize: OSError: no room"
        assert old.lifecycle == "failed"
        assert isinstance(old.status, Errored)
        assert old.status.error is error
        assert old.status.cause == text
        with pytest.raises(StartupFailed, match=text) as caught:
            old.tell("x")
        assert caught.value.message == "x"
        new = root.start_soon(kind, 1.0, name="a")
        assert new.uid > old.uid
        assert new != old
        with pytest.raises(StartupFailed):
            old.tell("x")
        await old.stop()
        old.crash(OSError("y"))
        await new.wait_ready()
        assert old.lifecycle == "failed"
        assert new.lifecycle == "ready"
        assert root.lookup("a") is new
        root.reports.drain()


async def test_p11_nothing_late_of_the_old_child_touches_the_new_one() -> None:
    log: Log = []

    class Late(Starts):
        async def startup(self, ctx: Context) -> None:
            ctx.send_after(5.0, "tick")
            raise OSError("no")

    async with open_tree("stage") as root:
        old = root.start_soon(Late, name="a")
        await old.wait_stopped()
        root.start_soon(Starts, 0.0, None, log, name="a")
        await trio.sleep(10)
        assert log == ["startup"]
        root.reports.drain()


async def test_ignore_is_an_end_without_failure_and_is_not_started_over() -> None:
    log: Log = []
    async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
        refs = [root.start_soon(Starts, 1.0, Ignore(), log, restart=r) for r in ("permanent", "transient", "temporary")]
        for ref in refs:
            assert await ref.wait_stopped() == Ignored()
        assert [ref.lifecycle for ref in refs] == ["parked", "parked", "stopped"]
        assert log.count("startup") == 3
        assert [report.reason for report in root.reports.drain() if isinstance(report, ChildEnded)] == [Ignored()] * 3
