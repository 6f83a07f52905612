"""Arrivals: the requests of one source, drawn from streams of its own, so that they are the same whatever the tree does with them."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from ._agenda import Agenda
from ._distribution import exponential
from ._model import Source
from ._policy import matches
from ._request import Request
from ._simulated import Behaviour
from ._streams import stream


class Arrivals:
    """Let the requests of a source come.

    Args:
        name: of the source.
        source: what it is.
        actors: those whom it asks, in the order of the tree.
        seed: the trial's.
        own: for a source each of whose targets has arrivals of its own: this one's path.
        send: takes each request.
    """

    def __init__(  # noqa: PLR0917 -- made in one place
        self,
        name: str,
        source: Source,
        actors: Sequence[Behaviour],
        seed: int,
        own: str,
        send: Callable[[Request], None],
    ) -> None:
        self._name, self._source, self._actors, self._send = name, source, actors, send
        self._shares = [*accumulate(_weight(source, actor.path) for actor in actors)]
        self._gap = None if source.rate is None else exponential(1 / source.rate)
        self._when = stream(seed, "arrivals", name, own).random
        self._whom = stream(seed, "whom", name, own).random
        self._service = stream(seed, "service", name, own).random
        self._kind = stream(seed, "kind", name, own).random
        self._next = source.start

    def plan(self, agenda: Agenda, horizon: float) -> None:
        """Put the first arrival on the agenda; each then puts the next."""
        source = self._source
        last = horizon if source.until is None else min(source.until, horizon)

        def come() -> None:
            now = self._next
            for _ in range(source.size):
                self._send(self._request(now))
            self._next = now + self._until_next()
            plan_next()

        def plan_next() -> None:
            if self._next < last:
                agenda.at(self._next, come)

        self._next += self._until_next() if source.every is None else source.every * self._when()
        plan_next()

    def _until_next(self) -> float:
        every = self._source.every
        if every is not None:
            return every
        assert self._gap is not None
        return self._gap.at(self._when())

    def _request(self, now: float) -> Request:
        source = self._source
        # Each draw is made for each request, so that none of them moves another.
        share, length, kind = self._whom(), self._service(), self._kind()
        shares = self._shares
        actor = self._actors[min(bisect_right(shares, share * shares[-1]), len(shares) - 1)]
        service = (actor.model.service if source.service is None else source.service).at(length)
        is_poison = kind < source.poison
        hangs = not is_poison and kind >= 1.0 - source.hang
        return Request(self._name, actor.path, now, service, is_poison, hangs)


def _weight(source: Source, path: str) -> float:
    """Return the weight of an actor: that of the first pattern which means it; 0 if none does."""
    return next((weight for pattern, weight in source.to.items() if matches(path, pattern)), 0.0)


def targets_of(source: Source, actors: Sequence[Behaviour]) -> list[Behaviour]:
    """Return whom a source asks, in the order of the tree."""
    return [actor for actor in actors if _weight(source, actor.path)]
