"""An actor that has work of each sort, and a tree around it."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from greenroom import Actor, Context, Request
from greenroom.testing import Tree, open_tree


class Worker(Actor[Any]):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def receive(self, message: Any, ctx: Context) -> Any:
        if message == "stop":
            ctx.stop()
        if message == "wait":
            await trio.sleep_forever()
        self.seen.append(message)
        return message


async def in_tree(body: Callable[[Tree], Awaitable[object]], **options: Any) -> None:
    async with open_tree("stage", **options) as tree:
        await body(tree)


class Echo(Request[str]):
    pass
