"""Turns of agents: what one turn sees, what it takes, and how it ended."""

from math import inf
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs
import trio

from ..mailbox import Letter, Mail
from ._errors import ActorCrashed, ActorStopped, HandlerOverdue, NotInTurn, TurnInterrupted
from ._request import Asked

if TYPE_CHECKING:
    from ._slot import Slot

M = TypeVar("M")

OutcomeKind = Literal["completed", "errored", "interrupted", "stopped", "crashed", "undeliverable"]


@attrs.frozen
class TurnOutcome:
    """Tell how a turn ended; each has exactly one.

    Attributes:
        kind: completed, errored (an exception left the turn; the agent goes on), interrupted, stopped (the agent was told to end),
            crashed (the incarnation ended under it), undeliverable (it never began).
        result: what it returned, if it completed.
        error: what it raised, or what ended it.
        cause: the error as text; of an interrupted one, why, if its watchdog has cancelled it.
        is_resumed: the agent's `on_error` says "resume" for it: who asked gets the exception itself.
    """

    kind: OutcomeKind
    result: Any = None
    error: BaseException | None = None
    cause: str = attrs.field(default="", eq=False)
    is_resumed: bool = attrs.field(default=False, eq=False, repr=False, kw_only=True)


class TurnHandle:
    """Follow a direct turn; got by `ref.start_turn(message)`."""

    __slots__ = ("_lot", "_outcome", "_slot", "id")

    def __init__(self, slot: "Slot", turn_id: int) -> None:
        self._slot = slot
        self._outcome: TurnOutcome | None = None
        self._lot = trio.lowlevel.ParkingLot()
        #: the turn's number within the agent, from 1.
        self.id = turn_id

    async def outcome(self) -> TurnOutcome:
        """Wait for the end of the turn. Any number of tasks may.

        Checkpoint: always. Cancellation: the turn goes on; call `cancel()` to end it.
        """
        if self._outcome is None:
            await self._lot.park()
        else:
            await trio.lowlevel.checkpoint()
        assert self._outcome is not None
        return self._outcome

    @property
    def is_done(self) -> bool:
        """True once the turn has its outcome."""
        return self._outcome is not None

    def cancel(self) -> bool:
        """Interrupt this turn; False if it has ended. Plain function: the outcome comes when the turn has ended."""
        more = self._slot.more
        turn = None if more is None else more.turn
        if self._outcome is not None or turn is None or turn.handle is not self:
            return False
        return self._slot.runtime.interrupt(self._slot)

    def resolve(self, outcome: TurnOutcome) -> None:
        """Tell it the outcome (the runtime does)."""
        self._outcome = outcome
        self._lot.unpark_all()

    def __repr__(self) -> str:
        """Show the turn and its outcome."""
        state = "running" if self._outcome is None else self._outcome.kind
        return f"<TurnHandle {self._slot.path} turn {self.id} {state}>"


class Turn(Generic[M]):
    """Be one turn of an agent, as its code sees it."""

    __slots__ = ("_committed", "_slot", "_steered", "begun", "drained", "handle", "id", "mail", "started_by")

    def __init__(self, slot: "Slot", turn_id: int, started_by: list[Letter], handle: TurnHandle | None = None) -> None:
        self._slot = slot
        #: the turn's number within the agent, from 1.
        self.id = turn_id
        self.started_by = started_by
        #: what started it, in order; done with this turn, whatever its outcome.
        self.mail: tuple[Mail[M], ...] = tuple(letter.as_mail() for letter in started_by)
        self.handle = handle
        #: its code runs; a direct turn waits for that.
        self.begun = False
        self.drained: list[Letter] = []
        self._committed: list[Letter] = []
        self._steered = False

    @trio.lowlevel.enable_ki_protection
    def drain(self) -> list[Mail[Any]]:
        """Take what has arrived since: steered input first, then mail and reports in order.

        What is taken is the turn's until it is committed, by `commit()` or by the turn's completion; interrupted or errored before that, it goes
        back in order. Plain function.

        Raises:
            NotInTurn: the turn is over.
        """
        slot = self._check()
        letters = slot.box.take_all(slot.incarnation)
        steers = [letter for letter in letters if letter.kind == "steer"]
        if steers:
            self._steered = True
            letters = steers + [letter for letter in letters if letter.kind != "steer"]
        if slot.more is not None and slot.more.log is not None:
            letters = slot.more.log.merge_into(letters, slot)
        self.drained += letters
        for letter in letters:
            if isinstance(letter, Asked):
                letter.begun = True
        return [letter.as_mail() for letter in letters]

    @trio.lowlevel.enable_ki_protection
    def commit(self) -> int:
        """Keep what has been drained so far, whatever becomes of the turn; returns how many mails that were. Plain function.

        Raises:
            NotInTurn: the turn is over.
        """
        self._check()
        count = len(self.drained)
        self._committed += [letter for letter in self.drained if letter.kind == "request"]
        self.drained = []
        return count

    def steered(self) -> bool:
        """Return whether direct input has come for this turn, drained or still waiting. Plain function."""
        slot = self._slot
        waits = slot.box.rare.urgent
        return self._steered or any(letter.kind == "steer" for letter in waits or ())

    def requests(self) -> "list[Asked]":
        """Return the asks that this turn's outcome answers: those that started it, and those it has committed."""
        letters = [*self.started_by, *self._committed]
        return [letter for letter in letters if isinstance(letter, Asked)]

    @property
    def deadline(self) -> float:
        """When the last of those who wait for it gives up, on Trio's clock; infinite if others than such asks started it."""
        ends = [
            asked.deadline.when if isinstance(asked, Asked) and asked.deadline is not None else inf
            for asked in self.started_by
        ]
        return max(ends, default=inf)

    def _check(self) -> "Slot":
        slot = self._slot
        if slot.more is None or slot.more.turn is not self:
            raise NotInTurn(f"{slot.path}: turn {self.id} is over; what arrives now waits for the next one")
        return slot

    def __repr__(self) -> str:
        """Show its number and what started it."""
        return f"<Turn {self.id} of {self._slot.path} mail={len(self.mail)}>"


def error_for_requester(outcome: TurnOutcome, path: str, message: Any) -> BaseException:
    """Return what an asker of a turn that did not complete is told; a new one for each, but for a resumed one: all get what it raised."""
    if outcome.is_resumed and outcome.error is not None:
        return outcome.error
    if outcome.kind in ("errored", "crashed"):
        return ActorCrashed(path, message, outcome.error, outcome.cause)
    if outcome.kind == "interrupted":
        return HandlerOverdue(path, message, outcome.cause) if outcome.cause else TurnInterrupted(path, message)
    return ActorStopped(path, message, "the actor ended before the turn gave a result")
