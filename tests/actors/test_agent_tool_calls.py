"""Section 7: what each call of the agent tool is, and which cannot be understood."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from greenroom import AgentTool, Call, Dispatch, InvalidSpec, LimitReached, Limits, NameInUse, Startable, Traits
from greenroom.testing import open_tree

from .manager import FACTORIES, LOOK, Worker, boss_of, start, yes
from .results import kinds


def traits_of(given: Mapping[str, Any], **options: Any) -> Traits:
    factories = {**FACTORIES, "gated": Startable(Worker, needs_approval=True)}
    return AgentTool(factories, **options).traits(given)


# -- what each call is


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


ACTIONS = "start, status, peek, message, wait, cancel"
A_TEXT = "a string that is not empty"


# -- what cannot be understood


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
