"""Keys of a specification that another has when they are wanted: tried again at each start."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ActorRef, Agent, Backoff, ChildSpec, Context, Intensity, Supervisor, Turn
from greenroom.testing import open_tree

from .keyed import Quiet, keys

TAKEN = {"keys": "a key of its specification is in use by /stage/other"}


class Sleepy(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        pass


async def start_again(root: Supervisor, ref: ActorRef[Any], how: str) -> None:
    """Have a child begin its next incarnation."""
    match how:
        case "restart":
            ref.crash(OSError())
        case "by hand":
            await root.terminate_child("a")
            await root.restart_child("a")
        case _:
            ref.rest()
            await wait_all_tasks_blocked()
            await ref.wait_ready()
    await wait_all_tasks_blocked()


@pytest.mark.parametrize("how", ["restart", "by hand", "waking"])
async def test_a_key_that_another_had_is_taken_at_the_first_start_after_that_has_gone(how: str) -> None:
    async with open_tree("stage", children=[ChildSpec("a", Sleepy)], intensity=Intensity(9)) as root:
        a = root.lookup("a")
        root.update_specs([ChildSpec("a", Sleepy, keys=["k", "mine"])])
        other = await root.start(Quiet, name="other", keys=["k"])
        for _ in range(2):
            await start_again(root, a, how)
            assert (root.registry.whereis("k"), root.registry.keys(a)) == (other, ["mine"])
            assert root.which_child("a").warnings == TAKEN
        await other.stop()
        assert root.registry.whereis("k") is None  # until its next start
        assert root.which_child("a").warnings == TAKEN
        await start_again(root, a, how)
        assert root.registry.keys(a) == ["mine", "k"]
        assert root.which_child("a").warnings == {}
        await start_again(root, a, how)
        assert keys(root) == ["mine", "k"]
        root.reports.drain()


async def test_the_warning_stays_between_two_incarnations() -> None:
    class Late(Quiet):
        async def startup(self, ctx: Context) -> None:
            if ctx.ref.incarnation == 2:
                raise OSError

    async with open_tree("stage", children=[ChildSpec("a", Late, backoff=Backoff(5.0, 5.0))]) as root:
        root.update_specs([ChildSpec("a", Late, keys=["k"], backoff=Backoff(5.0, 5.0))])
        await root.start(Quiet, name="other", keys=["k"])
        root.lookup("a").tell(OSError())
        await trio.sleep(1)
        info = root.which_child("a")
        assert (info.lifecycle, info.warnings) == ("restarting", TAKEN)
        await root.terminate_child("a")
        assert root.which_child("a").warnings == TAKEN
        root.reports.drain()


async def test_the_warning_stays_while_it_rests() -> None:
    async with open_tree("stage", children=[ChildSpec("a", Sleepy)]) as root:
        root.update_specs([ChildSpec("a", Sleepy, keys=["k"])])
        await root.start(Quiet, name="other", keys=["k"])
        a = root.lookup("a")
        await start_again(root, a, "restart")
        a.rest()
        await wait_all_tasks_blocked()
        info = root.which_child("a")
        assert (info.lifecycle, info.warnings) == ("resting", TAKEN)
        root.reports.drain()


async def test_a_new_specification_that_wants_no_such_key_has_no_such_warning() -> None:
    async with open_tree("stage", children=[ChildSpec("a", Quiet, keys=["old"])]) as root:
        root.update_specs([ChildSpec("a", Quiet, keys=["k"])])
        await root.start(Quiet, name="other", keys=["k"])
        a = root.lookup("a")
        await start_again(root, a, "restart")
        root.update_specs([ChildSpec("a", Quiet)])
        assert root.which_child("a").warnings == TAKEN
        await start_again(root, a, "restart")
        assert (root.which_child("a").warnings, root.registry.keys(a)) == ({}, [])
        root.reports.drain()
