"""The team: the children of one slot, and what follows when one of them ends."""

from collections.abc import Mapping
from typing import Any

from ..actors import (
    DRAIN,
    END,
    PARKED,
    STOP,
    Crashed,
    Escalated,
    ExitReason,
    GreenroomError,
    InvalidSpec,
    Slot,
    StartupFailed,
    Verdict,
    close_parked,
    end_from_outside,
    error_of,
    hurry,
    order_end,
    text_of,
)
from ._errors import ErrorEscalated, RestartIntensityExceeded
from ._intensity import Intensity, RestartLog
from ._judge import judge

DEFAULT_INTENSITY = Intensity()


class Team:
    """Own a slot's children under one_for_one: each is judged alone. An actor that has children is their supervisor too."""

    __slots__ = ("_attempts", "_closing", "_log", "children", "owner")

    def __init__(self, owner: Slot) -> None:
        self.owner = owner
        #: in the order of their registration.
        self.children: dict[str, Slot] = {}
        self._log: RestartLog | None = None
        #: uid -> attempts in a row that never became ready.
        self._attempts: dict[int, int] = {}
        self._closing = False

    @property
    def intensity(self) -> Intensity:
        """How many restarts the owner bears."""
        own = getattr(self.owner.actor, "intensity", None)
        if own is None:
            return DEFAULT_INTENSITY
        if not isinstance(own, Intensity):
            raise InvalidSpec(f"{self.owner.path}: intensity is {own!r}; give an Intensity")
        return own

    # -- ends

    def decide(self, child: Slot, reason: ExitReason) -> Verdict:
        """Decide what follows a child's end. Plain, and the owner is only told: it ends in its own time, so chains of ends do not recurse."""
        owner = self.owner
        if self._closing or owner.ending or owner.order >= STOP or owner.reason is not None:
            return "forget"
        if isinstance(reason, Crashed) and reason.escalates and not child.admin:
            self._escalate(child, reason)
            return "forget"
        if child.policy.restart == "temporary":
            return "forget"
        sentence = judge(reason, child.policy.restart, by_others=child.admin)
        if sentence != "restart":
            self._attempts.pop(child.uid, None)
            return sentence
        if self._is_too_often(child, reason):
            intensity = self._log.intensity if self._log is not None else DEFAULT_INTENSITY
            error = RestartIntensityExceeded(
                owner.path, child.path, intensity.max_restarts, intensity.within, reason, _last_words(reason)
            )
            self._give_up(child, reason, error)
            return "forget"
        return "restart"

    def _escalate(self, child: Slot, reason: Crashed) -> None:
        """Give up for an exception that is the owner's to answer for, as the child's `on_error` says; whatever the intensity. Plain."""
        self._give_up(child, reason, ErrorEscalated(self.owner.path, child.path, reason, reason.cause))

    def _give_up(self, child: Slot, reason: ExitReason, error: GreenroomError) -> None:
        """End the owner for what a child's end has come to. Plain."""
        owner = self.owner
        error.__cause__ = error_of(reason)
        self._attempts.pop(child.uid, None)
        text = str(error)  # of our own: it runs no user code
        gave_up = StartupFailed(owner.path, error, text) if owner.starting else Escalated(error, text)
        end_from_outside(owner, gave_up)

    def _is_too_often(self, child: Slot, reason: ExitReason) -> bool:
        if self._log is None:
            own = getattr(self.owner.actor, "intensity", None)
            self._log = RestartLog(own if isinstance(own, Intensity) else DEFAULT_INTENSITY)
        within = self._log.add(child.runtime.now())
        if isinstance(reason, StartupFailed):
            attempts = self._attempts[child.uid] = self._attempts.get(child.uid, 0) + 1
        else:
            attempts = 0
            self._attempts.pop(child.uid, None)
        return not within or attempts > self._log.intensity.max_restarts

    def remove(self, child: Slot) -> None:
        """Forget a child whose slot has ended."""
        del self.children[child.name]
        if not self.children:
            self.owner.runtime.passivation.recheck(self.owner)

    # -- closing

    async def close(self) -> None:
        """End the temporary children in parallel, then the others one by one in reverse order, and wait for each."""
        self._closing = True
        temporary = [child for child in self.children.values() if child.policy.restart == "temporary"]
        lasting = [child for child in self.children.values() if child.policy.restart != "temporary"]
        for child in temporary:
            self._end(child)
        for child in temporary:
            await self._wait(child)
        for child in reversed(lasting):
            self._end(child)
            await self._wait(child)

    def _end(self, child: Slot) -> None:
        if child.life is PARKED:
            close_parked(child, self)
        else:
            # An owner that crashed or gave up stops its children as one that was told to stop.
            killed = self.owner.order is END and self.owner.admin
            order_end(child, END if killed else STOP, by="parent")

    async def _wait(self, child: Slot) -> None:
        await child.ended()
        if child.life is PARKED:
            close_parked(child, self)

    def kill(self) -> None:
        """Turn the stops that were ordered into kills."""
        for child in list(self.children.values()):
            if child.order in (STOP, DRAIN):
                order_end(child, END, by="parent")

    def hasten(self) -> None:
        """Kill who is still there, without its time: the owner's is over."""
        for child in list(self.children.values()):
            hurry(child)

    # -- looking

    def known_names(self) -> tuple[str, ...]:
        """Return the children's names, at most the first ten."""
        return tuple(self.children)[:10]


def _last_words(reason: ExitReason) -> str:
    """Return what a child ended for; of one that gave up itself, what was at the bottom of that, so that texts do not nest."""
    error = reason.error if isinstance(reason, Escalated) else None
    return error.text if isinstance(error, (ErrorEscalated, RestartIntensityExceeded)) else text_of(reason)


def team_of(slot: Slot) -> Team | None:
    """Return a slot's team, if it has one."""
    family: Any = None if slot.more is None else slot.more.family
    return family if isinstance(family, Team) else None


def make_team(slot: Slot) -> Team:
    """Return a slot's team, made at first use."""
    more = slot.get_more()
    if more.family is None:
        more.family = Team(slot)
    team = more.family
    assert isinstance(team, Team)
    return team


def children_of(slot: Slot) -> Mapping[str, Slot]:
    """Return a slot's children by name."""
    team = team_of(slot)
    return {} if team is None else team.children
