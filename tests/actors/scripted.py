"""An agent whose turns follow a script."""

from typing import Any

import trio

from greenroom import Agent, Context, Turn


class Scripted(Agent[Any]):
    """Do in each turn what the next entry of a script says; keep what each turn saw."""

    def __init__(self, script: list[Any], saw: list[Any] | None = None) -> None:
        self.script = script
        self.saw: list[Any] = [] if saw is None else saw

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.saw.append([mail.message for mail in turn.mail])
        if self.script:
            return await self.script.pop(0)(turn, ctx)
        return "done"


class Gate:
    """Be a turn that waits to be let go."""

    def __init__(self, result: Any = "let go") -> None:
        self.go = trio.Event()
        self.result = result

    async def __call__(self, turn: Turn[Any], ctx: Context) -> Any:
        await self.go.wait()
        return self.result


def messages(mails: list[Any]) -> list[Any]:
    return [mail.message for mail in mails]
