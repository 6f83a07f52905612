"""The team: the children of one slot, and what follows when one of them ends.

What to do is decided in the child's last step, by a plain function; what takes time is done in the children's own tasks, which tell the team when it
is over. So there is no loop that could block, and chains of ends do not recurse: an owner that gives up is only told to, and ends in its own time.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from random import random
from typing import Any

from ..actors import (
    CUT_OFF,
    DRAIN,
    END,
    INITIALIZING,
    PARKED,
    STOP,
    Crashed,
    Escalated,
    ExitReason,
    GreenroomError,
    Ignored,
    Shutdown,
    Slot,
    StartupFailed,
    Verdict,
    close_parked,
    end_from_outside,
    end_kept,
    error_of,
    find_child,
    halt,
    hurry,
    is_down,
    leave_bed,
    order_end,
    own_intensity,
    reopen,
    take_out_of_bed,
    text_of,
)
from ._accounts import Accounts
from ._course import Course
from ._declared import Declared
from ._errors import ErrorEscalated, RestartIntensityExceeded, last_words
from ._intensity import Intensity
from ._judge import judge
from ._plan import Plan, plan_among
from ._policy import policy_of
from ._renewal import renew
from ._retries import Retries
from ._strategy import shuts_down

DEFAULT_INTENSITY = Intensity()
ACTORS_PLAN = Plan()  # of an actor that has children: it is their one_for_one supervisor
#: The detail of the exit reason of who is kept for its supervisor's next incarnation: whether that comes is known in the supervisor's last step.
WITH_ITS_SUPERVISOR = "ended with its supervisor"


class Team:
    """Own a slot's children. An actor that has children is their supervisor too."""

    __slots__ = (
        "_accounts", "_closing", "_keeping", "_kept", "_own", "_relaunched", "_shutdown_due", "children", "course", "has_numbers", "latest",
        "owner", "plan", "renewals", "retries",
    )  # fmt: skip

    def __init__(self, owner: Slot, plan: Plan | None = None) -> None:
        self.owner = owner
        self.plan = plan or ACTORS_PLAN
        self._own: Intensity = (own_intensity(owner) if plan is None else None) or DEFAULT_INTENSITY
        #: in the order of their registration.
        self.children: dict[str | int, Slot] = {}
        #: a child may have been given a name such as those that are made of a uid.
        self.has_numbers = False
        #: who was registered last, if it is still there.
        self.latest: Slot | None = None
        #: name -> what its next incarnation is of.
        self.renewals: dict[str, Declared] = {}
        self._reset()

    def _reset(self) -> None:
        self._accounts: Accounts | None = None
        self.course = Course(self)
        self.retries = Retries(self.launch)
        #: who is started anew as soon as its last step is over.
        self._relaunched: Slot | None = None
        self._shutdown_due = ""
        self._closing = False
        #: declared children are kept for the owner's next incarnation: these.
        self._keeping = False
        self._kept: frozenset[str] = frozenset()

    @property
    def is_supervisors(self) -> bool:
        """False if its owner is an actor that does something else."""
        return self.plan is not ACTORS_PLAN

    @property
    def accounts(self) -> Accounts:
        """What its children have failed; opened at the first failure."""
        if self._accounts is None:
            self._accounts = Accounts(self.plan.intensity if self.is_supervisors else self._own)
        return self._accounts

    @property
    def _is_ending(self) -> bool:
        """Whether the owner's incarnation is about to end: nothing is judged any more, and nobody started."""
        passage = self.owner.passage
        return self._closing or passage.ending or passage.order >= STOP or self.owner.reason is not None

    # -- ends

    def decide(self, child: Slot, reason: ExitReason) -> Verdict:
        """Decide what follows a child's end, in its last step. Plain."""
        self.retries.call_off(child)
        if child.more is not None and not self.course.is_starting:
            child.more.awaited = False  # who started it by hand is told that this came to nothing
        if self._is_ending:
            return self._decide_at_end(child)
        policy, now = policy_of(child), child.runtime.now()
        if self._accounts is not None:
            self._accounts.note_end(child.uid, policy, now)
        if self.course.holds(child):
            return "forget" if policy.restart == "temporary" else "park" if child.admin else "restart later"
        if isinstance(reason, Crashed) and reason.escalates and not child.admin:
            self._give_up(child, reason, ErrorEscalated(self.owner.path, child.path, reason, reason.cause))
            return self._decide_at_end(child)
        sentence = judge(reason, policy.restart, by_others=child.admin)
        if sentence != "restart":
            if policy.significant and not child.admin and reason.__class__ is not Ignored:  # which was never there
                self._consider_shutdown(child, reason)
            return "forget" if self.plan.strategy == "dynamic" else sentence  # which has no places to keep
        accounts = self._accounts or self.accounts
        # A supervisor that gave up had been ready, though it may not have come to say so.
        was_ready = child.life is not INITIALIZING or reason.__class__ is Escalated
        over = accounts.charge(child.uid, policy, now, was_ready=was_ready)
        if over is not None:
            error = RestartIntensityExceeded(
                self.owner.path, child.path, over.count, over.within, reason, last_words(reason)
            )
            self._give_up(child, reason, error)
            return self._decide_at_end(child)
        delay = 0.0 if policy.backoff is None else accounts.delay(child.uid, policy.backoff, random())
        if self.plan.has_groups:
            self.course.begin_group(child, delay)
            return "restart later"
        if delay > 0:
            self.retries.add(child, delay)
            return "restart later"
        if self.renewals and child.name in self.renewals:
            self._relaunched = child
            return "restart later"
        return "restart"

    def _decide_at_end(self, child: Slot) -> Verdict:
        """Decide on a child whose owner is about to end, too: it is kept if that may have another incarnation."""
        if self._is_kept(child):
            return "park" if child.admin else "keep"
        return "forget"

    def _may_come_back(self) -> bool:
        """Return whether the owner may have another incarnation after this one.

        A temporary one that is declared may, with its own supervisor's; whether it has is not known before its own last step.
        """
        owner = self.owner
        return self.is_supervisors and owner.parent is not None and not owner.admin and owner.policy.is_noted

    def decide_start(self, child: Slot, reason: ExitReason) -> Verdict:
        """Decide what becomes of a child that somebody waits for and that did not become ready. Plain."""
        if isinstance(reason, StartupFailed) and self.course.fails_start(child, reason):
            return "keep" if self._may_come_back() or self.plan.start_retry is not None else "forget"
        if child.policy.declared and self._is_ending:
            return self._decide_at_end(child)
        # Started by hand again, or for the first time; one that an update has declared meanwhile keeps its place.
        return "park" if child.incarnation > 1 or child.policy.declared else "forget"

    def _give_up(self, child: Slot, reason: ExitReason, error: GreenroomError) -> None:
        """End the owner, as a child has failed too often, or escalates what it raised; whatever the intensity then. Plain."""
        owner = self.owner
        error.__cause__ = error_of(reason)
        text = str(error)  # of our own: it runs no user code
        is_starting = self.course.is_starting if self.is_supervisors else owner.starting
        end_from_outside(owner, StartupFailed(owner.path, error, text) if is_starting else Escalated(error, text))

    def _consider_shutdown(self, child: Slot, reason: ExitReason) -> None:
        """End the owner in good order, if the end of a significant child means that."""
        others = any(
            policy_of(other).significant and not other.has_ended
            for other in self.children.values()
            if other is not child
        )
        if shuts_down(self.plan.auto_shutdown, others_alive=others):
            self._shutdown_due = self._shutdown_due or f"{self.plan.auto_shutdown}: {child.name} {text_of(reason)}"
            if not self.course.is_starting:
                self._shut_down()

    def _shut_down(self) -> None:
        end_from_outside(self.owner, Shutdown(f"automatic shutdown, {self._shutdown_due}"))

    def find(self, name: str) -> Slot | None:
        """Return the child of a name."""
        return find_child(self.children, name)

    def remove(self, child: Slot) -> None:
        """Forget a child whose slot has ended."""
        del self.children[child.key]
        if child is self.latest:
            self.latest = None
        if self.renewals:
            self.renewals.pop(child.name, None)  # of this one; who takes its name is another
        if self._accounts is not None:
            self._accounts.close(child.uid)
        if not self.children:
            self.owner.runtime.passivation.recheck(self.owner)

    # -- starts

    def launch(self, child: Slot) -> None:
        """Begin the next incarnation of a child, of the specification that it has now."""
        self.renew(child)
        if child.life is PARKED:
            reopen(child, awaited=child.get_more().awaited)
        else:
            child.runtime.launch(child)

    def note_rest(self, child: Slot) -> None:
        """Hear that a child is being put to rest."""
        if self._accounts is not None:
            self._accounts.note_rest(child.uid, policy_of(child), child.since)

    def wake(self, child: Slot) -> None:
        """Begin the next incarnation of a child that rests: in its turn, if its group restarts."""
        (leave_bed if self.course.takes_along(child) else self.launch)(child)

    def renew(self, child: Slot) -> None:
        """Let a child that is about to start go by its new specification, if it has one."""
        declared = self.renewals.pop(child.name, None) if self.renewals else None
        if declared is not None:
            plan = renew(child, declared)
            below = team_of(child)
            if plan is not None and below is not None:
                below.plan = plan
                below.renewals = {each.name: each for each in plan.specs if below.find(each.name)}

    def next_retry(self, child: Slot) -> float | None:
        """Return when a child is started again, on Trio's clock; None if that is not set. Reads, and changes nothing."""
        when = self.retries.when(child)
        return when if when is not None else self.course.due(child)

    def adopt_intensity(self) -> None:
        """Go by the plan's intensity from now on."""
        if self._accounts is not None:
            self._accounts.adopt(self.plan.intensity)

    def settled(self, child: Slot) -> None:
        """Hear that a child's last step is over."""
        if child is self._relaunched:
            self._relaunched = None
            self.launch(child)
        if self.course.failed is not None or (self.course.is_under_way and not self._is_ending):
            self.course.go_on()

    def note_ready(self, child: Slot) -> None:
        """Hear that a child has become ready."""
        policy = policy_of(child)
        if policy.backoff is not None or (self._accounts is not None and self._accounts.knows(child.uid)):
            self.accounts.note_ready(child.uid, policy, child.runtime.now())
        if self.course.is_under_way and not self._is_ending:
            self.course.go_on()

    async def start(self, children: Iterable[Slot], owed: Iterable[Slot]) -> None:
        """Start the declared children; `course.failed` tells whether that failed. Checkpoint: maybe."""
        await self.course.start(children, owed)
        if self._shutdown_due and self.course.failed is None:
            self._shut_down()

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
        self.course.cancel()
        self._closing = True
        self._kept = self.plan.names if self._keeping else frozenset()
        for child in list(self.children.values()):
            self.retries.call_off(child)
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
        """Return whether a child is kept for the owner's next incarnation, if there is one."""
        if not child.policy.declared:  # its name may be that of a declared one that has been forgotten
            return False
        if self._closing:
            return child.name in self._kept
        return self._may_come_back() and child.name in self.plan.names

    def _end(self, child: Slot) -> None:
        # An owner that crashed or gave up stops its children as one that was told to stop.
        killed = self.owner.order is END and self.owner.admin
        if self._is_kept(child):
            take_out_of_bed(child)
            halt(child, WITH_ITS_SUPERVISOR, killed=killed)
        elif child.life is PARKED:
            close_parked(child, self)
        else:
            order_end(child, END if killed else STOP, by="parent")

    async def _wait(self, child: Slot) -> None:
        kept = self._is_kept(child)
        await child.ended(partial(is_down, child) if kept else None)
        if child.life is PARKED and not kept:
            close_parked(child, self)

    def kill(self) -> None:
        """Turn the stops that were ordered into kills."""
        for child in list(self.children.values()):
            if child.order in (STOP, DRAIN) or (child.order is CUT_OFF and child.admin):
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

    def drop_undeclared(self) -> None:
        """End those for good that were kept, and are not declared any more, or as something else: a worker cannot become a supervisor."""
        declared = {each.name: each.plan is not None for each in self.plan.specs}
        for child in list(self.children.values()):
            # Not by its team: one that is parked has none.
            if declared.get(child.name) is not (child.blueprint.made is self.owner.blueprint.made):
                end_kept(child)

    def sort(self) -> None:
        """Put the declared children into their order; the others come after them."""
        order: dict[str | int, int] = {declared.name: place for place, declared in enumerate(self.plan.specs)}
        if [*self.children][: len(order)] != [*order]:
            self.children = dict(sorted(self.children.items(), key=lambda item: order.get(item[0], len(order))))

    def end_kept(self) -> None:
        """End those for good that were kept for it."""
        for child in reversed([*self.children.values()]):
            end_kept(child)


def team_of(slot: Slot) -> Team | None:
    """Return a slot's team, if it has one."""
    family: Any = None if slot.more is None else slot.more.family
    return family if isinstance(family, Team) else None


def make_team(slot: Slot, plan: Plan | None = None) -> Team:
    """Return a slot's team, made at first use: a supervisor's, of the plan that its body is made of, if none is given."""
    more = slot.get_more()
    if more.family is None:
        more.family = Team(slot, plan or plan_among(slot.args))
    team = more.family
    assert isinstance(team, Team)
    return team


def children_of(slot: Slot) -> Mapping[str | int, Slot]:
    """Return a slot's children by key."""
    team = team_of(slot)
    return {} if team is None else team.children
