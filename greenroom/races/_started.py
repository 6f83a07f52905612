"""Calls that a machine has started: each a task of its own, recorded as an operation, behind what its client does already."""

from collections.abc import Callable
from typing import Any

import attrs
import trio

from ._history import Errors, History


@attrs.define(eq=False)
class Started:
    """Be a call that a rule has started.

    Attributes:
        client: who asked for it.
        name: of the operation.
        is_over: True once it has ended, by whatever.
        result: what it returned, once it is over; else None.
        error: which of the errors that were expected ended it; else None.
    """

    client: str | int
    name: str
    is_over: bool = False
    result: Any = None
    error: BaseException | None = None
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, repr=False)
    _ended: trio.Event = attrs.field(factory=trio.Event, repr=False)

    def cancel(self) -> None:
        """Cancel it: whether it takes effect is unknown from now on. Plain function."""
        self._scope.cancel()

    async def wait(self) -> None:
        """Wait until it is over.

        Checkpoint: always.
        Cancellation: leaves the call alone.
        """
        await self._ended.wait()


class Calls:
    """Start calls in a nursery, one at a time for each client, and know which are in flight."""

    def __init__(self, nursery: trio.Nursery, history: History) -> None:
        self._nursery = nursery
        self._history = history
        #: in the order in which they were started.
        self.in_flight: list[Started] = []

    def start(  # noqa: PLR0917 -- what a rule has said
        self,
        client: str | int,
        call: Callable[..., Any],
        args: tuple[Any, ...],
        name: str,
        answers: Errors,
        fails: Errors,
    ) -> Started:
        """Start a call; behind all of the same client that are in flight."""
        started = Started(client, name)
        before = [each for each in self.in_flight if each.client == client]
        self.in_flight.append(started)
        self._nursery.start_soon(self._run, started, before, call, args, answers, fails, name=name)
        return started

    async def _run(  # noqa: PLR0917 -- as it was started
        self,
        started: Started,
        before: list[Started],
        call: Callable[..., Any],
        args: tuple[Any, ...],
        answers: Errors,
        fails: Errors,
    ) -> None:
        expected = (
            *(answers if isinstance(answers, tuple) else (answers,)),
            *(fails if isinstance(fails, tuple) else (fails,)),
        )
        try:
            with started._scope:  # noqa: SLF001 -- the two are one
                for (
                    each
                ) in before:  # not the last alone: one that is cancelled here is over before those that it waits for
                    if not each.is_over:
                        await each.wait()
                started.result = await self._history.run(
                    started.client, started.name, call, *args, answers=answers, fails=fails
                )
        except expected as error:
            started.error = error
        finally:
            started.is_over = True
            self.in_flight.remove(started)
            started._ended.set()  # noqa: SLF001

    async def join(self) -> None:
        """Wait until none is in flight."""
        while self.in_flight:
            await self.in_flight[0].wait()

    async def cancel(self) -> None:
        """Cancel all that are in flight, and wait for their ends."""
        for started in self.in_flight:
            started.cancel()
        with trio.CancelScope(shield=True):
            await self.join()
