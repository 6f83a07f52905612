"""Section 7: what comes of a call that does not complete."""

import gc
import weakref
from collections.abc import Mapping
from typing import Any

import pytest
import trio

from greenroom import Call, CallRefused, Context, Tool, Traits, tool

from .boss import dispatch
from .results import kinds
from .tools import FREE, LOOK, Arguments, calls_of, fails, fails_at_once, search, write


async def test_an_exception_of_a_tool_is_its_calls_result_and_the_others_go_on() -> None:
    results = await dispatch(calls_of("search", "fails", "fails_at_once", "search"), search, fails, fails_at_once)
    assert kinds(results) == ["completed", "errored", "errored", "completed"]
    for result in results[1:3]:
        assert isinstance(result.error, OSError)
        assert result.cause == "OSError: no disk"
        assert result.value is None


async def test_an_exception_group_of_a_tool_is_its_calls_result() -> None:
    @tool(**LOOK)
    async def crowd(arguments: Arguments, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise OSError("in a nursery")

    results = await dispatch(calls_of("search", "crowd", "search"), search, crowd)
    assert kinds(results) == ["completed", "errored", "completed"]
    assert isinstance(results[1].error, ExceptionGroup)
    assert "in a nursery" in results[1].cause


async def test_a_kept_error_holds_nothing_that_its_tool_had() -> None:
    class Big:
        pass

    gone: list[weakref.ref[Big]] = []

    @tool(**LOOK)
    async def hoards(arguments: Arguments, ctx: Context) -> None:
        big = Big()
        gone.append(weakref.ref(big))
        await trio.sleep(1)
        raise OSError("x")

    results = await dispatch(calls_of("hoards", "hoards"), hoards)
    gc.collect()
    assert kinds(results) == ["errored", "errored"]
    assert [ref() for ref in gone] == [None, None]


async def test_a_tool_that_is_not_there_is_an_error_that_says_which_are() -> None:
    results = await dispatch([Call(1, "serch"), Call(2, "zzz"), Call(3, None), Call(4, [])], search, write)  # type: ignore[arg-type]
    assert kinds(results) == ["refused"] * 4
    assert results[0].cause == "no tool 'serch'; did you mean \"search\"?"
    assert results[1].cause == "no tool 'zzz'; there are: search, write"
    assert results[2].cause == "the name of a tool is a string, not of type NoneType"
    assert all(isinstance(result.error, CallRefused) for result in results)
    assert (await dispatch([Call(1, "x")]))[0].cause == "no tool 'x'; there are none"


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ("{", "the arguments are no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1]", "the arguments are of type list; give an object of arguments by name"),
        ('"x"', "the arguments are of type str; give an object of arguments by name"),
        ('{"n": NaN}', "the arguments are no JSON: NaN is no JSON"),
        ("[" * 100_000, "the arguments are nested too deeply"),
        (3, "the arguments are of type int; give an object of arguments by name"),
        ({1: 2}, "the arguments have a name of type int; names are strings"),
    ],
    ids=lambda given: str(given)[:10],
)
async def test_arguments_that_cannot_be_read_are_refused_and_the_tool_never_sees_them(given: Any, cause: str) -> None:
    seen: list[Any] = []

    def sees(arguments: Arguments) -> Traits:
        seen.append(arguments)
        return Traits(**LOOK)

    results = await dispatch(
        [Call(1, "any", given), Call(2, "search")], search, tool(seen.append, name="any", traits=sees)
    )
    assert kinds(results) == ["refused", "completed"]
    assert results[0].cause == cause
    assert seen == []


@pytest.mark.parametrize("given", [{"n": 1}, '{"n": 1}', ' {"n": 1}\n'])
async def test_arguments_are_a_mapping_or_its_json(given: Any) -> None:
    assert (await dispatch([Call(1, "search", given)], search))[0].value == "found 1"


@pytest.mark.parametrize("given", [{}, "", " ", None])
async def test_no_arguments_are_an_empty_mapping(given: Any) -> None:
    assert (await dispatch([Call(1, "search", given)], search))[0].value == "found None"


async def test_arguments_that_contain_themselves_are_refused() -> None:
    given: dict[str, Any] = {}
    given["again"] = given
    assert (await dispatch([Call(1, "search", given)], search))[0].cause == "the arguments are nested too deeply"


async def test_arguments_whose_own_code_fails_are_refused() -> None:
    class Hostile(dict[str, Any]):
        def keys(self) -> Any:
            raise OSError("no keys")

        __iter__ = keys

    class Map(Mapping[str, Any]):
        __getitem__ = __iter__ = __len__ = lambda *_: Hostile().keys()  # type: ignore[assignment]

    (result,) = await dispatch([Call(1, "search", Map())], search)
    assert (result.kind, result.cause) == ("refused", "the arguments cannot be read: OSError: no keys")


async def test_a_tool_that_says_nothing_needs_approval_and_one_that_does_nothing_says_so() -> None:
    class Bare(Tool):
        name = "bare"

    (denied,) = await dispatch(calls_of("bare"), Bare())
    assert denied.kind == "denied"
    (failed,) = await dispatch(calls_of("bare"), Bare(), approver=lambda _: True)
    assert failed.cause.endswith("Bare got {'n': 0}, but defines no run(self, arguments, ctx)")


async def test_what_a_tool_returns_may_be_any_awaitable() -> None:
    class Soon:
        def __await__(self) -> Any:
            yield from search.run({}, None).__await__()  # type: ignore[arg-type]
            return "waited for"

    soon = tool(lambda *_: Soon(), name="soon", schema={"type": "null"}, **LOOK)
    results = await dispatch(calls_of("soon", "search", "soon"), soon, search)
    assert [result.value for result in results] == ["waited for", "found 1", "waited for"]
    assert soon.schema == {"type": "null"}


async def test_what_is_approved_is_what_runs_whatever_becomes_of_the_original() -> None:
    given = {"path": ["harmless"]}

    @tool
    def remove(arguments: Arguments, ctx: Context) -> Any:
        return arguments["path"]

    async def approve(request: Any) -> bool:
        given["path"][0] = "everything"
        given["path"] = ["all"]
        return request.arguments == {"path": ["harmless"]}

    assert (await dispatch([Call(1, "remove", given)], remove, approver=approve))[0].value == ["harmless"]


@pytest.mark.parametrize("mode", ["ask", "auto", "deny"])
async def test_a_blocked_call_is_refused_without_running_and_without_a_question(mode: Any) -> None:
    ran: list[str] = []

    @tool(blocked=True)
    def forbidden(arguments: Arguments, ctx: Context) -> None:
        ran.append("tool")

    results = await dispatch(
        calls_of("search", "forbidden", "search"),
        search,
        forbidden,
        mode=mode,
        approver=lambda _: ran.append("approver"),
    )
    assert kinds(results) == ["completed", "refused", "completed"]
    assert results[1].cause == "this call of 'forbidden' is blocked"
    assert ran == []


async def test_a_call_that_its_own_tool_refuses_has_done_nothing_and_is_called_refused() -> None:
    @tool(**FREE)
    def picky(arguments: Arguments, ctx: Context) -> None:
        raise CallRefused("give a number")

    result = (await dispatch(calls_of("picky"), picky))[0]
    assert (result.kind, result.cause) == ("refused", "give a number")
