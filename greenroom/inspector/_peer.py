"""Peers: as whom the other end of a Unix socket runs, as the kernel knows it."""

import ctypes
import socket
import struct
from typing import Any, Final, Protocol

_CREDENTIALS: Final = struct.Struct("3i")


class Connected(Protocol):
    """Be a connected socket, of the standard library's or of Trio's."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        """Return an option of it."""
        ...


def peer_user(connected: Connected) -> int | None:
    """Return the user as whom the other end connected or listens; None where the system does not tell."""
    option: int | None = getattr(socket, "SO_PEERCRED", None)
    if option is not None:
        _, user, _ = _CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
        return int(user)
    return _asked_of_libc(connected.fileno())


def _asked_of_libc(descriptor: int) -> int | None:
    """Ask as macOS and the BSDs let one."""
    ask: Any = getattr(ctypes.CDLL(None, use_errno=True), "getpeereid", None)
    if ask is None:
        return None
    user, group = ctypes.c_uint32(), ctypes.c_uint32()
    return user.value if ask(descriptor, ctypes.byref(user), ctypes.byref(group)) == 0 else None
