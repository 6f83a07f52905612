"""The watcher: a thread that sees when a step of a run does not end, and ends it.

Nothing in the loop's own thread can notice a loop without a checkpoint, or a call that blocks. The watcher looks in now and then at how many steps
each run has seen. Where that stays the same for the length of a patience, and the loop does not wait for what comes from outside, an exception is
raised in the code that goes on: by a signal in the main thread, which ends most calls that block, too; in another thread by Python's own means, which
wait for such a call to return. It counts its looks and not the time: a process that was stopped has not lost its patience.
"""

import _thread
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

import trio

from ._errors import StepEndless
from ._stepper import Stepper
from ._waiting import frames_of, place_in

#: Seconds of real time that one step may take.
STEP_PATIENCE: float = 30.0
#: How often the watcher looks in meanwhile.
LOOKS: Final = 10
# Those of `signal` turn numbers into enums and back, which takes longer than all else that is done for one run here.
_raw: Any = import_module("_signal")
getsignal, set_handler = _raw.getsignal, _raw.signal
_CORE: Final = str(Path(trio.__file__).parent / "_core")
_PYTHON: Final = str(Path(threading.__file__).parent)


class Struck(BaseException):
    """End a step that does not end by itself. It is no `Exception`, so that less catches it; what it was is said by a `StepEndless`."""


class Watched(Protocol):
    """Be a run whose steps are watched."""

    stepper: Stepper
    struck: StepEndless | None

    @property
    def inline(self) -> str | None:
        """What runs inline for a thread just now."""
        ...


class Watch:
    """Watch what one thread runs.

    Attributes:
        play: what it runs now; None between two runs.
    """

    def __init__(self) -> None:
        self.play: Watched | None = None
        self._ident = _thread.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()
        self._seen: tuple[Any, int] = None, 0
        self._looks = 0
        self._strikes = 0
        self._before: Any = getsignal(signal.SIGINT) if self._is_main else None
        self._tracers = sys.gettrace(), sys.getprofile()
        #: True from when a signal was sent until it has come.
        self._strikes_now = False

    # -- in the watcher's thread

    def look(self, patience: float) -> None:
        """See whether the same step still goes on, and end it if it has for too long."""
        play = self.play
        seen = play, 0 if play is None else play.stepper.activity
        self._looks = self._looks + 1 if seen == self._seen else 0
        if play is None or self._looks < LOOKS:
            self._seen = seen
            if not self._looks:
                self._strikes = 0
            return
        frames = list(_frames_from(sys._current_frames().get(self._ident)))  # noqa: SLF001 -- documented, in spite of its name
        if any(_is_loop_waiting(frame) or _is_debugger(frame) for frame in frames):
            self._looks = 0
            return
        self._strikes += 1
        if play.struck is None:
            play.struck = StepEndless(_told(play, frames, patience))
        if self._is_main and getattr(getsignal(signal.SIGINT), "watch", None) is self:
            self._strikes_now = True
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(self._ident, signal.SIGINT)
            else:
                _thread.interrupt_main()
            return
        if self._strikes == 2:  # noqa: PLR2004 -- the first did not help
            sys.stderr.write(f"greenroom.races: {play.struck}; it is blocked in a thread where nothing can end it\n")
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._ident), ctypes.py_object(Struck))

    # -- in the thread that is watched

    def put_back(self) -> None:
        """Leave the thread as it was at first, after a run that was given up: none of what it put there has been taken away."""
        if self._before is not None:
            set_handler(signal.SIGINT, self._before)
        sys.settrace(self._tracers[0])
        sys.setprofile(self._tracers[1])

    @contextmanager
    def listening(self) -> Generator[None]:
        """Tell the watcher's signal from Ctrl-C meanwhile. Within Trio, which has put its own handler there before."""
        before: Any = getsignal(signal.SIGINT) if self._is_main else None
        if before is None:  # another thread, or a handler that is not Python's
            yield
            return

        def handler(number: int, frame: FrameType | None) -> None:
            if self._strikes_now:
                self._strikes_now = False
                play = self.play
                if play is None or self._seen != (play, play.stepper.activity):
                    return  # it has ended in the last moment
                if self._strikes > 1:
                    _drive_out(frame)
                raise Struck
            if callable(before):
                before(number, frame)
            elif before == signal.SIG_DFL:
                raise KeyboardInterrupt

        handler.watch = self  # type: ignore[attr-defined]  # by which the watcher knows it
        tracer = sys.gettrace()
        set_handler(signal.SIGINT, handler)
        try:
            yield
        finally:
            now = set_handler(signal.SIGINT, before)
            if now is not handler:  # somebody else's by now
                set_handler(signal.SIGINT, now)
            if sys.gettrace() is not tracer:
                sys.settrace(tracer)


