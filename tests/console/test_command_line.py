"""The program as its user meets it: exit statuses, plain words, no traceback."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

FINE = """
name = "stage"
main = "done"
[parameters]
result = { default = "a result" }
needed = { help = "what it needs" }
[profiles.quick]
shutdown = 1
[[children]]
name = "done"
factory = "cast_of_actors:done"
args = ["{result} of {needed}"]
restart = "transient"
"""


def child(factory: str, *, main: bool = True, **keys: str) -> str:
    """A tree of one child; keys are TOML."""
    lines = [f"{key} = {value}" for key, value in {"restart": '"transient"', **keys}.items()]
    head = 'name = "stage"\n' + ('main = "one"\n' if main else "")
    return "\n".join([head, "[[children]]", 'name = "one"', f'factory = "{factory}"', *lines])


def test_a_run_prints_the_result_of_its_main_child_and_exits_0(tree: Write, greenroom: Run) -> None:
    ended = greenroom("run", tree(FINE), "--needed", "this", "--profile", "quick")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("\n\na result of this\n")
    assert "done              [ended] finished" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_result_that_is_no_string_is_printed_as_json(tree: Write, greenroom: Run) -> None:
    ended = greenroom("run", tree(child("cast_of_actors:done", args="[{ a = [1, 2.5], b = true }]")), "--view", "none")
    assert json.loads(ended.stdout) == {"a": [1, 2.5], "b": True}


def test_a_result_can_be_written_to_a_file(tree: Write, greenroom: Run, tmp_path: Path) -> None:
    ended = greenroom("run", tree(FINE), "--needed=this", "--output", "out.txt", "--view", "none")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "a result of this\n"


def test_a_main_child_that_fails_makes_the_run_exit_1_with_the_cause(tree: Write, greenroom: Run) -> None:
    path = tree(child("cast_of_actors:breaks", restart='"temporary"', startup='"deferred"'))
    ended = greenroom("run", path)
    assert ended.returncode == 1
    assert "greenroom: /stage/one: crashed: ValueError: broken on purpose\n" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert "Traceback" in greenroom("run", path, "--log-level", "debug").stderr


@pytest.mark.parametrize("main", ["breaks", "breaks_late"])
def test_the_failure_of_a_main_child_is_not_called_unread_and_those_of_others_are(
    tree: Write, greenroom: Run, main: str
) -> None:
    """What has been told as the failure of the run has been read."""
    other = '\n[[children]]\nname = "two"\nfactory = "cast_of_actors:breaks"\nrestart = "temporary"\n'
    declared = child(f"cast_of_actors:{main}", restart='"temporary"')
    ended = greenroom("run", tree(declared.replace("\n[[children]]", f"{other}\n[[children]]", 1)))
    assert ended.returncode == 1
    assert ended.stderr == "greenroom: /stage/one: crashed: ValueError: broken on purpose\n"
    unread = [line for line in ended.stdout.splitlines() if "nobody has read its report" in line]
    assert ["path='/stage/two'" in line for line in unread] == [True]


def test_a_tree_that_gives_up_makes_the_run_exit_1_with_the_cause(tree: Write, greenroom: Run) -> None:
    ended = greenroom("run", tree(child("cast_of_actors:breaks")))
    assert ended.returncode == 1
    assert "gave up on /stage/one: more than 3 restarts" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
    assert "warning: crashed: ValueError: broken on purpose; restarting as incarnation 2" in ended.stdout


def test_a_factory_that_calls_its_arguments_invalid_makes_the_run_exit_2(tree: Write, greenroom: Run) -> None:
    for startup in ('"inline"', '"deferred"'):
        path = tree(child("cast_of_actors:Picky", args='["it"]', startup=startup, restart='"temporary"'))
        ended = greenroom("run", path, "--view", "none", "--log-level", "error")
        assert (ended.returncode, ended.stderr) == (2, "greenroom: --name: 'it' will not do\n")


def test_logs_of_the_tree_are_lines_of_the_run_from_the_level_that_was_asked_for(tree: Write, greenroom: Run) -> None:
    path = tree(
        child("cast_of_actors:Worker", main=False) + '\n[[children]]\nname = "end"\nfactory = "cast_of_actors:done"\n'
    )
    path.write_text('main = "end"\n' + path.read_text(encoding="utf-8") + 'restart = "temporary"\n', encoding="utf-8")
    assert "one               given ((), 1)" in greenroom("run", path).stdout
    assert "given" not in greenroom("run", path, "--log-level", "warning").stdout


NOT_RUN: list[tuple[list[str], str]] = [
    ([], "requires an argument"),
    (["nofile.toml"], "nofile.toml: cannot be read: No such file or directory"),
    (["."], ".: is a folder, not a file; did you mean one of its files?"),
    (["tree.toml"], "--needed: is needed by this tree (what it needs)"),
    (["tree.toml", "--needed"], "--needed: needs a value"),
    (["tree.toml", "--neded", "x"], "there is no option '--neded'; did you mean '--needed'?"),
    (["tree.toml", "--needed", "x", "--needed", "y"], "--needed: is given twice"),
    (["tree.toml", "--needed", "x", "y"], "'y' is one argument too many"),
    (["tree.toml", "--needed", "x", "--profile", "quik"], "there is no profile 'quik'; did you mean 'quick'?"),
    (["tree.toml", "--profile"], "requires an argument"),
    (["tree.toml", "--needed", "x", "--view", "big"], 'Invalid value "big" for --view'),
    (["tree.toml", "--needed", "x", "--log-level", "loud"], 'Invalid value "loud" for --log-level'),
    (["tree.toml", "--needed", "x", "--output", "."], "--output: '.' is a folder"),
    (["tree.toml", "--needed", "x", "--output", "no/where"], "cannot be written: there is no folder no"),
    (["tree.toml", "--needed", "x", "--output", "tree.toml/x"], "cannot be written: there is no folder tree.toml"),
    (["--needed", "x", "tree.toml"], "The tree's own parameters come behind the tree file."),
    (["/dev/null"], "/dev/null: name: is needed, and left out"),
    (["/dev/zero"], "/dev/zero: is longer than"),
    (["tree.toml\n"], "cannot be read: No such file or directory"),
    (["cast_of_actors.py"], "is no TOML"),
]


@pytest.mark.parametrize(("arguments", "said"), NOT_RUN)
def test_what_the_user_got_wrong_is_told_in_plain_words_and_exits_2(
    tree: Write, greenroom: Run, arguments: list[str], said: str
) -> None:
    tree(FINE)
    ended = greenroom("run", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert all(line.startswith("greenroom: ") for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [["rum"], ["--bogus"], ["check"], ["check", "tree.toml", "--bogus"], ["check", "tree.toml", "--profile", "no"]],
)
def test_a_command_that_there_is_not_exits_2(tree: Write, greenroom: Run, arguments: list[str]) -> None:
    tree(FINE)
    ended = greenroom(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("greenroom: ")
    assert "Traceback" not in ended.stderr


def test_check_says_what_a_tree_declares_and_starts_nothing(tree: Write, greenroom: Run) -> None:
    ended = greenroom("check", tree(FINE))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1:] == [
        "  child     done: cast_of_actors:done, transient, started inline, the main one: its end ends the run",
        "  profile   quick",
        "  parameter --result: a value (default: 'a result')",
        "  parameter --needed: what it needs (needed)",
    ]


def test_check_looks_at_all_profiles(tree: Write, greenroom: Run) -> None:
    text = FINE.replace('restart = "transient"', "").replace(
        "[profiles.quick]", '[base]\nrestart = "transient"\n[profiles.quick]\nrestart = "permanent"'
    )
    path = tree(text)
    ended = greenroom("check", path)
    assert ended.returncode == 2
    assert (
        ended.stderr
        == f'greenroom: {path}: main: \'done\' is permanent, so it is restarted whenever it ends; give it restart = "transient" or "temporary"\n'
    )


def test_check_prints_the_schema(greenroom: Run) -> None:
    ended = greenroom("check", "--schema")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["title"] == "greenroom tree"


FACTORIES = [
    ("nowhere:A", "there is no module 'nowhere'; there is broken, cast_of_actors, "),
    ("cast_of_actor:A", "did you mean 'cast_of_actors'?"),
    ("cast_of_actors:Wroker", "cast_of_actors has no 'Wroker'; did you mean 'Worker'?"),
    ("cast_of_actors:Worker.x", "cast_of_actors:Worker has no 'x'"),
    ("cast_of_actors:logger", "is not a factory"),
    ("cast_of_actors:generates", "a generator function is no factory"),
    ("json:JSONDecoder", "JSONDecoder is a class, but not one derived from Actor or Agent"),
    ("cast_of_actors.inner:A", "there is no module 'cast_of_actors.inner'"),
    ("broken:A", "importing broken failed: SyntaxError: invalid syntax (broken.py, line 1)"),
    ("needs:A", "importing needs failed: ModuleNotFoundError: No module named 'not_installed'"),
    ("exits:A", "importing exits failed: SystemExit: 7"),
    ("queue:A", "queue.py beside the tree file is hidden by it: give that another name"),
]


@pytest.mark.parametrize(("factory", "said"), FACTORIES)
def test_an_import_path_that_leads_to_no_factory_is_told_with_its_place(
    tree: Write, greenroom: Run, tmp_path: Path, factory: str, said: str
) -> None:
    for name, text in {
        "broken": "def (:",
        "needs": "import not_installed",
        "exits": "raise SystemExit(7)",
        "queue": "",
    }.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    path = tree(child(factory))
    ended = greenroom("check", path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"greenroom: {path}: children[0].factory: ")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


ARGUMENTS = [
    ("Picky", "", "missing a required argument: 'name'"),
    ("Picky", "args = [1, 2]", "too many positional arguments"),
    ("Picky", "kwargs = { nam = 1 }", "did you mean 'name'?"),
    ("Worker", "kwargs = { siz = 1 }", "got an unexpected keyword argument 'siz'; did you mean 'size'?"),
    ("done", "args = [1, 2]", "too many positional arguments"),
    ("done", "kwargs = { ctx = 1 }", "multiple values for argument 'ctx'"),
    ("Worker", 'args = ["{nothing}"]', "children[0].args[0]: there is no parameter 'nothing'"),
    ("Worker", 'kwargs = { size = "{" }', "children[0].kwargs.size: a brace that stands alone"),
]


@pytest.mark.parametrize(("name", "keys", "said"), ARGUMENTS)
def test_arguments_are_checked_against_the_factory(
    tree: Write, greenroom: Run, name: str, keys: str, said: str
) -> None:
    ended = greenroom("check", tree(f"{child(f'cast_of_actors:{name}')}\n{keys}"))
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("run", "--needed", "x"), ("check",), ("tree",)])
def test_output_that_cannot_be_written_ends_the_run_with_status_1(tree: Write, arguments: tuple[str, ...]) -> None:
    name, *others = arguments
    path = tree(FINE)
    code = "import sys; from greenroom.console import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", code, name, str(path), *others]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        "greenroom: the output cannot be written: [Errno 28] No space left on device\n",
    )


def test_a_reader_who_leaves_ends_the_run_without_a_word(tree: Write) -> None:
    path = tree(child("cast_of_actors:waits", startup='"deferred"'))
    code = "import sys; from greenroom.console import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_told_with_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from greenroom.console import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code, "check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"greenroom: the command line needs {missing}; install it: pip install 'greenroom[cli]'\n"


def test_a_terminal_that_knows_no_more_than_ascii_gets_escapes_and_no_traceback(tree: Write, greenroom: Run) -> None:
    ended = greenroom("run", tree(FINE), "--needed", "dé", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ended.returncode == 0
    assert ended.stdout.endswith("a result of d\\xe9\n")


@pytest.mark.parametrize(("closed", "code"), [("1", 0), ("2", 0), ("1 2", 0)])
def test_a_program_without_stdout_or_stderr_runs_all_the_same(tree: Write, closed: str, code: int) -> None:
    path = tree(FINE)
    program = "import sys; from greenroom.console import main; sys.exit(main())"
    shell = " ".join(f"{number}>&-" for number in closed.split())
    command = f'exec "{sys.executable}" -P -c "{program}" run "{path}" --needed x {shell}'
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code
    assert "Traceback" not in ended.stdout + ended.stderr


def test_an_actor_that_calls_sys_exit_ends_the_run_with_its_status(tree: Write, greenroom: Run, tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys\nasync def leave(ctx):\n    sys.exit(7)\n", encoding="utf-8")
    ended = greenroom("run", tree(child("leaves:leave")))
    assert ended.returncode == 7
    assert "Traceback" not in ended.stdout + ended.stderr
