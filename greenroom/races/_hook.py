"""The hook: steps by the list that Trio's loop takes its next tasks from. Twice as fast as the gate, and not documented.

Trio shuffles each batch of tasks by a module's random generator. In its place stands one that asks the stepper of the run that this thread is in, and
leaves one task in the list; the others go back to where the next batch comes from. Once that task has taken its step, the next one is chosen into the
same list, if nothing but steps is to come: Trio need not look for timers and sockets in between. A self-test says whether the installed Trio still
works so.
"""

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache, partial
from random import Random
from threading import local
from typing import Any, Final

import trio
from trio._core import _run

from .._borrowed import Borrowed
from ._clock import PATIENCE
from ._stepper import Director, Stepper, Task

trio_run: Any = _run
_here = local()


class Hook(Stepper):
    """Hold tasks by leaving them out of the batch."""

    def __init__(self, director: Director) -> None:
        super().__init__(director)
        self._runner: Any = None
        self._runq: Any = None
        #: what others have handed to Trio; None where it hides that, and looks for itself after each step.
        self._entry: Any = None
        #: what Trio takes the tasks of this round from; None in the round in which it began.
        self._batch: list[Any] | None = None

    def shut(self) -> None:
        """Begin."""
        super().shut()
        self._runner = trio_run.GLOBAL_RUN_CONTEXT.runner
        self._runq = self._runner.runq
        self._batch = None
        entry = getattr(self._token, "_reentry_queue", None)
        if all(hasattr(entry, name) for name in ("queue", "idempotent_queue")) and hasattr(self._runner, "deadlines"):
            self._entry = entry

    def forget(self) -> None:
        """Let go of a run that is over."""
        super().forget()
        self._runner = self._runq = self._entry = self._batch = None

    def after_task_step(self, task: Task) -> None:
        """Choose the next one in the same round, if another would bring nothing new."""
        self.activity += 1
        batch, runq = self._batch, self._runq
        if batch is None or batch or not runq or not self.is_shut or self._looks_outside():
            return
        numbers = self._numbers
        for ready in runq:
            if ready not in numbers:
                return
        batch.extend(runq)
        runq.clear()
        self.order(batch)

    def _looks_outside(self) -> bool:
        """Return whether Trio would find anything now: a timer that is due, a socket that is waited for, what a thread has handed in."""
        entry, runner = self._entry, self._runner
        return (
            entry is None
            or len(self._waiters) != 1  # one task reads the pipe by which Trio is woken
            or bool(entry.queue or entry.idempotent_queue)
            or runner.deadlines.next_deadline() <= runner.clock.current_time()
        )

    def before_io_wait(self, timeout: float) -> None:
        """Tell that nothing can go on for now."""
        if len(self._waiters) > 1:  # as above
            self.waited_for_io = True
        if self.is_shut and not self._runq:
            self.director.idle(finally_=timeout >= PATIENCE)

    def order(self, batch: list[Any]) -> None:
        """Leave in the batch what is to go now."""
        numbers, held, runq = self._numbers, self.held, self._runq
        free: list[Any] = []
        for task in batch:
            number = numbers.get(task)
            if number is None:
                free.append(task)
            elif task not in held:
                held[task] = self.steps, number
        batch[:] = free
        self._batch = batch
        if not free:
            self.director.before_step()
            if self.is_shut and not runq and held:
                waiting = self.in_order()
                index = self.director.choose(waiting)
                if self.is_shut and index < len(waiting):  # type: ignore[redundant-expr]  # the director may have opened it
                    self.steps += 1
                    task = waiting[index]
                    del held[task]
                    batch.append(task)
        runq.extend(held)  # if it has been opened meanwhile, all go on from there


class _Shuffler(Random):
    """Order batches: by the stepper of this thread's run, or at random as Trio does."""

    def shuffle(self, x: Any) -> None:
        """Order a batch."""
        stepper: Hook | None = getattr(_here, "stepper", None)
        if stepper is not None and stepper.is_shut:
            stepper.order(x)
            return
        before, is_deterministic = _order_of_batches.before
        if is_deterministic:
            before.shuffle(x)
        elif before.random() < 0.5:  # noqa: PLR2004 -- heads or tails, as in Trio
            x.reverse()


_shuffler = _Shuffler()


def _look() -> tuple[Any, bool]:
    return trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 -- the hook


def _put(order: tuple[Any, bool]) -> None:
    trio_run._r, trio_run._ALLOW_DETERMINISTIC_SCHEDULING = order  # noqa: SLF001


_order_of_batches: Final = Borrowed(_look, partial(_put, (_shuffler, True)), _put)


@contextmanager
def hooked(stepper: Stepper) -> Generator[None]:
    """Let a stepper order the batches of what this thread runs meanwhile."""
    if not isinstance(stepper, Hook):
        yield
        return
    with _order_of_batches:
        _here.stepper = stepper
        try:
            yield
        finally:
            del _here.stepper


class _Probe:
    """Choose the youngest, and note what was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def choose(self, tasks: Any) -> int:
        self.asked.append(len(tasks))
        return len(tasks) - 1

    def before_step(self) -> None:
        pass

    def idle(self, *, finally_: bool) -> None:
        pass


@cache
def works() -> bool:
    """Tell whether the installed Trio lets itself be hooked: by a small run whose order is known."""
    if not all(hasattr(trio_run, name) for name in ("_r", "_ALLOW_DETERMINISTIC_SCHEDULING", "GLOBAL_RUN_CONTEXT")):
        return False
    probe = _Probe()
    stepper = Hook(probe)
    seen: list[str] = []

    async def note(name: str) -> None:
        for number in range(2):
            seen.append(f"{name}{number}")
            await trio.lowlevel.checkpoint()

    async def main() -> None:
        if type(trio_run.GLOBAL_RUN_CONTEXT.runner.runq) is not deque:
            return
        async with trio.open_nursery() as nursery:
            stepper.shut()
            for name in "abc":
                nursery.start_soon(note, name)
        stepper.open()

    try:
        with hooked(stepper):
            trio.run(main, instruments=[stepper])
    except Exception:  # noqa: BLE001 -- whatever goes wrong, it does not work
        return False
    return seen == ["c0", "c1", "b0", "b1", "a0", "a1"] and probe.asked[:3] == [3, 3, 3]
