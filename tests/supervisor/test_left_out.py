"""A child that somebody starts by hand, and waits for, is left out of the restarts of groups until it is ready."""

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ChildSpec, Intensity
from greenroom.testing import Tree, open_tree

from .children import Boom, Child, Events, specs, taken

SECONDS = 3.0


async def start_by_hand(root: Tree, events: Events, how: str) -> None:
    slow = partial(Child, slow=SECONDS)
    if how == "start":
        await root.start(slow, events, name="b", restart="permanent")
    elif how == "lookup_or_start":
        await root.registry.lookup_or_start("key", slow, events, parent=root, name="b", restart="permanent")
    else:
        await root.restart_child("b")


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@pytest.mark.parametrize("how", ["start", "restart_child", "lookup_or_start"])
async def test_a_child_that_is_started_by_hand_is_left_out_of_a_group_restart_until_it_is_ready(
    how: str, strategy: str
) -> None:
    events: Events = []
    b = [ChildSpec("b", Child, [events], kwargs={"slow": SECONDS})] if how == "restart_child" else []
    children = [*specs(events, "a"), *b]
    async with open_tree("stage", strategy=strategy, intensity=Intensity(9), children=children) as root:
        if b:
            await root.terminate_child("b")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start_by_hand, root, events, how)
            await trio.sleep(1)
            events.clear()
            root.lookup("a").tell(Boom())
            await wait_all_tasks_blocked()
            assert taken(events, "stop", "start") == "stop a start a"
            begin = trio.current_time()
        assert trio.current_time() - begin == SECONDS - 1  # nothing has kept it from becoming ready
        assert root.which_child("b").lifecycle == "ready"
        events.clear()
        root.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "stop", "start") == "stop a stop b start a start b"
        await root.lookup("b").wait_ready()
        root.reports.drain()
