"""A child that somebody starts by hand and that comes to nothing: from then on it is one of its group again."""

from typing import Any

import pytest
import trio

from greenroom import Actor, ChildSpec, Context, Ignore, Intensity
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
        with trio.move_on_after(10):
            await root.restart_child("b")
        await trio.sleep(1)
        assert (a.lifecycle, b.lifecycle) == ("ready", "ready")
        a.tell(ValueError("again"))
        await trio.sleep(1)
        assert (a.lifecycle, b.lifecycle) == ("ready", "ready")
        root.reports.drain()
