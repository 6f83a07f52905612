"""The actor that a supervisor is: it starts the declared children, and has no behaviour of its own."""

from typing import Any

from ..actors import INITIALIZING, QUEUED, Actor, Context, GreenroomError, Slot, StartupFailed, slot_of
from ._childspec import ChildSpec
from ._intensity import Intensity
from ._starter import Starter


class ChildrenFailed(GreenroomError):
    """A declared child that is started inline failed to start, so its supervisor did.

    Attributes:
        child: its path.
        rolled_back: the paths of those that had started and were stopped for it, in reverse order.
    """

    def __init__(self, child: str, cause: str, rolled_back: tuple[str, ...]) -> None:
        super().__init__(child, cause, rolled_back)
        self.child, self.cause, self.rolled_back = child, cause, rolled_back

    def __str__(self) -> str:
        """Say which child, why, and what was undone."""
        undone = f"; stopped again: {', '.join(self.rolled_back)}" if self.rolled_back else ""
        return f"{self.child}: {self.cause}{undone}"


class SupervisorActor(Actor[Any]):
    """Be the body of a supervisor: start the declared children in order, then leave the work to them."""

    own_task = True
    counts_as_startup = False

    def __init__(self, starter: Starter, specs: list[ChildSpec], intensity: Intensity) -> None:
        self._starter = starter
        self._specs = specs
        self.intensity = intensity

    async def startup(self, ctx: Context) -> None:
        """Register all, then launch one by one, each after the inline ones before it are ready."""
        owner = slot_of(ctx.ref)
        slots = [self._register(owner, spec) for spec in self._specs]
        for slot, spec in zip(slots, self._specs, strict=True):
            if slot.life is not QUEUED:
                continue  # terminated before its turn came
            slot.runtime.launch(slot)
            if spec.startup == "inline":
                await self._wait_inline(slot, slots)

    def _register(self, owner: Slot, spec: ChildSpec) -> Slot:
        return self._starter.register(
            owner,
            spec.bound_factory(),
            spec.args,
            {"name": spec.name},
            awaited=spec.startup == "inline",
            policy=spec.policy(),
            waits=True,
        )

    async def _wait_inline(self, slot: Slot, slots: list[Slot]) -> None:
        while slot.life in (QUEUED, INITIALIZING):
            await slot.changed()
        reason = slot.reason
        if slot.has_ended and slot.incarnation == 1 and isinstance(reason, StartupFailed) and not slot.admin:
            started = [each.path for each in slots[: slots.index(slot)] if not each.has_ended]
            failed = ChildrenFailed(slot.path, f"failed to initialize: {reason.cause}", tuple(reversed(started)))
            raise failed from reason.error

    def receive(self, message: Any, ctx: Context) -> None:
        """Refuse: a supervisor has no use for mail."""
        raise TypeError(f"{ctx.path} is a supervisor and handles no mail; it got {message!r}")
