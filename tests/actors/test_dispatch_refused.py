"""Section 7: traits that cannot be read allow nothing, and a wrong dispatch is told before anything runs."""

from collections.abc import Callable
from typing import Any

import pytest

from greenroom import ActorStopped, Context, Dispatch, InvalidSpec, Tool, Traits, open_supervisor, tool
from greenroom.testing import open_tree

from .boss import Boss, dispatch
from .results import kinds
from .tools import FREE, Arguments, calls_of, gated, search


def _raises(_: Arguments) -> Traits:
    raise ValueError("no idea")


# -- traits fail closed


@pytest.mark.parametrize(
    ("traits", "doubt"),
    [
        (_raises, "its tool could not say what it is: ValueError: no idea"),
        (lambda _: {"read_only": True}, "its tool said that it is a dict, which is no Traits"),
        (
            lambda _: Traits(needs_approval="no"),
            "its tool could not say what it is: TypeError: Traits: needs_approval is 'no'",
        ),
        (lambda _: None, "its tool said that it is a NoneType, which is no Traits"),
    ],
)
async def test_a_tool_that_cannot_say_what_a_call_is_has_allowed_nothing(traits: Any, doubt: str) -> None:
    asked: list[Any] = []
    unsure = tool(lambda *_: "ran", name="unsure", traits=traits)

    def approve(request: Any) -> bool:
        asked.append(request)
        return True

    denied = await dispatch(calls_of("search", "unsure", "search"), search, unsure)
    assert kinds(denied) == ["completed", "denied", "completed"]
    approved = await dispatch(calls_of("search", "unsure", "search"), search, unsure, approver=approve)
    assert kinds(approved) == ["completed"] * 3
    assert asked[0].doubt.startswith(doubt)
    assert asked[0].traits == Traits()


async def test_calls_of_which_nothing_is_known_are_batches_of_their_own() -> None:
    plans: list[Any] = []

    async def work(ctx: Context) -> None:
        unsure = tool(gated.run, name="unsure", traits=_raises)
        made = Dispatch(
            calls_of("search", "unsure", "unsure", "nobody", "search", "search"), tools=[search, unsure], approver=bool
        )
        assert made.batches == ()
        await made.run(ctx)
        plans.append([list(batch) for batch in made.batches])

    async with open_tree("stage", approval="auto") as root:
        await (await root.start(Boss)).run_turn(work)
        root.reports.drain()
    # Under "auto" they run without a question, and join nothing all the same.
    assert plans == [[[0], [1], [2], [3], [4, 5]]]


async def test_traits_are_asked_of_the_arguments_once_for_each_call_and_before_the_first_one_runs() -> None:
    log: list[Any] = []

    class Notes(Tool):
        name = "notes"

        def traits(self, arguments: Arguments) -> Traits:
            log.append(arguments["n"])
            return Traits(**FREE)

        def run(self, arguments: Arguments, ctx: Context) -> None:
            log.append("run")

    await dispatch(calls_of("notes", "notes", "notes"), Notes())
    assert log == [0, 1, 2, "run", "run", "run"]


# -- what is wrong with the dispatch itself


@pytest.mark.parametrize(
    ("tools", "text"),
    [
        ([search, tool(print, name="search")], "tools: two are called 'search'"),
        ([print], "is no Tool; make one of a function by tool"),
        ([Tool()], "has no name"),
    ],
)
async def test_wrong_tools_are_told_before_anything_runs(tools: list[Any], text: str) -> None:
    async def work(ctx: Context) -> None:
        made = Dispatch(calls_of("search"), tools=tools)
        with pytest.raises(InvalidSpec, match=text):
            await made.run(ctx)
        assert kinds(made.results) == ["not begun"]
        assert made.is_done

    async with open_tree("stage") as root:
        await (await root.start(Boss)).run_turn(work)
        root.reports.drain()


@pytest.mark.parametrize(
    ("given", "options", "error"),
    [
        (["search"], {}, TypeError),
        ([], {"approver": "me"}, TypeError),
        ([], {"approval_timeout": -1}, ValueError),
        ([], {"approval_timeout": "soon"}, ValueError),
    ],
)
def test_a_wrong_dispatch_is_told_at_once(given: Any, options: Any, error: Any) -> None:
    with pytest.raises(error, match="dispatch: "):
        Dispatch(given, **options)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: tool(3), "is no function"),  # type: ignore[call-overload]
        (lambda: tool(print, readonly=True), "readonly"),
        (lambda: tool(print, read_only="yes"), "read_only is 'yes'"),
        (lambda: tool(print, traits=_raises, read_only=True), "either traits"),
        (lambda: tool(print, traits=3), "traits is 3"),
        (lambda: tool(print, name=""), "has no name"),
    ],
)
def test_a_wrong_tool_is_told_where_it_is_made(make: Callable[[], object], text: str) -> None:
    with pytest.raises(InvalidSpec, match=text):
        make()


async def test_a_dispatch_runs_once_and_in_a_living_incarnation() -> None:
    kept: list[Context] = []

    async def work(ctx: Context) -> None:
        kept.append(ctx)
        made = Dispatch([])
        await made.run(ctx)
        with pytest.raises(RuntimeError, match="make a new one"):
            await made.run(ctx)

    async with open_tree("stage") as root:
        boss = await root.start(Boss)
        await boss.run_turn(work)
        await boss.stop()
        late = Dispatch(calls_of("search"), tools=[search])
        with pytest.raises(ActorStopped):
            await late.run(kept[0])
        assert kinds(late.results) == ["not begun"]
        root.reports.drain()


async def test_a_wrong_mode_of_the_tree_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="approval is 'yes'; give 'ask', 'auto' or 'deny'"):
        async with open_supervisor("stage", approval="yes"):  # type: ignore[arg-type]
            pass
