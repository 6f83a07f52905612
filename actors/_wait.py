"""Waiting for what others come to, from within an actor. It looks at the present first, takes nothing away, and ends when nothing more can come.

An agent *settles* when its turn has ended and no mail asks for another; any other actor settles when it ends. Waiting is an observer on each slot: it
notes who settles in the very step in which that happens, so what comes after it in that step, or before the waiting task goes on, hides nothing.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs
import trio

from ._lifecycle import READY, RESTING
from ._ref import ActorRef
from ._slot import Slot
from ._status import Status
from ._texts import format_seconds
from ._turn_gate import lending
from ._waits import check_own_end_of_turn, waiting_for

WaitMode = Literal["any", "all"]
MODES: Final = ("any", "all")
Refs = tuple[ActorRef[Any], ...]


@attrs.frozen
class Waited:
    """Say what a wait for actors came to.

    Attributes:
        settled: who has come to an outcome, in the order of the wait: an agent's turn has ended and no mail asks for another, or the actor has ended.
        pending: who is still at work, or may still end.
        quiet: agents that have had no turn, and no mail that asks for one: nothing can come of them by themselves.
        statuses: what each came to, or is doing now.
        timed_out: the time was over first.
        timeout: the seconds that counted.
        note: says so if the timeout that was asked for was raised; "" if not.
    """

    settled: Refs
    pending: Refs
    quiet: Refs
    statuses: Mapping[ActorRef[Any], Status]
    timed_out: bool
    timeout: float
    note: str = ""


_Seen = tuple[Refs, Refs, Refs, Mapping[ActorRef[Any], Status]]
_State = Literal["settled", "pending", "quiet"]


class _Watched:
    """Watch one actor for a wait."""

    __slots__ = ("ref", "slot", "state", "status", "wait")

    def __init__(self, ref: ActorRef[Any], wait: "_Wait") -> None:
        self.ref = ref
        self.slot: Slot = ref._slot  # noqa: SLF001 -- this is what a ref is of
        self.wait = wait
        self.state: _State = "pending"
        #: with which it settled.
        self.status: Status | None = None
        self.look()

    def notify(self, _change: Any) -> None:
        """Hear of a change, in its very step."""
        if self.status is None:
            before = self.state
            if self.look() != before:
                self.wait.moved(before, self.state)

    def end(self) -> None:
        """Hear that the slot is gone."""
        self.notify(None)

    def look(self) -> _State:
        """Return where it is; who has settled stays so, whatever it does next."""
        slot, pinned = self.slot, self.ref._pinned  # noqa: SLF001
        if slot.has_ended or pinned not in (0, slot.incarnation):
            self.state = "settled"
        elif not is_free_agent(slot):
            self.state = "pending"
        elif slot.more is None or slot.more.last_turn is None:
            self.state = "quiet"
        else:
            self.state = "settled"
        if self.state == "settled":
            self.status = slot.own_status()
        return self.state


def is_free_agent(slot: Slot) -> bool:
    """Return whether it is a ready agent that is in no turn, and none is asked for."""
    if slot.blueprint.kind != "agent" or slot.life not in (READY, RESTING):
        return False
    if slot.reason is not None and slot.life is not RESTING:
        return False
    wanted = slot.more is not None and slot.more.report_turn
    return not slot.in_turn and not slot.box.has_triggers and not wanted


class _Wait:
    """Wait for some actors."""

    def __init__(self, refs: Iterable[ActorRef[Any]], mode: WaitMode) -> None:
        self._mode = mode
        self._task: trio.lowlevel.Task | None = None
        self.watched = [_Watched(ref, self) for ref in dict.fromkeys(refs)]
        self._counts = Counter(each.state for each in self.watched)
        #: what it came to, as it was in the step in which there was nothing left to wait for.
        self.end: _Seen | None = self.seen() if self._is_over() else None

    def _is_over(self) -> bool:
        """Return whether there is nothing left to wait for."""
        counts = self._counts
        if self._mode == "any" and counts["settled"]:
            return True
        if not counts["pending"] and counts["quiet"]:  # mail may have come for these, and nobody tells of mail
            self._counts = counts = Counter(
                each.look() if each.state == "quiet" else each.state for each in self.watched
            )
        return not counts["pending"]

    def moved(self, before: _State, after: _State) -> None:
        """Count one that has changed, and wake the task that waits if that was all. Plain."""
        self._counts[before] -= 1
        self._counts[after] += 1
        if self.end is None and self._is_over():
            self.end = self.seen()
            if self._task is not None:
                task, self._task = self._task, None
                trio.lowlevel.reschedule(task)

    async def park(self) -> None:
        """Wait. Checkpoint: only if there is something to wait for."""
        if self.end is not None:
            return

        def abort(_raise_cancel: Any) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(abort)

    @contextmanager
    def looking(self) -> Generator[None]:
        """Observe all of them meanwhile."""
        for each in self.watched:
            more = each.slot.get_more()
            if more.observers is None:
                more.observers = {}
            more.observers[each] = None
        try:
            yield
        finally:
            for each in self.watched:
                observers = each.slot.get_more().observers
                if observers is not None:
                    observers.pop(each, None)

    def seen(self) -> _Seen:
        """Return who has settled, who is at work, who is quiet, and what each came to."""
        by_state: dict[_State, list[ActorRef[Any]]] = {"settled": [], "pending": [], "quiet": []}
        for each in self.watched:
            by_state[each.state].append(each.ref)
        statuses = {each.ref: each.status or each.slot.own_status() for each in self.watched}
        settled, pending, quiet = (tuple(refs) for refs in by_state.values())
        return settled, pending, quiet, MappingProxyType(statuses)


async def wait_for_actors(me: Slot, refs: Iterable[ActorRef[Any]], mode: WaitMode, timeout: float | None) -> Waited:
    """Wait for actors on behalf of one. Checkpoint: always."""
    if mode not in MODES:
        raise ValueError(f"ctx.wait: mode is {mode!r}; give 'any' or 'all'")
    anything: Any = refs  # whatever a user may give
    try:
        given: list[Any] = list(anything)
    except TypeError:
        given = [None]
    if not all(isinstance(ref, ActorRef) for ref in given):
        raise TypeError(f"ctx.wait: {refs!r} are no refs of actors; give a list of them")
    seconds = me.runtime.wait_bounds.clamp("ctx.wait", timeout)
    for ref in given:
        if ref._slot.runtime is not me.runtime:  # noqa: SLF001
            raise ValueError(f"ctx.wait: {ref.path} is of another tree; wait for it by its own ref")
        check_own_end_of_turn(ref._slot)  # noqa: SLF001
    await trio.lowlevel.checkpoint_if_cancelled()
    wait = _Wait(given, mode)
    alone = wait.watched[0].slot if len(wait.watched) == 1 else None
    async with lending() if alone is None else waiting_for(alone, lambda: wait.end is not None):
        with wait.looking(), trio.move_on_after(seconds):
            await wait.park()
    note = "" if timeout is None or timeout == seconds else f"{format_seconds(timeout)} raised to Limits.min_wait"
    waited = Waited(*(wait.end or wait.seen()), wait.end is None, seconds, note)
    await trio.lowlevel.cancel_shielded_checkpoint()
    return waited
