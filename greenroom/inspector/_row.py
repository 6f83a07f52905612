"""Rows: what is told of one actor. Runs no user code: texts of errors were made when they were raised."""

from math import inf

from ..actors import INITIALIZING, READY, RESTING, Errored, Slot, awaited_by, is_failure, is_overdue, text_of
from ..actors._lifecycle import PASSING
from ..actors._lingering import what_lingers
from ..supervisor._intensity import Recent
from ..supervisor._recent import recent_below, recent_of
from ..supervisor._snapshot import waits_of_start
from ..supervisor._supervisor_actor import is_supervisor
from ..supervisor._team import children_of
from ._ages import Ages
from ._frame import MOST_STACK, MOST_TEXT, Restarts, Row

#: Whom somebody waits for, and warnings, that are told.
MOST_NAMED = 5


def state_of(slot: Slot) -> str:
    """Return a slot's state as it is shown."""
    return "running" if slot.life is READY and slot.in_turn else slot.life.value


def last_error_of(slot: Slot) -> str:
    """Return what its last turn failed of, or else the last of its incarnations that has ended; "" if neither failed."""
    more = slot.more
    if more is not None and isinstance(more.last_turn, Errored):
        return more.last_turn.cause
    reason = slot.last_exit
    return text_of(reason) if reason is not None and is_failure(reason) else ""


def stack_of_work(slot: Slot) -> str:
    """Return what it is at, and where, innermost last; "" if it is at nothing."""
    if slot.runner is None or (slot.life in (READY, RESTING) and not slot.in_turn and not slot.ending):
        return ""
    what, stack = what_lingers(slot)
    if slot.life is INITIALIZING and slot.more is not None and slot.more.gate is not None:
        stack += slot.more.gate.stacks()
    return f"{what}, at\n{stack}"


def row_of(
    slot: Slot, path: str, *, now: float, stale_after: float | None, ages: Ages, with_stack: bool, children: int
) -> Row:
    """Return the row of a slot as it is at this moment, but for how many of its children are hidden."""
    more = slot.more
    warnings = {} if more is None or more.warnings is None else more.warnings
    return Row(
        path=path,
        name=slot.name,
        uid=slot.uid,
        kind="supervisor" if is_supervisor(slot) else slot.blueprint.kind,
        incarnation=slot.incarnation,
        state=state_of(slot),
        restarts=slot.incarnation - 1 - (0 if more is None else more.rests),
        recent=_restarts(recent_of(slot, now)),
        recent_below=_restarts(recent_below(slot, now)) if children else None,
        queued=slot.waiting,
        oldest_mail=_rounded(ages.oldest_mail(slot, now)),
        in_hand=_rounded(ages.in_hand(slot, now)),
        in_state=_rounded(now - slot.since) if slot.life in PASSING else None,
        stale=is_overdue(slot, now, stale_after),
        last_error=cut_end(last_error_of(slot)),
        waiting_for=_waits(slot),
        warnings=[cut_end(f"{name}: {text}") for name, text in list(warnings.items())[:MOST_NAMED]],
        stack=cut_begin(stack_of_work(slot)) if with_stack else "",
        children=children,
        hidden=0,
    )


def count_children(slot: Slot) -> int:
    """Count a slot's children."""
    return 0 if slot.more is None else len(children_of(slot))


def _waits(slot: Slot) -> list[str]:
    if slot.life is not READY:
        start = waits_of_start(slot)
        if start:
            return [cut_end(each) for each in start[:MOST_NAMED]]
    others = awaited_by(slot)
    named = [cut_end(each.path) for each in others[:MOST_NAMED]]
    return [*named, f"{len(others) - MOST_NAMED} more"] if len(others) > MOST_NAMED else named


def _restarts(recent: Recent | None) -> Restarts | None:
    if recent is None:
        return None
    return Restarts(count=recent.count, most=recent.most, within=None if recent.within == inf else recent.within)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(max(0.0, seconds), 3)


def cut_end(text: str) -> str:
    """Return a text that is no longer than texts of a frame are."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def cut_begin(stack: str) -> str:
    """Return a stack that is no longer than those of a frame are; its innermost frames stay."""
    if len(stack) <= MOST_STACK:
        return stack
    first, _, rest = stack.partition("\n")
    kept = rest[-(MOST_STACK - len(first) - 20) :]
    return f"{first[:MOST_TEXT]}\n    …\n{kept.partition(chr(10))[2]}"
