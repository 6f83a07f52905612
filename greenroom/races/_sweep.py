"""Sweeps: a cancellation, or a crash, at every point of a scenario, one run for each."""

from collections.abc import Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, Literal

import attrs

from ._decider import Follow
from ._run import MAX_STEPS, Result, Scenario, Terms, check_scenario, run_once
from ._schedule import Injection

Boundary = Literal["startup", "handler", "shutdown"]


def _frozen(failures: Mapping[int, Result]) -> Mapping[int, Result]:
    return MappingProxyType(dict(failures))


@attrs.frozen
class Sweep:
    """Say what came of a sweep.

    Attributes:
        points: at how many it was tried: all there are.
        failures: point -> the run that failed there.
    """

    points: int
    failures: Mapping[int, Result] = attrs.field(converter=_frozen)

    def __str__(self) -> str:
        """Say it in a few lines."""
        lines = [f"{self.points} points tried, {len(self.failures)} failed"]
        lines += [
            f"  point {at}: {result.verdict}: {type(result.error).__name__}: {result.error} ({result.schedule.token})"
            for at, result in self.failures.items()
        ]
        return "\n".join(lines)


def cancel_everywhere(scenario: Scenario, *args: Any, scope: str = "victim", max_steps: int = MAX_STEPS) -> Sweep:
    """Cancel a named scope at its first step, then in another run at its second, and so on to its last. Not within Trio.

    Args:
        scenario: it opens the scope by `with sim.scope("victim"):`, and checks what has to hold after a cancellation.
        args: given to it each time.
        scope: the name.
        max_steps: steps after which a run counts as a livelock.

    Raises:
        ValueError: the scenario opens no such scope, or takes no step in it.
    """
    sweep = _sweep(scenario, args, "cancel", scope, max_steps)
    if not sweep.points:
        raise ValueError(f"cancel_everywhere: the scenario takes no step in a `with sim.scope({scope!r}):`")
    return sweep


def crash_everywhere(scenario: Scenario, *args: Any, at: Boundary = "handler", max_steps: int = MAX_STEPS) -> Sweep:
    """Crash an actor at the first boundary of the kind that the run comes to, then in another run at the second, and so on. Not within Trio.

    Args:
        scenario: it opens a tree of actors, and checks what has to hold after a crash.
        args: given to it each time.
        at: "startup": before an actor is made; "handler": before an actor in the pool handles mail; "shutdown": in the place of its hook.
        max_steps: steps after which a run counts as a livelock.

    Raises:
        ValueError: no such boundary, or the scenario comes to none.
    """
    if at not in ("startup", "handler", "shutdown"):
        raise ValueError(f"crash_everywhere: at is {at!r}; give 'startup', 'handler' or 'shutdown'")
    sweep = _sweep(scenario, args, "crash", at, max_steps)
    if not sweep.points:
        raise ValueError(f"crash_everywhere: the scenario comes to no {at} of an actor")
    return sweep


def _sweep(
    scenario: Scenario, args: tuple[Any, ...], what: Literal["cancel", "crash"], name: str, max_steps: int
) -> Sweep:
    check_scenario(f"{what}_everywhere", scenario)
    terms = Terms(max_steps)
    failures: dict[int, Result] = {}
    for point in count():
        injection = Injection(what, name, point)
        result = run_once(scenario, args, Follow({}), terms, injection=injection)
        if result.failed:
            failures[point] = result
        if result.injection is None:
            # The run as it is without; that it fails already is worth telling too.
            return Sweep(point, failures)
    raise AssertionError("count() does not end")
