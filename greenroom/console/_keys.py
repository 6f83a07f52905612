"""Keys: what is typed while a live picture is shown."""

import os
import sys
import termios
import tty
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TextIO

ESCAPES: Final = {
    b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down", b"\x1b[5~": "page up", b"\x1b[6~": "page down",
    b"\x1b[H": "home", b"\x1b[F": "end", b"\x1b[1~": "home", b"\x1b[4~": "end",
}  # fmt: skip
#: What a sequence ends with.
FINAL: Final = range(0x40, 0x7F)
SINGLES: Final = {b"\r": "enter", b"\n": "enter", b"\x1b": "escape", b"\x7f": "backspace", b"\x08": "backspace"}


class Keys:
    """Read keys from a terminal, unechoed; from anything else there are none. A context manager, which leaves the terminal as it was."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdin if stream is None else stream
        self.descriptor = stream.fileno() if stream is not None and not stream.closed and stream.isatty() else None
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        """Begin to read."""
        if self.descriptor is not None:
            self._before = termios.tcgetattr(self.descriptor)
            tty.setcbreak(self.descriptor)
            now = termios.tcgetattr(self.descriptor)
            # Ctrl-Z would leave the shell in the picture's screen.
            now[6][termios.VSUSP] = b"\x00"
            termios.tcsetattr(self.descriptor, termios.TCSANOW, now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self.descriptor is not None:
            with suppress(termios.error):  # it is no longer there
                termios.tcsetattr(self.descriptor, termios.TCSADRAIN, self._before)

    def read(self) -> list[str]:
        """Return what has been typed, a name or a character each. Call it when there is something to read."""
        if self.descriptor is None:
            return []
        data = os.read(self.descriptor, 1_024)
        if not data:  # nobody will ever type there again
            self.descriptor = None
        return split_keys(data)


def split_keys(data: bytes) -> list[str]:
    """Return the keys that bytes of a terminal stand for. What is no key that is known here is passed over."""
    keys: list[str] = []
    while data:
        sequence = next((each for each in ESCAPES if data.startswith(each)), None)
        if sequence is not None:
            keys.append(ESCAPES[sequence])
            data = data[len(sequence) :]
        elif data[:2] in (b"\x1b[", b"\x1bO"):  # a key that means nothing here
            end = next((place for place, byte in enumerate(data[2:], 3) if byte in FINAL), len(data))
            data = data[end:]
        elif data[:1] in SINGLES:
            keys.append(SINGLES[data[:1]])
            data = data[1:]
        else:
            size = 1 if data[0] < 0x80 else 2 if data[0] < 0xE0 else 3 if data[0] < 0xF0 else 4  # noqa: PLR2004 -- UTF-8
            keys += [each for each in data[:size].decode(errors="ignore") if each.isprintable()]
            data = data[size:]
    return keys
