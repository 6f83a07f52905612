"""Running a scenario, step by step, under a decider."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import inf
from typing import Any, Final

import trio

from ..mailbox import CHOICES, Chore
from ._arrivals import Arrivals
from ._callbacks import by_nobody
from ._clock import GivenUp, VirtualClock
from ._decider import TASK, TIME, Choice, Decider
from ._ending import Ending, bury
from ._errors import DeadlockFound, OutsideSilent, StepEndless, StepsExceeded
from ._external import Externals
from ._garbage import collected_seldom
from ._gate import Gate
from ._history import History
from ._hook import Hook, hooked
from ._leaving import leaves
from ._listener import Listener
from ._notes import OF_TREES, Noting
from ._order import TrioOrder
from ._outside import Outside
from ._promises import Promises
from ._randomness import random_kept, seed_global
from ._result import Result, verdict_of
from ._schedule import Injection
from ._sim import Sim
from ._stepper import Stepper, Task
from ._terms import MAX_STEPS as MAX_STEPS
from ._terms import Backend as Backend
from ._terms import Terms as Terms
from ._threads import ThreadWork, threads_hooked, use
from ._variables import Variables
from ._waiting import Waits, describe_ready, waits_of
from ._watcher import Watch, watched

Scenario = Callable[..., Awaitable[Any]]
#: Choices that a run may come to for each step that it may take: a loop of `sim.choose` takes none.
CHOICES_A_STEP: Final = 10


class CrashInjected(Exception):
    """Crash an actor, to see what follows."""


class Play:
    """Direct one run of a scenario. Also the runtime's `Choices`, for trees that are opened in it."""

    def __init__(self, stage: "Stage", decider: Decider, injection: Injection | None) -> None:
        self.terms = stage.terms
        self.stepper = stage.stepper
        self.clock = stage.clock
        self.decider = decider
        self.injection = injection
        #: steps within the scope, or boundaries, that have been passed.
        self.passed, self.last_step = 0, -1
        self.scopes: dict[str, trio.CancelScope] = {}
        #: of the operations that the scenario records, once it has asked for it.
        self.history: History | None = None
        self.choices: list[Choice] = []
        self.arrivals = stage.arrivals
        order = TrioOrder() if self.arrivals is None else self.arrivals.begin()
        listen = stage.terms.listen
        self.noting: Listener | None = (
            Noting(stage.stepper, stage.clock, order) if stage.terms.takes_notes else listen and listen(stage.stepper)
        )
        self.keeps_to_trio = stage.terms.fidelity == "trio"
        self.promises = Promises(self.stepper, self.clock, self.noting)
        self.externals = Externals(self.noting)
        #: around all that the scenario starts; set as soon as it is run.
        self.scope: trio.CancelScope
        self.work = ThreadWork(self.terms.threads)
        self.outside = Outside(self.stepper, self.work)
        #: what ends it before its end; `struck` is set by the watcher.
        self.stuck: BaseException | None = None
        self.struck: StepEndless | None = None
        self.error: BaseException | None = None
        self.value: Any = None
        self.waited_at = -1
        #: housekeeping of the trees: done when its time has come, and no reason for that to come.
        self.chores: list[Chore] = []

    # -- what the runtime asks

    def pick(self, kind: str, labels: Sequence[str]) -> int:
        """Decide, and note it."""
        if busy := self.promises.asking or self.externals.calling:
            raise RuntimeError(f"{busy}: there is a choice in it, and it is called between two")
        if self.keeps_to_trio and kind in OF_TREES:
            return 0
        if len(self.choices) >= CHOICES_A_STEP * self.terms.max_steps and self.stuck is None:
            endless = StepsExceeded(
                f"after {len(self.choices)} choices it had not ended; give a larger max_steps if it should"
            )
            self._end(endless)
            raise endless
        index = self.decider.decide(len(self.choices), kind, labels)
        self.choices.append(Choice(kind, tuple(labels), index))
        if self.noting is not None:
            self.noting.chose(len(self.choices) - 1, self.choices[-1])
        return index

    def tell(self, text: str) -> None:
        """Put a line into the story, if one is taken."""
        if self.noting is not None:
            self.noting.say(text)

    def point(self, name: str, label: str) -> None:
        """Crash the actor at this boundary, if that is what is to be tried out."""
        injection = self.injection
        if injection is not None and injection.what == "crash" and injection.name == name:
            self.passed += 1
            if self.passed == injection.at + 1:
                if self.noting is not None:
                    self.noting.injects(label, f"crash injected at {name} {injection.at}")
                raise CrashInjected(f"{name} of {label}")

    def chore(self, chore: Chore) -> None:
        """Take on a piece of housekeeping."""
        self.chores.append(chore)

    # -- what the stepper asks

    def before_step(self) -> None:
        """End a run that takes too long; cancel, if that is what is to be tried out."""
        if self.struck is not None:
            self._end(self.struck)
            return
        if self.promises.were_made and self._breaks_a_promise():
            return
        if self.stepper.steps >= self.terms.max_steps:
            text = f"after {self.terms.max_steps} steps it had not ended; give a larger max_steps if it should"
            self._end(StepsExceeded(f"{text}\n{describe_ready(self.stepper)}"))
            return
        injection = self.injection
        if injection is None or injection.what != "cancel" or self.last_step == self.stepper.steps:
            return
        scope = self.scopes.get(injection.name)
        if scope is not None:
            self.last_step = self.stepper.steps
            self.passed += 1
            if self.passed == injection.at + 1:
                if self.noting is not None:
                    self.noting.injects("", f"scope {injection.name!r} cancelled at its step {injection.at}")
                with by_nobody():
                    scope.cancel()

    def choose(self, tasks: Sequence[Task]) -> int:
        """Choose who goes next, or let time pass."""
        arrivals, may, externals = self.arrivals, tasks, self.externals.waiting
        ready = [] if arrivals is None else arrivals.ready(tasks)
        if arrivals is not None and self.keeps_to_trio:
            may = [tasks[at] for at in arrivals.order.may(ready)]
        due = self._next_deadline() if self.terms.time == "choice" and not self.stepper.is_amid else inf
        index = 0
        if len(may) > 1 or due != inf or externals:
            labels = [*map(self.stepper.label_of, may), *(self.externals.labels if externals else ())]
            if due != inf:
                labels.append(TIME)
            index = self.pick(TASK, labels)
        at, lets_time_pass = len(tasks), index == len(may) + len(externals)
        if index >= len(may):
            self._from_outside(index - len(may), due)
        else:
            if self.promises.were_made:
                self.promises.steps(may[index])
            at = index if may is tasks else tasks.index(may[index])
            if self.noting is not None:
                self.noting.goes(tasks, at)
        if arrivals is not None:
            order, where = arrivals.order, f"choice {len(self.choices) - 1}"
            if lets_time_pass:
                order.look_for_timers(where)
            elif at < len(tasks):
                order.step(ready, at, where)
            self.stepper.is_amid = self.keeps_to_trio and order.is_amid
        return at

    def idle(self, *, finally_: bool) -> None:
        """Let time pass, or see that nothing will ever happen again."""
        if not finally_ or (self.promises.were_made and self._breaks_a_promise()):
            return
        if self.externals.waiting:
            due = self._next_deadline()
            labels = [*self.externals.labels, *([TIME] if due != inf else [])]
            self._from_outside(self.pick(TASK, labels) if len(labels) > 1 else 0, due)
            self.stepper.wake()
            return
        if self.outside.is_awaited():
            if self.waited_at == self.stepper.activity:
                text = "nothing came of the thread, socket or process that is awaited, for as long as a run is patient"
                waits = waits_of(self.stepper)
                self._end(OutsideSilent(f"{text}\n{waits}"), waits)
                self.stepper.wake()
            self.waited_at = self.stepper.activity
            return
        due = self._next_deadline()
        if self.outside.is_handed or (due == inf and self.outside.comes_now()):
            return
        if due == inf:
            text = "no task can go on, no timer runs, and nothing from outside is awaited"
            waits = waits_of(self.stepper)
            self._end(DeadlockFound(f"{text}\n{waits}"), waits)
        else:
            self._pass_time(due)
        self.stepper.wake()

    def _next_deadline(self) -> float:
        """Return when something happens next, infinity if never; housekeeping counts only if something else is to come."""
        due = self.clock.now + max(0.0, trio.lowlevel.current_statistics().seconds_to_next_deadline)
        if due == inf or not self.chores:
            return due
        self.chores = [chore for chore in self.chores if chore.is_wanted]
        return max(self.clock.now, min([due, *(chore.when for chore in self.chores)]))

    def _breaks_a_promise(self) -> bool:
        """Look whether all holds that always does; if not, end the run."""
        broken = self.promises.look() if self.stuck is None else None
        if broken is None:
            return False
        self._end(self.struck or broken)
        self.stepper.wake()
        return True

    def _from_outside(self, index: int, due: float) -> None:
        """Call one of what is to be called from outside; let time pass if it is none of them."""
        if index == len(self.externals.waiting):
            self._pass_time(due)
            return
        error = self.externals.call(index)
        if error is not None:
            self._end(self.struck or error)

    def _pass_time(self, now: float) -> None:
        broken = self.promises.pass_to(now)
        if broken is not None:
            self._end(broken)
            return
        self.clock.now = now
        if self.noting is not None:
            self.noting.passes()
        due = [chore for chore in self.chores if chore.is_wanted and chore.when <= now]
        for chore in due:
            self.chores.remove(chore)
            chore.come_due()

    def _end(self, stuck: BaseException, waits: Waits | None = None) -> None:
        self.stuck = stuck
        if self.noting is not None:
            self.noting.stuck(waits)
        self.stepper.open()
        Ending(self.stepper, self.clock, self.scope, self.outside)

    @property
    def inline(self) -> str | None:
        """What runs inline for a thread just now."""
        return self.work.inline

    # -- the run

    async def body(self, scenario: Scenario, args: Sequence[Any]) -> None:
        """Run the scenario, as the first task that is stepped."""
        try:
            self.value = await scenario(Sim(self), *args)
        except BaseException as error:
            if leaves(error) or (isinstance(error, trio.Cancelled) and self.scope.cancel_called):
                raise
            # Whatever else it raises is the failure that was looked for; a cancellation that nobody asked for, too.
            if self.stuck is None and self.struck is None:
                self.error = error

    def closed(self) -> Result:
        """Look at what was promised for the last time, and say how it ended."""
        if self.stuck is None and self.struck is None and self.error is None and self.promises.are_made:
            self.error = self.promises.close()
        for error in (self.stuck, self.error):
            if error is not None and (leaving := leaves(error)) is not None:
                raise leaving
        return self.result()

    def result(self) -> Result:
        """Say how it ended."""
        stuck, noting = self.stuck or self.struck, self.noting
        if noting is not None and (self.promises.were_made or self.externals.were_given):
            noting.all_steps_meet()
        injection = self.injection if self.injection is not None and self.passed > self.injection.at else None
        return Result(
            verdict_of(stuck, self.error),
            stuck or self.error,
            tuple(self.choices),
            self.stepper.steps,
            self.value,
            self.terms.time,
            injection,
            None if noting is None else noting.result(stuck or self.error),
            self.outside.seen,
            self.terms.fidelity,
            () if self.history is None else self.history.operations,
        )


