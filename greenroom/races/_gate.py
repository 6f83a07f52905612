"""The gate: steps by Trio's documented interface alone.

Each task's coroutine is wrapped, by `Instrument.task_spawned` and `Task.coro`. Whenever Trio resumes the task, the wrapper parks it again, until it
is chosen.
"""

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

import trio

from ._clock import PATIENCE
from ._stepper import Director, Stepper, Task


@coroutine
def _pass_on(trap: Any) -> Generator[Any, Any, tuple[Any, BaseException | None]]:
    """Hand to Trio what the wrapped coroutine yielded, and return what Trio sends or throws."""
    try:
        return (yield trap), None
    except BaseException as error:  # noqa: BLE001 -- it goes on, into the wrapped coroutine
        return None, error


def _stay(_raise_cancel: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


def _is_due() -> bool:
    """Return whether Trio sees to a timer in its next round, and holds nobody up before it has."""
    return trio.lowlevel.current_statistics().seconds_to_next_deadline <= 0


class Gate(Stepper):
    """Hold tasks by parking them."""

    def __init__(self, director: Director) -> None:
        super().__init__(director)
        self._resumed: set[Task] = set()

    def open(self) -> None:
        """Let all tasks go."""
        super().open()
        held, self.held = self.held, {}
        for task in held:
            trio.lowlevel.reschedule(task)

    def forget(self) -> None:
        """Let go of a run that is over."""
        super().forget()
        self._resumed.clear()

    def task_spawned(self, task: Task) -> None:
        """Wrap a new task."""
        super().task_spawned(task)
        if self.is_shut:
            gated: Any = self._gated(task, self._coroutines[task])
            task.coro = gated

    def task_scheduled(self, task: Task) -> None:
        """Note that Trio is going to run a task."""
        self._resumed.add(task)

    def before_task_step(self, task: Task) -> None:
        """Note that it does."""
        self._resumed.discard(task)

    def after_task_step(self, task: Task) -> None:
        """Choose, once all that can go on is held."""
        self.activity += 1
        if self.is_shut and self.held and not self._resumed and (self.is_amid or not _is_due()):
            self._let_one_go()

    def before_io_wait(self, timeout: float) -> None:
        """Tell that nothing can go on for now."""
        if len(self._waiters) > 1:  # one task reads the pipe by which Trio is woken
            self.waited_for_io = True
        if not self.is_shut or self._resumed:
            return
        if self.held:  # time was let pass: once Trio has seen to who had waited for it, there is a choice again
            self.wake()
        else:
            self.director.idle(finally_=timeout >= PATIENCE)

    def _let_one_go(self) -> None:
        self.director.before_step()
        if self._resumed or not self.is_shut:
            return
        waiting = self.in_order()
        index = self.director.choose(waiting)
        if self.is_shut and index < len(waiting):  # type: ignore[redundant-expr]  # the director may have opened it
            self.steps += 1
            task = waiting[index]
            del self.held[task]
            self.let_go = task
            trio.lowlevel.reschedule(task)

    async def _gated(self, task: Task, inner: Coroutine[Any, Any, Any]) -> Any:
        value: Any = None
        error: BaseException | None = None
        while True:
            if self.is_shut and task in self._numbers:  # not a task of an earlier schedule in the same run
                self.held[task] = self.steps, self._numbers[task]
                await trio.lowlevel.wait_task_rescheduled(_stay)
                self.let_go = None
            try:
                trap = inner.send(value) if error is None else inner.throw(error)
            except StopIteration as end:
                return end.value
            value, error = await _pass_on(trap)
