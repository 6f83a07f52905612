"""`greenroom top` in a real terminal, next to a real program: what it shows is what happens."""

import re
import signal
from functools import partial
from pathlib import Path

import pytest

from .programs import Program
from .terminals import IN_TERMINAL, Terminal

TOP = ("top", "s.sock", "--every", "0.1")


def test_what_is_shown_is_what_happens_while_children_of_a_busy_program_are_killed(tmp_path: Path) -> None:
    with Program(tmp_path, "busy") as program, Terminal(TOP, tmp_path) as terminal:
        program.do('start("first", restart="permanent")')
        program.do('start("second", function, restart="permanent")')
        terminal.wait_for("/stage", " first ", " second ", " busy ", "actors 4")
        assert f"process {program.process.pid}" in terminal.text
        for number in range(2, 5):
            program.do(f'root.lookup("first").tell("broken {number}")')
            terminal.wait(partial(_has_crashed, terminal, number), f"incarnation {number}")
            assert f"{number - 1}/1000 in 600s" in terminal.line_of("stage")
            incarnation = int(program.do('root.lookup("first").incarnation'))
            assert incarnation == number
        program.do('root.lookup("second").kill()')
        terminal.wait(lambda: "parked" in terminal.line_of("second"), "parked")
        assert "killed: by outside" in terminal.line_of("second")
        program.do('start("third", restart="temporary")')
        terminal.wait_for(" third ")
        program.do('root.lookup("third").kill()')
        terminal.wait(lambda: "ago ended /stage/third: killed: by outside" in terminal.text, "its end")
        assert "─ ● third" not in terminal.text
        program.do('start("fourth")')
        program.do('root.lookup("fourth").tell("hang")')
        program.do('[root.lookup("fourth").tell(None) for _ in range(5)]')
        terminal.wait(lambda: "running" in terminal.line_of("fourth") and " 5 " in terminal.line_of("fourth"), "mail")
        terminal.wait(lambda: "busy for" in terminal.line_of("fourth"), "how long it has been at it")
        before = program.do('root.lookup("busy")._slot.seq')
        terminal.press("q")
        assert terminal.wait_end() == 0
        assert terminal.is_as_before
        assert int(program.do('root.lookup("busy")._slot.seq')) > int(before)
        program.leave()
    assert not (tmp_path / "s.sock").exists()


def _has_crashed(terminal: Terminal, number: int) -> bool:
    line = terminal.line_of("first")
    return f"#{number} " in line and f"crashed: ValueError: broken {number}" in line


def test_one_can_be_searched_for_and_chosen_and_where_it_is_at_is_shown(tmp_path: Path) -> None:
    with Program(tmp_path) as program, Terminal(TOP, tmp_path) as terminal:
        for name in ("red", "green", "blue"):
            program.do(f'start("{name}")')
        program.do('root.lookup("green").tell("hang")')
        terminal.wait_for(" red ", " green ", " blue ")
        terminal.press("/gre")
        terminal.wait_for("search: gre_", "match 1")
        terminal.press("x\x7f\r")
        terminal.wait(lambda: " red " not in terminal.text and " green " in terminal.text, "only one")
        terminal.wait_for("search: gre ", "and 2 more")
        terminal.press("j\x1b[B\r")
        terminal.wait_for("its message, at", "in a_place_to_hang", "/stage/green  actor, incarnation 1")
        terminal.press("\x1b")
        terminal.wait(lambda: " red " in terminal.text and "its message" not in terminal.text, "all again")
        terminal.press("\x1b[A\x1b[6~\x1b[5~\x1b[H\x1b[F\x1b[15~\t\u00e9?")
        terminal.press("\r")
        terminal.wait_for("/stage/blue  actor", "it is at nothing")
        terminal.press("/no such\r")
        terminal.wait_for("match 0")
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_a_program_that_dies_while_it_is_watched_is_told_of_with_status_1_and_one_that_leaves_with_0(
    tmp_path: Path,
) -> None:
    for way, status, words in (
        ("kill", 1, "the program has died, or was killed: its end of the socket broke off"),
        ("leave", 0, "the inspector was closed"),
    ):
        with Program(tmp_path) as program, Terminal(TOP, tmp_path) as terminal:
            program.do('start("last_seen")')
            terminal.wait_for(" last_seen ")
            if way == "kill":
                program.process.kill()
            else:
                program.leave()
            assert terminal.wait_end() == status
            assert f"greenroom: s.sock: {words}" in terminal.text
            assert " last_seen " in terminal.text
            assert terminal.is_as_before
            assert "Traceback" not in terminal.text


