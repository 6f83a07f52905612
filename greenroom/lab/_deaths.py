"""Deaths: what ends incarnations by chance, one by one or together."""

from typing import Any

from ._agenda import Agenda
from ._model import Fault
from ._policy import matches
from ._recorder import Life
from ._simulated import Behaviour, SimulatedCrash
from ._streams import stream


class Mortality:
    """Let each incarnation of an actor live as long as it is drawn to."""

    def __init__(self, life: Life, behaviour: Behaviour, agenda: Agenda) -> None:
        self._behaviour, self._agenda = behaviour, agenda
        self._death: Any = None
        life.readied, life.ended = self._live, self._end

    def _live(self) -> None:
        seconds = self._behaviour.lifetime()
        assert seconds is not None
        self._death = self._agenda.at(self._agenda.now() + seconds, self._die)

    def _die(self) -> None:
        self._behaviour.crash(SimulatedCrash("it broke"))

    def _end(self) -> None:
        if self._death is not None:
            self._death.cancel()
            self._death = None


class Correlated:
    """Crash several actors at one moment, again and again."""

    def __init__(self, name: str, fault: Fault, actors: list[Behaviour], seed: int) -> None:
        self._name, self._fault = name, fault
        self._actors = [each for each in actors if any(matches(each.path, pattern) for pattern in fault.actors)]
        self._when = stream(seed, "fault", name).random
        self._who = stream(seed, "fault share", name).random

    def plan(self, agenda: Agenda) -> None:
        """Put the moments on the agenda."""
        every = self._fault.every
        for when in self._fault.at or ():
            agenda.at(when, self._strike)
        if every is None:
            return

        def again() -> None:
            self._strike()
            agenda.at(agenda.now() + every.at(self._when()), again)

        agenda.at(every.at(self._when()), again)

    def _strike(self) -> None:
        for actor in self._actors:
            if self._who() < self._fault.share:  # drawn for each, whoever is up
                actor.crash(SimulatedCrash(f"{self._name} struck"))
