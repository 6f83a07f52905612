"""Actors that wait for a permit to start."""

from typing import Any

import trio

from greenroom import Actor, Context, Supervisor

Log = list[Any]


class Starts(Actor[Any]):
    def __init__(self, seconds: float = 1.0, error: BaseException | None = None, log: Log | None = None) -> None:
        self.seconds, self.error, self.log = seconds, error, [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append(ctx.ref.name)
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    def receive(self, message: Any, ctx: Context) -> None:
        self.log.append(message)


def permits(root: Supervisor) -> tuple[int, int]:
    launcher: Any = root._slot.runtime.launcher
    return launcher.in_use, launcher.waiting
