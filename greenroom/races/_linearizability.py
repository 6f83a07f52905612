"""What a check of a history found: linearizable, not linearizable, or unknown."""

from collections.abc import Hashable, Sequence
from typing import Any, Final, Literal

import attrs

from ..mailbox import GreenroomError
from ._brief import brief
from ._operation import Operation

#: Operations of an order that are shown at most, its last ones.
LINES: Final = 12
#: Answers that would have fitted that are shown at most.
ANSWERS: Final = 4
#: Characters for the picture of what ran when.
COLUMNS: Final = 60


@attrs.frozen
class Linearizability:
    """Say whether a history is linearizable: whether each operation may have taken effect at one moment between its begin and its end.

    Source: Herlihy & Wing, "Linearizability: a correctness condition for concurrent objects", 1990.

    Attributes:
        verdict: "linearizable"; "not linearizable"; "unknown": the search was given up at its limit before it knew.
        order: where linearizable, all operations that took effect, in an order that explains all that they returned: the witness. Where not, that of
            the longest part of the history (of one partition) that can be explained, that before the end of `unexplained`: what ran then is "info".
        unexplained: the operation that cannot be placed: the first, by its end, up to which no order explains what was returned.
        expected: what it might have returned instead, so that some order explains it; some of it, where there is much.
        conflict: operations, `unexplained` the last of them, that cannot all have returned what they did, whatever the others returned: none can be
            left out, unless the search for them came to its limit.
        states: the state of the model after each of `order`, as text.
        partition: the key of the partition that could not be explained, or that was given up; None if there is but one.
        nodes: what the search cost, in configurations; the same each time, unless there was a limit of seconds.
    """

    verdict: Literal["linearizable", "not linearizable", "unknown"]
    order: tuple[Operation, ...] = ()
    unexplained: Operation | None = None
    expected: tuple[Any, ...] = ()
    conflict: tuple[Operation, ...] = ()
    states: tuple[str, ...] = ()
    partition: Hashable = None
    nodes: int = 0

    def __str__(self) -> str:
        """Say it in a few lines."""
        of = "" if self.partition is None else f" (partition {brief(self.partition)})"
        if self.verdict == "unknown":
            return f"unknown{of}: given up after {self.nodes:,} configurations; give a larger max_nodes, or the model a partition"
        if self.unexplained is None:
            return "\n".join(["linearizable, in this order:", *self._ordered()])
        lines = [f"not linearizable{of}: {self.unexplained}"]
        if self.expected:
            answers = " or ".join([brief(each) for each in self.expected[:ANSWERS]])
            more = len(self.expected) - ANSWERS
            lines.append(
                f"to be right, it would have returned {answers}{f', or one of {more} more' if more > 0 else ''}"
            )
        if len(self.conflict) > 1:
            lines.append("these cannot all be right, whatever the others returned:")
            lines += [f"  {each}" for each in self.conflict]
        if self.order:
            lines += ["an order that explains all that ended before:", *self._ordered()]
        blamed = {each.begun for each in self.conflict}
        last = [each for each in self.order[-LINES:] if each.begun not in blamed]
        return "\n".join([*lines, "what ran when:", *drawn([*last, *self.conflict])])

    def _ordered(self) -> list[str]:
        width = max((len(str(each)) for each in self.order[-LINES:]), default=0)
        pairs = list(zip(self.order, self.states, strict=True))
        lines = [f"  {each!s:<{width}}  then {state}" for each, state in pairs[-LINES:]]
        return [f"  … {len(pairs) - LINES} before", *lines] if len(pairs) > LINES else lines


def drawn(operations: Sequence[Operation]) -> list[str]:
    """Return a picture of what ran when: a line for each operation, a column for each event of them, from left to right."""
    events = sorted({at for each in operations for at in (each.begun, each.ended) if at is not None})
    column = {at: number for number, at in enumerate(events)}
    wide = 2 if 2 * len(events) <= COLUMNS else 1
    texts: list[tuple[str, str]] = []
    for each in sorted(operations, key=lambda operation: operation.begun):
        begun = column[each.begun] * wide
        ended = len(events) * wide if each.ended is None else column[each.ended] * wide
        bar = f"{' ' * begun}|{'-' * (ended - begun - 1)}{'…' if each.ended is None else '|'}"
        texts.append((bar, str(each)))
    width = max(len(bar) for bar, _ in texts)
    return [f"  {bar:<{width}}  {text}" for bar, text in texts]


class NotLinearizable(GreenroomError, AssertionError):
    """A history is not linearizable; `verdict` says all that is known, the text the most of it."""

    def __init__(self, verdict: Linearizability) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


class LinearizabilityUnknown(GreenroomError):
    """The search for a linearization came to its limit before it knew: the history may be right or wrong."""

    def __init__(self, verdict: Linearizability) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict
