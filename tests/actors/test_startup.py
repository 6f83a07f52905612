import contextvars
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorStopped,
    ChildStartupFailed,
    Context,
    InvalidSpec,
    PendingInit,
    Shutdown,
    StartupFailed,
    StartupInProgress,
    Turn,
)
from greenroom.testing import open_tree

from .starts import AgentStarts, Starts, every_kind

Log = list[Any]


@every_kind
@pytest.mark.parametrize("startup", [(3600.0, None), (trio.sleep_forever, None), (0.0, OSError("no"))])
async def test_p1_start_soon_takes_no_virtual_time_whatever_the_startup_does(
    kind: Callable[..., Actor[Any]], startup: tuple[Any, Any]
) -> None:
    seconds = 1e9 if startup[0] is trio.sleep_forever else startup[0]
    log: Log = []
    async with open_tree("stage") as root:
        before = trio.current_time()
        ref = root.start_soon(kind, seconds, startup[1], log)
        assert trio.current_time() == before
        assert log == []
        assert ref.lifecycle == "initializing"


@every_kind
async def test_p2_a_child_is_found_listed_and_mailed_before_its_first_instruction(
    kind: Callable[..., Actor[Any]],
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 5.0, None, log, name="a", mail="first")
        assert root.lookup("a") is ref
        assert root.lookup("/stage/a") is ref
        assert root.which_children() == [ref]
        assert ref.tell("second") == 2
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert (info.lifecycle, info.queued, info.uid, info.status) == ("initializing", 2, ref.uid, PendingInit())
        assert log == []
        await ref.wait_ready()
        await wait_all_tasks_blocked()
        assert trio.current_time() == 5.0
        assert log == ["startup", "first", "second"]


@every_kind
async def test_p2_a_child_is_stopped_before_its_first_instruction_and_none_runs(
    kind: Callable[..., Actor[Any]],
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 5.0, None, log)
        ref.request_stop()
        assert ref.lifecycle == "stopping"
        await ref.wait_stopped()
        assert log == []
        assert trio.current_time() == 0.0
        assert ref.status == Shutdown()
        assert root.which_children() == []


class Watcher(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    def receive(self, message: Any, ctx: Context) -> None:
        if hasattr(message, "tell"):
            ctx.monitor(message)
        else:
            self.log.append(message)


async def test_p2_a_child_is_monitored_before_its_first_instruction() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        watcher = root.start_soon(Watcher, log)
        await watcher.wait_ready()
        ref = root.start_soon(Starts, 1.0, OSError("no"))
        watcher.tell(ref)
        await ref.wait_stopped()
        await wait_all_tasks_blocked()
        assert [down.ref for down in log] == [ref]
        assert isinstance(log[0].reason, StartupFailed)


@every_kind
async def test_p2_who_subscribes_right_after_start_soon_sees_every_transition(kind: Callable[..., Actor[Any]]) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 1.0)
        first = ref.generation
        async with ref.subscribe() as feed:
            await ref.wait_ready()
            await ref.stop()
            seen = [(change.lifecycle, change.generation) async for change in feed]
        assert [life for life, _ in seen] == ["ready", "stopping", "stopped"]
        assert [generation for _, generation in seen] == [first + 1, first + 2, first + 3]


@every_kind
async def test_p7_startup_runs_once_per_incarnation(kind: Callable[..., Actor[Any]]) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 1.0, None, log, restart="permanent")
        await ref.wait_ready()
        assert log == ["startup"]
        ref.crash(OSError("x"))
        await wait_all_tasks_blocked()
        await ref.wait_ready()
        assert ref.incarnation == 2
        assert log.count("startup") == 2


async def test_p7_a_factory_that_makes_no_actor_is_called_once_and_fails() -> None:
    calls: Log = []

    class Fake(Actor[Any]):
        def __new__(cls, *args: Any) -> Any:
            calls.append(args)
            return 7

    def lies() -> Starts:
        calls.append("lies")
        return 7  # type: ignore[return-value]

    async with open_tree("stage") as root:
        for factory in (Fake, lies):
            calls.clear()
            ref = root.start_soon(factory)
            await ref.wait_stopped()
            assert len(calls) == 1
            assert isinstance(ref.exit_reason, StartupFailed)
            assert isinstance(ref.exit_reason.error, InvalidSpec)
            assert "which is no Actor" in ref.exit_reason.cause
        root.reports.drain()


@every_kind
async def test_p7_the_deadline_of_a_startup_begins_when_it_begins(kind: Callable[..., Actor[Any]]) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, 100.0, startup_timeout=10.0)
        await ref.wait_stopped()
        assert trio.current_time() == 10.0
        assert isinstance(ref.exit_reason, StartupFailed)
        assert isinstance(ref.exit_reason.error, TimeoutError)
        assert ref.exit_reason.cause == "startup took longer than 10 s"
        [report] = root.reports.drain()
        assert str(report) == f"{ref.path}: failed to initialize: startup took longer than 10 s"


