"""Children that are looked up and take long to start."""

from typing import Any

import trio

from greenroom import Actor, Context, Supervisor

Log = list[Any]


class Slow(Actor[Any]):
    def __init__(self, log: Log, error: Exception | None = None) -> None:
        self.log, self.error = log, error

    async def startup(self, ctx: Context) -> None:
        self.log.append(trio.current_time())
        await trio.sleep(1)
        if self.error is not None:
            raise self.error

    def receive(self, message: Any, ctx: Context) -> Any:
        return message

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(1)


async def ask(root: Supervisor, log: Log, out: Log, error: Exception | None = None, **options: Any) -> None:
    try:
        out.append(await root.registry.lookup_or_start("db", Slow, log, error, parent=root, **options))
    except Exception as raised:  # noqa: BLE001 -- it is looked at
        out.append(raised)
