"""Section 7: what comes of the calls."""

import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    AgentTool,
    Call,
    CallRefused,
    CallResult,
    Context,
    Deadlock,
    Dispatch,
    InvalidSpec,
    LimitReached,
    Limits,
    Request,
    Tool,
    Traits,
    Turn,
    open_supervisor,
    tool,
)
from greenroom.testing import open_tree, run

Arguments = Any
FREE = {"needs_approval": False}
LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}


class Boss(Agent[Any]):
    """Do what the mail says: an async function of the context; its tools are given."""

    def __init__(self, *tools: Tool) -> None:
        self._tools = tools

    def tools(self, ctx: Context) -> Any:
        return self._tools

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        return await turn.mail[0].message(ctx)


class PlainBoss(Actor[Any]):
    def __init__(self, *tools: Tool) -> None:
        self._tools = tools

    def tools(self, ctx: Context) -> Any:
        return self._tools

    async def receive(self, message: Any, ctx: Context) -> Any:
        return await message(ctx)


async def dispatch(
    calls: list[Call], *tools: Tool, mode: Any = "ask", limits: Limits | None = None, kind: Any = Boss, **options: Any
) -> list[CallResult]:
    """Dispatch in a tree of its own."""
    async with open_tree("stage", approval=mode, limits=limits) as root:
        boss = root.start_soon(kind, *tools, name="boss")

        async def work(ctx: Context) -> Any:
            return await ctx.dispatch(calls, **options)

        results: list[CallResult] = await boss.ask(work)  # type: ignore[arg-type]
        root.reports.drain()
    return results


def calls_of(*names: str) -> list[Call]:
    return [Call(number, name, {"n": number}) for number, name in enumerate(names)]


def kinds(results: list[CallResult]) -> list[str]:
    return [result.kind for result in results]


@tool(**LOOK)
async def search(arguments: Arguments, ctx: Context) -> str:
    await trio.sleep(1)
    return f"found {arguments.get('n')}"


@tool(**FREE)
async def write(arguments: Arguments, ctx: Context) -> str:
    await trio.sleep(1)
    return "written"


@tool
def gated(arguments: Arguments, ctx: Context) -> str:
    return "done"


@tool(**LOOK)
async def fails(arguments: Arguments, ctx: Context) -> None:
    await trio.sleep(0.5)
    raise OSError("no disk")


@tool(**LOOK)
def fails_at_once(arguments: Arguments, ctx: Context) -> None:
    raise OSError("no disk")


# -- batches


@pytest.mark.parametrize("kind", [Boss, PlainBoss])
async def test_the_calls_of_a_batch_run_at_the_same_time_and_the_batches_one_after_the_other(kind: Any) -> None:
    start = trio.current_time()
    results = await dispatch(
        calls_of("search", "search", "search", "write", "write", "search"), search, write, kind=kind
    )
    assert trio.current_time() - start == pytest.approx(4)
    assert [(result.id, result.tool, result.kind) for result in results] == [
        (0, "search", "completed"), (1, "search", "completed"), (2, "search", "completed"),
        (3, "write", "completed"), (4, "write", "completed"), (5, "search", "completed"),
    ]  # fmt: skip
    assert [result.value for result in results] == ["found 0", "found 1", "found 2", "written", "written", "found 5"]
    assert {result.cause for result in results} == {""}


async def test_results_come_in_the_order_of_the_calls_whatever_ends_first() -> None:
    @tool(**LOOK)
    async def nap(arguments: Arguments, ctx: Context) -> int:
        await trio.sleep(arguments["seconds"])
        return arguments["seconds"]

    results = await dispatch([Call(f"c{n}", "nap", {"seconds": n}) for n in (3, 1, 2)], nap)
    assert [(result.id, result.value) for result in results] == [("c3", 3), ("c1", 1), ("c2", 2)]


async def test_what_comes_later_sees_what_an_earlier_batch_has_done() -> None:
    table: list[int] = []

    @tool(**FREE)
    async def put(arguments: Arguments, ctx: Context) -> None:
        await trio.sleep(1)
        table.append(arguments["n"])

    @tool(**LOOK)
    def look(arguments: Arguments, ctx: Context) -> list[int]:
        return list(table)

    results = await dispatch(calls_of("look", "put", "look", "put", "look"), put, look)
    assert [result.value for result in results] == [[], None, [1], None, [1, 3]]


