"""The exit that snapshots show is the last one, whatever has become of the child since."""

from typing import Any

from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ChildSpec, Context, SupervisorSpec
from greenroom.testing import open_tree

from .children import Boom, Child, Events, specs


class Once(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        ctx.stop("done")


async def test_one_that_crashed_and_then_finished_is_parked_as_one_that_has_finished() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "a", restart="transient")) as root:
        a = root.lookup("a")
        a.tell(Boom())
        await wait_all_tasks_blocked()
        assert root.which_child("a").last_exit == "crashed: Boom"
        a.tell("finish")
        await wait_all_tasks_blocked()
        info = root.which_child("a")
        assert (info.lifecycle, info.last_exit) == ("parked", "finished")
        await root.restart_child("a")
        assert root.which_child("a").last_exit == "finished"
        root.reports.drain()


async def test_one_that_was_terminated_shows_that() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "a")) as root:
        assert root.which_child("a").last_exit == ""
        await root.terminate_child("a")
        assert root.tree().find("/stage/a").last_exit == "shutdown"  # type: ignore[union-attr]


async def test_a_supervisor_that_is_parked_by_its_automatic_shutdown_shows_that() -> None:
    team = SupervisorSpec(
        "team",
        [ChildSpec("a", Once, restart="transient", significant=True), ChildSpec("b", Child, [[]])],
        auto_shutdown="any_significant",
        restart="transient",
    )
    async with open_tree("stage", children=[team]) as root:
        root.lookup("team/a").tell("end")
        await wait_all_tasks_blocked()
        info = root.which_child("team")
        assert (info.lifecycle, info.last_exit) == ("parked", "shutdown")


async def test_a_tree_that_has_ended_shows_why() -> None:
    async with open_tree("stage") as root:
        pass
    assert root.tree().last_exit == "shutdown"


async def test_one_that_an_update_has_parked_has_no_exit_yet() -> None:
    async with open_tree("stage") as root:
        root.update_specs(specs([], "a"))
        assert root.which_child("a").last_exit == ""
