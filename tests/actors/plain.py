"""A plain actor that answers."""

from typing import Any

import trio

from greenroom import Actor, Context


class Plain(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        if callable(message):
            return await message(ctx)
        await trio.sleep(message)
        return None
