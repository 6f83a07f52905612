"""The rules of one supervisor with plain children, written down from what is promised and from nothing of the runtime's code.

It is a small simulation of events: plain functions for what follows of what. What others do to a supervisor is in `reference.py`.
"""

import attrs

from .agenda import Agenda
from .group import Group
from .kid import GONE, Cause, Kid


@attrs.define(eq=False)
class Rules(Agenda):
    """Be a supervisor that another one restarts whenever it ends by itself."""

    strategy: str
    max_restarts: int
    within: float
    auto_shutdown: str
    declared: list[Kid]
    #: name -> how many of its next starts fail, or find nothing to do.
    failing: dict[str, int]
    ignoring: dict[str, int]
    kids: list[Kid] = attrs.field(factory=list[Kid])
    life: str = "initializing"
    incarnation: int = 1
    reason: str = ""
    shutdown_due: bool = False
    group: Group | None = None
    line: list[Kid] | None = None
    owed: list[Kid] = attrs.field(factory=list[Kid])
    at: Kid | None = None
    failures: list[float] = attrs.field(factory=list[float])
    to_close: list[list[Kid]] | None = None
    closing: list[Kid] = attrs.field(factory=list[Kid])
    #: what has been handled: name, incarnation, message.
    handled: list[tuple[str, int, str]] = attrs.field(factory=list[tuple[str, int, str]])
    dead: list[str] = attrs.field(factory=list[str])

    def begin(self) -> None:
        """Start the supervisor."""
        old = {each.name: each for each in self.kids}
        self.kids = []
        for spec in self.declared:
            kid = old.get(spec.name)
            if kid is None:
                kid = attrs.evolve(spec, mail=[])
            self.kids.append(kid)
        self.life, self.reason, self.shutdown_due = "initializing", "", False
        self.group, self.failures = None, []
        self.to_close, self.closing = None, []
        self.line, self.owed = list(self.kids), [each for each in self.kids if each.life == "parked"]
        self.at = None
        for kid in self.kids:
            kid.attempts, kid.ready_at = 0, None
            kid.awaited = kid.inline
        self.go_on()

    # -- a child's way

    def launch(self, kid: Kid) -> None:
        kid.due = None
        kid.incarnation += kid.life == "parked"
        kid.life, kid.cause, kid.admin, kid.halted = "initializing", None, False, False
        self.later(kid, kid.slow, self.started)

    def started(self, kid: Kid) -> None:
        if self.failing.get(kid.name, 0) > 0:
            self.failing[kid.name] -= 1
            self.end(kid, "startup")
        elif self.ignoring.get(kid.name, 0) > 0:
            self.ignoring[kid.name] -= 1
            self.end(kid, "ignore")
        else:
            kid.life = "ready"
            kid.awaited = False
            self.tell_starter(kid, "ready")
            if kid.backoff is None:
                kid.attempts = 0
            kid.ready_at = self.now
            self.go_on()
            self.soon(lambda: self.handle(kid))

    def handle(self, kid: Kid) -> None:
        if kid.life != "ready" or kid.cause is not None or not kid.mail:
            return
        message = kid.mail.pop(0)
        self.handled.append((kid.name, kid.incarnation, message))
        if kid.ready_at == self.now:
            pass  # what comes of mail that was there before is told by the next one: two things at once would have no order
        elif message == "crash":
            self.end(kid, "crash")
        elif message == "finish":
            self.end(kid, "finish")
        self.soon(lambda: self.handle(kid))

    def stop(self, kid: Kid) -> None:
        """End it for good: others want it."""
        if kid.life == "parked":
            self.forget(kid)
            return
        if kid.admin:
            return
        kid.admin = True
        before = kid.life
        kid.life = "stopping"
        if kid.cause is not None:
            if kid.cause == "halt":
                kid.cause = "stop"
            return  # its end goes on
        if before in ("queued", "restarting"):
            kid.due = None
            kid.cause = "stop"
            self.later(kid, 0.0, self.last_step)
        else:
            self.end(kid, "stop")

    def end(self, kid: Kid, cause: Cause) -> None:
        """Let its incarnation end, for the first cause that there is."""
        kid.cause = cause
        self.later(kid, kid.lingers, self.last_step)

    def halt(self, kid: Kid) -> None:
        """End its incarnation so that another can follow."""
        if kid.is_down:
            return
        if kid.life == "queued":
            kid.life = "restarting"
            return
        if kid.admin:
            return
        kid.halted = True
        if kid.cause is None:
            self.end(kid, "halt")

    def last_step(self, kid: Kid) -> None:
        cause, temporary = kid.cause, kid.restart == "temporary"
        kid.cause = None
        if kid.backoff is not None and kid.ready_at is not None and self.now - kid.ready_at >= kid.backoff[2]:
            kid.attempts = 0
        kid.ready_at = None
        kid.epoch += 1
        first = self.at if self.group is None else self.group.at
        at_hand = kid.awaited and not kid.halted and not (kid.declared and (kid.admin or cause != "startup"))
        if at_hand:
            if (
                kid.declared
                and self.life == "initializing"
                and first is kid
                and not self.reason
                and kid.on_start is None
            ):
                self.next_incarnation(kid)
                self.end_team("startup failed")
            elif self.reason and kid.on_start is None:
                self.at_end(kid)
            else:
                self.park(kid)
        elif self.reason:
            self.at_end(kid)
        elif self.group is not None and self.group.phase != "starting" and kid in self.group.members:
            if temporary:
                self.forget(kid)
            elif kid.admin:
                self.park(kid)
            else:
                self.next_incarnation(kid)
        elif kid.admin:
            self.give_place(kid)
        elif temporary or cause == "ignore" or (cause == "finish" and kid.restart == "transient"):
            # `ignore` ends for good whatever the type.
            self.give_place(kid)
            if kid.significant and cause != "ignore":
                self.consider_shutdown()
        else:
            assert cause is not None
            self.fail(kid, cause)
        self.tell_starter(
            kid, "ActorStopped" if cause != "startup" or (kid.admin and kid.declared) else "StartupFailed"
        )
        self.go_on()

    def tell_starter(self, kid: Kid, how: str) -> None:
        told, kid.on_start = kid.on_start, None
        if told is not None:
            kid.awaited = False
            told(how)

    def give_place(self, kid: Kid) -> None:
        if kid.restart == "temporary" or self.strategy == "dynamic":
            self.forget(kid)
        else:
            self.park(kid)

    def park(self, kid: Kid) -> None:
        self.bury(kid)
        kid.life, kid.admin, kid.due = "parked", False, None
        kid.awaited = False

    def forget(self, kid: Kid) -> None:
        self.bury(kid)
        kid.life = GONE
        if kid in self.kids:
            self.kids.remove(kid)

    def bury(self, kid: Kid) -> None:
        self.dead += kid.mail
        kid.mail = []

    def next_incarnation(self, kid: Kid) -> None:
        kid.life = "restarting"
        kid.incarnation += 1
        kid.halted = False

    def at_end(self, kid: Kid) -> None:
        """End one whose supervisor ends, too: declared ones keep their places."""
        if not kid.declared:
            self.forget(kid)
        elif kid.admin:
            self.park(kid)
        else:
            self.next_incarnation(kid)

    # -- failures

    def fail(self, kid: Kid, cause: Cause) -> None:
        if self.is_over(kid, cause):
            self.at_end(kid)
            self.end_team("startup failed" if self.life == "initializing" else "gave up")
            return
        delay = 0.0
        if kid.backoff is not None and kid.attempts > 1:
            initial, maximum, _, _ = kid.backoff
            delay = min(maximum, initial * 2.0 ** (kid.attempts - 2))
        self.next_incarnation(kid)
        if self.strategy in ("one_for_all", "rest_for_one"):
            self.begin_group(kid, delay)
        elif delay > 0:
            kid.due = self.now + delay
            self.later(kid, delay, self.retry)
        else:
            self.launch(kid)

    def retry(self, kid: Kid) -> None:
        if kid.life == "restarting":
            self.launch(kid)

    def is_over(self, kid: Kid, cause: Cause) -> bool:
        if kid.backoff is not None:
            *_, most = kid.backoff
            kid.attempts += 1
            return most is not None and kid.attempts > most
        self.failures = [when for when in self.failures if self.now - when < self.within] + [self.now]
        if cause == "startup":
            kid.attempts += 1
        return len(self.failures) > self.max_restarts or kid.attempts > self.max_restarts

    def consider_shutdown(self) -> None:
        others = any(each.significant and each.life != "parked" for each in self.kids)
        if self.auto_shutdown == "any_significant" or (self.auto_shutdown == "all_significant" and not others):
            self.shutdown_due = True
            if self.life == "ready":
                self.end_team("automatic shutdown")

    # -- groups

    def begin_group(self, kid: Kid, delay: float) -> None:
        before = self.group
        order = [each for each in self.kids if each is kid or self.takes_part(each)]
        first = 0 if self.strategy == "one_for_all" else order.index(kid)
        at: Kid | None = None
        if before is not None and before.phase != "starting":
            first = min([first, *(order.index(each) for each in before.members if each in order)])
        elif before is not None:
            first = min([first, *(order.index(each) for each in before.line if each in order)])
            if before.at is not None and before.at not in order[first:]:
                at = before.at
        members = order[first:]
        owed = [each for each in members if each.life == "parked" and (before is None or each in self.owed_of(before))]
        members = [each for each in members if each.life != "parked" or each in owed]
        for each in members:
            each.due = None
            if each.life == "restarting":
                each.epoch += 1
        self.group = Group(members, owed, delay, [each for each in members if each.life != "parked"], at=at)

    def owed_of(self, group: Group) -> list[Kid]:
        return group.owed if group.phase != "starting" else [each for each in group.line if each in group.owed]

    def takes_part(self, kid: Kid) -> bool:
        if kid.restart == "temporary" and not kid.declared:
            return False
        return kid.on_start is None

    def go_on(self) -> None:
        """Do what can be done now."""
        if self.to_close is not None:
            self.close_on()
            return
        if self.reason:
            return
        group = self.group
        if group is not None:
            if not self.group_on(group) or self.group is not group:
                return
            self.group = None
        if self.line is not None:
            done, self.at = self.line_on(self.line, self.at, self.owed)
            if not done:
                return
            self.line = None
        if self.life == "initializing":
            if self.shutdown_due:
                self.end_team("automatic shutdown")
            else:
                self.life = "ready"

    def group_on(self, group: Group) -> bool:
        if group.phase == "stopping":
            while group.to_stop:
                kid = group.to_stop[-1]
                if not kid.is_down:
                    if group.ordered is kid:
                        return False
                    group.ordered = kid
                    self.halt(kid)
                    continue
                group.to_stop.pop()
            group.phase = "waiting"
            group.due = self.now + group.delay
            if group.delay > 0:
                self.at_time(group.due, lambda: self.group_due(group))
                return False
        if group.phase == "waiting":
            if group.due is not None and self.now < group.due:
                return False
            group.phase = "starting"
            group.line = list(group.members)
        done, group.at = self.line_on(group.line, group.at, group.owed)
        return done

    def group_due(self, group: Group) -> None:
        if self.group is group:
            self.go_on()

    def line_on(self, line: list[Kid], at: Kid | None, owed: list[Kid]) -> tuple[bool, Kid | None]:
        while True:
            if at is not None:
                if at.life in ("queued", "initializing", "restarting", "stopping"):
                    return False, at
                at = None
            if not line:
                return True, None
            kid = line.pop(0)
            if kid.life in ("queued", "restarting") or (kid.life == "parked" and kid in owed):
                self.launch(kid)
                at = kid if kid.inline else None

    # -- the supervisor's end

    def end_team(self, reason: str) -> None:
        if self.reason:
            return
        self.reason = reason
        self.soon(self.close)

    def close(self) -> None:
        self.group = self.line = self.at = None
        for kid in self.kids:
            if kid.due is not None:
                kid.due = None
                kid.epoch += 1
        ordered = self.strategy != "dynamic"
        lasting = [each for each in self.kids if ordered and each.restart != "temporary"]
        together = [each for each in self.kids if each not in lasting]
        self.to_close = [together, *([each] for each in reversed(lasting))]
        self.closing = []
        self.close_on()

    def close_on(self) -> None:
        assert self.to_close is not None
        while True:
            if any(not each.is_down or (each.life == "restarting" and not each.declared) for each in self.closing):
                return
            for kid in self.closing:
                if kid.life == "parked" and not kid.declared:
                    self.forget(kid)
            if not self.to_close:
                self.to_close = None
                self.life = "restarting"
                self.incarnation += 1
                self.soon(self.begin)
                return
            self.closing = self.to_close.pop(0)
            for kid in self.closing:
                if kid.declared:
                    self.halt(kid)
                elif kid.life != GONE:
                    self.stop(kid)
