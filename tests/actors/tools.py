"""The tools that are dispatched."""

from typing import Any

import trio

from greenroom import Call, Context, tool

Arguments = Any
FREE = {"needs_approval": False}
LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}


def calls_of(*names: str) -> list[Call]:
    return [Call(number, name, {"n": number}) for number, name in enumerate(names)]


@tool(**LOOK)
async def search(arguments: Arguments, ctx: Context) -> str:
    await trio.sleep(1)
    return f"found {arguments.get('n')}"


@tool(**FREE)
async def write(arguments: Arguments, ctx: Context) -> str:
    await trio.sleep(1)
    return "written"


@tool
def gated(arguments: Arguments, ctx: Context) -> str:
    return "done"


@tool(**LOOK)
async def fails(arguments: Arguments, ctx: Context) -> None:
    await trio.sleep(0.5)
    raise OSError("no disk")


@tool(**LOOK)
def fails_at_once(arguments: Arguments, ctx: Context) -> None:
    raise OSError("no disk")
