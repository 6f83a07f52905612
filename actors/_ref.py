"""Refs: the handle by which others reach an actor."""

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import trio

from ..mailbox import NOTHING, Envelope, Letter, MailboxFull, MailKind
from ._admission import ADMISSION, Column
from ._ask_side import AskSide
from ._checks import check_flag, check_seconds, check_sender
from ._errors import ActorStopping, Refused, StartupFailed, StillRunning, TurnInProgress
from ._lifecycle import INITIALIZING, READY
from ._orders import end_from_outside, order_end
from ._passage import DRAIN, END, STOP, Order
from ._reasons import Crashed, ExitReason
from ._refusals import admit, raise_refusal
from ._rest_side import RestSide
from ._resting import await_ready_step
from ._runner import check_thread, current_path
from ._slot import Slot, descendants
from ._texts import describe
from ._turn import TurnHandle, error_for_requester
from ._waits import check_own_end, check_own_end_of_turn, has_left_door, is_up_or_ending, wait_for_end, waiting_for
from ._working import open_direct_turn

if TYPE_CHECKING:
    from ._runner import Runner

M = TypeVar("M", contravariant=True)
R = TypeVar("R")

GRACE = 5.0


class ActorRef(AskSide, RestSide, Generic[M]):
    """Reach an actor: tell it, ask it, watch it, end it.

    A ref is of a slot: it survives restarts, and goes on to tell how the actor ended. It is cheap, hashable, and equal only to itself. It is of one
    run of Trio and cannot be pickled.
    """

    __slots__ = ()

    #: the incarnation it is pinned to; 0 for a ref of the slot.
    _pinned = 0

    def __init__(self) -> None:
        raise TypeError(
            "ActorRef() makes no ref; `start_soon`, `start` and `lookup` return one, and an actor's own is `ctx.ref`"
        )

    # -- mail

    @trio.lowlevel.enable_ki_protection
    def tell(  # no `*` before the options: it would cost each call 25 nanoseconds, a twentieth of a message
        self,
        message: M,
        sender: "ActorRef[Any] | None" = None,
        trigger_turn: bool = True,  # noqa: FBT001, FBT002
        urgent: bool = False,  # noqa: FBT001, FBT002
    ) -> int:
        """Put a message into the mailbox; a plain function that never waits.

        Accepted is not processed: the message waits until the actor is ready, and in order. From a thread that Trio started, call
        `trio.from_thread.run_sync(ref.tell, message)`.

        Args:
            message: any object; treat it as the receiver's from now on.
            sender: filled in by `ctx.tell`; the receiver sees it as `ctx.sender`.
            trigger_turn: False queues it without asking for a turn; it is seen by the next one.
            urgent: takes the urgent lane, before all normal mail.

        Returns:
            The mail's seq in this mailbox, from 1.

        Raises:
            MailboxFull: a bounded mailbox refuses. TypeError: the sender is no ref, or an option that is set neither True nor False.
            ActorStopping, ActorStopped, StartupFailed: nobody will handle it. The error has the message; nothing has been changed.
        """
        slot = self._slot
        if slot.fast and trigger_turn and not urgent and sender is None:
            if slot.idle:
                pool = slot.pool
                if pool.baton is None:
                    pool.kick()
                slot.idle = False
                pool.runq.append(slot)
            queue = slot.queue
            if queue is not None:
                queue.append(message)
            elif slot.only is NOTHING:
                slot.only = message
            else:
                slot.lane().append(message)
            slot.seq = seq = slot.seq + 1
            return seq
        return self._tell_enveloped(message, sender, trigger=trigger_turn, urgent=urgent)

    @trio.lowlevel.enable_ki_protection
    def _tell_enveloped(self, message: M, sender: "ActorRef[Any] | None", *, trigger: bool, urgent: bool) -> int:
        return self._deliver(self._envelope(message, sender, trigger=trigger, urgent=urgent))

    def _envelope(
        self, message: Any, sender: Any, *, trigger: bool, urgent: bool, kind: MailKind = "message"
    ) -> Envelope:
        if sender is not None:
            check_sender(sender)
        if not trigger:
            check_flag("trigger_turn", trigger)
        if urgent:
            check_flag("urgent", urgent)
        key = self._slot.rare.spec.key_of(message)
        return Envelope(message, sender, trigger=trigger, urgent=urgent, kind=kind, key=key)

    def _deliver(self, letter: Letter) -> int:
        slot = self._slot
        if not slot.box.is_open:
            raise_refusal(self._slot, "mail", letter.message)
        if slot.idle and letter.trigger:
            check_thread()
            seq = slot.box.accept(letter)
            slot.runtime.wake(slot)
            return seq
        return slot.box.accept(letter)

    def try_tell(
        self, message: M, *, sender: "ActorRef[Any] | None" = None, trigger_turn: bool = True, urgent: bool = False
    ) -> bool:
        """Put a message into the mailbox if it is taken; False, and nothing changed, if it is refused. Plain function."""
        try:
            self.tell(message, sender=sender, trigger_turn=trigger_turn, urgent=urgent)
        except (MailboxFull, Refused, StartupFailed):
            return False
        return True

    @trio.lowlevel.enable_ki_protection
    async def send(
        self, message: M, *, sender: "ActorRef[Any] | None" = None, trigger_turn: bool = True, urgent: bool = False
    ) -> int:
        """Put a message into the mailbox, waiting for room if its overflow policy is "wait"; first come, first served.

        Checkpoint: always. Cancellation: a cancelled sender's message has not been accepted.

        Returns:
            The mail's seq.

        Raises:
            MailboxFull: the policy is to refuse. TypeError: the sender is no ref, or an option that is set neither True nor False.
            ActorStopping, ActorStopped, StartupFailed: nobody will handle it, or the mailbox closed while it waited.
            Deadlock: it would wait, in its own turn, for room in a mailbox whose actor waits for it.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        slot = self._slot
        letter = self._envelope(message, sender, trigger=trigger_turn, urgent=urgent)
        if not slot.box.is_open:
            raise_refusal(self._slot, "mail", message)
        if slot.box.would_wait(letter):
            async with waiting_for(slot, lambda: has_left_door(slot, letter), message):
                if slot.idle and letter.trigger:
                    slot.runtime.wake(slot)  # full of mail that asks for no turn: it has to make room
                seq = await slot.box.accept_when_room(letter)
        else:
            seq = slot.box.accept(letter)
        if slot.idle and letter.trigger:
            slot.runtime.wake(slot)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return seq

    # -- turns

    @trio.lowlevel.enable_ki_protection
    def start_turn(self, message: M) -> TurnHandle:
        """Give an idle, ready agent a turn now. Plain function: the turn is this one from here on, and runs in the agent's own task.

        Raises:
            StartupInProgress: it is not ready yet.
            TurnInProgress: a turn is active or due.
            ActorRestarting, ActorStopping, ActorStopped, StartupFailed: as they say. The error has the message; nothing has been changed.
            TypeError: it is no agent.
        """
        slot = self._slot
        if slot.blueprint.kind not in ("agent", "unknown"):
            raise TypeError(f"{slot.path} is no agent and has no turns to start; tell or ask it")
        self._admit("turn", message)
        if slot.ending or slot.reason is not None:
            raise ActorStopping(slot.path, message)
        if not slot.idle:
            raise TurnInProgress(slot.path, message)
        return open_direct_turn(slot, Envelope(message, kind="turn"))

    @trio.lowlevel.enable_ki_protection
    async def run_turn(self, message: M) -> Any:
        """Give an idle, ready agent a turn now and return its result.

        Checkpoint: always. Cancellation: interrupts that turn.

        Raises:
            ActorCrashed: the turn raised; its exception is the cause.
            TurnInterrupted: it was interrupted. ActorStopped: the agent ended first.
            Refused: as `start_turn`.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        slot = self._slot
        handle: TurnHandle | None = None
        async with waiting_for(slot, lambda: handle is not None and handle.is_done, message):
            handle = self.start_turn(message)
            try:
                outcome = await handle.outcome()
            except BaseException:
                handle.cancel()
                raise
        if outcome.kind == "completed":
            return outcome.result
        raise error_for_requester(outcome, slot.path, message)

    @trio.lowlevel.enable_ki_protection
    def steer(self, message: M) -> int:
        """Give direct input to the active turn: the first thing that its next `drain()` returns. Plain function.

        If the turn ends without draining it, it starts the next turn, so it is never lost.

        Returns:
            The mail's seq.

        Raises:
            NoActiveTurn: there is none, or it is no agent. Others as `start_turn`.
        """
        slot = self._slot
        self._admit("steer", message)
        if slot.more is None or slot.more.turn is None:
            raise ADMISSION[READY]["steer"](slot.path, message)  # type: ignore[operator]
        return slot.box.accept(Envelope(message, urgent=True, kind="steer"))

    @trio.lowlevel.enable_ki_protection
    async def interrupt(self, *, grace: float = GRACE, cascade: bool = False) -> bool:
        """Cancel the active turn and keep the actor; wait until the turn has ended. A function actor has no turns to interrupt.

        What started the turn has the outcome "interrupted"; what it had drained and not committed goes back to the mailbox, in order.

        Args:
            grace: seconds until it gives up waiting; the actor then stays in that turn.
            cascade: interrupt the turns of all its descendants too.

        Returns:
            Whether there was a turn to interrupt.

        Checkpoint: always. Cancellation: the interrupt stays requested.

        Raises:
            StillRunning: the turn shields itself from cancellation, or swallows it; with its stack.
            Deadlock: an actor cannot wait in its own turn for its interrupt.
        """
        check_seconds("interrupt: grace", grace)
        slots = [self._slot, *(descendants(self._slot) if cascade else ())]
        for slot in slots:
            if slot.in_turn and slot.blueprint.kind != "function":
                check_own_end_of_turn(slot)
        await trio.lowlevel.checkpoint_if_cancelled()
        found = False
        hit: list[tuple[Slot, Runner, trio.CancelScope | None]] = []
        for slot in slots:
            runner = slot.runner
            if slot.runtime.interrupt(slot):
                found = True
                if runner is not None:
                    hit.append((slot, runner, runner.scope))
        with trio.move_on_after(grace):
            for slot, runner, scope in hit:
                while runner.is_at(slot, scope):
                    await slot.changed()
        for slot, runner, scope in hit:
            if runner.is_at(slot, scope):
                raise StillRunning(slot.path, grace, runner.stack())
        await trio.lowlevel.checkpoint()
        return found

    # -- ends

    @trio.lowlevel.enable_ki_protection
    def request_stop(self) -> None:
        """Ask the actor to stop after its current message or turn. Plain function, idempotent."""
        order_end(self._slot, STOP, by=current_path())

    async def stop(self) -> ExitReason | None:
        """Stop the actor: it finishes the current message or turn, and the rest is refused. Never restarted for it.

        Returns when it has ended and what it held is closed; the reason it ended for. Idempotent, from any state, by any number of callers.

        Checkpoint: always. Cancellation: the stop stays requested.

        Raises:
            Deadlock: an actor cannot wait in its own turn for its own end or an ancestor's; use `ctx.stop()` or `request_stop()`.
        """
        return await self._end(STOP)

    async def drain(self) -> ExitReason | None:
        """Let the actor handle what is queued (that asks for a turn), then stop it. New mail is refused once it is ready.

        A function ends where it next waits for mail in vain; without mail in hand, and not waiting for any, it has its shutdown time to go on.
        Checkpoint: always. Cancellation: the drain stays requested. Raises as `stop`.
        """
        return await self._end(DRAIN)

    async def kill(self) -> ExitReason | None:
        """Cancel what the actor is doing now, and end it. Its `shutdown` hook and services keep their time.

        Checkpoint: always. Cancellation: the kill stays requested. Raises as `stop`.
        """
        return await self._end(END)

    @trio.lowlevel.enable_ki_protection
    async def _end(self, order: Order) -> ExitReason | None:
        slot = self._slot
        if not slot.has_ended:
            check_own_end(slot)
        await trio.lowlevel.checkpoint_if_cancelled()
        order_end(slot, order, by=current_path())
        return await self.wait_stopped()

    @trio.lowlevel.enable_ki_protection
    def crash(self, error: Exception) -> bool:
        """End the current incarnation as if its code had raised `error`: for experiments. False if none is running. Plain function."""
        if not isinstance(error, Exception):
            raise TypeError(f"crash: {error!r} is no Exception")
        slot = self._slot
        cause = describe(error)
        starting = slot.life is INITIALIZING
        return end_from_outside(slot, StartupFailed(slot.path, error, cause) if starting else Crashed(error, cause))

    async def wait_ready(self) -> None:
        """Wait until the actor is ready (over restarts, if it is restarted); one that rests is woken.

        Checkpoint: always. Cancellation: leaves nothing.

        Raises:
            StartupFailed: it will not become ready; what its startup raised is the `__cause__`. ActorStopping, ActorStopped: it ends, or has ended.
            Deadlock: from the own turn of an actor that it waits for.
        """
        slot = self._slot
        await trio.lowlevel.checkpoint()
        async with waiting_for(slot, lambda: is_up_or_ending(slot)):
            while not is_up_or_ending(slot):
                await await_ready_step(slot)
        if slot.life is not READY:
            raise_refusal(slot, "mail", None)

    @trio.lowlevel.enable_ki_protection
    async def wait_stopped(self) -> ExitReason | None:
        """Wait until the actor has ended for good (or is parked), and return why.

        Checkpoint: always. Cancellation: leaves nothing.

        Raises:
            Deadlock: an actor cannot wait in its own turn for its own end or an ancestor's.
        """
        slot = self._slot
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._is_over():
            check_own_end(slot)
            await wait_for_end(slot, self._is_over)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return slot.last_exit

    def _is_over(self) -> bool:
        return self._slot.has_ended

    def pin(self) -> "ActorRef[M]":
        """Return a ref that is valid for the current incarnation only: past it, all is refused with `ActorStopped`."""
        from ._pinned import PinnedRef

        return PinnedRef(self._slot)

    # -- refusals

    def _admit(self, column: Column, message: Any) -> None:
        admit(self._slot, column, message)

    def __repr__(self) -> str:
        """Show path, uid and lifecycle."""
        slot = self._slot
        return f"<ActorRef {slot.path} uid={slot.uid} {slot.life.value}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(f"{self!r} cannot be pickled or copied: it is of this run; pass its path, and look it up")


Slot.ref_class = ActorRef
