"""The ends of services: before their actor is ready, while it works, and with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ChildEnded, Context, Crashed, Service, ServiceEnded, StartupFailed
from greenroom.testing import open_tree

from .line import Line, Serves, service, start

Log = list[Any]


@pytest.mark.parametrize("error", [None, OSError("gone")])
async def test_p8_a_required_service_that_ends_later_is_a_crash_of_its_actor(error: BaseException | None) -> None:
    log: Log = []
    line = Line(log, "a")
    line.drop_error = error
    async with open_tree("stage") as root:
        ref = start(root, [service(line)], log)
        await ref.wait_ready()
        line.drop.set()
        await ref.wait_stopped()
        reason = ref.exit_reason
        assert isinstance(reason, Crashed)
        assert isinstance(reason.error, ServiceEnded)
        assert reason.error.__cause__ is error
        assert reason.cause == "required service a ended: " + ("without an error" if error is None else "OSError: gone")
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.reason is reason


async def test_p8_a_required_service_that_ends_cancels_the_message_in_hand() -> None:
    log: Log = []
    line = Line(log, "a")

    class Busy(Serves):
        async def receive(self, message: Any, ctx: Context) -> Any:
            await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref: Any = root.start_soon(Busy, [service(line)], log, mail=1)
        await ref.wait_ready()
        await wait_all_tasks_blocked()
        line.drop.set()
        assert isinstance(await ref.wait_stopped(), Crashed)
        assert trio.current_time() == 0.0
        root.reports.drain()


async def test_p8_a_service_lost_while_startup_still_runs_is_a_startup_failure() -> None:
    log: Log = []
    line = Line(log, "a")

    class Slow(Serves):
        async def startup(self, ctx: Context) -> None:
            line.drop.set()
            await trio.sleep_forever()

    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="required service a ended: without an error"):
            await root.start(Slow, [service(line)], log)
        assert "a is closed" in log


async def test_p8_a_service_lost_while_others_still_connect_is_a_failure_to_initialize() -> None:
    log: Log = []
    line = Line(log, "a")
    line.drop.set()
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="a: required service a ended: before the actor was ready"):
            await root.start(Serves, [service(line), service(Line(log, "b", 5.0))], log)


async def test_p8_an_optional_service_that_ends_later_is_a_warning_and_taken_out() -> None:
    log: Log = []
    line = Line(log, "a")
    async with open_tree("stage") as root:
        ref = start(root, [service(line, required=False, wait=True)], log)
        await ref.wait_ready()
        line.drop.set()
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "ready"
        assert ref.warnings == {"a": "optional service a ended: without an error"}
        assert await ref.ask(1) == {}


async def test_p28_a_service_that_takes_too_long_to_close_is_cancelled() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Serves, [service(Line(log, "a", closing=100.0))], log, shutdown=2.0)
        await ref.stop()
        assert trio.current_time() == 2.0
        assert log[-1] == ("shutdown", {"a": "connection a"})


async def test_p28_a_service_that_shields_its_closing_is_reported_as_a_straggler_with_its_stack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Serves, [service(Line(log, "a", closing=100.0, shielded=True))], log, shutdown=2.0)
        await ref.stop()
        assert trio.current_time() == 100.0
    records = [record for record in caplog.records if "still running" in record.getMessage()]
    assert len(records) == 1
    assert "in Line.connect" in records[0].getMessage()


async def test_a_service_that_fails_while_it_is_closed_is_logged_and_changes_no_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @asynccontextmanager
    async def bad_end() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            raise OSError("broken pipe")

    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Serves, [Service("a", bad_end)], log)
        reason = await ref.stop()
        assert not isinstance(reason, Crashed)
    assert any("service a failed while it was closed: OSError: broken pipe" in r.getMessage() for r in caplog.records)
