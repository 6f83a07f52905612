"""Bounded search: all schedules with few deviations, the fewest first."""

from collections import deque
from collections.abc import Iterator, Mapping

from ._run import Result


class Bounded:
    """Give out schedules that deviate from the default at most so many times, each once; those with fewer deviations first.

    A schedule's neighbours are known once it has been run: they deviate once more, later than all its own deviations.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._waiting: deque[dict[int, int]] = deque([{}])
        #: how many choices the longest run had.
        self.length = 0

    def __iter__(self) -> Iterator[Mapping[int, int]]:
        """Iterate over what waits; tell each result by `learn` before the next one is taken."""
        while self._waiting:
            yield self._waiting.popleft()

    def learn(self, deviations: Mapping[int, int], result: Result) -> None:
        """Take in what a schedule led to."""
        self.length = max(self.length, len(result.choices))
        if len(deviations) >= self._bound:
            return
        after = max(deviations, default=-1) + 1
        for at in range(after, len(result.choices)):
            for index in range(1, len(result.choices[at].labels)):
                self._waiting.append({**deviations, at: index})
