"""What is registered, to see that a refusal leaves no trace."""

from typing import Any

import trio

from greenroom import Actor, Context, Supervisor

Log = list[Any]


class Starts(Actor[Any]):
    def __init__(self, seconds: float = 1.0, log: Log | None = None) -> None:
        self.seconds, self.log = seconds, [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append(ctx.labels)
        await trio.sleep(self.seconds)

    def receive(self, message: Any, ctx: Context) -> Any:
        return message


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        return message


def state(root: Supervisor) -> Any:
    """Return all that a refused start could have changed."""
    slot = root._slot
    runtime = slot.runtime
    launcher: Any = runtime.launcher
    return (
        [(info.path, info.uid, info.lifecycle, info.generation, info.accepted) for info in root.snapshot().walk()],
        runtime.next_uid,
        runtime.alive,
        launcher.in_use,
        launcher.waiting,
        dict(root.dead_letters.counts),
        len(root.reports),
        slot.box.seq,
    )
