"""Running a scenario once, step by step, under a decider."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from math import inf
from typing import Any, Literal

import attrs
import trio
import trio.testing

from ..mailbox import CHOICES
from ._decider import Choice, Decider
from ._errors import DeadlockFound, StepsExceeded
from ._gate import Gate, Task
from ._schedule import Schedule

Verdict = Literal["passed", "failed", "deadlock", "livelock"]
MAX_STEPS = 10_000


@attrs.frozen
class Result:
    """Say how a run ended.

    Attributes:
        verdict: "passed", "failed" (it raised), "deadlock", or "livelock" (too many steps).
        error: what it raised, or what says the deadlock or livelock.
        choices: what there was to choose, and what was chosen, in order.
        steps: how many steps its tasks took.
        value: what the scenario returned.
        injected: it came to where a cancellation or crash was to be tried out.
    """

    verdict: Verdict
    error: BaseException | None
    choices: tuple[Choice, ...]
    steps: int
    value: Any = None
    injected: bool = False

    @property
    def failed(self) -> bool:
        """True if it did not pass."""
        return self.verdict != "passed"

    @property
    def fingerprint(self) -> str:
        """Eight digits of a hash over all choices and the verdict: equal for two runs that went the same way."""
        text = "\n".join([*map(str, self.choices), str(self.steps), self.verdict])
        return sha256(text.encode()).hexdigest()[:8]

    @property
    def schedule(self) -> Schedule:
        """The schedule that leads to it again."""
        deviations = {at: choice.index for at, choice in enumerate(self.choices) if choice.index}
        return Schedule(deviations, self.fingerprint)


@attrs.frozen
class Injection:
    """Say what is done to a run from outside, and when.

    Attributes:
        what: "cancel" a scope that the scenario has named, or "crash" an actor of a tree in it.
        name: of the scope (`sim.scope(name)`), or of the boundary ("startup", "handler", "shutdown").
        at: at which step within the scope, or at which such boundary, from 0.
    """

    what: Literal["cancel", "crash"]
    name: str
    at: int


class CrashInjected(Exception):
    """Crash an actor, to see what follows."""


class Sim:
    """Be what a scenario gets: the one thing in it that knows of the schedule."""

    def __init__(self, run: "_Run") -> None:
        self._run = run

    @property
    def steps(self) -> int:
        """How many steps the tasks have taken so far."""
        return self._run.gate.steps

    def choose(self, options: Sequence[Any]) -> Any:
        """Return one of the options: data as a choice, explored, shrunk and replayed like the order of steps. Plain function.

        Raises:
            ValueError: there are none.
        """
        if not options:
            raise ValueError("sim.choose: there are no options")
        labels = [repr(option) for option in options]
        return options[self._run.pick("data", labels) if len(options) > 1 else 0]

    @contextmanager
    def scope(self, name: str) -> Generator[trio.CancelScope]:
        """Open a cancel scope under a name, for `cancel_everywhere`.

        Raises:
            ValueError: a scope of this name is open already.
        """
        scopes = self._run.scopes
        if name in scopes:
            raise ValueError(f"sim.scope: there is an open scope {name!r} already; one name, one scope at a time")
        with trio.CancelScope() as scope:
            scopes[name] = scope
            try:
                yield scope
            finally:
                del scopes[name]


Scenario = Callable[..., Awaitable[Any]]


class _Run:
    """Hold one run: its gate, its choices, its end. Also the runtime's `Choices`, for trees that are opened in it."""

    def __init__(self, decider: Decider, max_steps: int, injection: Injection | None) -> None:
        self.decider = decider
        self.injection = injection
        #: steps within the scope, or boundaries, that have been passed.
        self.passed = 0
        self.last_step = -1
        self.scopes: dict[str, trio.CancelScope] = {}
        self.max_steps = max_steps
        self.choices: list[Choice] = []
        self.gate = Gate(self._choose_task, self._before_step, self._look_for_deadlock)
        self.scope = trio.CancelScope()
        self.stuck: DeadlockFound | StepsExceeded | None = None
        self.error: BaseException | None = None
        self.value: Any = None

    def pick(self, kind: str, labels: Sequence[str]) -> int:
        """Decide, and note it."""
        index = self.decider.decide(len(self.choices), labels)
        self.choices.append(Choice(kind, tuple(labels), index))
        return index

    def point(self, name: str, label: str) -> None:
        """Crash the actor at this boundary, if that is what is to be tried out."""
        injection = self.injection
        if injection is not None and injection.what == "crash" and injection.name == name:
            self.passed += 1
            if self.passed == injection.at + 1:
                raise CrashInjected(f"{name} of {label}")

    def _before_step(self) -> None:
        if self.gate.steps >= self.max_steps:
            text = f"after {self.max_steps} steps it had not ended; give a larger max_steps if it should"
            self._end(StepsExceeded(text))
            return
        injection = self.injection
        if injection is None or injection.what != "cancel" or self.last_step == self.gate.steps:
            return
        scope = self.scopes.get(injection.name)
        if scope is not None:
            self.last_step = self.gate.steps
            self.passed += 1
            if self.passed == injection.at + 1:
                scope.cancel()

    def _choose_task(self, tasks: Sequence[Task]) -> int:
        return self.pick("task", [f"{self.gate.number_of(task)}:{task.name.rpartition('.')[2]}" for task in tasks])

    def _look_for_deadlock(self) -> None:
        statistics = trio.lowlevel.current_statistics()
        outside = trio.to_thread.current_default_thread_limiter().borrowed_tokens
        io = statistics.io_statistics
        # One task reads the pipe by which Trio is woken.
        readers = getattr(io, "tasks_waiting_read", 1) - 1 + getattr(io, "tasks_waiting_write", 0)
        if statistics.seconds_to_next_deadline == inf and not outside and not readers:
            self._end(DeadlockFound("no task can go on, no timer runs, and nothing from outside is awaited"))

    def _end(self, stuck: DeadlockFound | StepsExceeded) -> None:
        self.stuck = stuck
        self.gate.open()
        self.scope.cancel()

    async def main(self, scenario: Scenario, args: Sequence[Any]) -> None:
        """Run the scenario behind the gate."""
        CHOICES.set(self)
        with self.scope:
            async with trio.open_nursery() as nursery:
                self.gate.is_shut = True
                nursery.start_soon(self._body, scenario, args, name=getattr(scenario, "__name__", "scenario"))
        self.gate.open()

    async def _body(self, scenario: Scenario, args: Sequence[Any]) -> None:
        try:
            self.value = await scenario(Sim(self), *args)
        except (trio.Cancelled, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 -- whatever it raises is the failure that was looked for
            if self.stuck is None:
                self.error = error

    def result(self) -> Result:
        """Say how it ended."""
        verdict: Verdict = "passed"
        if self.stuck is not None:
            verdict = "deadlock" if isinstance(self.stuck, DeadlockFound) else "livelock"
        elif self.error is not None:
            verdict = "failed"
        injected = self.injection is not None and self.passed > self.injection.at
        return Result(verdict, self.stuck or self.error, tuple(self.choices), self.gate.steps, self.value, injected)


def run_once(
    scenario: Scenario,
    args: Sequence[Any],
    decider: Decider,
    *,
    max_steps: int = MAX_STEPS,
    injection: Injection | None = None,
) -> Result:
    """Run a scenario in a Trio run of its own, in virtual time."""
    run = _Run(decider, max_steps, injection)
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(run.main, scenario, args, clock=clock, instruments=[run.gate])
    return run.result()
