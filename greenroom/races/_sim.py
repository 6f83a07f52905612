"""The `sim` that a scenario gets."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from ._decider import DATA
from ._external import Externals
from ._history import History
from ._promises import Promises
from ._stepper import Stepper, nameless


class Plays(Protocol):
    """Be the run that a `Sim` is of."""

    stepper: Stepper
    scopes: dict[str, trio.CancelScope]
    history: History | None
    promises: Promises
    externals: Externals

    def pick(self, kind: str, labels: Sequence[str]) -> int:
        """Decide."""
        ...

    def tell(self, text: str) -> None:
        """Put a line into the story of the run."""
        ...


class Sim:
    """Be what a scenario gets: the one thing in it that knows of the schedule."""

    def __init__(self, play: Plays) -> None:
        self._play = play

    @property
    def steps(self) -> int:
        """How many steps the tasks have taken so far."""
        return self._play.stepper.steps

    @property
    def history(self) -> History:
        """The operations that clients have recorded in this run: `run` and `invoke` record them, `check` holds them against a model."""
        if self._play.history is None:
            self._play.history = History(self._play.tell)
        return self._play.history

    def choose(self, options: Sequence[Any]) -> Any:
        """Return one of the options: data as a choice, explored, shrunk and replayed like the order of steps. Plain function.

        Raises:
            ValueError: there are none.
            TypeError: they are in no order: a set, a dict, a generator.
            RuntimeError: the run is over; or this is called between two steps.
        """
        play = self._going("choose")
        if not isinstance(options, Sequence):
            raise TypeError(f"sim.choose: the options are {nameless(repr(options))}; give a list, a tuple or a range")
        if not options:
            raise ValueError("sim.choose: there are no options")
        labels = [nameless(repr(option)) for option in options]
        return options[play.pick(DATA, labels) if len(options) > 1 else 0]

    def external(self, fn: Callable[[], Any]) -> None:
        """Have a plain function called once, between two steps: what another thread or a signal handler would do. Plain function.

        When is a choice like others, explored, shrunk and replayed: before any step from now on, by default when no task can go on and before time
        passes, and not at all if the run ends before. It is called in the loop's thread, by no task; so it may set an event, send
        without waiting, cancel a scope or tell an actor. What it raises fails the run.

        Raises:
            TypeError: it is no plain function that can be called without arguments.
            RuntimeError: the run is over; or a predicate calls this.
        """
        self._going("external").externals.add(fn)

    def always(self, predicate: Callable[[], Any]) -> None:
        """Fail the run as soon as a predicate is not true: it is asked after each step from this one on. Plain function.

        The failure is a `PromiseBroken` that names the step, its task, and where in the code that is now.

        Args:
            predicate: a plain function without arguments; it may look at anything, and changes nothing.

        Raises:
            TypeError: it is no such function. What it raises later, returns to be awaited, or changes, fails the run.
            RuntimeError: as `external`.
        """
        self._going("always").promises.always(predicate)

    def eventually(self, predicate: Callable[[], Any], *, within: float) -> None:
        """Fail the run unless a predicate comes true in time: it is asked after each step until it does. Plain function.

        The failure is a `PromiseBroken` that says what it was, and when. A run that ends before the time is over has to have seen it come true.

        Args:
            predicate: a plain function without arguments; what it returns is told, so it may return more than False, such as what is left to do
                (to be false when there is something left, return its negation).
            within: virtual seconds from now.

        Raises:
            TypeError: it is no such function. ValueError: the time is no finite number from 0. RuntimeError: as `external`.
        """
        self._going("eventually").promises.eventually(predicate, within)

    @contextmanager
    def scope(self, name: str) -> Generator[trio.CancelScope]:
        """Open a cancel scope under a name, for `cancel_everywhere`.

        Raises:
            ValueError: a scope of this name is open already, or the name is no identifier. RuntimeError: as `external`.
        """
        scopes = self._going("scope").scopes
        given: object = name
        if not isinstance(given, str) or not given.isidentifier():
            raise ValueError(f"sim.scope: {name!r} is no name; give one of letters and digits, such as 'victim'")
        if name in scopes:
            raise ValueError(f"sim.scope: there is an open scope {name!r} already; one name, one scope at a time")
        with trio.CancelScope() as scope:
            scopes[name] = scope
            try:
                yield scope
            finally:
                del scopes[name]

    def _going(self, what: str) -> Plays:
        play = self._play
        director: object = play.stepper.director
        if director is not play:
            raise RuntimeError(f"sim.{what}: the run of this sim is over; use the one that the scenario has got")
        if play.promises.asking and what != "choose":  # of which it is told as of any choice
            raise RuntimeError(f"sim.{what}: called in a predicate, which may look at anything, and changes nothing")
        return play
