"""A supervisor is never blocked: it answers while others start, hang or take their time to stop; and rest goes with strategies."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Agent, ChildSpec, Context, Strategy, SupervisorSpec, Turn
from greenroom.testing import open_tree

from .children import Boom, Child, Events, Who, specs


class Hangs(Child):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


async def test_listing_counting_and_terminating_are_answered_at_once_while_100_startups_hang() -> None:
    events: Events = []
    children = [
        ChildSpec(f"h{number}", Hangs, [events], startup="deferred", startup_timeout=None) for number in range(100)
    ]
    async with open_tree("stage", children=[*children, *specs(events, "a")]) as root:
        begin = trio.current_time()
        assert root.count_children() == {"specs": 101, "active": 101, "supervisors": 0, "workers": 101}
        assert [info.lifecycle for info in root.tree().children].count("initializing") == 100
        assert await root.lookup("a").ask(Who(), timeout=1) == "a"
        for number in range(0, 100, 10):
            await root.terminate_child(f"h{number}")
            assert root.which_child(f"h{number}").lifecycle == "parked"
            root.delete_child(f"h{number}")
        more = await root.start(Child, events, name="more")
        await more.stop()
        assert root.count_children()["specs"] == 91
        assert trio.current_time() == begin


async def test_an_inline_startup_that_hangs_holds_up_its_supervisor_and_nobody_else() -> None:
    events: Events = []
    inner = SupervisorSpec("inner", [ChildSpec("h", Hangs, [events], startup_timeout=None), *specs(events, "z")])
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [*specs(events, "a"), inner])
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        assert await root.lookup("team/a").ask(Who(), timeout=1) == "a"
        assert root.which_child("team").lifecycle == "initializing"
        assert root.lookup("team/inner/z").lifecycle == "queued"
        await root.lookup_supervisor("team/inner").terminate_child("h")
        await team.wait_ready()
        assert await root.lookup("team/inner/z").ask(Who(), timeout=1) == "z"
        assert trio.current_time() == begin


class Rester(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> Any:
        if turn.mail[0].message == "crash":
            ctx.ref.crash(Boom())
        return ctx.ref.incarnation


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_a_group_restart_leaves_the_resting_at_rest_and_mail_still_wakes_them(strategy: Strategy) -> None:
    events: Events = []
    children = [*specs(events, "a"), ChildSpec("r", Rester), *specs(events, "b")]
    async with open_tree("stage", strategy=strategy, children=children) as root:
        r = root.lookup("r")
        r.rest()
        await wait_all_tasks_blocked()
        before = r.incarnation
        root.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        assert (r.lifecycle, r.incarnation) == ("resting", before)
        assert root.count_children()["active"] == 3
        r.tell("wake")
        await wait_all_tasks_blocked()
        assert (r.lifecycle, r.incarnation) == ("ready", before)


async def test_what_crashes_after_its_rest_takes_its_group_along_and_a_wake_that_fails_is_a_failure() -> None:
    events: Events = []
    failing: list[bool] = []

    class Wakes(Rester):
        async def startup(self, ctx: Context) -> None:
            if failing:
                failing.pop()
                raise Boom

    async with open_tree(
        "stage", strategy="one_for_all", children=[*specs(events, "a"), ChildSpec("r", Wakes)]
    ) as root:
        a, r = root.which_children()
        r.rest()
        await wait_all_tasks_blocked()
        r.tell("crash")
        await wait_all_tasks_blocked()
        assert (a.incarnation, r.lifecycle) == (2, "ready")
        r.rest()
        await wait_all_tasks_blocked()
        failing.append(True)
        r.tell("wake")
        await wait_all_tasks_blocked()
        assert (a.incarnation, a.lifecycle, r.lifecycle) == (3, "ready", "ready")


async def test_a_resting_child_starts_with_its_restarted_supervisor_and_not_before() -> None:
    async with open_tree("stage") as root:
        slow = ChildSpec("slow", Child, [[]], kwargs={"slow": 3.0})
        team = root.start_supervisor("team", [slow, ChildSpec("r", Rester)])
        await team.wait_ready()
        r = root.lookup("team/r")
        r.rest()
        await wait_all_tasks_blocked()
        before = r.incarnation
        team.ref.crash(Boom())
        await trio.sleep(1)
        r.tell("waits")
        assert r.lifecycle == "restarting"
        await trio.sleep(1)
        assert r.lifecycle == "restarting"
        await team.wait_ready()
        await wait_all_tasks_blocked()
        assert (r.lifecycle, r.incarnation) == ("ready", before)


async def test_a_resting_significant_child_is_alive() -> None:
    events: Events = []
    options: Any = {"significant": True, "restart": "transient"}
    children = [ChildSpec("r", Rester, **options), *specs(events, "a", **options)]
    async with open_tree("stage", auto_shutdown="all_significant", children=children) as root:
        root.lookup("r").rest()
        root.lookup("a").tell("finish")
        await wait_all_tasks_blocked()
        assert root.ref.lifecycle == "ready"
        assert root.lookup("r").lifecycle == "resting"
