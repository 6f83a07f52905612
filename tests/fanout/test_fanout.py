"""The fan-out, on real servers: every call has one result, whatever comes in between, and no process is left."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

FANOUT = Path(__file__).resolve().parents[2] / "examples" / "fanout" / "fanout.py"
WORD = re.compile(r"[^\W\d_]+")


def servers_of(folder: Path) -> list[int]:
    """The processes that serve a folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if str(folder) in words and any(word.endswith("shelf_server.py") for word in words):
                    found.append(int(entry.name))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of texts: 1,000 lines, no two with the same number of words. No server of it is left."""
    path = tmp_path / "texts"
    path.mkdir()
    lines = [f"line {'word ' * (number % 97)}number {'x' * (number % 13)}" for number in range(1_000)]
    for number in range(10):
        text = "\n".join(lines[number * 100 : number * 100 + 100])
        (path / f"{number}.txt").write_text(f"{text}\n", encoding="utf-8")
    yield path
    left = servers_of(path)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def command(folder: Path, *options: object) -> list[str]:
    return [sys.executable, str(FANOUT), str(folder), *map(str, options)]


def fanout(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *options), cwd=folder, capture_output=True, encoding="utf-8", timeout=90, check=False
    )


def begin(folder: Path, *options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, *options), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )


def read_account(path: Path, readers: int) -> list[dict[str, Any]]:
    """Read an account, which has one entry for each call: the starts in order, then the waits."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    width = len(str(readers))
    starts = [f"part-{number:0{width}}" for number in range(1, readers + 1)]
    assert [entry["id"] for entry in entries] == [*starts, "wait-1", "wait-2", "wait-3", "wait-4"]
    return entries


def check_findings(entries: list[dict[str, Any]], folder: Path) -> None:
    """See that each reader that completed has found what is there in its part, and the others nothing."""
    lines = [line for path in sorted(folder.iterdir()) for line in path.read_text(encoding="utf-8").splitlines()]
    readers = [entry for entry in entries if entry["id"].startswith("part-")]
    for at, entry in enumerate(readers):
        if entry["outcome"] != "completed":
            assert entry["finding"] is None
            assert entry["cause"] or entry["outcome"] == "interrupted"
            continue
        part = lines[len(lines) * at // len(readers) : len(lines) * (at + 1) // len(readers)]
        found = entry["finding"]
        assert (found["lines"], found["words"]) == (len(part), sum(len(WORD.findall(line)) for line in part))
        assert found["longest"][2] == max(part, key=len)


def test_every_one_of_200_calls_has_one_result_though_the_chief_is_interrupted_in_the_middle(
    folder: Path, tmp_path: Path
) -> None:
    ended = fanout(folder, "--account", tmp_path / "account.json", "--pace", "0.01")
    assert (ended.returncode, ended.stderr) == (0, "")
    entries = read_account(tmp_path / "account.json", 200)
    assert {entry["call"] for entry in entries[:200]} == {"completed"}
    outcomes = Counter(entry["outcome"] for entry in entries[:200])
    assert outcomes.keys() == {"completed", "interrupted"}
    assert outcomes["completed"] >= 100
    # The waits: some are over, one was interrupted, unless that fell between two of them, and those after it were not begun.
    assert re.fullmatch(
        "(completed )*(interrupted |not begun )(not begun )*", "".join(f"{entry['call']} " for entry in entries[200:])
    )
    check_findings(entries, folder)
    said = ended.stdout
    assert "\x1b" not in said
    assert "makes 204 calls in one turn" in said
    assert "interrupts the chief, and all below it" in said
    assert "The account: 204 calls, 204 results" in said
    assert f"readers  {outcomes['completed']} completed, {outcomes['interrupted']} interrupted" in said
    # The last line of the feed tells what came of them.
    assert [line.split(None, 2)[2] for line in said.splitlines() if re.match(r" +\d+\.\d+  readers ", line)][-1] == (
        f"{outcomes['completed']} done, {outcomes['interrupted']} interrupted"
    )


def test_a_server_that_dies_costs_the_call_in_hand_and_every_call_has_one_result(folder: Path, tmp_path: Path) -> None:
    account = tmp_path / "account.json"
    process = begin(folder, "--readers", 40, "--servers", 2, "--pace", "0.05", "--no-interrupt", "--account", account)
    with process:
        assert process.stdout is not None
        shows_work = (line for line in process.stdout if re.search(r"\d+ working, \d+ done", line))
        next(shows_work)
        victim = servers_of(folder)[0]
        os.kill(victim, signal.SIGSTOP)
        next(shows_work)  # the others go on, and it has a question in hand
        os.kill(victim, signal.SIGKILL)
        rest = process.stdout.read()
    assert process.returncode == 1
    entries = read_account(account, 40)
    outcomes = Counter(entry["outcome"] for entry in entries[:40])
    assert outcomes == {"completed": 39, "errored": 1}
    assert {entry["outcome"] for entry in entries[40:]} == {"completed"}
    (lost,) = (entry for entry in entries if entry["outcome"] == "errored")
    assert re.match(r"/fanout/shelf-\d: crashed: MCP server 'shelf' is gone: was killed by SIGKILL", lost["cause"])
    check_findings(entries, folder)
    assert "readers  39 completed, 1 errored" in rest


@pytest.mark.parametrize(("number", "when"), [(signal.SIGINT, "starting"), (signal.SIGTERM, "working")])
def test_a_signal_ends_it_all_in_order(folder: Path, number: signal.Signals, when: str) -> None:
    process = begin(folder, "--readers", 20, "--servers", 1, "--pace", "0.1")
    with process:
        assert process.stdout is not None
        assert any(re.search(rf"\d+ {when}", line) for line in process.stdout)
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert (f"{number.name}: stopping the tree" in said, errors) == (True, "")
    assert not servers_of(folder)


def test_who_no_longer_reads_ends_it_without_a_word(folder: Path) -> None:
    process = begin(folder, "--readers", 2, "--servers", 1)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
    assert not servers_of(folder)


def test_in_a_terminal_there_is_a_table_that_ends_with_a_mark_for_every_reader(folder: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 100))
    process = subprocess.Popen(
        command(folder, "--readers", 20, "--servers", 1, "--no-interrupt"),
        stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    deadline = time.monotonic() + 60
    with process, suppress(OSError):  # EIO: the other side is closed
        while time.monotonic() < deadline and (piece := os.read(ours, 65_536)):
            said += piece
    os.close(ours)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode()).replace("\r", "")
    assert "◌" in text  # it was drawn while they were starting
    table = text[text.rindex("shelf    server") :]
    assert re.search(r"shelf-1  ready +●{20} *\n● 20 done", table)
    assert said.rindex(b"\x1b[?25h") > said.rindex("●".encode())  # the cursor is back


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--readers", "0"), "--readers: 0 is wrong here; give a whole number from 1 to 100,000"),
        (("--interrupt-at", "101"), "--interrupt-at: 101 is wrong here; give a percentage from 0 to 100"),
        (("--pace", "nan"), "--pace: nan is wrong here; give a number of seconds from 0"),
        (("nowhere",), "is no folder"),
    ],
)
def test_a_bad_option_gets_a_clear_word_and_exit_2(folder: Path, options: tuple[str, ...], word: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FANOUT), *options], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr
