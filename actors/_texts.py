"""Texts about errors. They run user code (`str(error)`), so they are made before a state changes, never while it does."""

import traceback

from ._faults import members_of


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


def without_frames(error: BaseException) -> BaseException:
    """Let an error that will be kept hold no local variables of the frames it went through; its traceback still names the lines."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if at.__traceback__ is not None:
            traceback.clear_frames(at.__traceback__)
        for each in members_of(at):
            without_frames(each)
        at = at.__cause__ or at.__context__
    return error


def format_seconds(seconds: float) -> str:
    """Return a length of time as people write it."""
    return f"{seconds:.6g} s"
