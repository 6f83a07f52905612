from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Crashed,
    InvalidSpec,
    Service,
    ServiceEnded,
    ServiceNotFound,
    ServicesFailed,
    StartupFailed,
    Supervisor,
    open_supervisor,
)

Log = list[Any]
Connect = Callable[[], Any]


class Line:
    """Be one connection whose life a test writes down: how long it takes, fails, stays and closes."""

    def __init__(
        self,
        log: Log,
        name: str,
        seconds: float = 0.0,
        *,
        error: BaseException | None = None,
        closing: float = 0.0,
        shielded: bool = False,
    ) -> None:
        self.log, self.name, self.seconds, self.error, self.closing = log, name, seconds, error, closing
        self.shielded = shielded
        self.drop = trio.Event()
        self.drop_error: BaseException | None = None
        self.task: Any = None

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[str]:
        self.task = trio.lowlevel.current_task()
        self.log.append(f"{self.name} connects")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.log.append(f"{self.name} is up")
        try:
            yield f"connection {self.name}"
        finally:
            assert trio.lowlevel.current_task() is self.task
            with trio.CancelScope(shield=self.shielded):
                await trio.sleep(self.closing)
            self.log.append(f"{self.name} is closed")

    async def watch(self, _value: str) -> None:
        await self.drop.wait()
        if self.drop_error is not None:
            raise self.drop_error


