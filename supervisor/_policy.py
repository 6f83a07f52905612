"""The policy of a child, with what its supervisor alone goes by."""

from typing import Final

import attrs

from ..actors import ErrorTable, Policy, Slot
from ._backoff import Backoff
from ._intensity import Intensity


@attrs.frozen
class ChildPolicy(Policy):
    """Say besides how a child's failures are judged.

    Attributes:
        significant: its end may end the supervisor (`auto_shutdown`).
        backoff: how long its attempts wait; it is in no restart log then.
        intensity: how many restarts of it are borne, in the place of the supervisor's.
    """

    significant: bool = False
    backoff: Backoff | None = None
    intensity: Intensity | None = None


RUN_TIME_POLICY: Final = ChildPolicy()
#: Of a supervisor's own body: what it is told by mistake is logged, and no reason to end all below it (as in OTP).
SUPERVISORS_ERRORS: Final[ErrorTable] = ((Exception, "resume"),)


def policy_of(child: Slot) -> ChildPolicy:
    """Return a child's policy."""
    policy = child.policy
    assert isinstance(policy, ChildPolicy)
    return policy
