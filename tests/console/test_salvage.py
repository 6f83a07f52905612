"""All that is wrong is told at once: with the format, with what it means, and with the command line."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenroom.console._salvage import problems_behind
from greenroom.treefile._problem import Malformed
from greenroom.treefile._reader import structure_tree

Write = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

CHILD: dict[str, Any] = {"name": "a", "factory": "greenroom.races.catalogue._sharing:Account", "restart": "transient"}
ALL_WRONG = """
name = "Stage"
main = "nobody"
[limits]
max_actor = 3
[parameters]
size = { default = 1 }
needed = {}
[[children]]
name = "one"
factory = "cast_of_actors:Werker"
shutdwn = 3
[[children]]
name = "one"
factory = "cast_of_actors:Worker"
kwargs = { sise = "{size}", other = "{sice}" }
"""


def told(**data: Any) -> list[str]:
    """Return what is told besides what is wrong with the format."""
    with pytest.raises(Malformed) as caught:
        structure_tree({"name": "x", "children": [CHILD], **data}, "tree.toml")
    return [str(problem) for problem in problems_behind(caught.value, Path("/nowhere/tree.toml"))]


def test_what_is_wrong_with_the_format_hides_nothing_else(tree: Write, greenroom: Run) -> None:
    path = tree(ALL_WRONG)
    for command in ("check", "run"):
        ended = greenroom(command, path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert [line.removeprefix(f"greenroom: {path}: ").partition(";")[0] for line in ended.stderr.splitlines()] == [
            "name: 'Stage' is wrong here",
            "limits.max_actor: there is no key 'max_actor'",
            "children[0].shutdwn: there is no key 'shutdwn'",
            "children[0].factory: cast_of_actors has no 'Werker'",
            "children[1].name: 'one' is the name of another child too",
            "children[1].kwargs.other: there is no parameter 'sice'",
            "children[1]: Worker(*args, size=1): got an unexpected keyword argument 'sise'",
            "main: there is no child 'nobody'",
        ]


def test_what_is_wrong_in_the_file_hides_nothing_of_the_command_line(
    tree: Write, greenroom: Run, tmp_path: Path
) -> None:
    path = tree(
        ALL_WRONG.replace("Stage", "stage").replace("max_actor =", "max_actors =").replace("shutdwn", "shutdown")
    )
    ended = greenroom("run", path, "--size", "x", "--sice", "3", "--output", tmp_path, "--profile", "p")
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert len([line for line in lines if line.startswith(f"greenroom: {path}: ")]) == 5
    assert [line.removeprefix("greenroom: ") for line in lines[5:]] == [
        f"--output: '{tmp_path}' is a folder",
        "there is no option '--sice'; did you mean '--size'?",
        "--profile: there is no profile 'p'; there is none at all",
        "--size: 'x' is wrong here; give a whole number",
    ]


@pytest.mark.parametrize(
    "data",
    [
        {"children": []},
        {"children": 3},
        {"children": [3]},
        {"children": [{**CHILD, "factory": "a"}], "main": "b"},
        {"children": [CHILD, 3], "main": "b"},
        {"children": [{**CHILD, "name": "B"}], "main": "b"},
        {"children": [{**CHILD, "restart": "x"}], "main": "a"},
        {
            "children": [{"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}],
            "defaults": {"restart": "x"},
            "main": "a",
        },
        {"children": [{"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}], "base": 3, "main": "a"},
        {"children": [{**CHILD, "kwargs": 3, "args": [1, 2, 3]}]},
        {"children": [{**CHILD, "args": ["{n}"]}], "parameters": {"N": {}}},
        {"children": [{**CHILD, "args": ["{n}"]}], "parameters": 3},
        {"children": [{**CHILD, "keys": 3}, {**CHILD, "name": "b", "keys": ["x", {"kee": "x"}]}]},
        {"parameters": {"n": {"default": []}}, "base": {"parameters": {"n": "x"}}},
    ],
)
def test_what_may_only_follow_from_the_format_is_not_told(data: dict[str, Any]) -> None:
    assert told(nme=1, **data) == []


def test_children_are_told_by_their_numbers_in_the_file() -> None:
    wrong = {**CHILD, "factory": "greenroom:Aktor"}
    assert told(children=[3, wrong, {"name": "b"}, wrong]) == [
        "children[1].factory: greenroom has no 'Aktor'; did you mean 'Actor'?",
        "children[3].name: 'a' is the name of another child too",
        "children[3].factory: greenroom has no 'Aktor'; did you mean 'Actor'?",
    ]


def test_a_time_that_cannot_be_read_is_a_time_and_what_is_done_about_the_overdue_no_mistake() -> None:
    overdue = {**CHILD, "on_overdue": "cancel"}
    assert told(children=[{**overdue, "handler_timeout": 0}]) == []
    assert told(children=[overdue], base={"handler_timeout": "x"}) == []
    (problem,) = told(children=[{**overdue, "shutdown": "x"}])
    assert problem.startswith("children[0].on_overdue: 'cancel' never happens")


WRONG_BACKOFF: dict[str, Any] = {"initial": 5, "maximum": 1}
LESS = "Backoff.maximum: 1 is less than initial, 5"
NEEDED = "is needed, and no level gives it"
PAIR = [{"name": "x", "factory": CHILD["factory"]}, {"name": "y", "factory": CHILD["factory"]}]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"start_retry": {"initial": 1}}, f"start_retry.maximum: {NEEDED}"),
        ({"strateg": "dynamic", "start_retry": {"initial": 1}}, f"start_retry.maximum: {NEEDED}"),
        ({"children": [{**CHILD, "shutdown": -1, "backoff": WRONG_BACKOFF}]}, f"children[0].backoff: {LESS}"),
        ({"children": [{**CHILD, "restrt": "temporary", "backoff": WRONG_BACKOFF}]}, f"children[0].backoff: {LESS}"),
        ({"children": [{**CHILD, "restart": "x", "backoff": WRONG_BACKOFF}]}, f"children[0].backoff: {LESS}"),
        ({"children": [{**CHILD, "shutdwn": 3}], "base": {"backoff": {"initial": 1}}}, f"children[0].backoff.maximum: {NEEDED}"),
        ({"children": [{**CHILD, "on_error": {"Foo": "restart", "OSError": "x"}}]}, "children[0].on_error.Foo: there is no built-in"),
        ({"limits": {"min_wait": 5, "default_wait": 1}}, "limits: Limits: min_wait 5"),
        ({"children": [{"name": "p", "shutdown": -1, "partitions": 2, "children": PAIR}]}, "children[0].partitions: give exactly one"),
        ({"strateg": "dynamic", "children": [{"name": "p", "partitions": 2, "children": PAIR}]}, "children[0].partitions: give exactly one"),
    ],
)  # fmt: skip
def test_what_is_wrong_by_itself_is_told_behind_a_misspelt_key_or_a_value_that_is_no_such(
    data: dict[str, Any], problem: str
) -> None:
    (text,) = told(unraed=1, **data)
    assert text.startswith(problem)


@pytest.mark.parametrize(
    "data",
    [
        {"start_retry": {"initial": 1, "maxium": 3}},
        {"base": {"start_retry": {"initial": 1}}, "start_retry": {"max": 3}},
        {"base": {"start_retry": {"initial": 1}}, "strateg": "dynamic"},
        {"base": {"start_retry": {"initial": 1}}, "strategy": "dynmic"},
        {"base": {"start_retry": {"initial": 1}, "strategy": "dynmic"}},
        {"base": {"backoff": {"initial": 1}}, "children": [{**CHILD, "restart": "x"}]},
        {"base": {"backoff": {"initial": 1}}, "defaults": {"restrt": "temporary"}},
        {"base": {"backoff": {"initial": 1}}, "defaults": 3},
        {"base": {"backoff": {"initial": 1}}, "children": [{**CHILD, "bckoff": "none"}]},
        {"base": {"backoff": {"initial": 1}}, "children": [{**CHILD, "zzzzzz": "none"}]},
        {"base": {"on_error": {"Foo": "restart"}}, "children": [{**CHILD, "on_error": 3}]},
        {"limits": {"min_wait": 5, "default_wit": 6, "default_wait": 1}},
        {"children": [{"name": "p", "partitions": 2, "children": 3}]},
        {"children": [{"name": "p", "partitions": 2, "strategy": "dynmic", "children": PAIR}]},
        {"children": [{"name": "p", "partitions": 2, "children": PAIR}], "base": {"strategy": "dynmic"}},
    ],
)
def test_what_may_be_right_once_the_format_is_mended_is_not_told(data: dict[str, Any]) -> None:
    assert told(unraed=1, **data) == []
