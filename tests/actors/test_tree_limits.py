"""P5: the limits of a tree and its numbers."""

import re
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    Agent,
    ChildSpec,
    Context,
    Intensity,
    InvalidSpec,
    LimitReached,
    Limits,
    Scheduling,
    Turn,
    open_supervisor,
)

from .registered import Plain, Starts, state

Log = list[Any]


async def test_p5_the_number_of_actors_is_limited_and_the_error_says_who_holds_it() -> None:
    async with open_supervisor("stage", limits=Limits(max_actors=3)) as root:
        root.start_soon(Plain, name="a")
        last = root.start_soon(Starts, 100.0, name="b")
        before = state(root)
        with pytest.raises(LimitReached) as caught:
            root.start_soon(Plain, name="c")
        error = caught.value
        assert (error.path, error.limit, error.value) == ("/stage/c", "max_actors", 3)
        assert sorted(error.holders) == ["/stage/a", "/stage/b"]
        assert "Limits.max_actors=3 is reached, held by /stage/a, /stage/b" in str(error)
        assert state(root) == before
        await last.stop()
        assert root.start_soon(Plain, name="c").lifecycle == "initializing"


@pytest.mark.parametrize("how", ["stop", "kill", "crash"])
async def test_p5_a_place_comes_back_only_when_its_holders_task_has_ended(how: str) -> None:
    class Lingers(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None: ...

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(3)

    async with open_supervisor("stage", limits=Limits(max_actors=2)) as root, trio.open_nursery() as nursery:
        ref = await root.start(Lingers, name="a")
        if how == "crash":
            ref.crash(OSError("no"))
        else:
            nursery.start_soon(getattr(ref, how))
        for _ in range(5):
            await trio.sleep(0.5)
            with pytest.raises(LimitReached) as caught:
                root.start_soon(Plain)
            assert caught.value.holders == ("/stage/a",)
        await ref.wait_stopped()
        root.start_soon(Plain)
        root.reports.drain()


async def test_p5_the_depth_is_limited() -> None:
    class Digs(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Digs, name="below")

    async with open_supervisor("stage", limits=Limits(max_depth=3)) as root:
        ref = root.start_soon(Digs, name="a")
        await wait_all_tasks_blocked()
        paths = [info.path for info in root.snapshot().walk()]
        assert paths == ["/stage", "/stage/a", "/stage/a/below"]
        assert ref.lifecycle == "ready"
        boss = root.lookup("a/below")
        assert boss.lifecycle == "ready"
        root.reports.drain()


async def test_p5_the_error_of_depth_says_the_limit_and_whose_it_is() -> None:
    caught: Log = []

    class Boss(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            try:
                ctx.start_soon(Plain, name="b")
            except LimitReached as error:
                caught.append(error)

    async with open_supervisor("stage", limits=Limits(max_depth=1)) as root:
        root.start_soon(Boss, name="a", mail=1)
        await wait_all_tasks_blocked()
        [error] = caught
        assert (error.path, error.limit, error.value, error.holders) == ("/stage/a/b", "max_depth", 1, ("/stage/a",))


BAD_TREES: list[dict[str, Any]] = [
    {"name": ""}, {"name": "Stage"}, {"name": 7}, {"strategy": "all"}, {"unread": "ignore"}, {"intensity": 3},
    {"limits": 7}, {"scheduling": 7}, {"children": [7]}, {"children": [ChildSpec("A", Plain)]},
    {"children": [ChildSpec("a", Plain), ChildSpec("a", Plain)]}, {"children": [ChildSpec("a", Plain, (1,))]},
    {"children": [ChildSpec("a", Plain, startup="later")]},  # type: ignore[arg-type]
    {"children": [ChildSpec("a", 7)]},  # type: ignore[arg-type]
    {"children": 7}, {"children": ChildSpec("a", Plain)}, {"on_open": 7},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_TREES, ids=lambda bad: repr(bad)[:40])
async def test_p5_a_wrong_tree_is_refused_before_anything_starts(bad: dict[str, Any]) -> None:
    options = {"name": "stage", **bad}
    with pytest.raises(InvalidSpec):
        async with open_supervisor(**options):
            raise AssertionError


def test_p5_all_that_is_wrong_with_a_set_of_specs_is_said_at_once() -> None:
    async def main() -> None:
        specs: list[Any] = [ChildSpec("A", Plain), 7, ChildSpec("b", Plain, restart="x", shutdown=-1)]  # type: ignore[arg-type]
        with pytest.raises(InvalidSpec) as caught:
            async with open_supervisor("stage", children=specs):
                raise AssertionError
        lines = str(caught.value).splitlines()
        assert [line.split(":")[0] for line in lines] == ["children[0] ('A')", "children[1]", "children[2] ('b')"]
        assert "restart" in lines[2]
        assert "shutdown" in lines[2]

    trio.run(main)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"args": 5}, "args: 5 is no list of arguments"),
        ({"args": "ab"}, "args: 'ab' is no list of arguments"),
        ({"args": None}, "args: None is no list of arguments"),
        ({"kwargs": 3}, "kwargs: 3 is not a mapping of names to arguments"),
        ({"kwargs": None}, "kwargs: None is not a mapping of names to arguments"),
        ({"kwargs": {1: 2}}, "kwargs: {1: 2} is not a mapping of names to arguments"),
    ],
)
async def test_p5_arguments_of_a_spec_that_are_no_arguments_are_refused_by_name(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpec, match=re.escape(said)):
        async with open_supervisor("stage", children=[ChildSpec("a", Plain, **bad)]):
            raise AssertionError


BAD_NUMBERS: list[Any] = [-1, 0, 1.0, "1", True, False, float("nan"), [], ..., b"1"]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
@pytest.mark.parametrize("field", ["max_actors", "max_depth", "max_concurrent_startups"])
def test_p5_a_limit_that_is_no_whole_number_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidSpec, match=f"Limits.{field}"):
        Limits(**{field: value})


@pytest.mark.parametrize("value", [-1, 0, "1", True, float("nan"), float("inf"), [], ..., b"1", 1j], ids=repr)
def test_p5_numbers_of_seconds_are_checked(value: Any) -> None:
    with pytest.raises(InvalidSpec, match="stale_after"):
        Limits(stale_after=value)
    with pytest.raises(InvalidSpec, match="within"):
        Intensity(3, value)


@pytest.mark.parametrize("value", [-1, 1.0, "1", True, None, [], ..., float("nan"), b"1", {}], ids=repr)
def test_p5_a_number_of_restarts_is_checked(value: Any) -> None:
    with pytest.raises(InvalidSpec, match="max_restarts"):
        Intensity(value)


@pytest.mark.parametrize("field", ["per_activation", "per_turn", "time_slice"])
@pytest.mark.parametrize("value", [-1, 0, "1", True, None, [], ..., float("nan"), b"1", {}], ids=repr)
def test_p5_a_scheduling_is_checked(field: str, value: Any) -> None:
    with pytest.raises(InvalidSpec, match=f"Scheduling.{field}"):
        Scheduling(**{field: value})
