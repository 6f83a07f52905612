"""Random small histories, models of all kinds, and the plainest way to say whether one is linearizable: try all orders."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import attrs

from greenroom.races import Operation, SequentialModel
from greenroom.races._history_check import check_operations


class Register(SequentialModel):
    """Be a register of numbers."""

    initial = 0

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Read, write, compare and set."""
        if name == "read":
            return state, state
        if name == "write":
            return None, args[0]
        return (True, args[1]) if state == args[0] else (False, state)


class Registers(SequentialModel):
    """Be registers by key, the first argument: one after the other, or all of them in one state."""

    initial = frozenset[Any]()

    def __init__(self, *, is_partitioned: bool) -> None:
        self.is_partitioned = is_partitioned

    def partition(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the key."""
        return args[0] if self.is_partitioned else None

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Get, put, delete."""
        known = dict(state)
        if name == "get":
            return known.get(args[0]), state
        if name == "put":
            known[args[0]] = args[1]
            return None, frozenset(known.items())
        there = known.pop(args[0], None) is not None
        return there, frozenset(known.items())


class Queue(SequentialModel):
    """Be a queue."""

    initial = ()

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Put, take."""
        if name == "put":
            return None, (*state, args[0])
        return (state[0], state[1:]) if state else (None, state)


class Bag(SequentialModel):
    """Be a bag: what is taken is any that is there, and nothing may be taken of an empty one."""

    initial = frozenset[Any]()

    def outcomes(self, state: Any, name: str, args: tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
        """Put, take."""
        if name == "put":
            return [(None, state | {args[0]})]
        return [(each, state - {each}) for each in sorted(state)]


MODELS: dict[str, SequentialModel] = {
    "register": Register(),
    "keys": Registers(is_partitioned=True),
    "dict": Registers(is_partitioned=False),
    "queue": Queue(),
    "bag": Bag(),
}


def draw_call(kind: str, random: Random) -> tuple[str, tuple[Any, ...]]:
    """Return an operation and its arguments."""
    number = random.randrange(3)
    if kind == "register":
        name = random.choice(["read", "read", "write", "cas"])
        return name, {"read": (), "write": (number,), "cas": (number, random.randrange(3))}[name]
    if kind in ("keys", "dict"):
        name = random.choice(["get", "get", "put", "delete"])
        key = random.choice("ab")
        return name, (key, number) if name == "put" else (key,)
    name = random.choice(["put", "take"])
    return name, (number,) if name == "put" else ()


def draw_history(kind: str, random: Random) -> list[Operation]:
    """Return a history of up to eight operations: of a real object, with some results, ends and moments spoiled in most."""
    model = MODELS[kind]
    clients, count = random.randint(1, 4), random.randint(1, 8)
    spoil = random.choice([0, 0.1, 0.3])
    doubt = random.choice([0, 0.15, 0.4])
    state: Any = model.initial
    running: dict[int, list[Any]] = {}
    done: list[Operation] = []
    event, begun = 0, 0
    while begun < count or running:
        client = random.randrange(clients)
        if client not in running:
            if begun < count:
                name, args = draw_call(kind, random)
                running[client] = [name, args, event, False, None]
                event, begun = event + 1, begun + 1
            continue
        call = running[client]
        name, args, at, has_acted, result = call
        if not has_acted and random.random() < 0.6:
            outcomes = list(model.outcomes(state, name, args))
            call[3] = True
            call[4], state = random.choice(outcomes) if outcomes else (None, state)
        elif has_acted or random.random() < spoil:
            del running[client]
            if random.random() < doubt:
                done.append(Operation(client, name, args, at, None, "info"))
                continue
            if random.random() < spoil:
                result = random.choice([None, 0, 1, 2, True, False])
            failed = not has_acted and random.random() < 0.5
            done.append(Operation(client, name, args, at, event, "fail" if failed else "ok", result))
            event += 1
    return sorted(done, key=lambda each: each.begun)


def is_linearizable(operations: Iterable[Operation], model: SequentialModel) -> bool:
    """Try all orders, of all choices of those that may have taken effect."""
    return can_follow(model.initial, [each for each in operations if each.outcome != "fail"], model)


def can_follow(state: Any, left: Sequence[Operation], model: SequentialModel) -> bool:
    """Return whether some order of what is left explains what it returned."""
    if all(each.outcome == "info" for each in left):
        return True
    for number, first in enumerate(left):
        if any(each.ended is not None and each.ended < first.begun for each in left):
            continue
        rest = [*left[:number], *left[number + 1 :]]
        for result, after in model.outcomes(state, first.name, first.args):
            if (first.outcome == "info" or result == first.result) and can_follow(after, rest, model):
                return True
    return False


def explains(order: Sequence[Operation], model: SequentialModel) -> bool:
    """Return whether a model answers the same if asked in this order, and whether nothing comes after what began after its end."""
    for number, each in enumerate(order):
        if any(later.ended is not None and later.ended < each.begun for later in order[number + 1 :]):
            return False
    left = [(model.initial, order)]
    while left:
        state, rest = left.pop()
        if not rest:
            return True
        for result, after in model.outcomes(state, rest[0].name, rest[0].args):
            if rest[0].outcome == "info" or result == rest[0].result:
                left.append((after, rest[1:]))
    return False


def compare(number: int) -> str:
    """Draw a history, and have the checker and the plain way say what they think; the verdict if they agree, in all that is told.

    Raises:
        AssertionError: they do not agree.
    """
    random = Random(number)
    kind = random.choice(list(MODELS))
    model, operations = MODELS[kind], draw_history(kind, random)
    found = check_operations(operations, model)
    is_right = is_linearizable(operations, model)
    assert found.verdict == ("linearizable" if is_right else "not linearizable"), (number, kind, operations)
    certain = [each for each in operations if each.outcome == "ok"]
    if is_right:
        assert explains(found.order, model), (number, found.order)
        assert not [each for each in certain if each not in found.order], (number, found.order)
        assert len({*map(id, found.order)}) == len(found.order)
        return found.verdict
    culprit = found.unexplained
    assert culprit is not None
    assert culprit.ended is not None
    # Up to its end nothing explains what was returned, and up to just before it the order does.
    assert not is_linearizable([known_at(each, culprit.ended) for each in begun_before(operations, culprit)], model)
    part = [
        each
        for each in operations
        if model.partition(each.name, each.args) == model.partition(culprit.name, culprit.args)
    ]
    ended = [each for each in part if each.outcome == "ok" and (each.ended or 0) < culprit.ended]
    assert not [each for each in ended if each not in found.order], (number, found.order)
    assert culprit not in found.order
    assert explains([known_at(each, culprit.ended - 1) for each in found.order], model), (number, found.order)
    assert found.conflict[-1] == culprit
    assert not any(result == culprit.result for result in found.expected)
    return found.verdict


def begun_before(operations: Sequence[Operation], culprit: Operation) -> list[Operation]:
    """Return the operations that have begun before one ended."""
    assert culprit.ended is not None
    return [each for each in operations if each.begun < culprit.ended and each.outcome != "fail"]


def known_at(operation: Operation, event: int) -> Operation:
    """Return an operation as it was known at an event."""
    if operation.ended is None or operation.ended <= event:
        return operation
    return attrs.evolve(operation, ended=None, outcome="info", result=None)
