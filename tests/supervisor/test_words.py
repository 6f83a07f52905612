"""What supervisors say is true in each case: in exit reasons, in causes, in refusals."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRestarting,
    ActorStopping,
    ChildrenFailed,
    ChildSpec,
    Context,
    Intensity,
    Shutdown,
    StartupFailed,
    StartupInProgress,
    Supervisor,
    SupervisorSpec,
)
from greenroom.testing import open_tree

from .children import Boom, Child, Events, specs


class Hears(Actor[Any]):
    def __init__(self, heard: list[Any]) -> None:
        self._heard = heard

    def receive(self, message: Any, ctx: Context) -> None:
        if message == "finish":
            ctx.stop("done")
        else:
            raise Boom

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self._heard.append((ctx.ref.name, reason))


class Fails(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        raise Boom("disk")

    def receive(self, message: Any, ctx: Context) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("restart", "message", "becomes"),
    [("permanent", "crash", "ready"), ("transient", "finish", "parked"), ("temporary", "crash", "")],
    ids=["that restarts", "that is parked", "that is forgotten"],
)
async def test_the_children_of_a_supervisor_hear_that_they_end_with_it(
    restart: Any, message: str, becomes: str
) -> None:
    heard: list[Any] = []
    team = SupervisorSpec(
        "team",
        [ChildSpec("a", Hears, [heard]), ChildSpec("b", Hears, [heard], restart="transient", significant=True)],
        auto_shutdown="any_significant",
        restart=restart,
        intensity=Intensity(0),
    )
    async with open_tree("stage", children=[team]) as root:
        root.lookup("team/b").tell(message)
        await wait_all_tasks_blocked()
        assert [info.lifecycle for info in root.tree().children] == [each for each in [becomes] if each]
        assert heard[-1] == ("a", Shutdown("ended with its supervisor"))
        root.reports.drain()


async def _wait_ready(root: Supervisor) -> None:
    await root.start_soon(Fails).wait_ready()


async def _start(root: Supervisor) -> None:
    await root.start(Fails)


async def _ask(root: Supervisor) -> None:
    await root.start_soon(Fails).ask("?", timeout=5)


async def _wait_ready_late(root: Supervisor) -> None:
    ref = root.start_soon(Fails)
    await ref.wait_stopped()
    await ref.wait_ready()


async def _tell_late(root: Supervisor) -> None:
    ref = root.start_soon(Fails)
    await ref.wait_stopped()
    ref.tell("?")


@pytest.mark.parametrize("do", [_wait_ready, _start, _ask, _wait_ready_late, _tell_late])
async def test_what_a_startup_raised_is_the_cause_of_what_everybody_is_told(do: Any) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed) as caught:
            await do(root)
        assert isinstance(caught.value.__cause__, Boom)
        assert caught.value.__cause__ is caught.value.error
        root.reports.drain()


async def test_the_chain_of_causes_of_a_supervisor_that_did_not_start_goes_down_to_what_the_child_raised() -> None:
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Fails)], restart="temporary")
        with pytest.raises(StartupFailed) as caught:
            await team.wait_ready()
        failed = caught.value.__cause__
        assert isinstance(failed, ChildrenFailed)
        assert isinstance(failed.__cause__, Boom)
        root.reports.drain()


async def test_a_restart_by_hand_is_refused_in_its_own_words_while_the_supervisor_is_not_ready() -> None:
    events: Events = []
    slow = ChildSpec("slow", Child, [events], kwargs={"slow": 3.0, "lingers": 1.0})
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [*specs(events, "a"), slow])
        await trio.sleep(1)
        await team.terminate_child("a")
        with pytest.raises(StartupInProgress) as first:
            await team.restart_child("a")
        assert str(first.value) == (
            "/stage/team: is starting and starts no child again by hand (restart of 'a') until it is ready"
        )
        await team.wait_ready()
        assert (await team.restart_child("a")).lifecycle == "ready"
        team.ref.crash(Boom())
        await trio.sleep(2)
        await team.terminate_child("a")
        with pytest.raises(ActorRestarting) as again:
            await team.restart_child("a")
        assert str(again.value) == (
            "/stage/team: is restarting and starts no child again by hand (restart of 'a') until it is ready"
        )
        await team.wait_ready()
        await team.terminate_child("a")
        team.ref.request_stop()
        with pytest.raises(ActorStopping, match="is stopping and starts no child again by hand"):
            await team.restart_child("a")
        root.reports.drain()
