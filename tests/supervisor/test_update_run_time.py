"""An update of the specifications that names a child which was started at run time."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ChildSpec, Context, StartupFailed, Supervisor, SupervisorSpec
from greenroom.testing import open_tree

from .children import Boom, Child, Events, specs, taken


class Version(Actor[Any]):
    def __init__(self, number: int) -> None:
        self.number = number

    def receive(self, message: Any, ctx: Context) -> Any:
        match message:
            case "crash":
                raise Boom
            case "finish":
                ctx.stop("done")
        return self.number


class Slow(Version):
    """Takes a second to start, and fails where that is wanted."""

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(1)
        if self.number < 0:
            raise Boom


def life(root: Supervisor, name: str) -> str:
    return root.which_child(name).lifecycle


async def test_a_temporary_one_keeps_its_place_and_is_restarted_as_what_the_set_declares() -> None:
    async with open_tree("stage") as root:
        job = await root.start(Version, 1, name="job")
        root.update_specs([ChildSpec("job", Version, [2])])
        assert await job.ask("?", timeout=5) == 1
        job.tell("crash")
        job.tell("waits")
        assert await job.ask("?", timeout=5) == 2
        assert (job.incarnation, root.lookup("job")) == (2, job)
        root.reports.drain()


@pytest.mark.parametrize(
    ("declared", "how", "becomes"),
    [
        ("permanent", "crash", "ready"),
        ("permanent", "finish", "ready"),
        ("transient", "crash", "ready"),
        ("transient", "finish", "parked"),
        ("temporary", "crash", ""),
        ("temporary", "finish", ""),
    ],
)
@pytest.mark.parametrize("before", ["permanent", "transient", "temporary"])
async def test_its_restart_type_is_that_of_the_set_at_once(before: Any, declared: Any, how: str, becomes: str) -> None:
    async with open_tree("stage") as root:
        job = await root.start(Version, 1, name="job", restart=before)
        root.update_specs([ChildSpec("job", Version, [2], restart=declared)])
        job.tell(how)
        await wait_all_tasks_blocked()
        assert [info.lifecycle for info in root.tree().children] == [each for each in [becomes] if each]
        root.reports.drain()


async def test_a_declared_temporary_one_keeps_its_place_once_the_set_says_so() -> None:
    async with open_tree("stage", children=[ChildSpec("job", Version, [1], restart="temporary")]) as root:
        root.update_specs([ChildSpec("job", Version, [2])])
        root.lookup("job").tell("crash")
        await wait_all_tasks_blocked()
        assert await root.lookup("job").ask("?", timeout=5) == 2
        root.reports.drain()


async def test_it_keeps_its_place_over_a_restart_of_its_supervisor() -> None:
    async with open_tree("stage") as root:
        team = root.start_supervisor("team")
        await team.wait_ready()
        job = await team.start(Version, 1, name="job")
        team.update_specs([ChildSpec("job", Version, [2])])
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert team.lookup("job") is job
        assert (job.incarnation, await job.ask("?", timeout=5)) == (2, 2)
        root.reports.drain()


async def test_it_takes_part_in_the_groups_of_its_supervisor_and_in_its_restart() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "a"), strategy="one_for_all")
        await team.wait_ready()
        b = await team.start(Child, events, name="b")
        team.update_specs(specs(events, "ab"))
        events.clear()
        team.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "stop", "start") == "stop a stop b start a start b"
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "stop", "start") == "stop b stop a start a start b"
        assert (b.lifecycle, b.incarnation, team.lookup("b")) == ("ready", 3, b)
        root.reports.drain()


async def test_its_significance_is_that_of_the_set_at_once() -> None:
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", auto_shutdown="any_significant", restart="transient")
        await team.wait_ready()
        job = await team.start(Version, 1, name="job")
        team.update_specs([ChildSpec("job", Version, [2], restart="transient", significant=True)])
        job.tell("finish")
        await wait_all_tasks_blocked()
        assert life(root, "team") == "parked"


async def test_one_that_takes_the_name_while_an_update_waits_for_a_group_is_the_declared_one_when_it_counts() -> None:
    events: Events = []
    children = [ChildSpec("a", Version, [1]), ChildSpec("b", Child, [events], kwargs={"lingers": 3.0})]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        root.lookup("a").tell("crash")
        await trio.sleep(1)
        root.update_specs([*children, ChildSpec("job", Version, [2])])
        job = root.start_soon(Version, 1, name="job")
        await trio.sleep(5)
        assert await job.ask("?", timeout=5) == 1
        job.tell("crash")
        await wait_all_tasks_blocked()
        assert await root.lookup("job").ask("?", timeout=5) == 2
        assert job is root.lookup("job")
        root.reports.drain()


async def test_a_worker_that_takes_the_name_of_a_supervisor_while_an_update_waits_stays_a_worker_and_that_is_said() -> (
    None
):
    events: Events = []
    children = [ChildSpec("a", Version, [1]), ChildSpec("b", Child, [events], kwargs={"lingers": 3.0})]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        root.lookup("a").tell("crash")
        await trio.sleep(1)
        root.update_specs([*children, SupervisorSpec("job")])
        job = root.start_soon(Version, 1, name="job", restart="permanent")
        await trio.sleep(5)
        assert "update again" in root.which_child("job").warnings["update"]
        assert root.child_spec("job") == ChildSpec("job", Version, [1], startup="deferred")
        job.tell("crash")
        await wait_all_tasks_blocked()
        assert await job.ask("?", timeout=5) == 1
        root.reports.drain()


async def _start_in_vain(root: Supervisor, number: int, seen: list[str]) -> None:
    try:
        await root.start(Slow, number, name="job")
    except StartupFailed:
        seen.append("failed")


@pytest.mark.parametrize("how", ["fails", "starter is cancelled"])
async def test_the_place_of_one_that_is_declared_while_it_starts_stays_whatever_becomes_of_that_start(how: str) -> None:
    seen: list[str] = []
    async with open_tree("stage") as root:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_start_in_vain, root, -1 if how == "fails" else 1, seen)
            await trio.sleep(0.5)
            root.update_specs([ChildSpec("job", Version, [2])])
            if how == "fails":
                await trio.sleep(1)
                assert seen == ["failed"]
            nursery.cancel_scope.cancel()
        assert life(root, "job") == "parked"
        assert await (await root.restart_child("job")).ask("?", timeout=5) == 2
        root.reports.drain()
