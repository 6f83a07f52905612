"""What went without a word is an outcome, and no hole: processes and threads, in real time."""

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from greenroom import Actor, Context, Vanished, run_abandonable
from greenroom.actors._vanished import Thread
from greenroom.testing import open_tree

WAITS = [sys.executable, "-c", "import signal; signal.pause()"]
#: Seconds of real time after which a test hangs.
HANGS = 60


class Runs(Actor[Callable[[Context], Awaitable[None]]]):
    own_task = True

    async def receive(self, message: Callable[[Context], Awaitable[None]], ctx: Context) -> None:
        await message(ctx)
        ctx.stop()


def in_an_actor(test: Callable[[Context], Awaitable[None]]) -> None:
    """Run a test as the turn of an actor, on the real clock: a virtual one jumps while threads and processes are waited for."""

    async def main() -> None:
        with trio.fail_after(HANGS):
            async with open_tree("stage") as root:
                reason = await root.start_soon(Runs, name="owner", mail=test).wait_stopped()
                assert reason is not None
                assert not reason.is_failure, root.reports.drain()

    trio.run(main)


def wait_for(event: threading.Event) -> Awaitable[bool]:
    return trio.to_thread.run_sync(event.wait, HANGS)


def test_a_process_that_was_killed_has_vanished_and_one_that_fails_has_failed() -> None:
    async def test(ctx: Context) -> None:
        found: list[trio.Process] = []

        async def work() -> None:
            async with trio.open_nursery() as nursery:
                found.append(await nursery.start(trio.run_process, WAITS))
                up.set()

        up = trio.Event()
        run = partial(trio.run_process, [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
        direct = ctx.run_in_background(run)
        fails = ctx.run_in_background(partial(trio.run_process, [sys.executable, "-c", "raise SystemExit(3)"]))
        started = ctx.run_in_background(work)
        await up.wait()
        os.kill(found[0].pid, signal.SIGKILL)
        result = await ctx.wait_background(direct)
        assert (result.kind, result.payload.returncode) == ("vanished", -signal.SIGKILL)
        assert "died with <Signals.SIGKILL: 9>" in result.cause
        assert (await ctx.wait_background(started)).kind == "vanished"
        result = await ctx.wait_background(fails)
        assert (result.kind, result.payload.returncode) == ("failed", 3)

    in_an_actor(test)


@pytest.mark.parametrize("end", ["cancelled", "owner's end"])
def test_the_process_of_work_that_is_cancelled_has_ended_before_its_result_is_there(end: str) -> None:
    """And before its owner's end; the tree's end looks for what is left."""
    found: list[trio.Process] = []

    async def test(ctx: Context) -> None:
        async def work() -> None:
            async with trio.open_nursery() as nursery:
                found.append(await nursery.start(trio.run_process, WAITS))
                up.set()

        up = trio.Event()
        started = ctx.run_in_background(work)
        await up.wait()
        if end == "cancelled":
            ctx.cancel_background(started)
            assert (await ctx.wait_background(started)).kind == "cancelled"
            assert found[0].returncode is not None

    in_an_actor(test)
    assert found[0].returncode is not None


def test_work_says_itself_that_what_it_waited_for_has_vanished() -> None:
    async def test(ctx: Context) -> None:
        async def work() -> None:
            raise Vanished("the job is unknown there")

        result = await ctx.wait_background(ctx.run_in_background(work))
        assert (result.kind, result.cause) == ("vanished", "the job is unknown there")

    in_an_actor(test)


@pytest.mark.parametrize("nested", [False, True])
def test_cancelled_work_that_leaves_a_thread_to_itself_has_vanished(nested: bool) -> None:
    begun, go = threading.Event(), threading.Event()

    def crunch() -> str:
        begun.set()
        go.wait(HANGS)
        return "nobody will know"

    async def in_a_nursery() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_abandonable, crunch)

    async def test(ctx: Context) -> None:
        started = ctx.run_in_background(in_a_nursery) if nested else ctx.run_in_background(run_abandonable, crunch)
        assert await wait_for(begun)
        ctx.cancel_background(started)
        result = await ctx.wait_background(started)
        go.set()
        assert (result.kind, type(result.payload)) == ("vanished", Vanished)
        assert result.cause == "the thread of crunch was left to itself, and may go on"
        await until_threads_rest()

    in_an_actor(test)


async def until_threads_rest() -> None:
    while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
        await trio.lowlevel.checkpoint()


def test_a_thread_that_has_ended_by_the_end_of_the_work_is_no_reason() -> None:
    """Its own code had left it to itself, and it came to an end; so did one whose work completed all the same."""
    begun, go, over = threading.Event(), threading.Event(), threading.Event()

    def crunch() -> None:
        begun.set()
        go.wait(HANGS)

    async def leaves_one() -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run_abandonable, crunch)
                await wait_for(begun)
                scope.cancel()
        over.set()
        await trio.sleep_forever()

    async def completes() -> str:
        with trio.CancelScope() as scope:
            scope.cancel()
            await run_abandonable(crunch)
        return "done"

    async def test(ctx: Context) -> None:
        started = ctx.run_in_background(leaves_one)
        assert await wait_for(over)
        go.set()
        await until_threads_rest()
        ctx.cancel_background(started)
        assert (await ctx.wait_background(started)).kind == "cancelled"
        assert (await ctx.wait_background(ctx.run_in_background(completes))).payload == "done"

    in_an_actor(test)


def test_a_thread_that_had_not_begun_is_never_run_and_the_work_is_cancelled() -> None:
    ran: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        go.wait(HANGS)

    async def test(ctx: Context) -> None:
        limiter = trio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        first = ctx.run_in_background(run_abandonable, block)
        while not begun.is_set():
            await trio.lowlevel.checkpoint()
        second = ctx.run_in_background(run_abandonable, ran.append, 1)
        while not limiter.statistics().tasks_waiting:
            await trio.lowlevel.checkpoint()
        ctx.cancel_background(second)
        assert (await ctx.wait_background(second)).kind == "cancelled"
        go.set()
        assert (await ctx.wait_background(first)).kind == "completed"
        assert ran == []

    in_an_actor(test)


def test_of_a_thread_and_its_cancellation_the_first_wins() -> None:
    ran: list[int] = []
    early, late, ended = (Thread(lambda: ran.append(1), "name") for _ in range(3))
    assert not early.is_left()
    assert early.run() is None
    assert ran == []
    late._call = lambda: ran.append(int(late.is_left()))
    late.run()
    assert ran == [1]
    assert not late.is_left()
    ended.run()
    assert not ended.is_left()


def test_a_thread_gives_its_result_or_its_error_outside_of_background_work_too() -> None:
    def fail() -> None:
        raise OSError("broken")

    begun, go = threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        go.wait(HANGS)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_abandonable, block)
            await wait_for(begun)
            nursery.cancel_scope.cancel()
        go.set()
        assert await run_abandonable(max, 1, 2) == 2
        with pytest.raises(OSError, match="broken"):
            await run_abandonable(fail)
        with trio.CancelScope() as scope:
            scope.cancel()
            await run_abandonable(fail)
        assert scope.cancelled_caught

    trio.run(main)
