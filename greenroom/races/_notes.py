"""Notes of a run that somebody is going to read: where in the code, what the actors did, and whether Trio would go that way."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import attrs
import trio

from ..actors._faults import members_of
from ..actors._texts import describe
from ._clock import VirtualClock
from ._decider import TASK, Choice
from ._event import LINES, OUTSIDE, Event, EventKind
from ._order import TrioOrder
from ._stepper import Stepper, Task
from ._story import told
from ._waiting import Waits, frames_behind, frames_of, place_behind, place_in

#: Kinds of choices of the runtime, in which what waited longest goes first unless a schedule says otherwise.
OF_TREES: Final = ("run", "deadline", "launch")
#: What comes of a choice at once.
_OF_CHOICES: Final[frozenset[EventKind]] = frozenset({"step", "time", "choice", "injection"})
#: Errors of a group that are noted.
RAISED: Final = 20


@attrs.frozen
class Notes:
    """Hold what was noted.

    Attributes:
        places: number of a choice -> where in the code whoever was chosen goes on.
        events: what happened, in order: each step, each other choice, and what actors did.
        departure: where the order of steps first departs from what today's Trio would do, in words; "" if it never does.
        circle: the labels of tasks of which each waits for the next and the last for the first, if the run is stuck in such a circle.
    """

    places: Mapping[int, str]
    events: Sequence[Event]
    departure: str
    circle: tuple[str, ...] = ()

    @property
    def story(self) -> Sequence[tuple[int, str]]:
        """What actors did, and what was done to the run, in order, as pairs of the number of the choice that it followed (-1: none) and a line."""
        return tuple((event.at, str(event)) for event in self.events if event.kind in LINES)


class Noting:
    """Take notes while a run goes on."""

    def __init__(self, stepper: Stepper, clock: VirtualClock, order: TrioOrder) -> None:
        self._stepper = stepper
        self._clock = clock
        self._places: dict[int, str] = {}
        self._events: list[Event] = []
        self._circle: tuple[str, ...] = ()
        self._order = order
        #: the number of the last choice.
        self._at = -1
        #: that choice, as long as nothing has come of it.
        self._choice: Choice | None = None
        #: who takes the step.
        self._going: Task | None = None
        #: a task that has been made ready -> the label of the one that did it, "" if none did, and in which step.
        self._wakers: dict[Task, tuple[str, int]] = {}
        #: the identity of a task's outermost frame -> its label: by that, what it raises is known for its own.
        self._frames: dict[int, str] = {}
        self._is_over = False

    def chose(self, at: int, choice: Choice) -> None:
        """Take in a choice of any kind."""
        kind, index, labels = choice.kind, choice.index, choice.labels
        self._at = at
        self._choice = choice
        if kind in OF_TREES and index:
            self._order.depart(f"choice {at}", f"{labels[index]} goes before {labels[0]}, which has waited longer")
        if kind != TASK:
            self._note(Event("choice", self._current(), what=f"{kind}: {labels[index]}"))

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Take in whose step is next."""
        stepper = self._stepper
        going = self._going = tasks[index]
        label = stepper.label_of(going)
        frames = list(frames_of(stepper.tasks[going]))
        place = place_in(frames)
        if frames:
            self._frames[id(frames[0])] = label
        if self._choice is not None:
            self._places[self._at] = place
        woken, since = self._wakers.pop(going, ("", 0))
        self._note(Event("step", label, place=place, woken=woken, since=since), ahead=1)

    def passes(self) -> None:
        """Take in that time has been let pass."""
        self._note(Event("time", ""))

    def injects(self, who: str, what: str) -> None:
        """Take in that something was done to the run from outside."""
        self._note(Event("injection", who, what=what))

    def woke(self, task: Task) -> None:
        """Take in that Trio is going to run a task: whatever runs now has made it ready."""
        if task is self._going or task in self._wakers or task not in self._stepper.tasks:
            return  # of a task that is held, the gate wakes it again when it may go
        by: Task | None
        try:
            by = trio.lowlevel.current_task()
        except RuntimeError:  # time, or the outside
            by = None
        is_known = by in self._stepper.tasks
        self._wakers[task] = (self._stepper.label_of(by), self._stepper.steps) if by and is_known else ("", 0)

    @contextmanager
    def taken(self) -> Generator[None]:
        """Listen to the actors meanwhile."""
        with told(self):
            yield

    def stuck(self, waits: Waits | None) -> None:
        """Take none of what is done from now on: it is the kit's, to end a run that is stuck."""
        if waits is not None:
            for wait in waits.waits:
                for holder in wait.holders or ("",):
                    self._note(Event("wait", wait.who, holder, wait.what, place=wait.place))
            self._circle = waits.circle
        self._is_over = True

    def tell(self, event: Event) -> None:
        """Take in what an actor did."""
        self._note(event)

    def all_steps_meet(self) -> None:
        """Take in nothing: the order is noted anyway."""

    def say(self, text: str) -> None:
        """Take in what the scenario, or the kit for it, has to say, as a line of the story."""
        self._note(Event("operation", self._current(), what=text))

    def name_of(self, task: Any) -> str:
        """Return how a task is named that is no actor's."""
        return self._stepper.label_of(task) if task in self._stepper.tasks else OUTSIDE

    def _current(self) -> str:
        try:
            return self.name_of(trio.lowlevel.current_task())
        except RuntimeError:
            return OUTSIDE

    def _note(self, event: Event, *, ahead: int = 0) -> None:
        """Put an event down, with when it happened; `ahead` by so many steps."""
        if self._is_over:
            return
        choice = None
        if event.kind in _OF_CHOICES:
            choice, self._choice = self._choice, None
        step, now = self._stepper.steps + ahead, self._clock.now
        self._events.append(attrs.evolve(event, at=self._at, step=step, time=now, choice=choice))

    def result(self, error: BaseException | None) -> Notes:
        """Return what has been noted, with what was raised in the end; where that says who waits, it has been noted."""
        events = list(self._events)
        if error is not None and not (events and events[-1].kind == "wait"):
            for leaf in islice(_leaves(error), RAISED):
                self._place(leaf, events)
        return Notes(dict(self._places), tuple(events), self._order.departure, self._circle)

    def _place(self, error: BaseException, events: list[Event]) -> None:
        """Put what was raised behind what happened in the last step of the task that raised it."""
        behind = list(frames_behind(error))
        who = next((self._frames[id(frame)] for frame, _ in reversed(behind) if id(frame) in self._frames), "")
        step = next((event.step for event in reversed(events) if event.kind == "step" and event.who == who), None)
        if not who and self._is_over and events:  # between two steps: it is put to whoever went last
            who = events[-1].who
        at = len(events)
        while step is not None and at and events[at - 1].step > step:
            at -= 1
        last = events[at - 1] if at else Event("raise", who)
        place = place_behind(behind) if behind else ""
        text = " ".join(describe(error).split())
        events.insert(
            at, attrs.evolve(last, kind="raise", who=who, to="", what=text, place=place, choice=None, woken="")
        )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    members = members_of(error)
    if not members:
        yield error
    for member in members:
        yield from _leaves(member)
