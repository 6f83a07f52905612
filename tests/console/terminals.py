"""A real terminal for a real program: a pty, whose other end is read by a terminal emulator."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte

#: Seconds after which what is waited for will not come any more.
PATIENCE = 30.0
#: The program, with the terminal as its own: it has the signals of its keys and its size.
IN_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from greenroom.console import main
sys.exit(main())
"""
#: Any other program, in the same way.
ANOTHER_IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class _Screen(pyte.Screen):
    """Answer what a program asks its terminal: some shells wait for it."""

    def __init__(self, ours: int, columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        self._ours = ours

    def write_process_input(self, data: str) -> None:
        os.write(self._ours, data.encode())


class Terminal:
    """Run the program in a terminal of some size. A context manager, which ends it."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        *,
        rows: int = 24,
        columns: int = 110,
        code: str = IN_TERMINAL,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.screen = _Screen(self._ours, columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self._is_open = True
        self.resize(rows, columns)
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        # The size is the terminal's: workers of pytest-xdist have another one in their environment, which would count.
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(variables or {})},
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._is_open:
            self._close()

    def hang_up(self) -> int:
        """Take the terminal away; return the program's exit status."""
        self._close()
        return self.process.wait(PATIENCE)

    def _close(self) -> None:
        self._is_open = False
        os.close(self._ours)
        os.close(self._theirs)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def line_of(self, name: str) -> str:
        """The line of the actor of that name; "" if it has none."""
        return next((line for line in self.text.splitlines() if f" {name} " in line), "")

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Read on until something holds."""
        until = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < until, f"never: {what}\n{self.text}"
            self._read()

    def wait_for(self, *words: str) -> None:
        self.wait(lambda: all(word in self.text for word in words), f"{words}")

    def wait_end(self) -> int:
        """Read on until the program has ended, and return its exit status."""
        self.wait(lambda: self.process.poll() is not None, "an end")
        while self._read():
            pass
        return int(self.process.returncode)

    @property
    def is_as_before(self) -> bool:
        """True if the terminal echoes and edits lines as it did, and the cursor is seen on the usual screen."""
        last = {mode: self.written.rfind(mode) for mode in (b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h")}
        return (
            termios.tcgetattr(self._theirs) == self.before
            and last[b"\x1b[?1049l"] >= last[b"\x1b[?1049h"]
            and last[b"\x1b[?25h"] >= last[b"\x1b[?25l"]
        )

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.05)
        if not ready:
            return False
        data = os.read(self._ours, 65_536)
        self.written += data
        self._stream.feed(data)
        return True
