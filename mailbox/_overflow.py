"""What to do with one more mail: a table, and nothing that knows a clock or a task."""

from typing import Final, Literal

from ._spec import Overflow

Verdict = Literal["accept", "refuse", "replace", "drop_oldest", "drop_newest"]

#: Kinds of mail that neither count against a capacity nor are dropped for one.
EXEMPT: Final = frozenset({"tick", "down", "report", "steer", "turn", "background"})

#: policy -> (there is room, full). "coalesce" is looked up only after no waiting mail with the same key was found.
OVERFLOW: Final[dict[Overflow, tuple[Verdict, Verdict]]] = {
    "wait": ("accept", "refuse"),
    "reject": ("accept", "refuse"),
    "drop_oldest": ("accept", "drop_oldest"),
    "drop_newest": ("accept", "drop_newest"),
    "coalesce": ("accept", "refuse"),
}


def judge_overflow(policy: Overflow, *, full: bool, twin: bool, droppable: bool) -> Verdict:
    """Return what becomes of a new mail.

    Args:
        policy: the mailbox's.
        full: whether capacity is reached.
        twin: whether a mail with the same key waits (only "coalesce" asks).
        droppable: whether a waiting mail can be dropped in its place; without one, "drop_oldest" drops the new one.
    """
    if twin and policy == "coalesce":
        return "replace"
    verdict = OVERFLOW[policy][full]
    if verdict == "drop_oldest" and not droppable:
        return "drop_newest"
    return verdict
