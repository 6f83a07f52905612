"""Histories of concurrent operations: what is recorded, and whether one order explains it."""

from collections import Counter
from contextlib import suppress
from typing import Any
from unittest.mock import ANY

import pytest
import trio

from greenroom import races
from greenroom.races import (
    History,
    LinearizabilityUnknown,
    NotLinearizable,
    SequentialModel,
    Sim,
)
from greenroom.races._history_check import check_operations

from .histories import MODELS, Bag, Queue, Register, Registers, compare


def test_the_checker_says_what_the_plainest_way_says() -> None:
    # 100,000 of them were compared once; `make soak` goes on.
    verdicts = Counter(compare(number) for number in range(3_000))
    assert min(verdicts["linearizable"], verdicts["not linearizable"]) > 500


def recorded(*events: str) -> History:
    """Make a history of one register: 'a w1' writes, 'a r' reads, 'a ->1' returns, 'a fail', 'a info'."""
    history, running = History(), dict[str, Any]()
    for event in events:
        client, what = event.split()
        match what:
            case "r":
                running[client] = history.invoke(client, "read")
            case "fail" | "info":
                getattr(running[client], what)()
            case _ if what.startswith("w"):
                running[client] = history.invoke(client, "write", int(what[1:]))
            case _:
                running[client].ok(int(what[2:]) if what[2:] else None)
    return history


def verdict(*events: str) -> str:
    return recorded(*events).check(Register, raises=False).verdict


def test_an_operation_takes_effect_between_its_begin_and_its_end() -> None:
    assert verdict("a w1", "b r", "b ->1", "c r", "c ->1", "a ->") == "linearizable"
    assert verdict("a w1", "b r", "b ->0", "c r", "c ->1", "a ->") == "linearizable"
    assert verdict("a w1", "b r", "b ->1", "c r", "c ->0", "a ->") == "not linearizable"
    assert verdict("a w1", "a ->", "b r", "b ->0") == "not linearizable"
    assert verdict("b r", "b ->1", "a w1", "a ->") == "not linearizable"


def test_an_open_operation_may_take_effect_at_any_later_time_or_never() -> None:
    for end in ([], ["a info"]):
        assert verdict("a w1", *end, "b r", "b ->0", "b r", "b ->1") == "linearizable"
        assert verdict("a w1", *end, "b r", "b ->0", "b r", "b ->0") == "linearizable"
        assert verdict("a w1", *end, "b r", "b ->1", "b r", "b ->0") == "not linearizable"
        assert verdict("b r", "b ->1", "a w1", *end) == "not linearizable"


def test_of_what_may_have_happened_no_more_is_placed_than_helps() -> None:
    # The first read needs the second write alone: the first one is still to come then.
    assert verdict("a w1", "a info", "b w2", "b info", "c r", "c ->2", "c r", "c ->1") == "linearizable"


def test_a_failed_operation_has_never_been() -> None:
    assert verdict("a w1", "b r", "b ->1", "a fail") == "not linearizable"
    assert verdict("a w1", "b r", "b ->0", "a fail") == "linearizable"


def test_the_witness_is_an_order_of_all_partitions_with_the_states() -> None:
    history = History()
    slow = history.invoke("a", "put", "x", 1)
    history.invoke("b", "put", "y", 2).ok()
    history.invoke("b", "get", "x").ok(None)
    history.invoke("b", "get", "y").ok(2)
    slow.ok()
    found = history.check(Registers(is_partitioned=True))
    assert [str(each) for each in found.order] == [
        "b: put('y', 2) -> None",
        "b: get('x') -> None",
        "b: get('y') -> 2",
        "a: put('x', 1) -> None",
    ]
    assert str(found).splitlines() == [
        "linearizable, in this order:",
        "  b: put('y', 2) -> None  then frozenset({('y', 2)})",
        "  b: get('x') -> None     then frozenset()",
        "  b: get('y') -> 2        then frozenset({('y', 2)})",
        "  a: put('x', 1) -> None  then frozenset({('x', 1)})",
    ]


