"""What actors, refs and starts say when something cannot be done.

Each class is one thing that a caller does differently. Its text is made from facts that are attributes; a refused message is in it, as `message`.
"""

from typing import Any

from ..mailbox import GreenroomError
from ..mailbox import InvalidSpec as InvalidSpec


class NameInUse(GreenroomError):
    """A start was refused because the name is taken; it left no trace.

    Attributes:
        path: the path that was asked for.
        holder: the ref that has it.
        status: the holder's lifecycle at that moment.
        age: seconds since the holder was registered.
    """

    def __init__(self, path: str, holder: Any, status: str, age: float) -> None:
        super().__init__(path, holder, status, age)
        self.path, self.holder, self.status, self.age = path, holder, status, age

    def __str__(self) -> str:
        """Say who holds the name."""
        return (
            f"{self.path}: the name is in use by uid {self.holder.uid} ({self.status}, registered {self.age:.3g} s ago); "
            "choose another name, or end the holder first"
        )


class LimitReached(GreenroomError):
    """A start, or a direct turn, was refused because of a limit of the tree, or of its supervisor; it left no trace.

    Attributes:
        limit: the field of `Limits` ("max_actors", "max_depth", "max_running_turns", "max_live"), or "max_children" of one supervisor.
        value: what it is set to.
        holders: the paths that hold it now, at most the first ten.
        message: what was refused, where there was a message.
    """

    def __init__(self, path: str, limit: str, value: int, holders: tuple[str, ...], message: Any = None) -> None:
        super().__init__(path, limit, value, holders, message)
        self.path, self.limit, self.value, self.holders, self.message = path, limit, value, holders, message

    def __str__(self) -> str:
        """Say which limit, its value, and who holds it."""
        held = ", ".join(self.holders)
        limit = self.limit if self.limit == "max_children" else f"Limits.{self.limit}"
        return f"{self.path}: {limit}={self.value} is reached, held by {held}; end one of them or raise the limit"


class Refused(GreenroomError):
    """Base of the refusals by lifecycle or turn; `message` is what was refused, None where there was none.

    A refusal leaves no trace: no seq, no mail, no turn, no change of status.
    """

    what = "refused"

    def __init__(self, path: str, message: Any = None, detail: str = "") -> None:
        super().__init__(path, message, detail)
        self.path, self.message, self.detail = path, message, detail

    def __str__(self) -> str:
        """Say who refused, and what to do."""
        return f"{self.path}: {self.detail or self.what}"


class StartupInProgress(Refused):
    """A direct turn was demanded of an actor that is not ready yet, or a child's start of a supervisor that is not.

    Mail would wait for it; so does `await ref.wait_ready()`.
    """

    what = "startup is still in progress"


class ActorRestarting(Refused):
    """A direct turn, or a new child, was demanded of an actor between two incarnations. Mail would wait for the next one."""

    what = "the actor is restarting; tell or ask it instead, or wait with `await ref.wait_ready()`"


class ActorStopping(Refused):
    """The actor finishes what it has and takes nothing new."""

    what = "the actor is stopping and takes nothing new"


class ActorStopped(Refused):
    """The actor has ended (or is parked); nobody will handle this."""

    what = "the actor has ended"


class TurnInProgress(Refused):
    """A direct turn was demanded while a turn is active or due. Mail would wait; `steer` would reach the active one."""

    what = "a turn is in progress; tell it (the mail waits), or steer the active turn"


class NoActiveTurn(Refused):
    """`steer`: there is no turn to steer, or this actor is no agent."""

    what = "no turn is active; tell it instead"


class NotIdle(Refused):
    """`rest`: it is not an idle, ready agent that nothing of its own keeps. Nothing has been changed.

    Attributes:
        state: what it is instead: a lifecycle, or what keeps it ("in a turn", "children", "timers", …).
    """

    what = "only an idle, ready agent can be put to rest"

    def __init__(self, path: str, message: Any = None, detail: str = "", state: str = "") -> None:
        super().__init__(path, message, detail)
        self.state = state


