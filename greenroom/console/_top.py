"""`greenroom top`: a running program, looked at through its inspector."""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..inspector import Frame
from ..inspector._converter import unstructure
from ..inspector._frame import MOST_ROWS
from ..inspector._view import MOST_SEARCH, View
from ..treefile._problem import InvalidInput, Problem
from ._keys import Keys
from ._link import Gone, Link
from ._run import FAILED, FINE
from ._top_view import WHY_SILENT, Chosen, Picture, seconds

#: Seconds after which a program that does not answer is said not to.
SILENCE: Final = 2.0
#: Seconds between two pictures where nothing comes.
REDRAW: Final = 0.5
#: Seconds between two frames that may be asked for.
SOONEST: Final = 0.1
#: Rows that a page goes up and down by.
PAGE: Final = 10
#: Signals that end it; SIGQUIT is Ctrl-\\.
ENDS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
#: Characters of a line that is not for a terminal.
WIDEST: Final = 2_000


def check_numbers(rows: int, every: float, timeout: float, search: str) -> None:
    """Refuse what cannot be asked for.

    Raises:
        InvalidInput: with all that is wrong.
    """
    problems: list[Problem] = []
    if not 1 <= rows <= MOST_ROWS:
        problems.append(
            Problem("--rows", f"{rows} is not from 1 to {MOST_ROWS}; --search finds those that are not shown")
        )
    if not SOONEST <= every <= 3_600:  # noqa: PLR2004 -- an hour
        problems.append(Problem("--every", f"{every:g} is not a number of seconds from {SOONEST:g} to 3600"))
    if not 0 < timeout <= 3_600:  # noqa: PLR2004 -- as above
        problems.append(Problem("--timeout", f"{timeout:g} is not a number of seconds above 0, up to 3600"))
    if len(search) > MOST_SEARCH:
        problems.append(Problem("--search", f"is longer than {MOST_SEARCH} characters"))
    if problems:
        raise InvalidInput("", problems)


def look_once(link: Link, view: View, timeout: float, *, as_json: bool) -> int:
    """Print one frame; the exit status is returned. Raises Gone."""
    link.ask(view)
    frame = link.wait(timeout)
    if frame is None:
        raise Gone(f"the program has not answered within {timeout:g} s; its event loop may be blocked")
    _print(frame, view, as_json=as_json)
    return FINE


def look_on(link: Link, view: View, every: float, timeout: float) -> int:
    """Print frames as lines of JSON until the program ends. Raises Gone."""
    while True:
        look_once(link, view, timeout, as_json=True)
        # What comes unasked is the last word.
        link.wait(every)


def _print(frame: Frame, view: View, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(unstructure(frame)) + "\n")
        sys.stdout.flush()
    else:
        _print_whole(Picture(frame, Chosen(search=view.search), is_live=False))


