"""Steppers: no task of a program takes a step that was not chosen. What both ways of doing that share.

All that could go on is *held*. Once Trio has nothing else to run, one of the held tasks is chosen and let go for one step. So the program sees an
order of steps that Trio's batches would allow, or one that only a change of Trio's scheduler would. What arrives while a task is held (a
cancellation) is delivered at its next checkpoint, as to any task that Trio has already resumed.
"""

import re
from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol

import trio
from trio._core import _run

Task = trio.lowlevel.Task


class Director(Protocol):
    """Say what a stepper is to do. No method may raise."""

    def choose(self, tasks: Sequence[Task]) -> int:
        """Return the index of the one to go next, oldest first; their number to let time pass instead. If it opens the stepper, that is all."""
        ...

    def before_step(self) -> None:
        """Hear of each step before it is chosen; what this sets free is waited for, and can be chosen."""
        ...

    def idle(self, *, finally_: bool) -> None:
        """Hear that nothing is held and Trio is about to wait; `finally_` if nothing but time or the outside can change that."""
        ...


class Stepper(trio.abc.Instrument):
    """Hold every task that is spawned while it is shut, and let one go at a time."""

    def __init__(self, director: Director) -> None:
        self.director = director
        self.is_shut: bool = False
        #: steps that have been chosen.
        self.steps: int = 0
        #: grows with each step of any task, Trio's own among them.
        self.activity = 0
        #: True between two steps of one batch, in a run that is kept to Trio's batches.
        self.is_amid = False
        #: what has been let go, and Trio is to run next: it was ready before.
        self.let_go: Task | None = None
        #: True once any task has waited for a socket or a process, as far as Trio lets that be seen at each step.
        self.waited_for_io = False
        self._waiters: Mapping[Any, Any] = {}
        #: what is held: the step in which it became ready, and its number.
        self.held: dict[Task, tuple[int, int]] = {}
        self._numbers: dict[Task, int] = {}
        self._labels: dict[Task, str] = {}
        self._coroutines: dict[Task, Coroutine[Any, Any, Any]] = {}
        self._token: trio.lowlevel.TrioToken | None = None

    def __dir__(self) -> list[str]:
        """List what Trio is to call: it looks through all of it at the begin of each run."""
        return _hooks_of(type(self))

    def shut(self) -> None:
        """Begin: tasks that are spawned from now on are stepped. Within Trio only."""
        self._token = trio.lowlevel.current_trio_token()
        self.steps = 0
        self.held.clear()
        self._numbers = {}
        self._labels = {}
        self._coroutines = {}
        self.waited_for_io = False
        self.is_amid, self.let_go = False, None
        io_manager = getattr(getattr(_run.GLOBAL_RUN_CONTEXT, "runner", None), "io_manager", None)
        self._waiters = getattr(io_manager, "_registered", {})
        self.is_shut = True

    def open(self) -> None:
        """Let all tasks go, for good: what follows is as Trio likes."""
        self.is_shut = False

    def forget(self) -> None:
        """Let go of a Trio run that is over: what refers to itself in circles is garbage that has to be looked for."""
        nobody: Any = None
        self.director = nobody
        self._token = None
        self._numbers, self._labels, self._coroutines, self._waiters = {}, {}, {}, {}
        self.held.clear()

    def wake(self) -> None:
        """Have Trio look again before it waits."""
        assert self._token is not None
        self._token.run_sync_soon(_nothing)

    def label_of(self, task: Task) -> str:
        """Return a task's number, in order of spawning, and its name: the same in every run of the same schedule."""
        return self._labels[task]

    @property
    def tasks(self) -> dict[Task, Coroutine[Any, Any, Any]]:
        """All tasks that have been spawned behind it, with what they run."""
        return self._coroutines

    def in_order(self) -> list[Task]:
        """Return what is held, by the step in which each became ready, then by number: sets of waiters have no order of their own."""
        held = self.held
        return sorted(held, key=held.__getitem__)

    # -- what Trio tells

    def task_spawned(self, task: Task) -> None:
        """Number a new task."""
        if self.is_shut:
            self._numbers[task] = number = len(self._numbers)
            self._labels[task] = f"{number}:{_short(task.name)}"
            self._coroutines[task] = task.coro


def _nothing() -> None:
    pass


#: What of a `repr` is another one in each process.
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]*")


def nameless(text: str) -> str:
    """Return a `repr` without addresses, cut off or not: the same in each process, for what has no text of its own."""
    return _ADDRESS.sub("", text)


def _short(name: str) -> str:
    return nameless(name) if name.startswith("<") else name.rpartition(".")[2]


@cache
def _hooks_of(kind: type[Stepper]) -> list[str]:
    plain = trio.abc.Instrument
    return [name for name in vars(plain) if name[0] != "_" and getattr(kind, name) is not getattr(plain, name)]
