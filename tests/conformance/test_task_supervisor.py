"""Elixir's Task.Supervisor: work beside the turns, which reports back; and functions that are children."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import trio

from greenroom import (
    Actor,
    BackgroundNotFound,
    BackgroundResult,
    BackgroundTimeout,
    Context,
    Finished,
    Killed,
    LimitReached,
    Limits,
    Request,
    Shutdown,
)
from greenroom.testing import Tree, open_tree

from .cast import Boom, counts, names, settle

NO_MEANING = {
    "start with spawn_opt": "tasks have no priorities",
    "multiple supervisors can be supervised and identified with simple child spec": "names besides paths are the registry's",
    "async_stream": "streams of tasks are a nursery's and a channel's work in Trio; N calls of an agent go through `ctx.dispatch`",
    "$callers and $ancestors": "a child's parent is `ctx.parent`, its path names all above it",
}

Seen = list[Any]

CALLER: ContextVar[str] = ContextVar("CALLER", default="nobody")


class Do(Request[Any]):
    """Run a function on the owner's context, and answer what it gives."""

    def __init__(self, what: Callable[[Context], Any]) -> None:
        self.what = what


class Owner(Actor[Do]):
    def __init__(self) -> None:
        self.mailed: list[BackgroundResult] = []

    async def receive(self, message: Do | BackgroundResult, ctx: Context) -> Any:
        if isinstance(message, BackgroundResult):
            self.mailed.append(message)
            return None
        made = message.what(ctx)
        return await made if hasattr(made, "__await__") else made


async def sleepy(seconds: float, result: Any = None) -> Any:
    await trio.sleep(seconds)
    if isinstance(result, Exception):
        raise result
    return result


