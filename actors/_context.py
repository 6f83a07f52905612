"""The context: what an actor's own code does through the runtime."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple, Unpack, overload

import trio

from ..mailbox import Mail
from ._approval import Approver
from ._background_side import BackgroundSide
from ._call import Call, CallResult
from ._checks import check_seconds
from ._dispatch import Dispatch
from ._errors import ActorStopped, NotInTurn
from ._gate import NOTHING
from ._mail_wait import wait_for_mail
from ._monitor import Monitor
from ._reach import monitor_slot
from ._reasons import FINISHED, Finished, Rested, Shutdown
from ._ref import ActorRef
from ._registry_side import RegistrySide
from ._reports import ReportLog, log_of
from ._request import Asked, ReplyToken
from ._runner import LEAVE
from ._slot import Slot
from ._start_options import StartOptions
from ._stash import stash, unstash_all
from ._timer import Timer, set_timer
from ._tool import Tool
from ._wait import Waited, WaitMode, wait_for_actors
from ._working import next_mail

if TYPE_CHECKING:
    from ._actor import Actor

M = TypeVar("M")
Ts = TypeVarTuple("Ts")
StartSource = Literal["new", "restart", "wake", "resume"]


def make_context(slot: Slot) -> "Context":
    """Make the handle of the present incarnation; at its first need, as many an actor only waits."""
    ctx = slot.ctx = Context()
    ctx._slot = slot  # noqa: SLF001 -- all that its making does
    return ctx


class Context(BackgroundSide, RegistrySide):
    """Be one incarnation's handle on the runtime; given to every hook, valid as long as the incarnation.

    Past the incarnation's end every method raises `ActorStopped`.
    """

    __slots__ = ("_slot",)

    _slot: Slot

    @property
    def start_source(self) -> StartSource:
        """Why this incarnation was started: "new", "restart", "wake" or "resume"."""
        slot = self._slot
        if slot.incarnation == 1:
            return "new"
        more = slot.more
        return "wake" if more is not None and isinstance(more.last_exit, Rested) else "restart"

    def _live(self) -> Slot:
        slot = self._slot
        if slot.ctx is not self:
            raise ActorStopped(slot.path, None, "this incarnation has ended, and its context with it")
        return slot

    # -- who I am

    @property
    def ref(self) -> ActorRef[Any]:
        """My own ref."""
        return self._slot.own_ref()

    @property
    def path(self) -> str:
        """Where I am in the tree."""
        return self._slot.path

    @property
    def parent(self) -> ActorRef[Any] | None:
        """The ref of who owns me; None at the root."""
        parent = self._slot.parent
        return None if parent is None else parent.own_ref()

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels of my specification."""
        return self._slot.policy.labels

    @property
    def services(self) -> Mapping[str, Any]:
        """My services' connections by name: empty until all required ones are there, then replaced as a whole.

        A name that is not there raises `ServiceNotFound` (a KeyError), which says why: unknown, disabled, or optional and not connected.
        """
        more = self._slot.more
        return NOTHING if more is None or more.gate is None else more.gate.published

    @property
    def reports(self) -> ReportLog:
        """What the runtime tells me of my children; read it with `async for`, or `drain()`."""
        return log_of(self._slot)

    # -- mail

    @property
    def mail(self) -> Mail[Any] | None:
        """The mail in hand, as it was accepted; None outside of a message."""
        return self._slot.box.hand_mail()

    @property
    def sender(self) -> ActorRef[Any] | None:
        """Who sent the mail in hand, if the sender said so (`ctx.tell`, an ask from an actor)."""
        mail = self._slot.box.hand_mail()
        return None if mail is None else mail.sender

    def tell(self, ref: ActorRef[M], message: M, *, trigger_turn: bool = True, urgent: bool = False) -> int:
        """Tell another actor, with myself as the sender. Plain function; as `ActorRef.tell`."""
        return ref.tell(message, sender=self._slot.own_ref(), trigger_turn=trigger_turn, urgent=urgent)

    async def receive(self) -> Any:
        """Wait for the next message of an actor that is a function; `ctx.mail` tells more of it. Until the next call it is in hand.

        To answer a request, take its token with `ctx.defer_reply()`; one that is in hand at the next call, unanswered, fails with `NoReply`.
        A stop that was asked for is delivered here, as a cancellation.

        Checkpoint: always. Cancellation: loses no mail.

        Raises:
            TypeError: the actor is no function; mail comes to `receive` or `turn`.
        """
        slot = self._live()
        if slot.blueprint.kind != "function":
            raise TypeError(
                f"{slot.path}: ctx.receive() is for actors that are functions; here mail comes to `receive` or `turn`"
            )
        return (await next_mail(slot)).message

    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the messages of an actor that is a function, as `receive` gives them."""
        return self

    async def __anext__(self) -> Any:
        """Wait for the next message."""
        return await self.receive()

    @trio.lowlevel.enable_ki_protection
    def defer_reply(self) -> ReplyToken[Any]:
        """Take over the answer to the request in hand: answer it later, from any task, with the token. Plain function.

        Raises:
            NotInTurn: no request is in hand (in an agent's turn: not exactly one), or it has been deferred already.
        """
        slot = self._live()
        more = slot.get_more()
        if more.turn is not None:
            asks = [asked for asked in more.turn.requests() if not asked.deferred]
            hand: Any = asks[0] if len(asks) == 1 else None
        else:
            hand = slot.box.own_hand()
        if not isinstance(hand, Asked) or hand.deferred:
            raise NotInTurn(f"{slot.path}: defer_reply needs a request in hand that has not been deferred yet")
        hand.deferred = True
        hand.release_asker()
        if more.deferred is None:
            more.deferred = {}
        more.deferred[hand] = None
        return ReplyToken(hand, slot)

    # -- keeping mail for later

    def stash(self) -> None:
        """Keep the message in hand for later: it is not handled, and an ask not answered, until `unstash_all` has put it back. Plain function.

        What the handler returns then answers nobody. What is stashed when the incarnation ends goes to the next one, before all other mail; when the
        actor ends for good, asks fail and other mail is dead letters, as what waits.

        Raises:
            NotInTurn: there is no message in hand, it is stashed already, or its reply was deferred.
            StashFull: the mailbox is bounded, and as many are stashed as it may hold.
            TypeError: an agent has no use for it: what it does not drain waits. ActorStopped: this incarnation has ended.
        """
        stash(self._live())

    def unstash_all(self) -> int:
        """Put all that is stashed back into the mailbox, in order, before what waits there; returns how many. Plain function.

        Raises:
            ActorStopped: this incarnation has ended.
        """
        return unstash_all(self._live())

    # -- waiting

    async def wait(
        self, refs: Iterable[ActorRef[Any]], *, mode: WaitMode = "any", timeout: float | None = None
    ) -> Waited:
        """Wait until any of some actors, or all, have come to an outcome; the present counts. It takes no report and no mail.

        An agent has come to one when its turn has ended and no mail asks for another; any other actor when it has ended.
        With nothing left to wait for it returns at once: no refs, or agents alone that have no work and have had none.

        Args:
            refs: of this tree; a pinned ref's incarnation counts alone.
            mode: "any" or "all".
            timeout: seconds; None means `Limits.default_wait`, smaller ones than `Limits.min_wait` are raised to it.

        Checkpoint: always. Cancellation: leaves nothing, and nothing is lost.

        Raises:
            ValueError: a timeout above `Limits.max_wait`, another mode, or a ref of another tree. TypeError: no refs.
            Deadlock: it waits for itself, or for an actor that waits in its own turn for this one.
            ActorStopped: this incarnation has ended.
        """
        return await wait_for_actors(self._live(), refs, mode, timeout)

    async def wait_for_mail(self, *, timeout: float | None = None) -> bool:
        """Wait until mail or a report is there to be taken, by `turn.drain()`, `ctx.reports` or the next message; and take none.

        Args:
            timeout: as for `wait`.

        Returns:
            Whether there is any; False at once if none can come, as this actor was told to stop.

        Checkpoint: always. Cancellation: leaves nothing, and nothing is lost.

        Raises:
            ValueError: a timeout above `Limits.max_wait`. ActorStopped: this incarnation has ended.
        """
        return await wait_for_mail(self._live(), timeout)

    # -- myself

    @trio.lowlevel.enable_ki_protection
    def stop(self, result: Any = None, *, reason: Shutdown | None = None) -> None:
        """End myself after the message or turn in hand: as `Finished(result)`, or with a `Shutdown` reason. Plain function.

        Raises:
            TypeError: a reason that is no `Shutdown`; raise an exception to end with a failure.
        """
        if reason is not None and not isinstance(reason, Shutdown):
            raise TypeError(
                f"ctx.stop: reason is {reason!r}; give Shutdown(detail), or raise an exception to end with a failure"
            )
        slot = self._slot
        if slot.ctx is not self:
            self._live()
        if slot.reason is None:  # as `note_end`: no end in good order outweighs what there is already
            slot.reason = reason or (FINISHED if result is None else Finished(result))
        slot.attention = True
        runner = slot.runner
        if runner is not None:
            runner.hit = runner.hit or LEAVE
        if slot.idle:
            slot.runtime.wake(slot)

    @trio.lowlevel.enable_ki_protection
    def heartbeat(self, extend: float | None = None) -> None:
        """Say that what I have in hand is well, and takes longer than my `handler_timeout`: its time begins anew. Plain function.

        Without a `handler_timeout`, with nothing in hand, or once that has been found overdue, nothing happens. What the message or turn waits for
        (an ask, `ctx.wait`) counts as its time, too.

        Args:
            extend: seconds from now that it has instead of `handler_timeout`; what it has already is never taken away.

        Raises:
            ValueError: no number of seconds from 0. ActorStopped: this incarnation has ended.
        """
        if extend is not None:
            check_seconds("heartbeat: extend", extend)
        more = self._live().more
        if more is not None and more.watchdog is not None:
            more.watchdog.extend(extend)

    @trio.lowlevel.enable_ki_protection
    def send_after(self, seconds: float, message: Any, *, key: str | int | None = None) -> Timer:
        """Send a message to myself later; it ends with this incarnation. Plain function.

        Args:
            seconds: from now, on Trio's clock, from 0.
            message: arrives as any other, in the normal lane.
            key: a timer with the same key (a str or an int) is called off first, even if its tick is queued.
        """
        check_seconds("send_after: seconds", seconds)
        if key is not None and type(key) not in (str, int):
            raise TypeError(f"send_after: key is {key!r}; give a str or an int")
        slot = self._live()
        return set_timer(slot, slot.runtime.now() + seconds, message, key)

    @trio.lowlevel.enable_ki_protection
    def monitor(self, ref: ActorRef[Any]) -> Monitor:
        """Be told once, by a `Down` message, when an actor ends; at once if it has. A pinned ref's incarnation counts alone. Plain function."""
        if not isinstance(ref, ActorRef):
            raise TypeError(f"monitor: {ref!r} is no ActorRef")
        return monitor_slot(self._live(), ref)

    # -- children

    @overload
    def start_soon(
        self, factory: "Callable[[*Ts], Actor[M]]", *args: *Ts, **options: Unpack[StartOptions]
    ) -> ActorRef[M]: ...
    @overload
    def start_soon(
        self, factory: "Callable[[Context, *Ts], Awaitable[object]]", *args: *Ts, **options: Unpack[StartOptions]
    ) -> ActorRef[Any]: ...
    def start_soon(  # type: ignore[misc]  # takes what both overloads take; mypy does not see it through *Ts
        self, factory: Any, *args: Any, **options: Any
    ) -> ActorRef[Any]:
        """Register a child of mine and return at once; plain function. Options and errors as `Supervisor.start_soon`."""
        slot = self._live()
        return slot.runtime.children.start_soon(slot, factory, args, options).own_ref()

    @overload
    async def start(
        self, factory: "Callable[[*Ts], Actor[M]]", *args: *Ts, **options: Unpack[StartOptions]
    ) -> ActorRef[M]: ...
    @overload
    async def start(
        self, factory: "Callable[[Context, *Ts], Awaitable[object]]", *args: *Ts, **options: Unpack[StartOptions]
    ) -> ActorRef[Any]: ...
    async def start(  # type: ignore[misc]  # as start_soon
        self, factory: Any, *args: Any, **options: Any
    ) -> ActorRef[Any]:
        """Register a child of mine and wait until it is ready. Options and errors as `Supervisor.start`.

        Checkpoint: always. Cancellation: kills the child and waits for its end.
        """
        slot = self._live()
        return (await slot.runtime.children.start(slot, factory, args, options)).own_ref()

    def children(self) -> list[ActorRef[Any]]:
        """Return my children's refs, in order of their registration. Plain function."""
        more = self._slot.more
        family = None if more is None else more.family
        return [] if family is None else [child.own_ref() for child in family.children.values()]

    async def dispatch(
        self,
        calls: Iterable[Call],
        *,
        tools: Iterable[Tool] | None = None,
        approver: Approver | None = None,
        approval_timeout: float | None = None,
    ) -> list[CallResult]:
        """Make many calls in batches and return a result for each, in order; `Dispatch` for who wants the results of an interrupted one, too.

        Arguments and errors as `Dispatch` and its `run`. Checkpoint: always. Cancellation: is passed on to what is running; the results are lost.
        """
        return await Dispatch(calls, tools=tools, approver=approver, approval_timeout=approval_timeout).run(self)

    async def sleep(self, seconds: float) -> None:
        """Sleep on Trio's clock, as `trio.sleep`. Checkpoint: always. Cancellation: leaves nothing."""
        await trio.sleep(seconds)

    def __repr__(self) -> str:
        """Show whose it is."""
        slot = self._slot
        state = "" if slot.ctx is self else " (over)"
        return f"<Context of {slot.path} incarnation {slot.incarnation}{state}>"