def test_what_cannot_be_explained_is_told() -> None:
    history = recorded("a w1", "b w2", "a ->", "c r", "b ->", "c ->2", "a r", "a ->2", "b r", "d r", "b ->1", "d ->2")
    with pytest.raises(NotLinearizable) as caught:
        history.check(Register)
    found = caught.value.verdict
    assert found.expected == (2,)
    assert str(caught.value).splitlines() == [
        "not linearizable: b: read() -> 1",
        "to be right, it would have returned 2",
        "these cannot all be right, whatever the others returned:",
        "  a: read() -> 2",
        "  b: read() -> 1",
        "an order that explains all that ended before:",
        "  a: write(1) -> None  then 1",
        "  b: write(2) -> None  then 2",
        "  c: read() -> 2       then 2",
        "  a: read() -> 2       then 2",
        "what ran when:",
        "  |---|                a: write(1) -> None",
        "    |-----|            b: write(2) -> None",
        "        |---|          c: read() -> 2",
        "              |-|      a: read() -> 2",
        "                  |-|  b: read() -> 1",
    ]


def test_what_is_blamed_is_the_first_end_that_nothing_explains() -> None:
    # The read is right, if the write, which still runs then, took effect: what the write returns later nobody could know.
    history = History()
    write = history.invoke("a", "write", 1)
    history.invoke("b", "read").ok(1)
    write.ok("an odd answer")
    found = history.check(Register, raises=False)
    assert str(found.unexplained) == "a: write(1) -> 'an odd answer'"
    assert [str(each) for each in found.order] == ["a: write(1) -> ?", "b: read() -> 1"]
    assert found.expected == (None,)


def test_of_several_allowed_results_any_will_do() -> None:
    def bag(*taken: int) -> str:
        history = History()
        for number in (1, 2):
            history.invoke("a", "put", number).ok()
        for each in taken:
            history.invoke("a", "take").ok(each)
        return history.check(Bag, raises=False).verdict

    assert [bag(1, 2), bag(2, 1), bag(2), bag(2, 2)] == [*["linearizable"] * 3, "not linearizable"]


def test_a_model_may_allow_any_result() -> None:
    class Says(SequentialModel):
        def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
            return ANY, state

    history = History()
    history.invoke("a", "say").ok("whatever")
    assert history.check(Says).verdict == "linearizable"


def many_writes(*, right: bool) -> History:
    """Record writes that all run at the same time, and a read of what one of them, or none, has written."""
    history = History()
    calls = [history.invoke(number, "write", number) for number in range(8)]
    history.invoke("reader", "read").ok(3 if right else 99)
    for call in calls:
        call.ok()
    history.invoke("reader", "read").ok(7 if right else 98)
    return history


def test_past_the_limit_it_is_unknown_and_never_wrong() -> None:
    for right in (True, False):
        verdicts = [
            many_writes(right=right).check(Register, max_nodes=limit, raises=False).verdict
            for limit in (1, 2, 3, 5, 10, 100, 1_000, 20_000)
        ]
        wrong = "not linearizable" if right else "linearizable"
        assert verdicts[0] == "unknown"
        assert wrong not in verdicts
        assert verdicts[-1] != "unknown"
    with pytest.raises(
        LinearizabilityUnknown, match="unknown: given up after 2 configurations; give a larger max_nodes"
    ):
        many_writes(right=True).check(Register, max_nodes=2)
    assert many_writes(right=False).check(Register, seconds=0.0, raises=False).verdict == "unknown"


def test_a_partition_that_is_wrong_tells_more_than_one_that_is_given_up() -> None:
    history = History()
    calls = [history.invoke(number, "put", "x", number) for number in range(12)]
    history.invoke("reader", "get", "x").ok(99)
    for call in calls:
        call.ok()
    for name, result in (("put", None), ("get", 5)):
        history.invoke("a", name, "y", *[1] * (name == "put")).ok(result)
    found = history.check(Registers(is_partitioned=True), max_nodes=20, raises=False)
    assert (found.verdict, found.partition) == ("not linearizable", "y")
    assert str(found).startswith("not linearizable (partition 'y'): a: get('y') -> 5\n")


def test_equal_operations_are_tried_in_one_order() -> None:
    def nodes(values: list[int]) -> int:
        history = History()
        calls = [history.invoke(number, "write", value) for number, value in enumerate(values)]
        history.invoke("reader", "read").ok(99)
        for call in calls:
            call.ok()
        return history.check(Register, raises=False).nodes

    assert nodes([1] * 10) <= 22
    assert nodes(list(range(1, 11))) > 1_000


