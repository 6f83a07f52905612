"""Supervisors whose children are started again, by a restart or another attempt: all of the set, also who had ended; and it is told."""

import logging
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    Backoff,
    ChildSpec,
    ChildStartupFailed,
    Context,
    InvalidSpec,
    Supervisor,
    SupervisorSpec,
)
from greenroom.testing import open_tree

from .children import Boom


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        raise message


class Fails(Plain):
    """Fail to start so often."""

    def __init__(self, left: list[int]) -> None:
        self._left = left

    async def startup(self, ctx: Context) -> None:
        if self._left:
            self._left.pop()
            raise Boom


class Job(Plain):
    """Do one thing, and end."""

    def __init__(self, runs: list[str]) -> None:
        self._runs = runs

    async def startup(self, ctx: Context) -> None:
        self._runs.append(ctx.start_source)
        ctx.stop()


def lives(team: Supervisor) -> list[tuple[str, str]]:
    return [(ref.name, ref.lifecycle) for ref in team.which_children()]


# -- keys that others have taken


@pytest.mark.parametrize("startup", ["inline", "deferred"])
@pytest.mark.parametrize("end", ["stop", "delete", "terminate the team"])
async def test_a_key_that_another_has_taken_meanwhile_is_left_to_it_when_its_supervisor_starts_again(
    startup: Any, end: str
) -> None:
    restart: Any = "temporary" if end == "stop" else "permanent"
    kid = ChildSpec("kid", Plain, restart=restart, startup=startup, keys=["K"])
    async with open_tree("stage", children=[SupervisorSpec("team", [kid, ChildSpec("x", Plain)])]) as root:
        team = root.lookup_supervisor("team")
        first = team.lookup("kid")
        if end == "stop":
            await first.stop()
        elif end == "delete":
            await team.terminate_child("kid")
            team.delete_child("kid")
        else:
            await root.terminate_child("team")
        other = await root.start(Plain, name="other", keys=["K"])
        if end == "terminate the team":
            await root.restart_child("team")
        else:
            team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert lives(team) == [("kid", "ready"), ("x", "ready")]
        assert root.registry.whereis("K") == other
        assert team.which_child("kid").warnings == {"keys": "a key of its specification is in use by /stage/other"}
        await other.stop()
        team.lookup("kid").crash(Boom())
        if end == "stop":
            team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert root.registry.whereis("K") == team.lookup("kid")
        assert not team.which_child("kid").warnings
        root.reports.drain()


async def test_a_key_of_a_child_further_down_that_another_holds_is_told_by_an_update() -> None:
    team = SupervisorSpec("team", [ChildSpec("a", Plain, keys=["mine"]), ChildSpec("b", Plain)])
    async with open_tree("stage", children=[team]) as root:
        await root.start(Plain, name="other", keys=["K"])
        wanted = SupervisorSpec(
            "team", [ChildSpec("a", Plain), SupervisorSpec("m", [ChildSpec("x", Plain, keys=["K"])])]
        )
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([wanted, ChildSpec("late", Plain, shutdown=-1)])
        told = str(caught.value).splitlines()
        assert told[0] == "team/m/x: keys: 'K' is in use by /stage/other"
        assert "shutdown: -1" in told[1]
        assert len(told) == 2
        # What one of its own holds goes with it.
        root.update_specs([SupervisorSpec("team", [ChildSpec("a", Plain), ChildSpec("b", Plain, keys=["mine"])])])


async def test_what_cannot_be_beside_what_there_is_is_told_with_all_else() -> None:
    async with open_tree("stage", children=[SupervisorSpec("m"), ChildSpec("o", Plain)]) as root:
        await root.start(Plain, name="other", keys=["K"])
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs(
                [ChildSpec("m", Plain), ChildSpec("o", Plain, keys=["K"]), ChildSpec("z", Plain, shutdown=-1)]
            )
        told = str(caught.value).splitlines()
        assert told[:2] == [
            "m: a supervisor cannot become a worker, or a worker a supervisor",
            "o: keys: 'K' is in use by /stage/other",
        ]
        assert "shutdown: -1" in told[2]


