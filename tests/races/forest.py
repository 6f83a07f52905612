"""Random trees of supervisors, with failures everywhere and administration at random moments, and what has to hold all the same.

A tree, its failures and what is done to it are drawn from one seed. `python -P tests/soak.py --again "trees 0" --seed N` runs it again.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any

import trio
from trio._core import _run as trio_run
from trio.testing import MockClock, wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    Backoff,
    ChildSpec,
    Context,
    GreenroomError,
    Ignore,
    Intensity,
    Request,
    Service,
    Supervisor,
    SupervisorSpec,
    Turn,
)
from greenroom.testing import open_tree

DEPTH, NODES = 5, 200
#: Where nobody may stay for long.
PASSING = frozenset({"queued", "initializing", "restarting", "stopping", "draining"})


class Boom(Exception):
    """Be what everything fails with."""


class Ping(Request[str]):
    """Ask whether somebody is there."""


class Ledger:
    """Keep account of what the children do, and say what fails."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.chaos = 0.0
        self.accepted = self.handled = 0
        #: path -> incarnations that are at work.
        self.live: Counter[str] = Counter()
        self.ready: set[tuple[str, int]] = set()
        self.wrong: list[str] = []

    def perhaps(self) -> None:
        """Fail, or not."""
        if self.random.random() < self.chaos:
            raise Boom

    async def start(self, ctx: Context, slow: float) -> None:
        path = ctx.path
        if self.live[path]:
            self.wrong.append(f"{path} starts while an incarnation before it is at work")
        self.perhaps()
        if self.chaos and self.random.random() < 0.02:
            raise Ignore
        if slow:
            await trio.sleep(slow)
        self.ready.add((path, ctx.ref.incarnation))

    async def handle(self, ctx: Context, message: Any) -> Any:
        path = ctx.path
        if (path, ctx.ref.incarnation) not in self.ready:
            self.wrong.append(f"{path} handles {message!r} and has not started")
        self.live[path] += 1
        if self.live[path] > 1:
            self.wrong.append(f"{path} handles two messages at once")
        try:
            if isinstance(message, Ping):
                return path
            if message % 3 == 0:
                await trio.sleep(self.random.random())
            self.perhaps()
            if self.chaos and message % 17 == 0:
                ctx.stop()
        finally:
            self.live[path] -= 1

    async def end(self, lingers: float) -> None:
        self.perhaps()
        if lingers:
            await trio.sleep(lingers)


class Leaf(Actor[Any]):
    """Be a child in the pool."""

    def __init__(self, ledger: Ledger, slow: float, lingers: float) -> None:
        ledger.perhaps()
        self.ledger, self.slow, self.lingers = ledger, slow, lingers

    async def startup(self, ctx: Context) -> None:
        await self.ledger.start(ctx, self.slow)

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.ledger.handled += isinstance(message, int)
        return await self.ledger.handle(ctx, message)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await self.ledger.end(self.lingers)


class Alone(Leaf):
    """Be one with a task of its own."""

    own_task = True


class Served(Leaf):
    """Be one with a service, which may not connect, may end, and may fail to close."""

    def services(self) -> list[Service[None]]:
        """Return it."""
        return [Service("line", self._connect, watch=self._watch)]

    @asynccontextmanager
    async def _connect(self) -> AsyncGenerator[None]:
        self.ledger.perhaps()
        await trio.sleep(self.slow / 2)
        yield
        self.ledger.perhaps()

    async def _watch(self, _line: None) -> None:
        await trio.sleep(1 + 9 * self.ledger.random.random())
        self.ledger.perhaps()
        await trio.sleep_forever()


class Parent(Leaf):
    """Be an actor with children."""

    async def startup(self, ctx: Context) -> None:
        await super().startup(ctx)
        for number in range(2):
            ctx.start_soon(Leaf, self.ledger, 0.1, 0.0, name=f"own{number}", restart="transient")


class Clerk(Agent[Any]):
    """Be an agent, which may rest."""

    def __init__(self, ledger: Ledger, slow: float, lingers: float) -> None:
        self.ledger, self.slow, self.lingers = ledger, slow, lingers

    async def startup(self, ctx: Context) -> None:
        await self.ledger.start(ctx, self.slow)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        answer = ctx.path
        self.ledger.handled += len(turn.mail)  # whatever comes of the turn: they are done with
        for mail in turn.mail:
            answer = await self.ledger.handle(ctx, mail.message)
        return answer