@pytest.mark.parametrize("own_task", [False, True])
async def test_p7_a_startup_that_ends_too_late_failed_even_if_it_did_not_notice(*, own_task: bool) -> None:
    class Shielded(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(20)

    Shielded.own_task = own_task
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="startup took longer than 10 s"):
            await root.start(Shielded, startup_timeout=10.0)
        assert trio.current_time() == 20.0


@pytest.mark.parametrize("own_task", [False, True])
async def test_p7_what_a_startup_raises_while_it_is_cancelled_does_not_hide_that_it_took_too_long(
    *, own_task: bool
) -> None:
    class Messy(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.raises_late)
                await trio.sleep_forever()

        async def raises_late(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("late")

    Messy.own_task = own_task
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="startup took longer than 10 s"):
            await root.start(Messy, startup_timeout=10.0)


@every_kind
async def test_p7_the_deadline_is_over_once_it_is_ready(kind: Callable[..., Actor[Any]]) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(kind, 1.0, startup_timeout=2.0)
        await trio.sleep(100)
        assert ref.lifecycle == "ready"


@pytest.mark.parametrize("where", ["init", "services", "startup"])
@pytest.mark.parametrize("own_task", [False, True])
async def test_p7_a_crash_anywhere_in_a_start_is_a_startup_failure(where: str, *, own_task: bool) -> None:
    class Breaks(Actor[Any]):
        def __init__(self) -> None:
            self.maybe("init")

        def maybe(self, place: str) -> None:
            if place == where:
                raise OSError(place)

        async def startup(self, ctx: Context) -> None:
            self.maybe("startup")

    class BreaksInServices(Breaks):
        def services(self) -> Any:
            self.maybe("services")

    kind = BreaksInServices if where == "services" else Breaks
    kind.own_task = own_task
    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        await ref.wait_stopped()
        assert ref.lifecycle == "failed"
        assert isinstance(ref.exit_reason, StartupFailed)
        assert ref.exit_reason.cause == f"OSError: {where}"
        [report] = root.reports.drain()
        assert isinstance(report, ChildStartupFailed)


async def test_p7_what_a_function_returns_starts_as_itself_not_as_what_its_annotation_says() -> None:
    log: Log = []

    class Base(Actor[Any]):
        pass

    class Derived(Base):
        async def startup(self, ctx: Context) -> None:
            log.append("startup")

    class Heavy(Base):
        own_task = True

    def make() -> Base:
        log.append("made")
        return Derived()

    def make_heavy() -> Base:
        return Heavy()

    async with open_tree("stage") as root:
        await root.start(make)
        assert log == ["made", "startup"]
        with pytest.raises(StartupFailed, match="annotate it with that class"):
            await root.start(make_heavy)


async def test_an_actor_from_a_factory_that_does_not_say_what_it_makes_survives_its_restart() -> None:
    async with open_tree("stage") as root:
        ref: Any = root.start_soon(lambda: Starts(1.0), restart="permanent")
        assert await ref.ask("a") == "a"
        ref.crash(OSError("x"))
        assert await ref.ask("b") == "b"
        assert ref.incarnation == 2


async def test_direct_turns_are_refused_with_the_fixed_text_until_the_agent_is_ready() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(AgentStarts, 5.0)
        with pytest.raises(StartupInProgress, match="startup is still in progress") as caught:
            ref.start_turn("x")
        assert caught.value.message == "x"
        await ref.wait_ready()
        await ref.run_turn("x")


@every_kind
async def test_each_incarnation_runs_in_its_own_copy_of_the_starters_context_variables(
    kind: Callable[..., Actor[Any]],
) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: Log = []

    class Looks(kind):  # type: ignore[valid-type,misc]
        async def startup(self, ctx: Context) -> None:
            seen.append(variable.get())
            variable.set("changed in startup")

        def receive(self, message: Any, ctx: Context) -> None:
            seen.append(variable.get())
            variable.set("changed by a message")

        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            self.receive(None, ctx)

    async with open_tree("stage") as root:

        async def run_one(value: str | None) -> list[Any]:
            seen.clear()
            if value is not None:
                variable.set(value)
            ref = root.start_soon(Looks, restart="permanent", mail=1)
            await ref.wait_ready()
            await wait_all_tasks_blocked()
            ref.crash(OSError("x"))
            await wait_all_tasks_blocked()
            await ref.wait_ready()
            return list(seen)

        assert await run_one(None) == ["unset", "changed in startup", "unset"]
        assert await run_one("mine") == ["mine", "changed in startup", "mine"]
        assert variable.get() == "mine"


async def test_a_start_of_a_partial_has_its_keywords() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(partial(Starts, error=None, seconds=2.0))
        assert trio.current_time() == 2.0
        assert ref.name.startswith("starts-")


async def test_wait_ready_says_why_it_will_never_be() -> None:
    async with open_tree("stage") as root:
        failing = root.start_soon(Starts, 1.0, OSError("no"))
        with pytest.raises(StartupFailed):
            await failing.wait_ready()
        stopped = root.start_soon(Starts, 1.0)
        await stopped.stop()
        with pytest.raises(ActorStopped):
            await stopped.wait_ready()
        root.reports.drain()
