"""The agent: one turn at a time, which sees all that waits and may draw in what arrives meanwhile."""

from typing import TYPE_CHECKING, Any, TypeVar

from ._actor import Actor

if TYPE_CHECKING:
    from ._context import Context
    from ._turn import Turn

M = TypeVar("M")


class Agent(Actor[M]):
    """Derive from it and define `turn`.

    A turn begins when mail waits that asks for one, or by a direct demand (`ref.run_turn`). Its result goes to those who asked, and as one
    report to the parent. An exception that leaves it makes the turn errored; the agent goes on.
    """

    async def turn(self, turn: "Turn[M]", ctx: "Context") -> Any:
        """Do one turn: `turn.mail` is what started it, `turn.drain()` takes what has arrived since.

        Checkpoint: as you write it. Cancellation: by an interrupt or a kill; what was drained and not committed goes back, in order.
        """
        raise NotImplementedError(f"{type(self).__qualname__} got {turn.mail!r}, but defines no turn(self, turn, ctx)")

    def receive(self, message: M, ctx: "Context") -> Any:
        """Never called: an agent works by turns."""
        raise NotImplementedError("an agent defines turn(self, turn, ctx), not receive")
