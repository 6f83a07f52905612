"""The main job, on real servers: what is printed, what the paper says, and that it ends."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1] / "examples" / "newsroom" / "newsroom.toml"
NEWSROOM = (
    sys.executable, "-P", "-c", "import sys; from greenroom.console import main; sys.exit(main())", "run", str(TREE),
)  # fmt: skip
#: The story as it is when the archive does not take its time.
QUICK = ("--archive-delay", "0")

Newsroom = Callable[..., subprocess.CompletedProcess[str]]
Commit = Callable[[str], str]


def paper(said: str) -> str:
    return said[said.index("THE GREENROOM GAZETTE") :]


def in_order(text: str, *words: str) -> bool:
    """Whether the words come in this order."""
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)


def test_the_paper_is_made_from_what_the_servers_returned(newsroom: Newsroom, repository: Path, commit: Commit) -> None:
    hashes = [commit(f"Commit number {number}") for number in range(4)]
    ended = newsroom("--repo", repository, "--commits", "3")
    assert (ended.returncode, ended.stderr) == (0, "")
    said = paper(ended.stdout)
    assert in_order(
        said,
        *(f"  {name}  2001-02-03 04:05\n      Commit number {3 - n}\n" for n, name in enumerate(reversed(hashes[1:]))),
    )
    assert hashes[0] not in said
    assert re.search(r"  Etc/UTC     \w+day, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n  Asia/Tokyo  \w+day, \d{4}-", said)
    assert "  texts: 2, of 17 words together\n  the longest: more.txt" in said
    assert "ghosts (4)" in said
    assert in_order(
        said,
        "Not in this edition",
        "wire failed to initialize",
        "required MCP servers failed to",
        "newswire",
        "command not found",
    )


def test_the_story_is_told_as_it_happens(newsroom: Newsroom, repository: Path, commit: Commit) -> None:
    commit("The first")
    said = newsroom("--repo", repository).stdout
    assert "\x1b" not in said
    for name in ("history", "clock", "archive"):
        assert in_order(
            said,
            f"mails {name} (initializing)",
            f"editor/{name}" + " " * (16 - len(f"editor/{name}")) + "  is ready: ",
            f"editor/{name}" + " " * (16 - len(f"editor/{name}")) + "  opens its mail #1",
            f"editor            has the piece by {name}",
            "goes to press",
        )
    assert in_order(
        said,
        "mails wire (initializing)",
        "wants a turn of history right now, and is refused: startup is still in progress",
        "editor/wire       error: failed to initialize: required MCP servers failed to initialize: newswire: ",
        "has it in its mailbox that wire will not deliver: failed to initialize",
        "editor/archive    [initializing] STALE; waits for archive",
        "editor/archive    is ready",
        "goes to press",
        "THE GREENROOM GAZETTE · gazette",
    )
    times = [float(line[:7]) for line in said.splitlines() if re.match(r" *\d+\.\d\d  ", line)]
    assert times == sorted(times)
    assert 2.5 < times[-1] < 20


def test_a_repository_without_a_commit_makes_a_paper_that_says_so(newsroom: Newsroom, repository: Path) -> None:
    ended = newsroom("--repo", repository, *QUICK)
    assert ended.returncode == 0
    assert "nothing to report: " in paper(ended.stdout)
    assert "texts: 2" in paper(ended.stdout)


def test_bare_shallow_and_nested_repositories_are_read(
    newsroom: Newsroom, repository: Path, commit: Commit, tmp_path: Path
) -> None:
    names = [commit(f"Commit {number}") for number in range(3)]
    bare, shallow = tmp_path / "bare.git", tmp_path / "shallow"
    for command in (["--bare", str(repository), str(bare)], ["--depth=1", repository.as_uri(), str(shallow)]):
        subprocess.run(["git", "clone", "--quiet", *command], check=True)
    folder = repository / "deep" / "below"
    folder.mkdir(parents=True)
    for path, read in ((bare, names), (shallow, names[2:]), (folder, names)):
        said = paper(newsroom("--repo", path, *QUICK).stdout)
        assert [name for name in names if name in said] == read


def test_what_a_commit_says_does_not_steer_the_terminal(newsroom: Newsroom, repository: Path, commit: Commit) -> None:
    name = commit("Clear\x1b[2J [bold]the {screen}\u202e %s")
    said = newsroom("--repo", repository, *QUICK).stdout
    assert f"{name}  2001-02-03 04:05\n      Clear [2J [bold]the {{screen}}  %s\n" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("folder", ["plain", "nothing", "plain/file"])
def test_a_folder_that_is_in_no_repository_is_refused_with_status_2(
    newsroom: Newsroom, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "file").touch()
    ended = newsroom("--repo", folder, "--view", "none")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"greenroom: --repo: '{folder}'")
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("option", "value", "gives"),
    [
        ("--commits", "0", "a whole number from 1"),
        ("--commits", "-1", "a whole number from 1"),
        ("--archive-delay", "-0.5", "a number of seconds from 0"),
        ("--archive-delay", "nan", "a number of seconds from 0"),
        ("--archive-delay", "inf", "a number of seconds from 0"),
    ],
)
def test_a_number_that_means_nothing_is_refused_with_status_2(
    newsroom: Newsroom, repository: Path, option: str, value: str, gives: str
) -> None:
    ended = newsroom("--repo", repository, option, value)
    assert (ended.returncode, ended.stderr) == (2, f"greenroom: {option}: {value} is wrong here; give {gives}\n")


@pytest.mark.parametrize("missing", ["mcp", "mcp_server_git", "mcp_server_time"])
def test_a_missing_extra_is_told_with_what_to_install(tmp_path: Path, missing: str) -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        f"u.find_spec = lambda name, package=None: None if name == {missing!r} else find(name, package)\n"
        "from greenroom.console import main; sys.exit(main())"
    )
    command = [sys.executable, "-P", "-c", code, *NEWSROOM[4:], "--view", "none"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == f"greenroom: the newsroom needs {missing}: pip install 'greenroom[newsroom]'\n"


MOMENTS = [
    "opens the newsroom",
    "waits for git",
    "is ready: mcp-git",
    "opens its mail",
    "STALE",
    "goes to press",
    "editor            [ended]",
    "GAZETTE",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_it_at_any_moment_in_order_and_in_time(repository: Path, commit: Commit, moment: str) -> None:
    commit("The first")
    with subprocess.Popen(
        [*NEWSROOM, "--repo", str(repository)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        before = ""
        for line in process.stdout:
            before += line
            if moment in line:
                break
        assert moment in before
        process.send_signal(signal.SIGINT)
        # The editor's shutdown time, and some for a busy machine.
        said, errors = process.communicate(timeout=8 + 10)
    assert errors == ""
    if "goes to press" in before:
        assert process.returncode in (0, 130)  # it may have been done before it heard of it
    else:
        assert process.returncode == 130
        assert "Ctrl-C: stopping the tree" in said
        assert "/newsroom         [killed]" in said
    assert "Traceback" not in before + said


def never(said: str, pid: int) -> bool:
    """Let it run."""
    return bool(said and pid)


def in_terminal(arguments: list[str], react: Callable[[str, int], bool]) -> tuple[int, str]:
    """Run the newsroom in a terminal of 100 by 30; `react` is told what has been said, until it returns True."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "", "NO_COLOR": ""}
    environment.pop("NO_COLOR")
    with subprocess.Popen(
        [*NEWSROOM, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(follower)
        said, is_done = b"", False
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other side has gone
                break
            if not piece:
                break
            said += piece
            is_done = is_done or react(said.decode(errors="replace"), process.pid)
        os.close(leader)
    return process.returncode, said.decode()


ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def pictures(said: str) -> list[str]:
    """The trees that were drawn, one after the other."""
    return ["actor  " + text for text in ESCAPE.sub("", said).replace("\r", "").split("actor  ")[1:]]


def test_in_a_terminal_the_tree_is_drawn_live(repository: Path, commit: Commit) -> None:
    name = commit("The first")
    code, said = in_terminal(["--repo", str(repository)], never)
    assert code == 0
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1  # the cursor is hidden, and comes back
    drawn = pictures(said)
    assert len(drawn) > 20
    assert any(re.search(r"├─ ◌ archive  initializing +1  STALE; waits for archive", picture) for picture in drawn)
    assert any(re.search(r"├─ ◌ history  initializing +1  waits for git", picture) for picture in drawn)
    assert any(re.search(r"├─ ● clock    ready ", picture) for picture in drawn)
    last = drawn[-1]
    assert re.search(
        r"· newsroom +ended +shutdown *\n└─ · editor +ended +finished *\n   ├─ · history  ended +shutdown *\n", last
    )
    assert re.search(r"   └─ ✗ wire     failed +failed to initialize: required MCP", last)
    assert last.index("GAZETTE") > last.index("wire")
    assert name in last


def test_ctrl_c_in_a_terminal_leaves_it_as_it_was(repository: Path, commit: Commit) -> None:
    commit("The first")

    def react(said: str, pid: int) -> bool:
        if "waits for git" not in said:
            return False
        os.kill(pid, signal.SIGINT)
        return True

    code, said = in_terminal(["--repo", str(repository)], react)
    assert code == 130
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1
    assert "Ctrl-C: stopping the tree" in said
    assert "Traceback" not in said
    assert "killed" in pictures(said)[-1]
