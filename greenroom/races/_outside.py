"""What a run has to do with the world outside of its control: whether it waits for it, and what of it was seen."""

from typing import Final

import trio

from ._stepper import Stepper
from ._threads import ThreadWork, threads_work

THREADS: Final = "threads"
IO: Final = "sockets or processes"


class Outside:
    """Note what a run had to do with the world outside.

    Args:
        stepper: of the run, which sees who waits where Trio lets it.
        work: what it gives to threads.
    """

    def __init__(self, stepper: Stepper, work: ThreadWork) -> None:
        self._stepper = stepper
        self._work = work
        self._seen: set[str] = set()

    @property
    def seen(self) -> frozenset[str]:
        """What was seen: "threads", "sockets or processes"."""
        seen = set(self._seen)
        if self._work.ran_real:
            seen.add(THREADS)
        if self._stepper.waited_for_io:
            seen.add(IO)
        return frozenset(seen)

    def is_awaited(self) -> bool:
        """Return whether anything from outside may yet come of itself: of a socket, a process, or a thread."""
        io = self._waits_for_io()
        return io or self._work.is_awaited or self._has_unseen_threads()

    def _waits_for_io(self) -> bool:
        io = trio.lowlevel.current_statistics().io_statistics
        # One task reads the pipe by which Trio is woken.
        waits = bool(getattr(io, "tasks_waiting_read", 1) - 1 + getattr(io, "tasks_waiting_write", 0))
        if waits:
            self._seen.add(IO)
        return waits

    def _has_unseen_threads(self) -> bool:
        """Return whether a thread works for Trio where the installed Trio does not let that be seen as it begins."""
        if threads_work() or not trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            return False
        self._seen.add(THREADS)
        return True
