"""A service that says what becomes of it, and an actor that has such services."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from greenroom import Actor, Context, Service, Supervisor

Log = list[Any]
Connect = Callable[[], Any]


class Line:
    """Be one connection whose life a test writes down: how long it takes, fails, stays and closes."""

    def __init__(
        self,
        log: Log,
        name: str,
        seconds: float = 0.0,
        *,
        error: BaseException | None = None,
        closing: float = 0.0,
        shielded: bool = False,
    ) -> None:
        self.log, self.name, self.seconds, self.error, self.closing = log, name, seconds, error, closing
        self.shielded = shielded
        self.drop = trio.Event()
        self.drop_error: BaseException | None = None
        self.task: Any = None

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[str]:
        self.task = trio.lowlevel.current_task()
        self.log.append(f"{self.name} connects")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.log.append(f"{self.name} is up")
        try:
            yield f"connection {self.name}"
        finally:
            assert trio.lowlevel.current_task() is self.task
            with trio.CancelScope(shield=self.shielded):
                await trio.sleep(self.closing)
            self.log.append(f"{self.name} is closed")

    async def watch(self, _value: str) -> None:
        await self.drop.wait()
        if self.drop_error is not None:
            raise self.drop_error


class Serves(Actor[Any]):
    def __init__(self, services: list[Any], log: Log, prewarm: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.of_mine, self.log, self.warms = services, log, prewarm

    def services(self) -> Any:
        self.log.append("services")
        return self.of_mine

    async def prewarm(self, ctx: Context) -> None:
        self.log.append(("prewarm", dict(ctx.services)))
        if self.warms is not None:
            await self.warms()

    async def startup(self, ctx: Context) -> None:
        self.log.append(("startup", dict(ctx.services)))

    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append(message)
        return dict(ctx.services)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(("shutdown", dict(ctx.services)))


def service(line: Line, **options: Any) -> Service[Any]:
    return Service(line.name, line.connect, **{"watch": line.watch, **options})


def start(root: Supervisor, services: list[Any], log: Log, **options: Any) -> Any:
    return root.start_soon(Serves, services, log, **options)
