import gc
import signal
import weakref
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    Cancelled,
    ChildEnded,
    Context,
    Crashed,
    Service,
    Supervisor,
    Turn,
)
from greenroom.testing import open_tree

Log = list[Any]


class Fragile(Actor[Any]):
    """Raise what it is told, wherever it is told to."""

    def __init__(self, at: str = "", error: BaseException | None = None, log: Log | None = None) -> None:
        self.at, self.error, self.log = at, error, [] if log is None else log
        self.maybe("init")

    def maybe(self, place: str) -> None:
        if self.at == place and self.error is not None:
            raise self.error

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        self.maybe("startup")

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, BaseException):
            await trio.lowlevel.checkpoint()
            raise message
        self.maybe("receive")
        await trio.sleep(1)
        self.log.append(message)
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.lowlevel.checkpoint()
        self.log.append("closed")
        self.maybe("shutdown")


class OwnFragile(Fragile):
    own_task = True


class Connection:
    def __init__(self, at: str, error: BaseException) -> None:
        self.at, self.error = at, error

    async def __aenter__(self) -> int:
        await trio.lowlevel.checkpoint()
        if self.at == "connect":
            raise self.error
        return 1

    async def __aexit__(self, *_: object) -> None:
        await trio.lowlevel.checkpoint()
        if self.at == "disconnect":
            raise self.error

    async def watch(self, _value: int) -> None:
        await trio.sleep(0.5)
        if self.at == "watch":
            raise self.error
        await trio.sleep_forever()


class Serves(Fragile):
    def services(self) -> Any:
        assert self.error is not None
        connection = Connection(self.at, self.error)
        return [Service("a", lambda: connection, watch=connection.watch)]

    async def prewarm(self, ctx: Context) -> None:
        self.maybe("prewarm")


class Fallible(Agent[Any]):
    def __init__(self, at: str = "", error: BaseException | None = None, log: Log | None = None) -> None:
        self.at, self.error, self.log = at, error, [] if log is None else log

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        if self.at == "turn":
            assert self.error is not None
            raise self.error
        return turn.mail[0].message


async def function(_ctx: Context, _at: str, error: BaseException, _log: Log) -> None:
    await trio.lowlevel.checkpoint()
    raise error


PLACES: list[tuple[Any, str]] = [
    (Fragile, "init"), (Fragile, "startup"), (Fragile, "receive"), (Fragile, "shutdown"),
    (OwnFragile, "init"), (OwnFragile, "startup"), (OwnFragile, "receive"), (OwnFragile, "shutdown"),
    (Serves, "connect"), (Serves, "watch"), (Serves, "prewarm"), (Serves, "disconnect"),
    (Fallible, "turn"), (function, "call"),
]  # fmt: skip
everywhere = pytest.mark.parametrize(("kind", "place"), PLACES)


async def provoke(root: Supervisor, kind: Any, place: str, error: BaseException) -> None:
    """Have an actor raise an error at a place."""
    ref: ActorRef[Any] = root.start_soon(kind, place, error, [])
    if place in ("receive", "turn"):
        ref.tell("x")
    await trio.sleep(1)
    if place in ("shutdown", "disconnect"):
        ref.request_stop()
    await trio.sleep(1)


@everywhere
async def test_p29_one_childs_crash_never_touches_a_sibling(kind: Any, place: str) -> None:
    async with open_tree("stage") as root:
        logs: list[Log] = [[], []]
        siblings = [root.start_soon(Fragile, "", None, logs[0]), root.start_soon(OwnFragile, "", None, logs[1])]
        for sibling in siblings:
            for i in range(5):
                sibling.tell(i)
        await provoke(root, kind, place, OSError("x"))
        await trio.sleep(10)
        assert [ref.lifecycle for ref in siblings] == ["ready", "ready"]
        assert [ref.incarnation for ref in siblings] == [1, 1]
        assert logs == [[0, 1, 2, 3, 4]] * 2
        root.reports.drain()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=repr)
