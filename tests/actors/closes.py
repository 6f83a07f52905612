"""Actors that note how they end."""

from typing import Any

import trio
import trio.lowlevel

from greenroom import Actor, Context, Supervisor

Log = list[Any]


class Closes(Actor[Any]):
    """Write down its end, which takes `seconds`."""

    def __init__(self, log: Log, seconds: float = 0.0, children: tuple[Any, ...] = ()) -> None:
        self.log, self.seconds, self.children = log, seconds, children

    async def startup(self, ctx: Context) -> None:
        for name, restart, factory in self.children:
            ctx.start_soon(factory, name=name, restart=restart)

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        await trio.sleep(message)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append((f"{ctx.path} closes", trio.current_time()))
        await trio.sleep(self.seconds)
        self.log.append((f"{ctx.path} closed", trio.current_time()))


class OwnCloses(Closes):
    own_task = True


def nothing_left(root: Supervisor) -> None:
    """Check that a tree which has ended left no slot, permit, worker, deadline or waiter."""
    slot = root._slot
    runtime = slot.runtime
    launcher: Any = runtime.launcher
    assert [info.path for info in root.snapshot().walk()] == ["/stage"]
    assert runtime.alive == 0
    assert (launcher.in_use, launcher.waiting) == (0, 0)
    assert len(runtime.deadlines) == 0
    assert runtime.pool.workers == {}
    assert len(runtime.pool.runq) == 0
    assert slot.more is None or not slot.more.changes
