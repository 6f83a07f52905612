"""Notes of a run that somebody is going to read: where in the code, what the actors did, and whether Trio would go that way."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs

from ._order import TrioOrder
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


class Noting:
    """Take notes while a run goes on."""

    def __init__(self, stepper: Stepper, order: TrioOrder) -> None:
        self._stepper = stepper
        self._places: dict[int, str] = {}
        self._story: list[tuple[int, str]] = []
        self._order = order
        #: the number of the last choice.
        self._at = -1
        self._is_over = False

    def chose(self, at: int, kind: str, index: int, labels: Sequence[str]) -> None:
        """Take in a choice of any kind."""
        self._at = at
        if kind in OF_TREES and index:
            self._order.depart(f"choice {at}", f"{labels[index]} goes before {labels[0]}, which has waited longer")

    def goes(self, task: Task) -> None:
        """Take in whose step is next, if that was a choice."""
        self._places[self._at] = place_in(list(frames_of(self._stepper.tasks[task])))

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