async def test_no_calls_are_no_results_and_a_checkpoint_all_the_same() -> None:
    async with open_tree("stage") as root:

        async def work(ctx: Context) -> Any:
            with trio.testing.assert_checkpoints():
                return await ctx.dispatch([])

        boss = await root.start(Boss)
        assert await boss.run_turn(work) == []
        root.reports.drain()


async def test_a_function_actor_has_the_tools_that_it_names() -> None:
    async def worker(ctx: Context, into: list[Any]) -> None:
        into += await ctx.dispatch(calls_of("search", "write"), tools=[search])

    into: list[CallResult] = []
    async with open_tree("stage") as root:
        await root.start_soon(worker, into).wait_stopped()
        root.reports.drain()
    assert kinds(into) == ["completed", "refused"]


async def test_tools_that_are_given_go_before_the_hooks() -> None:
    assert kinds(await dispatch(calls_of("search", "write"), search, tools=[write])) == ["refused", "completed"]


async def test_a_method_may_be_a_tool_and_the_hook_is_asked_at_each_dispatch() -> None:
    class Grows(Agent[Any]):
        def __init__(self) -> None:
            self.asked = 0

        def tools(self, ctx: Context) -> list[Tool]:
            self.asked += 1
            return [tool(self.count, name=f"count{self.asked}", **LOOK)]

        async def count(self, arguments: Arguments, ctx: Context) -> int:
            """Count."""
            return self.asked

        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            return [await ctx.dispatch(calls_of("count1")), await ctx.dispatch(calls_of("count1"))]

    async with open_tree("stage") as root:
        first, second = await (await root.start(Grows)).run_turn("go")
        root.reports.drain()
    assert (first[0].kind, first[0].value, second[0].kind) == ("completed", 1, "refused")


# -- what does not complete


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


# -- traits fail closed


def _raises(_: Arguments) -> Traits:
    raise ValueError("no idea")


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


# -- starts


@attrs.define
class Log:
    lines: list[str] = attrs.field(factory=list)


class Child(Agent[Any]):
    log = Log()

    async def startup(self, ctx: Context) -> None:
        self.log.lines.append(f"startup {len(ctx.parent._slot.more.family.children)}")  # type: ignore[union-attr]
        await trio.sleep(5)


def starts(count: int) -> list[Call]:
    return [Call(n, "agent", {"action": "start", "factory": "child"}) for n in range(count)]


@pytest.mark.parametrize("count", [20, 200, 2_000])
async def test_many_starts_are_one_batch_and_all_are_registered_before_the_first_startup_runs(count: int) -> None:
    Child.log = Log()
    start = trio.current_time()
    calls = [Call("s", "search"), *starts(count), Call("t", "search")]
    results = await dispatch(calls, search, AgentTool({"child": Child}))
    assert set(kinds(results)) == {"completed"}
    assert trio.current_time() - start == pytest.approx(1)  # the search; nobody waited for a startup
    assert Child.log.lines == [f"startup {count}"] * count
    assert [result.value["uid"] for result in results[1:-1]] == list(range(3, 3 + count))


async def test_the_start_over_a_limit_is_told_so_and_the_others_proceed() -> None:
    Child.log = Log()
    results = await dispatch(starts(20), AgentTool({"child": Child}), limits=Limits(max_actors=14))
    assert kinds(results) == ["completed"] * 12 + ["errored"] * 8
    for result in results[12:]:
        assert isinstance(result.error, LimitReached)
        assert result.error.limit == "max_actors"
        assert "Limits.max_actors=14 is reached" in result.cause


# -- in whose task


class Hello(Request[str]):
    pass


async def test_a_tool_that_asks_its_own_agent_in_its_own_turn_is_told_of_the_deadlock() -> None:
    @tool(**FREE)
    async def asks(arguments: Arguments, ctx: Context) -> Any:
        return await ctx.ref.ask(Hello())

    (result,) = await dispatch(calls_of("asks"), asks)
    assert isinstance(result.error, Deadlock)


