"""Running a scenario, step by step, under a decider."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import inf
from typing import Any, Final, Literal

import attrs
import trio

from ..mailbox import CHOICES, Chore
from ._checks import check_count
from ._clock import GivenUp, VirtualClock
from ._decider import Choice, Decider
from ._ending import Ending, bury
from ._errors import DeadlockFound, OutsideSilent, StepEndless, StepsExceeded
from ._garbage import collected_seldom
from ._gate import Gate
from ._history import History
from ._hook import Hook, hooked, trio_run, works
from ._leaving import leaves
from ._notes import Listener, Noting
from ._outside import Outside
from ._randomness import random_kept, seed_global
from ._result import Result, Verdict
from ._schedule import Injection, Time
from ._sim import Sim
from ._stepper import Stepper, Task
from ._threads import Threads, ThreadWork, threads_hooked, threads_work, use
from ._waiting import describe_ready, describe_stuck
from ._watcher import Watch, watched

Backend = Literal["gate", "hook"]
Scenario = Callable[..., Awaitable[Any]]
Stuck = DeadlockFound | StepsExceeded | OutsideSilent | StepEndless
MAX_STEPS: Final = 10_000
#: Choices that a run may come to for each step that it may take: a loop of `sim.choose` takes none.
CHOICES_A_STEP: Final = 10
#: The label of letting time pass, where that is a choice.
TIME: Final = "time"


@attrs.frozen
class Terms:
    """Hold what is the same for all runs of a search.

    Attributes:
        max_steps: steps after which a run counts as a livelock.
        time: whether letting time pass is among the choices.
        backend: how steps are controlled.
        takes_notes: of each run, for somebody to read.
        threads: what becomes of what a scenario gives to threads.
        listen: makes what hears of all that a run does, if no notes are taken of it; None: nothing does.
    """

    max_steps: int = MAX_STEPS
    time: Time = "exact"
    backend: Backend = attrs.field(factory=lambda: "hook" if works() else "gate")
    takes_notes: bool = False
    threads: Threads = "inline"
    listen: Callable[[Stepper], Listener] | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what is none of what there is."""
        check_count("max_steps", self.max_steps)
        if self.time not in ("exact", "choice"):
            raise ValueError(f"time is {self.time!r}; give 'exact' or 'choice'")
        if self.threads not in ("inline", "refuse", "real"):
            raise ValueError(f"threads is {self.threads!r}; give 'inline', 'refuse' or 'real'")
        threads_work()  # within Trio it is too late to find out
        if self.backend not in ("gate", "hook"):
            raise ValueError(f"backend is {self.backend!r}; give 'gate' or 'hook'")
        if self.backend == "hook" and not works():
            raise ValueError(f"backend 'hook' does not work with Trio {trio.__version__}; give 'gate'")


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
        self.passed = 0
        self.last_step = -1
        self.scopes: dict[str, trio.CancelScope] = {}
        #: of the operations that the scenario records, once it has asked for it.
        self.history: History | None = None
        self.choices: list[Choice] = []
        listen = stage.terms.listen
        self.noting = Noting(stage.stepper) if stage.terms.takes_notes else listen and listen(stage.stepper)
        #: around all that the scenario starts; set as soon as it is run.
        self.scope: trio.CancelScope
        self.work = ThreadWork(self.terms.threads)
        self.outside = Outside(self.stepper, self.work)
        self.stuck: Stuck | None = None
        #: set by the watcher.
        self.struck: StepEndless | None = None
        self.error: BaseException | None = None
        self.value: Any = None
        self.waited_at = -1
        #: housekeeping of the trees: done when its time has come, and no reason for that to come.
        self.chores: list[Chore] = []

    # -- what the runtime asks

    def pick(self, kind: str, labels: Sequence[str]) -> int:
        """Decide, and note it."""
        if len(self.choices) >= CHOICES_A_STEP * self.terms.max_steps and self.stuck is None:
            endless = StepsExceeded(
                f"after {len(self.choices)} choices it had not ended; give a larger max_steps if it should"
            )
            self._end(endless)
            raise endless
        index = self.decider.decide(len(self.choices), kind, labels)
        self.choices.append(Choice(kind, tuple(labels), index))
        if self.noting is not None:
            self.noting.chose(len(self.choices) - 1, kind, index, labels)
        return index

    def tell(self, text: str) -> None:
        """Put a line into the story, if one is taken."""
        if self.noting is not None:
            self.noting.tell(text)

    def point(self, name: str, label: str) -> None:
        """Crash the actor at this boundary, if that is what is to be tried out."""
        injection = self.injection
        if injection is not None and injection.what == "crash" and injection.name == name:
            self.passed += 1
            if self.passed == injection.at + 1:
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
                scope.cancel()

    def choose(self, tasks: Sequence[Task]) -> int:
        """Choose who goes next, or let time pass."""
        due = self._next_deadline() if self.terms.time == "choice" else inf
        if len(tasks) == 1 and due == inf:
            if self.noting is not None:
                self.noting.goes(tasks, 0)
            return 0
        label_of = self.stepper.label_of
        labels = [label_of(task) for task in tasks]
        if due != inf:
            labels.append(TIME)
        index = self.pick("task", labels)
        if index == len(tasks):
            self._pass_time(due)
        elif self.noting is not None:
            self.noting.goes(tasks, index)
        return index

    def idle(self, *, finally_: bool) -> None:
        """Let time pass, or see that nothing will ever happen again."""
        if not finally_:
            return
        if self.outside.is_awaited():
            if self.waited_at == self.stepper.activity:
                text = "nothing came of the thread, socket or process that is awaited, for as long as a run is patient"
                self._end(OutsideSilent(f"{text}\n{describe_stuck(self.stepper)}"))
                self.stepper.wake()
            self.waited_at = self.stepper.activity
            return
        due = self._next_deadline()
        if self.outside.is_handed or (due == inf and self.outside.comes_now()):
            return
        if due == inf:
            text = "no task can go on, no timer runs, and nothing from outside is awaited"
            self._end(DeadlockFound(f"{text}\n{describe_stuck(self.stepper)}"))
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

    def _pass_time(self, now: float) -> None:
        self.clock.now = now
        if self.noting is not None:
            self.noting.passes()
        due = [chore for chore in self.chores if chore.is_wanted and chore.when <= now]
        for chore in due:
            self.chores.remove(chore)
            chore.come_due()

    def _end(self, stuck: Stuck) -> None:
        self.stuck = stuck
        if self.noting is not None:
            self.noting.end()
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

    def result(self) -> Result:
        """Say how it ended."""
        verdict: Verdict = "passed"
        stuck = self.stuck or self.struck
        match stuck:
            case DeadlockFound():
                verdict = "deadlock"
            case StepsExceeded():
                verdict = "livelock"
            case OutsideSilent() | StepEndless():
                verdict = "hung"
            case None:
                verdict = "passed" if self.error is None else "failed"
        injection = self.injection if self.injection is not None and self.passed > self.injection.at else None
        return Result(
            verdict,
            stuck or self.error,
            tuple(self.choices),
            self.stepper.steps,
            self.value,
            self.terms.time,
            injection,
            None if self.noting is None else self.noting.result(),
            self.outside.seen,
            () if self.history is None else self.history.operations,
        )


