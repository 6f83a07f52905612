from collections.abc import AsyncGenerator
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
    InvalidSpec,
    Service,
    ServiceNotFound,
    ServicesFailed,
    StartupFailed,
)
from greenroom.testing import open_tree

from .line import Line, Serves, service, start

Log = list[Any]


async def test_p8_all_services_connect_at_once_each_in_a_task_of_its_own_and_are_published_together() -> None:
    log: Log = []
    lines = [Line(log, name, seconds) for name, seconds in (("a", 3.0), ("b", 1.0), ("c", 2.0))]
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:

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
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
        ref = start(root, [service(Line(log, "a", 100.0), timeout=7.5)], log)
        with pytest.raises(StartupFailed, match=r"initialize: a: timed out after 7\.5 s"):
            await ref.wait_ready()
        assert trio.current_time() == 7.5
        root.reports.drain()


async def test_p8_a_timeout_bounds_the_connecting_not_the_connection() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = start(root, [service(Line(log, "a", 1.0), timeout=5.0)], log)
        await trio.sleep(100)
        assert ref.lifecycle == "ready"


async def test_p8_an_optional_service_delays_readiness_only_with_wait() -> None:
    log: Log = []
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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

    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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


async def test_p8_prewarm_is_begun_before_startup_and_never_waited_for() -> None:
    log: Log = []

    async def warm() -> None:
        try:
            await trio.sleep_forever()
        finally:
            log.append("prewarm ended")

    async with open_tree("stage") as root:
        ref = await root.start(Serves, [], log, warm)
        assert trio.current_time() == 0.0
        assert [entry[0] for entry in log if isinstance(entry, tuple)] == ["prewarm", "startup"]
        await ref.stop()
        assert log[-1] == "prewarm ended"


async def test_p8_a_prewarm_that_fails_is_a_warning() -> None:
    log: Log = []

    async def warm() -> None:
        raise OSError("cold")

    async with open_tree("stage") as root:
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

    async with open_tree("stage") as root:
        ref = await root.start(Tells, restart="permanent")
        ref.tell(1)
        await wait_all_tasks_blocked()
        assert seen == ["new", "restart"]
        root.reports.drain()


async def test_p9_a_stop_also_cancels_services_not_yet_begun_and_startup_never_begins() -> None:
    log: Log = []
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
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
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="startup took longer than 3 s"):
            await root.start(Serves, [service(Line(log, "a", 100.0), timeout=None)], log, startup_timeout=3.0)
        assert trio.current_time() == 3.0


async def test_p7_each_incarnation_connects_anew() -> None:
    log: Log = []
    lines = [Line(log, "a"), Line(log, "a")]
    made = iter(lines)

    class Again(Serves):
        def services(self) -> Any:
            return [service(next(made))]

    async with open_tree("stage") as root:
        ref = await root.start(Again, [], log, restart="permanent")
        lines[0].drop.set()
        await wait_all_tasks_blocked()
        await ref.wait_ready()
        assert ref.incarnation == 2
        connections = [entry for entry in log if isinstance(entry, str)]
        assert connections == ["a connects", "a is up", "a is closed", "a connects", "a is up"]
        root.reports.drain()
