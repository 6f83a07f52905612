"""The survey: looks at a tree for whoever asks, one after the other, and never takes more than a small part of the program's time.

Each look is cut into steps of a fraction of a millisecond, and after each the program has its time for itself: EASE times as long as the step
took. So it makes no difference how many readers there are, how often they ask, or how large the tree is; a larger one is seen less often.
"""

import json
import os
from collections.abc import Generator
from time import thread_time

import trio

from ..actors import FAILED, STOPPED, Slot, is_failure, slot_of, text_of
from ..supervisor import Supervisor
from ._ages import Ages
from ._converter import unstructure
from ._frame import MOST_BYTES, PROTOCOL, Ended, Frame
from ._rank import STUCK
from ._row import count_children, cut_end, row_of
from ._view import MOST_PATH, View
from ._walk import Candidate, Walk

#: Of its time the program has so many parts for itself for each that a look takes.
EASE = 80
#: Seconds between two looks when nobody asks for one, at least; ages are known to one of them.
EVERY = 0.5
#: The same as EASE, for those looks.
EASE_ALONE = 200
#: Seconds by which who sleeps is woken late where there is much to do; and how many rests there are in the place of one then, at most.
LATE = 0.001
MOST_RESTS = 10
#: Actors that are gone through in a step, and rows that are made in one.
PER_STEP = 512
ROWS_PER_STEP = 64
#: How many of those that have ended are told.
MOST_ENDED = 8
#: Of the bytes of a frame, what is kept for all but the rows.
HEAD_BYTES = 48 * 1024
#: Stacks in a frame.
MOST_STACKS = 12

#: Nothing is to be shown: for looks that are about ages alone.
_NOBODY = View(rows=1)


class Survey:
    """Look at a tree."""

    def __init__(self, root: Supervisor) -> None:
        self._top = slot_of(root.ref)
        self._stale_after = root.limits.stale_after
        self._ages = Ages()
        self._one_at_a_time = trio.Lock()
        #: how many looks there have been.
        self.number = 0
        #: of the step that is under way, on the clock of processor time.
        self._began = 0.0
        #: processor time of the last step and of all steps of the look that is under way.
        self._last = self._cost = 0.0

    async def look(self, view: View) -> bytes:
        """Return a frame, as one line of JSON. Checkpoint: always. Cancellation: leaves nothing."""
        async with self._one_at_a_time:
            return await self._run(self._look(view), EASE)

    async def keep_looking(self) -> None:
        """Look for the sake of ages, also while nobody asks. Checkpoint: always; it never ends."""
        while True:
            seen = self.number
            await trio.sleep(max(EVERY, EASE_ALONE * self._cost))
            if seen == self.number and not self._one_at_a_time.locked():
                async with self._one_at_a_time:
                    await self._run(self._look(_NOBODY), EASE)

    async def _run(self, steps: Generator[None, None, bytes], ease: float) -> bytes:
        """Do one step after the other, with time in between for all others."""
        self._cost = 0.0
        while True:
            await _leave_alone(ease * self._last)
            self._began = thread_time()
            try:
                next(steps)
            except StopIteration as done:
                line: bytes = done.value
                return line
            finally:
                self._last = thread_time() - self._began
                self._cost += self._last

    def _look(self, view: View) -> Generator[None, None, bytes]:
        """Go through the tree, then make the rows. A small tree is a single step, and so is seen as it is at one moment."""
        walk = Walk(self._top, view, self._ages, self._stale_after)
        while not walk.step(PER_STEP):
            yield
        rows = _Rows(walk, self._ages, self._stale_after)
        for number, candidate in enumerate(walk.best_first(), 1):
            if not rows.add(candidate):
                break
            if number % ROWS_PER_STEP == 0:
                yield
        self.number += 1
        head = Frame(
            protocol=PROTOCOL,
            program=self._top.path,
            pid=os.getpid(),
            number=self.number,
            actors=walk.actors,
            matching=walk.matching,
            states=dict(walk.states),
            queued=walk.queued,
            stale=walk.stale,
            cost=round(self._cost + thread_time() - self._began, 6),
            ended=self._ended(),
            rows=[],
        )
        return f"{json.dumps(unstructure(head))[: -len('[]}')]}[{','.join(rows.in_order())}]}}\n".encode()

    def _ended(self) -> list[Ended]:
        runtime = self._top.runtime
        now = runtime.now()
        return [
            Ended(
                path=each.path,
                uid=each.uid,
                incarnation=each.incarnation,
                reason=cut_end(text_of(each.reason)),
                failed=is_failure(each.reason),
                ago=round(now - each.ended, 3),
            )
            for each in runtime.reaper.records.latest(MOST_ENDED, now)
            if len(each.path) <= MOST_PATH
        ]


async def _leave_alone(seconds: float) -> None:
    """Wait until the program has had so much time: its own, where it is busy on a machine that has little of it to give.

    Who is woken in time has a program that is idle, or a core of its own. Checkpoint: always.
    """
    began = thread_time()
    for _ in range(MOST_RESTS):
        due = trio.current_time() + seconds
        await trio.sleep(seconds)
        if trio.current_time() - due < LATE or thread_time() - began >= seconds:
            return


class _Rows:
    """Hold the rows of a frame, as JSON, and see that they have room in it."""

    def __init__(self, walk: Walk, ages: Ages, stale_after: float | None) -> None:
        self._parents, self._ages, self._stale_after = walk.parents, ages, stale_after
        #: place in the walk -> slot, and its row.
        self._rows: dict[int, tuple[Slot, str]] = {}
        self._paths: dict[Slot, str] = {}
        self._shown_below: dict[Slot, int] = {}
        self._bytes = HEAD_BYTES
        self._stacks = 0

    def add(self, candidate: Candidate) -> bool:
        """Make the row of one, and of those above it; False if there is no more room."""
        above: list[Slot] = []
        at = candidate.slot.parent
        while at is not None and at not in self._paths:
            above.append(at)
            at = at.parent
        for slot in reversed(above):
            if not self._add(slot, self._parents.get(slot, 0), with_stack=False):
                return False
        if candidate.slot in self._paths:
            return True
        with_stack = candidate.is_selected or (candidate.rank >= STUCK and self._stacks < MOST_STACKS)
        return self._add(candidate.slot, candidate.place, with_stack=with_stack)

    def _add(self, slot: Slot, place: int, *, with_stack: bool) -> bool:
        if slot.life in (STOPPED, FAILED) and slot.parent is not None:
            return True  # it has ended since it was seen
        parent = slot.parent
        path = f"{'' if parent is None else self._paths.get(parent, '')}/{slot.name}"
        if len(path) > MOST_PATH:
            return True
        row = row_of(
            slot,
            path,
            now=slot.runtime.now(),
            stale_after=self._stale_after,
            ages=self._ages,
            with_stack=with_stack,
            children=count_children(slot),
        )
        text = json.dumps(unstructure(row))
        self._bytes += len(text) + 16
        if self._bytes > MOST_BYTES:
            return False
        self._stacks += bool(row.stack)
        self._rows[place] = slot, text
        self._paths[slot] = path
        if parent is not None:
            self._shown_below[parent] = self._shown_below.get(parent, 0) + 1
        return True

    def in_order(self) -> list[str]:
        """Return the rows in the order of the tree, each with how many of its children have none."""
        texts: list[str] = []
        for _, (slot, text) in sorted(self._rows.items(), reverse=True):
            hidden = max(0, count_children(slot) - self._shown_below.get(slot, 0))
            texts.append(f"{text.removesuffix('0}')}{hidden}}}")
        return texts
