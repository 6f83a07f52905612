"""What a soak goes round: jobs that explore something, each for as long as it is told, from a seed that nobody has used before."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random
from time import monotonic
from typing import Any, Final, cast

import attrs
from hypothesis import Phase, settings

from greenroom import races
from greenroom.races import Injection, RaceFound, Result
from greenroom.races._decider import Decider, Follow, Walk
from greenroom.races._machine_examples import run_again
from greenroom.races._run import MAX_STEPS, Terms, run_once
from greenroom.races._schedule import Time
from greenroom.races._search import first_failure
from greenroom.races._shrink import shrink
from greenroom.races._strategies import MAKERS, Learned
from greenroom.races._telling import told as told_of
from greenroom.races.catalogue import CATALOGUE

from . import pooled_trees, reductions, small_trees, test_runtime_found
from .background import a_cell_of_work, whatever_meets
from .drawn_programs import draw
from .drawn_programs import scenario as drawn_scenario
from .errors import SCENARIOS as ERRORS
from .fan_out import a_fan_out_that_is_meddled_with
from .forest import STEPS, a_tree, draw_tree
from .histories import compare
from .machines import RUNS
from .machines import run as run_machine
from .matrix import PROMISES
from .outcomes import a_cell_of_agents
from .programs import draw_program
from .promise import BOUNDARIES
from .recorded import RECORDED
from .registering import REGISTERING
from .resting import a_place_comes_back, crowd, whatever_meets_rest
from .runtime_machine import Asked, Runtime
from .supervision import SCENARIOS as SUPERVISION
from .wide_programs import draw_wide, wide

#: Of drawn trees with and without a reduction: how many deviations, None for any among actors, and how many actors at most.
BOUNDS: Final[list[tuple[int | None, int]]] = [(1, 4), (2, 3), (None, 2), (2, 2), (1, 3), (3, 2), (None, 2), (1, 4)]
#: The same for actors that share their tasks.
POOLED_BOUNDS: Final[list[tuple[int | None, int]]] = [(1, 4), (2, 2), (1, 3), (1, 2), (1, 4), (2, 3)]
#: Runs between two looks at the clock.
AT_ONCE: Final = 20
#: Seconds that a failure may take to shrink.
SHRINKING: Final = 20.0


@attrs.frozen
class Failure:
    """Hold what failed, and what leads to it again.

    Attributes:
        what: in one line.
        token: of the schedule; "" where the seed alone leads to it.
        seed: of the program that was drawn, or of the whole job.
    """

    what: str
    token: str
    seed: int


@attrs.define
class Tally:
    """Count what a job has done.

    Attributes:
        runs: schedules, or examples.
        points: of them those with a cancellation or a crash.
        orders: hashes of the orders that came up.
        failures: what failed.
    """

    runs: int = 0
    points: int = 0
    orders: set[int] = attrs.field(factory=set[int])
    failures: list[Failure] = attrs.field(factory=list[Failure])

    def note(self, result: Result, extra: int = 0) -> None:
        """Count a run."""
        self.runs += 1
        self.points += result.injection is not None
        self.orders.add(hash((extra, *[choice.index for choice in result.choices])))


@attrs.frozen
class Job:
    """Explore one thing.

    Attributes:
        name: without blanks at its ends; unique.
        play: explores for about so many seconds, from a seed, and hands out what it has counted, now and then.
        again: leads to a failure again: given its seed and its token.
    """

    name: str
    play: Callable[[int, float], Iterator[Tally]]
    again: Callable[[int, str], Result]


def line(error: BaseException | None) -> str:
    """Return an error as one line; of a group, the first in it."""
    at: Any = error
    while isinstance(at, BaseExceptionGroup):
        at = cast("Any", at).exceptions[0]
    return f"{type(at).__name__}: {at}".splitlines()[0][:150]


def failure_of(result: Result, seed: int = 0) -> Failure:
    """Return a failed run as a failure."""
    return Failure(f"{result.verdict}: {line(result.error)}", result.schedule.token, seed)


def shrunk(result: Result, run: Callable[[Decider, Injection | None], Result]) -> Result:
    """Return a smaller failure of the same kind, as far as the time goes."""
    until = monotonic() + SHRINKING
    schedule = result.schedule

    def rerun(deviations: Any) -> Result:
        if monotonic() > until:
            raise TimeoutError
        return run(Follow(deviations), schedule.injection)

    try:
        return shrink(result, rerun)[0]
    except TimeoutError:
        return result


def deciders(seed: int) -> Iterator[Decider]:
    """Give deciders of all strategies that draw, without an end."""
    makers = MAKERS["portfolio"]
    random = Random(seed)
    for number in count(seed * 1_000_003):
        yield makers[number % len(makers)](number, Learned(random.choice([20, 60, 150])))


def explore(scenario: Any, *args: Any, time: Time = "exact", sweeps: bool = False) -> Any:
    """Return a `play` that runs a scenario under drawn schedules; with a cancellation and a crash at each point of some, too."""

    def play(seed: int, seconds: float) -> Iterator[Tally]:
        until = monotonic() + seconds
        draws = deciders(seed)
        swept = 0
        for turn in count():
            tally = Tally()
            terms = Terms(time=time if turn % 2 else "exact")

            def run(decider: Decider, injection: Injection | None = None, terms: Terms = terms) -> Result:
                return run_once(scenario, args, decider, terms, injection=injection)

            for _ in range(AT_ONCE):
                result = run(next(draws))
                tally.note(result)
                if result.failed:
                    yield from told(tally, result, run)
                    return
            if sweeps:
                which = swept % 4
                walk = seed * 1_000_003 + swept
                swept += 1
                for point in count():
                    injection = (
                        Injection("crash", BOUNDARIES[which - 1], point)
                        if which
                        else Injection("cancel", "victim", point)
                    )
                    result = run(Walk(walk), injection)
                    tally.note(result, point + 1)
                    if result.failed:
                        yield from told(tally, result, run)
                        return
                    if result.injection is None or monotonic() > until:
                        break
            yield tally
            if monotonic() > until:
                return

    return play


def told(
    tally: Tally, result: Result, run: Callable[[Decider, Injection | None], Result], seed: int = 0
) -> Iterator[Tally]:
    """Tell of a failure at once, and again when it has been shrunk: what is told last counts."""
    tally.failures.append(failure_of(result, seed))
    yield tally
    yield Tally(failures=[failure_of(shrunk(result, run), seed)])


def again_by(scenario: Any, *args: Any) -> Any:
    """Return an `again` for one scenario."""

    def again(_seed: int, token: str) -> Result:
        return races.run(scenario, *args, schedule=token)

    return again


def play_drawn(
    scenario: Any,
    draw: Callable[[int], Any],
    times: Sequence[Time] = ("exact",),
    *,
    each: int = len(MAKERS["portfolio"]),
    max_steps: int = MAX_STEPS,
) -> Any:
    """Return a `play` that runs drawn programs of actors, `each` of them under so many schedules of different strategies."""
    makers = MAKERS["portfolio"]

    def play(seed: int, seconds: float) -> Iterator[Tally]:
        until = monotonic() + seconds
        for number in count(seed * 1_000_003):
            program, tally = draw(number), Tally()
            terms = Terms(max_steps, times[number % len(times)])

            def run(
                decider: Decider, injection: Injection | None = None, program: Any = program, terms: Terms = terms
            ) -> Result:
                return run_once(scenario, (program,), decider, terms, injection=injection)

            for offset in range(each):
                make = makers[(number + offset) % len(makers)]
                result = run(make(number + offset, Learned(60)), program.injection)
                tally.note(result, number)
                if result.failed:
                    yield from told(tally, result, run, number)
                    return
            yield tally
            if monotonic() > until:
                return

    return play


def play_bug(bug: Any) -> Any:
    """Return a `play` that looks for a known bug: not to find it is a failure."""

    def play(seed: int, seconds: float) -> Iterator[Tally]:
        until = monotonic() + seconds
        for number in count(seed * 1_009):
            first = first_failure(bug.broken, schedules=2_000, seed=number)
            tally = Tally(runs=2_000 if first is None else first[0])
            if first is None:
                tally.failures.append(Failure("the bug was not found in 2,000 schedules", "", number))
            yield tally
            if first is None or monotonic() > until:
                return

    return play


def again_bug(bug: Any) -> Any:
    """Return an `again` for a bug that was not found from a seed."""

    def again(seed: int, _token: str) -> Result:
        result = races.run(bug.broken)
        if first_failure(bug.broken, schedules=2_000, seed=seed) is None:
            return attrs.evolve(result, verdict="failed", error=AssertionError("the bug was not found"))
        return attrs.evolve(result, verdict="passed", error=None)

    return again


def play_backends(seed: int, seconds: float) -> Iterator[Tally]:
    """Run drawn programs by gate and by hook: each has to go the same way by both."""
    until = monotonic() + seconds
    for number in count(seed * 1_000_003):
        tally = Tally()
        one, other = both(number)
        tally.note(one, number)
        tally.runs += 1
        if facts(one) != facts(other):
            tally.failures.append(Failure("gate and hook go different ways", "", number))
        yield tally
        if tally.failures or monotonic() > until:
            return


def both(number: int) -> tuple[Result, Result]:
    """Run a drawn program by gate and by hook."""
    program = draw_program(number)
    time: Time = "choice" if number % 2 else "exact"
    one, other = (run_once(program, (), Walk(number), Terms(2_000, time, backend)) for backend in ("gate", "hook"))
    return one, other


def play_histories(seed: int, seconds: float) -> Iterator[Tally]:
    """Draw small histories: the checker has to say of each what the plainest way says."""
    until = monotonic() + seconds
    for number in count(seed * 1_000_003):
        tally = Tally(runs=1)
        try:
            compare(number)
        except Exception as error:  # noqa: BLE001 -- told as a failure, whatever it is
            tally.failures.append(Failure(line(error), "", number))
        yield tally
        if tally.failures or monotonic() > until:
            return


def play_reductions(draw: Any, bounds: Sequence[tuple[int | None, int]]) -> Any:
    """Return a `play` that draws small trees of actors: with a reduction they have to fail in the same ways as without one."""

    def play(seed: int, seconds: float) -> Iterator[Tally]:
        until = monotonic() + seconds
        for number in count(seed * 1_000_003):
            tally = Tally()
            try:
                tally.runs = sum(reductions.compare(number, *bounds[number % len(bounds)], draw))
            except Exception as error:  # noqa: BLE001 -- told as a failure, whatever it is
                tally.failures.append(Failure(line(error), "", number))
            yield tally
            if tally.failures or monotonic() > until:
                return

    return play


def again_reduction(draw: Any, bounds: Sequence[tuple[int | None, int]]) -> Any:
    """Return an `again` that draws a tree again, and compares; none of it within a run."""

    def again(seed: int, _token: str) -> Result:
        result = races.run(_nothing)
        try:
            reductions.compare(seed, *bounds[seed % len(bounds)], draw)
        except Exception as error:  # noqa: BLE001 -- the same
            return attrs.evolve(result, verdict="failed", error=error)
        return result

    return again


async def _nothing(_sim: Any) -> None:
    pass


def play_machine(machine: Any, steps: int) -> Any:
    """Return a `play` that draws programs of a machine, and their schedules; a failure is shrunk to the least program."""

    def play(seed: int, seconds: float) -> Iterator[Tally]:
        until = monotonic() + seconds
        for number in count(seed * 1_009):
            tally = Tally()

            def hears(result: Result, lines: list[str], tally: Tally = tally) -> None:
                if not result.failed:  # else it is being shrunk
                    tally.note(result, hash(tuple(lines)))

            try:
                run_machine(machine, of_machines(steps), hears, number)
            except RaceFound as error:
                tally.failures.append(Failure(line(error.__cause__), error.token, number))
            yield tally
            if tally.failures or monotonic() > until:
                return

    return play


def of_machines(steps: int) -> settings:
    """Return the settings of a machine's examples in a soak: as many as take a second or two."""
    return settings(
        RUNS, derandomize=False, max_examples=60, stateful_step_count=steps, phases=[Phase.generate, Phase.shrink]
    )


