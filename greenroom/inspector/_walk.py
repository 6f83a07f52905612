"""Walks: a tree gone through in short steps, so that the program goes on between them; what is worth a row is kept, all else is counted."""

from collections import Counter
from collections.abc import Iterator
from heapq import heappush, heapreplace
from typing import NamedTuple

import attrs

from ..actors import FAILED, READY, STOPPED, Slot, is_overdue
from ..supervisor._team import children_of
from ._ages import Ages
from ._rank import FINE, STUCK_AFTER, Rank, rank_of
from ._row import last_error_of, state_of
from ._view import View

#: Of one who is asked for by its path.
_SELECTED: Rank = (99, 0)


@attrs.frozen(order=False, eq=False)
class _Branch:
    path: str
    children: Iterator[Slot]


class Candidate(NamedTuple):
    """Be one that may get a row: those that are worth most come last in order, and of two alike the one that stands further up in the tree.

    Places differ, so comparing two never comes to their slots.
    """

    rank: Rank
    place: int
    slot: Slot

    @property
    def is_selected(self) -> bool:
        """True if it was asked for by its path."""
        return self.rank is _SELECTED


class Walk:
    """Go through a tree once, parents before children.

    Between two steps the tree may change: who has come below one that was passed is not seen, who has ended is left out. A tree that a single step
    goes through is seen as it is at one moment.
    """

    def __init__(self, top: Slot, view: View, ages: Ages, stale_after: float | None) -> None:
        self._view, self._ages, self._stale_after = view, ages, stale_after
        self._words = view.words
        self._selected_name = view.select.rpartition("/")[2]
        self._needs_paths = bool(self._words or view.select)
        self._top = top
        self._open = [_Branch("", iter((top,)))]
        self._place = 0
        self._kept: list[Candidate] = []
        #: of all that have children: minus their place in the walk.
        self.parents: dict[Slot, int] = {}
        self.actors = self.matching = self.queued = self.stale = 0
        self.states: Counter[str] = Counter()
        ages.begin()

    def step(self, most: int) -> bool:
        """Go on by so many actors at most; True if all have been seen. Plain; runs no user code."""
        now = self._top.runtime.now()
        left = most
        open_ = self._open
        while open_:
            branch = open_[-1]
            for slot in branch.children:
                left -= 1
                below = self._see(slot, branch.path, now)
                if below is not None:
                    open_.append(below)
                    break
                if not left:
                    break
            else:
                open_.pop()
                continue
            if left <= 0:
                return False
        self._ages.end()
        return True

    def _see(self, slot: Slot, above: str, now: float) -> _Branch | None:
        """Take in one actor; return what is below it, if anything is."""
        life = slot.life
        if (life is STOPPED or life is FAILED) and slot is not self._top:
            return None
        self._place -= 1
        self.actors += 1
        path = f"{above}/{slot.name}" if self._needs_paths else ""
        waiting = slot.waiting
        is_fine = life is READY and slot.more is None and slot.runner is None and not waiting and slot.incarnation == 1
        state, rank = ("ready", FINE) if is_fine else self._judge(slot, waiting, now)
        self.states[state] += 1
        # Of 100,000 nearly all are fine: those beyond what there is room for are only counted.
        if not self._words and rank is FINE and len(self._kept) >= self._view.rows and not self._view.select:
            self.matching += 1
        elif all(word in path.lower() or word == state for word in self._words):
            self.matching += 1
            self._offer(slot, path, rank)
        if slot.more is None or not (children := children_of(slot)):
            return None
        self.parents[slot] = self._place
        return _Branch(path, iter(list(children.values())))

    def _judge(self, slot: Slot, waiting: int, now: float) -> tuple[str, Rank]:
        """Return an actor's state, and what it is worth."""
        state = state_of(slot)
        stale = is_overdue(slot, now, self._stale_after)
        self.queued += waiting
        self.stale += stale
        held: float | None = None
        if waiting or state == "running":
            self._ages.note(slot, now)
            held = self._ages.in_hand(slot, now)
        # A function has itself in hand for as long as it lives; it is stuck only if it leaves its mail lying.
        stuck = held is not None and held >= STUCK_AFTER and (slot.blueprint.kind != "function" or waiting > 0)
        rests = 0 if slot.more is None else slot.more.rests
        failed, restarts = bool(last_error_of(slot)), slot.incarnation - 1 - rests
        return state, rank_of(state, stale=stale, stuck=stuck, queued=waiting, failed=failed, restarts=restarts)

    def _offer(self, slot: Slot, path: str, rank: Rank) -> None:
        """Keep one, in the place of what is worth less."""
        if slot.name == self._selected_name and path == self._view.select:
            rank = _SELECTED
        candidate = Candidate(rank, self._place, slot)
        if len(self._kept) < self._view.rows:
            heappush(self._kept, candidate)
        elif self._kept[0] < candidate:
            heapreplace(self._kept, candidate)

    def best_first(self) -> list[Candidate]:
        """Return those that are worth a row."""
        return sorted(self._kept, reverse=True)
