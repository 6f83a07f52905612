"""The course of a team: the start of its declared children, and the restart of groups. Plain functions, but for the wait of who starts the team.

At most one group restarts at a time; one that fails again, or an earlier child that fails, begins it anew. A group that restarts while the team is on
its first way up takes over what has not been started yet, as that comes last in the order.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import trio

from ..actors import PARKED, Slot, StartupFailed
from ._group import GroupRestart, StartLine
from ._strategy import first_of_group

if TYPE_CHECKING:
    from ._team import Team


class Course:
    """Start and restart the children of one team, in order."""

    __slots__ = ("_acts", "_group", "_line", "_lot", "_team", "failed", "is_starting")

    def __init__(self, team: "Team") -> None:
        self._team = team
        self._group: GroupRestart | None = None
        #: the declared children on their first way up, in this incarnation of the owner.
        self._line: StartLine | None = None
        #: until the step in which the last inline one has become ready: the owner has then, though its task may hear of it later.
        self.is_starting = False
        #: the inline child that failed to start, and so fails the owner's start.
        self.failed: tuple[Slot, StartupFailed] | None = None
        #: what waits until nothing is under way.
        self._acts: list[Callable[[], None]] = []
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def is_under_way(self) -> bool:
        """Whether children are being started or restarted together."""
        return self.failed is None and (self._line is not None or self._group is not None)

    def holds(self, child: Slot) -> bool:
        """Return whether a child is being stopped with its group: its end is neither judged nor counted."""
        return self._group is not None and self._group.holds(child)

    def takes_along(self, child: Slot) -> bool:
        """Return whether a group is under way that has not come to starting a child of it."""
        return self._group is not None and child in self._group.left

    def due(self, child: Slot) -> float | None:
        """Return when the group of a child that has been stopped starts again, on Trio's clock; None if that is not set."""
        return self._group.due if self._group is not None and self._group.holds(child) else None

    def begin_group(self, child: Slot, delay: float) -> None:
        """Restart the children that go with one, once its last step is over. A group that is under way is taken in."""
        team, before = self._team, self._group
        order = [each for each in team.children.values() if each is child or self._takes_part(each)]
        pending: int | None = None
        after: Slot | None = None
        if before is not None:
            pending = next((place for place, each in enumerate(order) if each in before.left), None)
            after = before.after if before.line is None else before.line.at
            before.cancel()
        members = order[first_of_group(team.plan.strategy, order.index(child), pending) :]
        after = None if after in members else after
        owed = {each for each in members if each.life is PARKED and (before is None or each in before.owed)}
        members = [each for each in members if each.life is not PARKED or each in owed]
        for each in members:
            team.retries.call_off(each)
        self._group = GroupRestart(members, owed, delay, team.launch, self.go_on, after=after)

    def _takes_part(self, child: Slot) -> bool:
        """Return whether a child is restarted with others: not one that is temporary by nature, or that somebody starts by hand just now."""
        if child.policy.restart == "temporary" and not child.policy.declared:
            return False
        return self.is_starting or child.more is None or not child.more.awaited

    @trio.lowlevel.enable_ki_protection
    def go_on(self) -> None:
        """Do what can be done now."""
        if self.failed is None:
            if self._group is not None:
                if not self._group.go_on():
                    return
                self._group = None
            if self._line is not None:
                if not self._line.go_on():
                    return
                self._line = None
            self.is_starting = False
            self._act()
        self._lot.unpark_all()

    def fails_start(self, child: Slot, reason: StartupFailed) -> bool:
        """Return whether a child that did not become ready fails the owner's start, and note that."""
        line = self._line if self._group is None else self._group.line
        if not (self.is_starting and child.policy.declared and line is not None and line.at is child):
            return False
        self.failed = (child, reason)
        return True

    async def start(self, children: Iterable[Slot], owed: Iterable[Slot]) -> None:
        """Launch declared children in order; return when all inline ones are ready, or one has failed: then `failed` tells. Checkpoint: maybe."""
        self.failed = None
        self.is_starting = True
        line = self._line = StartLine(children, owed, self._team.launch)
        for child in children:
            child.get_more().awaited = child.policy.inline and (child.life is not PARKED or child in line.owed)
        self.go_on()
        while self.is_starting and self.failed is None:
            await self._lot.park()
        self.is_starting = False

    def when_at_rest(self, act: Callable[[], None]) -> None:
        """Do something as soon as nothing is under way: now, as a rule."""
        self._acts.append(act)
        if not self.is_under_way:
            self._act()

    def _act(self) -> None:
        while self._acts:
            self._acts.pop(0)()

    def cancel(self) -> None:
        """Let nothing more come of what is under way, and do what waited for it."""
        if self._group is not None:
            self._group.cancel()
        self._group = self._line = None
        self._act()
