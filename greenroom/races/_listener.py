"""Listeners: what hears of all that a run does, while it goes on."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ._decider import Choice
from ._stepper import Task
from ._waiting import Waits

if TYPE_CHECKING:
    from ._notes import Notes


class Listener(Protocol):
    """Hear of all that a run does. No method may raise."""

    def chose(self, at: int, choice: Choice) -> None:
        """Take in a choice of any kind."""
        ...

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Take in whose step is next, of all that could go on; if that was chosen, the choice has been heard of."""
        ...

    def passes(self) -> None:
        """Take in that time has been let pass."""
        ...

    def injects(self, who: str, what: str) -> None:
        """Take in that something was done to the run from outside."""
        ...

    def taken(self) -> AbstractContextManager[None]:
        """Be at it meanwhile."""
        ...

    def stuck(self, waits: Waits | None) -> None:
        """Take nothing in from now on: what is done is the kit's, to end a run that is stuck."""
        ...

    def all_steps_meet(self) -> None:
        """Take in that the scenario looks at each step, or acts between two of them: the order of all counts."""
        ...

    def say(self, text: str) -> None:
        """Take in a line of the story."""
        ...

    def result(self, error: BaseException | None) -> "Notes | None":
        """Return what somebody may read of it, if it is for that; the error is what was raised in the end."""
        ...
