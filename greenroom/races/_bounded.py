"""Bounded search: all schedules with few deviations, the fewest first."""

from collections import deque
from collections.abc import Iterator, Mapping
from math import inf

from ._result import Result


class Bounded:
    """Give out schedules by how often they deviate from the default: never, once, twice, and so on; each once.

    A schedule's neighbours are known once it has been run: they deviate once more, later than all its own deviations.
    """

    def __init__(self) -> None:
        self._waiting: deque[dict[int, int]] = deque([{}])
        self._bound: int | None = None
        #: schedules with more deviations have been left out.
        self._cut = False

    @property
    def covered(self) -> float:
        """All that deviate at most so many times have been given out; -1 if not even the default has, infinity if there are no others."""
        if self._waiting:
            return len(self._waiting[0]) - 1
        return (self._bound or 0) if self._cut else inf

    def up_to(self, bound: int | None) -> Iterator[Mapping[int, int]]:
        """Iterate over those that deviate at most so many times, None for any number; tell each result by `learn` before the next is taken."""
        self._bound = bound
        while self._waiting:
            yield self._waiting.popleft()

    def learn(self, deviations: Mapping[int, int], result: Result) -> None:
        """Take in what a schedule led to."""
        after = max(deviations, default=-1) + 1
        if self._bound is not None and len(deviations) >= self._bound:
            self._cut = self._cut or len(result.choices) > after
            return
        for at in range(after, len(result.choices)):
            for index in range(1, len(result.choices[at].labels)):
                self._waiting.append({**deviations, at: index})
