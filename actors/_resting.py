"""Rest: an agent that has nothing to do gives up its task, its actor and its services, and keeps its place, its mail and its reports.

Why may one with a timer not rest? Whoever puts an agent to rest is mostly not the one who wrote it, so nothing may get lost by it that would have
come without it. A timer, a monitor, a reply that it owes, a key or a place in a group that it has taken, a child, a piece of background work: each
belongs to the incarnation that has it, and would end with that. So an agent with one of these is not idle. Mail is of the slot, and so are unread
reports: they wait for the next incarnation.

    ready ──(put_to_rest)──► resting, its incarnation ends ──(lie_down, its last step)──► resting, without one ──(mail)──► queued, initializing

What arrives between the two steps waits, and the next incarnation begins in the second of them. Who lies is woken by the very step that makes an idle
one run: it looks idle, and its run queue is a bed.
"""

from math import inf
from typing import TYPE_CHECKING, Any, Final

import trio

from ._brood import names_of
from ._entries import drop_entries, taken_at_run_time
from ._errors import NotIdle
from ._lifecycle import INITIALIZING, QUEUED, READY, RESTARTING, RESTING, Lifecycle
from ._monitor import drop_watching, tell_monitors
from ._passage import DRAIN, NO_ORDER
from ._reasons import Rested
from ._slot import Slot
from ._succession import hand_over
from ._timer import cancel_timers
from ._warnings import lasting_warnings

if TYPE_CHECKING:
    from ._family import Family
    from ._more import More

#: What a factory may make that can be put to rest.
MAY_REST: Final = frozenset({"agent", "unknown"})
_UNTIL_READY: Final = "wait until it is ready with `await ref.wait_ready()`"
#: lifecycle -> what to do instead; everything else has ended, or is about to.
_INSTEAD: Final[dict[Lifecycle, str]] = {
    QUEUED: _UNTIL_READY,
    INITIALIZING: _UNTIL_READY,
    RESTARTING: _UNTIL_READY,
    RESTING: "there is nothing to do",
}


class Bed:
    """Be the run queue of all that lie: who is put on it is woken. Looks like a pool to whoever tells."""

    __slots__ = ("runq",)

    #: never None: nobody has to be kicked.
    baton: Final = "asleep"

    def __init__(self) -> None:
        self.runq: Any = self

    def append(self, slot: Slot) -> None:
        """Wake one: its next incarnation begins as soon as it may, and is of the specification that it has by now."""
        _family_over(slot).wake(slot)


def _family_over(slot: Slot) -> "Family":
    """Return the family that it is a child of: only a root has none, and that is no agent."""
    parent = slot.parent
    family = None if parent is None or parent.more is None else parent.more.family
    assert family is not None
    return family


BED: Final = Bed()


def is_lying_down(slot: Slot) -> bool:
    """Return whether its incarnation is on its way out, for a rest. Reads, and changes nothing."""
    return slot.life is RESTING and slot.reason is not None


def obstacle(slot: Slot) -> tuple[str, str] | None:
    """Return what keeps a slot from being put to rest, in a word and with what to do; None if nothing does. Reads, and changes nothing."""
    life = slot.life
    if life is not READY:
        return life.value, f"it is {life.value}; {_INSTEAD.get(life, 'nothing is left to put to rest')}"
    if slot.order is not NO_ORDER or slot.reason is not None or slot.ending:
        return "stopping", "it is about to end; nothing is left to put to rest"
    if not slot.idle:
        if slot.in_turn:
            return "in a turn", "it is in a turn; wait until that has ended, or interrupt it"
        return "with mail", "mail waits that asks for a turn; wait until it has been handled"
    return None if slot.more is None else _own_obstacle(slot.more)


def _own_obstacle(more: "More") -> tuple[str, str] | None:
    """Return what it has of its own that would end with its incarnation."""
    if more.family is not None and more.family.children:
        children = more.family.children
        shown = ", ".join([*names_of(children, 3), *(["…"] if len(children) > 3 else ())])  # noqa: PLR2004 -- a few, to know which
        return "children", f"it has {len(children)} children ({shown}); end them first"
    if more.background is not None and more.background.has_work:
        return (
            "background work",
            "it has background work, or results of it to take; wait for it, or cancel it and take the results",
        )
    if more.timers:
        return "timers", f"{len(more.timers)} of its timers are not due yet; cancel them, or wait for them"
    if more.watching:
        return "monitors", f"it monitors {next(iter(more.watching)).ref.path}; cancel that, or wait for its `Down`"
    if more.deferred:
        return "deferred replies", f"it owes {len(more.deferred)} deferred replies; give them first"
    if more.entries and (held := taken_at_run_time(more.entries)):
        return (
            "keys",
            f"it holds {held} keys and places in groups that it took at run time; give them up, or have the keys in its specification",
        )
    return None


def not_idle(slot: Slot, message: Any = None) -> NotIdle:
    """Return the refusal."""
    state, detail = obstacle(slot) or ("", "")
    return NotIdle(slot.path, message, f"cannot be put to rest: {detail}" if detail else "", state)


@trio.lowlevel.enable_ki_protection
def put_to_rest(slot: Slot, why: str) -> None:
    """Put an agent to rest that nothing keeps: from here on its incarnation takes nothing any more, and is on its way out. Plain."""
    slot.reason = Rested(why)
    slot.attention = True
    slot.own_passage().since = slot.runtime.now()
    slot.advance(RESTING)
    _family_over(slot).note_rest(slot)
    slot.runtime.passivation.leaves(slot)
    slot.runtime.wake(slot)


@trio.lowlevel.enable_ki_protection
def rouse(slot: Slot) -> None:
    """Wake one that rests; one that is only just being put to rest wakes when that has been done. For all others nothing happens. Plain."""
    if slot.life is RESTING:
        if slot.idle:
            slot.runtime.wake(slot)
        else:
            slot.get_more().roused = True


async def await_ready_step(slot: Slot) -> None:
    """Wait for the next change of one that somebody wants ready, and wake it if it rests. Checkpoint: always. Cancellation: it stays woken."""
    rouse(slot)
    await slot.changed()


@trio.lowlevel.enable_ki_protection
def lie_down(slot: Slot, reason: Rested) -> None:
    """Take the last step of an incarnation that was put to rest: the slot stays, with its mail and its reports; no report, no judgement. Plain."""
    more = slot.get_more()
    runtime = slot.runtime
    if more.background is not None:
        more.background.forget()
    cancel_timers(slot)  # what its `shutdown` hook may have set
    drop_entries(slot, slot_ends=False)
    drop_watching(slot)
    tell_monitors(slot, reason, slot_ends=False)
    more.gate = more.family = None
    more.warnings = lasting_warnings(slot)
    slot.actor = slot.ctx = slot.runner = more.context = None
    slot.phase = 0
    hand_over(slot, reason)
    if more.log is not None:
        more.log.hand_on()
    more.rests += 1
    # Who was told to drain wakes up for it; a stop or a kill would have made this another end.
    slot.reason = None
    passage = slot.own_passage()
    passage.ending = False
    passage.stop_by, passage.order = inf, DRAIN if slot.admin else NO_ORDER
    slot.pool, slot.idle = BED, True
    if runtime.watch is not None:
        runtime.watch(slot)
    slot.touch()
    runtime.passivation.release(slot)
    roused, more.roused = more.roused, False
    if roused or slot.order is DRAIN or slot.box.has_triggers:
        runtime.wake(slot)
