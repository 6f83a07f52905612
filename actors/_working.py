"""Work that is not message by message: an agent's turns, and the function that is a whole actor."""

from typing import Any

import trio

from ..mailbox import Letter
from ._errors import NoReply
from ._last_step import drop_report_turn, give_back
from ._orders import arm_stop_timer, lift_limit, note_end
from ._passage import DRAIN, NO_ORDER, STOP
from ._raised import Raised, note_raised_end, read_raised, say
from ._reasons import Finished
from ._reports import TurnFinished, post_report
from ._request import Asked
from ._slot import Slot
from ._status import Completed, Errored, Interrupted
from ._turn import Turn, TurnHandle, TurnOutcome, error_for_requester
from ._watchdog import begin_watch, end_watch, why_cut


async def run_turn(slot: Slot) -> None:
    """Do one turn of an agent: the direct one that was demanded, or one for the mail that waits."""
    gate = slot.runtime.turns
    if gate is None:
        await _run_turn(slot)
    elif await gate.enter(slot):
        try:
            await _run_turn(slot)
        finally:
            gate.release(slot)


async def _run_turn(slot: Slot) -> None:
    more = slot.get_more()
    turn = more.turn
    if turn is None:
        turn = open_turn(slot)
        if turn is None:
            return
    turn.begun = True
    begin_watch(slot)
    try:
        result = await slot.actor.turn(turn, slot.ctx)
    except Exception as error:  # noqa: BLE001 -- an error ends the turn, and as a rule the agent goes on
        fail_turn(slot, turn, error)
    else:
        close_turn(slot, turn, TurnOutcome("completed", result))


def fail_turn(slot: Slot, turn: Turn[Any], error: Exception) -> None:
    """End a turn that raised. The agent goes on, or what its `on_error` says."""
    raised = read_raised(slot, error)
    _fail_turn(slot, turn, raised)
    say(slot, raised)


@trio.lowlevel.enable_ki_protection
def _fail_turn(slot: Slot, turn: Turn[Any], raised: Raised) -> None:
    if raised.action in ("restart", "escalate"):
        note_raised_end(slot, raised)  # and the last step ends the turn: what started it may be given again
        return
    resumed = raised.action == "resume"
    close_turn(slot, turn, TurnOutcome("errored", None, raised.error, raised.cause, is_resumed=resumed))
    if raised.action == "stop":
        note_raised_end(slot, raised)


@trio.lowlevel.enable_ki_protection
def open_turn(slot: Slot) -> Turn[Any] | None:
    """Take all that waits into a new turn; None if nothing of it asks for one."""
    more = slot.get_more()
    letters: list[Letter] = slot.box.take_all(slot.incarnation)
    # What a turn has drained since asks for none any more.
    wanted = drop_report_turn(slot) and more.log is not None and len(more.log) > 0
    if not wanted and not any(letter.trigger for letter in letters):
        slot.box.put_back(letters)
        return None
    more.turns += 1
    turn = more.turn = Turn[Any](slot, more.turns, letters)
    for letter in letters:
        if isinstance(letter, Asked):
            letter.begun = True
    slot.touch()
    return turn


@trio.lowlevel.enable_ki_protection
def open_direct_turn(slot: Slot, letter: Letter) -> TurnHandle:
    """Give an idle, ready agent a turn of its own for one message. Raises LimitReached."""
    if slot.runtime.turns is not None:
        slot.runtime.turns.demand(slot, letter.message)
    more = slot.get_more()
    more.turns += 1
    handle = TurnHandle(slot, more.turns)
    letter.seq = slot.box.next_seq()
    more.turn = Turn[Any](slot, more.turns, [letter], handle)
    slot.touch()
    slot.runtime.wake(slot)
    return handle


