"""Watch: see that a worker's coroutine suspended, and in whose context variables it runs.

Between a worker's task and its loop stands this awaitable. Each time the loop yields, it looks whether an actor is in the worker's hands: then
that actor waits for something and the worker with it, so the run queue goes on to another one. A yielded `contextvars.Context` never reaches
Trio: it says in which context the loop wants to be stepped from now on.

Ctrl-C: these frames are protected, user code further in is not, so an interrupt never falls between taking a message and noting that it was taken.
"""

from collections.abc import Coroutine, Generator
from contextvars import Context as ContextVars
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from ._pool import Worker


class Watch:
    """Step a worker's loop on behalf of its task."""

    __slots__ = ("_context", "_loop", "_worker")

    def __init__(self, worker: "Worker", loop: Coroutine[Any, Any, None]) -> None:
        self._worker = worker
        self._loop = loop
        self._context: ContextVars | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        """Return itself: it is its own iterator."""
        return self

    def __iter__(self) -> "Watch":
        """Return itself."""
        return self

    def __next__(self) -> Any:
        """Step without a value."""
        return self.send(None)

    @trio.lowlevel.enable_ki_protection
    def send(self, value: Any) -> Any:
        """Step the loop; hand the run queue on if it suspended with an actor in hand."""
        worker = self._worker
        pool = worker.pool
        if pool.baton is None:
            pool.baton = worker
        context = self._context
        yielded = self._loop.send(value) if context is None else context.run(self._loop.send, value)
        while yielded.__class__ is ContextVars:
            yielded = self._go_on(yielded)
        if pool.baton is worker:
            pool.baton = None
        slot = worker.slot
        if slot is not None:
            task = worker.task
            if task is not None:
                task.name = slot.name
            if pool.baton is None and pool.runq:
                pool.kick()
            feeds = worker.runtime.feeds
            # The first time in this message; who is told hears of its end, too.
            if feeds and not worker.hit and slot.in_turn:
                worker.runtime.notify_feeds()
        return yielded

    @trio.lowlevel.enable_ki_protection
    def throw(self, kind: Any, value: Any = None, traceback: TracebackType | None = None) -> Any:
        """Raise inside the loop, in its context."""
        error = value if isinstance(value, BaseException) else kind
        if traceback is not None and isinstance(error, BaseException):
            error = error.with_traceback(traceback)
        worker = self._worker
        pool = worker.pool
        if pool.baton is None:
            pool.baton = worker
        context = self._context
        yielded = self._loop.throw(error) if context is None else context.run(self._loop.throw, error)
        while yielded.__class__ is ContextVars:
            yielded = self._go_on(yielded)
        if pool.baton is worker:
            pool.baton = None
        if worker.slot is not None and pool.baton is None and pool.runq:
            pool.kick()
        return yielded

    def _go_on(self, context: ContextVars) -> Any:
        """Step the loop in another context from now on; its task's own is the one that Trio has entered already."""
        task = self._worker.task
        if task is not None and context is task.context:
            self._context = None
            return self._loop.send(None)
        self._context = context
        return context.run(self._loop.send, None)

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()

    @property
    def cr_frame(self) -> Any:
        """Show the loop's frame: debuggers and Trio's task tree look through this object."""
        return self._loop.cr_frame  # type: ignore[attr-defined]

    @property
    def cr_await(self) -> Any:
        """Show what the loop awaits."""
        return self._loop.cr_await  # type: ignore[attr-defined]
