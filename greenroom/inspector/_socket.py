"""The socket: made private, never in the place of anything else, and taken away again.

The file has to be of mode 0600 in the very call that makes it: a chmod after the bind leaves a moment in which others may connect. Linux gives the
file the mode of the socket itself, so that is set before. Elsewhere, where this is refused, the process's umask is narrowed for the one call.

Whether a socket that is there is a stale one is found out by connecting. A lock on the folder keeps others who do the same from taking a socket away
that has just been made; it is held for no longer than that takes.
"""

import atexit
import errno
import fcntl
import os
import socket
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, cast

from ..mailbox import GreenroomError, shown

#: Bytes of a path that fit into a Unix socket's address, without the zero behind it.
MOST_PATH: Final = 107 if sys.platform == "linux" else 103
#: Connections that may wait to be seen to.
BACKLOG: Final = 8
#: Seconds for which somebody else may hold the folder's lock, and between two tries.
LOCK_PATIENCE: Final = 1.0
LOCK_EVERY: Final = 0.02

KINDS: Final = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a pipe"),
)


class SocketRefused(GreenroomError):
    """The socket cannot be opened; nothing has been changed.

    Attributes:
        path: which one. why: what is wrong, and what to do.
    """

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(path, why)

    def __str__(self) -> str:
        """Say both."""
        return f"open_inspector: {self.path}: {self.why}"


class Endpoint:
    """Hold a listening socket and its file. `close` takes both away, once, in the process that has opened them."""

    def __init__(self, path: str) -> None:
        self.path = str(Path(path).absolute())  # the program may go to another folder
        self._process = os.getpid()
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _locked_folder(path):
                _make_room(path)
                _bind(self.listening, path)
                self._file: tuple[int, int] | None = _identity(self.path)
                self.listening.listen(BACKLOG)
        except BaseException:
            self.listening.close()
            raise
        atexit.register(self.close)

    def close(self) -> None:
        """Remove the file, and stop listening."""
        atexit.unregister(self.close)
        self.remove()
        if self._process == os.getpid():
            self.listening.close()

    def remove(self) -> None:
        """Remove the file, once; before the socket is closed, as nobody replaces it while somebody listens."""
        file, self._file = self._file, None
        if self._process != os.getpid():  # a fork that has come to its end
            return
        with suppress(OSError):  # it is gone, or its folder is, or may not be written to any more
            if file is not None and _identity(self.path) == file:
                Path(self.path).unlink()


def check_path(path: Any) -> str:
    """Return a path as text.

    Raises:
        TypeError: it is no path. SocketRefused: no socket can be there.
    """
    try:
        text = cast("object", os.fspath(path))
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise TypeError(f"open_inspector: path is {shown(path)}; give a string or a pathlib.Path")
    if not hasattr(socket, "AF_UNIX"):
        raise SocketRefused(text, "this system has no Unix sockets")
    if problem := path_problem(text):
        raise SocketRefused(text, problem)
    return text


def path_problem(text: str) -> str:
    """Say what is wrong with a path of a Unix socket; "" if nothing is."""
    if not text:
        return "is empty; give the path of a socket"
    if "\0" in text:
        return "has a zero byte in it; give the path of a file"
    size = len(os.fsencode(text))
    if size > MOST_PATH:
        return f"is {size} bytes long, and the path of a Unix socket has at most {MOST_PATH}; give a shorter one, or a relative one"
    return ""


def kind_of(mode: int) -> str:
    """Say what a file is that is no socket."""
    return next((words for is_kind, words in KINDS if is_kind(mode)), "a device")


@contextmanager
def _locked_folder(path: str) -> Generator[None]:
    """Keep others out who open sockets in the same folder."""
    folder = str(Path(path).parent)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SocketRefused(path, f"the folder {folder} cannot be opened: {error.strerror}") from None
    try:
        until = monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() > until:
                    raise SocketRefused(path, f"somebody else holds the lock of the folder {folder}") from None
                sleep(LOCK_EVERY)
            except OSError as error:
                raise SocketRefused(path, f"the folder {folder} cannot be locked: {error.strerror}") from None
        yield
    finally:
        os.close(descriptor)


def _make_room(path: str) -> None:
    """Take away a stale socket of the same user; refuse whatever else is there."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SocketRefused(path, f"cannot be opened: {error.strerror}") from None
    if not stat.S_ISSOCK(there.st_mode):
        raise SocketRefused(
            path, f"is {kind_of(there.st_mode)}, which is not replaced; give another path, or remove it"
        )
    if there.st_uid != os.geteuid():
        raise SocketRefused(path, f"is a socket of user {there.st_uid}, which is not replaced; give another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(path)
    if code == errno.ECONNREFUSED:
        Path(path).unlink()
    elif code in (0, errno.EAGAIN, errno.EINPROGRESS):
        raise SocketRefused(path, "somebody listens there already; give another path, or end that program")
    elif code != errno.ENOENT:
        raise SocketRefused(path, f"is a socket of which nobody knows whether it is used: {os.strerror(code)}")


def _bind(listening: socket.socket, path: str) -> None:
    """Make the socket's file, with mode 0600 from its first moment."""
    try:
        try:
            os.fchmod(listening.fileno(), 0o600)
        except OSError:
            _bind_under_umask(listening, path)
        else:
            listening.bind(path)
    except OSError as error:
        raise SocketRefused(path, f"cannot be opened: {error.strerror or error}") from None


def _bind_under_umask(listening: socket.socket, path: str) -> None:
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)


def _identity(path: str) -> tuple[int, int]:
    there = os.lstat(path)
    return there.st_dev, there.st_ino
