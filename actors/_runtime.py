"""The runtime of one tree: what all its slots share, and the few plain functions by which they come to run."""

import logging
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import Context as ContextVars
from contextvars import copy_context
from functools import partial
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import trio

from ..mailbox import CHOICES, DeadLetters, Letter
from ._blueprint import Blueprint, key_of, read_blueprint
from ._chosen import ChosenQueue
from ._deadlines import Deadlines
from ._groups import Groups
from ._lifecycle import INITIALIZING, QUEUED
from ._log import LOGGER, log
from ._passivation import Passivation
from ._plan import Approval
from ._pool import Pool, RunQueue
from ._reap_times import ReapTimes
from ._reaper import Reaper
from ._registry import Registry
from ._solo import Solo
from ._turn_gate import TurnGate
from ._wait_bounds import WaitBounds
from ._working import interrupt_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._family import Children, Family, Launcher
    from ._slot import Slot


MAX_BLUEPRINTS = 4_096
#: Seconds for which a stamp serves: reading the clock for each would cost more than making a slot, and its number weigh as much as a name.
STAMP_FOR = 0.001


class TreeFeed(Protocol):
    """Be told that something in the tree has changed."""

    def notify(self) -> None:
        """Note it; plain, cheap, runs no user code."""
        ...


class Runtime:
    """Hold what one tree's slots share. Made by `open_supervisor`, in the task that opens the tree."""

    def __init__(
        self,
        *,
        launcher: "Launcher",
        children: "Children",
        make_family: "Callable[[Slot], Family]",
        run_queue: RunQueue | None = None,
        per_activation: int = 64,
        per_turn: int = 64,
        time_slice: float = 0.001,
        wait_bounds: WaitBounds | None = None,
        max_running_turns: int | None = None,
        approval: Approval = "ask",
        reap_times: ReapTimes | None = None,
        max_live: int | None = None,
    ) -> None:
        self.base: ContextVars = copy_context()
        self.trio_token = trio.lowlevel.current_trio_token()
        #: Trio's time; bound here, as it is read at each change of state.
        clock = trio.lowlevel.current_clock()
        self.now = clock.current_time
        # Trio's own clock does not jump; any other may, and is taken to.
        self._may_jump = type(clock).__name__ != "SystemClock"
        #: Trio's time when what begins just now began, one number for many; and until when, by the processor's counter.
        self.stamp = 0.0
        self.stamp_ends = -inf
        self.choices = choices = CHOICES.get()
        #: what a dispatched call that needs approval needs, in the whole tree.
        self.approval: Approval = approval
        self.dead_letters = DeadLetters()
        self.registry = Registry(self)
        self.groups = Groups(self)
        self.deadlines = Deadlines(choices, may_jump=self._may_jump)
        if choices is not None:
            per_activation = per_turn = 1
            run_queue = run_queue or ChosenQueue(choices)
        self.pool = Pool(
            self, run_queue if run_queue is not None else deque[Any](), per_activation, per_turn, time_slice
        )
        self.launcher = launcher
        self.wait_bounds = wait_bounds or WaitBounds()
        #: None if there is no limit.
        self.turns = None if max_running_turns is None else TurnGate(max_running_turns)
        self.passivation = Passivation(self, max_live)
        #: a turn that waits for others has something to lend meanwhile.
        self.lends = max_running_turns is not None or max_live is not None
        self.reaper = Reaper(self, reap_times or ReapTimes())
        #: told of a slot that has come into another state; None if nobody is to know.
        self.watch: Callable[[Slot], None] | None = self.reaper.note if self.reaper.ends_overdue else None
        self.children = children
        self.make_family = make_family
        self.nursery: trio.Nursery | None = None
        self.next_uid = 1
        #: of those that were ever registered: how many do not run, and will not by themselves.
        self.gone = 0
        #: what ends the whole program, as it left some actor's code.
        self.fatal: list[BaseException] = []
        self.on_fatal: Callable[[], None] | None = None
        #: around all that is carried out although its task was cancelled.
        self.shields: dict[trio.CancelScope, None] = {}
        #: a bug of the runtime has ended its tasks: nothing of what they were to do will come.
        self.is_torn = False
        self.feeds: dict[TreeFeed, None] = {}
        #: what to log once the step that noticed it is over: user code may hang on a logger.
        self.pending_log: deque[tuple[int, str, dict[str, Any]]] = deque()
        #: by factory; look here before `blueprint`, which fills it.
        self.blueprints: dict[Any, Blueprint] = {}

    @property
    def alive(self) -> int:
        """How many there are that run, or will by themselves."""
        return self.next_uid - 1 - self.gone

    def renew_stamp(self) -> None:
        """Read Trio's clock for those who are registered from now on, within a millisecond; where it jumps, for one."""
        now = self.now()
        if now != self.stamp:
            self.stamp = now
        if not self._may_jump:
            self.stamp_ends = perf_counter() + STAMP_FOR

    def blueprint(self, factory: Any) -> Blueprint:
        """Return what is known of a factory; looked at once."""
        try:
            found = self.blueprints.get(factory)
        except TypeError:
            return read_blueprint(factory)
        if found is None:
            found = self._read_blueprint(factory)
        return found

    def _read_blueprint(self, factory: Any) -> Blueprint:
        key = key_of(factory)
        try:
            found = self.blueprints.get(key)
        except TypeError:
            return read_blueprint(factory)
        if found is None:
            found = read_blueprint(factory)
            if len(self.blueprints) >= MAX_BLUEPRINTS:
                self.blueprints.clear()
            self.blueprints[key] = found
        return found

    # -- running

    @trio.lowlevel.enable_ki_protection
    def launch(self, slot: "Slot") -> None:
        """Begin an incarnation as soon as the launch gate lets it."""
        if slot.blueprint.is_plain and slot.life is INITIALIZING:
            pool = self.pool
            pool.runq.append(slot)
            if pool.baton is None:
                pool.kick()
            return
        if slot.policy.keys:
            self.registry.renew_keys(slot)
        if self.passivation.admit(slot) and (not slot.blueprint.needs_permit or self.launcher.request(slot)):
            self.run(slot)
        elif slot.life is INITIALIZING:
            slot.life = QUEUED  # in the step that registers it: nobody has seen it otherwise
            if self.watch is not None:
                self.watch(slot)
        elif slot.life is not QUEUED:
            slot.advance(QUEUED)
        else:
            slot.own_passage().since = self.now()  # until now it waited for its siblings
            if self.watch is not None:
                self.watch(slot)

    def run(self, slot: "Slot") -> None:
        """Put a slot that has something to see to before its first message where it is run."""
        slot.attention = True
        if slot.life is not INITIALIZING:
            slot.advance(INITIALIZING)
        elif self.watch is not None:
            self.watch(slot)
        if slot.blueprint.solo:
            self.spawn(Solo(self, slot))
        else:
            slot.idle = False
            pool = self.pool
            pool.runq.append(slot)
            if pool.baton is None:
                pool.kick()

    def spawn(self, solo: Solo) -> None:
        """Give a slot its task; the task begins with a copy of the slot's context variables."""
        assert self.nursery is not None
        slot = solo.slot
        assert slot is not None
        own = None if slot.more is None else slot.more.vars
        context = (self.base if own is None else own).copy()
        context.run(partial(self.nursery.start_soon, solo.run, name=slot.path))

    def wake(self, slot: "Slot") -> None:
        """Make an idle slot run; for what is not idle, whoever runs it will see to it."""
        if slot.idle:
            pool = slot.pool
            slot.idle = False
            pool.runq.append(slot)
            if pool.baton is None:
                pool.kick()

    def post(self, slot: "Slot", letter: Letter) -> None:
        """Put the runtime's own mail (a tick, a Down) into an open mailbox; it is never refused for its number."""
        slot.box.accept(letter)
        if slot.idle and slot.box.has_triggers:
            self.wake(slot)

    def interrupt(self, slot: "Slot") -> bool:
        """Cancel the turn that is active; False if there is none. The turn ends when its code lets it."""
        if slot.blueprint.kind == "function" or not slot.in_turn:
            return False
        runner = slot.runner
        if runner is None:
            interrupt_turn(slot)  # a direct turn that has not begun
            return True
        return runner.interrupt(slot)

    def die(self, error: BaseException) -> None:
        """End the tree for an exception that no actor may keep to itself (Ctrl-C, SystemExit); it leaves the tree's block."""
        self.fatal.append(error)
        if self.on_fatal is not None:
            self.on_fatal()

    @contextmanager
    def shield(self) -> Generator[None]:
        """Carry something out whatever cancelled the task, as long as there are others to do their part."""
        with trio.CancelScope(shield=not self.is_torn) as scope:
            self.shields[scope] = None
            try:
                yield
            finally:
                del self.shields[scope]

    def tear_down(self) -> None:
        """Break off what is shielded: what it waits for will not come, as a bug of the runtime has ended the tree's tasks."""
        self.is_torn = True
        for scope in self.shields:
            scope.shield = False

    # -- telling others

    def notify_feeds(self) -> None:
        """Tell the subscribers that something has changed."""
        for feed in self.feeds:
            feed.notify()

    def logs(self, level: int) -> bool:
        """Return whether records of a level are wanted: others need not be made. A logger of somebody's own class is not asked in a step."""
        return type(LOGGER) is not logging.Logger or LOGGER.isEnabledFor(level)

    def log_later(self, level: int, text: str, slot: "Slot", **extra: Any) -> None:
        """Keep a log record until the running step is over."""
        if not self.logs(level):
            return
        facts = {"path": slot.path, "uid": slot.uid, "incarnation": slot.incarnation, **extra}
        if slot.policy.labels:
            facts["labels"] = dict(slot.policy.labels)
        self.pending_log.append((level, text, facts))

    def flush_log(self) -> None:
        """Hand out the log records; outside of every state change, as handlers are user code."""
        while self.pending_log:
            level, text, extra = self.pending_log.popleft()
            log(level, "%s: %s", extra["path"], text, extra=extra)
