"""What the program says of itself: help with examples and exit statuses for every command, and completion for shells."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenroom.console._app import main
from greenroom.console._command import app
from greenroom.console._help import COMMANDS

Write = Callable[[str], Path]
Start = Callable[..., "subprocess.Popen[str]"]
DOCS = Path(__file__).resolve().parents[2] / "docs"

#: All that can be typed behind `greenroom`.
NAMES = sorted(name for name in app if not name.startswith("-"))


def test_every_command_has_its_help_with_examples_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(COMMANDS) == NAMES
    for name in NAMES:
        assert main([name, "--help"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"Usage: greenroom {name}")
        assert re.search(r"\nExamples:\n  greenroom", said)
        assert "\nExit status: 0 " in said
        assert "2 something given is wrong" in " ".join(said.split())
        assert "|PATH" not in said  # of what is a file
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"│ {name} " in said for name in NAMES)
    assert "greenroom COMMAND --help has examples." in said


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_commands_help_are_command_lines_that_it_takes(name: str) -> None:
    for example, _ in COMMANDS[name][1]:
        words = shlex.split(re.split(r"\s[|>]", example)[0])
        assert words[:2] == ["greenroom", name]
        command, bound, *_ = app.parse_args(words[1:], exit_on_error=False, print_error=False)
        assert command.__name__ == name
        assert bool(words[2:]) == bool(bound.args or bound.kwargs or bound.arguments)


def test_the_page_of_the_console_has_every_command_with_its_exit_statuses() -> None:
    page = (DOCS / "console.md").read_text(encoding="utf-8")
    for name in NAMES:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` | "))
        for part in COMMANDS[name][0].split(" · "):
            number, _, words = part.partition(" ")
            assert f"{number}: {words}" in row
    for option in ("once", "json", "search", "rows", "every", "timeout"):
        assert f"| `--{option}" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["completion"], "requires an argument"),
        (["completion", "csh"], 'Invalid value "csh"'),
        (["completion", "bash", "zsh"], "Unused Tokens"),
        (["tree"], "requires an argument"),
        (["tree", "none.toml"], "none.toml: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_told_and_exits_2(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(arguments) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert said in errors


TREE = """
name = "shop"
strategy = "rest_for_one"
main = "counter/clerk"
[parameters]
till = {}
[profiles.patient]
intensity = { max_restarts = 9 }
[[children]]
name = "store"
factory = "cast_of_actors:Worker"
args = ["{till}"]
backoff = { initial = 0.5, maximum = 30 }
[[children]]
name = "counter"
strategy = "one_for_all"
[[children.children]]
name = "clerk"
factory = "cast_of_actors:done"
restart = "transient"
[[children.children]]
name = "queue"
factory = "cast_of_actors:Worker"
[[children]]
name = "cache"
partitions = 4
children = [{ name = "worker", factory = "cast_of_actors:Worker" }]
"""


def test_tree_draws_who_supervises_whom_and_how(tree: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tree(TREE))
    assert main(["tree", path]) == 0
    drawn = capsys.readouterr().out
    assert drawn.splitlines() == [
        "shop  rest_for_one",
        "├─ store  cast_of_actors:Worker, permanent, started inline, again after 0.5 to 30 s",
        "├─ counter  supervisor, one_for_all, permanent, started inline",
        "│  ├─ clerk  cast_of_actors:done, transient, started inline, the main one: its end ends the run",
        "│  └─ queue  cast_of_actors:Worker, permanent, started inline",
        "└─ cache  supervisor, 4 partitions, permanent, started inline",
        "   └─ worker-0 to worker-3  cast_of_actors:Worker, permanent, started inline",
    ]
    assert main(["tree", path, "--profile", "patient"]) == 0
    assert capsys.readouterr().out.startswith("shop  rest_for_one, at most 9 restarts within 5 s\n")
    assert main(["tree", path, "--profile", "patent"]) == 2
    assert "there is no profile 'patent'; did you mean 'patient'?" in capsys.readouterr().err


def test_a_tree_that_is_run_can_be_looked_at_if_it_is_told_so(tree: Write, start: Start, tmp_path: Path) -> None:
    path = tree('name = "stage"\n[[children]]\nname = "one"\nfactory = "cast_of_actors:waits"\nshutdown = 0.5\n')
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with start("run", path, "--inspect", "file") as process:
        said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (2, "")
    assert errors == "greenroom: --inspect: 'file' is a file, which is not replaced; give another path, or remove it\n"
    with start("run", path, "--inspect", "s.sock") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "one               [ready]" in line:
                break
        top = start("top", "s.sock", "--once")
        said, errors = top.communicate(timeout=60)
        assert (top.returncode, errors) == (0, "")
        assert f"process {process.pid}" in said
        assert "└─ ● one  running" in said
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert not (tmp_path / "s.sock").exists()
