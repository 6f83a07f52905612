"""The recorder: what happens in a trial, told to it in the step in which it happens, and what that comes to at the horizon.

It adds nothing up on the way: lengths of time are kept, and summed with `math.fsum` at the end, so that the sum does not depend on their order.
"""

from collections.abc import Callable
from math import fsum, nan
from typing import Final

import trio

from ..actors import (
    DRAINING,
    INITIALIZING,
    QUEUED,
    READY,
    RESTARTING,
    RESTING,
    STOPPING,
    Escalated,
    ExitReason,
    Slot,
    StartupFailed,
    text_of,
)
from ..actors._lifecycle import ENDED
from ._request import Request
from ._trial import MEASURES, Change, Happening, Kind, State, Trial

#: How an end is told: cut short, as a cause may be long.
LONGEST_TEXT: Final = 200
#: Changes of state at one moment that no tree needs.
MOST_AT_ONCE: Final = 100_000


class Level:
    """Follow a number over time: its mean and its maximum."""

    def __init__(self, since: float) -> None:
        self.value = 0
        self.most = 0
        self._since = since
        self._begin = since
        self._areas: list[float] = []

    def add(self, step: int, now: float) -> None:
        """Change it by a step."""
        if now > self._since:
            if self.value:
                self._areas.append(self.value * (now - self._since))
            self._since = now
            if len(self._areas) > 100_000:  # noqa: PLR2004 -- kept short; a sum of exact sums is as good
                self._areas = [fsum(self._areas)]
        self.value += step
        if self.value > self.most and now >= self._begin:
            self.most = self.value

    def mean(self, end: float) -> float:
        """Return the mean from its beginning to an end."""
        self.add(0, end)
        return fsum(self._areas) / (end - self._begin)


class Life:
    """Follow one actor or supervisor over all its incarnations."""

    def __init__(self, path: str, *, is_actor: bool) -> None:
        self.path = path
        self.is_actor = is_actor
        self.slot: Slot | None = None
        self.state: State = "down"
        #: as last shown in the timeline.
        self.shown: State | None = None
        self.since = 0.0
        self.up: list[float] = []
        #: when it went down; None while it is up, or before it ever was.
        self.fell: float | None = None
        self.starts = 0
        self.is_restarting = False
        self.has_failed = False
        #: it has been told to begin, and has not ended since.
        self.is_begun = False
        self.readied: Callable[[], None] | None = None
        self.ended: Callable[[], None] | None = None


