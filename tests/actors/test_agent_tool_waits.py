"""Section 7: the agent tool's waits and cancellations, and what it remembers."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorStopped, Agent, AgentTool, Context, Deadlock, Limits, Running, Turn, open_supervisor, races
from greenroom.races import Sim
from greenroom.testing import open_tree

from .manager import FACTORIES, Boss, Hangs, boss_of, start, yes
from .results import kinds

settle = trio.testing.wait_all_tasks_blocked


# -- what each action does


@pytest.mark.parametrize(
    ("mode", "timeout", "seconds", "timed_out", "statuses"),
    [
        ("all", 100, 7, False, ["completed", "completed", "not found"]),
        ("any", 100, 0, False, ["running", "running", "not found"]),
        ("all", 5, 5, True, ["completed", "running", "not found"]),
        ("all", 0, 0, True, ["running", "running", "not found"]),
        (None, None, 7, False, ["completed", "completed", "not found"]),
    ],
)
async def test_a_wait_is_for_all_or_any_and_not_for_ever(
    mode: Any, timeout: Any, seconds: float, timed_out: Any, statuses: list[str]
) -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start(name="a", message=3), start(name="b", message=7)])
        await settle()
        began = trio.current_time()
        given = {} if mode is None else {"mode": mode, "timeout": timeout}
        (result,) = await boss.run_turn([{"action": "wait", "agents": ["a", "b", "gone"], **given}])
        assert trio.current_time() - began == pytest.approx(seconds)
        assert result.value["timed_out"] is timed_out
        assert [each["status"] for each in result.value["agents"]] == statuses
        root.reports.drain()


async def test_a_wait_for_any_ends_with_the_first() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        began = trio.current_time()
        results = await boss.run_turn(
            [
                start(name="a", message=3),
                start("brief", name="b", arguments={"seconds": 2}),
                {"action": "wait", "agents": ["a", "b", "a"], "mode": "any"},
            ]
        )
        assert trio.current_time() - began == pytest.approx(2)
        assert [(each["agent"], each["status"]) for each in results[2].value["agents"]] == [
            ("a", "running"),
            ("b", "completed"),
        ]
        root.reports.drain()


async def test_a_wait_without_time_looks_at_the_present() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start(name="a", message=3)])
        await trio.sleep(5)
        (result,) = await boss.run_turn([{"action": "wait", "agents": ["a"], "timeout": 0}])
        assert (result.value["timed_out"], result.value["agents"][0]["result"]) == (False, 3)
        root.reports.drain()


NOTE = "1 s raised to Limits.min_wait"


@pytest.mark.parametrize(
    ("limits", "given", "seconds", "note"),
    [
        ({}, {}, 30, None),
        ({"default_wait": 4}, {}, 4, None),
        ({"min_wait": 3}, {"timeout": 1}, 3, NOTE),
        ({"min_wait": 3}, {"timeout": 5}, 5, None),
        ({"max_wait": 9_000}, {"timeout": 8_000}, 8_000, None),
    ],
)
async def test_p25_the_limits_of_the_tree_bound_how_long_a_wait_takes(
    limits: Any, given: Any, seconds: float, note: Any
) -> None:
    async with open_tree("stage", limits=Limits(**limits)) as root:
        boss = await boss_of(root)
        await boss.run_turn([start("brief", name="h", arguments={"seconds": 50_000})])
        began = trio.current_time()
        (result,) = await boss.run_turn([{"action": "wait", "agents": ["h"], **given}])
        assert trio.current_time() - began == pytest.approx(seconds)
        assert result.value["timed_out"] is True
        assert result.value.get("note") == note
        root.reports.drain()


async def test_p25_a_wait_for_longer_than_the_tree_allows_is_refused_at_once_and_says_how_long_it_may_be() -> None:
    async with open_tree("stage", limits=Limits(max_wait=40.5)) as root:
        boss = await boss_of(root)
        began = trio.current_time()
        results = await boss.run_turn(
            [start("hangs", name="h"), {"action": "wait", "agents": ["h"], "mode": "any", "timeout": 41}]
        )
        assert trio.current_time() == began
        assert kinds(results) == ["completed", "refused"]
        assert results[1].cause == "wait: 'timeout' is 41; give a number of seconds from 0 to 40.5"
        root.reports.drain()


async def test_p25_a_wait_for_any_goes_on_while_one_works_and_the_others_have_had_nothing_to_do() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start(name="idle"), start(name="busy", message=3)])
        began = trio.current_time()
        (result,) = await boss.run_turn([{"action": "wait", "agents": ["idle", "busy"], "mode": "any"}])
        assert trio.current_time() - began == pytest.approx(3)
        assert [each["status"] for each in result.value["agents"]] == ["idle", "completed"]
        root.reports.drain()


async def test_p25_who_settled_is_told_of_as_it_was_then() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start(name="a", message=1), start(name="b", message=9)])
        handle = boss.start_turn([{"action": "wait", "agents": ["a", "b"]}])
        await trio.sleep(2)
        root.lookup("boss/a").tell(100)
        (result,) = (await handle.outcome()).result
        assert [(each["status"], each.get("result")) for each in result.value["agents"]] == [
            ("completed", 1),
            ("completed", 9),
        ]
        assert isinstance(root.lookup("boss/a").status, Running)
        root.reports.drain()


async def test_a_turn_that_waits_by_a_call_lends_its_permit() -> None:
    """With one permit those that it waits for have their turns meanwhile."""
    async with open_tree("stage", limits=Limits(max_running_turns=1)) as root:
        boss = await boss_of(root)
        began = trio.current_time()
        results = await boss.run_turn(
            [start(name="a", message=3), start(name="b", message=4), {"action": "wait", "agents": ["a", "b"]}]
        )
        assert trio.current_time() - began == pytest.approx(7)
        assert [each["status"] for each in results[2].value["agents"]] == ["completed", "completed"]
        root.reports.drain()


async def test_p18_who_asks_the_agent_that_waits_for_it_by_a_call_hears_of_the_deadlock_at_once() -> None:
    class Asks(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            assert ctx.parent is not None
            await trio.sleep(1)  # until it is waited for; else the one who waits would hear of it
            with pytest.raises(Deadlock):
                await ctx.parent.ask("what now?", timeout=10)
            return "told"

    async with open_tree("stage") as root:
        boss = await root.start(Boss, AgentTool({"asks": Asks}), name="boss")
        began = trio.current_time()
        results = await boss.run_turn([start("asks", name="a", message=1), {"action": "wait", "agents": ["a"]}])
        assert trio.current_time() == began + 1
        assert results[1].value["agents"][0]["result"] == "told"
        root.reports.drain()


async def test_a_wait_ends_when_the_startup_fails() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        results = await boss.run_turn([start("breaks", name="b"), {"action": "wait", "agents": ["b"]}])
        assert results[1].value["agents"][0]["status"] in {"errored", "not found"}
        assert results[1].value["timed_out"] is False
        root.reports.drain()


async def test_a_cancellation_ends_the_agent_or_its_turn_alone() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root, yes)
        await boss.run_turn([start(name="a", message=50), start(name="b", message=50)])
        await settle()
        results = await boss.run_turn(
            [
                {"action": "cancel", "agent": "a"},
                {"action": "cancel", "agent": "b", "turn_only": True},
                {"action": "cancel", "agent": "b", "turn_only": True},
                {"action": "cancel", "agent": "a"},
            ]
        )
        assert kinds(results) == ["completed"] * 4
        assert results[0].value["lifecycle"] == "stopped"
        assert results[1].value == {"agent": "b", "interrupted": True, "lifecycle": "ready", "status": "interrupted"}
        assert results[2].value["interrupted"] is False
        assert results[3].value == results[0].value
        root.reports.drain()


async def test_a_cancellation_takes_what_is_below_with_it() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root, yes)
        await boss.run_turn([start("nests", name="n")])
        await settle()
        inner = root.lookup("boss/n/inner")
        await boss.run_turn([{"action": "cancel", "agent": "n"}])
        assert inner.exit_reason is not None
        root.reports.drain()


async def test_what_came_of_one_who_has_ended_can_still_be_told() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start("brief", name="a"), start("breaks", name="b"), start("brief", name="c")])
        await trio.sleep(5)
        assert boss._slot.ctx.children() == []
        results = await boss.run_turn(
            [
                {"action": "wait", "agents": ["a", "b"], "timeout": 0},
                {"action": "peek", "agent": "a"},
                {"action": "status"},
                {"action": "message", "agent": "a", "message": 1},
                start("worker", name="a"),
                {"action": "status", "agent": "a"},
            ]
        )
        ended = [
            {"agent": "a", "lifecycle": "stopped", "status": "completed", "result": "over"},
            {
                "agent": "b",
                "lifecycle": "failed",
                "status": "errored",
                "error": "failed to initialize: OSError: broken",
            },
        ]
        assert results[0].value == {"timed_out": False, "agents": ended}
        assert (results[1].value["result"], results[1].value["last_exit"]) == ("over", "finished")
        assert [each["agent"] for each in results[2].value["agents"]] == ["a", "b", "c"]
        assert isinstance(results[3].error, ActorStopped)
        assert results[5].value["status"] == "starting"  # the new one of that name
        root.reports.drain()


async def test_a_child_of_the_name_goes_before_one_that_is_remembered() -> None:
    async def replace(ctx: Context) -> None:
        ctx.start_soon(Hangs, name="a")

    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn([start("brief", name="a")])
        await trio.sleep(5)
        await boss.run_turn(replace)
        (result,) = await boss.run_turn([{"action": "status"}])
        assert result.value["agents"] == [{"agent": "a", "lifecycle": "initializing", "status": "starting"}]
        root.reports.drain()


async def test_of_those_that_have_ended_a_thousand_are_remembered_and_none_in_the_next_incarnation() -> None:
    async with open_tree("stage") as root:
        boss = await root.start(Boss, AgentTool(FACTORIES), name="boss", restart="permanent")
        for _ in range(3):
            await boss.run_turn([start("brief", arguments={"seconds": 0})] * 400)
            await settle()
        (result,) = await boss.run_turn([{"action": "status"}])
        assert [each["agent"] for each in result.value["agents"]] == [f"brief-{uid}" for uid in range(203, 1_203)]
        boss.crash(OSError("x"))
        await settle()
        (result,) = await boss.run_turn([{"action": "status"}])
        assert result.value == {"agents": []}
        root.reports.drain()


# -- explored


@races.explore(schedules=200)
async def test_a_wait_misses_no_end_in_any_order(sim: Sim) -> None:
    steps = sim.choose(range(3))
    mode = sim.choose(["all", "any"])

    class Steps(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            for _ in range(turn.mail[0].message):
                await trio.lowlevel.checkpoint()

    async def ends(ctx: Context, steps: int) -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()

    calls = [
        start("steps", name="a", message=steps),
        start("ends", name="b", arguments={"steps": steps}),
        {"action": "wait", "agents": ["a", "b"], "mode": mode, "timeout": 1_000},
    ]
    began = trio.current_time()
    async with open_supervisor("stage") as root:
        boss = await root.start(Boss, AgentTool({"steps": Steps, "ends": ends}))
        results = await boss.run_turn(calls)
        assert trio.current_time() == began
        assert results[2].value["timed_out"] is False
        done = [each["status"] == "completed" for each in results[2].value["agents"]]
        assert all(done) if mode == "all" else any(done)
        root.reports.drain()