class TurnInterrupted(Refused):
    """The turn that was to answer has been interrupted; the actor is there for the next one."""

    what = "the turn was interrupted before it gave a result"


class HandlerOverdue(TurnInterrupted, TimeoutError):
    """The message or turn that was to answer took longer than the actor's `handler_timeout`, and was cancelled for that; the actor goes on."""


class StartupFailed(GreenroomError):
    """An actor's startup failed; also the reason of that end in reports.

    Attributes:
        path: whose.
        error: what its startup raised (an exception group of all required services' errors, where several failed).
        cause: the same as text.
        message: what was refused for it, if anything was.

    The error is the `__cause__`, too.
    """

    is_failure = True

    def __init__(self, path: str, error: BaseException | None, cause: str, message: Any = None) -> None:
        super().__init__(path, error, cause, message)
        self.path, self.error, self.cause, self.message = path, error, cause, message
        self.__cause__ = error

    def __str__(self) -> str:
        """Say who failed and why."""
        return f"{self.path}: failed to initialize: {self.cause}"


class ServicesFailed(GreenroomError):
    """Required services of an actor did not connect.

    Attributes:
        failures: service name -> error, sorted by name.
    """

    def __init__(self, text: str, failures: dict[str, BaseException]) -> None:
        super().__init__(text, failures)
        self.text, self.failures = text, failures

    def __str__(self) -> str:
        """List each with its cause."""
        return self.text


class ServiceNotFound(GreenroomError, KeyError):
    """`ctx.services` has no such name: it is unknown, disabled, or an optional service that is not there.

    Attributes:
        service: the name that was asked for.
        why: why it is not there.
    """

    def __init__(self, path: str, service: object, why: str) -> None:
        super().__init__(path, service, why)
        self.path, self.service, self.why = path, service, why

    def __str__(self) -> str:
        """Say who missed it, and why."""
        return f"{self.path}: {self.why}"


class ServiceEnded(GreenroomError):
    """A required service ended while its actor lived; the error behind it, if any, is the `__cause__`."""

    def __init__(self, service: str, kind: str, cause: str) -> None:
        super().__init__(service, kind, cause)
        self.service, self.kind, self.cause = service, kind, cause

    def __str__(self) -> str:
        """Say which service ended, and how."""
        return f"required {self.kind} {self.service} ended: {self.cause}"


class AskTimeout(GreenroomError, TimeoutError):
    """No answer came in time. What was asked is not executed if it had not begun; a late answer is dropped.

    Attributes:
        message: the request.
        seconds: how long the asker waited.
        begun: whether the receiver had begun with it.
    """

    def __init__(self, path: str, message: Any, seconds: float, *, begun: bool) -> None:
        super().__init__(path, message, seconds, begun)
        self.path, self.message, self.seconds, self.begun = path, message, seconds, begun

    def __str__(self) -> str:
        """Say how long, and whether it had begun."""
        state = "it had begun" if self.begun else "it had not begun and will not be executed"
        return f"{self.path}: no answer within {self.seconds:.6g} s ({state})"


class ActorCrashed(GreenroomError):
    """The actor raised while it handled the request; the exception is `error` and the `__cause__`.

    Attributes:
        begun: whether this request had begun.
    """

    def __init__(self, path: str, message: Any, error: BaseException | None, cause: str, *, begun: bool = True) -> None:
        super().__init__(path, message, error, cause, begun)
        self.path, self.message, self.error, self.cause, self.begun = path, message, error, cause, begun
        self.__cause__ = error

    def __str__(self) -> str:
        """Say who crashed and why."""
        return f"{self.path}: crashed: {self.cause}"


class StillRunning(GreenroomError):
    """An interrupted turn has not ended within the grace time: its code swallows or shields itself from cancellation.

    Attributes:
        stack: where it is, as text.
    """

    def __init__(self, path: str, seconds: float, stack: str) -> None:
        super().__init__(path, seconds, stack)
        self.path, self.seconds, self.stack = path, seconds, stack

    def __str__(self) -> str:
        """Show where the turn is."""
        return f"{self.path}: the turn is still running {self.seconds:.6g} s after its interrupt, at\n{self.stack}"


