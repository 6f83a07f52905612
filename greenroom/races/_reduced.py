"""Reduced search: all schedules within a bound, but of those that differ in the order of steps that do not meet only the first is run.

Every schedule is gone through, the fewest deviations first, just as without a reduction. So the bound means the same, and none is lost because
the one that stands for it would need more deviations than the bound allows. But what a schedule would do is foretold, as far as its parts are
known, and one that is known to its end is not run. So as many are run as there are classes of schedules (Mazurkiewicz traces) within the bound.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from math import inf
from typing import Final

from ._errors import SharingFound
from ._footprints import Footprints
from ._foresight import Foresight, Kind, Options, State, expected
from ._result import Result, kind_of

#: Of so many schedules that need not be run one is run all the same, to see that it goes as foretold.
SAMPLE: Final = 50
#: Give out deviations, take in what they lead to.
Runs = Generator[Mapping[int, int], Result, None]


class Reduced:
    """Give out the schedules that have to be run, and go through the others.

    Args:
        bound: how often a schedule may deviate; None for any number.
        latest: returns the footprints of the run that has just been told of.
        is_over: asked now and then; True breaks off.
        most: how many steps a run may take.
    """

    def __init__(
        self, bound: int | None, latest: Callable[[], Footprints], is_over: Callable[[], bool], most: float = inf
    ) -> None:
        self._bound = inf if bound is None else bound
        self._latest = latest
        self._is_over = is_over
        self._foresight = Foresight(most)
        self._waiting: deque[dict[int, int]] = deque()
        #: all that deviate at most so many times have been gone through.
        self.covered: float = -1
        self.spared = 0
        self.sampled = 0
        #: steps were seen that have no footprints: nothing can be spared, and this was for nothing.
        self.is_lost = False
        #: schedules with more deviations have been left out.
        self._is_cut = False

    def runs(self) -> Runs:
        """Give out what has to be run."""
        yield from self._meet({}, self._foresight.begin())
        while self._waiting:
            deviations = self._waiting.popleft()
            self.covered = max(self.covered, len(deviations))
            for child, state in self._children(deviations):
                if self._is_over():
                    return
                yield from self._meet(child, state)
                if self._has_lost():
                    return
        self.covered = self._bound if self._is_cut else inf

    def branches(self, options: Options) -> Sequence[int]:
        """Return what to try besides the default."""
        return range(1, len(options[1]))

    def _has_lost(self) -> bool:
        return self.is_lost

    def _children(self, deviations: dict[int, int]) -> Iterator[tuple[dict[int, int], State]]:
        """Return what deviates once more and later, with the state that it deviates in."""
        foresight, state = self._foresight, self._foresight.begin()
        after = max(deviations, default=-1) + 1
        while foresight.advance(state) is True:
            at = state.at
            if at >= after:
                for index in self.branches(state.options):
                    yield {**deviations, at: index}, state.copied()
            foresight.choose(state, deviations.get(at, 0))

    def _meet(self, deviations: dict[int, int], state: State) -> Runs:
        """Run a schedule, unless it is known to its end; `state` is where it deviates last."""
        start = state.at
        choices, end = self._foretell(deviations, state)
        is_known = not isinstance(end, bool)
        is_sample = is_known and (self.spared + self.sampled) % SAMPLE == SAMPLE - 1
        if is_sample or not is_known:
            result = yield deviations
            seen = self._latest()
            if seen.is_lost:
                self.is_lost = True
                return
            kind = kind_of(result)
            expected(choices, result.choices, start, deviations)
            if is_known and (kind != end or len(result.choices) != start + len(choices)):
                raise SharingFound(f"the end with deviations {deviations}")
            self._foresight.learn(seen.parts, seen.labels, kind)
            self.sampled += is_sample
        else:
            self.spared += 1
        if len(deviations) < self._bound:
            self._waiting.append(deviations)
        elif not self._is_cut:
            self._is_cut = any(True for _ in self._children(deviations))

    def _foretell(self, deviations: Mapping[int, int], state: State) -> tuple[list[Options], Kind | bool]:
        """Return the choices that are to come, and how it ends; False if that is not known."""
        foresight = self._foresight
        choices: list[Options] = []
        end: Kind | bool = bool(deviations) or foresight.advance(state)
        while end is True:
            kind, labels = state.options
            choices.append((kind, tuple(labels)))
            foresight.choose(state, deviations.get(state.at, 0))
            end = foresight.advance(state)
        return choices, end