def _print_whole(picture: Picture) -> None:
    """Print a picture with all its rows: as wide as the terminal, and elsewhere as wide as it comes."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=WIDEST)
    console.print(picture, soft_wrap=True)


class Top:
    """Show a program live, until the user leaves or the program does."""

    def __init__(self, link: Link, console: Console, view: View, every: float) -> None:
        self._link, self._console, self._view, self._every = link, console, view, every
        self._chosen = Chosen(search=view.search)
        self._frame: Frame | None = None
        self._due = 0.0
        self._has_changed = True

    def run(self) -> int:
        """Show it; the exit status is returned. Raises Gone, after the last picture has been left on the screen."""
        try:
            with (
                _signals_end_it() as leave_if_told,
                Keys() as keys,
                _resizes() as resized,
                Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False) as live,
            ):
                while self._step(keys, resized, live):
                    leave_if_told()
        except Gone:
            if self._frame is not None:
                _print_whole(Picture(self._frame, Chosen(search=self._chosen.search), is_live=False))
            raise
        return FINE

    def _step(self, keys: Keys, resized: socket.socket, live: Live) -> bool:
        """Wait for whatever comes first, and see to it; False if the user leaves."""
        now = monotonic()
        if not self._link.is_waiting and now >= self._due:
            select_ = self._chosen.selected if self._chosen.shows_stack else ""
            self._link.ask(View(search=self._chosen.search, rows=self._view.rows, select=select_))
        silent = now - self._link.asked_at if self._link.is_waiting else 0.0
        self._chosen.silent_for = silent if silent >= SILENCE else None
        if self._has_changed or self._chosen.silent_for is not None:
            live.update(self._picture(), refresh=True)
            self._has_changed = False
        sources: list[Link | socket.socket | int] = [self._link, resized]
        if keys.descriptor is not None:
            sources.append(keys.descriptor)
        wait = REDRAW if self._link.is_waiting else max(0.0, min(REDRAW, self._due - now))
        ready, _, _ = select.select(sources, [], [], wait)
        if resized in ready:
            resized.recv(1_024)
            self._has_changed = True
        if self._link in ready and (frame := self._link.read()) is not None:
            self._take(frame)
        if keys.descriptor in ready:
            return all(self._press(key) for key in keys.read())
        return True

    def _picture(self) -> Picture | Text:
        if self._frame is not None:
            return Picture(self._frame, self._chosen)
        silent = self._chosen.silent_for
        return Text("asking …" if silent is None else f"no answer for {seconds(silent)}: {WHY_SILENT}")

    def _take(self, frame: Frame) -> None:
        self._frame, self._has_changed = frame, True
        self._due = monotonic() + self._every

    def _press(self, key: str) -> bool:
        """See to a key; False if the user leaves."""
        chosen = self._chosen
        self._has_changed = True
        if chosen.is_typing:
            self._type(key)
            return True
        moves = {
            "up": -1,
            "k": -1,
            "down": 1,
            "j": 1,
            "page up": -PAGE,
            "page down": PAGE,
            "home": -MOST_ROWS,
            "end": MOST_ROWS,
        }
        if key in moves:
            self._move(moves[key])
        elif key == "enter":
            if not chosen.selected:
                self._move(0)
            chosen.shows_stack = not chosen.shows_stack
            self._due = 0.0
        elif key == "/":
            chosen.is_typing, chosen.search = True, ""
        elif key == "escape":
            chosen.shows_stack, chosen.search, self._due = False, "", 0.0
        return key != "q"

    def _type(self, key: str) -> None:
        chosen = self._chosen
        if key in ("enter", "escape"):
            chosen.is_typing = False
            chosen.search = chosen.search if key == "enter" else ""
        elif key == "backspace":
            chosen.search = chosen.search[:-1]
        elif len(key) == 1 and len(chosen.search) < MOST_SEARCH:
            chosen.search += key
        self._due = 0.0

    def _move(self, by: int) -> None:
        paths = [row.path for row in self._frame.rows] if self._frame is not None else []
        if paths:
            at = (paths.index(self._chosen.selected) if self._chosen.selected in paths else -1) + by
            self._chosen.selected = paths[max(0, min(at, len(paths) - 1))]
            if self._chosen.shows_stack:
                self._due = 0.0


@contextmanager
def _signals_end_it() -> Generator[Callable[[], None]]:
    """Let signals leave as Ctrl-C does: through all that puts the terminal back, as far as it is there. Nothing stops it as Ctrl-Z would.

    What it gives does the same when a signal has come in vain: an exception that meets a finalizer goes no further.
    """
    came: list[int] = []

    def leave_if_told() -> None:
        if came:
            raise SystemExit(128 + came[0])

    def leave(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise SystemExit(128 + number)

    numbers = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    before: dict[int, Any] = {number: signal.signal(number, leave) for number in numbers}
    before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield leave_if_told
    except OSError:
        if came:  # the terminal that hung up is no longer there to be put back
            raise SystemExit(128 + came[0]) from None
        raise
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _redraw(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: that a signal has come wakes who waits, and what follows is a new picture."""


@contextmanager
def _resizes() -> Generator[socket.socket]:
    """Give a socket that can be read from when the terminal has another size."""
    reads, writes = socket.socketpair()
    with reads, writes:
        writes.setblocking(False)
        before = signal.signal(signal.SIGWINCH, _redraw)
        waking = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
        try:
            yield reads
        finally:
            signal.set_wakeup_fd(waking)
            signal.signal(signal.SIGWINCH, before)


def _no_canvas(console: Console) -> str:
    """Say why a live picture cannot be drawn; "" if it can. rich alone would take FORCE_COLOR for a terminal."""
    if not (console.is_terminal and console.file.isatty()):
        return "the output is no terminal"
    return f"the terminal is a dumb one (TERM={os.environ.get('TERM', '')})" if console.is_dumb_terminal else ""


def show_top(  # what is typed, checked and ready
    path: str, *, once: bool, as_json: bool, search: str, rows: int, every: float, timeout: float
) -> int:
    """Be the command; the exit status is returned.

    Raises:
        InvalidInput: something given is wrong, or there is nothing to look at.
    """
    check_numbers(rows, every, timeout, search)
    console = Console(highlight=False, emoji=False, markup=False)
    if not once and not as_json and (why := _no_canvas(console)):
        raise InvalidInput("", [Problem("", f"{why}, so there is nothing to draw on; give --once, --json, or both")])
    view = View(search=search, rows=rows)
    link = Link(path)
    try:
        if once:
            return look_once(link, view, timeout, as_json=as_json)
        if as_json:
            return look_on(link, view, every, timeout)
        return Top(link, console, view, every).run()
    except Gone as gone:
        said = f"{path}: {gone}"
        sys.stderr.write("".join(f"greenroom: {line}\n" for line in said.splitlines()))
        return FINE if gone.in_order and not once else FAILED
    finally:
        link.close()
