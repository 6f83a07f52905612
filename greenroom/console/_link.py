"""The link: to the inspector of a running program. What comes through it is believed no more than any input."""

import errno
import json
import os
import select
import socket
import stat
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, cast

import attrs
from cattrs import BaseValidationError

from ..inspector import Frame
from ..inspector._converter import structure_frame
from ..inspector._frame import MOST_BYTES, PROTOCOL
from ..inspector._peer import peer_user
from ..inspector._socket import kind_of, path_problem
from ..inspector._view import View
from ..treefile._problem import InvalidInput, Problem
from ._text import clean, cut

#: Seconds that a connection may take to be taken, and between two tries.
CONNECT_PATIENCE: Final = 5.0
CONNECT_EVERY: Final = 0.02
#: Characters of what a program says of itself.
MOST_WORDS: Final = 200


class Gone(Exception):
    """There is nobody at the other end any more, or nobody who speaks the protocol.

    Attributes:
        in_order: the program has said that it was going to leave.
    """

    def __init__(self, text: str, *, in_order: bool = False) -> None:
        self.in_order = in_order
        super().__init__(text)


class Link:
    """Ask a program for frames, one at a time."""

    def __init__(self, path: str) -> None:
        """Connect.

        Raises:
            InvalidInput: there is nothing to connect to, or it is not for this user.
        """
        self._path = path
        self._check()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_PATIENCE)
        try:
            self._connect()
            user = peer_user(self._socket)
            if user != os.geteuid():
                raise self._invalid(
                    f"belongs to a program of user {user}, and you are user {os.geteuid()}; {_SAME_USER}"
                )
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise self._invalid(self._why_not(error)) from None
        except InvalidInput:
            self._socket.close()
            raise
        self._buffer = bytearray()
        self._out = b""
        self.is_waiting = False
        self.asked_at = 0.0

    def _connect(self) -> None:
        """Connect; where so many wait to be taken that there is no room, again and again."""
        until = monotonic() + CONNECT_PATIENCE
        while True:
            try:
                return self._socket.connect(self._path)
            except BlockingIOError:
                if monotonic() >= until:
                    raise
            sleep(CONNECT_EVERY)

    def _check(self) -> None:
        """Refuse what is no socket before anything is asked of it."""
        if problem := path_problem(self._path):
            raise self._invalid(problem)
        try:
            mode = Path(self._path).stat().st_mode
        except OSError as error:
            raise self._invalid(self._why_not(error)) from None
        if not stat.S_ISSOCK(mode):
            raise self._invalid(f"is {kind_of(mode)}, and no socket")

    def _invalid(self, text: str) -> InvalidInput:
        return InvalidInput("", [Problem(self._path or "the path of the socket", text)])

    def _why_not(self, error: OSError) -> str:
        if isinstance(error, TimeoutError) or error.errno == errno.EAGAIN:
            return f"the program does not take the connection within {CONNECT_PATIENCE:g} s; it may be blocked"
        match error.errno:
            case errno.ENOENT:
                return "there is no such socket; a program opens one by greenroom.inspector.open_inspector(root, path)"
            case errno.ECONNREFUSED:
                return "nobody listens there any more: the program that opened it has ended, or was killed"
            case errno.EACCES | errno.EPERM:
                return f"you may not connect to it; {_SAME_USER}"
            case _:
                return f"cannot be connected to: {error.strerror or error}"

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def ask(self, view: View) -> None:
        """Ask for a frame. Raises Gone."""
        self._out += json.dumps(attrs.asdict(view)).encode() + b"\n"
        self.is_waiting, self.asked_at = True, monotonic()
        self._send()

    def _send(self) -> None:
        try:
            self._out = self._out[self._socket.send(self._out) :]
        except BlockingIOError:
            pass
        except OSError as error:
            # What it had still to say comes first: it may have left in order.
            self._read()
            self._next_line()
            raise Gone(_DIED) from error

    def read(self) -> Frame | None:
        """Take in what has come; return a frame if it is complete. Never waits.

        Raises:
            Gone: nobody is there any more, or it is no inspector.
        """
        if self._out:
            self._send()
        is_over = self._read()
        frame = self._next_line()
        if frame is None and is_over:
            raise Gone(_DIED)
        return frame

    def _read(self) -> bool:
        """Fill the buffer; True if no more will come."""
        while b"\n" not in self._buffer:
            try:
                chunk = self._socket.recv(65_536)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not chunk:
                return True
            self._buffer += chunk
            if len(self._buffer) > MOST_BYTES + 65_536:
                raise Gone(_NO_INSPECTOR)
        return False

    def _next_line(self) -> Frame | None:
        """Take a line out of the buffer. Raises Gone, if it is the last word."""
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = bytearray(rest)
        self.is_waiting = False
        try:
            data: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise Gone(_NO_INSPECTOR) from None
        if isinstance(data, dict):
            said = cast("dict[str, Any]", data)
            for key in ("bye", "error"):
                if isinstance(said.get(key), str):
                    raise Gone(_words(said[key]), in_order=key == "bye")
            if said.get("protocol") != PROTOCOL:
                protocol = _words(str(said.get("protocol")))
                raise Gone(f"it speaks {protocol}, and this program {PROTOCOL}; use the greenroom of that program")
        try:
            return structure_frame(data)
        except (BaseValidationError, ArithmeticError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Gone(_NO_INSPECTOR) from None

    def wait(self, seconds: float) -> Frame | None:
        """Wait for a frame; None if none has come in time. Raises Gone."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            select.select([self], [self] if self._out else [], [], left)
            if (frame := self.read()) is not None:
                return frame
        return None


_SAME_USER: Final = "only the user as whom the program runs may look (sudo -u USER greenroom top …)"
_DIED: Final = "the program has died, or was killed: its end of the socket broke off"
_NO_INSPECTOR: Final = "what answers there is no greenroom inspector"


def _words(text: str) -> str:
    return cut(clean(text), MOST_WORDS)
