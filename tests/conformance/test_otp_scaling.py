"""OTP's supervisor_SUITE: what starting and stopping costs does not grow with how many are there. Counted in lines of Python, not in time."""

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from greenroom.testing import Tree

from .cast import Player, names

NO_MEANING: dict[str, str] = {}
FEW, MANY = 50, 400


async def lines_of(work: Callable[[], Awaitable[object]]) -> int:
    """Count the lines that run meanwhile, of whatever code."""
    lines = 0

    def trace(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        await work()
    finally:
        sys.settrace(before)
    return lines


async def start(tree: Tree, many: int, restart: Any) -> None:
    refs = [tree.start_soon(Player, name=f"c{n}", restart=restart) for n in range(many)]
    for ref in refs:
        await ref.wait_ready()


async def stop(tree: Tree, many: int) -> None:
    for n in range(many):
        await tree.terminate_child(f"c{n}")
    for name in names(tree):
        tree.delete_child(name)


async def test_a_child_costs_the_same_among_many_as_among_few(tree: Tree) -> None:
    """Source: OTP supervisor_SUITE, scale_start_stop_many_children — a hundred times as many children take about a hundred times as long.

    Departs: steps are counted here, for children of any number; that 100,000 of them are as quick is measured by a benchmark.
    """
    await start(tree, 3, "permanent")
    await stop(tree, 3)
    costs: dict[int, tuple[float, float]] = {}
    for many in (FEW, MANY):
        costs[many] = (
            await lines_of(lambda many=many: start(tree, many, "permanent")) / many,  # type: ignore[misc]
            await lines_of(lambda many=many: stop(tree, many)) / many,  # type: ignore[misc]
        )
        assert names(tree) == []
    for few, many_ in zip(costs[FEW], costs[MANY], strict=True):
        assert many_ < few * 1.2
