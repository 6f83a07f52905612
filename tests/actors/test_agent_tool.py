"""Section 7: the agent tool: an agent's children, as something to dispatch."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorStopping,
    Agent,
    AgentTool,
    Call,
    Context,
    Dispatch,
    Limits,
    Startable,
    StartupFailed,
    Turn,
    tool,
)
from greenroom.testing import open_tree

from .manager import FACTORIES, LOOK, Boss, Breaks, Hangs, Nests, Worker, boss_of, start, yes
from .results import kinds

settle = trio.testing.wait_all_tasks_blocked


# -- what each action does


async def test_a_start_returns_at_once_with_what_the_child_is_called() -> None:
    began = trio.current_time()
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        results = await boss.run_turn([start(), start("hangs", name="slow"), start(name="w")])
        assert trio.current_time() == began
        assert [result.value for result in results] == [
            {"agent": "worker-3", "path": "/stage/boss/worker-3", "uid": 3},
            {"agent": "slow", "path": "/stage/boss/slow", "uid": 4},
            {"agent": "w", "path": "/stage/boss/w", "uid": 5},
        ]
        assert [ref.path for ref in boss._slot.ctx.children()] == [result.value["path"] for result in results]
        root.reports.drain()


async def test_a_start_takes_arguments_and_a_first_message() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        arguments = {"factor": 10, "offset": 3}
        await boss.run_turn([start(name="w", arguments=arguments, message=2)])
        (result,) = await boss.run_turn([{"action": "wait", "agents": ["w"]}])
        assert result.value == {
            "timed_out": False,
            "agents": [{"agent": "w", "lifecycle": "ready", "status": "completed", "result": 23}],
        }
        root.reports.drain()


async def test_what_a_call_gives_goes_before_the_options_that_were_given() -> None:
    async with open_tree("stage") as root:
        given = Startable(Worker, options={"name": "w", "labels": {"role": "clerk"}, "restart": "permanent"})
        boss = await root.start(Boss, AgentTool({"worker": given}))
        await boss.run_turn([start(), start(name="v")])
        children = {ref.name: ref for ref in boss._slot.ctx.children()}
        assert {name: ref.labels for name, ref in children.items()} == {"w": {"role": "clerk"}, "v": {"role": "clerk"}}
        assert children["v"]._slot.policy.restart == "permanent"
        root.reports.drain()


async def test_status_tells_of_all_children_or_of_one() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn(
            [start("hangs", name="h"), start(name="a", message=5), start(name="b", message="fail"), start(name="c")]
        )
        await trio.sleep(1)
        everybody, one, nobody = await boss.run_turn(
            [{"action": "status"}, {"action": "status", "agent": "b"}, {"action": "status", "agent": "x"}]
        )
        assert everybody.value["agents"] == [
            {"agent": "h", "lifecycle": "initializing", "status": "starting"},
            {"agent": "a", "lifecycle": "ready", "status": "running"},
            {"agent": "b", "lifecycle": "ready", "status": "errored", "error": "OSError: no luck"},
            {"agent": "c", "lifecycle": "ready", "status": "idle"},
        ]
        assert one.value == everybody.value["agents"][2]
        assert nobody.value == {"agent": "x", "status": "not found"}
        root.reports.drain()


async def test_peek_tells_all_that_there_is_and_all_of_it_is_plain_data() -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        boss = await boss_of(root)
        await boss.run_turn([start("nests", name="n"), start("hangs", name="h", message=1)])
        await trio.sleep(2)
        nests, hangs, inner, absolute = await boss.run_turn(
            [{"action": "peek", "agent": agent} for agent in ("n", "h", "n/inner", "/stage/boss/n/inner")]
        )
        assert nests.value == {
            "agent": "n", "lifecycle": "ready", "status": "idle", "path": "/stage/boss/n", "uid": 3, "incarnation": 1, "age": 2.0,
            "queued": 0, "accepted": 0, "turns": 0, "last_exit": "", "warnings": {}, "labels": {}, "children": ["inner"],
        }  # fmt: skip
        assert (hangs.value["status"], hangs.value["queued"]) == ("starting", 1)
        assert inner.value["path"] == "/stage/boss/n/inner" == absolute.value["path"]
        for result in (nests, hangs, inner):
            json.dumps(result.value)
        root.reports.drain()


async def test_nobody_outside_can_be_reached() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root, yes)
        root.start_soon(Worker, name="other")
        outside = ["/stage/other", "/stage", "/stage/boss", "boss", "..", "../other", "/", "/stage/bossy/x", "n//inner"]
        results = await boss.run_turn(
            [{"action": action, "agent": agent} for action in ("peek", "cancel") for agent in outside]
        )
        assert [result.value for result in results[:9]] == [{"agent": a, "status": "not found"} for a in outside]
        assert kinds(results[9:]) == ["refused"] * 9
        assert root.lookup("other").lifecycle == "ready"
        assert (await boss.run_turn([{"action": "message", "agent": "other", "message": 1}]))[0].kind == "refused"
        root.reports.drain()


async def test_a_message_is_mail_from_the_agent() -> None:
    got: list[Any] = []

    class Listens(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            got.extend((mail.message, mail.sender) for mail in turn.mail)

    async with open_tree("stage") as root:
        boss = await root.start(Boss, AgentTool({"listens": Listens}), name="boss")
        results = await boss.run_turn(
            [
                start("listens", name="l"),
                {"action": "message", "agent": "l", "message": {"a": 1}, "trigger_turn": False},
            ]
        )
        await settle()
        assert got == []
        results += await boss.run_turn([{"action": "message", "agent": "l", "message": None}])
        await settle()
        assert got == [({"a": 1}, boss), (None, boss)]
        assert [result.value for result in results[1:]] == [{"agent": "l", "seq": 1}, {"agent": "l", "seq": 2}]
        root.reports.drain()


async def test_a_message_to_one_who_is_ending_is_that_calls_error() -> None:
    class Slow(Agent[Any]):
        async def startup(self, ctx: Context) -> None: ...

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(2)

    async with open_tree("stage") as root:
        boss = await root.start(Boss, AgentTool({"slow": Slow}), name="boss")
        await boss.run_turn([start("slow", name="s")])
        await settle()
        root.lookup("boss/s").request_stop()
        await settle()
        (result,) = await boss.run_turn([{"action": "message", "agent": "s", "message": 1}])
        assert isinstance(result.error, ActorStopping)
        root.reports.drain()


def state_of(top: Any) -> list[Any]:
    """Give the whole state of a runtime, down to what is not greenroom's: all that there is, and which object it is."""
    state: list[Any] = []
    seen: set[int] = set()
    open_: list[Any] = [top]
    while open_:
        at = open_.pop()
        if isinstance(at, (int, float, str, bytes, bool, type(None))):
            state.append(at)
            continue
        state.append((type(at).__name__, id(at)))
        if id(at) in seen:
            continue
        seen.add(id(at))
        if isinstance(at, Mapping):
            for key, value in at.items():
                open_ += [key, value]
        elif isinstance(at, (list, tuple, set, frozenset, deque)):
            open_ += list(at)
        elif type(at).__module__.startswith("greenroom"):
            for kind in type(at).__mro__:
                names = kind.__dict__.get("__slots__", ())
                for name in (names,) if isinstance(names, str) else names:
                    if name != "__weakref__":
                        open_.append(getattr(at, name, "not there"))
            open_ += [each for name, each in sorted(getattr(at, "__dict__", {}).items()) if name != "now"]
    return state