async def function(_ctx: Context, ledger: Ledger, slow: float, lingers: float) -> None:
    """Be an async function."""
    await trio.sleep(slow + lingers + 5 * ledger.random.random())
    ledger.perhaps()
    if ledger.chaos == 0:
        await trio.sleep_forever()


KINDS: tuple[Any, ...] = (Leaf, Leaf, Alone, Served, Clerk, Parent, function)


class Forest:
    """Draw a tree, and do things to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.ledger = Ledger(self.random)
        self.nodes = self.random.choice([10, 30, 60, NODES])
        self.names = iter(range(10_000))
        self.incarnations: dict[int, int] = {}
        self.number = 0

    # -- the tree

    def options(self) -> dict[str, Any]:
        random = self.random
        restart = random.choice(["permanent", "permanent", "transient", "temporary"])
        options: dict[str, Any] = {"restart": restart, "shutdown": random.choice([0, 1.0, 5.0])}
        if restart != "temporary" and random.random() < 0.2:
            options["backoff"] = Backoff(0.3, 4.0, jitter=0.2, max_attempts=random.choice([None, 4]))
        elif restart != "temporary" and random.random() < 0.1:
            options["intensity"] = Intensity(1, 3.0)
        return options

    def leaf(self, auto: str) -> ChildSpec:
        random = self.random
        options = self.options()
        significant = auto != "never" and options["restart"] != "permanent" and random.random() < 0.3
        return ChildSpec(
            f"n{next(self.names)}",
            random.choice(KINDS),
            [self.ledger, random.choice([0.0, 0.0, 0.3, 2.0]), random.choice([0.0, 0.0, 0.4, 3.0])],
            startup=random.choice(["inline", "deferred"]),
            significant=significant,
            **options,
        )

    def supervisor(self, depth: int) -> SupervisorSpec:
        random = self.random
        strategy: Any = random.choice(["one_for_one", "one_for_all", "rest_for_one", "dynamic"])
        auto: Any = (
            "never"
            if strategy == "dynamic"
            else random.choice(["never", "never", "any_significant", "all_significant"])
        )
        children: list[Any] = []
        if strategy != "dynamic":
            for _ in range(random.randint(1, 5)):
                if self.nodes <= 0:
                    break
                self.nodes -= 1
                deeper = depth < DEPTH and random.random() < 0.45
                children.append(self.supervisor(depth + 1) if deeper else self.leaf(auto))
        options = self.options()
        del options["shutdown"]
        options.setdefault("intensity", Intensity(random.randint(0, 3), 5.0))
        return SupervisorSpec(
            f"s{next(self.names)}", children, strategy=strategy, auto_shutdown=auto,
            **options,
        )  # fmt: skip

    # -- what is done to it

    def infos(self, root: Supervisor) -> list[Any]:
        return [info for info in root.tree().walk() if info.path != root.path]

    def act(self, root: Supervisor, nursery: trio.Nursery) -> None:  # noqa: C901 -- one case for each thing
        """Do one thing."""
        random, infos = self.random, self.infos(root)
        if not infos:
            return
        info = random.choice(infos)
        ref: ActorRef[Any] = root.lookup(info.path[len(root.path) + 1 :])
        above = self.above(root, info.path)
        what = random.random()
        if what < 0.45:
            self.number += 1
            if info.kind not in {"supervisor", "function"}:
                self.ledger.accepted += ref.try_tell(self.number)
        elif what < 0.6:
            if info.kind == "actor":
                nursery.start_soon(self.ask, ref)
        elif what < 0.68:
            nursery.start_soon(self.quietly, random.choice([ref.stop, ref.kill, ref.drain]))
        elif what < 0.74:
            ref.crash(Boom())
        elif above is None or above.path == root.path:
            with suppress(GreenroomError):
                nursery.start_soon(self.quietly, partial(root.restart_child, "top"))
        elif what < 0.8:
            nursery.start_soon(self.quietly, partial(above.restart_child, info.name))
        elif what < 0.84:
            with suppress(GreenroomError):
                above.delete_child(info.name)
        elif what < 0.9:
            options = self.options()
            with suppress(GreenroomError):
                above.start_soon(random.choice(KINDS), self.ledger, 0.2, 0.1, name=f"n{next(self.names)}", **options)
        elif what < 0.93:
            with suppress(GreenroomError, TypeError):  # none but agents can be put to rest
                ref.rest()
        elif what < 0.95:
            self.nodes = 6
            spec = self.supervisor(DEPTH - 1)
            with suppress(GreenroomError):
                above.start_supervisor(
                    spec.name, spec.children, strategy=spec.strategy, auto_shutdown=spec.auto_shutdown
                )
        else:
            self.update(above)

    def update(self, team: Supervisor) -> None:
        """Give a supervisor another set: some of the old ones in another order, and a new one."""
        specs: list[ChildSpec | SupervisorSpec] = []
        for info in team.tree().children:
            spec = team.child_spec(info.name)
            if self.random.random() < 0.8 and not spec.significant:
                specs.append(spec)
        self.random.shuffle(specs)
        with suppress(GreenroomError):
            team.update_specs([*specs, self.leaf("never")])

    def above(self, root: Supervisor, path: str) -> Supervisor | None:
        up = path.rpartition("/")[0]
        if up == root.path:
            return root
        with suppress(GreenroomError):
            return root.lookup_supervisor(up[len(root.path) + 1 :])
        return None

    async def quietly(self, call: Callable[[], Any]) -> None:
        with suppress(GreenroomError), trio.move_on_after(self.random.choice([0.5, 1e6])):
            await call()

    async def ask(self, ref: ActorRef[Any]) -> None:
        begin = trio.current_time()
        with suppress(GreenroomError, Boom):
            await ref.ask(Ping(), timeout=7)
        if trio.current_time() > begin + 7.001:
            self.ledger.wrong.append(f"an ask of {ref.path} took longer than its deadline")

    # -- what has to hold

    def check(self, root: Supervisor) -> None:
        """Look at the whole tree."""
        for info in root.tree().walk():
            if info.lifecycle in ("parked", "stopped", "failed"):
                alive = [
                    each.path
                    for each in info.walk()
                    if each is not info and each.lifecycle not in ("parked", "stopped")
                ]
                assert not alive, f"{info.path} has ended, and below it is {alive}"
            before = self.incarnations.get(info.uid, 0)
            assert info.incarnation >= before, f"{info.path} went back to incarnation {info.incarnation}"
            self.incarnations[info.uid] = info.incarnation
        assert not self.ledger.wrong, self.ledger.wrong

    async def run(self, steps: int) -> None:
        random, ledger = self.random, self.ledger
        begin = trio.current_time()
        async with open_tree("stage", intensity=Intensity(1_000_000, 1.0)) as root:
            root.ignore_dead_letters()
            async with trio.open_nursery() as nursery:
                top: list[SupervisorSpec] = []
                while self.nodes > 0:
                    self.nodes -= 1
                    top.append(self.supervisor(3))
                root.start_supervisor("top", top, intensity=Intensity(1_000_000, 1.0), startup_timeout=1_000)
                ledger.chaos = random.choice([0.0, 0.02, 0.1, 0.3])
                for _ in range(steps):
                    for _ in range(random.randint(1, 4)):
                        self.act(root, nursery)
                    if random.random() < 0.7:
                        await trio.sleep(random.choice([0.0, 0.1, 0.7, 3.0]))
                    self.check(root)
                ledger.chaos = 0.0
                await trio.sleep(400)
            await wait_all_tasks_blocked()
            self.check(root)
            await self.check_rest(root)
            for info in self.infos(root):
                ref = root.lookup(info.path[len(root.path) + 1 :])
                if info.kind == "actor" and info.lifecycle == "ready":
                    assert await ref.ask(Ping(), timeout=5) == info.path
        assert trio.current_time() - begin < 100_000
        lost = root.dead_letters.counts
        lost_here = sum(lost.get(reason, 0) for reason in ("stopped", "startup failed"))
        assert ledger.accepted == ledger.handled + lost_here, (ledger.accepted, ledger.handled, dict(lost))

    async def check_rest(self, root: Supervisor) -> None:
        stuck = [f"{info.path} {info.lifecycle}" for info in self.infos(root) if info.lifecycle in PASSING]
        assert not stuck, f"still not at rest: {stuck}"


def grow(seed: int, steps: int = 30) -> None:
    """Run one tree, with Trio's own order of tasks drawn from the same seed."""
    scheduler: Any = trio_run
    allowed, state = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)
    try:
        trio.run(Forest(seed).run, steps, clock=MockClock(autojump_threshold=0))
    finally:
        scheduler._r.setstate(state)
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = allowed
