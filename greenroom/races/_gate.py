"""The gate: no task of a program takes a step that was not chosen.

Each task's coroutine is wrapped, by the documented `Instrument.task_spawned` and `Task.coro`. Whenever Trio resumes the task, the wrapper parks it
again: it is *held*. Once Trio has nothing left to run, all that could go on is held, and one of them is chosen and let go for one step. So the
program sees an order of steps that Trio's batches would allow, or one that only a change of Trio's scheduler would.

What arrives while a task is held (a cancellation) is delivered at its next checkpoint, as to a task that Trio has already resumed.
"""

from collections.abc import Callable, Coroutine, Generator, Sequence
from types import coroutine
from typing import Any

import trio

Task = trio.lowlevel.Task


@coroutine
def _pass_on(trap: Any) -> Generator[Any, Any, tuple[Any, BaseException | None]]:
    """Hand to Trio what the wrapped coroutine yielded, and return what Trio sends or throws."""
    try:
        return (yield trap), None
    except BaseException as error:  # noqa: BLE001 -- it goes on, into the wrapped coroutine
        return None, error


def _stay(_raise_cancel: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


class Gate(trio.abc.Instrument):
    """Hold every task that is spawned while it is shut, and let one go at a time.

    Args:
        choose: returns the index of the one to go next, among two or more, oldest first. If it opens the gate, its answer is of no account.
        on_step: called before each choice; what it sets free is waited for, and can be chosen.
        on_idle: called when none is held and Trio is about to wait. None of them may raise.
    """

    def __init__(
        self, choose: Callable[[Sequence[Task]], int], on_step: Callable[[], None], on_idle: Callable[[], None]
    ) -> None:
        self._choose = choose
        self._on_step = on_step
        self._on_idle = on_idle
        self._held: dict[Task, int] = {}
        self._resumed: set[Task] = set()
        self._numbers: dict[Task, int] = {}
        self.is_shut = False
        #: steps that have been chosen.
        self.steps = 0

    def number_of(self, task: Task) -> int:
        """Return a task's number, in order of spawning: the same in every run of the same schedule."""
        return self._numbers[task]

    @property
    def gated(self) -> int:
        """How many tasks have been spawned behind it."""
        return len(self._numbers)

    def open(self) -> None:
        """Let all tasks go, for good: what follows is as Trio likes."""
        self.is_shut = False
        held, self._held = self._held, {}
        for task in held:
            trio.lowlevel.reschedule(task)

    # -- what Trio tells

    def task_spawned(self, task: Task) -> None:
        """Wrap a new task."""
        if self.is_shut:
            self._numbers[task] = len(self._numbers)
            inner: Any = task.coro
            gated: Any = self._gated(task, inner)
            task.coro = gated

    def task_scheduled(self, task: Task) -> None:
        """Note that Trio is going to run a task."""
        self._resumed.add(task)

    def before_task_step(self, task: Task) -> None:
        """Note that it does."""
        self._resumed.discard(task)

    def after_task_step(self, task: Task) -> None:
        """Choose, once all that can go on is held."""
        if self.is_shut and self._held and not self._resumed:
            self._let_one_go()

    def before_io_wait(self, timeout: float) -> None:
        """Tell that nothing can go on for now."""
        if self.is_shut and not self._held and not self._resumed:
            self._on_idle()

    # -- holding

    def _let_one_go(self) -> None:
        self._on_step()
        if self._resumed or not self.is_shut:
            return
        # By the step in which each became ready, then by number: sets of waiters have no order of their own.
        waiting = sorted(self._held, key=lambda task: (self._held[task], self._numbers[task]))
        index = self._choose(waiting) if len(waiting) > 1 else 0
        if self.is_shut:
            self.steps += 1
            task = waiting[index]
            del self._held[task]
            trio.lowlevel.reschedule(task)

    async def _gated(self, task: Task, inner: Coroutine[Any, Any, Any]) -> Any:
        value: Any = None
        error: BaseException | None = None
        while True:
            if self.is_shut:
                self._held[task] = self.steps
                await trio.lowlevel.wait_task_rescheduled(_stay)
            try:
                trap = inner.send(value) if error is None else inner.throw(error)
            except StopIteration as end:
                return end.value
            value, error = await _pass_on(trap)
