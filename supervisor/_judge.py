"""What follows an end: the table of exit reasons by restart types. Pure."""

from typing import Final, Literal

from ..actors import ExitReason, RestartType, is_failure

Ending = Literal["failure", "no failure", "by others"]
Sentence = Literal["restart", "park", "forget"]

SENTENCES: Final[dict[RestartType, dict[Ending, Sentence]]] = {
    "permanent": {"no failure": "restart", "failure": "restart", "by others": "park"},
    "transient": {"no failure": "park", "failure": "restart", "by others": "park"},
    "temporary": {"no failure": "forget", "failure": "forget", "by others": "forget"},
}


def judge(reason: ExitReason, restart: RestartType, *, by_others: bool) -> Sentence:
    """Return what becomes of a child: restarted, parked (its place stays), or forgotten (its name is free)."""
    ending: Ending = "by others" if by_others else "failure" if is_failure(reason) else "no failure"
    return SENTENCES[restart][ending]
