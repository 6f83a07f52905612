"""Ranks: who is worth a row where there is not room for all. Pure."""

from typing import Final

#: Seconds with the same message in hand, or in a passing state, after which somebody counts as stuck.
STUCK_AFTER: Final = 1.0

#: Later ones are worth less.
RANKS: Final = ("stale", "restarting", "stuck", "passing", "mail", "failed", "restarted", "fine")
_WORTH: Final = {word: len(RANKS) - place for place, word in enumerate(RANKS, 1)}
_PASSING: Final = frozenset({"queued", "initializing", "draining", "stopping"})

#: What one is worth, and how much there is of it; higher is worth more.
Rank = tuple[int, int]
FINE: Final[Rank] = (0, 0)
#: From here on where somebody is at is worth showing.
STUCK: Final[Rank] = (_WORTH["passing"], 0)


def rank_of(state: str, *, stale: bool, stuck: bool, queued: int, failed: bool, restarts: int) -> Rank:
    """Return what an actor is worth, and how much of it there is."""
    if stale:
        return _WORTH["stale"], 0
    if state == "restarting":
        return _WORTH["restarting"], restarts
    if stuck:
        return _WORTH["stuck"], queued
    if state in _PASSING:
        return _WORTH["passing"], 0
    if queued:
        return _WORTH["mail"], queued
    if failed:
        return _WORTH["failed"], restarts
    return (_WORTH["restarted"], restarts) if restarts else FINE