def again_machine(machine: Any, steps: int) -> Any:
    """Return an `again` for a machine: by its token, else by drawing the examples of the seed again."""

    def again(seed: int, token: str) -> Result:
        try:
            if token:
                run_again(machine, token)
            else:
                run_machine(machine, of_machines(steps), None, seed)
        except RaceFound as error:
            print(error)
            return Result("failed", error.__cause__, (), 0)
        return Result("passed", None, (), 0)

    return again


def again_history(seed: int, _token: str) -> Result:
    """Draw a history again, and compare."""

    async def scenario(_sim: Any) -> None:
        compare(seed)

    return races.run(scenario)


def facts(result: Result) -> Any:
    """Return what two ways of running a program have to agree on."""
    return result.choices, result.verdict, result.steps, result.value, repr(result.error)


def again_by_both(seed: int, _token: str) -> Result:
    """Run by gate and by hook; a difference is a failure."""
    one, other = both(seed)
    if facts(one) == facts(other):
        return attrs.evolve(one, verdict="passed", error=None)
    return attrs.evolve(one, verdict="failed", error=AssertionError("gate and hook go different ways"))


def again_drawn(scenario: Any, draw: Callable[[int], Any], max_steps: int = MAX_STEPS) -> Any:
    """Return an `again` for drawn programs."""

    def again(seed: int, token: str) -> Result:
        return races.run(scenario, draw(seed), schedule=token, max_steps=max_steps)

    return again


