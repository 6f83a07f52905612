"""When an actor ends, for whatever reason, its background work has ended before."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    BackgroundResult,
    Context,
    DeadLetter,
    Service,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
Log = list[Any]


async def work(ctx: Context, log: Log, seconds: float = 0) -> None:
    """Take its time to end, and note what its owner was then."""
    ref = ctx.ref
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        log.append(("work", ref.incarnation, ref.lifecycle))


class Owner(Actor[Any]):
    """Do as it is told."""

    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> None:
        if message == "crash":
            raise OSError("crash")
        if message == "stop":
            ctx.stop()
        elif message == "wait":
            await trio.sleep_forever()
        elif message == "work":
            ctx.run_in_background(work, ctx, self.log, 1.0)
        else:
            self.log.append(message)


class OwnOwner(Owner):
    own_task = True


class StartingOwner(Owner):
    """Do all of it in its startup."""

    async def startup(self, ctx: Context) -> None:
        await self.receive("work", ctx)
        await trio.sleep_forever()


class AgentOwner(Agent[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            if mail.message == "crash":  # an error would end its turn alone
                ctx.ref.crash(OSError("crash"))
            else:
                await Owner(self.log).receive(mail.message, ctx)


async def function_owner(ctx: Context, log: Log) -> None:
    async for message in ctx:
        await Owner(log).receive(message, ctx)


KINDS: list[Any] = [Owner, OwnOwner, AgentOwner, function_owner, StartingOwner]


@pytest.mark.parametrize(
    "end", ["stop", "drain", "kill", "crash", "its stop", "its crash", "parent's", "tree's", "cancelled"]
)
@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_an_actor_ends_for_its_work_has_ended_before(kind: Any, busy: bool, end: str) -> None:
    log: Log = []
    with trio.CancelScope() as scope:
        async with open_supervisor("stage") as root:
            ref: ActorRef[Any] = root.start_soon(kind, log, mail="work")
            root.start_soon(follow, ref, log)
            await settle()
            if busy:
                ref.tell("wait")
                await settle()
            if end in ("stop", "drain", "kill"):
                with trio.move_on_after(3):
                    await getattr(ref, end)()
            elif end == "crash":
                ref.crash(OSError("crash"))
            elif end.startswith("its"):
                ref.tell(end.removeprefix("its "))
            elif end == "parent's":
                root.request_stop()
                await root.wait_stopped()
            elif end == "cancelled":
                scope.cancel()
            await trio.sleep(3)
            root.reports.drain()
    assert [entry if isinstance(entry, str) else entry[0] for entry in log] == ["work", "ended"]
    assert log[0][2] not in ("stopped", "failed")


async def follow(_ctx: Context, ref: ActorRef[Any], log: Log) -> None:
    """Note when the end of an actor can be seen; out of reach of the tree's own end as long as that has not come."""
    with trio.CancelScope(shield=True):
        while not ref._slot.has_ended:
            await ref._slot.changed()
    log.append("ended")


async def test_work_ends_before_children_the_hook_and_the_services_do() -> None:
    log: Log = []

    @asynccontextmanager
    async def connection() -> AsyncGenerator[int]:
        yield 1
        log.append("service")

    class Child(Actor[Any]):
        async def shutdown(self, ctx: Context, reason: object) -> None:
            log.append("child")

    class Whole(Owner):
        def services(self) -> Any:
            return [Service("a", connection)]

        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Child)
            ctx.run_in_background(work, ctx, log, 1.0)

        async def shutdown(self, ctx: Context, reason: object) -> None:
            assert ctx.pending_count() == 0
            log.extend(result.kind for result in ctx.drain_completed())
            log.append("hook")

    async with open_tree("stage") as root:
        ref = await root.start(Whole, log)
        await settle()
        await ref.stop()
        assert log == [("work", 1, "stopping"), "child", "cancelled", "hook", "service"]


@pytest.mark.parametrize("kind", [Owner, OwnOwner])
async def test_work_of_a_crashed_incarnation_has_ended_before_the_next_one_begins(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log, restart="permanent", mail="work")
        await settle()
        ref.crash(OSError("crash"))
        ref.tell("next")
        await trio.sleep(3)
        assert log == [("work", 1, "ready"), "next"]
        root.reports.drain()


