"""Sweeps: a cancellation, or a crash, at every point of a scenario, one run for each."""

from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Literal

import attrs

from ._checks import check_count, check_scenario, check_seed
from ._decider import Decider, Follow, Walk
from ._result import Result, kind_of
from ._run import MAX_STEPS, Scenario, Terms, prepared, run_once
from ._schedule import Injection, Time
from ._search import Injected, Runs, run_isolated, run_shared
from ._telling import headline
from ._threads import Threads

Boundary = Literal["startup", "handler", "shutdown"]


def _frozen(failures: Mapping[tuple[int, int], Result]) -> Mapping[tuple[int, int], Result]:
    return MappingProxyType(dict(failures))


@attrs.frozen
class Sweep:
    """Say what came of a sweep.

    Attributes:
        points: at how many it was tried, over all schedules: all there are, or up to the first at which the run hung.
        failures: (number of the schedule from 0, point from 0) -> the run that failed there; its `schedule.token` replays it.
    """

    points: int
    failures: Mapping[tuple[int, int], Result] = attrs.field(converter=_frozen)

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [f"{self.points} points tried, {len(self.failures)} failed"]
        lines += [
            f"  schedule {number}, point {at}: {headline(result)} ({result.schedule.token})"
            for (number, at), result in self.failures.items()
        ]
        return "\n".join(lines)


def cancel_everywhere(
    scenario: Scenario,
    *args: Any,
    scope: str = "victim",
    schedules: int = 1,
    seed: int = 0,
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    threads: Threads = "inline",
) -> Sweep:
    """Cancel a named scope at its first step, then in another run at its second, and so on to its last. Not within Trio.

    Args:
        scenario: it opens the scope by `with sim.scope("victim"):`, and checks what has to hold after a cancellation.
        args: given to it each time.
        scope: the name.
        schedules: under how many schedules it is swept: the default one, and then random walks.
        seed: of the random walks.
        max_steps: steps after which a run counts as a livelock.
        time: "exact" or "choice", as for `search`.
        threads: "inline", "refuse" or "real", as for `search`.

    Raises:
        ValueError: the scenario opens no such scope, or takes no step in it; or a number is none.
        TypeError, RuntimeError: as `search`.
    """
    check_scenario("cancel_everywhere", scenario, args)
    sweep = _sweep(scenario, args, "cancel", scope, schedules, seed, Terms(max_steps, time, threads=threads))
    if not sweep.points:
        raise ValueError(f"cancel_everywhere: the scenario takes no step in a `with sim.scope({scope!r}):`")
    return sweep


def crash_everywhere(
    scenario: Scenario,
    *args: Any,
    at: Boundary = "handler",
    schedules: int = 1,
    seed: int = 0,
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    threads: Threads = "inline",
) -> Sweep:
    """Crash an actor at the first boundary of the kind that the run comes to, then in another run at the second, and so on. Not within Trio.

    Args:
        scenario: it opens a tree of actors, and checks what has to hold after a crash.
        args: given to it each time.
        at: "startup": before an actor is made; "handler": before an actor, of any kind, takes the next mail; "shutdown": in the place of its hook.
        schedules: under how many schedules it is swept: the default one, and then random walks.
        seed: of the random walks.
        max_steps: steps after which a run counts as a livelock.
        time: "exact" or "choice", as for `search`.
        threads: "inline", "refuse" or "real", as for `search`.

    Raises:
        ValueError: no such boundary, or the scenario comes to none; or a number is none.
        TypeError, RuntimeError: as `search`.
    """
    if at not in ("startup", "handler", "shutdown"):
        raise ValueError(f"crash_everywhere: at is {at!r}; give 'startup', 'handler' or 'shutdown'")
    check_scenario("crash_everywhere", scenario, args)
    sweep = _sweep(scenario, args, "crash", at, schedules, seed, Terms(max_steps, time, threads=threads))
    if not sweep.points:
        raise ValueError(f"crash_everywhere: the scenario comes to no {at} of an actor")
    return sweep


@prepared()
def _sweep(  # noqa: PLR0917 -- what both sweeps hand on
    scenario: Scenario,
    args: tuple[Any, ...],
    what: Literal["cancel", "crash"],
    name: str,
    schedules: int,
    seed: int,
    terms: Terms,
) -> Sweep:
    check_count("schedules", schedules)
    check_seed(seed)

    def job(number: int, point: int) -> Injected:
        decider: Decider = Walk(seed * 1_000_003 + number) if number else Follow({})
        return Injected(decider, Injection(what, name, point))

    def plan() -> Runs[Sweep]:
        failures: dict[tuple[int, int], Result] = {}
        points = 0
        for number in range(schedules):
            for point in count():
                result = yield job(number, point)
                if result.failed:
                    failures[number, point] = result
                if result.verdict == "hung":
                    return Sweep(points + 1, failures)  # each further one would take a patience, too
                if result.injection is None:
                    break  # the run as it is without; that it fails already is worth telling too
                points += 1
        return Sweep(points, failures)

    def again(place: tuple[int, int]) -> Result:
        each = job(*place)
        return run_once(scenario, args, each.decider, terms, injection=each.injection)

    # Many runs share one of Trio's. What fails there fails in one of its own, too, or they are not independent; then each has its own.
    sweep = run_shared(plan(), scenario, args, terms)
    alone = {place: again(place) for place in sweep.failures}
    if all(kind_of(result) == kind_of(alone[place]) for place, result in sweep.failures.items()):
        return Sweep(sweep.points, alone)
    return run_isolated(plan(), scenario, args, terms)
