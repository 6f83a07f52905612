"""Supervisors in tree files: nested as deep as one likes, each with its own strategy, children and defaults; and all that is wrong told at once."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenroom import Backoff, Intensity, InvalidSpec, RegistryKey, SupervisorSpec, check_specs
from greenroom.treefile._plan import make_plan
from greenroom.treefile._problem import InvalidInput
from greenroom.treefile._reader import structure_tree

from .planned import ACTOR, actor, only_actor, plan, supervisor, told, wrong

Write = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def numbered(args: tuple[Any, ...], index: int) -> list[Any]:
    return [*args, index]


def breaks(args: tuple[Any, ...], index: int) -> list[Any]:
    raise ValueError(f"no {index} of {args}")


def test_keys_are_of_actors_and_of_supervisors_and_of_nobody_below_them() -> None:
    given = ["db", 3, ["room", 7], {"key": ["a", True], "value": {"b": 1}, "duplicate": True}]
    made = plan({"name": "s", "keys": given, "children": [actor(), actor("b", keys=["x"])]}, actor(keys=["own"]))
    read = ["db", 3, ("room", 7), RegistryKey(("a", True), {"b": 1}, duplicate=True)]
    spec = supervisor(made)
    a, b = spec.children
    assert (spec.keys, a.keys, b.keys, made.children[1].keys) == (read, [], ["x"], ["own"])
    for level in ("defaults", "base"):
        with pytest.raises(InvalidInput, match="there is no key 'keys'"):
            plan(actor(), **{level: {"keys": ["db"]}})


async def takes_two(ctx: Any, one: Any, two: Any) -> None:
    """Take what `numbered` gives."""


def test_what_a_supervisor_says_is_in_its_specification() -> None:
    made = supervisor(
        plan(
            {
                "name": "s",
                "strategy": "rest_for_one",
                "intensity": {"max_restarts": 7, "within": 2},
                "auto_shutdown": "all_significant",
                "start_retry": {"initial": 1, "maximum": 9, "max_attempts": 3},
                "restart": "transient",
                "shutdown": 4,
                "startup": "deferred",
                "startup_timeout": 8,
                "backoff": {"initial": 2, "maximum": 5, "factor": 3, "jitter": 0.5, "reset_after": 6},
                "labels": {"team": "red"},
                "children": [actor(restart="temporary", significant=True)],
            }
        )
    )
    assert (made.name, made.strategy, made.intensity) == ("s", "rest_for_one", Intensity(7, 2))
    assert (made.auto_shutdown, made.start_retry) == ("all_significant", Backoff(1, 9, max_attempts=3))
    assert (made.restart, made.shutdown, made.startup, made.startup_timeout) == ("transient", 4, "deferred", 8)
    assert made.backoff == Backoff(2, 5, factor=3, jitter=0.5, reset_after=6)
    assert made.labels == {"team": "red"}
    assert only_actor(made).significant


def test_what_no_level_gives_a_supervisor_is_the_runtimes_own_default() -> None:
    made, default = supervisor(plan({"name": "s", "children": [ACTOR]})), SupervisorSpec("s")
    for key in ("strategy", "auto_shutdown", "max_children", "start_retry", "partitions", "with_arguments", "restart",
                "shutdown", "startup", "startup_timeout", "significant", "backoff", "labels"):  # fmt: skip
        assert getattr(made, key) == getattr(default, key), key
    assert made.intensity == Intensity()


def test_the_order_of_actors_and_supervisors_is_that_of_the_file() -> None:
    names = [each.name for each in plan(actor("b"), {"name": "s", "children": [ACTOR]}, actor("a")).children]
    assert names == ["b", "s", "a"]


FIVE = """
name = "x"
[[children]]
name = "one"
[[children.children]]
name = "two"
strategy = "one_for_all"
[[children.children.children]]
name = "three"
[children.children.children.defaults]
restart = "transient"
[[children.children.children.children]]
name = "four"
[[children.children.children.children.children]]
name = "five"
children = [{ name = "a", factory = "greenroom.races.catalogue._sharing:Account" }]
[[children.children]]
name = "beside"
strategy = "dynamic"
max_children = 3
"""


def test_supervisors_are_nested_to_any_depth_in_plain_toml() -> None:
    made = supervisor(make_plan(structure_tree(tomllib.loads(FIVE), ""), Path("tree.toml"), None, {}))
    two, beside = made.children
    assert isinstance(two, SupervisorSpec)
    assert isinstance(beside, SupervisorSpec)
    assert (beside.strategy, beside.max_children, beside.children) == ("dynamic", 3, ())
    names: list[tuple[str, str]] = []
    at: Any = made
    while isinstance(at, SupervisorSpec):
        names.append((at.name, at.strategy))
        at = at.children[0]
    assert names == [
        ("one", "one_for_one"),
        ("two", "one_for_all"),
        ("three", "one_for_one"),
        ("four", "one_for_one"),
        ("five", "one_for_one"),
    ]
    assert at.name == "a"


def test_forty_levels_are_read_and_what_is_wrong_in_the_last_is_told_with_its_place() -> None:
    tree: dict[str, Any] = actor(restart="temporary", backoff={"initial": 1, "maximum": 2})
    for _ in range(40):
        tree = {"name": "s", "children": [tree]}
    (problem,) = wrong(tree)
    assert problem.startswith("children[0]" + ".children[0]" * 40 + ".backoff: a temporary child is never restarted")


def test_partitions_have_a_function_that_gives_each_its_arguments() -> None:
    two = {"name": "w", "factory": f"{__name__}:takes_two", "args": ["{word}"]}
    tree: dict[str, Any] = {"parameters": {"word": {"default": "hello"}}}
    keys = {"name": "s", "partitions": 3, "with_arguments": f"{__name__}:numbered"}
    made = supervisor(plan({**keys, "children": [two]}, **tree))
    assert (made.partitions, made.with_arguments) == (3, numbered)
    assert only_actor(made).args == ("hello",)
    (problem,) = wrong({**keys, "children": [{**two, "args": []}]}, **tree)
    assert problem.startswith("children[0].children[0]: partition 0: ")
    assert "two" in problem
    assert wrong({**keys, "with_arguments": f"{__name__}:breaks", "children": [actor()]}) == [
        f"children[0].with_arguments: {__name__}:breaks(args, 0) failed: ValueError: no 0 of ()"
    ]
    assert wrong({**keys, "with_arguments": f"{__name__}:nmbered", "children": [actor()]}) == [
        f"children[0].with_arguments: {__name__} has no 'nmbered'; did you mean 'numbered'?"
    ]


def test_the_main_child_may_stand_below_supervisors_or_be_one() -> None:
    below = {"name": "s", "restart": "transient", "children": [actor(restart="transient"), actor("b")]}
    copies = {"name": "c", "partitions": 2, "children": [actor(restart="transient")]}
    for main in ("s/a", "s", "c/a-1"):
        assert plan(below, copies, main=main).main == main
    assert wrong(below, copies, main="s/b") == [
        'main: \'s/b\' is permanent, so it is restarted whenever it ends; give it restart = "transient" or "temporary"'
    ]
    assert wrong(below, copies, main="c/a-2") == ["main: there is no child 'c/a-2'; did you mean 'c/a-1'?"]
    assert wrong(below, copies, main="z") == ["main: there is no child 'z'; there is s, s/a, s/b, c, c/a-0, c/a-1"]


#: Trees that fit the format and are wrong: children, keys of the tree, and the beginnings of what is said.
BAD: dict[str, tuple[list[dict[str, Any]], dict[str, Any], list[str]]] = {
    "a dynamic supervisor with children": (
        [{"name": "s", "strategy": "dynamic", "children": [ACTOR]}], {},
        ["children[0].children: a dynamic supervisor declares none"],
    ),
    "a bound of children for others": (
        [{"name": "s", "max_children": 3, "children": [ACTOR]}], {},
        ["children[0].max_children: only a supervisor with strategy='dynamic' has it"],
    ),
    "partitions of two": (
        [{"name": "s", "partitions": 2, "children": [actor("a"), actor("b")]}], {},
        ["children[0].partitions: give exactly one ChildSpec"],
    ),
    "partitions of none": (
        [{"name": "s", "partitions": 2, "children": []}], {},
        ["children[0].partitions: give exactly one ChildSpec"],
    ),
    "arguments without partitions": (
        [{"name": "s", "with_arguments": f"{__name__}:numbered", "children": [ACTOR]}], {},
        ["children[0].with_arguments: only a supervisor with partitions has it"],
    ),
    "a maximum below the initial wait": (
        [actor(backoff={"initial": 3, "maximum": 2})], {"start_retry": {"initial": 3, "maximum": 1}},
        ["start_retry: Backoff.maximum: 1 is less than initial", "children[0].backoff: Backoff.maximum: 2 is less"],
    ),
    "names given twice in two places": (
        [{"name": "s", "children": [ACTOR, ACTOR]}, {"name": "s", "children": [ACTOR]}], {},
        ["children[0].children[1].name: 'a' is the name of another child too", "children[1].name: 's' is the name of"],
    ),
    "a factory that hides nothing of its neighbours": (
        [{"name": "s", "children": [actor(factory="greenroom:Aktor", significant=True), actor("b", args=[1, 2, 3])]}], {},
        [
            "children[0].children[0].factory: greenroom has no 'Aktor'",
            "children[0].children[1]: Account",
            "children[0].children[0].significant: a permanent child",
            "children[0].children[0].significant: its supervisor has auto_shutdown='never'",
        ],
    ),
    "a significant child below one that is never ended": (
        [{"name": "s", "children": [actor(restart="transient", significant=True)]}], {"auto_shutdown": "any_significant"},
        ["children[0].children[0].significant: its supervisor has auto_shutdown='never'"],
    ),
    "a rest of what is no agent": (
        [{"name": "s", "children": [actor(rest_after=2)]}], {},
        ["children[0].children[0].rest_after: only agents can be put to rest"],
    ),
    "keys that two cannot both have": (
        [
            actor(keys=["x", ["y", 1], "x"]), {"name": "s", "keys": ["x"], "children": [actor(keys=[{"key": "x", "duplicate": True}])]},
            actor("b", keys=[{"key": ["x"], "value": 1}]), actor("c", keys=[["x"]]), actor("d", factory="greenroom:Aktor", keys=[["x"]]),
        ], {},
        [
            "children[4].factory: greenroom has no 'Aktor'",
            "children[0].keys[2]: 'x' is given twice",
            "children[3].keys: ('x',) is wanted by children[2] ('b'), too",
            "children[4].keys: ('x',) is wanted by children[2] ('b'), too",
            "children[1].children[0].keys: 'x' is wanted by children[1] ('s'), too",
        ],
    ),
    "no way to wait": (
        [actor(backoff={})], {},
        ["children[0].backoff.initial: is needed", "children[0].backoff.maximum: is needed"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_combination_that_the_runtime_refuses_is_told_with_its_place(name: str) -> None:
    children, tree, said = BAD[name]
    problems = wrong(*children, **tree)
    assert len(problems) == len(said)
    for problem, beginning in zip(problems, said, strict=True):
        assert problem.startswith(beginning)


def test_a_plan_is_what_the_runtime_takes() -> None:
    made = plan({"name": "s", "strategy": "one_for_all", "children": [ACTOR]}, auto_shutdown="any_significant")
    check_specs(made.children, strategy=made.strategy, auto_shutdown=made.auto_shutdown)
    with pytest.raises(InvalidSpec):
        check_specs(made.children, strategy="dynamic")


def test_a_key_of_actors_at_a_supervisor_and_one_of_supervisors_at_an_actor_are_told_apart_from_slips() -> None:
    problems, _ = told(
        {"name": "s", "mailbox": {}, "strateg": 1, "children": [actor(partitions=3)]}, strategy="dynamic"
    )
    assert problems == [
        'strategy: \'dynamic\' is wrong here; give "one_for_one", "one_for_all" or "rest_for_one" (a dynamic supervisor declares no children)',
        "children[0].children[0].partitions: is for supervisors, and what has a factory is none; a supervisor has children, and no factory",
        "children[0].mailbox: is for actors, and this is a supervisor; give it to its children, or in its own defaults",
        "children[0].strateg: there is no key 'strateg'; did you mean 'strategy'?",
    ]


def test_what_is_wrong_with_the_format_deep_down_hides_nothing_else() -> None:
    _, behind = told(
        {"name": "s", "children": [3, actor(factory="greenroom:Aktor"), {"name": "t", "children": [actor(), actor()]}]},
        actor(restart="temporary", backoff={"initial": 1, "maximum": 2}),
        {"name": "u", "strategy": "dynmic", "labels": {"a": 1}},
        {"name": "v", "partitions": 2, "children": []},
    )
    assert [problem.partition(";")[0] for problem in behind] == [
        "children[0].children[1].factory: greenroom has no 'Aktor'",
        "children[0].children[2].children[1].name: 'a' is the name of another child too",
        "children[1].backoff: a temporary child is never restarted",
        "children[3].partitions: give exactly one ChildSpec or SupervisorSpec, of which there are to be copies",
    ]


@pytest.mark.parametrize(
    "supervisor_keys",
    [
        {"auto_shutdown": "any", "children": [actor(restart="transient", significant=True)]},
        {"auto_shutdwn": "any_significant", "children": [actor(restart="transient", significant=True)]},
        {
            "defaults": {"restart": "transent"},
            "auto_shutdown": "any_significant",
            "children": [actor(significant=True)],
        },
        {"strategy": "dynmic", "max_children": 3},
        {"strategy": "dynamic", "children": 3},
        {"auto_shutdown": "any_significant", "children": [actor(restart="transent", significant=True)]},
    ],
)
def test_what_may_only_follow_from_the_format_of_a_supervisor_is_not_told(supervisor_keys: dict[str, Any]) -> None:
    problems, behind = told({"name": "s", **supervisor_keys})
    assert problems
    assert behind == []


ALL_WRONG = """
name = "shop"
main = "counter/clark"
strategy = "dynamic"
auto_shutdown = "any"
[base]
start_retry = { initial = 1 }
[profiles.slow]
backoff = { initial = 5, maximum = 1 }
[[children]]
name = "counter"
strategy = "one_for_al"
mailbox = { capacity = 3 }
[children.defaults]
restart = "transent"
[[children.children]]
name = "clerk"
factory = "cast_of_actors:klerk"
[[children.children]]
name = "clerk"
factory = "cast_of_actors:clerk"
children = []
[[children.children]]
name = "desk"
children = [{ name = "drawer", factory = "cast_of_actors:Worker", kwargs = { sise = 3 } }, 4]
[[children]]
name = "cache"
partitions = 0
[[children]]
name = "guests"
strategy = "dynamic"
max_children = 0
children = [{ name = "guest", factory = "cast_of_actors:Worker", backoff = "of", significant = "yes" }]
"""


def test_all_that_is_wrong_with_a_nested_file_is_told_at_once_with_its_places(tree: Write, greenroom: Run) -> None:
    path = tree(ALL_WRONG)
    for command in ("check", "run"):
        ended = greenroom(command, path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert [line.removeprefix(f"greenroom: {path}: ").partition(";")[0] for line in ended.stderr.splitlines()] == [
            "strategy: 'dynamic' is wrong here",
            "auto_shutdown: 'any' is wrong here",
            "children[0].strategy: 'one_for_al' is wrong here",
            "children[0].defaults.restart: 'transent' is wrong here",
            "children[0].children[1].children: is for supervisors, and what has a factory is none",
            "children[0].children[2].children[1]: 4 is wrong here",
            "children[0].mailbox: is for actors, and this is a supervisor",
            "children[1].partitions: 0 is wrong here",
            "children[2].max_children: 0 is wrong here",
            "children[2].children[0].significant: 'yes' is wrong here",
            "children[2].children[0].backoff: 'of' is wrong here",
            "children[0].children[0].factory: cast_of_actors has no 'klerk'",
            "children[0].children[1].name: 'clerk' is the name of another child too",
            "children[0].children[2].start_retry.maximum: is needed, and no level gives it",
            "children[0].children[2].children[0]: Worker(*args, size=1): got an unexpected keyword argument 'sise'",
            "children[1].start_retry.maximum: is needed, and no level gives it",
        ]
