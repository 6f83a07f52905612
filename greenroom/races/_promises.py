"""Promises of a scenario: what always holds, and what comes true in time. They are looked at between the steps of its run."""

from collections.abc import Callable
from sys import float_info
from typing import Any, Final

import attrs
import trio

from ._brief import brief
from ._callbacks import called, name_of_callback
from ._clock import VirtualClock
from ._errors import PromiseBroken
from ._leaving import leaves
from ._listener import Listener
from ._stepper import Stepper
from ._waiting import frames_of, place_in, place_of

#: Values of a predicate that are told, of one that has had many.
TOLD: Final = 8


@attrs.define(eq=False)
class _Eventual:
    """Hold what is to come true."""

    predicate: Callable[[], Any]
    name: str
    within: float
    deadline: float
    #: what it has been, as lines; only changes are told.
    seen: list[str] = attrs.field(factory=list[str])
    last: str = ""


class Promises:
    """Keep the promises of one run, and look at them.

    Args:
        stepper: of the run.
        clock: of the run.
        noting: takes notes of it, if any are taken.
    """

    def __init__(self, stepper: Stepper, clock: VirtualClock, noting: Listener | None) -> None:
        self._stepper, self._clock, self._noting = stepper, clock, noting
        self._always: list[tuple[Callable[[], Any], str]] = []
        self._eventual: list[_Eventual] = []
        #: True once any was made, also if none is left to keep.
        self.were_made = False
        #: the predicate that is asked just now, in words.
        self.asking = ""
        #: whoever took the last step, as far as it matters.
        self._last: trio.lowlevel.Task | None = None

    @property
    def are_made(self) -> bool:
        """True if there are any."""
        return bool(self._always or self._eventual)

    def always(self, predicate: Any) -> None:
        """Take one on that holds from this step on."""
        self.were_made = True
        self._always.append((predicate, name_of_callback("sim.always", predicate, "one that returns whether it holds")))
        self._last = _current()

    def eventually(self, predicate: Any, within: Any) -> None:
        """Take one on that comes true within so many seconds."""
        name = name_of_callback("sim.eventually", predicate, "one that returns whether it has come true")
        is_number = isinstance(within, (int, float)) and not isinstance(within, bool)
        if not is_number or not 0 <= within <= float_info.max:
            raise ValueError(f"sim.eventually: within is {within!r}; give a number of virtual seconds, from 0")
        self.were_made = True
        self._eventual.append(_Eventual(predicate, name, within, self._clock.now + within))
        self._last = _current()

    def steps(self, task: trio.lowlevel.Task) -> None:
        """Hear whose step is next."""
        if self.are_made:
            self._last = task

    def look(self) -> BaseException | None:
        """Ask all of them; return what is wrong, None if nothing is."""
        try:
            for predicate, name in self._always:
                if not self._ask("sim.always", predicate, name)[0]:
                    return PromiseBroken(f"sim.always: {name} does not hold {self._where()}")
            for each in tuple(self._eventual):
                has_come, value = self._ask("sim.eventually", each.predicate, each.name)
                if has_come:
                    self._eventual.remove(each)
                    if self._noting is not None:
                        self._noting.say(f"{each.name} has come true")
                elif brief(value) != each.last:
                    each.last = brief(value)
                    each.seen.append(f"{each.last} from {self._clock.now:g} s on, {self._where()}")
        except BaseException as error:  # noqa: BLE001 -- it is what the run comes to, and nothing may leave here
            if self.asking and not leaves(error):
                error.add_note(f"in {self.asking}, which is asked after each step; it was {self._where()}")
            return error
        finally:
            self.asking = ""
        return None

    def pass_to(self, time: float) -> BaseException | None:
        """Hear that time is about to pass; return what has not come true until then."""
        late = [each for each in self._eventual if each.deadline < time]
        if not late:
            return None
        first = min(late, key=lambda each: each.deadline)
        return self._broken(first, f"within {first.within:g} s, by {first.deadline:g} s")

    def close(self) -> BaseException | None:
        """Hear that the run is over; return what has not held, or not come true."""
        error = self.look()
        if error is None and self._eventual:
            error = self._broken(self._eventual[0], f"before the run ended, at {self._clock.now:g} s")
        return error

    def _broken(self, each: _Eventual, until: str) -> PromiseBroken:
        seen = each.seen
        left_out = [f"… {len(seen) - TOLD} others"] if len(seen) > TOLD else []
        lines = [*seen[: TOLD // 2], *left_out, *seen[len(seen) - TOLD // 2 :]] if left_out else seen
        text = f"sim.eventually: {each.name} has not come true {until}; the last step was {self._where()}; it was"
        return PromiseBroken("\n".join([text, *(f"  {line}" for line in lines)]))

    def _ask(self, caller: str, predicate: Callable[[], Any], name: str) -> tuple[bool, Any]:
        self.asking = f"{caller}: {name}"
        before = trio.lowlevel.current_statistics()
        value = called(caller, predicate, name)
        after = trio.lowlevel.current_statistics()
        if (before.tasks_living, before.tasks_runnable) != (after.tasks_living, after.tasks_runnable):
            raise TypeError(
                f"{caller}: {name} has started or woken a task; it may look at anything, and changes nothing"
            )
        try:
            holds = bool(value)
        except Exception as error:
            raise TypeError(f"{caller}: {name} returned what is neither true nor false: {error}") from error
        return holds, value

    def _where(self) -> str:
        """Return whose step was the last, and where that has led."""
        task, stepper = self._last, self._stepper
        if task is None or task not in stepper.tasks:
            return f"after step {stepper.steps}"
        frames = list(frames_of(stepper.tasks[task]))
        if frames:
            return f"after step {stepper.steps}, of {stepper.label_of(task)}, which is now {place_in(frames)}"
        code = getattr(stepper.tasks[task], "cr_code", None)
        place = place_of(code) if code else ""
        return (
            f"after step {stepper.steps}, with which {stepper.label_of(task)} has ended{f' ({place})' if place else ''}"
        )


def _current() -> trio.lowlevel.Task | None:
    """Return the task that makes a promise; None if that comes from outside."""
    return trio.lowlevel.current_task() if trio.lowlevel.in_trio_task() else None
