"""What programs have under Trio."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio


class Trio:
    """Be what a program has under Trio."""

    Event, Lock = trio.Event, trio.Lock

    @staticmethod
    async def step(count: int = 1) -> None:
        """Take so many steps."""
        for _ in range(count):
            await trio.lowlevel.checkpoint()

    @staticmethod
    async def group(*tasks: Callable[[], Awaitable[Any]]) -> None:
        """Run them at once, to their ends."""
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task)


async def under_trio(_sim: Any, program: Any, *, fixed: bool) -> None:
    """Run a program under Trio."""
    await program(Trio, fixed=fixed)
