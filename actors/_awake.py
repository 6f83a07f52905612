"""Awake: what a task that is woken is told, which is nothing.

Why not leave it out? Then Trio makes a new object for each that wakes, which says that it has been looked at; that is a thirtieth of an ask.
"""

from collections.abc import AsyncGenerator, Generator
from typing import Any, Final

from outcome import Outcome


class Awake(Outcome[None]):
    """Be the outcome of a wait that brings nothing but its end, any number of times."""

    __slots__ = ()

    def unwrap(self) -> None:
        """Return nothing."""

    def send(self, gen: Generator[Any, Any, Any]) -> Any:
        """Let a generator go on."""
        return gen.send(None)

    async def asend(self, agen: AsyncGenerator[Any, Any]) -> Any:
        """Let an asynchronous generator go on."""
        return await agen.asend(None)


AWAKE: Final = Awake()