class Recorder:
    """Record one trial.

    Args:
        warmup, horizon: seconds of the trial between which it measures.
        late: seconds after which an answer is late.
        most: changes, and happenings, that it keeps.
        now: the trial's clock.
    """

    def __init__(self, warmup: float, horizon: float, late: float | None, most: int, now: Callable[[], float]) -> None:
        self._begin, self._horizon, self._late, self._most, self._now = warmup, horizon, late, most, now
        self.lives: dict[str, Life] = {}
        self.is_over = False
        self.endless: tuple[float, str] | None = None
        self.on_endless: Callable[[], None] = lambda: None
        self._by_uid: dict[int, Life] = {}
        self._actors = self._up = 0
        self._all_up_since: float | None = None
        self._all_up: list[float] = []
        self._counts: dict[str, int] = dict.fromkeys(MEASURES, 0)
        self._latencies: list[float] = []
        self._waits: list[float] = []
        self._recoveries: list[float] = []
        self._queued = Level(warmup)
        self._inside = Level(warmup)
        self._open: dict[Request, None] = {}
        self._changes: list[Change] = []
        self._happenings: list[Happening] = []
        self._dropped = 0
        self._moment = -1.0
        self._at_once = 0
        self._settling: dict[Life, None] = {}
        self._settles_at = 0.0

    # -- who there is

    def expect(self, path: str, *, is_actor: bool) -> Life:
        """Enter somebody into the book, before the tree is opened."""
        life = self.lives[path] = Life(path, is_actor=is_actor)
        if is_actor:
            self._actors += 1
            self._change(life, "starting", 0.0)
        return life

    def fall(self, path: str) -> None:
        """Hear that an actor is carrying out its end, and is of no use any more."""
        if not self.is_over:
            self._go(self.lives[path], "down", self._now())

    def open(self) -> None:
        """Hear that the tree is being opened: all its declared actors are there, and on their way."""
        if not self.is_over:
            for life in self.lives.values():
                self._go(life, "starting", self._now())

    def gone(self) -> None:
        """Hear that the tree has ended: whoever comes next is somebody else."""
        if self.is_over:
            return
        self._by_uid.clear()
        for life in self.lives.values():
            self._go(life, "down", self._now())
            life.slot = None
            life.is_begun = life.is_restarting = False
        for request in [*self._open]:
            self.lose(request, "stopped")

    def _life_of(self, slot: Slot) -> Life | None:
        life = self._by_uid.get(slot.uid)
        if life is None:
            path = slot.path.partition("/")[2].partition("/")[2] or "/"
            life = self.lives.get(path)
            if life is not None:
                self._by_uid[slot.uid] = life
                life.slot = slot
        return life

    # -- changes of state

    def watch(self, slot: Slot) -> None:
        """Hear of a slot that has come into another state."""
        if self.is_over:
            return
        life = self._life_of(slot)
        if life is None:
            return
        now = self._now()
        if now != self._moment:
            self._moment, self._at_once = now, 0
        self._at_once += 1
        if self._at_once > MOST_AT_ONCE and self.endless is None:
            self.endless = now, life.path
            self.on_endless()
        self._step(life, slot, now)

    def _step(self, life: Life, slot: Slot, now: float) -> None:
        at = slot.life
        if at is READY or at is RESTING:
            self._go(life, "up", now)
            if life.is_restarting:
                life.is_restarting = False
            if life.readied is not None and at is READY:
                life.readied()
            return
        if at is QUEUED or at is INITIALIZING:
            if not life.is_begun:
                self._begin_start(life, slot, now)
            self._go(life, "starting", now)
        elif at is RESTARTING or at in ENDED:
            reason = slot.last_exit
            if life.is_begun and reason is not None:
                self._end(life, reason, now)
            is_waiting = at is RESTARTING and getattr(slot.policy, "backoff", None) is not None
            self._go(life, "backing off" if is_waiting else "down", now)
        elif at in {STOPPING, DRAINING}:
            self._go(life, "down", now)

    def _begin_start(self, life: Life, slot: Slot, now: float) -> None:
        life.is_begun = True
        life.starts += 1
        if life.starts == 1 or slot.incarnation == 1:
            return
        if life.is_actor:
            life.is_restarting = True
            self._count("restarts", now)
            if not life.has_failed:
                self._count("wasted restarts", now)
                life.is_restarting = False  # it is counted
        self._happen(life.path, "restart", f"incarnation {slot.incarnation}", now)

    def _end(self, life: Life, reason: ExitReason, now: float) -> None:
        life.is_begun = False
        life.has_failed = reason.is_failure
        if life.ended is not None:
            life.ended()
        if life.is_restarting:  # and it has not become ready
            life.is_restarting = False
            self._count("wasted restarts", now)
        if not reason.is_failure:
            return
        kind: Kind = "crash"
        if isinstance(reason, Escalated):
            kind = "escalation"
            self._count("escalations", now)
        elif isinstance(reason, StartupFailed):
            kind = "startup failed"
            if life.is_actor:
                self._count("startups failed", now)
        elif life.is_actor:
            self._count("crashes", now)
        self._happen(life.path, kind, text_of(reason)[:LONGEST_TEXT], now)

    def _go(self, life: Life, state: State, now: float) -> None:
        before = life.state
        if state == before:
            return
        if life.is_actor:
            if before == "up":
                life.up.append(max(now, self._begin) - max(life.since, self._begin))
                life.fell = now
                self._up -= 1
                if self._all_up_since is not None:
                    self._all_up.append(max(now, self._begin) - max(self._all_up_since, self._begin))
                    self._all_up_since = None
            elif state == "up":
                self._up += 1
                if self._up == self._actors:
                    self._all_up_since = now
                if life.fell is not None:
                    if now >= self._begin:
                        self._recoveries.append(now - life.fell)
                    life.fell = None
        self._change(life, state, now)

    def _change(self, life: Life, state: State, now: float) -> None:
        """Note a state; it comes into the timeline once time has passed in it."""
        if now != self._settles_at:
            self._settle()
            self._settles_at = now
        life.state, life.since = state, now
        if life.is_actor:
            self._settling[life] = None

    def _settle(self) -> None:
        for life in self._settling:
            if life.state != life.shown:
                life.shown = life.state
                if len(self._changes) < self._most:
                    self._changes.append(Change(self._settles_at, life.path, life.state))
                else:
                    self._dropped += 1
        self._settling.clear()

    # -- happenings

    def happen(self, path: str, kind: Kind, text: str = "") -> None:
        """Note what is worth telling."""
        if not self.is_over:
            self._happen(path, kind, text, self._now())

    def _happen(self, path: str, kind: Kind, text: str, now: float) -> None:
        if len(self._happenings) < self._most:
            self._happenings.append(Happening(now, path, kind, text))
        else:
            self._dropped += 1

    def _count(self, measure: str, now: float) -> None:
        if now >= self._begin:
            self._counts[measure] += 1

    # -- requests

    def arrive(self, request: Request) -> None:
        """Hear of a new request, which waits from now on."""
        if self.is_over:
            return
        request.counts = request.arrived >= self._begin
        if request.counts:
            self._counts["asked"] += 1
        self._open[request] = None
        self._queued.add(1, request.arrived)
        self._inside.add(1, request.arrived)

    def begin(self, request: Request) -> None:
        """Hear that one is in hand."""
        if self.is_over or request.stage not in {"waiting", "interrupted"}:
            return
        now = self._now()
        self._queued.add(-1, now)
        if not request.begun:
            request.begun = True
            if request.counts:
                self._waits.append(now - request.arrived)
        request.stage = "in hand"

    def interrupt(self, request: Request, error: BaseException) -> None:
        """Hear that its handling has come to nothing: it is lost, unless it is given again."""
        if self.is_over or request.stage != "in hand":
            return
        request.tries -= 1
        if request.tries < 0:
            self._leave(request, "lost")
            why = "it was cut off" if isinstance(error, trio.Cancelled) else str(error)
            self._happen(request.path, "request lost", f"of {request.source}: {why}", self._now())
            return
        request.stage = "interrupted"
        self._queued.add(1, self._now())

    def answer(self, request: Request) -> None:
        """Hear that it is answered."""
        if self.is_over or request.stage != "in hand":
            return
        self._leave(request, "answered")

    def lose(self, request: Request, why: str, *, refused: bool = False) -> None:
        """Hear that nobody will handle it."""
        if self.is_over or request.stage not in {"waiting", "interrupted"}:
            return
        now = self._now()
        self._queued.add(-1, now)
        self._leave(request, "lost")
        self._happen(request.path, "request refused" if refused else "request lost", f"of {request.source}: {why}", now)

    def _leave(self, request: Request, stage: str) -> None:
        now = self._now()
        self._inside.add(-1, now)
        del self._open[request]
        request.stage = "answered" if stage == "answered" else "lost"
        if not request.counts:
            return
        self._counts[stage] += 1
        if stage == "answered":
            latency = now - request.arrived
            self._latencies.append(latency)
            if self._late is not None and latency > self._late:
                self._counts["late"] += 1

    # -- the end

    def close(self) -> None:
        """Close the book, at the horizon."""
        if self.is_over:
            return
        now = self._horizon
        for life in self.lives.values():
            if life.is_actor and life.state == "up":
                life.up.append(now - max(life.since, self._begin))
        if self._all_up_since is not None:
            self._all_up.append(now - max(self._all_up_since, self._begin))
        self._settle()
        self.is_over = True

    def trial(self, policy: str, seed: int) -> Trial:
        """Return what it came to, once it is closed."""
        span = self._horizon - self._begin
        latencies, waits = sorted(self._latencies), self._waits
        counts = self._counts
        interrupted = sum(request.stage == "interrupted" and request.counts for request in self._open)
        measures: dict[str, float] = {name: float(counts[name]) for name in MEASURES}
        percentiles = _percentiles(latencies)
        measures["lost"] += interrupted  # and nobody has given them again
        measures["unanswered"] = measures["asked"] - measures["answered"] - measures["lost"]
        measures["availability"] = fsum(self._all_up) / span
        measures["latency mean"] = mean(latencies)
        for key, at in (("latency p50", 50), ("latency p90", 90), ("latency p99", 99), ("latency max", 100)):
            measures[key] = percentiles[at] if percentiles else nan
        measures["recovery mean"] = mean(self._recoveries)
        measures["recovery max"] = max(self._recoveries, default=nan)
        measures["queued mean"] = self._queued.mean(self._horizon)
        measures["queued max"] = float(self._queued.most)
        measures["in system mean"] = self._inside.mean(self._horizon)
        measures["waiting mean"] = mean(waits)
        measures["steps"] = float(
            counts["crashes"] + counts["asked"] + len(self._changes) + len(self._happenings) + self._dropped
        )
        availability = {path: fsum(life.up) / span for path, life in self.lives.items() if life.is_actor}
        return Trial(
            policy=policy,
            seed=seed,
            horizon=self._horizon,
            measures=measures,
            availability=availability,
            recoveries=tuple(self._recoveries),
            latencies=percentiles,
            changes=tuple(self._changes),
            happenings=tuple(self._happenings),
            dropped=self._dropped,
        )


def mean(values: list[float]) -> float:
    """Return the mean; nan of nothing."""
    return fsum(values) / len(values) if values else nan


def _percentiles(values: list[float]) -> tuple[float, ...]:
    """Return the 0th to the 100th, each one of the values: the least that at least so many per cent do not exceed."""
    if not values:
        return ()
    many = len(values)
    return tuple(values[max(0, -(-many * each // 100) - 1)] for each in range(101))
