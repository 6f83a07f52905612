"""The recorder: what happens in a trial, told to it in the step in which it happens, and what that comes to at the horizon.

It adds nothing up on the way: lengths of time are kept, and summed with `math.fsum` at the end, so that the sum does not depend on their order.
"""

from collections.abc import Callable
from math import fsum, nan
from typing import Final

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
    error_of,
    text_of,
)
from ..actors._lifecycle import ENDED
from ..supervisor import ErrorEscalated, RestartIntensityExceeded
from ._traffic import Traffic, mean
from ._trial import MEASURES, Change, Happening, Kind, State, Trial

#: How an end is told: cut short, as a cause may be long.
LONGEST_TEXT: Final = 200
#: Changes of state at one moment that no tree needs: for each who is in it, and besides.
MOST_AT_ONCE: Final = (200, 1_000)


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
        #: when the restart began that has not become ready yet, nor counts as wasted.
        self.restarting: float | None = None
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
        self._recoveries: list[float] = []
        self.traffic = Traffic(warmup, horizon, late, now, self.happen)
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

    def incarnation_of(self, path: str) -> tuple[int, int] | None:
        """Return which incarnation of an actor is up; None if it is not up."""
        life = self.lives[path]
        return None if life.slot is None or life.state != "up" else (life.slot.uid, life.slot.incarnation)

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
            life.is_begun, life.restarting = False, None
        self.traffic.lose_all("stopped")

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
        if self._at_once > len(self.lives) * MOST_AT_ONCE[0] + MOST_AT_ONCE[1] and self.endless is None:
            self.endless = now, life.path
            self.on_endless()
        self._step(life, slot, now)

    def _step(self, life: Life, slot: Slot, now: float) -> None:
        at = slot.life
        if at is READY or at is RESTING:
            self._go(life, "up", now)
            life.restarting = None
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
            self._count("restarts", now)
            if life.has_failed:
                life.restarting = now
            else:
                self._count("wasted restarts", now)
        self._happen(life.path, "restart", f"incarnation {slot.incarnation}", now)

    def _end(self, life: Life, reason: ExitReason, now: float) -> None:
        life.is_begun = False
        life.has_failed = reason.is_failure
        if life.ended is not None:
            life.ended()
        if (
            life.restarting is not None
        ):  # and it has not become ready; it counts where its restart does, as to the warmup
            self._count("wasted restarts", life.restarting)
            life.restarting = None
        if not reason.is_failure:
            return
        kind: Kind = "crash"
        if _gave_up(reason):
            kind = "escalation"
            self._count("escalations", now)
        elif isinstance(reason, StartupFailed):
            kind = "startup failed"
            if life.is_actor:
                self._count("startups failed", now)
        elif life.is_actor:
            self._count("crashes", now)
        text = text_of(reason)
        self._happen(life.path, kind, text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…", now)

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
        self.is_over = self.traffic.is_over = True

    def trial(self, policy: str, seed: int) -> Trial:
        """Return what it came to, once it is closed."""
        span = self._horizon - self._begin
        counts = self._counts
        measures: dict[str, float] = {name: float(counts[name]) for name in MEASURES}
        measures |= self.traffic.measures()
        measures["availability"] = fsum(self._all_up) / span
        measures["recovery mean"] = mean(self._recoveries)
        measures["recovery max"] = max(self._recoveries, default=nan)
        told = len(self._changes) + len(self._happenings) + self._dropped
        measures["steps"] = counts["crashes"] + measures["asked"] + told
        availability = {path: fsum(life.up) / span for path, life in self.lives.items() if life.is_actor}
        return Trial(
            policy=policy,
            seed=seed,
            horizon=self._horizon,
            measures=measures,
            availability=availability,
            recoveries=tuple(self._recoveries),
            latencies=self.traffic.percentiles(),
            changes=tuple(self._changes),
            happenings=tuple(self._happenings),
            dropped=self._dropped,
        )


def _gave_up(reason: ExitReason) -> bool:
    """Return whether a supervisor gave up; one that was still starting is told of as a startup that failed."""
    return isinstance(reason, Escalated) or isinstance(error_of(reason), (RestartIntensityExceeded, ErrorEscalated))
