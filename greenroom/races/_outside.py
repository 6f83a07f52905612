"""What a run has to do with the world outside of its control: whether it waits for it, and what of it was seen."""

import sys
from pathlib import Path
from threading import enumerate as enumerate_threads
from threading import get_ident
from time import monotonic, sleep
from typing import Any, Final

import trio

from ._stepper import Stepper
from ._threads import ThreadWork, threads_work
from ._waiting import frames_of
from ._watcher import watcher

THREADS: Final = "threads"
IO: Final = "sockets or processes"
SIGNALS: Final = "signals"
#: Seconds of real time in which a thread that nobody has told of may still hand something in, before a deadlock is one.
MOMENT: Final = 0.05
#: The threads that there were at first: of pytest, of a debugger; none of a scenario's.
AT_FIRST: Final = frozenset(sys._current_frames())  # noqa: SLF001 -- documented, in spite of its name
_SIGNALS: Final = str(Path(trio.__file__).parent / "_signals.py")


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
        """What was seen: "threads", "sockets or processes", "signals"."""
        seen = set(self._seen)
        if self._work.ran_real:
            seen.add(THREADS)
        if self._stepper.waited_for_io:
            seen.add(IO)
        return frozenset(seen)

    def is_awaited(self) -> bool:
        """Return whether anything from outside may yet come of itself: of a socket, a process, a signal, or a thread."""
        io = self._waits_for_io()
        return io or self._work.is_awaited or self._has_unseen_threads() or self._waits_for_signals()

    def comes_now(self) -> bool:
        """Return whether a thread that nobody has told of hands something to Trio within a moment."""
        if not self._strangers():
            return False
        until = monotonic() + MOMENT
        while monotonic() < until:
            sleep(MOMENT / 50)
            if self.is_handed:
                self._seen.add(THREADS)
                return True
        return False

    @property
    def is_handed(self) -> bool:
        """True if something waits that was handed to Trio, by a thread, a signal or whoever has its token."""
        entry: Any = getattr(trio.lowlevel.current_trio_token(), "_reentry_queue", None)
        return bool(getattr(entry, "queue", ()) or getattr(entry, "idempotent_queue", ()))

    @staticmethod
    def _strangers() -> bool:
        """Return whether there are threads that began after this module, and are neither Trio's nor the kit's."""
        names = {thread.ident: thread.name for thread in enumerate_threads()}
        return any(
            not names.get(ident, "").startswith("Trio thread")
            for ident in sys._current_frames().keys() - AT_FIRST - {get_ident(), watcher.ident}  # noqa: SLF001
        )

    def _waits_for_signals(self) -> bool:
        frames = (frame for coroutine in self._stepper.tasks.values() for frame in frames_of(coroutine))
        waits = any(frame.f_code.co_filename == _SIGNALS for frame in frames)
        if waits:
            self._seen.add(SIGNALS)
        return waits

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
