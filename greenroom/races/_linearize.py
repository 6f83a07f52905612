"""Searching for a linearization: an order of operations, each somewhere between its begin and its end, in which a model would answer the same.

The search is Wing and Gong's: try each operation that may come first, then each that may come second, and go back where nothing fits. It places
operations just in time, as Lowe does: none is placed before the end of one that has not been placed yet makes that necessary, and then as few as
possible. That loses nothing (move each operation of a linearization back to just before the next end, its own or that of one that comes after
it), and leaves little to remember of where the search has been: which end is next, which of those that run have been placed, and the state. One of
which nobody knows whether it took effect never ends, so it is placed only where it helps; and where the search has been with fewer of these placed,
and all else equal, it need not go with more.

Sources: Wing & Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for linearizability", 2017, for the order of the search and
what is remembered. Two operations that are equal are tried in one order only: that in which they end.
"""

from bisect import insort
from collections.abc import Container, Sequence
from heapq import heappop, heappush
from time import monotonic
from typing import Any, Final

import attrs

from ._operation import Operation
from ._transitions import Row, Transitions

#: Configurations between two looks at the clock.
BETWEEN_LOOKS: Final = 256
#: An operation that runs: the number of its end, its index, its bit among those that run, its row.
_Running = tuple[int, int, int, Row]


class Budget:
    """Say how much a search may still do.

    Args:
        nodes: configurations that it may come to.
        until: of `time.monotonic`, None for no limit.
    """

    def __init__(self, nodes: int, until: float | None = None) -> None:
        self.nodes = nodes
        self.spent = 0
        self._until = until

    def spend(self) -> bool:
        """Return whether there is enough for one more configuration."""
        if self.spent >= self.nodes:
            return False
        self.spent += 1
        return self._until is None or self.spent % BETWEEN_LOOKS != 1 or monotonic() <= self._until


@attrs.frozen
class Placed:
    """Hold an operation of a linearization.

    Attributes:
        index: of the operation.
        point: the end just before which it was placed, as the number of that event.
        state: that follows.
    """

    index: int
    point: int
    state: int


@attrs.frozen
class Placing:
    """Say what came of a search.

    Attributes:
        order: all that were placed: a linearization, or the most that could be.
        stuck: index of the operation before whose end the search came to no order; None if it did.
        is_decided: False if the budget was not enough: then nothing is known.
    """

    order: tuple[Placed, ...]
    stuck: int | None = None
    is_decided: bool = True

    @property
    def is_linearizable(self) -> bool:
        """True if there is a linearization for sure."""
        return self.is_decided and self.stuck is None


class _End:
    """Be the end of an operation.

    Args:
        index: of the operation.
        at: number of the event.
        bit: of the operation, among those that run.
        running: all that run then, in order of their ends: when it ends, its index, bit, row.
    """

    __slots__ = ("_candidates", "_running", "at", "bit", "index")

    def __init__(self, index: int, at: int, bit: int, running: list[_Running]) -> None:
        self.index = index
        self.at = at
        self.bit = bit
        self._running = running
        self._candidates: Sequence[tuple[int, int, Row, int]] | None = None

    def candidates(self) -> Sequence[tuple[int, int, Row, int]]:
        """Return all that run then, in order of their ends: bit, bit of an equal one that goes before (0: none), row, index."""
        if self._candidates is None:
            before: dict[int, int] = {}
            candidates: list[tuple[int, int, Row, int]] = []
            for _, index, bit, row in self._running:
                candidates.append((bit, before.get(id(row), 0), row, index))
                before[id(row)] = bit
            self._candidates = candidates
        return self._candidates


class _Seen:
    """Know where the search has been: states, what had been placed of what has to be, and of what may never have happened."""

    def __init__(self, ends: int, infos: int) -> None:
        self._infos = infos
        self._plain: list[set[tuple[int, int]]] = [set() for _ in range(ends)]
        self._fewest: list[dict[tuple[int, int], list[int]]] = [{} for _ in range(ends if infos else 0)]

    def add(self, number: int, mask: int, state: int) -> bool:
        """Return whether it is new there; False too if it has been there with fewer placed of what may never have happened."""
        if not self._infos:
            plain = self._plain[number]
            size = len(plain)
            plain.add((mask, state))
            return len(plain) != size
        info = mask & self._infos
        masks = self._fewest[number].setdefault((mask ^ info, state), [])
        if any(info & known == known for known in masks):
            return False
        masks[:] = [known for known in masks if known & info != info]
        masks.append(info)
        return True


