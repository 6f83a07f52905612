"""What supervisors say."""

from math import isinf
from typing import Any

from ..actors import Escalated, ExitReason, GreenroomError, text_of


class RestartIntensityExceeded(GreenroomError):
    """A child failed more often than its supervisor bears.

    Attributes:
        path: the supervisor (or actor with children) that gave up.
        child: the child's path.
        max_restarts, within: the limit; `within` is infinite where a backoff's attempts in a row are.
        reason: the child's last exit reason; its error is the `__cause__`.
    """

    def __init__(  # noqa: PLR0917 -- an exception's facts are its args
        self, path: str, child: str, max_restarts: int, within: float, reason: Any, text: str
    ) -> None:
        super().__init__(path, child, max_restarts, within, reason, text)
        self.path, self.child, self.max_restarts, self.within, self.reason, self.text = (
            path,
            child,
            max_restarts,
            within,
            reason,
            text,
        )

    def __str__(self) -> str:
        """Say who gave up on whom, and why."""
        if isinf(self.within):
            return (
                f"{self.path}: gave up on {self.child}: more than {self.max_restarts} attempts in a row, which is all that its backoff allows; "
                f"the last one {self.text}"
            )
        return (
            f"{self.path}: gave up on {self.child}: more than {self.max_restarts} restarts within {self.within:.6g} s, "
            f"or as many attempts in a row that never became ready; the last one {self.text}"
        )

    def __repr__(self) -> str:
        """Show the same: its reason may hold another of these, and so on, down a tree of any depth."""
        return f"{type(self).__name__}({str(self)!r})"


class ErrorEscalated(GreenroomError):
    """An exception that a child raised is its supervisor's: the child's `on_error` says "escalate" for it.

    Attributes:
        path: the supervisor (or actor with children) that gave up for it.
        child: the child's path.
        reason: the child's exit reason; its error is the `__cause__`.
    """

    def __init__(self, path: str, child: str, reason: Any, text: str) -> None:
        super().__init__(path, child, reason, text)
        self.path, self.child, self.reason, self.text = path, child, reason, text

    def __str__(self) -> str:
        """Say who gave up for whom, and why."""
        return f"{self.path}: gave up, as {self.child} escalates what it raised: {self.text}"

    def __repr__(self) -> str:
        """Show the same, as `RestartIntensityExceeded` does."""
        return f"{type(self).__name__}({str(self)!r})"


def last_words(reason: ExitReason) -> str:
    """Return what a child ended for; of one that gave up itself, what was at the bottom of that, so that texts do not nest."""
    error = reason.error if isinstance(reason, Escalated) else None
    return error.text if isinstance(error, (ErrorEscalated, RestartIntensityExceeded)) else text_of(reason)


class ChildNotFound(GreenroomError):
    """There is no child, or no actor, of that name or path.

    Attributes:
        path: what was looked for.
        known: the names that there are, at most the first ten.
        hint: why nobody ever could be there; empty, if somebody could.
    """

    def __init__(self, path: str, known: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(path, known, hint)
        self.path, self.known, self.hint = path, known, hint

    def __str__(self) -> str:
        """Say what there is instead."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path}: not found{hint}; there is {', '.join(self.known) or 'nothing'}"


class AlreadyRunning(GreenroomError):
    """The child is not parked, so it can be neither restarted nor deleted by hand.

    Attributes:
        path: the child's.
        lifecycle: where it is.
    """

    def __init__(self, path: str, lifecycle: str) -> None:
        super().__init__(path, lifecycle)
        self.path, self.lifecycle = path, lifecycle

    def __str__(self) -> str:
        """Say what to do first."""
        return f"{self.path}: is {self.lifecycle}, not parked; terminate it first"


class Restarting(AlreadyRunning):
    """The child is on its way up again, by itself: its restart is under way, or waits for its backoff.

    Attributes: as AlreadyRunning.
    """

    def __str__(self) -> str:
        """Say what to do."""
        return f"{self.path}: is being restarted; wait until it is ready, or terminate it first"


class NoSupervisor(GreenroomError):
    """What was looked for is there, and is no supervisor.

    Attributes:
        path: where.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Say what it is not."""
        return f"{self.path}: is no supervisor"
