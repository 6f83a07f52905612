"""Recent restarts: how near a supervisor, or a child of one, is to its limit. Reads, and changes nothing."""

from ..actors import Slot
from ._accounts import Accounts
from ._intensity import Recent
from ._policy import ChildPolicy
from ._team import Team, team_of


def recent_below(slot: Slot, now: float) -> Recent | None:
    """Return what counts of the restarts of all its children together; None if it has had no children."""
    team = team_of(slot)
    return None if team is None else _accounts_of(team).recent(now)


def recent_of(slot: Slot, now: float) -> Recent | None:
    """Return what counts of its own restarts, against the limit that it is judged by; None of the root."""
    team, policy = None if slot.parent is None else team_of(slot.parent), slot.policy
    if team is None or not isinstance(policy, ChildPolicy):
        return None
    return _accounts_of(team).recent_of(slot.uid, policy, now)


def _accounts_of(team: Team) -> Accounts:
    """Return a team's accounts; of one that has opened none yet, empty ones that it will not know of."""
    opened = team._accounts  # noqa: SLF001 -- `accounts` opens them, and looking is to change nothing
    return opened or Accounts(team.plan.intensity if team.is_supervisors else team._own)  # noqa: SLF001 -- as `accounts`
