"""Races from the command line: a scenario by its import path, a search with signs of life, and a replay."""

import sys
from pathlib import Path
from time import monotonic
from typing import Any, Final, TextIO

from .. import GreenroomError
from ..races import Found, InvalidToken, ProgramChanged, Result, run
from ..races._run import check_scenario
from ..races._schedule import Schedule
from ..races._search import described, search
from ..races._threads import Threads
from ._imports import BadImport, find_object, look_in
from ._problem import InvalidInput, Problem

#: Seconds between two signs of life of a long search.
PULSE: Final = 1.0


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
    except (BadImport, TypeError) as error:
        raise InvalidInput("", [Problem("", str(error))]) from None
    return found


class Pulse:
    """Say now and then how far a search is: over one line in a terminal, else in a line of its own each ten times as long."""

    def __init__(self, schedules: int, stream: TextIO) -> None:
        self._schedules = schedules
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._begun = self._last = monotonic()
        self._shown = False

    def beat(self, number: int) -> None:
        """Hear of a schedule that has been tried."""
        now = monotonic()
        if now - self._last < PULSE * (1 if self._is_terminal else 10):
            return
        self._last = now
        rate = number / (now - self._begun)
        text = f"schedule {number:,} of {self._schedules:,}, {rate:,.0f} each second"
        self._stream.write(f"\r{text}\x1b[K" if self._is_terminal else f"{text}\n")
        self._stream.flush()
        self._shown = True

    def end(self) -> None:
        """Take the line away."""
        if self._shown and self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def race(import_path: str, schedules: int, seconds: float | None, **options: Any) -> Found | None:
    """Search a scenario, with signs of life on stderr.

    Raises:
        InvalidInput: something given is wrong, or the scenario does not go the same way twice.
    """
    scenario = find_scenario(import_path)
    pulse = Pulse(schedules, sys.stderr)
    try:
        return search(scenario, schedules=schedules, seconds=seconds, progress=pulse.beat, **options)
    except (ProgramChanged, ValueError, RuntimeError) as error:
        raise InvalidInput("", [Problem(import_path, str(error))]) from error
    finally:
        pulse.end()


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


def told(result: Result, import_path: str, where: str = "", how: str = "") -> str:
    """Return a failure as lines, with the command that shows it again in the place of the call."""
    *lines, _ = described(result, where, how).splitlines()
    return "\n".join([*lines, f"to see it again: greenroom replay {result.schedule.token} {import_path}"])
