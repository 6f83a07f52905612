"""Reports: what the runtime tells a parent about its children.

They keep their place among the parent's mail by their seq, and wait in a log of their own, so that no capacity refuses them and a parent that
never reads does not grow: past a bound the oldest successes fold into counts, then failures by exception class.
"""

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Union

import attrs
import trio

from ..mailbox import NOTHING, Envelope, Letter
from ._errors import StartupFailed
from ._reasons import ExitReason, error_of
from ._turn import TurnOutcome
from ._turn_gate import lending

if TYPE_CHECKING:
    from ._slot import Slot

REPORTS_CAPACITY = 1_000
#: Past their number the oldest reports are counted instead of kept, so many at a time.
FOLDED_AT_ONCE = 64


@attrs.frozen
class ChildEnded:
    """Say that an incarnation of a child has ended.

    Attributes:
        path, uid, incarnation: of the child.
        reason: why.
        by: who asked for it: "itself", "supervisor" (it ended with its group), "parent", "tree", "reaper", "its starter", "outside" (who is no
            actor), or the path of another actor.
        restarting: whether the next incarnation follows; False where that is not known yet, as with the end of its supervisor's own.
    """

    path: str
    uid: int
    incarnation: int
    reason: ExitReason
    by: str
    restarting: bool


@attrs.frozen
class ChildStartupFailed:
    """Say that a child failed to start.

    Attributes:
        path, uid, incarnation: of the child.
        error: the original exception.
        cause: the same as text.
        restarting: whether another attempt follows.
    """

    path: str
    uid: int
    incarnation: int
    error: BaseException | None
    cause: str
    restarting: bool

    @property
    def reason(self) -> StartupFailed:
        """Return it as a reason of an end."""
        return StartupFailed(self.path, self.error, self.cause)

    def __str__(self) -> str:
        """Give the fixed text."""
        return f"{self.path}: failed to initialize: {self.cause}"


@attrs.frozen
class TurnFinished:
    """Say how a turn of an agent ended."""

    path: str
    uid: int
    incarnation: int
    turn: int
    outcome: TurnOutcome


Report = ChildEnded | ChildStartupFailed | TurnFinished
#: What a `ChildEnded` is made from: child, reason, incarnation, by, restarting.
Facts = tuple["Slot", ExitReason, int, str, bool]
#: What is posted: a report, or what it is made from when somebody reads it. A child stands for itself if it has ended by itself and for good.
Posted = Union[Report, Facts, "Slot"]
REPORTS: Final = (ChildEnded, ChildStartupFailed, TurnFinished)


def is_bad_news(report: Report) -> bool:
    """Return whether a report tells of a failure; those are folded last."""
    if isinstance(report, ChildEnded):
        return report.reason.is_failure
    return isinstance(report, ChildStartupFailed) or report.outcome.kind in ("errored", "crashed")


def _made(posted: Posted) -> Report:
    """Return the report that what was posted comes to."""
    if isinstance(posted, REPORTS):
        return posted
    child, reason, incarnation, by, restarting = _facts(posted)
    return ChildEnded(child.path, child.uid, incarnation, reason, by, restarting)


def _facts(posted: "Facts | Slot") -> Facts:
    """Return what a `ChildEnded` is made from."""
    if isinstance(posted, tuple):
        return posted
    assert posted.reason is not None
    return posted, posted.reason, posted.incarnation, "itself", False


def _kind(report: Posted) -> str | type:
    """Return what a folded report is counted as: its class of exception, or its kind of end."""
    if not isinstance(report, REPORTS):
        reason = _facts(report)[1]
        return type(error_of(reason) or reason) if reason.is_failure else type(reason)
    if isinstance(report, TurnFinished):
        error = report.outcome.error
        return f"turn {report.outcome.kind}" if error is None else type(error)
    if isinstance(report, ChildStartupFailed):
        return type(report.error or report)
    return type(error_of(report.reason) or report.reason)


