from typing import Any

import pytest
import trio

from greenroom import Agent, AlreadyRunning, Context, Turn
from greenroom.testing import Tree


class Slow(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        pass


async def test_an_agent_that_wakes_is_active_and_not_restarting(tree: Tree) -> None:
    ref = await tree.start(Slow, name="a", restart="permanent")
    ref.rest()
    await trio.sleep(1)
    assert (ref.lifecycle, tree.count_children()["active"]) == ("resting", 1)
    ref.tell("wake")
    await trio.sleep(0.5)
    assert (ref.lifecycle, ref.incarnation) == ("initializing", 2)
    assert tree.count_children() == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
    with pytest.raises(AlreadyRunning):
        await tree.restart_child("a")
    await ref.wait_ready()


async def test_one_that_is_started_by_hand_is_active_and_not_restarting(tree: Tree) -> None:
    await tree.start(Slow, name="a", restart="permanent")
    await tree.terminate_child("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tree.restart_child, "a")
        await trio.sleep(0.5)
        assert tree.count_children()["active"] == 1
        with pytest.raises(AlreadyRunning):
            await tree.restart_child("a")
