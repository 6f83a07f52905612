"""The team: the children of one slot, and what follows when one of them ends.

What to do is decided in the child's last step, by a plain function; what takes time is done in the children's own tasks, which tell the team when it
is over. So there is no loop that could block, and chains of ends do not recurse: an owner that gives up is only told to, and ends in its own time.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from random import random
from typing import Any

import trio

from ..actors import (
    DRAIN,
    END,
    PARKED,
    RESTARTING,
    STOP,
    Escalated,
    ExitReason,
    Shutdown,
    Slot,
    StartupFailed,
    Verdict,
    close_parked,
    end_from_outside,
    end_kept,
    error_of,
    halt,
    hurry,
    is_down,
    order_end,
    take_out_of_bed,
    text_of,
)
from ._accounts import Accounts, Overdrawn
from ._errors import RestartIntensityExceeded
from ._group import GroupRestart, StartLine
from ._intensity import Intensity
from ._judge import judge
from ._plan import Plan
from ._policy import policy_of
from ._retries import Retries
from ._strategy import first_of_group, shuts_down

DEFAULT_INTENSITY = Intensity()
#: Of an actor that has children: it is their one_for_one supervisor.
ACTORS_PLAN = Plan()
#: The detail of the exit reason of who is kept for its supervisor's next incarnation.
WITH_ITS_SUPERVISOR = "restarted with its supervisor"


class Team:
    """Own a slot's children. An actor that has children is their supervisor too."""

    __slots__ = (
        "_accounts", "_closing", "_group", "_is_starting", "_keeping", "_line", "_lot", "_retries", "_shutdown_due",
        "children", "failed", "owner", "plan",
    )  # fmt: skip

    def __init__(self, owner: Slot, plan: Plan | None = None) -> None:
        self.owner = owner
        self.plan = plan or ACTORS_PLAN
        #: in the order of their registration.
        self.children: dict[str, Slot] = {}
        self._reset()

    def _reset(self) -> None:
        self._accounts: Accounts | None = None
        self._group: GroupRestart | None = None
        #: the declared children on their first way up, in this incarnation of the owner.
        self._line: StartLine | None = None
        self._lot = trio.lowlevel.ParkingLot()
        self._retries = Retries(self.launch)
        self._closing = False
        #: declared children are kept for the owner's next incarnation.
        self._keeping = False
        self._is_starting = False
        self._shutdown_due = ""
        #: the inline child that failed to start, and so fails the owner's start.
        self.failed: tuple[Slot, StartupFailed] | None = None

    @property
    def is_supervisors(self) -> bool:
        """False if its owner is an actor that does something else."""
        return self.plan is not ACTORS_PLAN

    @property
    def accounts(self) -> Accounts:
        """What its children have failed; opened at the first failure."""
        if self._accounts is None:
            own = getattr(self.owner.actor, "intensity", None)
            mine = own if isinstance(own, Intensity) else DEFAULT_INTENSITY
            self._accounts = Accounts(self.plan.intensity if self.is_supervisors else mine)
        return self._accounts

    # -- ends

    def decide(self, child: Slot, reason: ExitReason) -> Verdict:
        """Decide what follows a child's end, in its last step. Plain."""
        self._retries.call_off(child)
        owner = self.owner
        if self._closing or owner.ending or owner.order >= STOP or owner.reason is not None:
            return self._decide_at_end(child)
        policy = policy_of(child)
        if self._group is not None and self._group.holds(child):
            return "forget" if policy.restart == "temporary" else "park" if child.admin else "restart later"
        sentence = judge(reason, policy.restart, by_others=child.admin)
        if sentence != "restart":
            if policy.significant and not child.admin:
                self._consider_shutdown(child, reason)
            return sentence
        over = self.accounts.charge(child.uid, policy, reason, child.runtime.now())
        if over is not None:
            self._give_up(child, reason, over)
            return self._decide_at_end(child)
        delay = self.accounts.delay(child.uid, policy, random())
        if self.plan.has_groups:
            self._begin_group(child, delay)
            return "restart later"
        if delay > 0:
            self._retries.add(child, delay)
            return "restart later"
        return "restart"

    def _decide_at_end(self, child: Slot) -> Verdict:
        """Decide on a child whose owner is about to end, too: it is kept if that may have another incarnation."""
        if child.policy.declared and (self._keeping or (not self._closing and self._may_come_back())):
            return "park" if child.admin else "keep"
        return "forget"

    def _may_come_back(self) -> bool:
        """Return whether the owner may have another incarnation after this one."""
        owner = self.owner
        return (
            self.is_supervisors and owner.parent is not None and not owner.admin and owner.policy.restart != "temporary"
        )

    def decide_start(self, child: Slot, reason: ExitReason) -> Verdict:
        """Decide what becomes of a child that somebody waits for and that did not become ready. Plain."""
        line = self._line if self._group is None else self._group.line
        if self._is_starting and child.policy.declared and line is not None and line.at is child:
            assert isinstance(reason, StartupFailed)
            self.failed = (child, reason)
            return "keep" if self._may_come_back() or self.plan.start_retry is not None else "forget"
        return "park" if child.incarnation > 1 else "forget"  # started by hand again, or for the first time

    def _give_up(self, child: Slot, reason: ExitReason, over: Overdrawn) -> None:
        """End the owner, as a child has failed too often."""
        owner = self.owner
        error = RestartIntensityExceeded(owner.path, child.path, over.count, over.within, reason, _last_words(reason))
        error.__cause__ = error_of(reason)
        text = str(error)  # of our own: it runs no user code
        end_from_outside(owner, StartupFailed(owner.path, error, text) if owner.starting else Escalated(error, text))

    def _consider_shutdown(self, child: Slot, reason: ExitReason) -> None:
        """End the owner in good order, if the end of a significant child means that."""
        others = any(
            policy_of(other).significant and not other.has_ended
            for other in self.children.values()
            if other is not child
        )
        if shuts_down(self.plan.auto_shutdown, others_alive=others):
            self._shutdown_due = f"{self.plan.auto_shutdown}: {child.name} {text_of(reason)}"
            if not self._is_starting:
                self._shut_down()

    def _shut_down(self) -> None:
        end_from_outside(self.owner, Shutdown(f"automatic shutdown, {self._shutdown_due}"))

    def remove(self, child: Slot) -> None:
        """Forget a child whose slot has ended."""
        del self.children[child.name]
        if self._accounts is not None:
            self._accounts.close(child.uid)
        if not self.children:
            self.owner.runtime.passivation.recheck(self.owner)

    def next_retry(self, child: Slot) -> float | None:
        """Return when a child is tried again, on Trio's clock; None if that is not set. Reads, and changes nothing."""
        when = self._retries.when(child)
        if when is not None:
            return when
        group = self._group
        return group.due if group is not None and child.life is RESTARTING and group.holds(child) else None

    def launch(self, child: Slot) -> None:
        """Begin the next incarnation of a child."""
        child.runtime.launch(child)

    # -- groups

    def _begin_group(self, child: Slot, delay: float) -> None:
        """Begin to restart the children that go with one, once its last step is over. A group that is under way is taken in."""
        before = self._group
        order = [each for each in self.children.values() if each is child or self._takes_part(each)]
        place = order.index(child)
        pending = None
        if before is not None:
            if before.line is None and before.members:
                pending = next((at for at, each in enumerate(order) if each is before.members[0]), None)
            before.cancel()
        first = first_of_group(self.plan.strategy, place, pending)
        members = order[first:]
        owed = {each for each in members if each.life is PARKED and (before is None or each in before.owed)}
        members = [each for each in members if each.life is not PARKED or each in owed]
        for each in members:
            self._retries.call_off(each)
        self._group = GroupRestart(members, owed, delay, self.launch, self.go_on)

    def _takes_part(self, child: Slot) -> bool:
        """Return whether a child is restarted with others: not one that is temporary by nature, or that somebody starts by hand just now."""
        if child.policy.restart == "temporary" and not child.policy.declared:
            return False
        return self._is_starting or child.more is None or not child.more.awaited

    def settled(self, child: Slot) -> None:
        """Hear that a child's last step is over."""
        if self._group is not None or self._line is not None:
            self.go_on()

    def note_ready(self, child: Slot) -> None:
        """Hear that a child has become ready."""
        policy = policy_of(child)
        if policy.backoff is not None or self._accounts is not None:
            self.accounts.note_ready(child.uid, policy, child.runtime.now())
        if self._group is not None or self._line is not None:
            self.go_on()

    @trio.lowlevel.enable_ki_protection
    def go_on(self) -> None:
        """Do what can be done of the start, or of the restart of a group. Plain."""
        if self.failed is not None or self._closing:
            self._lot.unpark_all()
            return
        if self._group is not None:
            if not self._group.go_on():
                return
            self._group = None
            # What was on its first way up comes after the offender, so the group has seen to it.
        if self._line is not None:
            if not self._line.go_on():
                return
            self._line = None
        self._lot.unpark_all()

    # -- the owner's start

    async def start(self, children: Iterable[Slot], owed: Iterable[Slot]) -> None:
        """Launch declared children in order, and return when all inline ones are ready, or one has failed: then `failed` tells. Checkpoint: maybe."""
        self.failed = None
        self._is_starting = True
        line = self._line = StartLine(children, owed, self.launch)
        for child in children:
            if child.policy.inline and (child.life is not PARKED or child in line.owed):
                child.get_more().awaited = True
        self.go_on()
        while self._goes_on():
            await self._lot.park()
        self._is_starting = False
        if self._shutdown_due:
            self._shut_down()

    def _goes_on(self) -> bool:
        return self.failed is None and (self._line is not None or self._group is not None)

    async def roll_back(self) -> None:
        """Stop what has been started, for another attempt. Checkpoint: maybe."""
        self._keeping = True
        await self._end_all()
        self._reset()

    # -- closing

    async def close(self) -> None:
        """End the temporary children in parallel, then the others one by one in reverse order, and wait for each."""
        self._keeping = self._may_come_back()
        await self._end_all()

    async def _end_all(self) -> None:
        self._closing = True
        if self._group is not None:
            self._group.cancel()
        self._group = self._line = None
        for child in list(self.children.values()):
            self._retries.call_off(child)
        in_order = self.plan.strategy != "dynamic"
        lasting = [each for each in self.children.values() if in_order and each.policy.restart != "temporary"]
        together = [each for each in self.children.values() if not in_order or each.policy.restart == "temporary"]
        for child in together:
            self._end(child)
        for child in together:
            await self._wait(child)
        for child in reversed(lasting):
            self._end(child)
            await self._wait(child)

    def _is_kept(self, child: Slot) -> bool:
        return self._keeping and child.policy.declared

    def _end(self, child: Slot) -> None:
        if self._is_kept(child):
            take_out_of_bed(child)
            halt(child, WITH_ITS_SUPERVISOR)
        elif child.life is PARKED:
            close_parked(child, self)
        else:
            # An owner that crashed or gave up stops its children as one that was told to stop.
            killed = self.owner.order is END and self.owner.admin
            order_end(child, END if killed else STOP, by="parent")

    async def _wait(self, child: Slot) -> None:
        kept = self._is_kept(child)
        await child.ended(partial(is_down, child) if kept else None)
        if child.life is PARKED and not kept:
            close_parked(child, self)

    def kill(self) -> None:
        """Turn the stops that were ordered into kills."""
        for child in list(self.children.values()):
            if child.order in (STOP, DRAIN):
                if self._is_kept(child) and not child.admin:
                    halt(child, WITH_ITS_SUPERVISOR, killed=True)
                else:
                    order_end(child, END, by="parent")

    def hasten(self) -> None:
        """Kill who is still there, without its time: the owner's is over."""
        for child in list(self.children.values()):
            if self._is_kept(child) and not child.admin:
                halt(child, WITH_ITS_SUPERVISOR, hurried=True)
            else:
                hurry(child)

    # -- between two incarnations of the owner

    def outlives(self) -> bool:
        """Stay for a supervisor's next incarnation, with the declared children."""
        if not self.is_supervisors:
            return False
        self._reset()
        return True

    def end_kept(self) -> None:
        """End those for good that were kept for it."""
        if self.children:
            end_kept(self.owner)

    # -- looking

    def known_names(self) -> tuple[str, ...]:
        """Return the children's names, at most the first ten."""
        return tuple(self.children)[:10]


def _last_words(reason: ExitReason) -> str:
    """Return what a child ended for; of one that gave up itself, what was at the bottom of that, so that texts do not nest."""
    error = reason.error if isinstance(reason, Escalated) else None
    return error.text if isinstance(error, RestartIntensityExceeded) else text_of(reason)


def team_of(slot: Slot) -> Team | None:
    """Return a slot's team, if it has one."""
    family: Any = None if slot.more is None else slot.more.family
    return family if isinstance(family, Team) else None


def make_team(slot: Slot, plan: Plan | None = None) -> Team:
    """Return a slot's team, made at first use."""
    more = slot.get_more()
    if more.family is None:
        more.family = Team(slot, plan)
    team = more.family
    assert isinstance(team, Team)
    return team


def children_of(slot: Slot) -> Mapping[str, Slot]:
    """Return a slot's children by name."""
    team = team_of(slot)
    return {} if team is None else team.children
