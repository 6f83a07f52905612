"""Parameters: declared in the file, given on the command line, put into arguments, and nothing else is read from them."""

from typing import Any

import pytest

from greenroom.treefile._absent import ABSENT
from greenroom.treefile._parameters import check_declarations, fill, split_words, values_of
from greenroom.treefile._plan import profiles_of
from greenroom.treefile._problem import Problem
from greenroom.treefile._reader import structure_tree
from greenroom.treefile._treefile import TreeFile


def tree(parameters: dict[str, Any], **levels: Any) -> TreeFile:
    child = {"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}
    return structure_tree({"name": "x", "parameters": parameters, "children": [child], **levels}, "tree.toml")


def test_parameters_are_given_as_options_with_dashes_or_underscores() -> None:
    known = ["repo", "max_commits"]
    assert split_words(["--repo", "x", "--max-commits=3"], known, []) == {"repo": "x", "max_commits": "3"}
    assert split_words(["--max_commits", "-3"], known, []) == {"max_commits": "-3"}
    assert split_words(["--repo=--x", "--max-commits="], known, []) == {"repo": "--x", "max_commits": ""}
    assert split_words([], known, []) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--repo"], "--repo: needs a value"),
        (["--repo", "--max-commits", "3"], "--repo: needs a value"),
        (["--rep", "x"], "there is no option '--rep'; did you mean '--repo'?"),
        (["--other", "x"], "there is no option '--other'; there is --max-commits, --repo"),
        (["--repo", "x", "--repo=y"], "--repo: is given twice"),
        (["stray"], "'stray' is one argument too many"),
        (["-r", "x"], "'-r' is one argument too many"),
        (["--"], "'--' is one argument too many"),
        ([""], "'' is one argument too many"),
        (["--=x"], "there is no option '--'"),
    ],
)
def test_words_that_give_no_parameter_are_refused(words: list[str], said: str) -> None:
    problems: list[Problem] = []
    split_words(words, ["repo", "max_commits"], problems)
    assert str(problems[0]).startswith(said)


def test_a_value_comes_from_the_command_line_then_the_profile_then_the_base_then_the_declaration() -> None:
    declared = tree(
        {name: {"default": 0} for name in "abcd"},
        profiles={"p": {"parameters": {"a": 1, "b": 1}}},
        base={"parameters": {"a": 2, "b": 2, "c": 2}},
    )
    assert values_of(declared, profiles_of(declared)["p"], {"a": "3"}) == ({"a": 3, "b": 1, "c": 2, "d": 0}, [])
    assert values_of(declared, ABSENT, {}) == ({"a": 2, "b": 2, "c": 2, "d": 0}, [])


def test_a_value_is_of_the_type_of_its_default_and_a_string_without_one() -> None:
    declared = tree({"n": {"default": 1}, "x": {"default": 1.5}, "b": {"default": True}, "s": {"default": ""}, "r": {}})
    given = {"n": "7", "x": "2", "b": "false", "s": "7", "r": "7"}
    values, wrong = values_of(declared, ABSENT, given)
    assert values == {"n": 7, "x": 2.0, "b": False, "s": "7", "r": "7"}
    assert [type(value) for value in values.values()] == [int, float, bool, str, str]
    assert wrong == []
    _, wrong = values_of(declared, ABSENT, {"n": "1.5", "x": "y", "b": "yes"})
    assert [str(problem) for problem in wrong] == [
        "--n: '1.5' is wrong here; give a whole number",
        "--x: 'y' is wrong here; give a number",
        "--b: 'yes' is wrong here; give true or false",
        "--r: is needed by this tree",
    ]


def test_declarations_are_checked_against_the_commands_options_and_against_all_levels() -> None:
    declared = tree(
        {"profile": {}, "n": {"default": 1}},
        profiles={"p": {"parameters": {"m": 1, "n": "x"}}},
        base={"parameters": {"n": True, "profile": 3}},
    )
    assert [str(problem) for problem in check_declarations(declared)] == [
        "parameters.profile: --profile is an option of `greenroom run`; choose another name",
        "base.parameters.n: is a boolean, but the default is a whole number",
        "base.parameters.profile: is a whole number, but the default is a string",
        "profiles.p.parameters.m: there is no parameter 'm'; there is n, profile",
        "profiles.p.parameters.n: is a string, but the default is a whole number",
    ]


def test_a_string_that_is_one_placeholder_becomes_the_value_itself() -> None:
    values = {"n": 3, "b": True, "s": "{n}"}
    problems: list[Problem] = []
    assert fill(["{n}", "{b}", {"k": ["x{n}-{b}", "{s}", 7, "{{n}}"]}], values, "args", problems) == [
        3,
        True,
        {"k": ["x3-true", "{n}", 7, "{n}"]},
    ]
    assert problems == []


@pytest.mark.parametrize(
    "text", ["{", "}", "a{b", "{}", "{x}", "{n.real}", "{n!r}", "{n:>9}", "{n[0]}", "{ n }", "{n}}", "{{n}"]
)
def test_nothing_but_declared_names_is_read_from_braces(text: str) -> None:
    problems: list[Problem] = []
    fill({"k": [text]}, {"n": 3}, "kwargs", problems)
    assert [problem.path for problem in problems] == ["kwargs.k[0]"]
