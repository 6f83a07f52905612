"""Supervisors that are parked, or have been started again by hand and have not begun: they are what they are declared to be."""

import pytest
import trio

from greenroom import Actor, ActorStopped, ChildSpec, Context, Supervisor, SupervisorSpec
from greenroom.supervisor._team import ACTORS_PLAN
from greenroom.testing import open_tree


class Plain(Actor[str]):
    def receive(self, message: str, ctx: Context) -> None:
        if message == "child":
            for name in ("x", "y"):
                ctx.start_soon(Plain, name=name, restart="permanent")


def names(team: Supervisor) -> list[tuple[str, str]]:
    return [(ref.name, ref.lifecycle) for ref in team.which_children()]


async def about_to_begin(root: Supervisor, nursery: trio.Nursery) -> Supervisor:
    """Return a supervisor that has been started again by hand, and has not begun: Trio may let it begin first, and then it is tried once more."""
    team = root.start_supervisor("team", [ChildSpec("a", Plain)])
    while True:
        await team.wait_ready()
        await root.terminate_child("team")
        nursery.start_soon(root.restart_child, "team")
        while team.ref.lifecycle == "parked":
            await trio.lowlevel.checkpoint()
        if not names(team):
            return team


async def test_an_update_before_a_supervisor_that_is_started_again_has_begun_is_of_it_alone() -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        team = await about_to_begin(root, nursery)
        assert (team.ref.lifecycle, names(team)) == ("initializing", [])
        team.update_specs([ChildSpec("b", Plain), ChildSpec("c", Plain)], strategy="one_for_all")
        await team.wait_ready()
        assert names(team) == [("b", "ready"), ("c", "ready")]
        assert team.snapshot().strategy == "one_for_all"
        await root.terminate_child("team")
        await root.restart_child("team")
        assert names(team) == [("b", "ready"), ("c", "ready")]
        assert (ACTORS_PLAN.strategy, ACTORS_PLAN.specs) == ("one_for_one", ())
        root.reports.drain()


async def test_an_actor_with_children_goes_by_no_update_of_others() -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        team = await about_to_begin(root, nursery)
        team.update_specs([ChildSpec("x", Plain), ChildSpec("y", Plain)], strategy="one_for_all")
        boss = await root.start(Plain, name="boss", mail="child")
        await trio.testing.wait_all_tasks_blocked()
        root.lookup("boss/x").crash(ValueError("one"))
        await trio.testing.wait_all_tasks_blocked()
        assert [root.lookup(f"boss/{name}").incarnation for name in "xy"] == [2, 1]
        assert boss.lifecycle == "ready"
        root.reports.drain()


@pytest.mark.parametrize("declared_by", ["start", "update"])
async def test_a_parked_supervisor_with_partitions_says_how_many_and_has_them_when_it_is_started(
    declared_by: str,
) -> None:
    spec = SupervisorSpec("inner", [ChildSpec("part", Plain)], partitions=3)
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [spec] if declared_by == "start" else [])
        await team.wait_ready()
        if declared_by == "start":
            await team.terminate_child("inner")
        else:
            team.update_specs([spec])
        inner = team.lookup_supervisor("inner")
        assert (inner.ref.lifecycle, inner.partitions) == ("parked", 3)
        await team.restart_child("inner")
        assert names(inner) == [(f"part-{number}", "ready") for number in range(3)]
        assert inner.partition("key").name.startswith("part-")
        root.reports.drain()


async def test_a_parked_supervisor_has_nothing_to_update() -> None:
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Plain)])
        await root.terminate_child("team")
        with pytest.raises(ActorStopped, match="has ended; there is nothing to update"):
            team.update_specs([])
        await root.restart_child("team")
        assert names(team) == [("a", "ready")]
        root.reports.drain()
