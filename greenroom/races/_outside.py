"""What a run has to do with the world outside of its control: whether it waits for it, and what of it was seen."""

from threading import Thread
from threading import enumerate as all_threads
from typing import Final

import trio

from ._stepper import Stepper
from ._threads import ThreadWork, threads_work

THREADS: Final = "threads"
IO: Final = "sockets or processes"
#: Steps after which it is looked whether somebody waits for a socket; then four times as many, and so on. It costs as much as some steps do.
_FIRST_LOOK: Final = 4


class Outside:
    """Note what a run had to do with the world outside.

    Args:
        stepper: of the run, which sees who waits where Trio lets it.
        work: what it gives to threads.
    """

    def __init__(self, stepper: Stepper, work: ThreadWork) -> None:
        self._stepper = stepper
        self._work = work
        self._threads = frozenset[Thread]()
        self._seen: set[str] = set()
        #: after how many steps it is looked next.
        self.next_look = _FIRST_LOOK

    def begin(self) -> None:
        """Note what there was before the run."""
        self._threads = frozenset(all_threads())

    @property
    def seen(self) -> frozenset[str]:
        """What was seen: "threads", "sockets or processes"."""
        seen = set(self._seen)
        if self._work.ran_real:
            seen.add(THREADS)
        if self._stepper.waited_for_io:
            seen.add(IO)
        return frozenset(seen)

    def look(self) -> None:
        """See whether somebody waits for a socket or a process now."""
        self.next_look *= 4
        self._waits_for_io()

    def is_awaited(self) -> bool:
        """Return whether anything from outside may yet come of itself: of a socket, a process, or a thread."""
        io = self._waits_for_io()
        return self._work.in_flight > 0 or io or self._has_threads()

    def _waits_for_io(self) -> bool:
        io = trio.lowlevel.current_statistics().io_statistics
        # One task reads the pipe by which Trio is woken.
        waits = bool(getattr(io, "tasks_waiting_read", 1) - 1 + getattr(io, "tasks_waiting_write", 0))
        if waits:
            self._seen.add(IO)
        return waits

    def _has_threads(self) -> bool:
        """Return whether a thread runs that the scenario may have started; one that idles in Trio's cache does not."""
        if not threads_work() and trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            self._seen.add(THREADS)
            return True
        if any(thread not in self._threads and not thread.name.startswith("Trio thread ") for thread in all_threads()):
            self._seen.add(THREADS)
            return True
        return False
