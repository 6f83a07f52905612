"""A resting agent that mail wakes while its group restarts: it starts in its turn, and not before."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, Agent, ChildSpec, Context, Turn
from greenroom.testing import open_tree


class Slow(Actor[Any]):
    """Take a second to start and to end."""

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.sleep(1)

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


class Dozes(Agent[Any]):
    def __init__(self, got: list[tuple[float, Any]]) -> None:
        self._got = got

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        self._got += [(trio.current_time(), mail.message) for mail in turn.mail]


@pytest.mark.parametrize("seconds", [1.5, 2.5, 3.5])
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_who_is_woken_while_its_group_restarts_starts_after_those_before_it(
    strategy: Any, seconds: float
) -> None:
    """`a` crashes and takes a second to end, then `b` does, then each takes a second to start."""
    got: list[tuple[float, Any]] = []
    children = [ChildSpec("a", Slow), ChildSpec("b", Slow), ChildSpec("c", Dozes, [got])]
    async with open_tree("stage", strategy=strategy, children=children) as root:
        a, b, c = root.which_children()
        c.rest()
        await wait_all_tasks_blocked()
        begun = trio.current_time()
        a.tell(ValueError("again"))
        await trio.sleep(seconds)
        c.tell("wake")
        await wait_all_tasks_blocked()
        assert (c.lifecycle, got) == ("restarting", [])
        await c.wait_ready()
        assert (a.lifecycle, b.lifecycle, c.incarnation) == ("ready", "ready", 2)
        await wait_all_tasks_blocked()
        assert got == [(begun + 4.0, "wake")]
        root.reports.drain()


async def test_who_rests_through_it_rests_on_and_wakes_later() -> None:
    got: list[tuple[float, Any]] = []
    children = [ChildSpec("a", Slow), ChildSpec("c", Dozes, [got])]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        a, c = root.which_children()
        c.rest()
        await wait_all_tasks_blocked()
        a.tell(ValueError("again"))
        await trio.sleep(5)
        assert (a.lifecycle, c.lifecycle) == ("ready", "resting")
        c.tell("wake")
        await wait_all_tasks_blocked()
        assert [message for _, message in got] == ["wake"]
        root.reports.drain()
