"""Checking a history: each partition by itself, and what cannot be explained made small."""

from collections.abc import Hashable, Sequence
from time import monotonic
from typing import Final

from ._explaining import explained
from ._linearizability import Linearizability
from ._linearize import Budget, linearize
from ._model import SequentialModel
from ._operation import Operation
from ._transitions import Transitions

#: Configurations of each partition before a check gives up: about a second, and some 50 MB.
MAX_NODES: Final = 200_000


def check_operations(
    operations: Sequence[Operation],
    model: SequentialModel,
    *,
    max_nodes: int = MAX_NODES,
    seconds: float | None = None,
) -> Linearizability:
    """Return whether operations are linearizable with respect to a model. Failed ones count as if they had never been.

    Raises:
        InvalidModel: the model does what a model may not.
    """
    transitions = Transitions(model)
    until = None if seconds is None else monotonic() + seconds
    parts: dict[Hashable, list[Operation]] = {}
    for each in operations:
        if each.outcome != "fail":
            parts.setdefault(transitions.partition(each), []).append(each)
    placed: list[tuple[int, Operation, int]] = []
    unknown: list[Hashable] = []
    nodes = 0
    for key, part in parts.items():
        budget = Budget(max_nodes, until)
        placing = linearize(part, transitions, budget)
        nodes += budget.spent
        if not placing.is_decided:
            unknown.append(key)
        elif placing.stuck is not None:
            return explained(
                part, transitions, placing, key if len(parts) > 1 else None, nodes, Budget(max_nodes, until)
            )
        else:
            placed += [(each.point, part[each.index], each.state) for each in placing.order]
    if unknown:
        return Linearizability("unknown", partition=unknown[0] if len(parts) > 1 else None, nodes=nodes)
    # Each partition is placed just before an end of its own, so that this is an order of all of them, too.
    placed.sort(key=lambda each: each[0])
    return Linearizability(
        "linearizable",
        tuple(each for _, each, _ in placed),
        states=tuple(transitions.describe(state) for _, _, state in placed),
        nodes=nodes,
    )
