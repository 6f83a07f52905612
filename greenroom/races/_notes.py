"""Notes of a run that somebody is going to read: where in the code, what the actors did, and whether Trio would go that way."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, Final, Protocol

import attrs

from ._order import Ready, TrioOrder
from ._stepper import Stepper, Task
from ._story import told
from ._waiting import frames_of, place_in

#: Kinds of choices of the runtime, in which what waited longest goes first unless a schedule says otherwise.
OF_TREES: Final = ("run", "deadline", "launch")


@attrs.frozen
class Notes:
    """Hold what was noted.

    Attributes:
        places: number of a choice -> where in the code whoever was chosen goes on.
        story: what actors did, in order, as pairs of the number of the choice that it followed (-1: none) and a line.
        departure: where the order of steps first departs from what today's Trio would do, in words; "" if it never does.
    """

    places: Mapping[int, str]
    story: Sequence[tuple[int, str]]
    departure: str


class Listener(Protocol):
    """Hear of all that a run does. No method may raise."""

    def chose(self, at: int, kind: str, index: int, labels: Sequence[str]) -> None:
        """Take in a choice of any kind."""
        ...

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Take in whose step is next; the tasks are all that could go."""
        ...

    def passes(self) -> None:
        """Take in that time passes."""
        ...

    def taken(self) -> AbstractContextManager[None]:
        """Be at it meanwhile."""
        ...

    def end(self) -> None:
        """Take nothing in from now on: what is done is the kit's, to end a run that is stuck."""
        ...

    def tell(self, text: str) -> None:
        """Take in a line of the story."""
        ...

    def result(self) -> Notes | None:
        """Return what somebody may read of it, if it is for that."""
        ...


class Noting:
    """Take notes while a run goes on."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._places: dict[int, str] = {}
        self._story: list[tuple[int, str]] = []
        self._order = TrioOrder()
        #: the number of the last choice.
        self._at = -1
        self._is_over = False

    def chose(self, at: int, kind: str, index: int, labels: Sequence[str]) -> None:
        """Take in a choice of any kind."""
        self._at = at
        if kind in OF_TREES and index:
            self._order.depart(f"choice {at}", f"{labels[index]} goes before {labels[0]}, which has waited longer")

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Take in whose step is next; the tasks are all that could go."""
        stepper = self._stepper
        ready: list[Ready] = []
        for task in tasks:
            since, number = stepper.held[task]
            fresh = getcoroutinestate(stepper.tasks[task]) == CORO_CREATED
            ready.append(Ready(stepper.label_of(task), since, number if fresh else None))
        self._order.step(ready, index, f"choice {self._at}")
        if len(tasks) > 1:
            self._places[self._at] = place_in(list(frames_of(stepper.tasks[tasks[index]])))

    def passes(self) -> None:
        """Take in that time passes: nobody is chosen."""

    @contextmanager
    def taken(self) -> Generator[None]:
        """Listen to the actors meanwhile."""
        with told(self.tell, self._current):
            yield

    def end(self) -> None:
        """Take none of what is done from now on: it is the kit's, to end a run that is stuck."""
        self._is_over = True

    def tell(self, text: str) -> None:
        """Take in a line of the story."""
        if not self._is_over:
            self._story.append((self._at, text))

    def _current(self, task: Any) -> str:
        return self._stepper.label_of(task) if task in self._stepper.tasks else "outside"

    def result(self) -> Notes:
        """Return what has been noted."""
        return Notes(dict(self._places), tuple(self._story), self._order.departure)
