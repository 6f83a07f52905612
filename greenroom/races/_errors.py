"""What goes wrong with a race, or with its token."""

from ..mailbox import GreenroomError


class InvalidToken(GreenroomError, ValueError):
    """Say what is wrong with a token."""


class ProgramChanged(GreenroomError):
    """A schedule does not fit the program any more: it has other choices than when the schedule was taken."""


class DeadlockFound(GreenroomError):
    """No task can go on, no timer runs, and nothing from outside is awaited. The text says who waits for what."""


class StepsExceeded(GreenroomError):
    """The program took more steps than allowed: a livelock, or a larger `max_steps` is needed."""


class OutsideSilent(GreenroomError):
    """The program waited for a thread, a socket or another process, and nothing came of it for longer than a run's patience."""


class StepEndless(GreenroomError):
    """A step of the program did not end: a loop without a checkpoint, or a call that blocks. The text says whose, and where in the code."""


class PromiseBroken(GreenroomError, AssertionError):
    """What `sim.always` was told does not hold, or what `sim.eventually` was told has not come true. The text says after whose step."""


class ThreadRefused(GreenroomError):
    """The program asked for a thread of its own where it gets none; the text says for what, and which `threads=` to give instead."""


class InvalidHistory(GreenroomError, RuntimeError):
    """A history was recorded, or asked, in a way that would say nothing: an operation that ends twice, a check of nothing."""


class InvalidModel(GreenroomError, TypeError):
    """A sequential model does what a model may not: the text says which of its methods, with which arguments, and what it should do instead."""


class SharingFound(GreenroomError):
    """With a reduction, a run did not go as others had let expect: what was taken for steps that do not meet does meet."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} did not go as in an equivalent schedule: actors share something besides mail; give reduction=False"
        )


class InvalidMachine(GreenroomError, TypeError):
    """A state machine cannot be run as it is: the text says which of its rules, invariants or bundles, and what to do instead."""