async def test_async_runs_beside_its_owner_and_its_result_is_awaited(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, async/1 spawns tasks under the supervisor; async/3 — the task runs, is listed, and gives its result once."""
    ref = await tree.start(Owner)
    number = await ref.ask(Do(lambda ctx: ctx.run_in_background(sleepy, 2.0, "done", name="nap")))
    [work] = tree.background(ref.path)
    assert (work.name, tree.background(ref.path)[0].id) == ("nap", number)
    result = await ref.ask(Do(lambda ctx: ctx.wait_background(number)))
    assert (result.kind, result.payload, trio.current_time()) == ("completed", "done", 2.0)
    assert tree.background(ref.path) == []
    with pytest.raises(BackgroundNotFound):
        await tree.wait_background(ref.path, number)


async def test_a_task_and_its_owner_have_one_end(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, async/1 with custom shutdown — the owner's end ends its tasks; a task that does not give way is killed.

    Departs: a task has no shutdown time of its own: it is cancelled, and has ended before its owner has.
    """
    ended: list[float] = []

    async def nap() -> None:
        try:
            await trio.sleep(100)
        finally:
            ended.append(trio.current_time())

    ref = await tree.start(Owner)
    await ref.ask(Do(lambda ctx: ctx.run_in_background(nap)))
    await trio.sleep(1)
    await ref.stop()
    assert ended == [1.0] == [trio.current_time()]


async def test_a_task_that_fails_is_its_owners_to_see_and_not_its_end(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, async_nolink/1; async_nolink/3 — the failure of a task that is not linked comes as a message, and ends
    nobody.
    """
    ref = await tree.start(Owner)
    boom = Boom()
    await ref.ask(Do(lambda ctx: ctx.run_in_background(sleepy, 1.0, boom)))
    await trio.sleep(2)
    [result] = await ref.ask(Do(lambda ctx: ctx.drain_completed()))
    assert (result.kind, result.payload) == ("failed", boom)
    assert (ref.lifecycle, ref.incarnation) == ("ready", 1)


@pytest.mark.parametrize("payload", ["done", Boom()])
async def test_a_result_can_come_as_mail(tree: Tree, payload: Any) -> None:
    """Source: Elixir Task.Supervisor, async_nolink/1 — the reply is a message, `{ref, result}` or `:DOWN`, to who started it.

    Departs: which of the two ways a result takes is said at the start; it takes one.
    """
    mailed: list[BackgroundResult] = []

    def make() -> Owner:
        owner = Owner()
        owner.mailed = mailed
        return owner

    ref = await tree.start(make)
    number = await ref.ask(Do(lambda ctx: ctx.run_in_background(sleepy, 1.0, payload, deliver="mail")))
    await trio.sleep(2)
    assert [(result.id, result.payload) for result in mailed] == [(number, payload)]
    assert await ref.ask(Do(lambda ctx: ctx.drain_completed())) == []


async def test_await_past_its_timeout_leaves_the_task(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, await/1 demonitors and unalias on timeout — the awaiter fails when the time is over.

    Departs: the result is not lost for it: the work goes on, and can be waited for again.
    """
    ref = await tree.start(Owner)
    number = await ref.ask(Do(lambda ctx: ctx.run_in_background(sleepy, 2.0, "done")))
    with pytest.raises(BackgroundTimeout):
        await tree.wait_background(ref.path, number, timeout=1.0)
    assert (await tree.wait_background(ref.path, number)).payload == "done"
    assert trio.current_time() == 2.0


async def test_await_tells_how_a_task_failed(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, await/1 exits on task throw; await/1 exits on task error; await/1 exits on task exit — with the task's own
    error.

    Departs: the awaiter gets it as a result of kind "failed" and is not ended by it.
    """
    ref = await tree.start(Owner)
    boom = Boom("oops")
    number = await ref.ask(Do(lambda ctx: ctx.run_in_background(sleepy, 1.0, boom)))
    result = await ref.ask(Do(lambda ctx: ctx.wait_background(number)))
    assert (result.kind, result.payload) == ("failed", boom)


async def waits_and_sends(ctx: Context, seen: list[Any]) -> str:
    seen.append("ready")
    seen.append(await ctx.receive())
    return "result"


async def test_a_function_is_a_child_and_its_return_is_its_end(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, start_child/1; start_child/3 — a function runs as a child that nobody is linked to; its return is a normal
    end.
    """
    seen: list[Any] = []
    ref = tree.start_soon(waits_and_sends, seen, name="task")
    await settle()
    assert (seen, names(tree), counts(tree)) == (["ready"], ["task"], (1, 1, 0, 1))
    ref.tell(True)
    assert await ref.wait_stopped() == Finished("result")
    assert (seen, names(tree), counts(tree)) == (["ready", True], [], (0, 0, 0, 0))


async def test_a_task_without_time_to_shut_down_is_killed() -> None:
    """Source: Elixir Task.Supervisor, start_child/1 with custom shutdown — `:brutal_kill` ends it at once, as killed."""
    for _ in range(10):  # it is for chance to say in which order Trio runs what is due
        async with open_tree() as root:
            ref = root.start_soon(waits_and_sends, Seen(), shutdown=0)
            await settle()
            root.request_stop()
            assert isinstance(await ref.wait_stopped(), Killed)


async def test_a_task_can_be_restarted(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, start_child/1 with custom restart — a permanent task is started again when it has ended."""
    seen: list[Any] = []
    ref = tree.start_soon(waits_and_sends, seen, restart="permanent")
    await settle()
    ref.tell("once")
    await settle()
    assert (seen, ref.incarnation) == (["ready", "once", "ready"], 2)


async def test_a_task_can_be_terminated_once(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, terminate_child/2 — it ends the task; of a task that is gone it says so."""
    ref = tree.start_soon(waits_and_sends, Seen(), name="task")
    await settle()
    await tree.terminate_child("task")
    assert isinstance(await ref.wait_stopped(), Shutdown)
    assert names(tree) == []
    with pytest.raises(Exception, match="not found"):
        await tree.terminate_child("task")


@pytest.mark.greenroom(limits=Limits(max_actors=2))
async def test_no_more_tasks_than_may_be(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, raises when :max_children is reached — a start over the limit is refused, and starts nothing."""
    first = tree.start_soon(waits_and_sends, Seen(), name="first")
    with pytest.raises(LimitReached):
        tree.start_soon(waits_and_sends, Seen(), name="second")
    assert names(tree) == ["first"]
    await first.stop()
    tree.start_soon(waits_and_sends, Seen(), name="second")


async def test_a_task_sees_the_context_of_who_started_it(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, async/1 with $callers — a task can tell for whom it works.

    Departs: it has a copy of its starter's context variables.
    """

    async def who() -> str:
        return CALLER.get()

    CALLER.set("the test")
    ref = await tree.start(Owner)
    CALLER.set("somebody else")
    number = await ref.ask(Do(lambda ctx: ctx.run_in_background(who)))
    assert (await tree.wait_background(ref.path, number)).payload == "the test"


async def test_without_tasks_there_are_none(tree: Tree) -> None:
    """Source: Elixir Task.Supervisor, counts and returns children — nothing is listed before something is started."""
    ref = await tree.start(Owner)
    assert (tree.background(ref.path), await ref.ask(Do(lambda ctx: ctx.pending_count()))) == ([], 0)
