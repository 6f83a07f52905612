"""Ctrl-C, and its like: in order, in time, without a traceback."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from greenroom import console
from greenroom.console import _app

Write = Callable[[str], Path]
Start = Callable[..., "subprocess.Popen[str]"]

SLOW = 'import threading\nprint("importing", flush=True)\nthreading.Event().wait()\n'
ONE = 'name = "stage"\n[[children]]\nname = "one"\nfactory = "cast_of_actors:{name}"\nshutdown = 0.5\n'


def wait_for(process: "subprocess.Popen[str]", word: str) -> str:
    """Read on until a line has the word."""
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if word in line:
            return read
    raise AssertionError(f"ended without {word!r}: {read}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_tree_in_order_and_is_told_by_the_exit_status(
    tree: Write, start: Start, number: signal.Signals
) -> None:
    with start("run", tree(ONE.format(name="waits"))) as process:
        wait_for(process, "one               [ready]")
        process.send_signal(number)
        said, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (128 + number, "")
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert f"warning: {name}: stopping the tree" in said
    assert "one               [killed]" in said
    assert "/stage            [killed]" in said


def test_code_that_never_lets_go_is_broken_off_by_the_second_ctrl_c(tree: Write, start: Start) -> None:
    with start("run", tree(ONE.format(name="blocks"))) as process:
        wait_for(process, "blocking")
        process.send_signal(signal.SIGINT)
        # Nothing can tell when the first has come, but that it is no longer pending.
        while int(_status(process.pid, "ShdPnd"), 16) & 1 << (signal.SIGINT - 1):
            pass
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said + errors


def test_an_actor_that_clings_to_its_task_is_broken_off_by_the_third_ctrl_c(tree: Write, start: Start) -> None:
    with start("run", tree(ONE.format(name="clings"))) as process:
        wait_for(process, "one               [ready]")
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C: stopping the tree" in wait_for(process, "one               [stopping]")
        process.send_signal(signal.SIGINT)
        wait_for(process, "still stopping")
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said + errors


def test_ctrl_c_while_a_module_is_imported_exits_130(tree: Write, start: Start, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    with start("run", tree(ONE.format(name="waits").replace("cast_of_actors", "slow"))) as process:
        wait_for(process, "importing")
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    assert (process.returncode, said, errors) == (130, "", "")


def _status(pid: int, key: str) -> str:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith(f"{key}:")).split()[1]


def test_ctrl_c_just_as_all_is_done_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in the very call that would have it ignored."""
    asked: list[object] = []

    def struck(number: int, handler: object) -> None:
        asked.append((number, handler))
        if len(asked) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(console, "signal", SimpleNamespace(signal=struck, SIGINT=2, SIG_IGN="ignored"))
    monkeypatch.setattr(_app, "main", lambda: 0)
    try:
        assert console.main() == 0
    except KeyboardInterrupt:
        pytest.fail("it came through")
    assert asked == [(2, "ignored")] * 2
