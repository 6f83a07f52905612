"""Exploring in a test: a decorator that makes a plain test of a scenario."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

from ._run import MAX_STEPS
from ._search import SCHEDULES, search


class RaceFound(AssertionError):
    """A schedule was found under which a test fails; the text says which, and how to see it again."""


def explore(
    *, schedules: int = SCHEDULES, seed: int = 0, max_steps: int = MAX_STEPS
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., None]]:
    """Run an async test under many schedules; it fails with the smallest failure that was found.

        @races.explore(schedules=300)
        async def test_nobody_waits_for_ever(sim): ...

    The test is a plain function to pytest. Its first parameter gets the `Sim`; others come from `pytest.mark.parametrize`, or from fixtures that
    may be shared by all runs.

    Args:
        schedules: how many to try.
        seed: of all that is drawn.
        max_steps: steps after which a run counts as a livelock.

    Raises:
        TypeError: it decorates something else than an async function with a parameter for the `Sim`.
    """

    def decorate(scenario: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
        name = getattr(scenario, "__qualname__", repr(scenario))
        if not inspect.iscoroutinefunction(scenario):
            raise TypeError(f"races.explore: {name} is no async function; a scenario is `async def {name}(sim)`")
        signature = inspect.signature(scenario)
        parameters = list(signature.parameters.values())
        if not parameters:
            raise TypeError(f"races.explore: {name} takes no `sim`; a scenario is `async def {name}(sim)`")

        @wraps(scenario)
        def test(**others: Any) -> None:
            found = search(partial(scenario, **others), schedules=schedules, seed=seed, max_steps=max_steps)
            if found is not None:
                raise RaceFound(f"{name}: {found}") from found.result.error

        test.__signature__ = signature.replace(parameters=parameters[1:], return_annotation=None)  # type: ignore[attr-defined]
        return test

    return decorate