# -- attempts of start_retry


async def test_each_attempt_is_a_whole_start_also_of_who_had_ended() -> None:
    runs: list[str] = []
    job = ChildSpec("job", Job, [runs], restart="temporary", startup="deferred")
    task = ChildSpec("task", Job, [runs], restart="transient", startup="deferred")
    children = [job, task, ChildSpec("slow", Fails, [[1, 1]])]
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", children, start_retry=Backoff(1.0, 1.0))
        await trio.sleep(10)
        assert team.ref.lifecycle == "ready"
        assert len(runs) == 2 * 3
        team.reports.drain()


async def test_who_is_declared_meanwhile_is_started_by_the_next_attempt() -> None:
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Fails, [[1] * 50])], start_retry=Backoff(1.0, 1.0))
        await trio.sleep(0.5)
        team.update_specs([ChildSpec("b", Plain)])
        await team.wait_ready()
        assert lives(team) == [("b", "ready")]
        team.reports.drain()


async def test_an_attempt_that_fails_is_reported_logged_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "greenroom")
    async with open_tree("stage") as root:
        children = [ChildSpec("x", Plain), ChildSpec("a", Fails, [[1, 1]])]
        team = root.start_supervisor("team", children, start_retry=Backoff(5.0, 5.0))
        await trio.sleep(1)
        text = (
            "attempt 2 to start has failed, and is followed by another: /stage/team/a: failed to initialize: Boom; "
            "stopped again: /stage/team/x"
        )
        assert root.which_child("team").warnings == {"start": text}
        assert f"/stage/team: {text}" in [record.getMessage() for record in caplog.records]
        await team.wait_ready()
        assert not root.which_child("team").warnings
        failed = [each for each in team.reports.drain() if isinstance(each, ChildStartupFailed)]
        assert [(each.path, each.incarnation, each.cause, each.restarting) for each in failed] == [
            ("/stage/team/a", number, "Boom", True) for number in (1, 2)
        ]


# -- what a specification comes to


async def test_the_specification_of_a_supervisor_is_what_updates_of_its_own_have_made_of_it() -> None:
    first = SupervisorSpec("m", [ChildSpec("a", Plain), ChildSpec("b", Plain)], shutdown=3.0)
    async with open_tree("stage", children=[first, ChildSpec("o", Plain)]) as root:
        m = root.lookup_supervisor("m")
        assert root.child_spec("m") is first
        m.update_specs([ChildSpec("c", Plain)], strategy="one_for_all")
        spec = root.child_spec("m")
        assert isinstance(spec, SupervisorSpec)
        assert (spec.strategy, spec.shutdown, spec.intensity) == ("one_for_all", 3.0, None)
        assert [each.name for each in spec.children] == ["c"]
        root.update_specs([spec, root.child_spec("o")])  # which undoes nothing
        m.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert lives(m) == [("c", "ready")]
        assert m.snapshot().strategy == "one_for_all"
        root.reports.drain()


@pytest.mark.parametrize("declared", [True, False])
async def test_the_specification_of_a_supervisor_with_partitions_can_be_given_back(declared: bool) -> None:
    def arguments(args: tuple[Any, ...], index: int) -> tuple[Any, ...]:
        return (*args, [index])

    kid = ChildSpec("part", Job)
    options: Any = {"partitions": 2, "with_arguments": arguments}
    async with open_tree("stage") as root:
        if declared:
            root.update_specs([SupervisorSpec("p", [kid], **options)])
        else:
            root.start_supervisor("p", [kid], **options)
        spec = root.child_spec("p")
        assert isinstance(spec, SupervisorSpec)
        assert (spec.partitions, spec.children, spec.with_arguments) == (2, (kid,), arguments)
        root.reports.drain()