# -- reading never writes


async def test_looking_a_thousand_times_changes_no_byte_of_the_state_with_stale_children_present() -> None:
    class Optional(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx._slot.warn("cache", "is cold")

    looks = [{"action": "status"}, {"action": "peek", "agent": "stale"}, {"action": "peek", "agent": "queued"},
             {"action": "peek", "agent": "failed"}, {"action": "status", "agent": "parked"}, {"action": "peek", "agent": "parked"},
             {"action": "peek", "agent": "busy"}, {"action": "peek", "agent": "warned"}, {"action": "peek", "agent": "nobody"},
             {"action": "peek", "agent": "nests/inner"}]  # fmt: skip

    async def work(ctx: Context) -> None:
        await ctx.start(Worker, name="busy", mail=10_000)
        for name in ("stale", "another", "queued"):
            ctx.start_soon(Hangs, name=name, mail="waits")
        agents = AgentTool(FACTORIES)
        calls = [Call(n, "agent", each) for n, each in enumerate(looks)]
        slot = ctx._slot
        await trio.sleep(50)  # past the time after which who starts is stale
        before = state_of(slot.runtime), state_of(slot.parent)
        for _ in range(100):
            results = await ctx.dispatch(calls, tools=[agents])
            assert kinds(results) == ["completed"] * 10
        assert (state_of(slot.runtime), state_of(slot.parent)) == before
        assert len(before[1]) > 500
        assert [result.value["status"] for result in results[1:]] == [
            "starting", "starting", "errored", "stopped", "stopped", "running", "idle", "not found", "idle",
        ]  # fmt: skip

    class Prepared(Boss):
        async def startup(self, ctx: Context) -> None:
            await ctx.start(Nests, name="nests")
            await ctx.start(Optional, name="warned")
            parked = await ctx.start(Worker, name="parked", restart="permanent")
            await parked.stop()
            with pytest.raises(StartupFailed):
                await ctx.start(Breaks, name="gone")

    limits = Limits(max_concurrent_startups=2, stale_after=10, reap_every=None)
    async with open_tree("stage", limits=limits, dead_letters={"stopped": None}) as root:
        boss = await root.start(Prepared, AgentTool(FACTORIES))

        slot = boss._slot
        slot.ctx.start_soon(Worker, name="failed", mail="fail")
        await settle()
        await boss.run_turn(work)
        assert {info.name for info in root.snapshot().walk() if info.stale} == {"stale", "another", "queued"}
        root.reports.drain()
        slot.ctx.reports.drain()


# -- with others


async def test_a_search_a_start_and_a_search_run_together() -> None:
    @tool(**LOOK)
    async def search(arguments: Any, ctx: Context) -> None:
        await trio.sleep(1)

    made = Dispatch(
        [Call(1, "search"), Call(2, "agent", start()), Call(3, "search")], tools=[search, AgentTool(FACTORIES)]
    )

    class Plain(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            await made.run(ctx)

    began = trio.current_time()
    async with open_tree("stage") as root:
        await root.start_soon(Plain).ask("go")  # type: ignore[arg-type]
        root.reports.drain()
    assert list(made.batches) == [range(3)]
    assert trio.current_time() - began == pytest.approx(1)
