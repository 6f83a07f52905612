"""Accounts: how often each child of a supervisor has failed, and whether that is too often. Pure: time and chance are arguments."""

from math import inf

import attrs

from ._backoff import Backoff
from ._intensity import Intensity, Recent, RestartLog
from ._policy import ChildPolicy


@attrs.frozen
class Overdrawn:
    """Say which limit a failure was over: more than `count` within `within` seconds; infinity where only attempts in a row count."""

    count: int
    within: float


class Account:
    """Hold what is counted of one child."""

    __slots__ = ("attempts", "log", "ready_at", "ready_for")

    def __init__(self) -> None:
        #: in a row: that never became ready, or, with a backoff, since it was ready for long enough.
        self.attempts = 0
        #: when it became ready; None while it is not.
        self.ready_at: float | None = None
        #: seconds for which it has been ready since its last end, without those since `ready_at`: a rest is no end.
        self.ready_for = 0.0
        #: of its own, if it has an intensity of its own.
        self.log: RestartLog | None = None


class Accounts:
    """Count the failures of a supervisor's children, each against its limit."""

    __slots__ = ("_accounts", "_log", "intensity")

    def __init__(self, intensity: Intensity) -> None:
        self.intensity = intensity
        self._log = RestartLog(intensity)
        self._accounts: dict[int, Account] = {}

    def charge(self, uid: int, policy: ChildPolicy, now: float, *, was_ready: bool) -> Overdrawn | None:
        """Count an end that leads to a restart, of an incarnation that had become ready or not; returns the limit if it is one too many.

        The end has been noted before, if anything is known of the child.
        """
        if policy.backoff is not None:
            return self._charge_attempts(self._account(uid), policy.backoff)
        log = self._log
        if policy.intensity is not None:
            account = self._account(uid)
            if account.log is None:
                account.log = RestartLog(policy.intensity)
            log = account.log
            log.intensity = policy.intensity  # another one, from an update: what is in the log counts
        within = log.add(now, uid)
        attempts = 0
        if not was_ready:  # whatever it ended for
            account = self._account(uid)
            account.attempts += 1
            attempts = account.attempts
        elif uid in self._accounts:
            self._accounts[uid].attempts = 0
        limit = log.intensity
        return None if within and attempts <= limit.max_restarts else Overdrawn(limit.max_restarts, limit.within)

    def _charge_attempts(self, account: Account, backoff: Backoff) -> Overdrawn | None:
        account.attempts += 1
        most = backoff.max_attempts
        return None if most is None or account.attempts <= most else Overdrawn(most, inf)

    def recent(self, now: float) -> Recent:
        """Return how many restarts of all children count at this moment. Reads, and changes nothing."""
        return self._log.recent(now)

    def recent_of(self, uid: int, policy: ChildPolicy, now: float) -> Recent:
        """Return how many restarts of one child count. Reads, and changes nothing."""
        account = self._accounts.get(uid)
        if policy.backoff is not None:
            return Recent(0 if account is None else account.attempts, policy.backoff.max_attempts, inf)
        if policy.intensity is not None:
            return (account.log if account is not None and account.log else RestartLog(policy.intensity)).recent(now)
        return self._log.recent(now, uid)

    def delay(self, uid: int, backoff: Backoff, chance: float) -> float:
        """Return the seconds until the attempt that follows the last failure counted."""
        return backoff.delay(self._account(uid).attempts, chance)

    def knows(self, uid: int) -> bool:
        """Return whether anything is counted of a child by itself."""
        return uid in self._accounts

    def note_ready(self, uid: int, policy: ChildPolicy, now: float) -> None:
        """Note that a child has become ready."""
        if policy.backoff is not None:
            self._account(uid).ready_at = now
        elif uid in self._accounts:
            self._accounts[uid].attempts = 0

    def note_end(self, uid: int, policy: ChildPolicy, now: float) -> None:
        """Note that an incarnation of a child is over, whether that is counted or not: from now on it is not ready."""
        self.note_rest(uid, policy, now)
        if uid in self._accounts:
            self._accounts[uid].ready_for = 0.0

    def note_rest(self, uid: int, policy: ChildPolicy, since: float) -> None:
        """Note since when a child has not been ready any more, for a rest; that is no end: how long it was ready adds up over its rests."""
        account = self._accounts.get(uid)
        if account is None or account.ready_at is None:
            return
        account.ready_for += since - account.ready_at
        account.ready_at = None
        if policy.backoff is not None and account.ready_for >= policy.backoff.resets_after:
            account.attempts = 0

    def adopt(self, intensity: Intensity) -> None:
        """Go by another intensity from now on; what is in the log counts."""
        self.intensity = self._log.intensity = intensity

    def close(self, uid: int) -> None:
        """Forget what was counted of a child."""
        self._accounts.pop(uid, None)

    def _account(self, uid: int) -> Account:
        account = self._accounts.get(uid)
        if account is None:
            account = self._accounts[uid] = Account()
        return account
