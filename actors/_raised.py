"""Raised: what becomes of an actor when an exception leaves its `receive` or `turn`.

The policy's `on_error` is looked at here and nowhere else, so only when something has been raised. An end that is due already for a failure (a kill,
an escalation, a service that died) is not judged again: what its code raises on the way out changes nothing.
"""

import logging
from typing import Final

import attrs
import trio

from ._errors import ActorCrashed
from ._on_error import ErrorAction, find_action
from ._orders import note_end
from ._reasons import Crashed, Shutdown, is_failure
from ._request import Asked
from ._slot import Slot
from ._texts import describe, without_frames

#: What is logged of what leaves no failure behind; a crash and an escalation are logged as ends.
SAID: Final[dict[ErrorAction, str]] = {
    "resume": "goes on, as its on_error says",
    "stop": "stops, as its on_error says",
}


@attrs.frozen
class Raised:
    """Hold an exception that has left an actor's code.

    Attributes:
        error: itself, without its frames' variables.
        cause: as text.
        action: what `on_error` says of it; None if that says nothing.
    """

    error: BaseException
    cause: str
    action: ErrorAction | None


def read_raised(slot: Slot, error: Exception) -> Raised:
    """Look an exception up. Changes nothing; the exception's own text is user code, so it is made here, before anything is changed."""
    table = slot.policy.on_error
    is_judged = bool(table) and not (slot.reason is not None and is_failure(slot.reason))
    action = find_action(table, error) if is_judged else None
    return Raised(without_frames(error), describe(error), action)


def say(slot: Slot, raised: Raised) -> None:
    """Log what leaves no failure behind: else nobody would ever hear of it. Runs user code, where logging has some."""
    text = "" if raised.action is None else SAID.get(raised.action, "")
    if text:
        slot.runtime.log_later(logging.WARNING, f"{text}: {raised.cause}", slot, cause=raised.cause)
        slot.runtime.flush_log()


@trio.lowlevel.enable_ki_protection
def note_raised_end(slot: Slot, raised: Raised) -> None:
    """Note the end that follows. Plain."""
    if raised.action != "stop":
        note_end(slot, Crashed(raised.error, raised.cause, escalates=raised.action == "escalate"))
        return
    if slot.reason is None or not is_failure(slot.reason):
        slot.reason = Shutdown(raised.error, is_final=True)
    slot.attention = True


def fail_message(slot: Slot, error: Exception) -> None:
    """See to an actor whose handler has raised; to a function, which has ended by that."""
    if not slot.policy.on_error:
        note_end(slot, Crashed(without_frames(error, is_caught=True), describe(error)))  # as most do
        return
    raised = read_raised(slot, error)
    _fail_message(slot, raised)
    say(slot, raised)


@trio.lowlevel.enable_ki_protection
def _fail_message(slot: Slot, raised: Raised) -> None:
    if raised.action in {"resume", "stop"}:
        # Done with: a crash leaves it in hand until the last step, which may give it to the next incarnation.
        hand = slot.box.empty_hand()
        if isinstance(hand, Asked) and not hand.deferred:
            error = raised.error
            if raised.action == "stop":
                error = ActorCrashed(slot.path, hand.message, raised.error, raised.cause)
            hand.fail(error)
    if raised.action != "resume":
        note_raised_end(slot, raised)
