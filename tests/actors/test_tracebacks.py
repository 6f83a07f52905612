import traceback
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ActorCrashed, Agent, Context, Request, StillRunning, Turn
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Go(Request[None]):
    pass


async def deep(fail: bool) -> None:
    if fail:
        raise LookupError("deep down")
    await trio.sleep_forever()


class Plain(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        await self.helper(isinstance(message, Go))

    async def helper(self, fail: bool) -> None:
        await deep(fail)


class Own(Plain):
    own_task = True


class Thinker(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        await Plain().receive(turn.mail[0].message, ctx)


KINDS: list[Any] = [Plain, Own, Thinker]


def tasks_named(name: str) -> list[trio.lowlevel.Task]:
    found: list[trio.lowlevel.Task] = []
    root = trio.lowlevel.current_root_task()
    assert root is not None
    open_ = [root]
    while open_:
        task = open_.pop()
        open_ += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        if task.name == name:
            found.append(task)
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_the_task_tree_shows_the_frames_of_a_suspended_handler(kind: Any) -> None:
    """Through Watch, which stands between a worker's task and its loop."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, name="subject")
        ref.tell("wait")
        await settle()
        name = "subject" if kind is Plain else "/stage/subject"
        (task,) = tasks_named(name)
        names = [frame.f_code.co_name for frame, _ in task.iter_await_frames()]
        assert "steps" in names
        where = names.index("receive")
        assert names[where : where + 3] == ["receive", "helper", "deep"]


async def test_workers_are_named_by_what_they_do() -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Plain, name=f"sleeper-{number}") for number in range(3)]
        for ref in refs:
            ref.tell("wait")
        await settle()
        assert [len(tasks_named(ref.name)) for ref in refs] == [1, 1, 1]
        for ref in refs:
            await ref.interrupt()
        await settle()
        assert [len(tasks_named(ref.name)) for ref in refs] == [0, 0, 0]
        assert len(tasks_named("greenroom idle worker")) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_the_traceback_of_an_error_names_the_lines_of_the_handler(kind: Any) -> None:
    """P17: and few of the runtime's."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        with pytest.raises(ActorCrashed) as caught:
            await ref.ask(Go())
        assert caught.value.error is not None
        names = [frame.name for frame in traceback.extract_tb(caught.value.error.__traceback__)]
        assert names[-3:] == ["receive", "helper", "deep"]
        assert len(names) <= 7
        root.reports.drain()


async def test_a_kept_error_holds_none_of_the_handlers_variables() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Plain)
        with pytest.raises(ActorCrashed) as caught:
            await ref.ask(Go())
        assert caught.value.error is not None
        at = caught.value.error.__traceback__
        held = {}
        while at is not None:
            if at.tb_frame.f_code.co_name in ("receive", "helper", "deep"):
                held.update(at.tb_frame.f_locals)
            at = at.tb_next
        assert held == {}
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_stack_of_who_still_runs_is_text_that_ends_where_it_is(kind: Any) -> None:
    """P22."""

    class Shielded(kind):  # type: ignore[misc]
        async def helper(self, fail: bool) -> None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):
                await deep(fail)

        async def turn(self, turn: Any, ctx: Context) -> None:
            await self.helper(False)

    async with open_tree("stage") as root:
        ref = root.start_soon(Shielded)
        ref.tell("wait")
        await settle()
        with pytest.raises(StillRunning) as caught:
            await ref.interrupt(grace=1)
        lines = caught.value.stack.splitlines()
        where = next(index for index, line in enumerate(lines) if line.endswith("Shielded.helper"))
        assert lines[where + 1].endswith(" in deep")
        root.reports.drain()
