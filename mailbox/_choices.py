"""Choices: where an explorer of schedules takes hold of the runtime.

Whoever controls tasks alone sees few of the orders that a run queue of actors can take, because one task steps many actors. So a
tree looks here when it opens; production finds nothing and pays nothing.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import trio

ChoiceKind = Literal["run", "deadline", "launch"]


class Chore(Protocol):
    """Be a piece of housekeeping that is due at a time: a reason to do something then, and none to let time pass."""

    when: float

    @property
    def is_wanted(self) -> bool:
        """False once it was called off, or done."""
        ...

    def come_due(self) -> None:
        """Have it done, by the task that does what is due, now that its time has come. Plain function."""
        ...


class Choices(Protocol):
    """Decide what is otherwise first come, first served."""

    def pick(self, kind: ChoiceKind, labels: Sequence[str]) -> int:
        """Return the index of what goes next; `labels` has at least two entries and is deterministic."""
        ...

    def point(self, name: str, label: str) -> None:
        """Be told of a boundary ("startup", "handler", "shutdown", …); an exception raised here crashes the actor at that boundary."""
        ...

    def chore(self, chore: Chore) -> None:
        """Take on a piece of housekeeping: have it come due when its time has come, and let no time pass for it alone."""
        ...


#: Set it inside a run, before `open_supervisor`, to explore the tree that is opened then.
CHOICES: trio.lowlevel.RunVar[Choices | None] = trio.lowlevel.RunVar("greenroom choices", default=None)
