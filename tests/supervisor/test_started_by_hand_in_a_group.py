"""A child that somebody starts by hand and that comes to nothing: from then on it is one of its group again."""

from typing import Any

import pytest
import trio

from greenroom import Actor, ActorStopped, ChildSpec, Context, Ignore, Intensity, Supervisor
from greenroom.testing import open_tree


class Fails(Actor[Any]):
    """Fail at the starts of these numbers, from 1."""

    def __init__(self, starts: list[str], name: str, at: int) -> None:
        self._starts, self._name, self._at = starts, name, at

    async def startup(self, ctx: Context) -> None:
        self._starts.append(self._name)
        if self._starts.count(self._name) == self._at:
            raise ValueError("not yet")

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


class HasNothingToDo(Actor[Any]):
    """Find nothing to do at the second start, and fail to say so."""

    def __init__(self, starts: list[str], name: str) -> None:
        self._starts, self._name = starts, name

    async def startup(self, ctx: Context) -> None:
        self._starts.append(self._name)
        self._ignores = self._starts.count(self._name) == 2
        if self._ignores:
            raise Ignore

    async def shutdown(self, ctx: Context, reason: object) -> None:
        if self._ignores:
            raise ValueError("of all things")

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


@pytest.mark.parametrize("at", [0, 2, 3])
async def test_a_start_by_hand_that_comes_to_nothing_leaves_no_child_out_of_its_group(at: int) -> None:
    """`b` crashes instead of ignoring its start, so its group restarts; then `a` fails, and the group begins anew."""
    starts: list[str] = []
    children = [ChildSpec("a", Fails, [starts, "a", at]), ChildSpec("b", HasNothingToDo, [starts, "b"])]
    async with open_tree("stage", strategy="one_for_all", intensity=Intensity(10, 1.0), children=children) as root:
        a, b = root.which_children()
        await b.stop()
        with pytest.raises(ActorStopped, match="before it was ready"):
            await root.restart_child("b")
        await trio.sleep(1)
        assert (a.lifecycle, b.lifecycle) == ("ready", "ready")
        a.tell(ValueError("again"))
        await trio.sleep(1)
        assert (a.lifecycle, b.lifecycle) == ("ready", "ready")
        root.reports.drain()


class StartsTheOther(Actor[Supervisor]):
    """Start `x` by hand, in a handler: who waits there must not wait for what has to end it first."""

    def __init__(self, said: list[object]) -> None:
        self._said = said

    async def receive(self, message: Supervisor, ctx: Context) -> None:
        try:
            await message.restart_child("x")
        except ActorStopped as error:
            self._said.append((trio.current_time(), str(error)))


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
@pytest.mark.parametrize("names", ["xy", "yx"])
async def test_who_starts_a_child_by_hand_does_not_wait_for_the_group_that_has_to_end_it(
    strategy: Any, names: str
) -> None:
    said: list[object] = []
    starts: list[str] = []
    specs = {
        "x": ChildSpec("x", HasNothingToDo, [starts, "x"]),
        "y": ChildSpec("y", StartsTheOther, [said], shutdown=None),
    }
    children = [specs[name] for name in names]
    async with open_tree("stage", strategy=strategy, intensity=Intensity(10, 1.0), children=children) as root:
        x, y = root.lookup("x"), root.lookup("y")
        await x.stop()
        before = trio.current_time()
        y.tell(root)
        await trio.sleep(1)
        assert said == [(before, "/stage/x: the actor ended before it was ready")]
        assert (x.lifecycle, y.lifecycle, starts.count("x")) == ("ready", "ready", 3)
        root.reports.drain()


class Slow(Actor[Any]):
    """Take long to start when told so."""

    def __init__(self, seconds: list[float]) -> None:
        self._seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(sum(self._seconds))

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


@pytest.mark.parametrize("names", ["xyz", "yxz", "zyx"])
async def test_who_starts_a_child_by_hand_does_not_wait_for_the_restart_of_their_supervisor(names: str) -> None:
    said: list[object] = []
    seconds: list[float] = []
    specs = {
        "x": ChildSpec("x", Slow, [seconds]),
        "y": ChildSpec("y", StartsTheOther, [said], shutdown=None),
        "z": ChildSpec("z", Slow, [[]]),
    }
    async with open_tree("stage") as root:
        team = root.start_supervisor(
            "team", [specs[name] for name in names], restart="permanent", intensity=Intensity(0, 5)
        )
        await team.wait_ready()
        await team.terminate_child("x")
        seconds.append(0.25)
        team.lookup("y").tell(team)
        await trio.sleep(0.125)
        before = trio.current_time()
        team.lookup("z").tell(ValueError("of all things"))
        await trio.sleep(5)
        # The last comes to its end first: where that is `y`, `x` may go on to be ready, which is what `y` waits for.
        assert said == ([] if names == "xyz" else [(before, "/stage/team/x: the actor ended before it was ready")])
        assert all(ref.lifecycle == "ready" for ref in team.which_children())
        root.reports.drain()
