"""Opening the inspector: the socket, those who read from it, and the end of both."""

import json
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

import trio

from ..mailbox import shown
from ..supervisor import Supervisor
from ..supervisor._block import protected_block
from ._peer import peer_user
from ._socket import Endpoint, check_path
from ._survey import Survey
from ._view import MOST_REQUEST, BadView, read_view

logger = logging.getLogger("greenroom")

#: Readers that may be there at once.
MOST_READERS: Final = 8
#: Seconds that a reader may take to take a frame, and to ask for one; then the connection is closed.
SEND_PATIENCE: Final = 30.0
ASK_PATIENCE: Final = 300.0


class Inspector:
    """Be an open inspector. What `open_inspector` gives.

    Attributes:
        path: of its socket, absolute.
    """

    def __init__(self, root: Supervisor, endpoint: Endpoint) -> None:
        self.path = endpoint.path
        self._survey = Survey(root)
        self._readers: dict[_Reader, None] = {}

    @property
    def readers(self) -> int:
        """How many are connected at this moment."""
        return len(self._readers)

    @property
    def looks(self) -> int:
        """How many frames have been made, for whomever."""
        return self._survey.number

    async def _serve(self, listener: trio.SocketListener) -> None:
        """Answer all who come, until cancelled. What goes wrong in here is never the program's."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._survey.keep_looking)
                await trio.serve_listeners(self._receive, [listener])
        except Exception:
            logger.exception("%s: the inspector has failed, and is closed; the program goes on", self.path)

    async def _receive(self, stream: trio.SocketStream) -> None:
        """See to one who has connected. What goes wrong here is never the program's."""
        reader = _Reader(stream, self._survey)
        try:
            async with stream:
                if refusal := self._refusal(stream):
                    await reader.say(error=refusal)
                    return
                self._readers[reader] = None
                await reader.run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it has left
        except Exception:
            logger.exception("the inspector could not answer; the program goes on")
        finally:
            self._readers.pop(reader, None)

    def _refusal(self, stream: trio.SocketStream) -> str:
        """Say why somebody is sent away; "" if nobody is."""
        user = peer_user(stream.socket)
        if user is None:
            return "this system does not tell as whom you run, so nobody may look"
        if user != os.geteuid():
            return f"you are user {user}, and only user {os.geteuid()} may look"
        if len(self._readers) >= MOST_READERS:
            return f"{MOST_READERS} readers are looking already; try again when one of them has left"
        return ""

    def _say_goodbye(self) -> None:
        for reader in self._readers:
            reader.say_goodbye()


class _Reader:
    """Answer one reader: a line for a line."""

    def __init__(self, stream: trio.SocketStream, survey: Survey) -> None:
        self._stream, self._survey = stream, survey
        self._buffer = bytearray()
        self._is_sending = False

    async def run(self) -> None:
        """Answer until it leaves, sends what is no request, or takes too long."""
        with suppress(trio.TooSlowError):
            while True:
                with trio.fail_after(ASK_PATIENCE):
                    line = await self._next_line()
                if line is None:
                    return
                try:
                    view = read_view(line)
                except BadView as error:
                    await self.say(error=str(error))
                    return
                await self._send(await self._survey.look(view))

    async def _next_line(self) -> bytes | None:
        """Return the next request; None at the end. One that is too long is cut, and so is none."""
        buffer = self._buffer
        while b"\n" not in buffer and len(buffer) <= MOST_REQUEST:
            chunk = await self._stream.receive_some(MOST_REQUEST)
            if not chunk:
                return None
            buffer += chunk
        line, _, rest = bytes(buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    async def say(self, *, error: str) -> None:
        """Send a word in the place of a frame."""
        with suppress(trio.TooSlowError):
            await self._send(json.dumps({"error": error}).encode() + b"\n")

    async def _send(self, line: bytes) -> None:
        self._is_sending = True
        with trio.fail_after(SEND_PATIENCE):
            await self._stream.send_all(line)
        self._is_sending = False

    def say_goodbye(self) -> None:
        """Tell it that the inspector is being closed, so that it is not taken for dead; not in the midst of a frame, and without waiting."""
        if not self._is_sending:
            with suppress(OSError, trio.ClosedResourceError):
                os.write(self._stream.socket.fileno(), b'{"bye": "the inspector was closed"}\n')


@protected_block
async def open_inspector(root: Supervisor, path: str | os.PathLike[str]) -> AsyncGenerator[Inspector]:
    """Open a socket by which `greenroom top` looks at a tree, until the block is left. Nothing can be changed through it.

    The socket is a file of mode 0600 from its first moment on, and who connects has to run as the user of this program; root is refused, too. A
    stale socket of the same user, at which nobody listens, is replaced; nothing else ever is. The file is removed however the block is left, by an
    exception, a cancellation or Ctrl-C as well; what ends the process without a word (SIGKILL, `os._exit`) leaves it behind, stale.

    Open it inside of the tree's block, so that it is closed first; `on_open` of `open_supervisor` gives what is needed to open it earlier.

    Args:
        root: the tree, or the part of it, that may be looked at.
        path: of the socket, at most 107 bytes (103 on macOS and the BSDs); a folder that others cannot write to is the place for it.

    Returns:
        The inspector, with the socket's absolute path.

    Raises:
        TypeError: `root` or `path` is nothing of the kind.
        SocketRefused: no socket can be opened there; why, and what to do. Nothing has been changed.

    Checkpoint: always, on the way out. Cancellation: closes the inspector at once.

    Cost: two looks a second for the sake of ages, and those that readers ask for: together at most an eightieth of the time of the program's
    thread; fewer looks where that would not do.
    """
    if not isinstance(root, Supervisor):
        raise TypeError(f"open_inspector: root is {shown(root)}; give what open_supervisor gives")
    async with serve_endpoint(root, Endpoint(check_path(path))) as inspector:
        yield inspector


@protected_block
async def serve_endpoint(root: Supervisor, endpoint: Endpoint) -> AsyncGenerator[Inspector]:
    """Let a tree be looked at through an endpoint that is there already, until the block is left; it is closed then."""
    body_error: BaseException | None = None
    try:
        inspector = Inspector(root, endpoint)
        endpoint.listening.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(endpoint.listening))
        serving = trio.CancelScope(shield=True)

        async def serve() -> None:
            with serving:
                await inspector._serve(listener)  # noqa: SLF001 -- one idea in two parts

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, name=f"greenroom inspector of {root.path}")
            try:
                yield inspector
            except BaseException as error:  # noqa: BLE001 -- raised below, as it is, once all is closed
                body_error = error
            inspector._say_goodbye()  # noqa: SLF001 -- as above
            endpoint.remove()
            serving.cancel()
    finally:
        endpoint.close()
    if body_error is not None:
        raise body_error