def test_what_may_never_have_happened_is_cheap() -> None:
    history = History()
    for number in range(8):
        history.invoke(f"gone {number}", "write", number).info()
        history.invoke("a", "write", -1).ok()
        history.invoke("a", "read").ok(-1)
    history.invoke("a", "read").ok(99)
    found = history.check(Register, raises=False)
    # Without: 5,628.
    assert (found.verdict, found.nodes < 2_000) == ("not linearizable", True)


def test_long_histories_need_no_recursion() -> None:
    history = History()
    for number in range(3_000):
        history.invoke("a", "write", number).ok()
    assert history.check(Register).nodes == 3_000


def test_equal_arguments_of_different_types_are_told_apart() -> None:
    class Kind(SequentialModel):
        def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
            return (None, type(args[0]).__name__) if name == "put" else (state, state)

    history = History()
    for value in (1, True):
        history.invoke("a", "put", value).ok()
        history.invoke("a", "kind").ok(type(value).__name__)
    assert history.check(Kind).verdict == "linearizable"


def test_what_is_recorded_stays_as_it_was() -> None:
    history, some = History(), [{1}, 2]
    call = history.invoke("a", "put", some)
    some.clear()
    answer = {"x": [1]}
    call.ok(answer)
    answer["x"].append(2)
    assert history.operations[0].args == ([{1}, 2],)
    assert history.operations[0].result == {"x": [1]}


async def calls_of_all_kinds(sim: Sim) -> History:
    history = sim.history
    assert sim.history is history

    async def late(number: int) -> int:
        await trio.lowlevel.checkpoint()
        if number < 0:
            raise {-1: LookupError, -2: OSError, -3: ArithmeticError}[number](number)
        return number

    assert await history.run("a", "late", late, 1) == 1
    assert await history.run("a", "plain", lambda number: number, 2) == 2
    for number, error in ((-1, LookupError), (-2, OSError), (-3, ArithmeticError)):
        with pytest.raises(error):
            await history.run("a", "late", late, number, answers=(LookupError, KeyError), fails=OSError)
    with trio.CancelScope() as scope:
        scope.cancel()
        await history.run("a", "late", late, 3)
    history.invoke("b", "open")
    return history


def test_a_call_is_recorded_as_it_ends() -> None:
    result = races.run(calls_of_all_kinds)
    assert not result.failed, result.error
    told = [(str(each), each.outcome, each.ended is None) for each in result.history]
    assert told[:5] + told[6:] == [
        ("a: late(1) -> 1", "ok", False),
        ("a: plain(2) -> 2", "ok", False),
        ("a: late(-1) -> <class 'LookupError'>", "ok", False),
        ("a: late(-2) failed: OSError(-2)", "fail", False),
        ("a: late(-3) -> ?: ArithmeticError(-3)", "info", True),
        ("b: open() -> ?", "info", True),
    ]
    assert told[5][0].startswith("a: late(3) -> ?: Cancelled(")
    assert told[5][1:] == ("info", True)
    assert races.run(calls_of_all_kinds).history is not result.history
    assert races.run(nothing).history == ()


async def nothing(sim: Sim) -> None:
    await trio.lowlevel.checkpoint()


async def loses_an_update(sim: Sim) -> None:
    total = 0

    async def add(number: int) -> int:
        nonlocal total
        known = total
        await trio.lowlevel.checkpoint()
        total = known + number
        return total

    async with trio.open_nursery() as nursery:
        for client in "ab":
            nursery.start_soon(sim.history.run, client, "add", add, 1)
    with suppress(NotLinearizable):
        sim.history.check(Adds)
    sim.history.check(Adds)


class Adds(SequentialModel):
    initial = 0

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        return state + args[0], state + args[0]


def test_a_history_that_is_not_linearizable_fails_the_scenario() -> None:
    found = races.search(loses_an_update)
    assert found is not None
    assert isinstance(found.result.error, NotLinearizable)
    conflict = [str(each) for each in found.result.error.verdict.conflict]
    assert sorted(conflict) == ["a: add(1) -> 1", "b: add(1) -> 1"]
    assert "these cannot all be right, whatever the others returned:" in str(found)


def test_the_models_of_these_tests_are_not_all_the_same() -> None:
    assert {type(model) for model in MODELS.values()} == {Register, Registers, Queue, Bag}
    history = History()
    for number in (1, 2):
        history.invoke("a", "put", number).ok()
    history.invoke("a", "take").ok(2)
    assert check_operations(history.operations, Queue()).verdict == "not linearizable"
    assert check_operations(history.operations, Bag()).verdict == "linearizable"