class Stage:
    """Be one Trio run, in which scenarios are run one after the other."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.clock = VirtualClock()
        self._play: Play | None = None
        self._variables = Variables()
        self._watch = Watch()
        nobody: Any = None
        self.stepper: Stepper = (Hook if terms.backend == "hook" else Gate)(nobody)
        #: only where the order of steps is held against Trio's.
        keeps = terms.fidelity == "trio"
        self.arrivals = Arrivals(self.stepper, self.clock, holds=keeps) if keeps or terms.takes_notes else None

    async def play(
        self, scenario: Scenario, args: Sequence[Any], decider: Decider, injection: Injection | None = None
    ) -> Result:
        """Run a scenario once, from a task that is not stepped."""
        play = self._play = self.stepper.director = Play(self, decider, injection)
        self.clock.now, self.clock.is_held = 0.0, False
        self._variables.reset()
        CHOICES.set(play)
        seed_global()
        use(play.work)
        try:
            with nullcontext() if play.noting is None else play.noting.taken():
                async with trio.open_nursery() as nursery:
                    play.scope = nursery.cancel_scope
                    self.stepper.shut()
                    self._watch.play = play
                    nursery.start_soon(play.body, scenario, args, name=getattr(scenario, "__name__", "scenario"))
        finally:
            self._watch.play = None
            self.stepper.open()
            self.clock.rounds = None
            CHOICES.set(None)
        return play.closed()

    def run(self, main: Callable[[], Awaitable[Any]]) -> Any:
        """Open it, and let `main` run scenarios on it.

        Returns:
            What `main` does; the result of the last scenario if that had to be given up, and the stage with it.
        """

        async def listening() -> None:
            roots.append(trio.lowlevel.current_root_task())
            with watch.listening():
                results.append(await main())

        instruments = [self.stepper, *([] if self.arrivals is None else [self.arrivals])]
        roots: list[Any] = []
        results: list[Any] = []  # and not returned: Trio keeps what it is returned until the garbage is looked for
        with hooked(self.stepper), threads_hooked(), random_kept, watched() as watch:
            self._watch = watch
            try:
                trio.run(listening, clock=self.clock, instruments=instruments)
            except trio.TrioInternalError as error:
                play = self._play
                if play is None or not (isinstance(error.__cause__, GivenUp) or play.struck is not None):
                    raise
                bury(roots[0])
                watch.put_back()
                return play.result()
            except BaseException as error:
                leaving = leaves(error)
                if leaving is None or leaving is error:
                    raise
                raise leaving from None  # bare, as it was raised: Trio has put groups around it
            finally:
                self.stepper.forget()
        return results[0]


@contextmanager
def prepared() -> Generator[None]:
    """Do for many runs at once what each would have to do for itself. Runs in it need less time; nothing else changes."""
    with threads_hooked(), random_kept, collected_seldom:
        yield


def run_once(
    scenario: Scenario,
    args: Sequence[Any],
    decider: Decider,
    terms: Terms | None = None,
    *,
    injection: Injection | None = None,
) -> Result:
    """Run a scenario in a Trio run of its own."""
    stage = Stage(terms or Terms())
    result: Result = stage.run(partial(stage.play, scenario, args, decider, injection))
    return result
