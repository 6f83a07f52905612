"""The context: what an actor's own code does through the runtime."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple, Unpack, overload

import trio

from ..mailbox import Mail
from ._approval import Approver
from ._background import CancelOutcome, drain_completed, pending_count, run_in_background
from ._call import Call, CallResult
from ._checks import check_seconds
from ._dispatch import Dispatch
from ._errors import ActorStopped, NotInTurn
from ._gate import NOTHING
from ._mail_wait import wait_for_mail
from ._monitor import Monitor
from ._oversight import cancel_background, list_background, wait_background
from ._piece import BackgroundResult, BackgroundWork, Deliver
from ._reach import monitor_slot, slot_of
from ._reasons import FINISHED, Finished, Shutdown
from ._ref import ActorRef
from ._reports import ReportLog, log_of
from ._request import Asked, ReplyToken
from ._runner import LEAVE
from ._slot import Slot, blank
from ._start_options import StartOptions
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
    """Return the handle of the incarnation that begins now."""
    ctx: Context = blank(Context)
    ctx._slot = slot  # noqa: SLF001 -- all that its making does
    return ctx


class Context:
    """Be one incarnation's handle on the runtime; given to every hook, valid as long as the incarnation.

    Past the incarnation's end every method raises `ActorStopped`.
    """

    __slots__ = ("_slot",)

    _slot: Slot

    @property
    def start_source(self) -> StartSource:
        """Why this incarnation was started: "new", "restart", "wake" or "resume"."""
        return "new" if self._slot.incarnation == 1 else "restart"

    def _live(self) -> Slot:
        slot = self._slot
        if slot.ctx is not self:
            raise ActorStopped(slot.path, None, "this incarnation has ended, and its context with it")
        return slot

    # -- who I am

    @property
    def ref(self) -> ActorRef[Any]:
        """My own ref."""
        return self._slot.ref()

    @property
    def path(self) -> str:
        """Where I am in the tree."""
        return self._slot.path

    @property
    def parent(self) -> ActorRef[Any] | None:
        """The ref of who owns me; None at the root."""
        parent = self._slot.parent
        return None if parent is None else parent.ref()

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
        return ref.tell(message, sender=self._slot.ref(), trigger_turn=trigger_turn, urgent=urgent)

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
            hand = slot.box.hand
        if not isinstance(hand, Asked) or hand.deferred:
            raise NotInTurn(f"{slot.path}: defer_reply needs a request in hand that has not been deferred yet")
        hand.deferred = True
        hand.release_asker()
        if more.deferred is None:
            more.deferred = {}
        more.deferred[hand] = None
        return ReplyToken(hand, slot)

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

    # -- background work

    @trio.lowlevel.enable_ki_protection
    def run_in_background(
        self,
        fn: Callable[[*Ts], Awaitable[object]],
        *args: *Ts,
        name: str | None = None,
        prompt: Any = None,
        deliver: Deliver = "drain",
    ) -> int:
        """Start work that reports back, and return its id. Plain function: nothing of the work has run.

        It runs in a task of its own, in a copy of the context variables; it is not a turn of mine, so what it asks of others, or of me, makes no
        deadlock that could be told. It ends before my `shutdown` hook, my children and my services do, whatever I end for: cancelled, if it has
        not ended by itself. Its result is a `BackgroundResult`, delivered once. What this incarnation has not taken of it is dropped with its end
        and counted as a dead letter ("old incarnation").

        Args:
            fn: an async function; keywords go in with functools.partial.
            args: given to it.
            name: shown with it; by default the function's.
            prompt: shown with it; what the work is about, in any form.
            deliver: "drain": the result is kept until `drain_completed` or `wait_background` takes it. "mail": it comes as mail of kind
                "background" and by no other way: to `receive`, to a turn, which it starts, or to `ctx.receive()`; in the normal lane, exempt from
                the capacity.

        Returns:
            Its id: from 1, and never given again, also not after a restart.

        Raises:
            TypeError, ValueError: a wrong argument, the function's too. ActorStopping: my end has begun. Nothing has been changed.
        """
        return run_in_background(self._live(), fn, args, name, prompt, deliver)

    def drain_completed(self) -> list[BackgroundResult]:
        """Take the results of what has ended since, in the order of completion; each is given once. Plain function."""
        return drain_completed(self._live())

    def background(self, *, of: ActorRef[Any] | None = None) -> list[BackgroundWork]:
        """List background work whose result has not been delivered: what runs, and what has ended, by id. Plain function; changes nothing.

        Args:
            of: whose; mine, or of an actor below me.

        Raises:
            Forbidden: that one is not below me.
        """
        me = self._live()
        return list_background(me, me if of is None else slot_of(of))

    def pending_count(self) -> int:
        """Count my background work that has not ended; what has, and waits to be taken, is not counted. Plain function."""
        return pending_count(self._live())

    @trio.lowlevel.enable_ki_protection
    async def wait_background(
        self,
        id: int,  # noqa: A002 -- its name everywhere
        *,
        timeout: float | None = None,
        of: ActorRef[Any] | None = None,
    ) -> BackgroundResult:
        """Wait for a piece of background work to end, and take its result: no drain and nobody else gets it. Of those who wait, the first does.

        Args:
            id: its number.
            timeout: seconds on Trio's clock, from 0; None means no limit. Past it the work goes on, and its result can still be taken.
            of: whose; mine, or of an actor below me.

        Checkpoint: always. Cancellation: takes nothing; the work goes on.

        Raises:
            BackgroundTimeout: it has not ended in time.
            BackgroundNotFound: there is none of that number; or its result was delivered already, comes as mail, or is of an old incarnation.
            Forbidden: that actor is not below me. Deadlock: the work waits for its own end.
        """
        me = self._live()
        return await wait_background(me, me if of is None else slot_of(of), id, timeout)

    @trio.lowlevel.enable_ki_protection
    def cancel_background(self, id: int, *, of: ActorRef[Any] | None = None) -> CancelOutcome:  # noqa: A002 -- its name everywhere
        """Tell a piece of background work to end: its code is cancelled. Plain function, idempotent; the result comes when it has ended.

        Args:
            id: its number.
            of: whose; mine, or of an actor below me.

        Returns:
            "signalled": it was running, and will be cancelled at its next checkpoint; begun or not. "already ended": it has ended, now or long
            ago. "not found": no work of that number was ever started. "forbidden": that actor is not below me, and nothing has been done.
        """
        me = self._live()
        return cancel_background(me, me if of is None else slot_of(of), id)

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
        return slot.runtime.children.start_soon(slot, factory, args, options).ref()

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
        return (await slot.runtime.children.start(slot, factory, args, options)).ref()

    def children(self) -> list[ActorRef[Any]]:
        """Return my children's refs, in order of their registration. Plain function."""
        more = self._slot.more
        family = None if more is None else more.family
        return [] if family is None else [child.ref() for child in family.children.values()]

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