async def test_work_that_shields_itself_is_reported_with_its_stack_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P28. One that ends with the first cancellation is not named."""

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(100)

    class Begins(Owner):
        async def receive(self, message: Any, ctx: Context) -> None:
            ctx.run_in_background(stubborn, name="clings")
            ctx.run_in_background(trio.sleep_forever, name="ends")

    async with open_tree("stage") as root:
        ref = root.start_soon(Begins, [], name="a", shutdown=2.0, mail="x")
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await trio.sleep(4.9)
            assert ref.warnings == {}
            await trio.sleep(0.2)
            assert "background work 1 (clings), at" in ref.warnings["straggler"]
            assert "<locals>.stubborn" in ref.warnings["straggler"]
            assert "(ends)" not in ref.warnings["straggler"]
            assert ref.lifecycle == "stopping"
        assert trio.current_time() == 100
    [record] = [each for each in caplog.records if "still running" in each.getMessage()]
    assert record.__dict__["path"] == "/stage/a"


# -- what is not taken


async def at_once(value: Any = None) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


@pytest.mark.parametrize("deliver", ["drain", "mail"])
@pytest.mark.parametrize("end", ["crash", "stop"])
async def test_results_that_an_incarnation_has_not_taken_are_dropped_and_counted(end: str, deliver: Any) -> None:
    """What had ended, what was cancelled by the end, and mail that was queued; each once. What was taken is not counted."""
    kept: Log = []

    class Busy(Owner):
        async def receive(self, message: Any, ctx: Context) -> None:
            if message == "next":
                kept.extend([ctx.drain_completed(), ctx.background()])
            elif message == "go":
                for _ in range(3):
                    ctx.run_in_background(at_once, deliver=deliver)
                ctx.run_in_background(trio.sleep_forever, deliver=deliver)
                taken = ctx.run_in_background(at_once, "taken")
                assert (await ctx.wait_background(taken)).payload == "taken"
                await trio.sleep_forever()
            else:
                kept.append(message)

    async with open_tree("stage") as root, root.dead_letters.subscribe() as feed:
        ref: ActorRef[Any] = root.start_soon(Busy, [], name="busy", restart="permanent", mail="go")
        await settle()
        letters: list[DeadLetter] = []
        if end == "crash":
            ref.crash(OSError("crash"))
            ref.tell("next")
        else:
            await ref.kill()
        await settle()
        root.reports.drain()
        while len(letters) < 4:
            letters.append(await feed.__anext__())
        assert sorted(letter.message.id for letter in letters) == [1, 2, 3, 4]
        assert {letter.message.id: letter.message.kind for letter in letters}[4] == "cancelled"
        assert {(letter.path, letter.uid, letter.reason) for letter in letters} == {
            ("/stage/busy", ref.uid, "old incarnation")
        }
        assert dict(root.dead_letters.counts) == {"old incarnation": 4}
        assert kept == ([[], []] if end == "crash" else [])


async def test_failures_that_nobody_took_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Begins(Owner):
        async def receive(self, message: Any, ctx: Context) -> None:
            for value in (OSError("broken"), "well"):
                ctx.run_in_background(at_once, value, name="try")

    async with open_tree("stage") as root:
        ref = root.start_soon(Begins, [], name="a", mail="x")
        await settle()
        await ref.stop()
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        record.getMessage() == "/stage/a: background work 1 (try) failed, and nobody took the result: OSError: broken"
    )


async def test_a_supervisor_that_waits_gets_the_result_of_work_that_its_owners_end_cancels() -> None:
    results: list[BackgroundResult] = []

    async def wait() -> None:
        results.append(await root.wait_background("owner", 1))

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(Owner, [], name="owner", mail="work")
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await settle()
            await ref.stop()
        assert [result.kind for result in results] == ["cancelled"]
        assert root.dead_letters.total == 0
        assert root.snapshot().children == ()


async def test_an_interrupted_wait_leaves_the_work_and_its_result() -> None:
    class Waits(Owner):
        async def receive(self, message: Any, ctx: Context) -> None:
            if message == "go":
                await ctx.wait_background(ctx.run_in_background(trio.sleep, 5))
            else:
                self.log.extend(result.kind for result in ctx.drain_completed())

    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Waits, log, mail="go")
        await trio.sleep(1)
        assert await ref.interrupt()
        await trio.sleep(5)
        ref.tell("then")
        await settle()
        assert log == ["completed"]


async def test_results_of_an_earlier_incarnation_never_come_to_the_next_one() -> None:
    """Should a bug of the runtime ever let work outlive its incarnation: its result is counted, and not delivered."""
    async with open_tree("stage") as root:
        got: list[Context] = []

        class Gives(Actor[Any]):
            def receive(self, message: Any, ctx: Context) -> None:
                got.append(ctx)

        root.start_soon(Gives, mail="x")
        await settle()
        [ctx] = got
        for deliver in ("drain", "mail"):
            ctx.run_in_background(trio.sleep, 1, deliver=deliver)  # type: ignore[arg-type]
        more = ctx.ref._slot.more
        assert more is not None
        assert more.background is not None
        more.background.forget()
        await trio.sleep(2)
        assert ctx.drain_completed() == []
        assert len(got) == 1
        assert dict(root.dead_letters.counts) == {"old incarnation": 2}
