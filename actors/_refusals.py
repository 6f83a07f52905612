"""Refusals: what the admission table says of a slot as it is now."""

from typing import Any, NoReturn

from ._admission import ADMISSION, IN_TURN, Answer, Column
from ._errors import ActorStopped, ActorStopping, NotIdle, StartupFailed, StartupInProgress
from ._lifecycle import READY, RESTING
from ._reasons import error_of
from ._resting import not_idle, rouse
from ._slot import Slot


def answer_of(slot: Slot, column: Column) -> Answer:
    """Return the table's answer."""
    return ADMISSION[IN_TURN if slot.life is READY and slot.in_turn else slot.life][column]


def admit(slot: Slot, column: Column, message: Any) -> None:
    """Raise the refusal, if there is one; nothing has been changed, but that an agent which rests wakes up for a direct turn."""
    answer = answer_of(slot, column)
    if answer == "failed" or isinstance(answer, type):
        if column == "turn" and slot.life is RESTING:
            rouse(slot)
            raise StartupInProgress(
                slot.path, message, f"{StartupInProgress.what}: the agent was resting, and wakes up"
            )
        raise_refusal(slot, column, message)


def raise_refusal(slot: Slot, column: Column, message: Any) -> NoReturn:
    """Raise why a slot takes something not, or not any more; the message goes back with it."""
    answer = answer_of(slot, column)
    if answer == "failed":
        reason = slot.reason
        assert isinstance(reason, StartupFailed)
        raise StartupFailed(slot.path, reason.error, reason.cause, message)
    if answer is NotIdle:
        raise not_idle(slot, message)
    if isinstance(answer, type):
        raise answer(slot.path, message)
    raise ActorStopping(slot.path, message)


def raise_failure(slot: Slot) -> NoReturn:
    """Raise why a slot did not become ready. A stop that was asked for before its last step wins, and has the failure as its cause."""
    reason = slot.last_exit
    if isinstance(reason, StartupFailed) and not (slot.has_ended and slot.admin):
        raise StartupFailed(slot.path, reason.error, reason.cause) from reason.error
    error = None if reason is None else error_of(reason)
    raise ActorStopped(slot.path, None, "the actor ended before it was ready") from error