class Serves(Actor[Any]):
    def __init__(self, services: list[Any], log: Log, prewarm: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.of_mine, self.log, self.warms = services, log, prewarm

    def services(self) -> Any:
        self.log.append("services")
        return self.of_mine

    async def prewarm(self, ctx: Context) -> None:
        self.log.append(("prewarm", dict(ctx.services)))
        if self.warms is not None:
            await self.warms()

    async def startup(self, ctx: Context) -> None:
        self.log.append(("startup", dict(ctx.services)))

    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append(message)
        return dict(ctx.services)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(("shutdown", dict(ctx.services)))


def service(line: Line, **options: Any) -> Service[Any]:
    return Service(line.name, line.connect, **{"watch": line.watch, **options})


def start(root: Supervisor, services: list[Any], log: Log, **options: Any) -> Any:
    return root.start_soon(Serves, services, log, **options)


async def test_p8_all_services_connect_at_once_each_in_a_task_of_its_own_and_are_published_together() -> None:
    log: Log = []
    lines = [Line(log, name, seconds) for name, seconds in (("a", 3.0), ("b", 1.0), ("c", 2.0))]
    async with open_supervisor("stage") as root:
        ref = start(root, [service(line) for line in lines], log)
        await trio.sleep(2.5)
        assert ref.lifecycle == "initializing"
        info = root.snapshot().find(ref.path)
        assert info is not None
        assert info.waiting_for == ("a",)
        await ref.wait_ready()
        assert trio.current_time() == 3.0
        assert len({line.task for line in lines}) == 3
        everything = {name: f"connection {name}" for name in "abc"}
        assert ("startup", everything) in log
        assert await ref.ask(1) == everything
        ups = [entry for entry in log if isinstance(entry, str) and entry.endswith("is up")]
        assert ups == ["b is up", "c is up", "a is up"]


async def test_p8_order_services_published_prewarm_startup_first_message_shutdown_closed() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref = start(root, [service(Line(log, "a", 1.0))], log, mail="first")
        await ref.wait_ready()
        await wait_all_tasks_blocked()
        await ref.stop()
    there = {"a": "connection a"}
    assert log == [
        "services",
        "a connects",
        "a is up",
        ("prewarm", there),
        ("startup", there),
        "first",
        ("shutdown", there),
        "a is closed",
    ]


async def test_p8_nobody_sees_a_half_ready_set() -> None:
    log: Log = []
    seen: Log = []
    async with open_supervisor("stage") as root:

        class Peeks(Serves):
            def services(self) -> Any:
                return self.of_mine

        ref = root.start_soon(Peeks, [service(Line(log, "a", 1.0)), service(Line(log, "b", 2.0))], log)
        slot = ref._slot
        for _ in range(20):
            await trio.sleep(0.2)
            seen.append(None if slot.ctx is None else dict(slot.ctx.services))
    assert {} in seen
    assert all(each in ({}, {"a": "connection a", "b": "connection b"}) for each in seen)


async def test_p8_required_failures_are_collected_sorted_and_reported_together_with_the_fixed_text() -> None:
    log: Log = []
    lines = [
        Line(log, "zeta", 1.0, error=OSError("no route")),
        Line(log, "alpha", 3.0, error=ValueError("bad key")),
        Line(log, "fine", 2.0),
    ]
    async with open_supervisor("stage") as root:
        ref = start(root, [service(line) for line in lines], log)
        await ref.wait_stopped()
        assert trio.current_time() == 3.0
        text = "required services failed to initialize: alpha: ValueError: bad key; zeta: OSError: no route"
        assert isinstance(ref.exit_reason, StartupFailed)
        assert ref.exit_reason.cause == text
        assert str(ref.exit_reason) == f"{ref.path}: failed to initialize: {text}"
        failed = ref.exit_reason.error
        assert isinstance(failed, ServicesFailed)
        assert list(failed.failures) == ["alpha", "zeta"]
        assert failed.failures["alpha"] is lines[1].error
        [report] = root.reports.drain()
        assert isinstance(report, ChildStartupFailed)
        assert report.cause == text
        assert "fine is closed" in log
        assert not any(isinstance(entry, tuple) for entry in log)


async def test_p8_services_of_one_kind_are_named_by_it() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        error = OSError("no")
        ref = start(root, [service(Line(log, "git", error=error), kind="MCP server")], log)
        with pytest.raises(StartupFailed, match="required MCP servers failed to initialize: git: OSError: no"):
            await ref.wait_ready()
        mixed = [service(Line(log, "git", error=error), kind="MCP server"), service(Line(log, "db", error=error))]
        with pytest.raises(StartupFailed, match=r"required services failed to initialize: db: .*; git: "):
            await root.start(Serves, mixed, log)
        root.reports.drain()


async def test_p8_a_service_that_connects_too_slowly_is_said_to_have_timed_out() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref = start(root, [service(Line(log, "a", 100.0), timeout=7.5)], log)
        with pytest.raises(StartupFailed, match=r"initialize: a: timed out after 7\.5 s"):
            await ref.wait_ready()
        assert trio.current_time() == 7.5
        root.reports.drain()


async def test_p8_a_timeout_bounds_the_connecting_not_the_connection() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref = start(root, [service(Line(log, "a", 1.0), timeout=5.0)], log)
        await trio.sleep(100)
        assert ref.lifecycle == "ready"


async def test_p8_an_optional_service_delays_readiness_only_with_wait() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        late = start(root, [service(Line(log, "a", 1.0)), service(Line(log, "b", 5.0), required=False)], log)
        await late.wait_ready()
        assert trio.current_time() == 1.0
        assert await late.ask(1) == {"a": "connection a"}
        await trio.sleep(5)
        assert await late.ask(1) == {"a": "connection a", "b": "connection b"}
        patient = start(root, [service(Line(log, "b", 5.0), required=False, wait=True)], log)
        before = trio.current_time()
        await patient.wait_ready()
        assert trio.current_time() == before + 5.0
        assert await patient.ask(1) == {"b": "connection b"}


@pytest.mark.parametrize("wait", [False, True])
async def test_p8_an_optional_failure_degrades_to_a_warning_that_can_be_inspected(*, wait: bool) -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        broken = service(Line(log, "b", 1.0, error=OSError("no")), required=False, wait=wait)
        ref = start(root, [broken], log)
        await ref.wait_ready()
        generation = ref.generation
        await trio.sleep(2)
        assert ref.lifecycle == "ready"
        assert ref.warnings == {"b": "optional service b failed to initialize: OSError: no"}
        info = root.snapshot().find(ref.path)
        assert info is not None
        assert info.warnings == ref.warnings
        if not wait:
            assert ref.generation > generation
        assert root.reports.drain() == []


async def test_p8_a_disabled_service_is_neither_started_nor_counted() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        off = service(Line(log, "a", error=OSError("no")), enabled=False, disabled_reason="not today")
        ref = start(root, [off], log)
        await ref.wait_ready()
        assert "a connects" not in log
        assert ref.warnings == {}
        assert await ref.ask(1) == {}


WRONG_SERVICES: list[tuple[Any, str]] = [
    (None, "returned None; give a list of services"),
    (3, "returned 3; give a list of services"),
    (["db"], "returned 'db', which is no Service"),
    ([service(Line([], "a")), service(Line([], "a"))], "returned two services named 'a'"),
]


@pytest.mark.parametrize(("services", "said"), WRONG_SERVICES, ids=[said for _, said in WRONG_SERVICES])
async def test_what_is_no_list_of_services_fails_the_startup_with_what_to_give(services: Any, said: str) -> None:
    class Wrong(Actor[Any]):
        def services(self) -> Any:
            return services

    async with open_supervisor("stage") as root:
        with pytest.raises(StartupFailed) as caught:
            await root.start(Wrong)
        assert isinstance(caught.value.error, InvalidSpec)
        assert f"Wrong {said}" in str(caught.value)


async def test_p8_who_asks_for_a_service_that_is_not_there_is_told_why(caplog: pytest.LogCaptureFixture) -> None:
    log: Log = []
    why: dict[str, str] = {}

    class Asks(Serves):
        async def receive(self, message: Any, ctx: Context) -> Any:
            for name in message:
                with pytest.raises(ServiceNotFound) as caught:
                    ctx.services[name]
                why[name] = str(caught.value)
                assert isinstance(caught.value, KeyError)
                assert name not in ctx.services
                assert ctx.services.get(name) is None

    caplog.set_level("INFO", logger="greenroom")
    async with open_supervisor("stage") as root:
        services = [
            service(Line(log, "base")),
            service(Line(log, "off"), enabled=False, disabled_reason="not today"),
            service(Line(log, "out"), enabled=False),
            service(Line(log, "late", 9.0), required=False),
            service(Line(log, "bad", error=OSError("no")), required=False, wait=True),
        ]
        ref: Any = root.start_soon(Asks, services, log, name="a")
        await ref.ask(["off", "out", "late", "bad", "bass", "nothing-like-it"])
    assert why == {
        "off": "/stage/a: service off is disabled: not today",
        "out": "/stage/a: service out is disabled",
        "late": "/stage/a: optional service late is not connected yet",
        "bad": "/stage/a: optional service bad failed to initialize: OSError: no",
        "bass": "/stage/a: there is no service 'bass'; did you mean 'base'?",
        "nothing-like-it": "/stage/a: there is no service 'nothing-like-it'; there is bad, base, late, off, out",
    }
    assert [record.getMessage() for record in caplog.records if record.levelname == "INFO"] == [
        "/stage/a: service off is disabled: not today",
        "/stage/a: service out is disabled",
    ]


@pytest.mark.parametrize("error", [None, OSError("gone")])
async def test_p8_a_required_service_that_ends_later_is_a_crash_of_its_actor(error: BaseException | None) -> None:
    log: Log = []
    line = Line(log, "a")
    line.drop_error = error
    async with open_supervisor("stage") as root:
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

    async with open_supervisor("stage") as root:
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

    async with open_supervisor("stage") as root:
        with pytest.raises(StartupFailed, match="required service a ended: without an error"):
            await root.start(Slow, [service(line)], log)
        assert "a is closed" in log


async def test_p8_a_service_lost_while_others_still_connect_is_a_failure_to_initialize() -> None:
    log: Log = []
    line = Line(log, "a")
    line.drop.set()
    async with open_supervisor("stage") as root:
        with pytest.raises(StartupFailed, match="a: required service a ended: before the actor was ready"):
            await root.start(Serves, [service(line), service(Line(log, "b", 5.0))], log)


async def test_p8_an_optional_service_that_ends_later_is_a_warning_and_taken_out() -> None:
    log: Log = []
    line = Line(log, "a")
    async with open_supervisor("stage") as root:
        ref = start(root, [service(line, required=False, wait=True)], log)
        await ref.wait_ready()
        line.drop.set()
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "ready"
        assert ref.warnings == {"a": "optional service a ended: without an error"}
        assert await ref.ask(1) == {}


async def test_p8_prewarm_is_begun_before_startup_and_never_waited_for() -> None:
    log: Log = []

    async def warm() -> None:
        try:
            await trio.sleep_forever()
        finally:
            log.append("prewarm ended")

    async with open_supervisor("stage") as root:
        ref = await root.start(Serves, [], log, warm)
        assert trio.current_time() == 0.0
        assert [entry[0] for entry in log if isinstance(entry, tuple)] == ["prewarm", "startup"]
        await ref.stop()
        assert log[-1] == "prewarm ended"


async def test_p8_a_prewarm_that_fails_is_a_warning() -> None:
    log: Log = []

    async def warm() -> None:
        raise OSError("cold")

    async with open_supervisor("stage") as root:
        ref = await root.start(Serves, [], log, warm)
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "ready"
        assert ref.warnings == {"prewarm": "prewarm failed: OSError: cold"}


async def test_p8_start_source_tells_a_new_start_from_a_restart() -> None:
    seen: Log = []

    class Tells(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            seen.append(ctx.start_source)

        def receive(self, message: Any, ctx: Context) -> None:
            raise OSError("x")

    async with open_supervisor("stage") as root:
        ref = await root.start(Tells, restart="permanent")
        ref.tell(1)
        await wait_all_tasks_blocked()
        assert seen == ["new", "restart"]
        root.reports.drain()


async def test_p9_a_stop_also_cancels_services_not_yet_begun_and_startup_never_begins() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref = start(root, [service(Line(log, "a", 5.0)), service(Line(log, "b", 1.0, closing=2.0))], log)
        await trio.sleep(2)
        await ref.stop()
        assert trio.current_time() == 4.0
        assert log == ["services", *sorted(["a connects", "b connects"]), "b is up", "b is closed"] or log == [
            "services",
            "b connects",
            "a connects",
            "b is up",
            "b is closed",
        ]
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)


@asynccontextmanager
async def nothing() -> AsyncGenerator[None]:
    yield


@pytest.mark.parametrize("bad", [[7], "ab", [Service("a", nothing), Service("a", nothing)], 7])
async def test_services_that_are_none_are_a_startup_failure(bad: Any) -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        with pytest.raises(StartupFailed) as caught:
            await root.start(Serves, bad, log)
        assert isinstance(caught.value.error, InvalidSpec | TypeError)


BAD_FIELDS: list[dict[str, Any]] = [
    {"name": ""}, {"name": 7}, {"name": None}, {"connect": 7}, {"connect": None}, {"timeout": 0}, {"timeout": -1},
    {"timeout": "5"}, {"timeout": True}, {"timeout": float("nan")}, {"kind": ""}, {"kind": None}, {"watch": 7},
    {"disabled_reason": None}, {"required": 1}, {"required": "yes"}, {"enabled": None}, {"wait": 0},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_FIELDS, ids=repr)
def test_p5_a_service_with_a_wrong_field_is_refused_where_it_is_made(bad: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"name": "a", "connect": Line, **bad}
    [field] = bad
    with pytest.raises(InvalidSpec, match=f"Service.{field}: "):
        Service(fields.pop("name"), fields.pop("connect"), **fields)


async def test_p7_the_time_for_services_and_startup_together_is_bounded() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        with pytest.raises(StartupFailed, match="startup took longer than 3 s"):
            await root.start(Serves, [service(Line(log, "a", 100.0), timeout=None)], log, startup_timeout=3.0)
        assert trio.current_time() == 3.0


async def test_p28_a_service_that_takes_too_long_to_close_is_cancelled() -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
        ref = await root.start(Serves, [service(Line(log, "a", closing=100.0))], log, shutdown=2.0)
        await ref.stop()
        assert trio.current_time() == 2.0
        assert log[-1] == ("shutdown", {"a": "connection a"})


async def test_p28_a_service_that_shields_its_closing_is_reported_as_a_straggler_with_its_stack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: Log = []
    async with open_supervisor("stage") as root:
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
    async with open_supervisor("stage") as root:
        ref = await root.start(Serves, [Service("a", bad_end)], log)
        reason = await ref.stop()
        assert not isinstance(reason, Crashed)
    assert any("service a failed while it was closed: OSError: broken pipe" in r.getMessage() for r in caplog.records)


async def test_p7_each_incarnation_connects_anew() -> None:
    log: Log = []
    lines = [Line(log, "a"), Line(log, "a")]
    made = iter(lines)

    class Again(Serves):
        def services(self) -> Any:
            return [service(next(made))]

    async with open_supervisor("stage") as root:
        ref = await root.start(Again, [], log, restart="permanent")
        lines[0].drop.set()
        await wait_all_tasks_blocked()
        await ref.wait_ready()
        assert ref.incarnation == 2
        connections = [entry for entry in log if isinstance(entry, str)]
        assert connections == ["a connects", "a is up", "a is closed", "a connects", "a is up"]
        root.reports.drain()
