"""Races from the command line: a scenario by its import path, a search with signs of life, and a replay."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from .. import GreenroomError
from ..races import Found, InvalidToken, ProgramChanged, Proof, Result, SharingFound, Survey, run, survey
from ..races import prove as prove_all
from ..races._checks import check_scenario
from ..races._pulse import Pulse
from ..races._schedule import Schedule
from ..races._threads import Threads
from ..treefile._imports import BadImport, find_object, look_in
from ..treefile._problem import InvalidInput, Problem
from ._writing import check_file

#: Seconds between two signs of life of a long search in a terminal; elsewhere each stays, and they are ten times as rare.
PULSE: Final = 1.0
#: What a run can be drawn to, by the ends of the names of files.
PICTURES: Final = (".svg", ".html")


def whole(_type: Any, tokens: Sequence[Any]) -> int:
    """Read a whole number: without this, 1.5 would be taken for 2.

    Raises:
        ValueError: it is none; cyclopts says which option it was for.
    """
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def find_scenario(import_path: str) -> Any:
    """Return the scenario that an import path names; modules of the current folder are found, too.

    Raises:
        InvalidInput: it names nothing, or no scenario.
    """
    module, colon, name = import_path.partition(":")
    if not (module and colon and name):
        text = f"{import_path!r} is no import path; give module:scenario, such as checks.races:register_once"
        raise InvalidInput("", [Problem("", text)])
    folder = Path()
    look_in(folder)
    try:
        found = find_object(import_path, folder, "in the current folder")
        check_scenario(import_path, found)
    except (BadImport, TypeError, RuntimeError) as error:
        raise InvalidInput("", [Problem("", str(error))]) from None
    return found


class Line:
    """Be the line that says how far it is: the same one over and over in a terminal, else a new one each time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_shown = False
        self.is_terminal = stream.isatty()

    def show(self, text: str) -> None:
        """Show a text in it."""
        self._stream.write(f"\r{text}\x1b[K" if self.is_terminal else f"{text}\n")
        self._stream.flush()
        self._is_shown = True

    def end(self) -> None:
        """Take it away again, if it can be."""
        if self._is_shown and self.is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def race(import_path: str, schedules: int, seconds: float | None, **options: Any) -> Survey:
    """Search a scenario, with signs of life on stderr.

    Raises:
        InvalidInput: something given is wrong, or the scenario does not go the same way twice.
    """
    scenario = find_scenario(import_path)
    line = Line(sys.stderr)
    pulse = Pulse(schedules, line.show, PULSE if line.is_terminal else 10 * PULSE)
    try:
        return survey(scenario, schedules=schedules, seconds=seconds, progress=pulse.beat, **options)
    except (ProgramChanged, ValueError, RuntimeError) as error:
        raise InvalidInput("", [Problem(import_path, str(error))]) from error
    finally:
        line.end()


def prove(import_path: str, deviations: int, **options: Any) -> Proof:
    """Run a scenario under all schedules within a bound, with signs of life on stderr.

    Raises:
        InvalidInput: something given is wrong, the scenario does not go the same way twice, or its actors share something.
    """
    scenario = find_scenario(import_path)
    line = Line(sys.stderr)
    pulse = Pulse(None, line.show, PULSE if line.is_terminal else 10 * PULSE)
    try:
        return prove_all(scenario, deviations=deviations, progress=pulse.beat, **options)
    except (ProgramChanged, SharingFound, ValueError, RuntimeError) as error:
        raise InvalidInput("", [Problem(import_path, str(error))]) from error
    finally:
        line.end()


def replay(token: str, import_path: str, max_steps: int, threads: Threads) -> Result:
    """Run a scenario under the schedule of a token.

    Raises:
        InvalidInput: the token or the path is wrong, or the program has changed.
    """
    try:
        schedule = Schedule.from_token(token)
    except InvalidToken as error:
        raise InvalidInput("", [Problem("", str(error))]) from None
    scenario = find_scenario(import_path)
    try:
        return run(scenario, schedule=schedule, max_steps=max_steps, threads=threads)
    except (GreenroomError, ValueError) as error:
        raise InvalidInput("", [Problem(import_path, str(error))]) from None


def again(token: str, import_path: str) -> str:
    """Return the command that shows a failure again."""
    return f"greenroom replay {token} {import_path}"


def check_picture(picture: str | None) -> None:
    """Refuse a file for a picture that is of no kind that there is, or cannot be written.

    Raises:
        InvalidInput: it is so.
    """
    if picture is None:
        return
    problems = list(check_file("--picture", picture))
    if Path(picture).suffix.lower() not in PICTURES:
        text = f"{picture!r} is no picture that can be drawn; give a file that ends in .svg or .html"
        problems = [Problem("--picture", text)]
    if problems:
        raise InvalidInput("", problems)


def write_picture(picture: str | None, run: Result | Found, command: str) -> None:
    """Draw a run to a file, and say so.

    Raises:
        InvalidInput: it cannot be written after all.
    """
    if picture is None:
        return
    path = Path(picture)
    text = run.svg(command) if path.suffix.lower() == ".svg" else run.html(command)
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise InvalidInput("", [Problem("--picture", f"{picture!r} cannot be written: {words}")]) from None
    print(f"drawn to {picture}")
