"""Requests and their answers: ask, deferred replies, and the check that a wait can end."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import trio
from trio.lowlevel import reschedule

from ..mailbox import DeadLetter, Letter, MailboxFull
from ._awake import AWAKE
from ._errors import ActorStopped, Deadlock, NoReply

if TYPE_CHECKING:
    from ._deadlines import Deadline
    from ._poll import Poll
    from ._slot import Slot

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Request(Generic[R_co]):
    """Derive a message class from it to say what the answer is: `class Get(Request[int])` makes `await ref.ask(Get())` an int."""

    __slots__ = ()


class Asked(Letter):
    """Hold a request while it waits and is handled, and the way back to its asker.

    It has exactly one end: answered, failed, or abandoned by its asker; whatever comes later is counted as a late reply.
    """

    __slots__ = (
        "asker",
        "begun",
        "deadline",
        "deferred",
        "done",
        "error",
        "incarnation",
        "parked",
        "place",
        "poll",
        "target",
        "task",
        "value",
    )

    trigger = True
    kind = "request"
    urgent = False
    key = None

    message: Any
    task: "trio.lowlevel.Task"
    target: "Slot"
    #: the slot whose own turn waits: the edge of the deadlock check.
    asker: "Slot | None"
    sender: Any
    seq: int
    incarnation: int
    void: bool
    begun: bool
    done: bool
    deferred: bool
    parked: bool
    value: Any
    error: BaseException | None
    deadline: "Deadline | None"
    #: the many that it is one of: its asker waits for them all; and which one it is, if it is.
    poll: "Poll | None"
    place: int

    def answer(self, value: Any) -> bool:
        """Hand the result to the asker; False if the asker has gone or has its answer."""
        if self.done:
            target = self.target
            target.dead_letters.add(DeadLetter(value, target.path, target.uid, None, 0, "late reply"))
            return False
        self.value = value
        poll = self.poll
        if poll is not None and self.asker is None:  # one of many, and no edge
            self.done = True
            poll.put(self.place, value)
        else:
            self._finish()
        return True

    def fail(self, error: BaseException) -> bool:
        """Raise the error at the asker; False if there is nobody to raise it at."""
        if self.done:
            return False
        self.error = error
        self._finish()
        return True

    def buried(self, reason: str) -> None:
        """Let the asker know that nobody will handle it: pushed out of a full mailbox, or meant for an incarnation that has ended."""
        target = self.target
        capacity = target.box.spec.capacity
        if capacity is not None and reason in ("drop_oldest", "drop_newest"):
            self.fail(MailboxFull(target.path, self.message, capacity))
        else:
            detail = f"incarnation {self.incarnation}, to which this request was pinned, has ended; it had not begun"
            self.fail(ActorStopped(target.path, self.message, detail))

    def let_in(self) -> None:
        """Have it seen to, now that there was room for it."""
        target = self.target
        if target.idle:
            target.runtime.wake(target)

    def refused(self, error: Exception) -> None:
        """Let the asker know that there will be no room for it."""
        self.fail(error)

    def _finish(self) -> None:
        self.done = True
        if self.asker is not None:
            self.release_asker()
        if self.poll is not None:
            self.poll.take(self)
            return
        if self.deadline is not None:
            self.deadline.cancel()
        if self.parked:
            reschedule(self.task, AWAKE)

    @trio.lowlevel.enable_ki_protection
    def __call__(self, raise_cancel: Any) -> trio.lowlevel.Abort:
        """Be what Trio calls when the wait for it is cancelled: one object less for each ask than a function of its own would be."""
        self.abandon()
        return trio.lowlevel.Abort.SUCCEEDED

    def abandon(self) -> None:
        """Let go of it as its asker leaves: what has not begun is not executed."""
        self.done = True
        self.parked = False
        if self.deadline is not None:
            self.deadline.cancel()
        self.release_asker()
        self.withdraw()

    def withdraw(self) -> None:
        """Take it out of the mailbox, or of the line at its door, if it is still there."""
        slot = self.target
        if not self.seq and self.poll is not None:
            slot.box.leave_door(self)
        elif (
            not self.begun
            and self.seq
            and not self.void
            and slot.box.abandon(self)
            and slot.idle
            and slot.box.has_triggers
        ):
            slot.runtime.wake(slot)

    def release_asker(self) -> None:
        """Take back the edge of the deadlock check: the asker's turn does not wait for the target's turn any more."""
        asker, self.asker = self.asker, None
        if asker is not None and asker.more is not None:
            asker.more.waiting_for = None


def make_asked(message: Any, task: "trio.lowlevel.Task", target: "Slot", asker: "Slot | None") -> Asked:
    """Return a request that has not been sent yet."""
    asked = Asked()
    asked.message = message
    asked.task = task
    asked.target = target
    asked.asker = asker
    asked.sender = None if asker is None else asker.own_ref()
    asked.seq = asked.incarnation = 0
    asked.void = asked.begun = asked.done = asked.deferred = asked.parked = False
    asked.value = asked.error = asked.deadline = asked.poll = None
    return asked


class ReplyToken(Generic[R]):
    """Answer a request later than its handler returned; got by `ctx.defer_reply()`.

    Use it once, from any task of the run. One that is dropped unused fails its asker with `NoReply`; one whose actor ends, with the
    actor's end. An answer to an asker who has gone is counted and dropped.
    """

    __slots__ = ("__weakref__", "_asked", "_slot", "_trio_token")

    def __init__(self, asked: Asked, slot: "Slot") -> None:
        self._asked: Asked | None = asked
        self._slot = slot
        self._trio_token = slot.runtime.trio_token

    @trio.lowlevel.enable_ki_protection
    def reply(self, value: R) -> bool:
        """Answer; False if the asker has gone. Plain function. Raises RuntimeError if it has been used."""
        return self._use().answer(value)

    @trio.lowlevel.enable_ki_protection
    def fail(self, error: BaseException) -> bool:
        """Raise `error` at the asker; False if the asker has gone. Plain function. Raises RuntimeError if it has been used."""
        if not isinstance(error, BaseException):
            raise TypeError(f"ReplyToken.fail: {error!r} is no exception")
        return self._use().fail(error)

    def _use(self) -> Asked:
        asked, self._asked = self._asked, None
        if asked is None:
            raise RuntimeError("this reply token has been used already")
        more = self._slot.more
        if more is not None and more.deferred is not None:
            more.deferred.pop(asked, None)
            self._slot.runtime.passivation.recheck(self._slot)
        return asked

    def __del__(self) -> None:
        """Fail the asker if nobody used it. Runs wherever the last reference was dropped, so it only leaves word."""
        asked = getattr(self, "_asked", None)
        if asked is not None and not asked.done:
            try:
                self._trio_token.run_sync_soon(_drop, self._slot, asked)
            except trio.RunFinishedError:
                return

    def __repr__(self) -> str:
        """Show whether it has been used."""
        asked = self._asked
        return f"<ReplyToken of {self._slot.path} {'used' if asked is None else repr(asked.message)}>"


def _drop(slot: "Slot", asked: Asked) -> None:
    if slot.more is not None and slot.more.deferred is not None:
        slot.more.deferred.pop(asked, None)
        slot.runtime.passivation.recheck(slot)
    asked.fail(NoReply(slot.path, asked.message))


def check_cycle(asker: "Slot", target: "Slot", message: Any = None) -> None:
    """Raise Deadlock if `asker`, waiting in its own turn for `target`, would close a cycle of such waits."""
    if target.more is None and target is not asker:
        return
    way = find_way(target, (asker,))
    if way:
        raise Deadlock(tuple(slot.path for slot in (asker, *way)), message)


def awaited_by(slot: "Slot") -> "list[Slot]":
    """Return whom an actor's own turn waits for: one other actor, or, in `ask_many`, several."""
    more = slot.more
    if more is None:
        return []
    if more.poll is not None:
        return [asked.target for asked in more.poll.asks if asked.asker is not None]
    if more.waiting_for is None or (more.wait_is_over is not None and more.wait_is_over()):
        return []
    return [more.waiting_for]


def find_way(start: "Slot", goals: "Collection[Slot]") -> "list[Slot]":
    """Return by whom `start` waits for one of `goals`, both of them included; empty if it does not, nor through others."""
    if start in goals:
        return [start]
    before: dict[Slot, Slot | None] = {start: None}
    open_ = [start]
    while open_:
        at = open_.pop()
        for slot in awaited_by(at):
            if slot in goals:
                way = [slot]
                back: Slot | None = at
                while back is not None:
                    way.append(back)
                    back = before[back]
                return way[::-1]
            if slot not in before:
                before[slot] = at
                open_.append(slot)
    return []
