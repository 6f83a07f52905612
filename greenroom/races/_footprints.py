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
from collections.abc import Generator, Hashable, Sequence
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any, Final

from ._chain import awaited
from ._crew import ELSEWHERE, Crew, changes
from ._decider import TASK, Choice
from ._effects import ALL, ASK, EXIT, MET, NOTHING, STRAY, Codes, begin_of, effect_of, is_own, is_trusted
from ._part import BREATHING, GONE, LOT, NEW, NURSERY, PARKED, TAKE, TAKING, Part
from ._stepper import Stepper, Task
from ._waiting import Waits

#: What the words of an effect begin with that are about slots.
MARKS: Final = "@&%+>"


class Footprints:
    """Listen to a run, and take it apart."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self.parts: list[Part] = []
        #: of the tasks that they are of.
        self.labels: list[str] = []
        self._codes = codes = _codes()
        #: something was seen that no footprint tells of: two trees, a run queue of somebody's own, a runtime that would pass for code of an actor.
        self.is_lost = not is_trusted(codes.worker)
        self._part: Part | None = None
        self._label = ""
        self._touched: set[str] = set()
        self._read: set[str] = set()
        #: slots whose waiters are, or were, somebody's.
        self._lots: dict[str, Any] = {}
        self._ready: set[str] = set()
        self._queue: Any = None
        self._pool: Any = None
        self._before: list[str] = []
        self._was_free = True
        self._breathes = self._has_exited = self._cancels = self._wakes = self._was_ending = False
        #: code has been run that is neither the runtime's nor Trio's.
        self._strays = False
        #: the task that steps, and the slot that is in its hands.
        self._task: Any = None
        self._hand = ""
        self._names: dict[Any, str] = {}
        self._is_over = False
        #: the kit looks around between two steps, at who waits for what.
        self._is_looked_at = False
        #: what a task that is no actor's awaits of the runtime, and what it goes through until there.
        self._awaited: Any = None
        self._chain: list[Any] = []
        #: the entries of the list of deadlines, by who made them, and how many each has made.
        self._entries: dict[Any, str] = {}
        self._made: dict[str, int] = {}
        self._crew = Crew(stepper, codes.runners, codes.worker)
        self._effects, self._popleft, self._breathe = codes.effects, codes.popleft, codes.breathe

    # -- what the run tells

    def chose(self, at: int, choice: Choice) -> None:
        """Take in a choice; which slot is taken is seen when it is."""
        kind, labels = choice.kind, choice.labels
        if kind not in (TASK, "run"):
            self._close((kind, labels))
            if self._part is not None:
                self._open(self._label, (kind, labels, choice.index))

    def goes(self, tasks: Sequence[Task], index: int) -> None:
        """Begin a step."""
        labels = [self._stepper.label_of(task) for task in tasks]
        self._crew.meet(labels, tasks)
        self._end_step(labels)
        task, label = tasks[index], labels[index]
        self._ready.discard(label)
        runner = self._codes.runners.get(task)
        self._task = task
        self._hand = "" if runner is None or runner.slot is None else self._name(runner.slot)
        self._was_ending = runner is not None and runner.slot is not None and runner.slot.ending
        self._has_exited = False
        self._open(label, None)
        coroutine = self._stepper.tasks[task]
        self._awaited = None
        if runner is None and getattr(coroutine, "cr_code", None) not in self._codes.mains:
            self._chain, self._awaited = awaited(coroutine, is_own)
            if self._awaited is None:
                self._touched.add(ALL)

    def passes(self) -> None:
        """Take in that time passes."""
        self._end_step([])
        self._task = self._awaited = None
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

    def _open(self, label: str, choice: Any) -> None:
        self._label = label
        entity = self._crew.begin(label, self._name)
        self._part = Part(entity, choice)
        self._touched, self._read, self._lots = set(), set(), {}
        self._breathes = self._cancels = self._wakes = self._strays = False
        self._before = self._queued()
        pool = self._pool
        self._was_free = pool is None or pool.baton is None

    def _end_step(self, ready: Sequence[str]) -> None:
        part = self._part
        if part is None:
            self._ready = set(ready)
            if not self.parts:
                self.parts.append(Part("begin", None, is_open=True, woken=tuple(ready)))
                self.labels.append("begin")
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
        self.labels.append(self._label)

    def _account(self, part: Part) -> None:
        """Say what a part needs and has touched, from what was seen of it."""
        touched, read, pool, crew = self._touched, self._read, self._pool, self._crew
        if (
            self._awaited is not None
            and ALL not in touched
            and awaited(self._stepper.tasks[self._task], is_own)[1] is not self._awaited
        ):
            touched.add(ALL)  # it has gone on, and what it has done is its own affair
        labels = part.woken
        is_member = crew.is_member(self._label)
        is_free = pool is None or pool.baton is None
        part.is_free = None if is_free == self._was_free else is_free
        part.is_closing = pool is not None and pool.closing
        part.gone, part.appended = changes(self._before, self._queued())
        part.unparked, part.spawned, part.woken = crew.unparked(), crew.spawned(), crew.symbols(labels)
        newest = [label for label in part.woken if label.startswith(f"{NEW} ")]
        part.names = any(not label.endswith(":greenroom worker") for label in newest) or len(newest) != part.spawned
        if is_member:
            part.role, part.holds = crew.place(is_taking=part.then == TAKE, breathes=self._breathes)
            if ELSEWHERE in {part.role, part.entity}:
                touched.add(ALL)
        if pool is not None and len(pool.parked) >= self._codes.most_parked:
            self.is_lost = True  # from here on the pool's tasks end where others park
        if ALL in touched or self._cancels:
            part.is_open, part.cancels, part.wakes = True, self._cancels, self._wakes
            return
        part.values = self._values()
        if is_member or self._strays or not self._was_ending:
            touched.add(self._hand)
        if self._has_exited:
            part.values.update({} if is_member else {part.entity: GONE})
        else:
            touched.update(label for label in part.woken if label[0].isdigit() or label[0] == "@")
        crew.account(part, was_free=self._was_free, was_empty=not self._before, is_member=is_member)
        if not is_member:
            touched.add(part.entity)
        elif part.holds:
            touched.add(f"@{part.holds}")
        touched.discard(NOTHING)
        read.discard(NOTHING)
        touched.update(part.values)
        part.touched = frozenset(touched)
        needs = {*touched, *read}
        if part.holds:
            needs.discard(f"@{part.holds}")
        if part.entity not in {NEW, PARKED, BREATHING, TAKING}:
            needs.add(part.entity)
        part.needs = frozenset(needs)

    def _values(self) -> dict[str, Hashable]:
        """Return what has become of what is known by value."""
        values: dict[str, Hashable] = {}
        for name, slot in self._lots.items():
            more = slot.more
            lot = None if more is None else more.changes
            waiting = () if lot is None else tuple(lot._parked)  # noqa: SLF001 -- who waits, and no public name for it
            values[LOT + name] = frozenset(map(self._crew.lasting, map(self._stepper.label_of, waiting)))
        # The scenario's own task has a parent that is not stepped; when it exits all is over.
        if self._has_exited and (nursery := self._task.parent_nursery).parent_task in self._stepper.tasks:
            host = self._crew.lasting(self._stepper.label_of(nursery.parent_task))
            values[f"{NURSERY} of {host}"] = len(nursery.child_tasks)
        return values

    def _queued(self) -> list[str]:
        return [] if self._queue is None else [self._name(slot) for slot in self._queue]

    def _name(self, slot: Any) -> str:
        name = self._names.get(slot)
        if name is None:
            name = self._names[slot] = f"slot {slot.uid} {slot.path}"
        return name

    # -- what is seen

    def _look(self, frame: FrameType, event: str, value: Any) -> None:
        """Be called for each call and each return: most are of no account, and have to be known for that at once."""
        if event == "call":
            code = frame.f_code
            effect = self._effects.get(code)
            if effect is None:
                effect = self._effects[code] = effect_of(code)
            if effect:
                self._see(code, effect, frame)
        elif event == "return":
            if frame.f_code in self._codes.ends:
                self._see_end(frame, value)
        elif (
            event == "c_call"
            and type(getattr(value, "__self__", None)) is random.Random
            and not is_trusted(frame.f_code)
        ):
            self._touched.add(ALL)

    def _see(self, code: CodeType, effect: str, frame: FrameType) -> None:
        """Take in a call that may be of some account."""
        if effect[0] == MET:
            if code is self._popleft:
                self._come_to_queue()
                return
            if code in self._codes.looks:
                self._is_looked_at = True
            if self._is_looked_at:
                return
            if code in self._codes.telling:
                self._hear(code, frame)
            effect = effect[1:]
        touched = self._touched
        if self._is_looked_at or ALL in touched or (self._awaited is not None and code in self._chain):
            return
        if effect == STRAY:
            self._strays = True
            if self._awaited is not None:
                touched.add(ALL)
        else:
            for word in effect.split():
                self._touch(word, frame)

    def _see_end(self, frame: FrameType, value: Any) -> None:
        """Take in the return of a call that is met by its code."""
        code = frame.f_code
        if code is self._popleft:
            self._take(value)
        elif code in self._codes.looks:
            self._is_looked_at = False
        else:
            self._meet(frame.f_locals["self"].pool)

    def _hear(self, code: CodeType, frame: FrameType) -> None:
        """Take in a call that says more than what it touches."""
        codes = self._codes
        if code is self._breathe:
            self._breathes = True
        elif code in codes.cancelling:
            self._cancels = self._cancels or not frame.f_locals["self"].cancel_called
        elif code in codes.waking:
            self._wakes = self._wakes or (frame.f_back is not None and is_trusted(frame.f_back.f_code))
        else:
            self.is_lost = True  # it counts the steps: there may be more or fewer in an equivalent schedule

    def _touch(self, word: str, frame: FrameType) -> None:
        """Note what a call touches, in the names of this run."""
        touched = self._touched
        if word[0] == "^":
            if frame.f_lasti > begin_of(frame.f_code):
                return
            word = word[1:]
        if word == EXIT:
            self._has_exited = True
        elif word == ASK:
            if frame.f_back is None or not is_trusted(frame.f_back.f_code):
                touched.add(ALL)
        elif word[0] == "<":
            self._read.add(word[1:])
        elif word[0] in MARKS:
            self._touch_slot(word, frame)
        else:
            touched.add(word)

    def _touch_slot(self, word: str, frame: FrameType) -> None:
        first, *rest = word[1:].split(".")
        found: Any = frame.f_locals.get(first)
        for each in rest:
            found = getattr(found, each, None)
        if found is None:
            return
        name = self._name(found)
        if word[0] == "&":
            self._read.add(name)
        elif word[0] == "@":
            self._touched.add(name)
            self._lots[name] = found
        elif word[0] == "%":
            self._read.add(name)
            self._lots[name] = found
        elif word[0] == "+":
            (self._read if found.more is not None else self._touched).add(name)
        else:
            self._follow(found)

    def _follow(self, slot: Any) -> None:
        """Note who is looked at to see that a wait closes no circle."""
        seen: set[Any] = set()
        while slot is not None and slot not in seen:
            seen.add(slot)
            self._read.add(self._name(slot))
            more = slot.more
            if more is not None and (more.wait_is_over is not None or more.poll is not None):
                self._touched.add(ALL)
            slot = None if more is None else more.waiting_for

    def _come_to_queue(self) -> None:
        part = self._part
        if part is not None:
            self._close(TAKE)
            self._open(self._label, (TAKE, ""))

    def _take(self, slot: Any) -> None:
        part = self._part
        if part is not None and slot is not None:  # None: it has raised
            self._hand = name = self._name(slot)
            part.choice = (TAKE, name)
            self._before.remove(name)

    def _meet(self, pool: Any) -> None:
        """Take in the pool of a tree that is opened."""
        if self._pool is not None or type(pool.runq) is not self._codes.queue:
            self.is_lost = True
        else:
            self._pool = self._crew.pool = pool
            self._queue = pool.runq


#: Made once: looking them up takes as long as a run.
_codes = cache(Codes)