class Stage:
    """Be one Trio run, in which scenarios are run one after the other."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.clock = VirtualClock()
        self._play: Play | None = None
        #: the variables of the Trio run, as they were before its first scenario; None where Trio hides them.
        self._variables: dict[Any, Any] | None = None
        self._watch = Watch()
        nobody: Any = None
        self.stepper: Stepper = (Hook if terms.backend == "hook" else Gate)(nobody)

    async def play(
        self, scenario: Scenario, args: Sequence[Any], decider: Decider, injection: Injection | None = None
    ) -> Result:
        """Run a scenario once, from a task that is not stepped."""
        play = self._play = self.stepper.director = Play(self, decider, injection)
        self.clock.now = 0.0
        self._reset_variables()
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
        return play.result()

    def _reset_variables(self) -> None:
        """Let each scenario find the Trio run as the first one did: without what others have put into its variables."""
        variables: dict[Any, Any] | None = getattr(
            getattr(trio_run.GLOBAL_RUN_CONTEXT, "runner", None), "_locals", None
        )
        if variables is None:
            return
        if self._variables is None:
            self._variables = dict(variables)
        else:
            variables.clear()
            variables.update(self._variables)

    def run(self, main: Callable[[], Awaitable[Any]]) -> Any:
        """Open it, and let `main` run scenarios on it.

        Returns:
            What `main` does; the result of the last scenario if that had to be given up, and the stage with it.
        """

        async def listening() -> None:
            roots.append(trio.lowlevel.current_root_task())
            with watch.listening():
                results.append(await main())

        roots: list[Any] = []
        results: list[Any] = []  # and not returned: Trio keeps what it is returned until the garbage is looked for
        with hooked(self.stepper), threads_hooked(), random_kept, watched() as watch:
            self._watch = watch
            try:
                trio.run(listening, clock=self.clock, instruments=[self.stepper])
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
