"""Footprints: what each step of a run has touched, so that two steps that touch nothing in common are known to commute.

A run whose footprints are wanted is watched by a profile function, as for its story: it sees every call, and a table says of the runtime's functions
what they touch. So the runtime has nothing to tell, and pays nothing. Whatever is not in the table may have touched anything: a function of
the runtime that is rarely run, Trio's events and locks in the hands of a user, a task that is no actor's. Code of an actor touches its actor, and
nothing else; that is the assumption.

A step is cut where it comes to a choice of its own, so one of several actors that share a task has a part of its own.
"""

import gc
import random
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, Final

import attrs

from ._decider import TASK, Choice
from ._effects import ALL, ASK, NOTHING, Codes, effect_of, is_trusted
from ._stepper import Stepper, Task
from ._waiting import Waits

#: What a part comes to that goes on to the run queue, and the kind of its choice there.
TAKE: Final = "take"


@attrs.define
class Part:
    """Hold one step of a task, or the part of it from one choice of its own to the next.

    Attributes:
        entity: whose it is: the label of a task, or "time".
        choice: what was chosen at its begin, within the step; None at the begin of a step.
        is_open: it may have touched anything.
        needs: what its course depends on; each is versioned by what touched it last.
        touched: of these, what it has touched.
        free: whether nobody drained the run queue as it began; None if that is no matter.
        empty: whether the run queue was empty as it began; None likewise.
        gone: what it took out of the run queue, besides what was chosen for it.
        appended: what it has put at the end of the run queue.
        is_free: whether nobody drains the run queue when it is over.
        then: what choice it comes to; None if it is the end of the step.
        woken: which tasks can go on then that could not before, its own among them.
    """

    entity: str
    choice: Any
    is_open: bool = False
    needs: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    free: bool | None = None
    empty: bool | None = None
    gone: tuple[str, ...] = ()
    appended: tuple[str, ...] = ()
    is_free: bool = True
    then: Any = None
    woken: tuple[str, ...] = ()


