"""Faults: whose an exception is. Cancellation is a scope's, Ctrl-C and SystemExit are the whole program's, all else is the actor's."""

import trio


def is_only(error: BaseException, kind: type[BaseException]) -> bool:
    """Return whether an exception is of a kind, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_only(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def is_fatal(error: BaseException) -> bool:
    """Return whether an exception is for the whole program: Ctrl-C, SystemExit, or a group with one of these."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_fatal(each) for each in error.exceptions)
    return not isinstance(error, (Exception, trio.Cancelled))
