"""Supervisors in tree files, run: checked, started and ended by the program."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]
SHOP = """
name = "shop"
main = "counter/desk/clerk"
strategy = "rest_for_one"
auto_shutdown = "any_significant"
[base]
intensity = { max_restarts = 10 }
[[children]]
name = "counter"
strategy = "one_for_all"
[children.defaults]
restart = "transient"
[[children.children]]
name = "line"
factory = "cast_of_actors:line"
backoff = { initial = 0.01, maximum = 0.02 }
[[children.children]]
name = "desk"
children = [{ name = "clerk", factory = "cast_of_actors:clerk", restart = "transient" }]
[[children]]
name = "cache"
partitions = 2
[[children.children]]
name = "worker"
factory = "cast_of_actors:Worker"
[[children]]
name = "guests"
strategy = "dynamic"
max_children = 100
"""


def test_check_says_who_supervises_whom_and_how(tree: Write, greenroom: Run) -> None:
    ended = greenroom("check", tree(SHOP))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1:] == [
        "  tree      shop: rest_for_one, at most 10 restarts within 5 s, ends with any of its significant children",
        "  child     counter: supervisor, one_for_all, at most 10 restarts within 5 s, permanent, started inline",
        "  child     counter/line: cast_of_actors:line, transient, started inline, again after 0.01 to 0.02 s",
        "  child     counter/desk: supervisor, at most 10 restarts within 5 s, transient, started inline",
        "  child     counter/desk/clerk: cast_of_actors:clerk, transient, started inline, the main one: its end ends the run",
        "  child     cache: supervisor, 2 partitions, at most 10 restarts within 5 s, permanent, started inline",
        "  child     cache/worker-0 to cache/worker-1: cast_of_actors:Worker, permanent, started inline",
        "  child     guests: supervisor, dynamic, at most 100 children, at most 10 restarts within 5 s, permanent, started inline",
    ]


def test_a_nested_tree_runs_as_its_strategies_say_until_a_main_child_deep_in_it_has_ended(
    tree: Write, greenroom: Run
) -> None:
    ended = greenroom("run", tree(SHOP))
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line[9:] for line in ended.stdout.splitlines()]
    told = [line for line in lines if "warning" in line]
    assert told == [
        f"counter/line      warning: crashed: ValueError: broken on purpose; restarting as incarnation {n}"
        for n in (2, 3)
    ]
    assert any(line.startswith("/shop ") and "rest_for_one" in line for line in lines)
    assert any(line.startswith("counter ") and "one_for_all" in line for line in lines)
    assert not any(line.startswith("cache/") and "incarnation" in line for line in lines)
    # The line has broken twice, and taken the clerk along each time.
    assert json.loads(ended.stdout.partition("\n\n")[2]) == {"line": 3, "clerk": 3}


def test_a_significant_child_ends_the_run_of_a_tree_without_a_main_child(tree: Write, greenroom: Run) -> None:
    text = """
name = "shop"
auto_shutdown = "any_significant"
[[children]]
name = "inner"
auto_shutdown = "all_significant"
restart = "transient"
significant = true
children = [
  { name = "a", factory = "cast_of_actors:done", restart = "transient", significant = true },
  { name = "b", factory = "cast_of_actors:waits" },
]
[[children]]
name = "other"
factory = "cast_of_actors:waits"
"""
    ended = greenroom("run", tree(text))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "other             [ended] shutdown" in ended.stdout


@pytest.mark.parametrize(
    ("inner", "retention"),
    [
        ('auto_shutdown = "any_significant"\nrestart = "temporary"\nsignificant = true', 3600),
        ('auto_shutdown = "any_significant"\nrestart = "temporary"', 3600),
        ('auto_shutdown = "all_significant"', 0),  # its supervisor is there, and has the report
    ],
)
def test_how_a_main_child_deep_in_the_tree_ended_is_told_also_if_it_has_gone_before_all_is_ready(
    tree: Write, greenroom: Run, inner: str, retention: int
) -> None:
    significant = str("any_" in inner).lower()
    text = f"""
name = "shop"
main = "inner/a"
auto_shutdown = "any_significant"
[limits]
retention = {retention}
[[children]]
name = "inner"
{inner}
children = [{{ name = "a", factory = "cast_of_actors:done", args = ["a result"], restart = "temporary", significant = {significant} }}]
[[children]]
name = "other"
factory = "cast_of_actors:Worker"
"""
    path = tree(text)
    ended = greenroom("run", path)
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert ended.stdout.endswith("\n\na result\n")
    path.write_text(text.replace("cast_of_actors:done", "cast_of_actors:breaks").replace('args = ["a result"], ', ""))
    ended = greenroom("run", path)
    assert ended.returncode == 1
    assert "greenroom: /shop/inner/a: crashed: ValueError: broken on purpose\n" in ended.stderr


def test_a_nested_supervisor_that_gives_up_makes_the_run_exit_1_with_the_chain(tree: Write, greenroom: Run) -> None:
    text = """
name = "shop"
intensity = { max_restarts = 0 }
[[children]]
name = "inner"
intensity = { max_restarts = 1 }
children = [{ name = "a", factory = "cast_of_actors:breaks" }]
"""
    ended = greenroom("run", tree(text))
    assert ended.returncode == 1
    assert "/shop/inner" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
