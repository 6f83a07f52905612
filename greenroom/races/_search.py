"""Searching: many schedules of one scenario, until one fails or the number is reached."""

from collections.abc import Callable, Generator, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, Final, Literal, NoReturn, TypedDict, TypeVar, Unpack

import attrs

from ._bounded import Bounded
from ._checks import check_count, check_scenario, check_seconds, check_seed
from ._confirming import First, confirmed
from ._conflicts import conflicts_of
from ._cores import Told, Turn, check_workers, search_on_cores
from ._decider import Decider, Follow
from ._errors import ProgramChanged
from ._fit import check_fit
from ._result import Result, again_of
from ._run import MAX_STEPS, Backend, Scenario, Stage, Terms, prepared, run_once
from ._schedule import Fidelity, Injection, Schedule, Time
from ._strategies import MAKERS, Learned, Strategy, deciders_of
from ._survey import Found, Survey, Tally
from ._telling import told
from ._threads import Threads
from ._ways import Ways

SCHEDULES: Final = 500
#: Schedules in one Trio run, where they share one; then comes a fresh one, without what the scenario may have left there.
PER_RUN: Final = 200

Mode = Literal["shared", "isolated"]
T = TypeVar("T")


class SearchOptions(TypedDict, total=False):
    """Name the options of a search; `survey` says what they mean."""

    schedules: int
    seed: int
    seconds: float | None
    strategy: Strategy
    mode: Mode
    max_steps: int
    time: Time
    backend: Backend | None
    threads: Threads
    fidelity: Fidelity
    workers: int
    progress: Callable[[int], None] | None


def search(scenario: Scenario, *args: Any, **options: Unpack[SearchOptions]) -> Found | None:
    """Run a scenario under one schedule after the other until one fails; None if none does. Not within Trio.

    Arguments and errors are those of `survey`, which also tells what has been tried when nothing was found.
    """
    return survey(scenario, *args, **options).found


