"""OTP's supervisor_SUITE: what starting and stopping costs does not grow with how many are there. Counted in lines of Python, not in time."""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from greenroom import Supervisor
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


async def start(supervisor: Supervisor, many: int, restart: Any) -> None:
    refs = [supervisor.start_soon(Player, name=f"c{n}", restart=restart) for n in range(many)]
    for ref in refs:
        await ref.wait_ready()


async def stop(supervisor: Supervisor, many: int) -> None:
    for n in range(many):
        await supervisor.terminate_child(f"c{n}")
    for name in names(supervisor):
        supervisor.delete_child(name)


async def costs(supervisor: Supervisor, many: int, restart: Any) -> tuple[float, float]:
    """Count what one of so many children costs: its start, and its end by hand."""
    started = await lines_of(partial(start, supervisor, many, restart))
    stopped = await lines_of(partial(stop, supervisor, many))
    assert names(supervisor) == []
    return started / many, stopped / many


async def test_a_child_costs_the_same_among_many_as_among_few(tree: Tree) -> None:
    """Source: OTP supervisor_SUITE, scale_start_stop_many_children — a hundred times as many children take about a hundred times as long.

    Departs: steps are counted here, of fewer children; that 100,000 of them are as quick is measured by a benchmark.
    """
    await costs(tree, 3, "permanent")  # what is done once is none of it
    few, many = [await costs(tree, number, "permanent") for number in (FEW, MANY)]
    assert many[0] < few[0] * 1.2
    assert many[1] < few[1] * 1.2


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_and_so_it_does_below_a_dynamic_supervisor(tree: Tree, restart: Any) -> None:
    """Source: OTP supervisor_SUITE, simple_one_for_one_scale_many_temporary_children — ten times as many children take about ten times as long to
    end.
    """
    pool = tree.start_supervisor("pool", strategy="dynamic")
    await pool.wait_ready()
    await costs(pool, 3, restart)
    few, many = [await costs(pool, number, restart) for number in (FEW, MANY)]
    assert many[0] < few[0] * 1.2
    assert many[1] < few[1] * 1.2
