"""Records: what is still known of actors that have ended, for some time.

Nothing else that the runtime keeps grows with time: reports fold, dead letters are counted by reason, and a slot that has ended belongs to whoever
holds its ref. A record holds no slot. Plain actors end by the thousand in a second, and nobody asks after one that ended well, so those leave none.
"""

from collections import deque
from collections.abc import Mapping
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, Final

import attrs

from ._reasons import ExitReason
from ._status import Status

if TYPE_CHECKING:
    from ._slot import Slot

#: How many records are kept at most; past that the oldest are forgotten.
RECORDS_CAPACITY: Final = 1_000


@attrs.frozen
class EndedActor:
    """Say how an actor ended that is no longer in the tree.

    Attributes:
        path, name, uid, incarnation, labels: which one it was, and in which incarnation.
        kind: "actor", "agent" or "function"; "unknown", if its factory was never called.
        lifecycle: "stopped", or "failed" if it never became ready.
        status: as its ref shows it: `Completed` with a result, `Errored` or `Shutdown`.
        last_turn: of an agent, how its last turn ended: `Completed` with a result, `Errored` or `Interrupted`; None if there was none.
        reason: why it ended.
        by: who asked for the end ("itself", "parent", "reaper", …).
        registered, ended: when, on Trio's clock.
    """

    path: str
    name: str
    uid: int
    incarnation: int
    labels: Mapping[str, Any]
    kind: str
    lifecycle: str
    status: Status
    last_turn: Status | None
    reason: ExitReason
    by: str
    registered: float
    ended: float


class Records:
    """Keep the records of a tree, in the order in which the actors ended."""

    def __init__(self, retention: float | None) -> None:
        #: seconds; nothing is kept if it is 0.
        self._retention = inf if retention is None else retention
        self._kept: deque[EndedActor] = deque(maxlen=RECORDS_CAPACITY)

    def __len__(self) -> int:
        """Count what is kept."""
        return len(self._kept)

    def add(self, slot: "Slot", reason: ExitReason, by: str) -> None:
        """Keep the record of a slot that has ended for good, in its last step. Plain, no user code."""
        if self._retention == 0:
            return
        more = slot.more
        self._kept.append(
            EndedActor(
                path=slot.path,
                name=slot.name,
                uid=slot.uid,
                incarnation=slot.incarnation,
                labels=slot.policy.labels,
                kind=slot.blueprint.kind,
                lifecycle=slot.life.value,
                status=slot.own_status(),
                last_turn=None if more is None else more.last_turn,
                reason=reason,
                by=by,
                registered=slot.born,
                ended=slot.runtime.now(),
            )
        )

    @property
    def due(self) -> float:
        """When the oldest becomes old; infinity if that never happens."""
        return self._kept[0].ended + self._retention if self._kept else inf

    def forget(self, now: float) -> None:
        """Forget what has become old."""
        while now > self.due:
            self._kept.popleft()

    def latest(self, count: int, now: float) -> tuple[EndedActor, ...]:
        """Return the last of all that are not old, in order of their ends. Changes nothing."""
        last = islice(reversed(self._kept), count)
        return tuple(record for record in last if not now > record.ended + self._retention)[::-1]

    def below(self, path: str, now: float) -> tuple[EndedActor, ...]:
        """Return those of all that were below a path and are not old, in order of their ends. Changes nothing."""
        prefix = f"{path}/"
        return tuple(
            record
            for record in self._kept
            if record.path.startswith(prefix) and not now > record.ended + self._retention
        )
