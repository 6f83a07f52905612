"""What has to hold of the order in which a tree's children start and stop, and of how their ends are told, looked at in the very step."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

from greenroom import ActorInfo, Context, GreenroomError, Shutdown, Supervisor, TurnFinished
from greenroom.actors import Slot, _steps
from greenroom.actors._last_step import finalize_at_once
from greenroom.actors._reports import Posted, ReportLog

#: A child that is none of these is there: it starts, works, or is about to end.
DOWN = frozenset({"queued", "parked", "restarting", "resting", "stopped", "failed"})
#: An inline child that is one of these holds up those after it.
UNSETTLED = frozenset({"queued", "initializing"})
WITH_OTHERS = ("restarted with its group", "ended with its supervisor")


class Order:
    """Look at the siblings of whoever starts or stops; count the reports of ends."""

    def __init__(self) -> None:
        self.root: Supervisor | None = None
        #: names of those that somebody else has started, and of supervisors that he ever has: no strategy says when.
        self.started_by_hand: set[str] = set()
        #: (uid, incarnation) of those that somebody else has told to end, maybe before they began.
        self.ended_by_hand: set[tuple[int, int]] = set()
        #: names of those that were started at run time; of those whose start nobody waits for, with these; of the temporary ones.
        self.at_run_time: set[str] = set()
        self.deferred: set[str] = set()
        self.temporary: set[str] = set()
        #: (uid, incarnation) -> reports of its end.
        self.reports: Counter[tuple[int, int]] = Counter()
        self._moments = count(1)
        #: (uid, incarnation) -> when its startup began; uid -> when its last end was told.
        self.begun: dict[tuple[int, int], int] = {}
        self.ended: dict[int, int] = {}
        #: (uid, incarnation) of those who were started by hand.
        self.by_hand: set[tuple[int, int]] = set()
        #: path of a supervisor whose set was replaced -> in which incarnation: what is under way then goes by the order before.
        self.updated: dict[str, int] = {}
        #: rule -> how often it was looked at.
        self.looked: Counter[str] = Counter()
        self.wrong: list[str] = []

    # -- who is beside whom

    def _siblings(self, ctx: Context) -> tuple[ActorInfo, list[ActorInfo], list[ActorInfo]] | None:
        """Return the supervisor of a child that is in an order, and who is before and after it; None for one that is in none."""
        root, parent = self.root, ctx.parent
        if root is None or parent is None or parent.path == root.path:
            return None
        try:
            team = root.lookup_supervisor(parent.path[len(root.path) + 1 :])
        except GreenroomError:
            return None  # an actor with children
        info = team.tree()
        name = ctx.path.rpartition("/")[2]
        names = [each.name for each in info.children]
        if info.strategy == "dynamic" or name not in names or self.updated.get(info.path) == info.incarnation:
            return None
        place = names.index(name)
        return info, list(info.children[:place]), list(info.children[place + 1 :])

    def _goes_by_the_order(self, info: ActorInfo) -> bool:
        """Say whether a child is there because it is declared: others, and who was started by hand, may come while a group stops."""
        by_hand = info.name in self.started_by_hand or (info.uid, info.incarnation) in self.by_hand
        return info.name not in self.at_run_time and not by_hand

    def _is_up(self, info: ActorInfo, since: int = 0) -> bool:
        """Say whether a child is there; one on its way out, if it was so before that moment: who is launched goes on until told."""
        if info.lifecycle == "stopping":
            return self.begun.get((info.uid, info.incarnation), since) < since
        return info.lifecycle not in DOWN

    def comes(self, name: str) -> None:
        """Be told of one that is started at run time."""
        self.at_run_time.add(name)
        self.deferred.add(name)

    # -- what is looked at

    def begins(self, ctx: Context) -> None:
        """Be told of an incarnation."""
        at, name = (ctx.ref.uid, ctx.ref.incarnation), ctx.path.rpartition("/")[2]
        self.begun[at] = next(self._moments)
        if name in self.started_by_hand:
            self.started_by_hand.discard(name)
            self.by_hand.add(at)

    def starts(self, ctx: Context) -> None:
        """Be told that a child's startup begins."""
        name = ctx.path.rpartition("/")[2]
        self.begins(ctx)
        beside = self._siblings(ctx)
        by_hand = (ctx.ref.uid, ctx.ref.incarnation) in self.by_hand
        if beside is None or by_hand or ctx.start_source == "wake":
            return
        info, before, after = beside
        if info.strategy == "one_for_one" and not (info.lifecycle == "initializing" and ctx.start_source == "new"):
            return
        if name in self.at_run_time and ctx.start_source == "new":
            return
        self.looked[f"start {info.strategy}"] += 1
        ended = self.ended.get(ctx.ref.uid, 0)
        for each in filter(self._goes_by_the_order, after if name not in self.deferred else ()):
            if self._is_up(each, ended):
                self.wrong.append(f"{ctx.path} starts while {each.name}, after it, is {each.lifecycle}")
        for each in filter(self._goes_by_the_order, before):
            started_alone = info.strategy == "one_for_one" and each.last_exit  # by now, again
            if each.name not in self.deferred and each.lifecycle in UNSETTLED and not started_alone:
                self.wrong.append(f"{ctx.path} starts while {each.name}, before it, is {each.lifecycle}")

    def stops(self, ctx: Context, reason: Any) -> None:
        """Be told that the end of a child begins in which it may still do something."""
        name, at = ctx.path.rpartition("/")[2], (ctx.ref.uid, ctx.ref.incarnation)
        beside = self._siblings(ctx)
        if beside is None or at in self.ended_by_hand or not isinstance(reason, Shutdown):
            return
        info, before, after = beside
        with_group = reason.detail == WITH_OTHERS[0]
        if reason.detail not in WITH_OTHERS and info.lifecycle != "stopping":
            return
        self.looked[f"stop {info.strategy}"] += 1
        if with_group:
            first = [*filter(self._goes_by_the_order, after)]
        elif name in self.temporary:
            first = []  # they are stopped together
        else:
            first = [each for each in before if each.name in self.temporary] + after
        for each in first:
            if self._is_up(each, next(self._moments)):
                self.wrong.append(f"{ctx.path} is stopped while {each.name}, to be stopped first, is {each.lifecycle}")

    def check(self, root: Supervisor) -> None:
        """Look at what was told of ends."""
        for (uid, incarnation), times in self.reports.items():
            if times > 1:
                self.wrong.append(f"the end of incarnation {incarnation} of uid {uid} was told {times} times")
        for info in root.tree().walk():
            if info.restarts != info.incarnation - 1 - info.rests:
                self.wrong.append(f"{info.path} is at incarnation {info.incarnation} after {info.restarts} restarts")

    def _told(self, uid: int, incarnation: int) -> None:
        self.reports[uid, incarnation] += 1
        self.ended[uid] = next(self._moments)

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count each report of an end that a parent is posted."""

        def spy(name: str) -> Any:
            post = getattr(ReportLog, name)

            def posted(log: ReportLog, report: Posted) -> None:
                if isinstance(report, tuple):
                    child, _, incarnation, *_ = report
                    self._told(child.uid, incarnation)
                elif not isinstance(report, TurnFinished):
                    self._told(report.uid, report.incarnation)
                post(log, report)

            return patch.object(ReportLog, name, posted)

        def ended(slot: Slot) -> bool:
            is_over = finalize_at_once(slot)  # which posts by itself
            if is_over:
                self._told(slot.uid, slot.incarnation)
            return is_over

        with spy("post_failure"), spy("post_end"), patch.object(_steps, "finalize_at_once", ended):
            yield
