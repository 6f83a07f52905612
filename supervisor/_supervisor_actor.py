"""The actor that a supervisor is: it starts the declared children, and has no behaviour of its own."""

import logging
from random import random
from typing import Any, Final

import trio

from ..actors import (
    PARKED,
    Actor,
    ChildStartupFailed,
    Context,
    GreenroomError,
    Slot,
    is_down,
    lift_warning,
    post_report,
    slot_of,
)
from ._backoff import Backoff
from ._plan import Plan
from ._registration import register_declared
from ._team import Team, make_team

#: The warning of a supervisor whose start has failed, and is tried again.
START: Final = "start"


class ChildrenFailed(GreenroomError):
    """A declared child that is started inline failed to start, so its supervisor did.

    Attributes:
        child: its path.
        rolled_back: the paths of those that had started and were stopped for it, the last one first; temporary ones are stopped before the others.
    """

    def __init__(self, child: str, cause: str, rolled_back: tuple[str, ...]) -> None:
        super().__init__(child, cause, rolled_back)
        self.child, self.cause, self.rolled_back = child, cause, rolled_back

    def __str__(self) -> str:
        """Say which child, why, and what was undone."""
        undone = f"; stopped again: {', '.join(self.rolled_back)}" if self.rolled_back else ""
        return f"{self.child}: {self.cause}{undone}"


class SupervisorActor(Actor[Any]):
    """Be the body of a supervisor: start the declared children in order, then leave the work to them."""

    own_task = True
    counts_as_startup = False

    def __init__(self, starter: Any, plan: Plan) -> None:
        self._starter = starter
        self._plan = plan

    async def startup(self, ctx: Context) -> None:
        """Register those that are not there yet, then launch one by one, each after the inline ones before it are ready."""
        owner = slot_of(ctx.ref)
        team = make_team(owner, self._plan)
        attempt = 0
        while True:
            again = owner.incarnation > 1 or attempt > 0
            team.drop_undeclared()  # by an update since the last incarnation, or attempt
            register_declared(self._starter, owner, again=again)
            failed = await _start_all(team, revive=again)
            if failed is None:
                lift_warning(owner, START)
                return
            attempt += 1
            retry = self._plan.start_retry
            if retry is None or (retry.max_attempts is not None and attempt > retry.max_attempts):
                raise failed from failed.__cause__
            _tell(team, failed, attempt)
            await team.roll_back()
            await _wait(retry, attempt)

    def receive(self, message: Any, ctx: Context) -> None:
        """Refuse: a supervisor has no use for mail."""
        raise TypeError(f"{ctx.path} is a supervisor and handles no mail; it got {message!r}")


async def _start_all(team: Team, *, revive: bool) -> ChildrenFailed | None:
    """Start the declared children, the parked ones too if told so. Returns why that failed."""
    slots = [child for each in team.plan.specs if (child := team.find(each.name)) is not None]
    await team.start(slots, [each for each in slots if revive and each.life is PARKED])
    if team.course.failed is None:
        return None
    child, reason = team.course.failed
    before = slots[: slots.index(child)]
    failed = ChildrenFailed(child.path, f"failed to initialize: {reason.cause}", _paths_of_started(before))
    failed.__cause__ = reason.error
    return failed


def _paths_of_started(slots: list[Slot]) -> tuple[str, ...]:
    return tuple(each.path for each in reversed(slots) if not is_down(each))


def _tell(team: Team, failed: ChildrenFailed, attempt: int) -> None:
    """Say of an attempt that has failed, and that is followed by another, what it failed for: nobody else hears of it."""
    owner, failure = team.owner, team.course.failed
    assert failure is not None
    child, reason = failure
    incarnation = child.incarnation - (not child.has_ended)  # one that has its place still is at the next already
    post_report(
        owner, ChildStartupFailed(child.path, child.uid, incarnation, reason.error, reason.cause, restarting=True)
    )
    text = f"attempt {attempt} to start has failed, and is followed by another: {failed}"
    owner.warn(START, text)
    owner.touch()
    owner.runtime.log_later(logging.WARNING, text, owner, cause=reason.cause)
    owner.runtime.flush_log()


async def _wait(retry: Backoff, attempt: int) -> None:
    # The first attempt again comes at once, as a first restart does.
    await trio.sleep(retry.delay(attempt, random()))


def is_supervisor(slot: Slot) -> bool:
    """Return whether a slot is a supervisor's."""
    return slot.blueprint.made is SupervisorActor