async def test_a_tool_may_dispatch_itself() -> None:
    @tool(**LOOK)
    async def deeper(arguments: Arguments, ctx: Context) -> Any:
        return kinds(await ctx.dispatch(calls_of("search", "fails")))

    results = await dispatch(calls_of("deeper", "deeper"), deeper, search, fails)
    assert [result.value for result in results] == [["completed", "errored"]] * 2


async def test_the_reprs_say_what_it_is() -> None:
    made = Dispatch(calls_of("search"))
    assert repr(made) == "<Dispatch of 1 calls, not begun>"
    assert repr(search) == "<FunctionTool 'search'>"
    assert made.calls == tuple(calls_of("search"))
    assert search.schema == {"type": "object"}


# -- against a model


@attrs.frozen
class Behaviour:
    """What one call is, does, and is told by the approver."""

    flags: Traits
    seconds: int
    fails: bool
    plain: bool
    answer: bool


BEHAVIOURS = st.builds(
    Behaviour,
    flags=st.builds(
        Traits,
        **dict.fromkeys(
            ("blocked", "needs_approval", "interactive", "read_only", "parallel_safe", "detached", "cancels"),
            st.booleans(),
        ),
    ),
    seconds=st.integers(0, 2),
    fails=st.booleans(),
    plain=st.booleans(),
    answer=st.booleans(),
)


def expected_kind(behaviour: Behaviour, mode: str) -> str:
    if behaviour.flags.blocked:
        return "refused"
    if behaviour.flags.needs_approval and (mode == "deny" or (mode == "ask" and not behaviour.answer)):
        return "denied"
    return "errored" if behaviour.fails else "completed"


@given(behaviours=st.lists(BEHAVIOURS, max_size=8), mode=st.sampled_from(["ask", "auto", "deny"]))
def test_any_list_of_calls_has_the_results_of_its_calls_and_no_two_batches_overlap(
    behaviours: list[Behaviour], mode: Any
) -> None:
    log: list[tuple[str, int]] = []

    class Acts(Tool):
        name = "acts"

        def traits(self, arguments: Arguments) -> Traits:
            return behaviours[arguments["n"]].flags

        def run(self, arguments: Arguments, ctx: Context) -> Any:
            n = arguments["n"]
            log.append(("begins", n))
            return self.end(n) if behaviours[n].plain else self.later(n)

        async def later(self, n: int) -> int:
            await trio.sleep(behaviours[n].seconds)
            return self.end(n)

        def end(self, n: int) -> int:
            log.append(("ends", n))
            if behaviours[n].fails:
                raise OSError(n)
            return n

    made = Dispatch(
        [Call(f"c{n}", "acts", {"n": n}) for n in range(len(behaviours))],
        tools=[Acts()],
        approver=lambda request: behaviours[request.arguments["n"]].answer,
    )

    async def main() -> None:
        async with open_tree("stage", approval=mode) as root:
            began = trio.current_time()
            await (await root.start(Boss)).run_turn(made.run)
            root.reports.drain()
            waits = [[behaviours[n].seconds for n in ran(batch) if not behaviours[n].plain] for batch in made.batches]
            assert trio.current_time() - began == pytest.approx(sum(max(each, default=0) for each in waits))

    def ran(batch: range) -> list[int]:
        return [n for n in batch if expected_kind(behaviours[n], mode) in {"completed", "errored"}]

    run(main)
    assert [(result.id, result.kind) for result in made.results] == [
        (f"c{n}", expected_kind(behaviour, mode)) for n, behaviour in enumerate(behaviours)
    ]
    assert [result.value for result in made.results if result.kind == "completed"] == [
        n for n, behaviour in enumerate(behaviours) if expected_kind(behaviour, mode) == "completed"
    ]
    # Batch after batch; in each, all begin, in order, before the first that waits has ended.
    at = 0
    for batch in made.batches:
        events, at = log[at : at + 2 * len(ran(batch))], at + 2 * len(ran(batch))
        assert [n for what, n in events if what == "begins"] == ran(batch)
        assert sorted(n for what, n in events if what == "ends") == ran(batch)
    assert at == len(log)