def test_a_program_whose_loop_is_blocked_is_said_not_to_answer(tmp_path: Path) -> None:
    with Program(tmp_path) as program, Terminal(TOP, tmp_path) as terminal:
        program.do('start("blocks")')
        terminal.wait_for(" blocks ")
        program.tell('root.lookup("blocks").tell("block")')
        terminal.wait_for("no answer for 2.", "it is busy, blocked or stopped")
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_a_terminal_that_is_too_small_is_told_of_until_it_is_large_enough(tmp_path: Path) -> None:
    with (
        Program(tmp_path) as program,
        Terminal(("top", "s.sock", "--every", "60"), tmp_path, rows=8, columns=40) as terminal,
    ):
        program.do('start("child")')
        terminal.wait_for("the terminal is too small: 40 by 8", "60 by 10", "needed")
        terminal.resize(24, 100)
        terminal.wait_for(" stage ")
        assert "too small" not in terminal.text
        terminal.resize(9, 100)
        terminal.wait_for("the terminal is too small: 100 by 9")
        terminal.press("q")
        assert terminal.wait_end() == 0


def test_a_terminal_that_cannot_be_drawn_on_is_said_to_be_so_and_no_colours_are_used_where_none_are_wanted(
    tmp_path: Path,
) -> None:
    with Program(tmp_path):
        with Terminal(TOP, tmp_path, variables={"TERM": "dumb"}) as terminal:
            assert terminal.wait_end() == 2
            said = " ".join(terminal.text.split())
            assert said.startswith(
                "greenroom: the terminal is a dumb one (TERM=dumb), so there is nothing to draw on; give --once"
            )
            assert terminal.is_as_before
        with Terminal(TOP, tmp_path, variables={"NO_COLOR": "1"}) as terminal:
            terminal.wait_for(" stage ")
            terminal.press("q")
            assert terminal.wait_end() == 0
        styles = {style for each in re.findall(rb"\x1b\[([0-9;]*)m", terminal.written) for style in each.split(b";")}
        assert styles <= {b"", b"0", b"1", b"2", b"7"}  # bold, dim and reversed, and no colour


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    with Program(tmp_path), Terminal(TOP, tmp_path) as terminal:
        terminal.wait_for(" stage ")
        assert b"\x1b[?1049h" in terminal.written
        terminal.process.send_signal(number)
        assert terminal.wait_end() == 128 + number
        assert terminal.is_as_before
        assert "Traceback" not in terminal.text


#: Has the first picture asked for in a finalizer, and a signal come there.
SWALLOWED = """
import signal
from greenroom.console._top import Top

class Fragile:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def picture(top, plain=Top._picture):
    Fragile()
    return plain(top)

Top._picture = picture
"""


def test_a_signal_that_comes_while_a_finalizer_runs_ends_it_too(tmp_path: Path) -> None:
    with Program(tmp_path), Terminal(TOP, tmp_path, code=SWALLOWED + IN_TERMINAL) as terminal:
        assert terminal.wait_end() == 128 + signal.SIGTERM
        assert terminal.is_as_before


def test_a_terminal_that_is_closed_ends_it_as_a_hang_up_without_a_word(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    code = f"import os\nos.dup2(os.open({str(errors)!r}, os.O_CREAT | os.O_WRONLY), 2)\n{IN_TERMINAL}"
    with Program(tmp_path), Terminal(TOP, tmp_path, code=code) as terminal:
        terminal.wait_for(" stage ")
        assert terminal.hang_up() == 128 + signal.SIGHUP
    assert errors.read_text(encoding="utf-8") == ""


def test_ctrl_c_is_a_signal_there_too_and_ctrl_z_does_nothing(tmp_path: Path) -> None:
    with Program(tmp_path), Terminal(TOP, tmp_path) as terminal:
        terminal.wait_for(" stage ")
        terminal.press("\x1a")
        status = Path(f"/proc/{terminal.process.pid}/status").read_text(encoding="ascii")
        ignored = re.search(r"SigIgn:\t(\w+)", status)
        assert ignored is not None
        assert int(ignored[1], 16) & 1 << signal.SIGTSTP - 1
        terminal.press("/x")
        terminal.wait_for("search: x_")
        terminal.press("\x03")
        assert terminal.wait_end() == 130
        assert terminal.is_as_before
