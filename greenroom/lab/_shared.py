"""Shared services of a trial: what several actors depend on, with its outages."""

from collections.abc import Callable
from math import inf
from random import Random

import trio

from ._agenda import Agenda
from ._model import ServiceModel
from ._streams import stream


class ServiceDown(ConnectionError):
    """A shared service is out, or a call of it failed."""


class SharedService:
    """Be one of them.

    Args:
        name: its.
        model: how it behaves.
        seed: the trial's.
        agenda: the trial's.
        tell: is told of its outages.
    """

    def __init__(
        self,
        name: str,
        model: ServiceModel,
        seed: int,
        agenda: Agenda,
        tell: Callable[[str, bool], None],
    ) -> None:
        self.name = name
        self.model = model
        self._agenda = agenda
        self._tell = tell
        #: who is connected, in that order -> what crashes it.
        self.users: dict[str, Callable[[Exception], bool]] = {}
        self._outages = 0
        self._back = trio.Event()
        self._permits = None if model.capacity is None else trio.Semaphore(model.capacity)
        self._connect = stream(seed, "connect", name).random
        self._latency = stream(seed, "latency", name).random
        self._breaks = stream(seed, "breaks", name).random
        self._repair = stream(seed, "repair", name).random

    def plan(self) -> None:
        """Put its outages on the agenda."""
        for begin, end in self.model.outages:
            self._agenda.at(begin, self._fail)
            self._agenda.at(end, self._mend)
        self._plan_break()

    def _plan_break(self) -> None:
        if self.model.breaks is None or self.model.repair is None:
            return
        begin = self._agenda.now() + self.model.breaks.at(self._breaks())
        end = begin + self.model.repair.at(self._repair())

        def mend() -> None:
            self._mend()
            self._plan_break()

        self._agenda.at(begin, self._fail)
        self._agenda.at(end, mend)

    def is_out(self) -> bool:
        """Return whether there is an outage now."""
        return self._outages > 0

    def _fail(self) -> None:
        self._outages += 1
        if self._outages > 1:
            return
        self._back = trio.Event()
        self._tell(self.name, True)
        for crash in [*self.users.values()]:
            crash(ServiceDown(f"lost {self.name}"))

    def _mend(self) -> None:
        self._outages -= 1
        if not self._outages:
            self._tell(self.name, False)
            self._back.set()

    async def connect(self) -> None:
        """Make a connection. Raises ServiceDown."""
        if self._permits is None:
            await self._take("connect", self.model.connect.at(self._connect()))
            return
        async with self._permits:
            await self._take("connect", self.model.connect.at(self._connect()))

    async def call(self, chance: Random) -> None:
        """Call it. Raises ServiceDown."""
        seconds = self.model.latency.at(self._latency())
        fails = chance.random() < self.model.failure
        timeout = self.model.timeout
        with trio.move_on_after(inf if timeout is None else timeout) as scope:
            await self._take("call", seconds)
        if scope.cancelled_caught:
            raise ServiceDown(f"a call of {self.name} took longer than {timeout:g} s")
        if fails:
            raise ServiceDown(f"a call of {self.name} failed")

    async def _take(self, what: str, seconds: float) -> None:
        while self.is_out():
            if not self.model.silent:
                raise ServiceDown(f"{what}: {self.name} is out")
            await self._back.wait()
        seconds *= self._slowness()
        if seconds:
            await trio.sleep(seconds)
            while self.is_out():
                if not self.model.silent:
                    raise ServiceDown(f"{what}: {self.name} is out")
                await self._back.wait()  # what was under way when it went silent is not answered before its end either

    def _slowness(self) -> float:
        now = self._agenda.now()
        return next((factor for begin, end, factor in self.model.slow if begin <= now < end), 1.0)
