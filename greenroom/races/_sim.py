"""The `sim` that a scenario gets."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from ._decider import DATA
from ._history import History
from ._stepper import Stepper, nameless


class Plays(Protocol):
    """Be the run that a `Sim` is of."""

    stepper: Stepper
    scopes: dict[str, trio.CancelScope]
    history: History | None

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
        """
        if not isinstance(options, Sequence):
            raise TypeError(f"sim.choose: the options are {nameless(repr(options))}; give a list, a tuple or a range")
        if not options:
            raise ValueError("sim.choose: there are no options")
        labels = [nameless(repr(option)) for option in options]
        return options[self._play.pick(DATA, labels) if len(options) > 1 else 0]

    @contextmanager
    def scope(self, name: str) -> Generator[trio.CancelScope]:
        """Open a cancel scope under a name, for `cancel_everywhere`.

        Raises:
            ValueError: a scope of this name is open already, or the name is no identifier.
        """
        scopes = self._play.scopes
        if not str(name).isidentifier():
            raise ValueError(f"sim.scope: {name!r} is no name; give one of letters and digits, such as 'victim'")
        if name in scopes:
            raise ValueError(f"sim.scope: there is an open scope {name!r} already; one name, one scope at a time")
        with trio.CancelScope() as scope:
            scopes[name] = scope
            try:
                yield scope
            finally:
                del scopes[name]
