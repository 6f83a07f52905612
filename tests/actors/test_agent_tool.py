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
    ActorStopped,
    ActorStopping,
    Agent,
    AgentTool,
    Call,
    CallResult,
    Context,
    Deadlock,
    Dispatch,
    InvalidSpec,
    LimitReached,
    Limits,
    NameInUse,
    Running,
    Startable,
    StartupFailed,
    Tool,
    Traits,
    Turn,
    open_supervisor,
    races,
    tool,
)
from greenroom.races import Sim
from greenroom.testing import Tree, open_tree

settle = trio.testing.wait_all_tasks_blocked
LOOK = {"needs_approval": False, "read_only": True, "parallel_safe": True}


class Boss(Agent[Any]):
    """Dispatch what the mail says, by one agent tool."""

    def __init__(self, tool: AgentTool, approver: Any = None) -> None:
        self.tool, self.approver = tool, approver

    def tools(self, ctx: Context) -> list[Tool]:
        return [self.tool]

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if callable(message):
            return await message(ctx)
        return await ctx.dispatch([Call(n, "agent", each) for n, each in enumerate(message)], approver=self.approver)


class Worker(Agent[Any]):
    """Take as long as the message says, and give it back."""

    def __init__(self, factor: float = 1, *, offset: float = 0, seconds: float = 0) -> None:
        self.factor, self.offset, self.seconds = factor, offset, seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        seconds = turn.mail[-1].message
        if seconds == "fail":
            raise OSError("no luck")
        await trio.sleep(seconds)
        return seconds * self.factor + self.offset


class Hangs(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


class Breaks(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        raise OSError("broken")


async def brief(ctx: Context, seconds: float = 1) -> str:
    await trio.sleep(seconds)
    return "over"


class Nests(Agent[Any]):
    async def startup(self, ctx: Context) -> None:
        await ctx.start(Worker, name="inner")

    async def turn(self, turn: Turn[Any], ctx: Context) -> None: ...


FACTORIES: dict[str, Any] = {"worker": Worker, "hangs": Hangs, "breaks": Breaks, "brief": brief, "nests": Nests}


async def boss_of(root: Tree, approver: Any = None, **options: Any) -> Any:
    return await root.start(Boss, AgentTool(FACTORIES, **options), approver, name="boss")


def start(factory: str = "worker", **given: Any) -> dict[str, Any]:
    return {"action": "start", "factory": factory, **given}


def kinds(results: list[CallResult]) -> list[str]:
    return [result.kind for result in results]


def yes(_: object) -> bool:
    return True


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


# -- what each call is


def traits_of(given: Mapping[str, Any], **options: Any) -> Traits:
    factories = {**FACTORIES, "gated": Startable(Worker, needs_approval=True)}
    return AgentTool(factories, **options).traits(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (start(), Traits(needs_approval=False, detached=True)),
        (start("gated"), Traits(detached=True)),
        ({"action": "status"}, Traits(**LOOK)),
        ({"action": "peek", "agent": "a"}, Traits(**LOOK)),
        ({"action": "message", "agent": "a", "message": 1}, Traits(needs_approval=False)),
        ({"action": "wait", "agents": ["a"]}, Traits(needs_approval=False, read_only=True)),
        ({"action": "cancel", "agent": "a"}, Traits(cancels=True)),
    ],
    ids=lambda given: str(given.get("action")) if isinstance(given, dict) else "",
)
def test_what_a_call_is_depends_on_its_arguments(given: Any, expected: Traits) -> None:
    assert traits_of(given) == expected


@pytest.mark.parametrize("given", [start(), {"action": "message", "agent": "a", "message": 1}, {"action": "wait", "agents": ["a"]}])  # fmt: skip
def test_approval_can_be_asked_for_by_action(given: Any) -> None:
    assert traits_of(given, needs_approval=[given["action"]]).needs_approval
    assert not traits_of(given, needs_approval=[]).needs_approval


@pytest.mark.parametrize("mode", ["ask", "auto"])
async def test_a_cancellation_is_a_batch_of_its_own_in_every_mode_and_starts_around_it_are_not(mode: Any) -> None:
    calls = [start(name="a"), start(name="b"), {"action": "cancel", "agent": "a"}, {"action": "cancel", "agent": "b"},
             start(name="c"), {"action": "status"}]  # fmt: skip
    made = Dispatch([Call(n, "agent", each) for n, each in enumerate(calls)], approver=yes)
    async with open_tree("stage", approval=mode) as root:
        await (await boss_of(root)).run_turn(made.run)
        root.reports.drain()
    assert [list(batch) for batch in made.batches] == [[0, 1], [2], [3], [4, 5]]
    assert kinds(made.results) == ["completed"] * 6


async def test_a_cancellation_without_approval_does_nothing() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        results = await boss.run_turn([start(name="a"), {"action": "cancel", "agent": "a"}])
        assert kinds(results) == ["completed", "denied"]
        assert root.lookup("boss/a").is_alive
        root.reports.drain()


# -- what cannot be understood

ACTIONS = "start, status, peek, message, wait, cancel"
A_TEXT = "a string that is not empty"


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({}, f"'action' is missing; give one of {ACTIONS}"),
        ({"action": None}, f"'action' is None; give one of {ACTIONS}"),
        ({"action": ["start"]}, f"'action' is ['start']; give one of {ACTIONS}"),
        ({"action": "canncel", "agent": "a"}, "no action 'canncel'; did you mean \"cancel\"?"),
        ({"action": "destroy"}, "no action 'destroy'; there are: cancel, message, peek, start, status, wait"),
        ({"action": "start"}, f"start: 'factory' is missing; give {A_TEXT}"),
        ({"action": "start", "factory": ""}, f"start: 'factory' is ''; give {A_TEXT}"),
        ({"action": "start", "factory": "wroker"}, "start: no factory 'wroker'; did you mean \"worker\"?"),
        (
            {"action": "start", "factory": "xyz"},
            "start: no factory 'xyz'; there are: breaks, brief, hangs, nests, worker",
        ),
        (start(name=7), f"start: 'name' is 7; give {A_TEXT}"),
        (start(arguments=[1]), "start: 'arguments' is [1]; give an object"),
        (start(mesage=1), "start: there is no argument 'mesage'; did you mean \"message\"?"),
        ({"action": "status", "agent": ["a"]}, f"status: 'agent' is ['a']; give {A_TEXT}"),
        ({"action": "status", "verbose": True}, "status: there is no argument 'verbose'; it takes: agent"),
        ({"action": "peek"}, f"peek: 'agent' is missing; give {A_TEXT}"),
        ({"action": "message", "agent": "a"}, "message: 'message' is missing; give anything"),
        (
            {"action": "message", "agent": "a", "message": 1, "trigger_turn": "no"},
            "message: 'trigger_turn' is 'no'; give true or false",
        ),
        ({"action": "wait", "agents": "a"}, "wait: 'agents' is 'a'; give a list of strings"),
        ({"action": "wait", "agents": []}, "wait: 'agents' is []; give a list of strings"),
        ({"action": "wait", "agents": ["a"], "mode": "first"}, "wait: 'mode' is 'first'; give \"any\" or \"all\""),
        *(
            (
                {"action": "wait", "agents": ["a"], "timeout": value},
                f"wait: 'timeout' is {value!r}; give a number of seconds from 0{most}",
            )
            for value, most in [
                ("soon", ""),
                (-1, ""),
                (3_601, " to 3,600"),
                (True, ""),
                (float("inf"), ""),
                (None, ""),
            ]
        ),
        ({"action": "cancel", "agent": "a", "turn_only": 1}, "cancel: 'turn_only' is 1; give true or false"),
        (
            {"action": "cancel", "agnt": "a"},
            f"cancel: 'agent' is missing; give {A_TEXT}; there is no argument 'agnt'; did you mean \"agent\"?",
        ),
    ],
    ids=str,
)
async def test_what_cannot_be_understood_is_refused_with_what_to_give_instead(given: Any, cause: str) -> None:
    """Nobody is asked, and nothing is done: it fails closed."""
    asked: list[Any] = []
    async with open_tree("stage") as root:
        boss = await boss_of(root, asked.append)
        before = len(root.snapshot().children)
        status, bad, again = await boss.run_turn([{"action": "status"}, given, {"action": "status"}])
        assert (status.kind, again.kind) == ("completed", "completed")
        assert (bad.kind, bad.cause) == ("refused", cause)
        assert len(root.snapshot().children) == before
        root.reports.drain()
    assert asked == []


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (start(arguments={"fctor": 1}), "unexpected keyword argument 'fctor'"),
        (start("brief", arguments={"ctx": 1}), "brief"),
        (start(name="No Name"), "'No Name' is no name"),
        (start(name="../x"), "is no name"),
    ],
)
async def test_a_start_that_the_factory_does_not_take_is_refused(given: Any, part: str) -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        (result,) = await boss.run_turn([given])
        assert result.kind in {"refused", "errored"}
        assert part in result.cause
        assert boss._slot.ctx.children() == []
        root.reports.drain()


