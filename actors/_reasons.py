"""Why an incarnation ended."""

from typing import Any, ClassVar, Final

import attrs

from ._errors import StartupFailed


@attrs.frozen
class Finished:
    """It ended by itself and is done: a function returned, or `ctx.stop(result)`."""

    is_failure: ClassVar[bool] = False

    result: Any = None


#: What most actors that end by themselves end for.
FINISHED: Final = Finished()


@attrs.frozen
class Shutdown:
    """It was told to stop, or stopped itself with a word; no failure. Also the status of an actor that ended so.

    `is_final` says that its `on_error` has stopped it: then not even a permanent child is restarted, and `detail` is the exception.
    """

    is_failure: ClassVar[bool] = False

    detail: Any = None
    is_final: bool = attrs.field(default=False, eq=False, repr=False, kw_only=True)


@attrs.frozen
class Ignored:
    """Its startup raised `Ignore`: there was nothing to do."""

    is_failure: ClassVar[bool] = False


@attrs.frozen
class Rested:
    """It was put to rest; no failure, and no end of the actor, which goes on with the next incarnation. `detail` says by whom, or for what."""

    is_failure: ClassVar[bool] = False

    detail: str = attrs.field(default="", eq=False)


@attrs.frozen
class Crashed:
    """An exception left its code, a required service ended, or somebody called `ref.crash(error)`. `cause` is the error as text.

    `escalates` says that its `on_error` wants its supervisor to give up for it.
    """

    is_failure: ClassVar[bool] = True

    error: BaseException
    cause: str = attrs.field(default="", eq=False)
    escalates: bool = attrs.field(default=False, eq=False, repr=False, kw_only=True)


@attrs.frozen
class Killed:
    """It was killed, by others or because it did not end in time; `detail` says which."""

    is_failure: ClassVar[bool] = True

    detail: str = ""


@attrs.frozen
class Cancelled:
    """A cancellation that no scope of the runtime owns went through it."""

    is_failure: ClassVar[bool] = True


@attrs.frozen
class Escalated:
    """It gave up because a child of it failed too often; `error` has the causal chain."""

    is_failure: ClassVar[bool] = True

    error: BaseException
    cause: str = attrs.field(default="", eq=False)


ExitReason = Finished | Shutdown | Ignored | Rested | Crashed | StartupFailed | Killed | Cancelled | Escalated


def is_failure(reason: ExitReason) -> bool:
    """Return whether an end for this reason counts as a failure (transient children are restarted after one)."""
    return reason.is_failure


def error_of(reason: ExitReason) -> BaseException | None:
    """Return the exception behind a reason, if there is one."""
    return reason.error if isinstance(reason, (Crashed, StartupFailed, Escalated)) else None


def text_of(reason: ExitReason) -> str:
    """Return a reason as one line that runs no user code."""
    match reason:
        case StartupFailed():
            return f"failed to initialize: {reason.cause}"
        case Crashed() | Escalated():
            return f"{type(reason).__name__.lower()}: {reason.cause}"
        case Killed():
            return f"killed: {reason.detail}" if reason.detail else "killed"
        case Rested():
            return f"rested: {reason.detail}" if reason.detail else "rested"
        case _:
            return type(reason).__name__.lower()
