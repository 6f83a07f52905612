"""What is due in a simulation of events, and the time that it has come to."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import attrs

from .kid import Kid


@attrs.define(eq=False)
class Agenda:
    """Hold what is due, and let it happen in order."""

    now: float = attrs.field(default=0.0, init=False)
    _events: list[tuple[float, int, Callable[[], None]]] = attrs.field(factory=list[Any], init=False)
    _numbers: Any = attrs.field(factory=count, init=False)

    def at_time(self, when: float, act: Callable[[], None]) -> None:
        heappush(self._events, (when, next(self._numbers), act))

    def settle(self, until: float) -> None:
        """Let all happen that is due until then."""
        for _ in range(100_000):
            if not self._events or self._events[0][0] > until:
                self.now = until
                return
            when, _, act = heappop(self._events)
            self.now = max(self.now, when)
            act()
        raise AssertionError("the reference never comes to rest")

    def soon(self, act: Callable[[], None]) -> None:
        self.at_time(self.now, act)

    def later(self, kid: Kid, seconds: float, act: Callable[[Kid], None]) -> None:
        """Do something with a child unless something else has come between."""
        kid.epoch += 1
        epoch = kid.epoch
        self.at_time(self.now + seconds, lambda: act(kid) if kid.epoch == epoch else None)
