"""Pinned refs: refs that are good for one incarnation."""

from typing import Any, TypeVar

import trio

from ..mailbox import Envelope, MailKind
from ._admission import Column
from ._errors import ActorStopped
from ._passage import Order
from ._reasons import ExitReason
from ._ref import GRACE, ActorRef
from ._request import Request
from ._resting import is_lying_down
from ._slot import Slot

M = TypeVar("M", contravariant=True)
R = TypeVar("R")


class PinnedRef(ActorRef[M]):
    """Be a ref of one incarnation."""

    __slots__ = ("__weakref__", "_pinned", "_slot")

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._pinned = slot.incarnation

    def _check(self, message: Any = None) -> None:
        slot = self._slot
        if slot.incarnation != self._pinned:
            raise ActorStopped(
                slot.path, message, f"incarnation {self._pinned}, to which this ref is pinned, has ended"
            )
        if is_lying_down(slot):
            raise ActorStopped(
                slot.path, message, f"incarnation {self._pinned}, to which this ref is pinned, is being put to rest"
            )

    @trio.lowlevel.enable_ki_protection
    def tell(
        self,
        message: M,
        sender: ActorRef[Any] | None = None,
        trigger_turn: bool = True,  # noqa: FBT001, FBT002 -- as there
        urgent: bool = False,  # noqa: FBT001, FBT002
    ) -> int:
        """As `ActorRef.tell`, for this incarnation: mail that it does not get to is a dead letter."""
        self._check(message)
        return self._tell_enveloped(message, sender, trigger=trigger_turn, urgent=urgent)

    def _envelope(
        self, message: Any, sender: Any, *, trigger: bool, urgent: bool, kind: MailKind = "message"
    ) -> Envelope:
        self._check(message)
        letter = super()._envelope(message, sender, trigger=trigger, urgent=urgent, kind=kind)
        letter.incarnation = self._pinned
        return letter

    async def ask(self, request: Request[R], *, timeout: float | None = None) -> R:
        """As `ActorRef.ask`, for this incarnation: it fails when that ends."""
        self._check(request)
        return await super().ask(request, timeout=timeout)

    def _admit(self, column: Column, message: Any) -> None:
        self._check(message)
        super()._admit(column, message)

    async def interrupt(self, *, grace: float = GRACE, cascade: bool = False) -> bool:
        """As `ActorRef.interrupt`; False if this incarnation has ended."""
        if self._is_over():
            await trio.lowlevel.checkpoint()
            return False
        return await super().interrupt(grace=grace, cascade=cascade)

    async def wait_ready(self) -> None:
        """As `ActorRef.wait_ready`, for this incarnation."""
        self._check()
        await super().wait_ready()
        self._check()

    def request_stop(self) -> None:
        """As `ActorRef.request_stop`; nothing happens if this incarnation has ended."""
        if not self._is_over():
            super().request_stop()

    async def _end(self, order: Order) -> ExitReason | None:
        if self._is_over():
            await trio.lowlevel.checkpoint()
            return self._slot.last_exit
        return await super()._end(order)

    def crash(self, error: Exception) -> bool:
        """As `ActorRef.crash`; False if this incarnation has ended."""
        return not self._is_over() and super().crash(error)

    def _is_over(self) -> bool:
        return self._slot.incarnation != self._pinned or self._slot.has_ended

    @property
    def incarnation(self) -> int:
        """The incarnation it is pinned to."""
        return self._pinned

    @property
    def is_alive(self) -> bool:
        """True while this incarnation takes mail."""
        return not self._is_over() and self._slot.box.is_open and not is_lying_down(self._slot)

    def pin(self) -> ActorRef[M]:
        """Return itself."""
        return self

    def __eq__(self, other: object) -> bool:
        """Compare slot and incarnation."""
        return isinstance(other, PinnedRef) and other._slot is self._slot and other._pinned == self._pinned

    def __hash__(self) -> int:
        """Hash slot and incarnation."""
        return hash((self._slot.uid, self._pinned))

    def __repr__(self) -> str:
        """Show path, uid and incarnation."""
        return f"<ActorRef {self._slot.path} uid={self._slot.uid} pinned to incarnation {self._pinned}>"
