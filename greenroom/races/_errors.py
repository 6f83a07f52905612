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


class ThreadRefused(GreenroomError):
    """The program asked for a thread of its own where it gets none; the text says for what, and which `threads=` to give instead."""


class InvalidHistory(GreenroomError, RuntimeError):
    """A history was recorded, or asked, in a way that would say nothing: an operation that ends twice, a check of nothing."""


class InvalidModel(GreenroomError, TypeError):
    """A sequential model does what a model may not: the text says which of its methods, with which arguments, and what it should do instead."""


class InvalidMachine(GreenroomError, TypeError):
    """A state machine cannot be run as it is: the text says which of its rules, invariants or bundles, and what to do instead."""
