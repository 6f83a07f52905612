"""What the conversation with a server needs to know of the way to it, be that a pair of pipes or HTTP."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

import attrs

News = Literal["closing", "over", "doubt", "tools changed"]
"""What the task that holds a connection is told.

closing: the owner wants it closed. over: nothing more will come from the server. doubt: ask whether it is still there.
tools changed: its list of tools is another one now.
"""

Tell = Callable[[News], None]


@attrs.frozen
class Diagnosis:
    """Why a server could not be reached, or has gone."""

    cause: str
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()


class Wire(Protocol):
    """The way to one server, open."""

    @property
    def pid(self) -> int | None:
        """The server's process, where there is one."""

    def transport(self) -> AbstractAsyncContextManager[Any]:
        """Give the pair of message streams that the SDK's client runs on. The SDK must be imported."""
        ...

    def stderr(self) -> tuple[str, ...]:
        """Give the last lines of the server's stderr."""
        ...

    async def diagnose(self, error: BaseException | None, *, started: bool) -> Diagnosis:
        """Say why there is no conversation (any more), from the error that it ended with and what is seen from here.

        Args:
            error: what ended it; None when the wire itself did.
            started: whether the handshake was over.
        """
        ...

    def hint(self) -> str:
        """Say what was odd about a server that never finished its handshake; empty when nothing was."""
        ...