class Footprints:
    """Listen to a run, and take it apart."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self.parts: list[Part] = []
        #: something was seen that no footprint tells of: two trees, or a run queue of somebody's own.
        self.is_lost = False
        self._part: Part | None = None
        self._touched: set[str] = set()
        #: who runs actors in the task that steps.
        self._runner: Any = None
        self._ready: set[str] = set()
        self._queue: Any = None
        self._pool: Any = None
        self._before: list[str] = []
        #: workers that wait in `breathe`, with the baton.
        self._breathing: set[str] = set()
        self._began_breathing = self._breathes = self._has_taken = self._was_in_hand = False
        #: the task that steps, and the slot that is in its hands.
        self._task: Any = None
        self._hand = ""
        self._names: dict[Any, str] = {}
        self._is_over = False
        #: the kit looks around between two steps, at who waits for what.
        self._is_looked_at = False
        self._codes = codes = _codes()
        self._effects, self._popleft, self._breathe = codes.effects, codes.popleft, codes.breathe

    # -- what the run tells

    def chose(self, at: int, choice: Choice) -> None:
        """Take in a choice; which slot is taken is seen when it is."""
        kind, labels = choice.kind, choice.labels
        if kind not in (TASK, "run"):
            self._close((kind, labels))
            part = self._part
            if part is not None:
                self._open(part.entity, (kind, labels, choice.index))

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Begin a step."""
        labels = [self._stepper.label_of(task) for task in tasks]
        self._end_step(labels)
        task, label = tasks[index], labels[index]
        self._ready.discard(label)
        runner = self._runner = self._codes.runners.get(task)
        self._began_breathing = label in self._breathing
        self._breathing.discard(label)
        self._has_taken = False
        self._task = task
        self._hand = "" if runner is None or runner.slot is None else self._name(runner.slot)
        self._was_in_hand = bool(self._hand)
        self._open(label, None)
        if runner is None and getattr(self._stepper.tasks[task], "cr_code", None) not in self._codes.mains:
            self._touched.add(ALL)

    def passes(self) -> None:
        """Take in that time passes."""
        self._end_step([])
        self._runner = self._task = None
        self._hand = ""
        self._open("time", None)
        self._touched.add(ALL)

    def injects(self, who: str, what: str) -> None:
        """Take in nothing: where something comes from outside, the order of all steps counts anyway."""

    def stuck(self, waits: Waits | None) -> None:
        """Take in nothing more."""
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._end_step([])
            self._is_over = True

    def all_steps_meet(self) -> None:
        """Give up: no two steps can be known to commute."""
        self.is_lost = True

    def say(self, text: str) -> None:
        """Take no story."""

    def result(self, error: BaseException | None) -> None:
        """Return nothing that somebody reads."""

    @contextmanager
    def taken(self) -> Generator[None]:
        """Watch the run meanwhile."""
        before: Any = sys.getprofile()
        is_collected = gc.isenabled()
        gc.disable()  # what earlier runs have left would be seen to end in some step of this one
        sys.setprofile(self._look)
        try:
            yield
        finally:
            if is_collected:
                gc.enable()
            sys.setprofile(before if callable(before) else None)
            if before is not None and not callable(before):  # one in C, which puts itself in place
                before.enable()
            self._end()

    # -- parts

    def _open(self, entity: str, choice: Any) -> None:
        self._part = Part(entity, choice)
        self._touched = set()
        self._breathes = False
        self._before = self._queued()
        pool = self._pool
        self._part.free = pool is None or pool.baton is None
        self._part.empty = not self._before

    def _end_step(self, ready: Sequence[str]) -> None:
        part = self._part
        if part is None:
            self._ready = set(ready)
            if not self.parts:
                self.parts.append(Part("begin", None, is_open=True, woken=tuple(ready)))
            return
        part.woken = tuple(label for label in ready if label not in self._ready)
        self._ready = set(ready)
        self._close(None)
        self._part = None

    def _close(self, then: Any) -> None:
        part = self._part
        if part is None:
            return
        part.then = then
        self._account(part)
        self.parts.append(part)

    def _account(self, part: Part) -> None:
        """Say what a part needs and has touched, from what was seen of it."""
        touched, entity, pool = self._touched, part.entity, self._pool
        runner: Any = self._runner or self._codes.runners.get(self._task)  # it may just have begun
        part.is_free = pool is None or pool.baton is None
        self._changes(part)
        is_taking = part.then == TAKE
        for label in part.woken:
            if label != entity:
                touched.add(label)
        if ALL in touched:
            part.is_open, part.free, part.empty = True, None, None
            if self._breathes:
                self._breathing.add(entity)
            return
        touched.add(self._hand)
        touched.discard(NOTHING)
        if runner is None or not runner.shared:
            touched.add(entity)
            if not self._feels_pool(touched, part):
                part.free = None
            part.empty = None
        elif is_taking and self._began_breathing and not self._has_taken:
            part.free = None  # it goes on to the run queue: nothing yet
        elif self._has_taken and self._breathes and not self._was_in_hand:
            part.free = part.empty = None  # one mail of a slot that had nothing to wait for: its task is as it was
            self._breathing.add(entity)
        else:
            touched.add(entity)
            if self._has_taken or is_taking or runner.slot is None or not self._was_in_hand:
                touched.add("pool")
            if self._breathes:
                self._breathing.add(entity)
        part.is_free = part.is_free and "pool" in touched  # else it is another's doing
        part.touched = frozenset(touched)
        part.needs = frozenset({entity, *touched})

    @staticmethod
    def _feels_pool(touched: set[str], part: Part) -> bool:
        return "pool" in touched or bool(part.appended)

    def _changes(self, part: Part) -> None:
        """See what has become of the run queue."""
        before, after = list(self._before), self._queued()
        gone: list[str] = []
        kept: list[str] = []
        left = list(after)
        for name in before:
            if left and left[0] == name:
                kept.append(name)
                del left[0]
            else:
                gone.append(name)
        part.gone, part.appended = tuple(gone), tuple(left)

    def _queued(self) -> list[str]:
        return [] if self._queue is None else [self._name(slot) for slot in self._queue]

    def _name(self, slot: Any) -> str:
        name = self._names.get(slot)
        if name is None:
            name = self._names[slot] = f"slot {slot.uid} {slot.path}"
        return name

    # -- what is seen

    def _look(  # noqa: C901 -- run at each call: one more would take as long as the rest
        self, frame: FrameType, event: str, value: Any
    ) -> None:
        code = frame.f_code
        if event == "call":
            if code is self._popleft:
                self._come_to_queue()
                return
            if code is self._breathe:
                self._breathes = self._has_taken
            if code in self._codes.looks:
                self._is_looked_at = True
            touched = self._touched
            if ALL not in touched and not self._is_looked_at:
                effect = self._effects.get(code)
                if effect is None:
                    effect = self._effects[code] = effect_of(code)
                if effect:
                    touched.add(self._touch(effect, frame))
        elif event == "c_call":
            if getattr(value, "__self__", None).__class__ is random.Random and not is_trusted(code):
                self._touched.add(ALL)
        elif event == "return":
            if code is self._popleft:
                self._take(value)
            elif code in self._codes.looks:
                self._is_looked_at = False
            elif code is self._codes.runtime:
                self._meet(frame.f_locals["self"].pool)

    def _touch(self, effect: str, frame: FrameType) -> str:
        """Return what a call touches, in the names of this run."""
        if effect == ASK:
            return NOTHING if frame.f_back is not None and is_trusted(frame.f_back.f_code) else ALL
        if effect[0] != "@":
            return effect
        first, *rest = effect[1:].split(".")
        found: Any = frame.f_locals.get(first)
        for name in rest:
            found = getattr(found, name, None)
        return NOTHING if found is None else self._name(found)

    def _come_to_queue(self) -> None:
        part = self._part
        if part is not None:
            self._close(TAKE)
            self._has_taken = True
            self._open(part.entity, (TAKE, ""))

    def _take(self, slot: Any) -> None:
        part = self._part
        if part is not None and slot is not None:  # None: it has raised
            self._hand = name = self._name(slot)
            part.choice = (TAKE, name)
            self._before.remove(name)
            part.empty = not self._before

    def _meet(self, pool: Any) -> None:
        """Take in the pool of a tree that is opened."""
        if self._pool is not None or type(pool.runq) is not self._codes.queue:
            self.is_lost = True
        else:
            self._pool, self._queue = pool, pool.runq


#: Made once: looking them up takes as long as a run.
_codes = cache(Codes)
