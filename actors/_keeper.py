"""The keeper: the task that holds what an actor runs beside its turns.

Why a task of its own? A nursery belongs to the task that opens it, and an actor's code may be run by a task that it shares with others. So the
keeper opens one, when it is first needed, and leaves it when the last task in it has ended; what is to run before it has opened it waits in a list.
"""

from collections.abc import Awaitable, Callable
from contextvars import Context as ContextVars
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from ._runtime import Runtime


class Keeper:
    """Run tasks in a nursery of their own, opened at first need."""

    __slots__ = ("_early", "_keepers", "_lot", "_name", "_nursery", "_runtime", "_tasks")

    def __init__(self, runtime: "Runtime", name: str) -> None:
        self._runtime = runtime
        self._name = name
        #: open, and at least one task in it has not ended: it closes with the last one, in that very step.
        self._nursery: trio.Nursery | None = None
        #: what was started before the nursery was open, with the context variables of then.
        self._early: list[tuple[ContextVars, Callable[[], Awaitable[None]], str]] | None = None
        #: tasks in the nursery, or on their way into it.
        self._tasks = 0
        #: keeper tasks: at most one that takes tasks, and those that are about to end.
        self._keepers = 0
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def is_busy(self) -> bool:
        """True while a task of it has not ended."""
        return self._keepers > 0

    @trio.lowlevel.enable_ki_protection
    def start_soon(self, run: Callable[[], Awaitable[None]], name: str) -> None:
        """Start a task in a copy of the caller's context variables. Plain; `run` must not raise."""
        self._tasks += 1
        if self._nursery is not None:
            self._nursery.start_soon(partial(self._live, run), name=name)
        elif self._early is not None:
            self._early.append((copy_context(), run, name))
        else:
            self._early = [(copy_context(), run, name)]
            self._keepers += 1
            stage = self._runtime.nursery
            assert stage is not None
            self._runtime.base.copy().run(partial(stage.start_soon, self._keep, name=self._name))

    @trio.lowlevel.enable_ki_protection
    async def _keep(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                early, self._early = self._early or [], None
                for context, run, name in early:
                    context.run(partial(nursery.start_soon, partial(self._live, run), name=name))
        finally:
            self._keepers -= 1
            self._lot.unpark_all()

    @trio.lowlevel.enable_ki_protection
    async def _live(self, run: Callable[[], Awaitable[None]]) -> None:
        try:
            await run()
        finally:
            self._tasks -= 1
            if not self._tasks:
                self._nursery = None  # no checkpoint from here to the end of the task, and so of the nursery

    async def wait_ended(self) -> None:
        """Wait until all its tasks have ended. Checkpoint: only if it has to wait. Cancellation: leaves nothing."""
        while self._keepers:
            await self._lot.park()