@trio.lowlevel.enable_ki_protection
def close_turn(slot: Slot, turn: Turn[Any], outcome: TurnOutcome) -> None:
    """End a turn in one step: requesters answered, drained mail kept or given back, status visible, parent told."""
    more = slot.get_more()
    if more.turn is not turn:
        return
    if outcome.kind == "completed":
        turn.commit()
    more.turn = None
    for asked in turn.requests():
        if asked.deferred:
            continue
        if outcome.kind == "completed":
            asked.answer(outcome.result)
        else:
            asked.fail(error_for_requester(outcome, slot.path, asked.message))
    if turn.drained:
        give_back(slot, turn.drained)
    if outcome.kind == "completed":
        slot.get_more().last_turn = Completed(outcome.result)
    elif outcome.error is not None:
        slot.get_more().last_turn = Errored(outcome.error, outcome.cause)
    else:
        slot.get_more().last_turn = Interrupted()
    if turn.handle is not None:
        turn.handle.resolve(outcome)
    slot.touch()
    post_report(slot.parent, TurnFinished(slot.path, slot.uid, slot.incarnation, turn.id, outcome))


@trio.lowlevel.enable_ki_protection
def interrupt_turn(slot: Slot) -> None:
    """End a turn that was interrupted; the actor stays."""
    more = slot.more
    if more is not None and more.turn is not None:
        close_turn(slot, more.turn, TurnOutcome("interrupted", cause=why_cut(slot)))
        return
    hand = slot.box.empty_hand()
    if isinstance(hand, Asked) and not hand.deferred:
        hand.fail(error_for_requester(TurnOutcome("interrupted", cause=why_cut(slot)), slot.path, hand.message))
    slot.get_more().last_turn = Interrupted()
    slot.touch()


@trio.lowlevel.enable_ki_protection
def finish_function(slot: Slot, reason: Finished) -> None:
    """Note that the function which is the whole actor has returned."""
    drop_hand(slot)
    if slot.order < STOP:
        note_end(slot, reason)
    elif slot.reason is None:
        slot.reason = reason
    slot.attention = True


@trio.lowlevel.enable_ki_protection
async def next_mail(slot: Slot) -> Letter:
    """Take the next mail of a function actor, waiting for it; what it had taken before counts as handled."""
    drop_hand(slot)
    await trio.lowlevel.checkpoint_if_cancelled()
    queue = slot.pool
    while True:
        if slot.runtime.choices is not None and slot.order < STOP and slot.reason is None and slot.box.waiting:
            slot.runtime.choices.point("handler", slot.path)
        letter = take_next(slot)
        if letter is not None:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return letter
        if (slot.order is not NO_ORDER or slot.reason is not None) and slot.runner is not None:
            # Nothing is left of what it was allowed to finish: this is where the end it was told to make begins.
            slot.own_passage().order = max(slot.order, STOP)
            slot.attention = True
            slot.runner.interrupt(slot)
            arm_stop_timer(slot, is_cancelled=True)
        slot.idle = True
        slot.touch()
        try:
            await queue.lot.park()
        finally:
            slot.idle = False
            queue.runq.clear()
            if slot.runtime.feeds:
                slot.runtime.notify_feeds()


@trio.lowlevel.enable_ki_protection
def take_next(slot: Slot) -> Letter | None:
    """Take what waits, if anything does; a drained actor's end and a stop leave nothing to take."""
    if slot.order >= STOP or slot.reason is not None:
        return None
    letter = slot.box.take_any(slot.incarnation)
    if letter is not None:
        slot.box.hand = letter
        begin_watch(slot)
        if isinstance(letter, Asked):
            letter.begun = True
        if slot.order is DRAIN:
            lift_limit(slot)
    return letter


@trio.lowlevel.enable_ki_protection
def drop_hand(slot: Slot) -> None:
    """Be done with the mail in hand; a request that was neither answered nor deferred fails with NoReply."""
    hand = slot.box.empty_hand()
    end_watch(slot)
    if isinstance(hand, Asked) and not hand.deferred and not hand.done:
        hand.fail(NoReply(slot.path, hand.message))
