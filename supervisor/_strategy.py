"""Strategies: whom a failed child's restart takes along. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one", "dynamic"]
STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)
AutoShutdown = Literal["never", "any_significant", "all_significant"]
AUTO_SHUTDOWNS: Final[tuple[AutoShutdown, ...]] = get_args(AutoShutdown)

#: strategy -> from whom on children are restarted together: "first" (all), "failed" (that one and those after it), None (nobody else is).
GROUPS: Final[Mapping[Strategy, Literal["first", "failed"] | None]] = {
    "one_for_one": None,
    "dynamic": None,
    "one_for_all": "first",
    "rest_for_one": "failed",
}


def first_of_group(strategy: Strategy, failed: int, pending: int | None = None) -> int | None:
    """Return the place in the order of the first child of the group that restarts; None if the failed one is alone.

    Args:
        strategy: the supervisor's.
        failed: the failed child's place.
        pending: the first place of a group that is still being stopped, which the new one takes in; None if there is none.
    """
    since = GROUPS[strategy]
    if since is None:
        return None
    first = 0 if since == "first" else failed
    return first if pending is None else min(first, pending)


def shuts_down(mode: AutoShutdown, *, others_alive: bool) -> bool:
    """Return whether a supervisor is to end as a significant child has ended by itself, for good. `others_alive`: significant ones are left."""
    return mode == "any_significant" or (mode == "all_significant" and not others_alive)