@everywhere
async def test_p29_ctrl_c_and_system_exit_leave_the_tree_bare_and_end_it_in_order(
    kind: Any, place: str, error: BaseException
) -> None:
    log: Log = []
    with pytest.raises(type(error)) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_tree("stage") as root:
            refs = [root.start_soon(Fragile, "", None, log), root.start_soon(OwnFragile, "", None, log)]
            for ref in refs:
                await ref.wait_ready()
            await provoke(root, kind, place, error)
            await trio.sleep_forever()
    assert caught.value is error
    assert log == ["closed", "closed"]
    assert [ref.lifecycle for ref in refs] == ["stopped", "stopped"]
    assert root._slot.runtime.alive == 0


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_ctrl_c_in_a_group_is_not_swallowed_either(kind: Any) -> None:
    group = BaseExceptionGroup("both", [ValueError(), KeyboardInterrupt()])
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_tree("stage") as root:
            ref = root.start_soon(kind)
            ref.tell(group)
            await trio.sleep_forever()
    assert caught.value is group


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_a_real_ctrl_c_in_a_handler_ends_the_tree(kind: Any) -> None:
    class Raises(kind):  # type: ignore[misc]
        def receive(self, message: Any, ctx: Context) -> None:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 -- the block raises as it is left
        async with open_tree("stage") as root:
            root.start_soon(Raises, mail=1)
            await trio.sleep_forever()


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_a_cancellation_that_no_scope_owns_ends_its_actor_alone(kind: Any) -> None:
    kept: Log = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            kept.append(error)
    async with open_tree("stage") as root:
        sibling = await root.start(Fragile)
        ref = await root.start(kind)
        ref.tell(kept[0])
        assert await ref.wait_stopped() == Cancelled()
        assert sibling.lifecycle == "ready"
        [report] = root.reports.drain()
        assert isinstance(report, ChildEnded)
        assert report.reason == Cancelled()


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_a_scope_of_the_users_own_is_none_of_our_business(kind: Any) -> None:
    class Scopes(kind):  # type: ignore[misc]
        async def receive(self, message: Any, ctx: Context) -> Any:
            with trio.move_on_after(1):
                await trio.sleep_forever()
            return message

    async with open_tree("stage") as root:
        ref: Any = await root.start(Scopes)
        assert await ref.ask(1) == 1
        assert await ref.ask(2) == 2
        assert trio.current_time() == 2.0


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"), KeyError(), ExceptionGroup("g", [ValueError()]), StopIteration(), StopAsyncIteration(),
        KeyboardInterrupt(), SystemExit(1), BaseExceptionGroup("b", [KeyboardInterrupt(), ValueError()]),
    ],
    ids=repr,
)  # fmt: skip
async def test_p29_a_body_that_raises_leaves_with_that_exception_bare(error: BaseException) -> None:
    log: Log = []
    with pytest.raises(type(error)) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_tree("stage") as root:
            await root.start(Fragile, "", None, log)
            raise error
    assert caught.value is error
    assert log == ["closed"]


async def test_p29_a_body_that_raises_while_children_fail_leaves_bare_too_and_they_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = ValueError("body")
    with pytest.raises(ValueError, match="body") as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_tree("stage") as root:
            ref = await root.start(Fragile)
            ref.tell(OSError("child"))
            await ref.wait_stopped()
            raise error
    assert caught.value is error
    assert any("nobody has read its report" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_what_a_handler_raises_while_it_is_cancelled_does_not_reach_the_tree(kind: Any) -> None:
    class Messy(kind):  # type: ignore[misc]
        async def receive(self, message: Any, ctx: Context) -> Any:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.breaks)
                nursery.start_soon(trio.sleep_forever)
            return message

        async def breaks(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("while cancelled")

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.breaks)
                await trio.sleep_forever()

    async with open_tree("stage") as root:
        sibling: Any = await root.start(Fragile)
        ref: ActorRef[Any] = await root.start(Messy, shutdown=2.0)
        ref.tell(1)
        await wait_all_tasks_blocked()
        await ref.kill()
        assert ref.lifecycle == "stopped"
        assert sibling.lifecycle == "ready"
        assert await sibling.ask(1) == 1


@pytest.mark.parametrize("kind", [Fragile, OwnFragile])
async def test_p29_a_crash_keeps_no_frames_alive(kind: Any) -> None:
    class Large:
        pass

    seen: list[weakref.ref[Large]] = []

    class Holds(kind):  # type: ignore[misc]
        async def receive(self, message: Any, ctx: Context) -> Any:
            large = Large()
            seen.append(weakref.ref(large))
            raise OSError("x")

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(Holds, mail=1)
        reason = await ref.wait_stopped()
        assert isinstance(reason, Crashed)
        gc.collect()
        assert seen[0]() is None
        assert reason.error.__traceback__ is not None
        root.reports.drain()