@prepared()
def survey(
    scenario: Scenario,
    *args: Any,
    schedules: int = SCHEDULES,
    seed: int = 0,
    seconds: float | None = None,
    strategy: Strategy = "portfolio",
    mode: Mode = "shared",
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    backend: Backend | None = None,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Survey:
    """Run a scenario under one schedule after the other until one fails, and tell what came of it. Not within Trio.

    The portfolio draws, in rotation: random walks, walks at drawn speeds, a lottery at each step (POS), priorities that change twice (PCT), and
    batches as Trio has them. From the tenth schedule on, each other one is one of those that deviate from the default once, until all have been
    tried.

    Args:
        scenario: an async function `scenario(sim, *args)`; nothing outside may depend on its runs.
        args: given to it each time.
        schedules: how many to try at most.
        seed: of all that is drawn; the same seed tries the same schedules.
        seconds: of real time after which no other schedule is begun; None means no limit.
        strategy: "portfolio", or one alone: "bounded" (all schedules with one deviation, then with two, and so on), "walk",
            "speeds", "pct", "pos", "batch". With "pos" the default schedule is run once more, watched, to see which actors touch the same.
        mode: "shared" has many schedules in one Trio run, which is faster, and confirms a failure in a run of its own; "isolated" gives each its own.
        max_steps: steps after which a run counts as a livelock.
        time: "exact": time passes when nothing else can happen; "choice": also before, so that timeouts fire early and late.
        backend: "hook" or "gate"; None takes the faster one of those that work with the installed Trio.
        threads: what `trio.to_thread.run_sync` is given: "inline" runs it at once, in the step that asks for it; "refuse" raises `ThreadRefused`;
            "real" runs it in a thread, at its own pace, which is not controlled.
        fidelity: "all" orders of steps, or "trio": those alone that the Trio of today may take: all that is ready goes once before any goes again.
        workers: processes to search with, each on a core of its own; the failure with the lowest number is the one that counts. They are forked, so
            they have all that this process has, and what they change is not seen here; priorities (PCT) go by the runs that each has seen. Not with
            mode="isolated".
        progress: called with the number of each schedule that has been tried; it must not raise.

    Raises:
        ProgramChanged: the same schedule went another way when it was run again: something that is not controlled decides.
        TypeError: the scenario is no async function, or does not take a `sim` and the `args`.
        ValueError: a number or a word that is none of those above.
        RuntimeError: this was called within Trio.
    """
    check_scenario("search", scenario, args)
    check_seed(seed)
    check_seconds(seconds)
    _check_plan(schedules, strategy, mode, workers, progress)
    terms = terms_of(max_steps, time, backend, threads, fidelity)
    begun = monotonic()
    until = None if seconds is None else begun + seconds
    tally = Tally()
    learned = learned_first(strategy, scenario, args, terms)

    def replay(deviations: Mapping[int, int]) -> Result:
        return run_once(scenario, args, Follow(deviations), terms)

    def plan(turn: Turn | None = None) -> Plan:
        told = progress if turn is None or turn.is_first else None
        return _plan(strategy, schedules, seed, until, tally if turn is None else turn.tally, learned, told, turn)

    def leave_as(told: Told) -> NoReturn:
        """Do what a process did until it left the search; here, what it left by comes out as itself."""
        turn = Turn.again(told, workers)
        run_shared(_plan(strategy, schedules, seed, None, turn.tally, learned, turn=turn), scenario, args, terms)
        raise ProgramChanged(
            f"schedule {told.number} left the search by {told.left_by} in one process, and not in another"
        )

    def noted(deviations: Mapping[int, int]) -> Result:
        return run_once(scenario, args, Follow(deviations), attrs.evolve(terms, takes_notes=True))

    def on_cores() -> First | None:
        told = search_on_cores(workers, run_shared, plan, scenario, args, terms, tally)
        if told is not None and told.left_by:
            leave_as(told)
        return None if told is None else First(told.number, replay(told.deviations), told.by)

    def in_one_run() -> First | None:
        return run_shared(plan(), scenario, args, terms)

    def each_alone() -> First | None:
        nonlocal tally
        tally = Tally()
        return run_isolated(plan(), scenario, args, terms)

    finds = (each_alone,) if mode == "isolated" else (on_cores if workers > 1 else in_one_run, each_alone)
    way = f" of {schedules:,} (strategy {strategy}, seed {seed}; here {{}})"
    found = confirmed(finds, replay, noted, lambda: tally.default, way)
    return tally.survey(found, monotonic() - begun, fidelity)


def _check_plan(schedules: Any, strategy: Any, mode: Any, workers: Any, progress: Any) -> None:
    check_count("schedules", schedules)
    check_progress("search", progress)
    if strategy not in list(MAKERS):
        raise ValueError(f"search: strategy is {strategy!r}; give one of {', '.join(MAKERS)}")
    check_mode("search", mode)
    check_workers(workers)
    if workers > 1 and (mode == "isolated" or strategy == "bounded"):
        raise ValueError(f"search: workers is {workers}; with mode='isolated' or strategy='bounded' there is one")


def check_progress(caller: str, progress: Any) -> None:
    """Refuse what cannot be called. Raises ValueError."""
    if progress is not None and not callable(progress):
        raise ValueError(f"{caller}: progress is {progress!r}; give a function of the number of a schedule")


def check_mode(caller: str, mode: Any) -> None:
    """Refuse what is no way to run schedules. Raises ValueError."""
    if mode not in ("shared", "isolated"):
        raise ValueError(f"{caller}: mode is {mode!r}; give 'shared' or 'isolated'")


@prepared()
def first_failure(
    scenario: Scenario,
    *,
    strategy: Strategy = "portfolio",
    schedules: int = SCHEDULES,
    seed: int = 0,
    mode: Mode = "shared",
    backend: Backend | None = None,
    fidelity: Fidelity = "all",
) -> tuple[int, Result] | None:
    """Return the first failure as it was found, and the number of its schedule: a search without what follows it."""
    go = run_shared if mode == "shared" else run_isolated
    terms = terms_of(MAX_STEPS, "exact", backend, "inline", fidelity)
    learned = learned_first(strategy, scenario, (), terms)
    first = go(_plan(strategy, schedules, seed, None, Tally(), learned), scenario, (), terms)
    return None if first is None else (first.number, first.result)


def learned_first(strategy: Strategy, scenario: Scenario, args: Sequence[Any], terms: Terms) -> Learned:
    """Return what has to be known before the first schedule: for a lottery, who conflicts with whom."""
    return Learned(conflict=conflicts_of(scenario, args, terms).chance if strategy == "pos" else None)


def terms_of(
    max_steps: int, time: Time, backend: Backend | None, threads: Threads, fidelity: Fidelity = "all"
) -> Terms:
    """Return the terms that a user asked for."""
    if backend is None:
        return Terms(max_steps, time, threads=threads, fidelity=fidelity)
    return Terms(max_steps, time, backend, threads=threads, fidelity=fidelity)


@attrs.frozen
class Injected:
    """Hold what decides in a run, with what is done to it from outside."""

    decider: Decider
    injection: Injection


#: Give out what decides, take in results.
Runs = Generator[Decider | Injected, Result, T]
#: The same; ends with the first failure.
Plan = Runs[First | None]


def _plan(  # noqa: PLR0917 -- what a search has been told
    strategy: Strategy,
    schedules: int,
    seed: int,
    until: float | None,
    tally: Tally,
    learned: Learned,
    progress: Callable[[int], None] | None = None,
    turn: Turn | None = None,
) -> Plan:
    bounded = Bounded()
    ways = Ways()
    learned.longest = 0
    deciders = deciders_of(strategy, bounded, seed, learned)
    for number in range(1, schedules + 1):
        if until is not None and number > 1 and monotonic() > until:
            return None
        decider = next(deciders, None)
        if decider is None or (turn is not None and turn.is_beaten(number)):
            return None
        if turn is not None and not turn.takes(number):
            tally.covered = min(1, bounded.covered)  # what others learn is not known here
            continue
        result = yield decider
        tally.add(result)
        if progress is not None:
            progress(number)
        if result.failed:
            return First(number, result, str(decider))
        ways.add(result)
        learned.longest = max(learned.longest, len(result.choices))
        if isinstance(decider, Follow):
            bounded.learn(decider.deviations, result)
            tally.covered = bounded.covered if turn is None else min(1, bounded.covered)
        if ways.is_whole:
            tally.covered = inf
        if tally.covered == inf:
            return None  # all that there are
    return None


def run_isolated(plan: Runs[T], scenario: Scenario, args: Sequence[Any], terms: Terms) -> T:
    """Go through a plan, each schedule in a Trio run of its own; returns what it ends with."""
    try:
        job = next(plan)
        while True:
            decider, injection = _taken_apart(job)
            job = plan.send(run_once(scenario, args, decider, terms, injection=injection))
    except StopIteration as end:
        value: T = end.value
        return value


def run_shared(plan: Runs[T], scenario: Scenario, args: Sequence[Any], terms: Terms) -> T:
    """Go through a plan, many schedules in one Trio run; returns what it ends with."""
    ends: list[T] = []
    job = next(plan)
    while not ends:
        stage = Stage(terms)

        async def main(stage: Stage = stage) -> None:
            nonlocal job
            for _ in range(PER_RUN):
                result = await stage.play(scenario, args, *_taken_apart(job))
                try:
                    job = plan.send(result)
                except StopIteration as end:
                    ends.append(end.value)
                    return

        given_up = stage.run(main)
        if given_up is not None:
            try:
                job = plan.send(given_up)
            except StopIteration as end:
                ends.append(end.value)
    return ends[0]


def _taken_apart(job: Decider | Injected) -> tuple[Decider, Injection | None]:
    return (job.decider, job.injection) if isinstance(job, Injected) else (job, None)


def run(
    scenario: Scenario,
    *args: Any,
    schedule: Schedule | str | None = None,
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    backend: Backend | None = None,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
) -> Result:
    """Run a scenario once, under a schedule or its token; under the default one without. Not within Trio.

    Args:
        scenario: an async function `scenario(sim, *args)`.
        args: given to it.
        schedule: from a failure (`result.schedule`), or its token; it says about time, fidelity and injections as well.
        max_steps: steps after which it counts as a livelock.
        time: "exact" or "choice", as for `search`.
        backend: "hook" or "gate"; None takes the faster one that works.
        threads: "inline", "refuse" or "real", as for `search`; a schedule leads to the same run only under the same.
        fidelity: "all" or "trio", as for `search`.

    Returns:
        How it ended; a failure is not raised.

    Raises:
        InvalidToken: the token is none.
        ProgramChanged: the schedule was taken from another run than the one that it leads to now.
        TypeError, ValueError, RuntimeError: as `search`.
    """
    check_scenario("run", scenario, args)
    if schedule is not None and not isinstance(schedule, Schedule):
        schedule = Schedule.from_token(schedule)
    follow = Follow({}) if schedule is None else Follow(schedule.deviations, round_=not schedule.fingerprint)
    if schedule is not None:
        time, fidelity = schedule.time, schedule.fidelity
    terms = attrs.evolve(terms_of(max_steps, time, backend, threads, fidelity), takes_notes=True)
    injection = None if schedule is None else schedule.injection
    result = run_once(scenario, args, follow, terms, injection=injection)
    if schedule is not None and (schedule.fingerprint or schedule.injection):
        check_fit(schedule, follow, result)
    return result


class ScenarioFailed(AssertionError):
    """A scenario failed under a schedule; its error is the cause."""


def check(
    scenario: Scenario,
    *args: Any,
    schedule: Schedule | str | None = None,
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    backend: Backend | None = None,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
) -> Any:
    """Run a scenario once as `run` does, and return what it returned. Not within Trio.

    Raises:
        ScenarioFailed: it did not pass; the text says how, and what replays it. Others as `run`.
    """
    result = run(
        scenario, *args, schedule=schedule, max_steps=max_steps, time=time, backend=backend, threads=threads, fidelity=fidelity
    )  # fmt: skip
    if result.failed:
        raise ScenarioFailed(told(result, again_of(result))) from result.error
    return result.value