__all__ = ["JOBS", "Failure", "Tally", "told_of"]
FOUND: Final = test_runtime_found.FOUND

JOBS: Final[list[Job]] = [
    *(
        Job(f"promise {each}", explore(each.scenario, time=each.time, sweeps=True), again_by(each.scenario))
        for each in PROMISES
    ),
    *(Job(f"found {each.__name__}", explore(each), again_by(each)) for each in FOUND),
    *(Job(f"twin {bug.name}", explore(bug.fixed), again_by(bug.fixed)) for bug in CATALOGUE),
    *(Job(f"bug {bug.name}", play_bug(bug), again_bug(bug)) for bug in CATALOGUE),
    # The widest nets, cast more often.
    *(
        Job(f"programs {part}", play_drawn(drawn_scenario, draw), again_drawn(drawn_scenario, draw))
        for part in range(4)
    ),
    *(
        Job(f"wide programs {part}", play_drawn(wide, draw_wide, ("exact", "choice")), again_drawn(wide, draw_wide))
        for part in range(6)
    ),
    *(Job(f"background {part}", explore(whatever_meets), again_by(whatever_meets)) for part in range(2)),
    Job(
        "fan-out",
        explore(a_fan_out_that_is_meddled_with, sweeps=True),
        again_by(a_fan_out_that_is_meddled_with),
    ),
    Job("outcome agent", explore(a_cell_of_agents, sweeps=True), again_by(a_cell_of_agents)),
    Job("outcome work", explore(a_cell_of_work, sweeps=True), again_by(a_cell_of_work)),
    *(Job(f"rest {part}", explore(whatever_meets_rest), again_by(whatever_meets_rest)) for part in range(2)),
    *(Job(f"errors {each.__name__}", explore(each, time="choice", sweeps=True), again_by(each)) for each in ERRORS),
    *(
        Job(f"supervision {each.__name__}", explore(each, time="choice", sweeps=True), again_by(each))
        for each in SUPERVISION
    ),
    Job("rest of a crowd", explore(crowd, sweeps=True), again_by(crowd)),
    Job("rest and places", explore(a_place_comes_back, sweeps=True), again_by(a_place_comes_back)),
    *(
        Job(f"registry {each.__name__}", explore(each, time="choice", sweeps=True), again_by(each))
        for each in REGISTERING
    ),
    *(Job(f"recorded {each.__name__}", explore(each, time="choice", sweeps=True), again_by(each)) for each in RECORDED),
    Job("histories", play_histories, again_history),
    *(
        Job(f"{name} {part}", play_reductions(draw, bounds), again_reduction(draw, bounds))
        for name, draw, bounds in (
            ("reductions", small_trees.draw_tree, BOUNDS),
            ("pooled reductions", pooled_trees.draw_pooled, POOLED_BOUNDS),
        )
        for part in range(2)
    ),
    # Half a dozen, so that an hour has many programs of each length.
    *(
        Job(
            f"machine {machine.__name__} of {steps}",
            play_machine(machine, steps),
            again_machine(machine, steps),
        )
        for machine in (Runtime, Asked)
        for steps in (6, 15, 40)
    ),
    # A tree takes as long as some hundred small programs.
    *(
        Job(
            f"trees {part}",
            play_drawn(a_tree, draw_tree, each=1, max_steps=STEPS),
            again_drawn(a_tree, draw_tree, STEPS),
        )
        for part in range(16)
    ),
    *(Job(f"backends {part}", play_backends, again_by_both) for part in range(2)),
]
