"""Texts about errors. They run user code (`str(error)`), so they are made before a state changes, never while it does."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from dis import opmap
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import FrameType, TracebackType
from typing import Final

from ._faults import members_of

CAN_WAIT: Final = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
YIELD: Final = opmap["YIELD_VALUE"]


def describe(error: BaseException) -> str:
    """Return an error as one line: its class and words, or the words alone where they say who speaks."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 -- an error whose text fails is still an error to report
        words = "(its text could not be made)"
    name = type(error).__name__
    members = members_of(error)
    if members:
        return f"{words}: " + "; ".join(describe(each) for each in members)
    if not words:
        return name
    return words if type(error).__module__.startswith("greenroom") else f"{name}: {words}"


def without_frames(error: BaseException, *, is_caught: bool = False) -> BaseException:
    """Let an error that will be kept hold no local variables of the frames it went through; its traceback still names the lines.

    One `is_caught` that is being handled right now: the first of its frames is the one that handles it, and goes on.
    """
    frames = error.__traceback__
    _clear_frames(frames.tb_next if is_caught and frames is not None else frames)
    at = error.__cause__ or error.__context__
    if at is not None or members_of(error):
        _clear_others(error)
    return error


def _clear_others(error: BaseException) -> None:
    """Do so for what an error is made of, and for what led to it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        _clear_frames(at.__traceback__)
        for each in members_of(at):
            without_frames(each)
        at = at.__cause__ or at.__context__


def _clear_frames(at: TracebackType | None) -> None:
    """As `traceback.clear_frames`, but a frame that goes on stays as it is: whoever caught the error may have handed it on, and waits."""
    while at is not None:
        if not _waits(at.tb_frame):
            try:  # noqa: SIM105 -- suppress() costs as much as a restart's decision
                at.tb_frame.clear()
            except RuntimeError:
                pass  # it is running this very step
        at = at.tb_next


def _waits(frame: FrameType) -> bool:
    """Return whether a frame is that of a coroutine or generator that waits: up to Python 3.12 clearing it closes that, since then it raises."""
    code = frame.f_code
    return bool(code.co_flags & CAN_WAIT) and code.co_code[frame.f_lasti] == YIELD


def format_seconds(seconds: float) -> str:
    """Return a length of time as people write it."""
    return f"{seconds:.6g} s"


def did_you_mean(name: str, known: Iterable[str], *, others: str = "it has", none: str = "it has none") -> str:
    """Say which of the known names were meant, or else which there are."""
    names = sorted(known)
    if close := get_close_matches(name, names, n=2):
        return f"did you mean {' or '.join(json.dumps(each) for each in close)}?"
    return f"{others}: {', '.join(names)}" if names else none