async def test_a_name_that_is_taken_and_a_limit_that_is_reached_are_the_results_of_those_calls_alone() -> None:
    async with open_tree("stage", limits=Limits(max_actors=4)) as root:
        boss = await boss_of(root)
        results = await boss.run_turn([start(name="a"), start(name="a"), start(name="b"), start(name="c")])
        assert kinds(results) == ["completed", "errored", "completed", "errored"]
        assert isinstance(results[1].error, NameInUse)
        assert isinstance(results[3].error, LimitReached)
        root.reports.drain()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: AgentTool([Worker]), "give a mapping"),
        (lambda: AgentTool({"worker": "Worker"}), "give a name and a factory"),
        (lambda: AgentTool({"": Worker}), "give a name and a factory"),
        (lambda: AgentTool({}, needs_approval=["strat"]), "needs_approval has 'strat'; give of start, message, wait"),
    ],
)
def test_a_wrong_agent_tool_is_told_where_it_is_made(make: Any, text: str) -> None:
    with pytest.raises(InvalidSpec, match=text):
        make()


def test_the_schema_names_the_actions_and_the_factories() -> None:
    schema = AgentTool(FACTORIES).schema
    assert schema["properties"]["action"]["enum"] == ACTIONS.split(", ")
    assert schema["properties"]["factory"]["enum"] == sorted(FACTORIES)
    assert json.loads(json.dumps(schema)) == schema
    for action in ACTIONS.split(", "):
        assert f"{action}: " in AgentTool().description.replace("peek: look", "\npeek: look")


# -- reading never writes


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


async def test_a_look_does_not_even_make_a_ref() -> None:
    async with open_tree("stage") as root:
        boss = await boss_of(root)
        await boss.run_turn(_look)
        root.reports.drain()


async def _look(ctx: Context) -> None:
    runtime = ctx._slot.runtime
    child = runtime.children.start_soon(ctx._slot, Worker, (), {"name": "w"})
    looks = [{"action": "status"}, {"action": "peek", "agent": "w"}, {"action": "status", "agent": "w"}]
    await ctx.dispatch([Call(n, "agent", each) for n, each in enumerate(looks)])
    assert child.ref_ is None


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
