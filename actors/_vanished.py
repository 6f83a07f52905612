"""Vanished: what went without a word, so that it is an outcome and no hole.

A process that was killed returns no result, and a thread that was abandoned goes on where nobody listens. Neither says so by itself: the one looks
like a failed command, the other like a clean cancellation.
"""

from collections.abc import Callable
from subprocess import CalledProcessError
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

import trio

from ._faults import members_of

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Vanished(Exception):
    """Raise it in background work whose other half has gone without a word (a lost machine, a job that nobody knows): the outcome is "vanished"."""


class Thread(Generic[T]):
    """Be a call in a thread that may be left to itself."""

    __slots__ = ("_call", "_first", "has_ended", "name")

    def __init__(self, call: Callable[[], T], name: str) -> None:
        self._call = call
        self.name = name
        #: who came first, the thread or the cancellation: one `setdefault` of a dict is one step, also between threads.
        self._first: dict[str, str] = {}
        self.has_ended = False

    def run(self) -> T | None:
        """Make the call, unless it was called off before it began."""
        if self._first.setdefault("first", "thread") != "thread":
            return None
        try:
            return self._call()
        finally:
            self.has_ended = True

    def is_left(self) -> bool:
        """Call it off if it has not begun; True if it has, and goes on."""
        return self._first.setdefault("first", "cancellation") == "thread" and not self.has_ended


#: the tasks of background work -> the threads that a cancellation has left to themselves in it.
LEFT: Final[dict[Any, list[Thread[Any]]]] = {}


async def run_abandonable(function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call a function in a thread that nobody waits for once it is cancelled, and return its result.

    As `trio.to_thread.run_sync(function, *args, abandon_on_cancel=True)`, but it leaves word: background work that is cancelled while the thread
    goes on has the outcome "vanished", as nobody will know what became of it; if the thread had not begun, the function is never called, and the
    outcome is "cancelled".

    Args:
        function: plain, and fit to be left alone: it may go on after the actor, the tree and the program's last line.
        args: its positional arguments.

    Checkpoint: always. Cancellation: the thread goes on if it has begun, and its result is lost.

    Raises:
        What the function raises.
    """
    thread = Thread(lambda: function(*args), str(getattr(function, "__name__", type(function).__name__)))
    try:
        result: Any = await trio.to_thread.run_sync(thread.run, abandon_on_cancel=True)
    except trio.Cancelled:
        if thread.is_left():
            _leave_word(thread)
        raise
    return result  # type: ignore[no-any-return]


def _leave_word(thread: Thread[Any]) -> None:
    """Tell the background work that this task is part of, if it is."""
    task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
    while task is not None:
        if task in LEFT:
            LEFT[task].append(thread)
            return
        nursery = task.parent_nursery
        task = None if nursery is None else nursery.parent_task


def has_vanished(error: BaseException) -> bool:
    """Return whether an error says that something has gone without a word: `Vanished`, a process that a signal killed, a group of nothing else."""
    members = members_of(error)
    if members:
        return all(has_vanished(each) for each in members)
    return isinstance(error, Vanished) or (isinstance(error, CalledProcessError) and error.returncode < 0)