def linearize(
    operations: Sequence[Operation], transitions: Transitions, budget: Budget, free: Container[int] = ()
) -> Placing:
    """Search for a linearization of operations, none of which has failed.

    Args:
        operations: in order of their begins.
        transitions: of the model.
        budget: what it may cost.
        free: indexes of operations that may have returned anything.
    """
    ends, infos = _ends(operations, transitions, free)
    last = len(ends)
    seen = _Seen(last, infos)
    deepest, longest = -1, None
    # Next end, what has been placed and has not ended, state, how it came there, which candidate is next. No recursion: histories are long.
    stack: list[tuple[int, int, int, Any, int]] = [(0, 0, transitions.initial, None, -1)]
    while stack:
        number, mask, state, way, at = stack.pop()
        if at < 0:
            while number < last and mask & ends[number].bit:
                mask ^= ends[number].bit
                number += 1
            if number == last:
                return Placing(_walked(way, ends))
            if not seen.add(number, mask, state):
                continue
            if not budget.spend():
                return Placing((), is_decided=False)
            if number > deepest:
                deepest, longest = number, way
            at = 0
            together, gone = _placed_at_once(ends[number], number, mask, state, way)
            if together != mask:
                stack.append((number, mask, state, way, 0))
                stack.append((number, together, state, gone, -1))
                continue
        candidates = ends[number].candidates()
        for next_at in range(at, len(candidates)):
            bit, before, row, index = candidates[next_at]
            if mask & bit or mask & before != before:
                continue
            after = row[state]
            if after:
                stack.append((number, mask, state, way, next_at + 1))
                stack += [(number, mask | bit, then, (way, index, number, then), -1) for then in reversed(after)]
                break
    return Placing(_walked(longest, ends), ends[deepest].index)


def _placed_at_once(end: _End, number: int, mask: int, state: int, way: Any) -> tuple[int, Any]:
    """Place all that fit and change nothing: reads, most often. It is a first try: all else is tried after it."""
    same = (state,)
    for bit, _, row, index in end.candidates():
        if not mask & bit and row[state] == same:
            mask |= bit
            way = (way, index, number, state)
    return mask, way


def _walked(way: Any, ends: Sequence[_End]) -> tuple[Placed, ...]:
    order: list[Placed] = []
    while way is not None:
        step: tuple[Any, int, int, int] = way
        way, index, number, state = step
        order.append(Placed(index, ends[number].at, state))
    return tuple(reversed(order))


def _ends(operations: Sequence[Operation], transitions: Transitions, free: Container[int]) -> tuple[list[_End], int]:
    """Return all ends in order, each with what runs then; and the bits of operations that never end."""
    events: list[tuple[int, int, bool]] = []
    infos = 0
    for index, each in enumerate(operations):
        events.append((each.begun, index, False))
        if each.ended is None:
            infos += 1
        else:
            events.append((each.ended, index, True))
    events.sort()
    never = events[-1][0] + 1
    unused = list(range(infos, len(operations)))  # a heap: numbers of bits are used again, so that masks are small
    open_ = 0
    running: list[_Running] = []
    ends: list[_End] = []
    for at, index, is_end in events:
        if is_end:
            own = running[0]
            ends.append(_End(index, at, own[2], running.copy()))
            del running[0]  # they are in order of their ends
            heappush(unused, own[2].bit_length() - 1)
            continue
        each = operations[index]
        if each.ended is None:
            running.append((never + index, index, 1 << open_, transitions.row(each, "info")))
            open_ += 1
        else:
            row = transitions.row(each, "free" if index in free else "ok")
            insort(running, (each.ended, index, 1 << heappop(unused), row))
    return ends, (1 << infos) - 1
