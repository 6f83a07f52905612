"""What follows an end: the table of exit reasons by restart types. Pure."""

from typing import Final, Literal

from ..actors import ExitReason, Ignored, RestartType, Shutdown, is_failure

Ending = Literal["failure", "no failure", "ignored", "stopped", "by others"]
Sentence = Literal["restart", "park", "forget"]

SENTENCES: Final[dict[RestartType, dict[Ending, Sentence]]] = {
    "permanent": {
        "no failure": "restart",
        "failure": "restart",
        "ignored": "park",
        "stopped": "park",
        "by others": "park",
    },
    "transient": {
        "no failure": "park",
        "failure": "restart",
        "ignored": "park",
        "stopped": "park",
        "by others": "park",
    },
    "temporary": {
        "no failure": "forget",
        "failure": "forget",
        "ignored": "forget",
        "stopped": "forget",
        "by others": "forget",
    },
}


def judge(reason: ExitReason, restart: RestartType, *, by_others: bool) -> Sentence:
    """Return what becomes of a child: restarted, parked (its place stays), or forgotten (its name is free)."""
    return SENTENCES[restart][ending_of(reason, by_others=by_others)]


def ending_of(reason: ExitReason, *, by_others: bool) -> Ending:
    """Return the column of the table: who ended it, and how.

    What found nothing to do (OTP's `ignore`) is not started over and over, and what its `on_error` has stopped is to stay so.
    """
    if by_others:
        return "by others"
    if is_failure(reason):
        return "failure"
    if isinstance(reason, Ignored):
        return "ignored"
    return "stopped" if isinstance(reason, Shutdown) and reason.is_final else "no failure"
