"""Oversight: whose background work one may look at, wait for and cancel. One's own, and that of all below oneself; nobody else's."""

from ._background import Background, CancelOutcome
from ._checks import check_seconds
from ._errors import BackgroundNotFound, Forbidden
from ._piece import BackgroundResult, BackgroundWork
from ._slot import Slot


def is_above(overseer: Slot, slot: Slot) -> bool:
    """Return whether a slot is the overseer itself, or somewhere below it."""
    at: Slot | None = slot
    while at is not None:
        if at is overseer:
            return True
        at = at.parent
    return False


def books_of(slot: Slot) -> Background | None:
    """Return the books of an actor's background work; None if it has never had any."""
    return None if slot.more is None else slot.more.background


def list_background(overseer: Slot, owner: Slot) -> list[BackgroundWork]:
    """List an actor's background work on behalf of another. Raises Forbidden."""
    if not is_above(overseer, owner):
        raise Forbidden(overseer.path, owner.path)
    books = books_of(owner)
    return [] if books is None else books.listed()


async def wait_background(overseer: Slot, owner: Slot, work_id: int, timeout: float | None) -> BackgroundResult:
    """Take the result of an actor's background work on behalf of another. Raises Forbidden, and as `Background.wait`."""
    if timeout is not None:
        check_seconds("wait_background: timeout", timeout)
    _check_id("wait_background", work_id)
    if not is_above(overseer, owner):
        raise Forbidden(overseer.path, owner.path)
    books = books_of(owner)
    if books is None:
        raise BackgroundNotFound(owner.path, work_id, "none was started yet")
    return await books.wait(work_id, timeout)


def cancel_background(overseer: Slot, owner: Slot, work_id: int) -> CancelOutcome:
    """Cancel an actor's background work on behalf of another."""
    _check_id("cancel_background", work_id)
    if not is_above(overseer, owner):
        return "forbidden"
    books = books_of(owner)
    return "not found" if books is None else books.cancel(work_id)


def _check_id(what: str, work_id: object) -> None:
    if type(work_id) is not int:
        raise TypeError(f"{what}: id is {work_id!r}; give the number that run_in_background returned")
