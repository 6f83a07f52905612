"""Faults: whose an exception is. Cancellation is a scope's, Ctrl-C and SystemExit are the whole program's, all else is the actor's."""

from typing import Any, cast

import trio


def members_of(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions of a group; none for one that is no group."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    group = cast("Any", error)  # of what, nobody can know
    members: tuple[BaseException, ...] = group.exceptions
    return members


def is_only(error: BaseException, kind: type[BaseException]) -> bool:
    """Return whether an exception is of a kind, or a group of nothing else."""
    members = members_of(error)
    return all(is_only(each, kind) for each in members) if members else isinstance(error, kind)


def is_fatal(error: BaseException) -> bool:
    """Return whether an exception is for the whole program: Ctrl-C, SystemExit, or a group with one of these."""
    members = members_of(error)
    if members:
        return any(is_fatal(each) for each in members)
    return not isinstance(error, (Exception, trio.Cancelled))


def ends_program(error: BaseException) -> bool:
    """Return whether an exception is Ctrl-C or SystemExit, or a group with one of these: what nobody may keep to himself."""
    members = members_of(error)
    if members:
        return any(ends_program(each) for each in members)
    return isinstance(error, (KeyboardInterrupt, SystemExit))