class Deadlock(GreenroomError):
    """The wait can never end: it closes a cycle of actors that each wait in their own turn for the next.

    Attributes:
        cycle: the paths, beginning and ending with the one that would have closed it.
        message: the request that was not sent, if it was an ask.
        way_out: what to do instead.
    """

    def __init__(self, cycle: tuple[str, ...], message: Any = None, way_out: str = "") -> None:
        super().__init__(cycle, message, way_out)
        self.cycle, self.message = cycle, message
        self.way_out = way_out or "answer later with ctx.defer_reply(), or wait in another task"

    def __str__(self) -> str:
        """Show the cycle, and a way out."""
        return f"deadlock: {' waits for '.join(self.cycle)}; {self.way_out}"


class NoReply(GreenroomError):
    """The reply that was deferred has been dropped, or the request was taken and never answered."""

    def __init__(self, path: str, message: Any = None) -> None:
        super().__init__(path, message)
        self.path, self.message = path, message

    def __str__(self) -> str:
        """Say who let it fall."""
        return f"{self.path}: took the request and dropped it without a reply"


class StashFull(GreenroomError):
    """`ctx.stash()`: as much is stashed as the mailbox may hold; the message stays in hand.

    Attributes:
        message: the one in hand.
        capacity: the mailbox's.
    """

    def __init__(self, path: str, message: Any, capacity: int) -> None:
        super().__init__(path, message, capacity)
        self.path, self.message, self.capacity = path, message, capacity

    def __str__(self) -> str:
        """Say how much there is, and what to do."""
        return f"{self.path}: the stash is full (as the mailbox, it holds {self.capacity}); unstash what waits there, or refuse this one"


class NotInTurn(GreenroomError):
    """A call that belongs to a turn was made outside one (`turn.drain()` after the turn's end, `ctx.defer_reply()` without a request in hand)."""


class BackgroundNotFound(GreenroomError, LookupError):
    """There is no result of background work to wait for under this number: there is none, or it has been delivered, or it comes as mail.

    Attributes:
        path: whose work it would be.
        id: the number.
        why: which of these.
    """

    def __init__(self, path: str, id: object, why: str) -> None:  # noqa: A002 -- as it is called everywhere
        super().__init__(path, id, why)
        self.path, self.id, self.why = path, id, why

    def __str__(self) -> str:
        """Say whose, and why not."""
        return f"{self.path}: background work {self.id!r}: {self.why}"


class BackgroundTimeout(GreenroomError, TimeoutError):
    """The background work has not ended in time. It goes on, and its result can be taken later.

    Attributes:
        path: whose work it is.
        id: its number.
        seconds: how long it was waited for.
    """

    def __init__(self, path: str, id: int, seconds: float) -> None:  # noqa: A002 -- as it is called everywhere
        super().__init__(path, id, seconds)
        self.path, self.id, self.seconds = path, id, seconds

    def __str__(self) -> str:
        """Say which, and how long it was waited for."""
        return f"{self.path}: background work {self.id} has not ended within {self.seconds:.6g} s; it goes on"


class Forbidden(GreenroomError):
    """Background work belongs to its owner and the supervisors above it; nobody else may list it or wait for it. Nothing has been changed.

    Attributes:
        path: who wanted to.
        owner: whose work it is.
    """

    def __init__(self, path: str, owner: str) -> None:
        super().__init__(path, owner)
        self.path, self.owner = path, owner

    def __str__(self) -> str:
        """Say who may, and who may not."""
        return (
            f"{self.path}: the background work of {self.owner} is a matter of that actor and the supervisors above it"
        )


class OwnTaskNeeded(GreenroomError):
    """An actor left something open that is bound to a task (a nursery). With `own_task = True`, `startup` may open it and `shutdown` close it."""


class CallRefused(GreenroomError):
    """A call was refused before it did anything: raise it in a tool's `traits` or `run` for arguments that make no sense."""


class Ignore(Exception):
    """Raise it in `startup` to say that there is nothing to do here: the child ends as `Ignored`, which is no failure (as OTP's `ignore`)."""
