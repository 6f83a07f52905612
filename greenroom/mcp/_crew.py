"""A crew: tasks that serve a block, and work on until the block has been cleaned up.

Why not a plain nursery? When a block is cancelled, the tasks in its nursery are cancelled with it, at once. But a server is
closed after that moment, and closing needs them: somebody must still read its stderr (or it blocks on a full pipe and never
exits) and see it exit. And a nursery puts what its body raises into an exception group, where the user would have to look for it.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeVarTuple

import trio

Ts = TypeVarTuple("Ts")


class Crew:
    """A nursery whose tasks are shielded from outside, and are cancelled as its block's last step.

    Nor are they interrupted by Ctrl-C, which goes to the main task and comes here as a cancellation, in order. What the block
    raises leaves it as it is. A task of the crew that raises cancels the block, as in a nursery.
    """

    def __init__(self) -> None:
        self._manager: AbstractAsyncContextManager[trio.Nursery] = trio.open_nursery()
        self._nursery: trio.Nursery | None = None
        self._scopes: list[trio.CancelScope] = []

    async def __aenter__(self) -> Self:
        self._nursery = await self._manager.__aenter__()
        return self

    def start_soon(self, task: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> None:
        """Start a task that is shielded from cancellation until the block is left."""
        if self._nursery is None:
            raise RuntimeError("the crew's block has not been entered")
        # In a scope of its own per task: a scope serves one task at a time.
        scope = trio.CancelScope(shield=True)
        self._scopes.append(scope)

        @trio.lowlevel.enable_ki_protection
        async def shielded() -> None:
            with scope:
                await task(*args)

        self._nursery.start_soon(shielded, name=task)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for scope in self._scopes:
            scope.cancel()
        # Not handed to the nursery, which would wrap it: the `with` statement raises it again by itself.
        await self._manager.__aexit__(None, None, None)
