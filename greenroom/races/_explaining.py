"""Explaining that a history is not linearizable: by the shortest part of it that is not, and by the few operations in that which are to blame."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import Any, Final

import attrs

from ._linearizability import Linearizability
from ._linearize import Budget, Placing, linearize
from ._operation import Operation
from ._transitions import Transitions

#: Answers that are tried out, to say what an operation should have returned.
TRIES: Final = 20


def explained(  # noqa: PLR0917 -- all that is known
    part: Sequence[Operation], transitions: Transitions, placing: Placing, key: Hashable, nodes: int, budget: Budget
) -> Linearizability:
    """Return the verdict on operations that have no linearization, and why.

    Args:
        part: the operations of one partition.
        transitions: of the model.
        placing: what the search for a linearization has come to.
        key: of the partition, None if it is the only one.
        nodes: what has been spent.
        budget: what the explanation may cost.
    """
    ends = sorted(each.ended for each in part if each.ended is not None)
    assert placing.stuck is not None
    until = part[placing.stuck].ended
    assert until is not None
    # What was still running then has been held to what it returned later, which nobody could know: if it is that, the end to blame comes later.
    first, last = bisect_left(ends, until), len(ends) - 1
    step = 1
    while first < last:
        middle = min(first + step - 1, (first + last) // 2)
        if not linearize(_as_of(part, ends[middle]), transitions, budget).is_linearizable:
            last = middle
        else:
            first, step = middle + 1, 2 * step
    event = ends[first]
    known = _as_of(part, event)
    [index] = [number for number, each in enumerate(known) if each.ended == event]
    earlier = _as_of(part, event - 1)
    before = linearize(earlier, transitions, budget)
    return Linearizability(
        "not linearizable",
        tuple(earlier[each.index] for each in before.order),
        known[index],
        tuple(_expected(known, index, transitions, before, budget)),
        tuple(_conflict(known, index, transitions, budget)),
        tuple(transitions.describe(each.state) for each in before.order),
        key,
        nodes,
    )


def _as_of(operations: Sequence[Operation], event: int) -> list[Operation]:
    """Return what was known of operations just after an event: of those that ran then, nothing but that."""
    return [
        each
        if each.ended is None or each.ended <= event
        else attrs.evolve(each, ended=None, outcome="info", result=None)
        for each in operations
        if each.begun <= event
    ]


def _expected(
    known: Sequence[Operation], index: int, transitions: Transitions, before: Placing, budget: Budget
) -> list[Any]:
    """Return what an operation might have returned instead, so that all would be right."""
    results: list[Any] = []
    # The last states first: what it should have returned is most often what it returns in these.
    for state in dict.fromkeys([*(each.state for each in reversed(before.order)), transitions.initial]):
        for result in transitions.results(known[index], state):
            if len(results) < TRIES and not any(_are_equal(result, other) for other in results):
                results.append(result)
    others = list(known)
    expected: list[Any] = []
    for result in results:
        others[index] = attrs.evolve(known[index], result=result)
        if linearize(others, transitions, budget).is_linearizable:
            expected.append(result)
    return expected


def _are_equal(one: Any, other: Any) -> bool:
    try:
        return bool(one is other or one == other)
    except Exception:  # noqa: BLE001 -- of a class of the user's
        return False


def _conflict(known: Sequence[Operation], index: int, transitions: Transitions, budget: Budget) -> list[Operation]:
    """Return operations that cannot all have returned what they did: those whose results cannot be forgotten without all becoming right."""
    results = [number for number, each in enumerate(known) if each.ended is not None and number != index]
    free: set[int] = set()
    # Most have nothing to do with it: many at once, and halves of what cannot be forgotten as a whole.
    tries = [results]
    while tries:
        some = tries.pop()
        placing = linearize(known, transitions, budget, free.union(some))
        if placing.is_decided and not placing.is_linearizable:
            free.update(some)
        elif len(some) > 1:
            tries += [some[len(some) // 2 :], some[: len(some) // 2]]
    return [*(known[number] for number in results if number not in free), known[index]]