def _drive_out(frame: FrameType | None) -> None:
    """Have the next line of code raise as well: code that catches whatever is raised, and goes on, is left by what is raised where it catches."""

    def tracer(frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            raise Struck
        return tracer

    for each in _frames_from(frame):
        if each.f_code.co_filename.startswith(_CORE):
            break
        each.f_trace = tracer
    sys.settrace(tracer)


def _frames_from(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_loop_waiting(frame: FrameType) -> bool:
    code = frame.f_code
    return code.co_name == "get_events" and code.co_filename.startswith(_CORE)


def _is_debugger(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).name == "bdb.py" or "pydevd" in frame.f_code.co_filename


def _told(play: Watched, frames: list[FrameType], patience: float) -> str:
    stepper = play.stepper
    at_work = [task for task, coroutine in list(stepper.tasks.items()) if next(frames_of(coroutine), None) in frames]
    who = f"task {stepper.label_of(at_work[0])}" if at_work else "it"
    inner = frames[: _steps_of_loop(frames)]
    users = [frame for frame in inner if not _is_pythons(frame)]
    place = place_in(list(reversed(users or inner)))
    text = (
        f"{who} has come to no checkpoint for {patience:g} seconds: a loop without one, or a call that blocks, {place}"
    )
    inline = play.inline
    if inline is None:
        return text
    return (
        f"{text}; {inline} was given to a thread and runs inline; if it has to wait for the loop, give threads='real'"
    )


def _is_pythons(frame: FrameType) -> bool:
    path = frame.f_code.co_filename
    return path.startswith((_PYTHON, "<frozen")) and "-packages" not in path


def _steps_of_loop(frames: list[FrameType]) -> int:
    """Return how many of the innermost frames are in a step, and not in the loop that made it."""
    names = [frame.f_code.co_name for frame in frames]
    return names.index("unrolled_run") if "unrolled_run" in names else len(frames)


class _Watcher:
    """Be the one thread that looks after all watches, as long as there are any and a little longer."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: in a forked process there is no thread."""
        self.watches: dict[int, Watch] = {}
        self._lock = threading.Lock()
        self._over: Any = None
        self._ended: Any = None
        self._native = 0
        #: its thread, as Python numbers it.
        self.ident = 0

    def add(self, watch: Watch) -> None:
        """Look after this one, too."""
        with self._lock:
            self.watches[id(watch)] = watch
            self._start()

    def remove(self, watch: Watch) -> None:
        """Forget it."""
        with self._lock:
            del self.watches[id(watch)]

    def _start(self) -> None:
        if self._over is None:
            self._over, self._ended = _thread.allocate_lock(), _thread.allocate_lock()
            self._over.acquire()
            self._ended.acquire()
            _thread.start_new_thread(self._look, (self._over, self._ended))

    def _look(self, over: Any, ended: Any) -> None:
        self._native = threading.get_native_id()
        self.ident = _thread.get_ident()
        while not over.acquire(timeout=STEP_PATIENCE / LOOKS):
            with self._lock:
                if not self.watches:
                    self._over = None
                    break
                watches = list(self.watches.values())
            for watch in watches:
                watch.look(STEP_PATIENCE)
        ended.release()

    def end(self) -> None:
        """End the thread for a while: a process is about to be forked, which is not done beside a thread."""
        with self._lock:
            over, ended, self._over = self._over, self._ended, None
        if over is None:
            return
        over.release()
        ended.acquire(timeout=1)
        thread = Path(f"/proc/self/task/{self._native}")
        for _ in range(1_000):
            if not thread.exists():  # it takes a moment after its last line
                break
            os.sched_yield()

    def go_on(self) -> None:
        """Have the thread again, if there is anything to look after."""
        with self._lock:
            if self.watches:
                self._start()


watcher = _Watcher()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=watcher.end, after_in_parent=watcher.go_on, after_in_child=watcher.reset)


@contextmanager
def watched() -> Generator[Watch]:
    """Have what this thread runs watched meanwhile."""
    watch = Watch()
    watcher.add(watch)
    try:
        yield watch
    finally:
        watch.play = None
        watcher.remove(watch)
