"""What this room needs of the room above: who decides over ends, and who owns children."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ._reasons import ExitReason

if TYPE_CHECKING:
    from ._slot import Slot

#: what becomes of a slot whose incarnation has ended: the next one now, the next one later (the family sees to it), or an end.
#: "keep": the same, if its supervisor has a next incarnation itself.
Verdict = Literal["restart", "restart later", "keep", "park", "forget"]


class Family(Protocol):
    """Own the children of one slot."""

    @property
    def children(self) -> "Mapping[str | int, Slot]":
        """The children by key, in the order of their registration."""
        ...

    def decide(self, child: "Slot", reason: ExitReason) -> Verdict:
        """Decide what follows a child's end, in its last step. Plain, no checkpoint; may order the parent to end."""
        ...

    def decide_start(self, child: "Slot", reason: ExitReason) -> Verdict:
        """Decide what becomes of a child that somebody waits for and that did not become ready. Plain, no checkpoint."""
        ...

    def settled(self, child: "Slot") -> None:
        """Hear that a child's last step is over, and that it was not started anew in it. Plain."""
        ...

    def note_ready(self, child: "Slot") -> None:
        """Hear that a child has become ready. Plain."""
        ...

    def note_rest(self, child: "Slot") -> None:
        """Hear that a child is being put to rest: it is no longer ready. Plain."""
        ...

    def wake(self, child: "Slot") -> None:
        """Begin the next incarnation of a child that rests, of its present specification; in its turn, if others are restarted with it. Plain."""
        ...

    def outlives(self) -> bool:
        """Return whether the family stays for the owner's next incarnation, which is about to follow. Plain."""
        ...

    def end_kept(self) -> None:
        """End for good what was kept for that, as it will not follow. Plain."""
        ...

    def remove(self, child: "Slot") -> None:
        """Forget a child whose slot has ended; its name is free."""
        ...

    async def close(self) -> None:
        """End all children in order, and return when they have ended. Shielded by the caller."""
        ...

    def kill(self) -> None:
        """Turn the stops that were ordered into kills."""
        ...

    def hasten(self) -> None:
        """Kill what is still there, without its time."""
        ...


class Launcher(Protocol):
    """Grant permits for startups."""

    def request(self, slot: "Slot") -> bool:
        """Return True if the startup may begin now; else the slot waits and is launched later."""
        ...

    def release(self, slot: "Slot") -> None:
        """Take the permit back, if it had one, and launch who waits."""
        ...

    def withdraw(self, slot: "Slot") -> None:
        """Let it wait no longer."""
        ...

    def is_waiting(self, slot: "Slot") -> bool:
        """Return whether it waits for a permit; who is queued and does not waits for the turn to start that its supervisor gives it."""
        ...


class Children(Protocol):
    """Start children; what `ctx.start_soon` and `ctx.start` call."""

    def start_soon(self, parent: "Slot", factory: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> "Slot":
        """Register a child."""
        ...

    async def start(self, parent: "Slot", factory: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> "Slot":
        """Register a child and wait until it is ready."""
        ...
