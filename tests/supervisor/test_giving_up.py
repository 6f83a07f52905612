"""One that ends of itself (it gives up, or shuts down automatically) stops its children in order, also if others tell it to stop meanwhile."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ChildSpec,
    Context,
    Intensity,
    RestartIntensityExceeded,
    Supervisor,
    SupervisorSpec,
)
from greenroom import open_supervisor as open_bare
from greenroom.testing import open_tree

from .children import Boom, Events

IN_ORDER = ["c finishes at 1", "b finishes at 2", "a finishes at 3"]


class Busy(Actor[Any]):
    """Take as many seconds for a message as it says."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def receive(self, message: Any, ctx: Context) -> None:
        if isinstance(message, BaseException):
            raise message
        if message == "finish":
            ctx.stop()
            return
        how = "is cancelled"
        try:
            await trio.sleep(message)
            how = "finishes"
        finally:
            self._events.append(f"{ctx.ref.name} {how} at {trio.current_time():g}")


def busy_ones(events: Events, last: ChildSpec) -> list[ChildSpec]:
    return [*(ChildSpec(name, Busy, [events]) for name in "abc"), last]


def keep_busy(top: Supervisor) -> None:
    for seconds, name in enumerate("cba", start=1):
        top.lookup(name).tell(seconds)


async def test_a_root_that_gives_up_stops_its_children_in_order_each_in_its_time() -> None:
    events: Events = []
    children = busy_ones(events, ChildSpec("bad", Busy, [events]))
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_bare("stage", children=children, intensity=Intensity(0)) as root:
            keep_busy(root)
            await wait_all_tasks_blocked()
            root.lookup("bad").tell(Boom())
            await trio.sleep_forever()
    assert caught.group_contains(RestartIntensityExceeded)
    assert events == IN_ORDER


async def test_a_root_that_shuts_down_automatically_while_its_block_is_left_stops_its_children_in_order() -> None:
    events: Events = []
    last = ChildSpec("last", Busy, [events], restart="transient", significant=True)
    async with open_tree("stage", children=busy_ones(events, last), auto_shutdown="any_significant") as root:
        keep_busy(root)
        root.lookup("last").tell("finish")
        await trio.sleep(0.5)
    assert events == IN_ORDER


@pytest.mark.parametrize("kind", ["declared", "at run time"])
async def test_the_children_of_a_supervisor_that_gave_up_and_is_terminated_then_are_stopped_and_not_killed(
    kind: str,
) -> None:
    events: Events = []
    declared = busy_ones(events, ChildSpec("bad", Busy, [events])) if kind == "declared" else []
    async with open_tree("stage", children=[SupervisorSpec("team", declared, intensity=Intensity(0))]) as root:
        team = root.lookup_supervisor("team")
        if not declared:
            for name in ("a", "b", "c", "bad"):
                await team.start(Busy, events, name=name, restart="permanent")
        keep_busy(team)
        team.lookup("bad").tell(Boom())
        await trio.sleep(0.5)
        await root.terminate_child("team")
        assert events == IN_ORDER
        root.reports.drain()


class Leader(Actor[Any]):
    """Have busy children, and start over whenever one of them fails."""

    intensity = Intensity(0)

    def __init__(self, events: Events) -> None:
        self._events = events

    async def startup(self, ctx: Context) -> None:
        for name in ("a", "b", "c", "bad"):
            ctx.start_soon(Busy, self._events, name=name, restart="permanent")

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


@pytest.mark.parametrize("how", ["a cancellation", "a kill", "a kill of the one above"])
async def test_a_kill_that_comes_while_one_that_gave_up_stops_its_children_kills_them(how: str) -> None:
    events: Events = []
    async with open_tree("stage") as root:
        if how == "a kill":
            leader: ActorRef[Any] = await root.start(Leader, events, name="leader")
            for seconds, name in enumerate("cba", start=1):
                root.lookup(f"leader/{name}").tell(seconds)
            root.lookup("leader/bad").tell(Boom())
            await trio.sleep(0.5)
            assert not leader._slot.has_ended
            await leader.kill()
        elif how == "a kill of the one above":
            declared = busy_ones(events, ChildSpec("bad", Busy, [events]))
            above = root.start_supervisor("above", [SupervisorSpec("team", declared, intensity=Intensity(0))])
            await above.wait_ready()
            team = above.lookup_supervisor("team")
            keep_busy(team)
            team.lookup("bad").tell(Boom())
            await wait_all_tasks_blocked()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(above.ref.stop)
                await trio.sleep(0.5)
                assert not team.ref._slot.has_ended
                await above.ref.kill()
        else:
            children = busy_ones(events, ChildSpec("bad", Busy, [events]))
            with trio.move_on_after(0.5):
                async with open_bare("other", children=children, intensity=Intensity(0)) as other:
                    keep_busy(other)
                    await wait_all_tasks_blocked()
                    other.lookup("bad").tell(Boom())
                    await trio.sleep_forever()
        assert sorted(events) == [f"{name} is cancelled at 0.5" for name in "abc"]
        assert trio.current_time() == 0.5
        root.reports.drain()
