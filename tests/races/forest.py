"""Random trees of supervisors, with failures everywhere and administration at random moments, and what has to hold all the same.

A tree, its failures and what is done to it are drawn from one seed, and the order of its steps is the race kit's, so a failure can be seen again, and
be shrunk.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    ActorRef,
    Backoff,
    ChildSpec,
    GreenroomError,
    Intensity,
    Supervisor,
    SupervisorSpec,
)
from greenroom.races import Sim
from greenroom.supervisor._childspec import StartupMode
from greenroom.testing import open_tree

from .forest_kinds import KINDS
from .forest_ledger import Boom, Ledger, Ping

DEPTH, NODES = 5, 200
#: Steps of a tree, at most.
STEPS = 400_000
#: Where nobody may stay for long.
PASSING = frozenset({"queued", "initializing", "restarting", "stopping", "draining"})


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

    def options(self, name: str) -> dict[str, Any]:
        random = self.random
        restart = random.choice(["permanent", "permanent", "transient", "temporary"])
        if restart == "temporary":
            self.ledger.order.temporary.add(name)
        options: dict[str, Any] = {"restart": restart, "shutdown": random.choice([0, 1.0, 5.0])}
        if restart != "temporary" and random.random() < 0.2:
            options["backoff"] = Backoff(0.3, 4.0, jitter=0.2, max_attempts=random.choice([None, 4]))
        elif restart != "temporary" and random.random() < 0.1:
            options["intensity"] = Intensity(1, 3.0)
        return options

    def leaf(self, auto: str) -> ChildSpec:
        random = self.random
        name = f"n{next(self.names)}"
        startup: StartupMode = random.choice(["inline", "deferred"])
        options = self.options(name)
        significant = auto != "never" and options["restart"] != "permanent" and random.random() < 0.3
        if startup == "deferred":
            self.ledger.order.deferred.add(name)
        return ChildSpec(
            name,
            random.choice(KINDS),
            [self.ledger, random.choice([0.0, 0.0, 0.3, 2.0]), random.choice([0.0, 0.0, 0.4, 3.0])],
            startup=startup,
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
        name = f"s{next(self.names)}"
        options = self.options(name)
        del options["shutdown"]
        options.setdefault("intensity", Intensity(random.randint(0, 3), 5.0))
        return SupervisorSpec(
            name, children, strategy=strategy, auto_shutdown=auto,
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
            self.ledger.order.ended_by_hand.add((info.uid, info.incarnation))
            nursery.start_soon(self.quietly, random.choice([ref.stop, ref.kill, ref.drain]))
        elif what < 0.74:
            ref.crash(Boom())
        elif above is None or above.path == root.path:
            with suppress(GreenroomError):
                nursery.start_soon(self.quietly, partial(root.restart_child, "top"))
        elif what < 0.8:
            self.ledger.order.started_by_hand.add(info.name)
            nursery.start_soon(self.quietly, partial(above.restart_child, info.name))
        elif what < 0.84:
            with suppress(GreenroomError):
                above.delete_child(info.name)
        elif what < 0.9:
            name = f"n{next(self.names)}"
            options = self.options(name)
            self.ledger.order.comes(name)
            with suppress(GreenroomError):
                above.start_soon(random.choice(KINDS), self.ledger, 0.2, 0.1, name=name, **options)
        elif what < 0.93:
            with suppress(GreenroomError, TypeError):  # none but agents can be put to rest
                ref.rest()
        elif what < 0.95:
            self.nodes = 6
            spec = self.supervisor(DEPTH - 1)
            self.ledger.order.comes(spec.name)
            self.ledger.order.temporary.discard(spec.name)  # it is started as a permanent one
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
        self.ledger.order.updated[team.path] = team.tree().incarnation
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
        self.ledger.order.check(root)
        assert not self.ledger.wrong, self.ledger.wrong

    async def run(self, steps: int) -> None:
        random, ledger = self.random, self.ledger
        begin = trio.current_time()
        async with open_tree("stage", intensity=Intensity(1_000_000, 1.0)) as root:
            root.ignore_dead_letters()
            ledger.order.root = root
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


@attrs.frozen
class Tree:
    """Be what a tree is drawn from."""

    seed: int
    #: how often something is done to it.
    acts: int = 30
    injection: None = None


def draw_tree(seed: int) -> Tree:
    """Return the tree of a seed."""
    return Tree(seed)


async def a_tree(_sim: Sim, tree: Tree) -> None:
    """Grow it, do things to it, and see what has to hold."""
    forest = Forest(tree.seed)
    with forest.ledger.order.counting():
        await forest.run(tree.acts)
