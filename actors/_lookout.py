"""Lookouts: a thread that sees whether Trio goes on, and names the actor whose step does not come to an end.

Within Trio nobody can: a handler that never waits lets nothing else run, no timer and no watchdog. So a thread asks Trio for a sign, and
waits for it. What it costs is one sign for each time that it waits, however many actors there are.
"""

import logging
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType
from typing import Any, Final

import trio

from ._log import log
from ._runner import Runner
from ._texts import format_seconds

SIGN: Final = "sign"
OVER: Final = "over"
#: Who stands still, where it is no actor.
NOBODY: Final = "a task that is no actor's"


class Lookout:
    """Look out for a Trio run that stands still, from a thread of its own. Made within Trio.

    Args:
        seconds: of real time, after which a run that gives no sign is told as one that stands still; then after twice as long, and so on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._token = trio.lowlevel.current_trio_token()
        self._trios = threading.get_ident()
        self._words: SimpleQueue[str] = SimpleQueue()
        # A daemon: where Trio breaks down, and nobody says that it is over, it ends no later than the program.
        self._thread = threading.Thread(target=self._run, name="greenroom lookout", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look out no more. Returns when the thread has ended, which is at once."""
        self._words.put(OVER)
        self._thread.join()

    def _run(self) -> None:
        with suppress(trio.RunFinishedError):
            while self._wait_sign() and self._word_within(self._seconds) is None:
                pass

    def _wait_sign(self) -> bool:
        """Ask for a sign, and tell if it is long in coming; False once it is over."""
        self._token.run_sync_soon(self._words.put, SIGN)
        begun, within = monotonic(), self._seconds
        told: dict[str, Any] | None = None
        while (word := self._word_within(within)) is None:
            self._token.run_sync_soon(_nothing, idempotent=True)  # raises if the run is no more
            within *= 2
            told = self._tell(_taken_since(begun))
        if told is not None and word == SIGN:
            log(logging.WARNING, "%s: has gone on, after %s", told.get("path", NOBODY), _taken_since(begun), extra=told)
        return word == SIGN

    def _word_within(self, seconds: float) -> str | None:
        try:
            return self._words.get(timeout=seconds)
        except Empty:
            return None

    def _tell(self, taken: str) -> dict[str, Any]:
        """Say who holds up Trio, and where; returns what is known of who it is."""
        frames = _frames_of(sys._current_frames().get(self._trios))  # noqa: SLF001 -- public, says its documentation
        slot = next((runner.slot for runner in map(_runner_of, frames) if runner is not None), None)
        who = {} if slot is None else {"path": slot.path, "uid": slot.uid, "incarnation": slot.incarnation}
        stack = "\n".join(_lines(frames))
        log(
            logging.WARNING, "%s: holds up all of Trio: its step has taken %s and goes on, at\n%s",
            who.get("path", NOBODY), taken, stack, extra={**who, "stack": stack},
        )  # fmt: skip
        return who


def _nothing() -> None:
    pass


def _taken_since(begun: float) -> str:
    return format_seconds(float(f"{monotonic() - begun:.3g}"))


def _frames_of(frame: FrameType | None) -> list[FrameType]:
    """Return a thread's frames, the innermost first."""
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def _runner_of(frame: FrameType) -> Runner | None:
    """Return the runner whose method a frame is of, if it has an actor in its hands."""
    found: Any = frame.f_locals.get("self")
    # Of a user's object nothing is asked but its type: from here that would run the user's code in another thread.
    return found if issubclass(type(found), Runner) and found.slot is not None else None


def _lines(frames: list[FrameType]) -> list[str]:
    """Return where a step is, innermost last, from where Trio has begun it."""
    lines: list[str] = []
    for frame in frames:
        if frame.f_code.co_name == "unrolled_run":
            break
        lines.append(f"    {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}")
    return lines[::-1]


@contextmanager
def looked_out(seconds: float | None) -> Generator[None]:
    """Look out for as long as the block lasts; with None nobody does. Plain, within Trio."""
    if seconds is None:
        yield
        return
    lookout = Lookout(seconds)
    try:
        yield
    finally:
        lookout.close()
