"""P26, P28: the ends of actors that are functions."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ActorRef, Completed, Context, Finished, Killed, Shutdown
from greenroom.testing import open_tree

Log = list[Any]


async def waits(ctx: Context, log: Log) -> str:
    try:
        async for message in ctx:
            await trio.sleep(message)
            log.append(message)
    finally:
        log.append("closed")
    return "done"


FUNCTION_ENDS: list[tuple[Callable[[ActorRef[Any]], Any], float, Log]] = [
    (lambda ref: ref.stop(), 2.0, [2.0, "closed"]),
    (lambda ref: ref.drain(), 5.0, [2.0, 3.0, "closed"]),
    (lambda ref: ref.kill(), 1.0, ["closed"]),
]


@pytest.mark.parametrize(("end", "at", "wanted"), FUNCTION_ENDS)
async def test_p26_an_actor_that_is_a_function_ends_where_it_waits_for_mail(
    end: Callable[[ActorRef[Any]], Any], at: float, wanted: Log
) -> None:
    log: Log = []
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = await root.start(waits, log)
        ref.tell(2.0)
        await trio.sleep(1)
        ref.tell(3.0)
        await end(ref)
        assert trio.current_time() == at
        assert log == wanted
        assert ref.lifecycle == "stopped"


async def test_p26_an_idle_function_ends_at_once_whatever_is_asked() -> None:
    async with open_tree("stage") as root:
        for end in ("stop", "drain", "kill"):
            log: Log = []
            ref = await root.start(waits, log)
            await wait_all_tasks_blocked()
            await getattr(ref, end)()
            assert log == ["closed"]
        assert trio.current_time() == 0.0


async def busy(_ctx: Context, seconds: float) -> str:
    await trio.sleep(seconds)
    return "done"


@pytest.mark.parametrize("early", [False, True])
async def test_p26_a_drain_lets_a_function_that_never_receives_run_to_its_end(*, early: bool) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(busy, 4.0)
        if not early:
            await wait_all_tasks_blocked()
        assert await ref.drain() == Finished("done")
        assert trio.current_time() == 4.0


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("shutdown", "waits"), [(5.0, 5.0), (0, 0.0), (None, 1_000.0)])
@pytest.mark.parametrize("mail", [(), ("unread",)])
async def test_p26_a_function_that_does_not_receive_is_drained_within_its_shutdown_time(
    mail: tuple[str, ...], shutdown: float | None, waits: float, *, early: bool
) -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(busy, 1_000.0, shutdown=shutdown)
        if not early:
            await wait_all_tasks_blocked()
        for message in mail:
            ref.tell(message)
        reason = await ref.drain()
        assert isinstance(reason, Finished if shutdown is None else Killed)
        assert trio.current_time() == waits
        assert root.dead_letters.total == len(mail)
        root.reports.drain()


@pytest.mark.parametrize(("idle", "shutdown"), [(True, 0), (True, 5.0), (False, 5.0)])
async def test_p26_a_drained_function_has_all_the_time_for_mail_that_it_receives(
    *, idle: bool, shutdown: float
) -> None:
    async def receives(ctx: Context, log: Log) -> None:
        if not idle:
            await trio.sleep(2)
        async for message in ctx:
            await trio.sleep(100)
            log.append(message)

    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(receives, log, shutdown=shutdown)
        await wait_all_tasks_blocked()
        for message in (1, 2, 3):
            ref.tell(message)
        assert await ref.drain() == Shutdown()
        assert log == [1, 2, 3]


async def test_p28_a_drained_function_that_does_not_leave_where_it_receives_is_reported_with_its_stack(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def lingers(ctx: Context) -> None:
        try:
            await ctx.receive()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)

    async with open_tree("stage") as root:
        ref = root.start_soon(lingers)
        await wait_all_tasks_blocked()
        await ref.drain()
        assert trio.current_time() == 60.0
        assert [record for record in caplog.records if "lingers" in record.message]
        root.reports.drain()


async def test_p26_a_function_that_returns_has_finished_with_its_result() -> None:
    async def adds(_ctx: Context, a: int, b: int) -> int:
        await trio.sleep(1)
        return a + b

    async with open_tree("stage") as root:
        ref = root.start_soon(adds, 1, 2)
        assert await ref.wait_stopped() == Finished(3)
        assert ref.status == Completed(3)