class ReportLog:
    """Hold the unread reports of one parent; iterate over it to read them, each once.

    `async for report in ctx.reports` waits for the next one and ends when no more can come. `drain()` takes what is there.
    """

    def __init__(self, slot: "Slot", capacity: int = REPORTS_CAPACITY) -> None:
        self._slot = slot
        self._capacity = capacity
        #: so many are kept: the capacity, and as long as what was put back past it is there, that too.
        self._kept = capacity
        #: so much good news is there at most before it is seen whether some has to be counted.
        self._most = capacity
        #: (seq, the parent's incarnation, what was posted)
        self._good: deque[tuple[int, int, Posted]] = deque()
        self._bad: deque[tuple[int, int, Posted]] = deque()
        self._folded: dict[str | type, int] = {}
        #: tasks that wait for a report, and watchers.
        self._readers = 0
        self._watchers: dict[Callable[[], None], None] = {}
        self._lot = trio.lowlevel.ParkingLot()
        self._closed = False

    def __len__(self) -> int:
        """Count the unread ones that are kept whole."""
        self._fold()
        return len(self._good) + len(self._bad)

    @property
    def folded(self) -> Mapping[str, int]:
        """Counts of reports that were folded unread: by kind of end, or class of exception."""
        self._fold()
        named: Counter[str] = Counter()
        for kind, count in self._folded.items():
            named[kind if isinstance(kind, str) else kind.__name__] += count
        return MappingProxyType(named)

    def post(self, report: Report) -> None:
        """Add one, in order with the parent's mail (the runtime does). Plain, never waits, never refuses."""
        if is_bad_news(report):
            self.post_failure(report)
        else:
            self.post_end(report)

    def post_failure(self, report: Posted) -> None:
        """Add bad news."""
        self._bad.append((self._slot.box.next_seq(), self._slot.incarnation, report))
        if len(self._good) + len(self._bad) > self._kept + FOLDED_AT_ONCE:
            self._fold()
        if self._readers:
            self._tell_readers()

    def post_end(self, report: Posted) -> None:
        """Add good news: of the ends of many children, most parents read few."""
        slot = self._slot
        if slot.fast and (slot.queue or slot.hand is not None or slot.only is not NOTHING):
            slot.seal()
        slot.seq = seq = slot.seq + 1
        good = self._good
        good.append((seq, slot.incarnation, report))
        if len(good) > self._most:
            self._fold()
        if self._readers:
            self._tell_readers()

    def _tell_readers(self) -> None:
        self._lot.unpark()
        for watcher in self._watchers:
            watcher()

    @contextmanager
    def watched(self, watcher: Callable[[], None]) -> Generator[None]:
        """Have each report that comes meanwhile told in its step; nothing is taken."""
        self._readers += 1
        self._watchers[watcher] = None
        try:
            yield
        finally:
            self._readers -= 1
            del self._watchers[watcher]

    def _fold(self) -> None:
        """Count the oldest ones past what is kept instead of keeping them; failures last. Before each look, as posts leave it undone for a while."""
        good, bad, folded = self._good, self._bad, self._folded
        child = self._slot.__class__
        last: Any = None
        alike = 0  # in a row, as most are
        for _ in range(len(good) + len(bad) - self._kept):
            report: Any = (good or bad).popleft()[2]
            # Most are children that have ended by themselves.
            kind = report.reason.__class__ if report.__class__ is child else _kind(report)
            if kind is not last:
                if alike:
                    folded[last] = folded.get(last, 0) + alike
                last, alike = kind, 0
            alike += 1
        if alike:
            folded[last] = folded.get(last, 0) + alike
        self._most = self._kept - len(bad) + FOLDED_AT_ONCE

    def _settle(self) -> None:
        """Keep no more than is left of what was put back, now that something has been taken."""
        if self._kept > self._capacity:
            self._kept = max(self._capacity, len(self._good) + len(self._bad))
            self._most = self._kept - len(self._bad) + FOLDED_AT_ONCE

    def _next(self, before: int | None) -> Report | None:
        self._fold()
        good, bad = self._good, self._bad
        while good or bad:
            lane = good if not bad or (good and good[0][0] < bad[0][0]) else bad
            seq, incarnation, report = lane[0]
            if before is not None and seq > before:
                return None
            lane.popleft()
            self._settle()
            if incarnation == self._slot.incarnation:
                return _made(report)
            self._slot.dead_letters.count("old incarnation")
        return None

    @trio.lowlevel.enable_ki_protection
    def drain(self) -> list[Report]:
        """Take the unread ones, in order. While a message is handled: those that came before it. Plain function."""
        mail = self._slot.box.hand_mail()
        before = None if mail is None or self._slot.blueprint.kind != "actor" else mail.seq
        return list(self._drain(before))

    def _drain(self, before: int | None) -> Iterator[Report]:
        while (report := self._next(before)) is not None:
            yield report

    async def receive(self) -> Report:
        """Wait for the next report and take it.

        Checkpoint: always. Cancellation: loses nothing.

        Raises:
            trio.EndOfChannel: no more will come.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            report = self._next(None)
            if report is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return report
            if self._closed:
                raise trio.EndOfChannel
            async with lending():
                self._readers += 1
                try:
                    await self._lot.park()
                finally:
                    self._readers -= 1

    def __aiter__(self) -> "ReportLog":
        """Return itself."""
        return self

    async def __anext__(self) -> Report:
        """Wait for the next report."""
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Say that no more will come; what is there can still be read."""
        self._closed = True
        self._lot.unpark_all()

    def unread_failures(self) -> list[Report]:
        """Return the failures that nobody has read, without taking them."""
        self._fold()
        return [_made(report) for _, _, report in self._bad]

    @trio.lowlevel.enable_ki_protection
    def take_last_about(self, path: str) -> Report | None:
        """Take the last unread one about a child, leaving all others; None if there is none. Plain function."""
        self._fold()
        found = [
            (entry[0], index, lane)
            for lane in (self._good, self._bad)
            for index, entry in enumerate(lane)
            if (entry[2][0] if isinstance(entry[2], tuple) else entry[2]).path == path
        ]
        if not found:
            return None
        _, index, lane = max(found, key=itemgetter(0))
        report = _made(lane[index][2])
        del lane[index]
        self._settle()
        return report

    def forget(self) -> None:
        """Drop what an ended incarnation has not read, and count it."""
        n = len(self)
        if n:
            self._slot.dead_letters.count("old incarnation", n)
            self._good.clear()
            self._bad.clear()
            self._settle()

    def hand_on(self) -> None:
        """Leave what an incarnation that was put to rest has not read to the next one."""
        incarnation = self._slot.incarnation
        for lane in (self._good, self._bad):
            for index, (seq, _, report) in enumerate(lane):
                lane[index] = (seq, incarnation, report)

    def merge_into(self, letters: list[Letter], slot: "Slot") -> list[Letter]:
        """Take all and return them among the given mail, by seq; urgent mail stays first."""
        if not len(self):
            return letters
        reports: list[Letter] = []
        for seq, incarnation, report in sorted([*self._good, *self._bad], key=lambda entry: entry[0]):
            if incarnation != slot.incarnation:
                slot.dead_letters.count("old incarnation")
                continue
            envelope = Envelope(_made(report), kind="report", trigger=False)
            envelope.seq = seq
            reports.append(envelope)
        self._good.clear()
        self._bad.clear()
        self._settle()
        # Not a sort: mail keeps the order of its lanes, where a coalesced one stands in the place of an older.
        merged: list[Letter] = []
        waiting = deque(reports)
        for letter in letters:
            while waiting and not letter.urgent and waiting[0].seq < letter.seq:
                merged.append(waiting.popleft())
            merged.append(letter)
        return [*merged, *waiting]

    def put_back(self, envelopes: list[Letter]) -> None:
        """Put drained reports back, before all that has come since."""
        self._kept = max(self._capacity, len(self) + len(envelopes))
        incarnation = self._slot.incarnation
        for envelope in reversed(envelopes):
            report = envelope.message
            (self._bad if is_bad_news(report) else self._good).appendleft((envelope.seq, incarnation, report))

    def __repr__(self) -> str:
        """Show how many wait."""
        return f"<ReportLog of {self._slot.path} unread={len(self)} folded={sum(self._folded.values())}>"


def log_of(slot: "Slot") -> ReportLog:
    """Return the slot's log, made at first use."""
    more = slot.get_more()
    if more.log is None:
        more.log = ReportLog(slot)
    return more.log


def post_report(parent: "Slot | None", report: Any) -> None:
    """Put a report into a parent's mailbox, if there is a parent to read it."""
    if parent is not None and not parent.has_ended:
        log_of(parent).post(report)
