"""Calls of tools that take their time."""

from typing import Any

import trio

from greenroom import Call, Context, tool

LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}


@tool(**LOOK)
async def nap(arguments: Any, ctx: Context) -> float:
    await trio.sleep(arguments["seconds"])
    return arguments["seconds"]


@tool(needs_approval=False)
async def alone(arguments: Any, ctx: Context) -> None:
    await trio.sleep(arguments["seconds"])


@tool(**LOOK)
async def fails(arguments: Any, ctx: Context) -> None:
    await trio.lowlevel.checkpoint()
    raise OSError("x")


def naps(*seconds: float, name: str = "nap") -> list[Call]:
    return [Call(f"{name}{at}", name, {"seconds": each}) for at, each in enumerate(seconds)]
