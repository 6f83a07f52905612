"""A bug of the catalogue, and how one is made of a scenario that has its fix as a parameter."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs

from .._run import Scenario


@attrs.frozen
class Bug:
    """Hold a known bug and its fixed twin.

    Attributes:
        name: for people; no detector sees it, because both scenarios are partials, which have no name.
        summary: what goes wrong, in one sentence.
        broken: the scenario with the bug; it passes under the default schedule.
        fixed: the same with the fix.
        needle: it takes several deviations at once to show it, so a search may take far longer.
    """

    name: str
    summary: str
    broken: Scenario
    fixed: Scenario
    needle: bool = False


def bug(scenario: Callable[..., Awaitable[Any]], *, needle: bool = False) -> Bug:
    """Make a bug of an async function `scenario(sim, *, fixed)`: its name, the first line of its docstring, and it with and without the fix."""
    name: str = getattr(scenario, "__name__", "")
    summary = (scenario.__doc__ or "").partition("\n")[0]
    return Bug(name, summary, partial(scenario, fixed=False), partial(scenario, fixed=True), needle)
